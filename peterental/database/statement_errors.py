"""What the server says when it cannot do a statement, and what that means."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.rows import DictRow

from peterental.errors import Fault

_CONNECTION_ENDED = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "53300"})
"""SQLSTATEs with which the server ends a session or does not begin one, besides those of class 08."""

_TRY_AGAIN = "Another transaction was in the way; try again"
_ADVICE: Mapping[type[psycopg.Error], str] = {
    psycopg.errors.DeadlockDetected: _TRY_AGAIN,
    psycopg.errors.SerializationFailure: _TRY_AGAIN,
    psycopg.errors.DiskFull: "Make room on the server's disk",
    psycopg.errors.ReadOnlySqlTransaction: "Point DATABASE_URL at the primary server",
}


class StatementCancelled(Fault):
    """A statement in database {place} was cancelled by {by}: {reason}. {advice}."""


class StatementRefused(Fault):
    """PostgreSQL refused a statement in database {place}: {reason} (SQLSTATE {sqlstate}). {advice}."""


def is_connection_lost(error: psycopg.Error) -> bool:
    """Return whether an error means that the server cannot be reached or has ended the session."""
    state = error.sqlstate
    if state is None:  # it comes from libpq or from us
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in _CONNECTION_ENDED


def cancelled_by(error: psycopg.errors.QueryCanceled) -> str:
    """Return what cancelled a statement: `statement_timeout`, `another session`, or both where nothing tells.

    The server has one SQLSTATE for both, and tells them apart only in its message, which may be in any language.
    """
    message = error.diag.message_primary or str(error)
    if "statement timeout" in message:
        return "statement_timeout"
    if "user request" in message:
        return "another session"
    return "statement_timeout or another session"


def advice_about(error: psycopg.Error) -> str:
    """Return what to do about a statement of the application that the server refused."""
    return _ADVICE.get(type(error), "The server's log says more")


def place_of_session(connection: psycopg.Connection[DictRow]) -> str:
    """Return the name, host and port of a connection's database; "unknown" for a closed connection."""
    if connection.closed:
        return "unknown"
    info = connection.info
    return f"{info.dbname} on {info.host or 'this machine'}:{info.port}"
