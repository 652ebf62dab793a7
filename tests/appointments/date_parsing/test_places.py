"""Days in the calendar: order of day and month by country, impossible dates, holidays, far futures."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.agents.model import Rules
from peterental.appointments.date_parsing import Context, explain
from peterental.appointments.date_parsing.day_agreement import together
from peterental.appointments.date_parsing.expressions import (
    AheadDays,
    BookedDay,
    CalendarDate,
    DaysBetween,
    HolidayDay,
    ShiftedDay,
    Span,
    Weekday,
    WeekdayBeside,
    ZoneName,
)
from peterental.appointments.date_parsing.holiday_names import NAMES, day_of, easter, nth_weekday
from peterental.appointments.date_parsing.places import DayReading, placed
from peterental.appointments.date_parsing.result import DayRange
from peterental.appointments.date_parsing.zones import converted, zone_named
from tests.appointments.date_parsing.table import EVERY_DAY_8_TO_20, SUNDAY, context


def far_sighted(zone: str) -> Context:
    rules = Rules(week=EVERY_DAY_8_TO_20, horizon_days=365)
    return context(SUNDAY, ZoneInfo(zone), rules=rules)


@pytest.mark.parametrize(
    ("zone", "order"),
    [
        ("America/Chicago", "month-first"), ("America/Indiana/Knox", "month-first"), ("US/Central", "month-first"),
        ("Pacific/Honolulu", "month-first"), ("Asia/Manila", "month-first"), ("America/Toronto", "mixed"),
        ("Canada/Pacific", "mixed"), ("America/Mexico_City", "day-first"), ("Europe/London", "day-first"),
        ("America/Argentina/Buenos_Aires", "day-first"), ("Etc/UTC", "day-first"),
    ],
)  # fmt: skip
def test_order_of_day_and_month_follows_the_zone(zone: str, order: str) -> None:
    assert far_sighted(zone).date_order == order


@pytest.mark.parametrize(
    ("zone", "phrase", "answer"),
    [
        ("America/Chicago", "2/3 at 10 am", "exactly Wed 2027-02-03 10:00"),
        ("Europe/London", "2/3 at 10 am", "exactly Tue 2027-03-02 10:00"),
        ("America/Toronto", "2/3 at 10 am", "which-day options=Wed 2027-02-03 10:00,Tue 2027-03-02 10:00"),
        ("America/Toronto", "Tuesday 2/3 at 10 am", "exactly Tue 2027-03-02 10:00"),
        ("Europe/London", "13/2 at 10 am", "exactly Sat 2027-02-13 10:00"),
        ("Europe/London", "2/13 at 10 am", "exactly Sat 2027-02-13 10:00"),
        ("America/Chicago", "2/3/2025 at 10 am", "which-day options=Wed 2027-02-03 10:00,Tue 2027-03-02 10:00"),
        ("America/Chicago", "13/13 at 10 am", "day-needed search=(search clock_min=600)"),
        ("America/Chicago", "0/5 at 10 am", "day-needed search=(search clock_min=600)"),
        ("America/Chicago", "Wednesday 2/3/2025 at 10 am", "exactly Wed 2027-02-03 10:00"),
    ],
)
def test_date_in_digits_is_read_in_that_order(zone: str, phrase: str, answer: str) -> None:
    assert explain(phrase, far_sighted(zone)).decision == answer


def days(expression: object) -> list[date | None]:
    return [reading.day for reading in placed(expression, context())]  # type: ignore[arg-type]  # any expression


@pytest.mark.parametrize(
    "expression",
    [
        AheadDays(10**9), CalendarDate(30, 2), CalendarDate(32, 1),
        HolidayDay("no such day"), HolidayDay("christmas", 2020), BookedDay(), ShiftedDay(AheadDays(1), 10**9),
        WeekdayBeside(5, Span("week"), is_before=True), DaysBetween(BookedDay(), AheadDays(1)),
        DaysBetween(AheadDays(5), AheadDays(1)), CalendarDate(31, months_ahead=10),
    ],
)  # fmt: skip
def test_day_that_does_not_exist_has_no_reading(expression: object) -> None:
    assert days(expression) == []


def test_day_of_month_skips_short_months() -> None:
    now = datetime(2027, 1, 31, 12, tzinfo=UTC)
    found = [reading.day for reading in placed(CalendarDate(31), context(now))]
    assert found == [date(2027, 1, 31), date(2027, 3, 31)]


def test_from_weekday_to_earlier_weekday_ends_next_week() -> None:
    found = placed(DaysBetween(Weekday(6), Weekday(2)), context())
    assert found[0].days == (DayRange(date(2026, 12, 5), date(2026, 12, 8)),)


def test_leap_day_is_the_coming_one() -> None:
    assert days(CalendarDate(29, 2)) == [date(2028, 2, 29)]


def test_expressions_that_disagree_are_all_readings() -> None:
    outcome = together((AheadDays(1), CalendarDate(5)), context())
    assert [reading.day for reading in outcome.readings] == [date(2026, 11, 30), date(2026, 12, 5)]
    outcome = together((Weekday(2, is_plural=True), Span("weekdays")), context())
    assert outcome.readings[0].weekdays == {2}
    outcome = together((Weekday(6, is_plural=True), Span("weekdays")), context())
    assert len(outcome.readings) == 1


def test_reading_contains_its_days_only() -> None:
    reading = DayReading((DayRange(date(2026, 12, 1), date(2026, 12, 7)),), "", frozenset((2,)))
    assert reading.contains(date(2026, 12, 1))
    assert not reading.contains(date(2026, 12, 2))
    assert not reading.contains(date(2026, 12, 8))


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("thanksgiving", date(2026, 11, 26)), ("black friday", date(2026, 11, 27)), ("labor day", date(2026, 9, 7)),
        ("memorial day", date(2026, 5, 25)), ("martin luther king day", date(2026, 1, 19)), ("mother's day", date(2026, 5, 10)),
        ("easter", date(2026, 4, 5)), ("good friday", date(2026, 4, 3)), ("easter monday", date(2026, 4, 6)),
        ("presidents' day", date(2026, 2, 16)), ("columbus day", date(2026, 10, 12)), ("father's day", date(2026, 6, 21)),
        ("juneteenth", date(2026, 6, 19)), ("veterans day", date(2026, 11, 11)), ("halloween", date(2026, 10, 31)),
    ],
)  # fmt: skip
def test_holiday_has_its_date(name: str, day: date) -> None:
    assert day_of(name, 2026) == day


def test_every_holiday_falls_into_every_year() -> None:
    for name in NAMES:
        assert all(getattr(day_of(name, year), "year", None) == year for year in range(1990, 2060)), name
    assert day_of("no such day", 2026) is None


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (2000, (4, 23)),
        (2008, (3, 23)),
        (2011, (4, 24)),
        (2024, (3, 31)),
        (2025, (4, 20)),
        (2027, (3, 28)),
        (2038, (4, 25)),
    ],
)
def test_easter_is_that_of_the_calendar(year: int, day: tuple[int, int]) -> None:
    assert easter(year) == date(year, *day)


def test_month_without_a_fifth_weekday() -> None:
    assert nth_weekday(2026, 2, 7, 5) is None
    assert nth_weekday(2026, 12, 4, -1) == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("key", "hour"),
    [
        ("Eastern", 19),
        ("Pacific", 22),
        ("UTC", 14),
        ("utc-5", 19),
        ("gmt+0530", 9),
        ("local", 20),
        ("america/chicago", 20),
    ],
)
def test_wall_clock_of_another_zone_is_converted(key: str, hour: int) -> None:
    own = datetime(2026, 12, 3, 20, 30, tzinfo=UTC)
    found = converted(own, ZoneName(key, key), context())
    assert found is not None
    assert found.hour == hour


@pytest.mark.parametrize("key", ["mars/olympus", "utc+19", "../etc/passwd", "the caller's own", "a/" + "b" * 300, ""])
def test_unknown_zone_is_none(key: str) -> None:
    assert zone_named(ZoneName(key, key)) is None
