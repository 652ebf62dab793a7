"""What the runner or the server would refuse: file names, numbering, syntax, and non-transactional statements."""

from __future__ import annotations

import re
from typing import Any

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import Rule, error
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command, on_file
from peterental.database.migrations.lint.rules.ledger_insert import LEDGER, is_ledger_insert
from peterental.database.migrations.source.checks import refused_parts
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.ledger_protection import ledger_problems
from peterental.database.migrations.source.statements import why_empty
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.error_location import locate

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
ENUM_USED = error(
    "enum-value-used",
    "PostgreSQL refuses a new enum value until the transaction that added it is committed.",
)

_NO_TRANSACTION = "-- at the top of a separate file:\n-- migrate: no-transaction"


def check_syntax(lint: FileLint, file: MigrationFile, directives: Directives) -> None:
    """Report what the runner's preflight check refuses, and syntax errors."""
    text = lint.source.text
    refused = set()
    for problem in refused_parts(file, text, directives):
        refused.add(report_runner_problem(lint, NOT_RUNNABLE, problem))
    for problem in ledger_problems(file, text, wrong_versions=False):
        refused.add(report_runner_problem(lint, LEDGER, problem))
    for misread in lint.source.problems:
        if locate(text, misread.offset).line not in refused:
            lint.report(SYNTAX, misread.message[0].upper() + misread.message[1:] + ".", None, at=misread.offset)


def report_runner_problem(lint: FileLint, rule: Rule, problem: Problem) -> int:
    """Report a problem in the runner's own words, and return its line: 1 for a problem of the whole file."""
    line, reason = problem.line or 1, problem.text
    lint.report(rule, reason[0].upper() + reason[1:] + ".", None, at=_first_of_line(lint.source.text, line))
    return line


@on_file
def check_content(lint: FileLint) -> None:
    """Report files that only record themselves: unfinished templates."""
    emptiness = why_empty(lint.source.text)
    if emptiness:
        lint.report(EMPTY, f"The file {emptiness}.", None, at=header_end(lint.source.text))


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
    "createdb_stmt",
    "dropdb_stmt",
    "alter_system_stmt",
    "create_table_space_stmt",
    "drop_table_space_stmt",
)
def check_outside_only(lint: FileLint, statement: ParsedStatement) -> None:
    """Check statements that PostgreSQL never runs inside a transaction."""
    names = {
        "createdb_stmt": "CREATE DATABASE",
        "dropdb_stmt": "DROP DATABASE",
        "alter_system_stmt": "ALTER SYSTEM",
        "create_table_space_stmt": "CREATE TABLESPACE",
        "drop_table_space_stmt": "DROP TABLESPACE",
    }
    if statement.kind != "vacuum_stmt" or statement.node.is_vacuumcmd:
        _report(lint, statement, names.get(statement.kind, "VACUUM"))


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
        elif added:
            _report_used(lint, statement, added)


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


def _report(lint: FileLint, statement: ParsedStatement, what: str, at: int | None = None) -> None:
    if not lint.no_transaction:
        lint.report(
            NEEDS_NO_TRANSACTION, f"{what} cannot run inside a transaction.", statement, at=at, safe=_NO_TRANSACTION
        )
    elif statement.block is not None:
        lint.report(NEEDS_NO_TRANSACTION, f"{what} cannot run inside a DO block.", statement, at=at)


def _first_of_line(text: str, line: int) -> int:
    position = 0
    for _ in range(line - 1):
        match = re.compile(r"\r\n|\r|\n").search(text, position)
        position = match.end() if match else position
    blank = re.compile(r"[ \t]*").match(text, position)
    return blank.end() if blank else position
