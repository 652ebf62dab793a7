"""A viewing as its visitor sees it, and why the visitor cannot change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from peterental.agents.model import Language
from peterental.appointments.model import Appointment
from peterental.errors import Refusal

REINSTATE_WITHIN = timedelta(minutes=30)
"""How long a visitor may take back a viewing that was released."""

DAYS_PER_PAGE = 5

VisitorState = Literal["open", "begun", "released", "cancelled", "over"]
"""open: it may be changed; begun: it is going on; released: it may be reinstated; the others have ended."""


@dataclass(frozen=True, kw_only=True)
class VisitorView:
    """A viewing as its visitor sees it. Times are UTC.

    Args:
        appointment: the viewing.
        state: what the visitor may do.
        handover_number: where the agent is reached; None if there is none.
        sequence: counts the changes that calendars have to know of.
        line_agent_id: whose line it belongs to: it can be moved to any agent of that line.
        reinstate_until: until when a released viewing may be reinstated; None for any other.
    """

    appointment: Appointment
    state: VisitorState
    handover_number: str | None
    sequence: int
    line_agent_id: str
    reinstate_until: datetime | None = None

    @property
    def language(self) -> Language:
        """In which the visitor is addressed."""
        return self.appointment.language

    @property
    def is_confirmed(self) -> bool:
        """Whether the visitor confirmed to come."""
        return self.appointment.confirmed_at is not None


@dataclass(frozen=True, kw_only=True)
class Contacts:
    """To whom links of a viewing lead to it.

    Args:
        recipients: the numbers and the address that the viewing has, and the number that it was booked from.
        were_corrected: whether a number or an address was replaced or removed since it was booked.
    """

    recipients: frozenset[str]
    were_corrected: bool


@dataclass(frozen=True, kw_only=True)
class FreeDays:
    """The next days on which a viewing may be moved to another time, on its agent's wall clock.

    Args:
        days: the free starting times of each day, in UTC, in order.
        page: from 1.
        has_more: whether there are free times after these days.
        has_colleagues: whether at some of these times another agent of the line would take over.
    """

    days: Mapping[date, tuple[datetime, ...]]
    page: int = 1
    has_more: bool = False
    has_colleagues: bool = False


class ViewingEnded(Refusal):
    """The viewing is over or was cancelled, so it cannot be changed."""


class ViewingChanged(Refusal):
    """The viewing was changed after the page was opened, so nothing was done."""


def visitor_uid(namespace: str, appointment_id: int) -> str:
    """Return the UID of the visitor's event of a viewing, which is another one than the agent's.

    Args:
        namespace: of this installation.
        appointment_id: which viewing.
    """
    return f"viewing-{appointment_id}-{namespace}@visitors.peterental"
