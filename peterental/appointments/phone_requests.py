"""Decide what a tool call about viewings leads to, from all that is known, before anything is written. Pure.

Each function returns a Decision or raises the Refusal that explains why not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from peterental.agents.model import Agent, AgentInactive, AgentUnknown
from peterental.appointments import own_bookings
from peterental.appointments.availability import Availability, BookedInterval, without_booking
from peterental.appointments.busy_times import NO_BUSY_TIMES, BusyTimes
from peterental.appointments.date_parsing import (
    Asked,
    Clarification,
    Context,
    CurrentBooking,
    DayNeeded,
    ExactTime,
    NotUnderstood,
    Search,
    SkippedByDst,
    TimeNeeded,
    WhichOffer,
    parse_change,
    parse_search,
    parse_start,
)
from peterental.appointments.home_agreement import OtherHomeSaid, address_to_compare, agreed_home, agreed_viewing
from peterental.appointments.home_choice import (
    Catalogue,
    HomeChoice,
    choose_home,
    named_home,
    question_key,
)
from peterental.appointments.model import (
    AddressMissing,
    AlreadyBooked,
    Appointment,
    Booked,
    BookedForAnother,
    BookingRequest,
    BookingUnconfirmed,
    CallEnded,
    CallerUnknown,
    Cancelled,
    Found,
    HomeUnknown,
    IdentityMismatch,
    IdentityUnconfirmed,
    Moved,
    NameMissing,
    NoBooking,
    NoneAvailable,
    NumberMissing,
    SlotUnavailable,
    TimesOffered,
    TimeUnclear,
    UnderAnotherName,
    WhichBooking,
    WhichHome,
)
from peterental.appointments.moving import moved_to
from peterental.appointments.named_by_time import named_by_time
from peterental.appointments.new_booking import new_booking
from peterental.appointments.slot_search import closed_days_asked_about, find_times, none_available
from peterental.appointments.start_check import check_start
from peterental.appointments.team_availability import TeamAvailability
from peterental.calls.lookup import HOME_QUESTION
from peterental.calls.model import CallHistory, Outcome, ToolInvocation
from peterental.phone_numbers import dialable, means_caller_number, normalise, region_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peterental.agents.model import Rules
    from peterental.appointments.team import Team
    from peterental.errors import Refusal
    from peterental.properties.model import Property

TIME_TOOLS = frozenset(("set_appointment", "reschedule_appointment"))
"""The tools whose `start_time` may lead to a question about the time."""

QUESTION_KEYS: dict[type[Refusal | Outcome], str] = {
    AddressMissing: "address-needed",
    NameMissing: "name-needed",
    NumberMissing: "number-needed",
    BookedForAnother: "another-person",
    BookingUnconfirmed: "which-booking",
    WhichBooking: "which-booking",
    UnderAnotherName: "identity-needed",
    IdentityUnconfirmed: "identity-needed",
    AlreadyBooked: "move-instead",
}
"""The stable keys of questions that are not about a time; those about a time have their `Clarification.key`."""


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """A tool call and all that is known when it is decided.

    Args:
        now: the current time, aware.
        invocation: the tool call.
        agent: whose phone was called; None if no agent is registered for it.
        taken: bookings with the agent.
        busy: when the agent is busy otherwise.
        team: all agents of the line, if it has more than its own.
        own: upcoming bookings with the line's agents whose number ends like the caller's or that this call made,
            soonest first.
        textable: the numbers in E.164, of those in the tool call, that are texted about a change.
        call_history: the earlier tool calls of this call.
        catalogue: the homes that the caller may mean; None where the office has no catalogue.
        said_home: another address in the caller's own words, and the homes that it may mean, once they are read.
    """

    now: datetime
    invocation: ToolInvocation
    agent: Agent | None
    taken: tuple[BookedInterval, ...] = ()
    busy: BusyTimes = NO_BUSY_TIMES
    team: Team | None = None
    own: tuple[Appointment, ...] = ()
    textable: frozenset[str] = frozenset()
    call_history: CallHistory = field(default_factory=CallHistory)
    catalogue: Catalogue | None = None
    said_home: tuple[str, Catalogue] | None = None

    @property
    def known_agent(self) -> Agent:
        """The agent, active or not. Raises AgentUnknown."""
        if self.agent is None:
            raise AgentUnknown
        return self.agent

    @property
    def active_agent(self) -> Agent:
        """The agent. Raises AgentUnknown, AgentInactive."""
        if not self.known_agent.is_active:
            raise AgentInactive(agent_name=self.known_agent.agent_name)
        return self.known_agent

    @cached_property
    def region(self) -> str:
        """The country whose national phone numbers are meant."""
        return region_of(self.known_agent.time_zone)

    @cached_property
    def caller_number(self) -> str | None:
        """The caller's number in E.164; None for a withheld number or a placeholder."""
        return normalise(self.invocation.caller_number, self.region)

    @cached_property
    def callers_bookings(self) -> tuple[Appointment, ...]:
        """The caller's bookings, by number or made in this call, soonest first."""
        found = own_bookings.callers_bookings(self.own, self.invocation, self.caller_number, self.region)
        if self.team is None:
            return found
        return tuple(
            replace(booking, names_agent=self._names(booking.agent_id))
            for booking in found
            if self.team.has(booking.agent_id)
        )

    @property
    def bookings_to_change(self) -> tuple[Appointment, ...]:
        """The caller's bookings. Raises CallerUnknown, NoBooking where there is none."""
        if not self.callers_bookings:
            raise NoBooking if self.caller_number else CallerUnknown
        return self.callers_bookings

    def availability(self, without: Appointment | None = None, home: Property | None = None) -> Availability:
        """Return when a viewing of a home can be booked, or moved to.

        On a shared line it raises AgentInactive, CalendarStale.

        Args:
            without: the booking that is to be moved, which does not block itself.
            home: whose rules narrow the agent's, and whose other viewings are in the way where they may not overlap.
        """
        agent = self.known_agent
        ignored_id = without.appointment_id if without else None
        home_taken = self.catalogue.busy_times(home, ignored_id) if home and self.catalogue else NO_BUSY_TIMES
        if self.team is not None and without is not None:
            return self.team.availability_to_move(without, self.now, home, home_taken)
        if self.team is not None and self.team.is_shared:
            return self.team.availability(self.now, home, home_taken)
        taken = without_booking(self.taken, ignored_id)
        rules = home.narrowed(agent.rules) if home else agent.rules
        return Availability(rules, agent.zone, self.now, taken, self.busy, home_taken)

    def shows(self, home: Property) -> bool:
        """Return whether the agent, or one of those whom the line books, shows a home."""
        if self.team is not None and self.team.is_shared:
            return self.team.shows(home)
        return self.agent is not None and home.is_shown_by(self.agent.agent_id)

    def chosen_home(self, request: BookingRequest) -> HomeChoice | None:
        """Return the home that a request is about; None where it names none. Raise what `choose_home` raises."""
        if self.catalogue is None:
            home = own_bookings.wanted_home(request)
            return HomeChoice(home) if home else None
        words = request.property_address
        return choose_home(words, self.catalogue, self.shows, request.said) if words else None

    def required_home_and_name(self, request: BookingRequest) -> tuple[HomeChoice, str]:
        """Return the home and the name that bookings and entries of the waitlist need.

        Raise what `chosen_home` raises, AddressMissing, NameMissing.
        """
        choice, name = self.chosen_home(request), own_bookings.given_name(request)
        if choice is None:
            raise AddressMissing
        if name is None:
            raise NameMissing
        return choice, name

    def agreed_home(self, request: BookingRequest, choice: HomeChoice) -> HomeChoice:
        """Return the home to book, by the caller's own words too.

        Raise WhichHome to ask, and OtherHomeSaid where another home has to be looked up first.
        """
        if self.catalogue is None or choice.home is None:
            return choice
        lines = request.dialogue()
        if self.said_home is None:
            address = address_to_compare(choice.home, lines, self.people_in(request))
            if address is not None:
                raise OtherHomeSaid(address)
        return agreed_home(choice, self.catalogue, lines, self.said_home, self.shows)

    def people_in(self, request: BookingRequest) -> Iterator[str]:
        """Yield the names of the visitor and of the line's agents."""
        yield request.attendee_name or ""
        yield self.known_agent.agent_name
        yield from (each.agent.agent_name for each in (self.team.agents if self.team else ()))

    def named_home(self, request: BookingRequest) -> Property | None:
        """Return the home of the catalogue that a request certainly names; None for none."""
        return named_home(request.property_address, self.catalogue, self.shows)

    def home_of(self, booking: Appointment) -> Property | None:
        """Return the home of one of the caller's bookings, if it is in the catalogue."""
        return self.catalogue.get(booking.property_id) if self.catalogue and booking.property_id else None

    def agent_for(self, start: datetime, availability: Availability) -> Agent:
        """Return the agent who is booked at a free time.

        Args:
            start: the time, in UTC.
            availability: in which it is free.
        """
        member = availability.chosen(start) if isinstance(availability, TeamAvailability) else None
        return member.agent if member else self.known_agent

    def agent_of(self, booking: Appointment) -> Agent:
        """Return the agent of a booking that this call makes or changes."""
        return self.team.agent_of(booking) if self.team is not None else self.known_agent

    def _names(self, agent_id: str) -> bool:
        """Return whether the caller is told that a viewing is with an agent: the line has several."""
        return self.team is not None and (self.team.is_shared or agent_id != self.known_agent.agent_id)

    def parse_context(
        self, request: BookingRequest, current: Appointment | None = None, rules: Rules | None = None
    ) -> Context:
        """Return what the times in a request are read against.

        Args:
            request: the arguments.
            current: the booking that is to be moved.
            rules: those of the availability that is looked into; None for the agent's.
        """
        agent, history = self.known_agent, self.call_history
        questions = [c for c in history.questions if c.name in TIME_TOOLS and _is_about_time(c.asked or "")]
        return Context(
            now=self.now,
            zone=agent.zone,
            rules=rules or agent.rules,
            offered=history.offered,
            last_offer=history.last_offer,
            offered_last=bool(history.others and history.others[-1].offered),
            said=request.said,
            asked=tuple(Asked(call.asked or "", call.arguments.get("start_time")) for call in questions),
            asked_last=bool(questions) and questions[-1] in history.since_last_offer,
            language=agent.language,
            current=CurrentBooking(current.start, _minutes(current)) if current else None,
        )

    def will_text(self, booking: Appointment) -> bool:
        """Return whether the visitor will get a text about a change of a booking."""
        number = booking.caller_number if booking.attendee_phone is None else booking.attendee_phone
        return number in self.textable

    def was_asked(self, key: str, *arguments: str) -> bool:
        """Return whether this call asked a question before, about the same values of `arguments`."""
        now = [_folded(self.invocation.arguments.get(name)) for name in arguments]
        return any(
            call.asked == key and [_folded(call.arguments.get(name)) for name in arguments] == now
            for call in self.call_history.questions
        )


