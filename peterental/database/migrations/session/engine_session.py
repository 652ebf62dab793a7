"""The session of every command; server errors in the engine's own statements become engine errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from peterental.database.migrations.errors import (
    FOREIGN_LEDGER_HINT,
    DiskFull,
    EngineError,
    LedgerError,
    ServerUnavailable,
    StatementCancelled,
    StatementRefused,
)
from peterental.database.migrations.session.connection import runner_session
from peterental.database.migrations.session.server import (
    Connection,
    cancelled_by,
    is_connection_lost,
    place_of_session,
    reason_of,
)
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings

_FOREIGN_LEDGER_ERRORS = (
    psycopg.errors.CannotCoerce,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.GeneratedAlways,
    psycopg.errors.InvalidColumnReference,
    psycopg.errors.InvalidTextRepresentation,
    psycopg.errors.NotNullViolation,
    psycopg.errors.NumericValueOutOfRange,
    psycopg.errors.ObjectNotInPrerequisiteState,
    psycopg.errors.StringDataRightTruncation,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.WrongObjectType,
)
"""Errors of the engine's statements on a ledger table with other columns, types or constraints."""

_DENIES_TABLE = re.compile(r"\btable schema_migration")


@contextmanager
def engine_session(url: str, settings: EngineSettings = DEFAULT_SETTINGS) -> Iterator[Connection]:
    """Yield a connection as `runner_session` does.

    Raises LedgerError for a ledger that the role may not use, that another session has locked, or that another tool
    made; DiskFull if the server's disk is full; StatementCancelled; ServerUnavailable if the connection is lost;
    StatementRefused for other errors. Errors in a migration itself are translated by its runner before.
    """
    with runner_session(url, settings) as connection, server_errors(connection), ledger_errors():
        yield connection


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Raise LedgerError or DiskFull for the errors they describe; other errors pass."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        advice = "use a role that may create tables there, such as the one that owns the others"
        if _DENIES_TABLE.search(reason_of(error)):  # other locales have the generic advice
            advice = "use the role that owns it, or have that role grant SELECT, INSERT, UPDATE and DELETE on it"
        raise LedgerError(reason=reason_of(error), advice=advice) from error
    except psycopg.errors.LockNotAvailable as error:
        advice = "another transaction holds it; try again when it has ended"
        raise LedgerError(reason=reason_of(error), advice=advice) from error
    except psycopg.errors.RaiseException as error:
        advice = "a trigger raised that; exempt the ledger from it"
        raise LedgerError(reason=reason_of(error), advice=advice) from error
    except psycopg.errors.DiskFull as error:
        raise DiskFull(reason=reason_of(error)) from error
    except _FOREIGN_LEDGER_ERRORS as error:
        raise LedgerError(reason=reason_of(error), advice=FOREIGN_LEDGER_HINT) from error


@contextmanager
def server_errors(connection: Connection) -> Iterator[None]:
    """Raise StatementCancelled, ServerUnavailable or StatementRefused for an error of the server in the block."""
    place = place_of_session(connection)
    try:
        yield
    except psycopg.Error as error:
        raise _translated(error, place) from error


def _translated(error: psycopg.Error, place: str) -> EngineError:
    reason = reason_of(error)
    if isinstance(error, psycopg.errors.QueryCanceled):
        by = cancelled_by(error)
        advice = "What was applied stays; run the same command again"
        if by != "another session":
            advice = "What was applied stays. Raise statement_timeout for this role, then run the same command again"
        return StatementCancelled(place=place, by=by, reason=reason, advice=advice)
    if is_connection_lost(error):
        return ServerUnavailable(reason=reason)
    advice = "What was applied stays; fix the cause, then run the same command again"
    return StatementRefused(place=place, reason=reason, sqlstate=error.sqlstate, advice=advice)
