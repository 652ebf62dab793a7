"""A viewing as programs read it, in the JSON of the API and of webhooks. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from peterental.appointments.model import Status
from peterental.clock import in_utc

if TYPE_CHECKING:
    from peterental.appointments.model import Appointment


class ViewingDocument(msgspec.Struct, frozen=True, kw_only=True, rename={"viewing_id": "id"}):
    """A viewing.

    `home` is the name of the home in the catalogue, else the words with which it was booked.
    `start` and `end` have the offset of the agent's time zone; `start_utc` and `end_utc` are the same moments in UTC.
    """

    viewing_id: int
    status: Status
    agent_id: str
    agent_name: str
    home: str
    home_id: int | None
    is_home_unknown: bool
    visitor_name: str
    visitor_email: str | None
    visitor_phone: str | None
    start: datetime
    start_utc: datetime
    end: datetime
    end_utc: datetime
    time_zone: str
    minutes: int
    overlap_allowed: bool
    confirmed_at: datetime | None
    released_at: datetime | None
    booked_by: str | None
    call_id: str | None
    created_at: datetime | None
    updated_at: datetime | None


def viewing_document(viewing: Appointment) -> ViewingDocument:
    """Return a viewing as programs read it."""
    return ViewingDocument(
        viewing_id=viewing.appointment_id,
        status=viewing.status,
        agent_id=viewing.agent_id,
        agent_name=viewing.agent_name,
        home=viewing.home,
        home_id=viewing.property_id,
        is_home_unknown=viewing.is_home_unknown,
        visitor_name=viewing.attendee_name,
        visitor_email=viewing.attendee_email,
        visitor_phone=viewing.attendee_phone,
        start=viewing.local_start,
        start_utc=viewing.start.astimezone(UTC),
        end=viewing.local_end,
        end_utc=viewing.end.astimezone(UTC),
        time_zone=viewing.time_zone,
        minutes=round((viewing.end - viewing.start).total_seconds() / 60),
        overlap_allowed=viewing.overlap_allowed,
        confirmed_at=in_utc(viewing.confirmed_at),
        released_at=in_utc(viewing.released_at),
        booked_by=viewing.booked_by,
        call_id=viewing.vapi_call_id,
        created_at=in_utc(viewing.created_at),
        updated_at=in_utc(viewing.updated_at),
    )
