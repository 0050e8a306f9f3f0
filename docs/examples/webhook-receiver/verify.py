# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

"""Verifies the notifications of license-operator. Made to be copied."""

import base64
import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300


def verify(secret, headers, body, now=None):
    """Returns whether one of the signatures is right and the message new.

    headers has lower-case names; body is the bytes as they came.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    stamp = headers.get("webhook-timestamp", "")
    try:
        age = (time.time() if now is None else now) - int(stamp)
    except ValueError:
        return False
    if abs(age) > TOLERANCE_SECONDS:
        return False
    content = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    want = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    return any(
        hmac.compare_digest(b"v1," + want, one.encode())
        for one in headers.get("webhook-signature", "").split()
    )
