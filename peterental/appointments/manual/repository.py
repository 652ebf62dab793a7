"""What people do with viewings by hand, in PostgreSQL: locking, looking and history; writing is as for the phone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from peterental.agents.lookup import lock_agent_sql
from peterental.appointments.manual.model import MANUAL_KEY_PREFIX, Event, FormKeyConflict
from peterental.appointments.model import Appointment
from peterental.appointments.repository import APPOINTMENT, CONSTRAINT_ERRORS, OVERLAPPING
from peterental.appointments.schedule_repository import SCHEDULE_BY_ID, AgentSchedule, read_schedule
from peterental.database.constraints import named_constraints

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

SHOWN_OVERLAPS = 3


class ManualBookingRepository:
    """The viewings of one database, for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock_agent(self, connection: Connection, agent_id: str) -> None:
        """Queue the lock that every change of an agent's bookings begins with, by phone or by hand."""
        connection.execute(lock_agent_sql().encode(), {"agent_id": agent_id})

    def lock_agent_of(self, connection: Connection, appointment_id: int) -> None:
        """Queue the same lock, on the agent of a viewing."""
        connection.execute(
            lock_agent_sql("(SELECT agent_id FROM appointments WHERE id = %(id)s)").encode(), {"id": appointment_id}
        )

    def read(self, connection: Connection, agent_id: str, now: datetime) -> AgentSchedule:
        """Give an agent, its rules and what is taken."""
        cursor = connection.execute(SCHEDULE_BY_ID.encode(), {"agent_id": agent_id, "now": now})
        return read_schedule(cursor.fetchone())

    def translate_form_key_error(self) -> AbstractContextManager[None]:
        """Raise FormKeyConflict for a form that has booked already; SlotTaken as `translate_overlap_error` does."""
        return named_constraints({**CONSTRAINT_ERRORS, "idx_appointments_form": FormKeyConflict})

    def find_by_form_key(self, connection: Connection, key: str) -> Appointment | None:
        """Give what a form has booked, if it has."""
        row = connection.execute(
            f"""
            SELECT {APPOINTMENT}
            FROM appointments JOIN agents USING (agent_id)
            WHERE vapi_tool_call_id = %s AND vapi_tool_call_id LIKE 'form:%%'
            """.encode(),
            [f"{MANUAL_KEY_PREFIX}{key}"],
        ).fetchone()
        return Appointment(**row) if row else None

    def get(self, connection: Connection, appointment_id: int, user_id: int | None) -> Appointment | None:
        """Give a viewing, if it is of one of that user's agents, or of anybody's where `user_id` is None."""
        row = connection.execute(
            f"""
            SELECT {APPOINTMENT}
            FROM appointments JOIN agents USING (agent_id)
            WHERE id = %(id)s AND (%(user_id)s::int IS NULL OR user_id = %(user_id)s)
            """.encode(),
            {"id": appointment_id, "user_id": user_id},
        ).fetchone()
        return Appointment(**row) if row else None

    def overlapping(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, *, without: int | None
    ) -> tuple[Appointment, ...]:
        """Give the first confirmed viewings of an agent, with their pauses, between two moments.

        Args:
            connection: to read with.
            agent_id: whose.
            start: when the new one begins.
            until: when the pause after it ends.
            without: the id of one that is not in its own way.
        """
        rows = connection.execute(
            OVERLAPPING.encode(),
            {"agent_id": agent_id, "start": start, "until": until, "without": without, "limit": SHOWN_OVERLAPS},
        )
        return tuple(Appointment(**row) for row in rows.fetchall())

    def booked_between(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, *, without: int | None
    ) -> int:
        """Count the confirmed viewings of an agent that begin between two moments, but for one."""
        row = connection.execute(
            """
            SELECT COUNT(*) AS number FROM appointments
            WHERE agent_id = %(agent_id)s AND status = 'confirmed' AND id IS DISTINCT FROM %(without)s::int
                AND start_time >= %(start)s AND start_time < %(until)s
            """,
            {"agent_id": agent_id, "start": start, "until": until, "without": without},
        ).fetchone()
        return int(row["number"]) if row else 0

    def history(self, connection: Connection, appointment_id: int) -> tuple[Event, ...]:
        """Give what was done with a viewing, oldest first."""
        rows = connection.execute(
            """
            SELECT kind, happened_at, actor, old_start, new_start
            FROM appointment_events
            WHERE appointment_id = %s
            ORDER BY event_id
            """,
            [appointment_id],
        )
        return tuple(Event(**row) for row in rows.fetchall())
