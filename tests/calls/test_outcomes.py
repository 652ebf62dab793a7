"""What a call came to, as the triggers of `tool_calls` note it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from peterental.agents.model import AgentKey
from peterental.calls.model import ToolInvocation
from peterental.calls.service import CallService

if TYPE_CHECKING:
    from peterental.database.pool import Database

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
QUESTION = ToolInvocation(
    name="get_availability", tool_call_id="question", vapi_call_id="c", agent_key=AgentKey(assistant_id="assistant-ana")
)
BOOKING = replace(QUESTION, name="set_appointment", tool_call_id="booking")
ANSWERED: dict[str, Any] = {"answer": "At noon.", "outcome": "answered", "agent_id": "ana"}
REFUSED: dict[str, Any] = {"answer": "No.", "outcome": "refused", "agent_id": "ana"}
FAULT: dict[str, Any] = {"answer": "Sorry.", "outcome": "fault", "agent_id": "ana"}


@pytest.fixture
def calls(database: Database) -> CallService:
    """The service, with Ana registered."""
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
    return CallService(database, lambda: NOW)


def noted(database: Database) -> tuple[list[str], bool]:
    (row,) = database.fetch("SELECT outcomes, agreed FROM calls WHERE vapi_call_id = 'c'")
    return row["outcomes"], row["agreed"]


def test_each_outcome_is_noted_once(calls: CallService, database: Database) -> None:
    calls.record_tool_call_alone(QUESTION, **ANSWERED)
    assert noted(database) == (["answered"], False)
    calls.record_tool_call_alone(BOOKING, **REFUSED)
    assert noted(database) == (["answered", "refused"], True)
    calls.record_tool_call_alone(replace(BOOKING, tool_call_id="again"), **REFUSED)
    assert noted(database) == (["answered", "refused"], True)


def test_the_call_of_a_first_tool_call_is_not_locked(calls: CallService, database: Database) -> None:
    with database.transaction() as connection:
        calls.record_tool_call(connection, BOOKING, **REFUSED)
        cursor = connection.execute("SELECT xmax::text AS locker FROM calls")
        connection.sync()
        assert cursor.fetchall()[0]["locker"] == "0"
    assert noted(database) == (["refused"], True)


def test_two_tool_calls_of_a_transaction_are_noted(calls: CallService, database: Database) -> None:
    with database.transaction() as connection:
        calls.record_tool_call(connection, QUESTION, **ANSWERED)
        calls.record_tool_call(connection, BOOKING, **REFUSED)
    assert noted(database) == (["answered", "refused"], True)


def test_a_call_inserted_in_a_savepoint_is_noted(calls: CallService, database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("SAVEPOINT first")
        calls.record_tool_call(connection, QUESTION, **ANSWERED)
        connection.execute("RELEASE SAVEPOINT first")
        connection.execute("SAVEPOINT second")
        calls.record_tool_call(connection, BOOKING, **REFUSED)
        connection.execute("ROLLBACK TO SAVEPOINT second")
        calls.record_tool_call(connection, replace(BOOKING, tool_call_id="later"), **FAULT)
    assert noted(database) == (["answered", "fault"], True)


def test_a_booking_made_before_stands(calls: CallService, database: Database) -> None:
    (row,) = database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', '12 Oak Lane', NOW(), NOW() + INTERVAL '30 minutes', 'Dolores') RETURNING id
        """
    )
    with database.transaction() as connection:
        calls.record_tool_call(connection, BOOKING, **ANSWERED, appointment_id=row["id"])
    assert "stands" in noted(database)[0]


def test_an_overwritten_fault_is_forgotten(calls: CallService, database: Database) -> None:
    calls.record_tool_call_alone(QUESTION, **FAULT)
    calls.record_tool_call_alone(BOOKING, **REFUSED)
    calls.record_tool_call_alone(QUESTION, **ANSWERED)
    assert noted(database) == (["answered", "refused"], True)


def test_a_tool_call_without_a_call_is_overwritten(calls: CallService, database: Database) -> None:
    alone = replace(QUESTION, vapi_call_id="")
    calls.record_tool_call_alone(alone, **FAULT)
    calls.record_tool_call_alone(alone, **ANSWERED)
    assert [row["outcome"] for row in database.fetch("SELECT outcome FROM tool_calls")] == ["answered"]
    assert database.fetch("SELECT 1 FROM calls") == []


def test_a_reduced_tool_call_is_not_looked_at_again(calls: CallService, database: Database) -> None:
    calls.record_tool_call_alone(QUESTION, **ANSWERED)
    database.fetch("UPDATE calls SET outcomes = '{kept}'")
    database.fetch("UPDATE tool_calls SET reduced_at = NOW()")
    assert noted(database) == (["kept"], False)


def test_a_late_answer_to_a_reduced_call_is_reduced(calls: CallService, database: Database) -> None:
    calls.record_tool_call_alone(QUESTION, **FAULT)
    database.fetch("UPDATE calls SET reduced_at = NOW()")
    calls.record_tool_call_alone(QUESTION, **ANSWERED)
    (row,) = database.fetch("SELECT reduced_at IS NOT NULL AS is_reduced, answer FROM tool_calls")
    assert row == {"is_reduced": True, "answer": "That was answered before."}
