"""Files that remove what an earlier backfill still needs: it may not be complete when they run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint, alter_commands
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on_history
from peterental.database.migrations.lint.schema_model import SchemaModel

UNFINISHED = unsafe(
    "drop-before-backfill",
    "A backfill runs in the background, so the file does not wait for it. Rows that it has not reached lose the value "
    "for good, and the backfill fails from then on.",
)


@dataclass(frozen=True)
class _Backfill:
    """A backfill, and the tables and columns that its statements mention."""

    version: int
    tables: frozenset[str]
    columns: frozenset[str]


@on_history
def check_unfinished(_schema: SchemaModel, lints: list[FileLint]) -> None:
    """Check each file for dropped or renamed tables and columns of earlier backfills that it does not wait for."""
    backfills: list[_Backfill] = []
    for lint in lints:
        complete = set(lint.directives.after_backfill)
        backfills = [one for one in backfills if one.version not in complete]
        for backfill in backfills:
            for statement, at, what in _removals(lint, backfill):
                _report(lint, backfill, statement, at, what)
        if lint.directives.backfill is not None:
            backfills.append(_read(lint))


def _read(lint: FileLint) -> _Backfill:
    tables: set[str] = set()
    columns: set[str] = set()
    for statement in lint.source.statements:
        tables |= {ast.key_of(node) for node in ast.nodes_of(statement.node, "RangeVar")}
        columns |= ast.columns_in(statement.node)
        columns |= {node.name for node in ast.nodes_of(statement.node, "ResTarget") if node.name}
    return _Backfill(lint.version, frozenset(tables), frozenset(columns))


def _removals(lint: FileLint, backfill: _Backfill) -> Iterator[tuple[ParsedStatement, int, str]]:
    """Yield each statement that removes what a backfill mentions: it, its offset, and what it removes."""
    for statement in lint.source.statements:
        if statement.kind == "alter_table_stmt":
            yield from _dropped_columns(lint, backfill, statement)
        elif statement.kind == "drop_stmt" and ast.enum_name(statement.node, "remove_type") == "OBJECT_TABLE":
            for item in statement.node.objects:
                parts = ast.strings(item.list.items)
                if ast.key_of_parts(parts) in backfill.tables:
                    yield statement, statement.offset, ast.sql_name_of_parts(parts)
        elif statement.kind == "rename_stmt":
            yield from _renamed(backfill, statement)


def _dropped_columns(
    lint: FileLint, backfill: _Backfill, statement: ParsedStatement
) -> Iterator[tuple[ParsedStatement, int, str]]:
    if ast.key_of(statement.node.relation) in backfill.tables:
        for command in alter_commands(lint.source, statement):
            if command.kind == "AT_DropColumn" and command.node.name in backfill.columns:
                yield statement, command.offset, f"{command.sql_name}.{ast.quoted(command.node.name)}"


def _renamed(backfill: _Backfill, statement: ParsedStatement) -> Iterator[tuple[ParsedStatement, int, str]]:
    node = statement.node
    if ast.key_of(node.relation) in backfill.tables:
        kind, table = ast.enum_name(node, "rename_type"), ast.sql_name(node.relation)
        if kind == "OBJECT_TABLE":
            yield statement, statement.offset, table
        elif kind == "OBJECT_COLUMN" and node.subname in backfill.columns:
            yield statement, statement.offset, f"{table}.{ast.quoted(node.subname)}"


def _report(lint: FileLint, backfill: _Backfill, statement: ParsedStatement, at: int, what: str) -> None:
    number = f"{backfill.version:03d}"
    lint.report(
        UNFINISHED,
        f"{what} goes away, and backfill {number}, which may still run, needs it.",
        statement,
        at=at,
        safe=f"-- at the top of the file:\n-- migrate: after-backfill={number}",
    )
