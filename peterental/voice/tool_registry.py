"""The tools that an assistant can call: declarations, labels and handlers.

A tool is declared here once. `flask vapi-tools` prints the declarations for Vapi, the webhook dispatches tool calls to
the handlers, and the pages take the labels.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peterental.calls.model import ToolInvocation, content_id
from peterental.voice import speech
from peterental.voice.arguments import booking_request, message_draft, searched_homes

if TYPE_CHECKING:
    from peterental.appointments.model import BookingRequest
    from peterental.appointments.phone_service import PhoneBookingService
    from peterental.calls.model import Render
    from peterental.services import Services
    from peterental.voice.messages import Envelope, ToolRequest

log = logging.getLogger(__name__)

TIMEOUT_S = 20
"""How long Vapi waits for an answer. An answer takes milliseconds; an apology takes three seconds at most."""

Handler = Callable[["Services", ToolInvocation, "Envelope"], str]
"""Answers a tool call with the sentence that the caller hears; raises what the services raise of faults."""


@dataclass(frozen=True)
class ArgumentSpec:
    """An argument of one or several tools. All arguments are strings.

    Args:
        name: the key in a tool call's arguments.
        label: what the pages call it.
        description: tells the language model what to send.
    """

    name: str
    label: str
    description: str


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """A tool.

    Args:
        name: as Vapi knows it.
        label: what it does, in a word or two.
        request_label: what a call that used it asked for, for the pages about calls.
        description: tells the language model when to call it.
        arguments: what it takes, in the order of a form.
        required: the names of the arguments that the model must send.
        handler: answers a tool call.
    """

    name: str
    label: str
    request_label: str
    description: str
    arguments: tuple[ArgumentSpec, ...]
    required: tuple[str, ...] = ()
    handler: Handler

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments as a JSON schema."""
        return {
            "type": "object",
            "properties": {
                argument.name: {"type": "string", "description": argument.description} for argument in self.arguments
            },
            "required": list(self.required),
        }


_ADDRESS = ArgumentSpec("property_address", "Home", "The street address of the home, as the caller said it.")
_START = ArgumentSpec(
    "start_time",
    "Time",
    "The time to start: one that get_availability offered, as local time without an offset, such as"
    " 2026-03-17T14:30:00; or the caller's own words, such as 'next Tuesday at three'.",
)
_DATE = ArgumentSpec("date", "Day", "The day asked for: the caller's words ('tomorrow', 'next Tuesday') or 2026-03-17.")
_TIME_OF_DAY = ArgumentSpec(
    "time_of_day", "Time of day", "Part of the day or hour asked for, such as 'morning' or 'after four'."
)
_NAME = ArgumentSpec("attendee_name", "Name", "The visitor's full name, as the caller said it.")
_PHONE = ArgumentSpec("attendee_phone", "Phone number given", "A number to call back on, only if the caller gave one.")
_EMAIL = ArgumentSpec("attendee_email", "E-mail given", "Only if the caller gave one.")
_BEDROOMS = ArgumentSpec("bedrooms", "Bedrooms", "How many bedrooms, such as 'two', 'a studio' or 'at least three'.")
_MAX_RENT = ArgumentSpec("max_rent", "Rent up to", "The most that the rent may be a month, such as 'fifteen hundred'.")
_AREA = ArgumentSpec(
    "area", "Area", "A street or a city, and anything else that the caller asks of the home, such as 'pets'."
)
_MESSAGE = ArgumentSpec("message", "Message", "What the agent should know, in the caller's words.")


def _booking_handler(
    choose: Callable[[PhoneBookingService], Callable[[ToolInvocation, BookingRequest, Render], str]],
) -> Handler:
    """Return the handler of a tool about viewings.

    Args:
        choose: picks the method of the service that answers it.
    """

    def handle(services: Services, invocation: ToolInvocation, envelope: Envelope) -> str:
        request = booking_request(invocation.arguments, envelope)
        return choose(services.appointments)(invocation, request, speech.render)

    return handle


def _join_waitlist(services: Services, invocation: ToolInvocation, envelope: Envelope) -> str:
    return services.waitlist.join(invocation, booking_request(invocation.arguments, envelope), speech.render)


def _find_property(services: Services, invocation: ToolInvocation, _: Envelope) -> str:
    return services.appointments.find_homes(invocation, searched_homes(invocation.arguments), speech.render)


def _take_message(services: Services, invocation: ToolInvocation, _: Envelope) -> str:
    return services.calls.take_message(invocation, message_draft(invocation.arguments), speech.render)


