"""Choices from what was offered in this call: "the second one", "the noon one", "two thirty", "yes"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.day_agreement import together
from peterental.appointments.date_parsing.expressions import CalendarDate, Pick
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.result import ConfirmDay, ExactTime, Option, Result, WhichDay, WhichOffer
from peterental.appointments.date_parsing.times import clock_readings, halves, part_range

Choice = TypeVar("Choice", datetime, Option, int)


def chosen(phrase: Phrase, context: Context) -> Result | None:
    """Return the offered time that a phrase chooses, or which of them it may be; None where it is no choice.

    A day and a clock time together need no offer, and are no choice from one.
    """
    left = _left_by(phrase, context)
    if left is not None:
        return left
    phrase = _without_turned_down(phrase, context)
    if phrase.unknown or phrase.excluded or phrase.instants or phrase.shifts:
        return None
    if phrase.picks:
        return _picked(phrase, phrase.picks[0], context)
    if "YES" in phrase.flags and not phrase.days and not phrase.names_time:
        return _agreed(context)
    if phrase.days and not phrase.names_time:
        return _by_number_or_day(phrase, context)
    is_clock = (phrase.clocks or phrase.bare) and not phrase.days and not phrase.windows
    return _by_clock(phrase, context) if is_clock else None


def _without_turned_down(phrase: Phrase, context: Context) -> Phrase:
    """Return a phrase without what it turns down of an offer, where it chooses another part of it.

    "Not the first one, the last one", "not Friday, the Monday one", "not the first, the second".
    """
    others = tuple(found for found in phrase.excluded if not isinstance(found, Pick))
    named = {pick.named_by for pick in phrase.picks if pick.named_by is not None}
    is_named = bool(named) and named <= {*phrase.days, *phrase.clocks, *phrase.parts}
    is_numbered = bool(context.last_offer) and all(map(_is_number, (*others, *phrase.days)))
    is_chosen = bool(phrase.picks or phrase.days)
    if is_named or (is_numbered and (is_chosen or len(others) == len(phrase.excluded))):
        return replace(phrase, excluded=())
    return replace(phrase, excluded=others) if phrase.picks else phrase


def _left_by(phrase: Phrase, context: Context) -> Result | None:
    """Ask about the offers that "not the first one" leaves; None where nothing is excluded so, or another is chosen."""
    excluded = [found for found in phrase.excluded if isinstance(found, Pick)]
    if not excluded or phrase.picks or phrase.days or phrase.names_time:
        return None
    gone = {by_place(pick, context.last_offer) for pick in excluded}
    left = tuple(start for start in context.last_offer if start not in gone)
    if len(left) == 1 and None not in gone:
        return ConfirmDay(option=Option(*context.local(left[0])), reason="picked")
    return WhichOffer(options=left)


def _picked(phrase: Phrase, pick: Pick, context: Context) -> Result | None:
    if phrase.days or phrase.names_time:
        if not pick.is_explicit or not context.last_offer:
            return None
        fitting = _fitting(phrase, context.last_offer, context)
        if phrase.days and not fitting:  # "the first one on Friday", after an offer for Monday
            fitting = _fitting(phrase, context.offered, context)
        by_index = by_place(pick, fitting) if not phrase.names_time else None
        if by_index is not None:
            return ExactTime(start=by_index)  # "the first one on Friday"
        return _one_of(fitting, context) if fitting else None
    offers = context.last_offer
    if not offers:
        return WhichOffer()
    start = by_place(pick, offers)
    return ExactTime(start=start) if start else WhichOffer(options=offers)


def other_than_offered(phrase: Phrase, context: Context) -> str | None:
    """Return the doubt about "the Friday one at three" where no such time was offered; None for any other phrase."""
    is_choice = any(pick.named_by is not None for pick in phrase.picks) and context.last_offer
    return "picked" if is_choice and phrase.days and phrase.names_time else None


def by_place(pick: Pick, offers: Sequence[Choice]) -> Choice | None:
    """Return the one of `offers` that is named by its place among them; None where that is open."""
    if pick.index is not None:
        return offers[pick.index] if -len(offers) <= pick.index < len(offers) else None
    at = {("earlier", 2): 0, ("later", 2): 1, ("middle", 3): 1}.get((pick.comparison, len(offers)))
    return None if at is None else sorted(offers, key=_time_order)[at]


def _time_order(choice: Option | datetime | int) -> tuple[datetime | date | int, int]:
    """Return the sort key of a choice; an option without a time comes first on its day."""
    if isinstance(choice, Option):
        return choice.day, -1 if choice.clock_min is None else choice.clock_min
    return choice, 0


def _agreed(context: Context) -> Result:
    """Take a plain yes for the one time that was offered."""
    if len(context.last_offer) == 1:
        return ExactTime(start=context.last_offer[0])
    return WhichOffer(options=context.last_offer)


def _fitting(phrase: Phrase, offers: Sequence[datetime], context: Context) -> tuple[datetime, ...]:
    """Return the offers that agree with the days, clock times and parts of a phrase."""
    days = together(phrase.days, context).readings if phrase.days else ()
    found: list[datetime] = []
    for start in offers:
        day, minutes = context.local(start)
        on_day = not phrase.days or any(reading.contains(day) for reading in days)
        clocks = [*phrase.clocks, *(clock for clock in phrase.bare if clock.hour != day.day or not phrase.days)]
        at_clock = all(minutes in {reading.minutes for reading in halves(clock, phrase.parts)} for clock in clocks)
        in_part = bool(clocks) or all(minutes in part_range(part, context, day) for part in phrase.parts)
        if on_day and at_clock and in_part:
            found.append(start)
    return tuple(dict.fromkeys(found))


def _one_of(found: tuple[datetime, ...], context: Context) -> Result:
    return ExactTime(start=found[0]) if len(found) == 1 else WhichOffer(options=found or context.last_offer)


def _by_clock(phrase: Phrase, context: Context) -> Result | None:
    """Match a bare clock time against the latest offer, then against everything offered in this call."""
    found = _fitting(phrase, context.last_offer, context)
    if found:
        return _one_of(found, context)
    another = _another_on_the_day(phrase, context)
    found = _fitting(phrase, context.offered, context)
    return _of_earlier_offer(found, another, context) if found else another


def _of_earlier_offer(found: tuple[datetime, ...], another: ConfirmDay | None, context: Context) -> Result:
    """Take a time of an earlier offer where the latest one is for the same day; else ask which day is meant."""
    last_days = {context.local(start)[0] for start in context.last_offer}
    options = tuple(Option(*context.local(start)) for start in found)
    if len(found) > 1 or options[0].day in last_days:
        return _one_of(found, context)
    if another is None:
        return ConfirmDay(option=options[0], reason="picked")
    return WhichDay(options=tuple(sorted((options[0], another.option), key=lambda option: option.day)))


def _another_on_the_day(phrase: Phrase, context: Context) -> ConfirmDay | None:
    """Ask about another time on the one day that the latest offer was about."""
    days = {context.local(start)[0] for start in context.last_offer}
    if len(days) != 1:
        return None
    day = min(days)
    clocks = (*phrase.clocks, *phrase.bare)
    minutes = {reading.minutes for clock in clocks for reading in clock_readings(clock, phrase.parts, context, day)}
    return ConfirmDay(option=Option(day, min(minutes)), reason="same-day") if len(minutes) == 1 else None


def _by_number_or_day(phrase: Phrase, context: Context) -> Result | None:
    """Match "the first" by its place in the latest offer or by its date, and a bare day by its only offered time."""
    offers = context.last_offer
    if not offers or len(phrase.days) != 1:
        return None
    by_day = _fitting(phrase, offers, context)
    day = phrase.days[0]
    if _is_number(day) and isinstance(day, CalendarDate):
        by_day = tuple(start for start in offers if context.local(start)[0].day == day.day)
        by_place = offers[day.day - 1 : day.day] if day.day <= len(offers) else ()
        both = tuple(dict.fromkeys((*by_place, *by_day)))
        if not by_place:
            return _asked_about(by_day, context)
        return _one_of(both, context)
    return _asked_about(by_day, context)


def _is_number(day: object) -> bool:
    return isinstance(day, CalendarDate) and day.month is None and day.months_ahead is None


def _asked_about(found: tuple[datetime, ...], context: Context) -> Result | None:
    if len(found) != 1:
        return None
    return ConfirmDay(option=Option(*context.local(found[0])), reason="picked")
