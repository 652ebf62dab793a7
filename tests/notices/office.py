"""An office of the tests: a clock, an agent, viewings, and transports that do as they are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.model import PHONE, Appointment, EventKind, Status
from peterental.appointments.repository import AppointmentRepository
from peterental.database.pool import Database
from peterental.notices.model import Channel, Delivery, Letter, NotSent, PerhapsSent, of_no_other
from peterental.services import Services, build_services
from tests.clocks import Clock
from tests.guillotine import Killed

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
NOON = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
"""Noon in Chicago, a Tuesday."""

PHONE_NUMBER = "+14055550123"
EMAIL = "dolores@example.com"
CHICAGO = ZoneInfo("America/Chicago")
HALF_AN_HOUR = timedelta(minutes=30)

Behaviour = Literal[
    "take", "away", "refuse", "take and be silent", "lose", "die before", "die after", "die after taking", "break"
]
"""What a provider, or the process, does with a letter."""


@dataclass
class FakeTransport:
    """A provider.

    Args:
        channel: of its letters.
        clock: tells the time.
        on_taken: called with each letter that it takes.
    """

    channel: Channel
    clock: Callable[[], datetime]
    on_taken: Callable[[Letter], None] = lambda _: None
    can_find: bool = True
    behaviour: Behaviour = "take"
    taken: list[Letter] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    before_hand_over: Callable[[], None] = lambda: None
    after_hand_over: Callable[[], None] = lambda: None
    before_taking: Callable[[], None] = lambda: None
    after_taking: Callable[[], None] = lambda: None

    sender = "+14055550100"
    is_real = False

    def send(self, letter: Letter, hand_over: Callable[[], None]) -> Delivery:
        behaviour, self.behaviour = self.behaviour, "take"
        if behaviour == "away":
            raise NotSent(reason="the provider is away")
        if behaviour == "refuse":
            raise NotSent(reason="the number cannot get texts", is_final=True)
        if behaviour == "die before":
            raise Killed
        self.before_hand_over()
        hand_over()
        if behaviour == "die after":
            raise Killed
        if behaviour == "lose":
            raise PerhapsSent(reason="no answer came")
        if behaviour == "break":
            raise ZeroDivisionError
        self.after_hand_over()
        self._take(letter)
        if behaviour == "die after taking":
            raise Killed
        if behaviour == "take and be silent":
            raise PerhapsSent(reason="no answer came")
        return Delivery(provider_id=self._id(len(self.taken)))

    def find(
        self, letter: Letter, since: datetime, is_of_another: Callable[[str], bool] = of_no_other
    ) -> Delivery | None:
        if not self.can_find:
            raise PerhapsSent(reason="a mail server does not say")
        for number, (taken, at) in enumerate(zip(self.taken, self.at, strict=True), 1):
            if (taken.recipient, taken.body) == (letter.recipient, letter.body) and at >= since:
                if is_of_another(self._id(number)):
                    continue
                return Delivery(provider_id=self._id(number))
        return None

    def _take(self, letter: Letter) -> None:
        self.before_taking()
        self.on_taken(letter)
        self.taken.append(letter)
        self.at.append(self.clock())
        self.after_taking()

    def _id(self, number: int) -> str:
        return f"{self.channel}-{number}"


class Office:
    """The services of a database with one agent, Ana, whose notices go to fake transports."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch, now: datetime = NOON) -> None:
        self.database = database
        self.start = now
        self.clock = Clock(now)
        self.texts, self.mails = FakeTransport("text", self.clock), FakeTransport("email", self.clock)
        monkeypatch.setattr("peterental.services.transports", lambda *_: {"text": self.texts, "email": self.mails})
        self.services = self.new_services(database)
        self.services.agents.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN, "ana")
        self.services.notice_channels.record(self.services.notice_sender.transports)

    zone = CHICAGO

    def new_services(self, database: Database) -> Services:
        """Return the services as another process has them."""
        return build_services(database, self.clock)

    def book(
        self,
        start: datetime | None = None,
        *,
        email: str | None = None,
        phone: str | None = PHONE_NUMBER,
        actor: str = PHONE,
    ) -> int:
        """Book a viewing, two days ahead by default, and return its id."""
        start = start or self.clock.now + timedelta(days=2)
        return book(self.database, self.clock.now, start, email=email, phone=phone, actor=actor)

    def move(self, appointment_id: int, start: datetime, actor: str = PHONE) -> None:
        with self._changing(appointment_id) as (connection, old):
            moved = Appointment(**{**vars(old), "start": start, "end": start + HALF_AN_HOUR})
            self._appointments.move(connection, moved, old, moved.end, self.clock.now, actor=actor)

    def set_status(self, appointment_id: int, status: Status, kind: EventKind, actor: str = PHONE) -> None:
        with self._changing(appointment_id) as (connection, old):
            self._appointments.set_status(connection, old, status, kind=kind, now=self.clock.now, actor=actor)

    def cancel(self, appointment_id: int, actor: str = PHONE) -> None:
        self.set_status(appointment_id, "cancelled", "cancelled", actor)

    def send(self, appointment_id: int) -> None:
        self.services.notice_sender.send_of_appointment(appointment_id)

    def stop(self, recipient: str = PHONE_NUMBER) -> None:
        with self.database.transaction() as connection:
            self.services.consents.stop(
                connection, "text", recipient, how="text message", words="STOP", at=self.clock.now
            )

    def notices(self, *names: str) -> list[Any]:
        """Return columns of all notices, in their order; single values if there is one column."""
        rows = self.database.fetch(f"SELECT {', '.join(names)} FROM notices ORDER BY notice_id")
        return [row[names[0]] if len(names) == 1 else tuple(row.values()) for row in rows]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the arguments of the jobs that send notices, and remove them."""
        rows = self.database.fetch("DELETE FROM procrastinate_jobs WHERE task_name = 'send_notices' RETURNING id, args")
        return [row["args"] for row in sorted(rows, key=lambda row: row["id"])]

    @property
    def _appointments(self) -> AppointmentRepository:
        return AppointmentRepository(self.database)

    @contextmanager
    def _changing(self, appointment_id: int) -> Iterator[tuple[Any, Appointment]]:
        with self.database.transaction() as connection:
            old = ManualBookingRepository(self.database).get(connection, appointment_id, None)
            assert old is not None
            yield connection, old


def book(
    database: Database,
    now: datetime,
    start: datetime,
    *,
    email: str | None = None,
    phone: str | None = PHONE_NUMBER,
    actor: str = PHONE,
) -> int:
    """Book a viewing of Ana's, and return its id."""
    appointment = Appointment(
        appointment_id=0, start=start, end=start + HALF_AN_HOUR, property_address="12 Elm Street",
        attendee_name="Dolores Whitcomb", agent_id="ana", agent_name="Ana", time_zone="America/Chicago",
        status="confirmed", attendee_phone=phone, attendee_email=email, created_at=now,
    )  # fmt: skip
    with database.transaction() as connection:
        booked = AppointmentRepository(database).insert(connection, appointment, appointment.end, "", actor)
    return booked.appointment_id
