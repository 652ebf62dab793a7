"""Explain how a phrase is understood, and what it would lead to, without a phone call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.appointments.date_parsing import Explanation, explain
from peterental.appointments.model import Booked, BookingRequest
from peterental.appointments.phone_requests import check_start, new_booking, understood_start
from peterental.errors import Refusal

if TYPE_CHECKING:
    from peterental.appointments.date_parsing import Context
    from peterental.appointments.phone_requests import RequestContext
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
    parse_context = context.parse_context(BookingRequest(start_time=phrase))
    return Understanding(explain(phrase, parse_context), _outcome(phrase, context, parse_context))


def _outcome(phrase: str, context: RequestContext, parse_context: Context) -> Outcome | Refusal:
    availability = context.availability()
    try:
        found = understood_start(phrase, parse_context, availability, None)
        if not isinstance(found, datetime):
            return found.outcome
        check_start(availability, found)
    except Refusal as refusal:
        return refusal
    return Booked(new_booking(context, BookingRequest(), HOME, "", None, found))


def explain_tool_call(call: ToolCall, context: RequestContext) -> Explanation | None:
    """Return how the times in a recorded tool call were read; None for a tool without times, and where none was sent.

    The caller's own words are not recorded with it, so that a reading that they decided shows as a question.

    Args:
        call: the tool call.
        context: the agent, when the call was received, and the earlier tool calls of its phone call.
    """
    arguments = call.arguments
    parse_context = context.parse_context(BookingRequest())
    if call.name == "get_availability" and (arguments.get("date") or arguments.get("time_of_day")):
        return explain(arguments.get("date"), parse_context, "search", arguments.get("time_of_day"))
    if call.name in {"set_appointment", "reschedule_appointment"} and arguments.get("start_time") is not None:
        return explain(arguments["start_time"], parse_context)
    return None
