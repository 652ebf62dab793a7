"""Words of a change that name the booking itself: "the Friday one to Monday at three", "from two to three"."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from peterental.appointments.date_parsing.change import NEXT_WEEK, date_of, days_of_same_time
from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import (
    BookedDay,
    Clock,
    DayExpression,
    DayPart,
    DaysBetween,
    Weekday,
)
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.places import placed
from peterental.appointments.date_parsing.times import halves, is_the_viewing, part_range, window_range


def without_the_booking(phrase: Phrase, context: Context) -> tuple[Phrase, str | None]:
    """Return a phrase without the words that name the booking itself, and why it should be confirmed.

    "The Friday one, Monday at three", "from Friday to Monday at three", "from two to three", "the same day next week".
    "Ten to three" may be said of a booking at ten.

    Args:
        phrase: the phrase.
        context: its current booking counts.
    """
    if context.current is None:
        return phrase, None
    day, minutes = context.local(context.current.start)
    named = [pick for pick in phrase.picks if names_start(pick.named_by, day, minutes, context)]
    if named:
        names = {pick.named_by for pick in named}
        phrase = replace(
            phrase,
            picks=tuple(pick for pick in phrase.picks if pick not in named),
            days=tuple(found for found in phrase.days if found not in names),
            clocks=tuple(found for found in phrase.clocks if found not in names),
            parts=tuple(found for found in phrase.parts if found not in names),
        )
    is_other = any(pick.comparison == "other" for pick in phrase.picks)
    if is_other and phrase.excluded and (phrase.names_time or phrase.days):  # "not the Friday one, the other one to …"
        picks = tuple(pick for pick in phrase.picks if pick.comparison != "other")
        phrase = replace(phrase, picks=picks, excluded=())
    if phrase.names_time or phrase.days:  # "four instead of three", "not Friday, Saturday"
        others = tuple(found for found in phrase.excluded if not names_start(found, day, minutes, context))
        phrase = replace(phrase, excluded=others)
    if phrase.names_time or "SAME_TIME" in phrase.flags:
        phrase = replace(phrase, days=tuple(_moved_to(found, day, context) for found in phrase.days))
    if BookedDay(0) in phrase.days and set(phrase.days) - {BookedDay(0)} == set(NEXT_WEEK[0]):
        days, doubt = days_of_same_time(replace(phrase, days=NEXT_WEEK[0]), day, context)
        return replace(phrase, days=days), doubt
    later = _second_time(phrase, day, minutes, context)
    if later is not None:
        return replace(phrase, windows=(), clocks=(later,), days=(date_of(day),)), "same-day"
    if any(clock.minutes_before and _is_at(Clock(clock.minutes_before), minutes) for clock in phrase.clocks):
        return replace(phrase, days=phrase.days or (date_of(day),)), "vague"
    return phrase, None


def _second_time(phrase: Phrase, day: date, minutes: int, context: Context) -> Clock | None:
    """Return the second time of "from two to three" where the booking is at two and not until three."""
    if phrase.days or phrase.clocks or len(phrase.windows) != 1:
        return None
    window = phrase.windows[0]
    if not window.is_span or window.first is None or window.last is None or not _is_at(window.first, minutes):
        return None
    range_ = window_range(window, phrase.parts, context, day)
    is_viewing = range_ is not None and is_the_viewing(window, range_, context)
    return None if is_viewing else replace(window.last, meridiem=window.last.meridiem or window.first.meridiem)


def names_start(named_by: object, day: date, minutes: int, context: Context) -> bool:
    """Return whether a day, a clock time or a part of the day may be that of a booking: "the Friday one".

    Args:
        named_by: the expression; a weekday fits every such day.
        day: the local day of the booking.
        minutes: when it starts, after midnight.
        context: what the expression is read against.
    """
    if isinstance(named_by, Clock):
        return _is_at(named_by, minutes)
    if isinstance(named_by, DayPart):
        return minutes in part_range(named_by, context, day)
    if not isinstance(named_by, DayExpression):
        return False
    readings = placed(named_by, context)
    is_weekday = isinstance(named_by, Weekday) and not named_by.which and named_by.weekday == day.isoweekday()
    return is_weekday or any(reading.contains(day) for reading in readings)


def _is_at(clock: Clock, minutes: int) -> bool:
    return any(reading.minutes == minutes for reading in halves(clock))


def _moved_to(found: DayExpression, day: date, context: Context) -> DayExpression:
    """Return the last day of "from Friday to Monday" where the booking is on the first."""
    is_from = isinstance(found, DaysBetween) and names_start(found.first, day, -1, context)
    return found.last if is_from and isinstance(found, DaysBetween) else found
