"""The week view and the day sheet: their entries, the grid, and the plan of a very full week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Agent, AgentUnknown, Profile, Window
from peterental.agents.service import AgentService
from peterental.agents.working_hours.model import BusyBlock, BusyBlockRequest, DateOverride
from peterental.agents.working_hours.service import WorkingHoursService
from peterental.appointments.calendar.model import (
    CalendarDay,
    CalendarEntry,
    Column,
    GridCell,
    Week,
    days_of,
    hours_shown,
)
from peterental.appointments.calendar.repository import DAYS
from peterental.appointments.calendar.service import MAX_ENTRIES_IN_WEEK, CalendarService
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.services import build_services

NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Chicago
MONDAY = date(2026, 11, 23)
CHICAGO = ZoneInfo("America/Chicago")
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
NINE_TO_FIVE = Window(540, 1020)


@pytest.fixture
def agents(database: Database) -> AgentService:
    service = AgentService(database, AuditService(database), now=lambda: NOW)
    service.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN)
    return service


@pytest.fixture
def calendar(database: Database, agents: AgentService) -> CalendarService:
    del agents
    return build_services(database, lambda: NOW).calendar


def book(database: Database, start: datetime, minutes: int = 30, status: str = "confirmed") -> None:
    database.fetch(
        """
        INSERT INTO appointments
            (agent_id, property_address, start_time, end_time, attendee_name, status, caller_number, overlap_allowed)
        VALUES ('ana', '12 Elm St', %s, %s, 'Max', %s, '+1555', TRUE)
        """,
        (start, start + timedelta(minutes=minutes), status),
    )


def entry(start: datetime, minutes: int = 30, buffer_min: int = 0) -> CalendarEntry:
    end = start + timedelta(minutes=minutes)
    return CalendarEntry(
        appointment_id=1,
        start=start,
        end=end,
        blocked_until=end + timedelta(minutes=buffer_min),
        status="confirmed",
        property_address="12 Elm St",
        attendee_name="Max",
        phone=None,
    )


def column(day: CalendarDay) -> Column:
    shown = hours_shown([day], CHICAGO)
    agent = Agent(agent_id="ana", agent_name="Ana")
    return next(Week(agent=agent, today=MONDAY, days=(day,), shown=shown).columns())


def a_day(day: date, *entries: CalendarEntry, busy: tuple[BusyBlock, ...] = ()) -> CalendarDay:
    (empty,) = days_of(day, CHICAGO, count=1)
    return CalendarDay(
        day=day,
        starts=empty.starts,
        ends=empty.ends,
        windows=(NINE_TO_FIVE,),
        entries=entries,
        total=len(entries),
        busy=busy,
    )


def at(hour: int, minute: int = 0, day: date = MONDAY, fold: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHICAGO, fold=fold).astimezone(UTC)


def test_week_has_seven_days_from_monday_with_entries(
    calendar: CalendarService, agents: AgentService, database: Database
) -> None:
    hours = WorkingHoursService(database, agents, AuditService(database), now=lambda: NOW)
    hours.add_override("ana", DateOverride(date(2026, 11, 26), (), "Thanksgiving"), ADMIN)
    database.fetch("INSERT INTO agent_days VALUES ('ana', '2026-11-23', '10:00', '12:00')")
    hours.add_busy_block(
        "ana",
        BusyBlockRequest(first_day=date(2026, 11, 26), last_day=date(2026, 11, 27), from_min=0, until_min=660),
        ADMIN,
    )
    for start in (at(0), at(23, 30), at(9) + timedelta(days=6), at(9) - timedelta(days=1), at(0) + timedelta(days=7)):
        book(database, start)
    book(database, at(12), status="cancelled")
    week = calendar.week("ana", ADMIN)
    assert [day.day for day in week.days] == [MONDAY + timedelta(days=n) for n in range(7)]
    assert (week.today, week.monday) == (date(2026, 11, 25), MONDAY)
    assert [day.total for day in week.days] == [2, 0, 0, 0, 0, 0, 1]
    assert [len(day.busy) for day in week.days] == [0, 0, 0, 1, 1, 0, 0]
    assert week.days[0].windows == (Window(600, 720),), "days that are over are drawn as they were"
    assert (week.days[3].windows, week.days[3].note) == ((), "Thanksgiving")
    assert week.days[1].windows == (NINE_TO_FIVE,)
    assert week.shown == Window(0, 1440)
    assert calendar.week("ana", ADMIN, date(2026, 11, 22)).monday == date(2026, 11, 16)


def test_day_sheet_has_one_local_day(calendar: CalendarService, database: Database) -> None:
    book(database, at(9, 30, date(2026, 11, 25)))
    agent, today, day = calendar.day_sheet("ana", ADMIN)
    assert (agent.agent_id, today, day.day, day.total) == ("ana", date(2026, 11, 25), date(2026, 11, 25), 1)
    assert day.entries[0].phone == "+1555"


def test_week_of_another_users_agent_is_unknown(calendar: CalendarService) -> None:
    stranger = Viewer(user_id=5, email="x@example.com", is_admin=False)
    with pytest.raises(AgentUnknown):
        calendar.week("ana", stranger)
    with pytest.raises(AgentUnknown):
        calendar.day_sheet("ana", stranger)


def test_day_length_follows_clock_changes() -> None:
    spring, autumn, usual = (
        days_of(day, CHICAGO, count=1)[0] for day in (date(2027, 3, 14), date(2026, 11, 1), MONDAY)
    )
    assert [day.ends - day.starts for day in (spring, autumn, usual)] == [timedelta(hours=n) for n in (23, 25, 24)]
    assert spring.clocks_change == "23 hours: the clocks go forward"
    assert autumn.clocks_change == "25 hours: the clocks go back"
    assert usual.clocks_change is None
    week = days_of(date(2026, 10, 26), CHICAGO)
    assert all(earlier.ends == later.starts for earlier, later in pairwise(week))


def test_viewing_is_placed_at_its_hour_with_its_buffer() -> None:
    drawn = column(a_day(MONDAY, entry(at(9, 30), buffer_min=15), entry(at(16, 30), buffer_min=60)))
    assert [item.cell for item in drawn.items] == [GridCell(row=3, rows=2), GridCell(row=31, rows=2)]
    assert [item.buffer for item in drawn.items] == [GridCell(row=5, rows=1), None], "the grid ends at five"
    assert drawn.closed == ()


def test_grid_shows_every_viewing_and_closed_time() -> None:
    day = a_day(MONDAY, entry(at(7, 45), 20), entry(at(23, 50), 30))
    assert hours_shown([day], CHICAGO) == Window(420, 1440)
    drawn = column(day)
    assert drawn.closed == (GridCell(row=1, rows=8), GridCell(row=41, rows=28))
    assert [item.cell for item in drawn.items] == [GridCell(row=4, rows=2), GridCell(row=68, rows=1)]


def test_overlapping_viewings_share_lanes_and_fold() -> None:
    drawn = column(a_day(MONDAY, *[entry(at(9), 45) for _ in range(5)], entry(at(9, 30)), entry(at(10))))
    assert [(item.cell.row, item.cell.lane, item.cell.lanes) for item in drawn.items] == [
        (1, 1, 3), (1, 2, 3), (1, 3, 3), (5, 1, 1),
    ]  # fmt: skip
    assert drawn.more == 3


def test_viewings_in_a_repeated_hour_share_lanes() -> None:
    autumn = date(2026, 11, 1)
    drawn = column(a_day(autumn, entry(at(1, 45, autumn)), entry(at(1, 45, autumn, fold=1))))
    assert [(item.cell.row, item.cell.rows, item.cell.lane) for item in drawn.items] == [(4, 2, 1), (4, 2, 2)]


def test_busy_block_is_clipped_to_the_shown_hours() -> None:
    over_night = BusyBlock(busy_id=1, start=at(16) - timedelta(days=1), until=at(10))
    early = BusyBlock(busy_id=2, start=at(6), until=at(7))
    into_the_night = BusyBlock(busy_id=3, start=at(16, 30), until=at(10) + timedelta(days=1))
    drawn = column(a_day(MONDAY, busy=(over_night, early, into_the_night)))
    assert [(item.busy.busy_id, item.cell) for item in drawn.items if item.busy] == [
        (1, GridCell(row=1, rows=4)),
        (3, GridCell(row=31, rows=2)),
    ]


def test_week_of_10000_viewings_reads_by_index(calendar: CalendarService, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, overlap_allowed)
        SELECT 'ana', 'x', %(from)s + n * INTERVAL '1 minute', %(from)s + (n + 30) * INTERVAL '1 minute', 'y', TRUE
        FROM generate_series(0, 10079) AS n
        """,
        {"from": at(0)},
    )
    database.fetch("ANALYZE appointments")
    week = calendar.week("ana", ADMIN)
    assert [day.total for day in week.days] == [1440] * 7
    assert all(len(day.entries) == MAX_ENTRIES_IN_WEEK for day in week.days)
    assert sum(col.more + sum(item.entry is not None for item in col.items) for col in week.columns()) == 10080
    days = days_of(MONDAY, CHICAGO)
    plan = database.fetch(
        f"EXPLAIN {DAYS}",
        {"agent_id": "ana", "starts": [day.starts for day in days], "ends": [day.ends for day in days], "limit": 20},
    )
    assert "Seq Scan on appointments" not in "\n".join(row["QUERY PLAN"] for row in plan)
