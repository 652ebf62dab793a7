"""Calls in PostgreSQL as the pages read them: fast whatever the length of the list."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from peterental.calls.model import NOBODY, Call, CallSummary, Unregistered

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.calls.model import CallFilter
    from peterental.database.connection import Database

RANG_AT = "COALESCE(calls.started_at, calls.created_at)"
LATEST_FIRST = f"{RANG_AT} DESC, calls.vapi_call_id DESC"

# Transcripts and messages run to megabytes: whatever lists calls leaves them where they are.
LISTED = ", ".join(
    f"calls.{name}"
    for name in (
        "vapi_call_id", "agent_id", "caller_number", "status", "started_at", "ended_at", "ended_reason", "cost",
        "created_at", "outcomes", "agreed",
    )
)  # fmt: skip

WHO_AND_WHAT_FOR = """
    agents.agent_name, agents.time_zone, booking.appointment_id, booking.attendee_name, booking.property_address
"""

BOOKING = """
    LEFT JOIN LATERAL (
        SELECT id AS appointment_id, attendee_name, property_address
        FROM appointments
        WHERE appointments.vapi_call_id = calls.vapi_call_id
        ORDER BY id DESC
        LIMIT 1
    ) AS booking ON TRUE
"""

# Each as the partial indexes of migration 010 have it. A sub-select rather than NOT EXISTS: it is looked up for the few
# rows of a page, never joined with all appointments.
FLAGGED = {
    "fault": "'fault' = ANY(calls.outcomes)",
    "unbooked": """
        calls.status = 'ended' AND calls.agreed AND NOT calls.outcomes && '{booked,moved,stands}'
        AND (SELECT id FROM appointments WHERE appointments.vapi_call_id = calls.vapi_call_id LIMIT 1) IS NULL
    """,
}

SHORTEST_PART = 3
"""Characters of a name or digits of a number from which on an index finds it."""

MOST_FOUND = 500
"""Calls found by one number or one name are looked through up to so many, the latest of a number first."""

# Whatever is found is looked up one by one: there are never many, and no planner has to guess how many.
FOUND = f"""
    (
        SELECT calls.*
        FROM (
            SELECT vapi_call_id FROM calls WHERE vapi_call_id = %(text)s
            UNION
            (
                SELECT vapi_call_id FROM calls
                WHERE reverse(caller_number) LIKE %(digits_backwards)s AND caller_number IS NOT NULL
                ORDER BY {RANG_AT} DESC
                LIMIT {MOST_FOUND}
            )
            UNION
            (
                SELECT vapi_call_id FROM appointments
                WHERE vapi_call_id IS NOT NULL AND (
                    attendee_name || ' ' || property_address || ' ' || COALESCE(attendee_email, '') || ' '
                    || COALESCE(attendee_phone, '') || ' ' || COALESCE(caller_number, '')
                ) ILIKE %(part)s
                LIMIT {MOST_FOUND}
            )
        ) AS found
        CROSS JOIN LATERAL (SELECT * FROM calls WHERE calls.vapi_call_id = found.vapi_call_id OFFSET 0) AS calls
    ) AS calls
