"""Edits of SQL text that leave every other character unchanged."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.source.statements import Statement, split_statements
from peterental.database.migrations.sql.block_transactions import has_transaction_control
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.parser import ParseError, parse_one
from peterental.database.migrations.sql.tokens import tokens_of

_BEGIN = re.compile(r"(?:begin|start\s+transaction)\b", re.IGNORECASE)
_COMMIT = re.compile(r"(?:commit|end)\b(?!\s+prepared)", re.IGNORECASE)
_OTHER_CONTROL = re.compile(
    r"(?:abort|prepare\s+transaction|(?:commit|rollback)\s+prepared"
    r"|rollback\b(?!\s+(?:work\s+|transaction\s+)?to\b))",
    re.IGNORECASE,
)
_MAYBE_OUTSIDE_ONLY = re.compile(
    r"\b(?:concurrently|vacuum|reindex|database|tablespace|system|commit|rollback)\b", re.IGNORECASE
)
_SETTING = re.compile(
    r"set\s+(?:session\s+(?!characteristics|authorization))?(?P<name>[\w.]+)\s*(?:=|\bto\b)", re.IGNORECASE
)
_SET_CONFIG = re.compile(
    r"select\s+(?:pg_catalog\.)?set_config\(\s*'(?P<name>[\w.]+)'.*,\s*false\s*\)", re.IGNORECASE | re.DOTALL
)
_END_OF_STATEMENT = re.compile(r"[ \t]*;*")
_REST_OF_LINE = re.compile(r"[ \t]*(?:\r\n|\r|\n|\Z)")

_ON_TABLE = (
    r"(?:create\s+table|alter\s+table|drop\s+table|truncate(?:\s+table)?|insert\s+into|update|delete\s+from"
    r"|comment\s+on\s+table)\s+(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(?:\"?\w+\"?\.)?\"?{table}\"?(?=[\s(;]|\Z)"
    r"(?!\s*,)"
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

_OUTSIDE_ONLY_KINDS = {
    "vacuum_stmt",
    "createdb_stmt",
    "dropdb_stmt",
    "alter_system_stmt",
    "create_table_space_stmt",
    "drop_table_space_stmt",
}


def has_statement(text: str) -> bool:
    """Return whether `text` has more than comments and white space."""
    return header_end(text) < len(text)


def begins_transaction(sql: str) -> bool:
    """Return whether a statement is BEGIN or START TRANSACTION."""
    return bool(_BEGIN.match(sql))


def ends_transaction(sql: str) -> bool:
    """Return whether a statement is COMMIT or END."""
    return bool(_COMMIT.match(sql))


@dataclass(frozen=True)
class Unwrapped:
    """A text without its pairs of BEGIN and COMMIT.

    Args:
        text: what is left.
        is_whole: whether the only pair was around the whole text.
    """

    text: str
    is_whole: bool


def unwrapped(text: str) -> Unwrapped | None:
    """Return `text` without its pairs of BEGIN and COMMIT; None without any.

    None too if it controls transactions otherwise, or has a statement that cannot run in the one transaction.
    """
    statements = split_statements(text)
    controls = [statement for statement in statements if _controls_transaction(statement.sql)]
    begins, ends = controls[::2], controls[1::2]
    if len(begins) != len(ends) or not controls:
        return None
    if not all(begins_transaction(one.sql) for one in begins) or not all(ends_transaction(one.sql) for one in ends):
        return None
    found = without_statements(text, controls)
    is_whole = [statements[0], statements[-1]] == controls
    return None if not is_whole and needs_no_transaction(found) else Unwrapped(found, is_whole)


def _controls_transaction(sql: str) -> bool:
    return begins_transaction(sql) or ends_transaction(sql) or bool(_OTHER_CONTROL.match(sql))


def without_statements(text: str, removed: Sequence[Statement]) -> str:
    """Return `text` without some of its statements, their semicolons, and lines that are empty then."""
    for statement in sorted(removed, key=lambda one: one.offset, reverse=True):
        begin = statement.offset
        end = _end_of(text, begin + len(statement.sql))
        line_start = max(text.rfind("\n", 0, begin), text.rfind("\r", 0, begin)) + 1
        if not text[line_start:begin].strip():
            rest = _REST_OF_LINE.match(text, end)
            begin, end = (line_start, rest.end()) if rest else (begin, end)
        text = text[:begin] + text[end:]
    return text


def without_matching(text: str, matches: Callable[[str], object]) -> tuple[str, list[str]]:
    """Return `text` without the statements that `matches` accepts, and these statements."""
    removed = [statement for statement in split_statements(text) if matches(statement.sql)]
    return without_statements(text, removed), [statement.sql for statement in removed]


def without_table(text: str, table: str) -> tuple[str, list[str]]:
    """Return `text` without the statements that make, change or drop a table, and these.

    Args:
        text: the SQL.
        table: its name, in lower case.
    """
    if table not in text.lower():
        return text, []
    return without_matching(text, re.compile(_ON_TABLE.format(table=table), re.IGNORECASE).match)


def _end_of(text: str, position: int) -> int:
    found = _END_OF_STATEMENT.match(text, position)
    return found.end() if found else position


def terminated(text: str) -> str:
    """Return `text` with a semicolon after its last statement, if it has none."""
    tokens = tokens_of(text)
    if tokens is None:
        return text
    if not tokens or tokens[-1].text == ";":
        return text
    end = tokens[-1].end
    return f"{text[:end]};{text[end:]}"


def needs_no_transaction(text: str) -> bool:
    """Return whether `text` has a statement that PostgreSQL runs only outside a transaction."""
    return bool(_MAYBE_OUTSIDE_ONLY.search(text)) and any(
        _runs_outside_only(statement.sql) for statement in split_statements(text)
    )


def _runs_outside_only(sql: str) -> bool:
    if not _MAYBE_OUTSIDE_ONLY.search(sql):
        return False
    try:
        tree = parse_one(sql)
    except ParseError:
        return False  # reported later
    kind = tree.WhichOneof("node")
    node = getattr(tree, kind)
    if kind in _OUTSIDE_ONLY_KINDS:
        return kind != "vacuum_stmt" or bool(node.is_vacuumcmd)
    if kind in {"index_stmt", "drop_stmt"}:
        return bool(node.concurrent)
    if kind == "reindex_stmt":
        return not node.HasField("relation") or any(one.def_elem.defname == "concurrently" for one in node.params)
    detaches = kind == "alter_table_stmt" and any(_detaches_concurrently(one.alter_table_cmd) for one in node.cmds)
    return detaches or (kind == "do_stmt" and has_transaction_control(sql, if_unknown=False))


def _detaches_concurrently(command: Any) -> bool:
    return command.HasField("def") and bool(getattr(command, "def").partition_cmd.concurrent)


def session_settings(text: str) -> list[str]:
    """Return the names of the settings that `text` changes until the end of the session."""
    found = []
    for statement in split_statements(text):
        match = _SETTING.match(statement.sql) or _SET_CONFIG.match(statement.sql)
        if match and match["name"].lower() not in {"local", "constraints", "transaction"}:
            found.append(match["name"].lower())
    return list(dict.fromkeys(found))


def lines_of(text: str) -> list[str]:
    """Return the lines of `text` with their line ends, unchanged."""
    return _LINE.findall(text)


def lines_matching(text: str, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """Return the line number and text of each match outside `--` comments."""
    found = []
    for number, line in enumerate(lines_of(text), 1):
        code = "" if line.lstrip().startswith("--") else line
        found += [(number, match.group()) for match in pattern.finditer(code)]
    return found
