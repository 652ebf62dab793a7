"""Ana's phone, where texts can be sent, and a Monday on which every time is taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.database.pool import Database
from peterental.services import Services
from tests.voice.phone import ANA, Clock, Phone, register_agents, services_on, webhook

MONDAY_10AM = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
"""Ten in the morning of the next day, in Chicago."""

HALF_HOUR = timedelta(minutes=30)


@dataclass
class Office:
    """Ana, her callers, and what she has booked."""

    database: Database
    services: Services
    clock: Clock
    bookings: dict[datetime, int] = field(default_factory=dict)

    def caller(self, last_digits: int, call: str | None = None, line: str = ANA) -> Phone:
        """Return the phone of a caller, of Ana's line unless another is named."""
        client = webhook(self.services, self.clock)
        number = f"+1405555{last_digits:04}"
        return Phone(client, call_id=call or f"call-of-{last_digits}", assistant_id=line, number=number)

    def book(
        self, start: datetime, *, length: timedelta = HALF_HOUR, agent: str = "ana", home: int | None = None
    ) -> int:
        """Insert a confirmed viewing, of Ana's unless another is named, of a visitor without a number."""
        row = self.database.fetch(
            """
            INSERT INTO appointments (
                agent_id, property_id, property_address, start_time, end_time, blocked_until, attendee_name, created_at,
                updated_at
            )
            VALUES (%(agent)s, %(home)s, '9 Oak Street', %(start)s, %(end)s, %(end)s, 'Kim Lee', %(now)s, %(now)s)
            RETURNING id
            """,
            {"start": start, "end": start + length, "now": self.clock.now, "agent": agent, "home": home},
        )[0]
        if agent == "ana":
            self.bookings[start] = row["id"]
        return int(row["id"])

    def cancel(self, start: datetime) -> None:
        """Cancel a viewing of Ana's, as a phone call does."""
        self.cancel_viewing(self.bookings.pop(start))

    def cancel_viewing(self, appointment_id: int) -> None:
        """Cancel a viewing, as a phone call does."""
        self.database.fetch(
            """
            WITH changed AS (UPDATE appointments SET status = 'cancelled' WHERE id = %(id)s RETURNING id, start_time)
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start)
            SELECT id, %(now)s, 'cancelled', 'phone', start_time FROM changed
            """,
            {"id": appointment_id, "now": self.clock.now},
        )

    def join(self, last_digits: int, **arguments: str) -> str:
        """Ask for a place on the waitlist for Monday morning, unless the arguments say otherwise."""
        wish = {"property_address": "12 Elm Street", "attendee_name": f"Mia Caller{last_digits}", "date": "Monday"}
        return self.caller(last_digits).say("join_waitlist", wish | {"time_of_day": "morning"} | arguments)

    def entries(self) -> list[dict[str, Any]]:
        """Return the waitlist, first come first."""
        return self.database.fetch("SELECT * FROM waitlist ORDER BY entry_id")

    def states(self) -> list[str]:
        """Return the states of the entries, first come first."""
        return [row["state"] for row in self.entries()]

    def texts(self) -> list[dict[str, Any]]:
        """Return the offers in the outbox, in the order in which they were made."""
        return self.database.fetch("SELECT * FROM notices WHERE kind = 'waitlist_offer' ORDER BY notice_id")

    def hand_over(self, state: str = "sent") -> None:
        """Mark the texts that wait as handed over to the provider."""
        self.database.fetch(
            "UPDATE notices SET state = %s, handed_over_at = %s, ended_at = %s WHERE state = 'waiting'",
            (state, self.clock.now, self.clock.now),
        )

    def offer(self, agent_id: str = "ana") -> int:
        """Run the job that offers, and hand its texts over."""
        made = self.services.waitlist.offer(agent_id)
        self.hand_over()
        return made

    def jobs(self) -> list[str]:
        """Return the agents whose offers are queued, in the order in which they are."""
        rows = self.database.fetch(
            "SELECT args ->> 'agent_id' AS agent FROM procrastinate_jobs WHERE task_name = 'offer_waitlist' ORDER BY id"
        )
        return [row["agent"] for row in rows]

    def viewings(self) -> list[dict[str, Any]]:
        """Return the confirmed viewings of the callers, in the order in which they were booked."""
        return self.database.fetch(
            "SELECT * FROM appointments WHERE status = 'confirmed' AND attendee_name <> 'Kim Lee' ORDER BY id"
        )


@pytest.fixture
def office(database: Database) -> Office:
    """The office on a Sunday morning, with texts, and Monday from nine to one taken."""
    clock = Clock()
    register_agents(database)
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', FALSE)")
    office = Office(database, services_on(database, clock), clock)
    for half_hours in range(8):
        office.book(MONDAY_10AM - 2 * HALF_HOUR + half_hours * HALF_HOUR)
    return office
