"""What the tests of Microsoft's calendars share: an account, a window and times in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from peterental.calendars.http import HttpClient
from peterental.calendars.microsoft import MicrosoftAccount, microsoft_provider
from peterental.calendars.model import BusyTime, Marker, Reading, ReadWindow, ViewingEvent
from peterental.calendars.oauth import AuthorizedHttp
from tests.calendars.login import CLIENT_ID, CLIENT_SECRET, Store
from tests.calendars.microsoft.fake import FakeGraph
from tests.servers import HANG_S

NAMESPACE = "0123456789ab"
CHICAGO = ZoneInfo("America/Chicago")
WINDOW = ReadWindow(datetime(2026, 12, 1, 6, tzinfo=UTC), datetime(2026, 12, 15, 6, tzinfo=UTC), CHICAGO)
MARKER = Marker(NAMESPACE, 42)


def on(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time in December 2026 in Chicago, in UTC."""
    return datetime(2026, 12, day, hour, minute, tzinfo=CHICAGO).astimezone(UTC)


def hours(day: int, hour: int, length: float = 1) -> tuple[datetime, datetime]:
    """Return the start and the end of an event in December 2026."""
    return on(day, hour), on(day, hour) + timedelta(hours=length)


def account(fake: FakeGraph, *, store: Store | None = None, timeout_s: float = HANG_S) -> MicrosoftAccount:
    """Return an account that is signed in."""
    authorized = signed_in(fake, store=store, timeout_s=timeout_s)
    return MicrosoftAccount(authorized, graph_url=fake.url, namespace=NAMESPACE)


def signed_in(fake: FakeGraph, *, store: Store | None = None, timeout_s: float = HANG_S) -> AuthorizedHttp:
    """Return what sends requests with the token of an account."""
    http = HttpClient(timeout_s=timeout_s, allow_private=True)
    provider = microsoft_provider(fake.url, CLIENT_ID, CLIENT_SECRET)
    store = store or Store(fake.login.tokens())
    return AuthorizedHttp(http, provider, store, lambda: datetime.fromtimestamp(fake.login.clock_s, UTC))


def read(fake: FakeGraph, cursor: str | None = None, calendar: str | None = None) -> Reading:
    """Read a calendar, the default one by default."""
    return account(fake).read(calendar or fake.mailbox.default, WINDOW, cursor)


def times(reading: Reading) -> set[tuple[datetime, datetime]]:
    """Return when a reading blocks."""
    return {(time.start, time.end) for each in reading.busy.values() for time in each}


def blocked(reading: Reading) -> list[BusyTime]:
    """Return the times of a reading, in order."""
    return sorted((time for each in reading.busy.values() for time in each), key=lambda time: time.start)


class Cache:
    """Keeps what readings say, as the service does: the expected state after whole and partial readings."""

    def __init__(self, fake: FakeGraph, calendar: str | None = None) -> None:
        self.fake = fake
        self.calendar = calendar or fake.mailbox.default
        self.busy: dict[str, tuple[BusyTime, ...]] = {}
        self.cursor: str | None = None
        self.readings: list[Reading] = []

    def sync(self) -> Reading:
        """Read once and keep the result."""
        reading = read(self.fake, self.cursor, self.calendar)
        self.busy = {} if reading.is_whole else {k: v for k, v in self.busy.items() if k not in reading.removed}
        self.busy |= reading.busy
        self.cursor = reading.cursor
        self.readings.append(reading)
        return reading

    @property
    def times(self) -> set[tuple[datetime, datetime]]:
        return {(time.start, time.end) for each in self.busy.values() for time in each}


def viewing(**changes: Any) -> ViewingEvent:
    """Return a viewing on 3 December at 14:00 in Chicago."""
    start, end = hours(3, 14, 0.5)
    usual: dict[str, Any] = {
        "marker": MARKER,
        "event_id": None,
        "start": start,
        "end": end,
        "zone": CHICAGO,
        "title": "Viewing: 1420 Elm Street (Dolores Whitcomb)",
        "location": "1420 Elm Street, Springfield",
        "description": "Phone: +1 217 555 0134\nE-mail: dolores@example.com",
        "url": "https://office.example/appointments/42",
        "sequence": 0,
        "updated_at": on(1, 9),
    }
    return ViewingEvent(**{**usual, **changes})
