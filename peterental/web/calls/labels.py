"""Labels and number formats of the pages about calls. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from peterental.calls.model import CallSummary, Flag
from peterental.plural import counted
from peterental.voice import tool_registry

MAX_CALL_LENGTH = timedelta(hours=12)
"""Vapi ends every call by then. An older call without an end is one whose end was not reported."""

# Vapi has more than 600 reasons and adds new ones: https://docs.vapi.ai/calls/call-ended-reason
ENDED_REASONS: Mapping[str, str] = {
    "customer-ended-call": "The caller hung up",
    "customer-ended-call-before-warm-transfer": "The caller hung up before the transfer",
    "customer-ended-call-after-warm-transfer-attempt": "The caller hung up after a transfer attempt",
    "customer-ended-call-during-transfer": "The caller hung up during the transfer",
    "customer-busy": "The line was busy",
    "customer-did-not-answer": "No answer",
    "customer-did-not-give-microphone-permission": "The caller's browser has no microphone permission",
    "assistant-ended-call": "The assistant ended the call",
    "assistant-ended-call-after-message-spoken": "The assistant ended the call",
    "assistant-ended-call-with-hangup-task": "The assistant ended the call",
    "assistant-said-end-call-phrase": "The assistant ended the call",
    "assistant-said-message-with-end-call-enabled": "The assistant ended the call",
    "assistant-forwarded-call": "Transferred to a person",
    "assistant-not-found": "Vapi does not have this assistant",
    "assistant-not-provided": "This number has no assistant",
    "assistant-join-timed-out": "The assistant did not join in time",
    "assistant-request-failed": "PeteRental did not answer the assistant request",
    "assistant-request-returned-error": "PeteRental rejected the call",
    "assistant-request-returned-no-assistant": "PeteRental named no assistant",
    "assistant-request-returned-invalid-assistant": "PeteRental named an assistant that Vapi does not have",
    "assistant-request-returned-unspeakable-error": "PeteRental rejected the call without a message",
    "assistant-request-returned-forwarding-phone-number": "Transferred to a person",
    "exceeded-max-duration": "The maximum call duration was reached",
    "silence-timed-out": "Ended after a long silence",
    "voicemail": "Reached a voicemail",
    "manually-canceled": "Ended manually on Vapi",
    "worker-shutdown": "Vapi was restarted",
    "unknown-error": "Error on Vapi's side",
    "db-error": "Error on Vapi's side",
    "twilio-failed-to-connect-call": "The phone network could not connect the call",
    "vonage-failed-to-connect-call": "The phone network could not connect the call",
    "twilio-reported-customer-misdialed": "The dialled number does not exist",
    "twilio-reported-customer-did-not-answer": "No answer",
    "phone-call-provider-closed-websocket": "The phone connection was lost",
    "vonage-disconnected": "The phone connection was lost",
    "vonage-completed": "The phone connection was closed",
    "vonage-rejected": "The phone network rejected the call",
    "call.in-progress.sip-completed-call": "The phone connection was closed",
    "call.forwarding.operator-busy": "The transfer target was busy",
}

OUTCOMES: Mapping[str, str] = {
    "booked": "Booked",
    "moved": "Moved",
    "cancelled": "Cancelled",
    "message": "Message taken",
    "answered": "Answered",
    "refused": "Refused",
    "fault": "Error",
    "unknown tool": "Unknown tool",
}
"""Labels of the outcomes of tool calls, and of the actions of a call."""

RECORDINGS: Mapping[str, str] = {
    "video": "video",
    "stereo": "both sides in stereo",
    "assistant": "the assistant only",
    "customer": "the caller only",
}
"""Labels of recordings, by a word in the name of the field that holds their URL."""

FLAGS: Mapping[Flag, str] = {"unbooked": "Agreed, but nothing booked", "fault": "Error"}

TOOLS: Mapping[str, str] = {tool.name: tool.request_label for tool in tool_registry.TOOLS}


def how_it_ended(call: CallSummary, now: datetime) -> str:
    """Return how a call ended; an unknown reason is returned as Vapi reports it.

    Vapi does not report the end of a chat.
    """
    if not call.has_ended and call.kind == "chat":
        return "No end is reported for chats"
    if not call.has_ended:
        return "In progress" if now - call.started_or_created_at < MAX_CALL_LENGTH else "End not reported"
    if not call.ended_reason:
        return "Ended, no reason reported"
    return ENDED_REASONS.get(call.ended_reason, call.ended_reason)


def reduction(call: CallSummary) -> str:
    """Return when a call was reduced, and why: `Reduced on December 2, 2026 after 90 days`; empty if it was not."""
    if call.reduced_at is None:
        return ""
    day = call.reduced_at.astimezone(call.zone)
    days = call.reduced_after_days
    reason = "by request" if days is None else f"after {counted(days, 'day')}"
    return f"Reduced on {day:%B} {day.day}, {day.year} {reason}"


def format_duration(duration: timedelta) -> str:
    """Return the duration of a call: `48 s`, `2 min 5 s`, `1 h 3 min`."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    if minutes:
        parts.append(f"{minutes} min")
    if not hours and (seconds or not minutes):
        parts.append(f"{seconds} s")
    return " ".join(parts)


def format_cost(dollars: float) -> str:
    """Return the cost of a call: `$0.08`, or `under $0.01` for less than half a cent."""
    if 0 < dollars < 0.005:  # noqa: PLR2004  # half a cent
        return "under $0.01"
    return f"${dollars:,.2f}"


def format_response_time(duration_ms: float) -> str:
    """Return a response time: `14 ms`, `1.2 s`."""
    if duration_ms >= 1000:  # noqa: PLR2004  # a second
        return f"{duration_ms / 1000:.1f} s"
    return f"{duration_ms:.0f} ms" if duration_ms >= 1 else "under 1 ms"
