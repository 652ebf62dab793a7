"""Find one person in the notes on agents' calendars and time off, and remove them there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.database.connect import Connection

_DAY_MATCHES = "note ~* %(pattern)s"
_NAME_MATCHES = "name ~* %(pattern)s"
_BUSY_MATCHES = "concat_ws(' ------ ', source, note) ~* %(pattern)s"

# Among as many names as there are closures of that time, and one more, one is free.
_RENAME_CLOSURE = """
    UPDATE office_closures AS closure
    SET updated_at = clock_timestamp(), name = (
        SELECT wanted.name
        FROM (
            SELECT number, regexp_replace(closure.name, %(pattern)s, %(removed)s, 'gi')
                || CASE number WHEN 1 THEN '' ELSE ' ' || number END AS name
            FROM generate_series(1, (SELECT COUNT(*) FROM office_closures)) AS number
        ) AS wanted
        WHERE NOT EXISTS (
            SELECT FROM office_closures AS other
            WHERE other.closure_id <> closure.closure_id AND other.name = wanted.name
                AND (other.first_day, other.last_day, other.from_min, other.until_min)
                    = (closure.first_day, closure.last_day, closure.from_min, closure.until_min)
        )
        ORDER BY wanted.number
        LIMIT 1
    )
    WHERE closure_id = %(closure_id)s
"""


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
        """Replace what a regular expression matches in the notes. Waits for the server where closures match.

        Closures and repeating blocks count as changed: a form that was opened before would bring the text back.
        """
        values = {"pattern": pattern, "removed": removed}
        # First, as everyone who changes closures locks them before their blocks.
        self._remove_from_closures(connection, values)
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
            UPDATE repeating_blocks
            SET note = regexp_replace(note, %(pattern)s, %(removed)s, 'gi'), updated_at = clock_timestamp()
            WHERE {_DAY_MATCHES}
            """.encode(),
            values,
        )

    def _remove_from_closures(self, connection: Connection, values: Mapping[str, str]) -> None:
        """Replace the matches in the names of closures, and in their blocks.

        Two closures of one time may differ by what is removed only. Their names stay unique: the second becomes
        "(deleted) 2". So closures are renamed one by one, under a lock against others that are added.
        """
        found = connection.execute(
            f"SELECT closure_id FROM office_closures WHERE {_NAME_MATCHES} ORDER BY closure_id".encode(), values
        ).fetchall()
        if not found:
            return
        connection.execute("LOCK TABLE office_closures IN SHARE ROW EXCLUSIVE MODE")
        for row in found:
            connection.execute(_RENAME_CLOSURE, {**values, "closure_id": row["closure_id"]})
        connection.execute(
            """
            UPDATE agent_busy SET note = closures.name
            FROM office_closures AS closures
            WHERE agent_busy.closure_id = closures.closure_id AND closures.closure_id = ANY (%s)
            """,
            ([row["closure_id"] for row in found],),
        )
