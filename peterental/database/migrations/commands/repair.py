"""db-repair: accept edited files and reset stopped attempts, after confirmation."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import BackfillProgress, BackfillStore, registered_text
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import State, compare_with_ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.files import MigrationFile, find_files
from peterental.database.migrations.source.statements import split_statements

EDITED = frozenset({State.EDITED, State.COMMENTS_EDITED})


@dataclass(frozen=True)
class Repair:
    """One change to accept, with the text to show before confirmation."""

    file: MigrationFile
    shown: str
    accept: Callable[[LedgerWriter], None]


def repair(url: str, directory: Path, *, confirm: Callable[[str], bool], report: Reporter) -> int:
    """Show each edited file and stopped attempt, and accept it if `confirm` agrees.

    Return the number accepted.

    Args:
        url: of the database.
        directory: of the migration files.
        confirm: called with the description of each; returns whether to accept it.
        report: receives lines about progress.

    Raises MigrationFilesError, and what `writing_session` raises.
    """
    files = find_files(directory)
    accepted = 0
    with writing_session(url, report=report) as (connection, ledger):
        writer = LedgerWriter(connection, ledger.server.schema)
        findings = _findings(connection, ledger, files)
        for found in findings:
            if confirm(found.shown):
                with connection.transaction():
                    found.accept(writer)
                accepted += 1
    if accepted:
        report(f"✅ Accepted {accepted} {'change' if accepted == 1 else 'changes'}")
    else:
        report("✅ Nothing was changed" if findings else "✅ Nothing to repair")
    return accepted


def _findings(connection: Connection, ledger: Ledger, files: list[MigrationFile]) -> list[Repair]:
    schema = ledger.server.schema
    entries = compare_with_ledger(connection, files, ledger)
    found = []
    for entry in entries:
        if entry.file is None:
            continue
        if entry.backfill is not None:
            if entry.backfill.checksum != entry.file.checksum:
                found.append(_edited_backfill(connection, schema, entry.file, entry.backfill))
        elif entry.reason is not None and entry.cause is None:
            if entry.state is State.EDITED:
                found.append(_other_statements(entry.file, entry.reason))
        elif entry.state in EDITED:
            applied = ledgers.applied_file(connection, schema, entry.version)
            found.append(_edited(entry.file, applied.text if applied else None))
        elif entry.state is State.PENDING:
            stopped = ledgers.stopped_attempt(connection, schema, entry.version)
            if stopped is not None:
                found.append(_stopped(entry.file, stopped.text, stopped.statement))
    return found


def _edited(file: MigrationFile, applied: str | None) -> Repair:
    text = file.text()
    difference = _difference(applied, text)
    shown = (
        f"{file.path.name} was edited after it was applied:\n{difference}\n"
        "Accepting it changes the ledger, not the tables."
    )
    return Repair(file, shown, lambda writer: writer.record_repaired(file, text))


def _edited_backfill(connection: Connection, schema: str, file: MigrationFile, state: BackfillProgress) -> Repair:
    text = file.text()
    difference = _difference(registered_text(connection, schema, state), text)
    shown = (
        f"{file.path.name}, a backfill that is {state.percent} % done, was edited after it was registered:\n"
        f"{difference}\n"
        "After accepting it, the rows that are not done yet are changed by the new text."
    )
    return Repair(file, shown, lambda _: BackfillStore(connection, schema).accept(state, text))


def _difference(applied: str | None, text: str) -> str:
    if applied is None:
        return "  the text that was applied is not known"
    lines = difflib.unified_diff(
        applied.splitlines(), text.splitlines(), "as applied", "as it is now", lineterm="", n=2
    )
    return "\n".join(f"  {line}" for line in lines)


def _other_statements(file: MigrationFile, reason: str) -> Repair:
    """Return the acceptance of a baseline by a database whose migrations had other texts than it replaces."""
    text = file.text()
    shown = (
        f"{reason[0].upper()}{reason[1:]}.\nAccepting records {file.path.name} as applied here. It changes the ledger,"
        " not the tables; flask db-verify compares the tables."
    )
    return Repair(file, shown, lambda writer: writer.record_repaired(file, text))


def _stopped(file: MigrationFile, text: str, done: int) -> Repair:
    listed = "".join(
        f"\n  {number}. {' '.join(statement.sql.split())[:100]}"
        for number, statement in enumerate(split_statements(text)[:done], start=1)
    )
    where = f"after these completed statements:{listed}" if done else "at its first statement."
    shown = (
        f"An attempt to apply {file.path.name} stopped {where}\n"
        "After a reset, the next attempt begins with the first statement."
    )
    return Repair(file, shown, lambda writer: writer.clear_attempts(file.version))
