"""Run the batches of one backfill: each in its own transaction, together with the record of its progress."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg

from peterental.database.migrations.backfill.batches import SESSION_SETTINGS, Batch, Batches
from peterental.database.migrations.backfill.pace import Rate, next_batch_rows
from peterental.database.migrations.backfill.target import Target, UnusableTable, find_target
from peterental.database.migrations.backfill.throttle import (
    BATCHES_PER_BUDGET,
    MAX_PAUSE_S,
    WAITING_SESSION,
    LockGuard,
    reason_to_pause,
)
from peterental.database.migrations.errors import Interrupted
from peterental.database.migrations.ledger.backfills import (
    BackfillProgress,
    BackfillState,
    BackfillStore,
    Position,
)
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.session.connection import begin_statements, is_broken, recover
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection, backend_pid_of, cancelled_by
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.directives import BackfillDirective, Directives
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.statements import statement_offset
from peterental.database.migrations.sql.error_location import commit_problem, statement_problem
from peterental.database.migrations.wording import plural

STATEMENT_TIMEOUT_MS = 30_000
"""How long a statement of a batch may run, unless the file says otherwise, in milliseconds."""

_IN_USE = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_INDIVISIBLE = ("0A", "25", "42", "XX")
"""Classes of SQLSTATEs that do not depend on the rows of a batch."""

_FIRST_BACKOFF_S, _MAX_BACKOFF_S = 0.1, 5.0
_CONTENDED_PAUSE_S = 0.1
_THROTTLE_POLL_S = 1.0
_REPORT_INTERVAL_S = 10.0


@dataclass(frozen=True)
class BackfillFile:
    """A backfill's file as it was read: its text and its directives."""

    file: MigrationFile
    text: str
    directives: Directives

    @property
    def backfill(self) -> BackfillDirective:
        """How it walks through its table."""
        assert self.directives.backfill is not None  # noqa: S101  # for mypy; only backfills become one
        return self.directives.backfill


