"""Cancel a dry run as soon as another session waits for it, and record which session blocks the dry run."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Any, Self

import psycopg

from peterental.database.migrations.run.monitor import describe
from peterental.database.migrations.session.server import Connection, connect, reason_of

_POLL_INTERVAL_S = 0.03

_log = logging.getLogger(__name__)


class ContentionGuard:
    """Polls pg_locks from a second connection, and cancels the dry run when it blocks a session.

    Args:
        url: of the database.
        pid: of the server process that performs the dry run.

    Attributes:
        blocker: the session last seen to block the dry run; None if there was none.
        cancelled_for: the blocked session for which the dry run was cancelled; None if it was not.
    """

    def __init__(self, url: str, pid: int) -> None:
        self.blocker: str | None = None
        self.cancelled_for: str | None = None
        self._pid = pid
        self._connection: Connection = connect(url, purpose="plan guard")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plan guard", daemon=True)

    def __enter__(self) -> Self:
        """Start polling."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop polling."""
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        waiting_pid: int | None = None
        try:
            while not self._ended.wait(_POLL_INTERVAL_S):
                blocker = self._row(_BLOCKER)
                if blocker is not None:
                    self.blocker = describe(blocker)
                waiting = self._row(_WAITING)
                # Cancel only for a session seen twice in a row: a momentary wait does no harm.
                if waiting is not None and waiting["blocker_pid"] == waiting_pid and self.cancelled_for is None:
                    self.cancelled_for = describe(waiting)
                    self._connection.execute("SELECT pg_cancel_backend(%s)", [self._pid])
                waiting_pid = waiting["blocker_pid"] if waiting else None
        except psycopg.Error as error:  # the limits of the dry run apply without the guard
            _log.debug("the contention guard failed: %s", reason_of(error))

    def _row(self, query: str) -> dict[str, Any] | None:
        return self._connection.execute(query.encode(), {"pid": self._pid}).fetchone()


_SESSION = """
SELECT a.pid AS blocker_pid, a.application_name, host(a.client_addr) AS host, a.state, a.query,
    extract(epoch FROM now() - a.xact_start)::float AS transaction_s
"""

_BLOCKER = _SESSION + "FROM pg_stat_activity AS a WHERE a.pid = (pg_blocking_pids(%(pid)s))[1]"

_WAITING = (
    _SESSION
    + """
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE NOT l.granted AND l.pid <> %(pid)s AND %(pid)s = ANY (pg_blocking_pids(l.pid))
ORDER BY a.pid LIMIT 1
"""
)
