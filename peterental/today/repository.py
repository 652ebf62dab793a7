"""What the day brings and what needs a person, in PostgreSQL: bounded, however much there is.

The statements read the tables of several features, because a page that asked each of them would take a round trip for
each. Every part reads a limited number of rows of an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from peterental.agents.lookup import WANTED_AGENTS, of_each_agent
from peterental.appointments.model import Appointment
from peterental.appointments.repository import APPOINTMENT
from peterental.calls.model import MAX_CALL_LENGTH
from peterental.calls.queries import LATEST_FIRST, OPEN_PROBLEM, STARTED_OR_CREATED_AT, latest_problems
from peterental.today.model import (
    DELIVERY_LOOKS_BACK,
    LOOKS_BACK,
    MOST_COUNTED,
    MOST_OF_A_DAY,
    SHOWN,
    Attention,
    Counts,
    DayViewings,
    FlaggedCall,
    Found,
    OpenMessage,
    TroubledCalendar,
    TroubledLine,
    UndeliveredNotice,
    UnreachedAgent,
    WebhookOff,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.database.pool import Database
    from peterental.today.model import DayBounds

MAX_OF_AN_AGENT = 100
"""Viewings of one agent's today and tomorrow that are read."""

MAX_TROUBLE_READ = 2_000
"""How many of the latest failed and unknown notices are searched for those of some agents and days."""

_DAYS = """
    unnest(%(zones)s::text[], %(starts)s::timestamptz[], %(tomorrows)s::timestamptz[], %(ends)s::timestamptz[])
        AS days (zone, starts, tomorrow, ends)
"""

_OF_WANTED_AGENTS = f"""
    SELECT one.*, one.start_time >= days.tomorrow AS is_tomorrow
    FROM agents AS own
    JOIN {_DAYS} ON days.zone = own.time_zone
    CROSS JOIN LATERAL (
        SELECT id, start_time, status
        FROM appointments
        WHERE appointments.agent_id = own.agent_id AND status <> 'cancelled'
            AND start_time >= days.starts AND start_time < days.ends
        ORDER BY start_time
        LIMIT %(of_an_agent)s
    ) AS one
    WHERE {WANTED_AGENTS}
"""


def _of_the_office(*, is_one_zone: bool) -> str:
    """Return the query of the first viewings of each status, today and tomorrow, in order of time.

    A thousand agents have thousands of viewings a day: a limited number is read. Where all agents have one time zone,
    an index has them in order, and no more are read than that.

    Args:
        is_one_zone: whether all agents have one time zone.
    """

    def in_zones(starts: str, ends: str) -> str:
        return f"""
            JOIN agents AS own USING (agent_id)
            JOIN {_DAYS} ON days.zone = own.time_zone AND start_time >= days.{starts} AND start_time < days.{ends}
        """

    return " UNION ALL ".join(
        f"""
        (
            SELECT appointments.id, start_time, status, {is_tomorrow} AS is_tomorrow
            FROM appointments {"" if is_one_zone else in_zones(starts, ends)}
            WHERE status = '{status}' AND start_time >= %(first_{starts})s AND start_time < %(last_{ends})s
            ORDER BY start_time
            LIMIT %(counted)s
        )
        """
        for is_tomorrow, starts, ends in ((False, "starts", "tomorrow"), (True, "tomorrow", "ends"))
        for status in ("confirmed", "completed", "no_show")
    )


