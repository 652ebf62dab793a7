"""Calls in PostgreSQL as the pages read them: fast whatever the length of the list."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from peterental.agents.lookup import NEARBY_PER_AGENT, WANTED_AGENT_IDS, of_each_agent
from peterental.calls.model import UNASSIGNED, Call, CallSummary, UnknownAssistant
from peterental.search import (
    BOOKING_TEXT,
    MAX_WORDS,
    MIN_CHARS,
    SearchLimits,
    contains,
    digits_of,
    has_trigram,
    indexed_match,
    rarest_word,
    unindexed_match,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.calls.model import CallFilter
    from peterental.database.pool import Database

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

LIMITS = SearchLimits(matches=250)
"""Calls that the index finds are looked up one by one."""

MADE_WITHIN = "INTERVAL '1 day'"
"""A booking is made while the call goes on; so much later at most, whatever clocks say."""

PLACE = f"calls.vapi_call_id, {RANG_AT} AS rang_at"

CALLS_BY_WEEK = """
    SELECT width_bucket(rang_at, %(edges)s::timestamptz[]) AS week, COUNT(*) AS number,
           COUNT(*) FILTER (
               WHERE EXISTS (SELECT FROM appointments WHERE appointments.vapi_call_id = latest.vapi_call_id)
           ) AS booked
    FROM (
        SELECT vapi_call_id, COALESCE(started_at, created_at) AS rang_at
        FROM calls
        WHERE agent_id = %(agent_id)s
            AND COALESCE(started_at, created_at) >= %(first)s AND COALESCE(started_at, created_at) < %(last)s
        ORDER BY rang_at DESC, vapi_call_id DESC
        LIMIT %(limit)s
    ) AS latest
    GROUP BY week
"""


class CallQueries:
    """The calls of one database, for reading. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(self, user_id: int | None, call_filter: CallFilter, page: slice) -> tuple[list[CallSummary], bool]:
        """Give calls, latest first, and whether more fit than could be looked up.

        Places in the list are counted off first; only what the page shows is read as a whole.

        Args:
            user_id: whose agents' calls; None is everybody's.
            call_filter: which of them.
            page: from which place in the list to which.
        """
        looked_for = _looked_for(call_filter.text)
        parts, is_truncated = {"found": _latest(call_filter, "%(reach)s", user_id=user_id)}, "FALSE"
        if call_filter.text:
            parts, is_truncated = _searched(call_filter, user_id)
        rows = self._database.fetch(
            f"""
            WITH {", ".join(f"{name} AS MATERIALIZED ({query})" for name, query in parts.items())}
            SELECT told.is_cut, listed.*
            FROM (SELECT {is_truncated} AS is_cut) AS told
            LEFT JOIN (
                SELECT {LISTED}, {WHO_AND_WHAT_FOR}, page.rang_at
                FROM (
                    SELECT * FROM found ORDER BY rang_at DESC, vapi_call_id DESC LIMIT %(limit)s OFFSET %(offset)s
                ) AS page
                JOIN calls USING (vapi_call_id)
                LEFT JOIN agents USING (agent_id)
                {BOOKING}
            ) AS listed ON TRUE
            ORDER BY rang_at DESC, vapi_call_id DESC
            """,
            {
                "user_id": user_id,
                "agent_id": call_filter.agent_id,
                "since": call_filter.since,
                "until": call_filter.until,
                "reach": page.stop,
                "limit": page.stop - page.start,
                "offset": page.start,
                **LIMITS.parameters(page.stop),
                **looked_for,
                **{f"word_{number}": word for number, word in enumerate(looked_for["words"])},
            },
            prepare=False,
        )
        is_truncated = rows[0]["is_cut"]
        return [_summary(row) for row in rows if row["vapi_call_id"] is not None], is_truncated

    def unknown_assistants(self, since: datetime, *, counted: int, limit: int) -> list[UnknownAssistant]:
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
        return [UnknownAssistant(**row) for row in rows]

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

    def by_week(self, agent_id: str, edges: Sequence[datetime], limit: int) -> list[tuple[int, int, int]]:
        """Count the latest calls of an agent by week: the number of the week from 1, how many, how many booked.

        Args:
            agent_id: whose.
            edges: when each week starts, in order, and when the last one ends.
            limit: how many calls to count, the latest first.
        """
        rows = self._database.fetch(
            CALLS_BY_WEEK,
            {"agent_id": agent_id, "edges": list(edges[:-1]), "first": edges[0], "last": edges[-1], "limit": limit},
        )
        return [(row["week"], row["number"], row["booked"]) for row in rows]


