"""Fills a database with a country's bookings: without the indexes first, as one restores a dump."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.phone.stage import BOOKINGS, ZONE
from bench.server import make_again, set_aside
from peterental.database.migrations import MigrationRunner

_AGENTS_AT_A_TIME = 500


@dataclass(frozen=True)
class Country:
    """How many agents there are, and how many bookings each has."""

    agents: int
    each: int

    @property
    def bookings(self) -> int:
        """All bookings."""
        return self.agents * self.each


def filled(url: str, country: Country) -> float:
    """Fill the database at `url`, which is empty; give the seconds that took."""
    began = time.monotonic()
    MigrationRunner(url).run_migrations()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SET synchronous_commit TO off")
        db.execute(
            """
            INSERT INTO agents (agent_id, agent_name, vapi_assistant_id)
            SELECT 'agent-' || n, 'Agent ' || n, 'assistant-' || n FROM generate_series(1, %s) AS n
            """,
            [country.agents],
        )
        # As one restores a dump: the rows first, what the triggers would note among them; then, side by side, the
        # indexes, of which the constraint against overlaps takes longer than all others together.
        db.execute("ALTER TABLE tool_calls DISABLE TRIGGER USER")
        later = {table: set_aside(db, table) for table in ("appointments", "calls", "tool_calls")}
        for fill in (_bookings, _calls, _tool_calls):
            for first in range(1, country.agents + 1, _AGENTS_AT_A_TIME):
                fill(db, country, first, min(first + _AGENTS_AT_A_TIME - 1, country.agents))
        db.execute("ALTER TABLE tool_calls ENABLE TRIGGER USER")
    make_again(url, later["appointments"], [*later["calls"], *later["tool_calls"]])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
    return time.monotonic() - began


def _bookings(db: psycopg.Connection[Any], country: Country, first: int, last: int) -> None:
    newest = datetime.now(ZONE).date() + timedelta(days=12)
    db.execute(BOOKINGS, {"first": first, "agents": last, "each": country.each, "newest": newest})


def _calls(db: psycopg.Connection[Any], _: Country, first: int, last: int) -> None:
    db.execute(
        """
        INSERT INTO calls (
            vapi_call_id, agent_id, caller_number, status, started_at, ended_at, ended_reason, created_at, outcomes,
            agreed
        )
        SELECT vapi_call_id, agent_id, caller_number, 'ended', at, at + INTERVAL '2 minutes', 'customer-ended-call', at,
               '{booked}', TRUE
        FROM appointments, LATERAL (SELECT LEAST(start_time - INTERVAL '2 days', now())) AS ago (at)
        WHERE agent_id = ANY(%s) AND hashtext(vapi_call_id) %% 10 = 0
        """,
        [_ids(first, last)],
    )


def _tool_calls(db: psycopg.Connection[Any], _: Country, first: int, last: int) -> None:
    db.execute(
        """
        INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, appointment_id,
                                duration_ms, received_at)
        SELECT vapi_call_id, vapi_tool_call_id, agent_id, 'set_appointment', '{}', 'You''re booked.', 'booked', id, 9,
               LEAST(start_time - INTERVAL '2 days', now())
        FROM appointments
        WHERE agent_id = ANY(%s)
        """,
        [_ids(first, last)],
    )


def _ids(first: int, last: int) -> list[str]:
    return [f"agent-{number}" for number in range(first, last + 1)]
