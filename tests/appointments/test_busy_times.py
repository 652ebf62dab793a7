"""Busy times: the same answers as from bookings at the same times, whatever overlaps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.agents.model import Rules, Window
from peterental.appointments.availability import Availability, BookedInterval, UnavailableReason
from peterental.appointments.busy_times import NO_BUSY_TIMES, BusyTimes
from peterental.appointments.repository import AppointmentRepository
from peterental.database.pool import Database

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")
MINUTE = timedelta(minutes=1)


def busy(*blocks: tuple[datetime, datetime]) -> BusyTimes:
    return BusyTimes([start.timestamp() for start, _ in blocks], [end.timestamp() for _, end in blocks])


@pytest.mark.parametrize(
    ("first", "last", "overlaps"),
    [(0, 60, True), (-30, 1, True), (59, 90, True), (10, 20, True), (-60, 0, False), (60, 90, False), (-9, 99, True)],
)
def test_times_that_touch_do_not_overlap(first: int, last: int, *, overlaps: bool) -> None:
    hour = busy((NOON, NOON + 60 * MINUTE))
    assert hour.overlaps(NOON + first * MINUTE, NOON + last * MINUTE) is overlaps


def test_nothing_overlaps_no_busy_time() -> None:
    assert not NO_BUSY_TIMES.overlaps(NOON, NOON + 60 * MINUTE)


@settings(deadline=None, max_examples=200)
@given(
    blocks=st.lists(st.tuples(st.integers(-3 * 1440, 15 * 1440), st.integers(1, 4 * 1440)), max_size=40),
    buffer_minutes=st.integers(0, 60),
    slot_minutes=st.sampled_from([15, 30, 50, 60]),
    cap=st.none() | st.integers(1, 3),
    probe=st.integers(-1440, 16 * 1440),
)
def test_busy_times_take_what_bookings_would(
    blocks: list[tuple[int, int]], buffer_minutes: int, slot_minutes: int, cap: int | None, probe: int
) -> None:
    """Meetings, all-day events and events of several days; a daily cap counts bookings only."""
    rules = Rules(
        week=tuple((weekday, Window(0, 1440)) for weekday in range(1, 8)),
        notice_minutes=0,
        buffer_minutes=buffer_minutes,
        slot_minutes=slot_minutes,
        daily_cap=cap,
    )
    spans = [(NOON + start * MINUTE, NOON + (start + length) * MINUTE) for start, length in blocks]
    with_bookings = Availability(rules, CHICAGO, NOON, [BookedInterval(*span) for span in spans])
    with_busy = Availability(rules, CHICAGO, NOON, (), busy(*spans))
    assert list(with_busy.free()) == list(with_bookings.free())
    moment = NOON + probe * MINUTE
    assert with_busy.reason_unavailable(moment) == with_bookings.reason_unavailable(moment)
    assert with_busy.nearest(moment) == with_bookings.nearest(moment)


def test_stored_busy_times_are_exact(database: Database) -> None:
    """To the second at their edges, in both directions, and up to the horizon."""
    database.fetch("INSERT INTO agents (agent_id, agent_name, time_zone) VALUES ('ana', 'Ana', 'America/Chicago')")
    now = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    spans = [
        (now - timedelta(days=4), now + timedelta(hours=9, microseconds=1)),
        (now + timedelta(hours=10, seconds=1), now + timedelta(hours=11)),
        (now + timedelta(days=99), now + timedelta(days=100)),
    ]
    for start, end in spans:
        database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', tstzrange(%s, %s))", (start, end))
    schedule = AppointmentRepository(database).line_of("ana", now).holder
    assert schedule.busy.overlaps(now + timedelta(hours=9), now + timedelta(hours=10))
    assert not schedule.busy.overlaps(now + timedelta(hours=9, microseconds=1), now + timedelta(hours=10, seconds=1))
    assert schedule.busy.overlaps(now + timedelta(hours=9, minutes=59), now + timedelta(hours=10, seconds=2))
    assert not schedule.busy.overlaps(now + timedelta(hours=11), now + timedelta(days=98))
    assert not schedule.busy.overlaps(*spans[2]), "beyond the horizon"
    assert schedule.agent is not None
    free = Availability(schedule.agent.rules, schedule.agent.zone, now, schedule.taken, schedule.busy)
    assert free.reason_unavailable(datetime(2026, 11, 23, 9, tzinfo=CHICAGO)) is UnavailableReason.TAKEN
    assert free.free_on(date(2026, 11, 23))[0].astimezone(CHICAGO).hour >= 9
