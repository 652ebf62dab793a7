"""The busy times that were read from calendars, in PostgreSQL. Manual ones are never touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

_READ = """
    SELECT event_key, tstzrange(starts, ends) AS during, kind, title
    FROM unnest(
        %(keys)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[], %(kinds)s::text[], %(titles)s::text[]
    ) AS read (event_key, starts, ends, kind, title)
"""

# What is stored and is to be stored is compared first: most readings change little.
_DELETE = f"""
    DELETE FROM agent_busy
    WHERE calendar_id = %(calendar_id)s AND (%(is_whole)s OR event_key = ANY(%(changed)s::text[]))
        AND (event_key, during, kind, COALESCE(note, '')) NOT IN (
            SELECT event_key, during, kind, COALESCE(title, '') FROM ({_READ}) AS read
        )
"""
_INSERT = f"""
    INSERT INTO agent_busy (agent_id, calendar_id, event_key, during, kind, note, source)
    SELECT DISTINCT %(agent_id)s, %(calendar_id)s::bigint, event_key, during, kind, title, %(source)s
    FROM ({_READ}) AS read
    WHERE (event_key, during, kind, COALESCE(title, '')) NOT IN (
        SELECT event_key, during, kind, COALESCE(note, '') FROM agent_busy
        WHERE calendar_id = %(calendar_id)s AND event_key IS NOT NULL AND kind IS NOT NULL
    )
"""


@dataclass(frozen=True, kw_only=True)
class CalendarBusyTime:
    """A busy time of a calendar. Times are UTC.

    Args:
        event_key: the provider's id of the event.
        kind: busy, tentative or out_of_office.
        title: of the event, if it is to be stored.
    """

    event_key: str
    start: datetime
    until: datetime
    kind: str
    title: str | None = None


class CalendarBusyRepository:
    """The busy times of calendars in one database. Methods with a connection queue their statements."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self,
        connection: Connection,
        agent_id: str,
        calendar_id: int,
        source: str,
        times: Sequence[CalendarBusyTime],
        *,
        changed: Sequence[str] | None,
    ) -> None:
        """Queue storing busy times in place of others.

        Args:
            connection: of the transaction.
            agent_id: whose.
            calendar_id: from which they were read.
            source: what people call the calendar.
            times: to be stored.
            changed: the keys of the events whose times are replaced; None for all of the calendar.
        """
        values = {
            "agent_id": agent_id,
            "calendar_id": calendar_id,
            "source": source,
            "is_whole": changed is None,
            "changed": list(changed or ()),
            "keys": [time.event_key for time in times],
            "starts": [time.start for time in times],
            "ends": [time.until for time in times],
            "kinds": [time.kind for time in times],
            "titles": [time.title for time in times],
        }
        connection.execute(_DELETE.encode(), values)
        connection.execute(_INSERT.encode(), values)

    def delete(self, connection: Connection, calendar_ids: Sequence[int]) -> None:
        """Queue deleting all busy times of some calendars."""
        connection.execute("DELETE FROM agent_busy WHERE calendar_id = ANY(%s)", (list(calendar_ids),))

    def delete_titles(self, connection: Connection, calendar_ids: Sequence[int]) -> None:
        """Queue deleting the stored titles of the events of some calendars."""
        connection.execute("UPDATE agent_busy SET note = NULL WHERE calendar_id = ANY(%s)", (list(calendar_ids),))

    def counts(self, agent_id: str) -> dict[int, int]:
        """Return how many busy times of each calendar of an agent are stored. One round trip."""
        rows = self._database.fetch(
            """
            SELECT calendar_id, COUNT(*) AS number
            FROM agent_busy
            WHERE agent_id = %s AND calendar_id IS NOT NULL
            GROUP BY calendar_id
            """,
            (agent_id,),
        )
        return {row["calendar_id"]: row["number"] for row in rows}
