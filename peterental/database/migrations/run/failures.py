"""What to do after a file has failed: another attempt while other sessions are in the way, else a next step."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import replace

import psycopg

from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.advisory_lock import LockBudget
from peterental.database.migrations.session.connection import OWN_LOCK_TIMEOUT_MS, is_broken
from peterental.database.migrations.session.execute import StatementFailed
from peterental.database.migrations.session.server import Connection, cancelled_by, is_connection_lost
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.sql.error_location import has_pending_events

IN_USE = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""Another session holds a lock that the file needs."""

BUSY = (*IN_USE, psycopg.errors.SerializationFailure)
"""Another attempt may succeed."""

RECONNECT = "find out why the connection was lost"
"""What to do about a lost connection."""

_USE_NO_TRANSACTION = "put “-- migrate: no-transaction” at the top of the file"
_CORRECT_ROWS = "correct the rows that break the constraint, or the constraint"
_NEXT_STEPS: dict[type[psycopg.Error], str] = {
    psycopg.errors.ActiveSqlTransaction: _USE_NO_TRANSACTION,
    psycopg.errors.InvalidTransactionTermination: _USE_NO_TRANSACTION,
    psycopg.errors.UnsafeNewEnumValueUsage: "move what uses the new value to the next file",
    psycopg.errors.DependentObjectsStillExist: "drop what depends on it first, or write CASCADE if all of it may go",
    psycopg.errors.CheckViolation: _CORRECT_ROWS,
    psycopg.errors.ForeignKeyViolation: _CORRECT_ROWS,
    psycopg.errors.ExclusionViolation: _CORRECT_ROWS,
    psycopg.errors.QueryCanceled: "raise statement-timeout in the header",
    psycopg.errors.DiskFull: "free disk space on the database server",
    psycopg.errors.ReadOnlySqlTransaction: "connect to the primary server",
    psycopg.errors.LockNotAvailable: (
        "wait until what is in the way has ended, or end it (a session with pg_terminate_backend)"
    ),
    psycopg.errors.DeadlockDetected: "try again at a quieter time, or split the file, one table in each",
    psycopg.errors.SerializationFailure: "try again at a quieter time",
    psycopg.errors.InsufficientPrivilege: (
        "use a role that may do this, such as the owner of these objects, or grant this one what is missing"
    ),
}
"""What to do about errors of the server; other errors are fixed in the file."""

_EXISTS = (
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateColumn,
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateFunction,
    psycopg.errors.DuplicateSchema,
)
"""An object of the name exists: in a database that another tool or a person has changed before."""

_CANCELS_AUTOVACUUM_MS = 200
"""How much longer than deadlock_timeout a session waits that has the server cancel an autovacuum, in milliseconds."""

_LONGEST_WAIT_MS = 2_500
"""The application's queries wait as long, so a server with a longer deadlock_timeout keeps its autovacuum."""

_DENIES_LEDGER = re.compile(r"\btable schema_migration")
_SETS_TRANSACTION = re.compile(r"\bSET TRANSACTION\b|\bread-write mode\b")
_ROW_SECURITY = re.compile(r"\brow-level security policy\b")
_READ_ONLY = re.compile(r"\bread\s+only\b|read_only", re.IGNORECASE)


def may_retry(
    connection: Connection, directives: Directives, error: psycopg.Error | StatementFailed, budget: LockBudget
) -> bool:
    """Charge a failure to `budget`, and return whether enough is left for another attempt.

    Args:
        connection: the runner's.
        directives: of the file.
        error: of one of its statements, or of what the ledger's writer ran for it.
        budget: the file's.
    """
    wait_ms: int | None = directives.lock_timeout_ms or None
    if isinstance(error, StatementFailed):
        error = error.cause
    elif wait_ms:  # raised while the ledger was written
        wait_ms = max(wait_ms, OWN_LOCK_TIMEOUT_MS)
    if not isinstance(error, BUSY):
        return False
    budget.charge_failure(wait_ms if isinstance(error, IN_USE) else 0)
    return budget.remaining_s > 0 and not is_broken(connection)


def outlasting_autovacuum(connection: Connection, directives: Directives) -> Directives:
    """Return directives for another attempt after an autovacuum was in the way.

    The server cancels an autovacuum for a session that has waited for deadlock_timeout, 1 s by default. A lock timeout
    that is not longer comes first, in every attempt, until the autovacuum of a large table ends by itself after hours.

    Args:
        connection: the runner's.
        directives: of the file; a lock timeout of its own is left alone.
    """
    row = connection.execute(
        "SELECT setting::integer AS ms FROM pg_settings WHERE name = 'deadlock_timeout'"
    ).fetchone()
    return directives if row is None else waiting_past(row["ms"], directives)


