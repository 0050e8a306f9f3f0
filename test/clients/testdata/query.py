# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

"""Calls the License Service with boto, once for each line of standard input.

A line holds a call in JSON, the answer line what boto makes of the reply. All
of the request, the signature and the parsing is boto's own.
"""

import json
import sys

import boto
from boto.connection import AWSQueryConnection
from boto.exception import BotoServerError


class LicenseService(AWSQueryConnection):
    """What every service of boto is: a version and a way to sign."""

    APIVersion = "2008-04-28"

    def __init__(self, capability, **kwargs):
        self.capability = capability
        super(LicenseService, self).__init__(host="ls.amazonaws.com", **kwargs)

    def _required_auth_capability(self):
        return [self.capability]


class Result(object):
    """Collects the elements that hold text, as boto's own results do."""

    def __init__(self, connection=None):
        self.elements = []

    def startElement(self, name, attrs, connection):
        return None

    def endElement(self, name, value, connection):
        if value:
            self.elements.append([name, value])


def answer(call):
    connection = LicenseService(
        call["capability"],
        aws_access_key_id=call["accessKeyID"],
        aws_secret_access_key=call["secretAccessKey"],
    )
    try:
        result = connection.get_object(
            call["action"], call["parameters"], Result, verb=call["verb"]
        )
        return {"status": 200, "elements": result.elements}
    except BotoServerError as error:
        return {
            "status": error.status,
            "errorCode": error.error_code,
            "errorMessage": error.error_message,
            "requestID": error.request_id,
        }


def main():
    boto.config.add_section("Boto")
    boto.config.set("Boto", "ca_certificates_file", sys.argv[1])
    boto.config.set("Boto", "num_retries", "0")
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
