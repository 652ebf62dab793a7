"""Entry points: what `start_time`, a new time for a booking, and `date` with `time_of_day` mean.

Tokens are joined by the grammar into phrases; phrases are placed in the calendar; the one reading that agrees with
everything known is the answer, or a question that names the readings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from peterental.appointments.date_parsing import follow_up
from peterental.appointments.date_parsing.anchors import by_offered_time, by_present_time, on_offered_day
from peterental.appointments.date_parsing.change import completed_by_booking, earlier_or_later
from peterental.appointments.date_parsing.context import Context, Language, is_same
from peterental.appointments.date_parsing.day_agreement import together
from peterental.appointments.date_parsing.expressions import BookedDay, CalendarDate, ZoneName
from peterental.appointments.date_parsing.machine import (
    NOTHING,
    MachineTime,
    machine_time,
    plain_text,
    whole_period,
)
from peterental.appointments.date_parsing.named_booking import without_the_booking
from peterental.appointments.date_parsing.offers import chosen, other_than_offered
from peterental.appointments.date_parsing.phrase import ParsedText, parse_text
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.places import placed
from peterental.appointments.date_parsing.resolve import NOON_MIN, Resolver
from peterental.appointments.date_parsing.result import (
    AmOrPm,
    Clarification,
    ConfirmDay,
    DayNeeded,
    DayRange,
    ExactTime,
    NotUnderstood,
    OffsetUnclear,
    Option,
    Result,
    Search,
    SkippedByDst,
    TimeNeeded,
    WeekdayMismatch,
    WhichDay,
    WhichTime,
    ZoneUnclear,
)
from peterental.appointments.date_parsing.searching import inherited, readings_of, search_for, united
from peterental.appointments.date_parsing.tokens import is_too_long
from peterental.appointments.date_parsing.zones import converted

Entry = Literal["start", "change", "search"]

MORNING_MIN = 7 * 60
"""Callers mean no earlier time than this, unless homes are shown then."""

ANY_TIME = Search()
"""The search of a request that names neither a day nor a time."""


@dataclass
class Reading:
    """One argument as it was read: everything that an explanation shows."""

    result: Result
    text: str = ""
    machine: MachineTime | None = None
    parsed: ParsedText | None = None
    reasons: tuple[str, ...] = ()


def parse_start(raw: object, context: Context) -> Result:
    """Return what a `start_time` means: an exact time, a search where it is vague, or a question.

    Args:
        raw: the argument as sent, of any type.
        context: what it is read against.
    """
    return read_start(raw, context).result


def parse_change(raw: object, context: Context) -> Result:
    """Return what a new time for `context.current` means; "an hour later" and "same time Friday" are relative to it.

    Args:
        raw: the argument as sent, of any type.
        context: what it is read against.
    """
    return read_change(raw, context).result


def parse_search(date_raw: object, time_of_day_raw: object, context: Context) -> Search | Clarification:
    """Return which free times an availability request asks for.

    Args:
        date_raw: the `date` as sent; it may carry a time as well. None for any day.
        time_of_day_raw: the `time_of_day` as sent; it may carry a day as well. None for any time.
        context: what both are read against.
    """
    return read_search(date_raw, time_of_day_raw, context)[0]


def refers_back(date_raw: object, time_of_day_raw: object, language: Language) -> bool:
    """Return whether an availability request continues an earlier offer: "later", "that day", a time without a day.

    Args:
        date_raw: the `date` as sent.
        time_of_day_raw: the `time_of_day` as sent.
        language: the agent's.
    """
    texts = [text for text in (_date_text(date_raw), _hour_text(time_of_day_raw)) if text]
    if not texts or any(is_too_long(text) or machine_time(text) is not None for text in texts):
        return False
    phrases = [phrase for text in texts for phrase in parse_text(text, language).alternatives]
    days = [day for phrase in phrases for day in phrase.days]
    is_beside_offer = any(isinstance(getattr(day, "base", day), BookedDay) for day in days)
    return is_beside_offer or (not days and any(phrase.names_time or phrase.picks for phrase in phrases))


def read_start(raw: object, context: Context) -> Reading:
    """Read a `start_time`, and keep what an explanation shows."""
    return _read(raw, replace(context, current=None) if context.current else context)


def read_change(raw: object, context: Context) -> Reading:
    """Read a new time for a booking, and keep what an explanation shows."""
    return _read(raw, context)


def _read(raw: object, context: Context) -> Reading:
    text = plain_text(raw)
    if text is None or is_too_long(text) or text.casefold() in NOTHING:
        return Reading(NotUnderstood())
    text = whole_period(text)
    resolver = Resolver(context, raw)
    machine = machine_time(text)
    if machine is not None:
        return Reading(_placed_machine(machine, resolver), text, machine, None, tuple(resolver.reasons))
    parsed = parse_text(text, context.language)
    return Reading(_words(parsed, resolver), text, None, parsed, tuple(resolver.reasons))


# --- words -----------------------------------------------------------------------------------------------------------


def _words(parsed: ParsedText, resolver: Resolver) -> Result:
    context = resolver.context
    if context.current is not None and parsed.target is not None:
        parsed = replace(parsed, alternatives=(parsed.target,))
    if len(parsed.alternatives) > 1:
        parsed = replace(parsed, alternatives=follow_up.each_completed(parsed.alternatives, context, _resolved))
        zones = tuple(dict.fromkeys(zone for phrase in parsed.alternatives for zone in phrase.zones))
        return _in_zone(resolver.alternatives(parsed.alternatives), Phrase(zones=zones), resolver)
    return _phrase(parsed.alternatives[0], resolver)


def _phrase(phrase: Phrase, resolver: Resolver) -> Result:
    """Return what a phrase without alternatives means: a choice, an answer, a change or a time of its own."""
    context = resolver.context
    anchored = by_present_time(phrase, context)
    if anchored.options:
        resolver.note("the present time or that of the booking may be meant")
        return resolver.which(anchored.options)
    phrase = anchored.phrase
    if (search := earlier_or_later(phrase, context)) is not None:
        return search
    offered = chosen(phrase, context)
    is_answer = context.asked_last and (follow_up.is_plain_yes(phrase) or follow_up.answers_a_choice(phrase, context))
    answer = (
        None if isinstance(offered, ExactTime) and not is_answer else follow_up.completed(phrase, context, _resolved)
    )
    if isinstance(answer, Phrase):
        return _after_answer(answer, resolver)
    if answer is not None or offered is not None:
        resolver.note("chosen from the offer" if answer is None else "leaves the last question open")
        return _sent_again(_by_caller(answer or offered or NotUnderstood(), phrase, resolver), resolver)
    by_offer = by_offered_time(phrase, context)
    phrase, named_doubt = without_the_booking(by_offer.phrase, context)
    phrase, doubt = completed_by_booking(phrase, context)
    result = _in_zone(resolver.phrase(phrase), phrase, resolver)
    doubt = named_doubt or doubt or anchored.doubt or by_offer.doubt or other_than_offered(phrase, context)
    return _by_caller(_doubted(result, doubt, resolver), phrase, resolver)


def _sent_again(result: Result, resolver: Resolver) -> Result:
    """Take a choice from an offer that was confirmed last and is sent again, unless the caller said no."""
    context = resolver.context
    asked = context.asked[-1] if context.asked and context.asked_last else None
    is_same_question = asked is not None and asked.key == ConfirmDay.key and is_same(asked.raw, resolver.raw)
    if not isinstance(result, ConfirmDay) or not is_same_question or resolver.caller.refuses:
        return result
    resolver.note("sent again after the question, so it is meant")
    start = None if result.option.clock_min is None else context.instant(result.option.day, result.option.clock_min)
    return result if start is None else ExactTime(start=start)


def _resolved(raw: object, context: Context) -> Result:
    return _read(raw, context).result


def _after_answer(answer: Phrase, resolver: Resolver) -> Result:
    """Resolve an answer to the last question; one that may be stale beside a newer offer is confirmed."""
    resolver.note("completes the last question")
    result = resolver.phrase(answer)
    if not isinstance(result, ExactTime) or not resolver.context.last_offer or resolver.context.asked_last:
        return result
    day, minutes = resolver.context.local(result.start)
    offered_days = {resolver.context.local(start)[0] for start in resolver.context.last_offer}
    if day in offered_days or len(resolver.context.asked) == 0:
        return result
    return _doubted(result, "picked", resolver) if minutes >= 0 else result


def _doubted(result: Result, doubt: str | None, resolver: Resolver) -> Result:
    if doubt is None or not isinstance(result, ExactTime) or resolver.context.was_asked(ConfirmDay.key, resolver.raw):
        return result
    if result.start in resolver.context.offered:
        return result
    return ConfirmDay(option=Option(*resolver.context.local(result.start)), reason=doubt)


def _by_caller(result: Result, phrase: Phrase, resolver: Resolver) -> Result:
    """After a question that offered several readings, take the one that the caller's latest line names."""
    context = resolver.context
    if not isinstance(result, Clarification) or not context.was_asked(result.key, resolver.raw):
        return result
    options: tuple[Option, ...] = ()
    if isinstance(result, WhichDay | WeekdayMismatch):
        options = result.options
    elif isinstance(result, AmOrPm) and result.day is not None:
        options = tuple(Option(result.day, minutes) for minutes in result.options)
    found = follow_up.by_the_caller(options, context) if options else None
    if found is None:
        return result
    resolver.note("the caller's latest line names this reading")
    if found.clock_min is not None:
        return resolver.settled(found, None, phrase)
    return TimeNeeded(search=Search(days=(DayRange(found.day, found.day),)))


