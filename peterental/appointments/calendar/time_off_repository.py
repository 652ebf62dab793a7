"""The viewings that fall into time off, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from peterental.properties.lookup import home_label

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.database.pool import Database

# No viewing is as long as a day, so the index on the start finds those that overlap a block.
_STANDING = """
    FROM agent_busy AS busy
    JOIN agents AS own ON own.agent_id = busy.agent_id
    JOIN appointments AS viewing ON viewing.agent_id = busy.agent_id
        AND viewing.status = 'confirmed'
        AND viewing.start_time < upper(busy.during)
        AND viewing.start_time > GREATEST(lower(busy.during) - INTERVAL '1 day', %(now)s)
        AND viewing.end_time > lower(busy.during)
    WHERE upper(busy.during) > %(now)s
        AND (%(user_id)s::int IS NULL OR own.user_id = %(user_id)s)
"""

_COUNTS = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, busy.{column} AS id, COUNT(*) AS number {_STANDING} AND busy.{column} = ANY(%({kind})s)"
    f" GROUP BY busy.{column}"
    for kind, column in (("closure", "closure_id"), ("repeating", "repeating_id"), ("block", "busy_id"))
)

_VIEWINGS = f"""
    SELECT viewing.id AS appointment_id, viewing.start_time AS start, viewing.end_time AS "end",
           viewing.property_address, {home_label("viewing")} AS home_label, viewing.attendee_name, own.agent_id,
           own.agent_name, own.time_zone
    {_STANDING}
        AND (busy.closure_id = %(closure_id)s OR busy.repeating_id = %(repeating_id)s)
    ORDER BY viewing.start_time, viewing.id
    LIMIT %(limit)s
"""


class TimeOffViewingRepository:
    """The confirmed viewings to come that fall into time off. Every method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(
        self, now: datetime, user_id: int | None, wanted: dict[str, Sequence[int]]
    ) -> dict[tuple[str, int], int]:
        """Return how many viewings fall into each piece of time off, by its kind and id; none where there are none.

        Args:
            now: the present moment, aware.
            user_id: only viewings of this user's agents; None for all.
            wanted: ids by kind: `closure`, `repeating`, `block`.
        """
        ids: dict[str, Any] = {kind: list(wanted.get(kind, ())) for kind in ("closure", "repeating", "block")}
        rows = self._database.fetch(_COUNTS, {**ids, "now": now, "user_id": user_id})
        return {(row["kind"], row["id"]): row["number"] for row in rows}

    def of_agent(self, agent_id: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
        """Return start and end of an agent's confirmed viewings that begin in a time, in order. UTC."""
        rows = self._database.fetch(
            """
            SELECT start_time, end_time
            FROM appointments
            WHERE agent_id = %s AND status = 'confirmed' AND start_time >= %s AND start_time < %s
            ORDER BY start_time
            """,
            (agent_id, since, until),
        )
        return [(row["start_time"], row["end_time"]) for row in rows]

    def viewings(
        self, now: datetime, user_id: int | None, *, closure_id: int | None, repeating_id: int | None, limit: int
    ) -> list[DictRow]:
        """Return the first viewings in one closure or one repeating block, with their agents, soonest first."""
        return self._database.fetch(
            _VIEWINGS,
            {"now": now, "user_id": user_id, "closure_id": closure_id, "repeating_id": repeating_id, "limit": limit},
        )
