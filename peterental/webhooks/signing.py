"""Signatures as Standard Webhooks describes them (https://www.standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from peterental.webhooks.model import KEY_PREFIX, SECRET_BYTES


def new_secret() -> str:
    """Return a random key to sign with, `whsec_` and 32 bytes in base64."""
    return KEY_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signature_header(keys: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature for each secret, separated by blanks.

    Args:
        keys: the secrets, as people copy them.
        webhook_id: the header `webhook-id`.
        timestamp: the header `webhook-timestamp`, in seconds since 1970.
        body: the bytes that are sent.
    """
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    return " ".join(f"v1,{_signature(key, signed)}" for key in keys)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(KEY_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
