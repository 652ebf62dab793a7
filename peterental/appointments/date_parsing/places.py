"""Days in the calendar: every day that an expression may mean."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import (
    AheadDays,
    AheadMonths,
    Around,
    BookedDay,
    CalendarDate,
    DayExpression,
    DaysBetween,
    HolidayDay,
    NthWeekday,
    ShiftedDay,
    Span,
    Weekday,
    WeekdayBeside,
)
from peterental.appointments.date_parsing.holiday_names import day_of, is_public_holiday, nth_weekday
from peterental.appointments.date_parsing.result import DayRange
from peterental.appointments.date_parsing.spans import MONTHS, SUNDAY, WEEK, days_of, month_after

NIGHT_ENDS_HOUR = 4
"""Callers who are up before that hour may count the night to the day before."""

AS_WRITTEN = "the date as written"
"""The reason for a date that is taken as it is; after a doubtful reading it is there for a weekday to choose."""

OFFERED = "the one that was offered"
"""The reason for a weekday that is that of the latest offer, in another week than the coming one."""

FURTHEST_DAYS = 3 * 366
"""Days further away than this are no readings; a calendar ends somewhere."""


@dataclass(frozen=True)
class DayReading:
    """One reading of an expression.

    Args:
        days: the days, in order; one day for most expressions.
        reason: why this is a reading.
        weekdays: ISO weekdays to which the days are limited; empty for no limit.
        doubt: why it should be confirmed before it is booked; None where it is certain.
    """

    days: tuple[DayRange, ...]
    reason: str
    weekdays: frozenset[int] = frozenset()
    doubt: str | None = None

    @property
    def day(self) -> date | None:
        """The only day, if there is just one."""
        if len(self.days) == 1 and self.days[0].first == self.days[0].last and not self.weekdays:
            return self.days[0].first
        return None

    def contains(self, day: date) -> bool:
        """Return whether a day is among them."""
        return any(days.first <= day <= days.last for days in self.days) and (
            not self.weekdays or day.isoweekday() in self.weekdays
        )


def one_day(day: date, reason: str, doubt: str | None = None) -> DayReading:
    """Return the reading of a single day."""
    return DayReading((DayRange(day, day),), reason, doubt=doubt)


def placed(expression: DayExpression, context: Context) -> tuple[DayReading, ...]:
    """Return every reading of a day expression, the likeliest first; none where the calendar has no such day."""
    try:
        return tuple(_PLACERS[type(expression)](expression, context))
    except (OverflowError, ValueError):
        return ()


def _ahead(expression: AheadDays, context: Context) -> Iterable[DayReading]:
    if abs(expression.days) > FURTHEST_DAYS:
        return
    doubt = "vague" if expression.is_vague else None
    yield one_day(context.today + timedelta(days=expression.days), f"{expression.days} days from today", doubt)
    if expression == AheadDays(1) and context.local_now.hour < NIGHT_ENDS_HOUR:
        yield one_day(context.today, "said after midnight, tomorrow may be the day that has begun")


def _ahead_months(expression: AheadMonths, context: Context) -> Iterable[DayReading]:
    if expression.months <= FURTHEST_DAYS // 31:
        year, month = month_after(context.today, expression.months)
        day = date(year, month, min(context.today.day, monthrange(year, month)[1]))
        yield one_day(day, "that many months from today", "vague")


def _weekday(expression: Weekday, context: Context) -> Iterable[DayReading]:
    """Read a weekday. "next" may be the coming one, or that of next week, which begins on Monday or on Sunday."""
    today = context.today
    if expression.is_plural:
        yield DayReading((DayRange(today, context.last_day),), "every such weekday", frozenset((expression.weekday,)))
        return
    ahead = (expression.weekday - today.isoweekday()) % 7
    coming = today + timedelta(days=ahead)
    later = timedelta(days=7 * expression.weeks)
    booked = context.local(context.current.start)[0] if context.current and not expression.weeks else None
    seen: set[date] = set()
    for day, reason in _weekday_days(expression, today, coming, booked):
        if day + later not in seen and (day >= today or expression.which == "last"):
            seen.add(day + later)
            # Said a day before, "two Fridays from now" may leave tomorrow out.
            is_near = expression.which == "coming" and bool(expression.weeks) and (day - today).days in {1, 7}
            yield one_day(day + later, reason, "vague" if is_near else None)
    if not expression.which and not expression.weeks:
        for day in sorted(context.offered_days - seen):
            if day.isoweekday() == expression.weekday:
                yield one_day(day, OFFERED)


def _weekday_days(expression: Weekday, today: date, coming: date, booked: date | None) -> Iterable[tuple[date, str]]:
    monday_first = today - timedelta(days=today.isoweekday() - 1) + WEEK + timedelta(days=expression.weekday - 1)
    sunday_first = today - timedelta(days=today.isoweekday() % 7) + WEEK + timedelta(days=expression.weekday % 7)
    match expression.which:
        case "next":
            yield (coming if coming > today else coming + WEEK), "the coming one"
            yield monday_first, "next week's, weeks beginning on Monday"
            yield sunday_first, "next week's, weeks beginning on Sunday"
        case "next week":
            yield monday_first, "next week's, weeks beginning on Monday"
            yield sunday_first, "next week's, weeks beginning on Sunday"
        case "last":
            yield coming - WEEK, "the latest one, which is past"
        case "coming":
            yield (coming if coming > today else coming + WEEK), "the coming one"
        case "this week":
            yield monday_first - WEEK, "this week's, weeks beginning on Monday"
            yield sunday_first - WEEK, "this week's, weeks beginning on Sunday"
        case "this":
            yield coming, "the coming one"
        case _:
            yield coming, "the coming one"
            if coming == today:
                yield coming + WEEK, "today may not be meant"
            if booked is not None:
                yield booked - timedelta(days=booked.isoweekday() - expression.weekday), "in the week of the booking"


def _calendar(expression: CalendarDate, context: Context) -> Iterable[DayReading]:
    if expression.months_ahead is not None:
        yield from _in_month_ahead(expression, context)
    elif expression.month is None:
        yield from _day_of_month(expression.day, context, is_vague=expression.is_vague)
    elif not expression.is_swappable:
        yield from _dated(expression.day, expression.month, expression.year, context)
    else:
        yield from _in_digits(expression, context)


def _in_month_ahead(expression: CalendarDate, context: Context) -> Iterable[DayReading]:
    year, month = month_after(context.today, expression.months_ahead or 0)
    yield one_day(date(year, month, expression.day), "that day of the month named")


def _day_of_month(number: int, context: Context, *, is_vague: bool) -> Iterable[DayReading]:
    for months in range(3):
        year, month = month_after(context.today, months)
        if number <= monthrange(year, month)[1] and date(year, month, number) >= context.today:
            yield one_day(date(year, month, number), "the coming day of that number", "vague" if is_vague else None)


def _dated(day: int, month: int, year: int | None, context: Context) -> Iterable[DayReading]:
    """Read a date; without a year it is the coming one, a past year may be a slip for the coming one."""
    today = context.today
    named = None if year is None else date(year, month, day)
    if named is not None and today <= named <= context.last_day:
        yield one_day(named, AS_WRITTEN)
        return
    coming = next((found for found in _each_year(day, month, today) if found >= today), None)
    if named is not None and year is not None:
        if named > context.last_day and coming is not None and coming <= context.last_day and year == coming.year + 1:
            yield one_day(coming, "a year further than may be booked: the coming day of that date", "past")
            yield one_day(named, AS_WRITTEN)
            return
        if named >= today:
            yield one_day(named, AS_WRITTEN)
            return
    if year is None:
        if coming is not None:
            yield one_day(coming, "the coming day of that date")
        return
    if coming is not None and coming <= context.last_day:
        yield one_day(coming, "the year is past: the coming day of that date", "past")
    else:
        yield one_day(date(year, month, day), "the date as written, which is past")


def _each_year(day: int, month: int, today: date) -> Iterable[date]:
    for year in range(today.year, today.year + 5):
        if day <= monthrange(year, month)[1]:
            yield date(year, month, day)


def _in_digits(expression: CalendarDate, context: Context) -> Iterable[DayReading]:
    """Read 12/1: in the order of the agent's country first, the other order only within the horizon."""
    first, second, year = expression.month or 0, expression.day, expression.year
    orders = [(second, first), (first, second)]
    if context.date_order == "day-first":
        orders.reverse()
    readings = [
        reading
        for day, month in dict.fromkeys(orders)
        if 0 < month <= MONTHS and 0 < day <= monthrange(year or 2000, month)[1]
        for reading in _dated(day, month, year, context)
    ]
    if len(readings) <= 1:
        yield from readings
        return
    likely, other = readings[0], readings[-1]
    is_near = [_is_bookable(reading, context) for reading in (likely, other)]
    if all(is_near) and likely.doubt is None and other.doubt is None and context.date_order == "mixed":
        yield from readings
    elif (is_near[0] and likely.doubt is None) or not is_near[1]:
        yield likely
    elif is_near[0] and likely.doubt:
        yield from readings
    else:
        yield replace(other, reason="day and month the other way round", doubt=other.doubt or "swapped")


