"""The type of a connection, and the errors that any connection can raise."""

from __future__ import annotations

from peterental.database.migrations.session.server import Connection
from peterental.errors import Fault
from peterental.plural import counted

__all__ = ["Connection", "DatabaseBusy", "DatabaseTooSlow", "DatabaseUnavailable", "SchemaOutdated"]


class DatabaseUnavailable(Fault):
    """The database does not answer: {reason}."""


class DatabaseTooSlow(Fault):
    """The database needed longer than {wait} for what was asked of it, which was cancelled."""

    def __init__(self, *, seconds: float) -> None:
        super().__init__(wait=counted(seconds, "second"))


class DatabaseBusy(DatabaseTooSlow):
    """Something else in the database held for longer than {wait} what is needed here."""


class SchemaOutdated(Fault):
    """The database lacks what this release needs ({missing}): run flask db-migrate."""
