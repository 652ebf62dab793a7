"""The viewings of one home in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments.model import Appointment
from peterental.appointments.repository import APPOINTMENT

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database

MAX_READ = 500
"""The latest viewings of a home whose words are counted."""


class HomeViewingRepository:
    """The viewings of the homes of one database. Each method is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upcoming(self, property_id: int, user_id: int | None, now: datetime, limit: int) -> list[Appointment]:
        """Return the next viewings of a home with a user's agents, or with any agent if None."""
        rows = self._database.fetch(
            f"""
            SELECT {APPOINTMENT}
            FROM appointments JOIN agents USING (agent_id)
            WHERE appointments.property_id = %(property_id)s AND appointments.status = 'confirmed'
                AND end_time > %(now)s AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
            ORDER BY start_time, appointments.id
            LIMIT %(limit)s
            """,
            {"property_id": property_id, "user_id": user_id, "now": now, "limit": limit},
        )
        return [Appointment(**row) for row in rows]

    def words(self, property_id: int, user_id: int | None, limit: int) -> list[tuple[str, int]]:
        """Return what callers called a home and how often, most often first; `user_id` as for `upcoming`."""
        rows = self._database.fetch(
            """
            SELECT property_address, COUNT(*) AS viewings
            FROM (
                SELECT property_address
                FROM appointments JOIN agents USING (agent_id)
                WHERE appointments.property_id = %(property_id)s
                    AND (%(user_id)s::int IS NULL OR agents.user_id = %(user_id)s)
                ORDER BY start_time DESC
                LIMIT %(read)s
            ) AS latest
            GROUP BY property_address
            ORDER BY viewings DESC, property_address
            LIMIT %(limit)s
            """,
            {"property_id": property_id, "user_id": user_id, "read": MAX_READ, "limit": limit},
        )
        return [(row["property_address"], row["viewings"]) for row in rows]
