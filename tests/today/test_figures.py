"""Every number of today's page, the agents' list, the statistics and the navigation, counted again in plain SQL."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.calendar.statistics import STATUSES
from peterental.services import Services, build_services
from peterental.today.model import LOOKS_BACK, SHOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.database.pool import Database

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
ZONES = {"ana": "America/Chicago", "ben": "Europe/Lisbon", "cem": "Australia/Lord_Howe", "dee": "America/Chicago"}
"""Lord Howe's clocks change by half an hour."""

MOMENTS = (
    "2026-03-08T05:30Z",  # half an hour before midnight in Chicago, whose clocks go forward that day
    "2026-03-08T12:00Z",
    "2026-03-29T00:45Z",  # a quarter before Lisbon's clocks go forward
    "2026-04-04T15:20Z",  # Lord Howe's second half hour of the repeated one
    "2026-11-01T06:30Z",  # the repeated hour in Chicago, the first time
    "2026-12-31T23:30Z",  # new year's eve: a month, a week and a year end in different zones
)

STARTS = "SELECT start_time FROM appointments WHERE id = ANY(%(ids)s)"
WEEK = timedelta(days=7)

LOCAL = "(start_time AT TIME ZONE agents.time_zone)"
TODAY = "(%(now)s::timestamptz AT TIME ZONE agents.time_zone)::date"
VIEWINGS = "appointments JOIN agents USING (agent_id)"
OPEN = "status = 'confirmed' AND end_time <= %(now)s AND start_time >= %(now)s - %(back)s::interval"


@pytest.fixture(params=MOMENTS)
def now(request: pytest.FixtureRequest) -> datetime:
    """The present moment."""
    return datetime.fromisoformat(request.param)


@pytest.fixture
def services(database: Database, now: datetime) -> Services:
    """Four agents in three zones, one of them deactivated, with random viewings and calls around the moment."""
    made = build_services(database, lambda: now)
    owner = made.users.create("ana@example.com", "correct horse battery", "agent", "Ana Lima")
    for name, zone in ZONES.items():
        user_id = owner.user_id if name in {"ana", "cem"} else None
        made.agents.create(Profile(agent_name=name.title(), time_zone=zone, user_id=user_id), ADMIN)
    made.agents.set_active("dee", ADMIN, active=False)
    chance = random.Random(now.isoformat())  # noqa: S311  # data, no secret
    fill(database, chance, now)
    return made


def fill(database: Database, chance: random.Random, now: datetime) -> None:
    """Store viewings and calls, most of them near midnight or the moment, some moved, some long."""
    rows, calls = [], []
    for number in range(400):
        agent = chance.choice(list(ZONES))
        start = near(chance, now, ZoneInfo(ZONES[agent]))
        status = "confirmed" if start > now else chance.choice(list(STATUSES))
        status = chance.choice((status, "cancelled", status, status))
        call = f"c{chance.randrange(120)}" if chance.random() < 0.4 else None
        length = timedelta(minutes=chance.choice((15, 30, 90, 300)))
        rows.append((agent, start, start + length, f"Visitor {number}", status, call, chance.random() < 0.1))
    for number in range(120):
        called = chance.choice([*ZONES, None])
        began = near(chance, now, ZoneInfo(ZONES.get(called or "", "UTC")))
        calls.append((f"c{number}", called, began, began if chance.random() < 0.5 else None))
    with database.transaction() as connection:
        connection.execute("ALTER TABLE appointments DISABLE TRIGGER USER")  # nobody is told
        for row in rows:
            connection.execute(
                """
                INSERT INTO appointments (
                    agent_id, start_time, end_time, attendee_name, status, vapi_call_id, is_home_unknown,
                    property_address, overlap_allowed
                )
                VALUES (%s, %s, %s, %s, %s, %s, %s, '12 Elm Street', TRUE)
                """,
                row,
            )
        for each in calls:
            connection.execute(
                "INSERT INTO calls (vapi_call_id, agent_id, created_at, started_at) VALUES (%s, %s, %s, %s)", each
            )
        # What was moved counts where it is now.
        connection.execute(
            "UPDATE appointments SET start_time = start_time + '26 hours', end_time = end_time + '26 hours' WHERE mod(id, 7) = 0"
        )


