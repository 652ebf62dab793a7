"""The office's account at Vapi: connect, open, disconnect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.audit.model import Change
from peterental.config import Config
from peterental.line.api import PAGE_TIMEOUT_S, VapiApi
from peterental.line.model import (
    MAX_KEY_CHARS,
    Account,
    AccountFromEnvironment,
    AccountKeyUnreadable,
    AccountMissing,
    KeyInvalid,
    StorageKeyMissing,
)

if TYPE_CHECKING:
    from peterental.audit.service import AuditService
    from peterental.database.pool import Database
    from peterental.encryption import Keyring
    from peterental.line.repository import LineRepository

_PURPOSE = "key of the vapi account"


class AccountService:
    """The account of one installation.

    Args:
        database: where its key is stored, encrypted.
        repository: of lines.
        keyring: encrypts the key.
        audit: records who connected it.
        config: may have the key, and has the address of the API.
    """

    def __init__(
        self, database: Database, repository: LineRepository, keyring: Keyring, audit: AuditService, config: Config
    ) -> None:
        self._database = database
        self._repository = repository
        self._keyring = keyring
        self._audit = audit
        self._config = config

    def get(self, viewer: Viewer) -> Account | None:
        """Return the connected account; None without one. Raises AdminsOnly. One round trip."""
        require_admin(viewer)
        stored = self._repository.account()
        if not self._config.vapi_api_key and stored.api_key is None:
            return None
        return Account(
            is_from_environment=bool(self._config.vapi_api_key),
            connected_at=stored.connected_at,
            connected_by=stored.connected_by,
            problem=stored.problem,
            reconciled_at=stored.reconciled_at,
        )

    @property
    def may_store(self) -> bool:
        """Whether a key may be stored: with a key of its own to encrypt it, or in development."""
        return bool(self._config.credentials_keys) or not self._config.is_production

    def connect(self, key: str, viewer: Viewer) -> None:
        """Try a private key out, and store it.

        Raises AdminsOnly, AccountFromEnvironment, StorageKeyMissing, KeyInvalid, VapiTrouble; nothing is stored then.
        """
        require_admin(viewer)
        if self._config.vapi_api_key:
            raise AccountFromEnvironment
        if not self.may_store:
            raise StorageKeyMissing
        key = key.strip()
        if not 0 < len(key) <= MAX_KEY_CHARS or not (key.isascii() and key.isprintable()) or " " in key:
            raise KeyInvalid
        with self._api(key, PAGE_TIMEOUT_S) as api:
            api.check_key()
        with self._database.transaction() as connection:
            self._repository.store_key(connection, self._keyring.encrypt(_PURPOSE, key), viewer.email)
            self._audit.record(connection, viewer, _change("connected"))

    def disconnect(self, viewer: Viewer) -> None:
        """Delete the stored key. What was written on Vapi stays. Raises AdminsOnly, AccountFromEnvironment."""
        require_admin(viewer)
        if self._config.vapi_api_key:
            raise AccountFromEnvironment
        with self._database.transaction() as connection:
            self._repository.store_key(connection, None, None)
            self._audit.record(connection, viewer, _change("disconnected"))

    def is_connected(self) -> bool:
        """Return whether there is an account. At most one round trip."""
        return bool(self._config.vapi_api_key) or self._repository.account().api_key is not None

    def open(self, timeout_s: float = PAGE_TIMEOUT_S) -> VapiApi:
        """Return the API of the account. Raises AccountMissing, AccountKeyUnreadable.

        Args:
            timeout_s: for all requests together, in seconds.
        """
        if self._config.vapi_api_key:
            return self._api(self._config.vapi_api_key, timeout_s)
        encrypted = self._repository.account().api_key
        if encrypted is None:
            raise AccountMissing
        key = self._keyring.decrypt(_PURPOSE, encrypted)
        if key is None:
            raise AccountKeyUnreadable
        return self._api(key, timeout_s)

    def _api(self, key: str, timeout_s: float) -> VapiApi:
        config = self._config
        return VapiApi(
            key,
            config.vapi_url,
            timeout_s=timeout_s,
            # Only an operator can set the address, for tests.
            allow_private=config.vapi_url != Config.vapi_url,
            secrets=tuple(filter(None, (config.vapi_webhook_secret, config.vapi_hmac_secret))),
        )


def _change(action: str) -> Change:
    return Change(action=f"Vapi account {action}", subject_kind="line", subject_id="", subject_name="Vapi account")
