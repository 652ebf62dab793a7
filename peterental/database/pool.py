"""The connection pool of one process, opened on first use, and the transactions that borrow from it."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import PoolTimeout

from peterental.database.circuit_breaker import PROBE_TIMEOUT_S, CircuitBreaker, Permit
from peterental.database.connect import (
    Connection,
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseTooSlow,
    DatabaseUnavailable,
    SchemaOutdated,
)
from peterental.database.deadline import UNRESPONSIVE, DeadlineConnection, deadline, remaining_s
from peterental.database.migrations.session.server import (
    MALFORMED_URL,
    OLDEST_SERVER_VERSION,
    cancelled_by,
    is_connection_lost,
    place_of_session,
    reason_of,
    version_of,
)
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.statement_errors import StatementCancelled, StatementRefused, advice_about
from peterental.database.warm_pool import WarmPool
from peterental.errors import Fault

CONNECT_TIMEOUT_S = 2
ACQUIRE_TIMEOUT_S = 2.0
STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 1_900
IDLE_IN_TRANSACTION_TIMEOUT_MS = 3_000
"""A client that vanishes in the middle of a booking must not block the agent's next caller for long."""

_READ_ONLY = "session is read-only"
"""What libpq reports about a server that is not what `target_session_attrs` asks for."""


