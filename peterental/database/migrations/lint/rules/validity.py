"""What the runner or the server would refuse: file names, numbering, syntax, and non-transactional statements."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from peterental.database.migrations.errors import Problem, ProblemKind
from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import error
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command, on_file
from peterental.database.migrations.lint.rules.ledger_insert import LEDGER, WRONG_VERSION, is_ledger_insert
from peterental.database.migrations.sql.block_transactions import has_transaction_control
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.sql.tokens import tokens_of

NUMBERING = error(
    "numbering", "The runner applies files in the order of their numbers, and applies none while the order is unclear."
)
UNREADABLE = error("unreadable-file", "The runner cannot read the file, and applies none.")
EMPTY = error("empty-file", "A file that changes nothing is probably an unfinished template.")
DIRECTIVE = error(
    "bad-directive",
    "The runner refuses an unknown or misplaced directive instead of ignoring it.",
)
ORPHAN = error(
    "down-without-up", "flask db-rollback looks for a down file by the name of its migration, and never finds this one."
)
NOT_RUNNABLE = error("not-runnable", "The runner refuses the file before it applies anything.")
SYNTAX = error(
    "syntax-error",
    "The linter uses the grammar of PostgreSQL 18 and cannot parse this. A newer server may accept it.",
)
NEEDS_NO_TRANSACTION = error(
    "needs-no-transaction",
    "PostgreSQL refuses this inside a transaction, and each file is one transaction unless its header says otherwise.",
)
ASSIGNED_TWICE = error(
    "column-assigned-twice",
    "PostgreSQL refuses a statement that writes a column twice, because one value would be lost.",
)
OTHER_TOOL = error(
    "other-tool",
    "Another tool reads such a file part by part. The runner would run all of it, the part that undoes the change too.",
)
ENUM_USED = error(
    "enum-value-used",
    "PostgreSQL refuses a new enum value until the transaction that added it is committed.",
)

_NO_TRANSACTION = "-- at the top of a separate file:\n-- migrate: no-transaction"


_RULES = {
    ProblemKind.UNREADABLE: UNREADABLE,
    ProblemKind.EMPTY: EMPTY,
    ProblemKind.OTHER_TOOL: OTHER_TOOL,
    ProblemKind.DIRECTIVE: DIRECTIVE,
    ProblemKind.NOT_RUNNABLE: NOT_RUNNABLE,
    ProblemKind.WRONG_VERSION: WRONG_VERSION,
    ProblemKind.LEDGER: LEDGER,
}


def report_refusals(lint: FileLint, refusals: list[Problem]) -> None:
    """Report what the runner refuses, in the runner's own words, and syntax errors elsewhere."""
    text = lint.source.text
    for problem in refusals:
        rule = _RULES.get(problem.kind)
        if rule is None:
            continue  # a rule of its own reports it
        if rule is not WRONG_VERSION or all(finding.rule is not rule for finding in lint.findings):
            lint.report(rule, sentence(problem), None, at=first_of_line(text, problem.line or 1))
    refused = {problem.line or 1 for problem in refusals}
    if refused and tokens_of(text) is None:
        return  # what the runner refuses is the reason
    for misread in lint.source.problems:
        if locate(text, misread.offset).line not in refused:
            lint.report(SYNTAX, misread.message[0].upper() + misread.message[1:] + ".", None, at=misread.offset)


def sentence(problem: Problem) -> str:
    """Return the runner's words as a sentence."""
    return problem.text[0].upper() + problem.text[1:] + "."


