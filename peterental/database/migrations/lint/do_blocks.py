"""Finds the SQL within a DO block: what stands there as it is, and where it is put together at run time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.sql.parser import ParseError, parse_one, parse_plpgsql


@dataclass(frozen=True)
class EmbeddedSql:
    """SQL of a block: where in the file it begins, in characters, and how it reads; None where that is not known."""

    offset: int
    sql: str | None


def pieces_of_block(block: str, start: int, bodies: list[str]) -> list[EmbeddedSql]:
    """Give the SQL that a DO statement runs, in the order in which it is written.

    Args:
        block: the statement.
        start: where in the file it begins.
        bodies: its code, as the parser understood the quotes around it.

    Another language than PL/pgSQL, or code that is wrong, gives nothing: the server will judge it.
    """
    try:
        functions = parse_plpgsql(block)
    except ParseError:
        return []
    body = bodies[0] if bodies else ""
    body_start = block.find(body)
    found = []
    for line, query, dynamic in _queries(functions):
        sql = _constant(query) if dynamic else query
        offset = 0
        if body_start >= 0:
            line_start = _line_start(body, line)
            at = body.find(query, line_start)
            offset = body_start + (at if at >= 0 else line_start)
        found.append(EmbeddedSql(start + offset, sql))
    return found


def _queries(tree: Any) -> Iterator[tuple[int, str, bool]]:
    """Give (line in the body, text, whether it is an expression that yields the SQL) of each statement."""
    if isinstance(tree, list):
        for item in tree:
            yield from _queries(item)
    elif isinstance(tree, dict):
        for kind, value in tree.items():
            if kind in ("PLpgSQL_stmt_execsql", "PLpgSQL_stmt_perform"):
                expression = value.get("sqlstmt") or value.get("expr")
                yield value.get("lineno", 1), expression["PLpgSQL_expr"]["query"], False
            elif kind == "PLpgSQL_stmt_dynexecute":
                yield value.get("lineno", 1), value["query"]["PLpgSQL_expr"]["query"], True
            else:
                yield from _queries(value)


def _constant(expression: str) -> str | None:
    """Give the text that a constant expression of PL/pgSQL stands for; None for any other."""
    try:
        statement = parse_one(f"SELECT {expression}").select_stmt
    except ParseError:
        return None
    value = statement.target_list[0].res_target.val if len(statement.target_list) == 1 else None
    if value is None or not value.HasField("a_const") or not value.a_const.HasField("sval"):
        return None
    return str(value.a_const.sval.sval)


def _line_start(text: str, line: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = text.find("\n", position) + 1
    return position
