"""The calendars and events of a mailbox, as Microsoft Graph shows them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Content = dict[str, Any]

BARE = ("id", "type", "seriesMasterId", "start", "end")
"""All that a change feed says of an occurrence: microsoftgraph/microsoft-graph-docs-contrib, issue 34."""


@dataclass
class Calendar:
    """A calendar.

    Args:
        content: what Graph says of it.
        offers_feed: whether it has a change feed; that is documented for the primary calendar only.
        is_readable: whether the account may read it; a calendar's share can be withdrawn.
    """

    content: Content
    offers_feed: bool = True
    is_readable: bool = True


@dataclass
class Event:
    """An event, a series or an instance of one.

    Args:
        calendar: the id of its calendar; None in the folder of deleted items.
        content: what Graph says of it.
        begins, ends: aware, UTC; by which a view finds it.
        changed: the number of its last change.
        folders: the calendars that it has been in.
        instances: of a series, by id.
        is_checked: whether answers with it are checked against the contract.
    """

    calendar: str | None
    content: Content
    begins: datetime
    ends: datetime
    changed: int
    folders: set[str] = field(default_factory=set)
    instances: dict[str, Event] = field(default_factory=dict)
    is_checked: bool = True

    def __post_init__(self) -> None:
        if self.calendar is not None:
            self.folders.add(self.calendar)

    @property
    def is_series(self) -> bool:
        return bool(self.content["type"] == "seriesMaster")

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Return whether a view of this time has the event."""
        return self.begins < end and (self.ends > start or self.begins == self.ends >= start)


