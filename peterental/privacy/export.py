"""The export of one person's data: rows become records with readable names and times in the agent's zone. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from peterental.audit.model import json_default
from peterental.privacy.model import Holdings, Row
from peterental.privacy.person import Person

Section = tuple[str, Iterator[Mapping[str, Any]]]


def booking_record(row: Row) -> dict[str, Any]:
    """Return one booking."""
    zone = ZoneInfo(row["time_zone"])
    return {
        "booking": row["appointment_id"],
        "agent": row["agent_name"],
        "home": row["property_address"],
        "starts": _local(row["start_time"], zone),
        "ends": _local(row["end_time"], zone),
        "status": row["status"],
        "visitor_name": row["attendee_name"],
        "visitor_email": row["attendee_email"],
        "visitor_phone": row["attendee_phone"],
        "caller_number": row["caller_number"],
        "call": row["vapi_call_id"],
        "calendar_event": row["calendar_event_id"],
        "booked": _local(row["created_at"], zone),
        "changed": _local(row["updated_at"], zone),
        "notes": row["notes"],
        "history": [_event_record(event, zone) for event in row["events"] or ()],
    }


def _event_record(event: Row, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "what": event["kind"],
        "at": _local(event["happened_at"], zone),
        "by": "phone" if event["by_phone"] else "office",
        "from": _local(event["old_start"], zone),
        "to": _local(event["new_start"], zone),
        "changes": event["changes"],
    }


def call_record(row: Row, tool_calls: Sequence[Row]) -> dict[str, Any]:
    """Return one call with its tool calls."""
    zone = ZoneInfo(row["time_zone"] or "UTC")
    return {
        "call": row["vapi_call_id"],
        "kind": row["kind"],
        "agent": row["agent_name"],
        "caller_number": row["caller_number"],
        "status": row["status"],
        "started": _local(row["started_at"], zone),
        "ended": _local(row["ended_at"], zone),
        "end_reason": row["ended_reason"],
        "cost_in_dollars": row["cost"],
        "summary": row["summary"],
        "transcript": row["transcript"],
        "conversation": row["messages"],
        "success": row["success_evaluation"],
        "analysis": row["structured_data"],
        "recording": row["recording_url"],
        "recordings": row["recordings"],
        "recorded": _local(row["created_at"], zone),
        "handled": _local(row["handled_at"], zone),
        "note": row["handled_note"],
        "tool_calls": [tool_call_record(tool_call, zone) for tool_call in tool_calls],
    }


def tool_call_record(row: Row, zone: ZoneInfo) -> dict[str, Any]:
    """Return one tool call."""
    return {
        "tool": row["name"],
        "at": _local(row["received_at"], zone),
        "arguments": row["arguments"],
        "answer": row["answer"],
        "outcome": row["outcome"],
        "booking": row["appointment_id"],
        "times_offered": [_local(start, zone) for start in row["offered"] or ()],
    }


def message_record(row: Row) -> dict[str, Any]:
    """Return one message."""
    zone = ZoneInfo(row["time_zone"])
    return {
        "message": row["message_id"],
        "agent": row["agent_name"],
        "received": _local(row["received_at"], zone),
        "text": row["body"],
        "name": row["attendee_name"],
        "phone": row["attendee_phone"],
        "caller_number": row["caller_number"],
        "call": row["vapi_call_id"],
        "done": _local(row["done_at"], zone),
    }


def notice_record(row: Row) -> dict[str, Any]:
    """Return one notice. Times are UTC."""
    return {
        "notice": row["kind"],
        "by": row["channel"],
        "to": row["recipient"],
        "booking": row["appointment_id"],
        "written": row["created_at"],
        "sent": row["handed_over_at"],
        "state": row["state"],
        "reason": row["reason"],
        "subject": row["subject"],
        "text": row["body"],
    }


def text_record(row: Row) -> dict[str, Any]:
    """Return one text that was received, and how it was answered. Times are UTC."""
    return {
        "from": row["sender"],
        "received": row["received_at"],
        "text": row["body"],
        "understood_as": row["understood_as"],
        "answer": row["answer"],
        "booking": row["appointment_id"],
    }


def consent_record(row: Row) -> dict[str, Any]:
    """Return one consent. Times are UTC."""
    return {
        "by": row["channel"],
        "to": row["recipient"],
        "for": row["purpose"],
        "booking": row["appointment_id"],
        "given": row["given_at"],
        "how_given": row["how_given"],
        "words_given": row["words_given"],
        "revoked": row["revoked_at"],
        "how_revoked": row["how_revoked"],
        "words_revoked": row["words_revoked"],
    }


def waitlist_record(row: Row) -> dict[str, Any]:
    """Return one place on the waitlist. Times are UTC."""
    return {
        "agent": row["agent_id"],
        "call": row["vapi_call_id"],
        "name": row["attendee_name"],
        "phone": row["phone"],
        "home": row["home_label"] or row["property_address"],
        "home_as_said": row["property_address"],
        "wanted": row["wanted"],
        "asked": row["created_at"],
        "state": row["state"],
        "offers": row["offers"],
        "booking": row["appointment_id"],
    }


def mention_records(holdings: Holdings) -> Iterator[dict[str, Any]]:
    """Yield where others named the person. What these others said is theirs, and left out."""
    for call in holdings.mentioning_calls:
        yield {"named_in": call.kind, "id": call.vapi_call_id, "at": _local(call.began_at, call.zone)}
    for message in holdings.mentioning_messages:
        yield {"named_in": "message", "id": message.message_id, "at": _local(message.received_at, message.zone)}


def audit_record(row: Row) -> dict[str, Any]:
    """Return one entry of the audit log, without the user who made the change."""
    return {
        "at": row["happened_at"],
        "what": row["action"],
        "of": f"{row['subject_kind']} {row['subject_id']}",
        "name": row["subject_name"],
        "before": row["before"],
        "after": row["after"],
    }


def json_document(person: Person, now: datetime, notes: int, sections: Sequence[Section]) -> Iterator[str]:
    """Yield the text of a JSON document piece by piece, one record at a time in memory.

    Args:
        person: whose data.
        now: aware.
        notes: how many notes name them.
        sections: names and records.
    """
    yield f'{{\n"person": {_encode(person.value)},\n"exported_at": {_encode(now)},\n"notes_naming_them": {notes}'
    for name, records in sections:
        yield f",\n{_encode(name)}: ["
        for number, record in enumerate(records):
            yield f"{',' if number else ''}\n{_encode(record)}"
        yield "\n]"
    yield "\n}\n"


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_default)


def _default(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else json_default(value)


def _local(moment: datetime | str | None, zone: ZoneInfo) -> str | None:
    """Return a moment on the agent's wall clock, in ISO 8601 with its offset; None for none."""
    if isinstance(moment, str):  # inside JSON that PostgreSQL built
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(zone).isoformat() if moment else None
