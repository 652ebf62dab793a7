"""Times that are held for callers on the waitlist, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.agents.working_hours.model import WAITLIST_SOURCE

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection

_NOTE = "held for a caller"


class HoldRepository:
    """The held times of one database, for an agent that the transaction has locked. Each method queues its statement.

    A hold is a busy block that ends by itself: who offers or books times leaves it out after `holds_until`.
    """

    def add(
        self,
        connection: Connection,
        agent_id: str,
        key: str,
        *,
        start: datetime,
        until: datetime,
        holds_until: datetime,
    ) -> None:
        """Queue holding a time.

        Args:
            connection: of the transaction.
            agent_id: whose time.
            key: by which `remove` finds it.
            start: of the time.
            until: its end, with the buffer after it.
            holds_until: when the hold ends by itself.
        """
        connection.execute(
            """
            INSERT INTO agent_busy (agent_id, during, source, note, event_key, holds_until)
            VALUES (%s, tstzrange(%s, %s), %s, %s, %s, %s)
            """,
            (agent_id, start, until, WAITLIST_SOURCE, _NOTE, key, holds_until),
        )

    def remove(self, connection: Connection, agent_id: str, key: str) -> None:
        """Queue ending a hold; one that has ended is removed too."""
        connection.execute(
            "DELETE FROM agent_busy WHERE agent_id = %s AND event_key = %s AND holds_until IS NOT NULL",
            (agent_id, key),
        )
