"""Answers to the question that this call asked last: what a bare "Thursday", "the eighth" or "PM" completes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from peterental.appointments.date_parsing.caller import CallerLines
from peterental.appointments.date_parsing.context import Asked, Context, is_same
from peterental.appointments.date_parsing.day_agreement import together
from peterental.appointments.date_parsing.expressions import CalendarDate, Clock, Weekday, clock_at
from peterental.appointments.date_parsing.machine import plain_text
from peterental.appointments.date_parsing.offers import by_place
from peterental.appointments.date_parsing.phrase import parse_text
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.result import (
    Clarification,
    ConfirmDay,
    DayNeeded,
    DayRange,
    ExactTime,
    Option,
    Result,
    Search,
    SkippedByDst,
    TimeNeeded,
    WeekdayMismatch,
    WhichDay,
    WhichTime,
)
from peterental.appointments.date_parsing.searching import search_for
from peterental.appointments.date_parsing.times import NOON_MIN, halves, part_range
from peterental.appointments.date_parsing.tokens import is_too_long

_OPEN = frozenset(
    (
        "time-needed",
        "day-needed",
        "which-day",
        "which-time",
        "am-or-pm",
        "weekday-mismatch",
        "confirm-day",
        "skipped-by-dst",
    )
)


def completed(phrase: Phrase, context: Context, resolve: Callable[[object, Context], Result]) -> Phrase | Result | None:
    """Return a phrase completed by what the last question was about; None where it is no answer to it.

    An answer that leaves the question open returns the question again.

    Args:
        phrase: the phrase; complete ones and choices from an offer are no answers.
        context: its last question counts.
        resolve: resolves that question's argument again, as if nothing had been asked.
    """
    asked = context.asked[-1] if context.asked else None
    if asked is None or asked.key not in _OPEN or phrase.unknown:
        return None
    prior = _asked_about(asked, context, resolve)
    is_yes = is_plain_yes(phrase)
    is_open_yes = is_yes and (context.asked_last or not context.last_offer)
    if isinstance(prior, WhichDay | WeekdayMismatch):
        return prior if is_open_yes else _of_options(phrase, prior, context)
    if isinstance(prior, WhichTime):
        return prior if is_open_yes else _of_times(phrase, prior, context)
    if isinstance(prior, ConfirmDay):
        return _confirmed(phrase, prior) if is_yes else _at_another_time(phrase, prior, asked, context)
    if isinstance(prior, ExactTime) and asked.key == WhichTime.key and not phrase.days and phrase.clocks:
        return replace(
            phrase, days=(_date(context.local(prior.start)[0]),)
        )  # "four", where the caller's words differed
    is_open = is_yes and context.asked_last
    return prior if is_open else _missing_part(phrase, prior) or _joint_search(phrase, prior, context)


def _confirmed(phrase: Phrase, prior: ConfirmDay) -> Phrase | TimeNeeded:
    """Return what was confirmed; where it was the day alone, the time is still open."""
    day = prior.option.day
    if prior.option.clock_min is not None:
        return _fixed(phrase, prior.option)
    return TimeNeeded(search=Search(days=(DayRange(day, day),), ranges=prior.ranges))


def each_completed(
    phrases: Sequence[Phrase], context: Context, resolve: Callable[[object, Context], Result]
) -> tuple[Phrase, ...]:
    """Return alternatives, each completed by the last question: "tomorrow or Friday" after "on which day, at three?".

    Args:
        phrases: the alternatives.
        context: its last question counts.
        resolve: as in `completed`.
    """
    asked = context.asked[-1] if context.asked else None
    if asked is None or asked.key not in {DayNeeded.key, TimeNeeded.key} or any(phrase.unknown for phrase in phrases):
        return tuple(phrases)
    prior = _asked_about(asked, context, resolve)
    return tuple(_missing_part(phrase, prior) or phrase for phrase in phrases)


def _at_another_time(phrase: Phrase, prior: ConfirmDay, asked: Asked, context: Context) -> Phrase | None:
    """Return "no, half past one" on the day of the question, if only the time was doubtful."""
    if context.current is not None:
        return None  # the day of the booking may be meant
    text = plain_text(asked.raw)
    alternatives = parse_text(text, context.language).alternatives if text and not is_too_long(text) else ()
    if len(alternatives) != 1 or phrase.days or not phrase.clocks or phrase.picks:
        return None
    readings = together(alternatives[0].days, context).readings if alternatives[0].days else ()
    is_sure = len(readings) == 1 and readings[0].day == prior.option.day and readings[0].doubt is None
    return replace(phrase, days=(_date(prior.option.day),)) if is_sure else None


MOST_QUESTIONS = 3
"""How many earlier questions an answer is completed by."""


def _asked_about(asked: Asked, context: Context, resolve: Callable[[object, Context], Result]) -> Result:
    """Return what the last question was about: its argument, completed by the questions before it.

    What was confirmed may have depended on the offer.
    """
    earlier = tuple(found for found in context.asked[:-1] if not is_same(found.raw, asked.raw))[-MOST_QUESTIONS:]
    alone = replace(context, asked=(), offered=(), last_offer=(), asked_last=False)
    if asked.key in {TimeNeeded.key, WhichDay.key} and context.last_offer:  # a weekday may be that of the offer
        prior = resolve(asked.raw, replace(context, asked=(), asked_last=False))
        if isinstance(prior, Clarification) and prior.key == asked.key:
            return prior
    if earlier:
        prior = resolve(asked.raw, replace(alone, asked=earlier))
        if isinstance(prior, Clarification) and prior.key == asked.key:
            return prior
    prior = resolve(asked.raw, alone)
    if asked.key != ConfirmDay.key or isinstance(prior, ConfirmDay):
        return prior
    return resolve(asked.raw, replace(context, asked=(), asked_last=False))


def is_plain_yes(phrase: Phrase) -> bool:
    """Return whether a phrase says yes, and names no time."""
    return "YES" in phrase.flags and not (phrase.days or phrase.names_time or phrase.picks)


_CHOICES = frozenset(("which-day", "which-time", "am-or-pm", "weekday-mismatch"))
"""The questions that name several readings: "the first one" is one of those."""


def answers_a_choice(phrase: Phrase, context: Context) -> bool:
    """Return whether a phrase without a time chooses by its place, after a question that named several readings."""
    is_choice = bool(context.asked) and context.asked[-1].key in _CHOICES
    return is_choice and bool(phrase.picks or phrase.days) and not phrase.names_time


def _missing_part(phrase: Phrase, prior: Result) -> Phrase | None:
    if isinstance(prior, TimeNeeded) and prior.search.day is not None and not phrase.days and phrase.names_time:
        return replace(phrase, days=(_date(prior.search.day),))
    if isinstance(prior, SkippedByDst) and not phrase.days and phrase.clocks:
        return replace(phrase, days=(_date(prior.day),))
    if isinstance(prior, DayNeeded) and phrase.days and not phrase.names_time and prior.search.clock_min is not None:
        return replace(phrase, clocks=(clock_at(prior.search.clock_min),))
    return None


def _joint_search(phrase: Phrase, prior: Result, context: Context) -> Search | None:
    """Return the search of a vague question and its answer: "after three", then "tomorrow".

    None where one of them says more.
    """
    days, limits = phrase.days, Phrase(days=phrase.days, clocks=phrase.clocks, parts=phrase.parts, flags=phrase.flags)
    if phrase != replace(limits, windows=phrase.windows) or phrase.flags - {"YES"}:
        return None
    outcome = together(days, context)
    found = None if outcome.mismatch else search_for(phrase, outcome.readings, context)
    if found is None or any(reading.doubt for reading in outcome.readings):
        return None
    if isinstance(prior, DayNeeded) and prior.search.ranges and len(outcome.readings) == 1 and not phrase.names_time:
        return replace(prior.search, days=found.days, weekdays=found.weekdays)
    if isinstance(prior, TimeNeeded) and prior.search.days and not days and phrase.names_time:
        return replace(found, days=prior.search.days, weekdays=prior.search.weekdays)
    return None


def _of_options(phrase: Phrase, prior: WhichDay | WeekdayMismatch, context: Context) -> Phrase | Result | None:
    """Choose a day by its date, its weekday or its place: "the eighth", "the second one"."""
    if _is_lone_number(phrase):
        return _by_number(phrase.clocks[0].hour, prior.options)
    if phrase.names_time or not (phrase.days or phrase.picks):
        return None
    found = chosen_option(phrase, prior.options, context)
    if found is None:
        if any(pick.comparison == "other" for pick in phrase.picks):
            return prior
        is_open = sum(_fits(option, phrase, context) for option in prior.options) > 1
        return prior if is_open else None
    return _fixed(phrase, found)


def _is_lone_number(phrase: Phrase) -> bool:
    """Return whether a phrase is one number: "eleven", "el once"."""
    return len(phrase.clocks) == 1 and phrase == Phrase(clocks=(Clock(phrase.clocks[0].hour),), flags=phrase.flags)


def _by_number(number: int, options: Sequence[Option]) -> ConfirmDay | None:
    """Return the day of that number, to be confirmed: where the time is known, "the eleven" is no hour."""
    found = [option for option in options if option.day.day == number and option.clock_min is not None]
    return ConfirmDay(option=found[0], reason="picked") if len(found) == 1 else None


def _of_times(phrase: Phrase, prior: WhichTime, context: Context) -> Phrase | Result | None:
    if prior.day is None:
        return _of_times_without_day(phrase, prior, context)
    if phrase.days:
        return None
    options = [Option(prior.day, minutes) for minutes in prior.options]
    found = chosen_option(phrase, options, context)
    return _fixed(phrase, found) if found is not None else None


def _of_times_without_day(phrase: Phrase, prior: WhichTime, context: Context) -> Phrase | Result | None:
    """Choose a time whose day is still open; an answer that names only the day leaves the time open."""
    if phrase.days and not phrase.names_time and not phrase.picks:
        readings = together(phrase.days, context).readings
        day = readings[0].day if len(readings) == 1 else None
        return replace(prior, day=day) if day is not None and readings[0].doubt is None else None
    options = [Option(context.today, minutes) for minutes in prior.options]
    found = chosen_option(replace(phrase, days=()), options, context)
    if found is None or found.clock_min is None:
        return None
    return Phrase(days=phrase.days, clocks=(clock_at(found.clock_min),), zones=phrase.zones)


def chosen_option(phrase: Phrase, options: Sequence[Option], context: Context) -> Option | None:
    """Return the one option that an answer names; None where it names none, or several."""
    found = [option for option in options if _fits(option, phrase, context)] or _on_side(options, phrase, context)
    if phrase.picks and not phrase.days and not phrase.names_time:
        return by_place(phrase.picks[0], options)
    if (
        not found
        and len(phrase.days) == 1
        and isinstance(phrase.days[0], CalendarDate)
        and phrase.days[0].month is None
    ):
        at = phrase.days[0].day - 1
        found = [options[at]] if 0 <= at < len(options) else []
    return found[0] if len(found) == 1 else None


def _on_side(options: Sequence[Option], phrase: Phrase, context: Context) -> list[Option]:
    """Choose the half of the day that a part belongs to: eight in "the afternoon" is eight PM."""
    if len(phrase.parts) != 1 or phrase.clocks or phrase.bare or phrase.days:
        return []
    is_morning = part_range(phrase.parts[0], context, None).from_min < NOON_MIN
    return [
        option for option in options if option.clock_min is not None and (option.clock_min < NOON_MIN) == is_morning
    ]


def _fits(option: Option, phrase: Phrase, context: Context) -> bool:
    if not (phrase.days or phrase.names_time):
        return False
    clocks = (*phrase.clocks, *phrase.bare)
    if phrase.days and not _is_on(option.day, phrase, context):
        return False
    if option.clock_min is None:
        return True
    if clocks:
        return any(reading.minutes == option.clock_min for clock in clocks for reading in halves(clock, phrase.parts))
    return all(option.clock_min in part_range(part, context, option.day) for part in phrase.parts)


def _is_on(day: date, phrase: Phrase, context: Context) -> bool:
    """Return whether the days of an answer may be `day`; a bare weekday fits every such day."""
    plain = [found for found in phrase.days if isinstance(found, Weekday) and not found.which]
    if len(plain) == len(phrase.days):
        return all(found.weekday == day.isoweekday() for found in plain)
    return any(reading.contains(day) for reading in together(phrase.days, context).readings)


def by_the_caller(options: Sequence[Option], context: Context) -> Option | None:
    """Return the one option that the caller's latest line names, after a question that offered them."""
    line = CallerLines(context).last
    if line is None or len(line.alternatives) != 1:
        return None
    return chosen_option(line.alternatives[0], options, context)


def _fixed(phrase: Phrase, option: Option) -> Phrase:
    clocks = () if option.clock_min is None else (clock_at(option.clock_min),)
    return Phrase(days=(_date(option.day),), clocks=clocks, zones=phrase.zones)


def _date(day: date) -> CalendarDate:
    return CalendarDate(day.day, day.month, day.year)
