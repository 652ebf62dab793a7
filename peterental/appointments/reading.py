"""Which time is meant: reads `start_time` and `date` as language models send them.

Pure. The answer is a time, or a question to ask the caller; never another date than the one meant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.appointments.clocks import is_possible, likely_minutes, minutes_of, read_hours
from peterental.appointments.meaning import (
    ClockMissing,
    Context,
    DayMissing,
    Days,
    DayUnsure,
    Moment,
    Question,
    Skipped,
    Unreadable,
    WhichDay,
    WhichHalf,
)
from peterental.appointments.model import Part
from peterental.appointments.words import LONGEST, DayOfWeek, Said, understood, weekdays_in
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.appointments.words import CalendarDay

NOON_HOUR = 12
WEEK = timedelta(days=7)
YEARS = range(1900, 3000)
"""Nobody means another; at the ends of the calendar, time zones overflow."""

ANY_DAY = frozenset(
    (
        "",
        "any",
        "any day",
        "anytime",
        "any time",
        "whenever",
        "asap",
        "as soon as possible",
        "soonest",
        "earliest",
        "the earliest",
        "earliest available",
        "first available",
        "next available",
    )
)

_ISO = re.compile(
    r"(?P<y>\d{4})-(?P<mo>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,]\d+)?)?\s?(?P<offset>Z|[+-]\d\d:?\d\d|[+-]\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)
_AMERICAN = {"E": "eastern", "C": "central", "M": "mountain", "P": "pacific"}
_HOURS = r"(?:after|from|before|until|till|by)\s+.+|(?:between|from)\s+.+?\s+(?:and|to|until|till)\s+.+"
_DAY_AND_HOURS = re.compile(rf"(?P<day>.+?),?\s+(?:any\s?time\s+)?(?P<hours>{_HOURS})", re.IGNORECASE)
_NEGATED = re.compile(r"\b(?:not|no|except|but|can'?t|cannot|don'?t|won'?t|isn'?t|instead)\b|n't\b", re.IGNORECASE)


def read_start(raw: object, context: Context) -> Moment | Question:
    """Read a `start_time`."""
    if not isinstance(raw, str):
        return Unreadable()
    text = _without_own_zone(raw.strip(), context.zone)
    iso = _ISO.fullmatch(text)
    if iso is not None:
        return _read_iso(iso, context)
    said = understood(text)
    if said is None or said.span:
        return Unreadable()
    return _read_words(said, context)


def _without_own_zone(text: str, zone: ZoneInfo) -> str:
    """Drop the name of the agent's own zone from the end ("3 PM CST"); another's stays, and is asked about."""
    found = _ends_with_zone(zone).fullmatch(text) if len(text) <= LONGEST else None
    return found["head"] if found else text


@cache
def _ends_with_zone(zone: ZoneInfo) -> re.Pattern[str]:
    """Make the pattern of a time with a name of `zone` after it: CST, CT, Central time, [America/Chicago]."""
    short = {str(datetime(2000, month, 1, tzinfo=zone).tzname()) for month in (1, 7)}
    # Where a zone has no name of its own, its offset stands there; that is for `_ISO` to read.
    names = {zone.key, f"[{zone.key}]", "local time", *filter(str.isalpha, short)}
    for letter, name in _AMERICAN.items():
        if zone.key.startswith(("America/", "US/")) and f"{letter}ST" in short:
            names |= {f"{letter}T", name, *(f"{name} {more}time" for more in ("", "standard ", "daylight "))}
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(rf"(?P<head>.*\S)(?:\s+|(?=\[))\(?(?:{either})\)?", re.IGNORECASE)


def read_days(raw: object, context: Context) -> Days | Question | None:
    """Read the `date` of an availability request: a day, or a week; None where nothing was sent.

    "next Tuesday" is next calendar week's here: the answer says the date, so the caller can object.
    """
    text = raw.strip() if isinstance(raw, str) else None
    if raw is None or (text is not None and text.casefold() in ANY_DAY):
        return None
    if text is None:
        return Unreadable()
    iso = _ISO.fullmatch(text)
    if iso is not None:
        day = _day_of(iso)
        believed = Unreadable() if day is None else _not_past(day, context, weekdays=set())
        return believed if isinstance(believed, Question) else Days(believed, believed)
    said = understood(text)
    if said is not None:
        return _days_said(said, context)
    found = _DAY_AND_HOURS.fullmatch(text)
    hours = read_hours(found["hours"], context) if found else None
    days = read_days(found["day"], context) if found and hours else None
    return replace(days, part=hours) if isinstance(days, Days) else Unreadable()


def _days_said(said: Said, context: Context) -> Days | Question | None:
    part = Part[said.parts[0].upper()] if said.parts else None
    if said.span and not said.names_a_day:
        first, last = _span(said.span, context.today)
        return Days(first, last, _certain_minutes(said, context, first), part)
    if said.ahead_minutes:
        then = _ahead(said.ahead_minutes[0], context).astimezone(context.zone)
        return Days(then.date(), then.date(), then.hour * 60 + then.minute)
    found = _day_said(said, context, asks=False)
    if isinstance(found, Question):
        return found
    clock = _certain_minutes(said, context, found)
    if found is not None:
        return Days(found, found, clock, part)
    return None if clock is None and part is None else Days(context.today, date.max, clock, part)


# --- ISO -------------------------------------------------------------------------------------------------------------


def _read_iso(iso: re.Match[str], context: Context) -> Moment | Question:
    day = _day_of(iso)
    if day is None:
        return Unreadable()
    if iso["h"] is None:
        moved = _not_past(day, context, weekdays=set())
        return moved if isinstance(moved, Question) else ClockMissing(moved)
    hour, minute = int(iso["h"]), int(iso["m"])
    if hour > 23 or minute > 59 or int(iso["s"] or 0) > 0:  # noqa: PLR2004 - 24:00 may mean either of two days
        return Unreadable()
    offset = _offset(iso["offset"])
    if isinstance(offset, Question):
        return offset
    return _placed(day, hour * 60 + minute, offset, context)


def _placed(day: date, minutes: int, offset: timedelta | None, context: Context) -> Moment | Question:
    """Decide between what the wall clock says and what the offset says, then whether the date is to be believed."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    if offset is not None and not _agrees(wall, offset, context.zone):
        moved = _not_past(day, context, weekdays=set())
        offered = None if isinstance(moved, Question) else instant_of(moved, minutes, context.zone)
        if offered is None or offered not in context.offered:
            local = (wall - offset).replace(tzinfo=UTC).astimezone(context.zone)
            day, minutes = local.date(), local.hour * 60 + local.minute
    believed = _not_past(day, context, weekdays=set())
    return believed if isinstance(believed, Question) else _moment(believed, minutes, context)


