"""Fixtures that insert agents, calls and tool calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from peterental.database.pool import Database

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

Ring = Callable[..., str]


@pytest.fixture
def agents(database: Database) -> None:
    """Ana in Chicago, owned by user 7, and Ben in Lisbon, without an owner."""
    database.fetch("INSERT INTO users (user_id, email, password_hash) VALUES (7, 'ana@example.com', 'x')")
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name, user_id, time_zone)
        VALUES ('ana', 'Ana', 7, 'America/Chicago'), ('ben', 'Ben', NULL, 'Europe/Lisbon')
        """
    )


@pytest.fixture
def ring(database: Database, agents: None) -> Ring:
    """A function that inserts a call and returns its id.

    It takes tool calls as (name, outcome), and other columns by name.
    """
    del agents
    numbers = count(1)

    def ring(
        *tools: tuple[str, str], agent: str | None = "ana", ago: float = 1, ended: bool = True, **others: Any
    ) -> str:
        number = next(numbers)
        values = {
            "vapi_call_id": f"call-{number}",
            "agent_id": agent,
            "caller_number": f"+1555014{number:04}",
            "started_at": NOW - timedelta(hours=ago),
            "status": "ended" if ended else "in-progress",
            **others,
        }
        placeholders = ", ".join(["%s"] * len(values))
        database.fetch(f"INSERT INTO calls ({', '.join(values)}) VALUES ({placeholders})", list(values.values()))
        for position, (name, outcome) in enumerate(tools):
            database.fetch(
                """
                INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, answer, outcome)
                VALUES (%s, %s, %s, %s, 'A sentence.', %s)
                """,
                [values["vapi_call_id"], f"tool-{position}", agent, name, outcome],
            )
        return str(values["vapi_call_id"])

    return ring
