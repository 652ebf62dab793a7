"""Advice on tables as the files leave them: types that cause trouble later, keys and indexes that are missing."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.lint.ast import quoted, quoted_list
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import Rule, advice
from peterental.database.migrations.lint.registry import on_history
from peterental.database.migrations.lint.schema_model import Column, Constraint, Position, SchemaModel, Table

BIGINT_KEY = advice(
    "prefer-bigint-key",
    "An integer key runs out after 2,147,483,647 rows, retries included; widening it rewrites the table.",
)
CHAR = advice("prefer-text", "char(n) pads with blanks, compares without them and saves nothing.")
JSONB = advice(
    "prefer-jsonb",
    "json keeps the text and reads it anew each time; it has neither equality (DISTINCT fails) nor indexes.",
)
TIMESTAMPTZ = advice(
    "prefer-timestamptz", "A timestamp without time zone means another moment to each session that reads it."
)
NUMERIC = advice(
    "prefer-numeric", "money depends on the server's lc_monetary: the same row reads as another sum elsewhere."
)
PRIMARY_KEY = advice(
    "primary-key",
    "Without a primary key, rows cannot be told apart by logical replication, nor by whoever must repair one.",
)
FOREIGN_KEY_INDEX = advice(
    "foreign-key-index",
    "Deleting or renumbering a row of the other table searches this one from end to end, each time.",
)

_TYPES: dict[str, tuple[Rule, str]] = {
    "bpchar": (CHAR, "char(n)"),
    "json": (JSONB, "json"),
    "timestamp": (TIMESTAMPTZ, "timestamp"),
    "timetz": (TIMESTAMPTZ, "timetz"),
    "money": (NUMERIC, "money"),
}
_INSTEAD = {CHAR: "text", JSONB: "jsonb", TIMESTAMPTZ: "timestamptz", NUMERIC: "numeric(12, 2)"}


@on_history
def check_tables(catalog: SchemaModel, lints: list[FileLint]) -> None:
    """Look at every table as it is after the last file: what a later file mended is not mentioned."""
    for table in catalog.tables.values():
        for rule, what, spot in _advice(catalog, table):
            lint = lints[spot.file]
            statement = next(
                (one for one in reversed(lint.source.statements) if one.offset <= spot.offset and one.block is None),
                None,
            )
            lint.report(rule, what, statement, at=spot.offset)


def _advice(catalog: SchemaModel, table: Table) -> Iterator[tuple[Rule, str, Position]]:
    shown = ".".join(quoted(part) for part in table.name.split("."))
    for column in table.columns.values():
        if column.type.removesuffix("[]") in _TYPES:
            rule, kind = _TYPES[column.type.removesuffix("[]")]
            yield rule, f"{shown}.{quoted(column.name)} is {kind}; {_INSTEAD[rule]} serves better.", column.spot
        if _is_small_key(table, column):
            yield (
                BIGINT_KEY,
                f"{shown}.{quoted(column.name)} is a 32-bit key; bigint GENERATED ALWAYS AS IDENTITY lasts.",
                column.spot,
            )
    if table.plain and table.columns and not table.primary_key:
        yield PRIMARY_KEY, f"{shown} has no primary key.", table.spot
    for constraint in table.constraints.values():
        if constraint.kind == "foreign" and not _is_indexed(catalog, table, constraint):
            columns = quoted_list(constraint.columns)
            yield (
                FOREIGN_KEY_INDEX,
                f"No index of {shown} begins with the foreign key ({columns}).",
                constraint.spot,
            )


def _is_small_key(table: Table, column: Column) -> bool:
    return column.type in ("int4", "int2") and table.primary_key == (column.name,)


def _is_indexed(catalog: SchemaModel, table: Table, constraint: Constraint) -> bool:
    """Whether an index begins with the columns of a foreign key, in any order."""
    wanted = set(constraint.columns)
    size = len(wanted)
    leading = [
        index.columns
        for index in catalog.indexes_on(table.name)
        if not _excludes(index.partial, index.mentions, wanted)
    ]
    leading += [one.columns for one in table.constraints.values() if one.kind in ("primary", "unique", "exclusion")]
    return any(set(columns[:size]) == wanted for columns in leading)


def _excludes(partial: bool, mentions: frozenset[str], wanted: set[str]) -> bool:  # noqa: FBT001
    """Whether a partial index is of no use: its condition is about other columns than those it is over."""
    return partial and not mentions <= wanted
