"""The manners of the migration guide: files that say what they are for, and can be run twice."""

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
    "header-comment", "Whoever reads the file in a year wants to know what it was for, and when; the name has no room."
)
IF_NOT_EXISTS = advice(
    "if-not-exists",
    "A file that can be run twice can be run by hand, and over a database where somebody was ahead of it.",
)
IF_EXISTS = advice("if-exists", IF_NOT_EXISTS.why)
OR_REPLACE = advice("or-replace", IF_NOT_EXISTS.why)
LONG_NAME = advice(
    "long-name",
    "PostgreSQL cuts names after 63 bytes, without an error: nobody finds it under the name that was written.",
)

_NUMBER = re.compile(r"--[ \t]*migration[ \t]+(\d+)[ \t]*:[ \t]*\S", re.IGNORECASE)
_PURPOSE = re.compile(r"--[ \t]*purpose[ \t]*:[ \t]*\S", re.IGNORECASE)
_CREATED = re.compile(r"--[ \t]*created[ \t]*:[ \t]*\d{4}-\d{2}-\d{2}", re.IGNORECASE)
_LONGEST_NAME = 63

_MAKES = {
    "create_stmt": "TABLE",
    "index_stmt": "INDEX",
    "create_seq_stmt": "SEQUENCE",
    "create_schema_stmt": "SCHEMA",
    "create_extension_stmt": "EXTENSION",
}


@on_file
def check_header(lint: FileLint) -> None:
    """Look for the header comment: number, purpose, date."""
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
        lint.report(HEADER, f"Its header lacks {', '.join(missing)}.", None)
    if number and int(number[1]) != lint.version:
        lint.report(
            HEADER,
            f"Its header says Migration {number[1]}; this file is number {lint.version:03d}.",
            None,
            at=number.start(),
        )


@on(*_MAKES)
def check_if_not_exists(lint: FileLint, statement: ParsedStatement) -> None:
    """Look for IF NOT EXISTS on what a file makes."""
    if not statement.node.if_not_exists and statement.block is None:
        kind = _MAKES[statement.kind]
        lint.report(
            IF_NOT_EXISTS,
            f"CREATE {kind} {_made_name(statement)}".rstrip() + " lacks IF NOT EXISTS.",
            statement,
        )


@on_command("AT_AddColumn")
def check_column_if_not_exists(lint: FileLint, command: AlterCommand) -> None:
    """Look for IF NOT EXISTS on ADD COLUMN."""
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
    """Look for IF EXISTS on what a file drops."""
    if not statement.node.missing_ok and statement.block is None:
        kind = (
            ast.enum_name(statement.node, "remove_type").removeprefix("OBJECT_").replace("MATVIEW", "MATERIALIZED VIEW")
        )
        lint.report(IF_EXISTS, f"DROP {kind} lacks IF EXISTS.", statement)


@on("create_function_stmt", "view_stmt")
def check_or_replace(lint: FileLint, statement: ParsedStatement) -> None:
    """Look for OR REPLACE on functions and views."""
    node = statement.node
    if node.replace or statement.block is not None:
        return
    if statement.kind == "view_stmt":
        what = f"VIEW {ast.shown(node.view)}"
    else:
        what = f"{'PROCEDURE' if node.is_procedure else 'FUNCTION'} {ast.shown_names(ast.strings(node.funcname))}"
    lint.report(OR_REPLACE, f"CREATE {what} lacks OR REPLACE.", statement)


@on_file
def check_names(lint: FileLint) -> None:
    """Look for names that PostgreSQL will cut."""
    text = lint.source.text
    if not re.search(r"\w{60}", text):
        return
    for word in tokens_of(text) or ():
        name = word.sql.strip('"')
        if word.kind == "IDENT" and len(name.encode()) > _LONGEST_NAME:
            cut = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
            lint.report(LONG_NAME, f"{name} becomes {cut}.", None, at=word.offset)


def _made_name(statement: ParsedStatement) -> str:
    node: Any = statement.node
    if statement.kind == "create_stmt":
        return ast.shown(node.relation)
    if statement.kind == "create_seq_stmt":
        return ast.shown(node.sequence)
    name = {"index_stmt": "idxname", "create_schema_stmt": "schemaname", "create_extension_stmt": "extname"}
    made = str(getattr(node, name[statement.kind]))
    return ast.quoted(made) if made else ""
