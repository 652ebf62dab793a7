"""Encryption of small secrets at rest, with keys that can be rotated."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_CONTEXT = b"peterental: credentials at rest"


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


def _derive(key: str) -> bytes:
    """Return the Fernet key of a text. The context keeps it apart from other uses of the same text."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT).derive(key.encode())
    return urlsafe_b64encode(derived)
