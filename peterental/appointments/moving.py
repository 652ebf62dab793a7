"""A viewing at another time, perhaps with another agent. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.appointments.availability import Availability
    from peterental.appointments.model import Appointment


def moved_to(booking: Appointment, start: datetime, agent: Agent, availability: Availability) -> Appointment:
    """Return a booking as it is at another time.

    Args:
        booking: as it is now.
        start: the new start, in UTC.
        agent: who is free then.
        availability: in which the time is free.
    """
    return replace(
        booking,
        start=start,
        end=start + timedelta(minutes=availability.slot_minutes_at(start)),
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        overlap_allowed=False,
        names_agent=booking.names_agent or agent.agent_id != booking.agent_id,
    )
