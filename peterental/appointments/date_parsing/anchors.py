"""Times that are named by another time: "this time next week" by the present, "same time Friday" by an offer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from peterental.appointments.date_parsing.context import DAY_MINUTES, Context
from peterental.appointments.date_parsing.day_agreement import together
from peterental.appointments.date_parsing.expressions import (
    AheadDays,
    AheadMonths,
    BookedDay,
    CalendarDate,
    Clock,
    DayExpression,
    Span,
    TimeWindow,
    clock_at,
)
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.result import Option

THIS_TIME = frozenset(("THIS_TIME", "NEAR_THIS_TIME", "MAYBE_THIS_TIME"))

_GRID_MIN = 5
"""A present time between these minutes is only near what a caller means by "this time"."""

_ONE_AHEAD: dict[str, DayExpression] = {"week": AheadDays(7), "month": AheadMonths(1)}


@dataclass(frozen=True)
class Anchored:
    """A phrase with the clock time of its anchor.

    Args:
        phrase: the phrase, complete where the anchor is known.
        options: the day and time by each anchor, where there are two.
        doubt: why it should be confirmed; None where it is certain.
    """

    phrase: Phrase
    options: tuple[Option, ...] = ()
    doubt: str | None = None


def by_present_time(phrase: Phrase, context: Context) -> Anchored:
    """Return a phrase with the present clock time in place of "this time".

    When a booking is moved, its time may be meant as well. Beside a clock time "this time" is said of the occasion, and
    without a day it agrees with what was offered.
    """
    said = phrase.flags & THIS_TIME
    if not said:
        return Anchored(phrase)
    phrase = replace(phrase, flags=phrase.flags - THIS_TIME)
    if phrase.names_time or phrase.instants or phrase.picks or "SAME_TIME" in phrase.flags:
        return Anchored(phrase)
    if not phrase.days:
        return Anchored(replace(phrase, flags=phrase.flags | {"YES"}))
    booked = context.local(context.current.start) if context.current else None
    now_min, is_near = _rounded(context)
    if booked is None or booked[1] == now_min:
        return _at_present_time(phrase, said, now_min, context, is_near=is_near)
    return _by_both(phrase, Option(*booked), now_min, context)


def _at_present_time(
    phrase: Phrase, said: frozenset[str], now_min: int, context: Context, *, is_near: bool
) -> Anchored:
    if not context.is_open(now_min, None):
        return Anchored(phrase)
    clock = replace(clock_at(now_min), approximate=is_near or "NEAR_THIS_TIME" in said)
    is_doubtful = "MAYBE_THIS_TIME" in said or _other_clock_offered(now_min, context)
    days = tuple(map(_one_ahead, phrase.days))
    return Anchored(replace(phrase, days=days, clocks=(clock,)), doubt="vague" if is_doubtful else None)


def _by_both(phrase: Phrase, booked: Option, now_min: int, context: Context) -> Anchored:
    """Return the day and time by the present and by the booking; outside the working hours only the latter is meant."""
    same_time = Anchored(replace(phrase, flags=phrase.flags | {"SAME_TIME"}))
    days = tuple(map(_one_ahead, phrase.days))
    readings = together(days, context).readings
    day = readings[0].day if len(readings) == 1 else None
    if day is None or not context.is_open(now_min, None):
        return same_time
    by_booking = booked.day + (day - context.today) if days != phrase.days else day
    return replace(same_time, options=(Option(day, now_min), Option(by_booking, booked.clock_min)))


def _one_ahead(day: DayExpression) -> DayExpression:
    """Return the day that lies as far ahead as a span that follows "this time": a week from today for "next week"."""
    is_next = isinstance(day, Span) and day.ahead == 1 and not day.portion
    return _ONE_AHEAD.get(day.unit, day) if is_next and isinstance(day, Span) else day


def _rounded(context: Context) -> tuple[int, bool]:
    """Return the present time of day, and whether it was rounded."""
    now = context.local_now
    minutes = now.hour * 60 + now.minute
    if minutes % _GRID_MIN == 0:
        return minutes, False
    step = max(context.rules.step_minutes, _GRID_MIN)
    return min((minutes + step // 2) // step * step, DAY_MINUTES - 1), True


def _other_clock_offered(minutes: int, context: Context) -> bool:
    """Return whether times were offered last, none of them at the present clock time."""
    return bool(context.last_offer) and all(context.local(start)[1] != minutes for start in context.last_offer)


def by_offered_time(phrase: Phrase, context: Context) -> Anchored:
    """Return a phrase with the one clock time that was offered last in place of "same time", to be confirmed."""
    minutes = {context.local(start)[1] for start in context.last_offer}
    is_open = "SAME_TIME" in phrase.flags and phrase.days and not phrase.names_time and not phrase.shifts
    if context.current is not None or not is_open or len(minutes) != 1:
        return Anchored(phrase)
    flags = phrase.flags - {"SAME_TIME"}
    return Anchored(replace(phrase, clocks=(clock_at(min(minutes)),), flags=flags), doubt="same-time")


def on_offered_day(phrase: Phrase, context: Context) -> Phrase:
    """Return what a search without a day asks for: after an offer for one day, more of that day.

    "What about the afternoon?", "later", "earlier that day". Other days stay where any of them will do.
    """
    day = context.offered_day
    is_open = not (phrase.instants or phrase.flags & {"ANY", "ASAP", "FIRST_OF"} or phrase.excluded)
    is_on_day = phrase.days in {(), (BookedDay(0),)}
    pick = phrase.picks[0] if len(phrase.picks) == 1 and not phrase.names_time else None
    if day is None or not is_open or not is_on_day or not (phrase.names_time or pick):
        return phrase
    phrase = replace(phrase, days=(CalendarDate(day.day, day.month, day.year),))
    minutes = [context.local(start)[1] for start in context.last_offer]
    if pick is None or pick.comparison not in {"earlier", "later"}:
        return phrase
    first, last = min(minutes), min(max(minutes) + 1, DAY_MINUTES - 1)
    is_earlier = pick.comparison == "earlier"
    limit = TimeWindow(last=_clock_24h(first)) if is_earlier else TimeWindow(first=_clock_24h(last))
    return replace(phrase, picks=(), windows=(limit,))


def _clock_24h(minutes: int) -> Clock:
    return Clock(minutes // 60, minutes % 60, is_24h=True)
