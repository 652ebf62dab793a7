"""The account: a key from the environment, or one that an admin enters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from peterental.line.composition import LineServices, build_line
from peterental.line.model import (
    AccountFromEnvironment,
    AccountKeyUnreadable,
    AccountMissing,
    KeyInvalid,
    StorageKeyMissing,
    VapiKeyRefused,
)
from tests.line.office import OFFICE, SESSION_WORDS, Office
from tests.line.vapi_server import KEY


@pytest.fixture
def line_with(office: Office) -> Callable[..., LineServices]:
    """A function that builds the services with other settings; without them, an admin enters the key."""

    def line_with(**settings: object) -> LineServices:
        config = replace(office.config, **({"vapi_api_key": None} | settings))  # type: ignore[arg-type]  # as given
        return build_line(office.database, office.services, config)

    return line_with


def test_entered_key_is_stored_encrypted(office: Office, line_with: Callable[..., LineServices]) -> None:
    line = line_with()
    assert (line.account.get(OFFICE), line.account.is_connected()) == (None, False)
    line.account.connect(f" {KEY} ", OFFICE)
    account = line.account.get(OFFICE)
    assert account is not None
    assert (account.connected_by, account.is_from_environment) == (OFFICE.email, False)
    assert KEY not in str(office.database.fetch("SELECT * FROM line_account"))
    with line.account.open() as api:
        assert api.assistants() == []
    actions = [entry.change.action for entry in office.services.audit.listing(OFFICE).entries]
    assert actions[0] == "Vapi account connected"


def test_disconnected_key_is_deleted(office: Office, line_with: Callable[..., LineServices]) -> None:
    line = line_with()
    line.account.connect(KEY, OFFICE)
    line.account.disconnect(OFFICE)
    assert office.database.fetch("SELECT api_key, connected_at, connected_by FROM line_account") == [
        {"api_key": None, "connected_at": None, "connected_by": None}
    ]
    with pytest.raises(AccountMissing):
        line.account.open()


def test_key_of_the_environment_wins(office: Office, line_with: Callable[..., LineServices]) -> None:
    line = line_with(vapi_api_key=KEY)
    account = line.account.get(OFFICE)
    assert account is not None
    assert account.is_from_environment
    with pytest.raises(AccountFromEnvironment):
        line.account.connect(KEY, OFFICE)
    with pytest.raises(AccountFromEnvironment):
        line.account.disconnect(OFFICE)
    assert office.vapi.asked == []


def test_production_needs_a_key_to_encrypt_with(line_with: Callable[..., LineServices]) -> None:
    line = line_with(environment="production")
    with pytest.raises(StorageKeyMissing):
        line.account.connect(KEY, OFFICE)
    line_with(environment="production", credentials_keys=("k" * 32,)).account.connect(KEY, OFFICE)


def test_changed_encryption_key_is_explained(line_with: Callable[..., LineServices]) -> None:
    line_with().account.connect(KEY, OFFICE)
    with pytest.raises(AccountKeyUnreadable):
        line_with(secret_key=f"another {SESSION_WORDS}").account.open()


def test_wrong_key_is_not_stored(office: Office, line_with: Callable[..., LineServices]) -> None:
    line = line_with()
    with pytest.raises(VapiKeyRefused):
        line.account.connect("a-public-key", OFFICE)
    assert line.account.get(OFFICE) is None
    assert office.vapi.written() == []


@pytest.mark.parametrize("key", ["", " ", "two words", "ключ", "x" * 201, "a\nb"])
def test_malformed_key_is_not_tried(office: Office, line_with: Callable[..., LineServices], key: str) -> None:
    with pytest.raises(KeyInvalid):
        line_with().account.connect(key, OFFICE)
    assert office.vapi.asked == []
