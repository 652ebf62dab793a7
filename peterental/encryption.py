"""Encryption of small secrets at rest, with keys that can be rotated."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_CONTEXT = b"peterental: credentials at rest"

PROPOSED_FOR_S = 24 * 60 * 60
"""How long a form may be open before it is sent, in seconds."""

SENT_TWICE = timedelta(minutes=10)
"""Within this time the same form with the same entries was sent twice, as by a double click; later it is meant."""


class Keyring:
    """Encrypts with the first key and decrypts with any.

    Args:
        keys: returns the keys, the newest first; long random texts. It is called once, at the first use.
    """

    def __init__(self, keys: Callable[[], Sequence[str]]) -> None:
        self._keys = keys

    def encrypt(self, purpose: str, secret: str) -> str:
        """Encrypt a secret. It is decrypted for the same purpose only, such as `totp of user 7`."""
        return self._ciphers[0].encrypt(f"{purpose}\n{secret}".encode()).decode()

    def decrypt(self, purpose: str, token: str, *, lifetime_s: int | None = None) -> str | None:
        """Decrypt a secret; None if it was made with another key or for another purpose.

        Args:
            purpose: as given when it was encrypted.
            token: the encrypted secret.
            lifetime_s: None is also returned if it was encrypted longer ago, in seconds.
        """
        try:
            text = self._decrypted(token, lifetime_s)
        except InvalidToken:
            return None
        found, _, secret = text.partition("\n")
        return secret if found == purpose else None

    def is_newest(self, token: str) -> bool:
        """Return whether a secret was encrypted with the first key; others are encrypted again when they are used."""
        try:
            self._ciphers[0].decrypt(token.encode())
        except InvalidToken:
            return False
        return True

    def _decrypted(self, token: str, lifetime_s: int | None) -> str:
        if not self._ciphers:
            raise InvalidToken
        return MultiFernet(self._ciphers).decrypt(token.encode("ascii", "replace"), ttl=lifetime_s).decode()

    @cached_property
    def _ciphers(self) -> list[Fernet]:
        return [Fernet(_derive(key)) for key in self._keys()]


class ProposedSecrets:
    """New secrets for forms that show them once. The form carries its secret, encrypted; nothing is stored.

    A browser shows the answer to the last of two submissions. With a secret of the form's own, both have the same one.

    Args:
        keyring: encrypts them.
        make: returns a new secret.
    """

    def __init__(self, keyring: Keyring, make: Callable[[], str]) -> None:
        self._keyring = keyring
        self._make = make

    def propose(self, purpose: str) -> str:
        """Return a new secret, encrypted for a purpose, such as `new webhook of user 7`."""
        return self._keyring.encrypt(purpose, self._make())

    def read(self, purpose: str, proposed: str) -> str | None:
        """Return the secret of a form; None if the form has none, is too old, or has one for another purpose."""
        return self._keyring.decrypt(purpose, proposed, lifetime_s=PROPOSED_FOR_S) if proposed else None


def _derive(key: str) -> bytes:
    """Return the Fernet key of a text. The context keeps it apart from other uses of the same text."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT).derive(key.encode())
    return urlsafe_b64encode(derived)
