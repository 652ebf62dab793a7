"""What a viewing is, what may become of a wish for one, and what can be refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.calls.model import Outcome
from peterental.errors import NotFound, Refusal
from peterental.plural import counted

Status = Literal["confirmed", "cancelled", "completed", "no_show"]
EventKind = Literal["booked", "moved", "cancelled", "completed", "no_show", "reopened"]

PHONE = "phone"
"""Who did what a phone call did; what people do has their e-mail address."""


@dataclass(frozen=True, kw_only=True)
class BookingSummary:
    """A viewing as lists show it: when, of which home, and who comes. Times are UTC."""

    appointment_id: int
    start: datetime
    end: datetime
    property_address: str
    attendee_name: str


@dataclass(frozen=True, kw_only=True)
class Appointment(BookingSummary):
    """One viewing as stored. Times are UTC; `time_zone` is the agent's."""

    agent_id: str
    agent_name: str
    time_zone: str
    status: Status
    attendee_email: str | None = None
    attendee_phone: str | None = None
    caller_number: str | None = None
    vapi_call_id: str | None = None
    overlap_allowed: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    booked_by: str | None = None
    """The actor of its history: PHONE or an e-mail address; None for a booking from before there was a history."""

    @property
    def is_by_phone(self) -> bool:
        """Whether a phone call booked it, with or without an id of its own, rather than a user.

        Without a history the call id decides: NULL means a manual booking, as migration 001 says.
        """
        return self.booked_by == PHONE if self.booked_by is not None else self.vapi_call_id is not None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def local_start(self) -> datetime:
        """The start on the agent's wall clock."""
        return self.start.astimezone(self.zone)

    @property
    def local_end(self) -> datetime:
        """The end on the agent's wall clock."""
        return self.end.astimezone(self.zone)


class Part(Enum):
    """A part of the day, as wall-clock minutes after midnight: from, and before."""

    MORNING = (0, 12 * 60)
    AFTERNOON = (12 * 60, 17 * 60)
    EVENING = (17 * 60, 24 * 60)


@dataclass(frozen=True)
class Hours:
    """A stretch of the day that somebody asked for, in wall-clock minutes after midnight: from, and before."""

    from_min: int = 0
    until_min: int = 24 * 60


# --- what the phone asks for -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BookingRequest:
    """The arguments of a tool call about a viewing, cleaned but not yet understood.

    Args:
        start_time, date, time_of_day: as the model sent them, of any type.
        said: gives the caller's own lines so far, oldest first; asked for only where they matter.
    """

    property_address: str | None = None
    start_time: object = None
    date: object = None
    time_of_day: object = None
    attendee_name: str | None = None
    attendee_email: str | None = None
    attendee_phone: str | None = None
    said: Callable[[], Sequence[str]] = tuple


# --- what comes of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimesOffered(Outcome):
    """Up to three free starting times, as asked for."""

    home: str | None
    times: tuple[datetime, ...]


@dataclass(frozen=True)
class NoneAvailable(Outcome):
    """Nothing is free on the day or at the time of day asked for; `nearest` may be empty too."""

    home: str | None
    day: date | None
    part: Part | Hours | None
    nearest: tuple[datetime, ...]


@dataclass(frozen=True)
class Booked(Outcome):
    """This viewing stands: made just now, or found to be made already."""

    appointment: Appointment


@dataclass(frozen=True)
class Moved(Outcome):
    """This viewing has been moved to the time it now has."""

    appointment: Appointment


@dataclass(frozen=True)
class Cancelled(Outcome):
    """This viewing has been cancelled."""

    appointment: Appointment


@dataclass(frozen=True)
class Found(Outcome):
    """The caller's own upcoming viewings, soonest first; a second fact agreed with each."""

    appointments: tuple[Appointment, ...]


@dataclass(frozen=True)
class IdentityUnconfirmed(Outcome):
    """The caller's number has upcoming viewings, but no second fact was given yet, so nothing is told."""

    count: int


# --- what can be refused ---------------------------------------------------------------------------------------------


class AppointmentUnknown(NotFound):
    """There is no such appointment."""


class AddressMissing(Refusal):
    """Which home is to be seen is missing."""


class NameMissing(Refusal):
    """The visitor's name is missing."""


class CallerUnknown(Refusal):
    """Without the caller's number no booking can be looked up."""


class NoBooking(Refusal):
    """There is no upcoming booking for this caller."""


class IdentityMismatch(Refusal):
    """The name or address given does not go with any of this caller's bookings."""


class WhichBooking(Refusal):
    """Several bookings fit: which one is meant?"""

    def __init__(self, appointments: tuple[Appointment, ...], *, proven: bool) -> None:
        self.appointments = appointments
        self.proven = proven
        super().__init__()


class AlreadyBooked(Refusal):
    """This caller already has a viewing of that home, at another time."""

    def __init__(self, appointment: Appointment, *, movable: bool) -> None:
        self.appointment = appointment
        self.movable = movable
        super().__init__()


class SlotUnavailable(Refusal):
    """That time cannot be had."""

    def __init__(self, nearest: tuple[datetime, ...] = (), **values: object) -> None:
        self.nearest = nearest
        super().__init__(**values)


class SlotTaken(SlotUnavailable):
    """That time was just taken."""


class TimePast(SlotUnavailable):
    """That time is past."""


class TooSoon(SlotUnavailable):
    """Viewings have to be booked at least {notice} ahead."""

    def __init__(self, nearest: tuple[datetime, ...] = (), *, notice_minutes: int) -> None:
        self.notice_minutes = notice_minutes
        super().__init__(nearest, notice=counted(notice_minutes, "minute"))


class TooFar(SlotUnavailable):
    """Viewings can be booked at most {horizon} ahead."""

    def __init__(self, nearest: tuple[datetime, ...] = (), *, horizon_days: int) -> None:
        self.horizon_days = horizon_days
        super().__init__(nearest, horizon=counted(horizon_days, "day"))


class OutsideHours(SlotUnavailable):
    """That is outside working hours."""


class NotASlotStart(SlotUnavailable):
    """Viewings do not start at that minute."""


class DayFull(SlotUnavailable):
    """No more viewings fit on that day."""


class TimeUnclear(SlotUnavailable):
    """It is not clear which time is meant."""

    def __init__(self, question: object, nearest: tuple[datetime, ...] = ()) -> None:
        self.question = question
        super().__init__(nearest)
