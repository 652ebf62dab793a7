"""Find the SQL that a statement contains as text: the code of DO blocks and functions, and what that code EXECUTEs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.sql.parser import ParseError, parse, parse_plpgsql
from peterental.database.migrations.sql.tokens import Token, tokens_of
from peterental.database.migrations.sql.trees import name_parts, nodes_of

_FIRST_WORDS = frozenset(
    {
        "ALTER",
        "COPY",
        "CREATE",
        "DECLARE",
        "DEALLOCATE",
        "DELETE_P",
        "DISCARD",
        "DROP",
        "EXECUTE",
        "INSERT",
        "LISTEN",
        "MERGE",
        "PERFORM",
        "PREPARE",
        "RESET",
        "SELECT",
        "SET",
        "TRUNCATE",
        "UPDATE",
        "WITH",
    }
)


@dataclass(frozen=True)
class EmbeddedStatement:
    """One statement, or SQL that it contains.

    Args:
        tree: its parse tree, as Node; None if it is not complete, because it is put together at run time.
        text: its text; of incomplete SQL, the constant parts.
        offset: where it begins in the statement that contains it, in characters; 0 where that is unknown.
        is_nested: whether it is part of another statement's code.
    """

    tree: Any | None
    text: str
    offset: int = 0
    is_nested: bool = False


def statements_in(sql: str, *, functions: bool = True) -> Iterator[EmbeddedStatement]:
    """Yield the statements of `sql`, each followed by those in its code; nothing for text that does not parse.

    Args:
        sql: the text.
        functions: whether to look into functions and procedures too, which are only defined, not run.
    """
    for tree in _trees(sql):
        yield EmbeddedStatement(tree, sql)
        yield from _in_code(tree, sql, functions=functions)


def _in_code(tree: Any, sql: str, *, functions: bool) -> Iterator[EmbeddedStatement]:
    if tree.HasField("do_stmt"):
        options = tree.do_stmt.args
    elif functions and tree.HasField("create_function_stmt"):
        options = tree.create_function_stmt.options
    else:
        return
    language = ""
    bodies: list[str] = []
    for option in options:
        value = option.def_elem.arg
        if option.def_elem.defname == "language":
            language = value.string.sval.lower()
        elif option.def_elem.defname == "as":
            bodies += [value.string.sval] if value.HasField("string") else name_parts(value.list.items)
    for body in bodies:
        yield from _in_body(sql, body, language, functions=functions)


def _in_body(sql: str, body: str, language: str, *, functions: bool) -> Iterator[EmbeddedStatement]:
    """Yield the SQL in the code of a block or function, in PL/pgSQL or SQL."""
    start = max(sql.find(body), 0)
    if language == "sql":
        yield from _static(body, start, functions=functions)
        return
    try:
        queries = list(_queries(parse_plpgsql(sql)))
    except ParseError:  # types and variables that only the server knows, or another language
        queries = list(_queries_by_tokens(body))
    for query, is_dynamic in queries:
        offset = start + max(body.find(query), 0)
        if is_dynamic:
            yield from _dynamic(query, offset, functions=functions)
        else:
            yield from _static(query, offset, functions=functions)


def _static(query: str, offset: int, *, functions: bool) -> Iterator[EmbeddedStatement]:
    """Yield a statement or an expression of PL/pgSQL."""
    for attempt in (query, f"SELECT {query}", f"SELECT {query.partition(':=')[2]}"):
        trees = _trees(attempt)
        for tree in trees:
            yield EmbeddedStatement(tree, query, offset, is_nested=True)
            for inner in _in_code(tree, attempt, functions=functions):
                yield EmbeddedStatement(inner.tree, inner.text, offset, is_nested=True)
        if trees:
            return


def _dynamic(expression: str, offset: int, *, functions: bool) -> Iterator[EmbeddedStatement]:
    """Yield the SQL that an expression builds, as far as its constants show it."""
    constants = [node.sval.sval for tree in _trees(f"SELECT {expression}") for node in nodes_of(tree, "A_Const")]
    built = "".join(constants)
    trees = _trees(built)
    if not trees and built.strip():
        yield EmbeddedStatement(None, " ".join(constants), offset, is_nested=True)
    for tree in trees:
        yield EmbeddedStatement(tree, built, offset, is_nested=True)
        for inner in _in_code(tree, built, functions=functions):
            yield EmbeddedStatement(inner.tree, inner.text, offset, is_nested=True)


def _queries(tree: Any) -> Iterator[tuple[str, bool]]:
    """Yield each query and expression of a parsed function, and whether it builds dynamic SQL."""
    waiting: list[tuple[Any, bool]] = [(tree, False)]
    while waiting:
        node, is_dynamic = waiting.pop()
        if isinstance(node, list):
            waiting += [(item, is_dynamic) for item in reversed(node)]
        elif isinstance(node, dict):
            if "query" in node and isinstance(node["query"], str):
                yield node["query"], is_dynamic
            for kind, value in reversed(node.items()):
                builds = kind in {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors", "dynquery"}
                waiting.append((value, is_dynamic or builds))


def _queries_by_tokens(body: str) -> Iterator[tuple[str, bool]]:
    """Yield what lies between a statement's first word and its semicolon, in code that cannot be parsed."""
    tokens = tokens_of(body) or []
    for number, token in enumerate(tokens):
        if token.kind in _FIRST_WORDS or token.text.upper() == "PERFORM":
            end = _end_of(tokens, number)
            text = body[token.offset : end]
            if token.kind == "EXECUTE":
                yield body[token.end : end], True
            elif token.text.upper() == "PERFORM":
                yield f"SELECT {body[token.end : end]}", False
            else:
                yield text, False


def _end_of(tokens: list[Token], number: int) -> int:
    return next((token.offset for token in tokens[number:] if token.text == ";"), tokens[-1].end)


def _trees(sql: str) -> list[Any]:
    try:
        return [raw.stmt for raw in parse(sql)]
    except ParseError:
        return []
