"""What phrases are made of once they are read: days, times of day, limits and changes, not yet placed in a calendar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Meridiem = Literal["am", "pm"]
Which = Literal["", "this", "coming", "next", "next week", "this week", "last"]
Portion = Literal["", "early", "mid", "late", "start", "end"]


@dataclass(frozen=True)
class Clock:
    """A time of day as said.

    Args:
        hour, minute: as said.
        meridiem: the half of the day, where it was said.
        is_24h: whether the form itself is that of a 24-hour clock (15h30, 09:00, 1430).
        approximate: whether it was qualified ("3ish", "around two").
        british_half: "half two": half past two to the British, half past one to others.
        is_midnight: said as "midnight", which may be either end of a day.
        is_doubtful: may have been misheard, or meant otherwise, so that it is confirmed before it is booked.
        minutes_before: of "ten to three", the ten, which may also be an hour: "move my ten to three".
    """

    hour: int
    minute: int = 0
    meridiem: Meridiem | None = None
    is_24h: bool = False
    approximate: bool = False
    british_half: bool = False
    is_midnight: bool = False
    is_doubtful: bool = False
    minutes_before: int = 0


def clock_at(minutes: int) -> Clock:
    """Return the clock time of minutes after midnight, with its half of the day."""
    hour, minute = divmod(minutes, 60)
    return Clock(hour % 12 or 12, minute, "am" if hour < 12 else "pm")  # noqa: PLR2004 - noon


@dataclass(frozen=True)
class DayPart:
    """A part of the day by name; `portion` is early, mid or late in it."""

    name: str
    portion: Portion = ""


@dataclass(frozen=True)
class TimeWindow:
    """Limits of the time of day.

    Args:
        first: the earliest.
        last: the latest.
        is_span: whether it may be the viewing itself: "9:30 to 10".
        has_last: whether `last` itself is left in: "ten or earlier", "no later than four".
    """

    first: Clock | None = None
    last: Clock | None = None
    is_span: bool = False
    has_last: bool = False


@dataclass(frozen=True)
class AheadDays:
    """A number of days from today; `is_vague` for "a couple of days"."""

    days: int
    is_vague: bool = False


@dataclass(frozen=True)
class AheadMonths:
    """The same day some calendar months from today; it may be meant in weeks, so it is confirmed."""

    months: int
    is_vague: bool = True


@dataclass(frozen=True)
class Weekday:
    """A weekday (1 is Monday), with the word before it and whole weeks after it ("Tuesday week")."""

    weekday: int
    which: Which = ""
    weeks: int = 0
    is_plural: bool = False


@dataclass(frozen=True)
class CalendarDate:
    """A date; None marks a part that was not named.

    Args:
        day, month, year: as said; where `is_swappable`, `month` and `day` are in the order said.
        is_swappable: written in digits, so that the order of day and month is open.
        months_ahead: "next month on the 5th".
        is_vague: a bare number that may be no date at all.
    """

    day: int
    month: int | None = None
    year: int | None = None
    is_swappable: bool = False
    months_ahead: int | None = None
    is_vague: bool = False


@dataclass(frozen=True)
class NthWeekday:
    """The third Thursday, of a month where one was said; -1 is the last. Weekday 0 is any from Monday to Friday."""

    nth: int
    weekday: int
    month: int | None = None
    year: int | None = None
    months_ahead: int | None = None


@dataclass(frozen=True)
class HolidayDay:
    """A holiday by its key in `holiday_names`."""

    name: str
    year: int | None = None


@dataclass(frozen=True)
class Span:
    """Several days by name: a week, a weekend, a month, "the next few days", weekdays.

    Args:
        unit: week, weekend, month, weekdays, days.
        ahead: how many units from the present one.
        portion: which part of it.
        month: the month, where it was named.
        length: how many days, for `days`.
    """

    unit: str
    ahead: int = 0
    portion: Portion = ""
    month: int | None = None
    length: int = 0


@dataclass(frozen=True)
class ShiftedDay:
    """Some days after (or before) another day: "the day after Christmas", "a week from Tuesday"."""

    base: DayExpression
    days: int


@dataclass(frozen=True)
class WeekdayBeside:
    """The nearest such weekday before or after another day: "the Friday before Christmas"."""

    weekday: int
    base: DayExpression
    is_before: bool


@dataclass(frozen=True)
class DaysBetween:
    """From one day to another, both included."""

    first: DayExpression
    last: DayExpression


@dataclass(frozen=True)
class Around:
    """The week, or the long weekend, that another day lies in: "the week of Thanksgiving", "Labor Day weekend"."""

    base: DayExpression
    unit: Literal["week", "weekend"]


@dataclass(frozen=True)
class BookedDay:
    """The day of the booking that is to be moved, or some days after it: "same day", "the day after"."""

    days: int = 0
    is_stated: bool = True


DayExpression = (
    AheadDays
    | AheadMonths
    | Weekday
    | CalendarDate
    | NthWeekday
    | HolidayDay
    | Span
    | ShiftedDay
    | WeekdayBeside
    | DaysBetween
    | Around
    | BookedDay
)


@dataclass(frozen=True)
class Duration:
    """A length of time.

    Args:
        minutes, days: how long; both count.
        is_vague: "a couple of", "a few".
        is_month: `days` counts calendar months.
        is_short: counted in hours or minutes, so that it leads to a time of day.
    """

    minutes: int = 0
    days: int = 0
    is_vague: bool = False
    is_month: bool = False
    is_short: bool = False


@dataclass(frozen=True)
class AheadMinutes:
    """So many minutes from now."""

    minutes: int
    is_vague: bool = False


@dataclass(frozen=True)
class Shift:
    """A change relative to the booking: an hour later. `days` shifts the date and keeps the time of day.

    "Back an hour" and "forward an hour" may be meant either way: `is_doubtful`.
    """

    minutes: int = 0
    days: int = 0
    is_doubtful: bool = False


@dataclass(frozen=True)
class Pick:
    """A choice from what was offered: the second, the last, the later one.

    Args:
        index: its place, from 0; -1 is the last.
        comparison: how it compares with the others.
        is_explicit: said as "the … one", so that it can be nothing but a choice.
        named_by: the day, clock time or part of the day of "the Friday one" and "la del viernes".
    """

    index: int | None = None
    comparison: Literal["", "earlier", "later", "middle", "other"] = ""
    is_explicit: bool = False
    named_by: DayExpression | Clock | DayPart | None = None


@dataclass(frozen=True)
class ZoneName:
    """A time zone as said; `key` is "UTC", an offset such as "utc-5", an IANA name, a family or "local"."""

    text: str
    key: str = ""
