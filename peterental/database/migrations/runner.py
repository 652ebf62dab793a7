"""The runner: look, lock, look again, then one transaction per file."""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg

from peterental.config import PROJECT_DIR
from peterental.database.connection import Connection, Database, DatabaseUnavailable, reason_of
from peterental.database.migrations import ledger as ledgers
from peterental.database.migrations.directives import Directives, read_directives
from peterental.database.migrations.errors import (
    HistoryBroken,
    Interrupted,
    MigrationFailed,
    ReadOnlyDatabase,
)
from peterental.database.migrations.execution import StatementFailed, execute_text
from peterental.database.migrations.files import MigrationFile, MigrationFilesError, find_files, header_end
from peterental.database.migrations.history import State, compare, unapplicable
from peterental.database.migrations.ledger import Ledger, LedgerWriter
from peterental.database.migrations.lock import Tell, migration_lock
from peterental.database.migrations.problem import explain
from peterental.database.migrations.session import (
    begin_statement,
    is_lost,
    prepare_to_write,
    refuse_transaction_pooler,
    reset_statements,
    runner_session,
    settle,
)
from peterental.database.migrations.statements import check_runnable, statement_offset

LOCK_WAIT_S = 60.0
"""How long a runner waits for another one."""

TABLE_WAIT_S = 120.0
"""How long a file is tried again while somebody's transaction holds a table it needs."""

