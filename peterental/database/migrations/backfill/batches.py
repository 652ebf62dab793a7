"""The batches of a backfill: key by key through the table, in the order of the key's index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from peterental.database.migrations.backfill.target import Target
from peterental.database.migrations.ledger.backfills import Position, shown_bounds
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.backfill_checks import FIRST, LAST

SESSION_SETTINGS = "SET DateStyle TO 'ISO, YMD'; SET TimeZone TO 'UTC'"
"""Keys are kept as text, which must read back as the same value."""

_LOWEST = {
    "uuid": "00000000-0000-0000-0000-000000000000",
    "text": "",
    "varchar": "",
    "bpchar": "",
    "timestamptz": "-infinity",
    "timestamp": "-infinity",
    "date": "-infinity",
}
"""A value of each type of a key; 0 for numbers."""


@dataclass(frozen=True)
class Batch:
    """Consecutive rows: the keys of the first and the last one, both as row literals too, and their number."""

    first: Position
    last: Position
    first_row: str
    last_row: str
    rows: int

    @property
    def shown(self) -> str:
        """The bounds, for a message."""
        return shown_bounds(self.first, self.last)


class Batches:
    """Finds the batches of a table.

    Args:
        connection: the session that runs the batches, with `SESSION_SETTINGS`.
        target: the table and its key.
    """

    def __init__(self, connection: Connection, target: Target) -> None:
        self._connection = connection
        self._target = target

    def after(self, position: Position | None, rows: int) -> Batch | None:
        """Return the next batch of at most `rows` rows after `position`; None if there are none."""
        # Qualified names: ORDER BY would take a bare one for a column of the result.
        columns = [sql.Identifier("batch", column.name) for column in self._target.columns]
        ends = self._connection.execute(
            sql.SQL(
                "WITH batch AS MATERIALIZED ("
                "SELECT {key} FROM {table} AS batch{after} ORDER BY {columns} LIMIT {rows}) "
                "(SELECT {texts}, {row} AS row_text, (SELECT count(*) FROM batch) AS row_count FROM batch"
                " ORDER BY {columns} LIMIT 1) "
                "UNION ALL (SELECT {texts}, {row}, 0 FROM batch ORDER BY {descending} LIMIT 1)"
            ).format(
                key=sql.SQL(", ").join(columns),
                table=self._target.table,
                after=sql.SQL("") if position is None else self._condition(columns, position),
                columns=sql.SQL(", ").join(columns),
                rows=sql.Literal(rows),
                texts=sql.SQL(", ").join(
                    sql.SQL("{}::text AS {}").format(column, sql.Identifier(f"key_{number}"))
                    for number, column in enumerate(columns)
                ),
                row=_row_literal(columns),
                descending=sql.SQL(", ").join(sql.SQL("{} DESC").format(column) for column in columns),
            )
        ).fetchall()
        if not ends:
            return None
        first, last = ends
        return Batch(self._key(first), self._key(last), first["row_text"], last["row_text"], first["row_count"])

    def no_rows(self) -> Batch:
        """Return bounds that hold no rows of an empty table, for rehearsing the statements."""
        key = tuple(_LOWEST.get(column.base_type, "0") for column in self._target.columns)
        row = f"({','.join(key)})" if len(key) > 1 else key[0]
        return Batch(key, key, row, row, 0)

    def settings(self, batch: Batch) -> str:
        """Return the statement that sets the bounds of a batch for its transaction."""
        values = {FIRST: batch.first_row, LAST: batch.last_row}
        for number, column in enumerate(self._target.columns):
            values[f"{FIRST}_{column.name}"] = batch.first[number]
            values[f"{LAST}_{column.name}"] = batch.last[number]
        calls = sql.SQL(", ").join(
            sql.SQL("pg_catalog.set_config({}, {}, true)").format(name, value) for name, value in values.items()
        )
        return sql.SQL("SELECT {}").format(calls).as_string(self._connection)

    def _condition(self, columns: list[sql.Identifier], position: Position) -> sql.Composed:
        values = [
            sql.SQL("{}::{}").format(value, sql.SQL(column.type))
            for value, column in zip(position, self._target.columns, strict=True)
        ]
        return sql.SQL(" WHERE ({}) > ({})").format(sql.SQL(", ").join(columns), sql.SQL(", ").join(values))

    def _key(self, row: dict[str, Any]) -> Position:
        return tuple(row[f"key_{number}"] for number in range(len(self._target.columns)))


def _row_literal(columns: list[sql.Identifier]) -> sql.Composable:
    """Return what `migrate.first` and `migrate.last` hold: the key, or a row literal of several columns."""
    if len(columns) == 1:
        return sql.SQL("{}::text").format(columns[0])
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(columns))
