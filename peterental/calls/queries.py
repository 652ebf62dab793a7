"""List and search calls in PostgreSQL, in bounded time however many there are."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from peterental.agents.lookup import NEARBY_PER_AGENT, WANTED_AGENT_IDS, of_each_agent
from peterental.calls.model import (
    BAD_END,
    MAX_CALL_LENGTH,
    MAX_PROBLEMS_COUNTED,
    PROBLEMS_STAY_OPEN,
    UNASSIGNED,
    Call,
    CallFilter,
    CallSummary,
    UnknownAssistant,
)
from peterental.calls.repository import to_float
from peterental.search import (
    BOOKING_TEXT,
    MAX_WORDS,
    MIN_CHARS,
    SearchLimits,
    contains,
    digits_of,
    folded,
    folded_match,
    has_trigram,
    indexed_match,
    rarest_word,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.calls.model import ProblemFilter
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

STARTED_OR_CREATED_AT = "COALESCE(calls.started_at, calls.created_at)"
LATEST_FIRST = f"{STARTED_OR_CREATED_AT} DESC, calls.vapi_call_id DESC"

# Transcripts and messages run to megabytes, so lists of calls do not read them.
SUMMARY_COLUMNS = ", ".join(
    f"calls.{name}"
    for name in (
        "vapi_call_id", "kind", "agent_id", "caller_number", "status", "started_at", "ended_at", "ended_reason",
        "cost", "created_at", "outcomes", "agreed", "reduced_at", "reduced_after_days",
        "handled_at", "handled_by", "handled_note",
    )
)  # fmt: skip

AGENT_AND_BOOKING_COLUMNS = """
    agents.agent_name, agents.time_zone, booking.appointment_id, booking.attendee_name, booking.property_address,
    home.line1 AS home_street, home.unit AS home_unit
"""

LATEST_BOOKING_JOIN = """
    LEFT JOIN LATERAL (
        SELECT id AS appointment_id, attendee_name, property_address, property_id
        FROM appointments
        WHERE appointments.vapi_call_id = calls.vapi_call_id
        ORDER BY id DESC
        LIMIT 1
    ) AS booking ON TRUE
    LEFT JOIN properties AS home USING (property_id)
"""

# The conditions of the partial indexes of migrations 010 and 033. A sub-select instead of NOT EXISTS: the planner
# evaluates it for the few rows of a page and never joins all appointments.
_HAS_FAULT = "'fault' = ANY(calls.outcomes)"
_IS_UNBOOKED = "calls.status = 'ended' AND calls.agreed AND NOT calls.outcomes && '{booked,moved,stands}'"
_HAS_NO_BOOKING = "(SELECT id FROM appointments WHERE appointments.vapi_call_id = calls.vapi_call_id LIMIT 1) IS NULL"
_HAS_BAD_END = f"calls.status = 'ended' AND calls.ended_reason ~ '{BAD_END.pattern}'"
_IS_RUNNING = "calls.status <> 'ended' AND calls.kind = 'call'"
_IS_OVERDUE = f"{STARTED_OR_CREATED_AT} <= %(overdue)s"
_MAY_HAVE_PROBLEM = f"({_HAS_FAULT} OR {_IS_UNBOOKED} OR {_HAS_BAD_END} OR {_IS_RUNNING})"
"""Word for word the condition of the indexes of migration 033."""

_OPEN = "calls.handled_at IS NULL"
OPEN_PROBLEM = f"""
    {_OPEN} AND {_MAY_HAVE_PROBLEM} AND (
        {_HAS_FAULT} OR {_HAS_BAD_END} OR {_IS_UNBOOKED} AND {_HAS_NO_BOOKING} OR {_IS_RUNNING} AND {_IS_OVERDUE}
    )
