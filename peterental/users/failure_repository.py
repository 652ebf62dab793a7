"""Counts of failed sign-ins for the audit log, in PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

from peterental.database.connect import Connection


class FailureRepository:
    """Counts of failed sign-ins, in rows of their own among the counts of the throttle."""

    def count(self, connection: Connection, subject: str, report_every: timedelta) -> int | None:
        """Count a failure; return the count if it is to be reported now, else None.

        `last_failed_at` of such a row is the time of the last report, by the database's clock.
        """
        row = connection.execute(
            """
            INSERT INTO sign_in_failures AS counted (subject, failures, last_failed_at)
            VALUES (%(subject)s, 1, NOW())
            ON CONFLICT (subject) DO UPDATE
            SET failures = counted.failures + 1,
                last_failed_at = CASE
                    WHEN counted.last_failed_at BETWEEN NOW() - %(report_every)s AND NOW() THEN counted.last_failed_at
                    ELSE NOW()
                END
            RETURNING failures, last_failed_at = NOW() AS is_due
            """,
            {"subject": subject, "report_every": report_every},
        ).fetchone()
        return int(row["failures"]) if row and row["is_due"] else None

    def take(self, connection: Connection, subject: str) -> int:
        """Delete a count and return it; 0 if there is none."""
        row = connection.execute(
            "DELETE FROM sign_in_failures WHERE subject = %s RETURNING failures", (subject,)
        ).fetchone()
        return int(row["failures"]) if row else 0