@dataclass(frozen=True)
class Decision:
    """What to answer, and what to write first.

    Args:
        outcome: what to answer.
        label: the outcome's one word in the log of tool calls.
        change: what to write of `appointment`, if anything.
        appointment: the booking it is about.
        before: a booking that is moved, as it was.
        said_before: the sentence that confirmed a cancellation earlier in this call, to be repeated.
    """

    outcome: Outcome
    label: str
    change: Literal["insert", "move", "cancel"] | None = None
    appointment: Appointment | None = None
    before: Appointment | None = None
    said_before: str | None = None


def offer_slots(context: RequestContext, request: BookingRequest) -> Decision:
    """Find up to three times as asked for, or the nearest others."""
    _ = context.active_agent
    choice = context.chosen_home(request)
    availability = context.availability(home=choice.home if choice else None)
    found = parse_search(request.date, request.time_of_day, context.parse_context(request, rules=availability.rules))
    if isinstance(found, Clarification):
        raise TimeUnclear(found, _times_near(found, availability))
    return _offer(availability, found, choice.label if choice else None)


def book(context: RequestContext, request: BookingRequest) -> Decision:
    """Decide on a new viewing. One that this caller already has of that home takes its place."""
    _ = context.active_agent
    choice, name = context.required_home_and_name(request)
    choice = context.agreed_home(request, choice)
    availability = context.availability(home=choice.home)
    parse_context = context.parse_context(request, rules=availability.rules)
    start = _start(parse_start(request.start_time, parse_context), availability, choice.label)
    if isinstance(start, Decision):
        return start
    standing = _standing(context, choice, name, start)
    if standing is not None:
        return _already_booked(standing, Booked(standing))
    check_start(availability, start)
    phone = _visitors_number(context, request)
    booking = new_booking(context, request, choice, name, phone, start, availability)
    return _changing(context, Booked(booking, will_text=context.will_text(booking)), "insert")


