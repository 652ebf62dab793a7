"""Calls and tool calls in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from peterental.agents.lookup import AGENT_ID_BY_VAPI_KEY, LOCK_LINE_BY_VAPI_KEY, REACHABLE_AGENT
from peterental.calls.lookup import (
    CALL_HAS_ENDED,
    TOOL_CALL_COLUMNS,
    TOOL_CALLS_OF_CALL,
    arguments_json,
    history_of,
    tool_call_from,
)
from peterental.calls.model import Call
from peterental.database.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    import psycopg
    from psycopg.rows import DictRow

    from peterental.agents.model import AgentKey
    from peterental.calls.model import CallHistory, CallUpdate, ToolCall, ToolInvocation
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

CHANGING_OUTCOMES = ("booked", "moved", "cancelled", "message")
"""Outcomes that changed something. Their tool calls are never overwritten, and repetitions get the same answer."""

_CHANGED = f"outcome IN ({', '.join(map(repr, CHANGING_OUTCOMES))})"


_OVERWRITE = f"""
    ON CONFLICT (vapi_call_id, tool_call_id) DO UPDATE
    SET agent_id = EXCLUDED.agent_id, name = EXCLUDED.name, arguments = EXCLUDED.arguments,
        answer = EXCLUDED.answer, outcome = EXCLUDED.outcome, appointment_id = EXCLUDED.appointment_id,
        offered = EXCLUDED.offered, asked = EXCLUDED.asked, duration_ms = EXCLUDED.duration_ms
    WHERE NOT tool_calls.{_CHANGED}
        AND (tool_calls.answer, tool_calls.outcome) IS DISTINCT FROM (EXCLUDED.answer, EXCLUDED.outcome)
"""
"""How the record of a tool call replaces an earlier one with its id, which may have asked for something else."""


@dataclass(frozen=True)
class BookingChange:
    """A change that the statement makes which records its tool call.

    Args:
        sql: table expressions of another feature; the last one, `changed`, returns the `appointment_id` that it made.
        values: their parameters, under names that the statement itself does not use.
    """

    sql: str
    values: Mapping[str, object]


_APPOINTMENT_OF_CALL = """
    SELECT id FROM appointments WHERE vapi_call_id = %(vapi_call_id)s AND vapi_tool_call_id = %(tool_call_id)s