def viewings_sql(*, is_limited: bool, is_one_zone: bool = False) -> str:
    """Return the statement that reads the viewings of today, and what tomorrow brings.

    Args:
        is_limited: whether only some agents are wanted.
        is_one_zone: whether all agents have one time zone.
    """
    found = _OF_WANTED_AGENTS if is_limited else _of_the_office(is_one_zone=is_one_zone)
    return f"""
        WITH found AS MATERIALIZED ({found}), shown AS (
            (
                SELECT id FROM found WHERE NOT is_tomorrow
                ORDER BY status <> 'confirmed', start_time, id LIMIT %(limit)s
            )
            UNION ALL
            (SELECT id FROM found WHERE is_tomorrow ORDER BY start_time, id LIMIT 1)
        )
        SELECT counted.*, listed.*
        FROM (
            SELECT LEAST(COUNT(*) FILTER (WHERE NOT is_tomorrow), %(counted)s) AS total,
                LEAST(COUNT(*) FILTER (WHERE is_tomorrow), %(counted)s) AS tomorrow_total
            FROM found
        ) AS counted
        LEFT JOIN (
            SELECT {APPOINTMENT}, is_tomorrow
            FROM found JOIN appointments USING (id, start_time, status) JOIN agents USING (agent_id)
            WHERE id IN (SELECT id FROM shown)
        ) AS listed ON TRUE
        ORDER BY is_tomorrow, status <> 'confirmed', start, appointment_id
    """


_UNMARKED = """
    SELECT id, start_time
    FROM appointments
    WHERE status = 'confirmed' AND start_time >= %(since)s AND start_time < %(now)s AND end_time <= %(now)s
"""

_OPEN = "SELECT message_id, received_at FROM messages WHERE done_at IS NULL"

_URGENT = f"{_OPEN} AND is_urgent"


def _flagged(*, is_limited: bool) -> str:
    """Return the query of the latest calls with an open problem."""
    if not is_limited:
        return f"{latest_problems('%(since)s')} LIMIT %(counted)s"
    return _of_agents(
        f"""
        SELECT vapi_call_id, {STARTED_OR_CREATED_AT} AS began_at
        FROM calls
        WHERE {STARTED_OR_CREATED_AT} >= %(since)s AND {OPEN_PROBLEM}
        """,
        "calls",
        LATEST_FIRST,
        is_limited=is_limited,
    )


def _earlier_unmarked(*, is_limited: bool) -> str:
    """Return the query of viewings before their agent's today that are over and have no outcome."""
    conditions = """
        status = 'confirmed' AND end_time <= %(now)s
        AND start_time >= %(since)s AND start_time < %(latest_start)s AND start_time < days.starts
    """
    order = "ORDER BY start_time DESC LIMIT %(counted)s"
    if not is_limited:
        return f"""
            SELECT id, start_time
            FROM appointments JOIN agents AS own USING (agent_id) JOIN {_DAYS} ON days.zone = own.time_zone
            WHERE {conditions} {order}
        """
    return f"""
        SELECT one.*
        FROM agents AS own
        JOIN {_DAYS} ON days.zone = own.time_zone
        CROSS JOIN LATERAL (
            SELECT id, start_time FROM appointments
            WHERE appointments.agent_id = own.agent_id AND {conditions} {order}
        ) AS one
        WHERE {WANTED_AGENTS}
        {order}
    """


_UNKNOWN_HOMES = f"""
    {
    of_each_agent(
        '''
        SELECT id, start_time
        FROM appointments
        WHERE appointments.agent_id = own.agent_id
            AND is_home_unknown AND status = 'confirmed' AND start_time >= %(now)s
        ORDER BY start_time
        LIMIT %(counted)s
        '''
    )
}
    ORDER BY start_time
    LIMIT %(counted)s
"""

_CALENDARS = f"""
    SELECT account_id, own.agent_id, own.agent_name
    FROM calendar_accounts JOIN agents AS own USING (agent_id)
    WHERE own.is_active AND (state = 'reauth_required' OR problem IS NOT NULL) AND {WANTED_AGENTS}
    ORDER BY LOWER(own.agent_name), account_id
    LIMIT %(counted)s
"""

_LINES = f"""
    SELECT own.agent_id, own.agent_name
    FROM line_checks JOIN agents AS own USING (agent_id)
    WHERE own.is_active AND {WANTED_AGENTS}
        AND (problem IS NOT NULL OR jsonb_path_exists(differences, '$[*] ? (@.is_written == true)'))
    ORDER BY LOWER(own.agent_name), own.agent_id
    LIMIT %(counted)s
"""


