"""Settings that decide how the server prints constants and names, so that catalogs read alike everywhere."""

from __future__ import annotations

from peterental.database.migrations.session.server import Connection

_SETTINGS = (
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


def print_plainly(connection: Connection) -> None:
    """Set, for the transaction, what decides how definitions and values are printed and read."""
    connection.execute("; ".join(f"SET LOCAL {setting}" for setting in _SETTINGS).encode())
