"""Remove one person from the reasons why background jobs failed, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection


class JobPersonalDataRepository:
    """The failed jobs of one database. What a provider or the database says may quote a value."""

    def remove(self, connection: Connection, *, pattern: str, removed: str) -> None:
        """Queue replacing what a regular expression matches in the reasons. Reads the whole table."""
        connection.execute(
            """
            UPDATE job_errors SET reason = regexp_replace(reason, %(pattern)s, %(removed)s, 'gi')
            WHERE reason ~* %(pattern)s
            """,
            {"pattern": pattern, "removed": removed},
        )
