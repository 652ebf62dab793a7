"""The runner's direct connection, and the reset that isolates each file from the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import generators, pq

from peterental.database.migrations.session.execute import StatementFailed
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.directives import Directives
from peterental.database.migrations.source.session_state import is_ambiguous

_CANCEL_TIMEOUT_S = 5.0

OWN_LOCK_TIMEOUT_MS = 1_000
"""How long the engine's own statements wait for a lock, in milliseconds."""

READ_AS_CHECKED = (
    "SET standard_conforming_strings TO on",
    "SET backslash_quote TO safe_encoding",
    "SET client_encoding TO 'UTF8'",
)
"""What changes how the server reads text, as PostgreSQL sets it by default."""

# The role first: another role might not be allowed the rest. UTC, because files such as 003 rely on it.
_RESETS = (
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "CLOSE ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
    "SET TimeZone TO 'UTC'",
    # The server must read a file as the checks did, whatever a database or a role sets.
    *READ_AS_CHECKED,
    "SET client_min_messages TO notice",
    # The ledger is written while the file's locks are held, so it must not wait long either.
    f"SET lock_timeout TO {OWN_LOCK_TIMEOUT_MS}",
    # Limits that a role or database sets are meant for the application.
    "SET statement_timeout TO 0",
    "SET idle_in_transaction_session_timeout TO 0",
)
_READ_PLAINLY = {"standard_conforming_strings": "on", "client_encoding": "UTF8"}

_NO_TRANSACTION_TIMEOUT = "SET transaction_timeout TO 0"
_TRANSACTION_TIMEOUT_SINCE = 170000

# The server checks the connection twice a second, so the lock of a runner that was killed during a long statement is
# released within a second. Only Linux supports the check; other servers reject the setting.
_DETECT_DISCONNECT = "SET client_connection_check_interval TO '500ms'"
_CAN_DETECT_DISCONNECT = "SELECT pg_catalog.strpos(pg_catalog.version(), 'linux') > 0 AS can_detect"


@contextmanager
def runner_session(url: str, settings: EngineSettings = DEFAULT_SETTINGS) -> Iterator[Connection]:
    """Yield a direct connection, and close it afterwards; opening it sends no query.

    Raises ServerUnavailable or ServerTooOld.
    """
    connection = connect(url, settings, purpose="migrations")
    connection.prepare_threshold = None
    try:
        yield connection
    finally:
        connection.close()


def reset(connection: Connection) -> None:
    """Undo everything that a file may have changed in the session."""
    connection.execute(f"{reset_script(connection)}; DEALLOCATE ALL".encode())


def reset_script(connection: Connection) -> str:
    """Return the statements that undo what a file may have changed in the session, but for its prepared statements.

    They are allowed inside a transaction. None needs planning, since they run after every file. Sends one query, to
    find out what the server supports.
    """
    statements = list(_RESETS)
    if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
        statements.append(_NO_TRANSACTION_TIMEOUT)
    row = connection.execute(_CAN_DETECT_DISCONNECT).fetchone()
    if row is not None and row["can_detect"]:
        statements.append(_DETECT_DISCONNECT)
    return "; ".join(statements)


def refuse_misreading(connection: Connection, sql: str) -> None:
    """Raise StatementFailed if the server would read `sql` otherwise than the checks did.

    Only a setting that a statement has made can cause that; the server reports each change of it.
    """
    for setting, plain in _READ_PLAINLY.items():
        value = connection.info.parameter_status(setting)
        if value not in (plain, None) and is_ambiguous(sql, setting):
            reason = f"{setting} is {value}, so the server would read this statement otherwise than it was checked"
            raise StatementFailed(psycopg.errors.SyntaxError(reason), 0)


def begin_statements(directives: Directives) -> tuple[str, ...]:
    """Return the statements that begin a file's transaction, with its timeouts."""
    return (
        "BEGIN",
        f"SET LOCAL lock_timeout TO {directives.lock_timeout_ms}",
        f"SET LOCAL statement_timeout TO {directives.statement_timeout_ms}",
    )


def recover(connection: Connection) -> None:
    """Cancel the running statement and roll back.

    A signal may have arrived between sending a statement and waiting for it. If recovery fails, the connection is
    closed, which ends its transaction and releases its lock.
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
    """Return whether the connection is lost."""
    return connection.closed or connection.pgconn.status != pq.ConnStatus.OK
