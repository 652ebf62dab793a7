"""Explain how a phrase is understood, and what it would lead to, without a phone call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.appointments.date_parsing import Explanation, explain
from peterental.appointments.home_choice import HomeChoice
from peterental.appointments.model import Booked, BookingRequest
from peterental.appointments.new_booking import new_booking
from peterental.appointments.phone_requests import TIME_TOOLS, RequestContext, understood_start
from peterental.appointments.start_check import check_start
from peterental.calls.model import CallHistory, ToolInvocation
from peterental.clock import utc_now
from peterental.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.agents.model import Agent
    from peterental.appointments.availability import Availability
    from peterental.appointments.date_parsing import Context
    from peterental.calls.model import Outcome, ToolCall

HOME = "that home"
"""Stands in for the address in the sentence of an example."""


@dataclass(frozen=True)
class Understanding:
    """What a phrase means as a `start_time`, and what it leads to.

    Args:
        explanation: tokens, readings with their reasons, and the decision.
        outcome: what the caller would be answered; nothing is booked.
    """

    explanation: Explanation
    outcome: Outcome | Refusal


def understand(phrase: str, context: RequestContext) -> Understanding:
    """Return how a phrase is read as the `start_time` of `set_appointment`, and the outcome.

    Args:
        phrase: as an assistant would send it.
        context: the agent with its schedule, and the current time. Raises AgentUnknown without an agent.
    """
    try:
        availability = context.availability()
    except Refusal as refusal:
        return Understanding(explain(phrase, context.parse_context(BookingRequest(start_time=phrase))), refusal)
    parse_context = context.parse_context(BookingRequest(start_time=phrase), rules=availability.rules)
    return Understanding(explain(phrase, parse_context), _outcome(phrase, context, parse_context, availability))


def _outcome(
    phrase: str, context: RequestContext, parse_context: Context, availability: Availability
) -> Outcome | Refusal:
    try:
        found = understood_start(phrase, parse_context, availability, None)
        if not isinstance(found, datetime):
            return found.outcome
        check_start(availability, found)
    except Refusal as refusal:
        return refusal
    return Booked(new_booking(context, BookingRequest(), HomeChoice(HOME), "", None, found, availability))


def explain_tool_calls(calls: Sequence[ToolCall], agent: Agent) -> dict[str, Explanation]:
    """Return how the times in the recorded tool calls of one phone call were read, by the tool call's id.

    The caller's own words are not recorded with them: a reading that those words decided shows as a question. The
    agent's present rules count.

    Args:
        calls: in the order in which they were answered.
        agent: who was called.
    """
    found: dict[str, Explanation] = {}
    for place, call in enumerate(calls):
        context = RequestContext(
            now=call.received_at or utc_now(),
            invocation=ToolInvocation(name=call.name, tool_call_id=call.tool_call_id),
            agent=agent,
            call_history=CallHistory(others=tuple(calls[:place])),
        )
        explanation = _explained(call, context.parse_context(BookingRequest()))
        if explanation is not None:
            found[call.tool_call_id] = explanation
    return found


def _explained(call: ToolCall, context: Context) -> Explanation | None:
    """Return None for a tool without times, and where none was sent."""
    arguments = call.arguments
    if call.name == "get_availability" and (arguments.get("date") or arguments.get("time_of_day")):
        return explain(arguments.get("date"), context, "search", arguments.get("time_of_day"))
    if call.name in TIME_TOOLS and arguments.get("start_time") is not None:
        return explain(arguments["start_time"], context)
    return None
