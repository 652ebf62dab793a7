"""Find, read and anonymise the bookings of one person in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

# What is between two columns is longer than what may be inside a number.
_TEXT = "concat_ws(' ------ ', attendee_name, attendee_email, attendee_phone, caller_number, property_address)"


class BookingPersonalDataRepository:
    """The bookings of one database, by what they contain. Every method runs in the caller's transaction."""

    def search(self, connection: Connection, pattern: str) -> list[DictRow]:
        """Return the bookings in which a regular expression matches, earliest first. Reads the whole table."""
        return connection.execute(
            f"""
            SELECT id AS appointment_id, agent_id, agent_name, time_zone, start_time, end_time, status,
                   property_address, attendee_name, vapi_call_id
            FROM appointments JOIN agents USING (agent_id)
            WHERE {_TEXT} ~* %(pattern)s
            ORDER BY start_time, id
            """.encode(),
            {"pattern": pattern},
        ).fetchall()

    def read(self, connection: Connection, ids: Sequence[int]) -> list[DictRow]:
        """Return everything stored about bookings, earliest first, each with its history as `events`."""
        return connection.execute(
            """
            SELECT id AS appointment_id, agent_name, time_zone, property_address, start_time, end_time, status,
                   attendee_name, attendee_email, attendee_phone, caller_number, vapi_call_id, calendar_event_id,
                   appointments.created_at, appointments.updated_at,
                   (
                       SELECT jsonb_agg(to_jsonb(history) ORDER BY event_id)
                       FROM (
                           SELECT event_id, kind, happened_at, actor = 'phone' AS by_phone, old_start, new_start
                           FROM appointment_events
                           WHERE appointment_id = appointments.id
                       ) AS history
                   ) AS events
            FROM appointments JOIN agents USING (agent_id)
            WHERE id = ANY (%(ids)s)
            ORDER BY start_time, id
            """,
            {"ids": list(ids)},
        ).fetchall()

    def anonymise(
        self, connection: Connection, ids: Sequence[int], *, pattern: str, removed: str, name: str, now: datetime
    ) -> None:
        """Queue removing the visitor from bookings, which keep their times, homes and status.

        Args:
            connection: of the transaction.
            ids: of the bookings.
            pattern: the regular expression of the person, for an address that was typed into the home.
            removed: what replaces its matches.
            name: what replaces the visitor's name, which may not be empty.
            now: the current time, aware; forms that were opened before are detected by it.
        """
        connection.execute(
            """
            UPDATE appointments
            SET attendee_name = %(name)s, attendee_email = NULL, attendee_phone = NULL, caller_number = NULL,
                property_address = regexp_replace(property_address, %(pattern)s, %(removed)s, 'gi'),
                updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
            WHERE id = ANY (%(ids)s)
            """,
            {"ids": list(ids), "name": name, "pattern": pattern, "removed": removed, "now": now},
        )
