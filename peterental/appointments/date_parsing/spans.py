"""Spans of days by name: weeks, weekends, months, the next few days, weekdays."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import Span
from peterental.appointments.date_parsing.result import DayRange

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
SATURDAY, SUNDAY = 6, 7
MONTHS = 12
WORKDAYS = frozenset(range(1, 6))
LONGEST_WAIT_DAYS = 366


def month_after(day: date, months: int) -> tuple[int, int]:
    """Return the year and month that lie some months after that of `day`."""
    index = day.year * MONTHS + day.month - 1 + months
    return index // MONTHS, index % MONTHS + 1


def days_of(span: Span, context: Context) -> tuple[tuple[DayRange, ...], frozenset[int]]:
    """Return the days of a span that are not past, and the weekdays to which they are limited."""
    found = _SPANS[span.unit](span, context)
    future = tuple(DayRange(max(days.first, context.today), days.last) for days in found if days.last >= context.today)
    return future, _WEEKDAYS.get(span.unit, frozenset())


_WEEKDAYS = {"weekdays": WORKDAYS, "weekends": frozenset((SATURDAY, SUNDAY))}


def _weeks(expression: Span, context: Context) -> list[DayRange]:
    monday = context.today - timedelta(days=context.today.isoweekday() - 1) + expression.ahead * WEEK
    first, last = _WEEK_PORTIONS[expression.portion]
    first_day, last_day = monday + timedelta(days=first), monday + timedelta(days=last)
    if expression.portion == "late" and expression.ahead == 0:
        first_day = min(max(first_day, context.today + DAY), last_day) if last_day > context.today else first_day
    if last_day < context.today:
        return [DayRange(first_day + WEEK, last_day + WEEK)]
    if context.today.isoweekday() == SUNDAY and expression.ahead == 0:
        # On a Sunday "this week" may be the one that begins.
        return [DayRange(first_day, last_day + WEEK - DAY)]
    return [DayRange(first_day, last_day)]


_WEEK_PORTIONS = {"": (0, 6), "early": (0, 2), "start": (0, 1), "mid": (1, 3), "late": (3, 5), "end": (3, 4)}


def _weekends(expression: Span, context: Context) -> list[DayRange]:
    """Return a weekend; on a Sunday "this weekend" may be the one that ends, or the coming one."""
    saturday = context.today + timedelta(days=(SATURDAY - context.today.isoweekday()) % 7)
    if context.today.isoweekday() == SUNDAY:
        coming = DayRange(saturday, saturday + DAY)
        if expression.ahead == 0:
            return [DayRange(context.today, context.today), coming]
        return [
            DayRange(r.first + (expression.ahead - 1) * WEEK, r.last + (expression.ahead - 1) * WEEK) for r in [coming]
        ]
    first = saturday + expression.ahead * WEEK
    return [DayRange(first, first + DAY)]


def _months(expression: Span, context: Context) -> list[DayRange]:
    year, month = month_after(context.today, expression.ahead)
    if expression.month is not None:
        month = expression.month
        year = context.today.year + (month < context.today.month)
    length = monthrange(year, month)[1]
    if expression.length:
        first = 7 * (expression.length - 1) + 1
        return [DayRange(date(year, month, first), date(year, month, min(first + 6, length)))]
    first, last = {
        "early": (1, 10),
        "start": (1, 7),
        "mid": (11, 20),
        "late": (21, length),
        "end": (length - 6, length),
    }.get(expression.portion, (1, length))
    return [DayRange(date(year, month, first), date(year, month, last))]


def _next_days(expression: Span, context: Context) -> list[DayRange]:
    return [DayRange(context.today, context.today + timedelta(days=min(expression.length, LONGEST_WAIT_DAYS)))]


def _horizon(_: Span, context: Context) -> list[DayRange]:
    return [DayRange(context.today, context.last_day)]


_SPANS: dict[str, Callable[[Span, Context], list[DayRange]]] = {
    "week": _weeks,
    "weekend": _weekends,
    "month": _months,
    "days": _next_days,
    "weekdays": _horizon,
    "weekends": _horizon,
    "horizon": _horizon,
}
