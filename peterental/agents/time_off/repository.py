"""Closures of the office and repeating blocks in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date
from typing import TYPE_CHECKING

from peterental.agents.time_off.model import (
    Closure,
    ClosureEntry,
    ClosureExists,
    ClosureNameMissing,
    RepeatingBlock,
    RepeatingEntry,
    TimeOffEndsBeforeStart,
    WeekdaysMissing,
)
from peterental.database.constraints import named_constraints
from peterental.errors import Refusal

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

CLOSURE = """
    SELECT closure_id, name, first_day, last_day, from_min, until_min, updated_at,
           ARRAY(
               SELECT agent_id FROM closure_exemptions AS exempt WHERE exempt.closure_id = closures.closure_id
           ) AS exempt
    FROM office_closures AS closures
"""

REPEATING = """
    SELECT repeating_id, agent_id, agent_name, time_zone, weekdays, from_min, until_min, every_weeks, first_day,
           last_day, note, blocks.updated_at,
           ARRAY(
               SELECT day FROM repeating_exceptions AS exceptions
               WHERE exceptions.repeating_id = blocks.repeating_id
               ORDER BY day
           ) AS exceptions
    FROM repeating_blocks AS blocks
    JOIN agents USING (agent_id)
"""

_OF_USER = "(%(user_id)s::int IS NULL OR user_id = %(user_id)s)"

_ENTRY_COLUMNS = tuple(RepeatingEntry.__dataclass_fields__)

CONSTRAINT_ERRORS: Mapping[str, Callable[[], Refusal]] = {
    "office_closures_once": ClosureExists,
    "office_closures_name_not_empty": ClosureNameMissing,
    "office_closures_end_after_start": TimeOffEndsBeforeStart,
    "repeating_blocks_weekdays_known": WeekdaysMissing,
    "repeating_blocks_end_after_start": TimeOffEndsBeforeStart,
}


class ClosureRepository:
    """The closures of one database.

    Methods that take a connection run in its transaction; each of the others is one round trip.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, closure_id: int) -> Closure | None:
        """Return a closure, if there is one with this id."""
        rows = self._database.fetch(f"{CLOSURE} WHERE closure_id = %s", (closure_id,))
        return closure_of(rows[0]) if rows else None

    def of_days(self, first: date, last: date) -> tuple[Closure, ...]:
        """Return the closures of some days, by day."""
        rows = self._database.fetch(
            f"{CLOSURE} WHERE first_day <= %s AND last_day >= %s ORDER BY first_day, closure_id", (last, first)
        )
        return tuple(closure_of(row) for row in rows)

    def lock(self, connection: Connection) -> None:
        """Queue locking every agent, as bookings do, and then the closures against all other changes.

        Agents that are created now, or move to another time zone, wait and then read the closures: see `wait`.
        """
        connection.execute("SELECT FROM agents ORDER BY agent_id FOR NO KEY UPDATE")
        connection.execute("LOCK TABLE office_closures IN SHARE ROW EXCLUSIVE MODE")

    def wait(self, connection: Connection) -> None:
        """Queue waiting for a change of the closures that is under way, and preventing others."""
        connection.execute("LOCK TABLE office_closures IN SHARE MODE")

    def read(self, connection: Connection, closure_id: int) -> psycopg.Cursor[DictRow]:
        """Queue reading one closure; `closure_of` parses its row."""
        return connection.execute(f"{CLOSURE} WHERE closure_id = %s".encode(), (closure_id,))

    def read_since(self, connection: Connection, first: date) -> psycopg.Cursor[DictRow]:
        """Queue reading the closures that end on `first` or later."""
        return connection.execute(f"{CLOSURE} WHERE last_day >= %s".encode(), (first,))

    def insert(self, connection: Connection, entry: ClosureEntry) -> Closure | None:
        """Add a closure, and return it; None if there is the same one already. Waits for the server."""
        row = connection.execute(
            """
            INSERT INTO office_closures (name, first_day, last_day, from_min, until_min)
            VALUES (%(name)s, %(first_day)s, %(last_day)s, %(from_min)s, %(until_min)s)
            ON CONFLICT ON CONSTRAINT office_closures_once DO NOTHING
            RETURNING closure_id
            """,
            _closure_values(entry),
        ).fetchone()
        if row is None:
            return None
        self._exempt(connection, row["closure_id"], entry.exempt)
        added = self.read(connection, row["closure_id"]).fetchone()
        assert added is not None  # noqa: S101  # for mypy; it was added
        return closure_of(added)

    def update(self, connection: Connection, closure_id: int, entry: ClosureEntry) -> None:
        """Queue changing a closure."""
        connection.execute(
            """
            UPDATE office_closures
            SET name = %(name)s, first_day = %(first_day)s, last_day = %(last_day)s, from_min = %(from_min)s,
                until_min = %(until_min)s, updated_at = clock_timestamp()
            WHERE closure_id = %(closure_id)s
            """,
            {**_closure_values(entry), "closure_id": closure_id},
        )
        connection.execute(
            "DELETE FROM closure_exemptions WHERE closure_id = %s AND agent_id <> ALL(%s::text[])",
            (closure_id, list(entry.exempt)),
        )
        self._exempt(connection, closure_id, entry.exempt)

    def delete(self, connection: Connection, closure_id: int) -> None:
        """Queue removing a closure with its blocks."""
        connection.execute("DELETE FROM office_closures WHERE closure_id = %s", (closure_id,))

    def _exempt(self, connection: Connection, closure_id: int, agent_ids: frozenset[str]) -> None:
        if agent_ids:
            connection.execute(
                """
                INSERT INTO closure_exemptions (closure_id, agent_id)
                SELECT %s, agent_id FROM agents WHERE agent_id = ANY(%s)
                ON CONFLICT DO NOTHING
                """,
                (closure_id, list(agent_ids)),
            )


