"""The links by which visitors reach their own viewings. Pure."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

ID_BYTES = 4
"""`appointments.id` is an INTEGER."""
SIGNATURE_BYTES = 9
"""72 bits cannot be guessed over the network, and fit into a text message."""
TOKEN_CHARS = 18


class VisitorLinks:
    """Makes and reads the links of viewings. They are signed, not stored; another key ends all of them.

    Args:
        key: signs the links; a long random text, or a function that returns it and is called once, at the first use.
        address: where the pages are reached: scheme, host and port.
    """

    context: ClassVar[bytes] = b"peterental: link of a viewing\n"
    """Signed with the id, so that a token of one kind of link is none of another."""
    path: ClassVar[str] = "/v"

    def __init__(self, key: str | Callable[[], str], address: str) -> None:
        self._given_key = key
        self._address = address.rstrip("/")

    def token(self, appointment_id: int) -> str:
        """Return the token of a viewing: TOKEN_CHARS characters that are safe in a URL."""
        packed = appointment_id.to_bytes(ID_BYTES, "big")
        return urlsafe_b64encode(packed + self._signature(packed)).decode().rstrip("=")

    def url(self, appointment_id: int) -> str:
        """Return the link of a viewing."""
        return f"{self._address}{self.path}/{self.token(appointment_id)}"

    def appointment_of(self, token: str) -> int | None:
        """Return the id in a token; None if we did not sign it."""
        if len(token) != TOKEN_CHARS or not token.isascii():
            return None
        try:
            decoded = urlsafe_b64decode(token + "==")
        except ValueError:
            return None
        packed = decoded[:ID_BYTES]
        appointment_id = int.from_bytes(packed, "big")
        # The token is compared as text: the last character of Base64 has spare bits, and each viewing has one link.
        return appointment_id if hmac.compare_digest(self.token(appointment_id), token) else None

    @cached_property
    def _key(self) -> bytes:
        given = self._given_key
        return (given if isinstance(given, str) else given()).encode()

    def _signature(self, packed: bytes) -> bytes:
        return hmac.digest(self._key, self.context + packed, "sha256")[:SIGNATURE_BYTES]
