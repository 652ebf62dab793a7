"""The migration runner: read, lock, read again, then apply one file after another."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from peterental.database.migrations.errors import EngineError, FilesRefused, HistoryBroken, MigrationFilesError
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import State, blocking_problems, compare_with_ledger
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.run.exclusive import exclusive_lock
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.checks import PreparedMigration, checked_files, refuse_beyond_last
from peterental.database.migrations.source.files import MigrationFile, find_files
from peterental.database.migrations.wording import plural, version_ranges

_log = logging.getLogger(__name__)


class HasUrl(Protocol):
    """Anything that knows the URL of a database."""

    @property
    def url(self) -> str:
        """The connection URL."""


@dataclass
class _Run:
    """What one call of `run_migrations` has done so far, in one session or several.

    Args:
        done: the versions that were applied.
        registered: the versions of the backfills that were left to the workers.
        has_pending: whether there were pending files, some of them perhaps beyond the last that was asked for.
        has_unfinished: whether the last session left a file that was asked for.
    """

    done: list[int] = field(default_factory=list)
    registered: list[int] = field(default_factory=list)
    has_pending: bool = False
    has_unfinished: bool = False


class MigrationRunner:
    """Applies the migration files of a folder to a database.

    Args:
        database: the URL, or an object with a `url`. The runner opens its own direct connection.
        directory: the folder of migration files; `settings.directory` by default.
        lock_wait_s: how long to wait for another runner, in seconds; `settings.lock_wait_s` by default.
        report: receives lines about progress, for a log or a terminal.
        progress: shows how far a long build has come; without it, `report` receives a line now and then.
        settings: the host's.
        may_wait: whether a file with `after-backfill` finishes the backfill first; otherwise it is an error.
        in_background: whether backfills of large tables are left to the workers.

    Attributes:
        has_unfinished: whether the last run left a contract file waiting or a backfill running.
    """

    def __init__(
        self,
        database: HasUrl | str,
        directory: Path | None = None,
        *,
        lock_wait_s: float | None = None,
        report: Reporter = _log.info,
        progress: Progress | None = None,
        settings: EngineSettings = DEFAULT_SETTINGS,
        may_wait: bool = True,
        in_background: bool = True,
    ) -> None:
        self._may_wait = may_wait
        self._in_background = in_background
        self._database = database
        self._directory = directory or settings.directory
        self._lock_wait_s = settings.lock_wait_s if lock_wait_s is None else lock_wait_s
        self._settings = settings
        self._report = report
        self._progress = progress
        self._warned_versions: set[int] = set()
        self.has_unfinished = False

    def get_applied_migrations(self) -> list[int]:
        """Return the versions recorded as applied, in order; none if there is no ledger yet."""
        with engine_session(self._url, self._settings) as connection:
            return list(ledgers.read(connection).rows)

    def get_migration_files(self) -> list[tuple[int, Path]]:
        """Return (version, path) of every migration file, in order. Raises MigrationFilesError as `find_files` does."""
        return [(file.version, file.path) for file in find_files(self._directory)]

    def run_migrations(self, *, to: int | None = None) -> int:
        """Apply the pending files, and return how many were applied.

        Args:
            to: the last version to apply; all by default.

        Raises FilesRefused, HistoryBroken or UnknownMigration before anything runs; MigrationFailed, with file and
        line, if a file fails (the files before it stay applied); LockNotAcquired, PooledConnection, ReadOnlyDatabase,
        ServerUnavailable; Interrupted on SIGTERM or Ctrl-C.
        """
        run = _Run()
        try:
            return self._run(run, to)
        except EngineError as error:
            if run.done:
                stay = plural(len(run.done), "stays", "stay")
                error.note_applied(f"{version_ranges(run.done)} {stay} applied")
            raise

    def _run(self, run: _Run, to: int | None) -> int:
        try:
            return self._in_sessions(run, find_files(self._directory), to)
        except MigrationFilesError as error:
            raise FilesRefused(error.problems) from error

    def _in_sessions(self, run: _Run, files: list[MigrationFile], to: int | None) -> int:
        refuse_beyond_last(files, to)
        self._settings = replace(self._settings, release=files[-1].version if files else None)
        while self._in_one_session(run, files, to):
            pass
        self.has_unfinished = run.has_unfinished
        done = run.done
        if done:
            self._report(f"✅ Successfully applied {len(done)} new migrations")
        elif run.registered:
            self._report("✅ Database is up to date, except for backfills that run in the background")
        elif run.has_unfinished:
            self._report("✅ Database is up to date, except for contract files that wait (no new migrations)")
        elif run.has_pending:
            self._report(f"✅ Database is up to date as far as {to:03d} (no new migrations)")
        else:
            self._report("✅ Database is up to date (no new migrations)")
        return len(done)

    def _in_one_session(self, run: _Run, files: list[MigrationFile], to: int | None) -> bool:
        """Apply files, and return whether the others need a new session."""
        with engine_session(self._url, self._settings) as connection:
            ledger = ledgers.read(connection)
            if not run.done:
                self._report("✅ Database connected")
            pending = self._pending(connection, files, ledger)
            wanted = _up_to(pending, to)
            run.has_pending = bool(pending)
            run.has_unfinished = False
            if not wanted:
                return False
            checked = checked_files(wanted, files, schema=ledger.server.schema)
            remark = ledgers.remark_on(connection, ledger)
            if remark:
                self._report(f"⚠️  {remark}")
            with exclusive_lock(
                connection, self._url, ledger, wait_s=self._lock_wait_s, report=self._report, settings=self._settings
            ) as ledger:
                still_pending = {file.version for file in self._pending(connection, files, ledger)}
                run.has_pending = bool(still_pending)
                todo = [item for item in checked if item.file.version in still_pending]
                return self._apply(run, connection, ledger, files, todo)

    def _apply(
        self,
        run: _Run,
        connection: Connection,
        ledger: Ledger,
        files: list[MigrationFile],
        todo: list[PreparedMigration],
    ) -> bool:
        """Apply files under the lock, and return whether the others need a new session."""
        # Not imported above: most starts have nothing to apply, and its imports take time.
        from peterental.database.migrations.run.executor import Executor  # noqa: PLC0415  # see above
        from peterental.database.migrations.run.preflight import refuse_unfit  # noqa: PLC0415  # see above

        refuse_unfit(connection, ledger, todo, self._report)
        executor = Executor(
            connection,
            ledger,
            self._url,
            self._report,
            progress=self._progress,
            settings=self._settings,
            files=files,
            may_wait=self._may_wait,
            in_background=self._in_background,
            done=run.done,
            registered=run.registered,
        )
        run.done = executor.apply(todo)
        run.registered = executor.registered
        run.has_unfinished = not {item.file.version for item in todo} <= set(run.done)
        return executor.needs_new_session

    @property
    def _url(self) -> str:
        return self._database if isinstance(self._database, str) else self._database.url

    def _pending(self, connection: Connection, files: list[MigrationFile], ledger: Ledger) -> list[MigrationFile]:
        """Return the files to run, in order. Raises HistoryBroken if files and ledger disagree."""
        entries = compare_with_ledger(connection, files, ledger, self._settings)
        problems = blocking_problems(entries)
        if problems:
            raise HistoryBroken(problems)
        for entry in entries:
            if entry.state is State.COMMENTS_EDITED and entry.version not in self._warned_versions:
                self._warned_versions.add(entry.version)
                self._report(
                    f"⚠️  {entry.file_name}: comments were edited after it was applied; flask db-repair accepts that"
                )
        return [entry.file for entry in entries if entry.state is State.PENDING and entry.file is not None]


def _up_to(files: list[MigrationFile], to: int | None) -> list[MigrationFile]:
    return [file for file in files if to is None or file.version <= to]
