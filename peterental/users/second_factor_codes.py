"""Check the codes of second factors: each is accepted once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from peterental.database.pool import Database
from peterental.encryption import Keyring
from peterental.users.model import CodeKind
from peterental.users.second_factor_repository import SecondFactorRepository
from peterental.users.totp import matching_step, new_secret, recovery_code_hash


class SecondFactorCodes:
    """The codes of the users of one database.

    Args:
        database: where second factors are stored.
        keyring: encrypts their secrets.
        now: returns the current time, aware.
    """

    def __init__(self, database: Database, keyring: Keyring, now: Callable[[], datetime]) -> None:
        self._factors = SecondFactorRepository(database)
        self._keyring = keyring
        self._now = now

    def accept(self, user_id: int, code: str) -> CodeKind | None:
        """Use up a code of the authenticator app or a recovery code; None if it is neither.

        Every call costs two queries and the same computations. A secret that no key decrypts matches no code of the
        app; recovery codes need no key.
        """
        factor = self._factors.get(user_id)
        secret = self._keyring.decrypt(purpose(user_id), factor.secret) if factor else None
        step = matching_step(secret or new_secret(), code, self._now())
        if factor is None:
            return None
        if secret is not None and step is not None:
            stored = factor.secret if self._keyring.is_newest(factor.secret) else self.seal(user_id, secret)
            return "code" if self._factors.accept_step(user_id, step, stored) else None
        return "recovery code" if self._factors.accept_recovery_code(user_id, recovery_code_hash(code)) else None

    def seal(self, user_id: int, secret: str) -> str:
        """Encrypt a secret for storage; it is of no use to another user's row."""
        return self._keyring.encrypt(purpose(user_id), secret)


def purpose(user_id: int) -> str:
    """Return what a stored secret is encrypted for."""
    return f"totp of user {user_id}"
