"""The runner's own connection: not pooled, with settings that a migration cannot spoil for the next one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import generators, pq

from peterental.database.migrations.errors import PooledConnection
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.directives import Directives

_CANCEL_TIMEOUT_S = 5.0

OWN_LOCK_TIMEOUT_MS = 1_000
"""How long the engine's own statements wait for a lock."""

# The role first: without it the rest might be refused. UTC, because 003 and the likes of it rely on it.
_RESETS = (
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "CLOSE ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
    "DEALLOCATE ALL",
    "SET TimeZone TO 'UTC'",
    "SET client_min_messages TO notice",
    # What is ours to write does not wait long either: a file's locks are held meanwhile.
    f"SET lock_timeout TO {OWN_LOCK_TIMEOUT_MS}",
    # What a role or database sets as its own limits is meant for the application.
    "SET statement_timeout TO 0",
    "SET idle_in_transaction_session_timeout TO 0",
)
_NO_TRANSACTION_TIMEOUT = "SET transaction_timeout TO 0"
_KNOWS_TRANSACTION_TIMEOUT = 170000

# The server asks twice a second whether we are still there, so that the lock of a runner that was killed in the
# middle of a long statement is free within a second. Only where the kernel can tell; elsewhere it would be refused.
_NOTICE_DEATH = "SET client_connection_check_interval TO '500ms'"
_CAN_NOTICE_DEATH = "SELECT pg_catalog.strpos(pg_catalog.version(), 'linux') > 0 AS can_notice"


@contextmanager
def runner_session(url: str, settings: EngineSettings = DEFAULT_SETTINGS) -> Iterator[Connection]:
    """Give a connection of the runner's own, closed afterwards; opening it sends no query.

    Raises ServerUnavailable or ServerTooOld.
    """
    connection = connect(url, settings, purpose="migrations")
    connection.prepare_threshold = None
    try:
        yield connection
    finally:
        connection.close()


def prepare_to_write(connection: Connection) -> None:
    """Put the session into the state in which every file starts."""
    reset(connection)


def reset(connection: Connection) -> None:
    """Undo whatever a file may have done to the session."""
    connection.execute(reset_script(connection).encode())


def reset_script(connection: Connection) -> str:
    """Give what undoes whatever a file may have done to the session, but for statements that it has prepared.

    It is allowed inside a transaction. All of it are commands that need no planning, since it runs after every file.
    One query, to learn what kind of server it is.
    """
    statements = list(_RESETS)
    if connection.info.server_version >= _KNOWS_TRANSACTION_TIMEOUT:
        statements.append(_NO_TRANSACTION_TIMEOUT)
    row = connection.execute(_CAN_NOTICE_DEATH).fetchone()
    if row is not None and row["can_notice"]:
        statements.append(_NOTICE_DEATH)
    return "; ".join(statements)


def begin_statements(directives: Directives) -> tuple[str, ...]:
    """Give what opens a file's transaction: its time limits hold for this transaction only."""
    return (
        "BEGIN",
        f"SET LOCAL lock_timeout TO {directives.lock_timeout_ms}",
        f"SET LOCAL statement_timeout TO {directives.statement_timeout_ms}",
    )


def refuse_transaction_pooler(
    connection: Connection, url: str, backend_pid: int, settings: EngineSettings = DEFAULT_SETTINGS
) -> None:
    """Raise PooledConnection when another server process may answer from one statement to the next.

    A pooler gives itself away: it greets with a process number of its own invention. It pools by session (which is
    fine) when our session's state is still there after another client has taken a server connection in between.
    """
    if backend_pid == connection.info.backend_pid:
        return
    nonce = secrets.token_hex(8)
    connection.execute("SELECT set_config('peterental.probe', %s, false)", (nonce,))
    with connect(url, settings, purpose="migrations") as other:
        other.execute("BEGIN")
        theirs = _probe(other)
        ours = _probe(connection)
        other.execute("ROLLBACK")
    if theirs == nonce or ours != nonce:
        raise PooledConnection


def _probe(connection: Connection) -> str | None:
    row = connection.execute("SELECT current_setting('peterental.probe', true) AS nonce").fetchone()
    return None if row is None else row["nonce"]


def recover(connection: Connection) -> None:
    """Bring the connection back to rest after something went wrong in its transaction: cancelled, rolled back.

    A signal may have come between sending a statement and waiting for it. A connection that cannot be brought to rest
    is closed, which ends its transaction and frees its lock.
    """
    try:
        if connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:
            connection.cancel_safe(timeout=_CANCEL_TIMEOUT_S)
            connection.wait(generators.execute(connection.pgconn), timeout=_CANCEL_TIMEOUT_S)
        if not is_broken(connection):
            connection.rollback()
    except psycopg.Error:
        connection.close()


def is_broken(connection: Connection) -> bool:
    """Whether the server has gone away from under us."""
    return connection.closed or connection.pgconn.status != pq.ConnStatus.OK
