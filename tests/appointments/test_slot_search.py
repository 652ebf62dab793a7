"""Searches find the free times that they allow, and say what is near where they allow none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.availability import Availability, BookedInterval
from peterental.appointments.date_parsing import DayRange, MinuteRange, Search
from peterental.appointments.model import TooFar
from peterental.appointments.slot_search import find_times, none_available

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""Sunday, November 22, 2026, nine in the morning in Chicago."""
MONDAY, TUESDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 28)
THREE_PM = 15 * 60


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CHICAGO).astimezone(UTC)


def availability(*taken: BookedInterval) -> Availability:
    rules = Rules(week=tuple((weekday, Window(9 * 60, 17 * 60)) for weekday in range(1, 6)))
    return Availability(rules, CHICAGO, NOW, taken)


def on(*days: date, **limits: object) -> Search:
    return Search(days=tuple(DayRange(day, day) for day in days), **limits)  # type: ignore[arg-type]  # as named


def taken_at(day: date, hour: int) -> BookedInterval:
    return BookedInterval(at(day, hour), at(day, hour, 30), 1)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (on(MONDAY), [at(MONDAY, 9), at(MONDAY, 12), at(MONDAY, 14)]),
        (on(MONDAY, ranges=(MinuteRange(THREE_PM, 1440),)), [at(MONDAY, 15), at(MONDAY, 16)]),
        (on(MONDAY, excluded_ranges=(MinuteRange(0, 720),)), [at(MONDAY, 12), at(MONDAY, 14), at(MONDAY, 16)]),
        (on(MONDAY, clock_min=THREE_PM), [at(MONDAY, 14, 30), at(MONDAY, 15), at(MONDAY, 15, 30)]),
        (on(MONDAY, TUESDAY, clock_min=THREE_PM), [at(MONDAY, 15), at(TUESDAY, 15)]),
        (on(MONDAY, TUESDAY, clock_min=18 * 60, approximate=True), [at(MONDAY, 16, 30), at(TUESDAY, 16, 30)]),
        (on(MONDAY, TUESDAY, clock_min=18 * 60), []),
        (on(MONDAY, clock_min=18 * 60), []),
        (on(MONDAY, clock_min=18 * 60, approximate=True), [at(MONDAY, 15, 30), at(MONDAY, 16), at(MONDAY, 16, 30)]),
        (on(MONDAY, clock_min=THREE_PM, excluded_days=(MONDAY,)), []),
        (on(MONDAY, TUESDAY, clock_min=THREE_PM, excluded_ranges=(MinuteRange(THREE_PM, THREE_PM + 1),)), []),
        (on(SATURDAY), []),
    ],
)
def test_search_finds_what_it_allows(search: Search, found: list[datetime]) -> None:
    assert list(find_times(availability(), search)) == found


def test_exact_time_that_is_taken_is_not_found() -> None:
    free = availability(taken_at(MONDAY, 15))
    search = on(MONDAY, clock_min=THREE_PM)
    assert find_times(free, search) == ()
    nothing = none_available(free, search, "5 Oak Lane")
    assert nothing.nearest == (at(MONDAY, 14), at(MONDAY, 14, 30), at(MONDAY, 15, 30))
    assert (nothing.home, nothing.latest, nothing.earliest) == ("5 Oak Lane", None, None)


@pytest.mark.parametrize(
    ("search", "latest", "earliest"),
    [
        (on(MONDAY, ranges=(MinuteRange(18 * 60, 1440),)), at(MONDAY, 16, 30), None),
        (on(MONDAY, ranges=(MinuteRange(0, 8 * 60),)), None, at(MONDAY, 9)),
        (on(MONDAY, ranges=(MinuteRange(7 * 60, 8 * 60),)), None, at(MONDAY, 9)),
        (on(MONDAY, clock_min=22 * 60), at(MONDAY, 16, 30), None),
        (on(MONDAY, clock_min=6 * 60), None, at(MONDAY, 9)),
        (on(SATURDAY, ranges=(MinuteRange(18 * 60, 1440),)), None, None),
        (Search(ranges=(MinuteRange(18 * 60, 1440),)), None, None),
    ],
)
def test_last_or_first_time_of_the_day_is_named(
    search: Search, latest: datetime | None, earliest: datetime | None
) -> None:
    found = none_available(availability(), search, None)
    assert (found.latest, found.earliest) == (latest, earliest)
    assert len(found.nearest) == 3


def test_day_beyond_the_horizon_is_too_far() -> None:
    with pytest.raises(TooFar) as refused:
        none_available(availability(), on(date(2027, 3, 1), clock_min=THREE_PM), None)
    assert refused.value.start == at(date(2027, 3, 1), 15)
    with pytest.raises(TooFar) as refused:
        none_available(availability(), Search(days=(DayRange(date(2027, 3, 1), date(2027, 3, 5)),)), None)
    assert refused.value.start is None


def test_days_with_times_of_their_own_are_not_mixed() -> None:
    morning, afternoon = on(MONDAY, ranges=(MinuteRange(0, 720),)), on(TUESDAY, ranges=(MinuteRange(720, 1020),))
    both = on(MONDAY, TUESDAY, ranges=(*morning.ranges, *afternoon.ranges), choices=(morning, afternoon))
    assert find_times(availability(), both) == (at(MONDAY, 9), at(MONDAY, 11), at(TUESDAY, 12))