_HAS_LINE = """
    (
        own.vapi_assistant_id IS NOT NULL OR own.phone_number_id IS NOT NULL
        OR EXISTS (SELECT FROM line_members WHERE line_members.agent_id = own.agent_id)
    )
"""

_UNREACHED = f"""
    SELECT own.agent_id, own.agent_name
    FROM agents AS own
    WHERE own.is_active AND {WANTED_AGENTS}
        AND NOT EXISTS (SELECT FROM agents AS own WHERE own.is_active AND {_HAS_LINE} AND {WANTED_AGENTS})
    ORDER BY LOWER(own.agent_name), own.agent_id
    LIMIT %(counted)s
"""

_WEBHOOKS = """
    SELECT endpoint_id FROM webhook_endpoints WHERE NOT is_active AND off_reason IS NOT NULL
    ORDER BY endpoint_id
    LIMIT %(counted)s
"""


def _undelivered(*, is_limited: bool) -> str:
    """Return the query of the latest notices that failed or may have."""
    own = f"EXISTS (SELECT FROM agents AS own WHERE own.agent_id = latest.agent_id AND {WANTED_AGENTS})"
    return f"""
        SELECT notice_id
        FROM (
            (
                SELECT notice_id, agent_id, created_at FROM notices WHERE state = 'failed'
                ORDER BY notice_id DESC LIMIT {MAX_TROUBLE_READ}
            )
            UNION ALL
            (
                SELECT notice_id, agent_id, created_at FROM notices WHERE state = 'unknown'
                ORDER BY notice_id DESC LIMIT {MAX_TROUBLE_READ}
            )
        ) AS latest
        WHERE created_at >= %(undelivered_since)s AND {own if is_limited else "TRUE"}
        ORDER BY notice_id DESC
        LIMIT %(counted)s
    """


@dataclass(frozen=True)
class _Kind:
    """What needs a person for one reason.

    Args:
        keys: the name of the table expression with the keys of all of them.
        first: the query of the first ones, from those keys.
        decoder: decodes the first ones.
    """

    keys: str
    first: str
    decoder: msgspec.json.Decoder[Any]


_KINDS = {
    "viewings": _Kind(
        "viewings",
        f"""
        SELECT {APPOINTMENT} FROM viewings JOIN appointments USING (id, start_time) JOIN agents USING (agent_id)
        ORDER BY start_time DESC, id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[Appointment, ...]),
    ),
    "messages": _Kind(
        "urgent",
        """
        SELECT messages.message_id, agents.agent_name, agents.time_zone, messages.received_at,
               COALESCE(attendee_name, attendee_phone, caller_number, 'Unknown caller') AS sender,
               COALESCE(attendee_phone, caller_number) AS phone, left(body, 300) AS body
        FROM urgent JOIN messages USING (message_id) JOIN agents USING (agent_id)
        ORDER BY messages.received_at, message_id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[OpenMessage, ...]),
    ),
    "calls": _Kind(
        "flagged",
        """
        SELECT calls.vapi_call_id, agents.agent_name, agents.time_zone, calls.caller_number, flagged.began_at,
               CASE
                   WHEN 'fault' = ANY(calls.outcomes) THEN 'fault'
                   WHEN calls.status <> 'ended' THEN 'no_report'
                   WHEN calls.agreed AND NOT calls.outcomes && '{booked,moved,stands}' THEN 'unbooked'
                   ELSE 'bad_end'
               END AS problem
        FROM (SELECT * FROM flagged ORDER BY began_at DESC, vapi_call_id LIMIT %(shown)s) AS flagged
        JOIN calls USING (vapi_call_id) LEFT JOIN agents USING (agent_id)
        ORDER BY flagged.began_at DESC, calls.vapi_call_id
        """,
        msgspec.json.Decoder(tuple[FlaggedCall, ...]),
    ),
    "calendars": _Kind(
        "troubled",
        """
        SELECT troubled.agent_id, troubled.agent_name, accounts.name AS account,
               accounts.state = 'reauth_required' AS needs_sign_in, accounts.problem
        FROM troubled JOIN calendar_accounts AS accounts USING (account_id)
        ORDER BY LOWER(troubled.agent_name), account_id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[TroubledCalendar, ...]),
    ),
    "notices": _Kind(
        "undelivered",
        """
        SELECT notices.notice_id, notices.kind, notices.channel, notices.recipient, notices.state, notices.reason
        FROM undelivered JOIN notices USING (notice_id)
        ORDER BY notice_id DESC LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[UndeliveredNotice, ...]),
    ),
    "homes": _Kind(
        "homes",
        f"""
        SELECT {APPOINTMENT} FROM homes JOIN appointments USING (id, start_time) JOIN agents USING (agent_id)
        ORDER BY start_time, id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[Appointment, ...]),
    ),
    "lines": _Kind(
        "differing",
        """
        SELECT differing.agent_id, differing.agent_name, line_checks.problem,
               jsonb_array_length(jsonb_path_query_array(differences, '$[*] ? (@.is_written == true)')) AS differences
        FROM differing JOIN line_checks USING (agent_id)
        ORDER BY LOWER(differing.agent_name), agent_id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[TroubledLine, ...]),
    ),
    "unreached": _Kind(
        "unreached",
        "SELECT * FROM unreached ORDER BY LOWER(agent_name), agent_id LIMIT %(shown)s",
        msgspec.json.Decoder(tuple[UnreachedAgent, ...]),
    ),
    "webhooks": _Kind(
        "turned_off",
        """
        SELECT endpoint_id, url, off_reason AS reason
        FROM turned_off JOIN webhook_endpoints USING (endpoint_id)
        ORDER BY endpoint_id LIMIT %(shown)s
        """,
        msgspec.json.Decoder(tuple[WebhookOff, ...]),
    ),
}
"""The kinds in the order of `Attention`."""


