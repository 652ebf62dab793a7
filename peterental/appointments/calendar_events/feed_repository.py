"""The secret addresses of feeds, in PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database


@dataclass(frozen=True)
class StoredFeed:
    """The feed of an agent.

    Args:
        agent_id: whose viewings it has.
        token: of its address, encrypted.
        created_at: when the address was made, UTC.
        fetched_at: when a program last fetched it, UTC; None if none did.
    """

    agent_id: str
    token: str
    created_at: datetime
    fetched_at: datetime | None


class FeedRepository:
    """The feeds of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_agent(self, agent_id: str) -> StoredFeed | None:
        """Return the feed of an agent, if it has one."""
        rows = self._database.fetch(
            "SELECT agent_id, token, created_at, fetched_at FROM agent_feeds WHERE agent_id = %s", (agent_id,)
        )
        return StoredFeed(**rows[0]) if rows else None

    def fetched(self, token_hash: bytes) -> str | None:
        """Return whose feed has a token, and note at most once a minute that it is fetched; None if it is unknown."""
        rows = self._database.fetch(
            """
            WITH fetched AS (
                UPDATE agent_feeds SET fetched_at = NOW()
                WHERE token_hash = %(hash)s AND (fetched_at IS NULL OR fetched_at < NOW() - INTERVAL '1 minute')
            )
            SELECT agent_id FROM agent_feeds WHERE token_hash = %(hash)s
            """,
            {"hash": token_hash},
        )
        return rows[0]["agent_id"] if rows else None

    def store(
        self,
        connection: Connection,
        agent_id: str,
        token_hash: bytes,
        token: str,
        *,
        replaces: datetime | None,
    ) -> bool:
        """Store a new token in place of the agent's old one, and return whether it was. Waits for the server.

        Args:
            connection: of the transaction.
            agent_id: whose feed.
            token_hash: of the new token.
            token: the new token, encrypted.
            replaces: when the address was made that it replaces; None for a first one. Another address stays.
        """
        stored = connection.execute(
            """
            INSERT INTO agent_feeds AS feed (agent_id, token_hash, token) VALUES (%s, %s, %s)
            ON CONFLICT (agent_id) DO UPDATE
            SET token_hash = EXCLUDED.token_hash, token = EXCLUDED.token, created_at = clock_timestamp(),
                fetched_at = NULL
            WHERE feed.created_at = %s
            RETURNING agent_id
            """,
            (agent_id, token_hash, token, replaces),
        )
        return stored.fetchone() is not None

    def remove(self, connection: Connection, agent_id: str) -> bool:
        """Remove the feed of an agent, and return whether it had one. Waits for the server."""
        removed = connection.execute("DELETE FROM agent_feeds WHERE agent_id = %s RETURNING agent_id", (agent_id,))
        return removed.fetchone() is not None
