"""What an edit changed, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peterental.phone_numbers import readable, region_of
from peterental.web.shell.template_filters import format_minutes

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from peterental.appointments.manual.model import ChangedField, Changes, Event

LABELS: dict[ChangedField, str] = {
    "name": "Visitor",
    "phone": "Phone",
    "email": "E-mail",
    "home": "Home",
    "agent": "Agent",
    "minutes": "Length",
    "notes": "Notes",
}
"""The labels of the fields, in the order in which they are shown."""

MAX_CHARS = 120


def changed_fields(event: Event, zone: ZoneInfo) -> list[tuple[str, str | None, str | None]]:
    """Return the label, the old and the new value of each field that an edit changed; None for an empty value.

    Args:
        event: of the history.
        zone: of the agent, whose country writes the phone numbers.
    """
    rows: list[tuple[str, str | None, str | None]] = []
    for name, label in LABELS.items():
        if name in event.changes:
            old, new = event.changes[name]
            rows.append((label, _words(name, old, zone), _words(name, new, zone)))
    return [*rows, *_link_of(event.changes)]


def _link_of(changes: Changes) -> list[tuple[str, str | None, str | None]]:
    """Return that a viewing was linked to a home of the catalogue which had the same name."""
    if "home_id" not in changes or "home" in changes:
        return []
    old, new = ("in the list of homes" if number else "not in the list of homes" for number in changes["home_id"])
    return [("Home", old, new)]


def _words(name: ChangedField, value: Any, zone: ZoneInfo) -> str | None:
    if value is None:
        return None
    if name == "minutes":
        return format_minutes(value)
    text = readable(str(value), region_of(zone.key)) if name == "phone" else str(value)
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS].rstrip()}…"