def _agrees(wall: datetime, offset: timedelta, zone: ZoneInfo) -> bool:
    """Tell whether `offset` is the zone's at that time, on either side of a change of the clocks."""
    return any(wall.replace(tzinfo=zone, fold=fold).utcoffset() == offset for fold in (0, 1))


def _day_of(iso: re.Match[str]) -> date | None:
    year = int(iso["y"])
    try:
        return date(year, int(iso["mo"]), int(iso["d"])) if year in YEARS else None
    except ValueError:
        return None


def _offset(text: str | None) -> timedelta | Question | None:
    if text is None:
        return None
    if text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(hours=24):
        return Unreadable()
    return -offset if text[0] == "-" else offset


# --- a past date -----------------------------------------------------------------------------------------------------


def _not_past(day: date, context: Context, weekdays: set[int]) -> date | Question:
    """Give `day`, or where it is past the same day of the coming year, if that is the weekday the caller said.

    Args:
        day: as sent.
        context: what it is read against.
        weekdays: named together with the date, in words; they are believed before the caller's lines are looked at.
    """
    if day >= context.today:
        return day
    coming = _coming(day, context.today)
    if coming is None:
        return Unreadable()
    if weekdays:
        return coming if weekdays == {coming.isoweekday()} else DayUnsure(coming)
    return coming if _caller_said(coming, context) else DayUnsure(coming)


def _coming(day: date, today: date) -> date | None:
    """Give the first day from today on with the month and day of `day`; None where that is years away."""
    for year in (today.year, today.year + 1):
        try:
            moved = day.replace(year=year)
        except ValueError:
            continue
        if moved >= today:
            return moved
    return None


def _caller_said(day: date, context: Context) -> bool:
    """Tell whether the last thing the caller said about a day names this one, and no other."""
    for line in reversed(context.said()):
        named = weekdays_in(line)
        words = set(re.findall(r"[a-z]+", line.casefold()))
        if words & {"today", "tonight"}:
            named.add(context.today.isoweekday())
        if "tomorrow" in words:
            named.add((context.today + timedelta(days=1)).isoweekday())
            if day != context.today + timedelta(days=1):
                return False
        if named:
            return named == {day.isoweekday()} and not _NEGATED.search(line)
    return False


# --- words -----------------------------------------------------------------------------------------------------------


def _read_words(said: Said, context: Context) -> Moment | Question:
    if said.ahead_minutes:
        alone = len(said.ahead_minutes) == 1 and not (said.clocks or said.parts or said.weekdays or said.dates)
        return Moment(_ahead(said.ahead_minutes[0], context)) if alone and not said.ahead_days else Unreadable()
    clock = said.clocks[0] if said.clocks else None
    contradictory = len(set(said.clocks)) > 1 or len(set(said.parts)) > 1
    if contradictory or (clock is not None and not is_possible(clock, said.parts)):
        return Unreadable()
    day = _day_said(said, context, asks=True)
    if isinstance(day, Question):
        return day
    if clock is None:
        part = Part[said.parts[0].upper()] if said.parts else None
        return Unreadable() if day is None else ClockMissing(day, part)
    minutes = minutes_of(clock, said.parts)
    if minutes is None:
        minutes = likely_minutes(clock, context, day or context.today)
    if day is None:
        return Unreadable() if minutes is None else DayMissing(minutes)
    return WhichHalf(day, clock.hour, clock.minute) if minutes is None else _moment(day, minutes, context)


