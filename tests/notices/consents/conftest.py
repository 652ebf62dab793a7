"""Fixtures: an office."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from tests.notices.office import Office


@pytest.fixture
def office(database: Database, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office with one agent."""
    return Office(database, monkeypatch)
