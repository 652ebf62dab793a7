"""Accounts, passwords and sessions: sign-in, set-up, password changes."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime

from peterental.access import Role, Viewer, require_admin
from peterental.audit.model import COMMAND_LINE
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.encryption import Keyring
from peterental.errors import Refusal
from peterental.users import login_throttle
from peterental.users.changes import user_change
from peterental.users.confirmation import PasswordConfirmation
from peterental.users.failure_log import FailureLog
from peterental.users.login_throttle import ClientOrigin
from peterental.users.model import (
    AlreadySetUp,
    CodeRequired,
    EmailInvalid,
    EmailUnknown,
    LinkInvalid,
    PasswordGrant,
    PasswordSet,
    SignedIn,
    SignInBusy,
    UserChoice,
    UserDetails,
)
from peterental.users.passwords import Passwords, encode_new_password
from peterental.users.repository import UserRepository
from peterental.users.second_factor_codes import SecondFactorCodes
from peterental.users.throttle import Throttle

# The same rule as the column's CHECK, so that most typing errors are refused without a round trip.
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
MAX_EMAIL_CHARS = 255

UNKNOWN_ORIGIN = ClientOrigin()

_log = logging.getLogger("peterental.users")


class UserService:
    """Accounts, passwords and sessions; `UserAdminService` has what admins do for other users.

    Args:
        database: where users are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
        passwords: hashes and verifies passwords.
        keyring: decrypts the secrets of second factors; without it only recovery codes are accepted.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
        passwords: Passwords | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._audit = audit
        self._now = now
        self.passwords = passwords or Passwords()
        self._throttle = Throttle(self._users, self._now)
        self._confirmation = PasswordConfirmation(self._users, self.passwords, self._throttle)
        self._codes = SecondFactorCodes(database, keyring or Keyring(tuple), self._now)
        self._failures = FailureLog(database, audit)

    def is_set_up(self) -> bool:
        """Return whether any user has a password, active or not; until then the set-up link works."""
        return self._users.has_passwords()

    def active_users(self, viewer: Viewer) -> list[UserChoice]:
        """Return the active users by e-mail address. Raises AdminsOnly."""
        require_admin(viewer)
        return self._users.active_users()

    def all_users(self, viewer: Viewer) -> list[UserChoice]:
        """Return all users by e-mail address, deactivated ones too. Raises AdminsOnly."""
        require_admin(viewer)
        return self._users.all_users()

    def create(
        self, email: str, password: str, role: Role, full_name: str | None = None, *, actor: str = COMMAND_LINE
    ) -> Viewer:
        """Create a user with a password.

        Args:
            email: as typed; spaces around it are removed.
            password: the new user's password.
            role: what the user may do.
            full_name: None or empty if unknown.
            actor: who does it, for the audit log.

        Raises EmailInvalid, EmailTaken, PasswordTooShort, PasswordTooLong, PasswordCommon.
        """
        email = normalize_email(email)
        name = normalize_name(full_name)
        password_hash = self.passwords.hash(encode_new_password(password, email, name))
        with self._database.transaction() as connection:
            viewer = self._users.insert(connection, email=email, password_hash=password_hash, role=role, full_name=name)
            after = {"email": email, "full_name": name, "role": role}
            self._audit.record(connection, actor, user_change("created", viewer.user_id, email, after=after))
        return viewer

    def check_setup_link(self, address: str, matches: Callable[[], bool]) -> bool:
        """Return whether a set-up link is valid; invalid ones are throttled by network.

        Args:
            address: the IP address of the client.
            matches: compares the link; not called while the network has to wait.

        Raises TooManyAttempts.
        """
        keys = (login_throttle.setup_key(address),)
        self._throttle.consume(keys)
        is_valid = matches()
        if is_valid:
            self._users.refund(keys)
        return is_valid

    def refusals_of_first_admin(self, email: str, password: str) -> list[Refusal]:
        """Return everything for which `create_first_admin` would refuse an address and a password."""
        found: list[Refusal] = []
        try:
            normalize_email(email)
        except EmailInvalid as refusal:
            found.append(refusal)
        try:
            encode_new_password(password, email.strip())
        except Refusal as refusal:
            found.append(refusal)
        return found

    def create_first_admin(self, email: str, password: str) -> SignedIn:
        """Create the first user with a password, an admin; of concurrent calls exactly one succeeds.

        A user of the earlier system, who has no password, keeps the account and becomes that admin.

        Raises AlreadySetUp, EmailInvalid, PasswordTooShort, PasswordTooLong, PasswordCommon, SignInBusy.
        """
        email = normalize_email(email)
        secret = encode_new_password(password, email)
        if self.is_set_up():
            raise AlreadySetUp
        with self.passwords.admission():
            password_hash = self.passwords.hash(secret)
        with self._database.transaction() as connection:
            signed_in = self._users.insert_first(connection, email=email, password_hash=password_hash)
            if signed_in is None:
                raise AlreadySetUp
            viewer = signed_in.viewer
            self._users.record_first_sign_in(connection, viewer.user_id, self._now())
            after = {"email": viewer.email, "role": "admin"}
            change = user_change("set up", viewer.user_id, viewer.email, after=after)
            self._audit.record(connection, viewer, change)
        return signed_in

    def sign_in(
        self, email: str, password: str, origin: ClientOrigin = UNKNOWN_ORIGIN
    ) -> SignedIn | CodeRequired | None:
        """Sign in with a password; return None if the user or the password is wrong.

        An unknown or deactivated user takes as much work as a wrong password.

        The attempt is counted before the password is verified; a success takes it back. Codes of a second factor count
        against the same limits: while those are exceeded, no one learns whether the password was right.

        Args:
            email: as typed.
            password: as typed.
            origin: where the attempt comes from.

        Raises TooManyAttempts, SignInBusy.
        """
        email = email.strip()
        with self.passwords.admission():
            keys = login_throttle.sign_in_keys(email, origin)
            self._throttle.consume(keys)
            try:
                account = self._users.account(email) if is_email(email) else None
                matches = self.passwords.verify(password, account.password_hash if account else None)
                if account is None or not account.is_active or not matches:
                    self._failures.record(account, origin)
                    return None
                new_hash = self.passwords.rehash_if_needed(password, account.password_hash)
            except SignInBusy:
                self._throttle.refund(keys)  # the password was not verified
                raise
        record = self._users.record_first_step if account.has_second_factor else self._users.record_sign_in
        record(account.viewer.user_id, old_hash=account.password_hash, new_hash=new_hash, keys=keys, now=self._now())
        if account.has_second_factor:
            return CodeRequired(account.viewer.user_id, account.session_epoch)
        return SignedIn(viewer=account.viewer, session_epoch=account.session_epoch, had_no_second_factor=True)

    def sign_in_with_code(
        self, required: CodeRequired, code: str, origin: Callable[[str], ClientOrigin] = lambda _: UNKNOWN_ORIGIN
    ) -> SignedIn | None:
        """Complete a sign-in with a code of the authenticator app or a recovery code; return None if it is wrong.

        Args:
            required: from `sign_in`.
            code: as typed.
            origin: returns where the attempt comes from, for the user's e-mail address.

        Raises LinkInvalid if the user's sessions ended since; TooManyAttempts.
        """
        account = self._users.account_of(required.user_id)
        if account is None or not account.is_active or account.session_epoch != required.session_epoch:
            raise LinkInvalid
        where = origin(account.viewer.email)
        keys = login_throttle.sign_in_keys(account.viewer.email, where)
        self._throttle.consume(keys)
        kind = self._codes.accept(required.user_id, code)
        if kind is None:
            self._failures.record(account, where, wrong_code=True)
            return None
        unchanged = account.password_hash
        self._users.record_sign_in(
            account.viewer.user_id, old_hash=unchanged, new_hash=unchanged, keys=keys, now=self._now()
        )
        return SignedIn(viewer=account.viewer, session_epoch=account.session_epoch, second_factor=kind)

    def change_password(self, viewer: Viewer, current: str, new: str) -> int:
        """Change the viewer's password; return the epoch for a new session.

        All existing sessions of the viewer end.

        Raises PasswordTooShort, PasswordTooLong, PasswordCommon, PasswordWrong, TooManyAttempts, SignInBusy, SignedOut.
        """
        secret = encode_new_password(new, viewer.email)
        with self.passwords.admission():
            verified_epoch = self._confirmation.require(viewer, current)
            password_hash = self.passwords.hash(secret)
        with self._database.transaction() as connection:
            user = self._confirmation.require_unchanged(connection, viewer, verified_epoch)
            epoch = self._set_password(connection, user, password_hash, viewer)
        _log.info("Password changed: %s", viewer.email)
        return epoch

    def set_password(self, email: str, password: str, *, actor: str = COMMAND_LINE) -> int:
        """Set a user's password; return the epoch for a new session.

        All sessions of the user end.

        Raises EmailUnknown, PasswordTooShort, PasswordTooLong, PasswordCommon.
        """
        return self.set_up_password(email, password, actor=actor).session_epoch

    def set_up_password(self, email: str, password: str, *, actor: str = COMMAND_LINE) -> PasswordSet:
        """Set a user's password, for the operator; return the user before, and what changed.

        All sessions of the user end. While no active user has a password, the first to get one becomes an admin:
        otherwise the users of the earlier system, which knew no roles, could never manage each other.

        Raises EmailUnknown, PasswordTooShort, PasswordTooLong, PasswordCommon.
        """
        password_hash = self.passwords.hash(encode_new_password(password, email))
        if not is_email(email):
            raise EmailUnknown
        with self._database.transaction() as connection:
            is_vacant = self._users.lock_if_vacant(connection)
            user = self._users.lock_by_email(connection, email)
            if user is None:
                raise EmailUnknown
            is_first = is_vacant and user.is_active and user.role != "admin"
            if is_first:
                self._users.set_role(connection, user.user_id, "admin")
                change = user_change(
                    "role changed", user.user_id, user.email, before={"role": user.role}, after={"role": "admin"}
                )
                self._audit.record(connection, actor, change)
            epoch = self._set_password(connection, user, password_hash, actor)
        _log.info("Password changed: %s by %s", user.email, actor)
        return PasswordSet(before=user, became_admin=is_first, session_epoch=epoch)

    def user_of_grant(self, grant: PasswordGrant) -> UserDetails:
        """Return the user of a one-time link.

        Raises LinkInvalid, also for an invalidated link.
        """
        return _check_grant(self._users.get(grant.user_id), grant)

    def redeem_grant(self, grant: PasswordGrant, password: str) -> SignedIn | CodeRequired:
        """Set the password with a one-time link, and sign in; a second factor is still asked for.

        Of concurrent calls exactly one succeeds.

        Raises LinkInvalid, PasswordTooShort, PasswordTooLong, PasswordCommon, SignInBusy.
        """
        with self.passwords.admission():
            owner = self.user_of_grant(grant)
            password_hash = self.passwords.hash(encode_new_password(password, owner.email, owner.full_name))
        with self._database.transaction() as connection:
            user = _check_grant(self._users.lock(connection, grant.user_id), grant)
            epoch = self._set_password(connection, user, password_hash, user.email)
            if not user.has_second_factor:
                self._users.record_first_sign_in(connection, user.user_id, self._now())
        _log.info("Password changed: %s by a one-time link", user.email)
        if user.has_second_factor:
            return CodeRequired(user.user_id, epoch)
        viewer = Viewer(user_id=user.user_id, email=user.email, is_admin=user.role == "admin")
        return SignedIn(viewer=viewer, session_epoch=epoch, had_no_second_factor=True)

    def sign_out_everywhere(self, viewer: Viewer) -> None:
        """End all of the viewer's sessions, and invalidate their one-time links."""
        with self._database.transaction() as connection:
            self._users.end_sessions(connection, viewer.user_id)
            self._audit.record(connection, viewer, user_change("signed out everywhere", viewer.user_id, viewer.email))

    def _set_password(self, connection: Connection, user: UserDetails, password_hash: str, actor: Viewer | str) -> int:
        epoch = self._users.set_password(connection, user.user_id, password_hash)
        for key in (
            *login_throttle.sign_in_keys(user.email, UNKNOWN_ORIGIN),
            login_throttle.user_key(user.user_id),
        ):
            self._users.clear_failures(connection, key.subject)
        self._audit.record(connection, actor, user_change("password changed", user.user_id, user.email))
        return epoch


def is_email(text: str) -> bool:
    """Return whether `text` is an e-mail address that a user can have."""
    return len(text) <= MAX_EMAIL_CHARS and EMAIL.fullmatch(text) is not None


def normalize_email(text: str) -> str:
    """Return an e-mail address without the spaces around it. Raises EmailInvalid."""
    email = text.strip()
    if not is_email(email):
        raise EmailInvalid
    return email


def normalize_name(text: str | None) -> str | None:
    """Return a user's name as stored: at most 255 characters; None if empty."""
    return (text or "").replace("\x00", "").strip()[:MAX_EMAIL_CHARS] or None


def _check_grant(user: UserDetails | None, grant: PasswordGrant) -> UserDetails:
    if user is None or not user.is_active:
        raise LinkInvalid
    if (user.session_epoch, user.links_made) != (grant.session_epoch, grant.link_number):
        raise LinkInvalid
    return user
