"""Sends a migration's text to the server as it stands, and tells which of its statements failed."""

from __future__ import annotations

import psycopg
from psycopg import generators, pq

from peterental.database.connection import Connection

_IN_COPY = {pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH}


class StatementFailed(Exception):
    """The server refused a statement.

    Args:
        cause: what it said.
        index: how many statements of the text had been done before it.
    """

    def __init__(self, cause: psycopg.Error, index: int) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.index = index


def execute_text(connection: Connection, text: str) -> int:
    """Run all statements of `text` in one round trip and give how many there were.

    No parameters, so `%` and `{}` mean nothing. Raises StatementFailed for the first statement that fails, and
    psycopg.OperationalError when the connection is lost.

    The results are taken from libpq themselves, because psycopg's cursor forgets how many statements came before the
    one that failed.
    """
    pgconn = connection.pgconn
    pgconn.send_query(text.encode())
    results = connection.wait(generators.execute(pgconn))
    for index, result in enumerate(results):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise StatementFailed(psycopg.errors.error_from_result(result, encoding="utf-8"), index)
        if result.status in _IN_COPY:
            connection.close()  # the server waits for data that no migration can send
            reason = "COPY from or to the client cannot be used in a migration; use INSERT"
            raise StatementFailed(psycopg.errors.FeatureNotSupported(reason), index)
    return sum(result.status != pq.ExecStatus.EMPTY_QUERY for result in results)
