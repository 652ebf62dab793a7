"""What the event of a viewing says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.calendars.model import Marker, ViewingEvent
from peterental.calendars.notes import LABELS

if TYPE_CHECKING:
    from peterental.appointments.calendar_events.model import ViewingOfEvent


def event_of(
    viewing: ViewingOfEvent,
    namespace: str,
    revision: int,
    *,
    event_id: str | None,
    public_url: str | None,
    version: int | None = None,
) -> ViewingEvent:
    """Return the event of a viewing.

    Args:
        viewing: which.
        namespace: of this installation.
        revision: of the event.
        event_id: the provider's id; None if it is to be created.
        public_url: where the pages are reached; None leaves the link out.
        version: of the viewing, for the stamp; None leaves the stamp out.
    """
    url = f"{public_url}/appointments/{viewing.appointment_id}" if public_url else None
    phone = viewing.attendee_phone or viewing.caller_number
    values = (viewing.attendee_name, phone, viewing.attendee_email, url)
    return ViewingEvent(
        marker=Marker(namespace, viewing.appointment_id, revision),
        event_id=event_id,
        start=viewing.start,
        end=viewing.end,
        zone=ZoneInfo(viewing.time_zone),
        title=f"Viewing: {viewing.property_address} ({viewing.attendee_name})",
        location=viewing.property_address,
        description="\n".join(f"{label} {value}" for label, value in zip(LABELS, values, strict=True) if value),
        url=url,
        sequence=viewing.sequence,
        updated_at=viewing.updated_at,
        version=version,
    )
