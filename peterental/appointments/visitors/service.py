"""What visitors do with their own viewings. The link or the number proved who asks; there is no user.

Every change is audited. It is one transaction that first locks the agent, as changes by phone and by users do; a move
locks all agents of the line. Times are free by the rules that callers are offered them by.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from peterental.agents.model import AgentInactive
from peterental.agents.working_hours.repository import WorkingHoursRepository
from peterental.appointments.audit import viewing_change
from peterental.appointments.busy_times import NO_BUSY_TIMES
from peterental.appointments.fresh_calendars import with_fresh_calendars
from peterental.appointments.line_bookings.repository import LineBookingRepository
from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.model import (
    UNCONFIRMED,
    VISITOR,
    Appointment,
    AppointmentUnknown,
    CalendarUnavailable,
    HomeTaken,
    SlotTaken,
)
from peterental.appointments.moving import moved_to
from peterental.appointments.repository import AppointmentRepository, Turn
from peterental.appointments.start_check import check_start
from peterental.appointments.team import whole_team_of
from peterental.appointments.visitors.model import (
    DAYS_PER_PAGE,
    REINSTATE_WITHIN,
    FreeDays,
    ViewingChanged,
    ViewingEnded,
    VisitorState,
    VisitorView,
    visitor_uid,
)
from peterental.appointments.visitors.repository import VisitorRepository
from peterental.audit.model import changed_fields
from peterental.calendars.model import Marker, ViewingEvent
from peterental.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date, datetime
    from typing import Any

    from peterental.agents.model import Agent
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.appointments.team import Team
    from peterental.appointments.team_availability import TeamAvailability
    from peterental.appointments.visitors.model import Contacts
    from peterental.audit.service import AuditService
    from peterental.calendars.sync_service import SyncService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

Result = TypeVar("Result")


class VisitorService:
    """The viewings of one database, as their visitors change them.

    A change that was made already is not made again: the viewing is returned as it is.

    Args:
        database: where the viewings are stored.
        audit: records what was changed.
        calendars: knows whether busy times may be relied on, and reads them again.
        namespace: returns the namespace of this installation.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        calendars: SyncService,
        namespace: Callable[[], str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._audit = audit
        self._calendars = calendars
        self._namespace = namespace
        self._now = now
        self._appointments = AppointmentRepository(database)
        self._bookings = ManualBookingRepository(database)
        self._hours = WorkingHoursRepository(database)
        self._visitors = VisitorRepository(database)
        self._lines = LineBookingRepository(database)

    def contacts(self, appointment_id: int) -> Contacts | None:
        """Return to whom links of a viewing lead to it; None if there is no such viewing. One round trip."""
        return self._visitors.contacts(appointment_id)

    def show(self, appointment_id: int) -> VisitorView:
        """Return a viewing as its visitor sees it. One round trip. Raises AppointmentUnknown."""
        return _view(self._visitors.find(appointment_id), self._now())

    def free_days(self, appointment_id: int, page: int = 1) -> FreeDays:
        """Return the next days to which a viewing may be moved, without its present time.

        On a shared line those are the times of all its agents who show the home. Two round trips, and two for a home;
        more, and up to two seconds, if the agents' calendars were read too long ago.

        Args:
            appointment_id: which.
            page: from 1; each has DAYS_PER_PAGE days with free times.

        Raises AppointmentUnknown, ViewingEnded, AgentInactive, CalendarUnavailable.
        """
        view, now = self.show(appointment_id), self._now()
        if view.state != "open":
            raise ViewingEnded

        def read() -> TeamAvailability:
            with self._database.transaction() as connection:
                team = self._team(connection, view, now)
                return self._availability(connection, team, view.appointment, now)

        return _page_of(with_fresh_calendars(self._calendars, read), view.appointment.start, page)

    def calendar_file(self, view: VisitorView, *, title: str, description: str, url: str) -> bytes:
        """Return a viewing as an iCalendar file, with the UID of the event to which visitors are invited by e-mail.

        Args:
            view: of the viewing.
            title: plain text.
            description: plain text.
            url: of the visitor's page.
        """
        from peterental.calendars.icalendar_data import writer  # noqa: PLC0415  # loads icalendar

        viewing, namespace = view.appointment, self._namespace()
        event = ViewingEvent(
            marker=Marker(namespace, viewing.appointment_id),
            event_id=None,
            start=viewing.start,
            end=viewing.end,
            zone=viewing.zone,
            title=title,
            location=viewing.home,
            description=description,
            url=url,
            sequence=view.sequence,
            updated_at=viewing.updated_at or self._now(),
        )
        return writer.viewing_to_add(event, visitor_uid(namespace, viewing.appointment_id))

    def confirm(self, appointment_id: int, seen_start: datetime | None = None) -> Appointment:
        """Record that the visitor will come.

        Args:
            appointment_id: which.
            seen_start: the start that the visitor saw; None if it was shown none.

        Raises AppointmentUnknown, ViewingChanged, ViewingEnded.
        """
        now = self._now()
        with self._database.transaction() as connection:
            view = self._locked(connection, appointment_id, now)
            _require_open(view, seen_start)
            if view.is_confirmed:
                return view.appointment
            self._visitors.confirm(connection, view.appointment, now)
            changed = replace(view.appointment, confirmed_at=now)
            self._record(connection, VISITOR, "confirmed", view.appointment, changed)
            return changed

    def cancel(self, appointment_id: int, seen_start: datetime | None = None) -> Appointment:
        """Cancel a viewing.

        Args:
            appointment_id: which.
            seen_start: the start that the visitor saw; None if it was shown none.

        Raises AppointmentUnknown, ViewingChanged, ViewingEnded.
        """
        now = self._now()
        with self._database.transaction() as connection:
            view = self._locked(connection, appointment_id, now)
            if view.appointment.status == "cancelled":
                return view.appointment
            _require_open(view, seen_start)
            return self._end(connection, view.appointment, "cancelled", VISITOR, now)

    def move(self, appointment_id: int, start: datetime, seen_start: datetime) -> Appointment:
        """Move a viewing to a free time, in one step. A refused move leaves it where it is.

        It keeps its agent if that one is free then. Otherwise another agent of the line takes over, as by phone.

        Args:
            appointment_id: which.
            start: the new start, aware.
            seen_start: the start that the visitor saw.

        Raises AppointmentUnknown, ViewingChanged, ViewingEnded, AgentInactive, CalendarUnavailable, and the
        SlotUnavailable that explains why the time is not free.
        """
        line_agent_id = self.show(appointment_id).line_agent_id
        return with_fresh_calendars(
            self._calendars, lambda: self._attempt_move(appointment_id, line_agent_id, start, seen_start)
        )

    def reinstate(self, appointment_id: int) -> Appointment:
        """Take back a viewing that was released, if its time is still free. The visitor has thereby confirmed it.

        Raises AppointmentUnknown, ViewingEnded, AgentInactive, CalendarUnavailable, SlotTaken.
        """
        agent_id = self.show(appointment_id).appointment.agent_id
        return self._with_calendar(lambda: self._attempt_reinstating(appointment_id), agent_id)

    def release(self, appointment_id: int, is_due: Callable[[Connection], bool]) -> bool:
        """Cancel a viewing that its visitor did not confirm. Return whether it was done.

        Args:
            appointment_id: which.
            is_due: decides in the transaction, under the agent's lock, whether it is to be released.

        Raises AppointmentUnknown.
        """
        now = self._now()
        with self._database.transaction() as connection:
            view = self._locked(connection, appointment_id, now)
            if view.state != "open" or view.is_confirmed or not is_due(connection):
                return False
            self._end(connection, view.appointment, "released", UNCONFIRMED, now)
            return True

    def _attempt_move(
        self, appointment_id: int, line_agent_id: str, start: datetime, seen_start: datetime
    ) -> Appointment:
        now = self._now()
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            locked = self._lines.lock(connection, line_agent_id)
            view = _view(self._visitors.read(connection, appointment_id), now)
            old = view.appointment
            if view.state == "open" and start == old.start:
                return old
            _require_open(view, seen_start)
            if old.agent_id not in locked:  # another agent took it over while the locks were awaited
                raise ViewingChanged
            team = self._team(connection, view, now, locked)
            availability = self._availability(connection, team, old, now)
            check_start(availability, start)
            chosen = availability.chosen(start)
            agent = chosen.agent if chosen else team.agent_of(old)
            moved = replace(moved_to(old, start, agent, availability), confirmed_at=None)
            blocked_until = agent.rules.blocked_until(moved.end)
            self._appointments.move(connection, moved, old, blocked_until, now, actor=VISITOR)
            if team.is_shared and moved.agent_id != old.agent_id:
                self._appointments.note_turn(connection, Turn(team.holder.agent_id, team.turn_at(now)), moved.agent_id)
            self._record(connection, VISITOR, "moved", old, moved)
            return moved

    def _attempt_reinstating(self, appointment_id: int) -> Appointment:
        now = self._now()
        with self._appointments.translate_overlap_error(), self._database.transaction() as connection:
            view = self._locked(connection, appointment_id, now)
            old = view.appointment
            if view.state == "open":
                return old
            if view.state != "released":
                raise ViewingEnded
            schedule = self._bookings.read(connection, old.agent_id, now)
            agent = self._bookable_agent(schedule, now)
            until = agent.rules.blocked_until(old.end)
            if self._bookings.overlapping(connection, old.agent_id, old.start, until, ignored_id=appointment_id):
                raise SlotTaken(start=old.start)
            if schedule.event_moved_into(old.start, until, appointment_id) is not None:
                raise SlotTaken(start=old.start)
            if self._hours.overlapping(connection, old.agent_id, old.start, until, now) is not None:
                raise SlotTaken(start=old.start)
            if self._is_home_taken(connection, old, now):
                raise HomeTaken(start=old.start)
            self._appointments.set_status(connection, old, "confirmed", kind="reopened", now=now, actor=VISITOR)
            self._visitors.confirm(connection, old, now)
            changed = replace(old, status="confirmed", confirmed_at=now, released_at=None)
            self._record(connection, VISITOR, "reopened", old, changed)
            return changed

    def _end(
        self,
        connection: Connection,
        old: Appointment,
        kind: Literal["cancelled", "released"],
        actor: str,
        now: datetime,
    ) -> Appointment:
        self._appointments.set_status(connection, old, "cancelled", kind=kind, now=now, actor=actor)
        released_at = now if kind == "released" else None
        changed = replace(old, status="cancelled", confirmed_at=None, released_at=released_at)
        self._record(connection, actor, kind, old, changed)
        return changed

    def _locked(self, connection: Connection, appointment_id: int, now: datetime) -> VisitorView:
        """Lock the agent of a viewing and return the viewing.

        Raises AppointmentUnknown, ViewingChanged if another agent took it over while the lock was awaited.
        """
        locked = self._bookings.lock_agent_of(connection, appointment_id)
        view = _view(self._visitors.read(connection, appointment_id), now)
        row = locked.fetchone()
        if row is None or row["agent_id"] != view.appointment.agent_id:
            raise ViewingChanged
        return view

    def _team(
        self, connection: Connection, view: VisitorView, now: datetime, locked: Collection[str] | None = None
    ) -> Team:
        """Return the agents to whom a viewing can be moved, its own among them.

        That is its own agent alone if the line takes no calls, because its holder was deactivated. Raises
        ViewingChanged if its agent has left the line since the viewing was read.
        """
        line = self._lines.read(connection, view.line_agent_id, now)
        team, own_id = whole_team_of(line, self._calendars.is_current, now, locked), view.appointment.agent_id
        if not team.has(own_id):
            raise ViewingChanged
        return team if team.holder.is_active else team.alone(own_id)

    def _availability(
        self, connection: Connection, team: Team, viewing: Appointment, now: datetime
    ) -> TeamAvailability:
        """Return when a viewing can be moved to, by the rules of the agents and of its home, on its agent's clock.

        Raises AgentInactive, CalendarStale.
        """
        home, catalogue = self._lines.home(connection, viewing.property_id, now)
        taken = catalogue.busy_times(home, viewing.appointment_id) if home else NO_BUSY_TIMES
        return team.availability_to_move(viewing, now, home, taken, viewing.zone)

    def _is_home_taken(self, connection: Connection, viewing: Appointment, now: datetime) -> bool:
        """Return whether the home of a viewing is viewed then, or held for a caller on the waitlist."""
        home, catalogue = self._lines.home(connection, viewing.property_id, now)
        return home is not None and catalogue.busy_times(home, viewing.appointment_id).overlaps(
            viewing.start, viewing.end
        )

    def _bookable_agent(self, schedule: AgentSchedule, now: datetime) -> Agent:
        """Return the agent of a schedule, if callers would be offered its times.

        Raises AgentInactive, CalendarUnavailable.
        """
        agent = schedule.agent
        assert agent is not None  # noqa: S101  # tells mypy; a viewing has its agent
        if not agent.is_active:
            raise AgentInactive(agent_name=agent.agent_name)
        if not self._calendars.is_current(schedule.calendar_age, agent, now):
            raise CalendarUnavailable(can_call_back=False)
        return agent

    def _with_calendar(self, work: Callable[[], Result], agent_id: str) -> Result:
        """Do something that needs an agent's calendar; if that was read too long ago, read it and try once more."""
        try:
            return work()
        except CalendarUnavailable:
            self._calendars.refresh_for_page(agent_id)
        return work()

    def _record(self, connection: Connection, actor: str, action: str, before: Appointment, after: Appointment) -> None:
        """Queue the entry of the audit log. Another agent is recorded by its name, as for edits."""
        old, new = changed_fields(before, replace(after, **_of_agent(before)))
        if after.agent_id != before.agent_id:
            old, new = old | {"agent": before.agent_name}, new | {"agent": after.agent_name}
        self._audit.record(connection, actor, viewing_change(after, action, old, new))


def _of_agent(viewing: Appointment) -> dict[str, Any]:
    """Return the fields of a viewing that are its agent's."""
    return {name: getattr(viewing, name) for name in ("agent_id", "agent_name", "time_zone", "language", "names_agent")}


def _require_open(view: VisitorView, seen_start: datetime | None) -> None:
    """Raise ViewingEnded, or ViewingChanged if the visitor saw another start."""
    if view.state != "open":
        raise ViewingEnded
    if seen_start is not None and seen_start != view.appointment.start:
        raise ViewingChanged


def _view(row: Mapping[str, Any] | None, now: datetime) -> VisitorView:
    """Return what a row of the repository shows its visitor. Raises AppointmentUnknown."""
    if row is None:
        raise AppointmentUnknown
    fields = dict(row)
    about = {name: fields.pop(name) for name in ("handover_number", "sequence", "line_agent_id")}
    appointment = Appointment(**fields)
    state = _state(appointment, now)
    released_at = appointment.released_at if state == "released" else None
    until = min(released_at + REINSTATE_WITHIN, appointment.start) if released_at else None
    return VisitorView(appointment=appointment, state=state, reinstate_until=until, **about)


def _state(appointment: Appointment, now: datetime) -> VisitorState:
    if appointment.status == "cancelled":
        released_at = appointment.released_at
        is_recent = released_at is not None and now < min(released_at + REINSTATE_WITHIN, appointment.start)
        return "released" if is_recent else "cancelled"
    if appointment.status != "confirmed" or appointment.end <= now:
        return "over"
    return "open" if now < appointment.start else "begun"


def _page_of(availability: TeamAvailability, present: datetime, page: int) -> FreeDays:
    """Return one page of the days with free times other than the present one."""
    first = (page - 1) * DAYS_PER_PAGE
    found: list[tuple[date, tuple[datetime, ...]]] = []
    for day in availability.days():
        times = tuple(start for start in availability.free_on(day) if start != present)
        if times:
            found.append((day, times))
        if len(found) > first + DAYS_PER_PAGE:
            break
    days = dict(found[first : first + DAYS_PER_PAGE])
    chosen = (availability.chosen(start) for times in days.values() for start in times)
    return FreeDays(
        days=days,
        page=page,
        has_more=len(found) > first + DAYS_PER_PAGE,
        has_colleagues=any(member.agent.agent_id != availability.preferred for member in chosen if member),
    )
