"""An agent's days in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from peterental.appointments.calendar.model import CalendarDay, CalendarEntry
from peterental.database.pool import Database

DAYS = """
    SELECT day_number, total, visits.*
    FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS days (starts, ends, day_number)
    CROSS JOIN LATERAL (
        SELECT COUNT(*) AS total
        FROM appointments
        WHERE agent_id = %(agent_id)s AND status <> 'cancelled' AND start_time >= starts AND start_time < ends
    ) AS counted
    LEFT JOIN LATERAL (
        SELECT id AS appointment_id, start_time AS start, end_time AS "end",
               COALESCE(blocked_until, end_time) AS blocked_until, status,
               property_address, attendee_name, COALESCE(attendee_phone, caller_number) AS phone
        FROM appointments
        WHERE agent_id = %(agent_id)s AND status <> 'cancelled' AND start_time >= starts AND start_time < ends
        ORDER BY start_time, id
        LIMIT %(limit)s
    ) AS visits ON TRUE
    ORDER BY day_number, start, appointment_id
"""


VIEWINGS_BY_WEEK = """
    SELECT width_bucket(start_time, %(edges)s::timestamptz[]) AS week, status, COUNT(*) AS number
    FROM (
        SELECT start_time, status
        FROM appointments
        WHERE agent_id = %(agent_id)s AND start_time >= %(first)s AND start_time < %(last)s
        ORDER BY start_time DESC
        LIMIT %(most)s
    ) AS latest
    GROUP BY week, status
"""

CALLS_BY_WEEK = """
    SELECT width_bucket(rang_at, %(edges)s::timestamptz[]) AS week, COUNT(*) AS number,
           COUNT(*) FILTER (
               WHERE EXISTS (SELECT FROM appointments WHERE appointments.vapi_call_id = latest.vapi_call_id)
           ) AS booked
    FROM (
        SELECT vapi_call_id, COALESCE(started_at, created_at) AS rang_at
        FROM calls
        WHERE agent_id = %(agent_id)s
            AND COALESCE(started_at, created_at) >= %(first)s AND COALESCE(started_at, created_at) < %(last)s
        ORDER BY rang_at DESC, vapi_call_id DESC
        LIMIT %(most)s
    ) AS latest
    GROUP BY week
"""


class CalendarRepository:
    """The diaries of one database's agents. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def with_visits(self, agent_id: str, days: Sequence[CalendarDay], limit: int) -> list[CalendarDay]:
        """Give these days with the first `limit` viewings of each, and how many there are; cancelled ones left out."""
        rows = self._database.fetch(
            DAYS,
            {
                "agent_id": agent_id,
                "starts": [day.starts for day in days],
                "ends": [day.ends for day in days],
                "limit": limit,
            },
        )
        totals, visits = [0] * len(days), [list[CalendarEntry]() for _ in days]
        for row in rows:
            number = row.pop("day_number") - 1
            totals[number] = row.pop("total")
            if row["appointment_id"] is not None:
                visits[number].append(CalendarEntry(**row))
        return [
            replace(day, total=total, visits=tuple(found))
            for day, total, found in zip(days, totals, visits, strict=True)
        ]

    def viewings_by_week(self, agent_id: str, edges: Sequence[datetime], most: int) -> list[tuple[int, str, int]]:
        """Count the latest viewings, at most `most`: number of the week from 1, status, how many."""
        rows = self._database.fetch(VIEWINGS_BY_WEEK, _weeks(agent_id, edges, most))
        return [(row["week"], row["status"], row["number"]) for row in rows]

    def calls_by_week(self, agent_id: str, edges: Sequence[datetime], most: int) -> list[tuple[int, int, int]]:
        """Count the latest calls, at most `most`: number of the week from 1, how many, how many led to a viewing."""
        rows = self._database.fetch(CALLS_BY_WEEK, _weeks(agent_id, edges, most))
        return [(row["week"], row["number"], row["booked"]) for row in rows]


def _weeks(agent_id: str, edges: Sequence[datetime], most: int) -> dict[str, object]:
    return {"agent_id": agent_id, "edges": list(edges[:-1]), "first": edges[0], "last": edges[-1], "most": most}
