"""Finish in the background what a deploy leaves: contract files that wait for older releases to disconnect."""

from __future__ import annotations

import threading

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.state import HistoryEntry
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.runner import MigrationRunner
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.releases import older_sessions
from peterental.database.migrations.settings import EngineSettings

INTERVAL_S = 30.0
"""How long to wait between two attempts, in seconds."""

_MAX_INTERVAL_S = 3600.0


class Finisher:
    """Applies waiting contract files once they may run. Several may run at once, on any machine.

    Args:
        url: of the database, for a direct connection.
        settings: the host's, with the folder of migrations.
        report: receives lines for the log; a failure that repeats the last one is left out.
        interval_s: how long to wait between two attempts, in seconds; it doubles with each failure in a row, up to an
            hour.
    """

    def __init__(self, url: str, settings: EngineSettings, report: Reporter, *, interval_s: float = INTERVAL_S) -> None:
        self._url = url
        self._settings = settings
        self._report = report
        self._interval_s = interval_s
        self._failures = 0
        self._last_failure = ""

    def run(self, stop: threading.Event) -> None:
        """Work until nothing is left or `stop` is set. A failure is reported, and tried again later.

        Raises Interrupted on SIGTERM or Ctrl-C while a file runs.
        """
        while not stop.is_set() and self._step():
            stop.wait(min(self._interval_s * 2**self._failures, _MAX_INTERVAL_S))

    def _step(self) -> bool:
        """Apply what may run now, and return whether anything is left."""
        try:
            left = self._left()
            if left and not self._has_older(left[0]):
                MigrationRunner(self._url, report=self._report, settings=self._settings).run_migrations()
                left = self._left()
        except EngineError as error:
            self._failures += 1
            if str(error) != self._last_failure:
                self._last_failure = str(error)
                self._report(f"❌ {error}")
            return True
        self._failures = 0
        return bool(left)

    def _left(self) -> list[HistoryEntry]:
        return read_status(self._url, self._settings.directory, self._settings).unfinished

    def _has_older(self, entry: HistoryEntry) -> bool:
        """Return whether an older release is connected; a run would only record that again."""
        with engine_session(self._url, self._settings) as connection:
            return bool(older_sessions(connection, self._settings.application_name, entry.version))