class Database:
    """One PostgreSQL database, reached through a pool that the process opens on first use.

    The pool is never shared across a fork: a child process opens its own.

    Args:
        conninfo: the URL, or a function that returns it (and may start a server) on first use.
        pool_size: the maximum of connections of this process; use its number of threads.
        application_name: the name that `pg_stat_activity` shows.
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
        self._pool: WarmPool | None = None
        self._pool_pid = 0
        self._opening = threading.Lock()
        self._last_failure = "no free connection"
        self._breaker = CircuitBreaker()

    @property
    def url(self) -> str:
        """The connection URL with its password; show only `peterental.database_urls.masked` of it."""
        if callable(self._conninfo):
            self._conninfo = self._conninfo()
        return self._conninfo

    @contextmanager
    def transaction(self, *, plan_once: bool = False) -> Iterator[DeadlineConnection]:
        """Yield a connection inside a transaction: committed at the end of the block, rolled back by an exception.

        Statements are pipelined: BEGIN is sent with the first ones, COMMIT with the last ones, and the block waits for
        the server only where it reads a result. A failing statement therefore raises where a result is read, or at the
        end of the block. A surrounding `deadline` limits all waits together.

        Args:
            plan_once: as for `connection`.

        Raises:
            DatabaseUnavailable: no connection was available within 2 s, or it broke or stopped responding.
            DatabaseReadOnly: the server is a standby, or read-only for other reasons.
            DatabaseTooSlow: a statement ran past its time limit and was cancelled.
            StatementCancelled: another session cancelled a statement.
            DatabaseBusy: a lock was not released in time.
            SchemaOutdated: a table or column does not exist.
            StatementRefused: the server could not run a statement (a full disk, a deadlock).
        """
        with self._borrow() as connection:
            if not plan_once:
                connection.plan_as_usual()
            try:
                # Not `connection.transaction()`: inside a pipeline it waits for the server at both its ends.
                with connection.pipeline(plan_once=plan_once) as pipeline:
                    pipeline.queue(b"BEGIN")
                    yield connection
                    pipeline.queue(b"COMMIT")
            except BaseException:
                if not connection.closed:
                    connection.rollback()
                raise

    def fetch(
        self,
        query: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        prepare: bool | None = None,
        plan_once: bool = False,
    ) -> list[DictRow]:
        """Run one statement in autocommit mode and return its rows as dicts: one round trip.

        Args:
            query: the statement.
            params: its parameters.
            prepare: False makes the server plan the statement for these values, for queries whose best plan depends on
                how common a value is; by default a statement that recurs is prepared and planned once.
            plan_once: as for `connection`.

        Raises what `transaction` raises.
        """
        with self.connection(plan_once=plan_once) as connection:
            cursor = connection.execute(query.encode(), params, prepare=prepare)
            connection.sync()  # only where the statement was queued
            result = cursor.pgresult  # not `description`, which would describe every column first
            return cursor.fetchall() if result is not None and result.nfields else []

    def close(self) -> None:
        """Close this process's pool, if it has one; the next use opens a new one."""
        with self._opening:
            pool, self._pool = self._pool, None
            if pool is not None and self._pool_pid == os.getpid():
                pool.close(timeout=1)

    @contextmanager
    def connection(self, *, plan_once: bool = False) -> Iterator[DeadlineConnection]:
        """Yield a connection in autocommit mode, for single statements.

        Args:
            plan_once: True for statements of phone calls, whose plan suits all values. By default the server compares
                the estimated costs of one plan for all values with those of planning each time. After statistics have
                changed it can plan each time for minutes, which takes longer than to execute a booking.

        Raises what `transaction` raises.
        """
        with self._borrow() as connection:
            if not plan_once:
                connection.plan_as_usual()
            if plan_once and not connection.is_planning_once:
                with connection.pipeline(plan_once=True):
                    yield connection
            else:
                yield connection

    @contextmanager
    def _borrow(self) -> Iterator[DeadlineConnection]:
        """Yield a connection of the pool, as `connection` does."""
        started_s = time.monotonic()
        permit = self._breaker.acquire()
        if permit is Permit.REJECT:
            raise self._fault()
        timeout_s = PROBE_TIMEOUT_S if permit is Permit.PROBE else ACQUIRE_TIMEOUT_S
        left_s = remaining_s()
        fault: Fault | None = None
        try:
            pool = self._open_pool()
            connection = pool.getconn(timeout_s if left_s is None else min(left_s, timeout_s))
            connection.deadline_passed = False
            try:
                if permit is Permit.PROBE:
                    with deadline(PROBE_TIMEOUT_S):
                        connection.execute("SELECT")
                    self._breaker.reset()
                yield connection
            except psycopg.Error as error:
                fault = _translate(error, connection, time.monotonic() - started_s)
                if fault is None:
                    raise
                raise fault from error
            finally:
                connection.keep_cursors()
                pool.putconn(connection)
                if connection.unresponsive or isinstance(fault, DatabaseReadOnly):
                    self.record_failure(UNRESPONSIVE if connection.unresponsive else _READ_ONLY)
                    self._breaker.trip()
                    self._drain()
        except PoolTimeout as error:
            self._breaker.trip()
            raise self._fault() from error
        except psycopg.OperationalError as error:  # raised by the pool
            raise DatabaseUnavailable(reason=reason_of(error)) from error
        finally:
            if permit is Permit.PROBE:
                self._breaker.release()

    def _open_pool(self) -> WarmPool:
        pool = self._pool
        if pool is not None and self._pool_pid == os.getpid():
            return pool
        with self._opening:
            if self._pool is None or self._pool_pid != os.getpid():
                self._pool = self._make_pool()
                self._pool_pid = os.getpid()
            return self._pool

    def _make_pool(self) -> WarmPool:
        return WarmPool(
            self.url,
            connection_class=_recording_connection(self),
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": self._application_name,
                **_only_writable(self.url),
                **DEFAULT_SETTINGS.keepalive_options,
            },
            min_size=1,
            max_size=max(1, self._pool_size),
            open=True,
            configure=_configure,
            check=self._check,
            timeout=ACQUIRE_TIMEOUT_S,
            # Attempts are spaced ever wider within it; it is short, so that a recovered server is noticed soon.
            reconnect_timeout=ACQUIRE_TIMEOUT_S,
            name=self._application_name,
        )

    def record_failure(self, reason: str) -> None:
        """Record why connecting failed last; DatabaseUnavailable quotes it."""
        self._last_failure = reason

    def _fault(self) -> DatabaseUnavailable:
        """Return the fault for the last failure to connect."""
        kind = DatabaseReadOnly if _READ_ONLY in self._last_failure else DatabaseUnavailable
        return kind(reason=self._last_failure)

    def _drain(self) -> None:
        """Replace the connections: one was found useless, and the others have the same server.

        Idle ones are replaced now, those in use when they are returned.
        """
        if self._pool is not None:
            self._pool.drain()

    def _check(self, connection: Connection) -> None:
        """Reject a pooled connection that its server has closed, without a round trip.

        An idle connection receives nothing: a readable socket means that the server closed it, as after a restart or
        `pg_terminate_backend` (or that a notice arrived, which costs a needless reconnection).
        """
        poller = select.poll()  # not select(), which cannot watch descriptors past 1024
        poller.register(connection.fileno(), select.POLLIN)
        if poller.poll(0):
            connection.close()
            # The pool would check them one by one, and pause for a second after each dead one.
            self._drain()
            message = "the server closed the connection"
            raise psycopg.OperationalError(message)


