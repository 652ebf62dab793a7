"""SQL fragments that read the tables of calls, for the statements of other features."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from peterental.calls.model import CallHistory, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from peterental.calls.model import ToolInvocation

HOME_QUESTION = "which-home:"
"""The start of the key of a question about a home, `ToolCall.asked`; the ids of the homes that it named follow it."""

MAX_HOME_QUESTIONS = 4

IS_ANOTHER = "(tool_call_id <> %(tool_call_id)s OR arguments IS DISTINCT FROM %(arguments_sent)s::jsonb)"
"""A condition: a row of `tool_calls` is not an earlier delivery of the present tool call, which may share its id."""

HOME_QUESTIONS = f"""
    (
        SELECT json_agg(
            json_build_array(asked, arguments ->> 'property_address') ORDER BY received_at DESC, id DESC
        )
        FROM (
            SELECT asked, arguments, received_at, id
            FROM tool_calls
            WHERE vapi_call_id = %(vapi_call_id)s AND {IS_ANOTHER}
            AND starts_with(asked, '{HOME_QUESTION}')
            ORDER BY received_at DESC, id DESC
            LIMIT {MAX_HOME_QUESTIONS}
        ) AS question
    )
"""
"""An expression: the latest questions about homes in this phone call, latest first, with what the caller had said.

Parameters here and below: the ids of the phone call and of the tool call, whose own earlier delivery does not count,
and its arguments as JSON.
"""

HOMES_ASKED_ABOUT = f"""
    (
        SELECT string_to_array(NULLIF(substr(asked, {len(HOME_QUESTION) + 1}), ''), ',')::bigint[]
        FROM tool_calls
        WHERE vapi_call_id = %(vapi_call_id)s AND {IS_ANOTHER}
            AND starts_with(asked, '{HOME_QUESTION}')
        ORDER BY received_at DESC, id DESC
        LIMIT 1
    )
"""
"""An expression: the ids of the homes that the latest of these questions named, in the order named; NULL for none."""

MAX_HISTORY_TOOL_CALLS = 40
"""Latest tool calls of a phone call that are read as its history; a conversation has a handful."""

TOOL_CALL_COLUMNS = """
    name, tool_call_id, arguments, answer, outcome, appointment_id, offered, asked, duration_ms, received_at
"""

CALL_HAS_ENDED = "EXISTS (SELECT FROM calls WHERE vapi_call_id = %(history_call_id)s AND status = 'ended')"
"""An expression: whether the phone call is over; parameter here and below: its id, or '' without one."""


def _tool_calls_sql(columns: str) -> str:
    """Return the query of the earlier delivery of the tool call, and of the phone call's other tool calls.

    Args:
        columns: what to read of each.
    """
    return f"""
    (
        SELECT {columns} FROM tool_calls
        WHERE vapi_call_id = %(history_call_id)s AND tool_call_id = %(tool_call_id)s
    )
    UNION ALL
    (
        SELECT {columns} FROM tool_calls
        WHERE vapi_call_id = %(history_call_id)s AND vapi_call_id <> '' AND tool_call_id <> %(tool_call_id)s
        ORDER BY id DESC
        LIMIT {MAX_HISTORY_TOOL_CALLS}
    )
"""


TOOL_CALLS_OF_CALL = _tool_calls_sql(f"id, {TOOL_CALL_COLUMNS}")
"""A query: the earlier delivery of the tool call, and the phone call's other tool calls."""

HISTORY_COLUMNS = f"""
    {CALL_HAS_ENDED} AS has_ended,
    (
        SELECT json_agg(fields ORDER BY id)::text
        FROM ({_tool_calls_sql(f"id, json_build_array({TOOL_CALL_COLUMNS}) AS fields")}) AS earlier
    ) AS tool_calls
"""
"""Two columns for the statement of another feature: what `history_from` reads."""


class _StoredToolCall(msgspec.Struct, array_like=True):
    """TOOL_CALL_COLUMNS as a JSON array, in their order."""

    name: str
    tool_call_id: str
    arguments: dict[str, Any] | None
    answer: str
    outcome: str
    appointment_id: int | None
    offered: tuple[datetime, ...] | None
    asked: str | None
    duration_ms: float | None
    received_at: datetime


_decoder = msgspec.json.Decoder(tuple[_StoredToolCall, ...])


def history_from(row: Mapping[str, Any], invocation: ToolInvocation) -> CallHistory:
    """Return the history in a row with HISTORY_COLUMNS.

    Args:
        row: the row.
        invocation: the tool call for which it was read.
    """
    stored = _decoder.decode(row["tool_calls"]) if row["tool_calls"] else ()
    return history_of(map(msgspec.structs.asdict, stored), invocation, has_ended=row["has_ended"])


def history_of(rows: Iterable[Mapping[str, Any]], invocation: ToolInvocation, *, has_ended: bool) -> CallHistory:
    """Return the history that some rows of `tool_calls`, oldest first, are for one of a call's tool calls."""
    calls = [tool_call_from(row) for row in rows]
    same_id = next((call for call in calls if call.tool_call_id == invocation.tool_call_id), None)
    is_id_taken = same_id is not None and not same_id.is_delivered_again_by(invocation)
    own_id = (invocation.under_own_id() if is_id_taken else invocation).tool_call_id
    return CallHistory(
        redelivered=next((c for c in calls if c.tool_call_id == own_id and c.outcome != "fault"), None),
        others=tuple(call for call in calls if call.tool_call_id != own_id),
        has_ended=has_ended,
        is_id_taken=is_id_taken,
    )


def tool_call_from(row: Mapping[str, Any]) -> ToolCall:
    """Return the tool call in a row that has the columns of `tool_calls` and no others."""
    return ToolCall(**{**row, "arguments": row["arguments"] or {}, "offered": tuple(row["offered"] or ())})


def arguments_json(invocation: ToolInvocation) -> str:
    """Return the arguments of a tool call as JSON."""
    return msgspec.json.encode(invocation.arguments, enc_hook=str).decode()


def called_agent(vapi_call_id: str) -> str:
    """Return an expression: the id of the agent whose line a phone call reached; NULL where that is not known.

    Args:
        vapi_call_id: an expression, the id of the phone call.
    """
    return f"(SELECT calls.agent_id FROM calls WHERE calls.vapi_call_id = {vapi_call_id})"
