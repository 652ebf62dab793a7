"""Calls merged from updates in any order, and tool calls with one answer each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from peterental.agents.model import Agent, AgentKey
from peterental.calls.model import CallHistory, CallUpdate, Outcome, ToolCall, ToolInvocation
from peterental.calls.service import CallService
from peterental.errors import Refusal
from peterental.messages.model import MessageDraft

if TYPE_CHECKING:
    from peterental.database.pool import Database

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KEY = AgentKey(assistant_id="assistant-ana", phone_number_id="phone-ana")


@pytest.fixture
def calls(database: Database) -> CallService:
    """The service, with Ana registered."""
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, vapi_assistant_id) VALUES ('ana', 'Ana', %s)", [KEY.assistant_id]
    )
    return CallService(database, lambda: NOW)


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


RINGING = CallUpdate(vapi_call_id="c", agent_key=KEY, status="ringing")
TALKING = CallUpdate(vapi_call_id="c", agent_key=KEY, status="in-progress", started_at=minutes(0.1))
ENDED = CallUpdate(
    vapi_call_id="c", status="ended", ended_at=minutes(5), ended_reason="hung-up", caller_number="+15550001111"
)
REPORT = CallUpdate(
    vapi_call_id="c", is_report=True, status="ended", started_at=minutes(0), ended_at=minutes(4), cost=0.08,
    ended_reason="customer-ended-call", summary="S", transcript="AI: hello", messages="[1]", structured_data='{"a": 1}',
    success_evaluation="true", recording_url="https://x", recordings='{"recordingUrl": "https://x"}',
)  # fmt: skip

UPDATES = {"ringing": RINGING, "talking": TALKING, "ended": ENDED, "report": REPORT}


@pytest.mark.parametrize(
    "order", sorted(set(permutations(["ringing", "talking", "ended", "report", "report"]))), ids="-".join
)
def test_updates_merge_in_any_order(calls: CallService, order: tuple[str, ...]) -> None:
    for name in order:
        calls.record_update(UPDATES[name])
    call = calls.get("c")
    assert call is not None
    assert (call.agent_id, call.assistant_id, call.caller_number) == ("ana", "assistant-ana", "+15550001111")
    assert (call.status, call.ended_reason, call.cost) == ("ended", "customer-ended-call", 0.08)
    assert call.duration == timedelta(minutes=4)
    assert (call.summary, call.transcript, call.messages, call.structured_data) == ("S", "AI: hello", [1], {"a": 1})
    assert (call.kind, call.recording_url, call.recordings) == ("call", "https://x", {"recordingUrl": "https://x"})


def test_call_without_agent_is_recorded(calls: CallService) -> None:
    calls.record_update(CallUpdate(vapi_call_id="c", agent_key=AgentKey(assistant_id="unheard-of")))
    call = calls.get("c")
    assert call is not None
    assert (call.agent_id, call.assistant_id, call.duration) == (None, "unheard-of", None)
    assert calls.get("another") is None


def invocation(tool_call_id: str = "t", call: str = "c", number: str | None = "+15550001111") -> ToolInvocation:
    return ToolInvocation(
        name="take_message", tool_call_id=tool_call_id, vapi_call_id=call, agent_key=KEY, caller_number=number
    )


def render(result: Outcome | Refusal, _: Agent | None, __: datetime) -> str:
    return repr(result)


def test_only_faults_are_overwritten(calls: CallService) -> None:
    calls.record_tool_call_alone(invocation(), answer="sorry", outcome="fault")
    answer = calls.take_message(invocation(), MessageDraft(body="hello"), render)
    calls.record_tool_call_alone(invocation(), answer="sorry again", outcome="fault")
    (stored,) = calls.tool_calls("c")
    assert (stored.answer, stored.outcome) == (answer, "message")


def test_tool_calls_without_call_differ_by_id(calls: CallService, database: Database) -> None:
    first = calls.take_message(invocation("a", call=""), MessageDraft(body="hello"), render)
    assert calls.take_message(invocation("a", call=""), MessageDraft(body="other"), render) == first
    calls.take_message(invocation("b", call=""), MessageDraft(body="hello"), render)
    assert database.fetch("SELECT body, vapi_call_id FROM messages") == [{"body": "hello", "vapi_call_id": None}] * 2


def test_empty_message_is_refused(calls: CallService, database: Database) -> None:
    assert "MessageMissing" in calls.take_message(invocation(), MessageDraft(body=""), render)
    assert database.fetch("SELECT * FROM messages") == []


def test_history_finds_identical_calls() -> None:
    def call(tool_call_id: str, outcome: str, appointment_id: int | None = None) -> ToolCall:
        return ToolCall(
            name="set_appointment", tool_call_id=tool_call_id, arguments={"a": 1}, answer=f"{tool_call_id}!",
            outcome=outcome, appointment_id=appointment_id, offered=(NOW,),
        )  # fmt: skip

    history = CallHistory(others=(call("x", "booked", 1), call("y", "refused"), call("z", "booked", 2)))
    assert history.offered == (NOW,)
    again = ToolInvocation(name="set_appointment", tool_call_id="n", arguments={"a": 1})
    assert history.answer_to_identical_call(again, "booked") == "z!"
    assert history.answer_to_identical_call(again, "cancelled") is None
    assert history.answer_to_identical_call(ToolInvocation(name="other", tool_call_id="n"), "booked") is None
