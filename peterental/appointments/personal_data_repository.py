"""Find, read and anonymise the bookings of one person in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

# What is between two columns is longer than what may be inside a number.
_TEXT = "concat_ws(' ------ ', attendee_name, attendee_email, attendee_phone, caller_number, property_address)"


_HISTORY_TEXT = r"replace(changes::text, '\n', ' ')"
"""In JSON a line break is written as \\n, whose letter would seem to belong to the word after it."""


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
                   attendee_name, attendee_email, attendee_phone, caller_number, vapi_call_id, calendar_event_id, notes,
                   appointments.created_at, appointments.updated_at,
                   (
                       SELECT jsonb_agg(to_jsonb(history) ORDER BY event_id)
                       FROM (
                           SELECT event_id, kind, happened_at, actor = 'phone' AS by_phone, old_start, new_start,
                                  changes
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
            UPDATE appointment_events
            SET changes = (
                SELECT jsonb_object_agg(
                    key, CASE WHEN key IN ('name', 'phone', 'email', 'notes') THEN '[null, null]'::jsonb ELSE value END
                )
                FROM jsonb_each(changes)
            )
            WHERE appointment_id = ANY (%s) AND changes IS NOT NULL
            """,
            (list(ids),),
        )
        connection.execute(
            """
            UPDATE appointments
            SET attendee_name = %(name)s, attendee_email = NULL, attendee_phone = NULL, caller_number = NULL,
                notes = NULL,
                property_address = regexp_replace(property_address, %(pattern)s, %(removed)s, 'gi'),
                updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
            WHERE id = ANY (%(ids)s)
            """,
            {"ids": list(ids), "name": name, "pattern": pattern, "removed": removed, "now": now},
        )

    def count_mentions(self, connection: Connection, pattern: str, *, ids: Sequence[int]) -> int:
        """Count the bookings of others whose notes or history a regular expression matches. Reads both tables.

        Args:
            connection: of the transaction.
            pattern: the regular expression.
            ids: of the person's own bookings.
        """
        row = connection.execute(
            f"""
            SELECT COUNT(*) AS number FROM (
                SELECT id FROM appointments WHERE notes ~* %(pattern)s AND id <> ALL (%(ids)s)
                UNION
                SELECT appointment_id FROM appointment_events
                WHERE {_HISTORY_TEXT} ~* %(pattern)s AND appointment_id <> ALL (%(ids)s)
            ) AS mentioning
            """.encode(),
            {"pattern": pattern, "ids": list(ids)},
        ).fetchone()
        return int(row["number"]) if row else 0

    def remove_mentions(
        self,
        connection: Connection,
        *,
        pattern: str,
        removed: str,
        remove: Callable[[object], object],
        now: datetime,
    ) -> None:
        """Remove a person from notes and history, also of the bookings of others. Waits for the server.

        Args:
            connection: of the transaction.
            pattern: the regular expression of the person.
            removed: what replaces its matches.
            remove: returns a JSON value without the person.
            now: the current time, aware; forms that were opened before are detected by it.
        """
        connection.execute(
            """
            UPDATE appointments
            SET notes = left(regexp_replace(notes, %(pattern)s, %(removed)s, 'gi'), 2000),
                updated_at = GREATEST(%(now)s, updated_at + INTERVAL '1 microsecond')
            WHERE notes ~* %(pattern)s
            """,
            {"pattern": pattern, "removed": removed, "now": now},
        )
        found = connection.execute(
            f"SELECT event_id, changes FROM appointment_events WHERE {_HISTORY_TEXT} ~* %s FOR NO KEY UPDATE".encode(),
            (pattern,),
        ).fetchall()
        for row in found:
            connection.execute(
                "UPDATE appointment_events SET changes = %s WHERE event_id = %s",
                (Jsonb(remove(row["changes"])), row["event_id"]),
            )
