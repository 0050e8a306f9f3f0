# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

"""Calls AWS License Manager with boto3, once for each line of standard input.

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


def answer(client, call):
    try:
        output = getattr(client, xform_name(call["operation"]))(**call["input"])
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
    client = boto3.client("license-manager", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for line in sys.stdin:
        print(json.dumps(answer(client, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
