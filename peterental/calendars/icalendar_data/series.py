"""Series: the times of an event that repeats, with those that were moved, deleted or changed.

recurring-ical-events decides which times there are. What it gets is prepared, because it would free busy times:

- Rules are expanded within bounds before, see `rules.py`.
- Every time is on the clock of the series, without zone. With a zone, an excluded 09:00 would exclude 09:00 UTC too.
- A time that was replaced is excluded, and what replaces it is added here. The library leaves out a replacement whose
  time is excluded as well, and one whose revision is lower than the series'.
- Periods are looked for as far back as they reach. The library looks for their start only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from peterental.calendars.icalendar_data.event import Event
from peterental.calendars.icalendar_data.limits import Budget
from peterental.calendars.icalendar_data.moments import Moment
from peterental.calendars.icalendar_data.zones import Clock

_MARGIN = timedelta(days=2)
_LONGEST_REACH = timedelta(days=1000)

Time = tuple[Event, Moment, Moment]
"""An event, and when one of its times starts and ends."""


def times(events: Sequence[Event], span: tuple[datetime, datetime], budget: Budget) -> Iterator[Time]:
    """Yield the times of events with the same UID that may be in a span.

    Args:
        events: the series and what replaces times of it; either may be missing.
        span: from and to, aware. Times outside it may be yielded too.
        budget: is charged.

    Raises:
        CalendarNonsense: a limit is exceeded.
    """
    masters = _newest([event for event in events if event.recurrence_id is None])
    following = [event for event in events if event.replaces_following] if masters else []
    replacements = _newest_replacements(
        [e for e in events if e.recurrence_id is not None and not (masters and e.replaces_following)]
    )
    for master in masters:
        if master.repeats or replacements or following:
            yield from _expanded(master, replacements, following, span, budget)
        else:
            yield master, master.start, master.end
    for event in replacements:
        if event.repeats:  # not what RFC 5545 has in mind, but it says that it blocks
            yield from _expanded(replace(event, recurrence_id=None), [], [], span, budget)
        else:
            yield event, event.start, event.end


def _newest(events: list[Event]) -> list[Event]:
    """Return the events of the highest revision: all of them, because some programs give many events one UID."""
    newest = max((event.sequence for event in events), default=0)
    return [event for event in events if event.sequence == newest]


def _newest_replacements(events: list[Event]) -> list[Event]:
    newest: dict[tuple[datetime, bool], int] = {}
    keys = [(e.recurrence_id.earliest, e.recurrence_id.is_date) for e in events if e.recurrence_id is not None]
    for key, event in zip(keys, events, strict=True):
        newest[key] = max(newest.get(key, 0), event.sequence)
    return [event for key, event in zip(keys, events, strict=True) if event.sequence == newest[key]]


def _expanded(
    master: Event,
    replacements: Sequence[Event],
    following: Sequence[Event],
    span: tuple[datetime, datetime],
    budget: Budget,
) -> Iterator[Time]:
    blocks = master.kind is not None or any(event.kind is not None for event in following)
    if not blocks:
        return
    face = _Face(master)
    start, end = (master.start.clock.wall(instant.astimezone(UTC)) for instant in span)
    wide = face.reach(following)
    start, end = start - wide, end + wide
    starts = _starts(master, (start, end), budget)
    calendar = icalendar.Calendar()
    calendar.add_component(face.series(starts, replacements, budget))
    for index, event in enumerate(following):
        budget.take_step()
        calendar.add_component(face.following(event, index))
    sources = {face.naive(e.recurrence_id): e for e in following if e.recurrence_id is not None}
    for series in recurring_ical_events.of(calendar).series:
        for occurrence in series.between(start, end):
            budget.take_step()
            source = sources[occurrence.recurrence_ids[0]] if occurrence.recurrence_ids else master
            yield source, face.moment(occurrence.start), face.moment(occurrence.end)


def _starts(master: Event, span: tuple[datetime, datetime], budget: Budget) -> list[datetime]:
    """Return the times in a span that the rules of a series produce."""
    return [start for rule in master.rules for start in rule.times(master.start.wall, span, budget)]


class _Face:
    """The clock of a series, on which all its times are put without zone."""

    def __init__(self, master: Event) -> None:
        self.master = master
        self.clock: Clock = master.start.clock
        self.is_date = master.start.is_date

    def naive(self, moment: Moment) -> datetime:
        """Return a moment on this clock."""
        is_same = moment.is_date or moment.clock == self.clock
        wall = moment.wall if is_same else self.clock.wall(moment.earliest)
        return datetime.combine(wall.date(), datetime.min.time()) if self.is_date else wall

    def excluded(self, moment: Moment) -> date | datetime:
        """Return what excludes times: a date excludes every time of its day."""
        naive = self.naive(moment)
        return naive.date() if self.is_date or moment.is_date else naive

    def value(self, wall: datetime) -> date | datetime:
        """Return a time as the library gets it."""
        return wall.date() if self.is_date else wall

    def moment(self, value: date | datetime) -> Moment:
        """Return a time of the library's as a moment."""
        wall = value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
        return Moment(wall, self.clock, self.is_date)

    def reach(self, following: Sequence[Event]) -> timedelta:
        """Return how far from its time in the rule an event may be, with its length."""
        reach = self.master.duration
        for start, end in self.master.dates:
            if end is not None:
                reach = max(reach, end.earliest - start.earliest)
        for event in following:
            if event.recurrence_id is not None:
                shift = abs(self.naive(event.start) - self.naive(event.recurrence_id))
                reach = max(reach, shift + event.duration)
        return min(reach, _LONGEST_REACH) + _MARGIN

    def series(self, starts: list[datetime], replacements: Sequence[Event], budget: Budget) -> icalendar.Event:
        """Return the series with its times written out."""
        master = self.master
        event = self._event(master)
        dates: list[Any] = [self.value(start) for start in starts]
        for start, end in master.dates:
            budget.take_instance()
            begin = self.naive(start)
            period = (begin, self.naive(end)) if end is not None and not self.is_date else None
            dates.append(period if period is not None and period[1] > begin else self.value(begin))
        if dates:
            event.add("rdate", dates)
        excluded = [self.excluded(moment) for moment in master.excluded]
        for replacement in replacements:
            budget.take_step()
            if replacement.recurrence_id is not None:
                excluded.append(self.excluded(replacement.recurrence_id))
        if excluded:
            event.add("exdate", excluded)
        return event

    def following(self, source: Event, index: int) -> icalendar.Event:
        """Return an event that replaces a time and those after it."""
        event = self._event(source)
        event.add("sequence", index)  # a later one in the text goes before an earlier one
        if source.recurrence_id is not None:
            identifier = self.value(self.naive(source.recurrence_id))
            event.add("recurrence-id", identifier, parameters={"RANGE": "THISANDFUTURE"})
        return event

    def _event(self, source: Event) -> icalendar.Event:
        event = icalendar.Event()
        event.add("uid", "series")
        start = self.naive(source.start)
        event.add("dtstart", self.value(start))
        event.add("dtend", self.value(start + source.duration))
        return event
