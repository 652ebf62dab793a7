"""The connection type, and the faults that every use of the database can raise."""

from __future__ import annotations

from peterental.database.migrations.session.server import Connection
from peterental.errors import Fault
from peterental.plural import counted

__all__ = [
    "Connection",
    "DatabaseBusy",
    "DatabaseReadOnly",
    "DatabaseTooSlow",
    "DatabaseUnavailable",
    "SchemaOutdated",
    "allow_long_reads",
]


class DatabaseUnavailable(Fault):
    """The database does not answer: {reason}."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database accepts no changes: {reason}. Wait until it does, or point DATABASE_URL at the primary server."""


class DatabaseTooSlow(Fault):
    """A statement took longer than {wait} and was cancelled."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(wait=counted(seconds, "second"))


class DatabaseBusy(DatabaseTooSlow):
    """A lock that another session holds was not released within {wait}. Try again."""


class SchemaOutdated(Fault):
    """The database lacks what this release needs ({missing}): run flask db-migrate."""


def allow_long_reads(connection: Connection, seconds: float) -> None:
    """Queue a longer time limit for each further statement of a transaction, which may read whole tables in order."""
    connection.execute(
        "SELECT set_config('statement_timeout', %s, TRUE), set_config('enable_seqscan', 'on', TRUE)",
        [f"{seconds:.0f}s"],
    )
