"""Settings for reading catalogs and rows: constants and names read alike everywhere, and no limit ends the reading."""

from __future__ import annotations

from peterental.database.migrations.session.server import Connection

_PRINTING = (
    "quote_all_identifiers TO off",
    "DateStyle TO ISO",
    "IntervalStyle TO postgres",
    "TimeZone TO 'UTC'",
    "extra_float_digits TO 1",
    "bytea_output TO hex",
    "standard_conforming_strings TO on",
    "array_nulls TO on",
)
"""Each of them can be set for a role or a database, and appears in what pg_get_expr returns."""

_LIMITS = ("statement_timeout TO 0", "idle_in_transaction_session_timeout TO 0")
"""Limits that a role or a database sets are meant for the application."""

_TRANSACTION_TIMEOUT_SINCE = 170000


def read_plainly(connection: Connection) -> None:
    """Set, for the transaction, what decides how definitions and values are printed; lift the time limits."""
    connection.execute("; ".join(f"SET LOCAL {setting}" for setting in (*_PRINTING, *_limits(connection))).encode())


def lift_limits(connection: Connection) -> None:
    """Lift the time limits of a session outside a transaction."""
    connection.execute("; ".join(f"SET {setting}" for setting in _limits(connection)).encode())


def _limits(connection: Connection) -> tuple[str, ...]:
    if connection.info.server_version < _TRANSACTION_TIMEOUT_SINCE:
        return _LIMITS
    return (*_LIMITS, "transaction_timeout TO 0")
