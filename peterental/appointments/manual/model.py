"""Manual bookings, the warnings that users confirm, and the refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent
from peterental.agents.working_hours.model import BusyBlock
from peterental.appointments.model import Appointment, EventKind, HomeTaken, Status
from peterental.calendars.account import CalendarAge
from peterental.database.connect import Connection
from peterental.errors import Refusal

MIN_DURATION_MIN = 5
MAX_DURATION_MIN = 480
"""The range of an agent's own slot length, too."""

MAX_NOTES_CHARS = 2_000

MANUAL_KEY_PREFIX = "form:"
"""Prefix of a form's key, which is stored where a booking by phone has the id of its tool call."""


class BookingWarning(Enum):
    """A reason against a time. A user may book the time anyway, after confirming it."""

    AGENT_INACTIVE = "the agent takes no bookings at present"
    PAST = "it is past"
    TOO_SOON = "it is within the minimum notice"
    TOO_FAR = "it is beyond the horizon"
    OUTSIDE_HOURS = "it is outside working hours"
    DAY_FULL = "the day has as many viewings as it may have"
    BUSY = "the agent has something else then"
    OVERLAPS = "it overlaps another viewing"
    CALENDAR_STALE = "the agent's calendar was read too long ago"
    HOME_TAKEN = "another agent has a viewing of this home then, and the office wants one at a time"


@dataclass(frozen=True, kw_only=True)
class HomeViewing:
    """A viewing that another agent has of a home. Times are UTC.

    Args:
        agent_name, time_zone: of that agent.
        attendee_name: the visitor; None if the user who asks may not see the viewing.
    """

    appointment_id: int
    agent_name: str
    time_zone: str
    start: datetime
    end: datetime
    attendee_name: str | None

    @property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class BookingWarnings:
    """All reasons against a time.

    Args:
        start: the time.
        end: of the viewing, without the buffer.
        kinds: in the order of BookingWarning.
        overlapping: the first few viewings that it overlaps, buffers included.
        calendar_age: how old the agent's busy times are; None without a calendar.
        same_home: the first few viewings of the home that it overlaps, of other agents, where the office wants one at
            a time.
        moved_event_of: the viewing whose event a person moved there, in the calendar; None if there is none.
        busy: the first busy block that it overlaps; None if there is none.
    """

    start: datetime
    end: datetime
    kinds: tuple[BookingWarning, ...] = ()
    overlapping: tuple[Appointment, ...] = ()
    calendar_age: CalendarAge | None = None
    same_home: tuple[HomeViewing, ...] = ()
    moved_event_of: int | None = None
    busy: BusyBlock | None = None

    def leaves(self, start: datetime, end: datetime) -> bool:
        """Return whether the home is free between two moments, as far as `same_home` shows."""
        return all(other.end <= start or other.start >= end for other in self.same_home)

    @property
    def allows_overlap(self) -> bool:
        """Whether a viewing at this time overlaps another one, of its agent or of its home, which a user confirms."""
        return not {BookingWarning.OVERLAPS, BookingWarning.HOME_TAKEN}.isdisjoint(self.kinds)

    @property
    def fingerprints(self) -> frozenset[str]:
        """What to acknowledge to book anyway: these warnings and viewings at this time."""
        about = {kind.name for kind in self.kinds} | {str(other.appointment_id) for other in self.overlapping}
        about |= {str(other.appointment_id) for other in self.same_home}
        return frozenset(f"{self.start.isoformat()}/{item}" for item in about)


@dataclass(frozen=True, kw_only=True)
class WallClockTime:
    """A time on the agent's wall clock, and the acknowledged warnings about it.

    Args:
        day: on the agent's calendar.
        clock_min: minutes after midnight.
        acknowledged: fingerprints of BookingWarnings.
    """

    day: date
    clock_min: int
    acknowledged: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NewBooking:
    """A viewing to be booked manually.

    Args:
        key: of the form; the same form books once.
        duration_min: from MIN_DURATION_MIN to MAX_DURATION_MIN; None for the agent's own slot length.
        property_id: the home in the catalogue; None for other words.
    """

    agent_id: str
    when: WallClockTime
    key: str
    property_address: str
    attendee_name: str
    attendee_email: str | None = None
    attendee_phone: str | None = None
    duration_min: int | None = None
    property_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class ViewingEdit:
    """Everything about a viewing that a user can edit, as it is to be.

    Args:
        agent_id: who shows the home.
        duration_min: from MIN_DURATION_MIN to MAX_DURATION_MIN; None keeps the length.
        property_address: the name of the home.
        property_id: the home in the catalogue; None for other words.
        attendee_name: the visitor.
        attendee_email, attendee_phone: how the visitor is reached; None for not.
        notes: of the office, at most MAX_NOTES_CHARS.
        acknowledged: fingerprints of BookingWarnings.
    """

    agent_id: str
    duration_min: int | None = None
    property_address: str
    property_id: int | None = None
    attendee_name: str
    attendee_email: str | None = None
    attendee_phone: str | None = None
    notes: str | None = None
    acknowledged: frozenset[str] = frozenset()


