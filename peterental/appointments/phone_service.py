"""Bookings by phone: load the schedule, decide, write, and record the answer."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments import phone_requests
from peterental.appointments.availability import Availability, UnavailableReason
from peterental.appointments.callback_message import callback_message
from peterental.appointments.date_parsing import refers_back
from peterental.appointments.home_agreement import OtherHomeSaid
from peterental.appointments.home_choice import Catalogue
from peterental.appointments.model import BookingRequest, CalendarUnavailable, HomesNamed, SlotTaken
from peterental.appointments.phone_reading import LockedReader, request_context
from peterental.appointments.phone_requests import Decision, RequestContext
from peterental.appointments.repository import AppointmentRepository, Turn
from peterental.appointments.slot_check import LineSlotCheck, check_slot
from peterental.appointments.team import CalendarStale, team_of
from peterental.appointments.understanding import understand
from peterental.calls.model import CallHistory, ToolInvocation
from peterental.clock import utc_now
from peterental.errors import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from peterental.access import Viewer
    from peterental.agents.model import Agent, AgentKey, Language
    from peterental.appointments.schedule_repository import AgentSchedule, LineSchedule
    from peterental.appointments.slot_check import SlotCheck
    from peterental.appointments.team import Team
    from peterental.appointments.understanding import Understanding
    from peterental.calendars.sync_service import SyncService
    from peterental.calls.model import Outcome, Render
    from peterental.calls.repository import BookingChange
    from peterental.calls.service import CallService
    from peterental.database.connect import Connection
    from peterental.database.deadline import DeadlineConnection
    from peterental.database.pool import Database
    from peterental.properties.search import HomeSearch

log = logging.getLogger(__name__)

MAX_LANGUAGES = 1000
"""How many agents' languages one process remembers."""


