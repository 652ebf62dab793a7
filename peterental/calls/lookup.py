"""SQL fragments that read the tables of calls, for the statements of other features."""

from __future__ import annotations

HOME_QUESTION = "which-home:"
"""The start of the key of a question about a home, `ToolCall.asked`; the ids of the homes that it named follow it."""

MAX_HOME_QUESTIONS = 4

HOME_QUESTIONS = f"""
    (
        SELECT json_agg(
            json_build_array(asked, arguments ->> 'property_address') ORDER BY received_at DESC, id DESC
        )
        FROM (
            SELECT asked, arguments, received_at, id
            FROM tool_calls
            WHERE vapi_call_id = %(vapi_call_id)s AND tool_call_id <> %(tool_call_id)s
            AND starts_with(asked, '{HOME_QUESTION}')
            ORDER BY received_at DESC, id DESC
            LIMIT {MAX_HOME_QUESTIONS}
        ) AS question
    )
"""
"""An expression: the latest questions about homes in this phone call, latest first, with what the caller had said.

Parameters here and below: the ids of the phone call and of the tool call, whose own earlier delivery does not count.
"""

HOMES_ASKED_ABOUT = f"""
    (
        SELECT string_to_array(NULLIF(substr(asked, {len(HOME_QUESTION) + 1}), ''), ',')::bigint[]
        FROM tool_calls
        WHERE vapi_call_id = %(vapi_call_id)s AND tool_call_id <> %(tool_call_id)s
            AND starts_with(asked, '{HOME_QUESTION}')
        ORDER BY received_at DESC, id DESC
        LIMIT 1
    )
"""
"""An expression: the ids of the homes that the latest of these questions named, in the order named; NULL for none."""


def called_agent(vapi_call_id: str) -> str:
    """Return an expression: the id of the agent whose line a phone call reached; NULL where that is not known.

    Args:
        vapi_call_id: an expression, the id of the phone call.
    """
    return f"(SELECT calls.agent_id FROM calls WHERE calls.vapi_call_id = {vapi_call_id})"
