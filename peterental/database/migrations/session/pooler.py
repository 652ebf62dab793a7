"""Detect transaction poolers, which may send each transaction to another session and so cannot hold a lock."""

from __future__ import annotations

import secrets
from contextlib import suppress

import psycopg
from psycopg import generators

from peterental.database.migrations.errors import PooledConnection, ServerUnavailable
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

_ANSWER_S = 10.0
"""How long to wait for what a session pooler delivers, in seconds; longer than it takes under load."""

_UNLISTEN_TRIES = 50


def refuse_transaction_pooler(
    connection: Connection, url: str, backend_pid: int, settings: EngineSettings = DEFAULT_SETTINGS
) -> None:
    """Raise PooledConnection unless this connection is direct, or its pooler is proved to pool by session.

    A pooler is recognised by the process number of its greeting, which is invented. The proof is a notification that
    arrives while no transaction is open: only a pooler that keeps one session for this connection can deliver it. To
    see the same session again proves nothing, because that happens by chance. No lock is taken and nothing is set
    before the proof.

    Args:
        connection: the runner's, in autocommit mode.
        url: of the database, for the client that notifies.
        backend_pid: what pg_backend_pid() returned on `connection`.
        settings: the host's.
    """
    if backend_pid == connection.info.backend_pid:
        return
    channel = f"peterental_{secrets.token_hex(8)}"
    try:
        with connect(url, settings, purpose="migrations") as other:
            is_proved = not _shares(connection, other, backend_pid) and _delivers(connection, other, channel)
    except (psycopg.OperationalError, ServerUnavailable):  # no second connection is available
        is_proved = False
    if not is_proved:
        raise PooledConnection


def _shares(connection: Connection, other: Connection, backend_pid: int) -> bool:
    """Return whether sessions are seen to be shared, which leaves no trace; most transaction poolers show it."""
    _execute(other, "BEGIN; SELECT pg_backend_pid() AS pid")
    pids = {_pid(connection) for _ in range(3)}
    _execute(other, "ROLLBACK")
    return pids != {backend_pid}


def _pid(connection: Connection) -> int | None:
    row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
    return None if row is None else row["pid"]


def _delivers(connection: Connection, other: Connection, channel: str) -> bool:
    """Return whether this idle connection is sent a notification of another client."""
    connection.execute(f"LISTEN {channel}".encode())
    pid = _pid(connection)
    try:
        _execute(other, f"NOTIFY {channel}")
        found = any(note.channel == channel for note in connection.notifies(timeout=_ANSWER_S, stop_after=1))
    finally:
        _unlisten(connection, channel, pid)
    return found


def _unlisten(connection: Connection, channel: str, pid: int | None) -> None:
    """Stop listening in the session that listens; behind a transaction pooler, that takes some tries."""
    with suppress(psycopg.Error):
        for _ in range(_UNLISTEN_TRIES):
            row = connection.execute(f"SELECT pg_backend_pid() AS pid; UNLISTEN {channel}".encode()).fetchone()
            if row is not None and row["pid"] == pid:
                break


def _execute(connection: Connection, statement: str) -> None:
    """Run a statement within `_ANSWER_S`: a pooler whose sessions are all in use lets clients wait for minutes."""
    connection.pgconn.send_query(statement.encode())
    connection.wait(generators.execute(connection.pgconn), timeout=_ANSWER_S)
