"""Agents in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import date, datetime
from functools import partial

import psycopg
from psycopg.rows import DictRow

from peterental.agents.lookup import WHERE_VAPI_KEY, agent_from_fields, lock_agent_sql
from peterental.agents.model import (
    RULE_LIMITS,
    Agent,
    AgentIdTaken,
    AgentKey,
    AgentName,
    AssistantTaken,
    OwnedAgents,
    OwnerUnknown,
    PhoneNumberTaken,
    Profile,
    RuleOutOfRange,
    SharedNames,
)
from peterental.database.connect import Connection
from peterental.database.constraints import named_constraints
from peterental.database.pool import Database
from peterental.errors import Refusal

# Hours are read as minutes after midnight, because Python has no 24:00. Past overrides are left out.
AGENT = """
    SELECT agents.agent_id, agent_name, vapi_assistant_id, phone_number_id, calendar_user_id, user_id, time_zone,
           handover_number, is_active, language, updated_at,
           slot_minutes, step_minutes, buffer_minutes, notice_minutes, horizon_days, daily_cap,
           (
               SELECT array_agg(ARRAY[
                   weekday, (EXTRACT(EPOCH FROM opens_at) / 60)::int, (EXTRACT(EPOCH FROM closes_at) / 60)::int
               ] ORDER BY weekday, opens_at)
               FROM agent_hours
               WHERE agent_hours.agent_id = agents.agent_id
           ) AS week,
           (
               SELECT jsonb_agg(jsonb_build_array(
                   day, (EXTRACT(EPOCH FROM opens_at) / 60)::int, (EXTRACT(EPOCH FROM closes_at) / 60)::int
               ) ORDER BY day, opens_at)
               FROM agent_days
               WHERE agent_days.agent_id = agents.agent_id AND day >= CURRENT_DATE - 1
           ) AS days
    FROM agents
"""

AGENT_OF_USER = f"{AGENT} WHERE agent_id = %(agent_id)s AND (%(user_id)s::int IS NULL OR user_id = %(user_id)s)"

# The names of whom a line books for, if it is shared, and of those whose shared lines book the agent.
_BOOKS_FOR = """
    (
        SELECT array_agg(agent_name ORDER BY position)
        FROM line_members JOIN agents USING (agent_id)
        WHERE holder_agent_id = listed.agent_id AND position IS NOT NULL
    )
"""
_BOOKED_BY = """
    (
        SELECT array_agg(agent_name ORDER BY LOWER(agent_name))
        FROM line_members AS member JOIN agents ON agents.agent_id = member.holder_agent_id
        WHERE member.agent_id = listed.agent_id AND member.position IS NOT NULL
            AND member.holder_agent_id <> member.agent_id
    )
