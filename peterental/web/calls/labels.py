"""Labels and number formats of the pages about calls. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from peterental.calls.model import CallSummary, Problem, ProblemFilter, ToolCall
from peterental.plural import counted
from peterental.properties.model import label_of
from peterental.voice import tool_registry

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

PROBLEMS: Mapping[Problem, str] = {
    "fault": "Error",
    "unbooked": "Agreed, but nothing booked",
    "bad_end": "Ended by a failure",
    "no_report": "End not reported",
}
"""Labels of what is wrong with a call."""

FILTERS: Mapping[ProblemFilter, str] = {
    "any": "Any problem",
    **{problem: words for problem, words in PROBLEMS.items()},  # noqa: C416  # the keys have a narrower type
    "handled": "Handled",
}

FAULTS: Mapping[str, str] = {
    "DatabaseTooSlow": "The database took too long to answer.",
    "DatabaseBusy": "The database was too busy to answer.",
    "DatabaseUnavailable": "The database did not answer.",
    "SchemaOutdated": "The database lacks what this release needs. Run flask db-migrate.",
    "ConstraintViolated": "The database refused the change. Check the schema with flask db-verify.",
    "StatementCancelled": "The database cancelled the work.",
    "StatementRefused": "The database refused the work.",
}
"""Why a tool call was not answered, by the kind of error."""

UNKNOWN_FAULT = "PeteRental had an internal error. The log has the details under the id of the call."

# Parts of Vapi's reasons, such as call.in-progress.error-vapifault-openai-llm-failed; the first that is found counts.
ENDED_BY: Sequence[tuple[str, str]] = (
    ("transfer", "The transfer did not work"),
    ("forwarding", "The transfer did not work"),
    ("llm", "The language model failed"),
    ("voice", "The voice of the assistant failed"),
    ("transcriber", "The speech recognition failed"),
    ("credit", "The Vapi account has no credit left"),
    ("billing", "The Vapi account has no credit left"),
    ("subscription", "The Vapi account allows no more calls"),
    ("concurrency", "The Vapi account allows no more calls at once"),
    ("microphone", "The browser gave no access to the microphone"),
    ("sip", "The phone network had an error"),
    ("twilio", "The phone network had an error"),
    ("vonage", "The phone network had an error"),
    ("telnyx", "The phone network had an error"),
    ("phone-call-provider", "The phone network had an error"),
    ("assistant", "The assistant could not take the call"),
    ("customer", "The caller ended the call"),
    ("error", "Error on Vapi's side"),
    ("fail", "Error on Vapi's side"),
    ("fault", "Error on Vapi's side"),
)

UNKNOWN_END = "Ended for a reason that PeteRental does not know"

EVALUATIONS: Mapping[str, str] = {
    "true": "successful",
    "pass": "successful",
    "yes": "successful",
    "success": "successful",
    "false": "not successful",
    "fail": "not successful",
    "no": "not successful",
    "failure": "not successful",
    "excellent": "excellent",
    "good": "good",
    "fair": "fair",
    "poor": "poor",
    "strongly agree": "successful, certainly",
    "agree": "successful",
    "neutral": "neither successful nor not",
    "disagree": "not successful",
    "strongly disagree": "not successful, certainly",
}
"""What Vapi's scales of success say: PassFail, DescriptiveScale and LikertScale."""

UNKNOWN_EVALUATION = "rated on a scale that PeteRental does not know"

_SCORE = re.compile(r"(\d{1,3}(?:\.\d)?)( ?%)?")

UNKNOWN_TOOL = "A tool that PeteRental does not have"

TOOLS: Mapping[str, str] = {tool.name: tool.request_label for tool in tool_registry.TOOLS}


def home(summary: CallSummary) -> str:
    """Return the home of a call's booking: what the catalogue calls it, else what the caller said."""
    if summary.home_street is not None:
        return label_of(summary.home_street, summary.home_unit)
    return summary.property_address or ""


def how_it_ended(call: CallSummary, now: datetime) -> str:
    """Return how a call ended.

    Vapi does not report the end of a chat.
    """
    if not call.has_ended and call.kind == "chat":
        return "No end is reported for chats"
    if not call.has_ended:
        return "End not reported" if call.lacks_report(now) else "In progress"
    if not call.ended_reason:
        return "Ended, no reason reported"
    return ended_reason(call.ended_reason)


def ended_reason(code: str) -> str:
    """Return one of Vapi's reasons for the end of a call in words; never the code."""
    known = ENDED_REASONS.get(code)
    if known is not None:
        return known
    lowered = code.lower()
    return next((words for part, words in ENDED_BY if part in lowered), UNKNOWN_END)


def evaluation(value: str) -> str:
    """Return Vapi's evaluation of a call in words; never the value of an unknown scale."""
    text = value.strip().lower()
    known = EVALUATIONS.get(text.replace("_", " "))
    if known is not None:
        return known
    number = _SCORE.fullmatch(text)
    if number is None:
        return UNKNOWN_EVALUATION
    return f"{number[1]} %" if number[2] else f"{number[1]} of 10" if float(number[1]) <= 10 else f"{number[1]} of 100"  # noqa: PLR2004  # NumericScale ends there


def fault(call: ToolCall) -> str:
    """Return why a tool call was not answered, in a sentence."""
    return FAULTS.get(call.fault or "", UNKNOWN_FAULT)


def problem_sentence(problem: Problem, call: CallSummary, tool_calls: Sequence[ToolCall], now: datetime) -> str:
    """Return what went wrong with a call, in one or two sentences.

    Args:
        problem: which.
        call: the call.
        tool_calls: all of it.
        now: the present moment, aware.
    """
    match problem:
        case "fault":
            failed = next((each for each in tool_calls if each.outcome == "fault"), None)
            reason = fault(failed) if failed else UNKNOWN_FAULT
            return f"The caller heard an apology, because PeteRental could not answer. {reason}"
        case "unbooked":
            return "The caller agreed to a viewing, but this call booked and moved nothing."
        case "bad_end":
            return f"The call did not end as it should: {_lower_first(how_it_ended(call, now))}."
        case "no_report":
            return "Vapi never reported the end of this call, so it has no transcript and no cost."


def _lower_first(text: str) -> str:
    return text if text.startswith(("Vapi", "PeteRental")) else text[:1].lower() + text[1:]


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
