"""Slot checks: the reason why a caller cannot book a time, and what takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown
from peterental.appointments.availability import UnavailableReason
from peterental.appointments.slot_check import LineSlotCheck, SlotCheck
from peterental.database.pool import Database
from peterental.services import build_services

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)  # a Sunday, 9:00 in Chicago
MONDAY = date(2026, 11, 23)
ADMIN = Viewer(1, "admin@example.com", is_admin=True)
Ask = Callable[..., SlotCheck]


@pytest.fixture
def ask(database: Database) -> Ask:
    """A function that checks a time of Ana's, who has neither an assistant nor a phone number."""
    database.fetch("INSERT INTO agents (agent_id, agent_name, buffer_minutes, daily_cap) VALUES ('ana', 'Ana', 15, 2)")
    service = build_services(database, lambda: NOW).appointments
    return lambda day, hour, minute=0, viewer=ADMIN: service.check_slot("ana", day, hour * 60 + minute, viewer)


def book(database: Database, start: datetime, minutes: int = 30) -> None:
    end = start + timedelta(minutes=minutes)
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, blocked_until, attendee_name)
        VALUES ('ana', '12 Elm', %s, %s, %s, 'Max')
        """,
        (start, end, end + timedelta(minutes=15)),
    )


@pytest.mark.parametrize(
    ("day", "hour", "minute", "reason"),
    [
        (MONDAY, 10, 0, None),
        (date(2026, 11, 22), 8, 0, UnavailableReason.PAST),
        (date(2026, 11, 22), 10, 0, UnavailableReason.TOO_SOON),
        (date(2026, 12, 7), 10, 0, UnavailableReason.TOO_FAR),
        (MONDAY, 16, 45, UnavailableReason.OUTSIDE_HOURS),
        (MONDAY, 20, 0, UnavailableReason.OUTSIDE_HOURS),
        (MONDAY, 10, 10, UnavailableReason.OFF_GRID),
    ],
)
def test_reason_is_the_one_of_the_phone(
    ask: Ask, day: date, hour: int, minute: int, reason: UnavailableReason | None
) -> None:
    found = ask(day, hour, minute)
    assert found.reason is reason
    assert found.is_free == (reason is None)
    assert bool(found.nearest) != found.is_free
    assert found.last_day == date(2026, 12, 6)


def test_viewing_is_named_before_a_busy_block(ask: Ask, database: Database) -> None:
    book(database, datetime(2026, 11, 23, 16, 0, tzinfo=UTC))  # 10:00, with its buffer until 10:45
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) VALUES ('ana', '[2026-11-23 18:00Z, 2026-11-23 19:00Z)', 'Lunch')"
    )
    for hour, minute in ((10, 0), (10, 30), (9, 30)):
        found = ask(MONDAY, hour, minute)
        assert found.reason is UnavailableReason.TAKEN
        assert found.booking is not None
        assert found.booking.property_address == "12 Elm"
        assert found.busy is None
    lunch = ask(MONDAY, 12)
    assert (lunch.booking, lunch.busy.note if lunch.busy else None) == (None, "Lunch")
    assert ask(MONDAY, 11).is_free
    assert ask(MONDAY, 9).is_free


def test_full_day_is_the_reason(ask: Ask, database: Database) -> None:
    for hour in (16, 17):
        book(database, datetime(2026, 11, 23, hour, 0, tzinfo=UTC))
    found = ask(MONDAY, 14)
    assert found.reason is UnavailableReason.DAY_FULL
    assert [start.day for start in found.nearest] == [24, 24, 24]


def test_skipped_time_has_no_start(ask: Ask) -> None:
    found = ask(date(2027, 3, 14), 2, 30)
    assert (found.start, found.until, found.reason, found.is_free) == (None, None, None, False)


def test_inactive_agent_has_no_free_time(ask: Ask, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert not ask(MONDAY, 10).is_free


def test_agent_of_another_user_is_unknown(ask: Ask, database: Database) -> None:
    with pytest.raises(AgentUnknown):
        ask(MONDAY, 10, viewer=Viewer(5, "x@example.com", is_admin=False))
    service = build_services(database, lambda: NOW).appointments
    for agent_id in ("nobody", "a\x00b"):
        with pytest.raises(AgentUnknown):
            service.check_slot(agent_id, MONDAY, 600, ADMIN)


def test_shared_line_says_whom_it_can_book(ask: Ask, database: Database) -> None:
    services = build_services(database, lambda: NOW)
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
    assert ask(MONDAY, 10).line is None
    seen = services.shared_lines.share("ana", ["ben"], "first_free", ADMIN, seen=None).updated_at
    assert ask(MONDAY, 10).line == LineSlotCheck(free=("Ben",), books_agent=False)
    seen = services.shared_lines.share("ana", ["ben", "ana"], "first_free", ADMIN, seen=seen).updated_at
    book(database, datetime(2026, 11, 23, 16, tzinfo=UTC))
    assert ask(MONDAY, 10).line == LineSlotCheck(free=("Ben",), books_agent=True)
    assert ask(MONDAY, 11).line == LineSlotCheck(free=("Ben", "Ana"), books_agent=True)
    assert ask(MONDAY, 20).line == LineSlotCheck(free=(), books_agent=True)
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert ask(MONDAY, 11).line == LineSlotCheck(free=(), books_agent=True)
