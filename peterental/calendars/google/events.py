"""What an event of the Calendar API means: when it blocks, and whether PeteRental wrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.google.provider import HOST
from peterental.calendars.model import BusyKind, BusyTime, CalendarNonsense, Marker, OwnEvent, ReadWindow, Stamp
from peterental.clock import midnight

FIELDS = (
    "id,iCalUID,status,summary,start,end,transparency,eventType,recurrence,recurringEventId,"
    "organizer(email,self),attendees(self,responseStatus),extendedProperties(private)"
)
"""The fields of an event that are asked for. Descriptions, places and guests stay at Google.

The extended properties have our stamp.

An organizer without `self` is another person; the address is asked for so that such an entry is not empty and left out.
"""

STAMP_PROPERTY = "peterentalStamp"
"""The private extended property that holds the stamp of a viewing."""

_NEVER_BLOCKING = frozenset({"workingLocation", "birthday"})
_UNDECIDED = frozenset({"tentative", "needsAction"})

_EASTERNMOST, _WESTERNMOST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
"""Where a time comes first, and where it comes last."""

_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
_MIDDLE_YEAR = 5000
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, kw_only=True)
class ReadEvent:
    """An event as it was understood.

    Args:
        key: Google's id of the event, or of the instance of a series.
        series: the id of the series that it is an instance of.
        is_cancelled: whether it was deleted.
        marker: of the viewing that PeteRental wrote it for.
        busy: when it blocks, even outside the window; None if it does not.
        start, end: when it takes place, UTC; None if that cannot be read.
        note: what was not understood, a sentence.
        stamp: what PeteRental wrote last, as far as the event says it.
    """

    key: str
    series: str | None
    is_cancelled: bool
    marker: Marker | None
    busy: BusyTime | None
    start: datetime | None
    end: datetime | None
    note: str | None
    stamp: Stamp | None = None

    def busy_in(self, window: ReadWindow) -> tuple[BusyTime, ...]:
        """Return the time that blocks within a window."""
        if self.busy is None or self.busy.start >= window.end or self.busy.end <= window.start:
            return ()
        return (self.busy,)

    def own_event(self) -> OwnEvent | None:
        """Return it as an event that PeteRental wrote.

        None if it is not one, or if its time cannot be read: without times it would be taken for deleted.
        """
        if self.marker is None or self.start is None:
            return None
        return OwnEvent(
            marker=self.marker,
            event_id=self.key,
            start=self.start,
            end=self.end,
            stamp=self.stamp,
            is_original=self.key == str(self.marker),
        )


def read_event(item: Mapping[str, Any], zone: ZoneInfo, namespace: str) -> ReadEvent:
    """Read an event, as far as it can be understood. Never raises.

    What is not known blocks: an unknown status, an unknown type, an invitation that was not answered.

    Args:
        item: from Google.
        zone: the agent's time zone, which all-day events follow.
        namespace: of this installation.
    """
    is_cancelled = item.get("status") == "cancelled"
    marker = _marker(item, namespace)
    start, end, note = (None, None, None) if is_cancelled else _times(item, zone)
    busy = None
    if start is not None and end is not None and end > start and marker is None and _blocks(item):
        busy = BusyTime(start=start, end=end, kind=_kind(item), title=text_of(item.get("summary")))
    return ReadEvent(
        key=_key(item),
        series=text_of(item.get("recurringEventId")),
        is_cancelled=is_cancelled,
        marker=marker,
        busy=busy,
        start=start,
        end=end,
        note=note if _blocks(item) else None,
        stamp=None if marker is None else _stamp(item),
    )


def _key(item: Mapping[str, Any]) -> str:
    key = text_of(item.get("id"))
    return key or hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()


def text_of(value: object) -> str | None:
    """Return text that a database can store; None if there is none."""
    if not isinstance(value, str):
        return None
    return value.encode(errors="replace").decode().replace("\0", "") or None


def _marker(item: Mapping[str, Any], namespace: str) -> Marker | None:
    """Return which viewing PeteRental wrote an event for.

    A guest's copy has the same id as the organizer's event. An agent who was invited to another agent's viewing is
    busy, so a copy is not an own event. The UID is ours only in data from our feed, which the person imported.
    """
    by_id = None if is_copy(item) else Marker.parse(item.get("id"), namespace)
    return by_id or Marker.parse(item.get("iCalUID"), namespace)


def _stamp(item: Mapping[str, Any]) -> Stamp | None:
    properties = item.get("extendedProperties")
    private = properties.get("private") if isinstance(properties, dict) else None
    return Stamp.parse(private.get(STAMP_PROPERTY)) if isinstance(private, dict) else None


def is_copy(item: Mapping[str, Any]) -> bool:
    """Return whether an event is a guest's copy of an event in another calendar."""
    organizer = item.get("organizer")
    return isinstance(organizer, dict) and organizer.get("self") is not True


