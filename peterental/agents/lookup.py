"""SQL fragments that read the agents' tables, and parsing of their rows.

A phone call may take two round trips, so its statements read the agent, its rules and its busy blocks together with
the bookings. The parts that read the agents' tables are written here, because this feature owns them.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import msgspec

from peterental.agents.model import Agent, Rules, Window

# Databases of the earlier system may store UUIDs in upper case, which Vapi's messages never use.
WHERE_VAPI_KEY = """
    WHERE vapi_assistant_id IN (%(assistant_id)s::text, UPPER(%(assistant_id)s::text))
        OR phone_number_id IN (%(phone_number_id)s::text, UPPER(%(phone_number_id)s::text))
    ORDER BY CASE
        WHEN vapi_assistant_id = %(assistant_id)s::text THEN 1
        WHEN vapi_assistant_id = UPPER(%(assistant_id)s::text) THEN 2
        WHEN phone_number_id = %(phone_number_id)s::text THEN 3
        ELSE 4
    END
    LIMIT 1
"""
"""The end of every statement that looks up an agent by an `AgentKey`; parameters: the fields of the key."""

AGENT_BY_VAPI_KEY = f"SELECT * FROM agents {WHERE_VAPI_KEY}"
AGENT_ID_BY_VAPI_KEY = f"SELECT agent_id FROM agents {WHERE_VAPI_KEY}"
REACHABLE_AGENT = f"SELECT agent_id, agent_name, time_zone, language, is_active FROM agents {WHERE_VAPI_KEY}"

AGENT_BY_ID = "SELECT * FROM agents WHERE agent_id = %(agent_id)s"
AGENT_ID_BY_ID = "SELECT agent_id FROM agents WHERE agent_id = %(agent_id)s"


def lock_line_sql(holder: str) -> str:
    """Return the statement that locks all agents of a line, and returns their ids.

    It locks them in the order of their ids: lines that share agents wait for each other, and cannot deadlock.

    Args:
        holder: the query of the `agent_id` of the agent whose line it is.
    """
    return f"""
    SELECT agent_id
    FROM agents
    WHERE agent_id = ANY (ARRAY(
        SELECT COALESCE(member.agent_id, holder.agent_id)
        FROM ({holder}) AS holder
        LEFT JOIN line_members AS member ON member.holder_agent_id = holder.agent_id
    ))
    ORDER BY agent_id
    FOR NO KEY UPDATE
"""


LOCK_LINE_BY_VAPI_KEY = lock_line_sql(AGENT_ID_BY_VAPI_KEY)
LOCK_LINE_BY_ID = lock_line_sql(AGENT_ID_BY_ID)

NOTE_TURN = """
    UPDATE line_members SET last_booked_at = %(turn_at)s
    WHERE holder_agent_id = %(turn_holder_id)s AND agent_id = %(booking_agent_id)s
"""
"""Notes when a line books one of its agents, in a transaction that has locked the line."""

AGENT_JSON = """
    SELECT json_build_array(
        agent_id, agent_name, vapi_assistant_id, phone_number_id, calendar_user_id, user_id, time_zone, handover_number,
        is_active, language, slot_minutes, step_minutes, buffer_minutes, notice_minutes, horizon_days, daily_cap,
        (
            SELECT json_agg(json_build_array(
                weekday, date_part('epoch', opens_at)::int / 60, date_part('epoch', closes_at)::int / 60
            ))
            FROM agent_hours
            WHERE agent_hours.agent_id = agent.agent_id
        ),
        (
            SELECT json_agg(json_build_array(
                day, date_part('epoch', opens_at)::int / 60, date_part('epoch', closes_at)::int / 60
            ))
            FROM agent_days
            WHERE agent_days.agent_id = agent.agent_id
                AND day BETWEEN %(now)s::date - 1 AND %(now)s::date + agent.horizon_days + 1
        )
    )::text
"""
"""A scalar subquery: the row `agent` of `agents` with its rules up to its horizon, for `agent_from_json`.

An array, in the order of the fields of `_AgentFields`: the server makes an object half as fast. Hours are minutes after
midnight, because Python has no 24:00.
"""

BUSY_TIMES = """
    SELECT array_agg(date_part('epoch', lower(during))) AS busy_starts,
        array_agg(date_part('epoch', upper(during))) AS busy_untils,
        json_agg(json_build_array(
            date_part('epoch', lower(during)), date_part('epoch', upper(during)),
            CASE WHEN closure_id IS NOT NULL THEN COALESCE(note, '') END
        )) FILTER (WHERE holds_until IS NOT NULL OR closure_id IS NOT NULL)::text AS marked
    FROM agent_busy
    WHERE agent_busy.agent_id = agent.agent_id
        AND during && tstzrange(%(now)s, %(now)s + make_interval(days => agent.horizon_days + 2))
        AND (holds_until > %(now)s) IS NOT FALSE
"""
"""A lateral subquery: the busy blocks of the row `agent` of `agents` up to its horizon, as arrays for `BusyTimes`.

In seconds since 1970: numbers are decoded in a third of the time of timestamps. `marked` has those few that are held
for callers on the waitlist, and those that are closures of the office, as JSON arrays of start, end and the closure's
name. Both are one column, because a condition on each row is what costs. One whose offer has ended is free.
"""

WANTED_AGENTS = """
    (%(user_id)s::int IS NULL OR own.user_id = %(user_id)s) AND (%(agent_id)s = '' OR own.agent_id = %(agent_id)s)
