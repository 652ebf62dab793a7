"""Viewings of visitors in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.agents.lookup import line_of_viewing_sql
from peterental.appointments.model import VISITOR
from peterental.appointments.repository import APPOINTMENT
from peterental.appointments.visitors.model import Contacts
from peterental.calls.lookup import called_agent

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.appointments.model import Appointment
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_CHOSEN_BY = f"COALESCE(appointments.line_agent_id, {called_agent('appointments.vapi_call_id')})"
_VIEWING = f"""
    SELECT {APPOINTMENT}, sequence, agents.handover_number,
        {line_of_viewing_sql("appointments.agent_id", _CHOSEN_BY)} AS line_agent_id
    FROM appointments JOIN agents USING (agent_id)
    WHERE id = %s
"""


_CONTACTS = """
    SELECT attendee_phone, caller_number, attendee_email,
        EXISTS (
            SELECT FROM appointment_events AS event
            WHERE event.appointment_id = appointments.id
                AND (changes #>> '{phone,0}' <> '' OR changes #>> '{email,0}' <> '')
        ) AS were_corrected
    FROM appointments WHERE id = %s
"""


class VisitorRepository:
    """The viewings of one database, for their visitors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, appointment_id: int) -> DictRow | None:
        """Return a viewing with what its visitor is shown of the agent. One round trip."""
        rows = self._database.fetch(_VIEWING, (appointment_id,))
        return rows[0] if rows else None

    def contacts(self, appointment_id: int) -> Contacts | None:
        """Return to whom links of a viewing lead to it; None if there is no such viewing. One round trip."""
        rows = self._database.fetch(_CONTACTS, (appointment_id,))
        if not rows:
            return None
        were_corrected = rows[0].pop("were_corrected")
        return Contacts(recipients=frozenset(filter(None, rows[0].values())), were_corrected=were_corrected)

    def read(self, connection: Connection, appointment_id: int) -> DictRow | None:
        """Return what `find` does, in a transaction. Waits for the server."""
        return connection.execute(_VIEWING.encode(), (appointment_id,)).fetchone()

    def confirm(self, connection: Connection, appointment: Appointment, now: datetime) -> None:
        """Queue the visitor's confirmation, and the event of the viewing's history.

        Does nothing if the viewing is confirmed by its visitor already, or does not take place.
        """
        connection.execute(
            """
            WITH confirmed AS (
                UPDATE appointments
                SET confirmed_at = %(now)s, updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
                WHERE id = %(id)s AND status = 'confirmed' AND confirmed_at IS NULL
                RETURNING id
            )
            INSERT INTO appointment_events (appointment_id, happened_at, kind, actor)
            SELECT id, %(now)s, 'confirmed', %(actor)s FROM confirmed
            """,
            {"id": appointment.appointment_id, "now": now, "actor": VISITOR},
        )
