"""Many operations while Google misbehaves: nothing is lost, nothing is doubled, and nothing busy is ever free."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from peterental.calendars.google.account import GoogleAccount
from peterental.calendars.model import BusyTime, CalendarFault, EventIdSpent, EventMissing, Marker, Reading
from tests.calendars.google.fake import MISHAPS, GoogleFake, Request
from tests.calendars.google.helpers import DANA, NAMESPACE, WINDOW, at, connect, viewing
from tests.calendars.google.store import FakeCalendar
from tests.calendars.login import Store

QUICK = [mishap for mishap in MISHAPS if mishap != "hang"]
"""Without the one that costs a time limit; `test_faults` has it."""

OPERATIONS = 60


@dataclass
class Wanted:
    """A viewing, and what its event should be."""

    appointment_id: int
    start: datetime
    revision: int = 0
    event_id: str | None = None
    is_cancelled: bool = False
    was_deleted_by_person: bool = False


class Office:
    """Writes and reads as the services do, and tries again after a fault."""

    def __init__(self, account: GoogleAccount, seed: int) -> None:
        self.account = account
        self.random = random.Random(seed)  # noqa: S311  # a test that can be repeated
        self.viewings: list[Wanted] = []
        self.stored: dict[str, tuple[BusyTime, ...]] = {}
        self.cursor: str | None = None
        self.reported_gone: set[str] = set()

    def write(self, wanted: Wanted) -> None:
        """Try once."""
        event = viewing(
            wanted.appointment_id,
            wanted.revision,
            event_id=wanted.event_id,
            start=wanted.start,
            end=wanted.start + timedelta(minutes=30),
        )
        try:
            if wanted.is_cancelled:
                self.account.delete(DANA, wanted.event_id or str(event.marker))
                wanted.event_id = None
            else:
                wanted.event_id = self.account.write(DANA, event).event_id
        except EventIdSpent:
            wanted.revision += 1
        except EventMissing:
            wanted.was_deleted_by_person = True

    def read(self) -> None:
        reading = self.account.read(DANA, WINDOW, self.cursor)
        self.cursor = reading.cursor
        self.stored = applied(self.stored, reading)
        self.reported_gone |= reading.removed_own

    def act(self, calendar: FakeCalendar) -> None:
        """Do one thing that an office, a person or a job does."""
        choice = self.random.random()
        if choice < 0.3 or not self.viewings:
            self.viewings.append(Wanted(len(self.viewings) + 1, self._time()))
            self.write(self.viewings[-1])
        elif choice < 0.5:
            wanted = self.random.choice(self.viewings)
            wanted.start = self._time()
            self.write(wanted)
        elif choice < 0.6:
            wanted = self.random.choice(self.viewings)
            wanted.is_cancelled = not wanted.is_cancelled
            self.write(wanted)
        elif choice < 0.8:
            self.person(calendar)
        else:
            self.read()

    def person(self, calendar: FakeCalendar) -> None:
        live = [name for name, event in calendar.events.items() if event["status"] != "cancelled"]
        start = self._time()
        if not live or self.random.random() < 0.5:
            calendar.put(start=start, end=start + timedelta(hours=1))
            return
        name = self.random.choice(live)
        if self.random.random() < 0.5:
            calendar.cancel(name)
        elif Marker.parse(name, NAMESPACE) is None:
            calendar.change(name, start=start, end=start + timedelta(hours=1))

    def _time(self) -> datetime:
        return at(self.random.randrange(1, 14), self.random.randrange(8, 18))


def applied(stored: dict[str, tuple[BusyTime, ...]], reading: Reading) -> dict[str, tuple[BusyTime, ...]]:
    kept = {} if reading.is_whole else {key: value for key, value in stored.items() if key not in reading.removed}
    return {key: value for key, value in {**kept, **reading.busy}.items() if value}


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_or_doubled_in_a_storm(google: GoogleFake, calendar: FakeCalendar, seed: int) -> None:
    google.rotates = seed % 2 == 0
    store = Store(google.sign_in(DANA))
    office = Office(connect(google, store=store), seed)
    google.page_size, google.empty_pages = 3, seed % 3

    def choose(request: Request) -> str | None:
        is_login = request.path == "/token"
        return office.random.choice(QUICK) if not is_login and office.random.random() < 0.35 else None

    google.misbehave(choose)
    for _ in range(OPERATIONS):
        try:
            office.act(calendar)
        except CalendarFault:
            continue
    google.calm()

    for wanted in office.viewings:
        while not wanted.was_deleted_by_person:
            before = wanted.revision
            office.write(wanted)
            if wanted.revision == before:
                break
    office.read()
    live = {name for name, event in calendar.events.items() if event["status"] != "cancelled"}
    ours = {name for name in live if Marker.parse(name, NAMESPACE)}
    expected = {
        str(Marker(NAMESPACE, each.appointment_id, each.revision)): each
        for each in office.viewings
        if not each.is_cancelled and not each.was_deleted_by_person
    }
    assert ours == expected.keys()
    for name, wanted in expected.items():
        assert calendar.span(calendar.events[name])[0] == wanted.start
    assert office.stored.keys() == live - ours
    for _ in range(10):
        office.person(calendar)
        office.read()
    assert office.stored == applied({}, office.account.read(DANA, WINDOW, None))
    assert office.viewings
