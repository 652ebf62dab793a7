"""Concurrent messages of one phone call make one row and no deadlock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from peterental.agents.model import Agent, AgentKey
from peterental.appointments.model import BookingRequest
from peterental.calls.model import CallUpdate, Outcome, ToolInvocation
from peterental.database.pool import Database
from peterental.errors import Refusal
from peterental.messages.model import MessageDraft
from peterental.services import Services, build_services
from tests.together import at_once

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KEY = AgentKey(assistant_id="assistant-ana")
DOLORES = "+15550142100"
ROUNDS = 5


@dataclass
class Line:
    """The services, and the phone call that all messages belong to."""

    services: Services
    database: Database
    call_id: str = "c"

    def invocation(self, name: str, number: int) -> ToolInvocation:
        return ToolInvocation(
            name=name,
            tool_call_id=f"{name}-{number}",
            vapi_call_id=self.call_id,
            agent_key=KEY,
            caller_number=DOLORES,
        )

    def ask(self, number: int) -> str:
        return self.services.appointments.availability(
            self.invocation("get_availability", number), BookingRequest(), render
        )

    def book(self, number: int) -> str:
        start = f"2026-11-{23 + number // 8:02}T{9 + number % 8:02}:00"
        request = BookingRequest(property_address=f"{number} Elm Street", attendee_name="Dolores", start_time=start)
        return self.services.appointments.book(self.invocation("set_appointment", number), request, render)

    def leave(self, number: int) -> str:
        draft = MessageDraft(body=f"message {number}")
        return self.services.calls.take_message(self.invocation("take_message", number), draft, render)

    def update(self, number: int) -> str:
        status = ("ringing", "in-progress", "ended")[number % 3]
        update = CallUpdate(vapi_call_id=self.call_id, agent_key=KEY, status=status, caller_number=DOLORES)
        self.services.calls.record_update(update)
        return "recorded"

    def report(self, number: int) -> str:
        update = CallUpdate(
            vapi_call_id=self.call_id,
            agent_key=KEY,
            is_report=True,
            status="ended",
            ended_at=NOW + timedelta(minutes=number),
            caller_number=DOLORES,
            summary="S",
        )
        self.services.calls.record_update(update)
        return "recorded"


def render(result: Outcome | Refusal, _: Agent | None, __: datetime) -> str:
    return type(result).__name__


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    """A line to Ana."""
    database = Database(database_url, pool_size=8)
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', %s)", [KEY.assistant_id]
    )
    yield Line(build_services(database, lambda: NOW), database)
    database.close()


def test_concurrent_updates_make_one_call(line: Line) -> None:
    for number in range(ROUNDS):
        line.call_id = f"call-{number}"
        sides = (line.ask, line.book, line.leave, line.update, line.report)
        first = number * 8
        answers = at_once([partial(side, first + turn) for turn in range(8) for side in sides])
        # A booking that is decided after the report is a late delivery.
        assert set(answers) - {"Booked", "CallEnded"} == {"MessageTaken", "TimesOffered", "recorded"}
        (call,) = line.database.fetch(
            "SELECT agent_id, caller_number, status, summary FROM calls WHERE vapi_call_id = %s", [line.call_id]
        )
        assert list(call.values()) == ["ana", DOLORES, "ended", "S"]
        (stored,) = line.database.fetch(
            "SELECT COUNT(*) AS number, bool_and(agent_id = 'ana') AS anas FROM tool_calls WHERE vapi_call_id = %s",
            [line.call_id],
        )
        assert stored == {"number": 24, "anas": True}
    assert line.database.fetch("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [
        {"deadlocks": 0}
    ]
