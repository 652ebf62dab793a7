"""Who may sign in: accounts, passwords and sessions."""

from __future__ import annotations

import re
import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from peterental.database.connection import Database
from peterental.users.model import (
    PASSWORD_MAX_BYTES,
    PASSWORD_MIN_CHARACTERS,
    AlreadySetUp,
    EmailInvalid,
    PasswordTooLong,
    PasswordTooShort,
    Person,
    Role,
    SignedIn,
    SignInBusy,
    UserUnknown,
    Viewer,
)
from peterental.users.repository import UserRepository

# The same rule as the column's CHECK, so that most people hear it before a round trip.
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
EMAIL_MAX_CHARACTERS = 255

# OWASP's first choice for Argon2id (19 MiB, two passes, one lane): a small host can afford it for several people at
# once. https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# However many people sign in at once, one process hashes two passwords at a time: memory stays bounded at 38 MiB, and
# whoever would wait longer than this is sent away, so that a flood of sign-ins leaves threads for the phone.
_hashing = threading.BoundedSemaphore(2)
PATIENCE_S = 2.0


class UserService:
    """Accounts and passwords.

    Args:
        database: where users are kept.
        hasher: how passwords are hashed; a hash made with other parameters is renewed at the next sign-in.
        patience_s: how long a password waits for its turn to be hashed, in seconds; then it is SignInBusy.
    """

    def __init__(self, database: Database, *, hasher: PasswordHasher = HASHER, patience_s: float = PATIENCE_S) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._hasher = hasher
        self._patience_s = patience_s
        self._nobodys_hash = _hash_that_nothing_fits(hasher)

    def any_user(self) -> bool:
        """Tell whether there is a user yet, active or not."""
        return self._users.any_user()

    def people(self) -> list[Person]:
        """Give everybody who may sign in, by e-mail address."""
        return self._users.people()

    def create(self, email: str, password: str, role: Role, full_name: str | None = None) -> Viewer:
        """Let somebody sign in.

        Raises EmailInvalid, EmailTaken, PasswordTooShort, PasswordTooLong.
        """
        email = checked_email(email)
        password_hash = self._hash(checked_password(password))
        with self._database.transaction() as connection:
            return self._users.insert(
                connection,
                email=email,
                password_hash=password_hash,
                role=role,
                full_name=(full_name or "").replace("\x00", "").strip()[:EMAIL_MAX_CHARACTERS] or None,
            )

    def set_up_first(self, email: str, password: str) -> SignedIn:
        """Make the first user, an admin. Of several who try at the same moment exactly one succeeds.

        Raises AlreadySetUp, EmailInvalid, PasswordTooShort, PasswordTooLong.
        """
        email = checked_email(email)
        checked = checked_password(password)
        if self.any_user():
            raise AlreadySetUp
        password_hash = self._hash(checked)
        with self._database.transaction() as connection:
            viewer = self._users.insert_first(connection, email=email, password_hash=password_hash)
        if viewer is None:
            raise AlreadySetUp
        return SignedIn(viewer=viewer, session_epoch=0)

    def sign_in(self, email: str, password: str) -> SignedIn | None:
        """Give who signs in with that address and password, or None, after the same work whoever they are.

        Raises SignInBusy.
        """
        email = email.strip()
        account = self._users.account(email) if is_email(email) else None
        secret = _bytes_of(password)[: PASSWORD_MAX_BYTES + 1]
        password_hash = account.password_hash if account else self._nobodys_hash
        fits = self._verify(password_hash, secret)
        if account is None or not account.is_active or not fits:
            return None
        renewed = self._hash(secret) if self._hasher.check_needs_rehash(password_hash) else password_hash
        self._users.note_sign_in(account.viewer.user_id, old_hash=password_hash, new_hash=renewed)
        return SignedIn(viewer=account.viewer, session_epoch=account.session_epoch)

    def viewer(self, user_id: int, session_epoch: int) -> Viewer | None:
        """Give the viewer a session belongs to; None when they may not sign in (any more) or the session has ended."""
        return self._users.viewer(user_id, session_epoch)

    def set_password(self, email: str, password: str) -> int:
        """Change a password, which signs its user out everywhere; gives the epoch that a new session must carry.

        Raises UserUnknown, PasswordTooShort, PasswordTooLong.
        """
        password_hash = self._hash(checked_password(password))
        epoch = self._users.set_password(email, password_hash) if is_email(email) else None
        if epoch is None:
            raise UserUnknown
        return epoch

    def _hash(self, secret: bytes) -> str:
        with self._a_turn():
            return self._hasher.hash(secret)

    def _verify(self, password_hash: str, secret: bytes) -> bool:
        with self._a_turn():
            try:
                return self._hasher.verify(password_hash, secret)
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _a_turn(self) -> Iterator[None]:
        """Wait until this process may hash one more password. Raises SignInBusy."""
        if not _hashing.acquire(timeout=self._patience_s):
            raise SignInBusy
        try:
            yield
        finally:
            _hashing.release()


def is_email(text: str) -> bool:
    """Tell whether `text` could be the e-mail address of a user."""
    return len(text) <= EMAIL_MAX_CHARACTERS and EMAIL.fullmatch(text) is not None


def checked_email(text: str) -> str:
    """Give an e-mail address without the blanks around it. Raises EmailInvalid."""
    email = text.strip()
    if not is_email(email):
        raise EmailInvalid
    return email


def checked_password(password: str) -> bytes:
    """Give a new password as it is hashed. Raises PasswordTooShort, PasswordTooLong."""
    if len(password) < PASSWORD_MIN_CHARACTERS:
        raise PasswordTooShort(characters=PASSWORD_MIN_CHARACTERS)
    secret = _bytes_of(password)
    if len(secret) > PASSWORD_MAX_BYTES:
        raise PasswordTooLong(size=PASSWORD_MAX_BYTES)
    return secret


def _bytes_of(password: str) -> bytes:
    """Give a password's bytes, the same from every keyboard: accents composed or not, NIST SP 800-63B 5.1.1.2."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _hash_that_nothing_fits(hasher: PasswordHasher) -> str:
    """Give what looks like a hash by `hasher`, to be checked, at the usual cost, where there is no account."""

    def noise(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${noise(hasher.salt_len)}${noise(hasher.hash_len)}"
