"""The waitlist: join it by phone, offer what frees up, and take what is offered.

All changes of an agent's entries happen in a transaction that has locked the agent, as bookings do: no caller is
offered a time that another one books at that moment, and two who take one time get one viewing. Where viewings of a
home may not overlap, an offer also holds the home: other agents neither offer nor book it then. Those who do so in the
same second are not locked; the constraint on viewings of a home decides when the time is taken.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from peterental.agents.model import AgentUnknown
from peterental.agents.repository import AgentRepository
from peterental.agents.service import agent_change, lock_agent
from peterental.agents.working_hours.hold_repository import HoldRepository
from peterental.appointments import own_bookings
from peterental.appointments.availability import UnavailableReason
from peterental.appointments.busy_times import NO_BUSY_TIMES
from peterental.appointments.home_choice import Catalogue, TakenHome
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.model import VISITOR, Appointment, SlotTaken
from peterental.appointments.new_booking import UNBOOKED
from peterental.appointments.phone_reading import LockedReader, request_context
from peterental.appointments.phone_requests import RequestContext, offered_in, question_in
from peterental.appointments.repository import AppointmentRepository
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.errors import Refusal
from peterental.notices.model import NewNotice
from peterental.notices.waitlist import offering
from peterental.notices.waitlist.joining import Joining, decide
from peterental.notices.waitlist.model import (
    HOLD,
    PAUSE,
    SEND_WITHIN,
    EntryUnknown,
    OfferEnded,
    OfferView,
    WaitlistUnavailable,
)
from peterental.notices.waitlist.repository import WaitlistRepository
from peterental.properties.lookup import HELD
from peterental.properties.repository import PropertyRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.appointments.model import BookingRequest
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.audit.service import AuditService
    from peterental.calendars.sync_service import SyncService
    from peterental.calls.model import Outcome, Render, ToolInvocation
    from peterental.calls.service import CallService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.outbox import Outbox
    from peterental.notices.settings import NoticeSettingsService
    from peterental.notices.waitlist.model import Entry
    from peterental.properties.model import Property

log = logging.getLogger(__name__)

MAX_SHOWN = 100


class WaitlistService:
    """The waitlist of one database.

    Args:
        database: where it is stored.
        calls: records the answer of each tool call.
        calendars: knows whether busy times may be relied on.
        outbox: sends the offers.
        settings: of the office: when it sends no texts.
        audit: records who removed an entry.
        now: returns the present moment, aware.
    """

    def __init__(  # noqa: PLR0917  # passed once, by name, in services.py
        self,
        database: Database,
        calls: CallService,
        calendars: SyncService,
        outbox: Outbox,
        settings: NoticeSettingsService,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._waitlist = WaitlistRepository(database)
        self._appointments = AppointmentRepository(database)
        self._manual = ManualBookingRepository(database)
        self._agents = AgentRepository(database)
        self._holds = HoldRepository()
        self._homes = PropertyRepository(database)
        self._calls = calls
        self._calendars = calendars
        self._outbox = outbox
        self._settings = settings
        self._audit = audit
        self._now = now
        self._reader = LockedReader(self._appointments, calls, calendars, now)

    # --- by phone ----------------------------------------------------------------------------------------------------

    def join(self, invocation: ToolInvocation, request: BookingRequest, render: Render) -> str:
        """Note that a caller waits for a time, and return the sentence for the caller.

        What is free is offered instead. Nothing is noted if no text can be sent. A repeated tool call gets the same
        answer. Three round trips.
        """
        self._calls.settle(invocation.vapi_call_id)
        with self._database.transaction() as connection:
            reading = self._reader.read(connection, invocation, request.property_address)
            if reading.call_history.redelivered is not None:
                return reading.call_history.redelivered.answer
            context = replace(
                request_context(reading.invocation, reading.found.line, reading.team, reading.now),
                call_history=reading.call_history,
            )
            result = self._join(connection, context, request, reading.found.schedule)
            answer = render(result, context.agent, reading.now)
            self._calls.record_tool_call(
                connection,
                reading.invocation,
                answer=answer,
                outcome="refused" if isinstance(result, Refusal) else "answered",
                agent_id=context.agent.agent_id if context.agent else None,
                offered=offered_in(result),
                asked=question_in(result),
            )
        return answer

    def _join(
        self, connection: Connection, context: RequestContext, request: BookingRequest, schedule: AgentSchedule
    ) -> Outcome | Refusal:
        agent, age, team = schedule.agent, schedule.calendar_age, context.team
        if team is not None and team.is_shared:
            may_offer = team.has_current
            context = context if may_offer else replace(context, team=replace(team, stale=frozenset()))
        else:
            may_offer = agent is not None and self._calendars.is_current(age, agent, context.now)
        try:
            decision = decide(context, request, may_offer=may_offer)
        except Refusal as refusal:
            return refusal
        if not isinstance(decision, Joining):
            return decision
        if not self._waitlist.may_be_texted(connection, decision.phone):
            return WaitlistUnavailable()
        self._waitlist.add(connection, decision, context.invocation, context.now)
        return decision.outcome

    # --- offers ------------------------------------------------------------------------------------------------------

    def agents_waited_for(self) -> list[str]:
        """Return the agents with open entries. One round trip."""
        return self._waitlist.agents_waited_for()

    def offer(self, agent_id: str) -> int:
        """End what has ended, offer the free times of an agent to those who wait, and return how many got an offer.

        In quiet hours nothing is offered, nor while texts or calendars do not work: the times stay free for others.
        """
        now, settings = self._now(), self._settings.get()
        with self._database.transaction() as connection:
            self._homes.lock_offers(connection)
            self._manual.lock_agent(connection, agent_id)
            waiting = self._settled(connection, agent_id, now)
            schedule = self._manual.read(connection, agent_id, now) if waiting else None
            agent = schedule.agent if schedule else None
            if schedule is None or agent is None or not agent.is_active or offering.is_quiet(settings, agent, now):
                return 0
            if not self._calendars.is_current(schedule.calendar_age, agent, now):
                return 0
            if not self._waitlist.can_text(connection):
                return 0
            if self._waitlist.could_not_send(connection, agent_id, now - PAUSE, now):
                return 0
            made = list(offering.offers(waiting, agent, schedule, self._catalogue(connection, waiting, now), now))
            for entry in made:
                self._offer(connection, agent, entry, now)
        return len(made)

    def _settled(self, connection: Connection, agent_id: str, now: datetime) -> list[Entry]:
        """End entries and offers that are over, and return the entries that wait, first come first."""
        waiting = []
        for found in self._waitlist.open_entries(connection, agent_id, now):
            entry, resolution = found.entry, offering.resolution_of(found, now)
            if resolution != "keep" and entry.state == "offered":
                self._holds.remove(connection, agent_id, entry.hold_key)
            if resolution == "end":
                self._waitlist.end(connection, entry.entry_id)
            elif resolution in {"passed", "unsent"}:
                self._waitlist.take_back(connection, entry, is_passed=resolution == "passed")
                if resolution == "passed" and entry.offered_start is not None:
                    entry = replace(entry, passed=(*entry.passed, entry.offered_start))
                waiting.append(replace(entry, state="waiting"))
            elif entry.state == "waiting":
                waiting.append(entry)
        return waiting

    def _catalogue(
        self, connection: Connection, entries: Sequence[Entry], now: datetime, *, with_holds: bool = True
    ) -> Catalogue:
        """Return the homes that callers wait for, with the times at which they are taken.

        Args:
            connection: of the transaction.
            entries: of the callers.
            now: the present moment, aware.
            with_holds: whether times that are held for callers count as taken.
        """
        ids = {entry.property_id for entry in entries if entry.property_id is not None}
        if not ids:
            return Catalogue()
        taken = {
            home_id: [TakenHome(*time) for time in times]
            for home_id, times in self._homes.taken(connection, ids, now).items()
        }
        return Catalogue(
            homes=tuple(self._homes.read_all(connection, ids)),
            taken={
                home_id: tuple(time for time in times if with_holds or time.appointment_id != HELD)
                for home_id, times in taken.items()
            },
        )

    def _offer(self, connection: Connection, agent: Agent, entry: Entry, now: datetime) -> None:
        """Queue the offer, the hold on the agent's time, and the text."""
        assert entry.offered_start is not None  # noqa: S101  # tells mypy; `offers` set it
        assert entry.offered_end is not None  # noqa: S101  # see above
        self._waitlist.offer(connection, entry)
        until = agent.rules.blocked_until(entry.offered_end)
        self._holds.add(
            connection, agent.agent_id, entry.hold_key, start=entry.offered_start, until=until, holds_until=now + HOLD
        )
        self._outbox.add(
            connection,
            NewNotice(
                kind="waitlist_offer",
                channel="text",
                audience="visitor",
                recipient=entry.phone,
                about=entry.about,
                agent_id=agent.agent_id,
                language=agent.language,
                due_at=now,
                expires_at=now + SEND_WITHIN,
            ),
        )

    # --- by link or by text ------------------------------------------------------------------------------------------

    def show(self, entry_id: int) -> OfferView:
        """Return what is offered to a caller. Up to two round trips. Raises EntryUnknown."""
        entry = self._waitlist.show(entry_id) if 0 < entry_id <= MAX_BIGINT else None
        if entry is None:
            raise EntryUnknown
        viewing = None
        if entry.appointment_id is not None:
            with self._database.transaction() as connection:
                viewing = self._manual.get(connection, entry.appointment_id, None)
        return OfferView(entry=entry, is_held=entry.is_held(self._now()), viewing=viewing)

    def offered_to(self, phone: str) -> int | None:
        """Return the entry of a number for which a time is held now; None if there is none. One round trip.

        Args:
            phone: in E.164.
        """
        return self._waitlist.offered_to(phone, self._now())

    def accept(self, entry_id: int) -> Appointment:
        """Book the time that is held for a caller, or move the caller's viewing of that home to it.

        Taking it twice returns the viewing that was booked. After a refusal the caller waits on, for that time as well
        if it becomes free again.
        Raises EntryUnknown, OfferEnded.
        """
        try:
            with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
                viewing = self._accept(connection, self._locked(connection, entry_id), self._now())
        except SlotTaken:  # by a writer that did not lock the agent, or of the home, with another agent
            self._give_back(entry_id)
            viewing = None
        if viewing is None:
            raise OfferEnded
        return viewing

    def _accept(self, connection: Connection, entry: Entry, now: datetime) -> Appointment | None:
        """Book or move, and return the viewing; None if the time is not the caller's any more."""
        if entry.appointment_id is not None:
            return self._manual.get(connection, entry.appointment_id, None)
        if not entry.is_held(now):
            return None
        assert entry.offered_start is not None  # noqa: S101  # tells mypy; an offer is whole
        self._holds.remove(connection, entry.agent_id, entry.hold_key)
        schedule = self._manual.read(connection, entry.agent_id, now)
        assert schedule.agent is not None  # noqa: S101  # tells mypy; the entry is deleted with its agent
        agent = schedule.agent
        catalogue = self._catalogue(connection, [entry], now, with_holds=False)
        home = catalogue.get(entry.property_id)
        own = self._own_viewing(connection, entry, home, now)
        own_id = own.appointment_id if own else None
        home_taken = catalogue.busy_times(home, own_id) if home else NO_BUSY_TIMES
        availability = schedule.availability(now, without=own_id, home=home, home_taken=home_taken)
        reason = availability.reason_unavailable(entry.offered_start)
        is_shown = agent.is_active and entry.home_problem is None
        if not is_shown or reason not in {None, UnavailableReason.TOO_SOON}:
            self._waitlist.take_back(connection, entry, is_passed=False)
            return None
        viewing = self._write(connection, entry, agent, own, now)
        self._waitlist.end(connection, entry.entry_id, appointment_id=viewing.appointment_id)
        return viewing

    def _own_viewing(
        self, connection: Connection, entry: Entry, home: Property | None, now: datetime
    ) -> Appointment | None:
        """Return the viewing of that home that the caller has already at another time; None if that is not certain."""
        upcoming = self._appointments.upcoming_of_number(connection, entry.agent_id, entry.phone, now)
        same = own_bookings.at_home(upcoming, entry.property_address, home) if upcoming else None
        if same is None or not same.is_certain or len(same.bookings) != 1:
            return None
        (viewing,) = same.bookings
        return viewing if own_bookings.is_same_person(entry.attendee_name, viewing.attendee_name) else None

    def _write(
        self, connection: Connection, entry: Entry, agent: Agent, own: Appointment | None, now: datetime
    ) -> Appointment:
        """Book or move, and return the viewing."""
        assert entry.offered_start is not None  # noqa: S101  # tells mypy; an offer is whole
        assert entry.offered_end is not None  # noqa: S101  # see above
        until = agent.rules.blocked_until(entry.offered_end)
        if own is not None:
            moved = replace(own, start=entry.offered_start, end=entry.offered_end, overlap_allowed=False)
            self._appointments.move(connection, moved, own, until, now, actor=VISITOR)
            return moved
        viewing = Appointment(
            appointment_id=UNBOOKED,
            agent_id=agent.agent_id,
            agent_name=agent.agent_name,
            time_zone=agent.time_zone,
            property_address=entry.property_address,
            property_id=entry.property_id,
            home_label=entry.home_label,
            is_home_unknown=entry.is_home_unknown,
            start=entry.offered_start,
            end=entry.offered_end,
            status="confirmed",
            attendee_name=entry.attendee_name,
            caller_number=entry.phone,
            created_at=now,
            booked_by=VISITOR,
        )
        return self._appointments.insert(connection, viewing, until, entry.hold_key, VISITOR)

    def _give_back(self, entry_id: int) -> None:
        with self._database.transaction() as connection:
            entry = self._locked(connection, entry_id)
            self._holds.remove(connection, entry.agent_id, entry.hold_key)
            self._waitlist.take_back(connection, entry, is_passed=False)

    def _locked(self, connection: Connection, entry_id: int) -> Entry:
        """Lock the agent of an entry, and return the entry. Raises EntryUnknown."""
        if not 0 < entry_id <= MAX_BIGINT:
            raise EntryUnknown
        self._waitlist.lock_agent_of(connection, entry_id)
        entry = self._waitlist.get(connection, entry_id)
        if entry is None:
            raise EntryUnknown
        return entry

    # --- by users ----------------------------------------------------------------------------------------------------

    def waiting(self, agent: Agent) -> tuple[Entry, ...]:
        """Return who waits for the times of an agent that the viewer may see, first come first. One round trip."""
        return tuple(self._waitlist.listing(agent.agent_id, MAX_SHOWN))

    def can_text(self) -> bool:
        """Return whether visitors can be texted now; else nothing is offered. One round trip."""
        with self._database.connection() as connection:
            return self._waitlist.can_text(connection)

    def remove(self, entry_id: int, viewer: Viewer) -> Entry:
        """End an entry and its offer, and return it. Raises EntryUnknown."""
        found = self._waitlist.show(entry_id) if 0 < entry_id <= MAX_BIGINT else None
        if found is None:
            raise EntryUnknown
        with self._database.transaction() as connection:
            try:
                agent = lock_agent(self._agents, connection, found.agent_id, viewer)
            except AgentUnknown as refusal:
                raise EntryUnknown from refusal
            entry = self._waitlist.get(connection, entry_id)
            if entry is None:
                raise EntryUnknown
            if entry.state in {"waiting", "offered"}:
                self._holds.remove(connection, agent.agent_id, entry.hold_key)
                self._waitlist.end(connection, entry_id)
                before = {"attendee_name": entry.attendee_name, "property_address": entry.home}
                change = agent_change(agent, "waiting caller removed", before, {})
                self._audit.record(connection, viewer, change)
        return entry
