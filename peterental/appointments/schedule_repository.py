"""Reads an agent with its rules and taken times from PostgreSQL, in one row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from peterental.agents.lookup import (
    AGENT_BY_ID,
    AGENT_JSON,
    BUSY_TIMES,
    LINE_AGENT_IDS,
    LINE_BY_ID,
    LINE_BY_VAPI_KEY,
    agent_from_json,
)
from peterental.appointments.availability import Availability, BookedInterval, without_booking
from peterental.appointments.busy_times import NO_BUSY_TIMES, BusyTimes, OfficeClosure
from peterental.appointments.home_choice import Catalogue, TakenHome, home_question
from peterental.calendars.lookup import CALENDAR_AGE, calendar_age
from peterental.calls.lookup import HISTORY_COLUMNS, HOME_QUESTIONS, HOMES_ASKED_ABOUT
from peterental.database.statement import Statement
from peterental.properties.lookup import HAS_HOMES, HELD, candidates_sql, homes_from_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import DictRow

    from peterental.agents.model import Agent
    from peterental.agents.shared_lines.model import Choice
    from peterental.calendars.account import CalendarAge
    from peterental.properties.model import Property

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

# Viewings whose event a person moved in the calendar, until that is adopted or put back: the agent has given that time
# away there. Few rows, which an index of their own has.
_MOVED_EVENTS = """
    SELECT json_agg(json_build_array(
        id, date_part('epoch', remote_start),
        date_part('epoch', remote_end + (COALESCE(blocked_until, end_time) - end_time))
    ))::text AS moved_events
    FROM calendar_viewings JOIN appointments ON appointments.id = appointment_id
    WHERE remote_change IS NOT NULL AND remote_change = 'moved' AND appointments.agent_id = agent.agent_id
        AND status = 'confirmed' AND remote_end > %(now)s
