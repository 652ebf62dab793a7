"""Changes of a booking: "same time Friday", "an hour later", "4 pm", "the day after"."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import (
    BookedDay,
    CalendarDate,
    DayExpression,
    Shift,
    Span,
    clock_at,
)
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.result import DAY_MINUTES, DayRange, MinuteRange, Search
from peterental.appointments.date_parsing.spans import WEEK

NEXT_WEEK = ((Span("week", ahead=1),),)


def completed_by_booking(phrase: Phrase, context: Context) -> tuple[Phrase, str | None]:
    """Return a phrase with what it leaves to the booking, and why that should be confirmed; None where it need not be.

    `same-day` marks a bare clock time: most likely the day stays. `same-time` marks a bare day.
    """
    current = context.current
    if current is None:
        return phrase, None
    day, minutes = context.local(current.start)
    clock = clock_at(minutes)
    if phrase.shifts and not phrase.names_time:
        shift = phrase.shifts[0]
        flags = phrase.flags if shift.minutes else phrase.flags - {"SAME_TIME"}
        return replace(_shifted(phrase, shift, minutes), flags=flags), "vague" if shift.is_doubtful else None
    if "SAME_TIME" in phrase.flags and not phrase.names_time:
        days, doubt = days_of_same_time(phrase, day, context)
        return replace(phrase, clocks=(clock,), days=days, flags=phrase.flags - {"SAME_TIME"}), doubt
    is_complete = bool(phrase.days) == phrase.names_time
    if is_complete or phrase.picks or phrase.instants or phrase.excluded or phrase.flags & {"ANY", "ASAP"}:
        return phrase, None
    if phrase.names_time:
        return replace(phrase, days=(date_of(day),)), "same-day"
    return replace(phrase, clocks=(clock,)), "same-time"


def date_of(day: date) -> CalendarDate:
    """Return a day as an expression."""
    return CalendarDate(day.day, day.month, day.year)


def days_of_same_time(phrase: Phrase, day: date, context: Context) -> tuple[tuple[DayExpression, ...], str | None]:
    """Return the days for "same time", and a doubt; "next week" is the week after the booking or after today's.

    Where those are two weeks, and neither is that of the booking, the nearer one is confirmed.
    """
    if phrase.days not in NEXT_WEEK:
        return phrase.days or (BookedDay(0),), None
    monday = context.today - timedelta(days=context.today.isoweekday() - 1) + WEEK
    next_week, later = monday + timedelta(days=day.isoweekday() - 1), day + WEEK
    is_certain = next_week in {day, later}
    moved = later if is_certain else next_week
    return (date_of(moved),), None if is_certain else "same-time"


def _shifted(phrase: Phrase, shift: Shift, start_min: int) -> Phrase:
    days, minutes = divmod(start_min + shift.minutes, DAY_MINUTES)
    return replace(phrase, shifts=(), clocks=(clock_at(minutes),), days=phrase.days or (BookedDay(shift.days + days),))


def earlier_or_later(phrase: Phrase, context: Context) -> Search | None:
    """Return the search for "later" or "earlier" alone: on the same day, after or before the booking."""
    current, pick = context.current, phrase.picks[0] if phrase.picks else None
    is_same_day = phrase.days in {(), (BookedDay(0),)}
    if current is None or pick is None or not is_same_day or phrase.names_time:
        return None
    if pick.comparison not in {"earlier", "later"}:
        return None
    if context.last_offer and pick.is_explicit:
        return None
    day, minutes = context.local(current.start)
    if pick.comparison == "later":
        range_ = MinuteRange(min(minutes + 1, DAY_MINUTES - 1), DAY_MINUTES)
    else:
        range_ = MinuteRange(0, minutes)
    return Search(days=(DayRange(day, day),), ranges=(range_,))
