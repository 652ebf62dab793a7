"""Weekly statistics: what is counted, the limit, and the plans."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentUnknown, Profile
from peterental.agents.service import AgentService
from peterental.appointments.calendar.repository import VIEWINGS_BY_WEEK
from peterental.appointments.calendar.service import CalendarService
from peterental.appointments.calendar.statistics import MAX_COUNTED, mondays
from peterental.audit.service import AuditService
from peterental.calls.queries import CALLS_BY_WEEK
from peterental.database.pool import Database
from peterental.services import build_services

NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)  # a Wednesday
CHICAGO = ZoneInfo("America/Chicago")
THIS_MONDAY = datetime(2026, 11, 23, tzinfo=CHICAGO)
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


@pytest.fixture
def calendar(database: Database) -> CalendarService:
    agents = AgentService(database, AuditService(database), now=lambda: NOW)
    agents.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN)
    agents.create(Profile(agent_name="Ben"), ADMIN)
    return build_services(database, lambda: NOW).calendar


def book(database: Database, start: datetime, status: str = "completed", call: str | None = None) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status, vapi_call_id)
        VALUES ('ana', '12 Elm St', %s, %s, 'Max', %s, %s)
        """,
        (start, start + timedelta(minutes=30), status, call),
    )


def add_call(database: Database, call: str, at: datetime, agent_id: str = "ana") -> None:
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id, created_at) VALUES (%s, %s, %s)", (call, agent_id, at))


def test_viewings_are_counted_by_local_week_and_status(calendar: CalendarService, database: Database) -> None:
    minute = timedelta(minutes=1)
    book(database, THIS_MONDAY)
    book(database, THIS_MONDAY + timedelta(days=1), "cancelled")
    book(database, THIS_MONDAY - minute, "no_show")
    book(database, datetime(2026, 9, 7, tzinfo=CHICAGO))
    book(database, datetime(2026, 9, 7, tzinfo=CHICAGO) - minute)
    book(database, datetime(2026, 11, 30, tzinfo=CHICAGO), "confirmed")
    statistics = calendar.statistics("ana", ADMIN)
    assert [week.monday for week in statistics.weeks][::11] == [date(2026, 9, 7), date(2026, 11, 23)]
    assert [week.total for week in statistics.weeks] == [1, *[0] * 9, 1, 2]
    assert statistics.weeks[-1].viewings == {"completed": 1, "cancelled": 1}
    assert statistics.by_status == {"completed": 2, "confirmed": 0, "no_show": 1, "cancelled": 1}
    assert (statistics.total, statistics.is_partial) == (4, False)


def test_calls_that_booked_are_counted_once(calendar: CalendarService, database: Database) -> None:
    add_call(database, "c1", NOW)
    add_call(database, "c2", NOW)
    add_call(database, "c3", NOW - timedelta(days=7))
    add_call(database, "c4", NOW, "ben")
    for number in range(2):
        book(database, THIS_MONDAY + timedelta(days=40 + number), "confirmed", "c1")
    book(database, THIS_MONDAY + timedelta(days=50), "cancelled", "c3")
    statistics = calendar.statistics("ana", ADMIN)
    assert [(week.calls, week.calls_booked) for week in statistics.weeks[-2:]] == [(1, 1), (2, 1)]
    assert (statistics.calls, statistics.calls_booked) == (3, 2)


def test_statistics_of_another_users_agent_are_unknown(calendar: CalendarService) -> None:
    with pytest.raises(AgentUnknown):
        calendar.statistics("ana", Viewer(user_id=5, email="x@example.com", is_admin=False))


def test_counting_stops_at_the_limit(calendar: CalendarService, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status)
        SELECT 'ana', 'x', %(from)s - n * INTERVAL '1 minute', %(from)s - (n - 1) * INTERVAL '1 minute', 'y', 'completed'
        FROM generate_series(1, 11000) AS n
        """,
        {"from": THIS_MONDAY},
    )
    statistics = calendar.statistics("ana", ADMIN)
    assert (statistics.total, statistics.is_partial) == (MAX_COUNTED, True)


@pytest.mark.parametrize("query", [VIEWINGS_BY_WEEK, CALLS_BY_WEEK])
def test_counting_reads_by_index(calendar: CalendarService, database: Database, query: str) -> None:
    del calendar
    database.fetch("INSERT INTO agents (agent_id, agent_name) SELECT n::text, 'x' FROM generate_series(1, 100) n")
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status, vapi_call_id)
        SELECT (1 + mod(n, 100))::text, 'x', %(now)s - n * INTERVAL '1 hour', %(now)s - (n - 1) * INTERVAL '1 hour', 'y',
               'completed', n::text
        FROM generate_series(1, 20000) AS n
        """,
        {"now": NOW},
    )
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, agent_id, created_at)
        SELECT n::text, (1 + mod(n, 100))::text, %(now)s - n * INTERVAL '1 hour' FROM generate_series(1, 20000) AS n
        """,
        {"now": NOW},
    )
    database.fetch("ANALYZE appointments")
    database.fetch("ANALYZE calls")
    edges = [THIS_MONDAY - timedelta(weeks=n) for n in range(11, -2, -1)]
    values = {"agent_id": "7", "edges": edges[:-1], "first": edges[0], "last": edges[-1], "limit": MAX_COUNTED}
    plan = "\n".join(row["QUERY PLAN"] for row in database.fetch(f"EXPLAIN {query}", values))
    assert "Seq Scan" not in plan


def test_statistics_cover_twelve_weeks() -> None:
    days = mondays(date(2026, 11, 29))
    assert (days[0], days[-2], days[-1], len(days)) == (date(2026, 9, 7), date(2026, 11, 23), date(2026, 11, 30), 13)