def _latest(call_filter: CallFilter, limit: str, *, user_id: int | None, column: str = "") -> str:
    """Write the query of the latest calls that are wanted, as places.

    Agents are few: where the calls of some are wanted, each agent's latest come from its own part of an index.
    """
    conditions = _conditions(call_filter)
    is_narrow = _is_narrow(call_filter, user_id)
    if is_narrow:
        conditions.append("calls.agent_id = own.agent_id")
    one = f"""
        SELECT {PLACE}{column} FROM calls WHERE {" AND ".join(conditions)} ORDER BY {LATEST_FIRST} LIMIT {limit}
    """
    return of_each_agent(one) if is_narrow else one


def _searched(call_filter: CallFilter, user_id: int | None) -> tuple[dict[str, str], str]:
    """Write the queries that find calls by what was typed, each by its name, and whether there are too many.

    `found` is what they have found.

    Common words are found at once in the latest bookings; rare ones in the index on the words of all of them, which is
    asked only where the latest neither fill the page nor show that the words are common.
    """
    looked_for = _looked_for(call_filter.text)
    parts = {"named": "SELECT vapi_call_id FROM calls WHERE vapi_call_id = %(text)s"}
    cut = ["FALSE"]
    is_narrow = _is_narrow(call_filter, user_id)
    limit = NEARBY_PER_AGENT if is_narrow else "%(nearby)s"
    conditions = _conditions(call_filter)
    whose = [f"agent_id = ANY ({WANTED_AGENT_IDS})"] if is_narrow else []
    if looked_for["digits_backwards"]:
        # Few calls come from one number. Where many do, the latest of them are wanted as well.
        ends_so = "reverse(caller_number) LIKE %(digits_backwards)s"
        far = [ends_so, "caller_number IS NOT NULL", *conditions, *whose]
        parts["numbers_far"] = f"SELECT vapi_call_id FROM calls WHERE {' AND '.join(far)} LIMIT %(matches)s + 1"
        latest = _latest(call_filter, limit, user_id=user_id, column=", caller_number")
        are_many = "(SELECT COUNT(*) FROM numbers_far) > %(matches)s"
        cut.append(are_many)
        parts["numbers"] = f"SELECT vapi_call_id FROM ({latest}) AS latest WHERE {ends_so} AND {are_many}"
    if looked_for["part"]:
        made = ["vapi_call_id IS NOT NULL", *_made_then(call_filter)]
        latest = _latest_bookings(made, limit, is_narrow=is_narrow)
        # Of flags the bookings know nothing: those that have none are left out later.
        enough = "" if call_filter.flag else "LIMIT %(reach)s + %(common)s"
        parts["latest_bookings"] = latest
        parts["bookings"] = f"SELECT vapi_call_id FROM latest_bookings WHERE words ILIKE %(part)s {enough}"
        matches = {f"word_{n}": f"words ILIKE %(word_{n})s" for n in range(len(looked_for["words"]))}
        parts["rarest"] = rarest_word(matches, "latest_bookings")
        was_cut = f"(SELECT COUNT(*) FROM latest_bookings) >= {limit}"
        are_few = f"(SELECT COUNT(*) FROM bookings) < LEAST(%(reach)s, %(common)s) AND {was_cut}"
        has_them = [
            indexed_match(BOOKING_TEXT, "SELECT word FROM rarest"),
            unindexed_match(BOOKING_TEXT, "part"),
        ]
        far = [*has_them, *made, *whose, are_few, "(SELECT NOT is_common FROM rarest)"]
        parts["bookings_far"] = f"SELECT vapi_call_id FROM appointments WHERE {' AND '.join(far)} LIMIT %(matches)s + 1"
        cut.append("(SELECT COUNT(*) FROM bookings_far) > %(matches)s")
        is_common = "((SELECT COUNT(*) FROM bookings) >= %(common)s OR (SELECT is_common FROM rarest))"
        cut.append(f"(SELECT COUNT(*) FROM bookings) < %(reach)s AND {was_cut} AND {is_common}")
    found = " UNION ".join(
        f"SELECT vapi_call_id FROM {name}" for name in parts if name not in {"latest_bookings", "rarest"}
    )
    # Whatever is found is looked up one by one: there is never much, and no planner has to guess how much.
    parts["found"] = f"""
        SELECT calls.vapi_call_id, calls.rang_at
        FROM ({found}) AS found
        CROSS JOIN LATERAL (
            SELECT {PLACE}
            FROM calls
            WHERE {" AND ".join(["calls.vapi_call_id = found.vapi_call_id", *conditions, *whose])}
            OFFSET 0
        ) AS calls
    """
    return parts, " OR ".join(cut)


