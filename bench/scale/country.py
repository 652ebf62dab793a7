"""Fill a database with the bookings of a country: rows first, then indexes, as a dump is restored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.phone.stage import BOOKINGS, ZONE
from bench.server import drop_indexes, recreate_indexes
from peterental.database.migrations import MigrationRunner

_AGENTS_AT_A_TIME = 500


@dataclass(frozen=True)
class Country:
    """The number of agents, and of bookings per agent."""

    agents: int
    each: int

    @property
    def bookings(self) -> int:
        """The number of all bookings."""
        return self.agents * self.each


def filled(url: str, country: Country) -> float:
    """Fill the empty database at `url`; return the seconds that it took."""
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
        # As a dump is restored: first the rows, with the columns that the triggers would set; then, in parallel, the
        # indexes. The exclusion constraint takes longer than all others together.
        db.execute("ALTER TABLE tool_calls DISABLE TRIGGER USER")
        later = {table: drop_indexes(db, table) for table in ("appointments", "calls", "tool_calls")}
        for fill in (_bookings, _calls, _tool_calls):
            for first in range(1, country.agents + 1, _AGENTS_AT_A_TIME):
                fill(db, country, first, min(first + _AGENTS_AT_A_TIME - 1, country.agents))
        db.execute("ALTER TABLE tool_calls ENABLE TRIGGER USER")
    recreate_indexes(url, later["appointments"], [*later["calls"], *later["tool_calls"]])
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
