"""The database as one process sees it: a pool opened on first use, and the unit of work that borrows from it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from peterental.database.circuit_breaker import PROBE_TIMEOUT_S, CircuitBreaker, Permit
from peterental.database.connect import (
    Connection,
    DatabaseBusy,
    DatabaseTooSlow,
    DatabaseUnavailable,
    SchemaOutdated,
)
from peterental.database.deadline import DeadlineConnection, deadline, remaining_s
from peterental.database.migrations.session.server import (
    OLDEST_SERVER_VERSION,
    cancelled_by,
    is_connection_lost,
    place_of_session,
    reason_of,
    version_of,
)
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.statement_errors import StatementCancelled, StatementRefused, advice_about
from peterental.errors import Fault

CONNECT_TIMEOUT_S = 2
ACQUIRE_TIMEOUT_S = 2.0
STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 1_900
IDLE_IN_TRANSACTION_TIMEOUT_MS = 3_000
"""Whoever vanished in the middle of a booking must not keep the next caller of that agent waiting for long."""


class Database:
    """One PostgreSQL database, reached through a pool that this process opens when it first needs it.

    The pool is never shared across a fork: a child finds its parent's and makes its own instead.

    Args:
        conninfo: the URL, or a function that gives it (and may start a server) when it is first needed.
        pool_size: the most connections this process holds; as many as it has threads that may want one.
        application_name: what `pg_stat_activity` shows.
    """

    def __init__(
        self,
        conninfo: str | Callable[[], str],
        *,
        pool_size: int = 4,
        application_name: str = "peterental",
    ) -> None:
        self._conninfo = conninfo
        self._pool_size = pool_size
        self._application_name = application_name
        self._pool: ConnectionPool[DeadlineConnection] | None = None
        self._pool_pid = 0
        self._opening = threading.Lock()
        self._last_failure = "no free connection"
        self._breaker = CircuitBreaker()

    @property
    def url(self) -> str:
        """The connection URL with its password; never show it, see `peterental.config.masked`."""
        if callable(self._conninfo):
            self._conninfo = self._conninfo()
        return self._conninfo

    @contextmanager
    def transaction(self) -> Iterator[DeadlineConnection]:
        """Give a connection inside a transaction: committed at the end of the block, rolled back by an exception.

        Statements are pipelined: BEGIN travels with the first ones, COMMIT with the last ones, and the block waits for
        the server only where it reads a result. A failing statement therefore raises where a result is read, or at the
        end of the block.

        Raises DatabaseUnavailable when no connection is available within 2 s or it breaks or falls silent,
        DatabaseTooSlow when a statement takes too long and is cancelled, StatementCancelled when another session
        cancels it, DatabaseBusy when somebody else's lock is in the way, SchemaOutdated when a table or column is not
        there, StatementRefused when the server cannot do it (a full disk, a deadlock). Inside `deadline`, all that
        takes no longer than it says.
        """
        with self.connection() as connection:
            try:
                # Not `connection.transaction()`: inside a pipeline it waits for the server at both its ends.
                with connection.pipeline():
                    connection.execute("BEGIN")
                    yield connection
                    connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    connection.rollback()
                raise

    def fetch(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None, *, prepare: bool | None = None
    ) -> list[DictRow]:
        """Run one statement on its own and give its rows, each a dict by column name. One round trip.

        Args:
            query: the statement.
            params: its values.
            prepare: False has the server plan it for these very values, where what is rare must be read in another way
                than what is common; otherwise a statement that comes often is planned once.

        Raises what `transaction` raises.
        """
        with self.connection() as connection:
            cursor = connection.execute(query.encode(), params, prepare=prepare)
            result = cursor.pgresult  # not `description`, which would describe every column first
            return cursor.fetchall() if result is not None and result.nfields else []

    def close(self) -> None:
        """Close this process's pool, if it has one; the next use opens a new one."""
        with self._opening:
            pool, self._pool = self._pool, None
            if pool is not None and self._pool_pid == os.getpid():
                pool.close(timeout=1)

    @contextmanager
    def connection(self) -> Iterator[DeadlineConnection]:
        """Borrow a connection in autocommit mode, for single statements.

        Raises what `transaction` raises.
        """
        began_s = time.monotonic()
        permit = self._breaker.acquire()
        if permit is Permit.REJECT:
            raise DatabaseUnavailable(reason=self._last_failure)
        timeout_s = PROBE_TIMEOUT_S if permit is Permit.PROBE else ACQUIRE_TIMEOUT_S
        left = remaining_s()
        try:
            pool = self._open_pool()
            connection = pool.getconn(timeout_s if left is None else min(left, timeout_s))
            connection.deadline_passed = False
            try:
                if permit is Permit.PROBE:
                    with deadline(PROBE_TIMEOUT_S):
                        connection.execute("SELECT")
                    self._breaker.reset()
                yield connection
            except psycopg.Error as error:
                named = _named(error, connection, time.monotonic() - began_s)
                if named is None:
                    raise
                raise named from error
            finally:
                pool.putconn(connection)
                if connection.unresponsive:
                    self.record_failure("it fell silent")
                    self._breaker.trip()
                    self._drain_idle()
        except PoolTimeout as error:
            self._breaker.trip()
            raise DatabaseUnavailable(reason=self._last_failure) from error
        except psycopg.OperationalError as error:  # of the pool itself
            raise DatabaseUnavailable(reason=reason_of(error)) from error
        finally:
            if permit is Permit.PROBE:
                self._breaker.release()

    def _open_pool(self) -> ConnectionPool[DeadlineConnection]:
        pool = self._pool
        if pool is not None and self._pool_pid == os.getpid():
            return pool
        with self._opening:
            if self._pool is None or self._pool_pid != os.getpid():
                self._pool = self._make_pool()
                self._pool_pid = os.getpid()
            return self._pool

    def _make_pool(self) -> ConnectionPool[DeadlineConnection]:
        return ConnectionPool(
            self.url,
            connection_class=_recording_connection(self),
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": self._application_name,
                **DEFAULT_SETTINGS.keepalive_options,
            },
            min_size=1,
            max_size=max(1, self._pool_size),
            open=True,
            configure=_configure,
            check=self._check,
            timeout=ACQUIRE_TIMEOUT_S,
            # Short, because attempts are spaced ever wider within it: a server that comes back is noticed at once.
            reconnect_timeout=ACQUIRE_TIMEOUT_S,
            name=self._application_name,
        )

    def record_failure(self, reason: str) -> None:
        """Keep why connecting last failed, for whoever waits for a connection in vain."""
        self._last_failure = reason

    def _drain_idle(self) -> None:
        """Replace the connections that nobody uses: one was found dead, and their server is the same."""
        if self._pool is not None:
            self._pool.drain()

    def _check(self, connection: Connection) -> None:
        """Refuse a pooled connection whose server has gone, without asking the server.

        An idle connection has nothing to say: if its socket can be read, the server said goodbye (or a notice came,
        which costs us a needless reconnection). So a restart or a `pg_terminate_backend` is noticed for no round trip.
        """
        poller = select.poll()  # not select(), which cannot watch descriptors past 1024
        poller.register(connection.fileno(), select.POLLIN)
        if poller.poll(0):
            connection.close()
            # The pool would try them one by one, and pause a second after each dead one.
            self._drain_idle()
            message = "the server closed the connection"
            raise psycopg.OperationalError(message)


