"""Rows and sequence positions that migrations leave in a new database, as INSERT and setval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.schema_text.model import Row, literal
from peterental.database.migrations.schema_text.reader import CatalogReader
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.session.plain_reading import read_plainly
from peterental.database.migrations.session.server import Connection, reason_of
from peterental.database.migrations.wording import plural

MAX_ROWS = 10_000
"""More rows than this are not reference data, and no text to review."""

_ROWS_PER_INSERT = 100


class TooManyRows(EngineError):
    """A baseline carries {limit} rows at most, but the migrations put {count} into {table}. Nothing was written."""


@dataclass(frozen=True)
class Contents:
    """The rows and sequence positions of a database, except those of the ledger and of extensions.

    Args:
        tables: for each table with rows, its INSERT's head, and each row as SQL literals, in a stable order.
        sequences: the setval statement of each sequence that has moved.
    """

    tables: dict[str, tuple[str, ...]]
    sequences: tuple[str, ...]

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in self.tables.values())

    def as_sql(self) -> str:
        """Return the statements that recreate them in tables without triggers and foreign keys."""
        blocks = [
            f"\n{head} VALUES\n" + ",\n".join(f"    ({row})" for row in rows[start : start + _ROWS_PER_INSERT]) + ";\n"
            for head, rows in self.tables.items()
            for start in range(0, len(rows), _ROWS_PER_INSERT)
        ]
        if blocks:
            blocks.append("\nSET CONSTRAINTS ALL IMMEDIATE;\n")
        if self.sequences:
            blocks.append("\n" + "".join(f"{statement};\n" for statement in self.sequences))
        return "".join(blocks)


def read_contents(connection: Connection, schema: str) -> Contents:
    """Read the rows of a scratch database.

    Args:
        connection: in autocommit mode; its settings are restored.
        schema: the schema of the migrations.

    Raises TooManyRows; SchemaInexpressible if row security hides rows from their owner.
    """
    try:
        return _read(connection, schema)
    except psycopg.Error as error:
        raise SchemaInexpressible(reason=f"its rows cannot be read ({reason_of(error)})") from error


def _read(connection: Connection, schema: str) -> Contents:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        read_plainly(connection)
        connection.execute("SET LOCAL row_security TO off")
        catalog = CatalogReader(connection, schema)
        return Contents(dict(_tables(catalog)), tuple(_sequences(catalog)))


def _tables(catalog: CatalogReader) -> Iterator[tuple[str, tuple[str, ...]]]:
    tables = catalog.rows(
        f"""
        SELECT c.name, bool_or(a.attidentity = 'a') AS always,
            array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns,
            (SELECT array_agg(quote_ident(k.attname) ORDER BY array_position(i.indkey::int2[], k.attnum))
                FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
                WHERE i.indrelid = c.oid AND i.indisprimary) AS key
        FROM ({catalog.relations}) AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        GROUP BY c.oid, c.name ORDER BY c.name COLLATE "C"
        """
    )
    left = MAX_ROWS
    for table in tables:
        rows = _rows(catalog, table, left)
        left -= len(rows)
        if rows:
            overriding = " OVERRIDING SYSTEM VALUE" if table["always"] else ""
            yield f"INSERT INTO {table['name']} ({', '.join(table['columns'])}){overriding}", tuple(rows)


def _rows(catalog: CatalogReader, table: Row, limit: int) -> list[str]:
    """Return a table's rows as literals, in the order of its primary key, or else of their text."""
    values = " || ', ' || ".join(f"format('%L', {column})" for column in table["columns"])
    query = f"SELECT {values} AS row FROM ONLY {table['name']}"
    if table["key"]:
        query += f" ORDER BY {', '.join(table['key'])}"
    else:
        query = f'SELECT row FROM ({query}) AS unordered ORDER BY row COLLATE "C"'
    found = [row["row"] for row in catalog.rows(f"{query} LIMIT {limit + 1}")]
    if len(found) > limit:
        count = catalog.rows(f"SELECT count(*) AS count FROM ONLY {table['name']}")[0]["count"]
        raise TooManyRows(count=count, table=table["name"], limit=MAX_ROWS)
    return found


def _sequences(catalog: CatalogReader) -> Iterator[str]:
    found = catalog.rows(
        f"""
        SELECT c.name, s.seqstart FROM ({catalog.relations}) AS c JOIN pg_sequence AS s ON s.seqrelid = c.oid
        WHERE NOT EXISTS (SELECT FROM pg_depend AS o WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
            AND o.refobjid IN ({catalog.ledger_oids}))
        ORDER BY c.name COLLATE "C"
        """
    )
    for row in found:
        position = catalog.rows(f"SELECT last_value, is_called FROM {row['name']}")[0]
        if position["is_called"] or position["last_value"] != row["seqstart"]:
            called = "true" if position["is_called"] else "false"
            yield f"SELECT setval({literal(row['name'])}, {position['last_value']}, {called})"


def row_summary(contents: Contents) -> str:
    """Return how many rows there are, as text: `12 rows in 2 tables`."""
    count, tables = contents.row_count, len(contents.tables)
    return f"{count} {plural(count, 'row')} in {tables} {plural(tables, 'table')}"
