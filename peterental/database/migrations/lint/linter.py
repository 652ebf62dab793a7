"""Lint a folder of migrations, file by file, in the order in which the runner applies them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from peterental.database.migrations.errors import MigrationFilesError, Problem, ProblemKind
from peterental.database.migrations.lint import ast, rules
from peterental.database.migrations.lint.context import AlterCommand, FileLint, alter_commands
from peterental.database.migrations.lint.findings import Finding, Severity
from peterental.database.migrations.lint.parsed_file import ParsedFile, ParsedStatement
from peterental.database.migrations.lint.registry import CHECKS, COMMAND_CHECKS, FILE_CHECKS, HISTORY_CHECKS
from peterental.database.migrations.lint.report import Report
from peterental.database.migrations.lint.rules.validity import (
    NUMBERING,
    ORPHAN,
    OTHER_TOOL,
    UNREADABLE,
    check_enum_values,
    first_of_line,
    report_refusals,
    sentence,
)
from peterental.database.migrations.lint.schema_model import SchemaModel
from peterental.database.migrations.lint.schema_replay import replay, replay_command
from peterental.database.migrations.lint.waivers import apply_waivers
from peterental.database.migrations.source.checks import inspect_text
from peterental.database.migrations.source.files import MigrationFile, scan_files
from peterental.database.migrations.source.reading import read_regular_file
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.error_location import locate

_DOWN = re.compile(r"\.down\.sql$")

# Statements that block writes until the end of the transaction.
_LOCKING = {"alter_table_stmt", "index_stmt", "truncate_stmt", "create_trig_stmt", "rename_stmt", "lock_stmt"}
_RENAMES_OF_TABLES = {"OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT"}
_TABLES = {"OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"}
# ALTER TABLE commands that allow concurrent reads and writes.
_WEAK_LOCKS = {
    "AT_ValidateConstraint",
    "AT_SetStatistics",
    "AT_SetRelOptions",
    "AT_ResetRelOptions",
    "AT_SetOptions",
    "AT_ResetOptions",
    "AT_ClusterOn",
    "AT_DropCluster",
    "AT_AttachPartition",
}


def lint_directory(directory: Path) -> Report:
    """Lint the migrations in `directory`.

    The `.down.sql` files are checked only for errors: what db-rollback or the server would refuse.

    Files are read in order. The rules know what earlier files created: the types, constraints and indexes of the
    tables that a file changes.

    Raises MigrationFilesError if the folder cannot be read.
    """
    files, problems = scan_files(directory)
    findings = [_numbering(directory, problem) for problem in problems]
    findings += _orphans(directory, files)
    schema = SchemaModel()
    lints: list[FileLint] = []
    for file in files:
        lint = _lint_file(file, schema, len(lints), findings)
        if lint:
            lints.append(lint)
        if file.down_path.exists():
            findings += _lint_down(file, schema)
    for check_history in HISTORY_CHECKS:
        check_history(schema, lints)
    waived: list[Finding] = []
    for lint in lints:
        left, of_file = apply_waivers(lint)
        # A baseline is generated: no one writes it, and no existing table is in it.
        findings += [found for found in left if not (lint.is_baseline and found.rule.severity is Severity.ADVICE)]
        waived += of_file
    return Report(findings, waived, len(files))


def _lint_file(file: MigrationFile, schema: SchemaModel, number: int, findings: list[Finding]) -> FileLint | None:
    name = file.path.name
    try:
        text = file.text()
    except MigrationFilesError as error:
        findings.append(Finding(UNREADABLE, name, None, f"{error}."))
        return None
    lint = FileLint(name, number, file.version, ParsedFile(text, schema.definitions), schema)
    directives, refusals = inspect_text(file, text)
    if {refusal.kind for refusal in refusals} == {ProblemKind.OTHER_TOOL} or header_end(text) == len(text):
        report_refusals(lint, refusals)
        return lint
    lint.directives, lint.no_transaction = directives, directives.no_transaction
    lint.is_baseline = directives.baseline
    rules.session_settings.check_directives(lint, directives.lock_timeout_ms)
    for statement in lint.source.statements:
        _examine(lint, statement)
    schema.definitions.update(lint.source.functions)
    report_refusals(lint, refusals)
    for check_file in FILE_CHECKS:
        check_file(lint)
    return lint


def _examine(lint: FileLint, statement: ParsedStatement) -> None:
    """Run the rules on a statement, then apply it to the schema model.

    The commands of an ALTER TABLE are checked and applied one by one.
    """
    _note_created(lint, statement)
    _check(lint, statement, then=lambda command: replay_command(lint.schema, command, lint.number))
    _note_locks(lint, statement)
    replay(lint.schema, statement, lint.number)


def _check(lint: FileLint, statement: ParsedStatement, *, then: Callable[[AlterCommand], None] | None = None) -> None:
    """Run the rules on a statement; `then` is called after each command of an ALTER TABLE."""
    for check in CHECKS.get(statement.kind, ()):
        check(lint, statement)
    if statement.kind == "alter_table_stmt" and ast.enum_name(statement.node, "objtype") in _TABLES:
        for command in alter_commands(lint.source, statement):
            for check_command in COMMAND_CHECKS.get(command.kind, ()):
                check_command(lint, command)
            if then:
                then(command)


def _note_created(lint: FileLint, statement: ParsedStatement) -> None:
    """Record the tables that this file creates.

    IF NOT EXISTS counts too, because an existing table is then left alone.
    """
    node = statement.node
    if statement.kind == "create_stmt":
        lint.created.add(ast.key_of(node.relation))
    elif statement.kind == "create_table_as_stmt":
        lint.created.add(ast.key_of(node.into.rel))
    elif statement.kind == "select_stmt" and node.HasField("into_clause"):
        lint.created.add(ast.key_of(node.into_clause.rel))
    elif statement.kind == "rename_stmt" and lint.is_created_here(ast.key_of(node.relation)):
        lint.created.add(ast.key_of_parts([node.relation.schemaname, node.newname]))


def _note_locks(lint: FileLint, statement: ParsedStatement) -> None:
    """Record the existing tables on which the transaction blocks writes from here on."""
    if lint.no_transaction or statement.kind not in _LOCKING:
        return
    if not _is_strong(statement):
        return
    relations = statement.node.relations if statement.kind in ("truncate_stmt", "lock_stmt") else ()
    nodes = [ast.inner(one) for one in relations] or [statement.node.relation]
    for node in nodes:
        key = ast.key_of(node)
        if node.relname and not lint.is_created_here(key):
            lint.locked_tables.setdefault(key, lint.line_of(statement.offset))


def _is_strong(statement: ParsedStatement) -> bool:
    """Whether a statement of a locking kind really blocks writes.

    Some variants do not.
    """
    node = statement.node
    if statement.kind == "index_stmt":
        return not node.concurrent
    if statement.kind == "rename_stmt":
        return ast.enum_name(node, "rename_type") in _RENAMES_OF_TABLES
    if statement.kind == "alter_table_stmt":
        kinds = {ast.enum_name(wrapped.alter_table_cmd, "subtype") for wrapped in node.cmds}
        return ast.enum_name(node, "objtype") in _TABLES and not kinds <= _WEAK_LOCKS
    return True


def _lint_down(file: MigrationFile, schema: SchemaModel) -> list[Finding]:
    """Return the errors in a down file. Its unsafe statements are no finding: dropping things is its purpose."""
    down = MigrationFile(file.version, file.description, file.down_path)
    try:
        text = down.text()
    except MigrationFilesError as error:
        return [Finding(UNREADABLE, down.path.name, None, f"{error}.")]
    lint = FileLint(down.path.name, 0, down.version, ParsedFile(text, schema.definitions), schema)
    directives, refusals = inspect_text(down, text)
    lint.no_transaction = directives.no_transaction
    for statement in lint.source.statements:
        _check(lint, statement)
    report_refusals(lint, refusals)
    check_enum_values(lint)
    return [finding for finding in lint.findings if finding.rule.severity is Severity.ERROR]


def _orphans(directory: Path, files: list[MigrationFile]) -> list[Finding]:
    ups = {file.down_path.name for file in files}
    return [
        Finding(ORPHAN, path.name, None, f"There is no {_DOWN.sub('.sql', path.name)} for it to undo.")
        for path in sorted(directory.glob("*.down.sql"))
        if path.name not in ups
        and not path.name.startswith(".")
        and not path.with_name(_DOWN.sub(".up.sql", path.name)).exists()
    ]


def _numbering(directory: Path, problem: Problem) -> Finding:
    """Return a problem with the name of a file; a marker of another tool in it has a line."""
    rule = OTHER_TOOL if problem.kind is ProblemKind.OTHER_TOOL else NUMBERING
    location = None
    if problem.line and problem.file:
        text = read_regular_file(directory / problem.file).decode(errors="replace")
        location = locate(text, first_of_line(text, problem.line))
    return Finding(rule, problem.file or directory.name, location, sentence(problem))