"""


_LINE = ", agent.is_holder, agent.position, agent.last_booked_at, agent.choice"


def _homes(own: str) -> str:
    """Return the expression of the homes that a caller may mean.

    Args:
        own: an expression, the ids of the homes of the caller's own bookings.
    """
    return candidates_sql(
        is_said="%(home_is_said)s AND agent.is_holder",
        own=own,
        asked=HOMES_ASKED_ABOUT,
        questions=HOME_QUESTIONS,
        agent_ids=LINE_AGENT_IDS,
    )


def schedule_statement(
    agent: str,
    own: str = "",
    stopped: str = "NULL",
    *,
    line: bool = False,
    reads_homes: bool = False,
    reads_history: bool = False,
) -> Statement:
    """Return the statement that reads the schedule of one agent as one row, or of each agent of a line.

    Args:
        agent: the query of its row of `agents`, or of those of a line.
        own: a query of one row to read with it, in which that row is `agent`: the columns `own` and `own_homes`, the
            ids of the homes in it.
        stopped: an expression; the column `stopped` of the result.
        line: whether the query is of a line, as `line_sql` returns it.
        reads_homes: whether the homes are read that the caller of a line may mean; else only whether there are homes.
            With no homes to read, those parts of the plan would cost a third of the rest.
        reads_history: whether the history of the phone call is read with it, which costs less than a statement.
    """
    of_line = _LINE if line else ""
    homes = _homes("own.own_homes" if own else "NULL::bigint[]") if reads_homes else HAS_HOMES
    # OFFSET 0 keeps it a subquery. In place of it, each join would carry all columns of the agent, and starting a plan
    # costs by the columns of its steps.
    return Statement(
        f"""
        SELECT
            agent.fields AS agent, booked.*, moved.*, busy.*, age.*,
            {"own.own" if own else "NULL"} AS own, {stopped} AS stopped
            {f"{of_line}, {homes} AS homes" if line else ""}
            {f", {HISTORY_COLUMNS}" if reads_history else ""}
        FROM (
            SELECT
                agent.agent_id, agent.agent_name, agent.time_zone, agent.language, agent.horizon_days{of_line},
                ({AGENT_JSON}) AS fields
            FROM ({agent}) AS agent
            OFFSET 0
        ) AS agent
        {f", LATERAL ({own}) AS own" if own else ""}
        , LATERAL ({_BOOKED_TIMES}) AS booked
        , LATERAL ({_MOVED_EVENTS}) AS moved
        , LATERAL ({BUSY_TIMES}) AS busy
        , LATERAL ({CALENDAR_AGE}) AS age
        """
    )


_marked_decoder = msgspec.json.Decoder(tuple[tuple[float, float, str | None], ...])
_moved_decoder = msgspec.json.Decoder(tuple[tuple[int, float, float], ...])

LINE_SCHEDULE_BY_VAPI_KEY = {
    reads_homes: schedule_statement(LINE_BY_VAPI_KEY, line=True, reads_homes=reads_homes)
    for reads_homes in (True, False)
}
LINE_SCHEDULE_BY_ID = schedule_statement(LINE_BY_ID, line=True)
SCHEDULE_BY_ID = schedule_statement(AGENT_BY_ID)


@dataclass(frozen=True)
class AgentSchedule:
    """An agent and when it is taken.

    Args:
        agent: with its rules; None where no agent is registered for the call.
        taken: confirmed bookings with their buffers, from two days ago to the agent's horizon; where a person moved
            their events to in the calendar; and times that are held for callers.
        busy: when the agent is busy otherwise, from now to the horizon.
        calendar_age: how old the busy blocks of its calendars are; None without a calendar.
    """

    agent: Agent | None
    taken: tuple[BookedInterval, ...] = ()
    busy: BusyTimes = NO_BUSY_TIMES
    calendar_age: CalendarAge | None = None

    def availability(
        self,
        now: datetime,
        *,
        without: int | None = None,
        home: Property | None = None,
        home_taken: BusyTimes = NO_BUSY_TIMES,
        minutes: int | None = None,
    ) -> Availability:
        """Return when the agent, who is known, can be booked.

        Args:
            now: the present moment, aware.
            without: the id of a viewing that is to be moved, which does not block itself.
            home: whose own rules count, too; None: no home's.
            home_taken: when that home may not be viewed.
            minutes: the length of the viewing; None for the agent's, or that of the home.
        """
        assert self.agent is not None  # noqa: S101  # tells mypy
        rules = home.narrowed(self.agent.rules) if home else self.agent.rules
        if minutes is not None:
            rules = replace(rules, slot_minutes=minutes)
        return Availability(rules, self.agent.zone, now, without_booking(self.taken, without), self.busy, home_taken)

    def event_moved_into(self, start: datetime, until: datetime, ignored_id: int | None = None) -> int | None:
        """Return the id of a viewing whose event a person moved into a time, in the calendar; None if there is none.

        Args:
            start: of the time, aware.
            until: its end, aware.
            ignored_id: of the viewing that is to be moved.
        """
        moved = (each for each in self.taken if each.is_moved_event and each.appointment_id != ignored_id)
        return next((each.appointment_id for each in moved if each.start < until and each.until > start), None)


@dataclass(frozen=True)
class LineAgent:
    """An agent of a line that has more than its own.

    Args:
        agent: who.
        schedule: when the agent is taken.
        position: its place in the order, from 1; None: the line does not book it, but finds its viewings.
        last_booked_at: when the line last booked it; None: never.
    """

    agent: Agent
    schedule: AgentSchedule
    position: int | None = None
    last_booked_at: datetime | None = None

    @property
    def is_booked(self) -> bool:
        """Whether the line books the agent."""
        return self.position is not None


@dataclass(frozen=True)
class LineSchedule:
    """The schedules of the agents of a line.

    Args:
        holder: of the agent whose line it is.
        agents: all agents of a line that has more than its own, in order; those whom it does not book come last.
        choice: how one of those who are free is chosen.
        catalogue: the homes that the caller may mean; None without a catalogue.
    """

    holder: AgentSchedule
    agents: tuple[LineAgent, ...] = ()
    choice: Choice = "first_free"
    catalogue: Catalogue | None = None


def read_line(rows: Sequence[DictRow]) -> LineSchedule:
    """Return the schedules in the rows of a statement of a line. A line that was never shared has one row."""
    catalogue = _catalogue(rows)
    if len(rows) <= 1:
        return LineSchedule(read_schedule(rows[0] if rows else None), catalogue=catalogue)
    schedules = [(read_schedule(row), row) for row in rows]
    holder, holders_row = next((schedule, row) for schedule, row in schedules if row["is_holder"])
    agents = [
        LineAgent(schedule.agent, schedule, row["position"], row["last_booked_at"])
        for schedule, row in schedules
        if schedule.agent is not None
    ]
    agents.sort(key=lambda each: (each.position is None, each.position, each.agent.agent_id))
    return LineSchedule(holder, tuple(agents), holders_row["choice"], catalogue)


def read_schedule(row: DictRow | None) -> AgentSchedule:
    """Return the schedule in a row of a statement."""
    if row is None:
        return AgentSchedule(None)
    booked = map(BookedInterval, row["starts"] or (), row["untils"] or (), row["ids"] or ())
    marked = _marked_decoder.decode(row["marked"]) if row["marked"] else ()
    held = (_held(start_s) for start_s, _, name in marked if name is None)
    busy = NO_BUSY_TIMES
    if row["busy_starts"]:
        closures = [OfficeClosure(start_s, until_s, name) for start_s, until_s, name in marked if name is not None]
        busy = BusyTimes(row["busy_starts"], row["busy_untils"], closures)
    moved = map(_moved, _moved_decoder.decode(row["moved_events"]) if row["moved_events"] else ())
    return AgentSchedule(agent_from_json(row["agent"]), (*booked, *held, *moved), busy, calendar_age(row))


def _held(start_s: float) -> BookedInterval:
    """Return a time that is held for a caller: it is busy, too, and counts among the viewings of its day."""
    start = datetime.fromtimestamp(start_s, UTC)
    return BookedInterval(start, start, HELD)


def _moved(event: tuple[int, float, float]) -> BookedInterval:
    """Return when a viewing is that a person moved in the calendar: it takes that time as well, from all others."""
    appointment_id, start_s, until_s = event
    start, until = (datetime.fromtimestamp(moment_s, UTC) for moment_s in (start_s, until_s))
    return BookedInterval(start, until, appointment_id, is_moved_event=True)


def _catalogue(rows: Sequence[DictRow]) -> Catalogue | None:
    """Return the homes in the rows of a line; its agents' rows have those of the caller's viewings with them."""
    found = [homes_from_json(row["homes"]) for row in rows if row.get("homes") is not None]
    if not found:
        return None
    return Catalogue(
        homes=tuple({home.property_id: home for read in found for home in read.homes}.values()),
        taken={
            property_id: tuple(TakenHome(*viewing) for viewing in viewings)
            for read in found
            for property_id, viewings in read.taken.items()
        },
        questions=tuple(home_question(*question) for read in found for question in read.questions),
    )
