"""The runner's direct connection, and the reset that isolates each file from the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

CHECK_DEFERRED = "SET CONSTRAINTS ALL IMMEDIATE"
"""Fires deferred triggers as COMMIT would, but while the file's role, search_path and temporary tables are there."""

# The role first: another role might not be allowed the rest.
_LEFTOVERS = (
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "CLOSE ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
)
# lastval() and the numbers that a session has reserved; after the record, whose own key comes from a sequence.
DISCARD_SEQUENCES = "DISCARD SEQUENCES"

# UTC, because files such as 003 rely on it.
_SETTINGS = (
    DISCARD_SEQUENCES,
    "RESET ALL",
    "SET TimeZone TO 'UTC'",
    # The server must read a file as the checks did, whatever a database or a role sets.
    *READ_AS_CHECKED,
    "SET client_min_messages TO notice",
    # The ledger is written while the file's locks are held, so it must not wait long either.
    f"SET lock_timeout TO {OWN_LOCK_TIMEOUT_MS}",
    # Limits that a role or database sets are meant for the application.
    "SET statement_timeout TO 0",
    "SET idle_in_transaction_session_timeout TO 0",
    "SET idle_session_timeout TO 0",  # the lock must not end while a person is asked, or a backfill pauses
)
# What matters to the record of a file, whatever the file has set. The settings themselves are reset after its COMMIT:
# RESET ALL leaves alone what SET LOCAL … TO DEFAULT hides, and the COMMIT would bring back the SET from before it.
_FOR_THE_RECORD = (
    "SET LOCAL search_path TO DEFAULT",
    "SET LOCAL synchronous_commit TO DEFAULT",
    f"SET LOCAL lock_timeout TO {OWN_LOCK_TIMEOUT_MS}",
    "SET LOCAL statement_timeout TO 0",
)
_READ_PLAINLY = {"standard_conforming_strings": "on", "client_encoding": "UTF8"}

_NO_TRANSACTION_TIMEOUT = "transaction_timeout TO 0"
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


@dataclass(frozen=True)
class ResetScripts:
    """The statements that undo what a file may have changed in the session, but for its prepared statements.

    None needs planning, since they run after every file.

    Args:
        before_commit: in the file's transaction, before its record is written.
        after_commit: after the end of that transaction.
    """

    before_commit: str
    after_commit: str

    @property
    def outside_transaction(self) -> str:
        """All of them, for a session without a transaction."""
        return f"{_script(_LEFTOVERS)}; {self.after_commit}"


def reset(connection: Connection) -> None:
    """Undo everything that a file may have changed in the session."""
    connection.execute(f"{reset_scripts(connection).outside_transaction}; DEALLOCATE ALL".encode())


def reset_scripts(connection: Connection) -> ResetScripts:
    """Return the statements for this server. Sends one query, to find out what the server supports."""
    settings, local = list(_SETTINGS), list(_FOR_THE_RECORD)
    if connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
        settings.append(f"SET {_NO_TRANSACTION_TIMEOUT}")
        local.append(f"SET LOCAL {_NO_TRANSACTION_TIMEOUT}")
    row = connection.execute(_CAN_DETECT_DISCONNECT).fetchone()
    if row is not None and row["can_detect"]:
        settings.append(_DETECT_DISCONNECT)
    return ResetScripts(_script((*_LEFTOVERS, *local)), _script(settings))


def _script(statements: Iterable[str]) -> str:
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
