"""Find one person in the notes on agents' calendars and time off, and remove them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection

_DAY_MATCHES = "note ~* %(pattern)s"
_NAME_MATCHES = "name ~* %(pattern)s"
_BUSY_MATCHES = "concat_ws(' ------ ', source, note) ~* %(pattern)s"


class NotePersonalDataRepository:
    """The notes on date overrides, blocked time and time off. Every method runs in the caller's transaction."""

    def count(self, connection: Connection, pattern: str) -> int:
        """Return in how many notes a regular expression matches. Reads all tables with notes."""
        row = connection.execute(
            f"""
            SELECT (SELECT COUNT(*) FROM agent_days WHERE {_DAY_MATCHES})
                 + (
                     SELECT COUNT(*) FROM agent_busy
                     WHERE {_BUSY_MATCHES} AND closure_id IS NULL AND repeating_id IS NULL
                 )
                 + (SELECT COUNT(*) FROM office_closures WHERE {_NAME_MATCHES})
                 + (SELECT COUNT(*) FROM repeating_blocks WHERE {_DAY_MATCHES}) AS number
            """.encode(),
            {"pattern": pattern},
        ).fetchone()
        return int(row["number"]) if row else 0

    def remove(self, connection: Connection, *, pattern: str, removed: str) -> None:
        """Queue replacing what a regular expression matches in the notes."""
        values = {"pattern": pattern, "removed": removed}
        connection.execute(
            f"""
            UPDATE agent_days SET note = regexp_replace(note, %(pattern)s, %(removed)s, 'gi')
            WHERE {_DAY_MATCHES}
            """.encode(),
            values,
        )
        connection.execute(
            f"""
            UPDATE agent_busy
            SET note = regexp_replace(note, %(pattern)s, %(removed)s, 'gi'),
                source = regexp_replace(source, %(pattern)s, %(removed)s, 'gi')
            WHERE {_BUSY_MATCHES}
            """.encode(),
            values,
        )
        connection.execute(
            f"""
            UPDATE office_closures SET name = regexp_replace(name, %(pattern)s, %(removed)s, 'gi')
            WHERE {_NAME_MATCHES}
            """.encode(),
            values,
        )
        connection.execute(
            f"""
            UPDATE repeating_blocks SET note = regexp_replace(note, %(pattern)s, %(removed)s, 'gi')
            WHERE {_DAY_MATCHES}
            """.encode(),
            values,
        )
