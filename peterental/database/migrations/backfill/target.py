"""The table that a backfill walks through, and whether its key allows that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.rows import DictRow

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.directives import BackfillDirective

KEY_TYPES = frozenset(
    {"int2", "int4", "int8", "numeric", "uuid", "text", "varchar", "bpchar", "timestamptz", "timestamp", "date"}
)
"""Types whose text reads back as the same value, and whose order is that of their index."""

_COUNTABLE_ROWS = 50_000
"""Up to this estimate, counting takes milliseconds. The estimate of a new table may be far too high."""

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "an index",
    "c": "a type",
}


class UnusableTable(Exception):
    """A backfill cannot walk through its table.

    Args:
        message: why.
        next_step: what to do about it.
    """

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(f"{message}; {next_step}")
        self.message = message
        self.next_step = next_step


@dataclass(frozen=True)
class KeyColumn:
    """One column of a key: its name, number, type as SQL, type without a domain, and collation."""

    name: str
    number: int
    type: str
    base_type: str
    collation: int


@dataclass(frozen=True)
class Target:
    """A table and the key by which its batches follow each other.

    Args:
        oid: of the table.
        table: its name as SQL.
        columns: the key.
    """

    oid: int
    table: sql.Identifier
    columns: tuple[KeyColumn, ...]

    def estimated_rows(self, connection: Connection) -> int:
        """Return the planner's estimate of the table's rows, which needs no statistics; of few rows the number."""
        query = sql.SQL("EXPLAIN (FORMAT JSON) SELECT FROM {}").format(self.table)
        row = connection.execute(query).fetchone() or {}
        plan: Any = row["QUERY PLAN"]
        estimate = int(plan[0]["Plan"]["Plan Rows"])
        if estimate > _COUNTABLE_ROWS:
            return estimate
        counted = connection.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(self.table)).fetchone()
        return counted["rows"] if counted else estimate

    def is_replaced(self, connection: Connection) -> bool:
        """Return whether another table, or none, has the name now."""
        name = self.table.as_string(connection)
        row = connection.execute("SELECT to_regclass(%s)::oid::bigint AS oid", (name,)).fetchone()
        return row is None or row["oid"] != self.oid


def find_target(connection: Connection, backfill: BackfillDirective) -> Target:
    """Return the table of a backfill, by the session's search_path.

    Raises UnusableTable if there is none, or if its key has no suitable columns or indexes.
    """
    table = _find_table(connection, backfill.table)
    name = backfill.table
    columns = tuple(_find_column(connection, table["oid"], name, column) for column in backfill.key)
    indexes = _indexes(connection, table["oid"])
    numbers = [column.number for column in columns]
    shown = ", ".join(column.name for column in columns)
    if not any(_is_unique(index, numbers) for index in indexes):
        raise UnusableTable(
            f"({shown}) is not unique in {name}, so a batch could not end between two of its rows",
            "name the columns of a unique index in key=",
        )
    if not any(_can_walk(index, columns) for index in indexes):
        raise UnusableTable(
            f"{name} has no index that begins with ({shown}), so every batch would scan the table",
            f"create one first: CREATE INDEX CONCURRENTLY … ON {name} ({shown})",
        )
    return Target(table["oid"], sql.Identifier(table["schema"], table["name"]), columns)


def _find_table(connection: Connection, name: str) -> DictRow:
    exact = sql.Identifier(*name.split(".")).as_string(connection)
    folded = sql.Identifier(*name.lower().split(".")).as_string(connection)
    row = connection.execute(
        """
        SELECT c.oid::bigint AS oid, c.relkind::text AS kind, n.nspname AS schema, c.relname AS name,
               row_security_active(c.oid) AS hides_rows, current_user AS role
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = coalesce(to_regclass(%s), to_regclass(%s))
        """,
        (exact, folded),
    ).fetchone()
    if row is None:
        raise UnusableTable(
            f"the table {name} does not exist", "correct table= in the header, or create the table in an earlier file"
        )
    if row["kind"] not in {"r", "p"}:
        kind = _KINDS.get(row["kind"], "not a table")
        raise UnusableTable(f"{name} is {kind}, and a backfill walks through a table", "correct table= in the header")
    if row["hides_rows"]:
        raise UnusableTable(
            f"row security hides rows of {name} from {row['role']}, and the backfill would pass over them",
            "let it see all rows: ALTER ROLE … BYPASSRLS, or ALTER TABLE … NO FORCE ROW LEVEL SECURITY for the owner",
        )
    return row


def _find_column(connection: Connection, table: int, table_name: str, name: str) -> KeyColumn:
    # A NOT NULL that is not validated yet (PostgreSQL 18) marks the column, although old rows may be NULL.
    rows = connection.execute(
        """
        SELECT a.attname AS name, a.attnum AS number, format_type(a.atttypid, NULL) AS type,
               coalesce(base.typname, t.typname) AS base_type, a.attcollation::bigint AS collation,
               a.attnotnull AND NOT EXISTS (
                   SELECT FROM pg_constraint AS c
                   WHERE c.conrelid = a.attrelid AND c.contype = 'n' AND NOT c.convalidated
                       AND c.conkey = ARRAY[a.attnum]
               ) AS is_not_null
        FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        LEFT JOIN pg_type AS base ON base.oid = t.typbasetype AND t.typtype = 'd'
        WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (%s)
        """,
        (table, [name, name.lower()]),
    ).fetchall()
    row = next((row for row in rows if row["name"] == name), rows[0] if rows else None)
    if row is None:
        raise UnusableTable(f"{table_name} has no column {name}", "correct key= in the header")
    if row["base_type"] not in KEY_TYPES:
        types = "an integer, numeric, uuid, text or time"
        raise UnusableTable(
            f"{table_name}.{name} is of type {row['type']}, which cannot be the key of a backfill",
            f"name another unique key in key=: {types}",
        )
    if not row["is_not_null"]:
        raise UnusableTable(
            f"{table_name}.{name} may be NULL, and a backfill would pass over such rows",
            "name the columns of a primary key in key=, or set them NOT NULL",
        )
    return KeyColumn(row["name"], row["number"], row["type"], row["base_type"], row["collation"])


def _indexes(connection: Connection, table: int) -> list[DictRow]:
    return connection.execute(
        """
        SELECT i.indisunique AS is_unique, am.amname AS method, i.indnkeyatts AS count,
               string_to_array(i.indkey::text, ' ')::integer[] AS numbers,
               string_to_array(i.indcollation::text, ' ')::bigint[] AS collations,
               string_to_array(i.indoption::text, ' ')::integer[] AS options,
               ARRAY(SELECT o.opcdefault FROM unnest(string_to_array(i.indclass::text, ' ')::oid[])
                     WITH ORDINALITY AS class (oid, place) JOIN pg_opclass AS o ON o.oid = class.oid
                     ORDER BY place) AS has_default_order
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS am ON am.oid = c.relam
        WHERE i.indrelid = %s AND i.indisvalid AND i.indisready AND i.indpred IS NULL
        """,
        (table,),
    ).fetchall()


def _is_unique(index: DictRow, numbers: Sequence[int]) -> bool:
    """Return whether an index makes the key unique: no two rows agree in its columns, which are among the key's."""
    return index["is_unique"] and set(index["numbers"][: index["count"]]) <= set(numbers)


def _can_walk(index: DictRow, columns: Sequence[KeyColumn]) -> bool:
    """Return whether the index has the rows in the order of the key's columns."""
    count = len(columns)
    descending = {option & 1 for option in index["options"][:count]}
    return (
        index["method"] == "btree"
        and index["count"] >= count
        and index["numbers"][:count] == [column.number for column in columns]
        and index["collations"][:count] == [column.collation for column in columns]
        and all(index["has_default_order"][:count])
        and len(descending) == 1
    )
