"""When an agent is free: working hours, what is taken, and the days on which the clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.agents.model import Rules, Window
from peterental.appointments.availability import Availability, BookedInterval, UnavailableReason
from peterental.clock import instant_of

CHICAGO = ZoneInfo("America/Chicago")
SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
NINE_TO_FIVE = Rules(week=tuple((weekday, Window(540, 1020)) for weekday in range(1, 6)))
ROUND_THE_CLOCK = Rules(week=tuple((weekday, Window(0, 1440)) for weekday in range(1, 8)), notice_minutes=0)


def at(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def taken(start: str, until: str, appointment_id: int | None = None) -> BookedInterval:
    return BookedInterval(at(start), at(until), appointment_id)


def availability(*intervals: BookedInterval, rules: Rules = NINE_TO_FIVE, now: datetime = SUNDAY) -> Availability:
    return Availability(rules, CHICAGO, now, intervals)


def clocks(starts: list[datetime] | tuple[datetime, ...], zone: ZoneInfo = CHICAGO) -> list[str]:
    return [f"{start.astimezone(zone):%H:%M}" for start in starts]


def test_slots_end_within_working_hours() -> None:
    day = clocks(availability().free_on(MONDAY))
    assert (day[0], day[-1], len(day)) == ("09:00", "16:30", 16)
    assert availability().free_on(date(2026, 11, 28)) == []


def test_slot_length_and_step_are_the_agents() -> None:
    rules = replace(NINE_TO_FIVE, slot_minutes=60, step_minutes=45)
    assert clocks(availability(rules=rules).free_on(MONDAY))[:3] == ["09:00", "09:45", "10:30"]
    assert clocks(availability(rules=rules).free_on(MONDAY))[-1] == "15:45"


def test_overrides_replace_the_weekly_windows() -> None:
    week = ((1, Window(540, 600)), (1, Window(840, 900)), (1, Window(570, 600)))
    rules = Rules(week=week, days=((TUESDAY, Window(1380, 1440)), (date(2026, 11, 30), None)))
    assert clocks(availability(rules=rules).free_on(MONDAY)) == ["09:00", "09:30", "14:00", "14:30"]
    assert clocks(availability(rules=rules).free_on(TUESDAY)) == ["23:00", "23:30"]
    assert availability(rules=rules).free_on(date(2026, 11, 30)) == []


def test_busy_block_of_slot_length_takes_one_slot() -> None:
    both = taken("2026-11-23T10:00", "2026-11-23T10:30", 7), taken("2026-11-23T10:00", "2026-11-23T10:30")
    free = availability(*both).free_on(MONDAY)
    assert clocks(free)[:3] == ["09:00", "09:30", "10:30"]
    assert availability(*reversed(both)).free_on(MONDAY) == free


def test_back_to_back_viewings_are_allowed() -> None:
    free = availability(taken("2026-11-23T10:00", "2026-11-23T10:30")).free_on(MONDAY)
    assert clocks(free)[:4] == ["09:00", "09:30", "10:30", "11:00"]


def test_buffer_applies_after_both_viewings() -> None:
    rules = replace(NINE_TO_FIVE, buffer_minutes=15)
    free = availability(taken("2026-11-23T10:00", "2026-11-23T10:45"), rules=rules).free_on(MONDAY)
    assert clocks(free)[:3] == ["09:00", "11:00", "11:30"]


def test_long_interval_outlasts_shorter_ones() -> None:
    intervals = (taken("2026-11-22T12:00", "2026-11-23T16:00"), taken("2026-11-23T09:00", "2026-11-23T09:30"))
    assert clocks(availability(*intervals).free_on(MONDAY)) == ["16:00", "16:30"]


def test_notice_and_horizon_limit_free_times() -> None:
    monday_morning = availability(now=at("2026-11-23T09:10"))
    assert clocks(monday_morning.free_on(MONDAY))[0] == "11:30"
    assert monday_morning.free_on(date(2026, 12, 7)) != []
    assert monday_morning.free_on(date(2026, 12, 8)) == []
    assert monday_morning.free_on(date(2026, 11, 20)) == []


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ("2026-11-23T10:00", None),
        ("2026-11-22T08:00", UnavailableReason.PAST),
        ("2026-11-22T10:00", UnavailableReason.TOO_SOON),
        ("2026-12-07T10:00", UnavailableReason.TOO_FAR),
        ("2026-11-23T10:10", UnavailableReason.OFF_GRID),
        ("2026-11-23T08:30", UnavailableReason.OUTSIDE_HOURS),
        ("2026-11-23T16:45", UnavailableReason.OUTSIDE_HOURS),
        ("2026-11-28T10:00", UnavailableReason.OUTSIDE_HOURS),
        ("2026-11-23T11:00", UnavailableReason.TAKEN),
        ("2026-11-24T11:00", UnavailableReason.DAY_FULL),
    ],
)
def test_reason_unavailable(start: str, reason: UnavailableReason | None) -> None:
    book = (
        taken("2026-11-23T11:00", "2026-11-23T11:30"),
        taken("2026-11-24T09:00", "2026-11-24T09:30", 1),
    )
    assert availability(*book, rules=replace(NINE_TO_FIVE, daily_cap=1)).reason_unavailable(at(start)) == reason


def test_nearest_looks_before_and_after() -> None:
    book = availability(taken("2026-11-24T10:00", "2026-11-24T12:00"))
    assert clocks(book.nearest(at("2026-11-24T11:00"))) == ["09:30", "12:00", "12:30"]
    assert clocks(book.nearest(at("2020-01-01T00:00"))) == ["09:00", "09:30", "10:00"]
    assert [f"{s:%d}" for s in book.nearest(at("2026-11-28T12:00"))] == ["27", "27", "27"]
    assert availability(rules=Rules()).nearest(SUNDAY) == ()


def test_nearest_agrees_with_a_full_sort() -> None:
    rules = Rules(week=((1, Window(0, 30)), (2, Window(1410, 1440)), (4, Window(0, 90))), notice_minutes=0)
    book = availability(rules=rules)
    wanted = at("2026-11-25T23:00")
    every = sorted(book.free(), key=lambda start: abs(start - wanted))[:3]
    assert book.nearest(wanted) == tuple(sorted(every))


def test_offers_spread_over_half_days_and_days() -> None:
    book = availability()
    assert [f"{s.astimezone(CHICAGO):%a %H:%M}" for s in book.pick_diverse(book.free())] == [
        "Mon 09:00",
        "Mon 12:00",
        "Tue 09:00",
    ]
    one_day = book.pick_diverse(iter(book.free_on(MONDAY)))
    assert clocks(one_day) == ["09:00", "12:00", "14:00"]
    assert clocks(book.pick_diverse(iter(book.free_on(MONDAY)[:3]))) == ["09:00", "10:00"]
    assert clocks(book.pick_diverse(iter(book.free_on(MONDAY)[:2]))) == ["09:00"]
    assert book.pick_diverse(iter([])) == ()


def test_search_stops_when_enough_is_found() -> None:
    book = availability(rules=replace(NINE_TO_FIVE, horizon_days=365))
    looked_at: list[date] = []
    book.free_on = lambda day: looked_at.append(day) or Availability.free_on(book, day)  # type: ignore[method-assign, func-returns-value]
    book.pick_diverse(book.free())
    assert looked_at[-1] == TUESDAY


def test_time_of_day_is_found_on_the_next_days() -> None:
    book = availability(taken("2026-11-24T15:00", "2026-11-24T15:30"))
    assert [f"{s.astimezone(CHICAGO):%a}" for s in book.at_time_of_day(15 * 60)] == ["Mon", "Wed", "Thu"]
    assert book.at_time_of_day(3 * 60) == ()


@pytest.mark.parametrize(
    ("zone", "day", "skipped"),
    [("America/Chicago", "2027-03-14", "02:30"), ("Europe/Berlin", "2027-03-28", "02:30"), ("Australia/Sydney", "2026-10-04", "02:30"), ("Australia/Lord_Howe", "2026-10-04", "02:00")],
)  # fmt: skip
def test_skipped_time_is_never_offered(zone: str, day: str, skipped: str) -> None:
    place = ZoneInfo(zone)
    now = at(f"{day}T00:00", place) - timedelta(days=1)
    starts = Availability(ROUND_THE_CLOCK, place, now, ()).free_on(date.fromisoformat(day))
    assert skipped not in clocks(starts, place)
    assert len(starts) == 48 - (1 if zone.endswith("Howe") else 2)


@pytest.mark.parametrize(
    ("zone", "day", "repeated"),
    [("America/Chicago", "2026-11-01", "01:30"), ("Europe/Berlin", "2026-10-25", "02:30"), ("Australia/Sydney", "2027-04-04", "02:30")],
)  # fmt: skip
def test_repeated_time_is_offered_once_at_its_first_instant(zone: str, day: str, repeated: str) -> None:
    place = ZoneInfo(zone)
    now = at(f"{day}T00:00", place) - timedelta(days=1)
    book = Availability(ROUND_THE_CLOCK, place, now, ())
    starts = book.free_on(date.fromisoformat(day))
    first = at(f"{day}T{repeated}", place)
    assert clocks(starts, place).count(repeated) == 1
    assert first in starts
    assert book.reason_unavailable(first + timedelta(hours=1)) is not None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 14 * 96), st.integers(1, 40)), max_size=30),
    st.integers(0, 60),
)
def test_free_times_overlap_no_taken_time(book: list[tuple[int, int]], buffer_minutes: int) -> None:
    quarter = timedelta(minutes=15)
    intervals = [
        BookedInterval(SUNDAY + start * quarter, SUNDAY + (start + length) * quarter) for start, length in book
    ]
    rules = replace(ROUND_THE_CLOCK, buffer_minutes=buffer_minutes)
    available = Availability(rules, CHICAGO, SUNDAY, intervals)
    for day in list(available.days())[:5]:
        free = set(available.free_on(day))
        for start in available.starts_on(day):
            until = start + timedelta(minutes=30 + buffer_minutes)
            clear = all(until <= interval.start or start >= interval.until for interval in intervals)
            assert (start in free) == (clear and start > SUNDAY)


def test_instants_are_utc() -> None:
    assert instant_of(MONDAY, 9 * 60, CHICAGO) == datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    assert instant_of(MONDAY, 24 * 60, CHICAGO) == at("2026-11-24T00:00")


@settings(max_examples=300, deadline=None)
@given(
    zone=st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo"]),
    day=st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    opens=st.integers(0, 1400),
    length=st.integers(10, 1440),
    step=st.sampled_from([15, 30, 45]),
)
def test_starts_agree_with_checking_every_minute(zone: str, day: date, opens: int, length: int, step: int) -> None:
    window = Window(opens, min(opens + length, 1440))
    rules = replace(ROUND_THE_CLOCK, week=((day.isoweekday(), window),), step_minutes=step)
    available = Availability(rules, ZoneInfo(zone), SUNDAY, ())
    closes = available._closing(day, window.closes_min)
    found = {instant_of(day, minute, ZoneInfo(zone)) for minute in range(window.opens_min, window.closes_min, step)}
    slot = timedelta(minutes=rules.slot_minutes)
    assert available.starts_on(day) == sorted(start for start in found if start is not None and start + slot <= closes)
