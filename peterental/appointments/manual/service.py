"""Manual bookings. Users may do more than callers, after confirming the warnings.

Every change is audited. It is one transaction that first locks the agent, as changes by phone do, so that no other
change comes between its reads and its writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.access import Viewer, owner_filter
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments.audit import viewing_change
from peterental.appointments.manual.editing import (
    VISITOR_FIELDS,
    audited_changes,
    booked_fields,
    changes_between,
    edited,
    is_visitor_only,
    number_to_reach,
    require_complete,
    require_home_and_name,
    to_confirm,
)
from peterental.appointments.manual.free_times import FreeTimes, Needs, agent_for, needs_of
from peterental.appointments.manual.model import (
    MANUAL_KEY_PREFIX,
    MAX_DURATION_MIN,
    MIN_DURATION_MIN,
    TRANSITIONS,
    ConfirmationRequired,
    DuplicateSubmission,
    EditConflict,
    FormKeyConflict,
    HomeBusy,
    HomeRetired,
    InvalidDuration,
    InvalidTransition,
    NothingEdited,
    NotStartedYet,
    OnlyVisitorEditable,
    SameTime,
    unrecorded,
)
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.manual.warnings import check_warnings
from peterental.appointments.model import Appointment, AppointmentUnknown, SlotTaken
from peterental.appointments.repository import AppointmentRepository
from peterental.audit.model import changed_fields
from peterental.clock import existing_instant, midnight, utc_now
from peterental.database.column_limits import MAX_INTEGER
from peterental.properties.repository import PropertyRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from peterental.agents.model import Agent
    from peterental.appointments.manual.model import (
        Action,
        BookingWarnings,
        Changes,
        Event,
        ExpectedState,
        HomeViewing,
        NewBooking,
        Record,
        ViewingEdit,
        WallClockTime,
    )
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.audit.service import AuditService
    from peterental.calendars.sync_service import SyncService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.model import Property


@dataclass(frozen=True)
class _Placement:
    """Where a viewing is to be, and who asks.

    Args:
        agent: whose time it takes.
        schedule: of the agent.
        property_id: the home in the catalogue; None for other words.
        viewer: who is warned.
    """

    agent: Agent
    schedule: AgentSchedule
    property_id: int | None
    viewer: Viewer


class ManualBookingService:
    """The viewings of one database, as users change them.

    Args:
        database: where the viewings are stored.
        audit: records who changed what.
        calendars: knows whether busy times may be relied on.
        now: returns the present moment, aware.

    Attributes:
        free_times: of agents, from which users choose.
    """

    def __init__(
        self, database: Database, audit: AuditService, calendars: SyncService, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._appointments = AppointmentRepository(database)
        self._manual = ManualBookingRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._homes = PropertyRepository(database)
        self.free_times = FreeTimes(database, self._manual, self._homes, now)
        self._audit = audit
        self._now = now

    def show(self, appointment_id: int, viewer: Viewer) -> tuple[Appointment, tuple[Event, ...]]:
        """Return a viewing and its history, oldest first.

        Two queries. Raises AppointmentUnknown.
        """
        with self._database.transaction() as connection:
            appointment = self._get_visible(connection, appointment_id, viewer)
            return appointment, self._manual.history(connection, appointment_id)

    def book(self, entry: NewBooking, viewer: Viewer, *, record: Record = unrecorded) -> Appointment:
        """Book a viewing.

        Args:
            entry: what to book.
            viewer: who books it.
            record: is called in the transaction.

        Raises AgentUnknown, AddressMissing, NameMissing, InvalidDuration, TimeSkipped, HomeRetired;
        ConfirmationRequired for warnings that the user has not acknowledged; SlotTaken if a writer that did not lock
        the agent took the time; DuplicateSubmission if the same form booked before.
        """
        require_home_and_name(entry.property_address, entry.attendee_name)
        now = self._now()
        try:
            with self._manual.translate_form_key_error(), self._database.transaction() as connection:
                self._manual.lock_agent(connection, entry.agent_id)
                schedule = self._manual.read(connection, entry.agent_id, now)
                agent = agent_for(viewer, schedule)
                made = self._manual.find_by_form_key(connection, entry.key)
                if made is not None:
                    raise DuplicateSubmission(made)
                start, end = _times(agent, entry.when, entry.duration_min or agent.rules.slot_minutes)
                home = self._home(connection, entry.property_id, None)
                place = _Placement(agent, schedule, entry.property_id, viewer)
                found = self._require_confirmed(connection, place, entry.when, (start, end), now)
                new = _new_viewing(entry, agent, home, times=(start, end), found=found, viewer=viewer, now=now)
                key = f"{MANUAL_KEY_PREFIX}{entry.key}"
                booked = self._appointments.insert(connection, new, agent.rules.blocked_until(end), key, viewer.email)
                self._record(connection, viewer, "booked", None, booked)
                record(connection, booked.appointment_id)
                return booked
        except SlotTaken as refusal:
            needs = Needs(entry.property_id, entry.duration_min)
            raise type(refusal)(self.free_times.near(entry.agent_id, entry.when, needs)) from refusal
        except FormKeyConflict as refusal:
            raise self._duplicate(entry.key) from refusal

    def move(
        self,
        appointment_id: int,
        seen: ExpectedState | None,
        when: WallClockTime,
        viewer: Viewer,
        *,
        record: Record = unrecorded,
    ) -> Appointment:
        """Move a confirmed viewing in one step. It keeps its duration.

        If the move is refused, it keeps its time as well.

        Args:
            appointment_id: which.
            seen: the state that the user saw.
            when: the new time.
            viewer: who moves it.
            record: is called in the transaction.

        Raises AppointmentUnknown, EditConflict if it was changed since, InvalidTransition, SameTime, TimeSkipped,
        ConfirmationRequired, SlotTaken.
        """
        now = self._now()
        try:
            with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
                old = self._lock_and_check(connection, appointment_id, seen, viewer)
                if old.status != "confirmed":
                    raise InvalidTransition(status=old.status)
                schedule = self._manual.read(connection, old.agent_id, now)
                agent = agent_for(viewer, schedule)
                duration = old.end - old.start
                start = _times(agent, when, agent.rules.slot_minutes)[0]
                if start == old.start:
                    raise SameTime
                place = _Placement(agent, schedule, old.property_id, viewer)
                found = self._require_confirmed(
                    connection, place, when, (start, start + duration), now, ignored_id=appointment_id
                )
                moved = replace(old, start=start, end=start + duration, overlap_allowed=found.allows_overlap)
                blocked_until = agent.rules.blocked_until(moved.end)
                self._appointments.move(connection, moved, old, blocked_until, now, actor=viewer.email)
                self._record(connection, viewer, "moved", old, moved)
                record(connection, moved.appointment_id)
                return moved
        except SlotTaken as refusal:
            raise type(refusal)(self.free_times.near(old.agent_id, when, needs_of(old))) from refusal

    def edit(
        self,
        appointment_id: int,
        seen: ExpectedState | None,
        viewing: ViewingEdit,
        viewer: Viewer,
        *,
        record: Record = unrecorded,
    ) -> Appointment:
        """Change everything about a viewing but its start and its status. Return it as it is then.

        Triggers notify the visitor of another home, agent or length, and update the agent's calendar (migration 033).

        Args:
            appointment_id: which.
            seen: the state that the user saw.
            viewing: as it is to be.
            viewer: who edits it.
            record: is called in the transaction.

        Raises AppointmentUnknown, EditConflict if it was changed since and is not yet as it is to be, AgentUnknown for
        another agent that the viewer may not see, AddressMissing, NameMissing, InvalidDuration, NotesTooLong,
        HomeRetired, OnlyVisitorEditable, NothingEdited; ConfirmationRequired for warnings about another home or agent,
        or a longer viewing, that the user has not acknowledged; SlotTaken if a writer that did not lock the agent took
        the time.
        """
        require_complete(viewing)
        now = self._now()
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            if 0 < appointment_id <= MAX_INTEGER:
                self._manual.lock_agents_of(connection, appointment_id, viewing.agent_id)
            old = self._get_visible(connection, appointment_id, viewer)
            schedule = self._manual.read(connection, viewing.agent_id, now)
            agent = agent_for(viewer, schedule)
            new = edited(old, viewing, agent, self._home(connection, viewing.property_id, old.property_id))
            changes = changes_between(old, new)
            if not changes:
                raise NothingEdited
            _require_seen(seen, old)
            if is_visitor_only(old, now) and not VISITOR_FIELDS.issuperset(changes):
                raise OnlyVisitorEditable
            takes_other_time = not {"agent_id", "minutes"}.isdisjoint(changes)
            blocked_until = agent.rules.blocked_until(new.end) if takes_other_time else None
            if takes_other_time or "home_id" in changes:
                place = _Placement(agent, schedule, new.property_id, viewer)
                new = self._confirmed_edit(connection, place, new, changes, acknowledged=viewing.acknowledged, now=now)
            self._manual.edit(connection, new, changes, blocked_until, now, actor=viewer.email)
            self._audit.record(connection, viewer, viewing_change(new, "edited", *audited_changes(changes)))
            record(connection, new.appointment_id)
            return new

    def change(
        self,
        appointment_id: int,
        seen: ExpectedState | None,
        action: Action,
        viewer: Viewer,
        *,
        record: Record = unrecorded,
    ) -> Appointment:
        """Cancel a viewing, mark it as completed or as a no-show, or restore it.

        Args:
            appointment_id: which.
            seen: the state that the user saw.
            action: what to do.
            viewer: who does it.
            record: is called in the transaction.

        Raises AppointmentUnknown, EditConflict if it was changed since, InvalidTransition, NotStartedYet if it cannot
        be completed or a no-show yet, SlotTaken if its time was booked since, HomeBusy if that of its home was.
        """
        now = self._now()
        transition = TRANSITIONS[action]
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            old = self._lock_and_check(connection, appointment_id, seen, viewer)
            if old.status not in transition.before:
                raise InvalidTransition(status=old.status)
            if action in {"complete", "no_show"} and old.start > now:
                raise NotStartedYet
            if action == "reopen" and not old.overlap_allowed:
                self._refuse_if_taken(connection, old, now, viewer)
            self._appointments.set_status(
                connection, old, transition.after, kind=transition.kind, now=now, actor=viewer.email
            )
            changed = replace(old, status=transition.after)
            self._record(connection, viewer, transition.kind, old, changed)
            record(connection, changed.appointment_id)
            return changed

    def _get_visible(self, connection: Connection, appointment_id: int, viewer: Viewer) -> Appointment:
        """Return a viewing.

        Raises AppointmentUnknown, also for one that the viewer may not see.
        """
        user_id = owner_filter(viewer)
        known = 0 < appointment_id <= MAX_INTEGER
        appointment = self._manual.get(connection, appointment_id, user_id) if known else None
        if appointment is None:
            raise AppointmentUnknown
        return appointment

    def _lock_and_check(
        self, connection: Connection, appointment_id: int, seen: ExpectedState | None, viewer: Viewer
    ) -> Appointment:
        """Lock the agent of a viewing and return the viewing.

        Raises AppointmentUnknown, EditConflict.
        """
        if 0 < appointment_id <= MAX_INTEGER:
            self._manual.lock_agent_of(connection, appointment_id)
        return self._seen(connection, appointment_id, seen, viewer)

    def _seen(
        self, connection: Connection, appointment_id: int, seen: ExpectedState | None, viewer: Viewer
    ) -> Appointment:
        """Return a viewing whose agent is locked. Raises AppointmentUnknown, EditConflict."""
        appointment = self._get_visible(connection, appointment_id, viewer)
        _require_seen(seen, appointment)
        return appointment

    def _require_confirmed(
        self,
        connection: Connection,
        place: _Placement,
        when: WallClockTime,
        times: tuple[datetime, datetime],
        now: datetime,
        *,
        ignored_id: int | None = None,
    ) -> BookingWarnings:
        """Return the warnings about a time.

        Raises ConfirmationRequired if the user has not acknowledged all of them.
        """
        found = self._warnings(connection, place, when.day, times, now, ignored_id=ignored_id)
        if not found.fingerprints <= when.acknowledged:
            length = times[1] - times[0]
            needs = Needs(place.property_id, length // timedelta(minutes=1), ignored_id)
            nearest = self.free_times.availability(connection, place.schedule, needs, now).nearest(times[0])
            raise ConfirmationRequired(found, tuple(start for start in nearest if found.leaves(start, start + length)))
        return found

    def _confirmed_edit(
        self,
        connection: Connection,
        place: _Placement,
        new: Appointment,
        changes: Changes,
        *,
        acknowledged: frozenset[str],
        now: datetime,
    ) -> Appointment:
        """Return an edited viewing of another home, agent or length, as it may be stored.

        Raises ConfirmationRequired if those about the change are not acknowledged. There is no other time to offer.
        """
        found = self._warnings(
            connection, place, new.local_start.date(), (new.start, new.end), now, ignored_id=new.appointment_id
        )
        needed = to_confirm(found, changes)
        if not needed.fingerprints <= acknowledged:
            raise ConfirmationRequired(needed, ())
        return replace(new, overlap_allowed=found.allows_overlap)

    def _warnings(
        self,
        connection: Connection,
        place: _Placement,
        day: date,
        times: tuple[datetime, datetime],
        now: datetime,
        *,
        ignored_id: int | None,
    ) -> BookingWarnings:
        """Return the warnings about a time on a day of the agent."""
        agent, schedule, (start, end) = place.agent, place.schedule, times
        until = agent.rules.blocked_until(end)
        return check_warnings(
            agent,
            start,
            end,
            now,
            overlapping=self._manual.overlapping(connection, agent.agent_id, start, until, ignored_id=ignored_id),
            same_home=self._of_same_home(connection, place, times, ignored_id),
            moved_event_of=schedule.event_moved_into(start, until, ignored_id),
            busy=self._hours.overlapping(connection, agent.agent_id, start, until, now),
            booked_that_day=self._manual.booked_between(
                connection,
                agent.agent_id,
                midnight(day, agent.zone),
                midnight(day + timedelta(days=1), agent.zone),
                ignored_id=ignored_id,
            ),
            calendar_age=schedule.calendar_age,
            is_calendar_stale=not self._calendars.is_current(schedule.calendar_age, agent, now),
        )

    def _of_same_home(
        self, connection: Connection, place: _Placement, times: tuple[datetime, datetime], ignored_id: int | None
    ) -> tuple[HomeViewing, ...]:
        """Return the viewings that other agents have of the home then, where the office wants one at a time."""
        if place.property_id is None:
            return ()
        return self._manual.of_same_home(
            connection,
            place.property_id,
            place.agent.agent_id,
            start=times[0],
            end=times[1],
            ignored_id=ignored_id,
            user_id=owner_filter(place.viewer),
        )

    def _home(self, connection: Connection, property_id: int | None, present_id: int | None) -> Property | None:
        """Return a home of the catalogue. Raises HomeRetired, unless it is the one that the viewing is of already."""
        if property_id is None:
            return None
        home = self._homes.read(connection, property_id)
        if home is None or (home.status != "active" and property_id != present_id):
            raise HomeRetired
        return home

    def _refuse_if_taken(self, connection: Connection, old: Appointment, now: datetime, viewer: Viewer) -> None:
        """Raise SlotTaken or HomeBusy if another confirmed viewing overlaps one to be restored."""
        schedule = self._manual.read(connection, old.agent_id, now)
        assert schedule.agent is not None  # noqa: S101  # tells mypy; agents are never deleted
        until = schedule.agent.rules.blocked_until(old.end)
        others = self._manual.overlapping(connection, old.agent_id, old.start, until, ignored_id=old.appointment_id)
        availability = self.free_times.availability(connection, schedule, needs_of(old), now)
        if others:
            raise SlotTaken(availability.nearest(old.start))
        place = _Placement(schedule.agent, schedule, old.property_id, viewer)
        same_home = self._of_same_home(connection, place, (old.start, old.end), old.appointment_id)
        if same_home:
            raise HomeBusy(same_home[0], availability.nearest(old.start))

    def _duplicate(self, key: str) -> DuplicateSubmission:
        """Return the refusal of a form that was just submitted for another agent."""
        with self._database.transaction() as connection:
            made = self._manual.find_by_form_key(connection, key)
        assert made is not None  # noqa: S101  # tells mypy; viewings are never deleted
        return DuplicateSubmission(made)

    def _record(
        self, connection: Connection, viewer: Viewer, action: str, before: Appointment | None, after: Appointment
    ) -> None:
        """Queue the entry of the audit log."""
        old, new = changed_fields(before, after) if before else ({}, booked_fields(after))
        self._audit.record(connection, viewer, viewing_change(after, action, old, new))


def _require_seen(seen: ExpectedState | None, appointment: Appointment) -> None:
    """Raise EditConflict if a viewing was changed after a user saw it."""
    if seen is None or seen.updated_at != appointment.updated_at:
        raise EditConflict(seen, appointment)


def _new_viewing(
    entry: NewBooking,
    agent: Agent,
    home: Property | None,
    *,
    times: tuple[datetime, datetime],
    found: BookingWarnings,
    viewer: Viewer,
    now: datetime,
) -> Appointment:
    """Return a viewing that is not stored yet.

    Args:
        entry: what to book.
        agent: with whom.
        home: of the catalogue; None for other words.
        times: its start and end, in UTC.
        found: the warnings that the user has confirmed.
        viewer: who books it.
        now: the present moment, aware.
    """
    return Appointment(
        appointment_id=0,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        property_address=home.label if home else entry.property_address,
        property_id=entry.property_id,
        home_label=home.label if home else None,
        start=times[0],
        end=times[1],
        status="confirmed",
        attendee_name=entry.attendee_name,
        attendee_email=entry.attendee_email,
        attendee_phone=number_to_reach(entry.attendee_phone, agent),
        overlap_allowed=found.allows_overlap,
        created_at=now,
        booked_by=viewer.email,
    )


def _times(agent: Agent, when: WallClockTime, duration_min: int) -> tuple[datetime, datetime]:
    """Return a viewing's start and end, in UTC. Raises InvalidDuration, TimeSkipped."""
    if not MIN_DURATION_MIN <= duration_min <= MAX_DURATION_MIN:
        raise InvalidDuration
    start = existing_instant(when.day, when.clock_min, agent.zone)
    return start, start + timedelta(minutes=duration_min)