def waiting_past(deadlock_timeout_ms: int, directives: Directives) -> Directives:
    """Return directives whose lock timeout is longer than deadlock_timeout, if that is within reason."""
    wait_ms = deadlock_timeout_ms + _CANCELS_AUTOVACUUM_MS
    if directives.has_own_lock_timeout or not directives.lock_timeout_ms < wait_ms <= _LONGEST_WAIT_MS:
        return directives
    return replace(directives, lock_timeout_ms=wait_ms)


def pause_before_retry(
    name: str,
    error: psycopg.Error,
    budget: LockBudget,
    *,
    blocker: str | None,
    pause_s: tuple[float, float],
    report: Reporter,
) -> None:
    """Report why a file is tried again, and wait a moment.

    Args:
        name: of the file.
        error: what ended the attempt.
        budget: the file's; it is charged with the wait.
        blocker: the session that was seen to block it.
        pause_s: the shortest and the longest wait, in seconds.
        report: receives the line.
    """
    reason = "a table it needs is in use" if isinstance(error, IN_USE) else "another session has changed rows it needs"
    by = f" by {blocker}" if blocker else ""
    report(f"⏳ {name}: {reason}{by}; trying again")
    wait_s = random.uniform(*pause_s)  # noqa: S311  # jitter
    budget.charge(wait_s)
    time.sleep(wait_s)


def next_step_after(cause: psycopg.Error, file_text: str = "", version: int | None = None) -> str:
    """Return what to do about an error.

    Args:
        cause: the server's error, or one that the ledger's writer raised.
        file_text: of the file, in which the reason may be.
        version: of the migration that failed; None for a down file.
    """
    for kind, applies, step in _SPECIAL_STEPS:
        if isinstance(cause, kind) and applies(cause, file_text):
            return step
    if is_connection_lost(cause):
        return RECONNECT
    if has_pending_events(cause):
        return "move this statement to the next file, or put SET CONSTRAINTS ALL IMMEDIATE before it"
    if version is not None and isinstance(cause, _EXISTS):
        return (
            f"if the database has all that the file makes already, record it with flask db-adopt --to {version};"
            " otherwise write IF NOT EXISTS or another name"
        )
    return _NEXT_STEPS.get(type(cause), "fix the error")


_SPECIAL_STEPS: tuple[tuple[type[psycopg.Error], Callable[[psycopg.Error, str], object], str], ...] = (
    (
        psycopg.errors.ReadOnlySqlTransaction,
        lambda _, file_text: _READ_ONLY.search(file_text),
        "remove the statement that makes the file's transaction read-only",
    ),
    (
        psycopg.errors.InvalidSchemaName,
        lambda cause, _: cause.diag.sqlstate is None,  # the writer's
        "name the schema otherwise, or keep the schema of schema_migrations first in search_path",
    ),
    (
        psycopg.errors.ActiveSqlTransaction,
        lambda cause, _: _SETS_TRANSACTION.search(str(cause)),
        "move SET TRANSACTION above every other statement of the file",
    ),
    (
        psycopg.errors.ActiveSqlTransaction,
        lambda cause, _: cause.diag.context,
        "write it as a statement of its own, outside the block or function, in a no-transaction file",
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        lambda cause, _: _DENIES_LEDGER.search(str(cause)),
        "remove the REVOKE, or the change of owner, that takes the ledger away from the runner's role",
    ),
    (
        psycopg.errors.InsufficientPrivilege,
        lambda cause, _: _ROW_SECURITY.search(str(cause)),
        "write these rows before FORCE ROW LEVEL SECURITY, or create a policy that lets the runner's role do it",
    ),
    (
        psycopg.errors.CheckViolation,
        lambda cause, _: not cause.diag.constraint_name,
        "create the partition that these rows need, or correct their key",
    ),
    (
        psycopg.errors.QueryCanceled,
        lambda cause, _: isinstance(cause, psycopg.errors.QueryCanceled) and cancelled_by(cause) == "another session",
        "find out which session cancelled it",
    ),
)
"""Steps that depend on more than the class of the error; the first that applies counts."""
