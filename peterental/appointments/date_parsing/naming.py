"""Which of several viewings words name by their day or time: "the Friday one", "la de las tres", "2026-12-04". Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.expressions import CalendarDate, DaysBetween, Pick, clock_at
from peterental.appointments.date_parsing.machine import machine_time, plain_text
from peterental.appointments.date_parsing.named_booking import names_start
from peterental.appointments.date_parsing.offers import by_place
from peterental.appointments.date_parsing.phrase import ParsedText, parse_text
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.tokens import is_too_long

Named = frozenset[int]
"""The places of those viewings that are named, from 0."""


def named_viewings(raw: object, starts: Sequence[datetime], context: Context) -> Named | None:
    """Return which viewings an argument names by day or time; None where it is about anything else, or says more.

    Args:
        raw: "the Friday one", "Friday at two", a date; of any type.
        starts: when the viewings start, aware.
        context: what the words are read against.
    """
    text = plain_text(raw)
    if text is None or is_too_long(text):
        return None
    machine = machine_time(text)
    if machine is not None:
        names: list[object] = [CalendarDate(machine.day.day, machine.day.month, machine.day.year)]
        names += [] if machine.minutes is None or machine.offset is not None else [clock_at(machine.minutes)]
        return _fitting(names, starts, context)
    parsed = parse_text(text, context.language)
    if len(parsed.alternatives) != 1:
        return None
    return _named_by(parsed.alternatives[0], starts, context, is_time=_is_time_of_day(parsed))


def _is_time_of_day(parsed: ParsedText) -> bool:
    """Return whether words are a time of day for sure: "the four o'clock", "4 pm"; "four" may be anything."""
    phrase = parsed.alternatives[0]
    is_said = any(token.kind == "OCLOCK" for token in parsed.tokens)
    return bool(phrase.parts) or (bool(phrase.clocks) and (is_said or any(clock.meridiem for clock in phrase.clocks)))


def _others(phrase: Phrase, starts: Sequence[datetime], context: Context) -> Named | None:
    """Return the viewings beside those that "not the Friday one, the other one" turns down; None for other words.

    None of them is meant where no viewing is turned down: the caller speaks of one that is not known.
    """
    is_other = any(pick.comparison == "other" for pick in phrase.picks)
    if not is_other or not phrase.excluded or any(isinstance(found, Pick) for found in phrase.excluded):
        return None
    gone = frozenset(at for found in phrase.excluded for at in _fitting((found,), starts, context))
    return frozenset(range(len(starts))) - gone if gone else gone


def _named_by(phrase: Phrase, starts: Sequence[datetime], context: Context, *, is_time: bool = False) -> Named | None:
    others = _others(phrase, starts, context)
    if others is not None and phrase == Phrase(picks=phrase.picks, excluded=phrase.excluded, flags=phrase.flags):
        return others
    is_more = phrase.unknown or phrase.excluded or phrase.instants or phrase.shifts or phrase.windows or phrase.bare
    is_named = is_time or bool(phrase.days) or any(pick.named_by is not None for pick in phrase.picks)
    is_place = any(pick.index is not None or pick.comparison for pick in phrase.picks)
    if is_more or is_place or not is_named:
        return None
    return _fitting((*phrase.days, *phrase.clocks, *phrase.parts), starts, context)


def viewing_spared(raw: object, starts: Sequence[datetime], context: Context) -> int | None:
    """Return the only viewing that words turning others down leave: "not the Friday one"; None for other words.

    Args:
        raw: what was sent, of any type.
        starts: when the viewings start, aware.
        context: what the words are read against.
    """
    phrase = _only_phrase(raw, context)
    if phrase is None or phrase != Phrase(excluded=phrase.excluded, flags=phrase.flags & {"NOT"}):
        return None
    gone = frozenset(at for found in phrase.excluded for at in _fitting((found,), starts, context))
    left = frozenset(range(len(starts))) - gone
    return min(left) if gone and len(left) == 1 else None


def viewing_at_place(raw: object, starts: Sequence[datetime], context: Context) -> int | None:
    """Return which of several viewings, from 0, an answer names by its place: "the second one"; None for none.

    Args:
        raw: the answer, of any type.
        starts: when the viewings start, aware, in the order in which they were named.
        context: what the words are read against.
    """
    phrase = _only_phrase(raw, context)
    if phrase is None:
        return None
    places = Phrase(picks=phrase.picks, days=phrase.days, excluded=phrase.excluded, flags=phrase.flags - {"NOT"})
    if phrase != places:
        return None
    gone = {_at_place(found, starts, context) for found in phrase.excluded}
    if None in gone:
        return None
    named = [*phrase.picks, *phrase.days]
    if not named:  # "not the first one", of two
        left = [at for at in range(len(starts)) if at not in gone]
        return left[0] if gone and len(left) == 1 else None
    found = _at_place(named[0], starts, context, gone) if len(named) == 1 else None
    return None if found in gone else found


def _only_phrase(raw: object, context: Context) -> Phrase | None:
    """Return what words say; None where they are no words, or have alternatives."""
    text = plain_text(raw)
    if text is None or is_too_long(text) or machine_time(text) is not None:
        return None
    alternatives = parse_text(text, context.language).alternatives
    return alternatives[0] if len(alternatives) == 1 else None


def _at_place(
    named: object, starts: Sequence[datetime], context: Context, gone: Collection[int | None] = ()
) -> int | None:
    """Return the place that a choice or a number names; of "the other one" the only one that is not gone."""
    if not isinstance(named, Pick):
        return _place_of(named, starts, context)
    left = [at for at in range(len(starts)) if at not in gone]
    if named.comparison == "other":
        return left[0] if gone and len(left) == 1 else None
    return by_place(named, range(len(starts)))


def _place_of(day: object, starts: Sequence[datetime], context: Context) -> int | None:
    """Return the place that "the first" names, unless another viewing is on a day of that number."""
    is_number = isinstance(day, CalendarDate) and day.month is None and day.months_ahead is None
    number = day.day if is_number and isinstance(day, CalendarDate) else 0
    on_day = {at for at, start in enumerate(starts) if context.local(start)[0].day == number}
    return number - 1 if 0 < number <= len(starts) and on_day <= {number - 1} else None


def viewings_left(raw: object, starts: Sequence[datetime], context: Context) -> Named | None:
    """Return which viewings the words of a change name as the one to be moved: "the Friday one to Monday at three".

    "Not the Friday one, the other one" names the others. None where they name none. After an offer "the Friday one"
    alone is a choice from it.

    Args:
        raw: the new time, as sent.
        starts: when the viewings start, aware.
        context: what the words are read against.
    """
    text = raw if isinstance(raw, str) else ""
    if not text or is_too_long(text) or machine_time(text) is not None:
        return None
    parsed = parse_text(text, context.language)
    phrase = parsed.alternatives[0]
    names = [pick.named_by for pick in phrase.picks if pick.named_by is not None]
    if context.last_offer and not _names_more(parsed, names):
        return None
    others = _others(phrase, starts, context)
    if others is not None:
        return others
    if phrase.names_time or "SAME_TIME" in phrase.flags:
        names += [found.first for found in phrase.days if isinstance(found, DaysBetween)]
    return _fitting(names, starts, context) if names else None


def _names_more(parsed: ParsedText, names: Sequence[object]) -> bool:
    phrase = parsed.alternatives[0]
    others = [found for found in (*phrase.days, *phrase.clocks, *phrase.parts) if found not in names]
    return parsed.target is not None or bool(others)


def _fitting(names: Iterable[object], starts: Sequence[datetime], context: Context) -> Named:
    names = tuple(names)
    places = enumerate(map(context.local, starts))
    return frozenset(at for at, (day, minutes) in places if all(names_start(n, day, minutes, context) for n in names))
