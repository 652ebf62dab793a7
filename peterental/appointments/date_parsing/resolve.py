"""The decision: which one time agrees with everything known, or which question to ask instead. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from peterental.appointments.date_parsing.caller import CallerLines
from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.day_agreement import is_excluded_day, nearest_weekday, together
from peterental.appointments.date_parsing.expressions import Clock, DayExpression, clock_at
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.places import OFFERED, DayReading
from peterental.appointments.date_parsing.result import (
    AmOrPm,
    Clarification,
    ConfirmDay,
    DayNeeded,
    DayRange,
    ExactTime,
    MinuteRange,
    NotUnderstood,
    Option,
    Result,
    Search,
    SkippedByDst,
    TimeNeeded,
    WeekdayMismatch,
    WhichDay,
    WhichOffer,
    WhichTime,
)
from peterental.appointments.date_parsing.searching import inherited, search_for, united
from peterental.appointments.date_parsing.times import (
    clock_readings,
    halves,
    is_the_viewing,
    limits,
    window_range,
)

NOON_MIN = 12 * 60


class Resolver:
    """Resolves one argument against one context.

    Args:
        context: what is known.
        raw: the argument as sent; questions are remembered by it.
    """

    def __init__(self, context: Context, raw: object) -> None:
        self.context = context
        self.raw = raw
        self.reasons: list[str] = []

    @cached_property
    def caller(self) -> CallerLines:
        """The caller's own lines."""
        return CallerLines(self.context)

    def note(self, reason: str) -> None:
        """Record why a reading was taken or dropped, for the explanation."""
        self.reasons.append(reason)

    # --- whole phrases -----------------------------------------------------------------------------------------------

    def alternatives(self, alternatives: Sequence[Phrase]) -> Result:
        """Resolve a phrase with its alternatives; several that remain become a question."""
        phrases = inherited(alternatives)
        is_first = any("FIRST_OF" in phrase.flags for phrase in phrases)
        if is_first and not any(phrase.names_time for phrase in phrases):
            phrases = tuple(replace(phrase, flags=phrase.flags | {"ASAP"}) for phrase in phrases)
        results = [self.phrase(phrase) for phrase in phrases]
        if len(results) == 1 or all(result == results[0] for result in results):
            return results[0]
        exact = [result for result in results if isinstance(result, ExactTime)]
        if len(exact) == len(results):
            options = tuple(Option(*self.context.local(found.start)) for found in exact)
            return min(exact, key=lambda found: found.start) if is_first else self.which(options)
        searches = [found for result in results if (found := self._as_search(result)) is not None]
        if len(searches) == len(results):
            search = united(searches)
            if all(isinstance(result, TimeNeeded) for result in results):
                return TimeNeeded(search=search)
            return DayNeeded(search=search) if all(isinstance(result, DayNeeded) for result in results) else search
        left = [self._options(result) for result in results]
        if all(left):
            return self.which(tuple(dict.fromkeys(option for found in left for option in found)))
        return next(result for result in results if isinstance(result, Clarification))

    def _options(self, result: Result) -> tuple[Option, ...]:
        """Return the days, with their times, that a result leaves open; none for what names no day."""
        match result:
            case ExactTime(start=start):
                return (Option(*self.context.local(start)),)
            case WhichDay(options=options) | WeekdayMismatch(options=options):
                return options
            case ConfirmDay(option=option):
                return (option,)
            case WhichTime(day=day, options=minutes) if day is not None:
                return tuple(Option(day, found) for found in minutes)
            case Search() | TimeNeeded():
                search = self._as_search(result) or Search()
                return () if search.day is None else (Option(search.day, search.clock_min),)
            case _:
                return ()

    def _as_search(self, result: Result) -> Search | None:
        match result:
            case Search():
                return result
            case ExactTime(start=start):
                day, minutes = self.context.local(start)
                return Search(days=(DayRange(day, day),), clock_min=minutes)
            case TimeNeeded(search=search) | DayNeeded(search=search):
                return search
            case _:
                return None

    def phrase(self, phrase: Phrase) -> Result:
        """Resolve one phrase without alternatives."""
        if phrase.is_empty:
            return NotUnderstood(unknown=phrase.unknown)
        if phrase.instants:
            return self._ahead(phrase)
        if not phrase.days:
            return self._without_day(phrase)
        return self._placed(phrase)

    def _placed(self, phrase: Phrase) -> Result:
        """Resolve a phrase that names a day."""
        outcome = together(phrase.days, self.context)
        for reading in outcome.readings:
            self.note(f"{_days_text(reading)}: {reading.reason}")
        readings = tuple(reading for reading in outcome.readings if not self._is_excluded(reading, phrase))
        if outcome.mismatch is not None:
            return self._mismatch(outcome.mismatch, phrase)
        if not readings:
            return self._no_such_day(phrase)
        if any(reading.day is None for reading in readings):
            return self._searched(phrase, readings)
        return self._on_days(phrase, readings)

    def _is_excluded(self, reading: DayReading, phrase: Phrase) -> bool:
        day = reading.day
        return day is not None and any(
            is_excluded_day(found, day, self.context) for found in phrase.excluded if isinstance(found, DayExpression)
        )

    def _ahead(self, phrase: Phrase) -> Result:
        """Resolve a length of time from now; "now" itself means the soonest time."""
        ahead = phrase.instants[0]
        if not ahead.minutes and not phrase.names_time:
            return Search(days=(DayRange(self.context.today, self.context.today),), soonest=True)
        if len(phrase.instants) > 1 or phrase.names_time:
            return NotUnderstood(unknown=phrase.unknown)
        try:
            start = self.context.now.astimezone(UTC) + timedelta(minutes=ahead.minutes)
            start = start.replace(second=0, microsecond=0)
            option = Option(*self.context.local(start))
        except OverflowError:
            return NotUnderstood(unknown=phrase.unknown)
        days = together(phrase.days, self.context).readings
        if phrase.days and not any(reading.contains(option.day) for reading in days):
            return NotUnderstood(unknown=phrase.unknown)
        return self._on_instant(option, start, phrase)

    def _on_instant(self, option: Option, start: datetime, phrase: Phrase) -> Result:
        if phrase.instants[0].is_vague:
            return Search(days=(DayRange(option.day, option.day),), clock_min=option.clock_min, approximate=True)
        return self._confirm(option, "unknown-words", phrase) if phrase.unknown else ExactTime(start=start)

    def _no_such_day(self, phrase: Phrase) -> Result:
        """Keep the time of a day that does not exist or is unknown: the thirtieth of February."""
        search = search_for(phrase, (), self.context)
        return DayNeeded(search=search) if search and phrase.names_time else NotUnderstood(unknown=phrase.unknown)

    def _searched(self, phrase: Phrase, readings: Sequence[DayReading]) -> Result:
        search = search_for(phrase, readings, self.context)
        return search or TimeNeeded(search=Search(days=readings[0].days, weekdays=readings[0].weekdays))

    # --- without a day -----------------------------------------------------------------------------------------------

    def _without_day(self, phrase: Phrase) -> Result:
        if (
            "ASAP" in phrase.flags
            or (phrase.flags >= {"ANY"} and not phrase.names_time)
            or (phrase.excluded and not phrase.clocks)
        ):
            search = search_for(phrase, (), self.context)
            return search or NotUnderstood(unknown=phrase.unknown)
        if not phrase.names_time:
            return NotUnderstood(unknown=phrase.unknown)
        search = search_for(phrase, (), self.context)
        if search is None:
            return NotUnderstood(unknown=phrase.unknown)
        if phrase.clocks and search.clock_min is None and len(search.ranges) == 2:  # noqa: PLR2004 - both halves
            return AmOrPm(day=None, options=tuple(sorted(r.minutes for r in halves(phrase.clocks[0], phrase.parts))))
        return DayNeeded(search=search)

    # --- on one day or one of several --------------------------------------------------------------------------------

    def _on_days(self, phrase: Phrase, readings: Sequence[DayReading]) -> Result:
        clocks = self._clocks(phrase, readings[0].day)
        days = tuple(reading.day for reading in readings if reading.day is not None)
        doubt = readings[0].doubt if len(readings) == 1 else None
        if not clocks:
            return self._on_days_without_clock(phrase, readings, days, doubt)
        if len(days) == 1 and ("ANY" in phrase.flags or any(clock.approximate for clock in clocks)):
            return self._searched(phrase, readings)
        options: list[Option] = []
        for day in days:
            minutes = self._minutes(clocks, phrase, day)
            options += [Option(day, found) for found in minutes]
        if not options:
            search = Search(days=tuple(DayRange(day, day) for day in days))
            return TimeNeeded(search=search)
        return self._one_of(options, doubt, phrase)

    def _clocks(self, phrase: Phrase, day: date | None) -> tuple[Clock, ...]:
        """Return the clock times; a span as long as a viewing is the viewing, a number after a weekday an hour."""
        for window in phrase.windows if not phrase.clocks else ():
            range_ = window_range(window, phrase.parts, self.context, day)
            if range_ is not None and is_the_viewing(window, range_, self.context):
                return (clock_at(range_.from_min),)
        if phrase.bare and not phrase.clocks and (day is None or day.day != phrase.bare[0].hour):
            return phrase.bare
        return phrase.clocks

    def _minutes(self, clocks: Sequence[Clock], phrase: Phrase, day: date) -> tuple[int, ...]:
        """Return the times that all clock times of a phrase may be; all of them where they disagree."""
        groups: list[set[int]] = []
        for clock in clocks:
            readings = clock_readings(clock, phrase.parts, self.context, day)
            groups.append({reading.minutes for reading in readings})
            for reading in readings:
                self.note(f"{reading.minutes // 60:02}:{reading.minutes % 60:02}: {reading.reason}")
        common = set.intersection(*groups)
        found = common or set.union(*groups)
        if phrase.windows and phrase.clocks:
            ranges = limits(replace(phrase, parts=()), self.context, day) or ()
            found = {minutes for minutes in found if any(minutes in range_ for range_ in ranges)}
        return tuple(sorted(found))

    def _on_days_without_clock(
        self, phrase: Phrase, readings: Sequence[DayReading], days: tuple[date, ...], doubt: str | None
    ) -> Result:
        ranges = limits(phrase, self.context, days[0])
        if ranges is None:
            return TimeNeeded(search=Search(days=tuple(DayRange(day, day) for day in days)))
        if len(days) > 1:
            live = tuple(Option(day) for day in days if day <= self.context.last_day) or tuple(map(Option, days))
            offered = tuple(Option(reading.day) for reading in readings if reading.day and reading.reason == OFFERED)
            live = offered if len(offered) == 1 else live  # "Tuesday", after an offer for Tuesday week
            if len(live) > 1:
                return WhichDay(options=live, ranges=ranges)
            readings = [reading for reading in readings if reading.day == live[0].day]
        if doubt and not self.context.was_asked(ConfirmDay.key, self.raw):
            return self._confirm(Option(readings[0].day or days[0]), doubt, phrase, ranges)
        search = search_for(phrase, readings, self.context) or Search()
        is_relative = any(pick.comparison for pick in phrase.picks)  # "later today"
        if (phrase.names_time and not phrase.bare) or phrase.excluded or phrase.flags & {"ASAP", "ANY"} or is_relative:
            return search
        return TimeNeeded(search=search if not phrase.bare else replace(search, ranges=(), clock_min=None))

    def _one_of(self, options: Sequence[Option], doubt: str | None, phrase: Phrase) -> Result:
        """Drop readings that are past or beyond the horizon, where others remain; take the one that is left."""
        context = self.context
        is_literal = bool(phrase.parts) or any(clock.is_24h for clock in phrase.clocks)
        # "Today at 3 in the morning" is past; that does not make it 3 PM.
        drops_past = not is_literal or len({option.day for option in options}) > 1
        live = [option for option in options if not (drops_past and self._is_past(option))] or list(options)
        near = [option for option in live if option.day <= context.last_day] or live
        offered = [option for option in near if self._instant(option) in context.offered]
        if len(near) > 1 and len(offered) == 1:
            self.note("only one of the readings was offered")
            near = offered
        if len(near) > 1:
            return self.which(tuple(near))
        return self.settled(near[0], doubt, phrase)

    def which(self, options: tuple[Option, ...]) -> Result:
        """Return the question which of several days or times is meant."""
        days = sorted({option.day for option in options})
        if len(days) == 1:
            minutes = tuple(sorted({option.clock_min or 0 for option in options}))
            if len(minutes) == 1:
                return ConfirmDay(option=options[0], reason="vague")
            is_half = len(minutes) == 2 and minutes[1] - minutes[0] == NOON_MIN  # noqa: PLR2004 - AM and PM
            return AmOrPm(day=days[0], options=minutes) if is_half else WhichTime(day=days[0], options=minutes)
        by_day = {day: {option.clock_min for option in options if option.day == day} for day in days}
        return WhichDay(
            options=tuple(
                Option(day, min(at, default=None, key=_or_0) if len(at) == 1 else None) for day, at in by_day.items()
            )
        )

    def _instant(self, option: Option) -> datetime | None:
        return None if option.clock_min is None else self.context.instant(option.day, option.clock_min)

    def _is_past(self, option: Option) -> bool:
        start = self._instant(option)
        return start is not None and start <= self.context.now

    # --- the one reading ---------------------------------------------------------------------------------------------

    def settled(self, option: Option, doubt: str | None, phrase: Phrase) -> Result:
        """Return the exact time of the one reading, or the question that has to be asked first."""
        start = self._instant(option)
        if start is None:
            return SkippedByDst(day=option.day, clock_min=option.clock_min or 0)
        doubt = doubt or self._doubt(phrase, option.day)
        if doubt == "past" and self.caller.day_agrees(option.day) is False:
            return self.against_caller(option, start)
        if doubt and not self._is_confirmed(option, doubt):
            return self._confirm(option, doubt, phrase)
        return self.against_caller(option, start)

    def _doubt(self, phrase: Phrase, day: date) -> str | None:
        is_choice = any(pick.index is not None or pick.comparison for pick in phrase.picks)
        is_left_over = bool(phrase.clocks and phrase.bare) and phrase.bare[0].hour != day.day
        if phrase.unknown or phrase.shifts or is_choice or is_left_over or phrase.flags & {"NOT", "SAME_TIME"}:
            return "unknown-words"
        if any(clock.british_half or clock.is_midnight or clock.is_doubtful for clock in phrase.clocks):
            return "vague"
        return None

    def _is_confirmed(self, option: Option, doubt: str) -> bool:
        """Return whether this was asked before, or the caller's own words settle a past year."""
        if self.context.was_asked(ConfirmDay.key, self.raw):
            return not self.caller.refuses
        return doubt == "past" and self.caller.day_agrees(option.day) is True

    def _confirm(self, option: Option, reason: str, phrase: Phrase, ranges: tuple[MinuteRange, ...] = ()) -> ConfirmDay:
        return ConfirmDay(option=option, reason=reason, ranges=ranges, unknown=phrase.unknown)

    def against_caller(self, option: Option, start: datetime, assumed: str | None = None) -> Result:
        """Return the exact time, unless the caller's own last words name another one, or another day."""
        chosen = self._chosen_instead(option, start)
        if chosen is not None:
            self.note("the caller's own last words choose another time")
            return self.which((option, chosen))
        if self.caller.day_agrees(option.day) is False and not self.context.was_asked(WeekdayMismatch.key, self.raw):
            is_taken_offer = start in self.context.offered and self.caller.agreed_since()
            if not is_taken_offer and not self.context.was_asked(ConfirmDay.key, self.raw):
                self.note("the caller's own last words name another day")
                return self.other_day_named(option)
        coming = self._other_week(option.day)
        if coming is not None:
            self.note("the caller's own words name the coming one")
            return WeekdayMismatch(options=(option, Option(coming, option.clock_min)))
        named = self._other_time(option, start)
        if named is not None:
            self.note("the caller's own last words name another time of day")
            return WhichTime(day=option.day, options=tuple(sorted((named, option.clock_min or 0))))
        return self._turned_down(option, start) or ExactTime(start=start, assumed=assumed)

    def _turned_down(self, option: Option, start: datetime) -> WhichOffer | TimeNeeded | None:
        """Return the question where the caller's last words leave a time out: "not the last one", "after three"."""
        context, left = self.context, self.caller.offers_left()
        is_left_out = left and start in context.last_offer and start not in left
        if left and is_left_out and not context.was_asked(WhichOffer.key, self.raw):
            self.note("the caller's own last words turn this time down")
            return WhichOffer(options=left)
        limits = self._other_limits(option, start)
        if limits is None:
            return None
        self.note("the caller's own last words leave this time of day out")
        return TimeNeeded(search=replace(limits, days=(DayRange(option.day, option.day),)))

    def _chosen_instead(self, option: Option, start: datetime) -> Option | None:
        """Return the time that the caller chose from the offer, or relative to the booking, where another was sent.

        None once it was asked about, and for the booking's own time, which a repeated change sends.
        """
        context = self.context
        was_asked = any(context.was_asked(key, self.raw) for key in (WhichDay.key, WhichTime.key, AmOrPm.key))
        is_booked = context.current is not None and context.current.start == start
        if was_asked or is_booked or option.clock_min is None:
            return None
        chosen = self.caller.chosen_start()
        other = self.caller.changed_option(option) if chosen is None else Option(*context.local(chosen))
        return None if other == option else other

    def other_day_named(self, option: Option) -> WeekdayMismatch | ConfirmDay:
        """Return the question for a day that is not the caller's; where the caller named no single one, is it right?"""
        other = self.caller.other_day(option.day)
        if other == option.day:
            return ConfirmDay(option=option, reason="other-days")
        return WeekdayMismatch(options=(option, Option(other, option.clock_min)))

    def _other_week(self, day: date) -> date | None:
        """Return another day of the weekday that the caller named; None for a day that was offered, and once asked."""
        context = self.context
        is_offered = any(context.local(start)[0] == day for start in context.offered)
        was_asked = any(asked.key in {WeekdayMismatch.key, WhichDay.key} for asked in context.asked)
        if is_offered or was_asked or context.current is not None:
            return None
        return self.caller.other_week(day)

    def _other_time(self, option: Option, start: datetime) -> int | None:
        """Return the time of day that the caller named instead; None where the one that was sent may be taken.

        An offered time is taken, unless the caller's was offered as well; so is the booking's own time.
        """
        context = self.context
        if option.clock_min is None or context.was_asked(WhichTime.key, self.raw):
            return None
        named = self.caller.other_minutes(option.day, option.clock_min)
        other = None if named is None else context.instant(option.day, named)
        is_settled = start in context.offered and other not in context.offered
        is_booked = context.current is not None and context.current.start == other
        return None if is_settled or is_booked else named

    def _other_limits(self, option: Option, start: datetime) -> Search | None:
        """Return the limits of the time of day that the caller named and that leave a time out.

        None for an offered time, unless another one of the offer is inside, and for one that was sent again after the
        question.
        """
        context = self.context
        if option.clock_min is None or context.was_asked(TimeNeeded.key, self.raw):
            return None
        limits = self.caller.other_limits(option.clock_min)
        is_offered = start in context.offered
        if limits is None or not is_offered:
            return limits
        others = (context.local(other)[1] for other in context.last_offer) if context.offered_last else ()
        return limits if any(map(limits.allows_minutes, others)) else None

    def _mismatch(self, days: tuple[date, date], phrase: Phrase) -> Result:
        clocks = self._clocks(phrase, days[0])
        minutes = self._minutes(clocks, phrase, days[0]) if clocks else ()
        clock_min = minutes[0] if len(minutes) == 1 else None
        options = tuple(Option(day, clock_min) for day in dict.fromkeys(days))
        if len(options) == 1:
            return ConfirmDay(option=options[0], reason="vague")
        if self.context.was_asked(WeekdayMismatch.key, self.raw) and clock_min is not None:
            agreeing = [option for option in options if self.caller.day_agrees(option.day)]
            if len(agreeing) == 1:
                return self.settled(agreeing[0], None, phrase)
        return WeekdayMismatch(options=options)

    def weekday_mismatch(self, day: date, weekday: int, clock_min: int | None) -> WeekdayMismatch:
        """Return the question that names a date and the nearest day of the weekday that came with it."""
        other = nearest_weekday(day, weekday, self.context)
        return WeekdayMismatch(options=(Option(day, clock_min), Option(other, clock_min)))


def _or_0(value: int | None) -> int:
    return value or 0


def _days_text(reading: DayReading) -> str:
    first, last = reading.days[0].first, reading.days[-1].last
    return f"{first:%a %Y-%m-%d}" if first == last else f"{first:%a %Y-%m-%d} to {last:%a %Y-%m-%d}"
