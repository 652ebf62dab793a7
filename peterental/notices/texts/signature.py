"""Twilio's signatures of its requests: HMAC over the URL and the sorted parameters. Pure.

https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable

SIGNATURE = "X-Twilio-Signature"
SIGNATURE_SETTINGS = "X-Twilio-Webhooks-Signature-Settings"
"""Sent where a Webhooks Rule of the account applies: which key and algorithm were used instead of the auth token."""

_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}


def signature_of(secret: str, url: str, parameters: Iterable[tuple[str, str]], *, algorithm: str = "sha1") -> bytes:
    """Return the signature of a request, before it is encoded.

    Args:
        secret: the account's auth token, or the shared key of a Webhooks Rule.
        url: as it is configured at Twilio, with its query.
        parameters: of the form; a parameter that is sent twice with the same value counts once.
        algorithm: `sha1` or `sha256`.
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return hmac.digest(secret.encode(), signed.encode("utf-8", "surrogatepass"), algorithm)


def is_signed(
    signature: str | None,
    settings: str | None,
    url: str,
    parameters: Iterable[tuple[str, str]],
    *,
    auth_token: str | None,
    shared_key: str | None,
) -> bool:
    """Return whether a request is from Twilio. Compares in constant time, and fails closed.

    Args:
        signature: the header SIGNATURE.
        settings: the header SIGNATURE_SETTINGS, such as `key=CS1,algorithm=HMAC_SHA256`; None if it was not sent.
        url: as it is configured at Twilio.
        parameters: of the form.
        auth_token: the account's; None refuses everything that it signs.
        shared_key: the secret of the key that a Webhooks Rule names; None refuses everything that it signs.
    """
    secret = auth_token if settings is None else shared_key
    algorithm = "sha1" if settings is None else _algorithm_of(settings)
    if not (secret and algorithm and signature):
        return False
    try:
        given = base64.b64decode(signature.encode("latin-1", "replace"), validate=True)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(given, signature_of(secret, url, parameters, algorithm=algorithm))


def _algorithm_of(settings: str) -> str | None:
    """Return the algorithm that the header names; None for one that is not known."""
    fields = dict(field.strip().partition("=")[::2] for field in settings.split(","))
    return _ALGORITHMS.get(fields.get("algorithm", ""))
