"""Name the rows that keep a unique index or constraint from being built, with SQL that merges them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.parser import ParseError, parse_one
from peterental.database.migrations.wording import printable

_KEY = re.compile(r"\((?P<key>.*?)\)=\(", re.DOTALL)
_CONDITION = re.compile(r"\bWHERE\b(?P<condition>.*)", re.IGNORECASE | re.DOTALL)
_MAX_ROWS = 20
_MAX_VALUE_CHARS = 80
_TIMEOUT = "SET LOCAL statement_timeout TO '5s'; SET LOCAL lock_timeout TO '1s'"


@dataclass(frozen=True)
class _Duplicates:
    """Rows of one table with the same key.

    Args:
        table: its quoted name.
        key: the expressions that must be unique.
        primary_key: the columns of the primary key.
        rows: the first rows, by key; each has its group's number as `group_number`.
        references: the columns that refer to a primary key of one column, as (table, column).
    """

    table: str
    key: str
    primary_key: list[str]
    rows: list[dict[str, Any]]
    references: list[tuple[str, str]]


def duplicate_rows(connection: Connection, error: psycopg.Error, statement: str) -> str | None:
    """Return the rows that a unique index or constraint found duplicated, and SQL that merges them.

    None if the error is not about existing rows, or if they cannot be read.

    Args:
        connection: in autocommit mode, after the rollback.
        error: what the server said.
        statement: the text of the failing statement.
    """
    if not isinstance(error, psycopg.errors.UniqueViolation):
        return None
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_TIMEOUT)
            found = _read(connection, error, statement)
            return "\n".join(_lines(connection, found)) if found and found.rows else None
    except psycopg.Error:
        return None  # for example, a column that the file itself adds


def _read(connection: Connection, error: psycopg.Error, statement: str) -> _Duplicates | None:
    diag = error.diag
    key = _KEY.search(diag.message_detail or "")
    table = connection.execute(_TABLE, {"schema": diag.schema_name, "table": diag.table_name}).fetchone()
    if key is None or table is None:
        return None
    query = _ROWS.format(
        table=table["name"],
        key=key["key"],
        shown=", ".join(_shown(table, key["key"])),
        condition=_condition(statement),
        limit=_MAX_ROWS + 1,
    )
    rows = connection.execute(query.encode()).fetchall()
    references = connection.execute(_REFERENCES, {"oid": table["oid"]}).fetchall()
    return _Duplicates(
        table["name"], key["key"], table["primary_key"], rows, [(row["name"], row["column_name"]) for row in references]
    )


def _condition(statement: str) -> str:
    """Return the condition of a partial index; TRUE for any other statement."""
    try:
        tree = parse_one(statement)
    except ParseError:
        return "TRUE"
    found = _CONDITION.search(statement) if tree.index_stmt.HasField("where_clause") else None
    return found["condition"].rstrip().rstrip(";") if found else "TRUE"


def _shown(table: dict[str, Any], key: str) -> list[str]:
    """Return the columns to show: the primary key, and the columns in the unique key."""
    names = [name for name in table["columns"] if re.search(rf"(?<!\w){re.escape(name.strip(chr(34)))}(?!\w)", key)]
    return list(dict.fromkeys([*table["primary_key"], *names])) or ["ctid"]


def _lines(connection: Connection, found: _Duplicates) -> Iterator[str]:
    rows = found.rows[:_MAX_ROWS]
    yield f"  Rows of {found.table} with the same {found.key}:"
    for row in rows:
        shown = [f"{name} {_short(value)}" for name, value in row.items() if name != "group_number"]
        yield "    " + ", ".join(shown)
    if len(found.rows) > _MAX_ROWS:
        yield "    … and more"
    if len(found.primary_key) != 1:
        return
    yield "  For example, to keep the first of them and what refers to the others:"
    column = found.primary_key[0]
    name = column.strip('"')
    for _, group in groupby(rows, key=lambda row: row["group_number"]):
        first, *others = [sql.Literal(row[name]).as_string(connection) for row in group]
        if others:
            listed = f"= {others[0]}" if len(others) == 1 else f"IN ({', '.join(others)})"
            for table, reference in found.references:
                yield f"    UPDATE {table} SET {reference} = {first} WHERE {reference} {listed};"
            yield f"    DELETE FROM {found.table} WHERE {column} {listed};"


def _short(value: object) -> str:
    text = printable(str(value))
    return text if len(text) <= _MAX_VALUE_CHARS else text[: _MAX_VALUE_CHARS - 1] + "…"


_TABLE = b"""
SELECT c.oid, c.oid::regclass::text AS name,
    ARRAY(SELECT quote_ident(attname) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns,
    ARRAY(SELECT quote_ident(attname) FROM pg_constraint JOIN pg_attribute
        ON attrelid = conrelid AND attnum = ANY (conkey)
        WHERE conrelid = c.oid AND contype = 'p' ORDER BY array_position(conkey, attnum)) AS primary_key
FROM pg_class AS c
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s) AND c.relname = %(table)s
"""

_ROWS = """
SELECT {shown}, dense_rank() OVER (ORDER BY {key}) AS group_number
FROM {table}
WHERE ({condition}) AND ({key}) IN (
    SELECT {key} FROM {table} WHERE ({condition}) GROUP BY {key} HAVING count(*) > 1)
ORDER BY group_number, {shown}
LIMIT {limit}
"""

_REFERENCES = b"""
SELECT conrelid::regclass::text AS name, quote_ident(attname) AS column_name
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE confrelid = %(oid)s AND contype = 'f' AND conparentid = 0
    AND confkey = (SELECT conkey FROM pg_constraint AS p WHERE p.conrelid = %(oid)s AND p.contype = 'p')
ORDER BY 1, 2
"""
