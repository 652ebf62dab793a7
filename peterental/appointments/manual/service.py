"""Viewings by hand: people may do more than callers, once they know what speaks against it, and it is written down.

Every change is one transaction that first locks the agent, as the phone's changes do, so that nobody is overtaken
between looking and writing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import AgentUnknown
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments.availability import Availability
from peterental.appointments.manual.model import (
    LONGEST_MIN,
    MANUAL_KEY_PREFIX,
    TRANSITIONS,
    BookingWarning,
    ConfirmationRequired,
    DayAvailability,
    DuplicateSubmission,
    EditConflict,
    FormKeyConflict,
    InvalidDuration,
    InvalidTransition,
    NotStartedYet,
    SameTime,
)
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.manual.warnings import check_warnings
from peterental.appointments.model import AddressMissing, Appointment, AppointmentUnknown, NameMissing, SlotTaken
from peterental.appointments.repository import AppointmentRepository
from peterental.audit.model import Change, changed_fields
from peterental.clock import existing_instant, instant_of, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.appointments.availability import BookedInterval
    from peterental.appointments.manual.model import (
        Action,
        BookingWarnings,
        Event,
        ExpectedState,
        NewBooking,
        WallClockTime,
    )
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

MAX_BIGINT = 2**31 - 1
SHORTEST_MIN = 5


class ManualBookingService:
    """The viewings of one database, for people.

    Args:
        database: where they are kept.
        audit: keeps who changed what.
        now: gives the present moment, aware.
    """

    def __init__(self, database: Database, audit: AuditService, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._appointments = AppointmentRepository(database)
        self._by_hand = ManualBookingRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._audit = audit
        self._now = now

    def show(self, appointment_id: int, viewer: Viewer) -> tuple[Appointment, tuple[Event, ...]]:
        """Give a viewing and its history, oldest first. Two queries. Raises AppointmentUnknown."""
        with self._database.transaction() as connection:
            appointment = self._get_visible(connection, appointment_id, viewer)
            return appointment, self._by_hand.history(connection, appointment_id)

    def free(self, agent_id: str, day: date, viewer: Viewer, *, without: int | None = None) -> DayAvailability:
        """Give what an agent has free on one of its days. One query. Raises AgentUnknown.

        Args:
            agent_id: whose day.
            day: on the agent's calendar.
            viewer: who asks.
            without: the id of a viewing that is to be moved and so is not in its own way.
        """
        now = self._now()
        with self._database.transaction() as connection:
            desk = self._by_hand.read(connection, agent_id, now)
        agent = _agent_for(viewer, desk)
        availability = Availability(agent.rules, agent.zone, now, _without(desk.taken, without))
        times = availability.free_on(day)
        noon = datetime.combine(day, time(12), agent.zone)
        return DayAvailability(agent, tuple(times), () if times else availability.nearest(noon))

    def book(self, entry: NewBooking, viewer: Viewer) -> Appointment:
        """Book a viewing.

        Raises AgentUnknown, HomeMissing, NameMissing, LengthOdd, TimeSkipped, InDoubt where something speaks against
        the time that the entry does not say is known, SlotTaken where somebody who did not queue was quicker, FormUsed
        where the same form has booked before.
        """
        if not entry.property_address.strip():
            raise AddressMissing
        if not entry.attendee_name.strip():
            raise NameMissing
        now = self._now()
        try:
            with self._by_hand.translate_form_key_error(), self._database.transaction() as connection:
                self._by_hand.lock_agent(connection, entry.agent_id)
                desk = self._by_hand.read(connection, entry.agent_id, now)
                agent = _agent_for(viewer, desk)
                made = self._by_hand.find_by_form_key(connection, entry.key)
                if made is not None:
                    raise DuplicateSubmission(made)
                start, end = _times(agent, entry.when, entry.length_min or agent.rules.slot_minutes)
                found = self._require_confirmed(connection, desk, entry.when, (start, end), now)
                appointment = Appointment(
                    appointment_id=0,
                    agent_id=agent.agent_id,
                    agent_name=agent.agent_name,
                    time_zone=agent.time_zone,
                    property_address=entry.property_address,
                    start=start,
                    end=end,
                    status="confirmed",
                    attendee_name=entry.attendee_name,
                    attendee_email=entry.attendee_email,
                    attendee_phone=entry.attendee_phone,
                    overlap_allowed=BookingWarning.OVERLAPS in found.concerns,
                    created_at=now,
                    booked_by=viewer.email,
                )
                row = self._appointments.insert(
                    connection,
                    appointment,
                    end + timedelta(minutes=agent.rules.buffer_minutes),
                    f"{MANUAL_KEY_PREFIX}{entry.key}",
                    viewer.email,
                ).fetchone()
                booked = replace(appointment, appointment_id=row["appointment_id"] if row else 0)
                self._record(connection, viewer, "booked", None, booked)
                return booked
        except SlotTaken as refusal:
            raise self._slot_taken(entry.agent_id, entry.when) from refusal
        except FormKeyConflict as refusal:
            raise self._duplicate(entry.key) from refusal

    def move(self, appointment_id: int, seen: ExpectedState | None, when: WallClockTime, viewer: Viewer) -> Appointment:
        """Move a confirmed viewing in one step; refused, it stays where it is. It keeps its length.

        Raises AppointmentUnknown, ChangedMeanwhile where it is not as it was seen, NotInThatState, SameTime,
        TimeSkipped, InDoubt, SlotTaken.
        """
        now = self._now()
        try:
            with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
                old = self._lock_and_check(connection, appointment_id, seen, viewer)
                if old.status != "confirmed":
                    raise InvalidTransition(status=old.status)
                desk = self._by_hand.read(connection, old.agent_id, now)
                agent = _agent_for(viewer, desk)
                length = old.end - old.start
                start = _times(agent, when, agent.rules.slot_minutes)[0]
                if start == old.start:
                    raise SameTime
                found = self._require_confirmed(
                    connection, desk, when, (start, start + length), now, without=appointment_id
                )
                overlaps = BookingWarning.OVERLAPS in found.concerns
                moved = replace(old, start=start, end=start + length, overlap_allowed=overlaps)
                blocked_until = moved.end + timedelta(minutes=agent.rules.buffer_minutes)
                self._appointments.move(connection, moved, old.start, blocked_until, now, actor=viewer.email)
                self._record(connection, viewer, "moved", old, moved)
                return moved
        except SlotTaken as refusal:
            raise self._slot_taken(old.agent_id, when, without=appointment_id) from refusal

    def change(self, appointment_id: int, seen: ExpectedState | None, action: Action, viewer: Viewer) -> Appointment:
        """Cancel a viewing, complete it, note that nobody came, or have it stand again.

        Raises AppointmentUnknown, ChangedMeanwhile, NotInThatState, NotBegun where it is too early to say how it went,
        SlotTaken where its time has gone to somebody else.
        """
        now = self._now()
        step = TRANSITIONS[action]
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            old = self._lock_and_check(connection, appointment_id, seen, viewer)
            if old.status not in step.before:
                raise InvalidTransition(status=old.status)
            if action in {"complete", "no_show"} and old.start > now:
                raise NotStartedYet
            if action == "reopen" and not old.overlap_allowed:
                self._refuse_if_taken(connection, old, now)
            self._appointments.set_status(connection, old, step.after, kind=step.kind, now=now, actor=viewer.email)
            changed = replace(old, status=step.after)
            self._record(connection, viewer, step.kind, old, changed)
            return changed

    def _get_visible(self, connection: Connection, appointment_id: int, viewer: Viewer) -> Appointment:
        user_id = None if viewer.is_admin else viewer.user_id
        known = 0 < appointment_id <= MAX_BIGINT
        appointment = self._by_hand.get(connection, appointment_id, user_id) if known else None
        if appointment is None:
            raise AppointmentUnknown
        return appointment

    def _lock_and_check(
        self, connection: Connection, appointment_id: int, seen: ExpectedState | None, viewer: Viewer
    ) -> Appointment:
        """Give a viewing that nobody else can change until the transaction ends, if it still is as it was seen."""
        if 0 < appointment_id <= MAX_BIGINT:
            self._by_hand.lock_agent_of(connection, appointment_id)
        appointment = self._get_visible(connection, appointment_id, viewer)
        if seen is None or seen.updated_at != appointment.updated_at:
            raise EditConflict(seen, appointment)
        return appointment

    def _require_confirmed(
        self,
        connection: Connection,
        desk: AgentSchedule,
        when: WallClockTime,
        times: tuple[datetime, datetime],
        now: datetime,
        *,
        without: int | None = None,
    ) -> BookingWarnings:
        """Give what speaks against a time. Raises InDoubt where it is more than whoever chose it says they know."""
        assert desk.agent is not None  # noqa: S101  # tells mypy; `_agent_for` looked
        agent, (start, end) = desk.agent, times
        until = end + timedelta(minutes=agent.rules.buffer_minutes)
        midnight = datetime.combine(when.day, time(), agent.zone).astimezone(UTC)
        next_midnight = datetime.combine(when.day + timedelta(days=1), time(), agent.zone).astimezone(UTC)
        found = check_warnings(
            agent,
            start,
            end,
            now,
            overlapping=self._by_hand.overlapping(connection, agent.agent_id, start, until, without=without),
            is_busy=self._hours.is_busy(connection, agent.agent_id, start, until),
            booked_that_day=self._by_hand.booked_between(
                connection, agent.agent_id, midnight, next_midnight, without=without
            ),
        )
        if not found.facts <= when.told:
            availability = Availability(agent.rules, agent.zone, now, _without(desk.taken, without))
            raise ConfirmationRequired(found, availability.nearest(start))
        return found

    def _refuse_if_taken(self, connection: Connection, old: Appointment, now: datetime) -> None:
        desk = self._by_hand.read(connection, old.agent_id, now)
        assert desk.agent is not None  # noqa: S101  # tells mypy; agents are never deleted
        until = old.end + timedelta(minutes=desk.agent.rules.buffer_minutes)
        others = self._by_hand.overlapping(connection, old.agent_id, old.start, until, without=old.appointment_id)
        if others:
            availability = Availability(desk.agent.rules, desk.agent.zone, now, desk.taken)
            raise SlotTaken(availability.nearest(old.start))

    def _slot_taken(self, agent_id: str, when: WallClockTime, *, without: int | None = None) -> SlotTaken:
        """Give the refusal of a time that the constraint refused, with the free times that are nearest now."""
        now = self._now()
        with self._database.transaction() as connection:
            desk = self._by_hand.read(connection, agent_id, now)
        assert desk.agent is not None  # noqa: S101  # tells mypy; agents are never deleted
        availability = Availability(desk.agent.rules, desk.agent.zone, now, _without(desk.taken, without))
        wished = instant_of(when.day, when.clock_min, desk.agent.zone) or now
        return SlotTaken(availability.nearest(wished))

    def _duplicate(self, key: str) -> DuplicateSubmission:
        """Give the refusal of a form that has booked for another agent, which was seen too late to queue for it."""
        with self._database.transaction() as connection:
            made = self._by_hand.find_by_form_key(connection, key)
        assert made is not None  # noqa: S101  # tells mypy; viewings are never deleted
        return DuplicateSubmission(made)

    def _record(
        self, connection: Connection, viewer: Viewer, action: str, before: Appointment | None, after: Appointment
    ) -> None:
        old, new = changed_fields(before, after) if before else ({}, _facts(after))
        change = Change(
            action=action,
            subject_kind="appointment",
            subject_id=str(after.appointment_id),
            subject_name=f"{after.attendee_name}, {after.property_address}",
            before=old,
            after=new,
        )
        self._audit.record(connection, viewer.email, change)


def _agent_for(viewer: Viewer, desk: AgentSchedule) -> Agent:
    """Give the agent of a desk. Raises AgentUnknown, also where it is not the viewer's."""
    if desk.agent is None or not (viewer.is_admin or desk.agent.user_id == viewer.user_id):
        raise AgentUnknown
    return desk.agent


def _times(agent: Agent, when: WallClockTime, length_min: int) -> tuple[datetime, datetime]:
    """Give when a viewing begins and ends, in UTC. Raises LengthOdd, TimeSkipped with times that do exist."""
    if not SHORTEST_MIN <= length_min <= LONGEST_MIN:
        raise InvalidDuration
    start = existing_instant(when.day, when.clock_min, agent.zone)
    return start, start + timedelta(minutes=length_min)


def _without(taken: Sequence[BookedInterval], appointment_id: int | None) -> list[BookedInterval]:
    return [stretch for stretch in taken if appointment_id is None or stretch.appointment_id != appointment_id]


def _facts(appointment: Appointment) -> dict[str, object]:
    """Give what is known of a new viewing, for the log."""
    names = ("agent_id", "start", "end", "property_address", "attendee_name", "attendee_email", "attendee_phone")
    facts = {name: getattr(appointment, name) for name in (*names, "overlap_allowed")}
    return {name: value for name, value in facts.items() if value}
