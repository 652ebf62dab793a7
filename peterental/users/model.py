"""Users, their sessions and password links, and the errors about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peterental.access import Role, Viewer
from peterental.errors import NotFound, Refusal

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_BYTES = 1024

NO_PASSWORD = ""
"""Stored instead of a hash while a user has not chosen a password: an invited one, or one of the earlier system."""


class EmailInvalid(Refusal):
    """That is not an e-mail address PeteRental can use; it should look like ana@example.com."""


class EmailTaken(Refusal):
    """There is already a user with that e-mail address."""


class PasswordTooShort(Refusal):
    """The password must have at least {characters} characters; a few words in a row are easy to remember."""


class PasswordTooLong(Refusal):
    """The password must not be longer than {size} bytes."""


class AlreadySetUp(Refusal):
    """PeteRental is already set up. Sign in instead."""


class EmailUnknown(Refusal):
    """No user has that e-mail address."""


class UserUnknown(NotFound):
    """There is no such user."""


class UserDeactivated(Refusal):
    """{email} is deactivated and cannot sign in, whatever the password. Reactivate the account first."""


class LastAdmin(Refusal):
    """{email} is the only admin who can sign in. Make another user an admin first."""


class LinkInvalid(Refusal):
    """That link was already used or is no longer valid. Ask an admin for a new one."""


class PasswordWrong(Refusal):
    """That is not your current password."""


class TooManyAttempts(Refusal):
    """Too many failed attempts. Wait {wait}, then try again.

    `values["wait_s"]` is the wait in whole seconds.
    """


class SignInBusy(Refusal):
    """Too many people are signing in right now. Wait a few seconds, then try again."""


@dataclass(frozen=True, kw_only=True)
class UserChoice:
    """A user as an option in a form or a filter."""

    user_id: int
    email: str
    full_name: str | None

    @property
    def label(self) -> str:
        """The name with the e-mail address; the address alone where there is no name."""
        return f"{self.full_name} ({self.email})" if self.full_name else self.email


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user with the fields that decide whether a sign-in succeeds."""

    viewer: Viewer
    password_hash: str
    session_epoch: int
    is_active: bool


@dataclass(frozen=True)
class PasswordGrant:
    """What a one-time link grants: setting the password of one user.

    Args:
        user_id: whose password.
        session_epoch: the user's epoch when the link was made; ending the user's sessions invalidates the link.
        link_number: how many links had been made for the user; making another one invalidates this one.
    """

    user_id: int
    session_epoch: int
    link_number: int = 0


@dataclass(frozen=True, kw_only=True)
class UserDetails:
    """A user as admins see it. The time is UTC."""

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
        """The full name, else the e-mail address."""
        return self.full_name or self.email

    @property
    def state(self) -> Literal["active", "no password", "deactivated"]:
        """Whether the user can sign in; invited users and those of the earlier system have no password yet."""
        if not self.is_active:
            return "deactivated"
        return "active" if self.has_password else "no password"

    @property
    def is_working_admin(self) -> bool:
        """Whether this is an admin who can sign in."""
        return self.role == "admin" and self.state == "active"


@dataclass(frozen=True, kw_only=True)
class PasswordSet:
    """The result of setting a user's password on the command line.

    Args:
        before: the user before.
        became_admin: whether the user became the first admin.
        session_epoch: the user's epoch since.
    """

    before: UserDetails
    became_admin: bool
    session_epoch: int


@dataclass(frozen=True, kw_only=True)
class UserPage:
    """One page of the list of users."""

    rows: tuple[UserDetails, ...]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A viewer, and the session epoch that the viewer's cookie must carry."""

    viewer: Viewer
    session_epoch: int