"""


def _record_sql(*, durable: bool, knows_agent: bool, change: str = "") -> str:
    """Build the statement that records a tool call.

    An identical row is not written again: a delivery repeated many times at once must not queue up on its row lock. The
    first tool call of a phone call also inserts the call, with or without an agent; reports fill in its row later. The
    inserted row already has this outcome, so the trigger that maintains `calls.outcomes` has nothing to update.

    Args:
        durable: whether the commit waits for the disk. A row that only logs an answer need not, while a caller waits.
        knows_agent: whether the agent is known already. With that choice inside the statement, no generic plan would
            fit both cases, and the server would plan every tool call.
        change: table expressions of a change to be made first, see `BookingChange`. The transaction has locked the line
            and read the history, so what is stored is not looked for again.
    """
    agent = "%(agent_id)s" if knows_agent else f"({AGENT_ID_BY_VAPI_KEY})"
    async_commit = "async_commit AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE)),"
    appointment_id = "SELECT appointment_id FROM changed" if change else _APPOINTMENT_OF_CALL
    new_call_only = "" if change else "AND NOT EXISTS (SELECT FROM calls WHERE vapi_call_id = %(vapi_call_id)s)"
    new_answer_only = f"""
        WHERE NOT EXISTS (
            SELECT FROM tool_calls
            WHERE vapi_call_id = %(vapi_call_id)s AND tool_call_id = %(tool_call_id)s
                AND (answer = %(answer)s AND outcome = %(outcome)s OR {_CHANGED})
        )
    """
    return f"""
        WITH {"" if durable else async_commit} {change}{"," if change else ""} new_call AS (
            INSERT INTO calls (
                vapi_call_id, kind, agent_id, assistant_id, phone_number_id, caller_number, created_at, updated_at,
                outcomes, agreed
            )
            SELECT
                %(vapi_call_id)s, %(kind)s, {agent}, %(assistant_id)s, %(phone_number_id)s,
                %(caller_number)s, %(received_at)s, %(received_at)s,
                ARRAY[%(outcome)s], %(name)s IN ('set_appointment', 'reschedule_appointment')
            WHERE %(vapi_call_id)s <> '' {new_call_only}
            ON CONFLICT (vapi_call_id) DO NOTHING
        )
        INSERT INTO tool_calls (
            vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, appointment_id, offered,
            asked, duration_ms, received_at
        )
        SELECT
            %(vapi_call_id)s, %(tool_call_id)s, {agent}, %(name)s,
            %(arguments)s::jsonb, %(answer)s, %(outcome)s,
            COALESCE(%(appointment_id)s::int, ({appointment_id})),
            %(offered)s::timestamptz[], %(asked)s, %(duration_ms)s, %(received_at)s::timestamptz
        {"" if durable else "FROM async_commit"}
        {"" if change else new_answer_only}
        {_OVERWRITE}
    """


_RECORD = {
    (durable, knows_agent): _record_sql(durable=durable, knows_agent=knows_agent)
    for durable in (True, False)
    for knows_agent in (True, False)
}


@lru_cache(8)
def _record_with(change: str) -> Statement:
    """Return the statement that makes a change and records its tool call, of a known agent."""
    return Statement(_record_sql(durable=True, knows_agent=True, change=change))


# In the order of their ids, so that two processes that write at once wait for each other and do not deadlock.
_RECORD_BATCH = f"""
    WITH record AS MATERIALIZED (
        SELECT *
        FROM jsonb_to_recordset(%(records)s::jsonb) AS record (
            vapi_call_id TEXT, tool_call_id TEXT, kind TEXT, agent_id TEXT, assistant_id TEXT, phone_number_id TEXT,
            caller_number TEXT, name TEXT, arguments JSONB, answer TEXT, outcome TEXT, offered TIMESTAMPTZ [],
            asked TEXT, duration_ms REAL, received_at TIMESTAMPTZ
        )
    ), new_call AS (
        INSERT INTO calls (
            vapi_call_id, kind, agent_id, assistant_id, phone_number_id, caller_number, created_at, updated_at, outcomes
        )
        SELECT DISTINCT ON (vapi_call_id)
            vapi_call_id, kind, agent_id, assistant_id, phone_number_id, caller_number, received_at, received_at,
            ARRAY[outcome]
        FROM record
        WHERE vapi_call_id <> ''
        ORDER BY vapi_call_id, received_at
        ON CONFLICT (vapi_call_id) DO NOTHING
    )
    INSERT INTO tool_calls (
        vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, offered, asked, duration_ms, received_at
    )
    SELECT
        vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, offered, asked, duration_ms, received_at
    FROM record
    ORDER BY vapi_call_id, tool_call_id
    {_OVERWRITE}
"""
"""Records tool calls that changed nothing, each of a known agent, in one statement; the same as `_record_sql` for each.

What is stored already is left to ON CONFLICT: for a batch, the server might read a whole table to find it.
"""

CALL_COLUMNS = (
    "agent_id", "assistant_id", "phone_number_id", "caller_number", "started_at", "ended_at", "ended_reason", "cost",
    "summary", "transcript", "messages", "success_evaluation", "structured_data", "recording_url",
    "recordings",
)  # fmt: skip

STATUS_ORDER = ("scheduled", "queued", "ringing", "in-progress", "forwarding", "ended")
"""Vapi's statuses in the order of a call; a late update does not set a call back to an earlier one."""

