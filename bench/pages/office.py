"""Sample data for the pages: users, calls, messages and audit-log entries of an office of a given size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from bench.phone.stage import BOOKINGS, ZONE
from bench.server import drop_indexes, recreate_indexes
from peterental.database import Database
from peterental.services import build_services

PASSWORD = "a password of the bench"  # noqa: S105  # of temporary databases only
EMAIL = {"admin": "office@example.com", "agent": "agent@example.com"}
OWN_AGENTS = 10

# As a dump is restored: with the columns that the triggers would set. One call in 500 had an error, one in 500 ended
# without the agreed booking, all others booked.
_CALLS = """
    INSERT INTO calls (vapi_call_id, agent_id, caller_number, status, started_at, ended_at, ended_reason, cost, summary,
                       created_at, outcomes, agreed)
    SELECT vapi_call_id || CASE fate WHEN 1 THEN '-alone' ELSE '' END, agent_id, caller_number, 'ended',
           created_at - INTERVAL '1 minute', created_at + INTERVAL '1 minute', 'customer-ended-call', 0.12,
           'Asked for a viewing.', created_at - INTERVAL '1 minute',
           CASE fate WHEN 0 THEN '{fault,booked}' WHEN 1 THEN '{refused}' ELSE '{booked}' END::text[], TRUE
    FROM appointments, LATERAL (SELECT abs(hashtext(vapi_call_id)) % 500) AS rolled (fate)
"""
_TOOL_CALLS = """
    INSERT INTO tool_calls (vapi_call_id, tool_call_id, agent_id, name, arguments, answer, outcome, duration_ms,
                            received_at)
    SELECT vapi_call_id, 'tool', agent_id, 'set_appointment', '{"start_time": "2026-03-17T14:30:00"}',
           'You''re booked to see 12 Elm Street, tomorrow at noon.', outcomes[1], 12, created_at
    FROM calls
    WHERE vapi_call_id LIKE 'call-%'
"""
_MESSAGES = """
    INSERT INTO messages (agent_id, vapi_call_id, body, attendee_name, attendee_phone, received_at, done_at, done_by)
    SELECT agent_id, vapi_call_id, 'Please call me back about the garden flat.', 'Robin Vale', caller_number,
           created_at, CASE WHEN hashtext(vapi_call_id) % 10 <> 0 THEN created_at END, 'office@example.com'
    FROM calls
    WHERE vapi_call_id LIKE 'call-%'
"""
_AUDIT = """
    INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name, before, after)
    SELECT created_at, 'office@example.com', 'moved', 'appointment', id, attendee_name,
           '{"start": "2026-03-17T14:30:00+00:00"}', '{"start": "2026-03-17T15:30:00+00:00"}'
    FROM appointments
    ORDER BY created_at
"""
_TABLES = ("appointments", "calls", "tool_calls", "messages", "audit_log")


@dataclass(frozen=True)
class Size:
    """The number of agents with bookings, and of bookings per agent."""

    agents: int
    each: int


def filled(url: str, size: Size) -> str:
    """Fill the database at `url`, which has agents but no bookings, and return its URL.

    Each booking gets a call, a tool call, a message and an entry in the audit log. The first agents have the bookings.
    Users are created as well.
    """
    newest = datetime.now(ZONE).date() + timedelta(days=12)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SET synchronous_commit TO off")
        db.execute("ALTER TABLE tool_calls DISABLE TRIGGER USER")
        later = {table: drop_indexes(db, table) for table in _TABLES}
        db.execute(BOOKINGS, {"first": 1, "agents": size.agents, "each": size.each, "newest": newest})
        for statement in (_CALLS, _TOOL_CALLS, _MESSAGES, _AUDIT):
            db.execute(statement.encode())
        db.execute("ALTER TABLE tool_calls ENABLE TRIGGER USER")
    recreate_indexes(url, later["appointments"], [statement for table in _TABLES[1:] for statement in later[table]])
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
    create_users(url)
    return url


def create_users(url: str) -> None:
    """Create an admin, and a user who owns the first agents."""
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