def _in_zone(result: Result, phrase: Phrase, resolver: Resolver) -> Result:
    """Ask about a time zone that was named and is not the agent's."""
    context = resolver.context
    if isinstance(result, WhichDay | WeekdayMismatch | ConfirmDay):
        return _without_foreign_times(result, phrase, resolver)
    for zone in phrase.zones:
        options = _options_of(result, context)
        starts = [start for option in options if (start := context.instant(option.day, option.clock_min or 0))]
        if not starts:
            return result
        others = [converted(start, zone, context) for start in starts]
        if any(other is None for other in others):
            return ConfirmDay(option=options[0], reason="unknown-words", unknown=(zone.text,))
        if all(own == other for own, other in zip(starts, others, strict=True)):
            continue
        resolver.note(f"{zone.text} is another time zone")
        if isinstance(result, ExactTime) and others[0] is not None:
            return _one_in_zone(starts[0], others[0], zone.text, resolver)
        every = {context.local(start) for start in (*starts, *(other for other in others if other is not None))}
        day = None if isinstance(result, DayNeeded) else min(every)[0]
        return WhichTime(day=day, options=tuple(sorted({minutes for _, minutes in every})))
    return result


def _one_in_zone(own: datetime, other: datetime, zone_name: str, resolver: Resolver) -> Result:
    """Ask which zone is meant. The same argument sent again after that question means the zone that it names."""
    if not resolver.context.was_asked(ZoneUnclear.key, resolver.raw):
        return ZoneUnclear(own=own, converted=other, zone_name=zone_name)
    resolver.note("sent again after the question, so that zone is meant")
    return ExactTime(start=other, assumed="zone-converted")