_PAUSE_S = (0.25, 1.5)
"""Between such tries: long enough for the queries that queued behind us to run."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Checked:
    """A pending file, found fit to run."""

    file: MigrationFile
    directives: Directives


class MigrationRunner:
    """Applies the migration files of a folder to a database.

    Args:
        database: a `Database`, or the URL of one; the runner makes a direct connection of its own.
        directory: where the files are; `migrations/` of this project by default.
        lock_wait_s: how long to wait for another runner, in seconds.
        tell: takes lines about progress, for a log or a terminal.
    """

    def __init__(
        self,
        database: Database | str,
        directory: Path | None = None,
        *,
        lock_wait_s: float = LOCK_WAIT_S,
        tell: Tell = _log.info,
    ) -> None:
        self._database = database
        self._directory = directory or PROJECT_DIR / "migrations"
        self._lock_wait_s = lock_wait_s
        self._tell = tell

    def get_applied_migrations(self) -> list[int]:
        """Give the versions that the database records as applied, in order; none where it has no ledger yet."""
        with runner_session(self._url) as connection:
            return list(ledgers.read(connection).rows)

    def get_migration_files(self) -> list[tuple[int, Path]]:
        """Give (version, path) of every migration file, in order. Raises MigrationFilesError as `find_files` does."""
        return [(file.version, file.path) for file in find_files(self._directory)]

    def run_migrations(self, *, to: int | None = None) -> int:
        """Apply what is pending, up to and including version `to` where given, and give how many files that were.

        Raises MigrationFilesError and HistoryBroken before anything runs; MigrationFailed, naming the file and the
        place, when one fails (the files before it stay applied); LockNotAcquired, PooledConnection, ReadOnlyDatabase,
        DatabaseUnavailable; Interrupted on SIGTERM or Ctrl-C.
        """
        files = find_files(self._directory)
        with runner_session(self._url) as connection:
            ledger = ledgers.read(connection)
            self._tell("✅ Database connected")
            pending = self._pending(connection, files, ledger, to)
            if not pending:
                self._tell("✅ Database is up to date (no new migrations)")
                return 0
            checked = _checked(pending)
            refuse_transaction_pooler(connection, self._url, ledger.server.backend_pid)
            if ledger.server.read_only_reason:
                raise ReadOnlyDatabase(reason=ledger.server.read_only_reason)
            prepare_to_write(connection)
            with (
                _stoppable(),
                migration_lock(connection, ledger.server.schema, wait_s=self._lock_wait_s, tell=self._tell),
            ):
                ledger = ledgers.read(connection)
                still_pending = {file.version for file in self._pending(connection, files, ledger, to)}
                todo = [item for item in checked if item.file.version in still_pending]
                _Run(connection, ledger, self._tell).apply(todo)
        if todo:
            self._tell(f"✅ Successfully applied {len(todo)} new migrations")
        else:
            self._tell("✅ Database is up to date (no new migrations)")
        return len(todo)

    @property
    def _url(self) -> str:
        return self._database if isinstance(self._database, str) else self._database.url

    def _pending(
        self, connection: Connection, files: list[MigrationFile], ledger: Ledger, to: int | None
    ) -> list[MigrationFile]:
        """Give the files to run, in order. Raises HistoryBroken when files and ledger tell different stories."""
        schema = ledger.server.schema
        entries = compare(files, ledger.rows, lambda version: ledgers.applied_text(connection, schema, version))
        problems = unapplicable(entries)
        if problems:
            raise HistoryBroken(problems="; ".join(problems))
        for entry in entries:
            if entry.state is State.COMMENTS_EDITED:
                self._tell(
                    f"⚠️  {entry.file_name}: comments were edited after it was applied; flask db-repair accepts that"
                )
        pending = [entry.file for entry in entries if entry.state is State.PENDING and entry.file is not None]
        return [file for file in pending if to is None or file.version <= to]


def _checked(pending: list[MigrationFile]) -> list[_Checked]:
    """Check all pending files before the first one runs.

    Raises MigrationFilesError naming everything that can be known to be wrong without running it.
    """
    checked = []
    problems: list[str] = []
    for file in pending:
        try:
            text = file.text()
            if header_end(text) == len(text):
                problems.append(f"{file.path.name} has no statement in it")
                continue
            directives = read_directives(file, text)
            problems += check_runnable(file, text, directives)
            checked.append(_Checked(file, directives))
        except MigrationFilesError as error:
            problems += error.problems
    if problems:
        raise MigrationFilesError(problems)
    return checked


class _Run:
    """One run under the lock: applies files one after another on one session."""

    def __init__(self, connection: Connection, ledger: Ledger, tell: Tell) -> None:
        self._connection = connection
        self._ledger = ledger
        self._writer = LedgerWriter(connection, ledger.server.schema)
        self._tell = tell
        self._done: list[int] = []

    def apply(self, todo: list[_Checked]) -> None:
        if not todo:
            return
        self._writer.make_complete(self._ledger)
        self._writer.end_orphaned_attempts()
        self._writer.begin_attempt(todo[0].file)
        for item, following in zip(todo, [*todo[1:], None], strict=True):
            self._apply_patiently(item, following.file if following else None)
            self._done.append(item.file.version)

    def _apply_patiently(self, item: _Checked, following: MigrationFile | None) -> None:
        """Apply one file; where it meets a locked table, let the queue behind it pass and try again as a whole."""
        give_up_at = time.monotonic() + TABLE_WAIT_S
        text = item.file.text()
        while True:
            try:
                self._apply(item, text, following)
            except StatementFailed as error:
                busy = isinstance(error.cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected)
                if not busy or time.monotonic() >= give_up_at or is_lost(self._connection):
                    raise self._failure(item, text, error) from error.cause
                self._tell(f"⏳ {item.file.path.name}: a table it needs is in use; trying again")
                time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311  # jitter
            except psycopg.Error as error:
                raise self._failure(item, text, StatementFailed(error, -1)) from error
            except Interrupted:
                self._note(outcome="interrupted", error="stopped by Ctrl-C or SIGTERM")
                raise
            else:
                return

    def _apply(self, item: _Checked, text: str, following: MigrationFile | None) -> None:
        """Apply one file in one transaction with its ledger row, and open the next file's attempt in the same."""
        connection, writer, file = self._connection, self._writer, item.file
        started = time.monotonic()
        try:
            execute_text(connection, begin_statement(item.directives))
            execute_text(connection, text)
            with connection.pipeline():
                for statement in reset_statements():
                    connection.execute(statement)
                writer.record_applied(file, text, duration_ms=_since_ms(started))
                if following:
                    writer.begin_attempt(following)
                connection.execute("COMMIT")
        except BaseException:
            settle(connection)
            raise
        self._tell(f"✅ {file.path.name} ({_since_ms(started)} ms)")

    def _failure(self, item: _Checked, text: str, error: StatementFailed) -> MigrationFailed | DatabaseUnavailable:
        """Note the failure in the history and put it into one message: what, where, in what state, what next."""
        offset = statement_offset(text, error.index) if error.index >= 0 else None
        if is_lost(self._connection):
            problem = f"the connection to the database was lost: {reason_of(error.cause)}"
        else:
            problem = explain(item.file.path, text, error.cause, offset)
            self._note(outcome="failed", error=problem)
        before = f"; {_numbers(self._done)} applied" if self._done else ""
        return MigrationFailed(
            version=item.file.version,
            problem=f"{problem}\n  Nothing of {item.file.path.name} was kept{before}."
            "\n  Next: mend the file, then run: flask db-migrate",
        )

    def _note(self, *, outcome: str, error: str) -> None:
        """Keep in the history how the attempt ended, as far as the database still lets us."""
        try:
            self._writer.record_failed(outcome=outcome, error=error)
        except psycopg.Error as trouble:
            _log.warning("the failed attempt could not be kept in the history: %s", reason_of(trouble))


def _numbers(versions: list[int]) -> str:
    if len(versions) == 1:
        return f"{versions[0]:03d} stays"
    return f"{versions[0]:03d} to {versions[-1]:03d} stay"


def _since_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into Interrupted for the block, so that statement, transaction and lock end cleanly."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals, and only it is interrupted by them
        return
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Interrupt once; what then cleans up is short and must not be interrupted again."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted
