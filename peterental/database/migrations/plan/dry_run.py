"""Dry runs of migrations, statement by statement: on the live database, rolled back, or in a scratch copy.

The output calls them rehearsals, because `flask db-migrate --dry-run` only lists files.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from peterental.database.migrations.backfill.target import UnusableTable
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.plan.backfills import later_batches, rehearsal_of
from peterental.database.migrations.plan.cluster_scope import is_cluster_wide
from peterental.database.migrations.plan.contention_guard import ContentionGuard
from peterental.database.migrations.plan.lock_tracer import LockTracer, StatementEffects
from peterental.database.migrations.run.concurrent_indexes import parse_concurrent_index_op
from peterental.database.migrations.run.duplicates import duplicate_rows
from peterental.database.migrations.session.connection import CHECK_DEFERRED, READ_AS_CHECKED, is_broken, recover, reset
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection, cancelled_by, is_connection_lost, reason_of
from peterental.database.migrations.source.checks import PreparedMigration
from peterental.database.migrations.source.session_state import leaves_session_traces
from peterental.database.migrations.source.statements import Statement, split_statements
from peterental.database.migrations.sql.error_location import commit_problem, statement_problem
from peterental.database.migrations.wording import mentions

_LOCK_ERRORS = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_TRANSIENT = (*_LOCK_ERRORS, psycopg.errors.QueryCanceled)
_NON_TRANSACTIONAL_ERRORS = (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination)
_SETS = re.compile(r"set\b", re.IGNORECASE)
_SETS_TRANSACTION = re.compile(r"set\s+(?:local\s+)?transaction\b", re.IGNORECASE)
_MIN_TIMEOUT_MS = 20
_DEFERRED = """
SELECT DISTINCT nspname AS schema, conname AS name
FROM pg_constraint JOIN pg_namespace AS n ON n.oid = connamespace WHERE condeferred
"""
# The runner sends a file as one text, which the server reads before the file can change how text is read.
_AS_ONE_TEXT = "; ".join(statement.replace("SET ", "SET LOCAL ", 1) for statement in READ_AS_CHECKED)
_SCRATCH_LIMITS = f"SET LOCAL lock_timeout TO '5s'; SET LOCAL statement_timeout TO '10s'; {_AS_ONE_TEXT}"


@dataclass(frozen=True)
class Limits:
    """Limits of a dry run on the live database.

    Args:
        lock_timeout_ms: how long one statement may wait for a lock, in milliseconds.
        hold_ms: how long one statement may run, and how long locks that block writes may be held in all, in
            milliseconds.
    """

    lock_timeout_ms: int = 150
    hold_ms: int = 2_000


@dataclass
class StatementResult:
    """One statement and its effects.

    `duration_ms` is set if it completed on the live database.
    """

    statement: Statement
    effects: StatementEffects = field(default_factory=StatementEffects)
    duration_ms: int | None = None
    is_non_transactional: bool = False
    """It cannot run inside a transaction."""


@dataclass
class FileResult:
    """How far the dry run of one file got.

    Args:
        item: the file.
        text: its text.
        steps: the statements that completed.
        error: why the file would fail, with location; None if it would not.
        stopped: why the dry run stopped at this file, although the file is not at fault.
        blocker: the session that held a lock, if that is why it stopped.
        violation: of a unique index or constraint, with the failing statement.
    """

    item: PreparedMigration
    text: str
    steps: list[StatementResult] = field(default_factory=list)
    error: str | None = None
    stopped: str | None = None
    blocker: str | None = None
    backfill_note: str | None = None
    """What a backfill will do beyond the one batch that was rehearsed."""
    violation: tuple[psycopg.errors.UniqueViolation, str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every statement completed."""
        return self.error is None and self.stopped is None

    def statements(self) -> list[Statement]:
        """Return the statements.

        Text that cannot be split is one statement, and the server reports its error.
        """
        return split_statements(self.text) or [Statement(0, self.text)]

    def explain_error(self, error: psycopg.Error, statement: Statement | None, *, at_end: bool = False) -> str:
        """Return the message that the runner would show for an error; `at_end` after all statements."""
        if at_end:
            return str(commit_problem(self.item.file.path, error))
        if statement is None:
            return str(statement_problem(self.item.file.path, self.text, error))
        offset = statement.offset
        return str(statement_problem(self.item.file.path, self.text, error, offset, sent_from=offset))


# --- on the live database ---------------------------------------------------------------------------------------------