def _without_foreign_times(
    result: WhichDay | WeekdayMismatch | ConfirmDay, phrase: Phrase, resolver: Resolver
) -> Result:
    """Ask only about the day where the time was named in another zone: the answer must not take it for a local time."""
    options = (result.option,) if isinstance(result, ConfirmDay) else result.options
    starts = [start for option in options if (start := _start_of(option, resolver.context)) is not None]
    if all(converted(start, zone, resolver.context) == start for zone in phrase.zones for start in starts):
        return result
    resolver.note("the time is of another time zone, and asked about after the day")
    if isinstance(result, ConfirmDay):
        return replace(result, option=Option(result.option.day))
    return replace(result, options=tuple(dict.fromkeys(Option(option.day) for option in options)))


def _start_of(option: Option, context: Context) -> datetime | None:
    return None if option.clock_min is None else context.instant(option.day, option.clock_min)


def _options_of(result: Result, context: Context) -> tuple[Option, ...]:
    """Return the day and time of every reading of a result; today stands for a day that is not known."""
    match result:
        case ExactTime(start=start):
            return (Option(*context.local(start)),)
        case DayNeeded(search=search) if search.clock_min is not None:
            return (Option(context.today, search.clock_min),)
        case Search(clock_min=int(minutes)) if result.days:
            return (Option(result.days[0].first, minutes),)
        case WhichTime(day=day, options=options):
            return tuple(Option(day or context.today, minutes) for minutes in options)
        case _:
            return ()


# --- machine forms ---------------------------------------------------------------------------------------------------


def _placed_machine(machine: MachineTime, resolver: Resolver) -> Result:
    context = resolver.context
    resolver.note(f"written as {machine.form}")
    named = CalendarDate(machine.day.day, machine.day.month, machine.day.year)
    readings = placed(named, context)
    if not readings or readings[0].day is None:
        return NotUnderstood()
    day, doubt = readings[0].day, readings[0].doubt
    resolver.note(readings[0].reason)
    if machine.weekday is not None and doubt and machine.weekday == day.isoweekday():
        doubt = None
    elif machine.weekday is not None and not doubt and machine.weekday != day.isoweekday():
        return resolver.weekday_mismatch(day, machine.weekday, machine.minutes)
    is_placeholder = machine.minutes == 0 and machine.offset is None and not context.is_open(0, day)
    if machine.minutes is None or is_placeholder:
        resolver.note("midnight, which stands for no time" if is_placeholder else "no time of day")
        return _day_alone(day, doubt, resolver)
    return _placed_time(machine, day, machine.minutes, doubt or ("vague" if machine.has_seconds else None), resolver)


