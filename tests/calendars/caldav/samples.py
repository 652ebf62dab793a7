"""Events as programs write them, viewings as PeteRental does, and accounts that read and write them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.calendars.caldav.account import CaldavAccount
from peterental.calendars.http import HttpClient
from peterental.calendars.model import Marker, Reading, ReadWindow, ViewingEvent
from tests.calendars.caldav.server_programs import USER, WORD
from tests.servers import HANG_S

CHICAGO = ZoneInfo("America/Chicago")
NAMESPACE = "0123456789ab"
OWNER = "rosa@example.com"
WINDOW = ReadWindow(datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 12, 20, tzinfo=UTC), CHICAGO)
"""The clocks in Chicago change on 1 November 2026."""

Times = set[tuple[datetime, datetime]]


def utc(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of 2026 in UTC."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def local(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of 2026 in Chicago."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHICAGO)


def event(*lines: str, uid: str = "lunch@example.com", title: str = "Lunch") -> str:
    """Return the text of a VEVENT."""
    return "\r\n".join(
        ["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261001T000000Z", f"SUMMARY:{title}", *lines, "END:VEVENT", ""]
    )


def icalendar(*components: str) -> str:
    """Return the text of a VCALENDAR."""
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\n{''.join(components)}END:VCALENDAR\r\n"


def lunch(day: int = 2, *lines: str, uid: str = "lunch@example.com") -> str:
    """Return a calendar with an event on a day of December 2026, 12:00 to 13:00 in Chicago."""
    return icalendar(event(f"DTSTART:202612{day:02}T180000Z", f"DTEND:202612{day:02}T190000Z", *lines, uid=uid))


def viewing(appointment_id: int = 7, hour: int = 16, **changes: object) -> ViewingEvent:
    """Return a viewing on 3 December 2026, half an hour long."""
    start = utc(12, 3, hour)
    event = ViewingEvent(
        marker=Marker(NAMESPACE, appointment_id),
        event_id=None,
        start=start,
        end=start + timedelta(minutes=30),
        zone=CHICAGO,
        title="Viewing: 1420 Elm Street (Dolores Whitcomb)",
        location="1420 Elm Street, Apt. 3",
        description="Dolores Whitcomb\n+1 312 555 0142, dolores@example.com; brings her sister",
        url="https://rental.example.com/appointments/7",
        sequence=0,
        updated_at=utc(11, 29, 12),
    )
    return replace(event, **changes)  # type: ignore[arg-type]  # of the field's own type, as the callers write it


def moved(earlier: ViewingEvent, event_id: str | None, hours: int = 2) -> ViewingEvent:
    """Return a viewing after it was moved to a later hour."""
    delta = timedelta(hours=hours)
    return replace(
        earlier,
        event_id=event_id,
        start=earlier.start + delta,
        end=earlier.end + delta,
        sequence=earlier.sequence + 1,
        updated_at=earlier.updated_at + timedelta(hours=1),
    )


def account(url: str, *, username: str = USER, word: str = WORD, timeout_s: float = HANG_S) -> CaldavAccount:
    """Return an account at a server on loopback."""
    http = HttpClient(timeout_s=timeout_s, allow_private=True)
    return CaldavAccount(http, address=url, username=username, password=word, namespace=NAMESPACE, owner=[OWNER])


def times(reading: Reading) -> Times:
    """Return every time of a reading that blocks."""
    return {(time.start, time.end) for group in reading.busy.values() for time in group}


def kinds(reading: Reading) -> set[str]:
    """Return which kinds of busy times a reading has."""
    return {time.kind for group in reading.busy.values() for time in group}