class _RetryBatch(Exception):
    """The batch was rolled back and must run again, smaller or later.

    Args:
        reason: why, for the report.
        batch_rows: the size of the next attempt.
        is_contended: whether to pause before, because another session is in the way.
    """

    def __init__(self, reason: str, batch_rows: int, *, is_contended: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.batch_rows = max(1, batch_rows)
        self.is_contended = is_contended


class _TableReplaced(Exception):
    """Another table has the name of the backfill's table now."""


class BackfillWorker:
    """Runs one registered backfill; the session holds the backfill's own advisory lock.

    Args:
        connection: the session that runs the batches, after a reset.
        store: the table of backfills.
        source: the file.
        url: of the database, for the connection that notices waiting sessions.
        report: receives lines about progress.
        progress: shows how far it has come; without it, `report` receives a line now and then.
        settings: the host's.
        until: ends the work between two batches once it is set.
        max_rows_per_s: the highest rate; None for no limit.
        wait: pauses for a number of seconds, or until `until` is set.
    """

    def __init__(
        self,
        connection: Connection,
        store: BackfillStore,
        source: BackfillFile,
        url: str,
        *,
        report: Reporter,
        progress: Progress | None = None,
        settings: EngineSettings = DEFAULT_SETTINGS,
        until: threading.Event | None = None,
        max_rows_per_s: float | None = None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._connection = connection
        self._store = store
        self._source = source
        self._pid = backend_pid_of(connection)
        self._guard = LockGuard(url, self._pid, settings)
        self._report = report
        self._progress = progress
        self._until = until or threading.Event()
        self._wait = wait or self._until.wait
        self._max_rows_per_s = max_rows_per_s
        self._rate = Rate()
        self._backoff_s = _FIRST_BACKOFF_S
        self._pause_budget_s = float(MAX_PAUSE_S)
        self._batches_done = 0
        self._reported: dict[str, float] = {}

    @property
    def _name(self) -> str:
        return self._source.file.path.name

    def run(self, state: BackfillProgress, *, once: bool = False) -> BackfillProgress:
        """Run batches until the backfill is complete or has failed, or `until` is set; return its new state.

        Args:
            state: as it was read while the lock was held.
            once: whether to stop after one batch.

        Raises BackfillMoved if the backfill was changed by another session, Interrupted, and psycopg.Error if the
        connection is lost; the batch is rolled back then.
        """
        try:
            self._connection.execute(SESSION_SETTINGS)
            with self._guard:
                return self._run_on_table(state, once=once)
        except BaseException:
            recover(self._connection)
            raise

    def _run_on_table(self, state: BackfillProgress, *, once: bool) -> BackfillProgress:
        """Run batches of the table on which the progress began; fail if it is gone, or another one has its name."""
        while True:
            try:
                target = find_target(self._connection, self._source.backfill)
                if state.is_copied:
                    state = self._store.adopt_copy(state, target.oid)
                if state.table_oid not in {None, target.oid}:
                    if state.position is not None:
                        return self._fail_on_another_table(state, target)
                    state = self._store.restart(state, target.oid)
                return self._run_batches(state, target, once=once)
            except UnusableTable as unusable:
                return self._fail(state, None, str(unusable))
            except (_TableReplaced, psycopg.errors.UndefinedTable):
                recover(self._connection)
                state = self._store.read(state.version) or state

    def _fail_on_another_table(self, state: BackfillProgress, target: Target) -> BackfillProgress:
        """Fail: which rows of the new table are done is not known. Another attempt begins with its first row."""
        done = f"{state.rows_done:,} {plural(state.rows_done, 'row', 'rows')}"
        with self._connection.transaction():
            restarted = self._store.restart(state, target.oid)
            return self._fail(
                restarted,
                None,
                f"{state.table} is another table than the one of which {done} were done: it was dropped and created"
                " again, or renamed; another attempt begins with its first row",
            )

    def _run_batches(self, state: BackfillProgress, target: Target, *, once: bool) -> BackfillProgress:
        batches = Batches(self._connection, target)
        done = 0
        while state.state is BackfillState.RUNNING and not self._until.is_set() and not (once and done):
            before = state
            try:
                state = self._step(state, batches, target)
            except _RetryBatch as retry:
                self._tell(f"{self._name}: {retry.reason}", key=retry.reason.partition(" (")[0])
                state = replace(state, batch_rows=retry.batch_rows)
                if retry.is_contended:
                    self._back_off()
            except psycopg.errors.QueryCanceled:
                self._restart_step()  # the guard was a moment late, between two batches
            except _IN_USE:
                self._tell(f"{self._name}: the table is in use; trying again")
                self._restart_step()
            else:
                self._backoff_s = _FIRST_BACKOFF_S
                done += state.position != before.position
        return state

    def _restart_step(self) -> None:
        if is_broken(self._connection):
            raise psycopg.OperationalError("the connection is lost")
        recover(self._connection)
        self._back_off()

    def _back_off(self) -> None:
        self._wait(self._backoff_s * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
        self._backoff_s = min(self._backoff_s * 2, _MAX_BACKOFF_S)

    def _step(self, state: BackfillProgress, batches: Batches, target: Target) -> BackfillProgress:
        """Run the next batch, or complete the backfill after the last one."""
        self._pause_for_others(target)
        if self._until.is_set():
            return state
        batch = batches.after(state.position, self._limited(state.batch_rows))
        if batch is None:
            if target.is_replaced(self._connection):
                raise _TableReplaced
            return self._complete(state)
        started_s = time.monotonic()
        after, error = self._run_batch(state, batch, batches, target)
        if error is not None:
            return self._fail(state, batch, error)
        self._show(after)
        self._pause_after(batch, after, time.monotonic() - started_s)
        return after

    def _run_batch(
        self, state: BackfillProgress, batch: Batch, batches: Batches, target: Target
    ) -> tuple[BackfillProgress, str | None]:
        """Commit one batch together with its progress; return the new state, or the error of a failed batch.

        Raises _RetryBatch after a rollback that is no failure, and _TableReplaced.
        """
        started_s = time.monotonic()
        try:
            with self._guard.guarding(is_divisible=batch.rows > 1):
                execute_text(self._connection, self._source.text, before=(*self._begin(), batches.settings(batch)))
                if target.is_replaced(self._connection):  # the batch holds its lock now
                    raise _TableReplaced
                after = self._advanced(state, batch, _since_ms(started_s))
                self._store.advance(state, after)
                self._connection.execute("COMMIT")
        except StatementFailed as failure:
            return state, self._rolled_back(batch, failure.cause, failure)
        except psycopg.Error as error:
            return state, self._rolled_back(batch, error, None)
        except Interrupted:
            self._report(f"⏳ {self._name}: stopped; the next run resumes at {batch.shown}")
            raise
        return after, None

    def _begin(self) -> tuple[str, ...]:
        directives = self._source.directives
        timeout_ms = directives.statement_timeout_ms or STATEMENT_TIMEOUT_MS
        return begin_statements(replace(directives, statement_timeout_ms=timeout_ms))

    def _advanced(self, state: BackfillProgress, batch: Batch, took_ms: int) -> BackfillProgress:
        """Return the state after a batch whose transaction is about to commit."""
        waiting = self._connection.execute(WAITING_SESSION, {"pid": self._pid}).fetchone()
        if waiting is not None:
            self._tell(f"{self._name}: another session waited for its locks; continuing with smaller batches")
        rows_done = state.rows_done + batch.rows
        asked = self._limited(state.batch_rows)
        size = next_batch_rows(asked, rows=batch.rows, took_ms=took_ms, is_contended=waiting is not None)
        if asked <= size and asked < state.batch_rows:
            size = state.batch_rows  # only the highest rate made this batch smaller
        return replace(
            state,
            position=batch.last,
            rows_done=rows_done,
            total_rows=max(state.total_rows, rows_done),
            batch_rows=size,
            rows_per_s=self._rate.after(batch.rows) or state.rows_per_s,
            run_ms=state.run_ms + took_ms,
            worst_batch_ms=max(state.worst_batch_ms or 0, took_ms),
            failed_first=None,
            failed_last=None,
            error=None,
            is_fresh=True,
        )

    def _rolled_back(self, batch: Batch, error: psycopg.Error, failure: StatementFailed | None) -> str:
        """Roll back, and return the error to record.

        Raises _RetryBatch, and `error` if the connection is lost or the server's disk is full.
        """
        recover(self._connection)
        if is_broken(self._connection):
            raise error
        if isinstance(error, psycopg.errors.DiskFull):
            raise error  # no row is at fault: the backfill stays as it is, and the next run resumes here
        half = batch.rows // 2
        if isinstance(error, _IN_USE):
            raise _RetryBatch("rows that it needs are in use; trying again", half) from error
        if isinstance(error, psycopg.errors.QueryCanceled) and cancelled_by(error) != "statement_timeout":
            raise _RetryBatch("the batch gave way to another session; trying half of it", half) from error
        is_divisible = isinstance(error, psycopg.errors.QueryCanceled) or (error.sqlstate or "")[:2] not in _INDIVISIBLE
        if batch.rows > 1 and is_divisible:
            # The rows before the one that fails are done, and the batch to retry or skip is as small as possible.
            message = error.diag.message_primary or str(error)
            reason = f"a batch failed ({batch.shown}: {message}); trying half of it"
            raise _RetryBatch(reason, half, is_contended=False) from error
        return str(self._problem(error, failure))

    def _problem(self, error: psycopg.Error, failure: StatementFailed | None) -> object:
        path, text = self._source.file.path, self._source.text
        if failure is None:
            return commit_problem(path, error)
        offset = statement_offset(text, failure.index) if failure.index >= 0 else None
        return statement_problem(path, text, error, offset, sent_from=failure.sent_from)

    def _fail(self, state: BackfillProgress, batch: Batch | None, error: str) -> BackfillProgress:
        """Record the failure, and report it with the next step."""
        first, last = (batch.first, batch.last) if batch else ((), ())
        message = f"it cannot run: {error}" if batch is None else f"batch {batch.shown} failed: {error}"
        self._store.record_failed(state, first, last, message)
        failed = replace(
            state,
            state=BackfillState.FAILED,
            error=message,
            failed_first=first or None,
            failed_last=last or None,
        )
        self._report(
            f"❌ {self._name}: {message}\n"
            f"  {state.rows_done:,} rows are done and stay.\n"
            f"  Next: fix the cause, then run: {failed.commands_after_failure}"
        )
        return failed

    def _complete(self, state: BackfillProgress) -> BackfillProgress:
        self._store.complete(state, self._source.file, self._source.text)
        if state.skipped:
            skipped = len(state.skipped)
            self._report(f"✅ {self._name} ({state.rows_done:,} rows, {skipped} skipped, {state.run_ms} ms)")
        else:
            self._report(f"✅ {self._name} ({state.rows_done:,} rows, {state.run_ms} ms)")
        return replace(state, state=BackfillState.DONE, total_rows=state.rows_done, is_recorded=True)

    # --- manners ------------------------------------------------------------------------------------------------------

    def _limited(self, batch_rows: int) -> int:
        """Return the size of a batch that takes no more than a second at the highest rate."""
        if self._max_rows_per_s is None:
            return batch_rows
        return max(1, min(batch_rows, int(self._max_rows_per_s)))

    def _pause_for_others(self, target: Target) -> None:
        """Wait while replicas lag or the table needs a vacuum, within a budget: neither may ever end."""
        if self._batches_done % BATCHES_PER_BUDGET == 0:
            self._pause_budget_s = float(MAX_PAUSE_S)
        while self._pause_budget_s > 0 and not self._until.is_set():
            reason = reason_to_pause(self._connection, target.oid)
            if reason is None:
                return
            self._tell(f"{self._name} pauses: {reason}", key="pause")
            self._wait(_THROTTLE_POLL_S)
            self._pause_budget_s -= _THROTTLE_POLL_S

    def _pause_after(self, batch: Batch, after: BackfillProgress, took_s: float) -> None:
        self._batches_done += 1
        pause_s = self._source.backfill.pause_ms / 1000
        if after.batch_rows <= batch.rows // 2:
            pause_s = max(pause_s, _CONTENDED_PAUSE_S)
        if self._max_rows_per_s is not None:
            pause_s = max(pause_s, batch.rows / self._max_rows_per_s - took_s)
        if pause_s > 0:
            self._wait(pause_s)

    def _show(self, state: BackfillProgress) -> None:
        if self._progress is not None:
            self._progress(f"{self._name}: {state.summary}", state.percent)
        else:
            self._tell(f"{self._name}: {state.summary}", key="progress")

    def _tell(self, line: str, key: str | None = None) -> None:
        """Report a line, but none of the same kind for a while."""
        now_s, kind = time.monotonic(), key or line.partition(": ")[2]
        if now_s - self._reported.get(kind, -_REPORT_INTERVAL_S) >= _REPORT_INTERVAL_S:
            self._reported[kind] = now_s
            self._report(f"⏳ {line}")


def skip_batch(
    connection: Connection, store: BackfillStore, state: BackfillProgress, first: Position, last: Position
) -> BackfillProgress:
    """Record a batch as skipped, and return the state after it."""
    after = replace(state, position=last, skipped=(*state.skipped, (first, last)))
    with connection.transaction():
        store.advance(state, after)
    return after


def _since_ms(started_s: float) -> int:
    return round((time.monotonic() - started_s) * 1000)
