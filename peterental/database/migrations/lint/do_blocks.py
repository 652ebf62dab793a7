"""Find the SQL in a DO block: static statements, and places where SQL is built at run time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.sql.parser import ParseError, parse_one, parse_plpgsql


@dataclass(frozen=True)
class EmbeddedSql:
    """SQL inside a DO block.

    Args:
        offset: where it begins in the file, in characters.
        sql: its text; None if it is built at run time.
        loop: the query of the innermost FOR loop around it, which it runs for each row of; empty without one.
    """

    offset: int
    sql: str | None
    loop: str = ""


def sql_in_block(block: str, start: int, bodies: list[str]) -> list[EmbeddedSql]:
    """Return the SQL that a DO statement runs, in source order.

    Blocks in other languages and blocks with syntax errors yield an empty list: the server reports those.

    Args:
        block: the statement.
        start: where it begins in the file, in characters.
        bodies: its code, unquoted by the parser.
    """
    try:
        functions = parse_plpgsql(block)
    except ParseError:
        return []
    body = bodies[0] if bodies else ""
    body_start = block.find(body)
    found = []
    for line, query, dynamic, loop in _queries(functions):
        sql = _constant(query) if dynamic else query
        offset = 0
        if body_start >= 0:
            line_start = _line_start(body, line)
            at = body.find(query, line_start)
            offset = body_start + (at if at >= 0 else line_start)
        found.append(EmbeddedSql(start + offset, sql, loop))
    return found


def _queries(tree: Any, loop: str = "") -> Iterator[tuple[int, str, bool, str]]:
    """Yield (line in the body, text, is dynamic, query of the loop around it) of each statement.

    For dynamic SQL, the text is the expression that builds it.
    """
    if isinstance(tree, list):
        for item in tree:
            yield from _queries(item, loop)
    elif isinstance(tree, dict):
        for kind, value in tree.items():
            if kind in {"PLpgSQL_stmt_execsql", "PLpgSQL_stmt_perform", "PLpgSQL_stmt_call"}:
                expression = value.get("sqlstmt") or value.get("expr")
                yield value.get("lineno", 1), expression["PLpgSQL_expr"]["query"], False, loop
            elif kind == "PLpgSQL_stmt_dynexecute":
                yield value.get("lineno", 1), value["query"]["PLpgSQL_expr"]["query"], True, loop
            elif kind == "PLpgSQL_stmt_fors":
                yield from _queries(value, value["query"]["PLpgSQL_expr"]["query"])
            else:
                yield from _queries(value, loop)


def _constant(expression: str) -> str | None:
    """Return the value of a constant PL/pgSQL string expression.

    Return None for any other expression.
    """
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
