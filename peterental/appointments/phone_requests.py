"""What becomes of a caller's wish: decided from what lies on the desk, before anything is written. Pure.

Each function gives a Decision or raises the Refusal that says why not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from peterental.agents.model import Agent, AgentInactive, AgentUnknown
from peterental.appointments.agreement import addresses_match, names_match
from peterental.appointments.availability import Availability, BookedInterval, UnavailableReason
from peterental.appointments.clocks import read_part
from peterental.appointments.meaning import (
    ClockMissing,
    Context,
    DayMissing,
    Days,
    Moment,
    Question,
    Skipped,
    WhichHalf,
)
from peterental.appointments.model import (
    PHONE,
    AddressMissing,
    AlreadyBooked,
    Appointment,
    Booked,
    BookingRequest,
    CallerUnknown,
    Cancelled,
    DayFull,
    Found,
    Hours,
    IdentityMismatch,
    IdentityUnconfirmed,
    Moved,
    NameMissing,
    NoBooking,
    NoneAvailable,
    NotASlotStart,
    OutsideHours,
    Part,
    SlotTaken,
    SlotUnavailable,
    TimePast,
    TimesOffered,
    TimeUnclear,
    TooFar,
    TooSoon,
    WhichBooking,
)
from peterental.appointments.reading import read_days, read_start
from peterental.calls.model import CallHistory, Outcome, ToolInvocation
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.errors import Refusal

NOON_MIN = 12 * 60
UNBOOKED = 0
"""The id of an appointment that the database has not numbered yet."""


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """A tool call and all that is known when it is decided.

    Args:
        now: the present moment, aware.
        delivery: the tool call.
        agent: whose phone was called; None where nobody is registered for it.
        taken: what is not free.
        own: this caller's upcoming bookings with the agent, by number or from this very call, soonest first.
        so_far: what this phone call was told before.
    """

    now: datetime
    invocation: ToolInvocation
    agent: Agent | None
    taken: tuple[BookedInterval, ...] = ()
    own: tuple[Appointment, ...] = ()
    call_history: CallHistory = field(default_factory=CallHistory)

    @cached_property
    def reachable_agent(self) -> Agent:
        """The agent. Raises AgentUnknown, AgentInactive."""
        if self.agent is None:
            raise AgentUnknown
        if not self.agent.is_active:
            raise AgentInactive(agent_name=self.agent.agent_name)
        return self.agent

    @property
    def by_number(self) -> tuple[Appointment, ...]:
        """Those bookings that are the caller's by number. Raises CallerUnknown, NoBooking."""
        number = self.invocation.caller_number
        if number is None:
            raise CallerUnknown
        bookings = tuple(booking for booking in self.own if booking.caller_number == number)
        if not bookings:
            raise NoBooking
        return bookings

    def own_at(self, home: str) -> list[Appointment]:
        """Give the caller's bookings of one home; a message of this call that lacks the number is the caller's too."""
        number = self.invocation.caller_number
        return [
            booking
            for booking in self.own
            if addresses_match(booking.property_address, home)
            and (booking.caller_number == number or number is None or booking.caller_number is None)
        ]

    def availability(self, without: Appointment | None = None) -> Availability:
        """The agent's timetable, as it is or as it would be without one booking."""
        agent = self.reachable_agent
        gone = without.appointment_id if without else None
        taken = [t for t in self.taken if gone is None or t.appointment_id != gone]
        return Availability(agent.rules, agent.zone, self.now, taken)

    def context(self, request: BookingRequest) -> Context:
        """What the wish's times are read against."""
        agent = self.reachable_agent
        return Context(
            now=self.now, zone=agent.zone, rules=agent.rules, offered=self.call_history.offered, said=request.said
        )


@dataclass(frozen=True)
class Decision:
    """What to tell, and what to write first.

    Args:
        outcome: what to tell.
        label: the outcome's one word in the log of tool calls.
        change: what to write of `appointment`, if anything.
        appointment: what it is about.
        said_before: the sentence in which this call was told of a cancellation already, to be said again.
    """

    outcome: Outcome
    label: str
    change: Literal["insert", "move", "cancel"] | None = None
    appointment: Appointment | None = None
    old_start: datetime | None = None
    said_before: str | None = None


