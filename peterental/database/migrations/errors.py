"""The engine's errors: each message says what happened, where, and what to do next."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

BETWEEN_PROBLEMS = ";\n  "
"""Each problem on its own line: after a merge there may be many."""

FOREIGN_LEDGER_HINT = "if another tool owns a table of that name, give PeteRental a separate schema"
"""What to do about a ledger that another tool made."""


class ReadOnlyReason(StrEnum):
    """Why a server accepts no changes."""

    STANDBY = "it is a standby in recovery"
    SETTING = "its setting default_transaction_read_only is on"


_READ_ONLY_ADVICE = {
    ReadOnlyReason.STANDBY: "point DATABASE_URL at the primary server",
    ReadOnlyReason.SETTING: (
        "turn the setting off with ALTER DATABASE or ALTER ROLE … RESET default_transaction_read_only; if the host has"
        " turned it on because the disk is full, free disk space"
    ),
}


class ProblemKind(StrEnum):
    """What sort of problem stops a file before it runs; db-lint has a rule for each."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    OTHER_TOOL = "other tool"
    DIRECTIVE = "directive"
    NOT_RUNNABLE = "not runnable"
    WRONG_VERSION = "wrong version"
    LEDGER = "ledger"
    BACKFILL = "backfill"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with the migrations.

    Args:
        message: what is wrong. A problem without a line names its file here.
        file: the file's name; None for the folder.
        line: 1-based; None for the whole file.
        column: 1-based, in characters; None where only the line is known.
        next_step: how to fix it; None where the message makes that clear.
        kind: what sort of problem it is, for db-lint.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    next_step: str | None = None
    kind: ProblemKind = ProblemKind.NOT_RUNNABLE

    @property
    def text(self) -> str:
        """The message and the next step, without the position."""
        return self.message if self.next_step is None else f"{self.message}; {self.next_step}"

    def __str__(self) -> str:
        return self.text if self.line is None else f"{self.file}:{self.line}: {self.text}"


def joined(problems: Sequence[Problem], between: str = BETWEEN_PROBLEMS) -> str:
    """Return the problems as one text."""
    return between.join(str(problem) for problem in problems)


class EngineError(Exception):
    """The migration engine failed.

    The first paragraph of each subclass's docstring is its message; named values are filled into it.
    """

    def __init__(self, **values: object) -> None:
        self.values = values
        super().__init__(self._message(**values))

    @classmethod
    def _message(cls, **values: object) -> str:
        first_paragraph = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
        return " ".join(first_paragraph.split()).format_map(values)

    def note_applied(self, applied: str) -> None:
        """Correct a message that says “Nothing was applied”: the run has applied some files before.

        Args:
            applied: what, as the beginning of a sentence: “001 stays applied”.
        """
        self.args = (str(self).replace("Nothing was applied", f"{applied}, and nothing else was"),)


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

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems=joined(problems))
        self.problems = problems


class MigrationError(EngineError):
    """The migrations could not be applied."""


class MigrationFailed(MigrationError):
    """Migration {version} failed: {problem}

    Args:
        version: of the migration.
        problem: what happened and where; a `StatementProblem` has what the server said, part by part.
        statement: the number of the failing statement, from 1; None where no statement failed.
        state: what of the file and of earlier files is in the database now.
        next_step: what to do, without the command to run.
        command: what to run after that.
    """

    def __init__(
        self,
        *,
        version: int,
        problem: Problem,
        state: str,
        next_step: str,
        statement: int | None = None,
        command: str = "flask db-migrate",
    ) -> None:
        lines = (str(problem), f"  {state}", f"  Next: {next_step}, then run: {command}")
        super().__init__(version=version, problem="\n".join(lines))
        self.version = version
        self.problem = problem
        self.statement = statement
        self.state = state
        self.next_step = next_step

    @property
    def summary(self) -> str:
        """The message without the state of the database and the next step."""
        return self._message(version=self.version, problem=self.problem)


class RollbackFailed(MigrationFailed):
    """Undoing migration {version} failed: {problem}"""


class LedgerError(MigrationError):
    """The ledger schema_migrations cannot be read or written: {reason}. Nothing was applied; {advice}."""


class DiskFull(MigrationError):
    """The disk of the database server is full: {reason}. What was applied stays, and nothing is half done; free disk
    space, then run the same command again.
    """


class FilesRefused(MigrationFilesError):
    """{problems}. Nothing was applied."""


class UnknownMigration(MigrationError):
    """There is no migration {version:03d}, the last file is {last:03d}. Nothing was applied."""


class HistoryBroken(MigrationError):
    """The migration history does not match the files: {problems}. Nothing was applied; see flask db-status."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems=joined(problems))
        self.problems = problems


class ContractInFront(MigrationError):
    """Contract file {file} waits for {reason}. {behind} cannot run before it. Nothing was applied; deploy the files up
    to {file} first, and the rest when it is applied, or number the contract file last.
    """


class BackfillIncomplete(MigrationError):
    """Migration {needing:03d} needs backfill {needed:03d}, which {how}; {advice}. {file} was not started.{stays}"""


class LockNotAcquired(MigrationError):
    """Another migration is running and did not finish within {seconds:g} s: {holder}. Nothing was applied; try again
    when it is done.
    """


class PooledConnection(MigrationError):
    """This connection goes through a transaction pooler (PgBouncer), which cannot hold the migration lock. Nothing was
    applied; set MIGRATIONS_DATABASE_URL to the database's direct address.
    """


class ReadOnlyDatabase(MigrationError):
    """The database accepts no changes ({reason}). Nothing was applied; {advice}."""

    def __init__(self, *, reason: ReadOnlyReason) -> None:
        super().__init__(reason=reason, advice=_READ_ONLY_ADVICE[reason])


class NoSchema(MigrationError):
    """The search_path of this role contains no existing schema. Create the schema or set the role's search_path."""


class ForeignLedger(MigrationError):
    """These migrations are recorded in schema {recorded}, but schema {schema} now comes before it in the search_path,
    and all of them would run again there. Nothing was applied; put {recorded} first again, or remove it from the
    search_path if you want a second set of tables.
    """


class RollbackRefused(MigrationError):
    """Nothing was rolled back: {reason}."""


class Interrupted(KeyboardInterrupt):
    """The migration was stopped by Ctrl-C or SIGTERM.

    It is a KeyboardInterrupt because psycopg cancels the running statement for that.
    """
