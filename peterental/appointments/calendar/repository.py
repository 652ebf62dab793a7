"""The bookings of one agent's days, weeks and summaries, in PostgreSQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from psycopg.rows import DictRow

from peterental.agents.model import Agent
from peterental.appointments.calendar.model import CalendarDay, CalendarEntry
from peterental.appointments.calendar.summaries import MAX_UPCOMING_COUNTED, AgentSummary, Upcoming, week_and_month
from peterental.appointments.model import BookingSummary
from peterental.appointments.schedule_repository import AgentSchedule, read_schedule, schedule_statement
from peterental.calendars.lookup import CALENDAR_AGE, calendar_age
from peterental.database.pool import Database
from peterental.properties.lookup import HOME_LABEL

SUMMARY = f"""
    id AS appointment_id, start_time AS start, end_time AS "end", property_address, attendee_name,
    {HOME_LABEL} AS home_label
"""
"""The columns of a `BookingSummary`, from rows named `appointments`."""

DAYS = f"""
    SELECT day_number, total, entries.*
    FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS days (starts, ends, day_number)
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS total
        FROM appointments
        WHERE agent_id = %(agent_id)s AND status <> 'cancelled' AND start_time >= starts AND start_time < ends
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT {SUMMARY}, COALESCE(blocked_until, end_time) AS blocked_until, status,
               COALESCE(attendee_phone, caller_number) AS phone
        FROM appointments
        WHERE agent_id = %(agent_id)s AND status <> 'cancelled' AND start_time >= starts AND start_time < ends
        ORDER BY start_time, id
        LIMIT %(limit)s
    ) AS entries ON TRUE
    ORDER BY day_number, start, appointment_id
"""

DAYS_OF_AGENTS = f"""
    SELECT own.agent_id, day_number, total, entries.*
    FROM unnest(%(agent_ids)s::text[]) AS own (agent_id)
    CROSS JOIN unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
        WITH ORDINALITY AS days (starts, ends, day_number)
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS total
        FROM appointments
        WHERE appointments.agent_id = own.agent_id AND status <> 'cancelled'
            AND start_time >= starts AND start_time < ends
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT {SUMMARY}, COALESCE(blocked_until, end_time) AS blocked_until, status,
               COALESCE(attendee_phone, caller_number) AS phone
        FROM appointments
        WHERE appointments.agent_id = own.agent_id AND status <> 'cancelled'
            AND start_time >= starts AND start_time < ends
        ORDER BY start_time, id
        LIMIT %(limit)s
    ) AS entries ON TRUE
    ORDER BY day_number, start, appointment_id
"""

SCHEDULES = schedule_statement("SELECT * FROM agents WHERE agent_id = ANY(%(agent_ids)s)")

VIEWINGS_BY_WEEK = """
    SELECT width_bucket(start_time, %(edges)s::timestamptz[]) AS week, status, COUNT(*) AS number
    FROM (
        SELECT start_time, status
        FROM appointments
        WHERE agent_id = %(agent_id)s AND start_time >= %(first)s AND start_time < %(last)s
        ORDER BY start_time DESC
        LIMIT %(limit)s
    ) AS latest
    GROUP BY week, status