def move(context: RequestContext, request: BookingRequest) -> Decision:
    """Decide on another time for one of the caller's bookings. A refused move leaves it where it is."""
    _ = context.active_agent
    booking = _target_booking(context, request, moves=True)
    availability = context.availability(without=booking, home=context.home_of(booking))
    start = _start(
        parse_change(request.start_time, context.parse_context(request, booking, availability.rules)),
        availability,
        booking.home,
    )
    if isinstance(start, Decision):
        return start
    if start == booking.start:
        return _already_booked(booking, Moved(booking))
    check_start(availability, start)
    agent = context.agent_for(start, availability)
    moved = moved_to(booking, start, agent, availability)
    return _changing(context, Moved(moved, will_text=context.will_text(moved)), "move", booking)


def cancel(context: RequestContext, request: BookingRequest) -> Decision:
    """Decide on a cancellation. The same request again gets the same sentence. A deactivated agent's works too."""
    _ = context.known_agent
    try:
        booking = _target_booking(context, request, moves=False)
    except (NoBooking, IdentityMismatch, CallerUnknown):
        said_before = context.call_history.answer_to_identical_call(context.invocation, "cancelled")
        if said_before is None:
            raise
        return Decision(Outcome(), "answered", said_before=said_before)
    return _changing(context, Cancelled(booking, will_text=context.will_text(booking)), "cancel")


