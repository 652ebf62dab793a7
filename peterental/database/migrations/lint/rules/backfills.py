"""Backfill files: statements that stay within their batch, a key to walk by, and files that wait for a backfill."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import advice, error
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_file, on_history
from peterental.database.migrations.lint.rules.validity import DIRECTIVE
from peterental.database.migrations.lint.schema_model import SchemaModel, Table
from peterental.database.migrations.source.backfill_checks import bounded_condition, statement_problems
from peterental.database.migrations.source.directives import BackfillDirective
from peterental.database.migrations.source.statements import Statement

BATCH = error(
    "backfill-statement",
    "A backfill's statements run once for each batch, in a transaction of its own. Without both bounds, each batch "
    "would change the whole table. The runner refuses the file.",
)
KEY = error(
    "backfill-key",
    "A backfill walks through its table in the order of the key. Without an index every batch would scan the table; "
    "rows with NULL would be left out; and rows with equal keys could fall on both sides of a batch's end.",
)
REPEATS = advice(
    "backfill-repeats",
    "The runner changes each row once, also after a crash. But a row that is changed twice, by psql or by a second "
    "file, would get another value.",
)

_ARITHMETIC = frozenset({"+", "-", "*", "/", "||", "%"})


@on_file
def check_statements(lint: FileLint) -> None:
    """Report what the runner refuses in a backfill: statements without bounds, and other kinds of statements."""
    backfill = lint.directives.backfill
    if backfill is None:
        return
    for statement in lint.source.statements:
        if statement.block is not None:
            continue
        sql = lint.source.text[statement.offset : statement.end]
        for offset, message, next_step in statement_problems(Statement(statement.offset, sql), backfill):
            what = f"{message[0].upper()}{message[1:]}."
            lint.report(BATCH, what, statement, at=offset, safe=f"-- {next_step}")


@on_file
def check_key(lint: FileLint) -> None:
    """Check the key of a backfill against the tables that the files create."""
    backfill = lint.directives.backfill
    if backfill is None:
        return
    names = backfill.table.lower().split(".")
    table = lint.schema.table(ast.key_of_parts(names))
    if table is None or not table.plain:
        return
    key = [_column(table, name) for name in backfill.key]
    missing = [name for name in key if name not in table.columns]
    nullable = [name for name in key if name in table.columns and not table.is_not_null(name, by_check=False)]
    shown = ast.quoted_list(key)
    at = lint.source.text.index("backfill")
    if missing:
        lint.report(KEY, f"{backfill.table} has no column {missing[0]}.", None, at=at)
    elif nullable:
        lint.report(KEY, f"{backfill.table}.{nullable[0]} may be NULL.", None, at=at)
    elif not _is_unique(lint.schema, table, key):
        lint.report(KEY, f"({shown}) is not unique in {backfill.table}.", None, at=at)
    elif not _has_index(lint.schema, table, key):
        lint.report(
            KEY,
            f"{backfill.table} has no index that begins with ({shown}).",
            None,
            at=at,
            safe="-- in an earlier file:\n-- migrate: no-transaction\n"
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_{names[-1]}_{'_'.join(key)} ON {backfill.table} ({shown});",
        )


@on("update_stmt")
def check_update(lint: FileLint, statement: ParsedStatement) -> None:
    """Report values of a backfill that are computed from themselves."""
    if lint.directives.backfill is None:
        return
    condition = ast.columns_in(statement.node.where_clause)
    for wrapped in statement.node.target_list:
        target = wrapped.res_target
        if target.name not in condition and _grows(target.val, target.name):
            column = ast.quoted(target.name)
            what = f"{column} is computed from itself, so a row that is changed twice gets another value."
            lint.report(
                REPEATS, what, statement, safe=f"-- add a condition that a changed row does not meet: … AND {column} …"
            )


@on("insert_stmt")
def check_insert(lint: FileLint, statement: ParsedStatement) -> None:
    """Report inserts of a backfill that would insert the same row again."""
    node = statement.node
    if lint.directives.backfill is None or node.HasField("on_conflict_clause"):
        return
    if any(ast.enum_name(link, "sub_link_type") == "EXISTS_SUBLINK" for link in ast.nodes_of(node, "SubLink")):
        return
    what = (
        f"INSERT INTO {ast.sql_name(node.relation)} has no ON CONFLICT, so running it twice fails or doubles the rows."
    )
    lint.report(REPEATS, what, statement, safe="-- add: ON CONFLICT DO NOTHING")


@on_history
def check_after_backfill(_schema: SchemaModel, lints: list[FileLint]) -> None:
    """Report files that wait for something that is no backfill."""
    by_version = {lint.version: lint for lint in lints}
    squashed = max((lint.version for lint in lints if lint.is_baseline), default=0)
    for lint in lints:
        for version in lint.directives.after_backfill:
            if version <= squashed:
                continue
            named = by_version.get(version)
            if named is None or named.directives.backfill is None:
                is_what = "does not exist" if named is None else "is not a backfill"
                what = f"“after-backfill={version:03d}” names a migration that {is_what}."
                lint.report(DIRECTIVE, what, None, at=lint.source.text.index("after-backfill"))


def backfill_file(lint: FileLint, statement: ParsedStatement) -> str:
    """Return the file that does the work of a whole-table UPDATE or DELETE in the background."""
    relation = statement.node.relation
    table = lint.schema.table(ast.key_of(relation))
    key = table.primary_key if table and table.primary_key else ("id",)
    types = [table.columns[name].type if table and name in table.columns else "int8" for name in key]
    name = ".".join(part for part in (relation.schemaname, relation.relname) if part)
    condition = bounded_condition(BackfillDirective(name, key))
    for place in types * 2 if len(key) > 1 else types[:1] * 2:
        condition = condition.replace("::…", f"::{_TYPES.get(place, place)}", 1)
    sql = ast.sql_of(statement.kind, _without_condition(statement)).removesuffix(";")
    return (
        "-- in a file of its own, which changes the rows in the background:\n"
        f"-- migrate: backfill table={name} key={','.join(key)}\n{sql}\n{condition};"
    )


_TYPES = {"int2": "smallint", "int4": "integer", "int8": "bigint"}


def _without_condition(statement: ParsedStatement) -> Any:
    copy = type(statement.node)()
    copy.CopyFrom(statement.node)
    for part in ("where_clause", "with_clause", "returning_list", "returning_clause"):
        if part in copy.DESCRIPTOR.fields_by_name:  # it depends on the parser's version
            copy.ClearField(part)
    return copy


def _column(table: Table, name: str) -> str:
    return name if name in table.columns else name.lower()


def _is_unique(schema: SchemaModel, table: Table, key: list[str]) -> bool:
    """Return whether the files make the key unique; an index that was renamed counts."""
    constraints = [one.columns for one in table.constraints.values() if one.kind in {"primary", "unique"}]
    indexes = [
        index.columns
        for index in schema.indexes_on(table.name)
        if index.plain and (index.definition is None or index.definition.unique)
    ]
    return any(set(columns) <= set(key) for columns in [*constraints, *indexes])


def _has_index(schema: SchemaModel, table: Table, key: list[str]) -> bool:
    constraints = [one.columns for one in table.constraints.values() if one.kind in {"primary", "unique"}]
    indexes = [index.columns for index in schema.indexes_on(table.name) if not index.partial]
    return any(list(columns[: len(key)]) == key for columns in [*constraints, *indexes])


def _grows(value: Any, column: str) -> bool:
    """Return whether an expression is arithmetic or concatenation with the column itself."""
    return any(
        column in ast.columns_in(node)
        for node in ast.nodes_of(value, "A_Expr")
        if ast.enum_name(node, "kind") == "AEXPR_OP" and set(ast.strings(node.name)) & _ARITHMETIC
    )
