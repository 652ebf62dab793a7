"""Collects the events of one reading."""

from __future__ import annotations

from collections.abc import Mapping

from peterental.calendars.google.events import ReadEvent, read_event
from peterental.calendars.google.provider import HOST
from peterental.calendars.model import BusyTime, CalendarNonsense, Marker, OwnEvent, Reading, ReadWindow

MAX_EVENTS = 100_000
"""The most events of one reading. A calendar with more is not read: it would be free where it was not read."""

MAX_CHANGES = 10_000
"""The most changes since a cursor. A changed series is reported with every instance, decades ahead."""

MAX_NOTES = 20


class UnusableReading(CalendarNonsense):
    """{host} sent something that is not a calendar: {reason}.

    Too much, or a series in place of its events. After a cursor, a whole reading helps.
    """


class EventCollector:
    """Collects events into a reading.

    Args:
        window: which times matter. Increments also have events outside it.
        namespace: of this installation.
        is_whole: whether all events of the window come, and not those that changed.
    """

    def __init__(self, window: ReadWindow, namespace: str, *, is_whole: bool) -> None:
        self._window = window
        self._namespace = namespace
        self._is_whole = is_whole
        self._count = 0
        self._busy: dict[str, tuple[BusyTime, ...]] = {}
        self._removed: set[str] = set()
        self._own: dict[str, OwnEvent] = {}
        self._own_removed: set[str] = set()
        self._notes: dict[str, None] = {}

    def add(self, item: object) -> None:
        """Add an event as Google reports it.

        A later report of the same event replaces an earlier one. Raises UnusableReading for a series, and for too
        many events.
        """
        self._count += 1
        limit = MAX_EVENTS if self._is_whole else MAX_CHANGES
        if self._count > limit:
            raise UnusableReading(host=HOST, reason=f"it has more than {limit} events")
        if not isinstance(item, Mapping):
            self._note("An entry is not an event. It does not block.")
            return
        if item.get("recurrence"):
            raise UnusableReading(host=HOST, reason="a series came in place of its events")
        self._add(read_event(item, self._window.zone, self._namespace))

    def reading(self, cursor: str | None) -> Reading:
        """Return what was collected."""
        return Reading(
            is_whole=self._is_whole,
            busy=self._busy,
            removed=frozenset() if self._is_whole else frozenset(self._removed - self._busy.keys() - self._own.keys()),
            own=tuple(self._own.values()),
            removed_own=frozenset() if self._is_whole else frozenset(self._own_removed - self._own.keys()),
            cursor=cursor,
            notes=tuple(self._notes),
        )

    def _add(self, event: ReadEvent) -> None:
        self._busy.pop(event.key, None)
        self._own.pop(event.key, None)
        if event.is_cancelled:
            # Little more than the id is reported, so a guest's copy looks like our own event.
            self._removed.add(event.key)
            if event.marker is not None:
                self._own_removed.add(event.key)
            return
        if event.series is not None:
            self._single_event_became(event.series)
        own = event.own_event()
        if own is not None:
            self._own[event.key] = own
        else:
            times = event.busy_in(self._window)
            if times or not self._is_whole:
                self._busy[event.key] = times
        if event.note:
            self._note(event.note)

    def _single_event_became(self, series: str) -> None:
        """Remove an event that was changed into a series.

        Google does not report it as deleted, but reports the instances.
        """
        self._removed.add(series)
        if Marker.parse(series, self._namespace):
            self._own_removed.add(series)

    def _note(self, note: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes[note] = None