class PhoneBookingService:
    """The bookings of one database, as tool calls change them.

    A method for a tool call takes the invocation (which tool call of which phone call), the request (its arguments) and
    `render`, and returns the sentence for the caller. A refusal is an answer too and is not raised. The answer is
    recorded in the transaction of the change, so a repeated tool call returns the same answer.

    Args:
        database: where the bookings are stored.
        calls: records the answer of each tool call.
        calendars: knows whether busy times may be relied on, and reads them again.
        now: returns the present moment, aware.
        promises_texts: whether callers are promised a text. A rehearsal sends none.
    """

    def __init__(
        self,
        database: Database,
        calls: CallService,
        calendars: SyncService,
        now: Callable[[], datetime] = utc_now,
        *,
        promises_texts: bool = True,
    ) -> None:
        self._database = database
        self._appointments = AppointmentRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._calls = calls
        self._calendars = calendars
        self._now = now
        self._reader = LockedReader(self._appointments, calls, calendars, now)
        self._promises_texts = promises_texts
        self._languages: dict[AgentKey, Language] = {}

    def language_of(self, key: AgentKey) -> Language:
        """Return the language in which callers of an agent were last answered here; English before that.

        For the apology when the database is away. No round trip.
        """
        return self._languages.get(key, "en")

    def _remember_language(self, invocation: ToolInvocation, agent: Agent | None) -> None:
        if agent is not None and (invocation.agent_key in self._languages or len(self._languages) < MAX_LANGUAGES):
            self._languages[invocation.agent_key] = agent.language

    def availability(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Offer up to three free times.

        One round trip to read, and at most one to record the tool call. One more for "later" and "what about the
        afternoon", which depend on what was offered. More, and up to two seconds, if the agent's
        calendar was read too long ago.
        """
        try:
            return self._offer_slots(invocation, request, render)
        except CalendarStale as stale:
            self._calendars.refresh(stale.agent.agent_id)
        try:
            return self._offer_slots(invocation, request, render)
        except CalendarStale as stale:
            return self._request_callback(invocation, request, render, stale)

    def _offer_slots(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Read the schedule, decide, and record. Raises CalendarStale."""
        now = self._now()
        if request.property_address:
            self._calls.settle(invocation.vapi_call_id)  # an earlier question about the home may wait to be written
        line = self._appointments.line(invocation, request.property_address, now)
        schedule = line.holder
        self._remember_language(invocation, schedule.agent)
        team = team_of(line, self._calendars.is_current, now)
        self._require_current(schedule, team, now)
        context = replace(
            request_context(invocation, line, team, now),
            call_history=self._history_of_search(invocation, request, schedule.agent),
        )
        return self._answer_question(context, request, render, phone_requests.offer_slots)

    def _history_of_search(
        self, invocation: ToolInvocation, request: BookingRequest, agent: Agent | None
    ) -> CallHistory:
        """Return the call's history where a search refers back to an offer, which takes one more round trip."""
        if agent is None or not refers_back(request.date, request.time_of_day, agent.language):
            return CallHistory()
        self._calls.settle(invocation.vapi_call_id)
        with self._database.connection(plan_once=True) as connection:
            return self._calls.history(connection, invocation)

    def book(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Book a viewing. Two round trips: one to lock and read, one to write and commit.

        More, and up to two seconds, if the agent's calendar was read too long ago.
        """
        return self._change(invocation, request, render, phone_requests.book, needs_calendar=True)

    def reschedule(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Move one of the caller's bookings in one step. Round trips as for `book`."""
        return self._change(invocation, request, render, phone_requests.move, needs_calendar=True)

    def cancel(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Cancel one of the caller's bookings. Two round trips."""
        return self._change(invocation, request, render, phone_requests.cancel, needs_calendar=False)

    def find(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Find the caller's own upcoming bookings, once the name or the address agrees.

        One round trip to read, and at most one to record the tool call. No lock.
        """
        now = self._now()
        with self._database.connection(plan_once=True) as connection:
            pending = self._appointments.queue_schedule(connection, invocation, request.property_address, now)
            connection.sync()
            found = pending.read()
        agent = found.schedule.agent
        self._remember_language(invocation, agent)
        context = RequestContext(
            now=now,
            invocation=invocation,
            agent=agent,
            team=team_of(found.line, self._calendars.is_current, now),
            own=found.own,
            catalogue=found.line.catalogue,
        )
        return self._answer_question(context, request, render, phone_requests.find)

    def find_homes(self, invocation: ToolInvocation, search: HomeSearch, render: Render) -> str:
        """Name up to three homes that the line's agents show. Round trips as for `find`, no lock."""
        now = self._now()
        agent, found = self._appointments.find_homes(invocation.agent_key, search, now)
        self._remember_language(invocation, agent)
        context = RequestContext(now=now, invocation=invocation, agent=agent)

        def decide(context: RequestContext, _request: BookingRequest) -> Decision:
            _ = context.active_agent
            return Decision(HomesNamed(found, search), "answered")

        return self._answer_question(context, BookingRequest(), render, decide)

    def understand(
        self, phrase: str, agent_id: str, viewer: Viewer, now: datetime | None = None
    ) -> tuple[Understanding, Agent]:
        """Return how a caller's phrase is understood, and by which agent; nothing is booked. One query.

        Raises AgentUnknown, also for an agent that the viewer may not see.

        Args:
            phrase: as an assistant would send it as `start_time`.
            agent_id: whose working hours, free times and language count.
            viewer: who asks.
            now: the time of the call, aware; None for the present.
        """
        now = now or self._now()
        line, agent = self._visible_line(agent_id, viewer, now)
        invocation = ToolInvocation(name="set_appointment", tool_call_id="")
        context = request_context(invocation, line, team_of(line, lambda *_: True, now), now)
        return understand(phrase, context), agent

    def _visible_line(self, agent_id: str, viewer: Viewer, now: datetime) -> tuple[LineSchedule, Agent]:
        """Return the schedules of an agent's line, and the agent. One query. Raises AgentUnknown."""
        line = None if "\x00" in agent_id else self._appointments.line_of(agent_id, now)
        agent = line.holder.agent if line else None
        if line is None or agent is None or not (viewer.is_admin or agent.user_id == viewer.user_id):
            raise AgentUnknown
        return line, agent

    def check_slot(self, agent_id: str, day: date, minutes: int, viewer: Viewer) -> SlotCheck:
        """Check whether a caller could book one time of an agent, and what takes it.

        No calendar is read for it. One query, or up to four for a time that is taken. Raises AgentUnknown, also for an
        agent that the viewer may not see.

        Args:
            agent_id: whose time.
            day: on the agent's calendar.
            minutes: after midnight, on the agent's wall clock.
            viewer: who asks.
        """
        now = self._now()
        line, agent = self._visible_line(agent_id, viewer, now)
        schedule = line.holder
        availability = Availability(agent.rules, agent.zone, now, schedule.taken, schedule.busy)
        found = replace(
            check_slot(agent, availability, day, minutes),
            calendar_age=schedule.calendar_age,
            is_phone_closed=not self._calendars.is_current(schedule.calendar_age, agent, now),
        )
        team = team_of(line, self._calendars.is_current, now)
        if team is not None and team.is_shared:
            found = replace(found, line=LineSlotCheck(_free_at(team, found.start, now), team.books(agent_id)))
        if found.start is None or found.until is None or found.reason is not UnavailableReason.TAKEN:
            return found
        until = agent.rules.blocked_until(found.until)
        booking = self._appointments.first_overlapping(agent_id, found.start, until)
        if booking is not None:
            return replace(found, booking=booking)
        moved_event_of = schedule.event_moved_into(found.start, until)
        if moved_event_of is not None:
            return replace(found, moved_event_of=moved_event_of)
        busy = next(iter(self._hours.busy_blocks(agent_id, found.start, until, limit=1)), None)
        calendar_id = busy.calendar_id if busy else None
        age_s = None if calendar_id is None else self._calendars.age_s(calendar_id)
        return replace(found, busy=busy, busy_age_s=age_s)

    def _answer_question(
        self,
        context: RequestContext,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
    ) -> str:
        """Decide on a request that changes nothing, and record it, where records are buffered after the answer."""
        result, _ = _decide(decide, context, request)
        answer = render(result, context.agent, context.now)
        try:
            self._calls.record_answer(
                context.invocation,
                answer=answer,
                outcome=_label(result, "answered"),
                agent_id=_id_of(context.agent),
                offered=phone_requests.offered_in(result),
                asked=phone_requests.question_in(result),
            )
        except Fault as fault:
            # The answer is right even so, and the caller is waiting for it.
            log.warning(
                "A tool call was answered but not recorded: %s",
                fault,
                extra={"call_id": context.invocation.vapi_call_id},
            )
        return answer

    def _change(
        self,
        invocation: ToolInvocation,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
        *,
        needs_calendar: bool,
    ) -> str:
        """Decide and write; decide once more if the overlap constraint refuses the time, or the calendar was read late.

        The constraint does so only for a writer that did not lock the agent.
        """
        self._calls.settle(invocation.vapi_call_id)
        try:
            return self._attempt_change(invocation, request, render, decide, needs_calendar=needs_calendar)
        except SlotTaken:
            log.info("The time was taken by another writer; deciding again", extra={"call_id": invocation.vapi_call_id})
        except CalendarStale as stale:
            self._calendars.refresh(stale.agent.agent_id)
        try:
            return self._attempt_change(invocation, request, render, decide, needs_calendar=needs_calendar)
        except CalendarStale as stale:
            return self._request_callback(invocation, request, render, stale)
        except SlotTaken as refusal:
            return self._refuse(invocation, render, refusal)

    def _refuse(self, invocation: ToolInvocation, render: Render, refusal: SlotTaken) -> str:
        """Record the refusal of a tool call whose own transaction was rolled back, and return the answer."""
        answer = render(refusal, None, self._now())
        with self._database.transaction(plan_once=True) as connection:
            stored = self._calls.history(connection, invocation).stored(invocation)
            self._calls.record_tool_call(connection, stored, answer=answer, outcome="refused")
        return answer

    def _attempt_change(
        self,
        invocation: ToolInvocation,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
        *,
        needs_calendar: bool,
    ) -> str:
        """Lock the agent, decide and write, unless the tool call is a repetition.

        Raises SlotTaken, and CalendarStale if the decision needs a calendar that was read too long ago.
        """
        with self._appointments.translate_overlap_error(), self._database.transaction(plan_once=True) as connection:
            reading = self._reader.read(connection, invocation, request.property_address)
            if reading.call_history.redelivered is not None:
                return reading.call_history.redelivered.answer
            found = reading.found
            if needs_calendar:
                self._require_current(found.schedule, reading.team, reading.now)
            context = replace(
                request_context(reading.invocation, found.line, reading.team, reading.now),
                own=found.own,
                textable=found.textable if self._promises_texts else frozenset(),
                call_history=reading.call_history,
            )
            return self._decide_and_record(connection, context, request, render, decide)

    def _require_current(self, schedule: AgentSchedule, team: Team | None, now: datetime) -> None:
        """Raise CalendarStale if the calendar of the line's only agent was read too long ago.

        Which agents of several matter depends on the request.
        """
        agent = schedule.agent
        if agent is None or not agent.is_active or (team is not None and team.is_shared):
            return
        if not self._calendars.is_current(schedule.calendar_age, agent, now):
            raise CalendarStale(agent, agent)

    def _request_callback(
        self, invocation: ToolInvocation, request: BookingRequest, render: Render, stale: CalendarStale
    ) -> str:
        """Leave the line's agent an urgent message with what the caller wanted, and offer or book no time."""
        agent = stale.holder
        log.warning("No time was offered: the calendar cannot be read", extra={"call_id": invocation.vapi_call_id})
        with self._database.transaction(plan_once=True) as connection:
            read_history = self._calls.begin(connection, invocation)
            connection.sync()
            history = read_history()
            if history.redelivered is not None:
                return history.redelivered.answer
            invocation = history.stored(invocation)
            can_call_back = self._calls.leave_urgent(
                connection, invocation, agent, callback_message(invocation.name, request, of_team=stale.of_team)
            )
            answer = render(CalendarUnavailable(can_call_back=can_call_back), agent, self._now())
            self._calls.record_tool_call(
                connection, invocation, answer=answer, outcome="message", agent_id=agent.agent_id
            )
        return answer

    def _decide_and_record(
        self,
        connection: DeadlineConnection,
        context: RequestContext,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
    ) -> str:
        """Decide, queue the change and the tool call's record, and return the answer.

        One more round trip where the caller's own words may name another home than the one that was sent.
        """
        self._remember_language(context.invocation, context.agent)
        try:
            result, decision = _decide(decide, context, request)
        except OtherHomeSaid as other:
            pending = self._appointments.queue_schedule(connection, context.invocation, other.address, context.now)
            connection.sync()
            homes = pending.read().line.catalogue or Catalogue()
            result, decision = _decide(decide, replace(context, said_home=(other.address, homes)), request)
        change = self._write(connection, context, decision) if decision is not None else None
        earlier_answer = decision.said_before if decision else None
        answer = earlier_answer or render(result, context.agent, context.now)
        booking = decision.appointment if decision else None
        self._calls.record_tool_call(
            connection,
            context.invocation,
            answer=answer,
            outcome=_label(result, decision.label if decision else ""),
            agent_id=_id_of(context.agent),
            appointment_id=booking.appointment_id or None if booking else None,
            offered=phone_requests.offered_in(result),
            asked=phone_requests.question_in(result),
            change=change,
        )
        return answer

    def _write(self, connection: Connection, context: RequestContext, decision: Decision) -> BookingChange | None:
        """Queue the change that was decided, or return it if it is to be made with the record of the tool call."""
        booking = decision.appointment
        if booking is None or decision.change is None:
            return None
        blocked_until = context.agent_of(booking).rules.blocked_until(booking.end)
        turn = None
        if context.team is not None and context.team.is_shared:
            turn = Turn(context.team.holder.agent_id, context.team.turn_at(context.now))
        if decision.change == "insert":
            return self._appointments.insertion(booking, blocked_until, context.invocation.tool_call_id, turn)
        if decision.change == "move":
            before = decision.before or booking
            self._appointments.move(connection, booking, before, blocked_until, context.now)
            if turn is not None and before.agent_id != booking.agent_id:
                self._appointments.note_turn(connection, turn, booking.agent_id)
        else:
            self._appointments.cancel(connection, booking, context.now)
        return None


def _decide(
    decide: Callable[[RequestContext, BookingRequest], Decision], context: RequestContext, request: BookingRequest
) -> tuple[Outcome | Refusal, Decision | None]:
    """Return the outcome or the refusal, and the decision if there is one.

    A refusal is recorded like any other answer.
    """
    try:
        decision = decide(context, request)
    except Refusal as refusal:
        return refusal, None
    return decision.outcome, decision


def _free_at(team: Team, start: datetime | None, now: datetime) -> tuple[str, ...]:
    """Return the names of the agents whom a shared line can book at a time, in order."""
    try:
        members = team.availability(now).members if start else ()
    except (AgentInactive, CalendarStale):
        return ()
    return tuple(
        member.agent.agent_name for member in members if start and member.availability.reason_unavailable(start) is None
    )


def _id_of(agent: Agent | None) -> str | None:
    return None if agent is None else agent.agent_id


def _label(result: Outcome | Refusal, label: str) -> str:
    return "refused" if isinstance(result, Refusal) else label
