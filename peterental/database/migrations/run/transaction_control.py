"""Detect blocks and procedures that commit, which cannot run in a transaction, before they run.

The server rejects most such statements before they do anything, so trying them costs nothing. It rejects a block that
commits only at its first COMMIT, after a batch of work.
"""

from __future__ import annotations

import re

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.block_transactions import has_transaction_control
from peterental.database.migrations.sql.parser import ParseError, parse_one

_BLOCK_OR_CALL = re.compile(r"(?:do|call)\b", re.IGNORECASE)
_WAITS_WITHOUT_BLOCKING = re.compile(r"\bconcurrently\b|\Avacuum\b(?!.*\bfull\b)", re.IGNORECASE | re.DOTALL)

_SOURCES = """
SELECT pg_get_functiondef(oid) AS definition FROM pg_catalog.pg_proc
WHERE prokind = 'p' AND proname = %(name)s
    AND (%(schema)s::text IS NULL
        OR pronamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s::text))
"""


def contains_commit(connection: Connection, sql: str) -> bool:
    """Return whether a statement is a DO block with a COMMIT or ROLLBACK, or calls a procedure with one.

    A procedure that commits only in another procedure is not recognised.
    """
    if not _BLOCK_OR_CALL.match(sql):
        return False
    return any(has_transaction_control(source) for source in _sources(connection, sql))


def waits_without_blocking(sql: str) -> bool:
    """Return whether reads and writes go on while a statement waits for its lock, so that it may wait."""
    return bool(_WAITS_WITHOUT_BLOCKING.search(sql))


def _sources(connection: Connection, sql: str) -> list[str]:
    """Return the source code that a DO or CALL runs."""
    try:
        tree = parse_one(sql)
    except ParseError:
        return []  # the server will report the error
    if tree.HasField("do_stmt"):
        return [sql]
    if not tree.HasField("call_stmt"):
        return []
    names = [part.string.sval for part in tree.call_stmt.funccall.funcname]
    wanted = {"name": names[-1], "schema": names[-2] if len(names) > 1 else None}
    return [row["definition"] for row in connection.execute(_SOURCES, wanted, prepare=False)]