def _placed_time(machine: MachineTime, day: date, minutes: int, doubt: str | None, resolver: Resolver) -> Result:
    if machine.offset is None and _has_lost_its_half(minutes, day, resolver):
        resolver.note("the caller's words name this hour, and homes are shown in the afternoon")
        return resolver.settled(Option(day, minutes + NOON_MIN), doubt, Phrase())
    if machine.offset is None and not machine.zone:
        return resolver.settled(Option(day, minutes), doubt, Phrase())
    return _with_offset(machine, day, minutes, doubt, resolver)


def _has_lost_its_half(minutes: int, day: date, resolver: Resolver) -> bool:
    """Return whether a time at night stands for one in the afternoon, which the caller named: "Friday at two"."""
    if minutes >= MORNING_MIN:
        return False
    context, afternoon = resolver.context, minutes + NOON_MIN
    is_shown = not context.is_open(minutes, day) and context.is_open(afternoon, day)
    return is_shown and resolver.caller.names_minutes(afternoon) is True


def _day_alone(day: date, doubt: str | None, resolver: Resolver) -> Result:
    context = resolver.context
    if doubt and resolver.caller.day_agrees(day) is not True and not context.was_asked(ConfirmDay.key, resolver.raw):
        return ConfirmDay(option=Option(day), reason=doubt)
    was_asked = any(context.was_asked(key, resolver.raw) for key in (WeekdayMismatch.key, ConfirmDay.key))
    if resolver.caller.day_agrees(day) is False and not was_asked:
        return resolver.other_day_named(Option(day))
    return TimeNeeded(search=Search(days=(DayRange(day, day),), from_words=False))


def _with_offset(machine: MachineTime, day: date, minutes: int, doubt: str | None, resolver: Resolver) -> Result:
    """Decide between the wall clock and the instant, where the offset is not the agent's own at that time."""
    context = resolver.context
    own = context.instant(day, minutes)
    if own is None:
        return SkippedByDst(day=day, clock_min=minutes)
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    other = (wall - machine.offset).replace(tzinfo=UTC) if machine.offset is not None else None
    if other is None:
        other = converted(own, ZoneName(machine.zone, machine.zone), context)
    if other is None:
        return ConfirmDay(option=Option(day, minutes), reason="unknown-words", unknown=(machine.zone,))
    if other == own or _is_second_of_repeated(wall, machine.offset, context):
        return resolver.settled(Option(day, minutes), doubt, Phrase())
    chosen_start, assumed = _wall_or_instant(own, other, resolver)
    if chosen_start is None:
        return OffsetUnclear(own=own, converted=other, zone_name=machine.zone)
    option = Option(*context.local(chosen_start))
    result = resolver.settled(option, doubt, Phrase())
    return replace(result, assumed=assumed) if isinstance(result, ExactTime) else result


def _is_second_of_repeated(wall: datetime, offset: timedelta | None, context: Context) -> bool:
    return offset is not None and wall.replace(tzinfo=context.zone, fold=1).utcoffset() == offset


def _wall_or_instant(own: datetime, other: datetime, resolver: Resolver) -> tuple[datetime | None, str | None]:
    """Return which of both is meant and the assumption made; None where it has to be asked."""
    context = resolver.context
    offered = [start for start in (own, other) if start in context.offered]
    said = [start for start in (own, other) if resolver.caller.names_minutes(context.local(start)[1])]
    for found in (said, offered):
        if len(found) == 1 and not (said and offered and said != offered):
            resolver.note("the caller's words or an offer name this wall-clock time")
            return found[0], "offset-ignored" if found[0] == own else None
    if said or offered:
        return None, None
    is_open = [start for start in (own, other) if context.is_open(context.local(start)[1], context.local(start)[0])]
    if len(is_open) > 1:
        return None, None
    start = is_open[0] if is_open else other
    resolver.note("only this reading lies within working hours" if is_open else "neither lies within working hours")
    return start, "offset-ignored" if start == own else "offset-used"


# --- searches --------------------------------------------------------------------------------------------------------


