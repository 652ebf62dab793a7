"""Time zones that a calendar defines itself: VTIMEZONE."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from dateutil.rrule import MONTHLY, YEARLY

from peterental.calendars.icalendar_data.limits import Budget
from peterental.calendars.icalendar_data.moments import Unreadable, parse_time
from peterental.calendars.icalendar_data.rules import parse_rule
from peterental.calendars.icalendar_data.text import Component
from peterental.calendars.icalendar_data.zones import Clock, ZoneClock, known_clock

_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)
_FIRST_YEAR = 1970
_YEARS_AHEAD = 10
_FREQUENCIES = frozenset({YEARLY, MONTHLY})
_MAX_PARTS = 200
_LONGEST_OFFSET = timedelta(hours=18)


@dataclass(frozen=True)
class DefinedClock:
    """The clock of a zone by its changes.

    Args:
        before: the offset before the first change.
        changes: when each happens on the clock before it, sorted.
        offsets: the offset before and after each change.
    """

    before: timedelta
    changes: tuple[datetime, ...]
    offsets: tuple[tuple[timedelta, timedelta], ...]

    def instants(self, wall: datetime) -> tuple[datetime, datetime]:
        """Return the instant, twice. A time that is skipped or repeated follows the offset before the change."""
        index = bisect_right(self.changes, wall) - 1
        offset = self.before
        if index >= 0:
            old, new = self.offsets[index]
            is_skipped = wall < self.changes[index] + (new - old)
            offset = old if is_skipped else new
        try:
            instant = (wall - offset).replace(tzinfo=UTC)
        except OverflowError:
            instant = wall.replace(tzinfo=UTC)
        return instant, instant

    def wall(self, instant: datetime) -> datetime:
        """Return the wall-clock time."""
        moment = instant.astimezone(UTC).replace(tzinfo=None)
        offset = self.before
        for change, (old, new) in zip(self.changes, self.offsets, strict=True):
            if moment < change - old:
                break
            offset = new
        try:
            return moment + offset
        except OverflowError:
            return moment


def defined_clock(zone: Component, last: datetime, budget: Budget) -> Clock | None:
    """Return the clock that a VTIMEZONE defines; None if it cannot be read.

    Args:
        zone: the component.
        last: the end of the time of interest, aware.
        budget: is charged for every change.

    Raises:
        CalendarNonsense: a limit is exceeded.
    """
    location = known_clock(zone.first("X-LIC-LOCATION"))
    if location is not None:
        return location
    if not 0 < len(zone.parts) <= _MAX_PARTS:
        return None
    until = datetime(last.year + _YEARS_AHEAD, 1, 1)  # noqa: DTZ001 - on the clock of the zone
    try:
        found = sorted(change for part in zone.parts for change in _changes(part, until, budget))
    except Unreadable:
        return None
    if not found:
        return None
    return DefinedClock(
        before=found[0][1],
        changes=tuple(at for at, _, _ in found),
        offsets=tuple((old, new) for _, old, new in found),
    )


def _changes(part: Component, until: datetime, budget: Budget) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """Yield each time at which an observance begins, with the offsets before and after. Raises Unreadable."""
    old, new = _offset(part.first("TZOFFSETFROM")), _offset(part.first("TZOFFSETTO"))
    start = parse_time(part.first("DTSTART"))[0]
    times = {start}
    for value in part.properties.get("RDATE", ()):
        for text in value.text.split(","):
            budget.take_step()
            times.add(parse_time(text.strip().partition("/")[0])[0])
    for value in part.properties.get("RRULE", ()):
        rule = parse_rule(value.text, ZoneClock(timezone(old)), is_date=False)
        if rule.frequency not in _FREQUENCIES:
            raise Unreadable
        span = (datetime(_FIRST_YEAR, 1, 1), until)  # noqa: DTZ001 - on the clock of the zone
        times.update(rule.times(start, span, budget))
    for time in times:
        if time <= until:
            yield time, old, new


def _offset(text: str) -> timedelta:
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        raise Unreadable
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    if offset > _LONGEST_OFFSET:
        raise Unreadable
    return -offset if match[1] == "-" else offset
