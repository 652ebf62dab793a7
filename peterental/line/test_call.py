"""A scripted call through the code of the webhook, in a transaction that is rolled back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from peterental.calls.lookup import HOME_QUESTION
from peterental.database.sandbox import rolled_back
from peterental.services import build_services
from peterental.voice import messages
from peterental.voice.webhook import MessageHandler

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.database.pool import Database
    from peterental.services import Services

HOME = "1 Test Street"
CALLER_NAME = "Test Caller"
CALLER_NUMBER = "+14055550199"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One tool call of the test call.

    Args:
        caller: what the caller would say.
        assistant: what the caller would hear.
        outcome: what it would have led to, one word of `ToolCall.outcome`; None where it was not recorded.
        duration_ms: how long the answer took.
    """

    caller: str
    assistant: str
    outcome: str | None
    duration_ms: float


@dataclass(frozen=True, kw_only=True)
class PlayedCall:
    """A test call.

    Args:
        exchanges: in order; a call that is offered no time leaves a message instead of booking.
        is_recorded: whether the call would appear among the calls of the agent.
    """

    exchanges: tuple[Exchange, ...]
    is_recorded: bool

    @property
    def booked(self) -> bool:
        """Whether a viewing would have been booked."""
        return any(each.outcome == "booked" for each in self.exchanges)

    @property
    def has_fault(self) -> bool:
        """Whether a tool call failed: the caller heard an apology."""
        return any(each.outcome in {"fault", None} for each in self.exchanges)


def play_test_call(database: Database, agent: Agent, now: datetime) -> PlayedCall:
    """Answer a scripted call as if it came from Vapi, and store nothing.

    Calendars are not read again, and no notice is sent.

    Args:
        database: holds the bookings; every change to it is rolled back.
        agent: who is called; needs an assistant id or a phone number id, by which Vapi names agents.
        now: the time of the call, aware.
    """
    with rolled_back(database) as trial:
        services = build_services(trial, lambda: now, reads_calendars=False, promises_texts=False)
        call = _Call(services, agent, now)
        call.report("status-update", status="in-progress")
        call.say("Do you have a time to see a home?", "get_availability", property_address=HOME)
        if call.is_asked_about_home():  # the office has a catalogue, and the home of the test is not in it
            call.say("Yes, that is the address.", "get_availability", property_address=HOME)
        start = call.offered()
        if start is None:
            call.say("Please call me back.", "take_message", message="A test call", attendee_name=CALLER_NAME)
        else:
            local = start.astimezone(agent.zone).replace(tzinfo=None).isoformat()
            call.say(
                "I take the first one.",
                "set_appointment",
                property_address=HOME,
                start_time=local,
                attendee_name=CALLER_NAME,
            )
            call.say("When is my viewing?", "find_appointment", attendee_name=CALLER_NAME)
            call.say("I cannot come after all.", "cancel_appointment", attendee_name=CALLER_NAME)
        call.report("end-of-call-report", endedReason="customer-ended-call")
        recorded = services.calls.get(call.vapi_call_id)
    is_recorded = recorded is not None and recorded.agent_id == agent.agent_id and recorded.status == "ended"
    return PlayedCall(exchanges=tuple(call.exchanges), is_recorded=is_recorded)


class _Call:
    """The messages of one call."""

    def __init__(self, services: Services, agent: Agent, now: datetime) -> None:
        self._services = services
        self._agent = agent
        self._handler = MessageHandler(services, lambda: now)
        self.vapi_call_id = f"test-{uuid4()}"
        self.exchanges: list[Exchange] = []

    def say(self, caller: str, tool: str, **arguments: str) -> None:
        """Let the assistant call a tool."""
        tool_call_id = f"test-{len(self.exchanges)}"
        request = {"id": tool_call_id, "function": {"name": tool, "arguments": arguments}}
        began_s = time.perf_counter()
        reply = self._send("tool-calls", toolCallList=[request])
        duration_ms = (time.perf_counter() - began_s) * 1000
        recorded = self._services.calls.tool_calls(self.vapi_call_id)
        outcome = next((each.outcome for each in recorded if each.tool_call_id == tool_call_id), None)
        self.exchanges.append(
            Exchange(caller=caller, assistant=reply["results"][0]["result"], outcome=outcome, duration_ms=duration_ms)
        )

    def offered(self) -> datetime | None:
        """Return the first time that the last answer offered."""
        recorded = self._services.calls.tool_calls(self.vapi_call_id)
        return next((start for each in recorded[-1:] for start in each.offered), None)

    def is_asked_about_home(self) -> bool:
        """Return whether the last answer asked which home is meant."""
        recorded = self._services.calls.tool_calls(self.vapi_call_id)
        return any((each.asked or "").startswith(HOME_QUESTION) for each in recorded[-1:])

    def report(self, kind: str, **fields: Any) -> None:
        """Send a status update or a report."""
        self._send(kind, **fields)

    def _send(self, kind: str, **fields: Any) -> Mapping[str, Any]:
        message = {
            "type": kind,
            **fields,
            "call": {
                "id": self.vapi_call_id,
                "assistantId": self._agent.vapi_assistant_id,
                "phoneNumberId": self._agent.phone_number_id,
            },
            "customer": {"number": CALLER_NUMBER},
        }
        envelope = messages.decode(json.dumps({"message": message}).encode())
        return self._handler.answer(envelope, time.perf_counter())
