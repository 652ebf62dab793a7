"""Password rules, and hashing with Argon2id in bounded memory."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress

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

# One process hashes at most two passwords at a time, so hashing uses at most 38 MiB. A request that waits longer than
# this is refused, so that a flood of sign-ins leaves threads for phone calls.
_hashing = threading.BoundedSemaphore(2)
SLOT_TIMEOUT_S = 2.0

MAX_RAW_CHARS = 4 * MAX_PASSWORD_BYTES
"""Longer passwords are too long however they are normalized. Normalizing takes quadratic time for combining marks."""


class Passwords:
    """Hashes and verifies passwords, two at a time per process.

    Args:
        hasher: the parameters; a hash made with other parameters is renewed at the next sign-in.
        slot_timeout_s: how long to wait for a hashing slot, in seconds, before SignInBusy is raised.
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
        """Return whether a password matches a hash. Raises SignInBusy.

        Without a hash, a dummy hash is verified, so that an unknown user takes as long as a wrong password.
        """
        secret = normalized_bytes(password)[: MAX_PASSWORD_BYTES + 1]
        with self.hashing_slot():
            try:
                return self._hasher.verify(password_hash or self._dummy_hash, secret)
            except VerificationError:
                return False
            except InvalidHashError:  # another system's hash: as much work as for any other user
                return self._hasher_rejects(secret)

    def _hasher_rejects(self, secret: bytes) -> bool:
        with suppress(VerificationError):
            self._hasher.verify(self._dummy_hash, secret)
        return False

    def rehash_if_needed(self, password: str, password_hash: str) -> str:
        """Return the hash to store; a new one if the parameters have changed."""
        return (
            self.hash(normalized_bytes(password)) if self._hasher.check_needs_rehash(password_hash) else password_hash
        )

    @contextmanager
    def hashing_slot(self) -> Iterator[None]:
        """Hold one of this process's hashing slots.

        Raises SignInBusy if none becomes free in time.
        """
        if not _hashing.acquire(timeout=self.slot_timeout_s):
            raise SignInBusy
        try:
            yield
        finally:
            _hashing.release()


def encode_new_password(password: str) -> bytes:
    """Check the length of a new password and return its bytes.

    Raises PasswordTooShort, PasswordTooLong.
    """
    if len(password) < MIN_PASSWORD_CHARS:
        raise PasswordTooShort(characters=MIN_PASSWORD_CHARS)
    secret = normalized_bytes(password)
    if len(secret) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong(size=MAX_PASSWORD_BYTES)
    return secret


def normalized_bytes(password: str) -> bytes:
    """Return a password's bytes after NFKC normalization.

    It makes them independent of the keyboard; NIST SP 800-63B section 5.1.1.2 recommends it.
    """
    if len(password) <= MAX_RAW_CHARS:
        password = unicodedata.normalize("NFKC", password)
    return password.encode("utf-8", "surrogatepass")


def _make_dummy_hash(hasher: PasswordHasher) -> str:
    """Return a random string in the format of a hash by `hasher`.

    It is verified for unknown users, at the same cost as a real hash.
    """

    def random_base64(size: int) -> str:
        return b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${random_base64(hasher.salt_len)}${random_base64(hasher.hash_len)}"
