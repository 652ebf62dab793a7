"""Cancel a dry run as soon as another session waits for it, and record which session blocks the dry run."""

from __future__ import annotations

from typing import Any, Self

from peterental.database.migrations.run.monitor import prepared_blocker
from peterental.database.migrations.session.other_sessions import SESSION_COLUMNS, describe
from peterental.database.migrations.session.poller import PollingContext, SessionPoller
from peterental.database.migrations.session.server import Connection

_POLL_INTERVAL_S = 0.03


class ContentionGuard(PollingContext):
    """Polls pg_locks from a second connection, and cancels the dry run when it blocks a session.

    Without a connection the limits of the dry run still apply.

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
        self._waiting_pid: int | None = None
        super().__init__(SessionPoller(url, self._poll, purpose="migrations plan guard", interval_s=_POLL_INTERVAL_S))

    def __enter__(self) -> Self:
        """Connect, then start polling. Raises ServerUnavailable."""
        self.connect()
        return super().__enter__()

    def _poll(self, connection: Connection) -> None:
        blocker = self._row(connection, _BLOCKER)
        if blocker is not None:
            self.blocker = describe(blocker)
        elif prepared := prepared_blocker(connection, self._pid):
            self.blocker = prepared
        waiting = self._row(connection, _WAITING)
        # Cancel only for a session seen twice in a row: a momentary wait does no harm.
        if waiting is not None and waiting["blocker_pid"] == self._waiting_pid and self.cancelled_for is None:
            self.cancelled_for = describe(waiting)
            connection.execute("SELECT pg_cancel_backend(%s)", [self._pid])
        self._waiting_pid = waiting["blocker_pid"] if waiting else None

    def _row(self, connection: Connection, query: str) -> dict[str, Any] | None:
        return connection.execute(query.encode(), {"pid": self._pid}).fetchone()


_BLOCKER = f"SELECT {SESSION_COLUMNS} FROM pg_stat_activity AS other WHERE other.pid = (pg_blocking_pids(%(pid)s))[1]"

_WAITING = f"""
SELECT {SESSION_COLUMNS}
FROM pg_locks AS l JOIN pg_stat_activity AS other USING (pid)
WHERE NOT l.granted AND l.pid <> %(pid)s AND %(pid)s = ANY (pg_blocking_pids(l.pid))
ORDER BY other.pid LIMIT 1
"""
