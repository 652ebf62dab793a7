"""A booking by phone that is not stored yet. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.appointments.model import PHONE, Appointment, BookingRequest

if TYPE_CHECKING:
    from peterental.appointments.availability import Availability
    from peterental.appointments.home_choice import HomeChoice
    from peterental.appointments.phone_requests import RequestContext

UNBOOKED = 0
"""The id of an appointment that the database has not numbered yet."""


def new_booking(  # noqa: PLR0917  # what a booking consists of
    context: RequestContext,
    request: BookingRequest,
    choice: HomeChoice,
    name: str,
    phone: str | None,
    start: datetime,
    availability: Availability,
) -> Appointment:
    """Return a booking that is not stored yet.

    Args:
        context: the tool call and the agent.
        request: the visitor's e-mail address is taken from it.
        choice: the home.
        name: the visitor's.
        phone: the visitor's number; None if none was given.
        start: when it starts, in UTC.
        availability: in which it is free.
    """
    agent, home = context.agent_for(start, availability), choice.home
    return Appointment(
        appointment_id=UNBOOKED,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        property_address=choice.said,
        property_id=choice.property_id,
        home_label=home.label if home else None,
        is_home_unknown=choice.is_unknown,
        start=start,
        end=start + timedelta(minutes=availability.slot_minutes_at(start)),
        status="confirmed",
        attendee_name=name,
        attendee_email=request.attendee_email,
        attendee_phone=phone,
        caller_number=context.caller_number,
        vapi_call_id=context.invocation.vapi_call_id,
        created_at=context.now,
        booked_by=PHONE,
        names_agent=context.team is not None and context.team.is_shared,
    )
