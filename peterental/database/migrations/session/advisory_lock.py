"""The advisory lock that allows one migration runner at a time per database and schema."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import DictRow

from peterental.database.migrations.errors import LockNotAcquired
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.server import Connection

_NAMESPACE = "peterental.migrations"  # never changes between releases: old and new runners must exclude each other
_FIRST_POLL_S = 0.02
_MAX_POLL_S = 0.25
_REPORT_INTERVAL_S = 5.0


def lock_key(schema: str) -> int:
    """Return the advisory lock's 64-bit key for the migrations of `schema`."""
    return int.from_bytes(hashlib.sha256(f"{_NAMESPACE}:{schema}".encode()).digest()[:8], signed=True)


def backfill_lock_key(schema: str, version: int) -> int:
    """Return the advisory lock's 64-bit key for the worker of one backfill."""
    name = f"{_NAMESPACE}:{schema}:backfill:{version}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


@contextmanager
def lock_if_free(connection: Connection, key: int) -> Iterator[bool]:
    """Hold a lock on this session for the block, and yield whether it was free; never wait for it."""
    is_held = _try(connection, key)
    try:
        yield is_held
    finally:
        if is_held:
            _release(connection, key)


@contextmanager
def migration_lock(connection: Connection, schema: str, *, wait_s: float, report: Reporter) -> Iterator[None]:
    """Hold the migration lock of `schema` on this session for the block.

    It polls, because a session that waits inside pg_advisory_lock holds a snapshot. CREATE INDEX CONCURRENTLY in the
    session that holds the lock would wait for that snapshot: a deadlock.

    Args:
        connection: the session that will run the migrations, in autocommit mode.
        schema: the schema of the ledger.
        wait_s: how long to wait for another runner, in seconds.
        report: receives a line about the session that holds the lock.

    Raises LockNotAcquired with the holder after `wait_s`.
    """
    key = lock_key(schema)
    _acquire(connection, key, wait_s=wait_s, report=report)
    try:
        yield
    finally:
        _release(connection, key)


def _acquire(connection: Connection, key: int, *, wait_s: float, report: Reporter) -> None:
    started = time.monotonic()
    poll_s = _FIRST_POLL_S
    report_at = started
    while not _try(connection, key):
        now = time.monotonic()
        if now - started >= wait_s:
            raise LockNotAcquired(seconds=wait_s, holder=holder_of(connection, key))
        if now >= report_at:
            report(f"⏳ Waiting for another migration: {holder_of(connection, key)}")
            report_at = now + _REPORT_INTERVAL_S
        time.sleep(min(poll_s * random.uniform(0.5, 1.0), max(0.0, started + wait_s - now)))  # noqa: S311  # jitter
        poll_s = min(poll_s * 2, _MAX_POLL_S)


def _try(connection: Connection, key: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s) AS locked", (key,)).fetchone()
    return row is not None and bool(row["locked"])


def _release(connection: Connection, key: int) -> None:
    """Unlock; close the connection if that fails, which releases the lock too."""
    if connection.closed:
        return
    try:
        connection.execute("SELECT pg_advisory_unlock(%s)", (key,))
    except psycopg.Error:
        connection.close()


def holder_of(connection: Connection, key: int) -> str:
    """Describe the session that holds the lock: program, pid, host, start, and what it runs."""
    row = _holder(connection, key)
    if row is None:
        return "its holder has just finished"
    name = row["application_name"] or "an unnamed program"
    query = " ".join((row["query"] or "").split())[:120]
    if row["backend_start"] is None:  # hidden, as most of what other roles' sessions do
        return f"held by {name} (pid {row['pid']}, of role {row['role']})"
    since = f"{row['backend_start']:%H:%M:%S} UTC"
    return f"held by {name} (pid {row['pid']}, from {row['host'] or 'this machine'}, since {since}): {query}"


class LockBudget:
    """The time that one file may lose to the locks of other sessions.

    The file's own work is free. A failed first attempt at a piece of work costs the wait that ended it. A failed retry
    costs its whole duration, because without the lock it would not exist: long work is not retried for hours.

    Args:
        seconds: the initial budget.

    Attributes:
        remaining_s: what is left, in seconds; 0 or less when it is exhausted.
    """

    def __init__(self, seconds: float) -> None:
        self.remaining_s = seconds
        self._piece: int | None = None
        self._failed_piece: int | None = None
        self._started_s = 0.0

    def begin(self, piece: int) -> None:
        """Start an attempt at a piece of work, identified by its number."""
        self._piece = piece
        self._started_s = time.monotonic()

    def charge_failure(self, wait_ms: int | None) -> None:
        """Charge the attempt that has just failed.

        Args:
            wait_ms: the longest possible last wait, in milliseconds; None if nothing limits it.
        """
        lost_s = time.monotonic() - self._started_s
        if self._piece != self._failed_piece and wait_ms is not None:
            lost_s = min(lost_s, wait_ms / 1000)
        self._failed_piece = self._piece
        self.charge(lost_s)

    def charge(self, seconds: float) -> None:
        """Charge a pause, in seconds."""
        self.remaining_s -= seconds


def is_held_by_another(connection: Connection, key: int) -> bool:
    """Return whether another session holds the lock."""
    row = _holder(connection, key)
    return row is not None and not row["is_this"]


def _holder(connection: Connection, key: int) -> DictRow | None:
    return connection.execute(
        """
        SELECT activity.pid, activity.application_name, host(activity.client_addr) AS host, activity.backend_start,
               activity.query, activity.usename AS role, activity.pid = pg_backend_pid() AS is_this
        FROM pg_locks AS lock JOIN pg_stat_activity AS activity USING (pid)
        WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
            AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (lock.classid::bigint << 32) | lock.objid::bigint = %s
        """,
        (key,),
    ).fetchone()
