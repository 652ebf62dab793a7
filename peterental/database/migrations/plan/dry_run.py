"""Rehearses migrations statement by statement: on the live database, rolled back, or in a scratch copy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.plan.cluster_scope import is_cluster_wide
from peterental.database.migrations.plan.contention_guard import ContentionGuard
from peterental.database.migrations.plan.lock_tracer import LockTracer, StatementEffects
from peterental.database.migrations.run.concurrent_indexes import parse_concurrent_index_op
from peterental.database.migrations.session.connection import is_broken, prepare_to_write, recover
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection, cancelled_by, reason_of
from peterental.database.migrations.source.checks import PreparedMigration
from peterental.database.migrations.source.statements import Statement, split_statements
from peterental.database.migrations.sql.error_location import explain, explain_commit_error

_LOCK_ERRORS = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_NON_TRANSACTIONAL_ERRORS = (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination)
_SETS = re.compile(r"set\b", re.IGNORECASE)
_SETS_TRANSACTION = re.compile(r"set\s+(?:local\s+)?transaction\b", re.IGNORECASE)
_MIN_TIMEOUT_MS = 20
_SCRATCH_LIMITS = "SET LOCAL lock_timeout TO '5s'; SET LOCAL statement_timeout TO '10s'"


@dataclass(frozen=True)
class Limits:
    """How little a rehearsal may be felt.

    Args:
        lock_timeout_ms: how long one statement may wait for a table.
        hold_ms: how long one statement may take, and how long all of them together may hold locks that block writers.
    """

    lock_timeout_ms: int = 150
    hold_ms: int = 2_000


@dataclass
class StatementResult:
    """One statement and what was seen of it; `duration_ms` where it ran to its end."""

    statement: Statement
    effects: StatementEffects = field(default_factory=StatementEffects)
    duration_ms: int | None = None
    is_non_transactional: bool = False
    """It cannot run inside a transaction."""


@dataclass
class FileResult:
    """How far one file came.

    Args:
        item: the file.
        text: its text.
        steps: the statements that were run to their end.
        error: why it would fail, explained; None where it would not.
        stopped: why the rehearsal ended with this file, although nothing is wrong with it.
        blocker: who was in its way, if that is why it stopped.
    """

    item: PreparedMigration
    text: str
    steps: list[StatementResult] = field(default_factory=list)
    error: str | None = None
    stopped: str | None = None
    blocker: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all of it ran."""
        return self.error is None and self.stopped is None

    def statements(self) -> list[Statement]:
        """Split the text; what nothing can split is one statement, and the server will say what is wrong with it."""
        return split_statements(self.text) or [Statement(0, self.text)]

    def explain_error(self, error: psycopg.Error, statement: Statement | None) -> str:
        """Explain an error as the runner would."""
        if statement is None:
            return explain(self.item.file.path, self.text, error)
        return explain(self.item.file.path, self.text, error, statement.offset, sent_from=statement.offset)


# --- on the live database ---------------------------------------------------------------------------------------------


def dry_run_live(
    connection: Connection, url: str, ledger: Ledger, items: list[PreparedMigration], limits: Limits
) -> list[FileResult]:
    """Run `items` in one transaction, as far as nobody is disturbed, and roll it back; give what was seen of each.

    The last one given may have failed, or been stopped; those after it were not begun.

    Args:
        connection: the caller's own, holding the migration lock, prepared to write.
        url: where it leads, for a second connection that looks out for others.
        ledger: as read.
        items: what is pending.
        limits: how little it may be felt.
    """
    runs: list[FileResult] = []
    with ContentionGuard(url, connection.info.backend_pid) as guard:
        live = _LiveDryRun(connection, guard, limits, LedgerWriter(connection, ledger.server.schema))
        try:
            execute_text(connection, f"BEGIN; {live.limit_settings()}")
            live.writer.ensure_tables(ledger)
            live.tracer = LockTracer(connection, ledger.server.schema)
            for item in items:
                if item.directives.no_transaction:
                    break
                runs.append(FileResult(item, item.file.text()))
                live.dry_run(runs[-1], is_first=len(runs) == 1)
                if not runs[-1].is_complete:
                    break
        except psycopg.Error as error:
            runs = runs or [FileResult(items[0], items[0].file.text())]
            reason = f"the live database could not be used for it: {reason_of(error)}"
            runs[-1].stopped = live.reason_to_stop() or reason
        finally:
            recover(connection)
    return runs


