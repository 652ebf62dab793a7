"""The busy blocks of closures and repeating blocks, in PostgreSQL. Others are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peterental.agents.time_off.model import TimeOffBlock

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection

CLOSURE_SOURCE = "office closures"
REPEATING_SOURCE = "repeating blocks"
"""The stored sources of these blocks."""

# Rows that are as they should be are not written: a second run changes nothing.
_SET = """
    DO UPDATE SET agent_id = EXCLUDED.agent_id, during = EXCLUDED.during, note = EXCLUDED.note
    WHERE (agent_busy.agent_id, agent_busy.during, agent_busy.note)
        IS DISTINCT FROM (EXCLUDED.agent_id, EXCLUDED.during, EXCLUDED.note)
"""


class TimeOffBlockRepository:
    """The busy blocks of time off. Every method queues statements in the caller's transaction."""

    def agent_zones(self, connection: Connection) -> psycopg.Cursor[DictRow]:
        """Queue reading the id and the time zone of every agent, active or not."""
        return connection.execute("SELECT agent_id, time_zone FROM agents")

    def replace_closures(
        self, connection: Connection, closure_ids: Sequence[int], blocks: Sequence[TimeOffBlock]
    ) -> None:
        """Queue storing all blocks of some closures in place of others."""
        connection.execute(
            """
            DELETE FROM agent_busy
            WHERE closure_id = ANY(%(closure_ids)s)
                AND (closure_id, agent_id::text) NOT IN (
                    SELECT * FROM unnest(%(closures)s::bigint[], %(agents)s::text[])
                )
            """,
            {
                "closure_ids": list(closure_ids),
                "closures": [block.closure_id for block in blocks],
                "agents": [block.agent_id for block in blocks],
            },
        )
        self._store_closures(connection, blocks)

    def replace_closures_of_agent(
        self, connection: Connection, agent_id: str, blocks: Sequence[TimeOffBlock], now: datetime
    ) -> None:
        """Queue storing the blocks of closures of one agent in place of others that have not ended."""
        connection.execute(
            """
            DELETE FROM agent_busy
            WHERE agent_id = %s AND closure_id IS NOT NULL AND closure_id <> ALL(%s::bigint[]) AND upper(during) > %s
            """,
            (agent_id, [block.closure_id for block in blocks], now),
        )
        self._store_closures(connection, blocks)

    def replace_repeating(
        self, connection: Connection, repeating_id: int, blocks: Sequence[TimeOffBlock], now: datetime
    ) -> None:
        """Queue storing the blocks of one repeating block in place of others that have not ended.

        Those that have ended stay: they are history.
        """
        connection.execute(
            """
            DELETE FROM agent_busy
            WHERE repeating_id = %s AND repeats_on <> ALL(%s::date[]) AND upper(during) > %s
            """,
            (repeating_id, [block.repeats_on for block in blocks], now),
        )
        if blocks:
            connection.execute(
                f"""
                INSERT INTO agent_busy (agent_id, during, source, note, repeating_id, repeats_on)
                SELECT %(agent_id)s, tstzrange(starts, ends), %(source)s, %(note)s::text, %(repeating_id)s, repeats_on
                FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[], %(days)s::date[])
                    AS wanted (starts, ends, repeats_on)
                ON CONFLICT (repeating_id, repeats_on) WHERE repeating_id IS NOT NULL
                {_SET}
                """.encode(),
                {
                    "agent_id": blocks[0].agent_id,
                    "source": REPEATING_SOURCE,
                    "note": blocks[0].note,
                    "repeating_id": repeating_id,
                    "starts": [block.start for block in blocks],
                    "ends": [block.until for block in blocks],
                    "days": [block.repeats_on for block in blocks],
                },
            )

    def _store_closures(self, connection: Connection, blocks: Sequence[TimeOffBlock]) -> None:
        if blocks:
            connection.execute(
                f"""
                INSERT INTO agent_busy (agent_id, during, source, note, closure_id)
                SELECT agent_id, tstzrange(starts, ends), %(source)s, note, closure_id
                FROM unnest(
                    %(agents)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(notes)s::text[],
                    %(closures)s::bigint[]
                ) AS wanted (agent_id, starts, ends, note, closure_id)
                ON CONFLICT (closure_id, agent_id) WHERE closure_id IS NOT NULL
                {_SET}
                """.encode(),
                {
                    "source": CLOSURE_SOURCE,
                    "agents": [block.agent_id for block in blocks],
                    "starts": [block.start for block in blocks],
                    "ends": [block.until for block in blocks],
                    "notes": [block.note for block in blocks],
                    "closures": [block.closure_id for block in blocks],
                },
            )
