"""Finish in the background what a deploy leaves: backfills, and contract files that wait for older releases."""

from __future__ import annotations

import threading

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.state import HistoryEntry, State
from peterental.database.migrations.ledger.status import Status, read_status
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.run.runner import MigrationRunner
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.releases import older_sessions
from peterental.database.migrations.settings import EngineSettings

INTERVAL_S = 30.0
"""How long to wait between two attempts, in seconds."""

_MAX_INTERVAL_S = 3600.0


class Finisher:
    """Runs backfills, and applies contract files once they may run. Several may work at once, on any machine.

    Args:
        url: of the database, for a direct connection.
        settings: the host's, with the folder of migrations.
        report: receives lines for the log; a failure that was reported before is left out.
        interval_s: how long to wait between two attempts, in seconds; it doubles with each failure in a row, up to an
            hour.
    """

    def __init__(self, url: str, settings: EngineSettings, report: Reporter, *, interval_s: float = INTERVAL_S) -> None:
        self._url = url
        self._settings = settings
        self._report = report
        self._interval_s = interval_s
        self._failures = 0
        self._reported: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Work until nothing is left or `stop` is set. A failure is reported, and tried again later.

        Raises Interrupted on SIGTERM or Ctrl-C while a file runs.
        """
        while not stop.is_set() and self._step(stop):
            stop.wait(min(self._interval_s * 2**self._failures, _MAX_INTERVAL_S))

    def _step(self, stop: threading.Event) -> bool:
        """Run what may run now, and return whether anything is left."""
        try:
            status = self._status()
            if any(entry.state is State.RUNNING for entry in status.backfills):
                run_backfills(
                    self._url, self._settings.directory, report=self._tell, settings=self._settings, until=stop
                )
                status = self._status()
            if status.contracts and not stop.is_set() and not self._has_older(status.contracts[0]):
                MigrationRunner(self._url, report=self._tell, settings=self._settings).run_migrations()
                status = self._status()
        except EngineError as error:
            self._failures += 1
            self._tell(f"❌ {error}")
            return True
        self._failures = 0
        return status.has_unfinished

    def _tell(self, line: str) -> None:
        """Report a line, unless it is a failure that was reported before: each attempt meets it again."""
        if not line.startswith("❌"):
            self._report(line)
        elif line not in self._reported:
            self._reported.add(line)
            self._report(line)

    def _status(self) -> Status:
        return read_status(self._url, self._settings.directory, self._settings)

    def _has_older(self, entry: HistoryEntry) -> bool:
        """Return whether an older release is connected; a run would only record that again."""
        with engine_session(self._url, self._settings) as connection:
            return bool(older_sessions(connection, self._settings.application_name, entry.version))
