"""Direct connections to the server, and what an error of the server means."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Any, Protocol

import psycopg
from psycopg.rows import DictRow, dict_row

from peterental.database.migrations.errors import ServerTooOld, ServerUnavailable
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

OLDEST_SERVER_VERSION = 140000
"""PostgreSQL 14, as libpq numbers it: the first version with multiranges and pipelined queries."""

_CONNECTION_ENDED = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "53300"})
"""SQLSTATEs with which the server ends a session or refuses to begin one, besides those of class 08."""

MALFORMED_URL = (
    "its URL is malformed: write postgresql://user:password@host:5432/name, special characters percent-encoded"
)

_PASSWORD_PART = re.compile(r"(?<=['\"])[^'\"]*(?=@)|(?<=invalid integer value \")[^\"]*")
"""What libpq quotes as a host or a port, although a malformed URL makes it a part of the password."""

_NO_TLS = "server does not support SSL, but SSL was required"
_WITHOUT_TLS = "; turn on TLS at the server, or choose another sslmode in the URL: sslmode=disable encrypts nothing"

Connection = psycopg.Connection[DictRow]


class ConnectionSource(Protocol):
    """Lends connections, such as a pool of the host; the engine only reads over them."""

    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection in autocommit mode, rows as dicts, for the block."""


def connect(url: str, settings: EngineSettings = DEFAULT_SETTINGS, *, purpose: str, **options: Any) -> Connection:
    """Open a connection in autocommit mode that returns rows as dicts.

    Args:
        url: of the database.
        settings: the host's; they supply the timeouts.
        purpose: the second part of what `pg_stat_activity` shows.
        options: further libpq settings.

    Raises ServerUnavailable with the server's reason, ServerTooOld below PostgreSQL 14.
    """
    try:
        connection: Connection = psycopg.Connection.connect(
            url,
            autocommit=True,
            row_factory=dict_row,
            application_name=settings.session_name(purpose),
            connect_timeout=settings.connect_timeout_s,
            client_encoding="UTF8",
            **{**settings.keepalive_options, **options},
        )
    except psycopg.OperationalError as error:
        raise ServerUnavailable(reason=reason_of(error)) from error
    except psycopg.ProgrammingError:  # it quotes the URL
        raise ServerUnavailable(reason=MALFORMED_URL) from None
    if connection.info.server_version < OLDEST_SERVER_VERSION:
        version = version_of(connection)
        connection.close()
        raise ServerTooOld(version=version)
    return connection


def version_of(connection: psycopg.Connection[DictRow]) -> str:
    """Return the server's version as people write it: `18.6`."""
    return connection.info.parameter_status("server_version") or str(connection.info.server_version)


def backend_pid_of(connection: Connection) -> int:
    """Return the number of the server process; that of libpq is invented where a pooler is in between."""
    row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
    return connection.info.backend_pid if row is None else int(row["pid"])


def place_of_session(connection: psycopg.Connection[DictRow]) -> str:
    """Return the name, host and port of a connection's database; "unknown" for a closed connection."""
    if connection.closed:
        return "unknown"
    info = connection.info
    return f"{info.dbname} on {info.host or 'this machine'}:{info.port}"


def reason_of(error: psycopg.Error) -> str:
    """Return the line of an error's text that says why: where several addresses were tried, the last failure.

    No part of a password is in it. A server without TLS gets the next step.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    if not lines:
        return type(error).__name__
    line = next((line for line in reversed(lines) if "failed:" in line or "FATAL" in line), lines[0])
    if error.sqlstate is None:  # libpq or psycopg raised it, not the server
        line = _PASSWORD_PART.sub("***", line).replace(_NO_TLS, _NO_TLS + _WITHOUT_TLS)
    return line.removeprefix("connection failed: ").rstrip(".").replace("FATAL:  ", "")


def is_connection_lost(error: psycopg.Error) -> bool:
    """Return whether an error means that the server is unreachable or has ended the session."""
    state = error.sqlstate
    if state is None:  # libpq or psycopg raised it, not the server
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in _CONNECTION_ENDED


def cancelled_by(error: psycopg.errors.QueryCanceled) -> str:
    """Return what cancelled a statement: `statement_timeout`, `another session`, or both where that is unknown.

    The server uses one SQLSTATE for both. Only its message, which may be in any language, distinguishes them.
    """
    message = error.diag.message_primary or str(error)
    if "statement timeout" in message:
        return "statement_timeout"
    if "user request" in message:
        return "another session"
    return "statement_timeout or another session"