def _ahead(minutes: int, context: Context) -> datetime:
    """Give the minute that lies so many minutes ahead, in UTC."""
    return (context.now + timedelta(minutes=minutes)).astimezone(UTC).replace(second=0, microsecond=0)


def _moment(day: date, minutes: int, context: Context) -> Moment | Question:
    start = instant_of(day, minutes, context.zone)
    return Skipped(day, minutes) if start is None else Moment(start)


def _certain_minutes(said: Said, context: Context, day: date | None) -> int | None:
    if not said.clocks or not is_possible(said.clocks[0], said.parts):
        return None
    minutes = minutes_of(said.clocks[0], said.parts)
    return minutes if minutes is not None else likely_minutes(said.clocks[0], context, day or context.today)


def _day_said(said: Said, context: Context, *, asks: bool) -> date | Question | None:
    """Find the one day that everything said of the day agrees on; None where nothing was said of it.

    Args:
        said: what was said.
        context: what it is read against.
        asks: whether two readings are asked about; else the later one is taken.
    """
    weekdays = {day.weekday for day in said.weekdays}
    days: set[date] = {context.today + timedelta(days=ahead) for ahead in said.ahead_days}
    for calendar_day in said.dates:
        found = _calendar(calendar_day, context, weekdays)
        if isinstance(found, Question):
            return found
        days.add(found)
    if not days and len(said.weekdays) == 1:
        first, second = _weekday_readings(said.weekdays[0], said, context)
        return second if first == second or not asks else WhichDay(first, second)
    if not days:
        return Unreadable() if said.weekdays else None
    day = min(days)
    if len(days) > 1 or (weekdays and weekdays != {day.isoweekday()}):
        return DayUnsure(day)
    return day


def _calendar(said: CalendarDay, context: Context, weekdays: set[int]) -> date | Question:
    today = context.today
    try:
        if said.month is None:
            return _coming_day_of_month(said.day, today)
        if said.year is not None and said.year not in YEARS:
            return Unreadable()
        if said.year is not None:
            day = date(said.year, said.month, said.day)
            return _not_past(day, context, weekdays)
        readings = [_coming(date(2000, said.month, said.day), today)]
        if said.swapped:
            readings.append(_coming(date(2000, said.day, said.month), today))
    except ValueError:
        return Unreadable()
    days = sorted(day for day in readings if day is not None)
    if weekdays and len(days) > 1:
        days = [day for day in days if weekdays == {day.isoweekday()}]
    if not days:
        return Unreadable()
    return days[0] if len(days) == 1 else WhichDay(days[0], days[1])


def _coming_day_of_month(number: int, today: date) -> date:
    """Give the coming 24th. Raises ValueError where there is none such."""
    day = today
    for _ in range(62):
        if day.day == number:
            return day
        day += timedelta(days=1)
    raise ValueError(number)


def _weekday_readings(said: DayOfWeek, said_all: Said, context: Context) -> tuple[date, date]:
    """Give both days that a weekday may mean, the same one twice where it is clear.

    "Tuesday" and "this Tuesday" are the coming one, "next Tuesday" is next calendar week's, Monday first. On a Tuesday
    "Tuesday" may be today or in a week, as long as the time said is still to come.
    """
    today = context.today
    ahead = (said.weekday - today.isoweekday()) % 7
    coming = today + timedelta(days=ahead)
    next_monday = today + timedelta(days=8 - today.isoweekday())
    next_weeks = next_monday + timedelta(days=said.weekday - 1)
    if said.which == "next week":
        return next_weeks, next_weeks
    if said.which == "next":
        return coming if ahead else coming + WEEK, next_weeks
    if ahead or said.which == "this":
        return coming, coming
    minutes = _certain_minutes(said_all, context, today)
    start = None if minutes is None else instant_of(today, minutes, context.zone)
    if start is not None and start <= context.now:
        return coming + WEEK, coming + WEEK
    return coming, coming + WEEK


def _span(name: str, today: date) -> tuple[date, date]:
    """Give the first and last day of this or next week (Monday first), or of the coming or next weekend."""
    monday = today - timedelta(days=today.weekday())
    if name.startswith("next"):
        monday += WEEK
    if name.endswith("weekend"):
        return max(today, monday + timedelta(days=5)), monday + timedelta(days=6)
    return max(today, monday), monday + timedelta(days=6)
