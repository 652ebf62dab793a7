"""When a backfill pauses for others: replicas that lag, a vacuum, sessions that wait for its locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peterental.database.migrations.session.poller import PollingContext, SessionPoller
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

MAX_LAG_S = 10
"""How far a replica may lag behind, in seconds."""

MAX_PAUSE_S = 60
"""The longest pause for replicas and vacuum in `BATCHES_PER_BUDGET` batches, in seconds: both may never end."""

BATCHES_PER_BUDGET = 10

_MIN_DEAD_ROWS = 10_000
_GUARD_INTERVAL_S = 0.02


def reason_to_pause(connection: Connection, table: int) -> str | None:
    """Return why a backfill of the table with this oid should pause; None if it need not.

    What the role may not see (other roles' replicas and vacuums) is no reason.
    """
    row = connection.execute(
        """
        SELECT (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication
                WHERE state = 'streaming')::float AS lag_s,
               EXISTS (SELECT FROM pg_stat_progress_vacuum
                       WHERE relid = %(table)s::oid AND datname = current_database()) AS is_vacuumed,
               pg_stat_get_dead_tuples(%(table)s::oid) AS dead, pg_stat_get_live_tuples(%(table)s::oid) AS live
        """,
        {"table": table},
    ).fetchone()
    if row is None:
        return None
    if (row["lag_s"] or 0) > MAX_LAG_S:
        return f"a replica lags {row['lag_s']:.0f} s behind"
    if row["is_vacuumed"]:
        return "a vacuum of the table is running"
    if row["dead"] > max(row["live"], _MIN_DEAD_ROWS):
        return f"the table has more dead rows ({row['dead']:,}) than live ones, and waits for a vacuum"
    return None


WAITING_SESSION = """
SELECT lock.pid FROM pg_locks AS lock
WHERE NOT lock.granted AND lock.pid <> %(pid)s AND %(pid)s = ANY (pg_blocking_pids(lock.pid)) LIMIT 1
"""
"""Finds a session that waits for a lock of the session with `pid`."""


class LockGuard(PollingContext):
    """Cancels a batch from a second connection when another session waits for its locks.

    A session that waits at two consecutive polls is a reason, a momentary wait is not. Without a second connection,
    waiting sessions are noticed at the end of a batch.

    Args:
        url: of the database.
        pid: of the server process that runs the batches.
        settings: the host's.
    """

    def __init__(self, url: str, pid: int, settings: EngineSettings = DEFAULT_SETTINGS) -> None:
        self._pid = pid
        self._is_active = False
        self._waiting_pid: int | None = None
        super().__init__(
            SessionPoller(
                url,
                self._poll,
                purpose="migrations backfill guard",
                interval_s=_GUARD_INTERVAL_S,
                is_due=lambda: self._is_active,
                settings=settings,
            )
        )

    @contextmanager
    def guarding(self, *, is_divisible: bool) -> Iterator[None]:
        """Guard the block; a batch that cannot be divided further must be able to complete."""
        self._waiting_pid, self._is_active = None, is_divisible
        try:
            yield
        finally:
            self._is_active = False

    def _poll(self, connection: Connection) -> None:
        row = connection.execute(WAITING_SESSION, {"pid": self._pid}).fetchone()
        waiting = None if row is None else row["pid"]
        if waiting is not None and waiting == self._waiting_pid and self._is_active:
            connection.execute("SELECT pg_cancel_backend(%s)", (self._pid,))
            waiting = None
        self._waiting_pid = waiting
