"""Busy times out of iCalendar data: a whole .ics file, or the one resource of a CalDAV server."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from peterental.calendars.icalendar_data.event import Event, is_invitation, read_event, uid_of
from peterental.calendars.icalendar_data.limits import USUAL_LIMITS, Budget, Limits
from peterental.calendars.icalendar_data.moments import Moment, Reader, Unreadable
from peterental.calendars.icalendar_data.series import times
from peterental.calendars.icalendar_data.text import (
    STAMP_PROPERTY,
    CalendarText,
    Component,
    parameter,
    read_calendars,
    unescape,
    unfolded,
)
from peterental.calendars.icalendar_data.zone_definitions import defined_clock
from peterental.calendars.icalendar_data.zones import UnknownClock, ZoneClock, Zones
from peterental.calendars.model import BusyKind, BusyTime, Marker, OwnEvent, ReadWindow, Stamp
from peterental.plural import counted

_MAX_NOTES = 10
_BROKEN_REPETITION = "a repetition that cannot be read: only its first time blocks"
_PREFILTER = timedelta(days=3)
_GOOGLE = "@google.com"
"""What Google's .ics addresses append to the id of an event: a calendar may be connected by the API, and so as well."""

_FREE_BUSY_KINDS: dict[str, BusyKind | None] = {
    "FREE": None,
    "BUSY-TENTATIVE": "tentative",
    "BUSY-UNAVAILABLE": "out_of_office",
}


@dataclass(frozen=True, kw_only=True)
class EventTimes:
    """What iCalendar data says about a window.

    Args:
        busy: the times that block, sorted, by UID. An event without such times is left out.
        own: the events that PeteRental wrote, in the window or not. Their `event_id` is the UID.
        notes: sentences about events that were understood only in part.
        product: the program that wrote it, its PRODID; empty if it does not say.
    """

    busy: Mapping[str, tuple[BusyTime, ...]]
    own: tuple[OwnEvent, ...]
    notes: tuple[str, ...]
    product: str


def read_events(
    text: bytes,
    window: ReadWindow,
    *,
    namespace: str,
    owner: Collection[str],
    host: str = "The calendar",
    limits: Limits = USUAL_LIMITS,
) -> EventTimes:
    """Return the busy times and our own events of iCalendar data.

    Args:
        text: one VCALENDAR or several, in UTF-8 or nearly so.
        window: the time of interest. Dates are in its zone, and so are times without zone unless the calendar names
            its own (X-WR-TIMEZONE).
        namespace: of this installation; its events are not busy.
        owner: the e-mail addresses of the person whose calendar it is: what they declined does not block.
        host: where the data came from, for faults.
        limits: of size, number and time.

    Raises:
        CalendarNonsense: it is no iCalendar data, is cut off, or exceeds a limit. Nothing else is raised.
    """
    budget = Budget(limits, host)
    calendars = read_calendars(unfolded(text, budget), budget)
    reading = _Reading(window, namespace, frozenset(address.lower() for address in owner), budget)
    for calendar in calendars:
        reading.add(calendar)
    busy = reading.busy()
    return EventTimes(
        busy=busy,
        own=tuple(reading.own),
        notes=reading.notes.sentences(),
        product=_first_text(calendars[0], "PRODID") or "",
    )


def calendar_name(text: bytes, *, host: str = "The calendar", limits: Limits = USUAL_LIMITS) -> str | None:
    """Return how a calendar calls itself; None if it does not. Raises CalendarNonsense, as `read_events` does."""
    budget = Budget(limits, host)
    first = read_calendars(unfolded(text, budget), budget)[0]
    return _first_text(first, "X-WR-CALNAME") or _first_text(first, "NAME")


class _Notes:
    """Collects sentences about events, without naming what an event is about."""

    def __init__(self) -> None:
        self._texts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        self._texts[text] += 1

    def sentences(self) -> tuple[str, ...]:
        """Return the sentences; of many only the first."""
        found = [f"{counted(count, 'event')} with {text}." for text, count in self._texts.items()]
        more = len(found) - _MAX_NOTES
        return (*found[:_MAX_NOTES], *([f"There are {counted(more, 'more note')} of this kind."] if more > 0 else []))