def read_search(
    date_raw: object, time_of_day_raw: object, context: Context
) -> tuple[Search | Clarification, tuple[ParsedText, ...]]:
    """Read an availability request, and keep what an explanation shows."""
    if date_raw is None and time_of_day_raw is None:
        return ANY_TIME, ()
    texts = [
        text
        for raw, text in ((date_raw, _date_text(date_raw)), (time_of_day_raw, _hour_text(time_of_day_raw)))
        if raw is not None
    ]
    if any(text is None or is_too_long(text) for text in texts):
        return NotUnderstood(), ()
    parsed = [_parsed_for_search(text or "", context) for text in texts]
    dates = parsed[0].alternatives if date_raw is not None else (Phrase(),)
    times = parsed[-1].alternatives if time_of_day_raw is not None else (Phrase(),)
    phrases = [_joined(first, second) for first in inherited(dates) for second in inherited(times)]
    phrases = [on_offered_day(phrase, context) for phrase in phrases]
    return _searched(phrases, parsed, context), tuple(parsed)


def _searched(phrases: list[Phrase], parsed: list[ParsedText], context: Context) -> Search | Clarification:
    """Return the search of all alternatives together, or the question that keeps what was understood."""
    unknown = tuple(
        word for text in parsed for phrase in text.alternatives if phrase.is_empty for word in phrase.unknown
    )
    searches: list[Search] = []
    for phrase in phrases:
        outcome = together(phrase.days, context)
        if outcome.mismatch is not None:
            return WeekdayMismatch(options=tuple(map(Option, dict.fromkeys(outcome.mismatch))))
        readings = readings_of(phrase, context)
        search = search_for(phrase, readings, context)
        if search is None or (phrase.days and not readings):
            return _kept(phrase, search, unknown, context)
        searches.append(_around_instant(phrase, search, context))
    search = united(searches)
    if unknown:
        return TimeNeeded(search=search) if search.days else NotUnderstood(unknown=unknown)
    return search


def _date_text(raw: object) -> str | None:
    """Return a date as text, a number in digits as a day of the month: "14"."""
    text = _search_text(raw)
    return f"{text}th" if text is not None and text.isdigit() and len(text) <= 2 else text  # noqa: PLR2004 - a day


def _hour_text(raw: object) -> str | None:
    """Return a time of day as text, an hour in digits as one: "14"."""
    text = _search_text(raw)
    return f"at {text}" if text is not None and text.isdigit() and len(text) <= 2 else text  # noqa: PLR2004 - an hour


def _search_text(raw: object) -> str | None:
    """Return an argument as text, empty where a model had nothing to say; None for what is no text."""
    text = plain_text(raw)
    text = None if text is None else whole_period(text)
    return "" if text is not None and text.casefold() in NOTHING else text


def _parsed_for_search(text: str, context: Context) -> ParsedText:
    """Read words, or put a machine form into the same shape."""
    machine = machine_time(text)
    if machine is None:
        return parse_text(text, context.language)
    start = parse_start(text, replace(context, said=tuple, asked=(), offered=(), last_offer=()))
    if isinstance(start, ExactTime):
        day, minutes = context.local(start.start)
        clock = f"{minutes // 60:02}:{minutes % 60:02}"
        return parse_text(f"{day.isoformat()} {clock}", context.language)
    return parse_text(machine.day.isoformat(), context.language)


def _joined(first: Phrase, second: Phrase) -> Phrase:
    return replace(
        first,
        days=first.days or second.days,
        clocks=second.clocks or first.clocks,
        bare=second.bare or first.bare,
        parts=tuple(dict.fromkeys((*first.parts, *second.parts))),
        windows=(*first.windows, *second.windows),
        excluded=(*first.excluded, *second.excluded),
        instants=(*first.instants, *second.instants),
        flags=first.flags | second.flags,
    )


def _kept(phrase: Phrase, search: Search | None, unknown: tuple[str, ...], context: Context) -> Clarification:
    """Return the question for a request whose parts exclude each other, with what was understood."""
    days = tuple(range_ for reading in readings_of(phrase, context) for range_ in reading.days)
    if days:
        return TimeNeeded(search=Search(days=days))
    return NotUnderstood(unknown=unknown) if search is None or not phrase.names_time else DayNeeded(search=search)


def _around_instant(phrase: Phrase, search: Search, context: Context) -> Search:
    """Center a search on a length of time from now: "in two hours", "now"."""
    if not phrase.instants:
        return search
    minutes = phrase.instants[0].minutes
    try:
        day, clock_min = context.local(context.now.astimezone(UTC) + timedelta(minutes=minutes))
    except OverflowError:
        return search
    return replace(search, days=(DayRange(day, day),), clock_min=clock_min if minutes else None, soonest=not minutes)
