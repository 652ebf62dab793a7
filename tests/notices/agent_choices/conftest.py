"""Nora, an agent with a user and a phone, where e-mails and texts can be sent; what was written is composed at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices.agent_choices.model import Contact, Timing
from peterental.notices.agent_letters import AgentLetters
from peterental.notices.model import AgentKind, Channel, Letter, Notice
from peterental.notices.repository import NOTICE, notice_of
from peterental.services import Services, build_services
from tests.voice.phone import Clock

ADMIN = Viewer(1, "office@example.com", is_admin=True)
SUNDAY_9AM = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""In Chicago."""

NUMBER = "+14055550123"


@dataclass
class Desk:
    """Nora, the calls and viewings of her day, and what she is told."""

    database: Database
    services: Services
    clock: Clock

    @property
    def letters(self) -> AgentLetters:
        """The composer of her letters."""
        composer = self.services.notice_sender._composers["agent_morning_list"]
        assert isinstance(composer, AgentLetters)
        return composer

    def choose(self, kind: AgentKind, channel: Channel, timing: Timing, phone: str | None = NUMBER) -> None:
        """Choose how Nora is told of a kind; the morning list is on."""
        choices: dict[tuple[AgentKind, Channel], Timing] = {("agent_morning_list", channel): "now"}
        choices[kind, channel] = timing
        self.services.agent_notices.change("nora", Contact(phone=phone), choices, ADMIN)

    def plan(self) -> int:
        """Run the task of each minute."""
        return self.services.agent_notice_planner.plan()

    def notices(self, kind: str) -> list[Notice]:
        """Return the notices of a kind, in the order in which they were written."""
        rows = self.database.fetch(f"SELECT {NOTICE} FROM notices WHERE kind = %s ORDER BY notice_id", [kind])
        return [notice_of(row) for row in rows]

    def recipients(self, kind: str) -> list[tuple[str, str]]:
        """Return channel and recipient of the notices of a kind."""
        return sorted((notice.channel, notice.recipient) for notice in self.notices(kind))

    def letter(self, kind: str, channel: Channel = "email") -> Letter:
        """Compose the only notice of a kind by a channel."""
        (notice,) = [notice for notice in self.notices(kind) if notice.channel == channel]
        with self.database.transaction() as connection:
            self.letters.require_true(connection, notice)
        return self.letters.compose(notice)

    def book(self, start: datetime, *, actor: str = "phone", name: str = "Mia Chen", confirmed: bool = False) -> int:
        """Book a viewing as the phone does, or a user."""
        row = self.database.fetch(
            """
            WITH booked AS (
                INSERT INTO appointments (
                    agent_id, property_address, start_time, end_time, attendee_name, caller_number, confirmed_at,
                    created_at, updated_at
                )
                VALUES ('nora', '12 Elm Street', %(start)s, %(end)s, %(name)s, '+14055550177', %(confirmed_at)s,
                        %(now)s, %(now)s)
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, new_start)
            SELECT id, %(now)s, 'booked', %(actor)s, %(start)s FROM booked
            RETURNING appointment_id
            """,
            {
                "start": start,
                "end": start + timedelta(minutes=30),
                "name": name,
                "confirmed_at": self.clock.now if confirmed else None,
                "now": self.clock.now,
                "actor": actor,
            },
        )[0]
        return int(row["appointment_id"])

    def change(self, appointment_id: int, kind: str, status: str = "cancelled", actor: str = "phone") -> None:
        """Change the status of a viewing, with the event of its history."""
        self.database.fetch(
            """
            WITH changed AS (UPDATE appointments SET status = %(status)s WHERE id = %(id)s RETURNING id, start_time)
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, old_start)
            SELECT id, %(now)s, %(kind)s, %(actor)s, start_time FROM changed
            """,
            {"id": appointment_id, "kind": kind, "status": status, "actor": actor, "now": self.clock.now},
        )

    def ring(self, call_id: str, outcomes: list[str], *, agreed: bool = False, **columns: Any) -> None:
        """Insert a call to Nora that ended two minutes ago."""
        now = self.clock.now
        values = {
            "vapi_call_id": call_id,
            "agent_id": "nora",
            "status": "ended",
            "caller_number": "+14055550188",
            "started_at": now - timedelta(minutes=5),
            "ended_at": now - timedelta(minutes=2),
            "outcomes": outcomes,
            "agreed": agreed,
        } | columns
        names = ", ".join(values)
        places = ", ".join(f"%({name})s" for name in values)
        self.database.fetch(f"INSERT INTO calls ({names}) VALUES ({places})", values)

    def leave(self, body: str = "Wants a viewing.", *, urgent: bool = True) -> int:
        """Leave a message for Nora."""
        row = self.database.fetch(
            """
            INSERT INTO messages (agent_id, body, attendee_name, attendee_phone, received_at, is_urgent)
            VALUES ('nora', %s, 'Bo Diaz', '+14055550199', %s, %s)
            RETURNING message_id
            """,
            (body, self.clock.now, urgent),
        )[0]
        return int(row["message_id"])

    def fail_calendar(self, *, minutes_ago: int, state: str = "connected") -> int:
        """Connect a calendar account that has failed for a while."""
        row = self.database.fetch(
            """
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials, state, problem, failed_since)
            VALUES ('nora', 'caldav', 'nora@example.com', 'x', %s, 'The server does not answer.', %s)
            RETURNING account_id
            """,
            (state, self.clock.now - timedelta(minutes=minutes_ago)),
        )[0]
        return int(row["account_id"])


@pytest.fixture
def desk(database: Database) -> Desk:
    """Nora's desk on a Sunday at nine in the morning."""
    clock = Clock(SUNDAY_9AM)
    config = Config(secret_key="a key for tests, long enough to be one", public_url="https://rent.example.com")
    services = build_services(database, clock, config)
    owner = services.users.create("nora@example.com", "correct horse battery", "agent", "Nora Castillo")
    services.agents.create(Profile(agent_name="Nora Castillo", user_id=owner.user_id), ADMIN, "nora")
    database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', FALSE), ('email', 'a@b.c', FALSE)"
    )
    return Desk(database, services, clock)