def dry_run_live(
    connection: Connection,
    url: str,
    ledger: Ledger,
    items: list[PreparedMigration],
    limits: Limits,
    *,
    incomplete: Collection[int] = (),
) -> list[FileResult]:
    """Run `items` in one transaction, within limits, and roll it back.

    Return the result of each.

    The last result may be a failure or a stop; later files were not started.

    Raises psycopg.Error if the ledger cannot be created or written: db-migrate could not begin either.

    Args:
        connection: a session that holds the migration lock and is prepared to write.
        url: of the same database, for a second connection that detects blocked sessions.
        ledger: the ledger as read.
        items: the pending files, in order.
        limits: how long statements may wait and locks may be held.
        incomplete: the backfills that are registered and not complete.
    """
    runs: list[FileResult] = []
    is_ready = False
    with ContentionGuard(url, connection.info.backend_pid) as guard:
        live = _LiveDryRun(connection, guard, limits, LedgerWriter(connection, ledger.server.schema))
        live.incomplete = {*incomplete}
        try:
            execute_text(connection, f"BEGIN; {live.limit_settings()}")
            live.prepare_ledger(ledger, items[0])
            is_ready = True
            live.tracer = LockTracer(connection, ledger.server.schema)
            for item in items:
                if item.directives.no_transaction:
                    break
                runs.append(FileResult(item, item.file.text()))
                live.dry_run(runs[-1], is_first=len(runs) == 1)
                if not runs[-1].is_complete:
                    break
        except psycopg.Error as error:
            if not is_ready and not isinstance(error, _TRANSIENT) and not is_connection_lost(error):
                raise  # db-migrate would fail as well
            runs = runs or [FileResult(items[0], items[0].file.text())]
            reason = f"the live database could not be used for it: {reason_of(error)}"
            runs[-1].stopped = live.reason_to_stop() or reason
        finally:
            recover(connection)
    if runs:
        _name_duplicates(connection, runs[-1])
    return runs


def _name_duplicates(connection: Connection, run: FileResult) -> None:
    """Add to the error of a file the rows that a unique index or constraint found duplicated."""
    duplicates = duplicate_rows(connection, *run.violation) if run.violation else None
    if duplicates:
        run.error = f"{run.error}\n{duplicates}"


class _LiveDryRun:
    """The transaction on the live database, and its limits."""

    tracer: LockTracer

    def __init__(self, connection: Connection, guard: ContentionGuard, limits: Limits, writer: LedgerWriter) -> None:
        self.writer = writer
        self._connection = connection
        self._guard = guard
        self._limits = limits
        self._blocking_since: float | None = None
        self._traces_of = ""
        self.incomplete: set[int] = set()

    def limit_settings(self) -> str:
        """Return the SET statements to send before each statement.

        They are repeated, because a file may change these settings.
        """
        return (
            f"SET LOCAL lock_timeout TO {self._limits.lock_timeout_ms};"
            f" SET LOCAL statement_timeout TO {max(self._left_ms(), _MIN_TIMEOUT_MS)}; {_AS_ONE_TEXT}"
        )

    def prepare_ledger(self, ledger: Ledger, first: PreparedMigration) -> None:
        """Create the ledger where it is missing, and try to write it if no file will. Raises psycopg.Error."""
        self.writer.ensure_tables(ledger)
        if first.directives.no_transaction:
            with self._connection.transaction(force_rollback=True):
                self.writer.dry_run_record(first.file)

    def dry_run(self, run: FileResult, *, is_first: bool) -> None:
        """Run one file's statements and record in `run` how far that got."""
        needed = self.incomplete.intersection(run.item.directives.after_backfill)
        if needed:
            run.stopped = f"it needs backfill {min(needed):03d}, which is not complete"
            return
        if self._traces_of and mentions(run.text, "current_setting"):
            run.stopped = f"it reads settings, and needs a session without those of {self._traces_of}"
            return
        if leaves_session_traces(run.text):
            self._traces_of = run.item.file.path.name
        if not self._set_bounds(run):
            return
        for statement in run.statements():
            run.stopped = self.reason_to_stop()
            if run.stopped or not self._step(run, statement, is_first=is_first):
                return
        # Deferred constraints are checked now, as COMMIT would; and the next file starts with a reset session.
        if self._execute(run, None, CHECK_DEFERRED, is_first=is_first):
            self._defer_again()
            reset(self._connection)
            self._record(run)

    def _set_bounds(self, run: FileResult) -> bool:
        """Set the bounds of a backfill's first batch; return whether that was possible."""
        if run.item.directives.backfill is None:
            return True
        try:
            rehearsal = rehearsal_of(self._connection, run.item.directives.backfill)
        except UnusableTable as unusable:
            run.error = f"{run.item.file.path.name}: {unusable}"
            return False
        run.backfill_note = rehearsal.note
        if not rehearsal.is_whole:
            self.incomplete.add(run.item.file.version)
        return self._execute(run, None, rehearsal.settings, is_first=False)

    def _defer_again(self) -> None:
        """Defer constraints again that are deferred by default: the next file has a transaction of its own."""
        rows = self._connection.execute(_DEFERRED).fetchall()
        if rows:
            names = sql.SQL(", ").join(sql.Identifier(row["schema"], row["name"]) for row in rows)
            with suppress(psycopg.errors.WrongObjectType), self._connection.transaction():
                self._connection.execute(sql.SQL("SET CONSTRAINTS {} DEFERRED").format(names))

    def _record(self, run: FileResult) -> None:
        """Record the file in the ledger as the runner would; note a failure in `run`."""
        try:
            execute_text(self._connection, self.limit_settings())
            self.writer.refuse_moved_schema()
            self.writer.dry_run_record(run.item.file)
        except _LOCK_ERRORS:
            run.stopped = "the ledger schema_migrations is locked by another session"
        except psycopg.errors.QueryCanceled as error:
            run.stopped = self.reason_to_stop() or _why_cancelled(error, "recording it takes too long")
        except psycopg.Error as error:
            run.error = str(commit_problem(run.item.file.path, error))

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
        """Send a text; if it fails, record in `run` whether the file is at fault."""
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
                run.stopped = "it uses an enum value that an earlier file has to commit first"
            else:
                run.error = run.explain_error(error, statement, at_end=text == CHECK_DEFERRED)
                if isinstance(error, psycopg.errors.UniqueViolation):
                    run.violation = (error, text)
            return False
        return True

    def reason_to_stop(self) -> str | None:
        """Return why the dry run must stop to protect other sessions.

        None if it may continue.
        """
        if self._guard.cancelled_for:
            return f"the rehearsal gave way to {self._guard.cancelled_for}"
        if self._left_ms() < _MIN_TIMEOUT_MS:
            return f"the rehearsal had held locks for {self._limits.hold_ms / 1000:g} s, the limit"
        return None

    def _left_ms(self) -> int:
        if self._blocking_since is None:
            return self._limits.hold_ms
        return self._limits.hold_ms - round((time.monotonic() - self._blocking_since) * 1000)


