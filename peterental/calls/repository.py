"""Calls, tool calls and messages in PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from peterental.agents.lookup import AGENT_ID_BY_VAPI_KEY, LOCK_BY_VAPI_KEY, REACHABLE_AGENT
from peterental.calls.model import Call, CallHistory, ToolCall

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg
    from psycopg.rows import DictRow

    from peterental.agents.model import AgentKey
    from peterental.calls.model import CallUpdate, ToolInvocation
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

DONE = ("booked", "moved", "cancelled", "message")
"""Outcomes that changed something: never overwritten, and told again word for word."""

_CHANGED = f"outcome IN ({', '.join(map(repr, DONE))})"

REMEMBERED_TOOL_CALLS = 40
"""How many tool calls of one phone call are looked at again; a conversation has a handful."""

TOOL_CALL = "name, tool_call_id, arguments, answer, outcome, appointment_id, offered, duration_ms, received_at"


def _record_sql(*, durable: bool, knows_agent: bool) -> str:
    """Make the statement that keeps a tool call.

    What is kept already, word for word, is not touched again: a delivery repeated many times at once must not queue up.
    The first tool call of a phone call shows the call as well, whoever it is for; reports fill the row in later. What
    came of the call so far is its own outcome: the trigger that keeps book of it finds nothing to change, for once.

    Args:
        durable: whether to wait for the disk. What changes nothing but this log need not, while a caller listens.
        knows_agent: whether it was found out before whose assistant was asked. With that choice inside the statement no
            plan would do for both, and the server would make one for every tool call.
    """
    agent = "%(agent_id)s" if knows_agent else f"({AGENT_ID_BY_VAPI_KEY})"
    hurry = "hurry AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)),"
    return f"""
        WITH {"" if durable else hurry} rung AS (
            INSERT INTO calls (
                vapi_call_id, agent_id, assistant_id, phone_number_id, caller_number, created_at, updated_at,
                outcomes, agreed
            )
            SELECT
                %(vapi_call_id)s, {agent}, %(assistant_id)s, %(phone_number_id)s,
                %(caller_number)s, %(received_at)s, %(received_at)s,
                ARRAY[%(outcome)s], %(name)s IN ('set_appointment', 'reschedule_appointment')
            WHERE %(vapi_call_id)s <> '' AND NOT EXISTS (SELECT FROM calls WHERE vapi_call_id = %(vapi_call_id)s)
            ON CONFLICT (vapi_call_id) DO NOTHING
        )
        INSERT INTO tool_calls (
            vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, appointment_id, offered,
            duration_ms, received_at
        )
        SELECT
            %(vapi_call_id)s, %(tool_call_id)s, {agent}, %(name)s,
            %(arguments)s::jsonb, %(answer)s, %(outcome)s,
            COALESCE(%(appointment_id)s::int, (
                SELECT id FROM appointments
                WHERE vapi_call_id = %(vapi_call_id)s AND vapi_tool_call_id = %(tool_call_id)s
            )),
            %(offered)s::timestamptz[], %(duration_ms)s, %(received_at)s::timestamptz
        {"" if durable else "FROM hurry"}
        WHERE NOT EXISTS (
            SELECT FROM tool_calls
            WHERE vapi_call_id = %(vapi_call_id)s AND tool_call_id = %(tool_call_id)s
                AND (answer = %(answer)s AND outcome = %(outcome)s OR {_CHANGED})
        )
        ON CONFLICT (vapi_call_id, tool_call_id) DO UPDATE
        SET agent_id = EXCLUDED.agent_id, answer = EXCLUDED.answer, outcome = EXCLUDED.outcome,
            appointment_id = EXCLUDED.appointment_id, offered = EXCLUDED.offered, duration_ms = EXCLUDED.duration_ms
        WHERE NOT tool_calls.{_CHANGED}
    """


_RECORD = {
    (durable, knows_agent): _record_sql(durable=durable, knows_agent=knows_agent)
    for durable in (True, False)
    for knows_agent in (True, False)
}

KNOWN_OF_A_CALL = (
    "agent_id", "assistant_id", "phone_number_id", "caller_number", "started_at", "ended_at", "ended_reason", "cost",
    "summary", "transcript", "messages", "success_evaluation", "structured_data", "recording_url",
)  # fmt: skip

STATUSES = ("scheduled", "queued", "ringing", "in-progress", "forwarding", "ended")
"""Vapi's words in the order a call goes through them; an update that comes late does not take it back."""

# A report knows better than a status update, whichever of them comes first; neither erases what the other knew.
UPSERT_CALL = f"""
    INSERT INTO calls AS call (vapi_call_id, status, created_at, updated_at, {", ".join(KNOWN_OF_A_CALL)})
    VALUES (
        %(vapi_call_id)s, %(status)s, %(now)s, %(now)s,
        ({AGENT_ID_BY_VAPI_KEY}), %(assistant_id)s, %(phone_number_id)s, %(caller_number)s,
        %(started_at)s, %(ended_at)s, %(ended_reason)s, %(cost)s, %(summary)s, %(transcript)s, %(messages)s::jsonb,
        %(success_evaluation)s, %(structured_data)s::jsonb, %(recording_url)s
    )
    ON CONFLICT (vapi_call_id) DO UPDATE
    SET status = CASE
            WHEN array_position(%(statuses)s, EXCLUDED.status) < array_position(%(statuses)s, call.status)
                OR call.status = 'ended'
            THEN call.status ELSE EXCLUDED.status END,
        {
    ", ".join(
        f"{name} = CASE WHEN %(is_report)s THEN COALESCE(EXCLUDED.{name}, call.{name})"
        f" ELSE COALESCE(call.{name}, EXCLUDED.{name}) END"
        for name in KNOWN_OF_A_CALL
    )
},
        updated_at = EXCLUDED.updated_at
"""


