"""The form with which a user edits a viewing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from peterental.appointments.manual.model import ViewingEdit
from peterental.appointments.model import Appointment


def entry_of(old: Appointment, **fields: Any) -> ViewingEdit:
    """Return the form of a viewing as it is, but for some fields."""
    entry = ViewingEdit(
        agent_id=old.agent_id,
        property_address=old.property_address,
        property_id=old.property_id,
        attendee_name=old.attendee_name,
        attendee_email=old.attendee_email,
        attendee_phone=old.attendee_phone,
        notes=old.notes,
    )
    return replace(entry, **fields)
