"""The events of a calendar's resources: what blocks, and what PeteRental wrote."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Collection as AnyOf
from dataclasses import dataclass, replace
from time import monotonic
from urllib.parse import unquote

from peterental.calendars.caldav.collection import Resource
from peterental.calendars.icalendar_data.limits import USUAL_LIMITS, Limits
from peterental.calendars.icalendar_data.reader import read_events
from peterental.calendars.model import BusyTime, CalendarNonsense, OwnEvent, ReadWindow

_BEGIN = b"BEGIN:VCALENDAR"
_END = b"END:VCALENDAR"


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


class EventReader:
    """Reads the events of many resources, within the limits of one reading.

    Args:
        window: the time of interest.
        namespace: of this installation.
        owner: the e-mail addresses of the calendar's owner.
        host: where the resources came from, for faults.
        limits: of all resources together; of their size, for each.
        time_left_s: returns the time that is left for fetching and reading together, in seconds.
    """

    def __init__(
        self,
        window: ReadWindow,
        *,
        namespace: str,
        owner: AnyOf[str],
        host: str,
        limits: Limits = USUAL_LIMITS,
        time_left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._window = window
        self._namespace = namespace
        self._owner = owner
        self._host = host
        self._limits = limits
        self._time_left_s = time_left_s

    def read(self, resource: Resource, *, url: str) -> ResourceEvents:
        """Return the events of a resource.

        A broken one does not hide the others: if it is no calendar at all, a note names it; if its end is missing, what
        is there counts.

        Args:
            resource: with its data.
            url: of the resource, the id of an event that PeteRental wrote.

        Raises:
            CalendarNonsense: a limit is exceeded.
        """
        text = resource.data
        if _BEGIN not in text.upper():
            name = unquote(resource.path.rpartition("/")[2])
            return ResourceEvents(notes=(f"An event that cannot be read does not block: {name}.",))
        if _END not in text.upper():
            text += b"\r\n" + _END + b"\r\n"
        started = monotonic()
        times = read_events(
            text,
            self._window,
            namespace=self._namespace,
            owner=self._owner,
            host=self._host,
            limits=self._limits.within(self._time_left_s()),
        )
        busy = tuple(time for group in times.busy.values() for time in group)
        left = self._limits.max_instances - len(busy)
        if left < 0:
            raise CalendarNonsense(host=self._host, reason="its events repeat too often")
        self._limits = replace(self._limits, time_s=self._limits.time_s - (monotonic() - started), max_instances=left)
        name = resource.path.rpartition("/")[2]
        own = tuple(replace(each, event_id=url, is_original=name == f"{each.marker}.ics") for each in times.own)
        return ResourceEvents(busy, own, times.notes)