class _Reading:
    def __init__(self, window: ReadWindow, namespace: str, owner: AbstractSet[str], budget: Budget) -> None:
        self.notes = _Notes()
        self.own: list[OwnEvent] = []
        self._window = window
        self._namespace = namespace
        self._owner = owner
        self._budget = budget
        self._events: dict[str, list[Event]] = {}
        self._own_exceptions: defaultdict[str, list[Event]] = defaultdict(list)
        self._free_busy: dict[str, set[BusyTime]] = {}
        self._earliest = f"{window.start - _PREFILTER:%Y%m%d}"
        self._latest = f"{window.end + _PREFILTER:%Y%m%d}"

    def add(self, calendar: CalendarText) -> None:
        """Read the components of a VCALENDAR."""
        reader = self._reader(calendar)
        for component in calendar.events:
            self._budget.take_step()
            marker = Marker.parse(component.first("UID").strip().removesuffix(_GOOGLE), self._namespace)
            if marker is not None and not is_invitation(component, self._owner):
                self._add_own(component, reader, marker)
            elif not self._is_elsewhere(component):
                self._add_event(component, reader)
        for component in calendar.free_busy:
            self._add_free_busy(component, reader)

    def busy(self) -> dict[str, tuple[BusyTime, ...]]:
        """Return the busy times in the window by UID."""
        found = dict(self._free_busy)
        for uid, events in self._events.items():
            found.setdefault(uid, set()).update(self._times([*events, *self._own_exceptions.get(uid, ())]))
        return {
            uid: tuple(sorted(times_, key=lambda time: (time.start, time.end, time.kind, time.title or "")))
            for uid, times_ in found.items()
            if times_
        }

    def _reader(self, calendar: CalendarText) -> Reader:
        zones = Zones(
            {
                zone.first("TZID"): functools.partial(defined_clock, zone, self._window.end, self._budget)
                for zone in calendar.zones
                if zone.first("TZID")
            }
        )
        days = ZoneClock(self._window.zone)
        named = _first_text(calendar, "X-WR-TIMEZONE")
        floating = zones.clock(named) if named else days
        return Reader(zones.clock, days if isinstance(floating, UnknownClock) else floating, days, self._budget)

    def _is_elsewhere(self, component: Component) -> bool:
        """Return whether an event that happens once is outside the window, without reading it."""
        properties = component.properties
        if not properties.keys().isdisjoint({"RRULE", "RDATE", "RECURRENCE-ID"}):
            return False
        start = component.first("DTSTART")[:8]
        end = component.first("DTEND")[:8]
        if not (start.isascii() and start.isdigit() and len(start) == 8):  # noqa: PLR2004 - YYYYMMDD
            return False
        if start > self._latest and (not end or end > self._latest):
            return True
        return end.isascii() and end.isdigit() and len(end) == 8 and max(start, end) < self._earliest  # noqa: PLR2004

    def _add_event(self, component: Component, reader: Reader) -> None:
        try:
            event = read_event(component, reader, self._owner)
        except (Unreadable, OverflowError):
            self.notes.add("a time that cannot be read: it does not block")
            return
        if event.has_broken_rule and event.kind is not None:
            self.notes.add(_BROKEN_REPETITION)
        self._events.setdefault(event.uid, []).append(event)

    def _add_own(self, component: Component, reader: Reader, marker: Marker) -> None:
        """Read an event that PeteRental wrote.

        If a person made it a series, the first time is the viewing, and the others block.
        """
        try:
            event = read_event(component, reader, self._owner)
        except (Unreadable, OverflowError):
            self.notes.add("a viewing in it and a time that cannot be read")
            return
        if event.recurrence_id is not None:
            self._own_exceptions[event.uid].append(event)
            return
        if event.repeats:
            self._events.setdefault(event.uid, []).append(replace(event, excluded=(*event.excluded, event.start)))
        is_there = not event.is_cancelled
        self.own.append(
            OwnEvent(
                marker=marker,
                event_id=event.uid,
                start=event.start.earliest if is_there else None,
                end=event.end.latest if is_there else None,
                stamp=Stamp.parse(component.first(STAMP_PROPERTY).strip()),
            )
        )

    def _add_free_busy(self, component: Component, reader: Reader) -> None:
        found = self._free_busy.setdefault(uid_of(component), set())
        for value in component.properties.get("FREEBUSY", ()):
            kind = _FREE_BUSY_KINDS.get((parameter(value.parameters, "FBTYPE") or "BUSY").upper(), "busy")
            if kind is None:
                continue
            for start, end in reader.periods(value):
                self._budget.take_instance()
                span = self._blocked(start, end or start)
                if span is not None:
                    found.add(BusyTime(start=span[0], end=span[1], kind=kind))

    def _times(self, events: Sequence[Event]) -> set[BusyTime]:
        found: set[BusyTime] = set()
        span = (self._window.start, self._window.end)
        try:
            for event, start, end in times(events, span, self._budget):
                if self._add_time(found, event, start, end):
                    self._note(event)
        except (Unreadable, ValueError, OverflowError, TypeError, LookupError, AttributeError):
            # Whatever the library does not understand: the times that were written out still block.
            for event in events:
                if event.kind is not None:
                    self.notes.add(_BROKEN_REPETITION)
                    self._add_time(found, event, event.start, event.end)
        return found

    def _add_time(self, found: set[BusyTime], event: Event, start: Moment, end: Moment) -> bool:
        """Add one time of an event if it blocks in the window; return whether it does."""
        span = self._blocked(start, end, event.travel) if event.kind is not None else None
        if event.kind is None or span is None:
            return False
        found.add(BusyTime(start=span[0], end=span[1], kind=event.kind, title=event.title))
        return True

    def _blocked(self, start: Moment, end: Moment, travel: timedelta = timedelta()) -> tuple[datetime, datetime] | None:
        """Return from when to when a time blocks, with the travel before it; None if it takes none of the window."""
        if start.wall == end.wall and start.clock == end.clock:  # it takes no time
            return None
        begins, ends = start.earliest, end.latest
        if ends <= begins and end.wall > start.wall:  # within an hour that the clocks skip
            ends = begins + (end.wall - start.wall)
        begins -= travel
        if not (begins < ends and begins < self._window.end and ends > self._window.start):
            return None
        return begins, ends

    def _note(self, event: Event) -> None:
        if event.note is not None:
            self.notes.add(event.note)
        for moment in {event.start.clock, event.end.clock}:
            if isinstance(moment, UnknownClock):
                self.notes.add(
                    f"the time zone “{moment.name}”, which is not known: it blocks every time that this can mean"
                )


def _first_text(calendar: CalendarText, name: str) -> str | None:
    values = calendar.properties.get(name)
    return unescape(values[0].text).strip()[:300] or None if values else None
