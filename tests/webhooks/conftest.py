"""Fixtures: an office whose viewings change, and endpoints on loopback servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.appointments.manual.model import Action, ConfirmationRequired, ExpectedState, NewBooking, WallClockTime
from peterental.appointments.model import Appointment
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, build_services
from peterental.webhooks.model import Delivery, EndpointEntry, EventType, IssuedSecret
from tests.calendars.loopback import Exchange, LoopbackServer, Script

ADMIN_EMAIL = "office@example.com"
ALL_EVENTS: tuple[EventType, ...] = (
    "viewing.booked", "viewing.moved", "viewing.edited", "viewing.cancelled", "viewing.restored", "viewing.completed",
    "viewing.no_show",
)  # fmt: skip
KEY = "a session key for tests, long enough"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **period: float) -> None:
        self.now += timedelta(**period)


class Office:
    """One agent, and what happens to its viewings."""

    def __init__(self, database: Database, *, allow_private: bool = True) -> None:
        self.database = database
        self.clock = Clock()
        self.services: Services = build_services(
            database, self.clock, Config(secret_key=KEY, allow_private_addresses=allow_private)
        )
        self.admin = self.services.users.create(ADMIN_EMAIL, "correct horse battery", "admin")
        self.services.agents.create(Profile(agent_name="Ana"), self.admin, "ana")
        self.services.hours.set_week("ana", [(Window(0, 1440),)] * 7, self.admin)
        self._keys = iter(range(1, 1000))

    def subscribe(self, url: str, *event_types: EventType) -> IssuedSecret:
        """Add an endpoint for these events, or for all."""
        return self.services.webhooks.create(EndpointEntry(url=url, event_types=event_types or ALL_EVENTS), self.admin)

    def book(self, hour: int = 10, days: int = 3) -> Appointment:
        """Book a viewing, and acknowledge every warning."""
        when = WallClockTime(day=(self.clock.now + timedelta(days=days)).date(), clock_min=hour * 60)
        entry = NewBooking(
            agent_id="ana", when=when, key=f"form number {next(self._keys)}", property_address="12 Elm Street",
            attendee_name="Max Muster", attendee_phone="+14055550123",
        )  # fmt: skip
        try:
            return self.services.manual.book(entry, self.admin)
        except ConfirmationRequired as refusal:
            acknowledged = WallClockTime(
                day=when.day, clock_min=when.clock_min, acknowledged=refusal.warnings.fingerprints
            )
            again = NewBooking(**{**entry.__dict__, "when": acknowledged})
            return self.services.manual.book(again, self.admin)

    def act(self, viewing: Appointment, action: Action) -> None:
        """Cancel a viewing, mark it or restore it."""
        self.services.manual.change(viewing.appointment_id, self.seen(viewing), action, self.admin)

    def seen(self, viewing: Appointment) -> ExpectedState:
        """Return the present state of a viewing."""
        shown, _ = self.services.manual.show(viewing.appointment_id, self.admin)
        assert shown.updated_at is not None
        return ExpectedState(shown.updated_at, shown.start, shown.status)

    def deliver(self, issued: IssuedSecret) -> None:
        """Run the job of an endpoint."""
        self.services.webhook_sender.deliver(issued.endpoint.endpoint_id)

    def deliveries(self) -> list[Delivery]:
        """Return the deliveries, the earliest first."""
        return list(reversed(self.services.webhooks.deliveries(self.admin)))

    def jobs(self) -> int:
        """Return how many jobs to deliver were queued."""
        query = "SELECT COUNT(*) AS number FROM procrastinate_jobs WHERE task_name = 'deliver_webhooks'"
        return int(self.database.fetch(query)[0]["number"])


def verified(exchange: Exchange, *secrets: str) -> dict[str, Any]:
    """Return what was posted, verified by the reference implementation of Standard Webhooks with each secret."""
    headers = {name: str(exchange.header(name)) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    for secret in secrets:
        Webhook(secret).verify(exchange.body, headers)
    message: dict[str, Any] = json.loads(exchange.body)
    return message


@pytest.fixture
def office(database: Database) -> Office:
    """An office that may post to loopback addresses."""
    return Office(database)


@pytest.fixture
def admin(office: Office) -> Viewer:
    """The admin."""
    return office.admin


@pytest.fixture
def serve() -> Iterator[Callable[..., LoopbackServer]]:
    """A function that starts a server with scripts."""
    servers: list[LoopbackServer] = []

    def start(*scripts: Script) -> LoopbackServer:
        server = LoopbackServer(*scripts)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)
