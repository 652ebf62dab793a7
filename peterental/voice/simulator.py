"""What a caller would hear: a tool call answered by the very path that Vapi's take, and then undone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from peterental.agents.model import Agent
from peterental.database import Database
from peterental.database.sandbox import rolled_back
from peterental.services import build_services
from peterental.voice import messages
from peterental.voice.webhook import MessageHandler


@dataclass(frozen=True, kw_only=True)
class SimulationResult:
    """How a tool call would have gone.

    Args:
        sentence: what the caller would hear.
        outcome: what it would have led to, one word of `ToolCall.outcome`; None where that could not be told.
        asked, reply: the JSON that Vapi would have sent and got.
        duration_ms: how long the answer took.
    """

    sentence: str
    outcome: str | None
    asked: Mapping[str, Any]
    reply: Mapping[str, Any]
    duration_ms: float


def simulate_tool_call(
    database: Database,
    agent: Agent,
    tool: str,
    arguments: Mapping[str, object],
    *,
    caller_number: str | None,
    now: datetime,
) -> SimulationResult:
    """Answer a tool call as if it came from Vapi, and keep nothing: no booking, no message, no tool call, no call.

    Args:
        database: whose bookings are looked at, and stay as they are.
        agent: whom the call is for; Vapi must be able to name it, by assistant or phone number.
        tool: the name of what the assistant asks for.
        arguments: what it asks with.
        caller_number: where the call comes from, as a network would write it; None for a withheld number.
        now: the moment at which it is asked, aware.
    """
    vapi_call_id = f"rehearsal-{uuid4()}"
    message = {
        "type": "tool-calls",
        "toolCallList": [{"id": "rehearsal", "function": {"name": tool, "arguments": arguments}}],
        "call": {
            "id": vapi_call_id,
            "assistantId": agent.vapi_assistant_id,
            "phoneNumberId": agent.phone_number_id,
        },
        "customer": {"number": caller_number},
    }
    asked = {"message": message}
    envelope = messages.decode(json.dumps(asked).encode())
    with rolled_back(database) as trial:
        services = build_services(trial, lambda: now)
        began_s = time.perf_counter()
        reply = MessageHandler(services, lambda: now).answer(envelope, began_s)
        duration_ms = (time.perf_counter() - began_s) * 1000
        kept = services.calls.tool_calls(vapi_call_id)
    return SimulationResult(
        sentence=reply["results"][0]["result"],
        outcome=kept[0].outcome if kept else None,
        asked=asked,
        reply=reply,
        duration_ms=duration_ms,
    )
