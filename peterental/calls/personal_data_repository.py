"""Find, read and reduce the calls of one person in PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

TEXT_COLUMNS = (
    "caller_number", "ended_reason", "summary", "transcript", "success_evaluation", "recording_url", "handled_note",
)  # fmt: skip
JSON_COLUMNS = ("messages", "structured_data", "recordings")


def _searched(texts: Sequence[str], documents: Sequence[str]) -> str:
    r"""Return the SQL expression of all text in a row.

    In JSON a line break is written as \n, whose letter would seem to belong to the word after it.
    """
    parts = [*texts, *(rf"replace({column}::text, '\n', ' ')" for column in documents)]
    return f"concat_ws(' ------ ', {', '.join(parts)})"


_CALL_TEXT = _searched([f"calls.{name}" for name in TEXT_COLUMNS], [f"calls.{name}" for name in JSON_COLUMNS])
_TOOL_CALL_TEXT = _searched(["name", "answer"], ["arguments"])

_GIVEN = "concat_ws(' ------ ', arguments ->> 'attendee_phone', arguments ->> 'attendee_email')"
"""What a caller gave as their own number and address."""


class CallPersonalDataRepository:
    """The calls of one database, by what they contain. Every method runs in the caller's transaction."""

    def search(self, connection: Connection, pattern: str, *, call_ids: Sequence[str]) -> list[DictRow]:
        """Return the calls that are not reduced and in which a regular expression matches, earliest first.

        A call is the person's own (`is_own`) if it came from their number or from none, if the caller gave the number
        or the address as theirs, or if it is one of `call_ids`.

        Reads the whole table.

        Args:
            connection: of the transaction.
            pattern: the regular expression.
            call_ids: calls that are found anyway, because they booked something for the person.
        """
        return connection.execute(
            f"""
            WITH named AS MATERIALIZED (
                SELECT vapi_call_id, bool_or({_GIVEN} ~* %(pattern)s) AS is_given
                FROM tool_calls
                WHERE reduced_at IS NULL AND vapi_call_id <> '' AND {_TOOL_CALL_TEXT} ~* %(pattern)s
                GROUP BY vapi_call_id
            )
            SELECT vapi_call_id, kind, agent_name, time_zone, COALESCE(started_at, calls.created_at) AS began_at,
                   vapi_call_id = ANY (%(call_ids)s) OR caller_number IS NULL OR caller_number ~* %(pattern)s
                       OR COALESCE(named.is_given, FALSE) AS is_own
            FROM calls LEFT JOIN agents USING (agent_id) LEFT JOIN named USING (vapi_call_id)
            WHERE calls.reduced_at IS NULL
                AND (
                    vapi_call_id = ANY (%(call_ids)s)
                    OR named.vapi_call_id IS NOT NULL
                    OR {_CALL_TEXT} ~* %(pattern)s
                )
            ORDER BY began_at, vapi_call_id
            """.encode(),
            {"pattern": pattern, "call_ids": list(call_ids)},
        ).fetchall()

    def search_tool_calls(
        self, connection: Connection, pattern: str, *, call_ids: Sequence[str], appointment_ids: Sequence[int]
    ) -> list[int]:
        """Return the ids of tool calls in which a regular expression matches, or which are about some bookings.

        Those of `call_ids` and those that are reduced are left out. Reads the whole table.
        """
        rows = connection.execute(
            f"""
            SELECT id
            FROM tool_calls
            WHERE reduced_at IS NULL AND vapi_call_id <> ALL (%(call_ids)s)
                AND (appointment_id = ANY (%(appointment_ids)s) OR {_TOOL_CALL_TEXT} ~* %(pattern)s)
            ORDER BY id
            """.encode(),
            {"pattern": pattern, "call_ids": list(call_ids), "appointment_ids": list(appointment_ids)},
        )
        return [row["id"] for row in rows.fetchall()]

    def read(self, connection: Connection, vapi_call_id: str) -> DictRow | None:
        """Return everything stored about one call; None where it is missing."""
        return connection.execute(
            """
            SELECT calls.*, agent_name, time_zone
            FROM calls LEFT JOIN agents USING (agent_id)
            WHERE vapi_call_id = %s
            """,
            [vapi_call_id],
        ).fetchone()

    def read_tool_calls(
        self, connection: Connection, *, vapi_call_id: str | None = None, ids: Sequence[int] = ()
    ) -> list[DictRow]:
        """Return everything stored about the tool calls of one call, or about those with some ids."""
        return connection.execute(
            """
            SELECT name, arguments, answer, outcome, appointment_id, offered, duration_ms, received_at
            FROM tool_calls
            WHERE vapi_call_id = %(vapi_call_id)s OR id = ANY (%(ids)s)
            ORDER BY id
            """,
            {"vapi_call_id": vapi_call_id, "ids": list(ids)},
        ).fetchall()

    def reduce(
        self, connection: Connection, *, call_ids: Sequence[str], tool_call_ids: Sequence[int], now: datetime
    ) -> None:
        """Queue reducing calls with their tool calls, and further tool calls.

        Tool calls first: that is the order in which the phone locks both.
        """
        values = {"call_ids": list(call_ids), "tool_call_ids": list(tool_call_ids), "now": now}
        connection.execute(
            """
            UPDATE tool_calls
            SET reduced_at = %(now)s
            WHERE reduced_at IS NULL AND (vapi_call_id = ANY (%(call_ids)s) OR id = ANY (%(tool_call_ids)s))
            """,
            values,
        )
        connection.execute(
            """
            UPDATE calls
            SET reduced_at = %(now)s, reduced_after_days = NULL
            WHERE reduced_at IS NULL AND vapi_call_id = ANY (%(call_ids)s)
            """,
            values,
        )

    def rewrite(self, connection: Connection, vapi_call_id: str, remove: Callable[[object], object]) -> None:
        """Apply a function to every text and JSON value of one call, but not to the caller's number."""
        columns = [*TEXT_COLUMNS[1:], *JSON_COLUMNS]
        row = connection.execute(
            f"SELECT {', '.join(columns)} FROM calls WHERE vapi_call_id = %s FOR NO KEY UPDATE".encode(), [vapi_call_id]
        ).fetchone()
        if row is None:
            return
        values: dict[str, Any] = {name: remove(row[name]) for name in columns}
        for name in JSON_COLUMNS:
            if values[name] is not None:
                values[name] = Jsonb(values[name], dumps=_dumps)
        connection.execute(
            f"""
            UPDATE calls SET {", ".join(f"{name} = %({name})s" for name in columns)}
            WHERE vapi_call_id = %(vapi_call_id)s
            """.encode(),
            {**values, "vapi_call_id": vapi_call_id},
        )


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