class _LiveDryRun:
    """The transaction that is rolled back, and its limits."""

    tracer: LockTracer

    def __init__(self, connection: Connection, guard: ContentionGuard, limits: Limits, writer: LedgerWriter) -> None:
        self.writer = writer
        self._connection = connection
        self._guard = guard
        self._limits = limits
        self._blocking_since: float | None = None

    def limit_settings(self) -> str:
        """Give the settings for the next statement; the file's own would not be ours to trust."""
        return (
            f"SET LOCAL lock_timeout TO {self._limits.lock_timeout_ms};"
            f" SET LOCAL statement_timeout TO {max(self._left_ms(), _MIN_TIMEOUT_MS)}"
        )

    def dry_run(self, run: FileResult, *, is_first: bool) -> None:
        """Run one file's statements; says in `run` how far it came."""
        for statement in run.statements():
            run.stopped = self.reason_to_stop()
            if run.stopped or not self._step(run, statement, is_first=is_first):
                return
        # What waits for a COMMIT would happen here; and the next file starts with a fresh session.
        if self._execute(run, None, "SET CONSTRAINTS ALL IMMEDIATE", is_first=is_first):
            prepare_to_write(self._connection)
            self._record(run)

    def _record(self, run: FileResult) -> None:
        """Record the file as the runner would; says in `run` where that fails."""
        try:
            execute_text(self._connection, self.limit_settings())
            self.writer.rehearse_record(run.item.file)
        except _LOCK_ERRORS:
            run.stopped = "the ledger, in which it is recorded, is in use by another session"
        except psycopg.errors.QueryCanceled as error:
            run.stopped = self.reason_to_stop() or _why_cancelled(error, "recording it takes too long")
        except psycopg.Error as error:
            run.error = explain_commit_error(run.item.file.path, error)

    def _step(self, run: FileResult, statement: Statement, *, is_first: bool) -> bool:
        if _is_set_transaction(run, statement):
            return True
        started = time.monotonic()
        if not self._execute(run, statement, statement.sql, is_first=is_first):
            return False
        step = StatementResult(statement, self.tracer.diff(), round((time.monotonic() - started) * 1000))
        run.steps.append(step)
        if step.effects.blocks and self._blocking_since is None:
            self._blocking_since = started
        return True

    def _execute(self, run: FileResult, statement: Statement | None, text: str, *, is_first: bool) -> bool:
        """Send something; where it fails, say in `run` whether that is the file's fault."""
        self._guard.blocker = None
        try:
            execute_text(self._connection, self.limit_settings())
            execute_text(self._connection, text)
        except StatementFailed as failure:
            error = failure.cause
            if is_broken(self._connection) and isinstance(error, psycopg.OperationalError):
                run.error = f"the connection to the database was lost: {reason_of(error)}"
            elif isinstance(error, _LOCK_ERRORS):
                run.blocker = self._guard.blocker or "another session"
                run.stopped = f"what it needs is in use by {run.blocker}"
            elif isinstance(error, psycopg.errors.QueryCanceled):
                too_long = f"it takes longer than {self._limits.hold_ms / 1000:g} s"
                run.stopped = self.reason_to_stop() or _why_cancelled(error, too_long)
            elif isinstance(error, psycopg.errors.UnsafeNewEnumValueUsage) and not is_first:
                run.stopped = "it uses what a file before it has to commit first"
            else:
                run.error = run.explain_error(error, statement)
            return False
        return True

    def reason_to_stop(self) -> str | None:
        """Say why it must not go on, for the sake of others."""
        if self._guard.cancelled_for:
            return f"the rehearsal gave way to {self._guard.cancelled_for}"
        if self._left_ms() < _MIN_TIMEOUT_MS:
            return f"the rehearsal had held locks for {self._limits.hold_ms / 1000:g} s"
        return None

    def _left_ms(self) -> int:
        if self._blocking_since is None:
            return self._limits.hold_ms
        return self._limits.hold_ms - round((time.monotonic() - self._blocking_since) * 1000)


