"""Viewings, requests for them, their outcomes and refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple
from zoneinfo import ZoneInfo

from peterental.agents.model import Language
from peterental.calls.model import Outcome
from peterental.errors import NotFound, Refusal
from peterental.plural import counted

if TYPE_CHECKING:
    from peterental.appointments.closed_days import Closed
    from peterental.appointments.date_parsing import Clarification, Search
    from peterental.matching import Discriminator
    from peterental.properties.model import Property
    from peterental.properties.search import HomeSearch, HomesFound

Status = Literal["confirmed", "cancelled", "completed", "no_show"]
EventKind = Literal[
    "booked", "moved", "cancelled", "completed", "no_show", "reopened", "confirmed", "released", "edited"
]

PHONE = "phone"
"""The actor of a change by a phone call. The actor of a user's change is the e-mail address."""

VISITOR = "visitor"
"""The actor of a change that the visitor made by its link, or by answering a text."""

UNCONFIRMED = "unconfirmed"
"""The actor that releases viewings which their visitors did not confirm."""


ERASED_NAME = "Name deleted"
"""Stands in for the name of a visitor whose data was deleted."""


@dataclass(frozen=True, kw_only=True)
class BookingSummary:
    """A viewing as lists show it: when, of which home, and who comes. Times are UTC."""

    appointment_id: int
    start: datetime
    end: datetime
    property_address: str
    """What was said of the home."""
    attendee_name: str
    home_label: str | None = None
    """What the catalogue calls the home; None for one that is not in it."""

    @property
    def home(self) -> str:
        """The name of the home: the catalogue's, or what was said."""
        return self.home_label or self.property_address


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
    confirmed_at: datetime | None = None
    """When the visitor confirmed to come; None if it did not, and after a move."""
    released_at: datetime | None = None
    """When it was cancelled because the visitor did not confirm it."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    booked_by: str | None = None
    """The actor of its first event; None for a booking older than the history."""
    names_agent: bool = False
    """Whether sentences for the caller name its agent, because the line has several."""
    property_id: int | None = None
    """The home in the catalogue; None for one that is not in it."""
    is_home_unknown: bool = False
    """Whether the caller named a home that the catalogue does not have."""
    language: Language = "en"
    """The agent's, in which the visitor is addressed."""
    notes: str | None = None
    """What the office noted; read with single viewings for users only, else None."""

    @property
    def is_by_phone(self) -> bool:
        """Whether a phone call booked it rather than a user.

        A phone call may have no id, so the history decides. Without a history the call id decides: NULL means a manual
        booking, as migration 001 says.
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


# --- requests by phone -----------------------------------------------------------------------------------------------


class SpokenLine(NamedTuple):
    """A line of a conversation.

    Args:
        by_caller: whether the caller said it, and not the assistant.
        text: what was said, as it was sent.
    """

    by_caller: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class BookingRequest:
    """The arguments of a tool call about a viewing, sanitized but not yet parsed.

    Args:
        start_time, date, time_of_day: as the model sent them, of any type.
        said: returns the caller's own lines so far, oldest first; called only where they matter.
        dialogue: returns the latest lines of both sides, oldest first; called only where they matter.
    """

    property_address: str | None = None
    start_time: object = None
    date: object = None
    time_of_day: object = None
    attendee_name: str | None = None
    attendee_email: str | None = None
    attendee_phone: str | None = None
    said: Callable[[], Sequence[str]] = tuple
    dialogue: Callable[[], Sequence[SpokenLine]] = tuple


# --- outcomes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimesOffered(Outcome):
    """Up to three free starting times that match the request."""

    home: str | None
    times: tuple[datetime, ...]


@dataclass(frozen=True, kw_only=True)
class NoneAvailable(Outcome):
    """Nothing is free where the caller asked.

    Args:
        home: the address, if one was named.
        search: what was asked for.
        nearest: free times near it; may be empty.
        latest: the day's last free time, if the caller asked for later ones.
        earliest: the day's first free time, if the caller asked for earlier ones.
        closed: why no day that was asked for has viewings; None for any other reason.
    """

    home: str | None
    search: Search
    nearest: tuple[datetime, ...]
    latest: datetime | None = None
    earliest: datetime | None = None
    closed: Closed | None = None


@dataclass(frozen=True)
class HomesNamed(Outcome):
    """Homes that fit what the caller looks for, or the nearest ones.

    Args:
        found: the homes.
        search: what the caller looks for.
    """

    found: HomesFound
    search: HomeSearch


@dataclass(frozen=True)
class ViewingOutcome(Outcome):
    """A viewing of the caller was changed, by this request or by an earlier one that was the same.

    Args:
        appointment: as it is now.
        will_text: whether the visitor will get a text about it.
    """

    appointment: Appointment
    will_text: bool = False


@dataclass(frozen=True)
class Booked(ViewingOutcome):
    """The viewing is booked, by this request or by an earlier one that was the same."""


@dataclass(frozen=True)
class Moved(ViewingOutcome):
    """The viewing was moved to its present time."""


@dataclass(frozen=True)
class Cancelled(ViewingOutcome):
    """The viewing was cancelled."""


@dataclass(frozen=True)
class Found(Outcome):
    """The caller's own upcoming viewings, soonest first.

    A second fact, the name or the address, agrees with each.
    """

    appointments: tuple[Appointment, ...]


@dataclass(frozen=True)
class IdentityUnconfirmed(Outcome):
    """The caller has upcoming viewings, but gave no second fact, so none is named."""

    count: int


# --- refusals --------------------------------------------------------------------------------------------------------


class AppointmentUnknown(NotFound):
    """There is no such appointment."""


class AddressMissing(Refusal):
    """The address of the home is missing."""


class NameMissing(Refusal):
    """The visitor's name is missing."""


