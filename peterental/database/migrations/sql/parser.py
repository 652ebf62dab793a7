"""PostgreSQL's own grammar, by way of `postgast` (libpg_query).

Trees are protobuf messages without types that a checker could read, hence Any.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from peterental.database.migrations.private_apis import private


class ParseError(Exception):
    """The grammar does not know a text: it is wrong, or newer than the grammar.

    Args:
        message: what the grammar said.
        offset: where, in characters.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def parse(text: str) -> Any:
    """Give the trees of all statements of `text`, as RawStmt. Raises NotUnderstood."""
    with _translating_errors():
        return library().parse(text).stmts


def parse_one(sql: str) -> Any:
    """Give the tree of the first statement of `sql`, as Node. Raises NotUnderstood, also where there is none."""
    trees = parse(sql)
    if not trees:
        raise ParseError("there is no statement in it", 0)
    return trees[0].stmt


def parse_plpgsql(sql: str) -> Any:
    """Give the functions of a DO or CREATE FUNCTION in PL/pgSQL, as lists and dicts. Raises NotUnderstood."""
    with _translating_errors():
        return library().parse_plpgsql(sql)


def split(text: str) -> list[str]:
    """Give the statements of `text` as they stand, without their semicolons. Raises NotUnderstood."""
    with _translating_errors():
        return list(library().split(text, method="parser"))


def scan(text: str) -> Any:
    """Give the tokens of `text`, with their places in bytes; see `tokens_of` for those in characters.

    Raises NotUnderstood.
    """
    with _translating_errors():
        return library().scan(text).tokens


def pg_enums() -> Any:
    """Give the names that the grammar has for kinds of things: `pg_enums().OBJECT_ROLE`."""
    return library().pg_query_pb2


@cache
def library() -> Any:
    """Give `postgast`, loaded when a text is first asked about: that takes long and is seldom needed."""
    import postgast  # noqa: PLC0415  # see above

    # Protobuf refuses trees that are a hundred deep, as those of 'a' || 'b' || … with fifty terms are.
    private(
        "google._upb._message",
        "SetAllowOversizeProtos",
        "In peterental/database/migrations/sql/parser.py, raise the depth of protobuf messages by what replaces it;"
        " test_stepwise.py has an expression of 500 terms that must be understood.",
    )(True)  # noqa: FBT003  # that is its form
    return postgast


@contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except library().PgQueryError as error:
        # Unlike the places in a tree, and unlike what postgast's manual says, this counts characters.
        raise ParseError(error.message, max(error.cursorpos - 1, 0)) from error