@on("index_stmt", "drop_stmt")
def check_concurrent(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE and DROP INDEX CONCURRENTLY."""
    if statement.node.concurrent:
        what = "CREATE INDEX" if statement.kind == "index_stmt" else "DROP INDEX"
        _report(lint, statement, f"{what} CONCURRENTLY")


@on("reindex_stmt")
def check_reindex(lint: FileLint, statement: ParsedStatement) -> None:
    """Check REINDEX CONCURRENTLY, and REINDEX of a whole database or schema."""
    if any(one.def_elem.defname == "concurrently" for one in statement.node.params):
        _report(lint, statement, "REINDEX CONCURRENTLY")
    elif not statement.node.HasField("relation"):
        _report(lint, statement, "REINDEX of a whole database or schema")


@on_command("AT_DetachPartition")
def check_detach(lint: FileLint, command: AlterCommand) -> None:
    """Check DETACH PARTITION … CONCURRENTLY."""
    if ast.definition_of(command.node).partition_cmd.concurrent:
        _report(lint, command.statement, "DETACH PARTITION CONCURRENTLY", command.offset)


@on(
    "vacuum_stmt",
    "cluster_stmt",
    "alter_database_stmt",
    "create_subscription_stmt",
    "alter_subscription_stmt",
    "createdb_stmt",
    "dropdb_stmt",
    "alter_system_stmt",
    "create_table_space_stmt",
    "drop_table_space_stmt",
)
def check_outside_only(lint: FileLint, statement: ParsedStatement) -> None:
    """Check statements that PostgreSQL never runs inside a transaction."""
    name, condition = _OUTSIDE_ONLY[statement.kind]
    if condition is None or condition(statement.node):
        _report(lint, statement, name)


def _has_option(options: Any, name: str, *, off: bool = False) -> bool:
    """Whether a statement has the option; with `off`, whether it is switched off."""
    found = [one.def_elem for one in options if one.def_elem.defname == name]
    return any(not off or ast.text_of_option(one) in ("false", "off", "0") for one in found)


def _refreshes(node: Any) -> bool:
    kind = ast.enum_name(node, "kind")
    return kind.endswith("_REFRESH") or (
        kind.endswith("_PUBLICATION") and not _has_option(node.options, "refresh", off=True)
    )


_OUTSIDE_ONLY: dict[str, tuple[str, Callable[[Any], bool] | None]] = {
    "vacuum_stmt": ("VACUUM", lambda node: bool(node.is_vacuumcmd)),
    "cluster_stmt": ("CLUSTER of all tables", lambda node: not node.HasField("relation")),
    "createdb_stmt": ("CREATE DATABASE", None),
    "dropdb_stmt": ("DROP DATABASE", None),
    "alter_database_stmt": (
        "ALTER DATABASE … SET TABLESPACE",
        lambda node: _has_option(node.options, "tablespace"),
    ),
    "alter_system_stmt": ("ALTER SYSTEM", None),
    "create_table_space_stmt": ("CREATE TABLESPACE", None),
    "drop_table_space_stmt": ("DROP TABLESPACE", None),
    "create_subscription_stmt": (
        "CREATE SUBSCRIPTION that creates a slot",
        lambda node: not any(_has_option(node.options, name, off=True) for name in ("create_slot", "connect")),
    ),
    "alter_subscription_stmt": ("ALTER SUBSCRIPTION that refreshes", _refreshes),
}
"""Statements that PostgreSQL runs only outside a transaction, and which forms of them; None for all."""


@on_file
def check_enum_values(lint: FileLint) -> None:
    """Report uses of an enum value in the transaction that adds it."""
    if lint.no_transaction:
        return
    added: dict[str, ParsedStatement] = {}
    created = set()
    for statement in lint.source.statements:
        if statement.kind == "create_enum_stmt":
            created.add(ast.strings(statement.node.type_name)[-1])
        elif statement.kind == "alter_enum_stmt":
            if not statement.node.old_val and ast.strings(statement.node.type_name)[-1] not in created:
                added[statement.node.new_val] = statement
        elif added and (statement.block is None or statement.block.kind == "do_stmt"):  # others were a part of it
            _report_used(lint, statement, added)


@on("update_stmt", "insert_stmt", "merge_stmt")
def check_assignments(lint: FileLint, statement: ParsedStatement) -> None:
    """Check UPDATE, INSERT and MERGE for a column that gets two values."""
    node = statement.node
    lists = [node.cols, node.on_conflict_clause.target_list] if statement.kind == "insert_stmt" else []
    if statement.kind == "update_stmt":
        lists = [node.target_list]
    elif statement.kind == "merge_stmt":
        lists = [wrapped.merge_when_clause.target_list for wrapped in node.merge_when_clauses]
    for targets in lists:
        seen = set()
        for target in (one.res_target for one in targets if not one.res_target.indirection):
            if target.name in seen:
                lint.report(
                    ASSIGNED_TWICE,
                    f"{ast.quoted(target.name)} gets two values.",
                    statement,
                    at=statement.offset_of(target),
                )
            seen.add(target.name)


def _report_used(lint: FileLint, statement: ParsedStatement, added: dict[str, ParsedStatement]) -> None:
    for constant in _constants(statement):
        adding = added.get(constant.sval.sval) if constant.HasField("sval") else None
        if adding is not None:
            lint.report(
                ENUM_USED,
                f"'{constant.sval.sval}' is added to its type on line {lint.line_of(adding.offset)} of this file.",
                statement,
                at=statement.offset_of(constant),
                safe=f"-- in a separate file, the one before:\n{ast.sql_of('alter_enum_stmt', adding.node)}",
            )


def _constants(statement: ParsedStatement) -> list[Any]:
    """Return the constants of a statement; none for the file's own ledger insert."""
    return (
        []
        if is_ledger_insert(statement) or statement.kind in ("comment_stmt", "do_stmt")
        else ast.nodes_of(statement.node, "A_Const")
    )


@on("do_stmt")
def check_committing_block(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DO blocks of a file with a transaction for COMMIT and ROLLBACK."""
    if not lint.no_transaction and has_transaction_control(ast.sql_of("do_stmt", statement.node), if_unknown=False):
        _report(lint, statement, "A block that commits")


def _report(lint: FileLint, statement: ParsedStatement, what: str, at: int | None = None) -> None:
    if not lint.no_transaction:
        lint.report(
            NEEDS_NO_TRANSACTION, f"{what} cannot run inside a transaction.", statement, at=at, safe=_NO_TRANSACTION
        )
    elif statement.block is not None:
        lint.report(NEEDS_NO_TRANSACTION, f"{what} cannot run inside a DO block.", statement, at=at)


def first_of_line(text: str, line: int) -> int:
    """Return the offset of the first character of a line that is not blank."""
    position = 0
    for _ in range(line - 1):
        match = re.compile(r"\r\n|\r|\n").search(text, position)
        position = match.end() if match else position
    blank = re.compile(r"[ \t]*").match(text, position)
    return blank.end() if blank else position
