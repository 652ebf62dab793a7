"""What the robot may ask of us: tool name → typed arguments → service → sentence."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from peterental.appointments.model import BookingRequest
from peterental.calls.model import MessageDraft, ToolInvocation
from peterental.voice import responses
from peterental.voice.sanitize import single_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peterental.services import Services
    from peterental.voice.messages import Envelope, ToolRequest

log = logging.getLogger(__name__)

LONGEST_NAME = 255
LONGEST_ADDRESS = 500
LONGEST_PHONE = 50

_NOTHING_GIVEN = frozenset(
    ("null", "none", "undefined", "n/a", "unknown", "not provided", "not given", "not specified", "unspecified")
)


def delivery_of(request: ToolRequest, envelope: Envelope, began_s: float) -> ToolInvocation:
    """Say which tool call of which phone call this is; who calls whom comes from the envelope, never from arguments."""
    return ToolInvocation(
        name=request.name,
        tool_call_id=request.tool_call_id,
        arguments=request.arguments,
        vapi_call_id=envelope.vapi_call_id,
        agent_key=envelope.agent_key,
        caller_number=envelope.caller_number,
        began_s=began_s,
    )


def answer(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    """Give the sentence for one tool call.

    Raises what the services raise of faults; refusals are sentences already.
    """
    tool = _TOOLS.get(delivery.name)
    return tool(services, delivery, envelope) if tool else _unknown(services, delivery)


def _get_availability(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    return services.appointments.availability(delivery, _wish(delivery.arguments, envelope), responses.say)


def _set_appointment(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    return services.appointments.book(delivery, _wish(delivery.arguments, envelope), responses.say)


def _reschedule_appointment(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    return services.appointments.reschedule(delivery, _wish(delivery.arguments, envelope), responses.say)


def _cancel_appointment(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    return services.appointments.cancel(delivery, _wish(delivery.arguments, envelope), responses.say)


def _find_appointment(services: Services, delivery: ToolInvocation, envelope: Envelope) -> str:
    return services.appointments.find(delivery, _wish(delivery.arguments, envelope), responses.say)


def _take_message(services: Services, delivery: ToolInvocation, _: Envelope) -> str:
    lead = MessageDraft(
        body=_text(delivery.arguments, "message") or "",
        attendee_name=_text(delivery.arguments, "attendee_name", LONGEST_NAME),
        attendee_phone=_phone(delivery.arguments),
    )
    return services.calls.take_message(delivery, lead, responses.say)


def _unknown(services: Services, delivery: ToolInvocation) -> str:
    log.warning("Asked for an unknown tool: %r", delivery.name, extra={"call_id": delivery.vapi_call_id})
    services.calls.record_tool_call_alone(delivery, answer=responses.UNKNOWN_TOOL, outcome="unknown tool")
    return responses.UNKNOWN_TOOL


_TOOLS: Mapping[str, Callable[[Services, ToolInvocation, Envelope], str]] = {
    "get_availability": _get_availability,
    "set_appointment": _set_appointment,
    "reschedule_appointment": _reschedule_appointment,
    "cancel_appointment": _cancel_appointment,
    "find_appointment": _find_appointment,
    "take_message": _take_message,
}


def _wish(arguments: Mapping[str, object], envelope: Envelope) -> BookingRequest:
    """Take the arguments of a tool about viewings; missing or of the wrong type is None, what is more is let be."""
    return BookingRequest(
        property_address=_text(arguments, "property_address", LONGEST_ADDRESS),
        start_time=arguments.get("start_time"),
        date=_given(arguments, "date"),
        time_of_day=_given(arguments, "time_of_day"),
        attendee_name=_text(arguments, "attendee_name", LONGEST_NAME),
        attendee_email=_text(arguments, "attendee_email", LONGEST_NAME),
        attendee_phone=_phone(arguments),
        said=envelope.caller_lines,
    )


def _given(arguments: Mapping[str, object], name: str) -> object:
    """Give an argument; None for a word that models fill in where they have nothing to say."""
    value = arguments.get(name)
    return None if isinstance(value, str) and value.strip().casefold() in _NOTHING_GIVEN else value


def _phone(arguments: Mapping[str, object]) -> str | None:
    """Give the number to call back on, which models may write as a number."""
    value = arguments.get("attendee_phone")
    return str(value) if type(value) is int else _text(arguments, "attendee_phone", LONGEST_PHONE)


def _text(arguments: Mapping[str, object], name: str, limit: int | None = None) -> str | None:
    value = _given(arguments, name)
    return single_line(value, limit) if limit else single_line(value)
