"""Send a migration's text to the server unchanged, and find out which of its statements failed."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn, PGresult

from peterental.database.migrations.session.server import Connection

_IN_COPY = {pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH}
_ROWS = {pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_CHUNK}
_ROWS_AT_ONCE = 100
_CHUNKS_SINCE = 170000


class StatementFailed(Exception):
    """The server refused a statement.

    Args:
        cause: the server's error.
        index: how many statements of the text completed before it.
        sent_from: where in the text the sent part begins; positions in `cause` count from there. Negative if
            statements were sent before the text.
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
    keep_rows: bool = False,
) -> list[PGresult]:
    """Run all statements of `text` in one round trip, and return their results.

    There are no parameters, so `%` and `{}` have no meaning. Results come from libpq directly, because psycopg's
    cursor does not know how many statements preceded a failed one.

    Args:
        connection: the connection to use.
        text: the statements.
        before: statements to run first, in the same round trip. Nothing can follow `text`: an unclosed quote in it
            would swallow that, and the server's error would refer to it.
        while_waiting: called while the server works; it must neither raise nor use the connection.
        keep_rows: whether the results have their rows. A migration's rows are of no use, and may not fit into memory.

    Raises StatementFailed for the first statement that fails, psycopg.OperationalError if the connection is lost.
    """
    prefix = "".join(f"{statement}; " for statement in before)
    pgconn = connection.pgconn
    pgconn.send_query(f"{prefix}{text}".encode())
    if while_waiting is not None:
        while_waiting()
    results: list[PGresult] = connection.wait(generators.execute(pgconn) if keep_rows else _without_rows(pgconn))
    for index, result in enumerate(results):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = psycopg.errors.error_from_result(result, encoding="utf-8")
            raise StatementFailed(error, index - len(before), -len(prefix))
        if result.status in _IN_COPY:
            connection.close()  # the server waits for data that no migration can send
            reason = "COPY from or to the client cannot be used in a migration; use INSERT"
            raise StatementFailed(psycopg.errors.FeatureNotSupported(reason), index - len(before))
    return results[len(before) :]


def _without_rows(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Wait for the results of a query that was sent, a few rows at a time, and return them without their rows."""
    if pq.version() >= _CHUNKS_SINCE:
        pgconn.set_chunked_rows_mode(_ROWS_AT_ONCE)
    else:
        pgconn.set_single_row_mode()
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    while True:
        try:
            result = yield from generators.fetch(pgconn)
        except psycopg.DatabaseError:
            if any(one.status == pq.ExecStatus.FATAL_ERROR for one in results):
                break  # the server said why before it ended the session
            raise
        if result is None:
            break
        if result.status not in _ROWS:
            results.append(result)
        if result.status in _IN_COPY:
            break  # libpq would repeat it for ever
    return results
