"""Calendars for the tests: an agent in Chicago, and the time from 29 November 2026 for 120 days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.icalendar_data.limits import Limits
from peterental.calendars.icalendar_data.reader import EventTimes, read_events
from peterental.calendars.model import BusyTime, ReadWindow
from tests.servers import HANG_S

CHICAGO = ZoneInfo("America/Chicago")
NAMESPACE = "0123456789ab"
OWNER = ["Dana@Example.com", "dana.alias@example.com"]


LIMITS = Limits(time_s=HANG_S)
"""The usual limits, on a machine of any speed."""


def window(start: str = "2026-11-29", days: int = 120, zone: ZoneInfo = CHICAGO) -> ReadWindow:
    """Return the window from a day, in UTC."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return ReadWindow(first, first + timedelta(days=days), zone)


WINDOW = window()


def calendar(*components: str, head: str = "", end: str = "\r\n") -> bytes:
    """Return a VCALENDAR with components, whose lines may be indented."""
    text = "\n".join(["BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN", head, *components, "END:VCALENDAR", ""])
    return end.join(line.lstrip() for line in text.split("\n") if line.strip()).encode() + end.encode()


def event(
    *lines: str, start: str = "DTSTART:20261201T150000Z", end: str = "DTEND:20261201T160000Z", uid: str = "1"
) -> str:
    """Return a VEVENT, by default on 1 December from 9 to 10 in Chicago."""
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", start, end, *lines, "END:VEVENT"])


def series(rule: str, *lines: str, hours: str = "T090000,T100000", day: str = "20261130", **kinds: Any) -> str:
    """Return a VEVENT that repeats, by default from Monday, 30 November 2026, 9 to 10 in Chicago."""
    first, last = hours.split(",")
    return event(
        *([f"RRULE:{rule}"] if rule else []),
        *lines,
        start=f"DTSTART;TZID=America/Chicago:{day}{first}",
        end=f"DTEND;TZID=America/Chicago:{day}{last}",
        **kinds,
    )


def read(data: bytes | str, of: ReadWindow = WINDOW, **arguments: Any) -> EventTimes:
    """Read a calendar, or the components of one."""
    text = calendar(data) if isinstance(data, str) else data
    return read_events(text, of, **{"namespace": NAMESPACE, "owner": OWNER, "limits": LIMITS, **arguments})


def busy(data: bytes | str, of: ReadWindow = WINDOW, **arguments: Any) -> list[BusyTime]:
    """Return every busy time, sorted."""
    found = read(data, of, **arguments).busy
    return sorted((time for times in found.values() for time in times), key=lambda time: (time.start, time.end))


def local(data: bytes | str, of: ReadWindow = WINDOW, **arguments: Any) -> list[str]:
    """Return the busy times on the agent's clock: `12-01 09:00-10:00`, with the day of the end if it is another."""
    return [shown(time, of.zone) for time in busy(data, of, **arguments)]


def shown(time: BusyTime, zone: ZoneInfo = CHICAGO) -> str:
    """Return a busy time on a clock."""
    start, end = time.start.astimezone(zone), time.end.astimezone(zone)
    return (
        f"{start:%m-%d %H:%M}-{end:%H:%M}" if start.date() == end.date() else f"{start:%m-%d %H:%M}-{end:%m-%d %H:%M}"
    )
