"""Password rules, and hashing with Argon2id in bounded memory."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from peterental.users.allocator import release_large_blocks
from peterental.users.common_passwords import is_common
from peterental.users.model import (
    MAX_PASSWORD_BYTES,
    MIN_PASSWORD_CHARS,
    PasswordCommon,
    PasswordTooLong,
    PasswordTooShort,
    SignInBusy,
)

# OWASP's first choice for Argon2id (19 MiB, two passes, one lane): a small host can afford it for several people at
# once. https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

SLOT_TIMEOUT_S = 2.0

MAX_RAW_CHARS = 4 * MAX_PASSWORD_BYTES
"""Longer passwords are too long however they are normalized. Normalizing takes quadratic time for combining marks."""
MAX_HASHING = 2
MAX_WAITING = 2


@dataclass(frozen=True)
class PasswordLimits:
    """How many threads of one process may be busy with passwords at once.

    Args:
        hashing: threads that hash; each needs 19 MiB and a core.
        waiting: further threads that may wait for one of those.
    """

    hashing: int = MAX_HASHING
    waiting: int = MAX_WAITING

    @classmethod
    def for_threads(cls, threads: int) -> PasswordLimits:
        """Return the limits of a worker with that many threads: at least a quarter of them stay free for the phone.

        A worker with a single thread has nothing to keep free.
        """
        hashing = min(MAX_HASHING, max(1, threads // 2))
        free = max(1, threads // 4)
        return cls(hashing, max(0, min(MAX_WAITING, threads - hashing - free)))


class Passwords:
    """Hashes and verifies passwords in bounded memory, on a bounded number of threads.

    Args:
        hasher: the parameters, HASHER by default; a hash made with other parameters is renewed at the next sign-in.
        slot_timeout_s: how long to wait for a hashing slot, in seconds, before SignInBusy is raised.
        limits: how many threads may be busy with passwords.
    """

    def __init__(
        self,
        hasher: PasswordHasher | None = None,
        slot_timeout_s: float = SLOT_TIMEOUT_S,
        limits: PasswordLimits = PasswordLimits(),  # immutable
    ) -> None:
        release_large_blocks()
        self._hasher = hasher = hasher or HASHER
        self.slot_timeout_s = slot_timeout_s
        self._admitted = threading.BoundedSemaphore(limits.hashing + limits.waiting)
        self._hashing = threading.BoundedSemaphore(limits.hashing)
        self._dummy_hash = _make_dummy_hash(hasher)

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold a place among the threads that may be busy with passwords.

        A request holds it from before its first query until its password is verified, so that a flood of sign-ins
        leaves threads for phone calls.

        Raises SignInBusy at once if all places are taken.
        """
        if not self._admitted.acquire(blocking=False):
            raise SignInBusy
        try:
            yield
        finally:
            self._admitted.release()

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
        """Hold one of the hashing slots.

        Raises SignInBusy if none becomes free in time.
        """
        if not self._hashing.acquire(timeout=self.slot_timeout_s):
            raise SignInBusy
        try:
            yield
        finally:
            self._hashing.release()


def encode_new_password(password: str, *owner: str | None) -> bytes:
    """Check a new password and return its bytes.

    The rules are those of NIST SP 800-63B: a length, and no password that is easy to guess; no required characters.

    Args:
        password: as typed.
        owner: the e-mail address and the name of its user, which a password must not consist of.

    Raises PasswordTooShort, PasswordTooLong, PasswordCommon.
    """
    if len(password) < MIN_PASSWORD_CHARS:
        raise PasswordTooShort(characters=MIN_PASSWORD_CHARS)
    secret = normalized_bytes(password)
    if len(secret) > MAX_PASSWORD_BYTES:
        raise PasswordTooLong(size=MAX_PASSWORD_BYTES)
    if is_common(secret.decode("utf-8", "replace"), [text for text in owner if text]):
        raise PasswordCommon
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