# A report takes precedence over status updates, whichever comes first; neither erases what the other one knew.
UPSERT_CALL = f"""
    INSERT INTO calls AS call (vapi_call_id, kind, status, created_at, updated_at, {", ".join(CALL_COLUMNS)})
    VALUES (
        %(vapi_call_id)s, %(kind)s, %(status)s, %(now)s, %(now)s,
        ({AGENT_ID_BY_VAPI_KEY}), %(assistant_id)s, %(phone_number_id)s, %(caller_number)s,
        %(started_at)s, %(ended_at)s, %(ended_reason)s, %(cost)s, %(summary)s, %(transcript)s, %(messages)s::jsonb,
        %(success_evaluation)s, %(structured_data)s::jsonb, %(recording_url)s,
        %(recordings)s::jsonb
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
        for name in CALL_COLUMNS
    )
},
        updated_at = EXCLUDED.updated_at
"""


# One row at least: a call without earlier tool calls may have ended, too.
_HISTORY = Statement(f"""
    SELECT status.has_ended, earlier.*
    FROM (SELECT {CALL_HAS_ENDED} AS has_ended) AS status
    LEFT JOIN LATERAL ({TOOL_CALLS_OF_CALL}) AS earlier ON TRUE
    ORDER BY earlier.id
""")

_LOCK_LINE = Statement(LOCK_LINE_BY_VAPI_KEY)