def _blocks(item: Mapping[str, Any]) -> bool:
    """Return whether an event that was not deleted takes the owner's time."""
    return not (
        item.get("transparency") == "transparent"
        or text_of(item.get("eventType")) in _NEVER_BLOCKING
        or _own_answer(item) == "declined"
    )


def _kind(item: Mapping[str, Any]) -> BusyKind:
    if item.get("eventType") == "outOfOffice":
        return "out_of_office"
    if item.get("status") == "tentative" or _own_answer(item) in _UNDECIDED:
        return "tentative"
    return "busy"


def _own_answer(item: Mapping[str, Any]) -> str | None:
    """Return how the calendar's owner answered the invitation; None without one."""
    attendees = item.get("attendees")
    for attendee in attendees if isinstance(attendees, list) else ():
        if isinstance(attendee, dict) and attendee.get("self") is True:
            return text_of(attendee.get("responseStatus"))
    return None


# --- times -----------------------------------------------------------------------------------------------------------


def span_of(period: object) -> tuple[datetime, datetime]:
    """Return the start and the end of a free/busy period, UTC.

    Raises CalendarNonsense if they cannot be read.
    """
    if isinstance(period, dict):
        edges = [_edge({"dateTime": period.get(name)}, _UTC) for name in ("start", "end")]
        if edges[0] is not None and edges[1] is not None:
            return edges[0].earliest, edges[1].latest
    raise CalendarNonsense(host=HOST, reason="a busy time has no start or no end")


@dataclass(frozen=True)
class _Edge:
    """A start or an end: the earliest and the latest instant that it can mean, UTC."""

    earliest: datetime
    latest: datetime
    is_day: bool = False


def _times(item: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime | None, datetime | None, str | None]:
    """Return the start, the end and what is doubtful about them.

    A broken event blocks the rest of its day.
    """
    start, end = _edge(item.get("start"), zone), _edge(item.get("end"), zone)
    if start is None and end is None:
        return None, None, "An event has no time that can be read. It does not block."
    if start is None:
        assert end is not None  # noqa: S101  # for the type checker
        moment = _day_of(end.latest - timedelta.resolution, zone)
        return midnight(moment, zone), end.latest, _note(moment, "no start that can be read", "from midnight")
    day = _day_of(start.earliest, zone)
    if end is None or end.latest < start.earliest or (start.is_day and end.latest <= start.earliest):
        until = max(midnight(_day_of(start.latest, zone) + timedelta(days=1), zone), start.latest)
        return start.earliest, until, _note(day, "no end that can be read", "to midnight")
    if start.latest > start.earliest or end.latest > end.earliest:
        return start.earliest, end.latest, _note(day, "a time zone that is not known", "whenever it may be")
    return start.earliest, end.latest, None


def _note(day: date, lack: str, blocked: str) -> str:
    return f"An event on {day.isoformat()} has {lack}. It blocks {blocked}."


def _day_of(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _edge(value: object, zone: ZoneInfo) -> _Edge | None:
    """Read an EventDateTime; None if it cannot be read."""
    if not isinstance(value, dict):
        return None
    try:
        if isinstance(value.get("dateTime"), str):
            return _timed(datetime.fromisoformat(value["dateTime"]), value.get("timeZone"), zone)
        day = date.fromisoformat(value["date"])
    except (KeyError, TypeError, ValueError):
        return None
    start = _instant(datetime.combine(day, time()), zone)
    return _Edge(start, start, is_day=True)


def _timed(moment: datetime, zone_name: object, zone: ZoneInfo) -> _Edge:
    """Return what a time means.

    Without an offset it is in its own zone, or else in the agent's.
    """
    if moment.tzinfo is not None:
        instant = _instant(moment, moment.tzinfo)
        return _Edge(instant, instant)
    named = zone if zone_name is None else _zone(zone_name)
    if named is None:
        return _Edge(_instant(moment, _EASTERNMOST), _instant(moment, _WESTERNMOST))
    instant = _instant(moment, named)
    return _Edge(instant, instant)


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    """Convert to UTC.

    Times near the first and the last year that exist are moved to where they can be converted.
    """
    try:
        return min(max(wall.replace(tzinfo=zone).astimezone(UTC), _EARLIEST), _LATEST)
    except OverflowError:
        return _EARLIEST if wall.year < _MIDDLE_YEAR else _LATEST


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) else None
    except (KeyError, OSError, ValueError):  # not found; a folder; not a name
        return None