TOOLS = (
    ToolSpec(
        name="get_availability",
        label="Free times",
        request_label="Asked for free times",
        description=(
            "Return free times for a viewing. Call it before you offer or agree to any time."
            " Read the answer out word for word."
        ),
        arguments=(_ADDRESS, _DATE, _TIME_OF_DAY),
        handler=_booking_handler(lambda appointments: appointments.availability),
    ),
    ToolSpec(
        name="set_appointment",
        label="Book",
        request_label="Asked to book",
        description=(
            "Book a viewing. Only what the answer says is booked; if it offers other times, ask the caller to choose."
        ),
        arguments=(_ADDRESS, _START, _NAME, _PHONE, _EMAIL),
        required=("property_address", "start_time", "attendee_name"),
        handler=_booking_handler(lambda appointments: appointments.book),
    ),
    ToolSpec(
        name="find_appointment",
        label="Find",
        request_label="Asked about own viewings",
        description="Look up the caller's own upcoming viewings. Ask for the name or the address first.",
        arguments=(_NAME, _ADDRESS),
        handler=_booking_handler(lambda appointments: appointments.find),
    ),
    ToolSpec(
        name="reschedule_appointment",
        label="Move",
        request_label="Asked to move a viewing",
        description=(
            "Move the caller's own viewing to another time. If that time is not free, the viewing keeps its old time."
        ),
        arguments=(_START, _ADDRESS, _NAME),
        required=("start_time",),
        handler=_booking_handler(lambda appointments: appointments.reschedule),
    ),
    ToolSpec(
        name="cancel_appointment",
        label="Cancel",
        request_label="Asked to cancel a viewing",
        description="Cancel the caller's own viewing.",
        arguments=(_ADDRESS, _NAME),
        handler=_booking_handler(lambda appointments: appointments.cancel),
    ),
    ToolSpec(
        name="join_waitlist",
        label="Waiting list",
        request_label="Asked to be told of a free time",
        description=(
            "Note a caller who wants a time that is taken: if it frees up, the caller gets a text and fifteen minutes"
            " to take it. Use it only if no time that get_availability offers suits."
        ),
        arguments=(_ADDRESS, _DATE, _TIME_OF_DAY, _NAME, _PHONE),
        required=("property_address", "attendee_name"),
        handler=_join_waitlist,
    ),
    ToolSpec(
        name="find_property",
        label="Homes",
        request_label="Asked which homes there are",
        description=(
            "Name homes that can be viewed, by bedrooms, rent and area. Call it when the caller asks what there is;"
            " not for a home that the caller names already."
        ),
        arguments=(_BEDROOMS, _MAX_RENT, _AREA),
        handler=_find_property,
    ),
    ToolSpec(
        name="take_message",
        label="Message",
        request_label="Left a message",
        description=(
            "Take a message for the agent, who calls back. Use it when nothing else helps or the caller wants a person."
        ),
        arguments=(_MESSAGE, _NAME, _PHONE),
        required=("message",),
        handler=_take_message,
    ),
)

TOOLS_BY_NAME: Mapping[str, ToolSpec] = {tool.name: tool for tool in TOOLS}

ARGUMENT_LABELS: Mapping[str, str] = {argument.name: argument.label for tool in TOOLS for argument in tool.arguments}
"""What the pages call each argument; an assistant may send others."""


def invocation_of(request: ToolRequest, envelope: Envelope, began_s: float) -> ToolInvocation:
    """Build the invocation of a tool call.

    Who calls whom comes from the envelope, never from the arguments.

    Args:
        request: the tool call.
        envelope: the message that carried it.
        began_s: when the message arrived, in seconds on the monotonic clock.
    """
    key, caller = envelope.agent_key, envelope.caller_number
    tool_call_id = request.tool_call_id
    if not envelope.vapi_call_id:  # nothing but the id would tell two callers apart
        tool_call_id = content_id(tool_call_id, key.assistant_id, key.phone_number_id, caller)
    return ToolInvocation(
        name=request.name,
        tool_call_id=tool_call_id,
        arguments=request.arguments,
        vapi_call_id=envelope.vapi_call_id,
        conversation_kind=envelope.conversation_kind,
        agent_key=key,
        caller_number=caller,
        began_s=began_s,
    )


def answer(services: Services, invocation: ToolInvocation, envelope: Envelope) -> str:
    """Return the sentence that answers a tool call.

    Refusals are sentences already; faults of the services are raised.
    """
    tool = TOOLS_BY_NAME.get(invocation.name)
    return tool.handler(services, invocation, envelope) if tool else _answer_unknown(services, invocation)


def tools_json(webhook_url: str, credential_id: str | None = None) -> list[dict[str, Any]]:
    """Return the tools in the form that Vapi's API and dashboard take.

    Args:
        webhook_url: where Vapi sends tool calls.
        credential_id: of the credential on Vapi that holds the webhook's secret; None leaves it to the assistant.
    """
    server: dict[str, Any] = {"url": webhook_url, "timeoutSeconds": TIMEOUT_S}
    if credential_id:
        server["credentialId"] = credential_id
    return [
        {
            "type": "function",
            "async": False,
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            "server": server,
        }
        for tool in TOOLS
    ]


def _answer_unknown(services: Services, invocation: ToolInvocation) -> str:
    log.warning(
        "The assistant called an unknown tool %r; print the known ones with: flask vapi-tools",
        invocation.name,
        extra={"call_id": invocation.vapi_call_id},
    )
    services.calls.record_tool_call_alone(invocation, answer=speech.UNKNOWN_TOOL, outcome="unknown tool")
    return speech.UNKNOWN_TOOL
