"""The engine's errors: each message says what happened, where, and what to do next."""

from __future__ import annotations

import inspect

BETWEEN_PROBLEMS = ";\n  "
"""Each problem on a line of its own: after a merge there may be many."""

FOREIGN_LEDGER_HINT = "where another tool keeps a table of that name, give PeteRental a schema of its own"
"""What to do about a ledger that another tool made."""


class EngineError(Exception):
    """The migration engine failed.

    The first paragraph of each subclass's docstring is its message; named values are filled into it.
    """

    def __init__(self, **values: object) -> None:
        self.values = values
        first_paragraph = inspect.cleandoc(type(self).__doc__ or "").partition("\n\n")[0]
        super().__init__(" ".join(first_paragraph.split()).format_map(values))


class ServerUnavailable(EngineError):
    """The database does not answer: {reason}."""


class ServerTooOld(ServerUnavailable):
    """PostgreSQL {version} is too old: PeteRental needs 14 or newer."""


class StatementCancelled(EngineError):
    """A statement in database {place} was cancelled by {by}: {reason}. {advice}."""


class StatementRefused(EngineError):
    """PostgreSQL refused a statement in database {place}: {reason} (SQLSTATE {sqlstate}). {advice}."""


class MigrationFilesError(EngineError):
    """{problems}"""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=BETWEEN_PROBLEMS.join(problems))
        self.problems = problems


class MigrationError(EngineError):
    """The migrations could not be applied."""


class MigrationFailed(MigrationError):
    """Migration {version} failed: {problem}"""

    def __init__(self, *, version: int, problem: str) -> None:
        super().__init__(version=version, problem=problem)
        self.version = version


class RollbackFailed(MigrationFailed):
    """Undoing migration {version} failed: {problem}"""


class LedgerError(MigrationError):
    """The ledger schema_migrations cannot be read or written: {reason}. Nothing was applied; {advice}."""


class DiskFull(MigrationError):
    """The database server has no room left: {reason}. What was applied stays, and nothing is half done; make room on
    its disk, then run the same command again.
    """


class FilesRefused(MigrationFilesError):
    """{problems}. Nothing was applied."""


class UnknownMigration(MigrationError):
    """There is no migration {version:03d}, the last file is {last:03d}. Nothing was applied."""


class HistoryBroken(MigrationError):
    """The migration history does not fit the files: {problems}. Nothing was applied; see flask db-status."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems=BETWEEN_PROBLEMS.join(problems))


class LockNotAcquired(MigrationError):
    """Another migration is running and did not finish within {seconds:g} s: {holder}. Nothing was applied; try again
    when it is done.
    """


class PooledConnection(MigrationError):
    """This connection goes through a transaction pooler (PgBouncer), which cannot hold the migration lock. Nothing was
    applied; set MIGRATIONS_DATABASE_URL to the database's direct address.
    """


class ReadOnlyDatabase(MigrationError):
    """The database takes no changes ({reason}). Nothing was applied; point DATABASE_URL at the primary server."""


class NoSchema(MigrationError):
    """The search_path of this role names no schema that exists, so there is no place for tables. Create the schema or
    set the role's search_path.
    """


class ForeignLedger(MigrationError):
    """These migrations are recorded in schema {recorded}, but schema {schema} now stands before it in the search_path,
    and all of them would run again there. Nothing was applied; put {recorded} first again, or leave it out of the
    search_path where a second set of tables is meant.
    """


class RollbackRefused(MigrationError):
    """Nothing was rolled back: {reason}."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the migration to stop (Ctrl-C or SIGTERM).

    A KeyboardInterrupt, because that is what psycopg cancels the running statement for.
    """
