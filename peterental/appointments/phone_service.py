"""Viewings by phone and in the pages: looks, lets `decisions` decide, writes, and keeps what the caller was told."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import AgentUnknown
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments import phone_requests
from peterental.appointments.availability import Availability, UnavailableReason
from peterental.appointments.model import SlotTaken
from peterental.appointments.phone_requests import Decision, RequestContext
from peterental.appointments.repository import AppointmentRepository
from peterental.appointments.slot_check import check
from peterental.clock import utc_now
from peterental.errors import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.appointments.model import BookingRequest
    from peterental.appointments.slot_check import SlotCheck
    from peterental.calls.model import Outcome, Render, ToolInvocation
    from peterental.calls.service import CallService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

log = logging.getLogger(__name__)


class PhoneBookingService:
    """Viewings, as the phone and the pages use them.

    What the phone asks for takes a Delivery (which tool call of which phone call), a Wish (its arguments) and `render`,
    and gives the sentence for the caller. Refusals are told too, not raised. The sentence is kept in the transaction
    that did what it says, so the same tool call always hears the same.

    Args:
        database: where they are kept.
        calls: keeps what each tool call was told.
        now: gives the present moment, aware.
    """

    def __init__(self, database: Database, calls: CallService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._appointments = AppointmentRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._calls = calls
        self._now = now

    def availability(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Offer up to three free times. One round trip to look, one to keep the tool call."""
        now = self._now()
        desk = self._appointments.desk(invocation.agent_key, now)
        situation = RequestContext(now=now, invocation=invocation, agent=desk.agent, taken=desk.taken)
        result, _ = _decided(phone_requests.offer_slots, situation, request)
        answer = render(result, desk.agent, now)
        try:
            self._calls.record_tool_call_alone(
                invocation,
                answer=answer,
                outcome=_label(result, "answered"),
                agent_id=_id_of(desk.agent),
                offered=phone_requests.offered_by(result),
            )
        except Fault as fault:
            # The times are true all the same, and the caller is waiting for them.
            log.warning("A tool call was answered but not kept: %s", fault, extra={"call_id": invocation.vapi_call_id})
        return answer

    def book(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Book a viewing. Two round trips: one to lock and look, one to write and commit."""
        return self._change(invocation, request, render, phone_requests.book)

    def reschedule(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Move a booking of the caller's in one step. Two round trips."""
        return self._change(invocation, request, render, phone_requests.move)

    def cancel(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Cancel a booking of the caller's. Two round trips."""
        return self._change(invocation, request, render, phone_requests.cancel)

    def find(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Tell the caller's own upcoming bookings, after a second fact agrees. Two round trips, nothing locked."""
        now = self._now()
        with self._database.transaction() as connection:
            pending = self._appointments.look(connection, invocation, now)
            connection.sync()
            desk, own = pending.read()
            situation = RequestContext(now=now, invocation=invocation, agent=desk.agent, own=own)
            return self._decide_and_record(connection, situation, request, render, phone_requests.find)

    def check_slot(self, agent_id: str, day: date, minutes: int, viewer: Viewer) -> SlotCheck:
        """Say whether a caller would get a certain time of an agent's, and what takes it where not.

        One query; where the time is taken, up to two more. Raises AgentUnknown, also where `viewer` may not see it.

        Args:
            agent_id: whose time.
            day: on the agent's calendar.
            minutes: after midnight, on the agent's wall clock.
            viewer: who asks.
        """
        now = self._now()
        desk = None if "\x00" in agent_id else self._appointments.desk_of(agent_id, now)
        agent = desk.agent if desk else None
        if desk is None or agent is None or not (viewer.is_admin or agent.user_id == viewer.user_id):
            raise AgentUnknown
        found = check(agent, Availability(agent.rules, agent.zone, now, desk.taken), day, minutes)
        if found.start is None or found.until is None or found.reason is not UnavailableReason.TAKEN:
            return found
        until = found.until + timedelta(minutes=agent.rules.buffer_minutes)
        booking = self._appointments.booked_between(agent_id, found.start, until)
        busy = () if booking else self._hours.busy_blocks(agent_id, found.start, until, limit=1)
        return replace(found, booking=booking, busy=next(iter(busy), None))

    def _change(
        self,
        invocation: ToolInvocation,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
    ) -> str:
        """Decide and write; where somebody who did not queue for the agent was quicker, look once more."""
        try:
            return self._attempt_change(invocation, request, render, decide)
        except SlotTaken:
            log.info("Somebody was quicker; looking again", extra={"call_id": invocation.vapi_call_id})
        try:
            return self._attempt_change(invocation, request, render, decide)
        except SlotTaken as refusal:
            answer = render(refusal, None, self._now())
            self._calls.record_tool_call_alone(invocation, answer=answer, outcome="refused")
            return answer

    def _attempt_change(
        self,
        invocation: ToolInvocation,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
    ) -> str:
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            history = self._calls.begin(connection, invocation)
            now = self._now()
            pending = self._appointments.look(connection, invocation, now)
            connection.sync()
            call_history = history.read()
            if call_history.redelivered is not None:
                return call_history.redelivered.answer
            desk, own = pending.read()
            situation = RequestContext(
                now=now, invocation=invocation, agent=desk.agent, taken=desk.taken, own=own, call_history=call_history
            )
            return self._decide_and_record(connection, situation, request, render, decide)

    def _decide_and_record(
        self,
        connection: Connection,
        situation: RequestContext,
        request: BookingRequest,
        render: Render,
        decide: Callable[[RequestContext, BookingRequest], Decision],
    ) -> str:
        """Decide, queue what is to be written, and the sentence with it."""
        result, decision = _decided(decide, situation, request)
        if decision is not None:
            self._write(connection, situation, decision)
        said_before = decision.said_before if decision else None
        answer = said_before or render(result, situation.agent, situation.now)
        booking = decision.appointment if decision else None
        self._calls.record_tool_call(
            connection,
            situation.invocation,
            answer=answer,
            outcome=_label(result, decision.label if decision else ""),
            agent_id=_id_of(situation.agent),
            appointment_id=booking.appointment_id or None if booking else None,
            offered=phone_requests.offered_by(result),
        )
        return answer

    def _write(self, connection: Connection, situation: RequestContext, decision: Decision) -> None:
        booking = decision.appointment
        if booking is None or decision.change is None:
            return
        blocked_until = booking.end + timedelta(minutes=situation.reachable_agent.rules.buffer_minutes)
        if decision.change == "insert":
            self._appointments.insert(connection, booking, blocked_until, situation.invocation.tool_call_id)
        elif decision.change == "move":
            old_start = decision.old_start or booking.start
            self._appointments.move(connection, booking, old_start, blocked_until, situation.now)
        else:
            self._appointments.cancel(connection, booking, situation.now)


def _decided(
    decide: Callable[[RequestContext, BookingRequest], Decision], situation: RequestContext, request: BookingRequest
) -> tuple[Outcome | Refusal, Decision | None]:
    """Give what to tell, a refusal included: it is kept in the transaction like any other answer."""
    try:
        decision = decide(situation, request)
    except Refusal as refusal:
        return refusal, None
    return decision.outcome, decision


def _id_of(agent: Agent | None) -> str | None:
    return None if agent is None else agent.agent_id


def _label(result: Outcome | Refusal, label: str) -> str:
    return "refused" if isinstance(result, Refusal) else label
