"""Sequences that a file sets back: they give out numbers that rows already have."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

RESTART = unsafe(
    "restart-sequence",
    "The sequence gives out numbers that rows may already have. Until it is past them, every INSERT fails with a "
    "duplicate key, or adds a second row with the same number.",
)


@on("alter_seq_stmt")
def check_restart(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER SEQUENCE … RESTART."""
    node = statement.node
    if _is_created_here(lint, ast.key_of(node.sequence)):
        return
    name = ast.sql_name(node.sequence)
    if _restarts(node.options):
        _report(lint, statement, name, statement.offset)
    elif any(one.def_elem.defname == "cycle" and one.def_elem.arg.boolean.boolval for one in node.options):
        _report(lint, statement, name, statement.offset, "begins again after its last number")
    elif any(one.def_elem.defname == "increment" and _is_negative(one.def_elem.arg) for one in node.options):
        _report(lint, statement, name, statement.offset, "counts down")


@on_command("AT_SetIdentity")
def check_identity(lint: FileLint, command: AlterCommand) -> None:
    """Check ALTER COLUMN … RESTART."""
    if lint.is_created_here(command.table) or not _restarts(ast.inner(getattr(command.node, "def")).items):
        return
    _report(lint, command.statement, f"of {command.sql_name}.{ast.quoted(command.node.name)}", command.offset)


@on_command("AT_AddIdentity")
def check_new_identity(lint: FileLint, command: AlterCommand) -> None:
    """Check ADD GENERATED … AS IDENTITY on an existing column, whose sequence begins at 1."""
    options = ast.definition_of(command.node).constraint.options
    if lint.is_created_here(command.table) or any(one.def_elem.defname == "start" for one in options):
        return
    column = ast.quoted(command.node.name)
    what = "begins at 1, although the table may have rows"
    _report(lint, command.statement, f"of {command.sql_name}.{column}", command.offset, what)


@on("select_stmt")
def check_setval(lint: FileLint, statement: ParsedStatement) -> None:
    """Check setval() with a constant; one that is computed from the rows is the way to do it."""
    for call in ast.nodes_of(statement.node, "FuncCall"):
        if ast.strings(call.funcname)[-1] != "setval" or len(call.args) < 2:  # noqa: PLR2004  # sequence and value
            continue
        sequence, value = (ast.text_of_constant(arg) for arg in list(call.args)[:2])
        if value is None or (sequence is not None and _is_created_here(lint, sequence.removeprefix("public."))):
            continue
        _report(lint, statement, sequence or "", statement.offset_of(call))


def _restarts(options: Any) -> bool:
    return any(option.def_elem.defname == "restart" for option in options)


def _is_created_here(lint: FileLint, key: str) -> bool:
    """Whether this file creates the sequence, or the table of which the server has derived its name."""
    created = {ast.key_of(one.node.sequence) for one in lint.source.statements if one.kind == "create_seq_stmt"}
    return key in created or any(key.startswith(f"{table}_") for table in lint.created)


def _is_negative(argument: Any) -> bool:
    return bool(argument.integer.ival < 0 or argument.float.fval.startswith("-"))


def _report(
    lint: FileLint, statement: ParsedStatement, name: str, at: int, what: str = "is set to a fixed number"
) -> None:
    lint.report(
        RESTART,
        f"The sequence {name} {what}.".replace("  ", " "),
        statement,
        at=at,
        safe="-- continue after the highest number that there is:\n"
        "-- SELECT setval('…_seq', coalesce((SELECT max(…) FROM …), 0) + 1, false);",
    )
