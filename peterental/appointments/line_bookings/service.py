"""Bookings by the office that leave the agent to a shared line, by the rule and under the locks of its callers.

Times are free as callers are offered them. A user who wants another time books it with one of the agents.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import AgentInactive, AgentUnknown
from peterental.appointments.audit import viewing_change
from peterental.appointments.busy_times import NO_BUSY_TIMES
from peterental.appointments.fresh_calendars import with_fresh_calendars
from peterental.appointments.line_bookings.model import LineNotVisible, LineTimes
from peterental.appointments.line_bookings.repository import LineBookingRepository
from peterental.appointments.manual.editing import booked_fields, number_to_reach, require_home_and_name
from peterental.appointments.manual.model import (
    MANUAL_KEY_PREFIX,
    DuplicateSubmission,
    FormKeyConflict,
    HomeRetired,
    unrecorded,
)
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.model import (
    Appointment,
    HomeOfColleague,
    SlotTaken,
)
from peterental.appointments.new_booking import UNBOOKED
from peterental.appointments.repository import AppointmentRepository, Turn
from peterental.appointments.start_check import check_start
from peterental.appointments.team import whole_team_of
from peterental.appointments.team_availability import TeamAvailability
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date, datetime

    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.appointments.home_choice import Catalogue
    from peterental.appointments.line_bookings.model import LineBooking
    from peterental.appointments.manual.model import Record
    from peterental.appointments.team import Team
    from peterental.audit.service import AuditService
    from peterental.calendars.sync_service import SyncService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.properties.model import Property


class LineBookingService:
    """The lines of one database, as the office books on them. A line that is not shared books its own agent.

    Args:
        database: where the viewings are stored.
        audit: records who booked what.
        calendars: knows whether busy times may be relied on, and reads them again.
        now: returns the present moment, aware.
    """

    def __init__(
        self, database: Database, audit: AuditService, calendars: SyncService, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._audit = audit
        self._calendars = calendars
        self._now = now
        self._appointments = AppointmentRepository(database)
        self._bookings = ManualBookingRepository(database)
        self._lines = LineBookingRepository(database)

    def free_days(
        self, agent_id: str, first: date | None, count: int, viewer: Viewer, *, property_id: int | None = None
    ) -> LineTimes:
        """Return the free times of a line on some days in a row.

        One query, and two for a home; more, and up to two seconds, if the agents' calendars were read too long ago.

        Args:
            agent_id: whose line.
            first: on that agent's calendar; None for today.
            count: how many days.
            viewer: who asks.
            property_id: the home whose rules and viewings narrow the times, and the agents to those who show it.

        Raises AgentUnknown, LineNotVisible, CalendarUnavailable.
        """

        def read() -> LineTimes:
            now = self._now()
            with self._database.transaction() as connection:
                team = self._team(connection, agent_id, viewer, now)
                home, catalogue = self._lines.home(connection, property_id, now)
            try:
                availability = _availability(team, home, catalogue, now)
            except AgentInactive:
                availability = TeamAvailability((), team.holder.zone, now, team.choice)
            return _times_of(team, availability, first, count)

        return with_fresh_calendars(self._calendars, read)

    def book(self, line_booking: LineBooking, viewer: Viewer, *, record: Record = unrecorded) -> Appointment:
        """Book a viewing with the agent whom the line chooses of those who are free and show the home.

        Args:
            line_booking: what to book.
            viewer: who books it.
            record: is called in the transaction.

        Raises AddressMissing, NameMissing, AgentUnknown, LineNotVisible, AgentInactive, CalendarUnavailable,
        HomeRetired, HomeOfColleague; the SlotUnavailable that explains why no agent is free; DuplicateSubmission if
        the same key booked before.
        """
        require_home_and_name(line_booking.property_address, line_booking.attendee_name)

        def attempt() -> Appointment:
            try:
                return self._attempt(line_booking, viewer, record)
            except SlotTaken as refusal:
                if refusal.nearest:
                    raise
            # A writer that had other locks took the agent's time, or the home's.
            return self._attempt(line_booking, viewer, record)

        return with_fresh_calendars(self._calendars, attempt)

    def _attempt(self, line_booking: LineBooking, viewer: Viewer, record: Record) -> Appointment:
        if "\x00" in line_booking.line_agent_id:
            raise AgentUnknown
        now = self._now()
        try:
            with self._bookings.translate_form_key_error(), self._database.transaction() as connection:
                locked = self._lines.lock(connection, line_booking.line_agent_id)
                team = self._team(connection, line_booking.line_agent_id, viewer, now, locked)
                made = self._bookings.find_by_form_key(connection, line_booking.key)
                if made is not None:
                    raise DuplicateSubmission(made)
                home, catalogue = self._lines.home(connection, line_booking.property_id, now)
                _require_shown(line_booking, home, team)
                availability = _availability(team, home, catalogue, now)
                check_start(availability, line_booking.start)
                new = _booking(line_booking, home, availability, viewer, now)
                booked = self._insert(connection, team, new, line_booking.key, viewer)
                record(connection, booked.appointment_id)
                return booked
        except FormKeyConflict as refusal:
            raise self._duplicate(line_booking.key) from refusal

    def _insert(self, connection: Connection, team: Team, new: Appointment, key: str, viewer: Viewer) -> Appointment:
        """Store a new booking, the turn of its agent, and the entry of the audit log."""
        agent = team.agent_of(new)
        booked = self._appointments.insert(
            connection,
            new,
            agent.rules.blocked_until(new.end),
            f"{MANUAL_KEY_PREFIX}{key}",
            viewer.email,
        )
        self._lines.note_line(connection, booked.appointment_id, team.holder.agent_id)
        if team.is_shared:
            turn = Turn(team.holder.agent_id, team.turn_at(new.created_at or self._now()))
            self._appointments.note_turn(connection, turn, agent.agent_id)
        fields = booked_fields(booked) | {"line": team.holder.agent_name}
        self._audit.record(connection, viewer, viewing_change(booked, "booked", after=fields))
        return booked

    def _team(
        self,
        connection: Connection,
        agent_id: str,
        viewer: Viewer,
        now: datetime,
        locked: Collection[str] | None = None,
    ) -> Team:
        """Return the agents of a line.

        Raises AgentUnknown, also for a line whose holder the viewer may not see, and LineNotVisible.
        """
        if "\x00" in agent_id:
            raise AgentUnknown
        team = whole_team_of(self._lines.read(connection, agent_id, now), self._calendars.is_current, now, locked)
        if not _may_see(viewer, team.holder):
            raise AgentUnknown
        if not all(_may_see(viewer, each.agent) for each in team.agents if each.is_booked):
            raise LineNotVisible
        return team

    def _duplicate(self, key: str) -> DuplicateSubmission:
        """Return the refusal of a request that was just sent with the same key for another line."""
        with self._database.transaction() as connection:
            made = self._bookings.find_by_form_key(connection, key)
        assert made is not None  # noqa: S101  # tells mypy; viewings are never deleted
        return DuplicateSubmission(made)


def _may_see(viewer: Viewer, agent: Agent) -> bool:
    return viewer.is_admin or agent.user_id == viewer.user_id


def _availability(team: Team, home: Property | None, catalogue: Catalogue, now: datetime) -> TeamAvailability:
    """Return when a line can book. Raises AgentInactive, also where it takes no calls, and CalendarStale."""
    if not team.holder.is_active:
        raise AgentInactive(agent_name=team.holder.agent_name)
    return team.availability(now, home, catalogue.busy_times(home, None) if home else NO_BUSY_TIMES)


def _times_of(team: Team, availability: TeamAvailability, first: date | None, count: int) -> LineTimes:
    first = first or availability.today
    days = [first + timedelta(days=number) for number in range(count)]
    return LineTimes(
        holder=team.holder,
        agents=tuple(member.agent for member in availability.members),
        choice=team.choice,
        days={
            day: {
                start: tuple(member.agent.agent_id for member in members)
                for start, members in availability.members_free_on(day).items()
            }
            for day in days
        },
    )


def _require_shown(line_booking: LineBooking, home: Property | None, team: Team) -> None:
    """Raise HomeRetired or HomeOfColleague for a home of the catalogue that the line does not show."""
    if line_booking.property_id is None:
        return
    if home is None or not home.is_active:
        raise HomeRetired
    if not team.shows(home):
        raise HomeOfColleague(home.label, (home,))


def _booking(
    line_booking: LineBooking, home: Property | None, availability: TeamAvailability, viewer: Viewer, now: datetime
) -> Appointment:
    """Return a booking that is not stored yet, with the agent whom the line chooses."""
    chosen = availability.chosen(line_booking.start)
    assert chosen is not None  # noqa: S101  # tells mypy; the time is free
    agent = chosen.agent
    return Appointment(
        appointment_id=UNBOOKED,
        agent_id=agent.agent_id,
        agent_name=agent.agent_name,
        time_zone=agent.time_zone,
        property_address=home.label if home else line_booking.property_address,
        property_id=line_booking.property_id,
        home_label=home.label if home else None,
        start=line_booking.start,
        end=line_booking.start + timedelta(minutes=availability.slot_minutes_at(line_booking.start)),
        status="confirmed",
        attendee_name=line_booking.attendee_name,
        attendee_email=line_booking.attendee_email,
        attendee_phone=number_to_reach(line_booking.attendee_phone, agent),
        created_at=now,
        booked_by=viewer.email,
    )
