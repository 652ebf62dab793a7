"""Writes to rows: many at once, or while a table lock is held."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.findings import advice, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on
from peterental.database.migrations.lint.rules.backfills import backfill_file
from peterental.database.migrations.sql.block_transactions import has_transaction_control
from peterental.database.migrations.sql.parser import ParseError, parse_one

WHOLE_TABLE = unsafe(
    "whole-table-write",
    "Every row is locked until the transaction ends, so other writers wait. The table grows by a copy of itself, and "
    "replicas fall behind.",
)
LOCK_ROWS = unsafe(
    "lock-all-rows",
    "To lock a row is to write to it, and the locks last until the transaction ends: other changes of them wait.",
)
WITH_LOCK = unsafe(
    "write-after-ddl",
    "The file already holds a lock on an existing table until its transaction ends, so queries on that table wait "
    "while the rows are written.",
)
DYNAMIC = advice(
    "dynamic-sql", "The linter cannot check SQL that is built at run time; flask db-plan shows what it does."
)

_WRITES = {"update_stmt": "UPDATE", "delete_stmt": "DELETE", "merge_stmt": "MERGE", "insert_stmt": "INSERT … SELECT"}
_STRENGTHS = {
    "LCS_FORKEYSHARE": "FOR KEY SHARE",
    "LCS_FORSHARE": "FOR SHARE",
    "LCS_FORNOKEYUPDATE": "FOR NO KEY UPDATE",
    "LCS_FORUPDATE": "FOR UPDATE",
}
_MAX_SQL_CHARS = 400
_CHANGES = ("CMD_UPDATE", "CMD_DELETE")


@on("update_stmt", "delete_stmt")
def check_whole_table(lint: FileLint, statement: ParsedStatement) -> None:
    """Check UPDATE and DELETE for a missing condition."""
    node = statement.node
    if lint.is_created_here(ast.key_of(node.relation)) or _has_condition(statement):
        return
    table = ast.sql_name(node.relation)
    verb = _WRITES[statement.kind]
    lint.report(
        WHOLE_TABLE,
        f"{verb}{' FROM' * (verb == 'DELETE')} {table} has no condition and changes all rows.",
        statement,
        safe=backfill_file(lint, statement),
    )


@on("update_stmt", "delete_stmt")
def check_loop(lint: FileLint, statement: ParsedStatement) -> None:
    """Check UPDATE and DELETE that a block runs for each row of the same table, in one transaction."""
    node, block = statement.node, statement.block
    if not statement.loop or block is None or lint.is_created_here(ast.key_of(node.relation)):
        return
    select = _loop_of_all_rows(statement.loop)
    tables = {ast.key_of(one.range_var) for one in select.from_clause if one.HasField("range_var")} if select else set()
    if ast.key_of(node.relation) in tables and not has_transaction_control(lint.source.text[block.offset : block.end]):
        verb = _WRITES[statement.kind]
        table = ast.sql_name(node.relation)
        lint.report(
            WHOLE_TABLE,
            f"The loop runs {verb}{' FROM' * (verb == 'DELETE')} {table} for each row of {table}, in one transaction.",
            statement,
            safe=f"-- write what the loop does as one {verb}, in a backfill of its own, which commits batch by batch",
        )


def _loop_of_all_rows(query: str) -> Any | None:
    """Return the SELECT of a loop's query if it reads all rows of its tables; None otherwise."""
    try:
        select = parse_one(query).select_stmt
    except ParseError:
        return None
    is_limited = select.HasField("where_clause") or select.HasField("limit_count") or select.HasField("larg")
    return None if is_limited else select


@on("insert_stmt")
def check_whole_upsert(lint: FileLint, statement: ParsedStatement) -> None:
    """Check INSERT … SELECT … ON CONFLICT DO UPDATE that reads a whole table."""
    node = statement.node
    select = node.select_stmt.select_stmt
    updates = ast.enum_name(node.on_conflict_clause, "action") == "ONCONFLICT_UPDATE"
    is_limited = select.HasField("where_clause") or select.HasField("limit_count") or select.HasField("larg")
    if not updates or is_limited or lint.is_created_here(ast.key_of(node.relation)):
        return
    if any(one.HasField("range_var") for one in select.from_clause) and _reads_old_tables(lint, statement):
        table = ast.sql_name(node.relation)
        lint.report(
            WHOLE_TABLE,
            f"INSERT INTO {table} … ON CONFLICT DO UPDATE has no condition and writes a row for each that it reads.",
            statement,
            safe="-- outside migrations, a few thousand rows at a time, and commit each time: add a WHERE, such as a\n"
            "-- range of keys",
        )