"""
"""The condition of a call with an open problem; `overdue` is when a call began whose end should be reported by now."""

MAX_CANDIDATES = 300
"""Latest calls that may have an open problem, of which `latest_problems` looks for those that have one."""


def latest_problems(since: str) -> str:
    """Return the query of `vapi_call_id` and `began_at` of the latest calls with an open problem, for a LIMIT.

    The planner expects few of the calls that may have a problem to have one, and would read and sort all of them. So
    the latest are read from their index, in its order, until there are enough. Those without a problem are few: calls
    that go on, and calls whose booking was made in another way.

    Args:
        since: an expression, when the earliest began.
    """
    return f"""
        SELECT vapi_call_id, {STARTED_OR_CREATED_AT} AS began_at
        FROM (
            SELECT * FROM calls
            WHERE {STARTED_OR_CREATED_AT} >= {since} AND {_OPEN} AND {_MAY_HAVE_PROBLEM}
            ORDER BY {LATEST_FIRST}
            LIMIT {MAX_CANDIDATES}
        ) AS calls
        WHERE {OPEN_PROBLEM}
    """


FLAG_CONDITIONS: dict[ProblemFilter, str] = {
    "any": OPEN_PROBLEM,
    "fault": f"{_OPEN} AND {_HAS_FAULT}",
    "unbooked": f"{_OPEN} AND {_IS_UNBOOKED} AND {_HAS_NO_BOOKING}",
    "bad_end": f"{_OPEN} AND {_MAY_HAVE_PROBLEM} AND {_HAS_BAD_END}",
    "no_report": f"{_OPEN} AND {_MAY_HAVE_PROBLEM} AND {_IS_RUNNING} AND {_IS_OVERDUE}",
    "handled": "calls.handled_at IS NOT NULL",
}

LIMITS = SearchLimits(matches=200)
"""Calls that the index finds are looked up one by one: eight pages of them."""

BOOKING_TOLERANCE = "INTERVAL '1 day'"
"""A booking is created during its call; this allows for clocks that differ."""

POSITION_COLUMNS = f"calls.vapi_call_id, {STARTED_OR_CREATED_AT} AS began_at"

CALLS_BY_WEEK = """
    SELECT width_bucket(began_at, %(edges)s::timestamptz[]) AS week, COUNT(*) AS number,
           COUNT(*) FILTER (
               WHERE EXISTS (SELECT FROM appointments WHERE appointments.vapi_call_id = latest.vapi_call_id)
           ) AS booked
    FROM (
        SELECT vapi_call_id, COALESCE(started_at, created_at) AS began_at
        FROM calls
        WHERE agent_id = %(agent_id)s
            AND COALESCE(started_at, created_at) >= %(first)s AND COALESCE(started_at, created_at) < %(last)s
        ORDER BY began_at DESC, vapi_call_id DESC
        LIMIT %(limit)s
    ) AS latest
    GROUP BY week
"""


_ONE_CALL = f"""
    SELECT calls.*, {AGENT_AND_BOOKING_COLUMNS}
    FROM calls
    LEFT JOIN agents USING (agent_id)
    {LATEST_BOOKING_JOIN}
    WHERE calls.vapi_call_id = %(vapi_call_id)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
