"""The next viewings of agents, their counts, and viewings outside working hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.calendar.summaries import week_and_month
from peterental.database.pool import Database
from peterental.services import Services, build_services

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # a Tuesday, 10:00 in Chicago
CHICAGO = ZoneInfo("America/Chicago")
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)


@pytest.fixture
def services(database: Database) -> Services:
    """The services, on a Tuesday morning in Chicago, with the agents Ana and Ben."""
    services = build_services(database, lambda: NOW)
    services.agents.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN)
    services.agents.create(Profile(agent_name="Ben"), ADMIN)
    return services


def book(database: Database, start: datetime, *, status: str = "confirmed", home: str = "12 Elm St") -> None:
    """Insert a viewing of half an hour with Ana."""
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status)
        VALUES ('ana', %s, %s, %s, 'Max', %s)
        """,
        (home, start, start + timedelta(minutes=30), status),
    )


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time on Ana's wall clock in 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHICAGO)


def test_summaries_count_local_weeks_and_months(services: Services, database: Database) -> None:
    book(database, local(11, 23, 0))  # the week's first minute
    book(database, local(11, 22, 23, 30))  # last week, this month
    book(database, local(11, 24, 11), status="cancelled")
    book(database, local(11, 24, 12), home="7 Oak Ave")
    book(database, local(11, 30, 23, 30))  # next week, still this month
    book(database, local(12, 1, 0))
    ana, ben = services.calendar.summaries(services.agents.listing(ADMIN).agents)
    assert ana.next_viewing
    assert ana.next_viewing.start == datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    assert ana.next_viewing.property_address == "7 Oak Ave"
    assert (ana.viewings_this_week, ana.viewings_this_month) == (2, 4)
    assert (ben.next_viewing, ben.viewings_this_week, ben.viewings_this_month) == (None, 0, 0)
    assert services.calendar.summaries(()) == ()


def test_week_and_month_start_at_local_midnight() -> None:
    edges = week_and_month(datetime(2026, 11, 1, 12, tzinfo=UTC), CHICAGO)
    assert edges == (
        datetime(2026, 10, 26, 5, tzinfo=UTC),
        datetime(2026, 11, 2, 6, tzinfo=UTC),
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 12, 1, 6, tzinfo=UTC),
    )


def test_upcoming_includes_the_viewing_going_on(services: Services, database: Database) -> None:
    ana = services.agents.get("ana", ADMIN)
    assert services.calendar.upcoming(ana).total == 0
    book(database, NOW - timedelta(minutes=15), home="going on")
    book(database, NOW - timedelta(minutes=60), home="over")
    book(database, NOW + timedelta(hours=1), status="cancelled")
    for day in range(1, 13):
        book(database, NOW + timedelta(days=day))
    upcoming = services.calendar.upcoming(ana, limit=3)
    assert upcoming.total == 13
    assert [viewing.property_address for viewing in upcoming.viewings] == ["going on", "12 Elm St", "12 Elm St"]
    assert upcoming.viewings[1].start == NOW + timedelta(days=1)


def test_upcoming_stops_counting_at_1000(services: Services, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
        SELECT 'ana', '12 Elm St', %(now)s + n * INTERVAL '1 hour', %(now)s + (n + 1) * INTERVAL '1 hour', 'Max'
        FROM generate_series(1, 1100) AS n
        """,
        {"now": NOW},
    )
    upcoming = services.calendar.upcoming(services.agents.get("ana", ADMIN))
    assert (len(upcoming.viewings), upcoming.total, upcoming.total_in_words) == (10, 1000, "1000 or more")


def test_viewings_in_closed_or_busy_time_are_conflicts(services: Services, database: Database) -> None:
    for day in (25, 26, 27):
        book(database, local(11, day, 10))
    book(database, local(11, 27, 16, 45))  # past closing time
    book(database, local(11, 27, 23, 45))  # on Friday, over midnight
    schedule = services.hours.schedule("ana", ADMIN)
    assert [viewing.start.minute for viewing in services.calendar.conflicts(schedule).viewings] == [45, 45]
    services.hours.add_override("ana", DateOverride(date(2026, 11, 25), ()), ADMIN)
    thursday = date(2026, 11, 26)
    busy = BusyBlockRequest(first_day=thursday, last_day=thursday, from_min=629, until_min=700)
    services.hours.add_busy_block("ana", busy, ADMIN)
    conflicts = services.calendar.conflicts(services.hours.schedule("ana", ADMIN))
    assert [viewing.start.day for viewing in conflicts.viewings] == [25, 26, 27, 28]
    assert conflicts.checked == 5
    assert database.fetch("SELECT COUNT(*) AS number FROM appointments WHERE status = 'confirmed'") == [{"number": 5}]
