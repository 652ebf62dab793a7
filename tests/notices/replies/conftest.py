"""Fixtures: an office whose visitors text back."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from peterental.database.pool import Database
from peterental.notices.replies.model import IncomingText
from tests.notices.office import PHONE_NUMBER, Office


@dataclass
class Visitor:
    """A person with a phone.

    Args:
        office: whom it texts.
        number: of the phone.
    """

    office: Office
    number: str = PHONE_NUMBER
    _sids: Any = field(default_factory=lambda: itertools.count(1))

    def text(self, body: str, **changes: Any) -> IncomingText:
        """Return a text as the provider delivers it."""
        sid = f"SM{next(self._sids):032d}"
        return IncomingText(
            **({"provider_id": sid, "sender": self.number, "receiver": "+14055550100", "body": body} | changes)
        )

    def says(self, body: str, **changes: Any) -> list[str]:
        """Send a text; return what the phone is texted in answer."""
        self.office.services.replies.receive(self.text(body, **changes))
        return self.reads()

    def reads(self) -> list[str]:
        """Let the worker send what is due, and return the new texts to this phone."""
        before = len(self.office.texts.taken)
        for args in self.office.jobs():
            if "appointment_id" in args:
                self.office.send(args["appointment_id"])
            else:
                self.office.services.notice_sender.send(args["notice_id"])
        self.office.clock.forward(seconds=1)
        return [letter.body for letter in self.office.texts.taken[before:] if letter.recipient == self.number]

    def is_reminded(self, appointment_id: int) -> str:
        """Come to a day before a viewing, and return the reminder."""
        (row,) = self.office.database.fetch("SELECT start_time FROM appointments WHERE id = %s", [appointment_id])
        self.office.clock.now = row["start_time"] - timedelta(hours=23, minutes=59)
        self.office.services.reminders.plan()
        (reminder,) = self.reads()
        return reminder

    def viewing(self, appointment_id: int) -> tuple[str, bool]:
        """Return the status of a viewing, and whether its visitor confirmed it."""
        (row,) = self.office.database.fetch(
            "SELECT status, confirmed_at FROM appointments WHERE id = %s", [appointment_id]
        )
        return row["status"], row["confirmed_at"] is not None

    def messages(self) -> list[tuple[str, int | None]]:
        """Return the agent's messages by text, oldest first, and the viewings that they are attached to."""
        rows = self.office.database.fetch("SELECT body, appointment_id FROM messages ORDER BY message_id")
        return [(row["body"], row["appointment_id"]) for row in rows]

    def outcomes(self) -> list[str]:
        """Return what the texts were taken for, oldest first."""
        rows = self.office.database.fetch("SELECT understood_as FROM text_replies ORDER BY received_at, provider_id")
        return [row["understood_as"] for row in rows]


@pytest.fixture
def office(database: Database, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office with one agent."""
    return Office(database, monkeypatch)


@pytest.fixture
def visitor(office: Office) -> Visitor:
    """The person who has the number of the viewings."""
    return Visitor(office)


@pytest.fixture
def viewing(office: Office, visitor: Visitor) -> int:
    """A viewing that its visitor was told of by text."""
    appointment_id = office.book()
    (booked,) = visitor.reads()
    assert "12 Elm Street" in booked
    return appointment_id
