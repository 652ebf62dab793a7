"""Changes in the audit log as labelled fields with readable values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from peterental.audit.model import Change
from peterental.phone_numbers import readable, region_of
from peterental.plural import counted
from peterental.web.notices.labels import CHANNELS, KINDS
from peterental.web.shell.template_filters import format_iso, format_minutes, language_name, wall_clock
from peterental.web.webhooks.labels import EVENT_LABELS

if TYPE_CHECKING:
    from peterental.notices.model import Channel, Kind

_EVENTS: Mapping[str, str] = {str(kind): label for kind, label in EVENT_LABELS.items()}

LABELS = {
    "Monday": "Monday",
    "Tuesday": "Tuesday",
    "Wednesday": "Wednesday",
    "Thursday": "Thursday",
    "Friday": "Friday",
    "Saturday": "Saturday",
    "Sunday": "Sunday",
    "active again": "Active again",
    "added": "Added",
    "address": "Address",
    "agent": "Agent",
    "agent_id": "Agent",
    "agent_booked": "Booked viewings",
    "agent_calendar_trouble": "Calendars that cannot be read",
    "agent_cancelled": "Cancelled viewings",
    "agent_flagged_call": "Calls to check",
    "agent_morning_list": "Morning list",
    "agent_moved": "Moved viewings",
    "agent_changed": "Changed viewings",
    "agent_reassigned": "Viewings given to another agent",
    "agent_name": "Name",
    "agent_released": "Released viewings",
    "agent_urgent_message": "Urgent messages",
    "audit_entries": "Audit entries",
    "available_on": "Available from",
    "bathrooms": "Bathrooms",
    "bedrooms": "Bedrooms",
    "attendee_email": "E-mail",
    "attendee_name": "Visitor",
    "attendee_phone": "Phone",
    "body": "Text",
    "bookings": "Bookings",
    "books_for": "Line books for",
    "browser": "Browser",
    "buffer_minutes": "Buffer after each viewing",
    "calendar_user_id": "Calendar user",
    "calls": "Calls",
    "cancelled": "Cancelled viewings",
    "changed": "Changed",
    "choice": "Who is booked at a time",
    "city": "City",
    "confirmed_at": "Confirmed by the visitor",
    "consents": "Consents and stops",
    "daily_cap": "Maximum per day",
    "day": "Day",
    "done_at": "Done",
    "done_by": "Done by",
    "email": "E-mail",
    "end": "Ends",
    "event_types": "Events",
    "expires_at": "Expires",
    "exempt_agents": "Agents who work anyway",
    "failed_attempts": "Failed attempts",
    "file": "File",
    "first_day": "First day",
    "follows_up_no_shows": "Message after a missed viewing",
    "from": "From",
    "full_name": "Name",
    "handover_number": "Hand-over number",
    "calendar": "Calendar",
    "blocking_calendars": "Calendars that block time",
    "last_day": "Last day",
    "inactive": "Inactive",
    "line1": "Street",
    "list_at": "Morning list at",
    "mails_visitors": "E-mails to visitors",
    "notices": "Notices",
    "office_name": "Name of the office",
    "quiet_from": "Quiet hours from",
    "quiet_until": "Quiet hours until",
    "receiving_calendar": "Calendar that receives viewings",
    "keeps_titles": "Stores titles of events",
    "release_hours": "Hours before an unconfirmed viewing is released",
    "reminds_day_before": "Reminder the day before",
    "reminds_hours_before": "Reminder two hours before",
    "subject": "Subject",
    "texts": "Texts",
    "texts_visitors": "Texts to visitors",
    "trusts_stale": "Trusts the last known times",
    "horizon_days": "Bookable in advance",
    "handled_at": "Handled",
    "hours": "Hours",
    "is_active": "Active",
    "is_home_unknown": "Only homes that are not in the catalogue",
    "is_search": "With a search",
    "kept active": "Kept, because a person restored them",
    "language": "Language on the phone",
    "line": "Line",
    "mentions": "Mentions by others",
    "messages": "Messages",
    "minutes": "Length",
    "name": "Name",
    "note": "Note",
    "notes": "Notes",
    "notice_minutes": "Minimum notice",
    "one_viewing_at_a_time": "Two viewings of one home may not overlap",
    "overlap_allowed": "Overlaps another",
    "phone": "Phone for texts",
    "phone_number_id": "Vapi phone number",
    "prefix": "Token begins with",
    "property_address": "Home",
    "property_id": "Home in the list of homes",
    "released_at": "Released",
    "rent": "Rent",
    "repeats": "Repeats",
    "role": "Role",
    "rows left out": "Rows left out",
    "said_as": "Other names",
    "scope": "Allows",
    "second_factor": "Second factor",
    "showing_minutes": "Viewing length",
    "shown_by": "Shown by",
    "slot_minutes": "Viewing length",
    "source": "Comes from",
    "source_id": "Id there",
    "start": "Starts",
    "state": "State",
    "status": "Status",
    "step_minutes": "Start times every",
    "time_zone": "Time zone",
    "tool_calls": "Further tool calls",
    "unit": "Unit",
    "until": "Until",
    "url": "Address",
    "user_id": "Owner",
    "vapi_assistant_id": "Vapi assistant",
    "waitlist": "Places on the waiting list",
    "windows": "Showing hours",
    "zip_code": "ZIP code",
}
"""The labels of the fields that the services write; a field of an older release is shown by its own name."""

CHOICE_VALUES = {"first_free": "the first in order who is free", "round_robin": "in turn"}
"""How the log words the ways in which a shared line chooses an agent."""

SCOPE_VALUES = {"read": "reads", "book": "reads and books"}
"""How the log words what an API token allows."""

ACTION_LABELS = {
    "busy time added": "Blocked time added",
    "busy time removed": "Blocked time removed",
    "hours changed": "Working hours changed",
    "no_show": "No-show",
    "other hours added": "Date override added",
    "other hours removed": "Date override removed",
    "ticked off": "Marked as done",
    "vanished": "Inactive: no longer in its list",
}
"""The labels of actions whose name in the log differs from the wording of the pages."""

VALUES: Mapping[str, Mapping[str, str]] = {"choice": CHOICE_VALUES, "scope": SCOPE_VALUES}
"""The words of values by field."""

PHONE_FIELDS = frozenset({"attendee_phone", "caller_number", "handover_number", "phone"})

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?(?![\d:])", re.ASCII)
_HOURS = re.compile(r"\d\d:\d\d–\d\d:\d\d(?:, \d\d:\d\d–\d\d:\d\d)*")
_CLOCK = re.compile(r"(\d\d):(\d\d)")
_WORDING = re.compile(r"wording (\w+)/(\w+)/(\w+)", re.ASCII)

NO_USERS: Mapping[int, str] = {}


@dataclass(frozen=True)
class Field:
    """One field of a change; None for an empty value."""

    label: str
    before: str | None
    after: str | None


def labelled_fields(change: Change, zone: ZoneInfo, people: Mapping[int, str] = NO_USERS) -> tuple[Field, ...]:
    """Return the fields of a change that have a value before or after.

    Args:
        change: an entry of the log.
        zone: in which moments are shown.
        people: the names of users by user_id.
    """
    names = dict.fromkeys((*change.before, *change.after))
    fields = (
        Field(label(name), *(_value(name, side.get(name), zone, people) for side in (change.before, change.after)))
        for name in names
    )
    return tuple(field for field in fields if field.before is not None or field.after is not None)


def action_label(action: str) -> str:
    """Return the label of an action in the log."""
    return ACTION_LABELS.get(action) or action[:1].upper() + action[1:]


def subject_label(change: Change) -> str:
    """Return the name of what was changed, as the pages call it."""
    found = _WORDING.fullmatch(change.subject_name)
    if not found:
        return change.subject_name
    kind, channel, language = found.groups()
    parts = (
        KINDS.get(cast("Kind", kind), kind),
        CHANNELS.get(cast("Channel", channel), channel),
        language_name(language),
    )
    return ", ".join(parts)


def label(name: str) -> str:
    """Return the label of a field."""
    words = name.replace("_", " ")
    return LABELS.get(name) or words[:1].upper() + words[1:]


def _value(name: str, value: Any, zone: ZoneInfo, people: Mapping[int, str]) -> str | None:
    """Return a value in the format of its field, or that of `format_value`."""
    if isinstance(value, bool):
        return format_value(value, zone)
    words = _number(name, value, people) if isinstance(value, int) else None
    if isinstance(value, str):
        words = _text(name, value, zone)
    if name == "event_types" and isinstance(value, list):
        words = ", ".join(_EVENTS.get(str(each), str(each)) for each in value)
    return words or format_value(value, zone)


def _number(name: str, value: int, people: Mapping[int, str]) -> str | None:
    if name == "user_id":
        return people.get(value, "a user who was deleted")
    if name.endswith("minutes"):
        return format_minutes(value)
    return counted(value, "day") if name.endswith("_days") else None


def _text(name: str, value: str, zone: ZoneInfo) -> str | None:
    if name in PHONE_FIELDS:
        return readable(value, region_of(zone.key))
    if name in VALUES:
        return VALUES[name].get(value)
    if name == "language":
        return language_name(value)
    return value.replace("_", "-") if name == "status" else None


def format_value(value: Any, zone: ZoneInfo) -> str | None:
    """Return a readable value, with moments in `zone`; None if it is empty."""
    if value is None or value in ("", [], {}):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{label(str(name))}: {format_value(part, zone) or 'nothing'}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(format_value(part, zone) or "nothing" for part in value)
    return _format_text(value, zone) if isinstance(value, str) else str(value)


def _format_text(text: str, zone: ZoneInfo) -> str:
    """Return a text with its hours, days and moments in readable form."""
    if _HOURS.fullmatch(text):
        return _CLOCK.sub(lambda clock: wall_clock(int(clock[1]) * 60 + int(clock[2])), text)
    return _MOMENT.sub(lambda moment: format_iso(moment[0], zone), format_iso(text, zone))
