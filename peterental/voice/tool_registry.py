"""The six tools as an assistant on Vapi has to be told of them: names, arguments, and when to use which."""

from __future__ import annotations

from typing import Any

TIMEOUT_S = 20
"""How long Vapi waits for an answer; ours takes milliseconds, and an apology three seconds at most."""

_HOME = {"type": "string", "description": "The street address of the home, as the caller said it."}
_NAME = {"type": "string", "description": "The visitor's full name, as the caller said it."}
_PHONE = {"type": "string", "description": "A number to call back on, only if the caller gave one."}
_START = {
    "type": "string",
    "description": (
        "The time to start: one that get_availability offered, as local time without an offset, such as"
        " 2026-03-17T14:30:00; or the caller's own words, such as 'next Tuesday at three'."
    ),
}

_TOOLS: tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...] = (
    (
        "get_availability",
        "Give free times for a viewing. Use it before offering or agreeing to any time. Say the answer as it stands.",
        {
            "property_address": _HOME,
            "date": {
                "type": "string",
                "description": "The day asked for: the caller's words ('tomorrow', 'next Tuesday') or 2026-03-17.",
            },
            "time_of_day": {
                "type": "string",
                "description": "Part of the day or hour asked for, such as 'morning' or 'after four'.",
            },
        },
        (),
    ),
    (
        "set_appointment",
        "Book a viewing. Only what the answer says is booked; if it offers other times, ask the caller to choose.",
        {
            "property_address": _HOME,
            "start_time": _START,
            "attendee_name": _NAME,
            "attendee_email": {"type": "string", "description": "Only if the caller gave one."},
            "attendee_phone": _PHONE,
        },
        ("property_address", "start_time", "attendee_name"),
    ),
    (
        "find_appointment",
        "Look up the caller's own upcoming viewings. Ask for the name or the address first.",
        {"attendee_name": _NAME, "property_address": _HOME},
        (),
    ),
    (
        "reschedule_appointment",
        "Move the caller's own viewing to another time. If that cannot be had, the old time stands.",
        {"start_time": _START, "property_address": _HOME, "attendee_name": _NAME},
        ("start_time",),
    ),
    (
        "cancel_appointment",
        "Cancel the caller's own viewing.",
        {"property_address": _HOME, "attendee_name": _NAME},
        (),
    ),
    (
        "take_message",
        "Take a message for the agent, who calls back. Use it when nothing else helps or the caller wants a person.",
        {
            "message": {"type": "string", "description": "What the agent should know, in the caller's words."},
            "attendee_name": _NAME,
            "attendee_phone": _PHONE,
        },
        ("message",),
    ),
)


def tools_json(webhook_url: str, credential_id: str | None = None) -> list[dict[str, Any]]:
    """Give the tools as Vapi's API and dashboard take them.

    Args:
        webhook_url: where Vapi sends tool calls.
        credential_id: of the credential on Vapi that carries the webhook's secret; None leaves that to the assistant.
    """
    server: dict[str, Any] = {"url": webhook_url, "timeoutSeconds": TIMEOUT_S}
    if credential_id:
        server["credentialId"] = credential_id
    return [
        {
            "type": "function",
            "async": False,
            "function": {
                "name": name,
                "description": description,
                "parameters": {"type": "object", "properties": properties, "required": list(required)},
            },
            "server": server,
        }
        for name, description, properties, required in _TOOLS
    ]
