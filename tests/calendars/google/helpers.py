"""An account at the fake, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.google import GoogleAccount, google_provider
from peterental.calendars.http import HttpClient
from peterental.calendars.model import BusyTime, Marker, Reading, ReadWindow, ViewingEvent
from peterental.calendars.oauth import AuthorizedHttp, OAuthProvider
from peterental.clock import utc_now
from tests.calendars.google.fake import CLIENT_ID, CLIENT_SECRET, GoogleFake
from tests.calendars.login import Store

CHICAGO = ZoneInfo("America/Chicago")
NAMESPACE = "0123456789ab"
DANA, LEE = "dana@example.com", "lee@example.com"

WINDOW = ReadWindow(datetime(2026, 11, 29, 18, tzinfo=UTC), datetime(2026, 12, 14, 18, tzinfo=UTC), CHICAGO)


def provider(google: GoogleFake) -> OAuthProvider:
    return google_provider(google.url, CLIENT_ID, CLIENT_SECRET)


def connect(
    google: GoogleFake,
    email: str = DANA,
    *,
    store: Store | None = None,
    timeout_s: float = 60,
    now: Callable[[], datetime] = utc_now,
    max_bytes: int = 20_000_000,
) -> GoogleAccount:
    """Return an account that is signed in."""
    client = HttpClient(timeout_s=timeout_s, allow_private=True, max_bytes=max_bytes)
    http = AuthorizedHttp(client, provider(google), store or Store(google.sign_in(email)), now)
    return GoogleAccount(http, api_url=google.url, namespace=NAMESPACE)


def at(day: int, hour: int, minute: int = 0, *, month: int = 12) -> datetime:
    """Return a time in Chicago."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHICAGO)


def busy(reading: Reading) -> list[tuple[datetime, datetime]]:
    """Return the times that block, in order."""
    return [(each.start, each.end) for each in times(reading)]


def times(reading: Reading) -> list[BusyTime]:
    return sorted((each for found in reading.busy.values() for each in found), key=lambda each: each.start)


def viewing(appointment_id: int = 12, revision: int = 0, **changes: Any) -> ViewingEvent:
    """Return a viewing on 2 December from 10 to 10:30 in Chicago."""
    values: dict[str, Any] = {
        "marker": Marker(NAMESPACE, appointment_id, revision),
        "event_id": None,
        "start": at(2, 10).astimezone(UTC),
        "end": at(2, 10, 30).astimezone(UTC),
        "zone": CHICAGO,
        "title": "Viewing: 1420 Elm Street (Dolores Whitcomb)",
        "location": "1420 Elm Street",
        "description": "Dolores Whitcomb\n+1 512 555 0147",
        "url": "https://rent.example.com/appointments/12",
        "sequence": 0,
        "updated_at": datetime(2026, 11, 29, tzinfo=UTC),
        **changes,
    }
    return ViewingEvent(**values)
