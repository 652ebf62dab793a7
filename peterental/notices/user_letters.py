"""The letters of users: an invitation, and a link to choose a new password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.notices.model import Letter, NoLongerTrue
from peterental.plural import counted
from peterental.users.model import PasswordGrant
from peterental.users.password_links import LIFETIME, RESET_LIFETIME, encode

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from peterental.database.connect import Connection
    from peterental.notices.model import Kind, Notice
    from peterental.users.model import UserDetails
    from peterental.users.repository import UserRepository

_ID_HOST = "users.peterental"
_NOT_STORED = "(The link is not stored.)"

_INVITATION_TEXT = """\
Hello {name},

{office} added you to PeteRental, which books viewings by phone.
You sign in as {email}. Choose your password here:

{link}

The link works once, for {lifetime}.
"""

_RESET_TEXT = """\
Hello {name},

A new password was requested for {email} on {address}.
If you requested it, choose it here:

{link}

The link works once, for {lifetime}. Until then your password stays as it is.
If you did not, you can ignore this e-mail.
"""


@dataclass(frozen=True)
class AboutUser:
    """What a notice of a user is about, as `Notice.about` stores it.

    Args:
        grant: of the link that it brings. A notice whose link was revoked is no longer true.
        request: tells requests for the same grant apart: the time of the request, in seconds since 1970.
    """

    grant: PasswordGrant
    request: int = 0

    def __str__(self) -> str:
        """Return it as stored: `user:7:` and three numbers."""
        return f"user:{self.grant.user_id}:{self.grant.session_epoch}:{self.grant.link_number}:{self.request}"

    @classmethod
    def parse(cls, about: str) -> AboutUser:
        """Return what `str` stored. Raises ValueError."""
        _, user_id, session_epoch, link_number, request = about.split(":")
        return cls(PasswordGrant(int(user_id), int(session_epoch), int(link_number)), int(request))


class UserLetters:
    """Writes the letters of users.

    A link is made when its letter is written, and never stored: who can read the outbox must not be able to sign in
    as others.

    Args:
        users: the users.
        key: returns the key that signs links.
        address: where the pages are reached: scheme, host and port.
        office_name: returns who writes.
        namespace: returns the namespace of this installation.
        now: returns the present moment, aware.
    """

    kinds: frozenset[Kind] = frozenset({"invitation", "password_reset"})

    def __init__(
        self,
        users: UserRepository,
        *,
        key: Callable[[], str],
        address: str,
        office_name: Callable[[], str],
        namespace: Callable[[], str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._users = users
        self._key = key
        self._address = address.rstrip("/")
        self._office_name = office_name
        self._namespace = namespace
        self._now = now

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue. Three round trips at most."""
        about = AboutUser.parse(notice.about)
        user = _require(self._users.get(about.grant.user_id), about.grant, notice)
        office, is_invitation = self._office_name(), notice.kind == "invitation"
        lifetime = LIFETIME if is_invitation else RESET_LIFETIME
        fields = {
            "name": " ".join(user.name.split()),
            "email": user.email,
            "office": office,
            "address": self._address,
            "lifetime": _words(lifetime),
        }
        text = _INVITATION_TEXT if is_invitation else _RESET_TEXT
        token = encode(about.grant, self._key(), self._now(), lifetime)
        return Letter(
            channel="email",
            recipient=notice.recipient,
            subject="Your account in PeteRental" if is_invitation else "Choose a new password for PeteRental",
            body=text.format(**fields, link=f"{self._address}/join?token={token}"),
            stored_body=text.format(**fields, link=_NOT_STORED),
            message_id=f"notice-{notice.notice_id}.{self._namespace()}@{_ID_HOST}",
            sender_name=office,
        )

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if the notice is not true any more. One round trip."""
        about = AboutUser.parse(notice.about)
        _require(self._users.lock(connection, about.grant.user_id), about.grant, notice)


def _require(user: UserDetails | None, grant: PasswordGrant, notice: Notice) -> UserDetails:
    """Return the user if the link of a notice would work. Raises NoLongerTrue."""
    if user is None or not user.is_active:
        raise NoLongerTrue(reason="the user cannot sign in any more")
    if notice.kind == "invitation" and user.has_password:
        raise NoLongerTrue(reason="the user has chosen a password")
    if (user.session_epoch, user.links_made) != (grant.session_epoch, grant.link_number):
        raise NoLongerTrue(reason="the link was used or revoked")
    return user


def _words(lifetime: timedelta) -> str:
    return counted(lifetime.days, "day") if lifetime.days else "one hour"