class Mailbox:
    """A mailbox with a default calendar, `default`.

    Args:
        zone: of the mailbox, in which its all-day events are stored.
    """

    def __init__(self, zone: str = "America/Chicago") -> None:
        self.zone = ZoneInfo(zone)
        self.calendars: dict[str, Calendar] = {}
        self.events: dict[str, Event] = {}
        self._numbers = itertools.count(1)
        self.changes = 0
        self.default = self.add_calendar("Calendar", isDefaultCalendar=True)

    # --- what a person does ------------------------------------------------------------------------------------------

    def add_calendar(self, name: str, *, offers_feed: bool = True, **content: Any) -> str:
        """Add a calendar and return its id."""
        calendar_id = self._new_id("AQMk")
        standard = {"id": calendar_id, "name": name, "canEdit": True, "canShare": True, "isDefaultCalendar": False}
        owner = {"name": "Ada Agent", "address": "ada@office.example"}
        self.calendars[calendar_id] = Calendar({**standard, "owner": owner, **content}, offers_feed)
        return calendar_id

    def delete_calendar(self, calendar_id: str) -> None:
        """Delete a calendar with its events."""
        del self.calendars[calendar_id]
        for event in self.events.values():
            if event.calendar == calendar_id:
                event.calendar = None

    def add(
        self, start: datetime, end: datetime, calendar: str | None = None, /, *, is_checked: bool = True, **content: Any
    ) -> str:
        """Add an event and return its id. `content` replaces what Graph would say by default."""
        event_id = self._new_id("AAkA")
        standard = self._standard(event_id, "singleInstance", start, end)
        event = Event(
            calendar or self.default, {**standard, **content}, start, end, self._tick(), is_checked=is_checked
        )
        self.events[event_id] = event
        return event_id

    def add_days(self, first: date, days: int = 1, calendar: str | None = None, **content: Any) -> str:
        """Add an all-day event and return its id. Graph shows its midnights, whatever the zone asked for."""
        event_id = self.add(*self._midnights(first, days), calendar, isAllDay=True, **content)
        shown = {"start": _midnight(first), "end": _midnight(first + timedelta(days=days))}
        self.events[event_id].content |= shown
        return event_id

    def add_series(
        self, times: Sequence[tuple[datetime, datetime]], calendar: str | None = None, **content: Any
    ) -> str:
        """Add a series and return the id of its master, whose own times are those of the first instance."""
        master_id = self._new_id("AAkA")
        standard = self._standard(master_id, "seriesMaster", *times[0])
        master = Event(calendar or self.default, {**standard, **content}, *times[0], self._tick())
        for start, end in times:
            instance_id = self._new_id("OID.")
            instance = {
                **master.content,
                **self._standard(instance_id, "occurrence", start, end),
                **content,
                "seriesMasterId": master_id,
            }
            master.instances[instance_id] = Event(master.calendar, instance, start, end, master.changed)
        self.events[master_id] = master
        return master_id

    def instances(self, master_id: str) -> list[str]:
        """Return the ids of a series' instances."""
        return list(self.events[master_id].instances)

    def change(
        self, event_id: str, start: datetime | None = None, end: datetime | None = None, /, **content: Any
    ) -> None:
        """Change an event, a whole series, or an instance, which becomes an exception."""
        event, master = self._found(event_id)
        if master is not None:
            event.content["type"] = "exception"
            master.changed = self._tick()
        if start is not None and end is not None:
            event.begins, event.ends = start, end
            event.content |= {"start": moment(start), "end": moment(end)}
        for instance in event.instances.values():
            instance.content |= content
        event.content |= content
        event.changed = self._tick()

    def remove(self, event_id: str) -> None:
        """Delete an event, a series or one instance."""
        event, master = self._found(event_id)
        if master is not None:
            del master.instances[event_id]
            master.changed = self._tick()
            return
        event.calendar = None
        event.changed = self._tick()

    def move(self, event_id: str, calendar: str) -> None:
        """Move an event into another calendar. It keeps its immutable id."""
        event = self.events[event_id]
        event.calendar = calendar
        event.folders.add(calendar)
        event.changed = self._tick()

    def copy(self, event_id: str) -> str:
        """Copy an event as Outlook does: with its extended properties, without its transaction id."""
        original = self.events[event_id]
        kept = {name: value for name, value in original.content.items() if name not in {"id", "transactionId"}}
        return self.add(original.begins, original.ends, original.calendar, **kept)

    # --- what Graph reads --------------------------------------------------------------------------------------------

    def present(self, event_id: str, *, with_deleted: bool = False) -> Event | None:
        """Return an event or an instance that exists."""
        try:
            event, _ = self._found(event_id)
        except KeyError:
            return None
        return event if event.calendar is not None or with_deleted else None

    def of(self, calendar: str) -> list[Event]:
        """Return the single events and the masters of a calendar."""
        return [event for event in self.events.values() if event.calendar == calendar]

    def view(self, calendar: str, start: datetime, end: datetime) -> list[Event]:
        """Return what a view shows: single events and instances, no masters."""
        shown = (event.instances.values() if event.is_series else [event] for event in self.of(calendar))
        return sorted(
            (event for event in itertools.chain.from_iterable(shown) if event.overlaps(start, end)),
            key=lambda event: event.begins,
        )

    def feed(self, calendar: str, start: datetime, end: datetime, since: int) -> Iterator[tuple[Content, bool]]:
        """Yield the changes since a change, and whether each is checked against the contract.

        Since -1 these are all events. A series comes whole, its occurrences bare, without a word of deleted instances.
        An event that left the window, or never was in it, is reported as removed if it changed.
        """
        for event in list(self.events.values()):
            if event.changed <= since or calendar not in event.folders:
                continue
            shown = [each for each in event.instances.values() if each.overlaps(start, end)]
            if event.calendar == calendar and event.is_series and (shown or since >= 0):
                yield _as_in_feed(event.content), event.is_checked
                yield from ((_as_in_feed(each.content), each.is_checked) for each in shown)
            elif event.calendar == calendar and not event.is_series and event.overlaps(start, end):
                yield _as_in_feed(event.content), event.is_checked
            elif since >= 0:
                yield {"id": event.content["id"], "@removed": {"reason": "deleted"}}, True

    # ---

    def _found(self, event_id: str) -> tuple[Event, Event | None]:
        if event_id in self.events:
            return self.events[event_id], None
        for master in self.events.values():
            if event_id in master.instances:
                return master.instances[event_id], master
        raise KeyError(event_id)

    def _new_id(self, prefix: str) -> str:
        """Return an id with the letters that must be encoded in an address."""
        return f"{prefix}DU+/{next(self._numbers):06}-_A=="

    def _tick(self) -> int:
        self.changes += 1
        return self.changes

    def _midnights(self, first: date, days: int) -> tuple[datetime, datetime]:
        start = datetime.combine(first, time(), self.zone)
        end = datetime.combine(first + timedelta(days=days), time(), self.zone)
        return start.astimezone(UTC), end.astimezone(UTC)

    def _standard(self, event_id: str, kind: str, start: datetime, end: datetime) -> Content:
        return {
            "id": event_id,
            "subject": "Lunch",
            "bodyPreview": "",
            "body": {"contentType": "text", "content": ""},
            "location": {"displayName": ""},
            "start": moment(start),
            "end": moment(end),
            "isAllDay": False,
            "isCancelled": False,
            "isOrganizer": True,
            "showAs": "busy",
            "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
            "type": kind,
            "seriesMasterId": None,
            "iCalUId": f"040000008200E00074C5B7101A82E008{len(self.events):08}",
            "originalStartTimeZone": "Central Standard Time",
            "originalEndTimeZone": "Central Standard Time",
            "isReminderOn": True,
            "reminderMinutesBeforeStart": 15,
            "hasAttachments": False,
            "sensitivity": "normal",
            "categories": [],
        }


def moment(instant: datetime) -> Content:
    """Return an instant as Graph writes it when UTC is asked for: seven digits of a second, and no Z."""
    wall = instant.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return {"dateTime": f"{wall.isoformat()}.0000000", "timeZone": "UTC"}


def _midnight(day: date) -> Content:
    return {"dateTime": f"{day}T00:00:00.0000000", "timeZone": "UTC"}


def _as_in_feed(content: Content) -> Content:
    if content.get("type") == "occurrence":
        return {name: content[name] for name in BARE}
    return {name: value for name, value in content.items() if name != "singleValueExtendedProperties"}
