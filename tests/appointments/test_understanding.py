"""How phrases and recorded tool calls are explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from peterental.agents.model import Agent, AgentUnknown, Rules, Window
from peterental.appointments.model import Booked, OutsideHours, TimesOffered, TimeUnclear
from peterental.appointments.phone_requests import RequestContext
from peterental.appointments.understanding import explain_tool_calls, understand
from peterental.calls.model import ToolCall, ToolInvocation

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""Sunday, November 22, 2026, nine in the morning in Chicago."""
ANA = Agent(
    agent_id="ana", agent_name="Ana", rules=Rules(week=tuple((day, Window(9 * 60, 17 * 60)) for day in range(1, 6)))
)
MONDAY_AT_THREE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)


def context(agent: Agent | None = ANA) -> RequestContext:
    return RequestContext(now=NOW, invocation=ToolInvocation(name="set_appointment", tool_call_id="t"), agent=agent)


def recorded(name: str, **more: object) -> ToolCall:
    values = {
        "name": name,
        "tool_call_id": name,
        "arguments": {},
        "answer": "x",
        "outcome": "answered",
        "received_at": NOW,
    }
    return ToolCall(**values | more)  # type: ignore[arg-type]  # as named


def test_exact_time_would_be_booked() -> None:
    found = understand("tomorrow at 3 pm", context())
    assert isinstance(found.outcome, Booked)
    assert found.outcome.appointment.start == MONDAY_AT_THREE
    assert found.explanation.decision == "exactly Mon 2026-11-23 15:00"


@pytest.mark.parametrize(
    ("phrase", "outcome"),
    [("tomorrow after 3", TimesOffered), ("tomorrow at 9 pm", OutsideHours), ("blarg", TimeUnclear), ("", TimeUnclear)],
)
def test_other_phrases_have_their_outcome(phrase: str, outcome: type) -> None:
    assert isinstance(understand(phrase, context()).outcome, outcome)


def test_explanation_needs_an_agent() -> None:
    with pytest.raises(AgentUnknown):
        understand("tomorrow", context(None))


def test_recorded_tool_calls_are_read_with_the_offers_before_them() -> None:
    calls = (
        recorded(
            "get_availability",
            arguments={"date": "tomorrow"},
            offered=(MONDAY_AT_THREE - timedelta(hours=1), MONDAY_AT_THREE),
        ),
        recorded("set_appointment", arguments={"start_time": "the second one"}),
        recorded("reschedule_appointment", arguments={"start_time": None}),
        recorded("get_availability", tool_call_id="any"),
        recorded("cancel_appointment", arguments={"start_time": "tomorrow"}),
    )
    found = explain_tool_calls(calls, ANA)
    assert list(found) == ["get_availability", "set_appointment"]
    assert found["get_availability"].decision.startswith("search days=Mon 2026-11-23")
    assert found["set_appointment"].decision == "exactly Mon 2026-11-23 15:00"


def test_time_of_day_alone_is_explained() -> None:
    call = recorded("get_availability", arguments={"time_of_day": "after four"}, received_at=None)
    assert "16:00-24:00" in explain_tool_calls([call], ANA)["get_availability"].decision
