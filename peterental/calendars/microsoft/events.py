"""Events of Microsoft Graph: what they block, and viewings as such events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.icalendar_data.zones import UnknownClock, known_clock
from peterental.calendars.model import BusyKind, BusyTime, Marker, OwnEvent, ReadWindow, Stamp, ViewingEvent
from peterental.calendars.notes import with_notes
from peterental.clock import midnight

MARKER_PROPERTY = "String {6b1f9d52-0c3e-4f0a-9a75-3e1c5d2f8a40} Name PeteRentalViewing"
"""The extended property that holds the marker of a viewing; events can be searched by it."""

STAMP_PROPERTY = "String {6b1f9d52-0c3e-4f0a-9a75-3e1c5d2f8a40} Name PeteRentalStamp"
"""The extended property that holds the stamp of a viewing. Views and feeds do not report it."""

NO_TIME = "An event has no time that can be read. It does not block."

NOT_BLOCKING = frozenset({"free", "workingElsewhere"})
"""Values of `showAs` that leave the time free. Unknown ones block."""

_KINDS: dict[str, BusyKind] = {"tentative": "tentative", "oof": "out_of_office"}
_SERIES = frozenset({"occurrence", "exception", "seriesMaster"})
_NEEDED = ("start", "end", "showAs", "isCancelled")


@dataclass(frozen=True)
class Interval:
    """When an event is.

    Args:
        start, end: aware, UTC.
        note: what of it was not understood.
    """

    start: datetime
    end: datetime
    note: str | None = None


def id_of(item: Mapping[str, Any]) -> str | None:
    """Return the id of an event; None if it has none that a database can store."""
    event_id = item.get("id")
    return event_id if isinstance(event_id, str) and event_id and "\0" not in event_id else None


def is_removed(item: Mapping[str, Any]) -> bool:
    """Return whether a change feed reports an event as removed. It may only have left the window."""
    return "@removed" in item


def series_of(item: Mapping[str, Any]) -> str | None:
    """Return the id of the series that an event belongs to or is the master of; None for a single event."""
    master = item.get("seriesMasterId")
    if isinstance(master, str) and master:
        return master
    return id_of(item) if item.get("type") in _SERIES else None


def is_complete(item: Mapping[str, Any]) -> bool:
    """Return whether a change feed has all of an event that decides what it blocks."""
    return all(item.get(name) is not None for name in _NEEDED)


def marker_of(item: Mapping[str, Any], namespace: str) -> Marker | None:
    """Return the marker of an event that PeteRental wrote.

    A copy that a person makes has no transaction id: it is an event like any other. So is a viewing that a person made
    into a series.
    """
    return Marker.parse(item.get("transactionId"), namespace) if series_of(item) is None else None


def own_event(item: Mapping[str, Any], marker: Marker, event_id: str, zone: ZoneInfo) -> OwnEvent | None:
    """Return an event that PeteRental wrote as it is now; None if its times cannot be read.

    Args:
        item: the event.
        marker: which viewing it is for.
        event_id: its id.
        zone: that an all-day event is in.
    """
    if item.get("isCancelled") is True:
        return OwnEvent(marker=marker, event_id=event_id, start=None, end=None)
    interval = interval_of(item, zone)
    if interval is None:
        return None
    return OwnEvent(
        marker=marker,
        event_id=event_id,
        start=interval.start,
        end=interval.end,
        stamp=_stamp(item),
        is_original=item.get("transactionId") == str(marker),
    )


def _stamp(item: Mapping[str, Any]) -> Stamp | None:
    properties = item.get("singleValueExtendedProperties")
    for each in properties if isinstance(properties, list) else ():
        if isinstance(each, dict) and str(each.get("id")).lower() == STAMP_PROPERTY.lower():
            return Stamp.parse(each.get("value"))
    return None


def busy_times(item: Mapping[str, Any], window: ReadWindow) -> tuple[tuple[BusyTime, ...], str | None]:
    """Return what an event blocks, and what of it was not understood.

    Args:
        item: an event, or an instance of a series.
        window: only what overlaps it counts.
    """
    kind = _kind_of(item)
    if kind is None:
        return (), None
    interval = interval_of(item, window.zone)
    if interval is None:
        return (), NO_TIME
    if not (interval.start < interval.end and interval.start < window.end and interval.end > window.start):
        return (), None
    subject = item.get("subject")
    title = subject if isinstance(subject, str) and subject.strip() else None
    return (BusyTime(start=interval.start, end=interval.end, kind=kind, title=title),), interval.note


def _kind_of(item: Mapping[str, Any]) -> BusyKind | None:
    """Return how an event blocks; None if it does not."""
    shown, response = item.get("showAs"), item.get("responseStatus")
    is_declined = isinstance(response, dict) and response.get("response") == "declined"
    if item.get("isCancelled") is True or is_declined or shown in NOT_BLOCKING:
        return None
    return _KINDS.get(shown, "busy") if isinstance(shown, str) else "busy"


def interval_of(item: Mapping[str, Any], zone: ZoneInfo) -> Interval | None:
    """Return when an event is; None if its times cannot be read.

    Args:
        item: the event.
        zone: an all-day event blocks the days in it. Graph reports those as midnights, whatever the zone asked for.
    """
    try:
        if item.get("isAllDay") is True:
            return _days(item, zone)
        start, end = _moments(item["start"]), _moments(item["end"])
        note = start[2] or end[2]
        # An end before the start blocks in between.
        return Interval(start[0], end[1], note) if start[0] <= end[1] else Interval(end[0], start[1], note)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _days(item: Mapping[str, Any], zone: ZoneInfo) -> Interval:
    start, end = _wall_clock(item["start"]), _wall_clock(item["end"])
    first, last = start.date(), end.date()
    if last <= first or end.time() > end.time().min:
        last += timedelta(days=1)
    return Interval(midnight(first, zone), midnight(last, zone))


def _moments(value: Mapping[str, Any]) -> tuple[datetime, datetime, str | None]:
    """Return the earliest and latest instant that a time can mean, and a note if they differ.

    Every request asks for UTC, and the answer says the zone it has; a time without an offset is never taken as the
    machine's.
    """
    wall, name = _wall_clock(value), value["timeZone"]
    if wall.tzinfo is not None:
        return wall.astimezone(UTC), wall.astimezone(UTC), None
    clock = known_clock(name) if isinstance(name, str) else None
    if clock is not None:
        return *clock.instants(wall), None
    shown = "".join(letter for letter in str(name) if letter.isprintable())[:60]
    note = f"The time zone “{shown}” of an event on {wall.date()} is not known. It blocks in every zone it may mean."
    return *UnknownClock(shown).instants(wall), note


def _wall_clock(value: Mapping[str, Any]) -> datetime:
    """Return the date and time that a value has. Seven digits of a second, as Graph sends, are cut to six."""
    return datetime.fromisoformat(value["dateTime"])


# --- writing ---------------------------------------------------------------------------------------------------------


def to_graph(event: ViewingEvent, present: Mapping[str, Any] | None, *, in_utc: bool = False) -> dict[str, Any]:
    """Return a viewing as the body of a request.

    No attendees, so the provider sends no invitation; the reminder is the calendar's default.

    Args:
        event: the viewing.
        present: the event that is changed, with its body as text; None to create one, with its transaction id.
        in_utc: whether its times are written in UTC and not in the agent's zone.
    """
    zone = ZoneInfo("UTC") if in_utc or not _is_plain(event) else event.zone
    content: dict[str, Any] = {
        "subject": event.title,
        "location": {"displayName": event.location},
        "start": _in_zone(event.start, zone),
        "end": _in_zone(event.end, zone),
    }
    description = _body(event, present)
    if description is not None:
        content["body"] = {"contentType": "text", "content": description}
    properties = {MARKER_PROPERTY: event.marker, STAMP_PROPERTY: event.stamp}
    content["singleValueExtendedProperties"] = [
        {"id": name, "value": str(value)} for name, value in properties.items() if value is not None
    ]
    if present is None:
        content["showAs"] = "busy"
        content["transactionId"] = str(event.marker)
    return content


def _description(event: ViewingEvent) -> str:
    if event.url is None or event.url in event.description:
        return event.description
    return f"{event.description}\n\n{event.url}"


def _body(event: ViewingEvent, present: Mapping[str, Any] | None) -> str | None:
    """Return the text of an event's body; None if the present one, which a person may have formatted, has our lines."""
    description = _description(event)
    body = present.get("body") if present is not None else None
    text = body.get("content") if isinstance(body, dict) else None
    if not isinstance(text, str):
        return description
    lines = with_notes(description.split("\n"), text.replace("\r\n", "\n").split("\n"))
    return None if lines is None else "\n".join(lines)


def _in_zone(instant: datetime, zone: ZoneInfo) -> dict[str, str]:
    return {"dateTime": instant.astimezone(zone).replace(tzinfo=None).isoformat(), "timeZone": zone.key}


def _is_plain(event: ViewingEvent) -> bool:
    """Return whether the wall clock of the agent's zone says each time once, so that it needs no offset."""
    walls = [moment.astimezone(event.zone) for moment in (event.start, event.end)]
    return all(wall.utcoffset() == wall.replace(fold=1 - wall.fold).utcoffset() for wall in walls)
