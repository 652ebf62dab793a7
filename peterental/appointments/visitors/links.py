"""The links by which visitors reach their own viewings. Pure."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from peterental.database.column_limits import MAX_INTEGER

if TYPE_CHECKING:
    from peterental.appointments.visitors.model import Contacts

ID_BYTES = 4
"""`appointments.id` is an INTEGER."""
SIGNATURE_BYTES = 9
"""72 bits cannot be guessed over the network, and fit into a text message."""
TOKEN_CHARS = 18


class SignedLinks:
    """Makes and reads links with the id of a row. They are signed, not stored; another key ends all of them.

    Args:
        key: signs the links; a long random text, or a function that returns it and is called once, at the first use.
        address: where the pages are reached: scheme, host and port.
    """

    context: ClassVar[bytes]
    """Signed with the id, so that a token of one kind of link is none of another."""
    path: ClassVar[str]

    def __init__(self, key: str | Callable[[], str], address: str) -> None:
        self._given_key = key
        self._address = address.rstrip("/")

    def signed(self, row_id: int, recipient: str = "") -> str:
        """Return the token of a row and a recipient: TOKEN_CHARS characters that are safe in a URL."""
        packed = row_id.to_bytes(ID_BYTES, "big")
        signed = self.context + packed + recipient.encode(errors="replace")
        signature = hmac.digest(self._key, signed, "sha256")[:SIGNATURE_BYTES]
        return urlsafe_b64encode(packed + signature).decode().rstrip("=")

    def url_of(self, token: str) -> str:
        """Return the link that has a token."""
        return f"{self._address}{self.path}/{token}"

    @cached_property
    def _key(self) -> bytes:
        given = self._given_key
        return (given if isinstance(given, str) else given()).encode()


class VisitorLinks(SignedLinks):
    """Makes and reads the links of viewings.

    A link is signed with the number or the address that it is sent to, and ends when the viewing has another one: who
    got a text by mistake must not learn where the visitor will be, or cancel the viewing. Arguments as for SignedLinks.
    """

    context = b"peterental: link of a viewing\n"
    path = "/v"

    def token(self, appointment_id: int, recipient: str) -> str:
        """Return the token of a viewing: TOKEN_CHARS characters that are safe in a URL.

        Args:
            appointment_id: which viewing.
            recipient: the number or the address that it is sent to, as the viewing has it.
        """
        return self.signed(appointment_id, recipient)

    def url(self, appointment_id: int, recipient: str) -> str:
        """Return the link of a viewing. Arguments as for `token`."""
        return self.url_of(self.token(appointment_id, recipient))

    def is_valid(self, token: str, appointment_id: int, contacts: Contacts) -> bool:
        """Return whether we signed a token, for a number or an address that the viewing still has.

        Links of earlier releases name no recipient. They end when any contact is corrected.
        """
        recipients = [*contacts.recipients, *(() if contacts.were_corrected else ("",))]
        # The token is compared as text: the last character of Base64 has spare bits, and each viewing has one link.
        return any(hmac.compare_digest(self.signed(appointment_id, each), token) for each in recipients)


def id_in(token: str) -> int | None:
    """Return the id in a token, which may be forged; None for anything else."""
    if len(token) != TOKEN_CHARS or not token.isascii():
        return None
    try:
        decoded = urlsafe_b64decode(token + "==")
    except ValueError:
        return None
    row_id = int.from_bytes(decoded[:ID_BYTES], "big")
    return row_id if 0 < row_id <= MAX_INTEGER else None
