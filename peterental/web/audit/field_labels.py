"""What changed, in words: the fields of the log as people call them, before and after; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from peterental.audit.model import Change
from peterental.plural import counted
from peterental.web.shell.template_filters import format_iso, format_minutes, wall_clock

LABELS = {
    "Monday": "Monday",
    "Tuesday": "Tuesday",
    "Wednesday": "Wednesday",
    "Thursday": "Thursday",
    "Friday": "Friday",
    "Saturday": "Saturday",
    "Sunday": "Sunday",
    "agent_id": "Agent",
    "agent_name": "Name",
    "attendee_email": "E-mail",
    "attendee_name": "Visitor",
    "attendee_phone": "Phone",
    "buffer_minutes": "Kept free after each",
    "calendar_user_id": "Calendar user",
    "daily_cap": "Most viewings a day",
    "day": "Day",
    "done_at": "Done",
    "done_by": "Done by",
    "email": "E-mail",
    "end": "Ends",
    "from": "From",
    "full_name": "Name",
    "handover_number": "Hand-over number",
    "horizon_days": "Bookable ahead",
    "hours": "Hours",
    "is_active": "Active",
    "note": "Note",
    "notice_minutes": "Shortest notice",
    "overlap_allowed": "Overlaps another",
    "phone_number_id": "Vapi phone number",
    "property_address": "Home",
    "role": "Role",
    "slot_minutes": "A viewing takes",
    "start": "Starts",
    "status": "Status",
    "step_minutes": "Start every",
    "time_zone": "Time zone",
    "until": "Until",
    "user_id": "Looked after by",
    "vapi_assistant_id": "Vapi assistant",
}
"""What pages call a field that a service writes; a field of an earlier release is called by its own name."""

_HOURS = re.compile(r"\d\d:\d\d–\d\d:\d\d(?:, \d\d:\d\d–\d\d:\d\d)*")
_CLOCK = re.compile(r"(\d\d):(\d\d)")

UNASSIGNED: Mapping[int, str] = {}


@dataclass(frozen=True)
class Field:
    """One field of a change; None where there was, or is, nothing."""

    label: str
    before: str | None
    after: str | None


def labelled_fields(change: Change, zone: ZoneInfo, people: Mapping[int, str] = UNASSIGNED) -> tuple[Field, ...]:
    """Return the fields of a change in words, without those that were and are empty.

    Args:
        change: the line of the log.
        zone: on whose clocks moments are shown.
        people: what users are called, by user_id; any other is shown by number.
    """
    names = dict.fromkeys((*change.before, *change.after))
    found = (
        Field(label(name), *(_value(name, side.get(name), zone, people) for side in (change.before, change.after)))
        for name in names
    )
    return tuple(field for field in found if field.before is not None or field.after is not None)


def label(name: str) -> str:
    """Return what people call a field."""
    words = name.replace("_", " ")
    return LABELS.get(name) or words[:1].upper() + words[1:]


def _value(name: str, value: Any, zone: ZoneInfo, people: Mapping[int, str]) -> str | None:
    """Return a value as people read it, where its field says what it is; else as `format_value` has it."""
    if isinstance(value, int) and not isinstance(value, bool):
        if name == "user_id":
            return people.get(value, f"user {value}")
        if name.endswith("_minutes"):
            return format_minutes(value)
        if name.endswith("_days"):
            return counted(value, "day")
    if name == "status" and isinstance(value, str):
        return value.replace("_", "-")
    return format_value(value, zone)


def format_value(value: Any, zone: ZoneInfo) -> str | None:
    """Return a value from the log as people read it; moments on the clocks of `zone`, None for nothing."""
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{label(str(name))}: {format_value(part, zone) or 'nothing'}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(format_value(part, zone) or "nothing" for part in value)
    if isinstance(value, str) and _HOURS.fullmatch(value):
        return _CLOCK.sub(lambda clock: wall_clock(int(clock[1]) * 60 + int(clock[2])), value)
    return format_iso(value, zone) if isinstance(value, str) else str(value)
