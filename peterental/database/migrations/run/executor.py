"""Apply files under the lock, one after another in one session, and report the state after a failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import psycopg

from peterental.database.migrations.backfill.target import UnusableTable
from peterental.database.migrations.errors import (
    BackfillIncomplete,
    Interrupted,
    MigrationFailed,
    MigrationFilesError,
    Problem,
    joined,
)
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger, StoppedAttempt
from peterental.database.migrations.ledger.writer import LedgerWriter, RecordUnprepared
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.run.backfill_files import BackfillFinisher, BackfillStarter, OnlyBatch
from peterental.database.migrations.run.contract import ContractGate
from peterental.database.migrations.run.duplicates import duplicate_rows
from peterental.database.migrations.run.failures import (
    BUSY,
    IN_USE,
    RECONNECT,
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
from peterental.database.migrations.session.server import Connection, is_connection_lost, reason_of
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.checks import PreparedMigration
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start
from peterental.database.migrations.source.session_state import leaves_session_traces
from peterental.database.migrations.source.statements import same_statements, split_statements, statement_offset
from peterental.database.migrations.sql.error_location import (
    StatementProblem,
    commit_problem,
    statement_problem,
)
from peterental.database.migrations.wording import version_ranges

_log = logging.getLogger(__name__)

_STARTING = -1
"""The piece of work before a backfill's SQL, for its lock budget; 0 is the SQL."""


@dataclass(frozen=True)
class _Attempt:
    """A file that is being applied.

    Args:
        item: the file.
        text: its SQL.
        following: the file after it, which is read while the server commits this one; None for the last.
        monitor: sees which session is in the way.
        budget: how long the file may still wait for locks.
    """

    item: PreparedMigration
    text: str
    following: MigrationFile | None
    monitor: SessionMonitor
    budget: LockBudget


