"""Split a migration into statements with PostgreSQL's own parser, and find what a migration may not contain.

The parser is slow to import, so regular expressions first decide whether it is needed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.psql_syntax import COPY_FROM_STDIN, psql_problems
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums, scan, split
from peterental.database.migrations.sql.tokens import Token, tokens_of
from peterental.database.migrations.wording import mentions

_MAYBE_CONTROL = re.compile(r"\b(?:begin|start|commit|end|rollback|abort|prepare)\b", re.IGNORECASE)
_CONTROL_WORDS = ("begin", "start", "commit", "end", "rollback", "abort", "prepare", "stdin", "stdout", "discard")
_MAYBE_COPY = re.compile(r"\bstd(?:in|out)\b", re.IGNORECASE)
_MAYBE_UNLOCK = re.compile(r"\bpg_advisory_unlock_all\b", re.IGNORECASE)
_MAYBE_DISCARD = re.compile(r"\bdiscard\s+all\b", re.IGNORECASE)
_MAYBE_RELEVANT = re.compile(r"(?:begin|start|commit|end|rollback|abort|prepare|copy|discard)\b", re.IGNORECASE)
_NAMELESS_INDEX = re.compile(r"create\s+(?:unique\s+)?index\s+concurrently\s+on\b", re.IGNORECASE)
_LEDGER_INSERT = re.compile(r"insert\s+into\s+(?:\S+\.)?\"?schema_migrations\b", re.IGNORECASE)
_RELEASES_THE_LOCK = "would release the lock that keeps other runners out"


@dataclass(frozen=True)
class Statement:
    """One statement: its offset in the file, in characters, and its SQL without the semicolon."""

    offset: int
    sql: str


def split_statements(text: str) -> list[Statement]:
    """Split `text` into statements.

    PostgreSQL's parser splits it. Where the parser fails (newer syntax, or an error), the tokens decide.
    """
    try:
        pieces = split(text)
    except ParseError:
        return _split_at_semicolons(text)
    statements = []
    position = 0
    for piece in pieces:
        offset = text.find(piece, header_end(text, position))
        statements.append(Statement(offset, piece))
        position = offset + len(piece)
    return statements


def _split_at_semicolons(text: str) -> list[Statement]:
    """Split at semicolons, except those in parentheses and in BEGIN ATOMIC … END.

    The library can split by tokens too, but drops statements without a keyword, such as a mistyped one.
    """
    groups: list[list[Token]] = [[]]
    brackets = blocks = 0
    for token in tokens_of(text) or ():
        if token.text == ";" and brackets <= 0 and not blocks:
            groups.append([])
            brackets = 0
            continue
        brackets += (token.text == "(") - (token.text == ")")
        opens_body = token.kind == "ATOMIC" and groups[-1] and groups[-1][-1].kind == "BEGIN_P"
        if opens_body or (blocks and token.kind == "CASE"):
            blocks += 1
        elif blocks and token.kind == "END_P":
            blocks -= 1
        groups[-1].append(token)
    return [Statement(group[0].offset, text[group[0].offset : group[-1].end]) for group in groups if group]


def statement_offset(text: str, index: int) -> int | None:
    """Return the offset of statement `index` (from 0) of `text`; None if there is no such statement."""
    statements = split_statements(text)
    return statements[index].offset if index < len(statements) else None


def same_statements(one: str, other: str) -> bool:
    """Return whether two texts differ only in comments and white space."""
    return _normalized(one) == _normalized(other)


def statements_digest(text: str) -> str:
    """Return 16 hexadecimal digits that depend only on the statements, not on comments and white space."""
    return hashlib.sha256("\0".join(_normalized(text)).encode()).hexdigest()[:16]


def is_ledger_insert(sql: str) -> bool:
    """Return whether a statement is the INSERT with which a file records itself in the ledger."""
    return bool(_LEDGER_INSERT.match(sql))


def why_empty(text: str) -> str | None:
    """Return in what way a migration is empty (it may only record itself); None if it is not."""
    begin = header_end(text)
    if begin == len(text):
        return "has no statement in it; write the change, or delete the file"
    if is_ledger_insert(text[begin:]) and all(is_ledger_insert(statement.sql) for statement in split_statements(text)):
        return "does nothing but record itself; write SELECT 1 if that is what you want"
    return None


def check_runnable(file: MigrationFile, text: str, directives: Directives) -> list[Problem]:
    """Return what in `text` cannot run, each with its line.

    Transaction control would break the guarantee that file and ledger row commit together. The server does not
    understand psql's commands and COPY FROM STDIN.
    """
    problems = psql_problems(file, text)
    if mentions(text, "pg_advisory_unlock_all"):
        problems += _unlock_calls(file, text)
    if (
        not problems
        and mentions(text, *_CONTROL_WORDS)
        and any(maybe.search(text) for maybe in (_MAYBE_CONTROL, _MAYBE_COPY, _MAYBE_DISCARD))
    ):
        for statement in split_statements(text):
            refusal = _refusal(statement.sql, no_transaction=directives.no_transaction)
            if refusal:
                problems.append(file.problem(text, statement.offset, *refusal))
    if directives.no_transaction and not problems:
        problems = _no_transaction_problems(file, text)
    return problems


def _no_transaction_problems(file: MigrationFile, text: str) -> list[Problem]:
    """Return what prevents a no-transaction file from running statement by statement and being resumed."""
    statements = split_statements(text)
    if not statements:
        return [_unsplittable(file, text)]
    message = "give the index a name, so that an interrupted build can be found again"
    return [
        file.problem(text, statement.offset, message)
        for statement in statements
        if _NAMELESS_INDEX.match(statement.sql)
    ]


def _unsplittable(file: MigrationFile, text: str) -> Problem:
    """Return where an unclosed quote or comment prevents splitting."""
    try:
        scan(text)
    except ParseError as error:
        return file.problem(text, error.offset, f"this file cannot be split into statements: {error.message}")
    return Problem(message=f"{file.path.name} cannot be split into statements", file=file.path.name)


def _refusal(sql: str, *, no_transaction: bool) -> tuple[str, str] | None:
    """Return why the runner refuses a statement, and what to do; None for one that it accepts."""
    if not _MAYBE_RELEVANT.match(sql):
        return None
    try:
        tree = parse_one(sql)
    except ParseError:
        return None  # the server will report it
    if tree.HasField("transaction_stmt"):
        return _transaction_control(sql, tree.transaction_stmt, no_transaction=no_transaction)
    if tree.HasField("copy_stmt") and not tree.copy_stmt.filename:
        copy_in = (COPY_FROM_STDIN, "write INSERT instead")
        copy_out = ("COPY … TO STDOUT sends its rows to psql", "remove it")
        return copy_in if tree.copy_stmt.is_from else copy_out
    if tree.HasField("discard_stmt") and tree.discard_stmt.target == pg_enums().DISCARD_ALL:
        return f"DISCARD ALL {_RELEASES_THE_LOCK}", "RESET ALL resets the settings"
    return None


def _transaction_control(sql: str, node: Any, *, no_transaction: bool) -> tuple[str, str] | None:
    savepoints = {pg_enums().TRANS_STMT_SAVEPOINT, pg_enums().TRANS_STMT_RELEASE, pg_enums().TRANS_STMT_ROLLBACK_TO}
    if node.kind in savepoints:
        return None
    what = " ".join(sql.split())
    if no_transaction:
        message = f"{what} has no place in a no-transaction file, where each statement is a transaction of its own"
        return message, "remove it, and move what belongs into one transaction to a file of its own, or into a DO block"
    message = f"{what} would break the file's transaction"
    return message, "remove it: each file is one transaction already"


def _unlock_calls(file: MigrationFile, text: str) -> list[Problem]:
    """Return calls that release every advisory lock of the session, including those in quoted code."""
    problems = []
    for token in tokens_of(text) or ():
        found = _MAYBE_UNLOCK.search(token.text)
        if found:
            message = f"pg_advisory_unlock_all() {_RELEASES_THE_LOCK}"
            problems.append(
                file.problem(text, token.offset + found.start(), message, "unlock your own locks by their keys")
            )
    return problems


def _normalized(text: str) -> list[str]:
    """Return the texts of the tokens of `text` without comments; the whole text if it cannot be scanned."""
    tokens = tokens_of(text)
    return [text] if tokens is None else [token.text for token in tokens]
