"""Viewings as iCalendar data: for a CalDAV server, and for the feed that calendars subscribe to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, timedelta

import icalendar
from icalendar.prop import vDuration, vText, vUri

from peterental.calendars.icalendar_data.text import STAMP_PROPERTY
from peterental.calendars.model import ViewingEvent

PRODUCT = "-//PeteRental//Viewings//EN"

REFRESH_INTERVAL = timedelta(hours=1)
"""How often subscribers are asked to fetch the feed. Google takes 8 to 24 hours anyway."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def viewing_component(event: ViewingEvent) -> icalendar.Event:
    """Return a viewing as a VEVENT, with times in UTC so that no VTIMEZONE is needed."""
    component = icalendar.Event()
    component.add("uid", event.marker.uid)
    component.add("dtstamp", event.updated_at.astimezone(UTC))
    component.add("last-modified", event.updated_at.astimezone(UTC))
    component.add("sequence", event.sequence)
    component.add("dtstart", event.start.astimezone(UTC))
    component.add("dtend", event.end.astimezone(UTC))
    component.add("summary", vText(_plain(event.title)))
    component.add("location", vText(_plain(event.location)))
    component.add("description", vText(_plain(event.description)))
    if event.url is not None:
        component.add("url", vUri("".join(_plain(event.url).split())))
    if event.stamp is not None:
        component.add(STAMP_PROPERTY, vText(str(event.stamp)))
    component.add("status", "CONFIRMED")
    component.add("transp", "OPAQUE")
    return component


def viewing_to_icalendar(event: ViewingEvent) -> bytes:
    """Return a viewing as a VCALENDAR of its own, as a CalDAV server stores it: without METHOD."""
    return _text(_calendar([event]))


def viewing_to_add(event: ViewingEvent, uid: str) -> bytes:
    """Return a viewing as a file that its visitor adds to a calendar.

    Args:
        event: of the viewing.
        uid: of the visitor's event, which is another one than the agent's.
    """
    component = viewing_component(event)
    component.pop("uid")
    component.add("uid", uid)
    calendar = _calendar([])
    calendar.add("method", "PUBLISH")
    calendar.add_component(component)
    return _text(calendar)


def feed(events: Iterable[ViewingEvent], name: str) -> bytes:
    """Return viewings as one VCALENDAR to subscribe to. Cancelled ones are left out by the caller.

    Args:
        events: in the order in which they are written.
        name: of the calendar, as subscribers show it.
    """
    calendar = _calendar(events)
    calendar.add("method", "PUBLISH")
    for key in ("name", "x-wr-calname"):
        calendar.add(key, vText(_plain(name)))
    calendar.add("refresh-interval", vDuration(REFRESH_INTERVAL), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vText("PT1H"))
    return _text(calendar)


def _calendar(events: Iterable[ViewingEvent]) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    for event in events:
        calendar.add_component(viewing_component(event))
    return calendar


def _text(calendar: icalendar.Calendar) -> bytes:
    text: bytes = calendar.to_ical()
    return text


def _plain(text: str) -> str:
    """Return text without control characters, which iCalendar forbids; line ends become LF."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
