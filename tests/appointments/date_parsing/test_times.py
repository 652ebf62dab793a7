"""Which half of the day is meant, under different working hours; what parts and limits allow."""

from __future__ import annotations

from datetime import datetime

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import AmOrPm, DayNeeded, ExactTime, MinuteRange, Search, explain, parse_start
from peterental.appointments.date_parsing.expressions import Clock, DayPart, TimeWindow, clock_at
from peterental.appointments.date_parsing.times import halves, part_range, window_range
from tests.appointments.date_parsing.table import CHICAGO, context

OFFICE = Rules(week=tuple((day, Window(9 * 60, 17 * 60)) for day in range(1, 6)), horizon_days=14)
LONG = Rules(week=tuple((day, Window(7 * 60, 21 * 60)) for day in range(1, 8)), horizon_days=60)


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("tomorrow at 5", "exactly Mon 2026-11-30 17:00"),
        ("tomorrow at 6", "exactly Mon 2026-11-30 18:00"),
        ("tomorrow at 8", "exactly Mon 2026-11-30 08:00"),
        ("tomorrow at 9", "exactly Mon 2026-11-30 09:00"),
        ("tomorrow at 12", "exactly Mon 2026-11-30 12:00"),
        ("Saturday at 2", "exactly Sat 2026-12-05 14:00"),
        ("tomorrow after 5", "search days=Mon 2026-11-30 ranges=17:00-24:00"),
        ("tomorrow before 9", "search days=Mon 2026-11-30 ranges=00:00-09:00"),
        ("tomorrow between 4 and 6", "search days=Mon 2026-11-30 ranges=16:00-18:00"),
        ("tomorrow at the end of the day", "search days=Mon 2026-11-30 ranges=14:00-17:00 part=end of the day"),
        ("tomorrow at 03:00", "am-or-pm day=2026-11-30 options=180,900"),
        ("tomorrow at 09:00", "exactly Mon 2026-11-30 09:00"),
        ("12/1 at 3", "exactly Tue 2026-12-01 15:00"),
    ],
)
def test_half_follows_office_hours(phrase: str, answer: str) -> None:
    assert explain(phrase, context(rules=OFFICE)).decision == answer


@pytest.mark.parametrize("hour", [7, 8])
def test_both_halves_in_working_hours_are_asked_about(hour: int) -> None:
    result = parse_start(f"tomorrow at {hour}", context(rules=LONG))
    assert isinstance(result, AmOrPm)
    assert result.options == (hour * 60, hour * 60 + 720)


def test_both_halves_without_a_day_are_asked_about() -> None:
    assert parse_start("at 8", context(rules=LONG)) == AmOrPm(day=None, options=(480, 1200))
    result = parse_start("at 2", context(rules=LONG))
    assert isinstance(result, DayNeeded)
    assert result.search.clock_min == 840


def test_agent_without_hours_is_asked_about_both_halves() -> None:
    assert isinstance(parse_start("tomorrow at 3", context(rules=Rules())), AmOrPm)
    assert parse_start("tomorrow at the end of the day", context(rules=Rules())) == Search(
        days=parse_start("tomorrow afternoon", context()).days,  # type: ignore[union-attr]  # a search
        ranges=(MinuteRange(900, 1440),),
        part="end of the day",
    )


def test_half_that_is_past_is_no_reading() -> None:
    now = datetime(2026, 11, 30, 10, tzinfo=CHICAGO)
    result = parse_start("today at 8", context(now, rules=LONG))
    assert result == ExactTime(start=datetime(2026, 11, 30, 20, tzinfo=CHICAGO))


@pytest.mark.parametrize(
    ("clock", "parts", "minutes"),
    [
        (Clock(3), (), [180, 900]),
        (Clock(3, 0, "pm"), (), [900]),
        (Clock(12, 0, "am"), (), [0]),
        (Clock(12, 30, "pm"), (), [750]),
        (Clock(14, 0, "pm"), (), [840]),
        (Clock(14, 0, "am"), (), []),
        (Clock(0, 0, "pm"), (), []),
        (Clock(0, 30), (), [30]),
        (Clock(6, 30, is_24h=True), (), [390]),
        (Clock(6, 30, is_24h=True), (DayPart("evening"),), [1110]),
        (Clock(9, 0, "am"), (DayPart("evening"),), []),
        (Clock(2), (DayPart("night"),), [120]),
        (Clock(10), (DayPart("night"),), [1320]),
        (Clock(10), (DayPart("afternoon"),), []),
        (Clock(11), (DayPart("lunchtime"),), [660]),
        (Clock(3), (DayPart("pm"),), [900]),
        (clock_at(0), (), [0]),
        (clock_at(725), (), [725]),
    ],
)
def test_readings_of_a_clock_time(clock: Clock, parts: tuple[DayPart, ...], minutes: list[int]) -> None:
    assert [reading.minutes for reading in halves(clock, parts)] == minutes


def test_part_after_and_before_another_part() -> None:
    assert part_range(DayPart("after morning"), context(), None) == MinuteRange(720, 1440)
    assert part_range(DayPart("before evening"), context(), None) == MinuteRange(0, 1020)
    assert part_range(DayPart("no such part"), context(), None) == MinuteRange(0, 1440)


def test_window_without_ends_has_no_range() -> None:
    assert window_range(TimeWindow(), (), context(), None) is None


def test_part_with_an_unlisted_portion_is_the_whole_part() -> None:
    assert part_range(DayPart("lunchtime", "early"), context(), None) == MinuteRange(720, 810)
