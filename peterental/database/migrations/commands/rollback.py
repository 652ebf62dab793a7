"""db-rollback: undo migrations with their `.down.sql` files, latest first, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg

from peterental.database.migrations.errors import Problem, RollbackFailed, RollbackRefused, joined
from peterental.database.migrations.ledger.backfills import BackfillState, BackfillStore
from peterental.database.migrations.ledger.reader import Ledger, read, stopped_attempts
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.session.connection import begin_statements, is_broken, recover, reset
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.lost_connection import reconnected
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.migrations.source.checks import inspect
from peterental.database.migrations.source.directives import read_directives
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start, find_files
from peterental.database.migrations.source.statements import statement_offset
from peterental.database.migrations.sql.error_location import commit_problem, statement_problem


def rollback(url: str, directory: Path, *, to: int, confirm: Callable[[list[str]], bool], report: Reporter) -> int:
    """Undo every applied migration above version `to`; return the number undone.

    Args:
        url: of the database.
        directory: of the migration files and their `.down.sql` files.
        to: the version to go back to; 0 undoes everything.
        confirm: called with the names of the files that would run, in order; returns whether to run them.
        report: receives one line per file.

    Raises RollbackRefused before anything runs if a down file is missing or cannot run, or if `confirm` returns False;
    RollbackFailed if a down file fails (earlier ones stay undone); MigrationFilesError; what `writing_session` raises.

    A backfill needs no down file. An incomplete one is stopped and its progress deleted.
    """
    found = find_files(directory)
    baseline = baseline_at_start(found)
    if baseline and to < baseline.version:
        raise RollbackRefused(
            reason=f"{baseline.path.name} replaces migrations 001 to {baseline.version:03d}, which cannot be undone one"
            f" by one; {baseline.version} is the lowest version to go back to"
        )
    files = {file.version: file for file in found}
    with writing_session(url, report=report) as (connection, ledger):
        store = BackfillStore(connection, ledger.server.schema) if ledger.server.has_backfills else None
        versions = _above(ledger, to, store)
        downs = [_down(files.get(version), version, ledger.server.schema) for version in versions]
        if not downs:
            report("✅ Nothing to roll back")
            return 0
        if not confirm([down.path.name if down.path.exists() else _nothing_for(down) for down in downs]):
            raise RollbackRefused(reason="it was not confirmed")
        writer = LedgerWriter(connection, ledger.server.schema)
        stopped = _stopped_above(connection, ledger, files, downs[-1].version)
        for down in downs:
            try:
                _undo(connection, writer, files[down.version], down, store)
            except RollbackFailed as error:
                if not is_broken(connection):
                    raise
                state = _after_loss(url, ledger.server.backend_pid, down)
                raise _failed(down, error.problem, error.statement, state) from error
            report(f"✅ {down.path.name if down.path.exists() else _nothing_for(down)}")
        for line in stopped:
            report(line)
        report(f"✅ Rolled back {len(downs)} {'migration' if len(downs) == 1 else 'migrations'}")
        return len(downs)


def _above(ledger: Ledger, to: int, store: BackfillStore | None) -> list[int]:
    """Return the versions above `to` that are applied, or registered as backfills; the latest first."""
    registered = store.read_all() if store else {}
    running = {version for version, state in registered.items() if state.state is not BackfillState.DONE}
    return sorted((version for version in ledger.rows.keys() | running if version > to), reverse=True)


def _nothing_for(down: MigrationFile) -> str:
    return f"nothing for backfill {down.version:03d}"


def _stopped_above(connection: Connection, ledger: Ledger, files: dict[int, MigrationFile], version: int) -> list[str]:
    """Return a line about each no-transaction file above `version` that stopped half-way: it cannot resume."""
    pending = [number for number in files if number > version and number not in ledger.rows]
    attempts = stopped_attempts(connection, ledger.server.schema, pending)
    return [
        f"⚠️  {files[number].path.name} had stopped after {stopped.statement} of its statements, which were not undone;"
        " flask db-migrate now starts it from its first statement"
        for number, stopped in attempts.items()
        if stopped.statement and stopped.outdated_by is None
    ]


def _down(file: MigrationFile | None, version: int, schema: str) -> MigrationFile:
    """Return the checked down file of a version. Raises RollbackRefused."""
    if file is None:
        raise RollbackRefused(reason=f"migration {version:03d} is applied, but this release has no file for it")
    down = MigrationFile(file.version, file.description, file.down_path)
    if not down.path.exists() and inspect(file)[0].backfill is not None:
        return down
    if not down.path.exists():
        raise RollbackRefused(reason=f"there is no {down.path.name} to undo {file.path.name}")
    directives, problems = inspect(down, schema)
    if directives.no_transaction:
        message = f"{down.path.name} uses no-transaction, but a down file always runs in one transaction"
        problems.append(Problem(message=message, file=down.path.name))
    if problems:
        raise RollbackRefused(reason=joined(problems))
    return down


def _undo(
    connection: Connection, writer: LedgerWriter, file: MigrationFile, down: MigrationFile, store: BackfillStore | None
) -> None:
    text = down.text() if down.path.exists() else ""
    try:
        execute_text(connection, text or "SELECT", before=begin_statements(read_directives(down, text)))
        reset(connection)
        writer.record_rolled_back(file, text)
        if store is not None:
            store.remove(file.version)
        connection.execute("COMMIT")
    except StatementFailed as error:
        recover(connection)
        offset = statement_offset(text, error.index)
        problem = statement_problem(down.path, text, error.cause, offset, sent_from=error.sent_from)
        raise _failed(down, problem, error.number) from error
    except psycopg.Error as error:
        recover(connection)
        raise _failed(down, commit_problem(down.path, error)) from error
    except BaseException:
        recover(connection)
        raise


def _after_loss(url: str, backend_pid: int, down: MigrationFile) -> str:
    """Return what is in the database after the connection was lost: reconnect, and look."""
    name = down.path.name
    with reconnected(url, DEFAULT_SETTINGS, backend_pid) as connection:
        if connection is None:
            return f"Whether {name} was committed could not be seen; flask db-status shows it."
        is_undone = down.version not in read(connection).rows
    return f"{name} was committed: migration {down.version:03d} is undone." if is_undone else f"{name} was rolled back."


def _failed(
    down: MigrationFile, problem: Problem, statement: int | None = None, state: str | None = None
) -> RollbackFailed:
    return RollbackFailed(
        version=down.version,
        problem=problem,
        state=state or f"{down.path.name} was rolled back.",
        next_step="fix the error",
        statement=statement,
        command="flask db-rollback",
    )
