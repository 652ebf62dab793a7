"""Accounts, passwords and sessions: sign-in, set-up, password changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil

from peterental.access import Role, Viewer, require_admin
from peterental.audit.model import COMMAND_LINE, Change
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.users import login_throttle
from peterental.users.login_throttle import ClientOrigin, ThrottleKey
from peterental.users.model import (
    AlreadySetUp,
    EmailInvalid,
    EmailUnknown,
    LinkInvalid,
    PasswordGrant,
    PasswordSet,
    PasswordWrong,
    SignedIn,
    SignInBusy,
    TooManyAttempts,
    UserChoice,
    UserDetails,
)
from peterental.users.passwords import Passwords, encode_new_password
from peterental.users.repository import UserRepository

# The same rule as the column's CHECK, so that most typing errors are refused without a round trip.
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
MAX_EMAIL_CHARS = 255

UNKNOWN_ORIGIN = ClientOrigin()


class UserService:
    """Accounts, passwords and sessions; `UserAdminService` has what admins do for other users.

    Args:
        database: where users are stored.
        audit: records the changes.
        now: returns the current time, in UTC.
        passwords: hashes and verifies passwords.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
        passwords: Passwords | None = None,
    ) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._audit = audit
        self._now = now
        self.passwords = passwords or Passwords()

    def is_set_up(self) -> bool:
        """Return whether any user has a password, active or not; until then the set-up link works."""
        return self._users.has_passwords()

    def active_users(self, viewer: Viewer) -> list[UserChoice]:
        """Return the active users by e-mail address. Raises AdminsOnly."""
        require_admin(viewer)
        return self._users.active_users()

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

        Raises EmailInvalid, EmailTaken, PasswordTooShort, PasswordTooLong.
        """
        email = normalize_email(email)
        password_hash = self.passwords.hash(encode_new_password(password))
        name = normalize_name(full_name)
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
        self._consume_attempt(keys)
        is_valid = matches()
        if is_valid:
            self._users.refund(keys)
        return is_valid

    def create_first_admin(self, email: str, password: str) -> SignedIn:
        """Create the first user with a password, an admin; of concurrent calls exactly one succeeds.

        A user of the earlier system, who has no password, keeps the account and becomes that admin.

        Raises AlreadySetUp, EmailInvalid, PasswordTooShort, PasswordTooLong.
        """
        email = normalize_email(email)
        secret = encode_new_password(password)
        if self.is_set_up():
            raise AlreadySetUp
        password_hash = self.passwords.hash(secret)
        with self._database.transaction() as connection:
            signed_in = self._users.insert_first(connection, email=email, password_hash=password_hash)
            if signed_in is None:
                raise AlreadySetUp
            viewer = signed_in.viewer
            after = {"email": viewer.email, "role": "admin"}
            change = user_change("set up", viewer.user_id, viewer.email, after=after)
            self._audit.record(connection, viewer.email, change)
        return signed_in

    def sign_in(self, email: str, password: str, origin: ClientOrigin = UNKNOWN_ORIGIN) -> SignedIn | None:
        """Sign in; return None if the user or the password is wrong.

        An unknown or deactivated user takes as much work as a wrong password.

        The attempt is counted before the password is verified; a success takes it back.

        Args:
            email: as typed.
            password: as typed.
            origin: where the attempt comes from.

        Raises TooManyAttempts, SignInBusy.
        """
        email = email.strip()
        keys = login_throttle.sign_in_keys(email, origin)
        self._consume_attempt(keys)
        try:
            account = self._users.account(email) if is_email(email) else None
            matches = self.passwords.verify(password, account.password_hash if account else None)
            if account is None or not account.is_active or not matches:
                return None
            new_hash = self.passwords.rehash_if_needed(password, account.password_hash)
        except SignInBusy:
            self._users.refund(keys)  # the password was not verified
            raise
        self._users.record_sign_in(
            account.viewer.user_id,
            old_hash=account.password_hash,
            new_hash=new_hash,
            keys=keys,
            now=self._now(),
        )
        return SignedIn(viewer=account.viewer, session_epoch=account.session_epoch)

    def viewer(self, user_id: int, session_epoch: int) -> Viewer | None:
        """Return the viewer of a session; None if it ended or the user is deactivated."""
        return self._users.viewer(user_id, session_epoch)

    def change_password(self, viewer: Viewer, current: str, new: str) -> int:
        """Change the viewer's password; return the epoch for a new session.

        All existing sessions of the viewer end.

        Raises PasswordTooShort, PasswordTooLong, PasswordWrong, TooManyAttempts, SignInBusy, EmailUnknown.
        """
        secret = encode_new_password(new)
        keys = (login_throttle.user_key(viewer.user_id),)
        self._consume_attempt(keys)
        account = self._users.account(viewer.email)
        try:
            if not self.passwords.verify(current, account.password_hash if account else None):
                raise PasswordWrong
            password_hash = self.passwords.hash(secret)
        except SignInBusy:
            self._users.refund(keys)
            raise
        with self._database.transaction() as connection:
            user = self._users.lock(connection, viewer.user_id)
            return self._set_password(connection, user, password_hash, viewer.email)

    def set_password(self, email: str, password: str, *, actor: str = COMMAND_LINE) -> int:
        """Set a user's password; return the epoch for a new session.

        All sessions of the user end.

        Raises EmailUnknown, PasswordTooShort, PasswordTooLong.
        """
        return self.set_up_password(email, password, actor=actor).session_epoch

    def set_up_password(self, email: str, password: str, *, actor: str = COMMAND_LINE) -> PasswordSet:
        """Set a user's password, for the operator; return what became of the user.

        All sessions of the user end. While no active user has a password, the first to get one becomes an admin:
        otherwise the users of the earlier system, which knew no roles, could never manage each other.

        Raises EmailUnknown, PasswordTooShort, PasswordTooLong.
        """
        password_hash = self.passwords.hash(encode_new_password(password))
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
        return PasswordSet(before=user, became_admin=is_first, session_epoch=epoch)

    def user_of_grant(self, grant: PasswordGrant) -> UserDetails:
        """Return the user of a one-time link.

        Raises LinkInvalid, also for an invalidated link.
        """
        return _check_grant(self._users.get(grant.user_id), grant)

    def redeem_grant(self, grant: PasswordGrant, password: str) -> SignedIn:
        """Set the password with a one-time link, and sign in.

        Of concurrent calls exactly one succeeds.

        Raises LinkInvalid, PasswordTooShort, PasswordTooLong, SignInBusy.
        """
        password_hash = self.passwords.hash(encode_new_password(password))
        with self._database.transaction() as connection:
            user = _check_grant(self._users.lock(connection, grant.user_id), grant)
            epoch = self._set_password(connection, user, password_hash, user.email)
        viewer = Viewer(user_id=user.user_id, email=user.email, is_admin=user.role == "admin")
        return SignedIn(viewer=viewer, session_epoch=epoch)

    def sign_out_everywhere(self, viewer: Viewer) -> None:
        """End all of the viewer's sessions, and invalidate their one-time links."""
        with self._database.transaction() as connection:
            self._users.end_sessions(connection, viewer.user_id)
            self._audit.record(
                connection, viewer.email, user_change("signed out everywhere", viewer.user_id, viewer.email)
            )

    def _set_password(self, connection: Connection, user: UserDetails | None, password_hash: str, actor: str) -> int:
        if user is None:
            raise EmailUnknown
        epoch = self._users.set_password(connection, user.user_id, password_hash)
        for key in (
            *login_throttle.sign_in_keys(user.email, UNKNOWN_ORIGIN),
            login_throttle.user_key(user.user_id),
        ):
            self._users.clear_failures(connection, key.subject)
        self._audit.record(connection, actor, user_change("password changed", user.user_id, user.email))
        return epoch

    def _consume_attempt(self, keys: Sequence[ThrottleKey]) -> None:
        """Count an attempt before it is made; one query if it is allowed.

        Raises TooManyAttempts.
        """
        now = self._now()
        allowed = self._users.consume(keys, now)
        refused = [key for key in keys if key.subject not in allowed]
        if refused:
            self._users.refund([key for key in keys if key.subject in allowed])
            wait_s = max(1, ceil(self._users.remaining_wait_s(refused, now)))
            raise TooManyAttempts(wait=login_throttle.format_wait(wait_s), wait_s=wait_s)


def user_change(
    action: str,
    user_id: int,
    name: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> Change:
    """Return the audit log's record of a change of a user."""
    return Change(
        action=action,
        subject_kind="user",
        subject_id=str(user_id),
        subject_name=name,
        before=before or {},
        after=after or {},
    )


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
