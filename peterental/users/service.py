"""Who may sign in: accounts, passwords and sessions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil

from peterental.access import AdminsOnly, Role, Viewer
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
    LinkInvalid,
    PasswordGrant,
    PasswordWrong,
    SignedIn,
    SignInBusy,
    TooManyAttempts,
    UserChoice,
    UserDetails,
    UserUnknown,
)
from peterental.users.passwords import Passwords, encode_new_password
from peterental.users.repository import UserRepository

# The same rule as the column's CHECK, so that most people hear it before a round trip.
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
MAX_EMAIL_CHARS = 255

UNKNOWN_ORIGIN = ClientOrigin()


class UserService:
    """Accounts and passwords, as those who have them use them; admins look after others by `UserAdminService`.

    Args:
        database: where users are kept.
        audit: where changes are written down.
        now: gives the time, in UTC.
        passwords: how passwords are hashed.
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

    def has_users(self) -> bool:
        """Tell whether there is a user yet, active or not."""
        return self._users.has_users()

    def active_users(self, viewer: Viewer) -> list[UserChoice]:
        """Give everybody who may sign in, by e-mail address, to admins. Raises AdminsOnly."""
        if not viewer.is_admin:
            raise AdminsOnly
        return self._users.active_users()

    def create(
        self, email: str, password: str, role: Role, full_name: str | None = None, *, actor: str = COMMAND_LINE
    ) -> Viewer:
        """Let somebody sign in.

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
        """Tell whether a set-up link is the right one, unless too many wrong ones came from there.

        Args:
            address: the network address it is tried from.
            is_right: compares the link.

        Raises TooManyTries.
        """
        keys = (login_throttle.setup_key(address),)
        self._consume_attempt(keys)
        right = matches()
        if right:
            self._users.refund(keys)
        return right

    def create_first_admin(self, email: str, password: str) -> SignedIn:
        """Make the first user, an admin. Of several who try at the same moment exactly one succeeds.

        Raises AlreadySetUp, EmailInvalid, PasswordTooShort, PasswordTooLong.
        """
        email = normalize_email(email)
        secret = encode_new_password(password)
        if self.has_users():
            raise AlreadySetUp
        password_hash = self.passwords.hash(secret)
        with self._database.transaction() as connection:
            viewer = self._users.insert_first(connection, email=email, password_hash=password_hash)
            if viewer is None:
                raise AlreadySetUp
            after = {"email": email, "role": "admin"}
            self._audit.record(connection, email, user_change("set up", viewer.user_id, email, after=after))
        return SignedIn(viewer=viewer, session_epoch=0)

    def sign_in(self, email: str, password: str, origin: ClientOrigin = UNKNOWN_ORIGIN) -> SignedIn | None:
        """Give who signs in with that address and password, or None, after the same work whoever they are.

        The try is counted before the password is looked at; the right one takes it back.

        Args:
            email: as typed.
            password: likewise.
            place: where from.

        Raises TooManyTries, SignInBusy.
        """
        email = email.strip()
        keys = login_throttle.sign_in_keys(email, origin)
        self._consume_attempt(keys)
        try:
            account = self._users.account(email) if is_email(email) else None
            verify = self.passwords.verify(password, account.password_hash if account else None)
            if account is None or not account.is_active or not verify:
                return None
            rehash_if_needed = self.passwords.rehash_if_needed(password, account.password_hash)
        except SignInBusy:
            self._users.refund(keys)  # nothing was learnt
            raise
        self._users.record_sign_in(
            account.viewer.user_id,
            old_hash=account.password_hash,
            new_hash=rehash_if_needed,
            keys=keys,
            now=self._now(),
        )
        return SignedIn(viewer=account.viewer, session_epoch=account.session_epoch)

    def viewer(self, user_id: int, session_epoch: int) -> Viewer | None:
        """Give the viewer a session belongs to; None when they may not sign in (any more) or the session has ended."""
        return self._users.viewer(user_id, session_epoch)

    def change_password(self, viewer: Viewer, current: str, new: str) -> int:
        """Change one's own password, which signs out everywhere; gives the epoch that a new session must carry.

        Raises PasswordTooShort, PasswordTooLong, PasswordWrong, TooManyTries, SignInBusy, UserUnknown.
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
            member = self._users.lock(connection, viewer.user_id)
            return self._set_password(connection, member, password_hash, viewer.email)

    def set_password(self, email: str, password: str, *, actor: str = COMMAND_LINE) -> int:
        """Give somebody a new password, which signs them out everywhere; gives the epoch a new session must carry.

        Raises UserUnknown, PasswordTooShort, PasswordTooLong.
        """
        password_hash = self.passwords.hash(encode_new_password(password))
        if not is_email(email):
            raise UserUnknown
        with self._database.transaction() as connection:
            member = self._users.lock_by_email(connection, email)
            return self._set_password(connection, member, password_hash, actor)

    def user_of_grant(self, grant: PasswordGrant) -> UserDetails:
        """Give whom a one-time link is for. Raises LinkUsed, also where it was called off."""
        return _check_grant(self._users.get(grant.user_id), grant)

    def redeem_grant(self, grant: PasswordGrant, password: str) -> SignedIn:
        """Choose the password that a one-time link allows to choose, and sign in. Of several at once one succeeds.

        Raises LinkUsed, PasswordTooShort, PasswordTooLong, SignInBusy.
        """
        password_hash = self.passwords.hash(encode_new_password(password))
        with self._database.transaction() as connection:
            member = _check_grant(self._users.lock(connection, grant.user_id), grant)
            epoch = self._set_password(connection, member, password_hash, member.email)
        viewer = Viewer(user_id=member.user_id, email=member.email, is_admin=member.role == "admin")
        return SignedIn(viewer=viewer, session_epoch=epoch)

    def sign_out_everywhere(self, viewer: Viewer) -> None:
        """End every session of one's own, and every one-time link."""
        with self._database.transaction() as connection:
            self._users.end_sessions(connection, viewer.user_id)
            self._audit.record(
                connection, viewer.email, user_change("signed out everywhere", viewer.user_id, viewer.email)
            )

    def _set_password(self, connection: Connection, member: UserDetails | None, password_hash: str, actor: str) -> int:
        if member is None:
            raise UserUnknown
        epoch = self._users.set_password(connection, member.user_id, password_hash)
        for key in (
            *login_throttle.sign_in_keys(member.email, UNKNOWN_ORIGIN),
            login_throttle.user_key(member.user_id),
        ):
            self._users.clear(connection, key.subject)
        self._audit.record(connection, actor, user_change("password changed", member.user_id, member.email))
        return epoch

    def _consume_attempt(self, keys: Sequence[ThrottleKey]) -> None:
        """Count a try before it is made. One query where it may be made. Raises TooManyTries."""
        now = self._now()
        counted = self._users.consume(keys, now)
        refused = [key for key in keys if key.subject not in counted]
        if refused:
            self._users.refund([key for key in keys if key.subject in counted])
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
    """Give what the audit log says about a change of a user."""
    return Change(
        action=action,
        subject_kind="user",
        subject_id=str(user_id),
        subject_name=name,
        before=before or {},
        after=after or {},
    )


def is_email(text: str) -> bool:
    """Tell whether `text` could be the e-mail address of a user."""
    return len(text) <= MAX_EMAIL_CHARS and EMAIL.fullmatch(text) is not None


def normalize_email(text: str) -> str:
    """Give an e-mail address without the blanks around it. Raises EmailInvalid."""
    email = text.strip()
    if not is_email(email):
        raise EmailInvalid
    return email


def normalize_name(text: str | None) -> str | None:
    """Give a person's name as it is kept: at most 255 characters, None rather than empty."""
    return (text or "").replace("\x00", "").strip()[:MAX_EMAIL_CHARS] or None


def _check_grant(member: UserDetails | None, grant: PasswordGrant) -> UserDetails:
    if member is None or not member.is_active:
        raise LinkInvalid
    if (member.session_epoch, member.links_made) != (grant.session_epoch, grant.link_number):
        raise LinkInvalid
    return member
