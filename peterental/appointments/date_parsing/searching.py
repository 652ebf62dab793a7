"""Searches: the constraint on free times that a vague phrase, or an availability request, comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.day_agreement import excluded_readings, together
from peterental.appointments.date_parsing.expressions import Clock, DayExpression, DayPart, TimeWindow, Weekday
from peterental.appointments.date_parsing.phrase_model import Phrase
from peterental.appointments.date_parsing.places import DayReading
from peterental.appointments.date_parsing.result import DayRange, MinuteRange, Search
from peterental.appointments.date_parsing.times import clock_readings, limits, part_name, part_range, window_range

AROUND_MIN = 30
"""A clock time whose half of the day is open is searched so far around both halves."""

_SOONEST_PARTS = frozenset(("first thing",))


def search_for(phrase: Phrase, readings: Sequence[DayReading], context: Context) -> Search | None:
    """Return the search that a phrase comes to on the given days; None where its limits exclude each other.

    Args:
        phrase: its times and exclusions are read.
        readings: its days, as placed; empty where any day will do.
        context: what it is read against.
    """
    day = readings[0].day if len(readings) == 1 else None
    ranges = limits(phrase, context, day)
    if ranges is None:
        return None
    search = Search(
        days=_merged(days for reading in readings for days in reading.days),
        weekdays=_weekdays(readings),
        ranges=ranges,
        part=part_name(phrase.parts[0]) if phrase.parts and not phrase.windows and not phrase.clocks else None,
        soonest="ASAP" in phrase.flags or any(part.name in _SOONEST_PARTS for part in phrase.parts),
    )
    clocks = (*phrase.clocks, *phrase.bare)
    return _excluding(_with_clock(search, clocks, phrase.parts, context, day), phrase.excluded, context)


def _with_clock(
    search: Search, clocks: Sequence[Clock], parts: Sequence[DayPart], context: Context, day: date | None
) -> Search:
    """Center the search on the clock times that were named; limits that came with them have done their work."""
    readings = [reading for clock in clocks for reading in clock_readings(clock, parts, context, day)]
    if not readings:
        return search
    minutes = sorted({reading.minutes for reading in readings})
    if len(minutes) == 1:
        return replace(search, ranges=(), clock_min=minutes[0], approximate=any(clock.approximate for clock in clocks))
    ranges = tuple(MinuteRange(max(found - AROUND_MIN, 0), found + AROUND_MIN + 1) for found in minutes)
    return replace(search, ranges=ranges, approximate=True)


def _weekdays(readings: Sequence[DayReading]) -> frozenset[int]:
    """Return the weekdays that the days are limited to; no limit where a reading has none."""
    if not readings or not all(reading.weekdays for reading in readings):
        return frozenset()
    return frozenset().union(*(reading.weekdays for reading in readings))


def _merged(days: Iterable[DayRange]) -> tuple[DayRange, ...]:
    return tuple(sorted(set(days)))


def _excluding(search: Search, excluded: Sequence[object], context: Context) -> Search:
    """Take away what does not suit: weekdays, days, parts of the day, limits, clock times."""
    weekdays: set[int] = set()
    days: set[date] = set()
    ranges: list[MinuteRange] = []
    for found in excluded:
        if isinstance(found, Weekday) and not found.which and not found.weeks:
            weekdays.add(found.weekday)
        elif isinstance(found, DayExpression):
            readings = excluded_readings(found, context)
            days.update(d for r in readings for range_ in r.days for d in range_ if r.contains(d))
        elif isinstance(found, DayPart):
            ranges.append(part_range(found, context, search.day))
        elif isinstance(found, TimeWindow):
            limit = window_range(found, (), context, search.day)
            ranges += [limit] if limit else []
        elif isinstance(found, Clock):
            ranges += [MinuteRange(r.minutes, r.minutes + 1) for r in clock_readings(found, (), context, search.day)]
    return replace(
        search,
        excluded_days=tuple(sorted(days)),
        excluded_weekdays=frozenset(weekdays),
        excluded_ranges=tuple(ranges),
    )


def united(searches: Sequence[Search]) -> Search:
    """Return one search for several alternatives: "Tuesday or Wednesday", "mornings or evenings"."""
    clocks = {search.clock_min for search in searches}
    if None in clocks and len(clocks) > 1:  # "in the morning or at noon"
        searches = [_limited_to_clock(search) for search in searches]
        clocks = {None}
    first = searches[0]
    any_day = any(not search.days for search in searches)
    any_time = any(not search.ranges for search in searches)
    ranges = () if any_time else tuple(sorted({range_ for search in searches for range_ in search.ranges}))
    clock_min = first.clock_min if len(clocks) == 1 else None
    if len(clocks) > 1 and None not in clocks:
        ranges = tuple(MinuteRange(clock, clock + 1) for clock in sorted(c for c in clocks if c is not None))
    is_paired = not any_day and len({search.ranges for search in searches}) > 1 and clocks == {None}
    return replace(
        first,
        choices=tuple(searches) if is_paired else (),
        days=() if any_day else _merged(days for search in searches for days in search.days),
        weekdays=frozenset().union(*(s.weekdays for s in searches))
        if all(s.weekdays for s in searches)
        else frozenset(),
        ranges=ranges,
        clock_min=clock_min,
        part=first.part if len({search.part for search in searches}) == 1 else None,
        excluded_days=tuple(sorted({day for search in searches for day in search.excluded_days})),
        excluded_weekdays=frozenset().union(*(search.excluded_weekdays for search in searches)),
        excluded_ranges=tuple(range_ for search in searches for range_ in search.excluded_ranges),
    )


def _limited_to_clock(search: Search) -> Search:
    """Return a search around a time of day as one that is limited to it."""
    if search.clock_min is None or search.approximate:
        return search
    return replace(search, clock_min=None, ranges=(MinuteRange(search.clock_min, search.clock_min + 1),))


def inherited(alternatives: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """Fill what one alternative leaves out from its neighbors: in "Tuesday or Wednesday at 3" both are at 3."""
    found = list(alternatives)
    for order in (range(len(found) - 2, -1, -1), range(1, len(found))):
        for at in order:
            other = found[at + 1] if order.step < 0 else found[at - 1]
            found[at] = _completed(found[at], other)
    return tuple(found)


def _completed(phrase: Phrase, other: Phrase) -> Phrase:
    is_of_a_day = bool(phrase.bare and not phrase.clocks and not phrase.parts and other.clocks and other.days)
    if not phrase.days and other.days:
        phrase = replace(phrase, days=other.days)
    if not phrase.names_time and other.names_time and not phrase.shifts and not phrase.picks:
        phrase = replace(phrase, clocks=other.clocks, bare=other.bare, parts=other.parts, windows=other.windows)
    if is_of_a_day:  # "Friday 4 or Monday 7 at two"; but "Friday 3 or 3:30"
        phrase = replace(phrase, clocks=other.clocks)
    meridiems = {clock.meridiem for clock in other.clocks}
    if phrase.clocks and len(meridiems) == 1 and not phrase.parts:
        clocks = tuple(
            clock if clock.meridiem or clock.is_24h else replace(clock, meridiem=min(meridiems, key=str))
            for clock in phrase.clocks
        )
        phrase = replace(phrase, clocks=clocks)
    return replace(phrase, zones=phrase.zones or other.zones)


def readings_of(phrase: Phrase, context: Context) -> tuple[DayReading, ...]:
    """Return the days of a phrase; of several readings of one weekday the last, as an answer names its date."""
    outcome = together(phrase.days, context)
    singles = [reading for reading in outcome.readings if reading.day is not None]
    is_one_weekday = len(phrase.days) == 1 and isinstance(phrase.days[0], Weekday)
    return (singles[-1],) if is_one_weekday and len(singles) > 1 else outcome.readings
