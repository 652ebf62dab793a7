"""The settings of outgoing e-mail: which server takes it, and the address that it comes from. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_SIGN_IN = "user:password"
SMTP_EXAMPLE = f"smtp://{_SIGN_IN}@mail.example.com:587"
FROM_EXAMPLE = "Norman Homes <office@example.com>"

DEFAULT_PORTS = {"smtp": 587, "smtps": 465}

LONGEST_ADDRESS = 254
"""The longest path of RFC 5321 without its angle brackets."""

_HOST = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")


@dataclass(frozen=True)
class SmtpServer:
    """A server that takes e-mail.

    Args:
        host: its name, or an address without brackets.
        port: its TCP port.
        is_encrypted: whether TLS begins with the connection; otherwise STARTTLS is used where the server offers it.
        user: the name to sign in with; None for a server that asks for none.
        password: of that user.
    """

    host: str
    port: int
    is_encrypted: bool = False
    user: str | None = None
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """Return the server of an `smtp://` or `smtps://` URL. Raises ValueError without a part of the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("malformed") from None
        if not _is_smtp_url(url) or port == 0:
            raise ValueError("malformed")
        user = None if parts.username is None else unquote(parts.username)
        password = unquote(parts.password or "")
        if not (user or "").isascii() or not password.isascii():
            raise ValueError("not ASCII")  # SMTP has no agreed encoding of them
        return cls(
            host=(parts.hostname or "").strip("[]"),
            port=port or DEFAULT_PORTS[parts.scheme],
            is_encrypted=parts.scheme == "smtps",
            user=user or None,
            password=password,
        )


@dataclass(frozen=True)
class MailSender:
    """Who e-mail comes from.

    Args:
        address: the address; answers and calendar replies go to it.
        name: shown beside it where a letter names no other; empty for none.
    """

    address: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> MailSender:
        """Return the sender of `office@example.com` or `Norman Homes <office@example.com>`. Raises ValueError."""
        named = _NAMED.fullmatch(text.strip())
        address = (named["address"] if named else text).strip()
        name = named["name"].strip().strip('"').strip() if named else ""
        if not is_mail_address(address) or not name.isprintable():
            raise ValueError("malformed")
        return cls(address, name)


def is_mail_address(text: str) -> bool:
    """Return whether a text is an ASCII e-mail address that can stand in an SMTP command."""
    return len(text) <= LONGEST_ADDRESS and ".." not in text and _ADDRESS.fullmatch(text) is not None


def _is_smtp_url(url: str) -> bool:
    parts = urlsplit(url)
    _, at_sign, location = parts.netloc.rpartition("@")
    host = re.sub(r":[0-9]*\Z", "", location)
    has_user = bool(parts.username) or not at_sign
    return (
        url.isascii()
        and url.isprintable()
        and parts.scheme in DEFAULT_PORTS
        and _HOST.fullmatch(host) is not None
        and has_user
        and parts.path in {"", "/"}
        and not (parts.query or parts.fragment)
    )
