"""db-rollback: undo migrations with their `.down.sql` files, latest first.

A down file runs like its migration: in one transaction, or with `no-transaction` statement by statement, resuming where
an earlier rollback stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg

from peterental.database.migrations.errors import Interrupted, Problem, RollbackFailed, RollbackRefused, joined
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import BackfillState, BackfillStore
from peterental.database.migrations.ledger.reader import Ledger, read, stopped_attempts
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.run.failures import (
    IN_USE,
    may_retry,
    next_step_after,
    outlasting_autovacuum,
    pause_before_retry,
)
from peterental.database.migrations.run.monitor import SessionMonitor
from peterental.database.migrations.run.non_transactional import StatementRunner
from peterental.database.migrations.run.notices import Notices
from peterental.database.migrations.run.preflight import may_move_ledger
from peterental.database.migrations.session.advisory_lock import LockBudget
from peterental.database.migrations.session.connection import begin_statements, is_broken, recover, reset
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.lost_connection import reconnected
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.checks import inspect
from peterental.database.migrations.source.directives import Directives, read_directives
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start, find_files
from peterental.database.migrations.source.statements import same_statements, split_statements, statement_offset
from peterental.database.migrations.sql.error_location import StatementProblem, commit_problem, statement_problem
from peterental.database.migrations.wording import plural, version_ranges


def rollback(
    url: str,
    directory: Path,
    *,
    to: int,
    confirm: Callable[[list[str]], bool],
    report: Reporter,
    settings: EngineSettings = DEFAULT_SETTINGS,
) -> int:
    """Undo every applied migration above version `to`; return the number undone.

    Args:
        url: of the database.
        directory: of the migration files and their `.down.sql` files.
        to: the version to go back to; 0 undoes everything.
        confirm: called with the names of the files that would run, in order; returns whether to run them.
        report: receives one line per file.
        settings: the host's.

    Raises RollbackRefused before anything runs if a down file is missing or cannot run, or if `confirm` returns False;
    RollbackFailed if a down file fails (earlier ones stay undone, and of one without a transaction its completed
    statements); MigrationFilesError; what `writing_session` raises.

    A backfill needs no down file. An incomplete one is stopped and its progress deleted.
    """
    found = find_files(directory)
    baseline = baseline_at_start(found)
    if baseline and to < baseline.version:
        raise RollbackRefused(
            reason=f"{baseline.path.name} replaces migrations 001 to {baseline.version:03d}, which cannot be undone one"
            f" by one; {baseline.version} is the lowest version to go back to"
        )
    files = {file.version: file for file in found}
    with writing_session(url, report=report, settings=settings) as (connection, ledger):
        store = BackfillStore(connection, ledger.server.schema) if ledger.server.has_backfills else None
        versions = _above(ledger, to, store)
        downs = [_down(files.get(version), version, ledger.server.schema) for version in versions]
        if not downs:
            report("✅ Nothing to roll back")
            return 0
        if not confirm([down.path.name if down.path.exists() else _nothing_for(down) for down in downs]):
            raise RollbackRefused(reason="it was not confirmed")
        stopped = _stopped_above(connection, ledger, files, downs[-1].version)
        with SessionMonitor(url, ledger.server.backend_pid, report, settings=settings) as monitor:
            runner = _DownRunner(connection, ledger.server.schema, report, store, monitor, to=to, settings=settings)
            for number, down in enumerate(downs):
                try:
                    runner.undo(files[down.version], down)
                except RollbackFailed as error:
                    state = error.state
                    if is_broken(connection) and not read_directives(down, down.text()).no_transaction:
                        # Of a file that runs statement by statement, the error says how far it came.
                        state = _after_loss(url, settings, ledger.server.backend_pid, down)
                    state += _undone_before(downs[:number])
                    raise _failed(down, error.problem, state, error.next_step, error.statement, to=to) from error
                report(f"✅ {down.path.name if down.path.exists() else _nothing_for(down)}")
        for line in stopped:
            report(line)
        report(f"✅ Rolled back {len(downs)} {'migration' if len(downs) == 1 else 'migrations'}")
        return len(downs)


def _above(ledger: Ledger, to: int, store: BackfillStore | None) -> list[int]:
    """Return the versions above `to` that are applied, or registered as backfills; the latest first."""
    registered = store.read_all() if store else {}
    running = {version for version, state in registered.items() if state.state is not BackfillState.DONE}
    return sorted((version for version in ledger.rows.keys() | running if version > to), reverse=True)


def _nothing_for(down: MigrationFile) -> str:
    return f"nothing for backfill {down.version:03d}"


def _stopped_above(connection: Connection, ledger: Ledger, files: dict[int, MigrationFile], version: int) -> list[str]:
    """Return a line about each no-transaction file above `version` that stopped half-way: it cannot resume."""
    pending = [number for number in files if number > version and number not in ledger.rows]
    attempts = stopped_attempts(connection, ledger.server.schema, pending)
    return [
        f"⚠️  {files[number].path.name} had stopped after {stopped.statement} of its statements, which were not undone;"
        " flask db-migrate now starts it from its first statement"
        for number, stopped in attempts.items()
        if stopped.statement and stopped.outdated_by is None
    ]


def _down(file: MigrationFile | None, version: int, schema: str) -> MigrationFile:
    """Return the checked down file of a version. Raises RollbackRefused."""
    if file is None:
        reason = f"migration {version:03d} is applied, but this release has no file for it; use the release that has it"
        raise RollbackRefused(reason=reason)
    down = MigrationFile(file.version, file.description, file.down_path)
    if not down.path.exists() and inspect(file)[0].backfill is not None:
        return down
    if not down.path.exists():
        reason = f"there is no {down.path.name} to undo {file.path.name}; write it first"
        raise RollbackRefused(reason=reason)
    _, problems = inspect(down, schema)
    if problems:
        raise RollbackRefused(reason=joined(problems))
    return down


class _DownRunner:
    """Runs down files under the lock, each with its change of the ledger.

    Args:
        connection: the runner's.
        schema: of the ledger.
        report: receives lines about progress.
        store: of the backfills; None if the database has none.
        monitor: sees which session is in the way.
        to: the version that was asked for.
        settings: the host's.
    """

    def __init__(
        self,
        connection: Connection,
        schema: str,
        report: Reporter,
        store: BackfillStore | None,
        monitor: SessionMonitor,
        *,
        to: int,
        settings: EngineSettings,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._schema = schema
        self._report = report
        self._store = store
        self._monitor = monitor
        self._to = to
        self._writer = LedgerWriter(connection, schema)

    def undo(self, file: MigrationFile, down: MigrationFile) -> None:
        """Undo one migration. Raises RollbackFailed, Interrupted, or psycopg.Error from the ledger."""
        text = down.text() if down.path.exists() else ""
        directives = read_directives(down, text)
        run = self._in_statements if directives.no_transaction else self._in_transaction
        try:
            run(file, down, text, directives)
        except BaseException:
            recover(self._connection)
            raise

    def _in_transaction(self, file: MigrationFile, down: MigrationFile, text: str, directives: Directives) -> None:
        """Run a down file in one transaction; retry it while its tables are locked by other sessions."""
        budget = LockBudget(self._settings.table_wait_s)

        def attempt(directives: Directives) -> None:
            budget.begin(0)
            with self._monitor.observing():
                self._once(file, text, directives)

        def failure(error: psycopg.Error | StatementFailed) -> RollbackFailed:
            problem, cause, number = _described(down, text, error)
            return self._failed(down, problem, _unchanged(down), cause, number)

        self._until_done(down, directives, budget, attempt, failure)

    def _until_done(
        self,
        down: MigrationFile,
        directives: Directives,
        budget: LockBudget,
        attempt: Callable[[Directives], None],
        failure: Callable[[psycopg.Error | StatementFailed], RollbackFailed],
    ) -> None:
        """Call `attempt` until it succeeds, or raise the `failure` of one after which no other may succeed."""
        while True:
            try:
                return attempt(directives)
            except (StatementFailed, psycopg.Error) as error:
                again = self._tries_again(down, directives, error, budget)
                if again is None:
                    raise failure(error) from error
                directives = again

    def _once(self, file: MigrationFile, text: str, directives: Directives) -> None:
        execute_text(self._connection, text or "SELECT", before=begin_statements(directives))
        self._writer.check_deferred()
        if may_move_ledger(text):
            self._writer.refuse_moved_schema()
        reset(self._connection)
        self._writer.record_rolled_back(file, text)
        self._forget_progress(file)
        self._connection.execute("COMMIT")
        reset(self._connection)  # what SET LOCAL … TO DEFAULT had hidden is back

    def _tries_again(
        self, down: MigrationFile, directives: Directives, error: psycopg.Error | StatementFailed, budget: LockBudget
    ) -> Directives | None:
        """Roll back; if another attempt may succeed, wait a moment, and return the directives for it."""
        recover(self._connection)
        if not may_retry(self._connection, directives, error, budget):
            return None
        cause = error.cause if isinstance(error, StatementFailed) else error
        pause_before_retry(
            down.path.name,
            cause,
            budget,
            blocker=self._monitor.blocker,
            pause_s=self._settings.retry_pause_s,
            report=self._report,
        )
        return outlasting_autovacuum(self._connection, directives) if self._monitor.is_autovacuum else directives

    def _in_statements(self, file: MigrationFile, down: MigrationFile, text: str, directives: Directives) -> None:
        """Run a down file without a transaction, and record how many of its statements are done."""
        done, earlier_text = _done_before(self._connection, self._schema, down, text, self._report)
        self._writer.begin_rollback(down, text, done or 0)
        notices = Notices()
        budget = LockBudget(self._settings.table_wait_s)
        runner = StatementRunner(
            self._connection,
            self._writer,
            text,
            directives,
            done=done,
            earlier_text=earlier_text,
            notices=notices,
            budget=budget,
        )

        def attempt(directives: Directives) -> None:
            runner.directives = directives
            self._run_statements(file, runner)

        def failure(error: psycopg.Error | StatementFailed) -> RollbackFailed:
            return self._stopped(down, runner, *_described(down, text, error, by_statement=True))

        try:
            self._until_done(down, directives, budget, attempt, failure)
        except Interrupted:
            self._record_failed("interrupted", "stopped by Ctrl-C or SIGTERM")
            raise
        finally:
            notices.report(self._report)

    def _run_statements(self, file: MigrationFile, runner: StatementRunner) -> None:
        """Run what is left of a down file, and record that it is done."""
        with self._monitor.observing():
            runner.run()
            reset(self._connection)
            with self._connection.transaction():
                self._writer.record_rolled_back_statements(file)
                self._forget_progress(file)

    def _forget_progress(self, file: MigrationFile) -> None:
        if self._store is not None:
            self._store.remove(file.version)

    def _stopped(
        self,
        down: MigrationFile,
        runner: StatementRunner,
        problem: Problem,
        cause: psycopg.Error,
        statement: int | None = None,
    ) -> RollbackFailed:
        """Record that a down file stopped among its statements, and return the error."""
        self._record_failed("interrupted" if statement is None else "failed", str(problem))
        state = f"{down.path.name} stopped at statement {runner.done + 1} of {len(runner.statements)}"
        if runner.done == len(runner.statements):
            state = f"All statements of {down.path.name} are done, but that is not recorded"
        return self._failed(down, problem, f"{state}; the next rollback resumes there.", cause, statement)

    def _failed(
        self, down: MigrationFile, problem: Problem, state: str, cause: psycopg.Error, statement: int | None = None
    ) -> RollbackFailed:
        if isinstance(problem, StatementProblem) and isinstance(cause, IN_USE):
            problem = replace(problem, blocked_by=self._monitor.blocker)
        return _failed(down, problem, state, next_step_after(cause), statement, to=self._to)

    def _record_failed(self, outcome: str, error: str) -> None:
        recover(self._connection)
        if not is_broken(self._connection):
            reset(self._connection)
            self._writer.record_failed(outcome=outcome, error=error)


def _after_loss(url: str, settings: EngineSettings, backend_pid: int, down: MigrationFile) -> str:
    """Return what is in the database after the connection was lost: reconnect, and look."""
    name = down.path.name
    with reconnected(url, settings, backend_pid) as connection:
        if connection is None:
            return f"Whether {name} was committed could not be seen; flask db-status shows it."
        is_undone = down.version not in read(connection).rows
    return f"{name} was committed: migration {down.version:03d} is undone." if is_undone else _unchanged(down)


def _done_before(
    connection: Connection, schema: str, down: MigrationFile, text: str, report: Reporter
) -> tuple[int | None, str]:
    """Return how many statements of a down file an earlier rollback completed, and its text then.

    None if there was no earlier one, or if one of those statements was edited since.
    """
    stopped = ledgers.stopped_rollback(connection, schema, down.version, down.path.name)
    if stopped is None:
        return None, ""
    before, now = split_statements(stopped.text), split_statements(text)
    done = stopped.statement
    if len(now) < done or not all(same_statements(before[n].sql, now[n].sql) for n in range(done)):
        report(f"⏳ {down.path.name}: edited since an earlier rollback stopped; starting with its first statement")
        return None, ""
    if done:
        report(f"⏳ {down.path.name}: resuming at statement {done + 1} of {len(now)}")
    return done, stopped.interrupted_text


def _described(
    down: MigrationFile, text: str, error: psycopg.Error | StatementFailed, *, by_statement: bool = False
) -> tuple[StatementProblem, psycopg.Error, int | None]:
    """Return what happened and where, the server's error, and the number of the statement that failed, if one did."""
    if not isinstance(error, StatementFailed):
        return commit_problem(down.path, error), error, None
    offset = statement_offset(text, error.index) if error.index >= 0 else None
    sent_from = (offset or 0) if by_statement else error.sent_from
    return statement_problem(down.path, text, error.cause, offset, sent_from=sent_from), error.cause, error.number


def _undone_before(downs: list[MigrationFile]) -> str:
    if not downs:
        return ""
    return f" {version_ranges(down.version for down in downs)} {plural(len(downs), 'is', 'are')} undone."


def _unchanged(down: MigrationFile) -> str:
    return f"{down.path.name} changed nothing: migration {down.version:03d} stays applied."


def _failed(
    down: MigrationFile, problem: Problem, state: str, next_step: str, statement: int | None = None, *, to: int
) -> RollbackFailed:
    return RollbackFailed(
        version=down.version,
        problem=problem,
        state=state,
        next_step=next_step,
        statement=statement,
        command=f"flask db-rollback --to {to}",
    )
