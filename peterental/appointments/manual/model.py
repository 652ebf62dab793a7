"""What people want done with a viewing, what they are told first, and what can be refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Literal

from peterental.agents.model import Agent
from peterental.appointments.model import Appointment, EventKind, Status
from peterental.errors import Refusal

LONGEST_MIN = 480
"""As long as an agent's own viewings may be."""

MANUAL_KEY_PREFIX = "form:"
"""With what the key of a form begins, where a booking by phone has the id of its tool call."""


class BookingWarning(Enum):
    """What speaks against a time; people may take it all the same, once they know."""

    AGENT_OFF = "the agent takes no bookings at present"
    PAST = "it is past"
    TOO_SOON = "it is within the minimum notice"
    TOO_FAR = "it is beyond the horizon"
    OUTSIDE_HOURS = "it is outside working hours"
    DAY_FULL = "the day has as many viewings as it may have"
    BUSY = "the agent has something else then"
    OVERLAPS = "it overlaps another viewing"


@dataclass(frozen=True)
class BookingWarnings:
    """All that speaks against a time.

    Args:
        start: the time.
        concerns: in the order of Concern.
        overlapping: the viewings that it overlaps, their pauses included, the first few of them.
    """

    start: datetime
    concerns: tuple[BookingWarning, ...] = ()
    overlapping: tuple[Appointment, ...] = ()

    @property
    def facts(self) -> frozenset[str]:
        """What somebody has to have been told, to do it all the same: this time, these concerns, these viewings."""
        about = {concern.name for concern in self.concerns} | {str(a.appointment_id) for a in self.overlapping}
        return frozenset(f"{self.start.isoformat()}/{fact}" for fact in about)


@dataclass(frozen=True, kw_only=True)
class WallClockTime:
    """A time on the agent's wall clock, and what whoever chose it has been told about it.

    Args:
        day: on the agent's calendar.
        clock_min: minutes after midnight.
        told: facts of Doubts that they know of and accept.
    """

    day: date
    clock_min: int
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NewBooking:
    """A viewing to be booked by hand.

    Args:
        key: of the form it was typed into; the same form books once.
        length_min: up to LONGEST_MIN; None is the agent's own.
    """

    agent_id: str
    when: WallClockTime
    key: str
    property_address: str
    attendee_name: str
    attendee_email: str | None = None
    attendee_phone: str | None = None
    length_min: int | None = None


@dataclass(frozen=True)
class ExpectedState:
    """A viewing as somebody saw it before they changed it."""

    updated_at: datetime
    start: datetime
    status: Status


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a viewing's history. Times are UTC; the actor is PHONE or an e-mail address."""

    kind: EventKind
    happened_at: datetime
    actor: str
    old_start: datetime | None = None
    new_start: datetime | None = None


@dataclass(frozen=True)
class DayAvailability:
    """An agent's day, for whoever books by hand.

    Args:
        agent: whose.
        times: its free starting times, UTC, in order.
        nearest: free times of other days, where it has none.
    """

    agent: Agent
    times: tuple[datetime, ...]
    nearest: tuple[datetime, ...] = ()


Action = Literal["cancel", "complete", "no_show", "reopen"]


@dataclass(frozen=True)
class Transition:
    """What an action does to a viewing's status."""

    before: frozenset[Status]
    after: Status
    kind: EventKind


TRANSITIONS: Mapping[Action, Transition] = {
    "cancel": Transition(frozenset({"confirmed"}), "cancelled", "cancelled"),
    "complete": Transition(frozenset({"confirmed"}), "completed", "completed"),
    "no_show": Transition(frozenset({"confirmed"}), "no_show", "no_show"),
    "reopen": Transition(frozenset({"cancelled", "completed", "no_show"}), "confirmed", "reopened"),
}


class ConfirmationRequired(Refusal):
    """Something speaks against that time."""

    def __init__(self, warnings: BookingWarnings, nearest: tuple[datetime, ...]) -> None:
        self.warnings = warnings
        self.nearest = nearest
        super().__init__()


class InvalidDuration(Refusal):
    """A viewing takes from 5 minutes to 8 hours."""


class FormKeyConflict(Refusal):
    """This form has just booked, for another agent."""


class DuplicateSubmission(Refusal):
    """This form has booked already, and was not booked again."""

    def __init__(self, appointment: Appointment) -> None:
        self.appointment = appointment
        super().__init__()


class EditConflict(Refusal):
    """Somebody changed this viewing meanwhile."""

    def __init__(self, seen: ExpectedState | None, current: Appointment) -> None:
        self.seen = seen
        self.current = current
        super().__init__()


class NotStartedYet(Refusal):
    """This viewing has not begun yet."""


class InvalidTransition(Refusal):
    """That cannot be done with a viewing that is {status}."""


class SameTime(Refusal):
    """It is at that time already."""
