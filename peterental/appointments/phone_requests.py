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
from peterental.appointments.agreement import same_home, same_name
from peterental.appointments.availability import Reason, Taken, Timetable, instant_of
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
    Appointment,
    Booked,
    CallerUnknown,
    Cancelled,
    DayFull,
    FactDisagrees,
    Found,
    FoundUnproven,
    HomeMissing,
    Hours,
    Moved,
    NameMissing,
    NoBooking,
    NothingThen,
    NotThen,
    OffGrid,
    OutsideHours,
    Part,
    SlotTaken,
    StandsAlready,
    TimePast,
    TimesOffered,
    TimeUnclear,
    TooFar,
    TooSoon,
    WhichBooking,
    Wish,
)
from peterental.appointments.reading import read_days, read_start
from peterental.calls.model import CallSoFar, Delivery, Outcome

if TYPE_CHECKING:
    from peterental.errors import Refusal

NOON_MIN = 12 * 60
UNBOOKED = 0
"""The id of an appointment that the database has not numbered yet."""


@dataclass(frozen=True, kw_only=True)
class Situation:
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
    delivery: Delivery
    agent: Agent | None
    taken: tuple[Taken, ...] = ()
    own: tuple[Appointment, ...] = ()
    so_far: CallSoFar = field(default_factory=CallSoFar)

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
        number = self.delivery.caller_number
        if number is None:
            raise CallerUnknown
        bookings = tuple(booking for booking in self.own if booking.caller_number == number)
        if not bookings:
            raise NoBooking
        return bookings

    def own_of(self, home: str) -> list[Appointment]:
        """Give the caller's bookings of one home; a message of this call that lacks the number is the caller's too."""
        number = self.delivery.caller_number
        return [
            booking
            for booking in self.own
            if same_home(booking.property_address, home)
            and (booking.caller_number == number or number is None or booking.caller_number is None)
        ]

    def timetable(self, without: Appointment | None = None) -> Timetable:
        """The agent's timetable, as it is or as it would be without one booking."""
        agent = self.reachable_agent
        gone = without.appointment_id if without else None
        taken = [t for t in self.taken if gone is None or t.appointment_id != gone]
        return Timetable(agent.rules, agent.zone, self.now, taken)

    def context(self, wish: Wish) -> Context:
        """What the wish's times are read against."""
        agent = self.reachable_agent
        return Context(now=self.now, zone=agent.zone, rules=agent.rules, offered=self.so_far.offered, said=wish.said)


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


def offer(situation: Situation, wish: Wish) -> Decision:
    """Find up to three times as asked for, or the nearest others."""
    agent = situation.reachable_agent
    timetable = situation.timetable()
    days = read_days(wish.date, situation.context(wish))
    if isinstance(days, Question):
        raise TimeUnclear(days, timetable.spread(timetable.free()))
    part = read_part(wish.time_of_day, situation.context(wish))
    if part is None and days is not None:
        part = days.part if days.clock_min is None else days.clock_min
    times = _times(timetable, days, part)
    if times:
        return Decision(TimesOffered(wish.property_address, times), "answered")
    around = days.first if days is not None else timetable.today
    nearest = timetable.nearest(instant_of(around, _middle(part), agent.zone) or situation.now)
    if around > timetable.last_day:
        raise TooFar(nearest, horizon_days=agent.rules.horizon_days)
    day = days.first if days is not None and days.first == days.last else None
    asked_part = None if isinstance(part, int) else part
    return Decision(NothingThen(wish.property_address, day, asked_part, nearest), "answered")


def book(situation: Situation, wish: Wish) -> Decision:
    """Decide on a new viewing; one that this caller already has of that home stands in its place."""
    agent = situation.reachable_agent
    if not wish.property_address:
        raise HomeMissing
    if not wish.attendee_name:
        raise NameMissing
    timetable = situation.timetable()
    start = _start(situation, wish, timetable)
    own = situation.own_of(wish.property_address)
    for booking in own:
        if booking.start == start:
            return _stands(booking, Booked(booking))
    for booking in own:
        if booking.caller_number == situation.delivery.caller_number:
            raise StandsAlready(booking, movable=booking.caller_number is not None)
    _check(timetable, start)
    appointment = Appointment(
        appointment_id=UNBOOKED,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        property_address=wish.property_address,
        start=start,
        end=start + timedelta(minutes=agent.rules.slot_minutes),
        status="confirmed",
        attendee_name=wish.attendee_name,
        attendee_email=wish.attendee_email,
        attendee_phone=wish.attendee_phone,
        caller_number=situation.delivery.caller_number,
        vapi_call_id=situation.delivery.vapi_call_id,
        created_at=situation.now,
        booked_by=PHONE,
    )
    return Decision(Booked(appointment), "booked", "insert", appointment)


def move(situation: Situation, wish: Wish) -> Decision:
    """Decide on another time for a booking of the caller's; a refused move leaves it where it is."""
    agent = situation.reachable_agent
    booking = _meant(situation, wish)
    timetable = situation.timetable(without=booking)
    start = _start(situation, wish, timetable)
    if start == booking.start:
        return _stands(booking, Moved(booking))
    _check(timetable, start)
    moved = replace(booking, start=start, end=start + timedelta(minutes=agent.rules.slot_minutes))
    return Decision(Moved(moved), "moved", "move", moved, old_start=booking.start)


