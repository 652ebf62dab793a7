"""What changed, in words: the fields of the log as people call them, before and after; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from peterental.admin.formats import clock, day, zone_name
from peterental.audit.model import Change

LABELS = {
    "agent_id": "Agent",
    "agent_name": "Name",
    "attendee_email": "E-mail",
    "attendee_name": "Visitor",
    "attendee_phone": "Phone",
    "buffer_minutes": "Kept free after each (minutes)",
    "daily_cap": "Most viewings a day",
    "email": "E-mail",
    "end_time": "Ends",
    "full_name": "Name",
    "handover_number": "Hand-over number",
    "horizon_days": "Bookable ahead (days)",
    "is_active": "Active",
    "notice_minutes": "Shortest notice (minutes)",
    "property_address": "Home",
    "slot_minutes": "A viewing takes (minutes)",
    "start_time": "Starts",
    "step_minutes": "Viewings start every (minutes)",
    "user_id": "Looked after by user number",
    "vapi_assistant_id": "Vapi assistant id",
    "phone_number_id": "Vapi phone number id",
}
"""What pages call a field; any other is called by its own name."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")


@dataclass(frozen=True)
class Field:
    """One field of a change; None where there was, or is, nothing."""

    label: str
    before: str | None
    after: str | None


def fields_of(change: Change, zone: ZoneInfo) -> tuple[Field, ...]:
    """Give the fields of a change in words, moments on the clocks of `zone`; without those that were and are empty."""
    names = dict.fromkeys((*change.before, *change.after))
    found = (
        Field(label(name), in_words(change.before.get(name), zone), in_words(change.after.get(name), zone))
        for name in names
    )
    return tuple(field for field in found if field.before is not None or field.after is not None)


def label(name: str) -> str:
    """Give what people call a field."""
    words = name.replace("_", " ")
    return LABELS.get(name) or words[:1].upper() + words[1:]


def in_words(value: Any, zone: ZoneInfo) -> str | None:
    """Give a value from the log as people read it; moments on the clocks of `zone`, None for nothing."""
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{label(str(name))}: {in_words(part, zone) or 'nothing'}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(in_words(part, zone) or "nothing" for part in value)
    return _as_moment(value, zone) if isinstance(value, str) and _MOMENT.match(value) else str(value)


def _as_moment(text: str, zone: ZoneInfo) -> str:
    """Give ISO 8601 as people read it; a text that only begins like one stays as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:  # of a wall that is not known: told as it stands
        return f"{moment:%a, %b} {moment.day}, {moment.year}, {moment:%H:%M}"
    local = moment.astimezone(zone)
    return f"{day(local, zone)}, {local.year}, {clock(local, zone)} {zone_name(local, zone)}"
