"""Times and bookings of a shared line, and the refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from peterental.agents.model import Agent
from peterental.agents.shared_lines.model import Choice
from peterental.errors import Forbidden


class LineNotVisible(Forbidden):
    """This line books agents of other users, so only an admin may use it here."""


@dataclass(frozen=True)
class LineTimes:
    """The free times of a line.

    Args:
        holder: whose line it is; days and times are on its clock.
        agents: whom the line can book, in order.
        choice: how one of those who are free is chosen.
        days: the free starting times of each day, in order, each with the ids of the agents who are free, the one
            who would be booked now first.
    """

    holder: Agent
    agents: tuple[Agent, ...]
    choice: Choice
    days: Mapping[date, Mapping[datetime, tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True)
class LineBooking:
    """A viewing to be booked with one of a line's agents.

    Args:
        line_agent_id: whose line it is.
        start: aware.
        key: of the form or the request; the same one books once.
        property_address: the name of the home.
        property_id: the home in the catalogue; None for other words.
        attendee_name: the visitor.
        attendee_email, attendee_phone: how the visitor is reached; None for not.
    """

    line_agent_id: str
    start: datetime
    key: str
    property_address: str
    attendee_name: str
    attendee_email: str | None = None
    attendee_phone: str | None = None
    property_id: int | None = None
