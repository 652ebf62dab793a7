"""Fixtures: an office with an account at the loopback Vapi, where no pause takes time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peterental.database.pool import Database
from peterental.line import account_service, api
from tests.line.office import Office, open_office


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before repeated requests, in seconds; they take no time."""
    pauses: list[float] = []

    class Api(api.VapiApi):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options, pause=pauses.append)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(account_service, "VapiApi", Api)
    return pauses


@pytest.fixture
def office(database: Database, pauses: list[float]) -> Iterator[Office]:
    """An office whose key comes from the environment."""
    del pauses
    with open_office(database) as office:
        yield office
