"""Remove the caller's number from old bookings in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database

_DUE = "caller_number IS NOT NULL AND end_time < %(before)s"


class BookingRetentionRepository:
    """The old bookings of one database. Every method is one statement, and so one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_due(self, before: datetime) -> int:
        """Count the bookings that ended before a moment and have the caller's number."""
        (row,) = self._database.fetch(f"SELECT COUNT(*) AS number FROM appointments WHERE {_DUE}", {"before": before})
        return int(row["number"])

    def remove_caller_numbers(self, before: datetime, *, limit: int) -> int:
        """Remove the caller's number from the oldest such bookings, at most `limit`, and return how many these were.

        A row that another session has locked is skipped.
        """
        rows = self._database.fetch(
            f"""
            WITH due AS MATERIALIZED (
                SELECT id
                FROM appointments
                WHERE {_DUE}
                ORDER BY end_time
                LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED
            ), changed AS (
                UPDATE appointments SET caller_number = NULL FROM due WHERE appointments.id = due.id
                RETURNING appointments.id
            )
            SELECT COUNT(*) AS number FROM changed
            """,
            {"before": before, "limit": limit},
        )
        return int(rows[0]["number"])
