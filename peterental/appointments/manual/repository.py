"""Manual bookings in PostgreSQL: locks, reads and history.

`AppointmentRepository` writes them, as for the phone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

from peterental.agents.lookup import lock_agent_sql
from peterental.appointments.manual.model import MANUAL_KEY_PREFIX, Event, FormKeyConflict, HomeViewing
from peterental.appointments.model import Appointment
from peterental.appointments.repository import APPOINTMENT, CONSTRAINT_ERRORS, OVERLAPPING
from peterental.appointments.schedule_repository import SCHEDULE_BY_ID, AgentSchedule, read_schedule
from peterental.database.constraints import named_constraints
from peterental.properties.lookup import ONE_VIEWING_AT_A_TIME

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg
    from psycopg.rows import DictRow

    from peterental.appointments.manual.model import Changes
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

MAX_OVERLAPS_SHOWN = 3


class ManualBookingRepository:
    """The viewings of one database, for users.

    Methods that do not queue wait for the server.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock_agent(self, connection: Connection, agent_id: str) -> None:
        """Queue the agent's lock, with which every change of its bookings starts."""
        connection.execute(lock_agent_sql().encode(), {"agent_id": agent_id})

    def lock_agent_of(self, connection: Connection, appointment_id: int) -> psycopg.Cursor[DictRow]:
        """Queue the lock of the agent of a viewing. The cursor returns its `agent_id`.

        An edit may give the viewing another agent while the lock is awaited: compare the agent of the viewing that is
        read afterwards, or its `updated_at` with the one that was seen.
        """
        return connection.execute(
            """
            SELECT agent_id FROM agents
            WHERE agent_id = (SELECT agent_id FROM appointments WHERE id = %s)
            FOR NO KEY UPDATE
            """,
            (appointment_id,),
        )

    def lock_agents_of(self, connection: Connection, appointment_id: int, agent_id: str) -> None:
        """Queue the locks of the agent of a viewing and of another one, in the order in which everyone takes them."""
        connection.execute(
            """
            SELECT FROM agents
            WHERE agent_id IN (%(agent_id)s, (SELECT agent_id FROM appointments WHERE id = %(id)s))
            ORDER BY agent_id
            FOR NO KEY UPDATE
            """,
            {"agent_id": agent_id, "id": appointment_id},
        )

    def read(self, connection: Connection, agent_id: str, now: datetime) -> AgentSchedule:
        """Return the schedule of an agent."""
        return read_schedule(SCHEDULE_BY_ID.execute(connection, {"agent_id": agent_id, "now": now}).fetchone())

    def translate_form_key_error(self) -> AbstractContextManager[None]:
        """Raise FormKeyConflict for a form that was submitted before, and SlotTaken."""
        return named_constraints({**CONSTRAINT_ERRORS, "idx_appointments_form": FormKeyConflict})

    def find_by_form_key(self, connection: Connection, key: str) -> Appointment | None:
        """Return the viewing that a form booked, if it did."""
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
        """Return a viewing with an agent of a user, or with any agent if None."""
        row = connection.execute(
            f"""
            SELECT {APPOINTMENT}, notes
            FROM appointments JOIN agents USING (agent_id)
            WHERE id = %(id)s AND (%(user_id)s::int IS NULL OR user_id = %(user_id)s)
            """.encode(),
            {"id": appointment_id, "user_id": user_id},
        ).fetchone()
        return Appointment(**row) if row else None

    def overlapping(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, *, ignored_id: int | None
    ) -> tuple[Appointment, ...]:
        """Return an agent's first viewings between two moments, buffers included.

        Args:
            connection: to read with.
            agent_id: whose.
            start: the start of the new viewing.
            until: the end of the buffer after it.
            ignored_id: of the viewing that is to be moved, which does not block itself.
        """
        rows = connection.execute(
            OVERLAPPING.encode(),
            {
                "agent_id": agent_id,
                "start": start,
                "until": until,
                "ignored_id": ignored_id,
                "limit": MAX_OVERLAPS_SHOWN,
            },
        )
        return tuple(Appointment(**row) for row in rows.fetchall())

    def of_same_home(
        self,
        connection: Connection,
        property_id: int,
        agent_id: str,
        *,
        start: datetime,
        end: datetime,
        ignored_id: int | None,
        user_id: int | None,
    ) -> tuple[HomeViewing, ...]:
        """Return the first viewings of a home between two moments that other agents have.

        None where the office allows viewings of one home to overlap.

        Args:
            connection: to read with.
            property_id: which home.
            agent_id: the agent whose own viewings are left out.
            start: the start of the new viewing.
            end: its end.
            ignored_id: of the viewing that is to be changed.
            user_id: who is told the visitors of their own agents' viewings; None is told all.
        """
        rows = connection.execute(
            f"""
            SELECT id AS appointment_id, agent_name, time_zone, start_time AS start, end_time AS "end",
                   CASE WHEN %(user_id)s::int IS NULL OR user_id = %(user_id)s THEN attendee_name END AS attendee_name
            FROM appointments JOIN agents USING (agent_id)
            WHERE {ONE_VIEWING_AT_A_TIME}
                AND appointments.property_id = %(property_id)s AND status = 'confirmed' AND agent_id <> %(agent_id)s
                AND start_time > %(start)s::timestamptz - INTERVAL '2 days' AND start_time < %(end)s
                AND end_time > %(start)s AND id IS DISTINCT FROM %(ignored_id)s::int
            ORDER BY start_time, id
            LIMIT %(limit)s
            """.encode(),
            {
                "property_id": property_id,
                "agent_id": agent_id,
                "start": start,
                "end": end,
                "ignored_id": ignored_id,
                "user_id": user_id,
                "limit": MAX_OVERLAPS_SHOWN,
            },
        )
        return tuple(HomeViewing(**row) for row in rows.fetchall())

    def booked_between(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, *, ignored_id: int | None
    ) -> int:
        """Count an agent's confirmed viewings that start between two moments, except one."""
        row = connection.execute(
            """
            SELECT COUNT(*) AS number FROM appointments
            WHERE agent_id = %(agent_id)s AND status = 'confirmed' AND id IS DISTINCT FROM %(ignored_id)s::int
                AND start_time >= %(start)s AND start_time < %(until)s
            """,
            {"agent_id": agent_id, "start": start, "until": until, "ignored_id": ignored_id},
        ).fetchone()
        return int(row["number"]) if row else 0

    def edit(
        self,
        connection: Connection,
        appointment: Appointment,
        changes: Changes,
        blocked_until: datetime | None,
        now: datetime,
        *,
        actor: str,
    ) -> None:
        """Queue the UPDATE of an edited viewing, and the event of its history.

        Args:
            connection: of the transaction that has locked the agent before and the new one.
            appointment: as it is to be.
            changes: what is new in it.
            blocked_until: the end of the agent's buffer after it; None if that stays.
            now: the present moment, aware.
            actor: the e-mail address of the user who edits it.
        """
        connection.execute(
            """
            WITH edited AS (
                UPDATE appointments
                SET agent_id = %(agent_id)s, property_address = %(property_address)s, property_id = %(property_id)s,
                    is_home_unknown = %(is_home_unknown)s, end_time = %(end)s,
                    blocked_until = COALESCE(%(blocked_until)s, blocked_until), overlap_allowed = %(overlap_allowed)s,
                    attendee_name = %(name)s, attendee_email = %(email)s, attendee_phone = %(phone)s,
                    notes = %(notes)s, updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
                WHERE id = %(id)s AND status = %(status)s
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor, changes)
            SELECT id, %(now)s, 'edited', %(actor)s, %(changes)s FROM edited
            """,
            {
                "id": appointment.appointment_id,
                "status": appointment.status,
                "agent_id": appointment.agent_id,
                "property_address": appointment.property_address,
                "property_id": appointment.property_id,
                "is_home_unknown": appointment.is_home_unknown,
                "end": appointment.end,
                "blocked_until": blocked_until,
                "overlap_allowed": appointment.overlap_allowed,
                "name": appointment.attendee_name,
                "email": appointment.attendee_email,
                "phone": appointment.attendee_phone,
                "notes": appointment.notes,
                "now": now,
                "actor": actor,
                "changes": Jsonb(dict(changes)),
            },
        )

    def history(self, connection: Connection, appointment_id: int) -> tuple[Event, ...]:
        """Return the events of a viewing, oldest first."""
        rows = connection.execute(
            """
            SELECT kind, happened_at, actor, old_start, new_start, COALESCE(changes, '{}') AS changes
            FROM appointment_events
            WHERE appointment_id = %s
            ORDER BY event_id
            """,
            [appointment_id],
        )
        return tuple(Event(**row) for row in rows.fetchall())