# --- in a scratch copy ------------------------------------------------------------------------------------------------


def dry_run_in_scratch(connection: Connection, schema: str, items: list[PreparedMigration]) -> list[FileResult]:
    """Run `items` one after another, each committed as the runner would, and give what was seen of each.

    It ends before a statement whose work would stay when the scratch copy goes: roles, other databases.

    Args:
        connection: to a scratch database that has the schema before the first of them.
        schema: of the ledger.
        items: what to run.
    """
    runs: list[FileResult] = []
    existing = LockTracer(connection, schema).known  # what these files make themselves is nobody's yet
    for item in items:
        run = FileResult(item, item.file.text())
        runs.append(run)
        if _is_cluster_wide(run):
            break
        run_file = _run_statements if item.directives.no_transaction else _run_in_transaction
        run_file(connection, run, lambda: LockTracer(connection, schema, existing))
        if not run.is_complete:
            break
        prepare_to_write(connection)
    return runs


def _is_set_transaction(run: FileResult, statement: Statement) -> bool:
    """Pass over what may stand only at the beginning of a transaction, where ours has looked at tables before."""
    if not _SETS_TRANSACTION.match(statement.sql) or any(not _SETS.match(step.statement.sql) for step in run.steps):
        return False
    run.steps.append(StatementResult(statement, duration_ms=0))
    return True


def _is_cluster_wide(run: FileResult) -> bool:
    """Look whether a file reaches beyond the scratch copy; says so in `run`."""
    for statement in run.statements():
        if is_cluster_wide(statement.sql):
            words = " ".join(statement.sql.split()[:2])
            run.stopped = f"nothing was run: what {words} does reaches beyond a database, and would stay"
            return True
    return False


def _run_in_transaction(connection: Connection, run: FileResult, new_tracer: Callable[[], LockTracer]) -> None:
    statement: Statement | None = None
    try:
        execute_text(connection, "BEGIN")
        tracer = new_tracer()
        for statement in run.statements():
            if _is_set_transaction(run, statement):
                continue
            execute_text(connection, _SCRATCH_LIMITS)
            execute_text(connection, statement.sql)
            run.steps.append(StatementResult(statement, tracer.diff()))
        statement = None
        execute_text(connection, "COMMIT")
    except StatementFailed as failure:
        _note_failure(run, failure.cause, statement)
        recover(connection)


def _run_statements(connection: Connection, run: FileResult, new_tracer: Callable[[], LockTracer]) -> None:
    for statement in run.statements():
        try:
            execute_text(connection, f"BEGIN; {_SCRATCH_LIMITS}")
            tracer = new_tracer()
            step = StatementResult(statement)
            try:
                execute_text(connection, statement.sql)
                step.effects = tracer.diff()
                execute_text(connection, "COMMIT")
            except StatementFailed as failure:
                if not isinstance(failure.cause, _NON_TRANSACTIONAL_ERRORS):
                    raise
                connection.rollback()
                step = _trace_non_transactional(tracer, statement)
                execute_text(connection, "SET statement_timeout TO '10s'")
                execute_text(connection, statement.sql)
        except StatementFailed as failure:
            _note_failure(run, failure.cause, statement)
            recover(connection)
            return
        run.steps.append(step)


def _trace_non_transactional(tracer: LockTracer, statement: Statement) -> StatementResult:
    """Say what a statement does that no transaction can hold still to look at."""
    step = StatementResult(statement, is_non_transactional=True)
    work = parse_concurrent_index_op(statement.sql)
    table = tracer.table_of(work) if work else None
    if work and table:
        step.effects.locks[table] = step.effects.held[table] = "SHARE UPDATE EXCLUSIVE"
        if work.verb != "drop":
            step.effects.scans[table] = 0
    return step


def _note_failure(run: FileResult, error: psycopg.Error, statement: Statement | None) -> None:
    if isinstance(error, psycopg.errors.QueryCanceled):
        run.stopped = _why_cancelled(error, "it took longer than 10 s")
    else:
        run.error = run.explain_error(error, statement)


def _why_cancelled(error: psycopg.errors.QueryCanceled, too_long: str) -> str:
    """Return `too_long`, unless another session cancelled the statement."""
    return "another session cancelled it" if cancelled_by(error) == "another session" else too_long