def _named(error: psycopg.Error, connection: DeadlineConnection, waited_s: float) -> Fault | None:
    """Return what an error of a statement means to its caller; None where it has no name."""
    reason = reason_of(error)
    named: Fault | None = None
    if isinstance(error, psycopg.errors.QueryCanceled):
        named = _cancelled(error, connection, waited_s)
    elif isinstance(error, psycopg.errors.LockNotAvailable):
        named = DatabaseBusy(seconds=LOCK_TIMEOUT_MS / 1000)
    elif isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        named = SchemaOutdated(missing=reason)
    elif is_connection_lost(error):
        named = DatabaseUnavailable(reason=reason)
    elif isinstance(error, psycopg.OperationalError | psycopg.errors.ReadOnlySqlTransaction):
        place = place_of_session(connection)
        named = StatementRefused(place=place, reason=reason, sqlstate=error.sqlstate, advice=advice_about(error))
    return named


def _cancelled(error: psycopg.errors.QueryCanceled, connection: DeadlineConnection, waited_s: float) -> Fault:
    """Return what a cancellation means: our deadline, the server's limit, or another session."""
    if connection.deadline_passed:
        return DatabaseTooSlow(seconds=round(waited_s, 1))
    by = cancelled_by(error)
    if by != "another session":
        return DatabaseTooSlow(seconds=STATEMENT_TIMEOUT_MS / 1000)
    return StatementCancelled(place=place_of_session(connection), by=by, reason=reason_of(error), advice="Try again")


def _recording_connection(database: Database) -> type[DeadlineConnection]:
    """Make a connection class that tells `database` why connecting failed.

    The pool connects in a thread of its own and keeps the reason to itself; whoever waited deserves to hear it.
    """

    class RecordingConnection(DeadlineConnection):
        @classmethod
        def connect(cls, *args: Any, **kwargs: Any) -> Any:
            try:
                connection = super().connect(*args, **kwargs)
            except psycopg.OperationalError as error:
                database.record_failure(reason_of(error))
                raise
            if connection.info.server_version < OLDEST_SERVER_VERSION:
                reason = f"PostgreSQL {version_of(connection)} is too old, PeteRental needs 14 or newer"
                database.record_failure(reason)
                connection.close()
                raise psycopg.OperationalError(reason)
            database.record_failure("no free connection")
            return connection

    return RecordingConnection


def _configure(connection: Connection) -> None:
    """Set the session up, in one round trip.

    A SET rather than the `options` start-up parameter, which PgBouncer refuses. Behind a transaction pooler (the
    server's process is not the one that greeted us) server-side prepared statements may vanish, so there are none.
    """
    row = connection.execute(
        """
        SELECT pg_backend_pid() AS pid,
               set_config('statement_timeout', %s, false),
               set_config('lock_timeout', %s, false),
               set_config('idle_in_transaction_session_timeout', %s, false),
               set_config('TimeZone', 'UTC', false)
        """,
        (str(STATEMENT_TIMEOUT_MS), str(LOCK_TIMEOUT_MS), str(IDLE_IN_TRANSACTION_TIMEOUT_MS)),
    ).fetchone()
    if row is None or row["pid"] != connection.info.backend_pid:
        connection.prepare_threshold = None