class CallRepository:
    """The calls of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lock_line(self, connection: Connection, invocation: ToolInvocation) -> Callable[[], frozenset[str]]:
        """Queue the row lock of the line's agents; return what reads their ids.

        The transaction that holds the lock is the only one that changes the bookings of these agents: two deliveries of
        one tool call, or two callers for one time, queue up instead of deadlocking in the exclusion constraint. What
        the decision needs is read by later statements, which see what was committed while this one waited.
        """
        cursor = _LOCK_LINE.execute(connection, _key(invocation.agent_key))
        return lambda: frozenset(row["agent_id"] for row in cursor.fetchall())

    def queue_history(self, connection: Connection, invocation: ToolInvocation) -> Callable[[], CallHistory]:
        """Queue the query for the call's tool calls and its status; return what reads them."""
        cursor = _HISTORY.execute(
            connection, {"history_call_id": invocation.vapi_call_id, "tool_call_id": invocation.tool_call_id}
        )

        def read() -> CallHistory:
            rows = cursor.fetchall()
            has_ended = rows[0]["has_ended"]
            earlier = [row for row in rows if row["id"] is not None]
            for row in earlier:
                del row["id"], row["has_ended"]
            return history_of(earlier, invocation, has_ended=has_ended)

        return read

    def record_tool_call(
        self,
        connection: Connection,
        invocation: ToolInvocation,
        values: dict[str, Any],
        change: BookingChange | None = None,
    ) -> None:
        """Queue the record of a tool call, with the change of an agent's bookings that it led to, if any.

        Finds the appointment that it made in this transaction.
        """
        if change is None:
            connection.execute(_RECORD[True, values["agent_id"] is not None].encode(), _parameters(invocation, values))
        else:
            _record_with(change.sql).execute(connection, _parameters(invocation, values) | dict(change.values))

    def record_tool_call_alone(self, invocation: ToolInvocation, values: dict[str, Any]) -> None:
        """Record a tool call outside any transaction. One round trip."""
        self._database.fetch(
            _RECORD[False, values["agent_id"] is not None], _parameters(invocation, values), plan_once=True
        )

    def record_fault(self, connection: Connection, invocation: ToolInvocation, kind: str) -> None:
        """Queue recording which kind of error a tool call ended in, after its record."""
        connection.execute(
            """
            UPDATE tool_calls SET fault = %s
            WHERE vapi_call_id = %s AND tool_call_id = %s AND outcome = 'fault'
            """,
            (kind, invocation.vapi_call_id, invocation.tool_call_id),
        )

    def set_handled(
        self, connection: Connection, vapi_call_id: str, at: datetime | None, by: str | None, note: str | None
    ) -> None:
        """Queue marking a call as handled; None for open."""
        connection.execute(
            "UPDATE calls SET handled_at = %s, handled_by = %s, handled_note = %s WHERE vapi_call_id = %s",
            (at, by, note, vapi_call_id),
        )

    def record_tool_calls(self, records: Sequence[Mapping[str, object]]) -> None:
        """Record tool calls that changed nothing, in one statement. One round trip.

        Args:
            records: from `batch_record`, of different tool calls.
        """
        self._database.fetch(
            _RECORD_BATCH, {"records": msgspec.json.encode(records, enc_hook=str).decode()}, plan_once=True
        )

    def reachable_agent(self, connection: Connection, key: AgentKey) -> psycopg.Cursor[DictRow]:
        """Queue the query for agent_id, agent_name and is_active of the agent."""
        return connection.execute(REACHABLE_AGENT.encode(), _key(key))

    def upsert(self, update: CallUpdate, now: datetime) -> None:
        """Insert a call or merge an update into it. One round trip."""
        values = asdict(update) | {"now": now, "statuses": list(STATUS_ORDER)}
        values.update(_key(update.agent_key))
        del values["agent_key"]
        self._database.fetch(UPSERT_CALL, values, plan_once=True)

    def without_report(self, vapi_call_ids: Sequence[str]) -> set[str]:
        """Return those of some calls of which nothing is stored that only a report says. Reduced calls had one."""
        rows = self._database.fetch(
            """
            SELECT wanted.vapi_call_id
            FROM unnest(%s::text[]) AS wanted (vapi_call_id)
            LEFT JOIN calls ON calls.vapi_call_id = wanted.vapi_call_id
            WHERE calls.vapi_call_id IS NULL
                OR calls.reduced_at IS NULL AND num_nonnulls(
                    calls.cost, calls.summary, calls.transcript, calls.messages, calls.success_evaluation,
                    calls.structured_data, calls.recording_url
                ) = 0
            """,
            (list(vapi_call_ids),),
        )
        return {row["vapi_call_id"] for row in rows}

    def get(self, vapi_call_id: str) -> Call | None:
        """Return one call; None where it is missing."""
        rows = self._database.fetch(
            f"""
            SELECT vapi_call_id, kind, status, {", ".join(CALL_COLUMNS)}, created_at FROM calls WHERE vapi_call_id = %s
            """,
            [vapi_call_id],
        )
        return Call(**{**rows[0], "cost": to_float(rows[0]["cost"])}) if rows else None

    def exists(self, vapi_call_id: str) -> bool:
        """Return whether anything was recorded of a call."""
        query = "SELECT EXISTS (SELECT FROM calls WHERE vapi_call_id = %s) AS found"
        return bool(self._database.fetch(query, [vapi_call_id])[0]["found"])

    def tool_calls(self, vapi_call_id: str) -> tuple[ToolCall, ...]:
        """Return the tool calls of one call, in the order in which they were answered."""
        rows = self._database.fetch(
            f"SELECT {TOOL_CALL_COLUMNS}, fault FROM tool_calls WHERE vapi_call_id = %s ORDER BY id", [vapi_call_id]
        )
        return tuple(tool_call_from(row) for row in rows)


def _key(key: AgentKey) -> dict[str, str | None]:
    return {"assistant_id": key.assistant_id, "phone_number_id": key.phone_number_id}


def _invocation_values(invocation: ToolInvocation) -> dict[str, object]:
    return {
        **_key(invocation.agent_key),
        "vapi_call_id": invocation.vapi_call_id,
        "tool_call_id": invocation.tool_call_id,
        "kind": invocation.conversation_kind,
        "caller_number": invocation.caller_number,
        "name": invocation.name,
        "duration_ms": invocation.duration_ms,
    }


def batch_record(invocation: ToolInvocation, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values of one tool call for `record_tool_calls`, as JSON can hold them."""
    return {**_invocation_values(invocation), "arguments": invocation.arguments, **values}


def _parameters(invocation: ToolInvocation, values: dict[str, Any]) -> dict[str, Any]:
    return {
        **_invocation_values(invocation),
        "arguments": arguments_json(invocation),
        **values,
        "offered": f"{{{','.join(map(str, values['offered']))}}}" if values["offered"] else None,
    }


def to_float(value: Decimal | None) -> float | None:
    """Convert a nullable numeric column, such as a cost."""
    return None if value is None else float(value)