class PendingHistory:
    """The answer to `CallRepository.begin`, on its way until the connection has caught up."""

    def __init__(self, cursor: psycopg.Cursor[DictRow], tool_call_id: str) -> None:
        self._cursor = cursor
        self._tool_call_id = tool_call_id

    def read(self) -> CallHistory:
        """Give what this call was told so far."""
        calls = [_tool_call(row) for row in self._cursor.fetchall()]
        same = next((c for c in calls if c.tool_call_id == self._tool_call_id and c.outcome != "fault"), None)
        return CallHistory(same, tuple(call for call in calls if call.tool_call_id != self._tool_call_id))


class CallRepository:
    """The calls of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, connection: Connection, invocation: ToolInvocation) -> PendingHistory:
        """Queue the agent's row lock and, after it, the reading of what this call was told so far.

        Whoever holds the lock works alone on this agent's bookings until the transaction ends: two deliveries of one
        tool call, or two callers after one time, queue up instead of deadlocking in the exclusion constraint. Two
        statements, because the second must see what was committed while the first waited.
        """
        connection.execute(LOCK_BY_VAPI_KEY.encode(), _key(invocation.agent_key))
        cursor = connection.execute(
            f"""
            (
                SELECT id, {TOOL_CALL} FROM tool_calls
                WHERE vapi_call_id = %(vapi_call_id)s AND tool_call_id = %(tool_call_id)s
            )
            UNION ALL
            (
                SELECT id, {TOOL_CALL} FROM tool_calls
                WHERE vapi_call_id = %(vapi_call_id)s AND vapi_call_id <> '' AND tool_call_id <> %(tool_call_id)s
                ORDER BY id DESC
                LIMIT {REMEMBERED_TOOL_CALLS}
            )
            ORDER BY id
            """.encode(),
            {"vapi_call_id": invocation.vapi_call_id, "tool_call_id": invocation.tool_call_id},
        )
        return PendingHistory(cursor, invocation.tool_call_id)

    def record_tool_call(self, connection: Connection, invocation: ToolInvocation, values: dict[str, Any]) -> None:
        """Queue the keeping of a tool call; an appointment made by it in this transaction is found by itself."""
        connection.execute(_RECORD[True, values["agent_id"] is not None].encode(), _kept(invocation, values))

    def record_tool_call_alone(self, invocation: ToolInvocation, values: dict[str, Any]) -> None:
        """Keep a tool call on its own. One round trip."""
        self._database.fetch(_RECORD[False, values["agent_id"] is not None], _kept(invocation, values))

    def reachable_agent(self, connection: Connection, key: AgentKey) -> psycopg.Cursor[DictRow]:
        """Queue the look-up of whether the agent named by `key` takes calls: agent_id, agent_name, is_active."""
        return connection.execute(REACHABLE_AGENT.encode(), _key(key))

    def upsert(self, update: CallUpdate, now: datetime) -> None:
        """Add what is new about a call to what is known of it. One round trip."""
        values = asdict(update) | {"now": now, "statuses": list(STATUSES)}
        values.update(_key(update.agent_key))
        del values["agent_key"]
        self._database.fetch(UPSERT_CALL, values)

    def get(self, vapi_call_id: str) -> Call | None:
        """Give one call."""
        rows = self._database.fetch(
            f"SELECT vapi_call_id, status, {', '.join(KNOWN_OF_A_CALL)}, created_at FROM calls WHERE vapi_call_id = %s",
            [vapi_call_id],
        )
        return Call(**{**rows[0], "cost": _figure(rows[0]["cost"])}) if rows else None

    def tool_calls(self, vapi_call_id: str) -> tuple[ToolCall, ...]:
        """Give the tool calls of one call, in the order they were answered."""
        rows = self._database.fetch(
            f"SELECT {TOOL_CALL} FROM tool_calls WHERE vapi_call_id = %s ORDER BY id", [vapi_call_id]
        )
        return tuple(_tool_call(row) for row in rows)


def _key(key: AgentKey) -> dict[str, str | None]:
    return {"assistant_id": key.assistant_id, "phone_number_id": key.phone_number_id}


def _kept(invocation: ToolInvocation, values: dict[str, Any]) -> dict[str, Any]:
    return {
        **_key(invocation.agent_key),
        "vapi_call_id": invocation.vapi_call_id,
        "tool_call_id": invocation.tool_call_id,
        "caller_number": invocation.caller_number,
        "name": invocation.name,
        "arguments": json.dumps(invocation.arguments, ensure_ascii=False, default=str),
        "duration_ms": invocation.duration_ms,
        **values,
        "offered": f"{{{','.join(map(str, values['offered']))}}}" if values["offered"] else None,
    }


def _tool_call(row: DictRow) -> ToolCall:
    row.pop("id", None)
    return ToolCall(**{**row, "arguments": row["arguments"] or {}, "offered": tuple(row["offered"] or ())})


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)
