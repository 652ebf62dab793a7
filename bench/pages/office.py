"""What pages show: users, and as many calls, messages and changes as an office of that size has."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from bench.phone.stage import AGENTS
from peterental.database import Database
from peterental.services import build_services

PASSWORD = "a password of the bench"  # noqa: S105  # it opens nothing
EMAIL = {"admin": "office@example.com", "agent": "agent@example.com"}
OWN_AGENTS = 10

_CALLS = """
    INSERT INTO calls (vapi_call_id, agent_id, caller_number, status, started_at, ended_at, ended_reason, cost, summary,
                       created_at)
    SELECT 'call-' || agent || '-' || n, 'agent-' || agent, '+1555' || lpad((agent * 1000 + n)::text, 7, '0'), 'ended',
           at, at + INTERVAL '2 minutes', 'customer-ended-call', 0.12, 'Asked for a viewing.', at
    FROM generate_series(1, %(agents)s) AS agent, generate_series(1, %(each)s) AS n,
         LATERAL (SELECT now() - n * INTERVAL '3 hours' - agent * INTERVAL '7 seconds') AS ago (at)
"""
_TOOL_CALLS = """
    INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, duration_ms,
                            received_at)
    SELECT vapi_call_id, 'tool', agent_id, 'set_appointment', '{"start_time": "2026-03-17T14:30:00"}',
           'You''re booked to see 12 Elm Street, tomorrow at noon.',
           CASE WHEN hashtext(vapi_call_id) % 500 = 0 THEN 'fault' ELSE 'booked' END, 12, created_at
    FROM calls
    WHERE vapi_call_id LIKE 'call-%'
"""
_MESSAGES = """
    INSERT INTO messages (agent_id, vapi_call_id, body, attendee_name, attendee_phone, received_at, done_at, done_by)
    SELECT agent_id, vapi_call_id, 'Please call me back about the garden flat.', 'Robin Vale', caller_number,
           created_at, CASE WHEN hashtext(vapi_call_id) % 10 <> 0 THEN created_at END, 'office@example.com'
    FROM calls
    WHERE hashtext(vapi_call_id) % 100 = 0
"""
_AUDIT = """
    INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name, before, after)
    SELECT created_at, 'office@example.com', 'moved', 'appointment', abs(hashtext(vapi_call_id)) % 1000 + 1,
           'Robin Vale', '{"start": "2026-03-17T14:30:00+00:00"}', '{"start": "2026-03-17T15:30:00+00:00"}'
    FROM calls
    WHERE hashtext(vapi_call_id) % 100 = 1
"""


@dataclass(frozen=True)
class Size:
    """How large an office is."""

    bookings: int
    calls: int


def filled(url: str, size: Size) -> str:
    """Give the database at `url`, which has its agents and bookings, users and calls as well."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(_CALLS, {"agents": AGENTS, "each": size.calls // AGENTS})
        for statement in (_TOOL_CALLS, _MESSAGES, _AUDIT):
            db.execute(statement.encode())
        db.execute("VACUUM ANALYZE")
    users_in(url)
    return url


def users_in(url: str) -> None:
    """Let an admin sign in, and somebody who looks after the first agents."""
    database = Database(url)
    try:
        users = build_services(database).users
        users.create(EMAIL["admin"], PASSWORD, "admin")
        users.create(EMAIL["agent"], PASSWORD, "agent")
    finally:
        database.close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "UPDATE agents SET user_id = (SELECT user_id FROM users WHERE email = %s)"
            " WHERE split_part(agent_id, '-', 2)::int <= %s",
            (EMAIL["agent"], OWN_AGENTS),
        )
        db.execute("VACUUM ANALYZE agents")