@on("select_stmt")
def check_whole_lock(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SELECT … FOR UPDATE, and its weaker forms, for a missing condition."""
    node = statement.node
    if not node.locking_clause or node.HasField("limit_count") or _has_condition(statement):
        return
    tables = {one.range_var.alias.aliasname or one.range_var.relname: one.range_var for one in node.from_clause}
    for wrapped in node.locking_clause:
        clause = wrapped.locking_clause
        named = {one.range_var.relname for one in clause.locked_rels} or tables.keys()
        for table in (table for name, table in tables.items() if name in named and table.relname):
            if not lint.is_created_here(ast.key_of(table)):
                strength = _STRENGTHS.get(ast.enum_name(clause, "strength"), "FOR UPDATE")
                lint.report(
                    LOCK_ROWS,
                    f"SELECT … {strength} has no condition and locks all rows of {ast.sql_name(table)}.",
                    statement,
                    safe="-- add a WHERE that names the rows to change; to change all of them, write a backfill",
                )


@on("merge_stmt")
def check_whole_merge(lint: FileLint, statement: ParsedStatement) -> None:
    """Check MERGE for a join that pairs every row, and for changes of all rows without a partner."""
    node = statement.node
    if lint.is_created_here(ast.key_of(node.relation)):
        return
    changing = [
        clause
        for wrapped in node.merge_when_clauses
        if ast.enum_name(clause := wrapped.merge_when_clause, "command_type") in _CHANGES
        and not clause.HasField("condition")
    ]
    unpaired = [one for one in changing if ast.enum_name(one, "match_kind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE"]
    if unpaired or (changing and _is_always_true(node.join_condition)):
        rows = "all rows without a partner" if unpaired else "all rows"
        lint.report(
            WHOLE_TABLE,
            f"MERGE INTO {ast.sql_name(node.relation)} has no condition and changes {rows}.",
            statement,
            safe="-- outside migrations, a few thousand rows at a time, and commit each time: add a condition to the\n"
            "-- WHEN clause, such as a range of keys",
        )


@on(*_WRITES)
def check_write_after_ddl(lint: FileLint, statement: ParsedStatement) -> None:
    """Check writes of many rows while the transaction locks a table."""
    node = statement.node
    key = ast.key_of(node.relation)
    if lint.no_transaction or not lint.locked_tables or (lint.is_created_here(key) and statement.kind != "insert_stmt"):
        return
    if statement.kind == "insert_stmt" and not _reads_old_tables(lint, statement):
        return
    locked_tables, line = next(
        (item for item in lint.locked_tables.items() if item[0] == key), next(iter(lint.locked_tables.items()))
    )
    whole = statement.block if statement.block and statement.block.kind != "do_stmt" else statement
    sql = ast.sql_of(whole.kind, whole.node)
    lint.report(
        WITH_LOCK,
        f"{_WRITES[statement.kind]} on {ast.sql_name(node.relation)} runs while {locked_tables}"
        f" has been locked since line {line}.",
        statement,
        safe=f"-- in a separate file, the next one or the one before:\n{sql}"
        if len(sql) <= _MAX_SQL_CHARS
        else "-- move this statement into a separate file, the next one or the one before",
    )


@on("do_stmt")
def check_dynamic(lint: FileLint, statement: ParsedStatement) -> None:
    """Report SQL that a DO block builds at run time."""
    for offset, block in lint.source.dynamic_sql:
        if block is statement:
            lint.report(
                DYNAMIC,
                "EXECUTE runs SQL that is built at run time and was not checked.",
                statement,
                at=offset,
            )


def _has_condition(statement: ParsedStatement) -> bool:
    """Whether a WHERE restricts the rows; FROM and USING without it pair every row with others."""
    node = statement.node
    return node.HasField("where_clause") and not _is_always_true(node.where_clause)


def _is_always_true(condition: Any) -> bool:
    """Whether a condition is TRUE, or compares a constant with itself, such as 1 = 1."""
    if ast.text_of_constant(condition) == "True":
        return True
    node = ast.inner(condition)
    if node.DESCRIPTOR.name != "A_Expr" or ast.strings(node.name) != ["="]:
        return False
    left, right = ast.text_of_constant(node.lexpr), ast.text_of_constant(node.rexpr)
    return left is not None and left == right


def _reads_old_tables(lint: FileLint, statement: ParsedStatement) -> bool:
    """Whether an INSERT reads from a table that existed before this file."""
    select = statement.node.select_stmt
    common = {one.ctename for one in ast.nodes_of(select, "CommonTableExpr")}
    relations = [one for one in ast.nodes_of(select, "RangeVar") if one.relname not in common]
    return any(not lint.is_created_here(ast.key_of(one)) for one in relations)