class RepeatingBlockRepository:
    """The repeating blocks of one database.

    Methods that take a connection run in its transaction, for an agent that it has locked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, repeating_id: int, user_id: int | None) -> RepeatingBlock | None:
        """Return a repeating block; None if `user_id` is given and does not own its agent. One round trip."""
        rows = self._database.fetch(
            f"{REPEATING} WHERE repeating_id = %(repeating_id)s AND {_OF_USER}",
            {"repeating_id": repeating_id, "user_id": user_id},
        )
        return repeating_of(rows[0]) if rows else None

    def read(self, connection: Connection, repeating_id: int) -> psycopg.Cursor[DictRow]:
        """Queue reading one repeating block; `repeating_of` parses its row."""
        return connection.execute(f"{REPEATING} WHERE repeating_id = %s".encode(), (repeating_id,))

    def read_of_agent(self, connection: Connection, agent_id: str) -> psycopg.Cursor[DictRow]:
        """Queue reading the repeating blocks of an agent."""
        return connection.execute(f"{REPEATING} WHERE agent_id = %s ORDER BY repeating_id".encode(), (agent_id,))

    def insert(self, connection: Connection, agent_id: str, entry: RepeatingEntry) -> int:
        """Add a repeating block, and return its id. Waits for the server."""
        columns = ", ".join(_ENTRY_COLUMNS)
        values = ", ".join(f"%({column})s" for column in _ENTRY_COLUMNS)
        row = connection.execute(
            f"""
            INSERT INTO repeating_blocks (agent_id, {columns})
            VALUES (%(agent_id)s, {values})
            RETURNING repeating_id
            """.encode(),
            {**_entry_values(entry), "agent_id": agent_id},
        ).fetchone()
        assert row is not None  # noqa: S101  # for mypy; RETURNING returns the added row
        return int(row["repeating_id"])

    def update(self, connection: Connection, repeating_id: int, entry: RepeatingEntry) -> None:
        """Queue changing a repeating block."""
        assignments = ", ".join(f"{column} = %({column})s" for column in _ENTRY_COLUMNS)
        connection.execute(
            f"""
            UPDATE repeating_blocks SET {assignments}, updated_at = clock_timestamp()
            WHERE repeating_id = %(repeating_id)s
            """.encode(),
            {**_entry_values(entry), "repeating_id": repeating_id},
        )

    def delete(self, connection: Connection, repeating_id: int) -> None:
        """Queue removing a repeating block with its blocks and exceptions."""
        connection.execute("DELETE FROM repeating_blocks WHERE repeating_id = %s", (repeating_id,))

    def add_exception(self, connection: Connection, repeating_id: int, day: date) -> None:
        """Queue leaving out one day."""
        connection.execute(
            "INSERT INTO repeating_exceptions (repeating_id, day) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (repeating_id, day),
        )
        self._touch(connection, repeating_id)

    def remove_exception(self, connection: Connection, repeating_id: int, day: date) -> None:
        """Queue no longer leaving out one day."""
        connection.execute("DELETE FROM repeating_exceptions WHERE repeating_id = %s AND day = %s", (repeating_id, day))
        self._touch(connection, repeating_id)

    def _touch(self, connection: Connection, repeating_id: int) -> None:
        connection.execute(
            "UPDATE repeating_blocks SET updated_at = clock_timestamp() WHERE repeating_id = %s", (repeating_id,)
        )


def translate_constraint_errors() -> AbstractContextManager[None]:
    """Translate violations of the constraints of these tables in the block.

    Raises ClosureExists, ClosureNameMissing, TimeOffEndsBeforeStart, WeekdaysMissing, ConstraintViolated.
    """
    return named_constraints(CONSTRAINT_ERRORS)


def closure_of(row: DictRow) -> Closure:
    """Return the closure in a row of `CLOSURE`."""
    return Closure(**{**row, "exempt": frozenset(row["exempt"])})


def repeating_of(row: DictRow) -> RepeatingBlock:
    """Return the repeating block in a row of `REPEATING`."""
    return RepeatingBlock(**{**row, "weekdays": tuple(row["weekdays"]), "exceptions": tuple(row["exceptions"])})


def _closure_values(entry: ClosureEntry) -> dict[str, object]:
    names = ("name", "first_day", "last_day", "from_min", "until_min")
    return {name: getattr(entry, name) for name in names}


def _entry_values(entry: RepeatingEntry) -> dict[str, object]:
    return {**{name: getattr(entry, name) for name in _ENTRY_COLUMNS}, "weekdays": list(entry.weekdays)}
