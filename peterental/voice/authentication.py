"""Authenticate requests to the webhook.

Fails closed; compares raw bytes in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from peterental.config import Config

MAX_SIGNATURE_AGE = timedelta(minutes=5)
MIN_TIMESTAMP_MS = 100_000_000_000
"""Timestamps from here on are milliseconds, smaller ones seconds."""

PROXY_HEADER_PREFIXES = (
    "x-forwarded", "forwarded", "via", "cf-", "cdn-", "x-real-ip", "true-client-ip", "x-client-ip",
    "x-cluster-client-ip", "fastly-", "fly-", "x-original-", "x-envoy-", "x-amzn-trace-id", "ngrok-",
)  # fmt: skip
"""Proxies and tunnels add headers with these prefixes; a request that has one does not come from this machine."""


class Headers(Protocol):
    """Request headers, by name in any case."""

    def get(self, name: str, /) -> str | None:
        """Return one header's value."""
        ...

    def keys(self) -> Iterable[str]:
        """Return the names of all headers."""
        ...


class WebhookAuthenticator:
    """Admits requests that prove a secret.

    In development without any secret, it admits requests from this machine.

    Args:
        config: holds the secrets.
    """

    def __init__(self, config: Config) -> None:
        self._secret = config.vapi_webhook_secret.encode() if config.vapi_webhook_secret else None
        self._hmac_secret = config.vapi_hmac_secret.encode() if config.vapi_hmac_secret else None
        self._allows_loopback = not config.is_production and not self._secret and not self._hmac_secret

    def check_secret(self, headers: Headers, peer: str | None) -> bool:
        """Return whether the headers authenticate the request, without its body.

        Args:
            headers: of the request.
            peer: the IP address of the other end of the connection.
        """
        if self._allows_loopback:
            return _is_loopback(peer) and not any(_is_proxy_header(name) for name in headers.keys())  # noqa: SIM118
        if self._secret is None:
            return False
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        candidates = [headers.get("X-Vapi-Secret") or "", token.strip() if scheme.lower() == "bearer" else ""]
        # Compare both, also after a match, so that the time taken reveals nothing.
        matches = [hmac.compare_digest(_raw(value), self._secret) for value in candidates]
        return any(matches)

    def has_fresh_signature(self, headers: Headers, now: datetime) -> bool:
        """Return whether there is a fresh signature, so that the body is read."""
        return bool(
            self._hmac_secret and headers.get("X-Signature") and _is_fresh(headers.get("X-Timestamp") or "", now)
        )

    def verified_signature(self, headers: Headers, body: bytes) -> bytes | None:
        """Return the signature if `X-Signature` matches the body, however it is encoded; else None.

        It is the HMAC-SHA256 of `{X-Timestamp}.{body}` with the shared secret.
        """
        if self._hmac_secret is None:
            return None
        signed = _raw(headers.get("X-Timestamp") or "") + b"." + body
        expected = hmac.digest(self._hmac_secret, signed, hashlib.sha256)
        given = _digest(headers.get("X-Signature") or "")
        return expected if hmac.compare_digest(given, expected) else None


def _raw(value: str) -> bytes:
    """Return a header's bytes as sent; WSGI decodes them as Latin-1."""
    return value.encode("latin-1", "replace")


def _digest(text: str) -> bytes:
    """Decode a signature in hex or base64; empty where it is neither."""
    text = text.strip().removeprefix("sha256=")
    try:
        return (
            bytes.fromhex(text)
            if len(text) == 2 * hashlib.sha256().digest_size
            else base64.b64decode(text, validate=True)
        )
    except (ValueError, binascii.Error):
        return b""


def _is_fresh(text: str, now: datetime) -> bool:
    try:
        timestamp_s = float(text)
    except ValueError:
        return False
    if abs(timestamp_s) >= MIN_TIMESTAMP_MS:
        timestamp_s /= 1000
    return math.isfinite(timestamp_s) and abs(timestamp_s - now.timestamp()) <= MAX_SIGNATURE_AGE.total_seconds()


def _is_loopback(peer: str | None) -> bool:
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_proxy_header(name: str) -> bool:
    return name.lower().startswith(PROXY_HEADER_PREFIXES)