class HomeRefusal(Refusal):
    """It is not clear that the home can be viewed.

    Args:
        name: of the home, or what the caller said.
        homes: those that it is about.
        differences: what tells them apart, one for each; may be empty.
    """

    def __init__(self, name: str, homes: tuple[Property, ...] = (), differences: tuple[str, ...] = ()) -> None:
        self.name = name
        self.homes = homes
        self.differences = differences
        super().__init__()


class WhichHome(HomeRefusal):
    """Which home is meant?

    Args:
        name, homes, differences: as in HomeRefusal; all that may be meant, however many a sentence names.
        is_choice: whether each of them fits what was said; else it may have been misheard.
        difference: the part that tells them apart.
    """

    def __init__(
        self,
        name: str,
        homes: tuple[Property, ...],
        differences: tuple[str, ...] = (),
        *,
        is_choice: bool = False,
        difference: Discriminator | None = None,
    ) -> None:
        self.is_choice = is_choice
        self.difference = difference
        super().__init__(name, homes, differences)


class HomeUnknown(HomeRefusal):
    """The list of homes does not have that one. Is it right?"""


class HomeRetired(HomeRefusal):
    """That home is no longer available."""


class HomeOfColleague(HomeRefusal):
    """Another colleague shows that home."""


class CallerUnknown(Refusal):
    """No booking can be looked up without the caller's number."""


class NoBooking(Refusal):
    """There is no upcoming booking for this caller."""


class IdentityMismatch(Refusal):
    """The name or address does not match any of this caller's bookings."""


class CallEnded(Refusal):
    """This call is over. Nothing was changed."""


class CalendarUnavailable(Refusal):
    """The agent's calendar cannot be read, so no time is offered or booked.

    Args:
        can_call_back: whether the agent was left a message with a number to call back.
    """

    def __init__(self, *, can_call_back: bool) -> None:
        self.can_call_back = can_call_back
        super().__init__()


class NumberMissing(Refusal):
    """There is no number to reach the visitor on."""


