"""Working hours, date overrides and busy blocks in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from peterental.agents.model import Window, week_columns
from peterental.agents.working_hours.model import MANUAL_SOURCE, BusyBlock, DateOverride
from peterental.clock import clock_time

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

MAX_LISTED = 200
"""The maximum of rows read for the page; people look at the next few."""

OVERRIDE_COLUMNS = """
    day, note, (EXTRACT(EPOCH FROM opens_at) / 60)::int AS opens, (EXTRACT(EPOCH FROM closes_at) / 60)::int AS closes
"""
BUSY_COLUMNS = """
    busy_id, lower(during) AS start, upper(during) AS until, source, note, calendar_id, kind, holds_until, closure_id,
    repeating_id
"""


class WorkingHoursRepository:
    """The working hours of one database's agents.

    Methods that take a connection queue statements in its transaction, for an agent that it has locked, and those that
    read return a cursor that waits for the server when it is read. Each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def overrides(self, agent_id: str, first: date) -> tuple[DateOverride, ...]:
        """Return the date overrides from `first` on, in order."""
        rows = self._database.fetch(
            f"""
            SELECT {OVERRIDE_COLUMNS}
            FROM agent_days
            WHERE agent_id = %s AND day >= %s
            ORDER BY day, opens_at
            LIMIT %s
            """,
            (agent_id, first, MAX_LISTED),
        )
        return _overrides(rows)

    def busy_blocks(
        self, agent_id: str, since: datetime, until: datetime | None = None, limit: int = MAX_LISTED
    ) -> tuple[BusyBlock, ...]:
        """Return the blocks that end after `since` and begin before `until`, in order.

        An `until` of None is no limit: then those of calendars and repeating blocks come last, so that they do not hide
        any that can be removed on the pages.
        """
        rows = self._database.fetch(
            f"""
            SELECT {BUSY_COLUMNS}
            FROM agent_busy
            WHERE agent_id = %s AND during && tstzrange(%s, %s) AND (holds_until IS NULL OR holds_until > NOW())
            ORDER BY %s AND (calendar_id IS NOT NULL OR repeating_id IS NOT NULL), lower(during), busy_id
            LIMIT %s
            """,
            (agent_id, since, until, until is None, limit),
        )
        return tuple(BusyBlock(**row) for row in rows)

    def busy_blocks_of(
        self, agent_ids: Sequence[str], since: datetime, until: datetime, limit: int
    ) -> dict[str, tuple[BusyBlock, ...]]:
        """Return the first blocks of each of some agents that overlap the time between two moments, in order."""
        rows = self._database.fetch(
            f"""
            SELECT own.agent_id, blocks.*
            FROM unnest(%(agent_ids)s::text[]) AS own (agent_id)
            CROSS JOIN LATERAL (
                SELECT {BUSY_COLUMNS}
                FROM agent_busy
                WHERE agent_busy.agent_id = own.agent_id AND during && tstzrange(%(since)s, %(until)s)
                    AND (holds_until IS NULL OR holds_until > NOW())
                ORDER BY lower(during), busy_id
                LIMIT %(limit)s
            ) AS blocks
            ORDER BY start, busy_id
            """,
            {"agent_ids": list(agent_ids), "since": since, "until": until, "limit": limit},
        )
        found: dict[str, list[BusyBlock]] = {agent_id: [] for agent_id in agent_ids}
        for row in rows:
            found[row.pop("agent_id")].append(BusyBlock(**row))
        return {agent_id: tuple(blocks) for agent_id, blocks in found.items()}

    def overlapping(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, now: datetime
    ) -> BusyBlock | None:
        """Return the first busy block, or time that is held, which overlaps the time from `start` to `until`; or None.

        Waits for the server.
        """
        row = connection.execute(
            f"""
            SELECT {BUSY_COLUMNS}
            FROM agent_busy
            WHERE agent_id = %s AND during && tstzrange(%s, %s) AND (holds_until IS NULL OR holds_until > %s)
            ORDER BY during
            LIMIT 1
            """.encode(),
            (agent_id, start, until, now),
        ).fetchone()
        return None if row is None else BusyBlock(**row)

    def replace_week(self, connection: Connection, agent_id: str, week: Sequence[tuple[int, Window]]) -> None:
        """Queue the replacement of an agent's weekly hours.

        `week` has (ISO weekday, window) pairs.
        """
        connection.execute("DELETE FROM agent_hours WHERE agent_id = %s", (agent_id,))
        connection.execute(
            """
            INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
            SELECT %s, weekday, opens_at, closes_at
            FROM unnest(%s::smallint[], %s::time[], %s::time[]) AS week (weekday, opens_at, closes_at)
            """,
            (agent_id, *week_columns(week)),
        )

    def find_override(self, connection: Connection, agent_id: str, day: date) -> psycopg.Cursor[DictRow]:
        """Queue reading the override of one day; `date_override` parses its rows."""
        return connection.execute(
            f"""
            SELECT {OVERRIDE_COLUMNS}
            FROM agent_days
            WHERE agent_id = %s AND day = %s
            ORDER BY opens_at
            """.encode(),
            (agent_id, day),
        )

    def add_override(self, connection: Connection, agent_id: str, override: DateOverride) -> None:
        """Queue adding a date override."""
        windows: Iterable[tuple[str | None, str | None]] = [
            (clock_time(window.opens_min), clock_time(window.closes_min)) for window in override.windows
        ] or [(None, None)]
        for opens_at, closes_at in windows:
            connection.execute(
                "INSERT INTO agent_days (agent_id, day, opens_at, closes_at, note) VALUES (%s, %s, %s, %s, %s)",
                (agent_id, override.day, opens_at, closes_at, override.note),
            )

    def remove_override(self, connection: Connection, agent_id: str, day: date) -> None:
        """Queue removing the override of a day."""
        connection.execute("DELETE FROM agent_days WHERE agent_id = %s AND day = %s", (agent_id, day))

    def add_busy_block(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, note: str | None
    ) -> psycopg.Cursor[DictRow]:
        """Queue adding a manual busy block; the cursor returns it."""
        return connection.execute(
            f"""
            INSERT INTO agent_busy (agent_id, during, source, note)
            VALUES (%s, tstzrange(%s, %s), %s, %s)
            RETURNING {BUSY_COLUMNS}
            """.encode(),
            (agent_id, start, until, MANUAL_SOURCE, note),
        )

    def find_same_block(
        self, connection: Connection, agent_id: str, start: datetime, until: datetime, note: str | None
    ) -> psycopg.Cursor[DictRow]:
        """Queue reading a manual busy block with exactly these values."""
        return connection.execute(
            f"""
            SELECT {BUSY_COLUMNS}
            FROM agent_busy
            WHERE agent_id = %s AND during = tstzrange(%s, %s) AND source = %s AND calendar_id IS NULL
                AND note IS NOT DISTINCT FROM %s::text
            ORDER BY busy_id
            LIMIT 1
            """.encode(),
            (agent_id, start, until, MANUAL_SOURCE, note),
        )

    def find_busy_block(self, connection: Connection, agent_id: str, busy_id: int) -> psycopg.Cursor[DictRow]:
        """Queue reading one busy block."""
        return connection.execute(
            f"SELECT {BUSY_COLUMNS} FROM agent_busy WHERE agent_id = %s AND busy_id = %s".encode(), (agent_id, busy_id)
        )

    def remove_busy_block(self, connection: Connection, busy_id: int) -> None:
        """Queue removing a busy block."""
        connection.execute("DELETE FROM agent_busy WHERE busy_id = %s", (busy_id,))


def date_override(rows: Sequence[DictRow]) -> DateOverride | None:
    """Return the override in the rows of `find_override`, if there is one."""
    overrides = _overrides(rows)
    return overrides[0] if overrides else None


def _overrides(rows: Sequence[DictRow]) -> tuple[DateOverride, ...]:
    overrides = []
    for day, group in groupby(rows, key=lambda row: row["day"]):
        day_rows = list(group)
        windows = tuple(Window(row["opens"], row["closes"]) for row in day_rows if row["opens"] is not None)
        overrides.append(DateOverride(day, windows, next((row["note"] for row in day_rows if row["note"]), None)))
    return tuple(overrides)
