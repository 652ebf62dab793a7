"""Advice on the final schema: problematic column types, missing keys and missing indexes."""

from __future__ import annotations

from collections.abc import Iterator

from peterental.database.migrations.lint.ast import quoted, quoted_list
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import Rule, advice
from peterental.database.migrations.lint.registry import on_history
from peterental.database.migrations.lint.schema_model import Column, Constraint, Position, SchemaModel, Table

BIGINT_KEY = advice(
    "prefer-bigint-key",
    "A 32-bit key runs out after 2,147,483,647 values, including those of failed inserts; widening it rewrites the "
    "table.",
)
CHAR = advice("prefer-text", "char(n) pads values with spaces, ignores them in comparisons and saves no space.")
JSONB = advice(
    "prefer-jsonb",
    "json stores text and parses it on each access. It supports neither equality (DISTINCT fails) nor indexes.",
)
TIMESTAMPTZ = advice(
    "prefer-timestamptz", "A timestamp without time zone means a different moment in each session time zone."
)
NUMERIC = advice(
    "prefer-numeric", "money depends on lc_monetary: the same row is a different amount on another server."
)
PRIMARY_KEY = advice(
    "primary-key",
    "Without a primary key, logical replication and manual repairs cannot identify a row.",
)
FOREIGN_KEY_INDEX = advice(
    "foreign-key-index",
    "Every delete or key update in the other table scans this whole table.",
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
def check_tables(schema: SchemaModel, lints: list[FileLint]) -> None:
    """Check every table as it is after the last file.

    Problems that a later file fixed are not reported.
    """
    for table in schema.tables.values():
        for rule, what, position in _advice(schema, table):
            report_at(lints, rule, what, position)


def report_at(lints: list[FileLint], rule: Rule, what: str, position: Position) -> None:
    """Report a finding about the final schema where the object is defined."""
    lint = lints[position.file]
    statement = next(
        (one for one in reversed(lint.source.statements) if one.offset <= position.offset and one.block is None), None
    )
    lint.report(rule, what, statement, at=position.offset)


def _advice(schema: SchemaModel, table: Table) -> Iterator[tuple[Rule, str, Position]]:
    sql_name = ".".join(quoted(part) for part in table.name.split("."))
    for column in table.columns.values():
        if column.type.removesuffix("[]") in _TYPES:
            rule, kind = _TYPES[column.type.removesuffix("[]")]
            yield rule, f"{sql_name}.{quoted(column.name)} is {kind}; use {_INSTEAD[rule]}.", column.position
        if _is_small_key(table, column):
            yield (
                BIGINT_KEY,
                f"{sql_name}.{quoted(column.name)} is a 32-bit key; use bigint GENERATED ALWAYS AS IDENTITY.",
                column.position,
            )
    if table.plain and table.columns and not table.primary_key:
        yield PRIMARY_KEY, f"{sql_name} has no primary key.", table.position
    for constraint in table.constraints.values():
        if constraint.kind == "foreign" and not is_indexed(schema, table, constraint):
            columns = quoted_list(constraint.columns)
            yield (
                FOREIGN_KEY_INDEX,
                f"No index on {sql_name} begins with the foreign key ({columns}).",
                constraint.position,
            )


def _is_small_key(table: Table, column: Column) -> bool:
    return column.type in ("int4", "int2") and table.primary_key == (column.name,)


def is_indexed(schema: SchemaModel, table: Table, constraint: Constraint, *, without: str = "") -> bool:
    """Whether an index, other than `without`, begins with the foreign key's columns, in any order."""
    wanted = set(constraint.columns)
    size = len(wanted)
    leading = [
        index.columns
        for index in schema.indexes_on(table.name)
        if index.name != without and index.condition_columns <= wanted  # a condition on others leaves rows out
    ]
    leading += [one.columns for one in table.constraints.values() if one.kind in ("primary", "unique", "exclusion")]
    return any(set(columns[:size]) == wanted for columns in leading)