"""


class CallQueries:
    """The calls of one database, for reading. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listing(
        self, user_id: int | None, call_filter: CallFilter, page: slice, now: datetime
    ) -> tuple[list[CallSummary], bool, int]:
        """Return calls, latest first, whether more match than were looked up, and how many have an open problem.

        Finds the positions in the list first, and reads whole rows for the page only.

        Args:
            user_id: the user whose agents' calls are listed; None lists all.
            call_filter: which calls.
            page: the first position in the list and the one after the last.
            now: the present moment, aware.

        Problems of the last PROBLEMS_STAY_OPEN are counted whatever the filter, up to MAX_PROBLEMS_COUNTED, as for the
        navigation.
        """
        patterns = _search_patterns(call_filter.text)
        parts, is_truncated = {"found": _latest(call_filter, "%(page_end)s", user_id=user_id)}, "FALSE"
        if call_filter.text:
            parts, is_truncated = _search_queries(call_filter, user_id)
        rows = self._database.fetch(
            f"""
            WITH {", ".join(f"{name} AS MATERIALIZED ({query})" for name, query in parts.items())}
            SELECT search.is_truncated, search.open_problems, listed.*
            FROM (SELECT {is_truncated} AS is_truncated, {_open_problems(user_id)} AS open_problems) AS search
            LEFT JOIN (
                SELECT {SUMMARY_COLUMNS}, {AGENT_AND_BOOKING_COLUMNS}, page.began_at
                FROM (
                    SELECT * FROM found ORDER BY began_at DESC, vapi_call_id DESC LIMIT %(limit)s OFFSET %(offset)s
                ) AS page
                JOIN calls USING (vapi_call_id)
                LEFT JOIN agents USING (agent_id)
                {LATEST_BOOKING_JOIN}
            ) AS listed ON TRUE
            ORDER BY began_at DESC, vapi_call_id DESC
            """,
            {
                "user_id": user_id,
                "agent_id": call_filter.agent_id,
                "since": call_filter.since,
                "until": call_filter.until,
                "overdue": now - MAX_CALL_LENGTH,
                "problems_since": now - PROBLEMS_STAY_OPEN,
                "page_end": page.stop,
                "limit": page.stop - page.start,
                "offset": page.start,
                **LIMITS.parameters(page.stop),
                **patterns,
                **{f"word_{number}": word for number, word in enumerate(patterns["words"])},
            },
            prepare=False,
        )
        found = [_summary(row) for row in rows if row["vapi_call_id"] is not None]
        return found, rows[0]["is_truncated"], rows[0]["open_problems"]

    def lock(self, connection: Connection, vapi_call_id: str, user_id: int | None) -> CallSummary | None:
        """Return one call, if it belongs to one of the user's agents, and lock it. Waits for the server."""
        values = {"vapi_call_id": vapi_call_id, "user_id": user_id}
        row = connection.execute(f"{_ONE_CALL} FOR NO KEY UPDATE OF calls".encode(), values).fetchone()
        return _summary(row) if row else None

    def unknown_assistants(self, since: datetime, *, counted: int, limit: int) -> list[UnknownAssistant]:
        """Return what was called but belongs to no agent, the latest first.

        Args:
            since: only calls since then, aware.
            counted: how many of the latest such calls are read.
            limit: how many assistants to return at most.
        """
        rows = self._database.fetch(
            f"""
            SELECT assistant_id, phone_number_id, last_called_at, calls
            FROM (
                SELECT assistant_id, MAX(phone_number_id) AS phone_number_id, MAX(began_at) AS last_called_at,
                       COUNT(*) AS calls
                FROM (
                    SELECT assistant_id, phone_number_id, {STARTED_OR_CREATED_AT} AS began_at
                    FROM calls
                    WHERE agent_id IS NULL AND {STARTED_OR_CREATED_AT} >= %(since)s
                    ORDER BY {LATEST_FIRST}
                    LIMIT %(counted)s
                ) AS latest
                GROUP BY assistant_id, CASE WHEN assistant_id IS NULL THEN phone_number_id END
            ) AS unassigned
            WHERE COALESCE(assistant_id, phone_number_id) IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM agents
                    WHERE vapi_assistant_id IN (assistant_id, UPPER(assistant_id))
                        OR agents.phone_number_id IN (unassigned.phone_number_id, UPPER(unassigned.phone_number_id))
                )
            ORDER BY last_called_at DESC
            LIMIT %(limit)s
            """,
            {"since": since, "counted": counted, "limit": limit},
        )
        return [UnknownAssistant(**row) for row in rows]

    def record(self, vapi_call_id: str, user_id: int | None) -> tuple[CallSummary, Call] | None:
        """Return one call, if it belongs to one of the user's agents.

        Any call where `user_id` is None.
        """
        rows = self._database.fetch(_ONE_CALL, {"vapi_call_id": vapi_call_id, "user_id": user_id})
        return (_summary(rows[0]), _call(rows[0])) if rows else None

    def by_week(self, agent_id: str, edges: Sequence[datetime], limit: int) -> list[tuple[int, int, int]]:
        """Count the latest calls of an agent by week.

        Returns the number of the week from 1, its calls, and its calls with a booking.

        Args:
            agent_id: whose calls.
            edges: the start of each week, in order, and the end of the last one; aware.
            limit: how many calls to count at most, the latest first.
        """
        rows = self._database.fetch(
            CALLS_BY_WEEK,
            {"agent_id": agent_id, "edges": list(edges[:-1]), "first": edges[0], "last": edges[-1], "limit": limit},
        )
        return [(row["week"], row["number"], row["booked"]) for row in rows]


def _latest(call_filter: CallFilter, limit: str, *, user_id: int | None, column: str = "") -> str:
    """Build the query for the positions of the latest matching calls.

    There are few agents: where only some of them match, each agent's latest calls come from its own part of an index.
    """
    conditions = _conditions(call_filter)
    is_narrow = _is_narrow(call_filter, user_id)
    if is_narrow:
        conditions.append("calls.agent_id = own.agent_id")
    one = f"""
        SELECT {POSITION_COLUMNS}{column}
        FROM calls
        WHERE {" AND ".join(conditions)}
        ORDER BY {LATEST_FIRST}
        LIMIT {limit}
    """
    return of_each_agent(one) if is_narrow else one


