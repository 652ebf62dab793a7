"""PostgreSQL's own parser, through `postgast` (libpg_query).

Parse trees are protobuf messages without type stubs, hence Any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from peterental.database.migrations.private_apis import private

_CLOSED_TWICE = re.compile(r"(?<=[\[,])\{\}\}(?=[,\]])")


class ParseError(Exception):
    """The parser rejected a text: the SQL is wrong, or its syntax is newer than the parser.

    Args:
        message: what the parser reported.
        offset: where, in characters.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def parse(text: str) -> Any:
    """Return the trees of all statements of `text`, as RawStmt. Raises ParseError."""
    with _translating_errors():
        return library().parse(text).stmts


def parse_one(sql: str) -> Any:
    """Return the tree of the first statement of `sql`, as Node. Raises ParseError, also if there is none."""
    trees = parse(sql)
    if not trees:
        raise ParseError("there is no statement in it", 0)
    return trees[0].stmt


def parse_plpgsql(sql: str) -> Any:
    """Return the functions of a DO or CREATE FUNCTION in PL/pgSQL, as lists and dicts. Raises ParseError."""
    with _translating_errors():
        try:
            return library().parse_plpgsql(sql)
        except json.JSONDecodeError as error:
            return _repaired(error.doc)


def _repaired(document: str) -> Any:
    """Parse what libpg_query writes for a trigger function: it closes each of TG_OP, TG_NAME and so on twice."""
    variables, *code = document.partition('"action":')
    try:
        return json.loads("".join([_CLOSED_TWICE.sub("{}", variables), *code]))
    except json.JSONDecodeError as error:
        raise ParseError("the parser's answer is not valid JSON", 0) from error


def split(text: str) -> list[str]:
    """Return the statements of `text`, unchanged but for their semicolons. Raises ParseError."""
    with _translating_errors():
        return list(library().split(text, method="parser"))


def scan(text: str) -> Any:
    """Return the tokens of `text` with offsets in bytes; `tokens_of` has offsets in characters.

    Raises ParseError.
    """
    with _translating_errors():
        return library().scan(text).tokens


def pg_enums() -> Any:
    """Return the module with the parser's enumerations: `pg_enums().OBJECT_ROLE`."""
    return library().pg_query_pb2


@cache
def library() -> Any:
    """Return `postgast`, imported on the first call: the import is slow and rarely needed."""
    import postgast  # noqa: PLC0415  # see above

    # Protobuf rejects trees a hundred levels deep, such as that of 'a' || 'b' || … with fifty terms.
    private(
        "google._upb._message",
        "SetAllowOversizeProtos",
        "In peterental/database/migrations/sql/parser.py, raise the depth limit of protobuf messages with its"
        " replacement; test_non_transactional.py has an expression of 500 terms that must parse.",
    )(True)  # noqa: FBT003  # its signature
    return postgast


@contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except library().PgQueryError as error:
        # Unlike the positions in a tree, and contrary to postgast's manual, this one counts characters.
        raise ParseError(error.message, max(error.cursorpos - 1, 0)) from error
