"""Changed column types: which ones PostgreSQL does without touching the rows, and what the others cost."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.registry import on_command
from peterental.database.migrations.lint.rules.add_column import filling
from peterental.database.migrations.lint.rules.indexes import concurrently
from peterental.database.migrations.lint.rules.session_settings import keeps_utc
from peterental.database.migrations.lint.schema_model import Column, Constraint, Index

TYPE = unsafe(
    "change-column-type",
    "The table stays locked against reads and writes (ACCESS EXCLUSIVE) while PostgreSQL rewrites it, rebuilds "
    "indexes or reads all rows again for a constraint; and the code still running meets a type that it may not expect.",
)

_TEXTS = {"text", "varchar"}
_TIMES = {"timestamp", "timestamptz"}
_FULL_PRECISION = 6
# Types whose indexes serve the other one as well.
_SAME_ORDER = {("text", "varchar"), ("varchar", "text"), ("cidr", "inet")}
# Types whose modifier may grow, and which value stands for none at all.
_GROWING = {"varchar", "varbit", "timestamp", "timestamptz", "time", "timetz"}


@on_command("AT_AlterColumnType")
def check_type(lint: FileLint, command: AlterCommand) -> None:
    """Look at ALTER COLUMN … TYPE."""
    if lint.is_created_here(command.table):
        return
    node = ast.definition_of(command.node).column_def
    table = lint.catalog.table(command.table)
    old = table.columns.get(command.node.name) if table else None
    new_type, new_mods = ast.type_of(node.type_name), ast.mods_of(node.type_name)
    column = f"{command.shown}.{ast.quoted(command.node.name)}"
    kind = ast.sql_of_type(node.type_name)
    if node.HasField("raw_default") and not _is_plain(node.raw_default, command.node.name):
        _report_rewrite(lint, command, f"{column} gets new values by USING: the table is rewritten.", kind)
    elif old is None or table is None:
        _report_rewrite(
            lint, command, f"What type {column} had is not in these files, so the table may be rewritten.", kind
        )
    elif (old.type, old.mods) == (new_type, new_mods) and not node.HasField("coll_clause"):
        return  # nothing changes
    elif not _keeps_rows(old, new_type, new_mods, utc=keeps_utc(lint, command.statement)):
        _report_rewrite(lint, command, f"{column} goes from {_shown(old)} to {kind}: the table is rewritten.", kind)
    else:
        _report_dependents(lint, command, old, new_type, collated=node.HasField("coll_clause"))


def _keeps_rows(old: Column, kind: str, mods: tuple[int, ...], *, utc: bool) -> bool:
    """Whether the stored values of a column are those of its new type as well."""
    if old.type in _TEXTS and kind in _TEXTS:
        return not mods or (old.type == "varchar" and bool(old.mods) and mods[0] >= old.mods[0])
    if old.type == kind == "numeric":
        return _numeric_grows(old.mods, mods)
    if {old.type, kind} <= _TIMES and old.type != kind and not utc:
        return False
    if {old.type, kind} <= _TIMES or (old.type == kind and kind in _GROWING):
        return _precision_grows(kind, old.mods, mods)
    if old.type == kind == "interval":
        return not mods
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
    """Report what hangs on a column whose own values stay: indexes to rebuild, checks to read all rows for again."""
    table = lint.catalog.tables[command.table]
    of_other_kind = collated or (old.type != kind and (old.type, kind) not in _SAME_ORDER)
    indexes = [
        index
        for index in lint.catalog.indexes_on(command.table)
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
        parts.append(f"checks all rows against {_names([one.name for one in checks])} again")
    if not parts:
        return
    column = f"{command.shown}.{ast.quoted(old.name)}"
    lint.report(
        TYPE,
        f"The new type of {column} leaves the rows as they are, but {' and '.join(parts)}.",
        command.statement,
        at=command.offset,
        safe=_safe_for_dependents(command, indexes, checks, keys=bool(keys)),
    )


def _safe_for_dependents(command: AlterCommand, indexes: list[Index], checks: list[Constraint], *, keys: bool) -> str:
    if keys or (indexes and checks):
        return (
            "-- see how long it takes (flask db-plan); if it is short, say so above the command:\n"
            f"-- lint: allow {TYPE.name} because …"
        )
    change = ast.alter_with(command.statement.node, command.node)
    alter = f"ALTER TABLE {command.shown}"
    if checks:
        names = [ast.quoted(check.name) for check in checks]
        dropping = "\n".join(f"{alter} DROP CONSTRAINT {name};" for name in names)
        adding = "\n".join(f"{alter} ADD CONSTRAINT {ast.quoted(one.name)} {_demand(one)} NOT VALID;" for one in checks)
        validating = "\n".join(f"{alter} VALIDATE CONSTRAINT {name};" for name in names)
        return f"{dropping}\n{change}\n{adding}\n-- the next file:\n{validating}"
    dropping = "\n".join(f"DROP INDEX CONCURRENTLY IF EXISTS {ast.quoted(one.name)};" for one in indexes)
    building = "\n".join(_building(one) for one in indexes)
    return (
        f"-- a file before, with “-- migrate: no-transaction” at its top:\n{dropping}\n"
        f"-- then the change:\n{change}\n-- a file after, again without transaction:\n{building}"
    )


def _demand(check: Constraint) -> str:
    return "CHECK (…)" if check.expression is None else f"CHECK ({ast.sql_of_expression(check.expression)})"


def _building(index: Index) -> str:
    if index.definition is None:
        return f"-- CREATE INDEX CONCURRENTLY IF NOT EXISTS {ast.quoted(index.name)} …;"
    return concurrently(index.definition)


def _report_rewrite(lint: FileLint, command: AlterCommand, what: str, kind: str) -> None:
    old, new = ast.quoted(command.node.name), ast.quoted(f"{command.node.name}_new")
    node = ast.definition_of(command.node).column_def
    value = ast.sql_of_expression(node.raw_default) if node.HasField("raw_default") else f"{old}::{kind}"
    lint.report(
        TYPE,
        what,
        command.statement,
        at=command.offset,
        safe=f"-- a second column, filled by new code and by this; then let the code move over, and drop the first:\n"
        f"ALTER TABLE {command.shown} ADD COLUMN {new} {kind};\n"
        f"-- outside this file:\n{filling(command.shown, new, value, may_be_null=True)}\n"
        f"-- Types that grow need none of this: varchar(n) to a longer one or to text, numeric(p, s) to more digits\n"
        f"-- of the same scale, and, as these sessions are in UTC, timestamp to timestamptz without USING.",
    )


def _is_plain(expression: Any, column: str) -> bool:
    """Whether USING says no more than the column, or the column cast to something."""
    node = ast.inner(expression)
    return bool(node.DESCRIPTOR.name == "ColumnRef" and ast.strings(node.fields) == [column])


def _shown(column: Column) -> str:
    return f"{column.type}({', '.join(str(mod) for mod in column.mods)})" if column.mods else column.type


def _names(names: list[str]) -> str:
    quoted = [ast.quoted(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