def _only_writable(url: str) -> dict[str, str]:
    """Return the options that refuse a read-only server, and that find the primary among several hosts.

    Empty if the URL itself says which servers to accept. Raises DatabaseUnavailable for a malformed
    URL, without a part of it.
    """
    try:
        options = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise DatabaseUnavailable(reason=MALFORMED_URL) from None
    return {} if "target_session_attrs" in options else {"target_session_attrs": "read-write"}


def _translate(error: psycopg.Error, connection: DeadlineConnection, waited_s: float) -> Fault | None:
    """Return the fault that an error of a statement means; None where there is none."""
    reason = reason_of(error)
    fault: Fault | None = None
    if isinstance(error, psycopg.errors.QueryCanceled):
        fault = _translate_cancellation(error, connection, waited_s)
    elif isinstance(error, psycopg.errors.LockNotAvailable):
        fault = DatabaseBusy(seconds=LOCK_TIMEOUT_MS / 1000)
    elif isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        fault = SchemaOutdated(missing=reason)
    elif is_connection_lost(error):
        fault = DatabaseUnavailable(reason=connection.reason_it_closed() or reason)
    elif isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        fault = DatabaseReadOnly(reason=reason)
    elif isinstance(error, psycopg.OperationalError):
        place = place_of_session(connection)
        fault = StatementRefused(place=place, reason=reason, sqlstate=error.sqlstate, advice=advice_about(error))
    return fault


def _translate_cancellation(
    error: psycopg.errors.QueryCanceled, connection: DeadlineConnection, waited_s: float
) -> Fault:
    """Return the fault for a cancelled statement: our deadline, the server's limit, or another session."""
    if connection.deadline_passed:
        return DatabaseTooSlow(seconds=round(waited_s, 1))
    by = cancelled_by(error)
    if by != "another session":
        return DatabaseTooSlow(seconds=STATEMENT_TIMEOUT_MS / 1000)
    return StatementCancelled(place=place_of_session(connection), by=by, reason=reason_of(error), advice="Try again")


def _recording_connection(database: Database) -> type[DeadlineConnection]:
    """Build a connection class that records in `database` why connecting failed.

    The pool connects in background threads and does not report the reason to the threads that wait for a connection.
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
    """Set the session's time limits, time zone and choice of plans, in one round trip.

    Without enable_seqscan, a plan uses an index where there is one. A plan that was made while a table had a page would
    read the table from end to end otherwise, also when it has grown to thousands, until the server gathers statistics.
    Before PostgreSQL 18 the one way to read a table without an index then counts as so costly that the server would
    compile the statement: jit is off.

    PgBouncer refuses the `options` start-up parameter, so they are set by a statement. Behind a transaction pooler
    (the backend is not the one that the connection started with) prepared statements may vanish, so none are used.
    """
    row = connection.execute(
        """
        SELECT pg_backend_pid() AS pid,
               set_config('statement_timeout', %s, false),
               set_config('lock_timeout', %s, false),
               set_config('idle_in_transaction_session_timeout', %s, false),
               set_config('TimeZone', 'UTC', false),
               set_config('enable_seqscan', 'off', false),
               set_config('jit', 'off', false)
        """,
        (str(STATEMENT_TIMEOUT_MS), str(LOCK_TIMEOUT_MS), str(IDLE_IN_TRANSACTION_TIMEOUT_MS)),
    ).fetchone()
    if row is None or row["pid"] != connection.info.backend_pid:
        connection.prepare_threshold = None