"""


class ViewingCalendarRepository:
    """The calendars of one database's agents. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def with_entries(self, agent_id: str, days: Sequence[CalendarDay], limit: int) -> list[CalendarDay]:
        """Return these days with the first `limit` viewings of each and their number.

        Cancelled viewings are left out.
        """
        rows = self._database.fetch(
            DAYS,
            {
                "agent_id": agent_id,
                "starts": [day.starts for day in days],
                "ends": [day.ends for day in days],
                "limit": limit,
            },
        )
        totals, entries = [0] * len(days), [list[CalendarEntry]() for _ in days]
        for row in rows:
            number = row.pop("day_number") - 1
            totals[number] = row.pop("total")
            if row["appointment_id"] is not None:
                entries[number].append(CalendarEntry(**row))
        return [
            replace(day, total=total, entries=tuple(found))
            for day, total, found in zip(days, totals, entries, strict=True)
        ]

    def days_of_agents(
        self, agent_ids: Sequence[str], days: Sequence[CalendarDay], limit: int
    ) -> dict[str, list[CalendarDay]]:
        """Return these days for each of some agents, with the first `limit` viewings of each and their number.

        Cancelled viewings are left out.
        """
        rows = self._database.fetch(
            DAYS_OF_AGENTS,
            {
                "agent_ids": list(agent_ids),
                "starts": [day.starts for day in days],
                "ends": [day.ends for day in days],
                "limit": limit,
            },
        )
        totals: dict[tuple[str, int], int] = {}
        entries = defaultdict[tuple[str, int], list[CalendarEntry]](list)
        for row in rows:
            key = row.pop("agent_id"), row.pop("day_number") - 1
            totals[key] = row.pop("total")
            if row["appointment_id"] is not None:
                entries[key].append(CalendarEntry(**row))
        return {
            agent_id: [
                replace(day, total=totals[agent_id, number], entries=tuple(entries[agent_id, number]))
                for number, day in enumerate(days)
            ]
            for agent_id in agent_ids
        }

    def schedules(self, agent_ids: Sequence[str], reads_from: datetime) -> dict[str, AgentSchedule]:
        """Return the schedules of some agents from a moment to their horizons, by id."""
        with self._database.transaction() as connection:
            rows = SCHEDULES.execute(connection, {"agent_ids": list(agent_ids), "now": reads_from}).fetchall()
        found = [read_schedule(row) for row in rows]
        return {schedule.agent.agent_id: schedule for schedule in found if schedule.agent is not None}

    def viewings_by_week(self, agent_id: str, edges: Sequence[datetime], limit: int) -> list[tuple[int, str, int]]:
        """Count the latest viewings by week and status.

        Returns the number of the week from 1, the status, and how many.

        Args:
            agent_id: whose.
            edges: when each week starts, in order, and when the last one ends.
            limit: how many viewings to count, the latest first.
        """
        rows = self._database.fetch(
            VIEWINGS_BY_WEEK,
            {"agent_id": agent_id, "edges": list(edges[:-1]), "first": edges[0], "last": edges[-1], "limit": limit},
        )
        return [(row["week"], row["status"], row["number"]) for row in rows]

    def summaries(self, agents: Sequence[Agent], now: datetime) -> tuple[AgentSummary, ...]:
        """Return each agent's next confirmed viewing, its counts, and the age of its calendars, in order."""
        spans = [week_and_month(now, agent.zone) for agent in agents]
        week_from, week_until, month_from, month_until = map(list, zip(*spans, strict=True))
        rows = self._database.fetch(
            f"""
            SELECT agent.agent_id, viewings_this_week, viewings_this_month, upcoming.*, age.*
            FROM unnest(
                %(agent_ids)s::text[],
                %(week_from)s::timestamptz[], %(week_until)s::timestamptz[],
                %(month_from)s::timestamptz[], %(month_until)s::timestamptz[]
            ) AS agent (agent_id, week_from, week_until, month_from, month_until)
            LEFT JOIN LATERAL (
                SELECT {SUMMARY}
                FROM appointments
                WHERE appointments.agent_id = agent.agent_id AND status = 'confirmed' AND start_time >= %(now)s
                ORDER BY start_time
                LIMIT 1
            ) AS upcoming ON TRUE
            CROSS JOIN LATERAL (
                SELECT
                    COUNT(*) FILTER (WHERE start_time >= week_from AND start_time < week_until) AS viewings_this_week,
                    COUNT(*) FILTER (WHERE start_time >= month_from AND start_time < month_until) AS viewings_this_month
                FROM appointments
                WHERE appointments.agent_id = agent.agent_id AND status <> 'cancelled'
                    AND start_time >= LEAST(week_from, month_from)
                    AND start_time < GREATEST(week_until, month_until)
            ) AS counted
            CROSS JOIN LATERAL ({CALENDAR_AGE}) AS age
            """,
            {
                "agent_ids": [agent.agent_id for agent in agents],
                "week_from": week_from,
                "week_until": week_until,
                "month_from": month_from,
                "month_until": month_until,
                "now": now,
            },
        )
        found = {row["agent_id"]: row for row in rows}
        return tuple(_agent_summary(agent, found[agent.agent_id]) for agent in agents)

    def upcoming(self, agent_id: str, now: datetime, limit: int) -> Upcoming:
        """Return an agent's next confirmed viewings, one going on included, and the total.

        No viewing is as long as a day, so the index on the start finds one that is going on. Counting ends at
        MAX_UPCOMING_COUNTED.
        """
        rows = self._database.fetch(
            f"""
            SELECT {SUMMARY}, COUNT(*) OVER () AS total
            FROM (
                SELECT *
                FROM appointments
                WHERE agent_id = %(agent_id)s AND status = 'confirmed'
                    AND start_time > %(now)s - INTERVAL '1 day' AND end_time > %(now)s
                ORDER BY start_time
                LIMIT %(counted)s
            ) AS appointments
            ORDER BY start_time, id
            LIMIT %(limit)s
            """,
            {"agent_id": agent_id, "now": now, "limit": limit, "counted": MAX_UPCOMING_COUNTED},
        )
        return Upcoming(viewings=tuple(_summary(row) for row in rows), total=rows[0]["total"] if rows else 0)

    def starting_after(self, agent_id: str, now: datetime, limit: int) -> tuple[BookingSummary, ...]:
        """Return an agent's first confirmed viewings after `now`, soonest first."""
        rows = self._database.fetch(
            f"""
            SELECT {SUMMARY}
            FROM appointments
            WHERE agent_id = %s AND status = 'confirmed' AND start_time > %s
            ORDER BY start_time, id
            LIMIT %s
            """,
            (agent_id, now, limit),
        )
        return tuple(BookingSummary(**row) for row in rows)


def _summary(row: DictRow) -> BookingSummary:
    """Return the booking in a row that has more columns than its own."""
    return BookingSummary(**{field.name: row[field.name] for field in fields(BookingSummary)})


def _agent_summary(agent: Agent, row: DictRow) -> AgentSummary:
    return AgentSummary(
        agent=agent,
        next_viewing=_summary(row) if row["appointment_id"] is not None else None,
        viewings_this_week=row["viewings_this_week"],
        viewings_this_month=row["viewings_this_month"],
        calendar_age=calendar_age(row),
    )
