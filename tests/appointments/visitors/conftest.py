"""Fixtures: Ana in Chicago, a clock that a test sets, and viewings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from tests.clocks import Clock

SIGNED_WITH = "a text for tests, long enough to sign links"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""Sunday, nine in the morning in Chicago."""


@pytest.fixture
def clock() -> Clock:
    """A clock that shows Sunday morning at first."""
    return Clock(NOW)


@pytest.fixture
def services(database_url: str, clock: Clock) -> Iterator[Services]:
    """The services, with Ana in Chicago, who takes viewings of half an hour with a pause of 15 minutes."""
    database = Database(database_url, pool_size=8)
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name, vapi_assistant_id, handover_number, buffer_minutes)
        VALUES ('ana', 'Ana Reyes', 'assistant', '+14055550100', 15)
        """
    )
    yield build_services(database, clock, Config(secret_key=SIGNED_WITH))
    database.close()


@pytest.fixture
def insert(database: Database) -> Callable[..., int]:
    """A function that inserts a viewing of Ana's."""

    def insert(start: datetime, **others: Any) -> int:
        values = {
            "agent_id": "ana",
            "start_time": start,
            "end_time": start + timedelta(minutes=30),
            "blocked_until": start + timedelta(minutes=45),
            "property_address": "12 Oak Street",
            "attendee_name": "Dolores",
            "status": "confirmed",
            "caller_number": "+14055550123",
            **others,
        }
        marks = ", ".join(["%s"] * len(values))
        rows = database.fetch(
            f"INSERT INTO appointments ({', '.join(values)}) VALUES ({marks}) RETURNING id", list(values.values())
        )
        return int(rows[0]["id"])

    return insert
