"""Conventions of the migration guide: a descriptive header, and files that can run twice."""

from __future__ import annotations

import re
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import advice
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command, on_file
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.tokens import tokens_of

HEADER = advice(
    "header-comment", "A later reader needs to know the purpose and the date, for which the file name has no room."
)
IF_NOT_EXISTS = advice(
    "if-not-exists",
    "A file that can run twice can be run manually, and on a database that already has part of the change.",
)
IF_EXISTS = advice("if-exists", IF_NOT_EXISTS.why)
OR_REPLACE = advice("or-replace", IF_NOT_EXISTS.why)
LONG_NAME = advice(
    "long-name",
    "PostgreSQL truncates names to 63 bytes without an error, so the object does not have the name in the file.",
)

_NUMBER = re.compile(r"--[ \t]*migration[ \t]+(\d+)[ \t]*:[ \t]*\S", re.IGNORECASE)
_PURPOSE = re.compile(r"--[ \t]*purpose[ \t]*:[ \t]*\S", re.IGNORECASE)
_CREATED = re.compile(r"--[ \t]*created[ \t]*:[ \t]*\d{4}-\d{2}-\d{2}", re.IGNORECASE)
_MAX_NAME_BYTES = 63

_CREATED_KINDS = {
    "create_stmt": "TABLE",
    "index_stmt": "INDEX",
    "create_seq_stmt": "SEQUENCE",
    "create_schema_stmt": "SCHEMA",
    "create_extension_stmt": "EXTENSION",
}


@on_file
def check_header(lint: FileLint) -> None:
    """Check the header comment for number, purpose and date."""
    header = lint.source.text[: header_end(lint.source.text)]
    number = _NUMBER.search(header)
    missing = [
        f"“-- {name}: {example}”"
        for name, example, found in (
            ("Migration NNN", "…", number),
            ("Purpose", "…", _PURPOSE.search(header)),
            ("Created", "YYYY-MM-DD", _CREATED.search(header)),
        )
        if not found
    ]
    if missing:
        lint.report(HEADER, f"The header lacks {', '.join(missing)}.", None)
    if number and int(number[1]) != lint.version:
        lint.report(
            HEADER,
            f"The header says Migration {number[1]}, but this file is number {lint.version:03d}.",
            None,
            at=number.start(),
        )


@on(*_CREATED_KINDS)
def check_if_not_exists(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE statements for IF NOT EXISTS."""
    if not statement.node.if_not_exists and statement.block is None:
        kind = _CREATED_KINDS[statement.kind]
        lint.report(
            IF_NOT_EXISTS,
            f"CREATE {kind} {_created_name(statement)}".rstrip() + " lacks IF NOT EXISTS.",
            statement,
        )


@on_command("AT_AddColumn")
def check_column_if_not_exists(lint: FileLint, command: AlterCommand) -> None:
    """Check ADD COLUMN for IF NOT EXISTS."""
    if not command.node.missing_ok and command.statement.block is None:
        column = ast.quoted(ast.definition_of(command.node).column_def.colname)
        lint.report(
            IF_NOT_EXISTS,
            f"ADD COLUMN {column} lacks IF NOT EXISTS.",
            command.statement,
            at=command.offset,
        )


@on("drop_stmt")
def check_if_exists(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP statements for IF EXISTS."""
    if not statement.node.missing_ok and statement.block is None:
        kind = (
            ast.enum_name(statement.node, "remove_type").removeprefix("OBJECT_").replace("MATVIEW", "MATERIALIZED VIEW")
        )
        lint.report(IF_EXISTS, f"DROP {kind} lacks IF EXISTS.", statement)


@on("create_function_stmt", "view_stmt")
def check_or_replace(lint: FileLint, statement: ParsedStatement) -> None:
    """Check functions and views for OR REPLACE."""
    node = statement.node
    if node.replace or statement.block is not None:
        return
    if statement.kind == "view_stmt":
        what = f"VIEW {ast.sql_name(node.view)}"
    else:
        what = f"{'PROCEDURE' if node.is_procedure else 'FUNCTION'} {ast.sql_name_of_parts(ast.strings(node.funcname))}"
    lint.report(OR_REPLACE, f"CREATE {what} lacks OR REPLACE.", statement)


@on_file
def check_names(lint: FileLint) -> None:
    """Check for names that PostgreSQL truncates."""
    text = lint.source.text
    if not re.search(r"\w{60}", text):
        return
    for word in tokens_of(text) or ():
        name = word.text.strip('"')
        if word.kind == "IDENT" and len(name.encode()) > _MAX_NAME_BYTES:
            cut = name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
            lint.report(LONG_NAME, f"{name} is truncated to {cut}.", None, at=word.offset)


def _created_name(statement: ParsedStatement) -> str:
    node: Any = statement.node
    if statement.kind == "create_stmt":
        return ast.sql_name(node.relation)
    if statement.kind == "create_seq_stmt":
        return ast.sql_name(node.sequence)
    name = {"index_stmt": "idxname", "create_schema_stmt": "schemaname", "create_extension_stmt": "extname"}
    created = str(getattr(node, name[statement.kind]))
    return ast.quoted(created) if created else ""
