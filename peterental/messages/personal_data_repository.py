"""Find, read and delete the messages of one person in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

_TEXT = "concat_ws(' ------ ', body, attendee_name, attendee_phone, caller_number)"


class MessagePersonalDataRepository:
    """The messages of one database, by what they contain. Every method runs in the caller's transaction."""

    def search(
        self,
        connection: Connection,
        pattern: str,
        *,
        call_ids: Sequence[str] = (),
        appointment_ids: Sequence[int] = (),
    ) -> list[DictRow]:
        """Return the messages in which a regular expression matches, earliest first. Reads the whole table.

        A message is the person's own (`is_own`) if it has their number or no number, was left in one of `call_ids`, or
        is a visitor's text about one of `appointment_ids`.

        Args:
            connection: of the transaction.
            pattern: the regular expression.
            call_ids: the person's calls; messages that were left in these are found anyway.
            appointment_ids: the person's viewings; messages about these are found anyway.
        """
        return connection.execute(
            f"""
            SELECT message_id, agent_name, time_zone, received_at, vapi_call_id,
                   COALESCE(attendee_phone, caller_number) IS NULL
                       OR concat_ws(' ------ ', attendee_phone, caller_number) ~* %(pattern)s
                       OR COALESCE(vapi_call_id = ANY (%(call_ids)s), FALSE)
                       OR COALESCE(appointment_id = ANY (%(appointment_ids)s), FALSE) AS is_own
            FROM messages JOIN agents USING (agent_id)
            WHERE vapi_call_id = ANY (%(call_ids)s) OR appointment_id = ANY (%(appointment_ids)s)
                OR {_TEXT} ~* %(pattern)s
            ORDER BY received_at, message_id
            """.encode(),
            {"pattern": pattern, "call_ids": list(call_ids), "appointment_ids": list(appointment_ids)},
        ).fetchall()

    def read(self, connection: Connection, ids: Sequence[int]) -> list[DictRow]:
        """Return everything stored about messages, earliest first."""
        return connection.execute(
            """
            SELECT message_id, agent_name, time_zone, vapi_call_id, body, attendee_name, attendee_phone, caller_number,
                   received_at, done_at
            FROM messages JOIN agents USING (agent_id)
            WHERE message_id = ANY (%s)
            ORDER BY received_at, message_id
            """,
            [list(ids)],
        ).fetchall()

    def delete(self, connection: Connection, ids: Sequence[int]) -> None:
        """Queue deleting messages."""
        connection.execute("DELETE FROM messages WHERE message_id = ANY (%s)", [list(ids)])

    def remove_text(self, connection: Connection, ids: Sequence[int], *, pattern: str, removed: str) -> None:
        """Queue replacing what a regular expression matches in the text of messages of others."""
        connection.execute(
            """
            UPDATE messages
            SET body = regexp_replace(body, %(pattern)s, %(removed)s, 'gi'),
                attendee_name = regexp_replace(attendee_name, %(pattern)s, %(removed)s, 'gi')
            WHERE message_id = ANY (%(ids)s)
            """,
            {"ids": list(ids), "pattern": pattern, "removed": removed},
        )