def find(context: RequestContext, request: BookingRequest) -> Decision:
    """Find the caller's own bookings; none is named before a second fact agrees."""
    _ = context.known_agent
    bookings = context.bookings_to_change
    by_time = named_by_time(bookings, request, context.parse_context(request), moves=False, was_asked=False)
    agreement = own_bookings.bookings_to_name(bookings, request, context.named_home(request), by_time)
    if agreement is None or not agreement.is_certain:
        return Decision(IdentityUnconfirmed(len(bookings)), "answered")
    return Decision(Found(agreement.bookings), "answered")


def understood_start(
    raw: object, context: Context, availability: Availability, home: str | None
) -> Decision | datetime:
    """Return the time that a `start_time` means, or the offer that answers a vague one. Raise TimeUnclear.

    Args:
        raw: the argument as sent.
        context: what it is read against.
        availability: the agent's.
        home: the address of the home; None leaves it out of the offer.
    """
    return _start(parse_start(raw, context), availability, home)


def offered_in(result: Outcome | Refusal) -> tuple[datetime, ...]:
    """Return the starting times that the sentence about `result` names as free, in the order named."""
    match result:
        case TimesOffered(times=times):
            return times
        case NoneAvailable(nearest=nearest) | SlotUnavailable(nearest=nearest):
            return nearest
        case _:
            return ()


def question_in(result: Outcome | Refusal) -> str | None:
    """Return the stable key of the question that the sentence about `result` asks."""
    if isinstance(result, TimeUnclear):
        return result.question.key
    if isinstance(result, WhichHome):
        return question_key(result.homes)
    if isinstance(result, HomeUnknown):
        return question_key(())
    return QUESTION_KEYS.get(type(result))


# --- times -----------------------------------------------------------------------------------------------------------


def _start(
    found: ExactTime | Search | Clarification, availability: Availability, home: str | None
) -> datetime | Decision:
    """Return an exact time, or the offer for a vague one. Raise TimeUnclear with free times near what was said."""
    match found:
        case ExactTime(start=start):
            return start
        case Search():
            return _offer(availability, found, home)
        case _:
            closed = closed_days_asked_about(found, availability)
            if closed is not None:
                return _offer(availability, closed, home)
            near = _times_near(found, availability)
            if isinstance(found, TimeNeeded) and found.search.ranges and not near:
                return _offer(availability, found.search, home)  # what was understood has no time: that is said
            raise TimeUnclear(found, near)


def _offer(availability: Availability, search: Search, home: str | None) -> Decision:
    times = find_times(availability, search)
    outcome = TimesOffered(home, times) if times else none_available(availability, search, home)
    return Decision(outcome, "answered")


def _times_near(question: Clarification, availability: Availability) -> tuple[datetime, ...]:
    """Return free times inside what a question has understood."""
    match question:
        case DayNeeded(search=search) | TimeNeeded(search=search):
            return find_times(availability, search)
        case SkippedByDst(day=day, clock_min=minutes):
            wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
            return availability.nearest(wall.replace(tzinfo=availability.zone))
        case WhichOffer(options=options) if options:
            return tuple(start for start in options if availability.reason_unavailable(start) is None)[:3]
        case NotUnderstood() | WhichOffer():
            return availability.pick_diverse(availability.free())
        case _:
            return ()