def _open_problems(user_id: int | None) -> str:
    """Return the expression of how many recent calls of a user's agents have an open problem; of all where None.

    In no order: the planner expects fewer than it may count, and would read and sort all of them.
    """
    one = f"SELECT FROM calls WHERE {OPEN_PROBLEM} AND {STARTED_OR_CREATED_AT} >= %(problems_since)s"
    if user_id is None:
        found = f"{one} LIMIT {MAX_PROBLEMS_COUNTED}"
    else:
        each = f"{one} AND calls.agent_id = own.agent_id LIMIT {MAX_PROBLEMS_COUNTED}"
        found = f"""
            SELECT FROM agents AS own CROSS JOIN LATERAL ({each}) AS one
            WHERE own.user_id = %(user_id)s LIMIT {MAX_PROBLEMS_COUNTED}
        """
    return f"(SELECT COUNT(*) FROM ({found}) AS problematic)"


def _search_queries(call_filter: CallFilter, user_id: int | None) -> tuple[dict[str, str], str]:
    """Build the named queries of a text search, and its truncation condition.

    The condition holds if more calls match than were looked up. The query named `found` returns the positions.
    """
    patterns = _search_patterns(call_filter.text)
    parts, truncated = {"named": "SELECT vapi_call_id FROM calls WHERE vapi_call_id = %(text)s"}, ["FALSE"]
    if patterns["reversed_digits"]:
        queries, condition = _number_queries(call_filter, user_id)
        parts |= queries
        truncated.append(condition)
    if patterns["pattern"]:
        queries, condition = _booking_queries(call_filter, user_id, len(patterns["words"]))
        parts |= queries
        truncated.append(condition)
    matched = " UNION ".join(
        f"SELECT vapi_call_id FROM {name}" for name in parts if name not in {"latest_bookings", "rarest"}
    )
    conditions = [*_conditions(call_filter), *_agent_conditions(call_filter, user_id)]
    # OFFSET 0 keeps the lateral query separate: each of the few matches is looked up, whatever the planner estimates.
    parts["found"] = f"""
        SELECT calls.vapi_call_id, calls.began_at
        FROM ({matched}) AS matched
        CROSS JOIN LATERAL (
            SELECT {POSITION_COLUMNS}
            FROM calls
            WHERE {" AND ".join(["calls.vapi_call_id = matched.vapi_call_id", *conditions])}
            OFFSET 0
        ) AS calls
    """
    return parts, " OR ".join(truncated)


def _number_queries(call_filter: CallFilter, user_id: int | None) -> tuple[dict[str, str], str]:
    """Build the queries for calls from a number, and their truncation condition.

    Few calls come from one number. Where many match, the latest calls are searched as well.
    """
    number_matches = "reverse(caller_number) LIKE %(reversed_digits)s"
    far = [
        number_matches,
        "caller_number IS NOT NULL",
        *_conditions(call_filter),
        *_agent_conditions(call_filter, user_id),
    ]
    latest = _latest(call_filter, _nearby_limit(call_filter, user_id), user_id=user_id, column=", caller_number")
    are_many = "(SELECT COUNT(*) FROM numbers_far) > %(matches)s"
    queries = {
        "numbers_far": f"SELECT vapi_call_id FROM calls WHERE {' AND '.join(far)} LIMIT %(matches)s + 1",
        "numbers": f"SELECT vapi_call_id FROM ({latest}) AS latest WHERE {number_matches} AND {are_many}",
    }
    return queries, are_many


