"""Reduce old calls and tool calls in PostgreSQL.

A trigger of the database removes what was said from a row whose `reduced_at` is set, so these statements set it only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database

# Word for word what an index is on. The earlier time, because the start that Vapi reports may be in the future.
_BEGAN_AT = "LEAST(started_at, created_at)"

_DUE_CALLS = f"reduced_at IS NULL AND {_BEGAN_AT} < %(before)s"
_DUE_WITHOUT_CALL = "vapi_call_id = '' AND reduced_at IS NULL AND received_at < %(before)s"


class CallRetentionRepository:
    """The old calls of one database. Every method is one statement, and so one transaction.

    A row that another session has locked is skipped, not waited for.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_due(self, before: datetime) -> tuple[int, int]:
        """Count the calls that began before a moment and are not reduced, and such tool calls without a call."""
        (row,) = self._database.fetch(
            f"""
            SELECT (SELECT COUNT(*) FROM calls WHERE {_DUE_CALLS}) AS calls,
                   (SELECT COUNT(*) FROM tool_calls WHERE {_DUE_WITHOUT_CALL}) AS tool_calls
            """,
            {"before": before},
        )
        return row["calls"], row["tool_calls"]

    def reduce_calls(self, before: datetime, *, days: int, now: datetime, limit: int) -> int:
        """Reduce the oldest calls that began before a moment, with their tool calls, and return their number.

        Args:
            before: aware.
            days: after how many days calls are reduced; stored with each.
            now: the current time, aware; stored with each.
            limit: how many at most.
        """
        rows = self._database.fetch(
            f"""
            WITH due AS MATERIALIZED (
                SELECT vapi_call_id
                FROM calls
                WHERE {_DUE_CALLS}
                ORDER BY {_BEGAN_AT}
                LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED
            ), reduced_tool_calls AS (
                UPDATE tool_calls
                SET reduced_at = %(now)s
                FROM due
                WHERE tool_calls.vapi_call_id = due.vapi_call_id AND tool_calls.reduced_at IS NULL
            ), reduced AS (
                UPDATE calls
                SET reduced_at = %(now)s, reduced_after_days = %(days)s
                FROM due
                WHERE calls.vapi_call_id = due.vapi_call_id
                RETURNING calls.vapi_call_id
            )
            SELECT COUNT(*) AS number FROM reduced
            """,
            {"before": before, "days": days, "now": now, "limit": limit},
        )
        return int(rows[0]["number"])

    def reduce_tool_calls_without_call(self, before: datetime, *, now: datetime, limit: int) -> int:
        """Reduce the oldest tool calls without a call, and return their number; arguments as for `reduce_calls`."""
        rows = self._database.fetch(
            f"""
            WITH due AS MATERIALIZED (
                SELECT id
                FROM tool_calls
                WHERE {_DUE_WITHOUT_CALL}
                ORDER BY received_at
                LIMIT %(limit)s
                FOR NO KEY UPDATE SKIP LOCKED
            ), reduced AS (
                UPDATE tool_calls SET reduced_at = %(now)s FROM due WHERE tool_calls.id = due.id RETURNING tool_calls.id
            )
            SELECT COUNT(*) AS number FROM reduced
            """,
            {"before": before, "now": now, "limit": limit},
        )
        return int(rows[0]["number"])
