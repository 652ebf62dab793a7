"""What the pages call things about a call: how it ended, what came of it, what was asked for; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from peterental.calls.model import CallSummary, Flag
from peterental.voice import tool_registry

MAX_CALL_LENGTH = timedelta(hours=12)
"""Vapi ends a call after this at the latest: later on, its end was simply not reported."""

# Vapi knows more than 600 reasons and adds to them: https://docs.vapi.ai/calls/call-ended-reason
ENDED_REASONS: Mapping[str, str] = {
    "customer-ended-call": "The caller hung up",
    "customer-ended-call-before-warm-transfer": "The caller hung up while being put through",
    "customer-ended-call-after-warm-transfer-attempt": "The caller hung up after waiting to be put through",
    "customer-ended-call-during-transfer": "The caller hung up while being put through",
    "customer-busy": "The line was busy",
    "customer-did-not-answer": "Nobody picked up",
    "customer-did-not-give-microphone-permission": "The caller's browser gave no microphone",
    "assistant-ended-call": "The assistant said goodbye",
    "assistant-ended-call-after-message-spoken": "The assistant said goodbye",
    "assistant-ended-call-with-hangup-task": "The assistant said goodbye",
    "assistant-said-end-call-phrase": "The assistant said goodbye",
    "assistant-said-message-with-end-call-enabled": "The assistant said goodbye",
    "assistant-forwarded-call": "Put through to a person",
    "assistant-not-found": "Vapi has no such assistant",
    "assistant-not-provided": "No assistant was named for this number",
    "assistant-join-timed-out": "The assistant did not come on the line in time",
    "assistant-request-failed": "PeteRental did not answer which assistant takes the call",
    "assistant-request-returned-error": "PeteRental turned the call away",
    "assistant-request-returned-no-assistant": "PeteRental named no assistant for the call",
    "assistant-request-returned-invalid-assistant": "PeteRental named an assistant that Vapi does not have",
    "assistant-request-returned-unspeakable-error": "PeteRental turned the call away without a word",
    "assistant-request-returned-forwarding-phone-number": "Put through to a person",
    "exceeded-max-duration": "It reached the longest time a call may take",
    "silence-timed-out": "Nobody said anything any more",
    "voicemail": "It reached a voicemail",
    "manually-canceled": "Somebody ended it on Vapi",
    "worker-shutdown": "Vapi was restarted",
    "unknown-error": "Something broke on Vapi's side",
    "db-error": "Something broke on Vapi's side",
    "twilio-failed-to-connect-call": "The telephone network could not connect it",
    "vonage-failed-to-connect-call": "The telephone network could not connect it",
    "twilio-reported-customer-misdialed": "The number that was dialled does not exist",
    "twilio-reported-customer-did-not-answer": "Nobody picked up",
    "phone-call-provider-closed-websocket": "The telephone line was lost",
    "vonage-disconnected": "The telephone line was lost",
    "vonage-completed": "The telephone line was closed",
    "vonage-rejected": "The telephone network refused it",
    "call.in-progress.sip-completed-call": "The telephone line was closed",
    "call.forwarding.operator-busy": "The person it was put through to was busy",
}

OUTCOMES: Mapping[str, str] = {
    "booked": "Booked",
    "moved": "Moved",
    "cancelled": "Cancelled",
    "message": "Message taken",
    "answered": "Answered",
    "refused": "Refused",
    "fault": "Fault",
    "unknown tool": "Unknown tool",
}
"""What a tool call led to; in a list of calls, what was done in each."""

FLAGS: Mapping[Flag, str] = {"unbooked": "Agreed, but nothing booked", "fault": "Fault"}

TOOLS: Mapping[str, str] = {tool.name: tool.request_label for tool in tool_registry.TOOLS}


def how_it_ended(call: CallSummary, now: datetime) -> str:
    """Say how a call ended, in plain words where we know them and in Vapi's where we do not."""
    if not call.has_ended:
        return "On the line" if now - call.started_or_created_at < MAX_CALL_LENGTH else "Its end was not reported"
    if not call.ended_reason:
        return "Ended, nobody said why"
    return ENDED_REASONS.get(call.ended_reason, call.ended_reason)


def format_duration(duration: timedelta) -> str:
    """Give a call's length as people say it: `48 s`, `2 min 5 s`, `1 h 3 min`."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    if minutes:
        parts.append(f"{minutes} min")
    if not hours and (seconds or not minutes):
        parts.append(f"{seconds} s")
    return " ".join(parts)


def format_cost(dollars: float) -> str:
    """Give what a call cost: `$0.08`, and `under $0.01` rather than nothing."""
    if 0 < dollars < 0.005:  # noqa: PLR2004  # half a cent
        return "under $0.01"
    return f"${dollars:,.2f}"


def format_response_time(duration_ms: float) -> str:
    """Give how long an answer took: `14 ms`, `1.2 s`."""
    if duration_ms >= 1000:  # noqa: PLR2004  # a second
        return f"{duration_ms / 1000:.1f} s"
    return f"{duration_ms:.0f} ms" if duration_ms >= 1 else "under 1 ms"
