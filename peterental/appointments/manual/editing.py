"""What an edit of a viewing changes, and what of it needs a user's confirmation. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from peterental.appointments.manual.model import (
    MAX_DURATION_MIN,
    MAX_NOTES_CHARS,
    MIN_DURATION_MIN,
    BookingWarning,
    InvalidDuration,
    NotesTooLong,
)
from peterental.appointments.model import AddressMissing, NameMissing
from peterental.matching import Match, compare_texts
from peterental.phone_numbers import normalise, region_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from peterental.agents.model import Agent
    from peterental.appointments.manual.model import BookingWarnings, ChangedField, Changes, ViewingEdit
    from peterental.appointments.model import Appointment
    from peterental.properties.model import Property

VISITOR_FIELDS: frozenset[ChangedField] = frozenset({"name", "phone", "email", "notes"})
"""What can be changed when a viewing is over or cancelled."""

OF_HOME = frozenset({BookingWarning.HOME_TAKEN})
OF_AGENT = frozenset(BookingWarning) - {BookingWarning.PAST, BookingWarning.TOO_SOON, BookingWarning.TOO_FAR}
OF_LENGTH = OF_AGENT - {BookingWarning.AGENT_INACTIVE, BookingWarning.DAY_FULL}
"""The warnings about another home, another agent, and a longer viewing: its start is what it was.

Those about another agent have the one about the home: a viewing that its agent had beside another one of the same
home overlaps that one with another agent now.
"""

AUDITED: Mapping[ChangedField, str] = {
    "home": "property_address",
    "home_id": "property_id",
    "agent": "agent",
    "minutes": "minutes",
    "name": "attendee_name",
    "phone": "attendee_phone",
    "email": "attendee_email",
    "notes": "notes",
}
"""The field of the audit log for each changed field; the agent is named, so its id is left out."""


def require_home_and_name(home: str, visitor_name: str) -> None:
    """Raise AddressMissing or NameMissing where a user left out one of them."""
    if not home.strip():
        raise AddressMissing
    if not visitor_name.strip():
        raise NameMissing


def require_complete(entry: ViewingEdit) -> None:
    """Raise AddressMissing, NameMissing, InvalidDuration or NotesTooLong for an edit that cannot be stored."""
    require_home_and_name(entry.property_address, entry.attendee_name)
    if entry.duration_min is not None and not MIN_DURATION_MIN <= entry.duration_min <= MAX_DURATION_MIN:
        raise InvalidDuration
    if len(entry.notes or "") > MAX_NOTES_CHARS:
        raise NotesTooLong


def edited(old: Appointment, entry: ViewingEdit, agent: Agent, home: Property | None) -> Appointment:
    """Return a viewing with an edit.

    What the caller said stays as the name of the home where the catalogue means the same home by another name.

    Args:
        old: the viewing.
        entry: as it is to be.
        agent: that of the entry.
        home: that of the entry in the catalogue; None for other words.
    """
    new = replace(
        old,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        end=old.end if entry.duration_min is None else old.start + timedelta(minutes=entry.duration_min),
        attendee_name=entry.attendee_name,
        attendee_email=entry.attendee_email or None,
        attendee_phone=number_to_reach(entry.attendee_phone, agent),
        notes=entry.notes or None,
    )
    if home is not None:
        return _with_home(new, home)
    if old.property_id is None and entry.property_address == old.property_address:
        return new
    return replace(
        new, property_id=None, property_address=entry.property_address, home_label=None, is_home_unknown=False
    )


def _with_home(viewing: Appointment, home: Property) -> Appointment:
    """Return a viewing of a home of the catalogue. What the caller said stays where it names that home."""
    is_same = compare_texts(viewing.property_address, home.label).match is Match.SAME
    keeps_words = is_same or home.property_id == viewing.property_id
    return replace(
        viewing,
        property_id=home.property_id,
        property_address=viewing.property_address if keeps_words else home.label,
        home_label=home.label,
        is_home_unknown=False,
    )


def number_to_reach(entered: str | None, agent: Agent) -> str | None:
    """Return a number in E.164, to which texts can be sent; what is no such number stays as it was entered."""
    return normalise(entered, region_of(agent.time_zone)) or entered or None


def changes_between(old: Appointment, new: Appointment) -> Changes:
    """Return what an edit changed."""
    pairs: dict[ChangedField, tuple[Any, Any]] = {
        "home": (old.home, new.home) if old.property_address != new.property_address else (None, None),
        "home_id": (old.property_id, new.property_id),
        "agent": (old.agent_name, new.agent_name),
        "agent_id": (old.agent_id, new.agent_id),
        "minutes": (_minutes(old.end - old.start), _minutes(new.end - new.start)),
        "name": (old.attendee_name, new.attendee_name),
        "phone": (old.attendee_phone, new.attendee_phone),
        "email": (old.attendee_email, new.attendee_email),
        "notes": (old.notes, new.notes),
    }
    return {name: values for name, values in pairs.items() if values[0] != values[1]}


def audited_changes(changes: Changes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the audit log before and after an edit."""
    named = {AUDITED[name]: values for name, values in changes.items() if name in AUDITED}
    before, after = ({name: values[side] for name, values in named.items()} for side in (0, 1))
    return before, after


def booked_fields(appointment: Appointment) -> dict[str, object]:
    """Return the fields of a new viewing for the audit log; empty ones are left out."""
    names = ("agent_id", "start", "end", "property_address", "attendee_name", "attendee_email", "attendee_phone")
    fields = {name: getattr(appointment, name) for name in (*names, "overlap_allowed")}
    return {name: value for name, value in fields.items() if value}


def is_visitor_only(old: Appointment, now: datetime) -> bool:
    """Return whether only VISITOR_FIELDS of a viewing can be changed: it is over, under way, or cancelled."""
    return old.status != "confirmed" or old.start <= now


def to_confirm(found: BookingWarnings, changes: Changes) -> BookingWarnings:
    """Return those warnings about an edited viewing that its user has to confirm.

    A viewing of the same agent that became shorter needs none.
    """
    minutes, about = changes.get("minutes"), frozenset[BookingWarning]()
    if "home_id" in changes:
        about |= OF_HOME
    if "agent_id" in changes:
        about |= OF_AGENT
    if minutes is not None and minutes[1] > minutes[0]:
        about |= OF_LENGTH
    kinds = tuple(kind for kind in found.kinds if kind in about)
    return replace(
        found,
        kinds=kinds,
        overlapping=found.overlapping if BookingWarning.OVERLAPS in kinds else (),
        same_home=found.same_home if BookingWarning.HOME_TAKEN in kinds else (),
    )


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)
