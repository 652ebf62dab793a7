"""Write viewings into the agents' calendars, and notice what people do to them there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peterental.appointments.calendar_events.event import event_of
from peterental.appointments.calendar_events.model import NothingToResolve
from peterental.appointments.calendar_events.outbox import WRITE_VIEWING, may_be_ours, may_be_stray, remote_change
from peterental.audit.model import Change
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    EventIdSpent,
    EventMissing,
    EventRefused,
)
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_INTEGER
from peterental.errors import Fault
from peterental.jobs.model import JobRequest

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.agents.repository import AgentRepository
    from peterental.agents.service import AgentService
    from peterental.appointments.calendar_events.model import EventState, ViewingOfEvent
    from peterental.appointments.calendar_events.repository import CalendarEventRepository
    from peterental.appointments.model import Appointment
    from peterental.audit.service import AuditService
    from peterental.calendars.account import Calendar
    from peterental.calendars.model import OwnEvent, ViewingEvent
    from peterental.calendars.providers import Providers
    from peterental.calendars.repository import CalendarRepository, Lease
    from peterental.calendars.source import ViewingCalendar
    from peterental.calendars.sync_service import SyncService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.jobs.service import JobService

log = logging.getLogger(__name__)

WRITE_TIMEOUT_S = 30.0
LEASE_WAIT_S = 20.0
_POLL_S = 0.1
MAX_WAITING = 200
MAX_REVISIONS = 5
MAX_CHANGED_SHOWN = 20
MAX_SEARCHED = 10
"""Calendars of an account in which an event is looked for that a person may have moved there."""


class MailboxBusy(Fault):
    """{name} is being read by another process; the event is written after that."""


class MailboxThrottled(Fault):
    """{name} asked to be left alone; the event is written after that."""


@dataclass(frozen=True)
class _Opened:
    """An account that this process alone uses, as long as it holds the lease."""

    lease: Lease
    remote: ViewingCalendar


class CalendarEventService:
    """The events of the viewings of one database.

    Args:
        database: where the outbox is.
        events: the repository of the outbox.
        calendars: the repository of connected calendars.
        agents: the repository of agents.
        agent_service: knows who may see which agent.
        jobs: queues writing.
        audit: records what people decide.
        sync: holds accounts, and records their trouble.
        providers: opens accounts.
        public_url: for the links in events; None leaves them out.
        now: returns the present moment, aware.
    """

    def __init__(  # noqa: PLR0917  # passed once, by name, in services.py
        self,
        database: Database,
        events: CalendarEventRepository,
        calendars: CalendarRepository,
        agents: AgentRepository,
        agent_service: AgentService,
        sync: SyncService,
        providers: Providers,
        jobs: JobService,
        audit: AuditService,
        public_url: str | None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._events = events
        self._calendars = calendars
        self._agents = agents
        self._agent_service = agent_service
        self._jobs = jobs
        self._audit = audit
        self._sync = sync
        self._providers = providers
        self._public_url = public_url
        self._now = now

    # --- writing -----------------------------------------------------------------------------------------------------

    def write_waiting(self, agent_id: str) -> None:
        """Write the events of an agent's viewings that have to be written. Raises the first fault, after the others."""
        first: Fault | None = None
        for appointment_id in self._events.waiting_of(agent_id, MAX_WAITING):
            try:
                self.write(appointment_id)
            except Fault as fault:
                first = first or fault
        if first is not None:
            raise first

    def write(self, appointment_id: int) -> None:
        """Make the event of a viewing what the viewing is now. Running it twice, late or out of order is harmless.

        The event of a viewing that was cancelled, or whose visitor's data was deleted, is deleted. An event in the
        calendar of an agent who had the viewing before is deleted there first. A provider's final refusal is recorded
        and not raised.

        Raises CalendarFault, MailboxBusy, MailboxThrottled: it has to be tried again.
        """
        if self._write_once(appointment_id):
            self._write_once(appointment_id)

    def _write_once(self, appointment_id: int) -> bool:
        """Write or delete the event of a viewing. Return whether it left the calendar of an earlier agent."""
        waiting = self._waiting(appointment_id)
        if waiting is None:
            return False
        viewing, state, calendar = waiting
        try:
            with self._opened(calendar) as opened:
                waiting = self._waiting(appointment_id)  # another process may have written it before it let go
                if waiting is None:
                    return False
                viewing, state, present = waiting
                if present.account_id != calendar.account_id:
                    raise MailboxBusy(name=present.name)
                if viewing.status == "cancelled" or viewing.is_erased(self._now()):
                    self._delete(present, opened, viewing, state)
                elif present.agent_id != viewing.agent_id:
                    self._leave(present, opened, viewing, state)
                    return True
                else:
                    self._write(present, opened, viewing, state)
        except EventRefused as fault:
            log.warning("%s: %s", calendar.name, fault, extra={"agent_id": viewing.agent_id})
            self._events.record_problem(state, str(fault), is_final=True)
        except (CalendarFault, AddressNotAllowed) as fault:
            self._events.record_problem(state, str(fault), is_final=False)
            raise
        return False

    def _waiting(self, appointment_id: int) -> tuple[ViewingOfEvent, EventState, Calendar] | None:
        """Return a viewing whose event has to be written, and the calendar; None without one to write into.

        Connecting a calendar queues it again.
        """
        found = self._events.viewing_and_state(appointment_id)
        if found is None or not found[1].is_waiting:
            return None
        viewing, state = found
        calendar = self._calendar_for(viewing, state)
        return None if calendar is None else (viewing, state, calendar)

    def give_up(self, appointment_id: int, reason: str) -> None:
        """Record that an event could not be written after many attempts.

        The next reading of the calendar tries again.
        """
        state = self._events.state(appointment_id)
        if state is not None and state.is_waiting:
            self._events.record_problem(state, reason, is_final=False)

    def _calendar_for(self, viewing: ViewingOfEvent, state: EventState) -> Calendar | None:
        """Return the calendar that has the event, else the one that receives the agent's viewings."""
        if state.calendar_id is not None and state.may_exist:
            return self._calendars.calendar(state.calendar_id)
        return self._calendars.receiving(viewing.agent_id)

    def _write(
        self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState, *, follows: bool = True
    ) -> None:
        if viewing.end <= self._now() and not state.may_exist:
            with self._still_held(opened) as connection:
                self._events.record_deleted(connection, state)  # it is over, and needs no event
            return
        if state.event_id is not None and state.is_being_deleted:
            # The viewing was restored. A deletion whose answer was lost would take a changed event away later.
            opened.remote.delete(calendar.remote_id, state.event_id)
        elif state.event_id is not None and state.remote_change != "deleted":
            try:
                self._rewrite(calendar, opened, viewing, state)
            except EventMissing:
                place, found = self._elsewhere(calendar, opened, viewing, state) if follows else (calendar, None)
                if found is not None:
                    with self._still_held(opened) as connection:
                        self._events.record_place(connection, state, place.calendar_id, found.event_id)
                    state = replace(state, calendar_id=place.calendar_id, event_id=found.event_id)
                    self._write(place, opened, viewing, state, follows=False)
                    return
                # A person deleted it, but the viewing has changed since: the agent has to know.
            else:
                return
        self._create(calendar, opened, viewing, state)

    def _rewrite(self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState) -> None:
        """Write an event that exists, at the times to which a person moved it. Raises EventMissing."""
        moved = self._moved(calendar, opened, viewing, state)
        event = self._event(viewing, state)
        if moved is not None and moved.start is not None and moved.end is not None:
            times = event.start, event.end
            event = replace(event, start=moved.start, end=moved.end, viewing_times=times)
        written = opened.remote.write(calendar.remote_id, event)
        self._record_written(opened, state, written.event_id, viewing, moved)

    def _moved(
        self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState
    ) -> OwnEvent | None:
        """Return the event as it is, if a person moved it and the viewing was not moved since; None otherwise.

        What else changed of the viewing, such as the visitor's number, is written where the event is now: the move is
        reported, and not undone.
        """
        if (viewing.start, viewing.end) != (state.written_start, state.written_end):
            return None
        found = opened.remote.find(calendar.remote_id, self._event(viewing, state))
        if found is None or found.start is None or remote_change(state, found) is None:
            return None
        # Where it was written last it may be by a request of ours whose answer was lost.
        is_ours = state.problem is not None if found.stamp is None else found.stamp.times == (found.start, found.end)
        return None if is_ours else found

    def _create(self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState) -> None:
        """Create the event, under the next revision if the id of this one was used up."""
        was_deleted = state.event_id is not None
        revision = state.revision + 1 if was_deleted else state.revision
        for next_revision in range(revision, revision + MAX_REVISIONS):
            self._events.record_attempt(viewing.appointment_id, calendar.calendar_id, next_revision)
            event = self._event(viewing, replace(state, revision=next_revision, event_id=None))
            try:
                written = opened.remote.write(calendar.remote_id, event)
                if state.attempted:
                    self._confirm(calendar, opened.remote, replace(event, event_id=written.event_id))
            except (EventIdSpent, EventMissing):
                continue
            self._record_written(opened, state, written.event_id, viewing)
            return
        raise EventRefused(host=calendar.name, reason="its id was used before")

    def _confirm(self, calendar: Calendar, remote: ViewingCalendar, event: ViewingEvent) -> None:
        """Make certain that an event is as it should be, which an attempt whose answer was lost may have created.

        A person may have moved or deleted it since. Raises EventMissing if it is gone.
        """
        found = remote.find(calendar.remote_id, event)
        if found is None or found.start is None:
            raise EventMissing
        if (found.start, found.end) != (event.start, event.end) or found.stamp not in {None, event.stamp}:
            remote.write(calendar.remote_id, event)

    def _delete(self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState) -> None:
        self._delete_remote(calendar, opened, viewing, state)
        with self._still_held(opened) as connection:
            self._events.record_deleted(connection, state)

    def _leave(self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState) -> None:
        """Delete the event in the calendar of an earlier agent; it has to be written into that of the present one.

        If the present agent has no calendar for it, connecting one queues it.
        """
        self._delete_remote(calendar, opened, viewing, state)
        is_final = self._calendars.receiving(viewing.agent_id) is None
        with self._still_held(opened) as connection:
            self._events.record_left(connection, state, is_final=is_final)

    def _delete_remote(self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState) -> None:
        """Delete the event, also where a person put it since: in another calendar of the account."""
        if not state.may_exist:
            return
        event_id = state.event_id
        if state.attempted:  # an answer was lost: it may exist
            found = opened.remote.find(calendar.remote_id, self._event(viewing, state))
            event_id = found.event_id if found else None
        if event_id is not None:
            self._events.record_deletion_attempt(viewing.appointment_id, event_id)
            if opened.remote.delete(calendar.remote_id, event_id):
                return
        place, found = self._elsewhere(calendar, opened, viewing, state)
        if found is not None:
            opened.remote.delete(place.remote_id, found.event_id)

    def _record_written(
        self,
        opened: _Opened,
        state: EventState,
        event_id: str,
        viewing: ViewingOfEvent,
        moved: OwnEvent | None = None,
    ) -> None:
        with self._still_held(opened) as connection:
            self._events.record_written(connection, state, event_id, viewing)
            if moved is not None:
                self._events.record_remote_change(connection, state, "moved", moved)

    @contextmanager
    def _still_held(self, opened: _Opened) -> Iterator[Connection]:
        """Yield a transaction for what a provider did. Raises MailboxBusy if the lease ended: it has to be done again.

        Another process may have written the event since, and the provider's answer says nothing about that.
        """
        with self._database.transaction() as connection:
            if not self._calendars.holds(connection, opened.lease):
                raise MailboxBusy(name=opened.lease.account.label)
            yield connection

    def _event(self, viewing: ViewingOfEvent, state: EventState) -> ViewingEvent:
        return event_of(
            viewing,
            self._providers.namespace,
            state.revision,
            event_id=state.event_id,
            public_url=self._public_url,
            version=state.version,
        )

    # --- what people did ---------------------------------------------------------------------------------------------

    def event_of_viewing(self, appointment_id: int, viewer: Viewer) -> EventState | None:
        """Return what was written about a viewing, and what a person did to its event; None if it never had to be.

        Raises AgentUnknown. At most three queries.
        """
        viewing = self._events.viewing(appointment_id) if 0 < appointment_id <= MAX_INTEGER else None
        if viewing is None:
            return None
        self._agent_service.get(viewing.agent_id, viewer)
        return self._events.state(appointment_id)

    def state_of(self, appointment: Appointment) -> EventState | None:
        """Return what `event_of_viewing` does, for a viewing that the viewer may see. One query."""
        return self._events.state(appointment.appointment_id)

    def changed_remotely(self, agent_id: str, viewer: Viewer) -> list[tuple[EventState, ViewingOfEvent]]:
        """Return an agent's viewings whose events a person moved or deleted in the calendar, the soonest first.

        Raises AgentUnknown. Two queries.
        """
        self._agent_service.get(agent_id, viewer)
        return self._events.changed_remotely(agent_id, MAX_CHANGED_SHOWN)

    def put_back(self, appointment_id: int, viewer: Viewer) -> None:
        """Queue writing the event of a viewing again as the viewing is, over what a person did to it in the calendar.

        Raises AgentUnknown, NothingToResolve.
        """
        state = self.event_of_viewing(appointment_id, viewer)
        if state is None or state.remote_change is None:
            raise NothingToResolve
        with self._database.transaction() as connection:
            self._write_again(connection, state)
            change = Change(
                action="event put back",
                subject_kind="appointment",
                subject_id=str(appointment_id),
                subject_name=f"event {state.remote_change} in the calendar",
            )
            self._audit.record(connection, viewer, change)

    def check(self, appointment_id: int) -> None:
        """Look an event up, and note whether a person moved or deleted it. Raises as `write` does.

        One that is in another calendar of the account now is followed there.

        A request of ours that took effect late is no person's change: the event is written again.
        """
        calendar = self._calendar_of_written(appointment_id)
        if calendar is None:
            return
        with self._opened(calendar) as opened:
            found = self._events.viewing_and_state(appointment_id)
            if found is None:
                return
            viewing, state = found
            if state.is_waiting or state.calendar_id != calendar.calendar_id:
                return
            place, event = self._found(calendar, opened, viewing, state)
            change = remote_change(state, event)
            with self._still_held(opened) as connection:
                if event is not None and place.calendar_id != calendar.calendar_id:
                    self._events.record_place(connection, state, place.calendar_id, event.event_id)
                if event is not None and may_be_ours(state, event):
                    self._write_again(connection, state)
                    log.info("The event of viewing %s is written again: an earlier request came later", appointment_id)
                    return
                self._events.record_remote_change(connection, state, change, event if change else None)
        if change is not None:
            log.info("The event of viewing %s was %s in the calendar", appointment_id, change)

    def _found(
        self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState
    ) -> tuple[Calendar, OwnEvent | None]:
        """Return the event of a viewing and the calendar that has it now; None for the event if none does."""
        event = opened.remote.find(calendar.remote_id, self._event(viewing, state))
        if event is not None and event.start is not None:
            return calendar, event
        return self._elsewhere(calendar, opened, viewing, state)

    def _elsewhere(
        self, calendar: Calendar, opened: _Opened, viewing: ViewingOfEvent, state: EventState
    ) -> tuple[Calendar, OwnEvent | None]:
        """Return the other calendar of the account into which a person moved an event, and the event; else None."""
        others = [each for each in self._calendars.calendars_of(calendar.account_id) if each.is_writable]
        others.sort(key=lambda each: not each.is_used)
        wanted = self._event(viewing, replace(state, event_id=None))
        for other in others[:MAX_SEARCHED]:
            if other.calendar_id == calendar.calendar_id:
                continue
            try:
                event = opened.remote.find(other.remote_id, wanted)
            except (CalendarGone, CalendarNonsense):  # it says nothing about the event
                continue
            if event is not None and event.start is not None:
                return other, event
        return calendar, None

    def _calendar_of_written(self, appointment_id: int) -> Calendar | None:
        """Return the calendar that has the event of a viewing; None if there is nothing to compare."""
        found = self._events.viewing_and_state(appointment_id)
        if found is None:
            return None
        viewing, state = found
        if state.is_waiting or state.event_id is None or state.calendar_id is None:
            return None
        return None if viewing.status == "cancelled" else self._calendars.calendar(state.calendar_id)

    def _write_again(self, connection: Connection, state: EventState) -> None:
        self._events.write_again(connection, state)
        self._jobs.defer(connection, JobRequest(task=WRITE_VIEWING, args={"appointment_id": state.appointment_id}))

    def delete_stray(self, appointment_id: int, calendar_id: int, event_id: str, revision: int) -> None:
        """Delete an event of a viewing that a request created after the viewing was written or deleted otherwise.

        The event that the viewing has stays. Raises as `write` does.

        Args:
            appointment_id: whose event it is.
            calendar_id: the calendar that has it.
            event_id: the provider's id of it.
            revision: of its marker.
        """
        calendar = self._calendars.calendar(calendar_id)
        if calendar is None or not calendar.is_writable:
            return
        with self._opened(calendar) as opened:
            found = self._events.viewing_and_state(appointment_id)
            if found is None:
                return
            viewing, state = found
            if not may_be_stray(state, revision, event_id):
                return
            if revision == state.revision:
                if state.calendar_id != calendar_id:  # a calendar that was connected before has it
                    return
                kept = opened.remote.find(calendar.remote_id, self._event(viewing, state))
                if kept is None or kept.event_id != state.event_id:
                    return
            opened.remote.delete(calendar.remote_id, event_id, follow=False)
        log.info("An event of viewing %s that was created late was deleted from the calendar", appointment_id)

    @contextmanager
    def _opened(self, calendar: Calendar) -> Iterator[_Opened]:
        """Yield the account of a calendar, signed in, and record its trouble. Raises MailboxBusy, MailboxThrottled."""
        agent = self._agents.get(calendar.agent_id, None)
        assert agent is not None  # noqa: S101  # tells mypy; agents are never deleted
        with self._held(calendar) as lease:
            try:
                with self._providers.open_for_viewings(lease, agent, WRITE_TIMEOUT_S) as remote:
                    yield _Opened(lease, remote)
            except EventRefused:  # about this event only
                raise
            except (CalendarFault, AddressNotAllowed) as fault:
                self._sync.record_failure(lease, fault)
                raise

    @contextmanager
    def _held(self, calendar: Calendar) -> Iterator[Lease]:
        """Hold the account of a calendar. Waits while another process speaks to its provider."""
        ends_s = time.monotonic() + LEASE_WAIT_S
        while True:
            with self._sync.lease(calendar.account_id) as lease:
                if lease is not None:
                    if lease.is_throttled:
                        raise MailboxThrottled(name=lease.account.label)
                    yield lease
                    return
            if time.monotonic() > ends_s:
                raise MailboxBusy(name=calendar.name)
            threading.Event().wait(_POLL_S)