def offer_slots(situation: RequestContext, request: BookingRequest) -> Decision:
    """Find up to three times as asked for, or the nearest others."""
    agent = situation.reachable_agent
    availability = situation.availability()
    days = read_days(request.date, situation.context(request))
    if isinstance(days, Question):
        raise TimeUnclear(days, availability.pick_diverse(availability.free()))
    part = read_part(request.time_of_day, situation.context(request))
    if part is None and days is not None:
        part = days.part if days.clock_min is None else days.clock_min
    times = _times(availability, days, part)
    if times:
        return Decision(TimesOffered(request.property_address, times), "answered")
    around = days.first if days is not None else availability.today
    nearest = availability.nearest(instant_of(around, _middle(part), agent.zone) or situation.now)
    if around > availability.last_day:
        raise TooFar(nearest, horizon_days=agent.rules.horizon_days)
    day = days.first if days is not None and days.first == days.last else None
    asked_part = None if isinstance(part, int) else part
    return Decision(NoneAvailable(request.property_address, day, asked_part, nearest), "answered")


def book(situation: RequestContext, request: BookingRequest) -> Decision:
    """Decide on a new viewing; one that this caller already has of that home stands in its place."""
    agent = situation.reachable_agent
    if not request.property_address:
        raise AddressMissing
    if not request.attendee_name:
        raise NameMissing
    availability = situation.availability()
    start = _start(situation, request, availability)
    own = situation.own_at(request.property_address)
    for booking in own:
        if booking.start == start:
            return _already_booked(booking, Booked(booking))
    for booking in own:
        if booking.caller_number == situation.invocation.caller_number:
            raise AlreadyBooked(booking, movable=booking.caller_number is not None)
    _check(availability, start)
    appointment = Appointment(
        appointment_id=UNBOOKED,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        property_address=request.property_address,
        start=start,
        end=start + timedelta(minutes=agent.rules.slot_minutes),
        status="confirmed",
        attendee_name=request.attendee_name,
        attendee_email=request.attendee_email,
        attendee_phone=request.attendee_phone,
        caller_number=situation.invocation.caller_number,
        vapi_call_id=situation.invocation.vapi_call_id,
        created_at=situation.now,
        booked_by=PHONE,
    )
    return Decision(Booked(appointment), "booked", "insert", appointment)


def move(situation: RequestContext, request: BookingRequest) -> Decision:
    """Decide on another time for a booking of the caller's; a refused move leaves it where it is."""
    agent = situation.reachable_agent
    booking = _target_booking(situation, request)
    availability = situation.availability(without=booking)
    start = _start(situation, request, availability)
    if start == booking.start:
        return _already_booked(booking, Moved(booking))
    _check(availability, start)
    moved = replace(booking, start=start, end=start + timedelta(minutes=agent.rules.slot_minutes))
    return Decision(Moved(moved), "moved", "move", moved, old_start=booking.start)


def cancel(situation: RequestContext, request: BookingRequest) -> Decision:
    """Decide on a cancellation; asked for again in the same words, it is told again."""
    _ = situation.reachable_agent
    try:
        booking = _target_booking(situation, request)
    except (NoBooking, IdentityMismatch):
        said_before = situation.call_history.answer_to_identical_call(situation.invocation, "cancelled")
        if said_before is None:
            raise
        return Decision(Outcome(), "answered", said_before=said_before)
    return Decision(Cancelled(booking), "cancelled", "cancel", booking)


def find(situation: RequestContext, request: BookingRequest) -> Decision:
    """Find the caller's own bookings; nothing is told of them before a second fact agrees."""
    _ = situation.reachable_agent
    bookings = situation.by_number
    if not request.attendee_name and not request.property_address:
        return Decision(IdentityUnconfirmed(len(bookings)), "answered")
    return Decision(Found(_matching(bookings, request)), "answered")


def offered_by(result: Outcome | Refusal) -> tuple[datetime, ...]:
    """Give the starting times that the sentence about `result` names as free."""
    match result:
        case TimesOffered(times=times):
            return times
        case NoneAvailable(nearest=nearest) | SlotUnavailable(nearest=nearest):
            return nearest
        case _:
            return ()


def _already_booked(booking: Appointment, outcome: Outcome) -> Decision:
    """Tell of a booking as it stands now: what this call was told of it before may have been moved since."""
    return Decision(outcome, "answered", appointment=booking)


