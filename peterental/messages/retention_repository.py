"""Delete old messages that are done in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.database.pool import Database


class MessageRetentionRepository:
    """The old messages of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_due(self, before: datetime) -> tuple[int, int]:
        """Count the messages that were received before a moment: those that are done, and those still open."""
        (row,) = self._database.fetch(
            """
            SELECT (SELECT COUNT(*) FROM messages WHERE done_at IS NOT NULL AND received_at < %(before)s) AS done,
                   (SELECT COUNT(*) FROM messages WHERE done_at IS NULL AND received_at < %(before)s) AS open
            """,
            {"before": before},
        )
        return row["done"], row["open"]

    def delete_done(self, connection: Connection, before: datetime, *, limit: int) -> list[int]:
        """Delete the oldest messages that are done and were received before a moment, and return their ids.

        A row that another session has locked is skipped.
        """
        rows = connection.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT message_id
                FROM messages
                WHERE done_at IS NOT NULL AND received_at < %(before)s
                ORDER BY received_at, message_id
                LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            )
            DELETE FROM messages USING due WHERE messages.message_id = due.message_id RETURNING messages.message_id
            """,
            {"before": before, "limit": limit},
        )
        return [row["message_id"] for row in rows.fetchall()]
