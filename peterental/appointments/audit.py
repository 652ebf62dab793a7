"""Changes of viewings as the audit log records them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peterental.audit.model import NO_FIELDS, Change

if TYPE_CHECKING:
    from peterental.appointments.model import Appointment


def viewing_change(
    viewing: Appointment, action: str, before: Mapping[str, object] = NO_FIELDS, after: Mapping[str, object] = NO_FIELDS
) -> Change:
    """Return the audit log's record of a change of a viewing, under the names of its visitor and its home.

    Args:
        viewing: as it is after the change.
        action: what was done, in the past tense.
        before: the values of the changed fields before.
        after: their values after.
    """
    return Change(
        action=action,
        subject_kind="appointment",
        subject_id=str(viewing.appointment_id),
        subject_name=f"{viewing.attendee_name}, {viewing.property_address}",
        before=before,
        after=after,
    )