def _matching(bookings: tuple[Appointment, ...], request: BookingRequest) -> tuple[Appointment, ...]:
    """Give the bookings that go with every fact given. Raises FactDisagrees where there is none."""
    name, home = request.attendee_name, request.property_address
    agreeing = tuple(
        booking
        for booking in bookings
        if (not name or names_match(name, booking.attendee_name))
        and (not home or addresses_match(home, booking.property_address))
    )
    if not agreeing:
        raise IdentityMismatch
    return agreeing


def _target_booking(situation: RequestContext, request: BookingRequest) -> Appointment:
    """Give the one booking that is to be changed. Raises CallerUnknown, NoBooking, FactDisagrees, WhichBooking."""
    agreeing = _matching(situation.by_number, request)
    if len(agreeing) > 1:
        raise WhichBooking(agreeing, proven=bool(request.attendee_name or request.property_address))
    return agreeing[0]


def _start(situation: RequestContext, request: BookingRequest, availability: Availability) -> datetime:
    """Read the time wished for. Raises TimeUnclear with free times that come near to what was said."""
    read = read_start(request.start_time, situation.context(request))
    if isinstance(read, Moment):
        return read.start
    match read:
        case DayMissing(clock_min=minutes):
            near = availability.at_time_of_day(minutes)
        case ClockMissing(day=day, part=part):
            free = iter(availability.free_on(day))
            near = availability.pick_diverse(free if part is None else _within(free, part, availability))
        case Skipped(day=day, clock_min=minutes):
            wall = datetime.combine(day, time(), availability.zone) + timedelta(minutes=minutes)
            near = availability.nearest(wall)
        case WhichHalf():
            near = ()
        case _:
            near = availability.pick_diverse(availability.free())
    raise TimeUnclear(read, near)


def _check(availability: Availability, start: datetime) -> None:
    """Raise the refusal that says why `start` cannot be had, with the nearest free times."""
    reason = availability.reason_unavailable(start)
    if reason is None:
        return
    nearest = availability.nearest(start)
    match reason:
        case UnavailableReason.PAST:
            raise TimePast(nearest)
        case UnavailableReason.TOO_SOON:
            raise TooSoon(nearest, notice_minutes=availability.rules.notice_minutes)
        case UnavailableReason.TOO_FAR:
            raise TooFar(nearest, horizon_days=availability.rules.horizon_days)
        case UnavailableReason.OUTSIDE_HOURS:
            raise OutsideHours(nearest)
        case UnavailableReason.OFF_GRID:
            raise NotASlotStart(nearest)
        case UnavailableReason.TAKEN:
            raise SlotTaken(nearest)
        case UnavailableReason.DAY_FULL:
            raise DayFull(nearest)


def _times(availability: Availability, days: Days | None, part: Part | Hours | int | None) -> tuple[datetime, ...]:
    if isinstance(part, int):
        if days is None or days.first != days.last:
            return availability.at_time_of_day(part, _days_of(availability, days))
        wished = instant_of(days.first, part, availability.zone)
        free = availability.free_on(days.first)
        if wished is None:
            return availability.pick_diverse(iter(free))
        return tuple(sorted(sorted(free, key=lambda start: abs(start - wished))[:3]))
    free_times = availability.free(_days_of(availability, days))
    if part is not None:
        free_times = _within(free_times, part, availability)
    return availability.pick_diverse(free_times)


def _days_of(availability: Availability, days: Days | None) -> Iterator[date]:
    if days is None:
        return availability.days()
    return takewhile(lambda day: day <= days.last, (day for day in availability.days() if day >= days.first))


def _within(starts: Iterator[datetime], part: Part | Hours, availability: Availability) -> Iterator[datetime]:
    low, high = part.value if isinstance(part, Part) else (part.from_min, part.until_min)
    for start in starts:
        local = start.astimezone(availability.zone)
        if low <= local.hour * 60 + local.minute < high:
            yield start


def _middle(part: Part | Hours | int | None) -> int:
    """Give minutes after midnight to look around."""
    match part:
        case int():
            return part
        case Part(value=(low, high)):
            return int(low + high) // 2
        case Hours(from_min=0, until_min=edge) | Hours(from_min=edge, until_min=1440):
            return edge
        case Hours(from_min=low, until_min=high):
            return (low + high) // 2
        case _:
            return NOON_MIN
