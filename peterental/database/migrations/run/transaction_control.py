"""Tells of a statement, before it runs, what no transaction can hold: blocks and procedures that commit.

Most statements that cannot run in a transaction are refused there before they do anything, so trying costs nothing.
A block that commits is refused at its first COMMIT, when it has done a batch of work already.
"""

from __future__ import annotations

import re
from typing import Any

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.parser import ParseError, parse_one, parse_plpgsql

_BLOCK_OR_CALL = re.compile(r"(?:do|call)\b", re.IGNORECASE)
_ENDS_TRANSACTION = re.compile(r"\b(?:commit|rollback)\b", re.IGNORECASE)
_WAITS_WITHOUT_BLOCKING = re.compile(r"\bconcurrently\b|\Avacuum\b(?!.*\bfull\b)", re.IGNORECASE | re.DOTALL)

_SOURCES = """
SELECT pg_get_functiondef(oid) AS definition FROM pg_catalog.pg_proc
WHERE prokind = 'p' AND proname = %(name)s
    AND (%(schema)s::text IS NULL
        OR pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s::text))
"""


def contains_commit(connection: Connection, sql: str) -> bool:
    """Whether a statement is a DO block with a COMMIT or ROLLBACK in it, or calls a procedure with one.

    A procedure that commits only in another one that it calls is not recognised.
    """
    if not _BLOCK_OR_CALL.match(sql):
        return False
    return any(has_transaction_control(source) for source in _sources(connection, sql))


def has_transaction_control(definition: str) -> bool:
    """Whether a DO block or a CREATE PROCEDURE has a COMMIT or ROLLBACK among its statements.

    Where it cannot be understood (another language, types that only the server knows), its words decide.
    """
    if not _ENDS_TRANSACTION.search(definition):
        return False
    try:
        functions = parse_plpgsql(definition)
    except ParseError:
        return True
    understood = all("action" in function["PLpgSQL_function"] for function in functions)
    return _has_end(functions) if understood else True


def waits_without_blocking(sql: str) -> bool:
    """Whether others read and write on while a statement waits for its lock: then it may wait as long as it takes."""
    return bool(_WAITS_WITHOUT_BLOCKING.search(sql))


def _sources(connection: Connection, sql: str) -> list[str]:
    """Give what a DO or CALL runs, as text."""
    try:
        tree = parse_one(sql)
    except ParseError:
        return []  # the server will say what is wrong with it
    if tree.HasField("do_stmt"):
        return [sql]
    if not tree.HasField("call_stmt"):
        return []
    names = [part.string.sval for part in tree.call_stmt.funccall.funcname]
    wanted = {"name": names[-1], "schema": names[-2] if len(names) > 1 else None}
    return [row["definition"] for row in connection.execute(_SOURCES, wanted, prepare=False)]


def _has_end(tree: Any) -> bool:
    if isinstance(tree, list):
        return any(_has_end(item) for item in tree)
    if isinstance(tree, dict):
        return any(
            kind in ("PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback") or _has_end(value) for kind, value in tree.items()
        )
    return False
