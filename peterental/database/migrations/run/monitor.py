"""Watches the runner from a second connection: who blocks it, and how far a long build has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import psycopg

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.session.server import Connection, connect, reason_of
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

_LOOK_AFTER_S = 0.4
"""Most statements are done by then, and nobody needs a second connection for them."""

_LOOK_EVERY_S = 0.2
_TELL_PROGRESS_EVERY_S = 5.0

_log = logging.getLogger(__name__)


class SessionMonitor:
    """Looks over the runner's shoulder while it works.

    Args:
        url: of the database.
        pid: the server process that runs the migrations.
        report: takes lines about what it sees.
        progress: shows how far a build has come, several times a second; without it a line is told now and then.

    Attributes:
        blocker: who was last seen to block the work in hand; None where nobody was.
        worst_wait_ms: the longest wait seen in the work in hand, in milliseconds.
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
        self._url = url
        self._settings = settings
        self._pid = pid
        self._tell = report
        self._progress = progress
        self._began: float | None = None
        self._told_progress = 0.0
        self._told_of_pid: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="migrations watch", daemon=True)

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Mark the block as work to watch; what was seen of earlier work is forgotten."""
        self.blocker, self.worst_wait_ms, self._told_of_pid = None, 0, None
        self._told_progress = self._began = time.monotonic()
        try:
            yield
        finally:
            self._began = None

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._ended.wait(_LOOK_EVERY_S):
            began = self._began
            if began is None or time.monotonic() - began < _LOOK_AFTER_S:
                continue
            try:
                connection = connection or connect(self._url, self._settings, purpose="migrations monitor")
                self._look(connection)
            except EngineError as fault:
                _log.debug("cannot watch: %s", fault)
            except psycopg.Error as error:  # watching is a courtesy: the migration goes on without it
                _log.debug("watching failed: %s", reason_of(error))
                connection = None
        if connection is not None:
            connection.close()

    def _look(self, connection: Connection) -> None:
        row = connection.execute(_LOOK, {"pid": self._pid}).fetchone()
        if row is None:
            return
        if row["blocker_pid"] is not None:
            self.worst_wait_ms = max(self.worst_wait_ms, row["waited_ms"] or 0)
            self.blocker = describe(row)
            if row["blocker_pid"] != self._told_of_pid:
                self._told_of_pid = row["blocker_pid"]
                self._tell(f"⏳ Waiting for {self.blocker}")
        elif row["total"]:
            self._show(f"{row['index_name'] or 'an index'}: {row['phase']}", 100 * row["done"] // row["total"])

    def _show(self, what: str, percent: int) -> None:
        if self._progress is not None:
            self._progress(what, percent)
        elif time.monotonic() - self._told_progress >= _TELL_PROGRESS_EVERY_S:
            self._told_progress = time.monotonic()
            self._tell(f"⏳ {what}, {percent} %")


def describe(row: dict[str, Any]) -> str:
    """Describe a blocking session: pid, program, host, how long in its transaction, and what it runs."""
    name = row["application_name"] or "an unnamed program"
    query = " ".join((row["query"] or "").split())[:100]
    return (
        f"{name} (pid {row['blocker_pid']}, from {row['host'] or 'this machine'}, {row['state']} for"
        f" {row['transaction_s'] or 0:.0f} s): {query}"
    )


_LOOK = """
SELECT blocker.pid AS blocker_pid, blocker.application_name, host(blocker.client_addr) AS host, blocker.state,
       blocker.query, extract(epoch FROM now() - blocker.xact_start)::float AS transaction_s,
       (SELECT (extract(epoch FROM clock_timestamp() - min(waitstart)) * 1000)::integer
        FROM pg_locks WHERE pid = ours.pid AND NOT granted) AS waited_ms,
       progress.phase, progress.index_relid::regclass::text AS index_name,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_done ELSE progress.tuples_done END AS done,
       CASE WHEN progress.blocks_total > 0 THEN progress.blocks_total ELSE progress.tuples_total END AS total
FROM pg_stat_activity AS ours
LEFT JOIN pg_stat_activity AS blocker ON blocker.pid = (pg_blocking_pids(ours.pid))[1]
LEFT JOIN pg_stat_progress_create_index AS progress ON progress.pid = ours.pid
WHERE ours.pid = %(pid)s
"""
