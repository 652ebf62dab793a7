"""Observe the runner's session from a second connection: which session blocks it, and how far a build has come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.session.other_sessions import SESSION_COLUMNS, describe
from peterental.database.migrations.session.poller import PollingContext, SessionPoller
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

_QUIET_S = 0.4
"""Most statements end within this time and need no second connection."""

_POLL_INTERVAL_S = 0.2
_REPORT_INTERVAL_S = 5.0


class SessionMonitor(PollingContext):
    """Polls pg_stat_activity for sessions that block the runner, and for the progress of index builds.

    Args:
        url: of the database.
        pid: the server process that runs the migrations.
        report: receives a line for each blocking session.
        progress: shows the progress of a build several times a second; without it, `report` receives a line now and
            then.
        settings: the host's.

    Attributes:
        blocker: the session last seen to block the current work; None if there was none.
        is_autovacuum: whether that is an autovacuum which the server cancels for a session that waits long enough.
        worst_wait_ms: the longest wait seen in the current work, in milliseconds.
    """

    def __init__(
        self,
        url: str,
        pid: int,
        report: Reporter,
        *,
        progress: Progress | None = None,
        settings: EngineSettings = DEFAULT_SETTINGS,
    ) -> None:
        self.blocker: str | None = None
        self.is_autovacuum = False
        self.worst_wait_ms = 0
        self._pid = pid
        self._report = report
        self._progress = progress
        self._began_s: float | None = None
        self._progress_reported_s = 0.0
        self._reported: str | None = None
        super().__init__(
            SessionPoller(
                url,
                self._poll,
                purpose="migrations monitor",
                interval_s=_POLL_INTERVAL_S,
                is_due=self._is_due,
                settings=settings,
            )
        )

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Observe the block, starting without what was seen of earlier work."""
        self.blocker, self.is_autovacuum, self.worst_wait_ms, self._reported = None, False, 0, None
        self._progress_reported_s = self._began_s = time.monotonic()
        try:
            yield
        finally:
            self._began_s = None

    def _is_due(self) -> bool:
        began_s = self._began_s
        return began_s is not None and time.monotonic() - began_s >= _QUIET_S

    def _poll(self, connection: Connection) -> None:
        row = connection.execute(_ACTIVITY.encode(), {"pid": self._pid}).fetchone()
        if row is None:
            return
        if row["blocker_pid"] is not None:
            self.is_autovacuum = row["is_autovacuum"]
            self._waits_for(str(row["blocker_pid"]), describe(row), row["waited_ms"])
        elif row["blocked_by_prepared"]:
            prepared = prepared_blocker(connection, self._pid)
            if prepared is not None:
                self._waits_for(prepared, prepared, row["waited_ms"])
        elif row["total"]:
            self._show(f"{row['index_name'] or 'an index'}: {row['phase']}", 100 * row["done"] // row["total"])

    def _waits_for(self, key: str, blocker: str, waited_ms: int | None) -> None:
        """Note what blocks the runner, and report it unless it is what was reported last."""
        self.worst_wait_ms = max(self.worst_wait_ms, waited_ms or 0)
        self.blocker = blocker
        if key != self._reported:
            self._reported = key
            self._report(f"⏳ Waiting for {blocker}")

    def _show(self, what: str, percent: int) -> None:
        if self._progress is not None:
            self._progress(what, percent)
        elif time.monotonic() - self._progress_reported_s >= _REPORT_INTERVAL_S:
            self._progress_reported_s = time.monotonic()
            self._report(f"⏳ {what}, {percent} %")


def prepared_blocker(connection: Connection, pid: int) -> str | None:
    """Describe the prepared transaction that a session waits for: its name, owner and start, and what ends it.

    It has locks but no session, so `pg_blocking_pids` shows 0 for it.

    Args:
        connection: any connection to the database.
        pid: of the session that waits.
    """
    row = connection.execute(_PREPARED, {"pid": pid}).fetchone()
    if row is None:
        return None
    name = sql.Literal(row["gid"]).as_string()
    return (
        f"the prepared transaction {name} (of {row['owner']}, since {row['prepared']:%Y-%m-%d %H:%M:%S} UTC;"
        f" COMMIT PREPARED {name} or ROLLBACK PREPARED {name} ends it)"
    )


# CREATE INDEX CONCURRENTLY waits for every snapshot, also for that of this query: it is left out.
_ACTIVITY = f"""
SELECT {SESSION_COLUMNS},
       (SELECT (extract(epoch FROM clock_timestamp() - min(waitstart)) * 1000)::integer
        FROM pg_locks WHERE pid = ours.pid AND NOT granted) AS waited_ms,
       0 = ANY (pg_blocking_pids(ours.pid)) AS blocked_by_prepared,
       progress.phase, progress.index_relid::regclass::text AS index_name,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_done ELSE progress.tuples_done END AS done,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_total ELSE progress.tuples_total END AS total
FROM pg_stat_activity AS ours
LEFT JOIN pg_stat_activity AS other ON other.pid = (
    SELECT pid FROM unnest(pg_blocking_pids(ours.pid)) WITH ORDINALITY AS blocking (pid, place)
    WHERE pid NOT IN (0, pg_backend_pid())  -- 0 stands for a prepared transaction
    ORDER BY place LIMIT 1
)
LEFT JOIN pg_stat_progress_create_index AS progress ON progress.pid = ours.pid
WHERE ours.pid = %(pid)s
"""

# A prepared transaction has no process: what links its locks is the virtual transaction, and each locks its own number.
_PREPARED = """
SELECT prepared.gid, prepared.owner, prepared.prepared AT TIME ZONE 'UTC' AS prepared
FROM pg_locks AS wanted
JOIN pg_locks AS held ON held.pid IS NULL AND held.granted
    AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.classid, held.objid, held.objsubid)
        IS NOT DISTINCT FROM (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple,
                              wanted.classid, wanted.objid, wanted.objsubid)
    AND held.transactionid IS NOT DISTINCT FROM wanted.transactionid
JOIN pg_locks AS itself ON itself.pid IS NULL AND itself.locktype = 'transactionid' AND itself.granted
    AND itself.virtualtransaction = held.virtualtransaction
JOIN pg_prepared_xacts AS prepared ON prepared.transaction = itself.transactionid
WHERE wanted.pid = %(pid)s AND NOT wanted.granted
ORDER BY prepared.prepared
LIMIT 1
"""
