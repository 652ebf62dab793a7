"""The days that all day expressions of a phrase agree on, or where they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import CalendarDate, DayExpression, Span, Weekday
from peterental.appointments.date_parsing.places import AS_WRITTEN, DayReading, one_day, placed
from peterental.appointments.date_parsing.result import DayRange
from peterental.appointments.date_parsing.spans import SUNDAY, WEEK


@dataclass(frozen=True)
class DayOutcome:
    """What the days of a phrase come to.

    Args:
        readings: the readings that agree with everything; several where it is open which is meant.
        mismatch: the day of the date and the day of the weekday, where they disagree.
    """

    readings: tuple[DayReading, ...] = ()
    mismatch: tuple[date, date] | None = None


def together(expressions: Sequence[DayExpression], context: Context) -> DayOutcome:
    """Return the readings that all day expressions of a phrase agree on."""
    weekdays = [found for found in expressions if isinstance(found, Weekday) and not found.is_plural]
    others = [found for found in expressions if not isinstance(found, Weekday) or found.is_plural]
    if not others:
        return DayOutcome(_distinct(reading for weekday in weekdays for reading in placed(weekday, context)))
    readings = _common(
        [*_plurals(others, context), *(placed(found, context) for found in others if not _is_plural(found))]
    )
    if not weekdays or not readings:
        is_number = len(others) == 1 and _is_number(others[0])
        is_year_doubted = bool(readings) and bool(readings[0].doubt) and readings[-1].reason == AS_WRITTEN
        return DayOutcome(readings[:1] if is_number or is_year_doubted else readings)
    if readings[0].day is None:
        if context.today.isoweekday() == SUNDAY and any(
            isinstance(o, Span) and o.unit == "week" and o.ahead for o in others
        ):
            # On a Sunday, a week that begins on Sunday is another one than that which begins on Monday.
            readings = (*readings, *(_later(reading, WEEK) for reading in readings))
        return _weekdays_within(weekdays, readings)
    return _agreeing(others, weekdays, readings, context)


def _later(reading: DayReading, by: timedelta) -> DayReading:
    return replace(reading, days=tuple(DayRange(days.first + by, days.last + by) for days in reading.days))


def _is_number(expression: DayExpression) -> bool:
    """Return whether only a day of the month was named; its later readings are there for a weekday to choose from."""
    return isinstance(expression, CalendarDate) and expression.month is None and expression.months_ahead is None


def _is_plural(expression: DayExpression) -> bool:
    return isinstance(expression, Weekday) and expression.is_plural


def _plurals(expressions: Sequence[DayExpression], context: Context) -> list[tuple[DayReading, ...]]:
    """Return one reading for "Tuesdays and Thursdays"."""
    readings = [reading for found in expressions if _is_plural(found) for reading in placed(found, context)]
    if not readings:
        return []
    return [(replace(readings[0], weekdays=frozenset().union(*(reading.weekdays for reading in readings))),)]


def _distinct(readings: Iterable[DayReading]) -> tuple[DayReading, ...]:
    found: dict[tuple[DayRange, ...], DayReading] = {}
    for reading in readings:
        found.setdefault(reading.days, reading)
    return tuple(found.values())


def _common(groups: list[tuple[DayReading, ...]]) -> tuple[DayReading, ...]:
    """Return what several expressions have in common; where that is nothing, one of each, to be asked about.

    An expression without any reading leaves none: what it meant cannot be dropped.
    """
    if not all(groups):
        return ()
    readings = groups[0]
    for group in groups[1:]:
        both = [cut for first in readings for second in group if (cut := _intersection(first, second)) is not None]
        if not both:
            return _distinct(replace(group[0], doubt=group[0].doubt or "vague") for group in groups)
        readings = _distinct(both)
    return _distinct(readings)


def _intersection(first: DayReading, second: DayReading) -> DayReading | None:
    days = tuple(
        DayRange(max(a.first, b.first), min(a.last, b.last))
        for a in first.days
        for b in second.days
        if max(a.first, b.first) <= min(a.last, b.last)
    )
    is_limited_twice = bool(first.weekdays and second.weekdays)
    weekdays = first.weekdays & second.weekdays if is_limited_twice else first.weekdays | second.weekdays
    if not days or (is_limited_twice and not weekdays):
        return None
    return DayReading(days, f"{first.reason}, {second.reason}", weekdays, first.doubt or second.doubt)


def _weekdays_within(weekdays: list[Weekday], readings: tuple[DayReading, ...]) -> DayOutcome:
    wanted = frozenset(found.weekday for found in weekdays)
    found: list[DayReading] = []
    for reading in readings:
        days = [day for days in reading.days for day in days if day.isoweekday() in wanted and reading.contains(day)]
        if len(days) == 1:
            found.append(one_day(days[0], f"that weekday in {reading.reason}", reading.doubt))
        elif days:
            found.append(replace(reading, weekdays=wanted))
    return DayOutcome(tuple(found))


def _agreeing(
    others: Sequence[DayExpression], weekdays: list[Weekday], readings: tuple[DayReading, ...], context: Context
) -> DayOutcome:
    wanted = {found.weekday for found in weekdays}
    agreeing = tuple(r for r in readings if r.day is not None and {r.day.isoweekday()} == wanted)
    is_number = any(_is_number(found) for found in others)
    if is_number and agreeing[:1] != readings[:1] and readings[0].day is not None:
        return DayOutcome(readings[:1], (readings[0].day, nearest_weekday(readings[0].day, min(wanted), context)))
    if agreeing:
        # The weekday agrees: a past year or the other order of day and month needs no confirmation.
        sure = tuple(replace(r, doubt=None if r.doubt in {"past", "swapped"} else r.doubt) for r in agreeing)
        return DayOutcome(sure[:1] if is_number else sure)
    day = readings[0].day or context.today
    return DayOutcome(readings[:1], (day, nearest_weekday(day, min(wanted), context)))


def is_excluded_day(expression: DayExpression, day: date, context: Context) -> bool:
    """Return whether a day is one that an expression excludes; "not this Friday" excludes one, "not Friday" all."""
    if isinstance(expression, Weekday) and not expression.which and not expression.weeks:
        return expression.weekday == day.isoweekday()
    return any(reading.contains(day) for reading in excluded_readings(expression, context))


def excluded_readings(expression: DayExpression, context: Context) -> tuple[DayReading, ...]:
    """Return the days that an expression excludes: of "next Friday" not the coming one."""
    readings = placed(expression, context)
    is_next = isinstance(expression, Weekday) and expression.which == "next"
    return readings[-1:] if is_next else readings


def nearest_weekday(day: date, weekday: int, context: Context) -> date:
    """Return the day of a weekday that lies nearest to `day` and is not past."""
    ahead = day + timedelta(days=(weekday - day.isoweekday()) % 7)
    back = ahead - WEEK
    return back if back >= context.today and day - back < ahead - day else ahead
