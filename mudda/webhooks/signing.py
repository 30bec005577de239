"""Signatures by the Standard Webhooks specification, https://www.standardwebhooks.com: symmetric, version 1."""

import base64
import hashlib
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32
PURPOSE = "mudda.webhooks"
"""What secrets are sealed for (``mudda.sealing``)."""


def make_secret() -> str:
    """A new secret as receivers write it down: ``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,<base64 of HMAC-SHA256>`` of what is sent at ``timestamp`` (seconds since 1970)."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