class WhichBooking(Refusal):
    """Several bookings match. Which one is meant?

    Args:
        appointments: those that match, soonest first.
        proven: whether a name or an address agreed, so that they may be named.
        differences: what tells them apart, one for each: "unit 2B", "unit 3A"; may be empty.
    """

    def __init__(
        self, appointments: tuple[Appointment, ...], *, proven: bool, differences: tuple[str, ...] = ()
    ) -> None:
        self.appointments = appointments
        self.proven = proven
        self.differences = differences
        super().__init__()


class BookingUnconfirmed(Refusal):
    """One booking may be meant, if the name or the address was misheard. Is it that one?"""

    def __init__(self, appointment: Appointment) -> None:
        self.appointment = appointment
        super().__init__()


class UnderAnotherName(Refusal):
    """The bookings of this number are under another name than the caller's."""


class AlreadyBooked(Refusal):
    """This caller already has a viewing of that home at another time."""

    def __init__(self, appointment: Appointment) -> None:
        self.appointment = appointment
        super().__init__()


class SlotUnavailable(Refusal):
    """That time is not available.

    Args:
        nearest: free times near it.
        start: the time that was understood, in UTC.
    """

    def __init__(self, nearest: tuple[datetime, ...] = (), *, start: datetime | None = None, **values: object) -> None:
        self.nearest = nearest
        self.start = start
        super().__init__(**values)


class BookedForAnother(SlotUnavailable):
    """Another person has a viewing of that home on the caller's number.

    Args:
        appointment: that viewing.
        attendee_name: for whom another one was asked for.
        nearest: free times for it, where the wanted one is that of the viewing.
    """

    def __init__(self, appointment: Appointment, attendee_name: str, nearest: tuple[datetime, ...] = ()) -> None:
        self.appointment = appointment
        self.attendee_name = attendee_name
        super().__init__(nearest)


class SlotTaken(SlotUnavailable):
    """That time was just taken."""


class HomeTaken(SlotTaken):
    """Another viewing of this home is at that time, and the office wants one at a time. Choose another time."""


class TimePast(SlotUnavailable):
    """That time is in the past."""


class TooSoon(SlotUnavailable):
    """Viewings have to be booked at least {notice} ahead."""

    def __init__(
        self, nearest: tuple[datetime, ...] = (), *, notice_minutes: int, start: datetime | None = None
    ) -> None:
        self.notice_minutes = notice_minutes
        super().__init__(nearest, start=start, notice=counted(notice_minutes, "minute"))


class TooFar(SlotUnavailable):
    """Viewings can be booked at most {horizon} ahead."""

    def __init__(self, nearest: tuple[datetime, ...] = (), *, horizon_days: int, start: datetime | None = None) -> None:
        self.horizon_days = horizon_days
        super().__init__(nearest, start=start, horizon=counted(horizon_days, "day"))


class OutsideHours(SlotUnavailable):
    """That is outside working hours.

    Args:
        nearest, start: as in SlotUnavailable.
        first, last: the first and the last starting time of that day, in UTC; None on a day without viewings.
    """

    def __init__(
        self,
        nearest: tuple[datetime, ...] = (),
        *,
        start: datetime | None = None,
        first: datetime | None = None,
        last: datetime | None = None,
    ) -> None:
        self.first = first
        self.last = last
        super().__init__(nearest, start=start)


class NotOpen(SlotUnavailable):
    """There are no viewings then: the office is closed, or the agent is not available.

    Args:
        nearest, start: as in SlotUnavailable.
        closed: why.
    """

    def __init__(self, nearest: tuple[datetime, ...] = (), *, start: datetime, closed: Closed) -> None:
        self.closed = closed
        super().__init__(nearest, start=start)


class NotASlotStart(SlotUnavailable):
    """No viewing starts at that minute."""


class DayFull(SlotUnavailable):
    """No more viewings fit on that day."""


class TimeUnclear(SlotUnavailable):
    """It is not clear which time is meant."""

    def __init__(self, question: Clarification, nearest: tuple[datetime, ...] = ()) -> None:
        self.question = question
        super().__init__(nearest)
