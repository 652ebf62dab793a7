"""Users, their sessions and password links, and the errors about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from peterental.access import Role, Viewer
from peterental.errors import NotFound, Refusal

MIN_PASSWORD_CHARS = 12
MAX_PASSWORD_BYTES = 1024

CodeKind = Literal["code", "recovery code"]

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


class PasswordCommon(Refusal):
    """That password is easy to guess. Choose several unrelated words, or let a password manager make one."""


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


class SignedOut(Refusal):
    """You were signed out while this was sent, and nothing was changed. Sign in, then try again."""


class PasswordWrong(Refusal):
    """That is not your current password."""


class TooManyAttempts(Refusal):
    """Too many failed attempts. Wait {wait}, then try again.

    `values["wait_s"]` is the wait in whole seconds.
    """


class TooManyResets(TooManyAttempts):
    """Too many links were asked for. Wait {wait}, then try again."""


class SignInBusy(Refusal):
    """Too many people are signing in right now. Wait a few seconds, then try again."""


class CodeWrong(Refusal):
    """That code is not valid. Wait for the next code of your authenticator app, or use a recovery code."""


class SecondFactorIsOn(Refusal):
    """The second factor is already on."""


class SecondFactorIsOff(Refusal):
    """The second factor is already off."""


class OwnSecondFactor(Refusal):
    """Turn your own second factor off on your account page, with your password and a code."""


class SetupExpired(Refusal):
    """The set-up page was open for too long. Scan the new QR code below."""


class SessionUnknown(NotFound):
    """There is no such session."""


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
    has_second_factor: bool = False


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
    has_second_factor: bool = False

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
    """A viewer who has signed in, and the epoch that the new session belongs to.

    Args:
        viewer: who signed in.
        session_epoch: the user's; raising it ends the session.
        second_factor: which kind of code completed the sign-in; None if none was needed.
        had_no_second_factor: whether no code was asked for because the user had no second factor. One turned on
            since then ends the new session.
    """

    viewer: Viewer
    session_epoch: int
    second_factor: CodeKind | None = None
    had_no_second_factor: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class CodeRequired:
    """The password was right; the user must now enter a code of the authenticator app, or a recovery code.

    Args:
        user_id: who signs in.
        session_epoch: the user's when the password was verified; ending the user's sessions revokes this too.
    """

    user_id: int
    session_epoch: int


@dataclass(frozen=True)
class Client:
    """The browser of a session, as the user's list of sessions shows it.

    Args:
        address: the IP address; `unknown` if there is none.
        browser: such as `Firefox on Windows`.
    """

    address: str
    browser: str


@dataclass(frozen=True, kw_only=True)
class SessionViewer:
    """The viewer of a valid session.

    Args:
        viewer: who signed in.
        needs_second_factor: whether the office requires a second factor that this user has not set up yet.
    """

    viewer: Viewer
    needs_second_factor: bool


@dataclass(frozen=True, kw_only=True)
class SessionInfo:
    """A session in the list of its user. The times are UTC."""

    session_id: int
    client: Client
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class SecondFactorStatus:
    """The second factor of a user. The time is UTC.

    Args:
        turned_on_at: None while it is off.
        codes_left: unused recovery codes.
        is_required: whether the office requires it for this user.
    """

    turned_on_at: datetime | None
    codes_left: int
    is_required: bool


@dataclass(frozen=True)
class SecondFactorSetup:
    """A secret that is not stored yet: the user proves with a first code that the app has it.

    Args:
        secret: base32, for apps that cannot scan.
        uri: the same for a QR code.
        token: the secret, encrypted for the form; valid for an hour.
    """

    secret: str
    uri: str
    token: str
