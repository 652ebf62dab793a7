"""Connections of one's own, and the errors that any connection can raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from peterental.errors import Fault
from peterental.plural import counted

OLDEST_SERVER_VERSION = 140000
"""PostgreSQL 14, as libpq numbers it: multiranges and pipelined queries begin there."""


# A peer that vanished without a word (a failed-over host, a dropped NAT entry) is given up after half a minute,
# unacknowledged data after ten seconds; libpq leaves both to the kernel's two hours otherwise.
KEEPALIVE: Mapping[str, int] = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class DatabaseUnavailable(Fault):
    """The database does not answer: {reason}."""


class DatabaseTooOld(DatabaseUnavailable):
    """PostgreSQL {version} is too old: PeteRental needs 14 or newer."""


class DatabaseTooSlow(Fault):
    """The database needed longer than {wait} for what was asked of it, which was cancelled."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(wait=counted(seconds, "second"))


class DatabaseBusy(DatabaseTooSlow):
    """Something else in the database held for longer than {wait} what is needed here."""


class SchemaOutdated(Fault):
    """The database lacks what this release needs ({missing}): run flask db-migrate."""


Connection = psycopg.Connection[DictRow]


def connect(url: str, *, application_name: str, connect_timeout_s: int = 10, **options: Any) -> Connection:
    """Open one connection of the caller's own, in autocommit mode, rows by column name.

    Args:
        url: where to.
        application_name: what `pg_stat_activity` shows.
        connect_timeout_s: how long to try, in seconds.
        options: further libpq settings.

    Raises DatabaseUnavailable with the server's reason, DatabaseTooOld below PostgreSQL 14.
    """
    try:
        connection: Connection = psycopg.Connection.connect(
            url,
            autocommit=True,
            row_factory=dict_row,
            application_name=application_name,
            connect_timeout=connect_timeout_s,
            client_encoding="UTF8",
            **{**KEEPALIVE, **options},
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(reason=reason_of(error)) from error
    if connection.info.server_version < OLDEST_SERVER_VERSION:
        version = version_of(connection)
        connection.close()
        raise DatabaseTooOld(version=version)
    return connection


def version_of(connection: Connection) -> str:
    """Give the server's version as people write it: `18.6`."""
    return connection.info.parameter_status("server_version") or str(connection.info.server_version)


def reason_of(error: psycopg.Error) -> str:
    """Give the last line of what libpq or the server said: with several addresses tried, the one that decided."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    if not lines:
        return type(error).__name__
    line = next((line for line in reversed(lines) if "failed:" in line or "FATAL" in line), lines[0])
    return line.removeprefix("connection failed: ").rstrip(".").replace("FATAL:  ", "")
