"""Observe the runner's session from a second connection: which session blocks it, and how far a build has come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peterental.database.migrations.progress import Progress, Reporter
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
        self.worst_wait_ms = 0
        self._pid = pid
        self._report = report
        self._progress = progress
        self._began_s: float | None = None
        self._progress_reported_s = 0.0
        self._reported_pid: int | None = None
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
        self.blocker, self.worst_wait_ms, self._reported_pid = None, 0, None
        self._progress_reported_s = self._began_s = time.monotonic()
        try:
            yield
        finally:
            self._began_s = None

    def _is_due(self) -> bool:
        began_s = self._began_s
        return began_s is not None and time.monotonic() - began_s >= _QUIET_S

    def _poll(self, connection: Connection) -> None:
        row = connection.execute(_ACTIVITY, {"pid": self._pid}).fetchone()
        if row is None:
            return
        if row["blocker_pid"] is not None:
            self.worst_wait_ms = max(self.worst_wait_ms, row["waited_ms"] or 0)
            self.blocker = describe(row)
            if row["blocker_pid"] != self._reported_pid:
                self._reported_pid = row["blocker_pid"]
                self._report(f"⏳ Waiting for {self.blocker}")
        elif row["total"]:
            self._show(f"{row['index_name'] or 'an index'}: {row['phase']}", 100 * row["done"] // row["total"])

    def _show(self, what: str, percent: int) -> None:
        if self._progress is not None:
            self._progress(what, percent)
        elif time.monotonic() - self._progress_reported_s >= _REPORT_INTERVAL_S:
            self._progress_reported_s = time.monotonic()
            self._report(f"⏳ {what}, {percent} %")


def describe(row: dict[str, Any]) -> str:
    """Describe a session: program, pid, host, state, age of its transaction, and what it runs."""
    name = row["application_name"] or "an unnamed program"
    query = " ".join((row["query"] or "").split())[:100]
    return (
        f"{name} (pid {row['blocker_pid']}, from {row['host'] or 'this machine'}, {row['state']} for"
        f" {row['transaction_s'] or 0:.0f} s): {query}"
    )


# CREATE INDEX CONCURRENTLY waits for every snapshot, also for that of this query: it is left out.
_ACTIVITY = """
SELECT blocker.pid AS blocker_pid, blocker.application_name, host(blocker.client_addr) AS host, blocker.state,
       blocker.query, extract(epoch FROM now() - blocker.xact_start)::float AS transaction_s,
       (SELECT (extract(epoch FROM clock_timestamp() - min(waitstart)) * 1000)::integer
        FROM pg_locks WHERE pid = ours.pid AND NOT granted) AS waited_ms,
       progress.phase, progress.index_relid::regclass::text AS index_name,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_done ELSE progress.tuples_done END AS done,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_total ELSE progress.tuples_total END AS total
FROM pg_stat_activity AS ours
LEFT JOIN pg_stat_activity AS blocker ON blocker.pid = (
    SELECT pid FROM unnest(pg_blocking_pids(ours.pid)) WITH ORDINALITY AS blocking (pid, place)
    WHERE pid <> pg_backend_pid()
    ORDER BY place LIMIT 1
)
LEFT JOIN pg_stat_progress_create_index AS progress ON progress.pid = ours.pid
WHERE ours.pid = %(pid)s
"""