class TodayRepository:
    """What the day brings and what needs a person. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, user_id: int | None, now: datetime) -> Counts:
        """Return the numbers of the navigation.

        Args:
            user_id: only for this user's agents; None for all.
            now: aware.
        """
        rows = self._database.fetch(counts_sql(is_limited=user_id is not None), _values(user_id, "", now))
        return Counts(**rows[0])

    def viewings(self, user_id: int | None, agent_id: str, days: Sequence[DayBounds], limit: int) -> DayViewings:
        """Return the viewings of today and what tomorrow brings.

        Args:
            user_id: only of this user's agents; None for all.
            agent_id: only of this agent; empty for all.
            days: today in each time zone of these agents.
            limit: how many of today's viewings to return. Up to MOST_OF_A_DAY are counted.
        """
        is_limited = user_id is not None or bool(agent_id)
        values = {
            "user_id": user_id,
            "agent_id": agent_id,
            "of_an_agent": MAX_OF_AN_AGENT,
            "counted": MOST_OF_A_DAY,
            "first_starts": min(day.starts for day in days),
            "first_tomorrow": min(day.tomorrow for day in days),
            "last_tomorrow": max(day.tomorrow for day in days),
            "last_ends": max(day.ends for day in days),
            "limit": limit,
        }
        # Planned for these days, of which the server knows how much they have.
        query = viewings_sql(is_limited=is_limited, is_one_zone=len(days) == 1)
        rows = self._database.fetch(query, values | _day_values(days), prepare=False)
        return _day_viewings(rows)

    def attention(self, user_id: int | None, agent_id: str, days: Sequence[DayBounds], now: datetime) -> Attention:
        """Return what needs a person, the first SHOWN of each kind.

        Args:
            user_id: only for this user's agents; None for all.
            agent_id: only for this agent; empty for all.
            days: today in each time zone of these agents.
            now: aware.
        """
        is_limited = user_id is not None or bool(agent_id)
        rows = self._database.fetch(
            attention_sql(is_limited=is_limited),
            {
                **_values(user_id, agent_id, now),
                **_day_values(days),
                "latest_start": max(day.starts for day in days),
                "undelivered_since": now - DELIVERY_LOOKS_BACK,
                "shown": SHOWN,
            },
        )
        return Attention(
            **{row["kind"]: Found(_KINDS[row["kind"]].decoder.decode(row["items"]), row["total"]) for row in rows}
        )


def counts_sql(*, is_limited: bool) -> str:
    """Return the statement that counts for the navigation.

    Args:
        is_limited: whether only some agents are wanted.
    """
    unmarked = _of_agents(_UNMARKED, "appointments", "start_time DESC", is_limited=is_limited)
    messages = _of_agents(_OPEN, "messages", "received_at DESC", is_limited=is_limited)
    return f"""
        SELECT (SELECT COUNT(*) FROM ({unmarked}) AS unmarked) AS viewings,
               (SELECT COUNT(*) FROM ({_flagged(is_limited=is_limited)}) AS flagged) AS calls,
               (SELECT COUNT(*) FROM ({messages}) AS open) AS messages
    """


def attention_sql(*, is_limited: bool) -> str:
    """Return the statement that reads what needs a person: a row for each kind, with its total and first items.

    Args:
        is_limited: whether only some agents are wanted; then it leaves out what is of no agent.
    """
    keys = {
        "viewings": _earlier_unmarked(is_limited=is_limited),
        "urgent": _of_agents(_URGENT, "messages", "received_at", is_limited=is_limited),
        "flagged": _flagged(is_limited=is_limited),
        "troubled": _CALENDARS,
        "undelivered": _undelivered(is_limited=is_limited),
        "homes": _UNKNOWN_HOMES,
        "differing": _LINES,
        "unreached": _UNREACHED,
    }
    if not is_limited:
        keys["turned_off"] = _WEBHOOKS
    parts = [
        f"""
        SELECT '{name}' AS kind, (SELECT COUNT(*) FROM {kind.keys}) AS total,
               COALESCE((SELECT json_agg(to_json(item)) FROM ({kind.first}) AS item), '[]')::text AS items
        """
        for name, kind in _KINDS.items()
        if kind.keys in keys
    ]
    with_clause = ", ".join(f"{name} AS MATERIALIZED ({query})" for name, query in keys.items())
    return f"WITH {with_clause} {' UNION ALL '.join(parts)}"


def _of_agents(query: str, table: str, order: str, *, is_limited: bool) -> str:
    """Return a query of the first MOST_COUNTED rows of all agents, or of each wanted one.

    Args:
        query: ends with its conditions.
        table: that it reads.
        order: in which an index has the rows.
        is_limited: whether only some agents are wanted.
    """
    first = f"ORDER BY {order} LIMIT %(counted)s"
    if not is_limited:
        return f"{query} {first}"
    own = of_each_agent(f"{query} AND {table}.agent_id = own.agent_id {first}")
    return f"{own} LIMIT %(counted)s"


def _values(user_id: int | None, agent_id: str, now: datetime) -> dict[str, object]:
    return {
        "user_id": user_id,
        "agent_id": agent_id,
        "now": now,
        "since": now - LOOKS_BACK,
        "overdue": now - MAX_CALL_LENGTH,
        "counted": MOST_COUNTED,
    }


def _day_viewings(rows: Sequence[DictRow]) -> DayViewings:
    """Return the viewings in the rows of `viewings_sql`; each row has the totals too."""
    total, tomorrow_total = rows[0]["total"], rows[0]["tomorrow_total"]
    found: dict[bool, list[Appointment]] = {False: [], True: []}
    for row in rows:
        del row["total"], row["tomorrow_total"]
        is_tomorrow = row.pop("is_tomorrow")
        if is_tomorrow is not None:
            found[is_tomorrow].append(Appointment(**row))
    return DayViewings(
        viewings=tuple(found[False]),
        total=total,
        tomorrow_total=tomorrow_total,
        tomorrow_first=next(iter(found[True]), None),
    )


def _day_values(days: Sequence[DayBounds]) -> dict[str, object]:
    return {
        "zones": [day.time_zone for day in days],
        "starts": [day.starts for day in days],
        "tomorrows": [day.tomorrow for day in days],
        "ends": [day.ends for day in days],
    }
