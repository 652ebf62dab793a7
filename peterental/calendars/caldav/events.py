"""The events of one resource: what blocks, and what PeteRental wrote."""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from dataclasses import dataclass
from urllib.parse import unquote

from peterental.calendars.caldav.collection import Resource
from peterental.calendars.icalendar_data import read_events
from peterental.calendars.model import BusyTime, CalendarNonsense, OwnEvent, ReadWindow


@dataclass(frozen=True)
class ResourceEvents:
    """The events of one resource.

    Args:
        busy: the times that block.
        own: those that PeteRental wrote.
        notes: about those that were understood only in part.
    """

    busy: tuple[BusyTime, ...] = ()
    own: tuple[OwnEvent, ...] = ()
    notes: tuple[str, ...] = ()


def events_of(resource: Resource, *, url: str, window: ReadWindow, namespace: str, owner: AnyOf[str]) -> ResourceEvents:
    """Return the events of a resource. One that cannot be read is noted, so that it does not hide the others.

    Args:
        resource: with its data.
        url: of the resource, the id of an event that PeteRental wrote.
        window: the time of interest.
        namespace: of this installation.
        owner: the e-mail addresses of the calendar's owner.
    """
    try:
        times = read_events(resource.data, window, namespace=namespace, owner=owner)
    except CalendarNonsense:
        name = unquote(resource.path.rpartition("/")[2])
        return ResourceEvents(notes=(f"An event of the calendar cannot be read and does not block: {name}",))
    busy = tuple(time for group in times.busy.values() for time in group)
    own = tuple(OwnEvent(marker=marker, event_id=url, start=start, end=end) for marker, start, end in times.own)
    return ResourceEvents(busy, own, times.notes)