def _is_bookable(reading: DayReading, context: Context) -> bool:
    return reading.day is not None and context.today <= reading.day <= context.last_day


def _nth(expression: NthWeekday, context: Context) -> Iterable[DayReading]:
    today = context.today
    if expression.month is not None:
        years = [expression.year] if expression.year else [today.year, today.year + 1]
        found = [nth_weekday(year, expression.month, expression.weekday, expression.nth) for year in years]
        reason, doubt = "that weekday of the month named", None
    else:
        ahead = [expression.months_ahead] if expression.months_ahead is not None else [0, 1]
        months = [month_after(today, months) for months in ahead]
        found = [nth_weekday(year, month, expression.weekday, expression.nth) for year, month in months]
        reason = "that weekday of the month"
        doubt = None if expression.months_ahead is not None else "vague"
    day = next((day for day in found if day is not None and day >= today), None)
    if day is not None:
        is_off = not expression.weekday and is_public_holiday(day)  # "the first business day of January"
        yield one_day(day, reason, "vague" if is_off else doubt)


def _holiday(expression: HolidayDay, context: Context) -> Iterable[DayReading]:
    years = [expression.year] if expression.year else [context.today.year, context.today.year + 1]
    found = (day_of(expression.name, year) for year in years)
    day = next((day for day in found if day is not None and day >= context.today), None)
    if day is not None:
        yield one_day(day, expression.name)


