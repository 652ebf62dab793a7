"""The days of several agents side by side: on whose clocks, what is free, and which agents."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Agent, Profile, Rules, Window
from peterental.agents.time_off.model import ClosureEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.calendar.model import days_of
from peterental.appointments.calendar.office import local_dates, office_windows, spaced
from peterental.appointments.calendar.office_service import AGENTS_PER_PAGE, ENTRIES_PER_WEEKDAY
from peterental.database.pool import Database
from peterental.services import Services, build_services

NOW = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)  # a Wednesday, 10:00 in Chicago
WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)
CHICAGO = ZoneInfo("America/Chicago")
ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
EVERY_DAY = tuple((weekday, Window(540, 1020)) for weekday in range(1, 8))


@pytest.fixture
def services(database: Database) -> Services:
    services = build_services(database, lambda: NOW)
    services.agents.create(Profile(agent_name="Ana"), ADMIN)
    services.agents.create(Profile(agent_name="Ben", time_zone="America/Denver"), ADMIN)
    return services


def book(database: Database, start: datetime, agent_id: str = "ana", status: str = "confirmed") -> None:
    database.fetch(
        "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name, status,"
        " overlap_allowed) VALUES (%s, '12 Elm St', %s, %s, 'Max', %s, TRUE)",
        (agent_id, start, start + timedelta(minutes=30), status),
    )


def agent(zone: str) -> Agent:
    return Agent(agent_id="a", agent_name="A", time_zone=zone, rules=Rules(week=EVERY_DAY))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/Chicago", [Window(540, 1020)]),
        ("America/Denver", [Window(600, 1080)]),
        ("Asia/Tokyo", [Window(0, 120), Window(1080, 1440)]),
        ("Pacific/Auckland", [Window(840, 1320)]),
    ],
)
def test_working_hours_are_on_the_clocks_of_the_office(zone: str, expected: list[Window]) -> None:
    (day,) = days_of(WEDNESDAY, CHICAGO, count=1)
    assert sorted(office_windows(agent(zone), day, CHICAGO)) == expected


def test_hours_that_the_clocks_skip_are_left_out() -> None:
    (day,) = days_of(date(2026, 3, 8), CHICAGO, count=1)
    night = Rules(week=((7, Window(150, 600)), (7, Window(720, 780))))
    skipping = Agent(agent_id="a", agent_name="A", time_zone="America/Chicago", rules=night)
    assert office_windows(skipping, day, CHICAGO) == (Window(720, 780),)


def test_dates_of_another_zone_are_all_touched_ones() -> None:
    (day,) = days_of(WEDNESDAY, CHICAGO, count=1)
    assert local_dates(day.starts, day.ends, CHICAGO) == [WEDNESDAY]
    assert local_dates(day.starts, day.ends, ZoneInfo("Asia/Tokyo")) == [WEDNESDAY, THURSDAY]


def test_free_times_are_half_an_hour_apart() -> None:
    starts = [NOW + timedelta(minutes=minutes) for minutes in (0, 15, 30, 45, 90, 100)]
    assert spaced(starts) == (starts[0], starts[2], starts[4])
    assert spaced([]) == ()


def test_day_has_viewings_busy_and_free_times(services: Services, database: Database) -> None:
    book(database, datetime(2026, 11, 26, 16, 0, tzinfo=UTC))
    book(database, datetime(2026, 11, 26, 17, 0, tzinfo=UTC), status="cancelled")
    services.hours.add_busy_block(
        "ben", BusyBlockRequest(first_day=THURSDAY, last_day=THURSDAY, from_min=600, until_min=660), ADMIN
    )
    services.hours.add_override("ana", DateOverride(THURSDAY, (Window(600, 720),)), ADMIN)
    found = services.office_calendar.day(ADMIN, THURSDAY)
    ana, ben = found.columns()
    assert found.zone == CHICAGO
    assert [item.entry.appointment_id for item in ana.column.items if item.entry] == [1]
    assert [free.start.hour for free in ana.free] == [16, 17, 17], "10:00 is taken, 10:30 to 11:30 is free"
    assert [item.cell.row for item in ben.column.items] == [5], "10 am in Denver is 11 am here; the grid starts at 10"
    assert found.shown == Window(600, 1080)
    assert ben.free[0].start == datetime(2026, 11, 26, 16, 0, tzinfo=UTC)


def test_day_off_in_another_zone_says_nothing_about_the_next_day(services: Services) -> None:
    retreat = ClosureEntry(name="Retreat", first_day=THURSDAY, last_day=THURSDAY)
    services.closures.add([retreat], ADMIN)
    (ben,) = services.office_calendar.week(ADMIN, THURSDAY, ["ben"]).rows
    thursday, friday = ben.days[3:5]
    (block,) = thursday.day.busy
    assert thursday.busy_at_work(CHICAGO) == (block,)
    assert thursday.takes_all_work(block, CHICAGO), "from midnight in Denver, which is 1 am here"
    assert friday.day.busy == (block,), "until midnight in Denver"
    assert friday.busy_at_work(CHICAGO) == ()
    assert not friday.takes_all_work(block, CHICAGO)


def test_busy_time_of_a_closed_day_counts(services: Services) -> None:
    saturday = date(2026, 11, 28)
    morning = BusyBlockRequest(first_day=saturday, last_day=saturday, from_min=600, until_min=660)
    services.hours.add_busy_block("ana", morning, ADMIN)
    services.hours.add_busy_block(
        "ana", BusyBlockRequest(first_day=saturday + timedelta(days=1), last_day=saturday + timedelta(days=1)), ADMIN
    )
    (ana,) = services.office_calendar.week(ADMIN, saturday, ["ana"]).rows
    first, second = ana.days[5:7]
    assert first.busy_at_work(CHICAGO) == first.day.busy
    assert [each.takes_all_work(each.day.busy[0], CHICAGO) for each in (first, second)] == [False, True]


def test_past_days_keep_their_hours_and_offer_nothing(services: Services) -> None:
    past = date(2026, 11, 10)
    found = services.office_calendar.day(ADMIN, past, ["ana"])
    (ana,) = found.rows
    assert ana.days[0].day.windows == (Window(540, 1020),)
    assert ana.days[0].free == ()


def test_inactive_agent_offers_nothing(services: Services) -> None:
    services.agents.set_active("ana", ADMIN, active=False)
    found = services.office_calendar.day(ADMIN, THURSDAY, ["ana"])
    assert found.rows[0].days[0].free == ()


def test_week_starts_on_monday_and_cuts_long_days(services: Services, database: Database) -> None:
    for hour in range(15, 22):
        book(database, datetime(2026, 11, 26, hour, 0, tzinfo=UTC))
    found = services.office_calendar.week(ADMIN, THURSDAY, ["ana"])
    assert found.dates[0] == date(2026, 11, 23)
    day = found.rows[0].days[3].day
    assert (len(day.entries), day.total) == (ENTRIES_PER_WEEKDAY, 7)


def test_agents_are_paged_and_filtered(services: Services) -> None:
    for number in range(AGENTS_PER_PAGE):
        services.agents.create(Profile(agent_name=f"Z{number}"), ADMIN)
    first, second = services.office_calendar.day(ADMIN), services.office_calendar.day(ADMIN, page=2)
    assert (len(first.rows), first.has_more, len(second.rows), second.has_more) == (AGENTS_PER_PAGE, True, 2, False)
    chosen = services.office_calendar.day(ADMIN, None, ["z3", "ben", "unknown"])
    assert {row.agent.agent_id for row in chosen.rows} == {"z3", "ben"}
    assert set(chosen.chosen) == {"z3", "ben"}


def test_viewer_sees_own_agents_only(services: Services) -> None:
    ana = services.users.create("ana@example.com", "correct horse battery", "agent", "Ana Lima")
    assert services.office_calendar.week(ana).rows == ()
    services.agents.create(Profile(agent_name="Own", user_id=ana.user_id), ADMIN)
    found = services.office_calendar.day(ana, None, ["ben"])
    assert [row.agent.agent_id for row in found.rows] == ["own"]