"""
"""The condition on the row `own` of `agents`: those of one user (NULL: of all users), or one agent ('': all)."""

WANTED_AGENT_IDS = f"ARRAY(SELECT agent_id FROM agents AS own WHERE {WANTED_AGENTS})"

NEARBY_PER_AGENT = (
    f"(SELECT GREATEST(%(nearby)s / GREATEST(COUNT(*), 1), %(per_agent)s) FROM agents AS own WHERE {WANTED_AGENTS})"
)
"""The number of nearby rows that a search reads of each wanted agent; parameters: those of `SearchLimits`."""

PARSED_AGENTS_CACHE_SIZE = 1_000
"""Agents whose parsed form a process caches; each call still reads them from the database."""


LOCK_AGENTS = "SELECT FROM agents WHERE agent_id = ANY (%(agent_ids)s::text[]) ORDER BY agent_id FOR NO KEY UPDATE"
"""Locks several agents in the order in which the database sorts their ids, as every statement that locks several does.

Python may sort them in another order, and two transactions with different orders can wait for each other.
"""


def lock_agent_sql(agent_id: str = "%(agent_id)s") -> str:
    """Return the statement that locks an agent's row.

    Every change of its bookings runs it first.

    Args:
        agent_id: a SQL expression for its id.
    """
    return f"SELECT FROM agents WHERE agent_id = {agent_id} FOR NO KEY UPDATE"


def line_sql(holder: str) -> str:
    """Return the query of the agents of a line: the rows of `agents` with what the line knows of each.

    A line that was never shared has one row, of its holder. The holder of another one has a row of `line_members`, too.

    Args:
        holder: the query of the `agent_id` of the agent whose line it is.
    """
    return f"""
        SELECT
            agents.*, agents.agent_id = holder.agent_id AS is_holder, member.position, member.last_booked_at,
            CASE WHEN member.agent_id IS NOT NULL
                THEN (SELECT choice FROM shared_lines WHERE shared_lines.holder_agent_id = holder.agent_id)
            END AS choice
        FROM ({holder}) AS holder
        LEFT JOIN line_members AS member ON member.holder_agent_id = holder.agent_id
        JOIN agents ON agents.agent_id = COALESCE(member.agent_id, holder.agent_id)
    """


LINE_BY_VAPI_KEY = line_sql(AGENT_ID_BY_VAPI_KEY)
LINE_BY_ID = line_sql(AGENT_ID_BY_ID)


def line_of_viewing_sql(agent: str, chosen_by: str) -> str:
    """Return an expression: the agent whose line a viewing belongs to.

    That is the line which booked it, while its agent belongs to that line; otherwise the line of its agent.

    Args:
        agent: an expression, the id of its agent.
        chosen_by: another one, the id of the agent whose line booked it; NULL for none.
    """
    return f"""
        COALESCE(
            (
                SELECT member.holder_agent_id FROM line_members AS member
                WHERE member.holder_agent_id = {chosen_by} AND member.agent_id = {agent}
            ),
            {agent}
        )
    """


LINE_AGENT_IDS = """
    ARRAY(
        SELECT member.agent_id FROM line_members AS member
        WHERE member.holder_agent_id = agent.agent_id AND member.position IS NOT NULL
        UNION ALL
        SELECT agent.agent_id
        WHERE NOT EXISTS (
            SELECT FROM line_members AS member
            WHERE member.holder_agent_id = agent.agent_id AND member.position IS NOT NULL
        )
    )
"""
"""An expression: the ids of the agents whom the line of the row `agent` of `agents` books."""


def of_each_agent(query: str) -> str:
    """Return a query that runs a lateral query for each wanted agent.

    In the lateral query the agent is the row `own` of `agents`.
    There are few agents, so each one's latest rows are read from its own part of an index.
    """
    return f"SELECT one.* FROM agents AS own CROSS JOIN LATERAL ({query}) AS one WHERE {WANTED_AGENTS}"


class _AgentFields(msgspec.Struct, array_like=True):
    """An agent as `AGENT_JSON` returns it, in its order."""

    agent_id: str
    agent_name: str
    vapi_assistant_id: str | None
    phone_number_id: str | None
    calendar_user_id: str | None
    user_id: int | None
    time_zone: str
    handover_number: str | None
    is_active: bool
    language: str
    slot_minutes: int
    step_minutes: int
    buffer_minutes: int
    notice_minutes: int
    horizon_days: int
    daily_cap: int | None
    week: list[tuple[int, int, int]] | None
    days: list[tuple[date, int | None, int | None]] | None


_decoder = msgspec.json.Decoder(_AgentFields)


@lru_cache(PARSED_AGENTS_CACHE_SIZE)
def agent_from_json(text: str) -> Agent:
    """Return the agent of a row of `AGENT_JSON`; the same text is parsed once."""
    return agent_from_fields(msgspec.structs.asdict(_decoder.decode(text)))


def agent_from_fields(fields: dict[str, Any]) -> Agent:
    """Return an agent from the columns of `agents`, its `week` and its `days`.

    Args:
        fields: by column; `week` has (ISO weekday, opens, closes), `days` has (date, opens, closes) with minutes after
            midnight, None for a closed day. The dictionary is consumed.
    """
    rules = Rules(
        slot_minutes=fields.pop("slot_minutes"),
        step_minutes=fields.pop("step_minutes"),
        buffer_minutes=fields.pop("buffer_minutes"),
        notice_minutes=fields.pop("notice_minutes"),
        horizon_days=fields.pop("horizon_days"),
        daily_cap=fields.pop("daily_cap"),
        week=tuple((weekday, Window(opens, closes)) for weekday, opens, closes in fields.pop("week") or ()),
        days=tuple(
            (day, None if opens is None else Window(opens, closes)) for day, opens, closes in fields.pop("days") or ()
        ),
    )
    return Agent(**fields, rules=rules)
