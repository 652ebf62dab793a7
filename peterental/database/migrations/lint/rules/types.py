"""Column type changes: which ones leave the rows untouched, and what the others cost."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.registry import on_command
from peterental.database.migrations.lint.rules.add_column import backfill_sql
from peterental.database.migrations.lint.rules.indexes import create_concurrently
from peterental.database.migrations.lint.rules.session_settings import keeps_utc
from peterental.database.migrations.lint.schema_model import Column, Constraint, Index

TYPE = unsafe(
    "change-column-type",
    "The table is locked against reads and writes (ACCESS EXCLUSIVE) while PostgreSQL rewrites it, rebuilds indexes or "
    "checks all rows against a constraint, and running code may not expect the new type.",
)

_TEXTS = {"text", "varchar"}
_TIMES = {"timestamp", "timestamptz"}
_FULL_PRECISION = 6
# Pairs of types that can share an index.
_SAME_ORDER = {("text", "varchar"), ("varchar", "text"), ("cidr", "inet")}
# Types whose modifier can grow, or be dropped, without a rewrite.
_GROWING = {"varchar", "varbit", "timestamp", "timestamptz", "time", "timetz"}


@on_command("AT_AlterColumnType")
def check_type(lint: FileLint, command: AlterCommand) -> None:
    """Check ALTER COLUMN … TYPE."""
    if lint.is_created_here(command.table):
        return
    node = ast.definition_of(command.node).column_def
    table = lint.schema.table(command.table)
    old = table.columns.get(command.node.name) if table else None
    new_type, new_modifiers = ast.type_of(node.type_name), ast.modifiers_of(node.type_name)
    column = f"{command.sql_name}.{ast.quoted(command.node.name)}"
    kind = ast.sql_of_type(node.type_name)
    if node.HasField("raw_default") and not _is_column_itself(node.raw_default, command.node.name):
        _report_rewrite(lint, command, f"USING computes new values for {column}: the table is rewritten.", kind)
    elif old is None or table is None:
        _report_rewrite(
            lint, command, f"These files do not define the old type of {column}, so the table may be rewritten.", kind
        )
    elif (old.type, old.modifiers) == (new_type, new_modifiers) and not node.HasField("coll_clause"):
        return  # nothing changes
    elif (old.type, new_type) == ("timestamptz", "timestamp"):
        what = f"{column} loses its time zone: the same row is another moment in each session that is not in UTC."
        _report_rewrite(lint, command, what, kind)
    elif not _is_binary_compatible(old, new_type, new_modifiers, utc=keeps_utc(lint, command.statement)):
        _report_rewrite(
            lint, command, f"{column} changes from {_type_sql(old)} to {kind}: the table is rewritten.", kind
        )
    else:
        _report_dependents(lint, command, old, new_type, collated=node.HasField("coll_clause"))


def _is_binary_compatible(old: Column, kind: str, modifiers: tuple[int, ...], *, utc: bool) -> bool:
    """Whether a type change needs no rewrite of the stored values."""
    if old.type in _TEXTS and kind in _TEXTS:
        return not modifiers or (old.type == "varchar" and bool(old.modifiers) and modifiers[0] >= old.modifiers[0])
    if old.type == kind == "numeric":
        return _numeric_grows(old.modifiers, modifiers)
    if {old.type, kind} <= _TIMES and old.type != kind and not utc:
        return False
    if {old.type, kind} <= _TIMES or (old.type == kind and kind in _GROWING):
        return _precision_grows(kind, old.modifiers, modifiers)
    if old.type == kind == "interval":
        return not modifiers
    return (old.type, kind) in {("cidr", "inet"), ("int4", "oid"), ("oid", "int4")}


def _numeric_grows(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    if not new:
        return True
    if not old:
        return False
    old_scale, new_scale = (*old, 0)[1], (*new, 0)[1]
    return new[0] >= old[0] and new_scale == old_scale


def _precision_grows(kind: str, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    if not new or (kind != "varbit" and new[0] >= _FULL_PRECISION):
        return True
    return bool(old) and new[0] >= old[0]


def _report_dependents(lint: FileLint, command: AlterCommand, old: Column, kind: str, *, collated: bool) -> None:
    """Report what a type change without a rewrite still costs.

    It may rebuild indexes and check all rows against constraints.
    """
    table = lint.schema.tables[command.table]
    of_other_kind = collated or (old.type != kind and (old.type, kind) not in _SAME_ORDER)
    indexes = [
        index
        for index in lint.schema.indexes_on(command.table)
        if old.name in index.mentions and (of_other_kind or not index.plain)
    ]
    checks = [one for one in table.constraints.values() if one.kind == "check" and old.name in one.columns]
    keys = [
        one
        for one in table.constraints.values()
        if of_other_kind and one.kind in ("unique", "primary", "exclusion") and old.name in one.columns
    ]
    parts = []
    if indexes or keys:
        parts.append(f"rebuilds {_names([*(one.name for one in indexes), *(one.name for one in keys)])}")
    if checks:
        parts.append(f"rechecks all rows against {_names([one.name for one in checks])}")
    if not parts:
        return
    column = f"{command.sql_name}.{ast.quoted(old.name)}"
    lint.report(
        TYPE,
        f"The type change of {column} does not rewrite the rows, but {' and '.join(parts)}.",
        command.statement,
        at=command.offset,
        safe=_safe_for_dependents(command, indexes, checks, keys=bool(keys)),
    )


def _safe_for_dependents(command: AlterCommand, indexes: list[Index], checks: list[Constraint], *, keys: bool) -> str:
    if keys or (indexes and checks):
        return (
            "-- check the duration with flask db-plan; if it is short, add this waiver above the command:\n"
            f"-- lint: allow {TYPE.name} because …"
        )
    change = ast.alter_with(command.statement.node, command.node)
    alter = f"ALTER TABLE {command.sql_name}"
    if checks:
        names = [ast.quoted(check.name) for check in checks]
        dropping = "\n".join(f"{alter} DROP CONSTRAINT {name};" for name in names)
        adding = "\n".join(
            f"{alter} ADD CONSTRAINT {ast.quoted(one.name)} {_check_sql(one)} NOT VALID;" for one in checks
        )
        validating = "\n".join(f"{alter} VALIDATE CONSTRAINT {name};" for name in names)
        return f"{dropping}\n{change}\n{adding}\n-- next file:\n{validating}"
    dropping = "\n".join(f"DROP INDEX CONCURRENTLY IF EXISTS {ast.quoted(one.name)};" for one in indexes)
    building = "\n".join(_create_index_sql(one) for one in indexes)
    return (
        f"-- an earlier file with “-- migrate: no-transaction” at the top:\n{dropping}\n"
        f"-- next file:\n{change}\n-- file after that, again with “-- migrate: no-transaction”:\n{building}"
    )


def _check_sql(check: Constraint) -> str:
    return "CHECK (…)" if check.expression is None else f"CHECK ({ast.sql_of_expression(check.expression)})"


def _create_index_sql(index: Index) -> str:
    if index.definition is None:
        return f"-- CREATE INDEX CONCURRENTLY IF NOT EXISTS {ast.quoted(index.name)} …;"
    return create_concurrently(index.definition)


def _report_rewrite(lint: FileLint, command: AlterCommand, what: str, kind: str) -> None:
    old, new = ast.quoted(command.node.name), ast.quoted(f"{command.node.name}_new")
    node = ast.definition_of(command.node).column_def
    value = ast.sql_of_expression(node.raw_default) if node.HasField("raw_default") else f"{old}::{kind}"
    lint.report(
        TYPE,
        what,
        command.statement,
        at=command.offset,
        safe=f"-- add a second column; let new code write both, backfill, switch the reads, then drop the first:\n"
        f"ALTER TABLE {command.sql_name} ADD COLUMN {new} {kind};\n"
        f"-- outside this file:\n{backfill_sql(command.sql_name, new, value, may_be_null=True)}\n"
        f"-- Types that only grow do not need this: varchar(n) to a longer varchar or text, numeric(p, s) to a higher\n"
        f"-- precision with the same scale, and, since the runner's sessions use UTC, timestamp to timestamptz\n"
        f"-- without USING.",
    )


def _is_column_itself(expression: Any, column: str) -> bool:
    """Whether USING is only the column itself."""
    node = ast.inner(expression)
    return bool(node.DESCRIPTOR.name == "ColumnRef" and ast.strings(node.fields) == [column])


def _type_sql(column: Column) -> str:
    return f"{column.type}({', '.join(str(mod) for mod in column.modifiers)})" if column.modifiers else column.type


def _names(names: list[str]) -> str:
    quoted = [ast.quoted(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
