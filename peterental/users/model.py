"""Who may sign in, and what can be refused to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peterental.access import Role, Viewer
from peterental.errors import NotFound, Refusal

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_BYTES = 1024

NO_PASSWORD = ""
"""What is kept in place of a hash for somebody who was invited and has not chosen a password yet."""


class EmailInvalid(Refusal):
    """That is not an e-mail address PeteRental can use; it should look like ana@example.com."""


class EmailTaken(Refusal):
    """There is already a user with that e-mail address."""


class PasswordTooShort(Refusal):
    """The password must have at least {characters} characters; a few words in a row are easy to remember."""


class PasswordTooLong(Refusal):
    """The password must not be longer than {size} bytes."""


class AlreadySetUp(Refusal):
    """PeteRental is already set up; sign in instead."""


class UserUnknown(Refusal):
    """Nobody signs in with that e-mail address."""


class UserGone(NotFound):
    """There is no such user."""


class UserDeactivated(Refusal):
    """{email} is deactivated and cannot sign in, whatever the password. Reactivate the account first."""


class LastAdmin(Refusal):
    """{email} is the only admin who can sign in: make somebody else an admin first."""


class LinkInvalid(Refusal):
    """That link has been used, or has been called off. Ask an admin for a new one."""


class PasswordWrong(Refusal):
    """That is not your password."""


class TooManyAttempts(Refusal):
    """Too many wrong tries: wait {wait}, then try again.

    `values["wait_s"]` is the same in whole seconds.
    """


class SignInBusy(Refusal):
    """Too many people are signing in at this moment. Wait a few seconds, then try again."""


@dataclass(frozen=True, kw_only=True)
class UserChoice:
    """A user as others see one: somebody an agent can belong to."""

    user_id: int
    email: str
    full_name: str | None

    @property
    def label(self) -> str:
        """What a list of people shows."""
        return f"{self.full_name} ({self.email})" if self.full_name else self.email


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user who is trying to sign in, with what decides whether they may."""

    viewer: Viewer
    password_hash: str
    session_epoch: int
    is_active: bool


@dataclass(frozen=True)
class PasswordGrant:
    """What a one-time link allows: to choose the password of that user.

    Args:
        user_id: whose.
        session_epoch: of the user when it was made; whatever ends their sessions calls the link off.
        link_number: how many links were made for the user by then; making another calls this one off.
    """

    user_id: int
    session_epoch: int
    link_number: int = 0


@dataclass(frozen=True, kw_only=True)
class UserDetails:
    """A user as admins look after one. The time is UTC."""

    user_id: int
    email: str
    full_name: str | None
    role: Role
    is_active: bool
    has_password: bool
    session_epoch: int
    links_made: int
    last_sign_in_at: datetime | None

    @property
    def name(self) -> str:
        """What people call them."""
        return self.full_name or self.email

    @property
    def state(self) -> Literal["active", "invited", "deactivated"]:
        """Whether they can sign in: an invited one has no password yet."""
        if not self.is_active:
            return "deactivated"
        return "active" if self.has_password else "invited"

    @property
    def is_working_admin(self) -> bool:
        """Whether this is an admin who can sign in."""
        return self.role == "admin" and self.state == "active"


@dataclass(frozen=True, kw_only=True)
class UserPage:
    """One page of the list of users."""

    rows: tuple[UserDetails, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A viewer, and the session epoch their cookie must carry from now on."""

    viewer: Viewer
    session_epoch: int
