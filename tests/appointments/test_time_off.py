"""No time is offered in time off, and viewings that stand in it are found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.agents.model import Profile, Rules, Window
from peterental.agents.time_off.expansion import closure_block, days_of, repeating_blocks
from peterental.agents.time_off.model import Closure, ClosureEntry, RepeatingBlock, RepeatingEntry
from peterental.appointments.availability import Availability
from peterental.appointments.busy_times import BusyTimes
from peterental.database.pool import Database
from peterental.services import build_services

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = st.integers(0, 24).map(lambda hour: hour * 60)


@given(
    zone_name=st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe"]),
    begins=st.sampled_from([date(2026, 3, 5), date(2026, 3, 26), date(2026, 10, 1), date(2026, 10, 29)]),
    weekdays=st.sets(st.integers(1, 7), min_size=1, max_size=4),
    lunch=st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] < pair[1]),
    closed=st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] < pair[1]),
    buffer_minutes=st.sampled_from([0, 15]),
)
def test_no_free_time_lies_in_time_off(  # noqa: PLR0917  # hypothesis passes them by name
    zone_name: str,
    begins: date,
    weekdays: set[int],
    lunch: tuple[int, int],
    closed: tuple[int, int],
    buffer_minutes: int,
) -> None:
    """Each minute of an offered viewing, and of the buffer after it, is compared with the definitions."""
    zone, now = ZoneInfo(zone_name), datetime.combine(begins, time(), UTC)
    block = RepeatingBlock(
        weekdays=tuple(sorted(weekdays)), from_min=lunch[0], until_min=lunch[1], first_day=begins, repeating_id=1,
        agent_id="ana", agent_name="Ana", time_zone=zone_name, updated_at=SOME_TIME,
    )  # fmt: skip
    off = begins + timedelta(days=3)
    closure = Closure(
        name="Party",
        first_day=off,
        last_day=off,
        from_min=closed[0],
        until_min=closed[1],
        closure_id=1,
        updated_at=SOME_TIME,
    )
    party = closure_block(closure, "ana", zone)
    busy = [*repeating_blocks(block, now), *([party] if party else [])]
    rules = Rules(
        buffer_minutes=buffer_minutes,
        horizon_days=7,
        notice_minutes=0,
        week=tuple((number, Window(0, 1440)) for number in range(1, 8)),
    )
    times = BusyTimes([one.start.timestamp() for one in busy], [one.until.timestamp() for one in busy])
    starts = list(Availability(rules, zone, now, (), times).free())
    for start in starts:
        for minute in range(0, 30 + buffer_minutes, 5):
            local = (start + timedelta(minutes=minute)).astimezone(zone)
            at = local.hour * 60 + local.minute
            is_lunch = local.date() in days_of(block, local.date(), local.date()) and lunch[0] <= at < lunch[1]
            assert not is_lunch
            assert not (local.date() == off and closed[0] <= at < closed[1])


def test_closed_day_is_offered_to_nobody(database: Database) -> None:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)  # a Monday
    services = build_services(database, lambda: now)
    services.agents.create(Profile(agent_name="Ana"), ADMIN)
    thursday, friday = date(2026, 11, 26), date(2026, 11, 27)
    services.closures.add([ClosureEntry(name="Thanksgiving", first_day=thursday, last_day=thursday)], ADMIN)
    morning = RepeatingEntry(weekdays=(5,), from_min=0, until_min=720, first_day=friday)
    repeating = services.repeating_blocks.add("ana", morning, ADMIN)
    closed = services.appointments.check_slot("ana", thursday, 600, ADMIN)
    assert closed.busy is not None
    assert closed.busy.note == "Thanksgiving"
    assert closed.busy.closure_id is not None
    blocked = services.appointments.check_slot("ana", friday, 600, ADMIN)
    assert blocked.busy is not None
    assert blocked.busy.repeating_id == repeating.repeating_id
    assert services.appointments.check_slot("ana", friday, 780, ADMIN).is_free
    services.repeating_blocks.skip(repeating.repeating_id, friday, ADMIN)
    assert services.appointments.check_slot("ana", friday, 600, ADMIN).is_free


def test_viewings_in_time_off_are_counted_for_those_who_may_see_them(database: Database) -> None:
    now = datetime(2026, 11, 23, 15, tzinfo=UTC)
    services = build_services(database, lambda: now)
    for name in ("Ana", "Ben"):
        services.agents.create(Profile(agent_name=name), ADMIN)
    database.fetch("INSERT INTO users (user_id, email, password_hash, role) VALUES (5, 'ana@example.com', '', 'agent')")
    database.fetch("UPDATE agents SET user_id = 5 WHERE agent_id = 'ana'")
    anas = Viewer(user_id=5, email="ana@example.com", is_admin=False)
    day = date(2026, 11, 26)
    closure, past = services.closures.add(
        [
            ClosureEntry(name="Party", first_day=day, last_day=day, from_min=600, until_min=720),
            ClosureEntry(name="Today", first_day=date(2026, 11, 23), last_day=date(2026, 11, 23)),
        ],
        ADMIN,
    )
    for agent_id, start, status in (
        ("ana", "2026-11-26 15:45Z", "confirmed"),  # ends in it
        ("ana", "2026-11-26 18:00Z", "confirmed"),  # begins at its end
        ("ana", "2026-11-26 17:00Z", "cancelled"),
        ("ben", "2026-11-26 17:00Z", "confirmed"),
        ("ana", "2026-11-23 14:50Z", "confirmed"),  # has begun
    ):
        database.fetch(
            """
            INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time, status)
            VALUES (%(agent_id)s, '1 Elm', 'Max', %(start)s::timestamptz, %(start)s::timestamptz + INTERVAL '30 minutes', %(status)s)
            """,
            {"agent_id": agent_id, "start": start, "status": status},
        )
    found = services.time_off_viewings
    items = services.time_off.upcoming(ADMIN).items
    assert found.counts(items, ADMIN) == {("closure", closure.closure_id): 2}
    assert found.counts(items, anas) == {("closure", closure.closure_id): 1}
    assert found.counts([], ADMIN) == {}
    assert [viewing.agent_name for viewing in found.of_closure(closure.closure_id, ADMIN)] == ["Ana", "Ben"]
    assert [str(viewing.zone) for viewing in found.of_closure(closure.closure_id, anas)] == ["America/Chicago"]
    assert found.of_closure(past.closure_id, ADMIN) == ()
