"""db-rollback: undo migrations with their `.down.sql` files, latest first, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg

from peterental.database.migrations.errors import Problem, RollbackFailed, RollbackRefused, joined
from peterental.database.migrations.ledger.backfills import BackfillState, BackfillStore
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.session.connection import begin_statements, recover, reset
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.checks import inspect
from peterental.database.migrations.source.directives import read_directives
from peterental.database.migrations.source.files import MigrationFile, find_files
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
    files = {file.version: file for file in find_files(directory)}
    with writing_session(url, report=report) as (connection, ledger):
        store = BackfillStore(connection, ledger.server.schema) if ledger.server.has_backfills else None
        versions = _above(ledger, to, store)
        downs = [_down(files.get(version), version) for version in versions]
        if not downs:
            report("✅ Nothing to roll back")
            return 0
        if not confirm([down.path.name if down.path.exists() else _nothing_for(down) for down in downs]):
            raise RollbackRefused(reason="it was not confirmed")
        writer = LedgerWriter(connection, ledger.server.schema)
        for down in downs:
            _undo(connection, writer, files[down.version], down, store)
            report(f"✅ {down.path.name if down.path.exists() else _nothing_for(down)}")
        report(f"✅ Rolled back {len(downs)} {'migration' if len(downs) == 1 else 'migrations'}")
        return len(downs)


def _above(ledger: Ledger, to: int, store: BackfillStore | None) -> list[int]:
    """Return the versions above `to` that are applied, or registered as backfills; the latest first."""
    registered = store.read_all() if store else {}
    running = {version for version, state in registered.items() if state.state is not BackfillState.DONE}
    return sorted((version for version in ledger.rows.keys() | running if version > to), reverse=True)


def _nothing_for(down: MigrationFile) -> str:
    return f"nothing for backfill {down.version:03d}"


def _down(file: MigrationFile | None, version: int) -> MigrationFile:
    """Return the checked down file of a version. Raises RollbackRefused."""
    if file is None:
        raise RollbackRefused(reason=f"migration {version:03d} is applied, but this release has no file for it")
    down = MigrationFile(file.version, file.description, file.down_path)
    if not down.path.exists() and inspect(file)[0].backfill is not None:
        return down
    if not down.path.exists():
        raise RollbackRefused(reason=f"there is no {down.path.name} to undo {file.path.name}")
    directives, problems = inspect(down)
    if directives.no_transaction:
        message = f"{down.path.name} uses no-transaction, but a down file always runs in one transaction"
        problems.append(Problem(message=message, file=down.path.name))
    if directives.backfill is not None:
        message = f"{down.path.name} is a backfill, but a down file always runs in one transaction"
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


def _failed(down: MigrationFile, problem: Problem, statement: int | None = None) -> RollbackFailed:
    return RollbackFailed(
        version=down.version,
        problem=problem,
        state=f"{down.path.name} was rolled back.",
        next_step="fix the error",
        statement=statement,
        command="flask db-rollback",
    )
