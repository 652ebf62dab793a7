"""Read what a tool call is decided by: the line that was called, its team, and the earlier tool calls of the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.appointments.phone_requests import RequestContext
from peterental.appointments.team import team_of

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.appointments.repository import AppointmentRepository, CallersSchedule
    from peterental.appointments.schedule_repository import LineSchedule
    from peterental.appointments.team import Team
    from peterental.calendars.sync_service import SyncService
    from peterental.calls.model import CallHistory, ToolInvocation
    from peterental.calls.service import CallService
    from peterental.database.deadline import DeadlineConnection


@dataclass(frozen=True)
class LockedReading:
    """What was read under the lock of a line.

    Args:
        now: when, aware.
        invocation: the tool call, with the id under which it is stored.
        found: the line, and the caller's own bookings.
        team: all agents of the line that are locked, if it has more than its own.
        call_history: the earlier tool calls of this call.
    """

    now: datetime
    invocation: ToolInvocation
    found: CallersSchedule
    team: Team | None
    call_history: CallHistory


class LockedReader:
    """Locks lines and reads them, for tool calls that change something.

    Args:
        appointments: reads the schedules.
        calls: locks the line, and reads the earlier tool calls.
        calendars: knows whether busy times may be relied on.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        appointments: AppointmentRepository,
        calls: CallService,
        calendars: SyncService,
        now: Callable[[], datetime],
    ) -> None:
        self._appointments = appointments
        self._calls = calls
        self._calendars = calendars
        self._now = now

    def read(self, connection: DeadlineConnection, invocation: ToolInvocation, home: str | None) -> LockedReading:
        """Lock the agents of the line that was called, and read. One round trip.

        Args:
            connection: of a transaction in which nothing was read before.
            invocation: the tool call.
            home: as the caller named it; None where it was not named.
        """
        locked_agents = self._calls.lock_line(connection, invocation)
        now = self._now()
        pending = self._appointments.queue_schedule(connection, invocation, home, now, reads_history=True)
        connection.sync()
        found = pending.read()
        call_history = found.history or self._calls.history(connection, invocation)
        team = None
        if found.line.agents:
            team = team_of(found.line, self._calendars.is_current, now, locked_agents())
        return LockedReading(now, call_history.stored(invocation), found, team, call_history)


def request_context(invocation: ToolInvocation, line: LineSchedule, team: Team | None, now: datetime) -> RequestContext:
    """Return what a request for the times of a line is decided by; the caller's bookings and the call's history lack.

    Args:
        invocation: the tool call.
        line: as read.
        team: all agents of the line, if it has more than its own.
        now: when it was read, aware.
    """
    schedule = line.holder
    return RequestContext(
        now=now,
        invocation=invocation,
        agent=schedule.agent,
        taken=schedule.taken,
        busy=schedule.busy,
        team=team,
        catalogue=line.catalogue,
    )
