"""Sends a migration's text to the server as it stands, and tells which of its statements failed."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import generators, pq
from psycopg.pq.abc import PGresult

from peterental.database.migrations.session.server import Connection

_IN_COPY = {pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH}


class StatementFailed(Exception):
    """The server refused a statement.

    Args:
        cause: what it said.
        index: how many statements of the text had been done before it.
        sent_from: where in the text begins what was sent; the positions in `cause` count from there. Negative where
            something was sent before the text.
    """

    def __init__(self, cause: psycopg.Error, index: int, sent_from: int = 0) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.index = index
        self.sent_from = sent_from

    @property
    def number(self) -> int | None:
        """The number of the statement in the text, from 1; None for one that was sent before the text."""
        return self.index + 1 if self.index >= 0 else None


def execute_text(
    connection: Connection,
    text: str,
    *,
    before: tuple[str, ...] = (),
    while_waiting: Callable[[], object] | None = None,
) -> list[PGresult]:
    """Run all statements of `text` in one round trip and give their results.

    No parameters, so `%` and `{}` mean nothing. Raises StatementFailed for the first statement that fails, and
    psycopg.OperationalError when the connection is lost.

    The results are taken from libpq themselves, because psycopg's cursor forgets how many statements came before the
    one that failed.

    Args:
        connection: where to.
        text: the statements.
        before: statements of ours to run before them, in the same round trip. None after them: a quote that `text`
            leaves open would swallow it, and the server's complaint would speak of ours.
        while_waiting: what to do while the server works; it must not raise, nor ask the server.
    """
    prefix = "".join(f"{statement}; " for statement in before)
    pgconn = connection.pgconn
    pgconn.send_query(f"{prefix}{text}".encode())
    if while_waiting is not None:
        while_waiting()
    results: list[PGresult] = connection.wait(generators.execute(pgconn))
    for index, result in enumerate(results):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = psycopg.errors.error_from_result(result, encoding="utf-8")
            raise StatementFailed(error, index - len(before), -len(prefix))
        if result.status in _IN_COPY:
            connection.close()  # the server waits for data that no migration can send
            reason = "COPY from or to the client cannot be used in a migration; use INSERT"
            raise StatementFailed(psycopg.errors.FeatureNotSupported(reason), index - len(before))
    return results[len(before) :]
