# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

"""Calls AWS License Manager and the services of AWS Marketplace with boto3, once
for each line of standard input.

A line holds an operation and its input in JSON, in the words of the API; the
answer line what boto3 makes of the reply. All of the request, the signature,
the parsing and the repeating is boto3's own, and so is the configuration: it
comes from the environment, but for the endpoint, which older versions don't
read there.
"""

import json
import os
import sys

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError


# No two of them have an operation of one name.
SERVICES = ["license-manager", "meteringmarketplace", "marketplace-entitlement"]


def answer(clients, call):
    method = xform_name(call["operation"])
    client = next(c for c in clients if hasattr(c, method))
    try:
        output = getattr(client, method)(**call["input"])
        return {"output": output}
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return {
            "code": code,
            "message": error.response["Error"]["Message"],
            "modelled": type(error).__name__ == code,
        }
    except BotoCoreError as error:
        return {"message": str(error)}


def main():
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    clients = [boto3.client(name, endpoint_url=endpoint) for name in SERVICES]
    for line in sys.stdin:
        # Times are all that JSON has no form for.
        print(json.dumps(answer(clients, json.loads(line)), default=lambda t: t.isoformat()), flush=True)


if __name__ == "__main__":
    main()