"""

PROFILE_COLUMNS = tuple(Profile.__dataclass_fields__)


class PendingAgent:
    """The pending result of `AgentRepository.lock`."""

    def __init__(self, cursor: psycopg.Cursor[DictRow]) -> None:
        self._cursor = cursor

    def read(self) -> Agent | None:
        """Wait for the server and return the agent, if there is one."""
        row = self._cursor.fetchone()
        return _agent(row) if row else None


class AgentRepository:
    """The agents of one database.

    Methods that take a connection queue statements in its transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: AgentKey) -> Agent | None:
        """Return the agent of a call: by assistant, else by phone number.

        An inactive agent is returned too.
        """
        rows = self._database.fetch(
            AGENT + WHERE_VAPI_KEY, {"assistant_id": key.assistant_id, "phone_number_id": key.phone_number_id}
        )
        return _agent(rows[0]) if rows else None

    def get(self, agent_id: str, user_id: int | None) -> Agent | None:
        """Return an agent by id; None if `user_id` is given and does not own it."""
        rows = self._database.fetch(AGENT_OF_USER, {"agent_id": agent_id, "user_id": user_id})
        return _agent(rows[0]) if rows else None

    def lock(self, connection: Connection, agent_id: str, user_id: int | None) -> PendingAgent:
        """Queue locking and reading an agent; `user_id` as in `get`.

        Bookings take the same lock: until the transaction ends, no other one changes this agent, its hours or its
        bookings. It takes two statements, because the second must see what was committed while the first one waited.
        """
        values = {"agent_id": agent_id, "user_id": user_id}
        connection.execute(lock_agent_sql().encode(), values)
        return PendingAgent(connection.execute(AGENT_OF_USER.encode(), values))

    def listing(
        self, *, user_id: int | None, text: str | None, limit: int, offset: int
    ) -> list[tuple[Agent, SharedNames]]:
        """Return agents whose name or id contains `text`, the active ones first, by name, and with whom they share.

        `user_id` limits them as in `get`.
        """
        order = "is_active DESC, LOWER(agent_name), agent_id"
        rows = self._database.fetch(
            f"""
            SELECT listed.*, {_BOOKS_FOR} AS books_for, {_BOOKED_BY} AS booked_by
            FROM (
                {AGENT}
                WHERE (%(user_id)s::int IS NULL OR user_id = %(user_id)s)
                    AND (
                        %(text)s::text IS NULL
                        OR strpos(LOWER(agent_name), LOWER(%(text)s)) > 0
                        OR strpos(LOWER(agent_id), LOWER(%(text)s)) > 0
                    )
                ORDER BY {order}
                LIMIT %(limit)s OFFSET %(offset)s
            ) AS listed
            ORDER BY {order}
            """,
            {"user_id": user_id, "text": text, "limit": limit, "offset": offset},
        )
        shared = [SharedNames(tuple(row.pop("books_for") or ()), tuple(row.pop("booked_by") or ())) for row in rows]
        return list(zip(map(_agent, rows), shared, strict=True))

    def names(self, user_id: int | None, chosen: str, limit: int) -> list[AgentName]:
        """Return agents to choose from: the chosen one, then the active ones, by name.

        `user_id` limits them as in `get`.
        """
        rows = self._database.fetch(
            """
            SELECT agent_id, agent_name, time_zone, is_active
            FROM agents
            WHERE %(user_id)s::int IS NULL OR user_id = %(user_id)s
            ORDER BY agent_id = %(chosen)s DESC, is_active DESC, LOWER(agent_name), agent_id
            LIMIT %(limit)s
            """,
            {"user_id": user_id, "chosen": chosen, "limit": limit},
        )
        return [AgentName(**row) for row in rows]

    def owned_agents(self, user_ids: Sequence[int], limit: int) -> dict[int, OwnedAgents]:
        """Return the first `limit` agents by name, and the number, of each owner."""
        rows = self._database.fetch(
            """
            SELECT user_id, total, ARRAY_AGG(ARRAY[agent_id, agent_name] ORDER BY agent_name, agent_id) AS agents
            FROM (
                SELECT
                    user_id,
                    agent_id::text,
                    agent_name::text,
                    COUNT(*) OVER (PARTITION BY user_id) AS total,
                    ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY agent_name, agent_id) AS place
                FROM agents
                WHERE user_id = ANY (%s)
            ) AS ranked
            WHERE place <= %s
            GROUP BY user_id, total
            """,
            (list(user_ids), limit),
        )
        return {
            row["user_id"]: OwnedAgents(
                agents=tuple((found[0], found[1]) for found in row["agents"]), total=row["total"]
            )
            for row in rows
        }

    def ids_starting_with(self, agent_id: str) -> set[str]:
        """Return the existing ids that are `agent_id` or begin with it and a dash."""
        rows = self._database.fetch(
            "SELECT agent_id FROM agents WHERE agent_id = %(id)s OR starts_with(agent_id, %(id)s || '-')",
            {"id": agent_id},
        )
        return {row["agent_id"] for row in rows}

    def all_ids(self) -> list[str]:
        """Return the id of every agent, active or not."""
        rows = self._database.fetch("SELECT agent_id FROM agents ORDER BY agent_id")
        return [row["agent_id"] for row in rows]

    def find_twin(self, moment: datetime, profile: Profile) -> str | None:
        """Return the id of an agent created after `moment` with exactly this profile."""
        same = " AND ".join(f"{column} IS NOT DISTINCT FROM %({column})s" for column in PROFILE_COLUMNS)
        rows = self._database.fetch(
            f"SELECT agent_id FROM agents WHERE created_at > %(moment)s AND {same} ORDER BY created_at LIMIT 1",
            {"moment": moment, **asdict(profile)},
        )
        return rows[0]["agent_id"] if rows else None

    def check_uppercase_duplicates(self, connection: Connection, agent_id: str, profile: Profile) -> None:
        """Raise if another agent has one of these Vapi ids in upper case.

        The earlier system stored them so. Waits for the server. Raises AssistantTaken, PhoneNumberTaken.
        """
        row = connection.execute(
            """
            SELECT vapi_assistant_id = UPPER(%(assistant_id)s) AS is_assistant
            FROM agents
            WHERE agent_id <> %(agent_id)s
                AND (vapi_assistant_id = UPPER(%(assistant_id)s) OR phone_number_id = UPPER(%(phone_number_id)s))
            LIMIT 1
            """,
            {
                "agent_id": agent_id,
                "assistant_id": profile.vapi_assistant_id,
                "phone_number_id": profile.phone_number_id,
            },
        ).fetchone()
        if row is not None:
            raise AssistantTaken if row["is_assistant"] else PhoneNumberTaken

    def insert(self, connection: Connection, agent_id: str, profile: Profile) -> None:
        """Queue adding an agent; a trigger of the schema adds its default working hours."""
        columns = ", ".join(("agent_id", *PROFILE_COLUMNS))
        values = ", ".join(f"%({column})s" for column in ("agent_id", *PROFILE_COLUMNS))
        connection.execute(
            f"INSERT INTO agents ({columns}) VALUES ({values})".encode(), {"agent_id": agent_id, **asdict(profile)}
        )

    def update(self, connection: Connection, agent_id: str, profile: Profile) -> None:
        """Queue changing a locked agent."""
        assignments = ", ".join(f"{column} = %({column})s" for column in PROFILE_COLUMNS)
        connection.execute(
            f"UPDATE agents SET {assignments}, updated_at = clock_timestamp() WHERE agent_id = %(agent_id)s".encode(),
            {"agent_id": agent_id, **asdict(profile)},
        )

    def set_active(self, connection: Connection, agent_id: str, *, active: bool) -> None:
        """Queue activating or deactivating a locked agent."""
        connection.execute(
            "UPDATE agents SET is_active = %s, updated_at = clock_timestamp() WHERE agent_id = %s", (active, agent_id)
        )

    def touch(self, connection: Connection, agent_id: str) -> None:
        """Queue updating `updated_at` of a locked agent, after a change of its hours."""
        connection.execute("UPDATE agents SET updated_at = clock_timestamp() WHERE agent_id = %s", (agent_id,))

    def translate_constraint_errors(self, agent_id: str) -> AbstractContextManager[None]:
        """Translate violations of the constraints of `agents` in the block.

        Raises AgentIdTaken, AssistantTaken, PhoneNumberTaken, RuleOutOfRange, OwnerUnknown, ConstraintViolated.
        """
        return named_constraints({**CONSTRAINT_ERRORS, "agents_pkey": partial(AgentIdTaken, agent_id=agent_id)})


CONSTRAINT_ERRORS: Mapping[str, Callable[[], Refusal]] = {
    "agents_vapi_assistant_id_key": AssistantTaken,
    "idx_agents_phone_number": PhoneNumberTaken,
    "agents_user_id_fkey": OwnerUnknown,
    **{
        f"agents_{name.removesuffix('_minutes').removesuffix('_days')}_sane": partial(
            RuleOutOfRange, field=name, label=limits.label, low=limits.low, high=limits.high
        )
        for name, limits in RULE_LIMITS.items()
    },
}


def _agent(row: DictRow) -> Agent:
    days = [(date.fromisoformat(day), opens, closes) for day, opens, closes in row["days"] or ()]
    return agent_from_fields({**row, "days": days})