# --- in a scratch copy ------------------------------------------------------------------------------------------------


def dry_run_in_scratch(
    connection: Connection, schema: str, items: list[PreparedMigration], existing: frozenset[int]
) -> list[FileResult]:
    """Run `items` one after another, each committed as by the runner.

    Return the result of each.

    Stops before a statement with effects outside the scratch copy (roles, other databases), and after a file that
    changes its session in a way that no reset undoes.

    Args:
        connection: to a scratch database with the schema before the first file.
        schema: of the ledger.
        items: the files to run.
        existing: the objects whose locks count; those that pending files create are not in use yet.
    """
    runs: list[FileResult] = []
    for item in items:
        run = FileResult(item, item.file.text())
        runs.append(run)
        if _is_cluster_wide(run):
            break
        run_file = _run_statements if item.directives.no_transaction else _run_in_transaction
        run_file(connection, run, lambda: LockTracer(connection, schema, existing))
        if not run.is_complete or leaves_session_traces(run.text):
            break
        reset(connection)
    return runs


def _is_set_transaction(run: FileResult, statement: Statement) -> bool:
    """Skip a SET TRANSACTION at a file's start.

    It must come before any query, but this transaction has already run some.
    """
    if not _SETS_TRANSACTION.match(statement.sql) or any(not _SETS.match(step.statement.sql) for step in run.steps):
        return False
    run.steps.append(StatementResult(statement, duration_ms=0))
    return True


def _is_cluster_wide(run: FileResult) -> bool:
    """Whether a file has effects outside the scratch copy.

    If so, record that in `run`.
    """
    for statement in run.statements():
        if is_cluster_wide(statement.sql):
            words = " ".join(statement.sql.split()[:2])
            run.stopped = f"nothing was run, because {words} has effects outside the database that would remain"
            return True
    return False


def _run_in_transaction(connection: Connection, run: FileResult, new_tracer: Callable[[], LockTracer]) -> None:
    statement: Statement | None = None
    try:
        execute_text(connection, "BEGIN")
        if run.item.directives.backfill is not None:
            execute_text(connection, rehearsal_of(connection, run.item.directives.backfill).settings)
        tracer = new_tracer()
        for statement in run.statements():
            if _is_set_transaction(run, statement):
                continue
            execute_text(connection, _SCRATCH_LIMITS)
            execute_text(connection, statement.sql)
            run.steps.append(StatementResult(statement, tracer.diff()))
        statement = None
        if run.item.directives.backfill is not None:
            for settings in later_batches(connection, run.item.directives.backfill):
                execute_text(connection, run.text, before=(settings,))
        execute_text(connection, "COMMIT")
    except StatementFailed as failure:
        _note_failure(run, failure.cause, statement)
        recover(connection)
    except UnusableTable as unusable:
        run.error = f"{run.item.file.path.name}: {unusable}"
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
    """Return the known effects of a non-transactional statement.

    Such a statement cannot be traced.
    """
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