def _latest_bookings(made: Sequence[str], limit: str, *, is_narrow: bool) -> str:
    """Write the query of the latest bookings, as the ids of their calls and the words in them."""
    conditions = [*made, *(["appointments.agent_id = own.agent_id"] if is_narrow else [])]
    one = f"""
        SELECT vapi_call_id, {BOOKING_TEXT} AS words
        FROM appointments
        WHERE {" AND ".join(conditions)}
        ORDER BY created_at DESC, id DESC
        LIMIT {limit}
    """
    return of_each_agent(one) if is_narrow else one


def _conditions(call_filter: CallFilter) -> list[str]:
    """Write which calls are wanted, but for the agent's."""
    conditions = ["TRUE"]
    if call_filter.flag:
        conditions.append(FLAGGED[call_filter.flag])
    if call_filter.since:
        conditions.append(f"{RANG_AT} >= %(since)s")
    if call_filter.until:
        conditions.append(f"{RANG_AT} < %(until)s")
    if call_filter.agent_id == UNASSIGNED:
        conditions.append("calls.agent_id IS NULL")
    return conditions


def _made_then(call_filter: CallFilter) -> list[str]:
    """Write when a booking must have been made for its call to be wanted, as an index has it."""
    since = [f"created_at >= %(since)s::timestamptz - {MADE_WITHIN}"] if call_filter.since else []
    return since + ([f"created_at < %(until)s::timestamptz + {MADE_WITHIN}"] if call_filter.until else [])


def _is_narrow(call_filter: CallFilter, user_id: int | None) -> bool:
    """Tell whether the calls of some agents are wanted."""
    return user_id is not None or call_filter.agent_id not in {"", UNASSIGNED}


def _looked_for(text: str) -> dict[str, Any]:
    """Give the patterns of a search, None for those that find nothing, and of its words that the index knows."""
    digits = digits_of(text) or ""
    words = [word for word in text.split() if has_trigram(word)] or [text]
    return {
        "text": text,
        "digits_backwards": f"{digits[::-1]}%" if len(digits) >= MIN_CHARS else None,
        "part": contains(text) if len(text) >= MIN_CHARS else None,
        "words": [contains(word) for word in words[:MAX_WORDS]],
    }


def _summary(row: DictRow) -> CallSummary:
    values = {field.name: row[field.name] for field in fields(CallSummary)}
    return CallSummary(**{**values, "cost": _float(row["cost"]), "outcomes": tuple(row["outcomes"])})


def _call(row: DictRow) -> Call:
    return Call(**{**{field.name: row[field.name] for field in fields(Call)}, "cost": _float(row["cost"])})


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
