"""Check pending files against the database before the first one runs."""

from __future__ import annotations

from peterental.database.migrations.errors import MigrationFilesError, Problem
from peterental.database.migrations.ledger.reader import Ledger, StoppedAttempt, stopped_attempts
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.checks import PreparedMigration


def refuse_unfit(connection: Connection, ledger: Ledger, todo: list[PreparedMigration], report: Reporter) -> None:
    """Check what the files alone do not show.

    Args:
        connection: to the database, reset, under the migration lock.
        ledger: as read under the lock.
        todo: the files to run, in order.
        report: receives a line about progress that does not count any more.

    Raises MigrationFilesError with every problem.
    """
    problems: list[Problem] = []
    if ledger.complete and todo:
        stopped = stopped_attempts(connection, ledger.server.schema, [item.file.version for item in todo])
        for item in todo:
            if item.file.version in stopped:
                problems += _of_stopped(item, stopped[item.file.version], report)
    if problems:
        raise MigrationFilesError(problems)


def _of_stopped(item: PreparedMigration, stopped: StoppedAttempt, report: Reporter) -> list[Problem]:
    """Return why a file that stopped half-way cannot run; report progress that an earlier migration has outdated."""
    name = item.file.path.name
    if stopped.outdated_by is not None:
        if stopped.statement:
            report(
                f"⚠️  {name}: an earlier attempt stopped after {stopped.statement} of its statements, but"
                f" {stopped.outdated_by:03d} was undone or applied since; starting from the first statement"
            )
        return []
    if item.directives.no_transaction or not stopped.statement:
        return []
    done = f"{stopped.statement} of its statements" if stopped.statement > 1 else "its first statement"
    return [
        Problem(
            message=f"{name}: an earlier attempt ran it without a transaction and has done {done}",
            file=name,
            next_step="put “-- migrate: no-transaction” back to resume it, or run flask db-repair to start the file"
            " from its first statement",
        )
    ]
