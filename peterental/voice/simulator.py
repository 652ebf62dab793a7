"""Answer a tool call by the same path as a call from Vapi, then roll back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from peterental.agents.model import Agent
from peterental.appointments.understanding import explain_tool_calls
from peterental.database import Database
from peterental.database.sandbox import rolled_back
from peterental.services import build_services
from peterental.voice import messages
from peterental.voice.webhook import MessageHandler


@dataclass(frozen=True, kw_only=True)
class SimulationResult:
    """The answer to a simulated tool call.

    Args:
        sentence: what the caller would hear.
        outcome: what it would have led to, one word of `ToolCall.outcome`; None where it was not recorded.
        request, reply: the JSON that Vapi would have sent and received.
        duration_ms: how long the answer took.
    """

    sentence: str
    outcome: str | None
    request: Mapping[str, Any]
    reply: Mapping[str, Any]
    duration_ms: float
    explanation: tuple[str, ...] = ()
    """How the times in the arguments were read, in lines; empty where there are none."""


def simulate_tool_call(
    database: Database,
    agent: Agent,
    tool: str,
    arguments: Mapping[str, object],
    *,
    caller_number: str | None,
    now: datetime,
) -> SimulationResult:
    """Answer a tool call as if it came from Vapi, and store nothing.

    Neither a booking nor a message, tool call or call is stored.

    Args:
        database: holds the bookings; every change to it is rolled back.
        agent: who is called; needs an assistant id or a phone number id, by which Vapi names agents.
        tool: the name of the tool.
        arguments: as the assistant would send them.
        caller_number: as the telephone network would send it; None for a withheld number.
        now: the time of the call, aware.
    """
    vapi_call_id = f"rehearsal-{uuid4()}"
    call = {"id": vapi_call_id, "assistantId": agent.vapi_assistant_id, "phoneNumberId": agent.phone_number_id}
    tool_call = {"id": "rehearsal", "function": {"name": tool, "arguments": arguments}}
    customer = {"number": caller_number}
    request = {"message": {"type": "tool-calls", "toolCallList": [tool_call], "call": call, "customer": customer}}
    envelope = messages.decode(json.dumps(request).encode())
    with rolled_back(database) as trial:
        services = build_services(trial, lambda: now, reads_calendars=False, promises_texts=False)
        began_s = time.perf_counter()
        reply = MessageHandler(services, lambda: now).answer(envelope, began_s)
        duration_ms = (time.perf_counter() - began_s) * 1000
        recorded = services.calls.tool_calls(vapi_call_id)
    explained = explain_tool_calls(recorded, agent)
    return SimulationResult(
        sentence=reply["results"][0]["result"],
        outcome=recorded[0].outcome if recorded else None,
        request=request,
        reply=reply,
        explanation=tuple(line for found in explained.values() for line in found.lines),
        duration_ms=duration_ms,
    )