Record = Callable[[Connection, int], None]
"""Records a viewing by its id in the transaction that makes or changes it, for one who must know that this was done."""


def unrecorded(connection: Connection, appointment_id: int) -> None:
    """Record nothing."""


ChangedField = Literal["home", "home_id", "agent", "agent_id", "minutes", "name", "phone", "email", "notes"]
"""What an edit changes: `home_id` is the home in the catalogue, `agent` the name at the time, `minutes` the length."""

Changes = Mapping[ChangedField, tuple[Any, Any]]
"""The old and the new value of each changed field. Triggers of migration 033 read them."""


@dataclass(frozen=True)
class ExpectedState:
    """The state of a viewing that a user saw before changing it."""

    updated_at: datetime
    start: datetime
    status: Status


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a viewing's history.

    Times are UTC; the actor is PHONE, VISITOR, UNCONFIRMED or an e-mail address.

    Args:
        changes: what an edit changed; empty for any other event.
    """

    kind: EventKind
    happened_at: datetime
    actor: str
    old_start: datetime | None = None
    new_start: datetime | None = None
    changes: Changes = field(default_factory=dict)


def made_before(seen: ExpectedState | None, events: Sequence[Event], kind: EventKind, actor: str) -> Event | None:
    """Return the event of a change that the same user already made to what they saw; None if there is none.

    That is how a form comes back that was sent twice, as by a double click.

    Args:
        seen: the state that the user saw.
        events: the history, oldest first.
        kind: of the change that is wanted.
        actor: the user's e-mail address.
    """
    since = [event for event in events if seen is not None and event.happened_at > seen.updated_at]
    is_same = len(since) == 1 and (since[0].kind, since[0].actor) == (kind, actor)
    return since[0] if is_same else None


@dataclass(frozen=True)
class DayAvailability:
    """The free times of an agent's day.

    Args:
        agent: whose.
        times: free starting times of the day, UTC, in order.
        nearest: free times of other days, if the day has none.
    """

    agent: Agent
    times: tuple[datetime, ...]
    nearest: tuple[datetime, ...] = ()


Action = Literal["cancel", "complete", "no_show", "reopen"]


@dataclass(frozen=True)
class Transition:
    """The change of a viewing's status by an action, and the event that records it."""

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
    """There are warnings about that time. Confirm them to book it anyway."""

    def __init__(self, warnings: BookingWarnings, nearest: tuple[datetime, ...]) -> None:
        self.warnings = warnings
        self.nearest = nearest
        super().__init__()


class HomeBusy(HomeTaken):
    """{agent} has another viewing of this home then, and the office wants one at a time.

    It is said about a viewing to be restored, which cannot be confirmed.

    Args:
        other: that viewing.
        nearest: free times of the agent of the viewing to be restored.
    """

    def __init__(self, other: HomeViewing, nearest: tuple[datetime, ...] = ()) -> None:
        self.other = other
        super().__init__(nearest, agent=other.agent_name)


class InvalidDuration(Refusal):
    """A viewing takes from 5 minutes to 8 hours."""


class FormKeyConflict(Refusal):
    """This form was just submitted, for another agent."""


class DuplicateSubmission(Refusal):
    """This form was already submitted. Nothing was booked again."""

    def __init__(self, appointment: Appointment) -> None:
        self.appointment = appointment
        super().__init__()


class EditConflict(Refusal):
    """Another user changed this viewing after you opened it."""

    def __init__(self, seen: ExpectedState | None, current: Appointment) -> None:
        self.seen = seen
        self.current = current
        super().__init__()


class NotStartedYet(Refusal):
    """This viewing has not started yet."""


class InvalidTransition(Refusal):
    """That is not possible for a viewing that is {status}."""


class SameTime(Refusal):
    """The viewing is already at that time."""


class NotesTooLong(Refusal):
    """Notes may have at most 2,000 characters."""


class HomeRetired(Refusal):
    """That home is no longer in the list of homes. Choose another one, or enter its address."""


class OnlyVisitorEditable(Refusal):
    """This viewing is over or cancelled. Only the name, the phone, the e-mail and the notes can be changed."""


class NothingEdited(Refusal):
    """Nothing was changed."""