def _shifted(expression: ShiftedDay, context: Context) -> Iterable[DayReading]:
    for reading in placed(expression.base, context):
        base = reading.days[-1].last if expression.days > 0 else reading.days[0].first
        if abs(expression.days) <= FURTHEST_DAYS:
            yield one_day(base + timedelta(days=expression.days), "days from there", reading.doubt)


def _beside(expression: WeekdayBeside, context: Context) -> Iterable[DayReading]:
    for reading in placed(expression.base, context)[:1]:
        if reading.day is None:
            continue
        if expression.is_before:
            back = (reading.day.isoweekday() - expression.weekday - 1) % 7 + 1
            yield one_day(reading.day - timedelta(days=back), "that weekday before it")
        else:
            ahead = (expression.weekday - reading.day.isoweekday() - 1) % 7 + 1
            yield one_day(reading.day + timedelta(days=ahead), "that weekday after it")


def _between(expression: DaysBetween, context: Context) -> Iterable[DayReading]:
    firsts, lasts = placed(expression.first, context), placed(expression.last, context)
    if not firsts:
        return
    first = firsts[0].days[0].first
    lasts = tuple(reading for reading in lasts if reading.days[-1].last >= first)
    if lasts:
        yield DayReading((DayRange(first, lasts[0].days[-1].last),), "from day to day")
    elif isinstance(expression.last, Weekday):
        last = first + timedelta(days=(expression.last.weekday - first.isoweekday()) % 7)
        yield DayReading((DayRange(first, last),), "from day to day")


def _booked(expression: BookedDay, context: Context) -> Iterable[DayReading]:
    """Read "that day" and "the day after" from the booking that is moved, else from the one day that was offered."""
    if context.current is not None:
        day, _ = context.local(context.current.start)
        yield one_day(day + timedelta(days=expression.days), "from the day of the booking")
    elif context.offered_day is not None:
        yield one_day(context.offered_day + timedelta(days=expression.days), "from the day that was offered")


def _around(expression: Around, context: Context) -> Iterable[DayReading]:
    """Read a week from Monday to Sunday, and from a Sunday that was named; a weekend with the holiday beside it."""
    for reading in placed(expression.base, context)[:1]:
        if reading.day is None:
            continue
        weekday = reading.day.isoweekday()
        if expression.unit == "week":
            first = reading.day - timedelta(days=(weekday - 1) if weekday < SUNDAY else 0)
            last = first + timedelta(days=6)
        else:
            first = reading.day - timedelta(days={1: 2, 2: 3, SUNDAY: 1}.get(weekday, 0))
            last = reading.day + timedelta(days=SUNDAY - weekday if 2 < weekday < SUNDAY else 0)  # noqa: PLR2004 - from Wednesday on
        doubt = "vague" if isinstance(expression.base, ShiftedDay) else None  # of a Friday, it may be the same week
        reason = f"the {expression.unit} of {reading.reason}"
        yield DayReading((DayRange(max(first, context.today), last),), reason, doubt=doubt)


def _span(expression: Span, context: Context) -> Iterable[DayReading]:
    days, weekdays = days_of(expression, context)
    if days:
        yield DayReading(days, f"the {expression.portion} {expression.unit} named".replace("  ", " "), weekdays)


_PLACERS: dict[type, Callable[..., Iterable[DayReading]]] = {
    AheadDays: _ahead,
    AheadMonths: _ahead_months,
    Weekday: _weekday,
    CalendarDate: _calendar,
    NthWeekday: _nth,
    HolidayDay: _holiday,
    Span: _span,
    ShiftedDay: _shifted,
    WeekdayBeside: _beside,
    DaysBetween: _between,
    Around: _around,
    BookedDay: _booked,
}