"""


class CallReader:
    """The calls of one database, for reading. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(self, user_id: int | None, wanted: CallFilter, *, limit: int, offset: int) -> list[CallSummary]:
        """Give calls, latest first, among those of one user's agents, or of all where `user_id` is None."""
        rows = self._database.fetch(
            f"""
            SELECT {LISTED}, {WHO_AND_WHAT_FOR}
            FROM (
                SELECT * FROM ({_latest(user_id, wanted)}) AS calls
                ORDER BY {LATEST_FIRST}
                LIMIT %(limit)s OFFSET %(offset)s
            ) AS calls
            LEFT JOIN agents USING (agent_id)
            {BOOKING}
            ORDER BY {LATEST_FIRST}
            """,
            {
                "user_id": user_id,
                "agent_id": wanted.agent_id,
                "since": wanted.since,
                "until": wanted.until,
                "reach": offset + limit,
                "limit": limit,
                "offset": offset,
                **_looked_for(wanted.text),
            },
        )
        return [_summary(row) for row in rows]

    def unregistered(self, since: datetime, *, counted: int, limit: int) -> list[Unregistered]:
        """Give what was rung since then and belongs to nobody still, whatever was rung last first.

        Args:
            since: aware.
            counted: so many of the latest such calls are looked at.
            limit: how many to give.
        """
        rows = self._database.fetch(
            f"""
            SELECT assistant_id, phone_number_id, last_rang_at, calls
            FROM (
                SELECT assistant_id, MAX(phone_number_id) AS phone_number_id, MAX(rang_at) AS last_rang_at,
                       COUNT(*) AS calls
                FROM (
                    SELECT assistant_id, phone_number_id, {RANG_AT} AS rang_at
                    FROM calls
                    WHERE agent_id IS NULL AND {RANG_AT} >= %(since)s
                    ORDER BY {LATEST_FIRST}
                    LIMIT %(counted)s
                ) AS latest
                GROUP BY assistant_id, CASE WHEN assistant_id IS NULL THEN phone_number_id END
            ) AS rung
            WHERE COALESCE(assistant_id, phone_number_id) IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM agents
                    WHERE vapi_assistant_id IN (assistant_id, UPPER(assistant_id))
                        OR agents.phone_number_id IN (rung.phone_number_id, UPPER(rung.phone_number_id))
                )
            ORDER BY last_rang_at DESC
            LIMIT %(limit)s
            """,
            {"since": since, "counted": counted, "limit": limit},
        )
        return [Unregistered(**row) for row in rows]

    def record(self, vapi_call_id: str, user_id: int | None) -> tuple[CallSummary, Call] | None:
        """Give one call, if it is of one of the user's agents; any call where `user_id` is None."""
        rows = self._database.fetch(
            f"""
            SELECT calls.*, {WHO_AND_WHAT_FOR}
            FROM calls
            LEFT JOIN agents USING (agent_id)
            {BOOKING}
            WHERE calls.vapi_call_id = %(vapi_call_id)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
            """,
            {"vapi_call_id": vapi_call_id, "user_id": user_id},
        )
        return (_summary(rows[0]), _call(rows[0])) if rows else None


def _latest(user_id: int | None, wanted: CallFilter) -> str:
    """Give the query of the latest calls that are wanted, up to `reach` of them and that many of each agent.

    Agents are few: where the calls of some are wanted, each agent's latest come from its own part of an index.
    """
    conditions = ["TRUE"]
    if wanted.flag:
        conditions.append(FLAGGED[wanted.flag])
    if wanted.since:
        conditions.append(f"{RANG_AT} >= %(since)s")
    if wanted.until:
        conditions.append(f"{RANG_AT} < %(until)s")
    if wanted.agent_id == NOBODY:
        conditions.append("calls.agent_id IS NULL")
    of_some_agents = user_id is not None or wanted.agent_id not in {"", NOBODY}
    if of_some_agents:
        conditions.append("calls.agent_id = own.agent_id")
    calls = FOUND if wanted.text else "calls"
    latest = f"SELECT {LISTED} FROM {calls} WHERE {' AND '.join(conditions)} ORDER BY {LATEST_FIRST} LIMIT %(reach)s"
    if not of_some_agents:
        return latest
    return f"""
        SELECT calls.*
        FROM agents AS own
        CROSS JOIN LATERAL ({latest}) AS calls
        WHERE (%(user_id)s::int IS NULL OR own.user_id = %(user_id)s)
            AND (%(agent_id)s = '' OR own.agent_id = %(agent_id)s)
    """


def _looked_for(text: str) -> dict[str, str | None]:
    """Give the patterns of a search; None finds nothing."""
    digits = re.sub(r"[^0-9]", "", text)
    is_number = len(digits) >= SHORTEST_PART and not re.search(r"[^0-9\s().+-]", text)
    escaped = re.sub(r"([%_\\])", r"\\\1", text)
    return {
        "text": text,
        "digits_backwards": f"{digits[::-1]}%" if is_number else None,
        "part": f"%{escaped}%" if len(text) >= SHORTEST_PART else None,
    }


def _summary(row: DictRow) -> CallSummary:
    values = {field.name: row[field.name] for field in fields(CallSummary)}
    return CallSummary(**{**values, "cost": _figure(row["cost"]), "outcomes": tuple(row["outcomes"])})


def _call(row: DictRow) -> Call:
    return Call(**{**{field.name: row[field.name] for field in fields(Call)}, "cost": _figure(row["cost"])})


def _figure(value: Any) -> float | None:
    return None if value is None else float(value)
