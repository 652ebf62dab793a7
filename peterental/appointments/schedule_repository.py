"""Reads an agent with its rules and taken times from PostgreSQL, in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.agents.lookup import AGENT_BY_ID, AGENT_BY_VAPI_KEY, AGENT_JSON, BUSY_TIMES, agent_from_json
from peterental.appointments.availability import Availability, BookedInterval, without_booking
from peterental.appointments.busy_times import NO_BUSY_TIMES, BusyTimes
from peterental.calendars.lookup import CALENDAR_AGE, calendar_age
from peterental.database.statement import Statement

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.agents.model import Agent
    from peterental.calendars.account import CalendarAge

HELD = 0
"""The appointment id of a time that is held for a caller: it counts among the viewings of its day."""

MULTI_DAY = "status = 'confirmed' AND COALESCE(blocked_until, end_time) - start_time > INTERVAL '1 day'"
"""Bookings of days, which only an adopted database has. Word for word what migration 009 has an index on."""

# From two days ago, because a daily cap counts the bookings of today that are over, to the agent's horizon; and what
# began before and is still going on.
_BOOKED_TIMES = f"""
    SELECT array_agg(id) AS ids, array_agg(start_time) AS starts, array_agg(until) AS untils
    FROM (
        SELECT id, start_time, COALESCE(blocked_until, end_time) AS until
        FROM appointments
        WHERE appointments.agent_id = agent.agent_id AND status = 'confirmed'
            AND start_time >= %(now)s - INTERVAL '2 days'
            AND start_time < %(now)s + make_interval(days => agent.horizon_days + 2)
        UNION ALL
        SELECT id, start_time, COALESCE(blocked_until, end_time)
        FROM appointments
        WHERE appointments.agent_id = agent.agent_id AND {MULTI_DAY}
            AND start_time < %(now)s - INTERVAL '2 days'
            AND COALESCE(blocked_until, end_time) > %(now)s
    ) AS confirmed
"""


def schedule_statement(agent: str, own: str = "NULL", stopped: str = "NULL") -> Statement:
    """Return the statement that reads the schedule of one agent as one row.

    Args:
        agent: the query of its row of `agents`.
        own: an expression to read with it, in which that row is `agent`; the column `own` of the result.
        stopped: another one; the column `stopped`.
    """
    return Statement(
        f"""
        SELECT
            described.agent, booked.*, busy.*, age.*,
            {own} AS own, {stopped} AS stopped
        FROM ({agent}) AS agent
        , LATERAL ({AGENT_JSON}) AS described
        , LATERAL ({_BOOKED_TIMES}) AS booked
        , LATERAL ({BUSY_TIMES}) AS busy
        , LATERAL ({CALENDAR_AGE}) AS age
        """
    )


SCHEDULE_BY_VAPI_KEY = schedule_statement(AGENT_BY_VAPI_KEY)
SCHEDULE_BY_ID = schedule_statement(AGENT_BY_ID)


@dataclass(frozen=True)
class AgentSchedule:
    """An agent and when it is taken.

    Args:
        agent: with its rules; None where no agent is registered for the call.
        taken: confirmed bookings with their buffers, from two days ago to the agent's horizon, and times that are held
            for callers.
        busy: when the agent is busy otherwise, from now to the horizon.
        calendar_age: how old the busy blocks of its calendars are; None without a calendar.
    """

    agent: Agent | None
    taken: tuple[BookedInterval, ...] = ()
    busy: BusyTimes = NO_BUSY_TIMES
    calendar_age: CalendarAge | None = None

    def availability(self, now: datetime, *, without: int | None = None) -> Availability:
        """Return when the agent, who is known, can be booked.

        Args:
            now: the present moment, aware.
            without: the id of a viewing that is to be moved, which does not block itself.
        """
        assert self.agent is not None  # noqa: S101  # tells mypy
        return Availability(self.agent.rules, self.agent.zone, now, without_booking(self.taken, without), self.busy)


def read_schedule(row: DictRow | None) -> AgentSchedule:
    """Return the schedule in a row of SCHEDULE_BY_VAPI_KEY or SCHEDULE_BY_ID."""
    if row is None:
        return AgentSchedule(None)
    booked = map(BookedInterval, row["starts"] or (), row["untils"] or (), row["ids"] or ())
    held = (BookedInterval(start, start, HELD) for start in row["held"] or ())  # busy too; this counts them for the day
    busy = BusyTimes(row["busy_starts"], row["busy_untils"]) if row["busy_starts"] else NO_BUSY_TIMES
    return AgentSchedule(agent_from_json(row["agent"]), (*booked, *held), busy, calendar_age(row))
