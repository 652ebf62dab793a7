"""Shared lines in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from peterental.agents.shared_lines.model import LineMember

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from peterental.agents.shared_lines.model import Choice, SharedLine
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_SHARING = """
    SELECT
        shared_lines.choice, shared_lines.updated_at,
        member.agent_id, agents.agent_name, agents.time_zone, agents.is_active, member.last_booked_at
    FROM shared_lines
    LEFT JOIN line_members AS member
        ON member.holder_agent_id = shared_lines.holder_agent_id AND member.position IS NOT NULL
    LEFT JOIN agents ON agents.agent_id = member.agent_id
    WHERE shared_lines.holder_agent_id = %(holder)s
    ORDER BY member.position
"""


class Sharing:
    """What is stored about a line; `updated_at` is None where nothing is.

    Args:
        rows: of the statement.
    """

    def __init__(self, rows: Sequence[DictRow]) -> None:
        self.updated_at: datetime | None = rows[0]["updated_at"] if rows else None
        self.choice = cast("Choice", rows[0]["choice"]) if rows else "first_free"
        names = LineMember.__dataclass_fields__
        self.members = tuple(LineMember(**{name: row[name] for name in names}) for row in rows if row["agent_id"])


class SharedLineRepository:
    """The shared lines of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, holder_agent_id: str) -> Sharing:
        """Return whom a line books for. One round trip."""
        return Sharing(self._database.fetch(_SHARING, {"holder": holder_agent_id}))

    def read(self, connection: Connection, holder_agent_id: str) -> Sharing:
        """Return what `get` does, as the transaction sees it."""
        return Sharing(connection.execute(_SHARING.encode(), {"holder": holder_agent_id}).fetchall())

    def members(self, connection: Connection, agent_ids: Sequence[str]) -> tuple[LineMember, ...]:
        """Return those of some agents that exist, in the order of `agent_ids`."""
        rows = connection.execute(
            """
            SELECT agent_id, agent_name, time_zone, is_active
            FROM agents
            WHERE agent_id = ANY (%(ids)s::text[])
            ORDER BY array_position(%(ids)s::text[], agent_id::text)
            """,
            {"ids": list(agent_ids)},
        ).fetchall()
        return tuple(LineMember(**row) for row in rows)

    def save(self, connection: Connection, line: SharedLine) -> None:
        """Queue storing whom a line books for, in a transaction that has locked its holder.

        Who is left out stays without a position, because callers may still move or cancel its viewings. So does a
        holder who is not booked.
        """
        values = {
            "holder": line.holder_agent_id,
            "choice": line.choice,
            "ids": list(line.member_ids),
            "positions": list(range(1, len(line.member_ids) + 1)),
        }
        connection.execute(
            """
            INSERT INTO shared_lines (holder_agent_id, choice, updated_at)
            VALUES (%(holder)s, %(choice)s, clock_timestamp())
            ON CONFLICT (holder_agent_id) DO UPDATE
            SET choice = EXCLUDED.choice,
                updated_at = GREATEST(EXCLUDED.updated_at, shared_lines.updated_at + INTERVAL '1 microsecond')
            """,
            values,
        )
        connection.execute("UPDATE line_members SET position = NULL WHERE holder_agent_id = %(holder)s", values)
        connection.execute(
            """
            INSERT INTO line_members (holder_agent_id, agent_id, position)
            SELECT %(holder)s, agent_id, position
            FROM unnest(%(ids)s::text[], %(positions)s::int[]) AS chosen (agent_id, position)
            UNION ALL
            SELECT %(holder)s, %(holder)s, NULL
            WHERE %(holder)s <> ALL (%(ids)s::text[])
            ON CONFLICT (holder_agent_id, agent_id) DO UPDATE SET position = EXCLUDED.position
            """,
            values,
        )