def cancel(situation: Situation, wish: Wish) -> Decision:
    """Decide on a cancellation; asked for again in the same words, it is told again."""
    _ = situation.reachable_agent
    try:
        booking = _meant(situation, wish)
    except (NoBooking, FactDisagrees):
        said_before = situation.so_far.answer_to_the_same(situation.delivery, "cancelled")
        if said_before is None:
            raise
        return Decision(Outcome(), "answered", said_before=said_before)
    return Decision(Cancelled(booking), "cancelled", "cancel", booking)


def find(situation: Situation, wish: Wish) -> Decision:
    """Find the caller's own bookings; nothing is told of them before a second fact agrees."""
    _ = situation.reachable_agent
    bookings = situation.by_number
    if not wish.attendee_name and not wish.property_address:
        return Decision(FoundUnproven(len(bookings)), "answered")
    return Decision(Found(_agreeing(bookings, wish)), "answered")


def offered_by(result: Outcome | Refusal) -> tuple[datetime, ...]:
    """Give the starting times that the sentence about `result` names as free."""
    match result:
        case TimesOffered(times=times):
            return times
        case NothingThen(nearest=nearest) | NotThen(nearest=nearest):
            return nearest
        case _:
            return ()


def _stands(booking: Appointment, outcome: Outcome) -> Decision:
    """Tell of a booking as it stands now: what this call was told of it before may have been moved since."""
    return Decision(outcome, "answered", appointment=booking)


def _agreeing(bookings: tuple[Appointment, ...], wish: Wish) -> tuple[Appointment, ...]:
    """Give the bookings that go with every fact given. Raises FactDisagrees where there is none."""
    name, home = wish.attendee_name, wish.property_address
    agreeing = tuple(
        booking
        for booking in bookings
        if (not name or same_name(name, booking.attendee_name))
        and (not home or same_home(home, booking.property_address))
    )
    if not agreeing:
        raise FactDisagrees
    return agreeing


def _meant(situation: Situation, wish: Wish) -> Appointment:
    """Give the one booking that is to be changed. Raises CallerUnknown, NoBooking, FactDisagrees, WhichBooking."""
    agreeing = _agreeing(situation.by_number, wish)
    if len(agreeing) > 1:
        raise WhichBooking(agreeing, proven=bool(wish.attendee_name or wish.property_address))
    return agreeing[0]


def _start(situation: Situation, wish: Wish, timetable: Timetable) -> datetime:
    """Read the time wished for. Raises TimeUnclear with free times that come near to what was said."""
    read = read_start(wish.start_time, situation.context(wish))
    if isinstance(read, Moment):
        return read.start
    match read:
        case DayMissing(clock_min=minutes):
            near = timetable.with_clock(minutes)
        case ClockMissing(day=day, part=part):
            free = iter(timetable.free_on(day))
            near = timetable.spread(free if part is None else _within(free, part, timetable))
        case Skipped(day=day, clock_min=minutes):
            wall = datetime.combine(day, time(), timetable.zone) + timedelta(minutes=minutes)
            near = timetable.nearest(wall)
        case WhichHalf():
            near = ()
        case _:
            near = timetable.spread(timetable.free())
    raise TimeUnclear(read, near)


def _check(timetable: Timetable, start: datetime) -> None:
    """Raise the refusal that says why `start` cannot be had, with the nearest free times."""
    reason = timetable.why_not(start)
    if reason is None:
        return
    nearest = timetable.nearest(start)
    match reason:
        case Reason.PAST:
            raise TimePast(nearest)
        case Reason.TOO_SOON:
            raise TooSoon(nearest, notice_minutes=timetable.rules.notice_minutes)
        case Reason.TOO_FAR:
            raise TooFar(nearest, horizon_days=timetable.rules.horizon_days)
        case Reason.OUTSIDE_HOURS:
            raise OutsideHours(nearest)
        case Reason.OFF_GRID:
            raise OffGrid(nearest)
        case Reason.TAKEN:
            raise SlotTaken(nearest)
        case Reason.DAY_FULL:
            raise DayFull(nearest)


def _times(timetable: Timetable, days: Days | None, part: Part | Hours | int | None) -> tuple[datetime, ...]:
    if isinstance(part, int):
        if days is None or days.first != days.last:
            return timetable.with_clock(part, _days_of(timetable, days))
        wished = instant_of(days.first, part, timetable.zone)
        free = timetable.free_on(days.first)
        if wished is None:
            return timetable.spread(iter(free))
        return tuple(sorted(sorted(free, key=lambda start: abs(start - wished))[:3]))
    free_times = timetable.free(_days_of(timetable, days))
    if part is not None:
        free_times = _within(free_times, part, timetable)
    return timetable.spread(free_times)


def _days_of(timetable: Timetable, days: Days | None) -> Iterator[date]:
    if days is None:
        return timetable.days()
    return takewhile(lambda day: day <= days.last, (day for day in timetable.days() if day >= days.first))


def _within(starts: Iterator[datetime], part: Part | Hours, timetable: Timetable) -> Iterator[datetime]:
    low, high = part.value if isinstance(part, Part) else (part.from_min, part.until_min)
    for start in starts:
        local = start.astimezone(timetable.zone)
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
