"""Delete old notices, texts and waitlist entries that are over in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database

_DUE = {
    "notices": ("notice_id", "ended_at < %(before)s", "ended_at"),
    "text_replies": ("provider_id", "received_at < %(before)s", "received_at"),
    "waitlist": ("entry_id", "state IN ('booked', 'ended') AND created_at < %(before)s", "created_at"),
}
"""For each table its key, what is due, and its age. Consents stay: they prove what was agreed to."""


class NoticeRetentionRepository:
    """The old notices of one database. Every method is one statement, and so one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_due(self, before: datetime) -> int:
        """Count what ended, or was received, before a moment."""
        counts = " + ".join(f"(SELECT COUNT(*) FROM {table} WHERE {due})" for table, (_, due, _) in _DUE.items())
        (row,) = self._database.fetch(f"SELECT {counts} AS number", {"before": before})
        return int(row["number"])

    def delete(self, before: datetime, *, limit: int) -> int:
        """Delete at most so many of each, the oldest ones, and return how many. A locked row is skipped.

        What providers reported is deleted at the same age.
        """
        steps = ", ".join(
            f"""
            due_{table} AS MATERIALIZED (
                SELECT {key} FROM {table} WHERE {due} ORDER BY {age} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ), gone_{table} AS (
                DELETE FROM {table} USING due_{table} WHERE {table}.{key} = due_{table}.{key} RETURNING {table}.{key}
            )
            """
            for table, (key, due, age) in _DUE.items()
        )
        total = " + ".join(f"(SELECT COUNT(*) FROM gone_{table})" for table in _DUE)
        (row,) = self._database.fetch(
            f"""
            WITH {steps}, reports AS (DELETE FROM notice_events WHERE happened_at < %(before)s)
            SELECT {total} AS number
            """,
            {"before": before, "limit": limit},
        )
        return int(row["number"])