class Executor:
    """Applies files under the lock.

    Args:
        connection: the runner's, after a reset, holding the lock.
        ledger: as read under the lock.
        url: of the database, for the monitor's connection.
        report: receives lines about progress.
        progress: shows how far a long build has come.
        settings: the host's.
        files: every file, among them the backfills that others need.
        may_wait: whether to finish such backfills; otherwise an incomplete one is an error.
        in_background: whether backfills of large tables are left to the workers.
        done: what earlier sessions of this run have applied.
        registered: the backfills that they left to the workers.

    Attributes:
        registered: the versions of the backfills that this run left to the workers.
        needs_new_session: whether files are left that need a session without the traces of the last one.
    """

    def __init__(
        self,
        connection: Connection,
        ledger: Ledger,
        url: str,
        report: Reporter,
        *,
        progress: Progress | None = None,
        settings: EngineSettings = DEFAULT_SETTINGS,
        files: Sequence[MigrationFile] = (),
        may_wait: bool = True,
        in_background: bool = True,
        done: Sequence[int] = (),
        registered: Sequence[int] = (),
    ) -> None:
        self._in_background = in_background
        self._connection = connection
        self._ledger = ledger
        self._url = url
        self._settings = settings
        self._writer = LedgerWriter(connection, ledger.server.schema)
        self._report = report
        self._progress = progress
        self.registered = list(registered)
        self._starter = BackfillStarter(connection, ledger.server.schema, self._writer, report)
        self._finisher = BackfillFinisher(
            connection,
            ledger.server.schema,
            url,
            report,
            progress=progress,
            settings=settings,
            may_wait=may_wait,
            files={file.version: file for file in files}.__getitem__,
        )
        self._only_batch: OnlyBatch | None = None
        self._done = list(done)
        self.needs_new_session = False
        self._next_text: str | None = None
        baseline = baseline_at_start(files)
        squashed = baseline.version if baseline else 0
        self._gate = ContractGate(connection, ledger, settings, report, squashed=squashed, done=done)
        self._notices = Notices()

    def apply(self, todo: list[PreparedMigration]) -> list[int]:
        """Apply `todo` in order, and return the versions that this run has applied.

        It ends early before a contract file that has to wait, and after a file that `needs_new_session` after it.

        Raises MigrationFailed for the first that fails, ContractInFront before any runs, Interrupted,
        MigrationFilesError.
        """
        if not todo:
            return self._done
        in_front = self._gate.refuse_in_front(todo)
        self._writer.ensure_tables(self._ledger)
        self._writer.mark_orphans_interrupted()
        self._writer.begin_attempt(todo[0].file, has_rows=bool(self._ledger.rows))
        pid = self._ledger.server.backend_pid  # behind a pooler, the connection has another
        with SessionMonitor(self._url, pid, self._report, progress=self._progress, settings=self._settings) as monitor:
            for item, following in zip(todo, [*todo[1:], None], strict=True):
                if item.directives.contract and item not in in_front and self._leaves_waiting(item):
                    break
                self._finish_needed(item)
                started_s = time.monotonic()
                try:
                    text = item.file.text() if self._next_text is None else self._next_text
                    leaves_traces = following is not None and leaves_session_traces(text)
                    next_file = following.file if following and not leaves_traces else None
                    self._apply(_Attempt(item, text, next_file, monitor, LockBudget(self._settings.table_wait_s)))
                except MigrationFilesError as error:
                    self._not_started(item, error)
                    raise
                if item.file.version in {*self.registered, *self._done}:
                    continue
                self._report(f"✅ {item.file.path.name} ({_since_ms(started_s)} ms)")
                self._notices.report(self._report)
                self._done.append(item.file.version)
                if leaves_traces:
                    self.needs_new_session = True
                    break
        return self._done

    def _apply(self, attempt: _Attempt) -> None:
        directives = attempt.item.directives
        if directives.backfill:
            self._apply_backfill(attempt)
        elif directives.no_transaction:
            self._apply_statements(attempt)
        else:
            self._apply_in_transaction(attempt)

    def _leaves_waiting(self, item: PreparedMigration) -> bool:
        """Record what a contract file waits for, if it has to wait."""
        reason = self._gate.waits_for(item, self._done)
        if reason is None:
            return False
        self._writer.record_waiting(item.file.version, reason)
        self._report(f"⏳ {item.file.path.name} waits for {reason}")
        return True

    def _finish_needed(self, item: PreparedMigration) -> None:
        """Finish the backfills that a file needs. Raises BackfillIncomplete."""
        for version in item.directives.after_backfill:
            try:
                self._finish(item.file, version)
            except BackfillIncomplete as incomplete:
                stays = f" {_applied_versions(self._done)} applied." if self._done else ""
                error = BackfillIncomplete(**(incomplete.values | {"stays": stays}))
                self._record_outcome(outcome="failed", error=str(error))
                raise error from incomplete
            except Interrupted:
                self._record_outcome(outcome="interrupted", error="stopped by Ctrl-C or SIGTERM")
                raise

    def _finish(self, needing: MigrationFile, version: int) -> None:
        """Finish one backfill, which may be one of this run's."""
        self._finisher.finish(needing, version)
        if version in self.registered:
            self.registered.remove(version)
            self._done = sorted([*self._done, version])

    def _apply_backfill(self, attempt: _Attempt) -> None:
        """Apply a backfill of a small table in one transaction; register that of a large one."""
        file = attempt.item.file
        self._only_batch = None
        while file.version not in self.registered and self._only_batch is None:
            attempt.budget.begin(_STARTING)
            try:
                self._start_backfill(attempt)
            except BUSY as error:
                recover(self._connection)
                if not self._may_retry(attempt, error):
                    problem = Problem(message=reason_of(error), file=file.path.name)
                    self._fail(attempt.item, problem, f"{file.path.name} was not started.")
                self._pause(attempt, error)
        if self._only_batch is None:
            if not self._in_background:
                self._finish(file, file.version)
            return
        try:
            self._apply_in_transaction(attempt)
        finally:
            self._only_batch = None

    def _start_backfill(self, attempt: _Attempt) -> None:
        """Find the only batch of a small table, or register the backfill."""
        item = attempt.item
        backfill = item.directives.backfill
        assert backfill is not None  # noqa: S101  # for mypy; the caller has checked
        try:
            self._only_batch = self._starter.only_batch(backfill)
            if self._only_batch is None:
                self._next_text = None
                self._starter.register(item, attempt.text, backfill, attempt.following)
                self.registered.append(item.file.version)
        except UnusableTable as unusable:
            problem = Problem(message=unusable.message, file=item.file.path.name)
            self._fail(item, problem, f"{item.file.path.name} was not started.", unusable.next_step)

    def _apply_in_transaction(self, attempt: _Attempt) -> None:
        """Apply one file in one transaction; retry it while its tables are locked by other sessions."""
        while True:
            attempt.budget.begin(0)
            try:
                with attempt.monitor.observing():
                    self._in_one_transaction(attempt)
            except RecordUnprepared:
                self._notices.clear()  # the whole file runs again, and is recorded by a plain statement
            except (StatementFailed, psycopg.Error) as error:
                attempt = self._retry_or_fail(attempt, error, f"{attempt.item.file.path.name} was rolled back.")
            except Interrupted:
                self._record_outcome(outcome="interrupted", error="stopped by Ctrl-C or SIGTERM")
                raise
            else:
                return

    def _in_one_transaction(self, attempt: _Attempt) -> None:
        """Apply one file with its ledger row, and begin the next file's attempt in the same transaction."""
        text, started_s = attempt.text, time.monotonic()
        stage = partial(self._writer.stage_record, attempt.item.file, text, attempt.following)
        batch = self._only_batch or OnlyBatch((), is_empty=False)
        before = (*begin_statements(attempt.item.directives), *batch.settings)
        try:
            with self._notices.listening(self._connection):
                execute_text(self._connection, "SELECT" if batch.is_empty else text, before=before, while_waiting=stage)
                if may_move_ledger(text):
                    self._writer.check_deferred()
                    self._writer.refuse_moved_schema()
                self._record(attempt, started_s)  # deferred triggers fire here, and may send notices
        except BaseException:
            recover(self._connection)
            raise

    def _record(self, attempt: _Attempt, started_s: float) -> None:
        """Record the file that started at `started_s`, and read the next file while the server commits."""
        self._writer.record_applied(
            duration_ms=_since_ms(started_s), while_waiting=partial(self._read_ahead, attempt.following)
        )

    def _read_ahead(self, following: MigrationFile | None) -> None:
        self._next_text = None
        if following is not None:
            with suppress(MigrationFilesError):  # read again, and reported, when its turn comes
                self._next_text = following.text()

    def _apply_statements(self, attempt: _Attempt) -> None:
        """Apply one no-transaction file, resuming where an earlier attempt stopped."""
        item, text = attempt.item, attempt.text
        stopped = self._begin_statements(item, text)
        runner = StatementRunner(
            self._connection,
            self._writer,
            text,
            item.directives,
            done=stopped.statement if stopped else None,
            earlier_text=stopped.interrupted_text if stopped else "",
            notices=self._notices,
            budget=attempt.budget,
        )
        self._writer.stage_record(item.file, text, attempt.following)
        started_s = time.monotonic()
        while True:
            runner.directives = attempt.item.directives
            try:
                with attempt.monitor.observing():
                    runner.run()
                    execute_text(self._connection, "BEGIN READ WRITE")
                    self._record(attempt, started_s)
            except RecordUnprepared:
                recover(self._connection)  # recorded by a plain statement next
            except (StatementFailed, psycopg.Error) as error:
                recover(self._connection)
                attempt = self._retry_or_fail(attempt, error, _stopped_at(runner.done, len(runner.statements)))
            except Interrupted:
                recover(self._connection)
                state = _stopped_at(runner.done, len(runner.statements))
                self._record_outcome(outcome="interrupted", error=f"stopped by Ctrl-C or SIGTERM. {state}")
                raise
            else:
                return

    def _begin_statements(self, item: PreparedMigration, text: str) -> StoppedAttempt | None:
        """Record that the file runs statement by statement, and return what `_stopped_before` returns.

        Raises MigrationFailed if the ledger cannot be used and earlier files of this run were applied.
        """
        try:
            stopped = self._stopped_before(item, text)
            self._writer.begin_statements(text, stopped.statement if stopped else 0)
        except psycopg.Error as error:
            if is_broken(self._connection):
                self._fail(item, _connection_lost(item, error), "")
            if not self._done:
                raise
            problem = Problem(message=f"the ledger cannot be used: {reason_of(error)}", file=item.file.path.name)
            self._fail(item, problem, f"{item.file.path.name} was not started.")
        return stopped

    def _stopped_before(self, item: PreparedMigration, text: str) -> StoppedAttempt | None:
        """Return the earlier attempt at the file that stopped among its statements; None if there was none.

        Raises MigrationFilesError if a statement that it has done was edited since: the schema would differ from the
        file.
        """
        stopped = ledgers.stopped_attempt(self._connection, self._ledger.server.schema, item.file.version)
        if stopped is None:
            return None
        before, now = split_statements(stopped.text), split_statements(text)
        for number in range(stopped.statement):
            if number >= len(now) or not same_statements(before[number].sql, now[number].sql):
                name = item.file.path.name
                problem = Problem(
                    message=f"{name}: statement {number + 1}, which an earlier attempt has done, was edited",
                    file=name,
                    next_step="restore it, or run flask db-repair to start the file from its first statement",
                )
                raise MigrationFilesError([problem])
        progress = f"resuming at statement {stopped.statement + 1} of {len(now)}"
        if stopped.statement == len(now):
            progress = "all its statements are done; recording it"
        self._report(f"⏳ {item.file.path.name}: {progress}")
        return stopped

    def _retry_or_fail(self, attempt: _Attempt, error: StatementFailed | psycopg.Error, state: str) -> _Attempt:
        """Wait a moment, and return how the file is tried again; raise MigrationFailed if it cannot succeed.

        Args:
            attempt: the file, whose transaction has ended.
            error: of one of its statements, or of what was run after the last one.
            state: what is in the database if it fails, in a sentence.
        """
        cause, number = (error.cause, error.number) if isinstance(error, StatementFailed) else (error, None)
        if not self._may_retry(attempt, error):
            next_step = next_step_after(cause, attempt.text, attempt.item.file.version)
            # Of a file without a transaction, the statement may be done: what failed is the record of it.
            outcome = "interrupted" if cause is error and attempt.item.directives.no_transaction else "failed"
            problem = self._problem(attempt, error)
            self._fail(attempt.item, problem, state, next_step, statement=number, outcome=outcome)
        return self._pause(attempt, cause)

    def _may_retry(self, attempt: _Attempt, error: StatementFailed | psycopg.Error) -> bool:
        return may_retry(self._connection, attempt.item.directives, error, attempt.budget)

    def _pause(self, attempt: _Attempt, error: psycopg.Error) -> _Attempt:
        """Wait a moment, and return how the file is tried again."""
        if not attempt.item.directives.no_transaction:
            self._notices.clear()  # the whole file runs again
        try:
            self._writer.record_wait(attempt.monitor.worst_wait_ms)
        except psycopg.Error as failure:  # the retry matters more; it will notice a lost connection
            _log.warning("the wait for a table could not be recorded in the history: %s", reason_of(failure))
        pause_before_retry(
            attempt.item.file.path.name,
            error,
            attempt.budget,
            blocker=attempt.monitor.blocker,
            pause_s=self._settings.retry_pause_s,
            report=self._report,
        )
        if not attempt.monitor.is_autovacuum:
            return attempt
        directives = outlasting_autovacuum(self._connection, attempt.item.directives)
        return replace(attempt, item=replace(attempt.item, directives=directives))

    def _problem(self, attempt: _Attempt, error: StatementFailed | psycopg.Error) -> Problem:
        """Return what happened, and where in the file."""
        if isinstance(error, StatementFailed):
            return self._statement_problem(attempt, error)
        if is_broken(self._connection):
            return _connection_lost(attempt.item, error)
        return commit_problem(attempt.item.file.path, error)

    def _statement_problem(self, attempt: _Attempt, error: StatementFailed) -> Problem:
        item, text = attempt.item, attempt.text
        if is_broken(self._connection) and is_connection_lost(error.cause):
            return _connection_lost(item, error.cause)
        offset = statement_offset(text, error.index) if error.index >= 0 else None
        sent_from = (offset or 0) if item.directives.no_transaction else error.sent_from
        problem = statement_problem(item.file.path, text, error.cause, offset, sent_from=sent_from)
        if isinstance(error.cause, psycopg.errors.UniqueViolation):
            failing = split_statements(text)[error.index].sql if error.index >= 0 else ""
            return replace(problem, duplicates=duplicate_rows(self._connection, error.cause, failing))
        return replace(problem, blocked_by=attempt.monitor.blocker) if isinstance(error.cause, IN_USE) else problem

    def _after_loss(self, item: PreparedMigration, problem: Problem) -> str:
        """Return what is in the database after the connection was lost: reconnect, and look."""
        name = item.file.path.name
        if not isinstance(problem, StatementProblem):
            self._report(f"⏳ {name}: {problem.message}; reconnecting to see whether it was committed")
        with reconnected(self._url, self._settings, self._ledger.server.backend_pid) as connection:
            if connection is None:
                waited = f"{self._settings.reconnect_wait_s:g} s"
                return (
                    f"Whether {name} was committed could not be seen: the server was not back, or still at work on it,"
                    f" after {waited}. It was committed whole or not at all; flask db-status shows which."
                )
            end = self._writer.record_lost(connection, str(problem))
        if end.is_applied:
            return f"{name} was committed, and is recorded as applied."
        if end.statement is None:
            return f"{name} was rolled back."
        where = _stopped_at(end.statement, len(split_statements(item.file.text())))
        return f"{name} was not completed. {where}"

    def _fail(
        self,
        item: PreparedMigration,
        problem: Problem,
        state: str,
        next_step: str = "fix the error",
        *,
        statement: int | None = None,
        outcome: str = "failed",
    ) -> NoReturn:
        """Record the failure in the history, then raise MigrationFailed."""
        self._notices.report(self._report)
        if is_broken(self._connection):
            state = self._after_loss(item, problem)
            next_step = next_step if isinstance(problem, StatementProblem) else RECONNECT
        else:
            self._record_outcome(outcome=outcome, error=str(problem))
        if isinstance(problem, StatementProblem) and problem.duplicates:
            next_step = "merge or change these rows"
        if self._done:
            state += f" {_applied_versions(self._done)} applied."
        raise MigrationFailed(
            version=item.file.version, problem=problem, state=state, next_step=next_step, statement=statement
        )

    def _not_started(self, item: PreparedMigration, error: MigrationFilesError) -> None:
        """Record why a file could not begin; raise MigrationFailed where earlier files of this run were applied."""
        if self._done:
            problem = error.problems[0]
            if len(error.problems) > 1:
                problem = Problem(message=joined(error.problems), file=item.file.path.name)
            self._fail(item, problem, f"{item.file.path.name} was not started.")
        self._record_outcome(outcome="failed", error=joined(error.problems))

    def _record_outcome(self, *, outcome: str, error: str) -> None:
        """Record how the attempt ended, if the database still allows it."""
        try:
            reset(self._connection)
            self._writer.record_failed(outcome=outcome, error=error)
        except psycopg.Error as failure:
            _log.warning("the failed attempt could not be recorded in the history: %s", reason_of(failure))


def _connection_lost(item: PreparedMigration, error: psycopg.Error) -> Problem:
    message = f"the connection to the database was lost: {reason_of(error)}"
    return Problem(message=message, file=item.file.path.name)


def _stopped_at(done: int, statements: int) -> str:
    """Return where a no-transaction file stopped: how many of its statements are done."""
    if done == statements:
        return "All its statements are done, but it is not recorded as applied."
    few = {0: "nothing was done before it", 1: "the one before it is done"}
    before = few.get(done, f"the {done} before it are done")
    return f"Stopped at statement {done + 1} of {statements}; {before}."


def _applied_versions(versions: list[int]) -> str:
    return f"{version_ranges(versions)} {'stays' if len(versions) == 1 else 'stay'}"


def _since_ms(started_s: float) -> int:
    return round((time.monotonic() - started_s) * 1000)