# --- bookings --------------------------------------------------------------------------------------------------------


def _standing(context: RequestContext, choice: HomeChoice, name: str, start: datetime) -> Appointment | None:
    """Return the caller's booking of that home at that time.

    Raise what has to be asked first: AlreadyBooked, WhichBooking, BookingUnconfirmed, BookedForAnother.
    """
    if not context.callers_bookings:
        return None
    agreement = own_bookings.at_home(context.callers_bookings, choice.said, choice.home)
    own = [b for b in agreement.bookings if own_bookings.is_same_person(name, b.attendee_name)]
    others = [booking for booking in agreement.bookings if booking not in own]
    at_that_time = next((booking for booking in own if booking.start == start), None)
    if at_that_time is not None and agreement.is_certain:
        return at_that_time
    is_other_home = agreement.lacks_unit or not agreement.is_certain
    if is_other_home and context.was_asked("which-booking", "property_address"):
        return None
    if own and is_other_home:
        raise BookingUnconfirmed(at_that_time or own[0])
    if len(own) > 1:
        raise WhichBooking(tuple(own), proven=True, differences=agreement.differences if not others else ())
    if own:
        raise AlreadyBooked(own[0])
    if others and not context.was_asked("another-person", "attendee_name"):
        clash = next((booking for booking in others if booking.start == start), None)
        nearest = context.availability(home=choice.home).nearest(start) if clash else ()
        raise BookedForAnother(clash or others[0], name, nearest)
    return None


def _visitors_number(context: RequestContext, request: BookingRequest) -> str | None:
    """Return the number that the visitor gave, to be dialled. Raise NumberMissing once if it is unknown."""
    given = request.attendee_phone
    phone = dialable(given, context.region) if given and not means_caller_number(given) else None
    is_chat = context.invocation.conversation_kind == "chat"  # its visitor is reached in the chat itself
    is_reachable = phone or context.caller_number or request.attendee_email or is_chat
    can_ask = bool(context.invocation.vapi_call_id) and not context.was_asked("number-needed")
    if not is_reachable and can_ask:
        raise NumberMissing
    return phone


def _target_booking(context: RequestContext, request: BookingRequest, *, moves: bool) -> Appointment:
    """Return the one booking that is to be changed. Raise CallerUnknown, NoBooking and what `own_bookings` raises."""
    bookings = context.bookings_to_change
    last = context.call_history.questions[-1] if context.call_history.questions else None
    asked = last if last is not None and last.asked == "which-booking" else None
    booking = own_bookings.booking_to_change(
        bookings,
        request,
        context.call_history.latest_argument("attendee_name"),
        is_confirmed=context.was_asked("which-booking", "property_address", "attendee_name"),
        named=context.named_home(request),
        by_time=named_by_time(
            bookings,
            request,
            context.parse_context(request),
            moves=moves,
            was_asked=asked is not None,
            listed=own_bookings.named_in_question(bookings, asked) if asked is not None else (),
        ),
    )
    times_asked = sum(call.asked == "which-booking" for call in context.call_history.questions)
    return agreed_viewing(booking, bookings, request, context.people_in(request), times_asked)


def _already_booked(booking: Appointment, outcome: Outcome) -> Decision:
    """Answer with a booking as it is now: it may have been moved since this call was told of it."""
    return Decision(outcome, "answered", appointment=booking)


def _changing(
    context: RequestContext,
    outcome: Booked | Moved | Cancelled,
    change: Literal["insert", "move", "cancel"],
    before: Appointment | None = None,
) -> Decision:
    """Decide to change something. Raise CallEnded for a tool call that is delivered after the end of its call."""
    if context.call_history.has_ended:
        raise CallEnded
    label = {"insert": "booked", "move": "moved", "cancel": "cancelled"}[change]
    return Decision(outcome, label, change, outcome.appointment, before)


def _is_about_time(question: str) -> bool:
    return question not in QUESTION_KEYS.values() and not question.startswith(HOME_QUESTION)


def _minutes(booking: Appointment) -> int:
    return int((booking.end - booking.start).total_seconds() // 60)


def _folded(value: object) -> object:
    return " ".join(value.casefold().split()) if isinstance(value, str) else value