def near(chance: random.Random, now: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment: by chance a minute around the present one, around a midnight, or anywhere in sixteen weeks."""
    jitter = timedelta(minutes=chance.choice((-1, 0, 1, 15)))
    if chance.random() < 0.2:
        return now + jitter
    day = now.astimezone(zone).date() + timedelta(days=chance.choice((-84, -83, -14, -7, -2, -1, 0, 1, 2, 3, 7, 31)))
    if chance.random() < 0.6:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) + jitter
    return now + timedelta(minutes=chance.randrange(-100_000, 60_000))


class Count:
    """Counts rows in plain SQL: every viewing is read, and its day is that of its agent's clock."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._values = {"now": now, "back": LOOKS_BACK}

    def ids(self, condition: str, order: str = "start_time, id") -> list[int]:
        """Return the viewings that meet a condition."""
        query = f"SELECT id FROM {VIEWINGS} WHERE {condition} ORDER BY {order}"
        return [row["id"] for row in self._database.fetch(query, self._values)]

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return [dict(row) for row in self._database.fetch(query, self._values | values)]


def ids(viewings: Sequence[Any]) -> list[int]:
    return [each.appointment_id for each in viewings]


def test_numbers_are_those_of_plain_sql(services: Services, database: Database, now: datetime) -> None:
    count = Count(database, now)
    for agent_id in (None, *ZONES):
        check_today(services, count, agent_id)
    check_navigation(services, count)
    check_agents(services, count)
    assert sum(check_statistics(services, count, agent_id, zone) for agent_id, zone in ZONES.items()) > 20


def check_today(services: Services, count: Count, agent_id: str | None) -> None:
    own = f"agent_id = '{agent_id}'" if agent_id else "TRUE"
    found = services.today.show(ADMIN, agent_id)
    day = f"{own} AND status <> 'cancelled' AND {LOCAL}::date = {TODAY}"
    assert found.day.total == len(count.ids(day))
    confirmed = f"{day} AND status = 'confirmed'"
    shown = ids(found.to_mark) + ids(found.ahead) + ids(found.over)
    assert sorted(shown) == sorted(count.ids(day, "status <> 'confirmed', start_time, id")[: len(shown)])
    assert len(shown) == min(found.day.total, 20)
    assert ids(found.to_mark) == count.ids(f"{confirmed} AND end_time <= %(now)s")[: len(found.to_mark)]
    tomorrow = count.ids(f"{own} AND status <> 'cancelled' AND {LOCAL}::date = {TODAY} + 1")
    assert found.day.tomorrow_total == len(tomorrow)
    first = [found.day.tomorrow_first.appointment_id] if found.day.tomorrow_first else []
    assert first == tomorrow[:1]
    earlier = count.ids(f"{own} AND {OPEN} AND {LOCAL}::date < {TODAY}", "start_time DESC, id")
    assert found.attention.viewings.total == len(earlier)
    assert ids(found.attention.viewings.items) == earlier[:SHOWN]
    unknown = count.ids(f"{own} AND is_home_unknown AND status = 'confirmed' AND start_time >= %(now)s")
    assert found.attention.homes.total == len(unknown)


def check_navigation(services: Services, count: Count) -> None:
    assert services.today.counts(ADMIN).viewings == min(len(count.ids(OPEN)), 100)
    (owner,) = count.rows("SELECT user_id, email FROM users")
    viewer = Viewer(user_id=owner["user_id"], email=owner["email"], is_admin=False)
    assert services.today.counts(viewer).viewings == min(len(count.ids(f"{OPEN} AND agent_id IN ('ana', 'cem')")), 100)


def check_agents(services: Services, count: Count) -> None:
    agents = services.agents.listing(ADMIN).agents
    assert len(agents) == len(ZONES), "those who take no bookings are listed, too"
    for row in services.calendar.summaries(agents):
        own = f"agent_id = '{row.agent.agent_id}' AND status <> 'cancelled'"
        for unit, number in (("week", row.viewings_this_week), ("month", row.viewings_this_month)):
            same = f"date_trunc('{unit}', {LOCAL}) = date_trunc('{unit}', %(now)s::timestamptz AT TIME ZONE agents.time_zone)"
            assert number == len(count.ids(f"{own} AND {same}")), (row.agent.agent_id, unit)
        coming = count.ids(f"agent_id = '{row.agent.agent_id}' AND status = 'confirmed' AND start_time >= %(now)s")
        assert [row.next_viewing and row.next_viewing.start] == (
            [each["start_time"] for each in count.rows(STARTS, ids=coming[:1])] or [None]
        )
        upcoming = services.calendar.upcoming(row.agent, limit=10)
        assert upcoming.total == len(
            count.ids(f"agent_id = '{row.agent.agent_id}' AND status = 'confirmed' AND end_time > %(now)s")
        )


def check_statistics(services: Services, count: Count, agent_id: str, zone: str) -> int:
    """Return how many viewings and calls there are."""
    found = services.calendar.statistics(agent_id, ADMIN)
    about = {"agent": agent_id, "zone": zone, "first": found.weeks[0].monday, "last": found.weeks[-1].monday + WEEK}
    expected: dict[date, Counter[str]] = {each.monday: Counter() for each in found.weeks}
    viewings = count.rows(by_week("start_time", "appointments", "status"), **about)
    for row in viewings:
        expected[row["monday"]][row["what"]] = row["number"]
    assert [dict(expected[each.monday]) for each in found.weeks] == [each.viewings for each in found.weeks]
    assert found.total == sum(found.by_status.values()) == sum(row["number"] for row in viewings)
    booked = "vapi_call_id IN (SELECT vapi_call_id FROM appointments WHERE vapi_call_id IS NOT NULL)"
    calls = count.rows(by_week("COALESCE(started_at, created_at)", "calls", booked), **about)
    for which, number in (((True, False), "calls"), ((True,), "calls_booked")):
        sums = Counter[date]()
        for row in calls:
            sums[row["monday"]] += row["number"] if row["what"] in which else 0
        assert [sums[each.monday] for each in found.weeks] == [getattr(each, number) for each in found.weeks]
    return found.total + found.calls


def by_week(moment: str, table: str, what: str) -> str:
    """Return the query that counts an agent's rows by local week, and by what they are."""
    local = f"({moment} AT TIME ZONE %(zone)s)"
    return f"""
        SELECT date_trunc('week', {local})::date AS monday, {what} AS what, COUNT(*) AS number
        FROM {table}
        WHERE agent_id = %(agent)s AND {local}::date >= %(first)s AND {local}::date < %(last)s
        GROUP BY 1, 2
    """
