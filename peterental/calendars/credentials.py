"""What an account signs in with, encrypted at rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from peterental.calendars.ics_address import is_same_address
from peterental.calendars.model import CalendarAccessLost
from peterental.calendars.source import Tokens

if TYPE_CHECKING:
    from peterental.calendars.account import Account
    from peterental.encryption import Keyring


@dataclass(frozen=True)
class AddressCredentials:
    """The secret address of an .ics file."""

    address: str = field(repr=False)


@dataclass(frozen=True)
class PasswordCredentials:
    """A CalDAV account: an address, and a user name with an app password."""

    address: str
    user_name: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class DemoCredentials:
    """The demo calendar needs none."""


Credentials = AddressCredentials | PasswordCredentials | Tokens | DemoCredentials

_TYPES: dict[str, type[Credentials]] = {
    "ics": AddressCredentials,
    "caldav": PasswordCredentials,
    "microsoft": Tokens,
    "google": Tokens,
    "demo": DemoCredentials,
}


class CredentialsUnreadable(CalendarAccessLost):
    """The sign-in of {host} cannot be decrypted: CREDENTIALS_KEY has changed. Connect the calendar again."""


class CredentialsStore:
    """Encrypts and decrypts credentials.

    Args:
        keyring: encrypts with the first key, decrypts with any.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def encrypt(self, agent_id: str, credentials: Credentials) -> str:
        """Return credentials as they are stored. They are decrypted for the same agent only."""
        return self._keyring.encrypt(_purpose(agent_id), msgspec.json.encode(credentials).decode())

    def of(self, account: Account) -> Credentials:
        """Return what an account signs in with. Raises CredentialsUnreadable."""
        return self.decrypt(account.agent_id, account.kind, account.label, account.credentials)

    def encrypt_text(self, agent_id: str, secret: str) -> str:
        """Return a secret of a sign-in that has begun, as it is stored."""
        return self._keyring.encrypt(_purpose(agent_id), secret)

    def decrypt_text(self, agent_id: str, encrypted: str) -> str | None:
        """Return a secret that `encrypt_text` encrypted; None if the keys have changed."""
        return self._keyring.decrypt(_purpose(agent_id), encrypted)

    def are(self, agent_id: str, kind: str, encrypted: str, credentials: Credentials) -> bool:
        """Return whether stored credentials are these. An address may be typed in several ways."""
        try:
            stored = self.decrypt(agent_id, kind, "", encrypted)
        except CredentialsUnreadable:
            return False
        if isinstance(stored, AddressCredentials) and isinstance(credentials, AddressCredentials):
            return is_same_address(stored.address, credentials.address)
        return stored == credentials

    def decrypt(self, agent_id: str, kind: str, name: str, encrypted: str) -> Credentials:
        """Return stored credentials. Raises CredentialsUnreadable.

        Args:
            agent_id: whose.
            kind: of the account.
            name: of the account, for the message.
            encrypted: as stored.
        """
        text = self._keyring.decrypt(_purpose(agent_id), encrypted)
        if text is None:
            raise CredentialsUnreadable(host=name)
        try:
            return msgspec.json.decode(text, type=_TYPES[kind])
        except msgspec.MsgspecError:
            raise CredentialsUnreadable(host=name) from None


def _purpose(agent_id: str) -> str:
    return f"calendar of {agent_id}"