def _booking_queries(call_filter: CallFilter, user_id: int | None, words: int) -> tuple[dict[str, str], str]:
    """Build the queries for calls by their bookings, and their truncation condition.

    Common words are found in the latest bookings; rare ones through the trigram index on the text of all bookings,
    which is asked only where the latest neither fill the page nor show that the words are common (see
    `peterental.search`).

    Args:
        call_filter: which calls.
        user_id: the user whose agents' calls are searched; None searches all.
        words: how many words are searched for.
    """
    limit, names = _nearby_limit(call_filter, user_id), [f"word_{number}" for number in range(words)]
    made = ["vapi_call_id IS NOT NULL", *_booking_conditions(call_filter)]
    # Bookings know no flags: calls without the flag are dropped later, so this part must not be limited.
    enough = "" if call_filter.flag else "LIMIT %(page_end)s + %(common)s"
    nearby_is_full = f"(SELECT COUNT(*) FROM latest_bookings) >= {limit}"
    far = [
        indexed_match(BOOKING_TEXT, "SELECT word FROM rarest"),
        folded_match(folded(BOOKING_TEXT), "pattern"),
        *made,
        *_agent_conditions(call_filter, user_id),
        f"(SELECT COUNT(*) FROM bookings) < LEAST(%(page_end)s, %(common)s) AND {nearby_is_full}",
        "(SELECT NOT is_common FROM rarest)",
    ]
    queries = {
        "latest_bookings": _latest_bookings(made, limit, is_narrow=_is_narrow(call_filter, user_id)),
        "bookings": f"SELECT vapi_call_id FROM latest_bookings WHERE {folded_match('words', 'pattern')} {enough}",
        "rarest": rarest_word({name: folded_match("words", name) for name in names}, "latest_bookings"),
        "bookings_far": f"SELECT vapi_call_id FROM appointments WHERE {' AND '.join(far)} LIMIT %(matches)s + 1",
    }
    is_common = "((SELECT COUNT(*) FROM bookings) >= %(common)s OR (SELECT is_common FROM rarest))"
    return queries, (
        "(SELECT COUNT(*) FROM bookings_far) > %(matches)s"
        f" OR (SELECT COUNT(*) FROM bookings) < %(page_end)s AND {nearby_is_full} AND {is_common}"
    )


def _nearby_limit(call_filter: CallFilter, user_id: int | None) -> str:
    return NEARBY_PER_AGENT if _is_narrow(call_filter, user_id) else "%(nearby)s"


def _agent_conditions(call_filter: CallFilter, user_id: int | None) -> list[str]:
    return [f"agent_id = ANY ({WANTED_AGENT_IDS})"] if _is_narrow(call_filter, user_id) else []


def _latest_bookings(booking_conditions: Sequence[str], limit: str, *, is_narrow: bool) -> str:
    """Build the query for call ids and folded text of the latest bookings."""
    conditions = [*booking_conditions, *(["appointments.agent_id = own.agent_id"] if is_narrow else [])]
    one = f"""
        SELECT vapi_call_id, {folded(BOOKING_TEXT)} AS words
        FROM appointments
        WHERE {" AND ".join(conditions)}
        ORDER BY created_at DESC, id DESC
        LIMIT {limit}
    """
    return of_each_agent(one) if is_narrow else one


def _conditions(call_filter: CallFilter) -> list[str]:
    """Return the conditions of a filter, except for the agent and the text."""
    conditions = ["TRUE"]
    if call_filter.flag:
        conditions.append(FLAG_CONDITIONS[call_filter.flag])
    if call_filter.since:
        conditions.append(f"{STARTED_OR_CREATED_AT} >= %(since)s")
    if call_filter.until:
        conditions.append(f"{STARTED_OR_CREATED_AT} < %(until)s")
    if call_filter.agent_id == UNASSIGNED:
        conditions.append("calls.agent_id IS NULL")
    return conditions


def _booking_conditions(call_filter: CallFilter) -> list[str]:
    """Return the conditions on when a booking of a matching call was created."""
    since = [f"created_at >= %(since)s::timestamptz - {BOOKING_TOLERANCE}"] if call_filter.since else []
    return since + ([f"created_at < %(until)s::timestamptz + {BOOKING_TOLERANCE}"] if call_filter.until else [])


def _is_narrow(call_filter: CallFilter, user_id: int | None) -> bool:
    """Return whether only calls of some agents match."""
    return user_id is not None or call_filter.agent_id not in {"", UNASSIGNED}


def _search_patterns(text: str) -> dict[str, Any]:
    """Return the LIKE patterns of a search text.

    A pattern is None where the text is too short for it, or is not a number.
    """
    digits = digits_of(text) or ""
    words = [word for word in text.split() if has_trigram(word)] or [text]
    return {
        "text": text,
        "reversed_digits": f"{digits[::-1]}%" if len(digits) >= MIN_CHARS else None,
        "pattern": contains(text) if len(text) >= MIN_CHARS else None,
        "words": [contains(word) for word in words[:MAX_WORDS]],
    }


def _summary(row: DictRow) -> CallSummary:
    values = {field.name: row[field.name] for field in fields(CallSummary)}
    return CallSummary(**{**values, "cost": to_float(row["cost"]), "outcomes": tuple(row["outcomes"])})


def _call(row: DictRow) -> Call:
    return Call(**{**{field.name: row[field.name] for field in fields(Call)}, "cost": to_float(row["cost"])})
