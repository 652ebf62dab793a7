"""Passwords: what may be one, and how they are hashed and checked without filling the memory."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from peterental.users.model import (
    MAX_PASSWORD_BYTES,
    MIN_PASSWORD_CHARS,
    PasswordTooLong,
    PasswordTooShort,
    SignInBusy,
)

# OWASP's first choice for Argon2id (19 MiB, two passes, one lane): a small host can afford it for several people at
# once. https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# However many people sign in at once, one process hashes two passwords at a time: memory stays bounded at 38 MiB, and
# whoever would wait longer than this is sent away, so that a flood of sign-ins leaves threads for the phone.
_hashing = threading.BoundedSemaphore(2)
SLOT_TIMEOUT_S = 2.0


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: how; a hash made with other parameters is to be renewed.
        patience_s: how long a password waits for its turn, in seconds; then it is SignInBusy.
    """

    def __init__(self, hasher: PasswordHasher = HASHER, slot_timeout_s: float = SLOT_TIMEOUT_S) -> None:
        self._hasher = hasher
        self.slot_timeout_s = slot_timeout_s
        self._dummy_hash = _make_dummy_hash(hasher)

    def hash(self, secret: bytes) -> str:
        """Hash a password. Raises SignInBusy."""
        with self.hashing_slot():
            return self._hasher.hash(secret)

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password is the one, after the same work where there is none. Raises SignInBusy."""
        secret = normalized_bytes(password)[: MAX_PASSWORD_BYTES + 1]
        with self.hashing_slot():
            try:
                return self._hasher.verify(password_hash or self._dummy_hash, secret)
            except (VerificationError, InvalidHashError):
                return False

    def rehash_if_needed(self, password: str, password_hash: str) -> str:
        """Give the hash to keep from now on for a password that fits: another one where parameters have changed."""
        return (
            self.hash(normalized_bytes(password)) if self._hasher.check_needs_rehash(password_hash) else password_hash
        )

    @contextmanager
    def hashing_slot(self) -> Iterator[None]:
        """Wait until this process may hash one more password. Raises SignInBusy."""
        if not _hashing.acquire(timeout=self.slot_timeout_s):
            raise SignInBusy
        try:
            yield
        finally:
            _hashing.release()


def encode_new_password(password: str) -> bytes:
    """Give a new password as it is hashed. Raises PasswordTooShort, PasswordTooLong."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise PasswordTooShort(characters=MIN_PASSWORD_CHARS)
    secret = normalized_bytes(password)
    if len(secret) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong(size=MAX_PASSWORD_BYTES)
    return secret


def normalized_bytes(password: str) -> bytes:
    """Give a password's bytes, the same from every keyboard: accents composed or not, NIST SP 800-63B 5.1.1.2."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _make_dummy_hash(hasher: PasswordHasher) -> str:
    """Give what looks like a hash by `hasher`, to be checked, at the usual cost, where there is no account."""

    def noise(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${noise(hasher.salt_len)}${noise(hasher.hash_len)}"
