"""db-plan: rehearse the pending files and report their effect on the tables, without changing anything.

The live database runs the files in one transaction that is rolled back, which finds failures caused by its rows and
measures durations. A scratch copy of the schema runs what cannot be rolled back and what exceeded the limits on the
live database, and shows the locks of each file separately if several are pending.

The migration lock is held during the live rehearsal, for a few seconds at most. db-plan does not wait for it. A runner
that starts during the rehearsal polls for the lock instead of finding its tables locked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from peterental.database.migrations.errors import HistoryBroken
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import State, blocking_problems, compare_with_ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.plan.backfills import incomplete_backfills
from peterental.database.migrations.plan.dry_run import (
    FileResult,
    Limits,
    StatementResult,
    dry_run_in_scratch,
    dry_run_live,
)
from peterental.database.migrations.plan.lock_tracer import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, LockTracer
from peterental.database.migrations.plan.report import (
    LIVE,
    NOT_REHEARSED,
    SCRATCH,
    Plan,
    PlannedFile,
    PlannedStep,
    TableSize,
)
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import exclusive_lock
from peterental.database.migrations.run.preflight import refuse_unfit
from peterental.database.migrations.scratch.database import ScratchBuildFailed, ScratchRefused, build, scratch_database
from peterental.database.migrations.session.connection import reset
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.other_sessions import SESSION_COLUMNS, describe
from peterental.database.migrations.session.releases import older_sessions, sessions_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.checks import PreparedMigration, checked_files
from peterental.database.migrations.source.files import MigrationFile, find_files
from peterental.database.migrations.sql.error_location import locate


def plan(
    url: str,
    directory: Path,
    *,
    scratch_url: str | None = None,
    limits: Limits | None = None,
    report: Reporter,
    settings: EngineSettings = DEFAULT_SETTINGS,
) -> Plan:
    """Rehearse the pending files.

    Two effects are not rolled back: sequences stay advanced, and written rows leave dead rows for autovacuum. Effects
    outside the database (dblink, COPY … TO PROGRAM) really happen.

    Args:
        url: of the live database.
        directory: of the migration files.
        scratch_url: of a database on the server for the scratch database; the live server by default.
        limits: how long statements may wait and locks may be held on the live database.
        report: receives a line if the scratch database could not be dropped.
        settings: the host's.

    Raises MigrationFilesError and HistoryBroken as the runner does, LockNotAcquired if a migration is running,
    PooledConnection, ReadOnlyDatabase, ServerUnavailable, Interrupted.
    """
    limits = limits or Limits()
    files = find_files(directory)
    with engine_session(url) as connection:
        ledger = ledgers.read(connection)
        pending = _pending(connection, files, ledger, settings)
        if not pending:
            return Plan()
        items = checked_files(pending, files, schema=ledger.server.schema)
        with exclusive_lock(connection, url, ledger, wait_s=0, report=lambda _: None) as ledger:
            refuse_unfit(connection, ledger, items, report)
            live = dry_run_live(
                connection, url, ledger, items, limits, incomplete=incomplete_backfills(connection, ledger)
            )
    notes = _notes(live)
    scratch: list[FileResult] = []
    if _wants_scratch(items, live):
        try:
            with scratch_database(url, scratch_url=scratch_url, report=report) as copy:
                scratch = _in_scratch(copy, directory, ledger.server.schema, items)
        except (ScratchRefused, ScratchBuildFailed) as refused:
            notes = [f"⚠️  {refused}", *notes]
    planned = Plan(_merge(items, live, scratch), notes=notes)
    with engine_session(url) as connection:  # a new one: a file may have ended the other
        _note_finished_statements(connection, ledger, planned)
        _note_contracts(connection, items, planned, settings)
        _read_tables(connection, planned)
    return planned


def _pending(
    connection: Connection, files: list[MigrationFile], ledger: Ledger, settings: EngineSettings
) -> list[MigrationFile]:
    """Return the files to run, in order.

    Raises HistoryBroken if files and ledger disagree.
    """
    entries = compare_with_ledger(connection, files, ledger, settings)
    problems = blocking_problems(entries)
    if problems:
        raise HistoryBroken(problems)
    return [entry.file for entry in entries if entry.state is State.PENDING and entry.file is not None]


def _wants_scratch(items: list[PreparedMigration], live: list[FileResult]) -> bool:
    """Whether the scratch copy can add to the live result.

    Not if a file fails there, which must be fixed first.
    """
    if any(run.error for run in live):
        return False
    return len(items) > 1 or len(live) < len(items) or not all(run.is_complete for run in live)


def _in_scratch(copy: str, directory: Path, schema: str, items: list[PreparedMigration]) -> list[FileResult]:
    build(copy, directory, to=items[0].file.version - 1)
    with engine_session(copy) as connection:
        reset(connection)
        LedgerWriter(connection, schema).ensure_tables(ledgers.read(connection))
        existing = LockTracer(connection, schema).known  # what these files create is not in use yet
    runs: list[FileResult] = []
    while len(runs) < len(items) and all(run.is_complete for run in runs):
        with engine_session(copy) as connection:  # a new one after a file that changes its session for good
            reset(connection)
            runs += dry_run_in_scratch(connection, schema, items[len(runs) :], existing)
    return runs


# --- merging both rehearsals ------------------------------------------------------------------------------------------


def _merge(items: list[PreparedMigration], live: list[FileResult], scratch: list[FileResult]) -> list[PlannedFile]:
    planned: list[PlannedFile] = []
    failed: str | None = None
    for number, item in enumerate(items):
        in_live = live[number] if number < len(live) else None
        in_scratch = scratch[number] if number < len(scratch) else None
        if failed:
            note = f"It comes after {failed}, which would fail."
            planned.append(PlannedFile(item.file.version, item.file.path.name, NOT_REHEARSED, note=note))
            continue
        # The single transaction of the live rehearsal still holds the locks of earlier files. Only the copy, which
        # commits after every file, shows which file takes which locks.
        planned.append(_merge_file(item, in_live, in_scratch, locks_from_copy=number > 0))
        if planned[-1].error:
            failed = item.file.path.name
    return planned


def _merge_file(
    item: PreparedMigration, live: FileResult | None, copy: FileResult | None, *, locks_from_copy: bool
) -> PlannedFile:
    run = live or copy or FileResult(item, item.file.text())
    file = PlannedFile(item.file.version, item.file.path.name, LIVE, no_transaction=item.directives.no_transaction)
    for number, statement in enumerate(run.statements()):
        ours = live.steps[number] if live and number < len(live.steps) else None
        theirs = copy.steps[number] if copy and number < len(copy.steps) else None
        line = locate(run.text, statement.offset).line
        file.steps.append(
            _merge_step(PlannedStep(line, statement.sql, LIVE), ours, theirs, locks_from_copy=locks_from_copy)
        )
    wheres = {step.where for step in file.steps}
    file.where = next((where for where in (NOT_REHEARSED, SCRATCH) if where in wheres), LIVE)
    if live and live.error:
        file.error = live.error
        file.where = LIVE
    elif copy and copy.error and not (live and live.is_complete):
        file.error = f"{copy.error}\n  (in a scratch copy, which has none of the live rows)"
    failed_at = len((live if live and live.error else copy or FileResult(item, "")).steps)
    if file.error and failed_at < len(file.steps):
        file.steps[failed_at].fails = True
    file.note = _note(item, live, copy, file)
    if live and live.blocker and len(live.steps) < len(file.steps):
        file.steps[len(live.steps)].waits_for = live.blocker
    return file


def _merge_step(
    step: PlannedStep, ours: StatementResult | None, theirs: StatementResult | None, *, locks_from_copy: bool
) -> PlannedStep:
    """Fill in the effects of a statement from both rehearsals.

    The live database is preferred; the copy is used where it shows more.
    """
    step.where = LIVE if ours else SCRATCH if theirs else NOT_REHEARSED
    done = ours or theirs
    if done is None:
        return step
    step.rewrites, step.rebuilds, step.scans = done.effects.rewrites, done.effects.rebuilds, [*done.effects.scans]
    if step.kind == "TRUNCATE":  # a new file like a rewrite, but an empty one
        step.truncates, step.rewrites = step.rewrites, []
    locking = (theirs if locks_from_copy and theirs else done).effects
    step.locks = dict(locking.locks)
    step.held = {
        table: mode
        for table, mode in locking.held.items()
        if table not in step.locks and table in {*step.truncates, *step.rewrites, *step.scans}
    }
    step.duration_ms = ours.duration_ms if ours else None
    if theirs and theirs.is_non_transactional:
        waits = " and waits until every transaction open at its start has ended" if theirs.effects.locks else ""
        step.notes.append(f"runs outside a transaction{waits}")
    return step


def _note(item: PreparedMigration, live: FileResult | None, copy: FileResult | None, file: PlannedFile) -> str | None:
    notes = [live.backfill_note if live else None, _why_incomplete(item, live, copy, file)]
    return " ".join(note for note in notes if note) or None


def _why_incomplete(
    item: PreparedMigration, live: FileResult | None, copy: FileResult | None, file: PlannedFile
) -> str | None:
    if live is None and not file.error:
        why = "It depends on a file that could not be rehearsed on the live database."
        if item.directives.no_transaction:
            why = "It runs without a transaction, so it cannot be rolled back."
        return why + (f" In the scratch copy, {copy.stopped}." if copy and copy.stopped else "")
    if live and live.stopped:
        where = file.steps[len(live.steps)].line if len(live.steps) < len(file.steps) else file.steps[-1].line
        onwards = " The rest was run in a scratch copy, without the live rows." if copy and copy.steps else ""
        onwards += f" There, {copy.stopped}." if copy and copy.stopped else ""
        return f"Line {where}: {live.stopped}.{onwards}"
    return None


def _notes(live: list[FileResult]) -> list[str]:
    """Return notes on what the rollback does not undo."""
    moved = sorted({name for run in live for step in run.steps for name in step.effects.advanced})
    return [f"The rehearsal advanced {', '.join(moved)}; a rollback does not undo that."] if moved else []


# --- the live database as it is now -----------------------------------------------------------------------------------


def _note_finished_statements(connection: Connection, ledger: Ledger, planned: Plan) -> None:
    """Note the first file's statements that an earlier attempt has already completed."""
    file = planned.files[0]
    stopped = ledgers.stopped_attempt(connection, ledger.server.schema, file.version) if ledger.has_attempts else None
    if stopped:
        for step in file.steps[: stopped.statement]:
            step.notes.append("was completed by an earlier attempt and will be skipped")


def _note_contracts(
    connection: Connection, items: list[PreparedMigration], planned: Plan, settings: EngineSettings
) -> None:
    """Note at each contract file which sessions it would wait for now."""
    for item, file in zip(items, planned.files, strict=True):
        if not item.directives.contract:
            continue
        older = older_sessions(connection, settings.application_name, item.file.version)
        waits = f"It would wait for {sessions_text(older)}." if older else "No older release is connected."
        file.note = f"A contract file. {waits}" + (f" {file.note}" if file.note else "")


def _read_tables(connection: Connection, planned: Plan) -> None:
    """Read the sizes of the tables, and the sessions that block now."""
    connection.execute("SET lock_timeout TO 150")
    for file in planned.files:
        for step in file.steps:
            for table, mode in {**step.held, **step.locks}.items():
                planned.tables.setdefault(table, _size(connection, table))
                if step.where == SCRATCH and table in step.locks and not step.waits_for:
                    step.waits_for = _blocking_session(connection, table, mode)


def _size(connection: Connection, table: str) -> TableSize:
    row: dict[str, Any] | None
    try:
        row = connection.execute(_SIZE, {"table": table}).fetchone()
    except psycopg.errors.LockNotAvailable:
        row = connection.execute(_SIZE_WITHOUT_LOCK, {"table": table}).fetchone()
    return TableSize(row["rows"], row["bytes"]) if row else TableSize(None, None)


def _blocking_session(connection: Connection, table: str, mode: str) -> str | None:
    """Return the oldest transaction that a statement would wait for.

    A concurrent build waits for every one.

    Transactions younger than a second are ignored, because they are likely to end soon.
    """
    strength = STRENGTH[mode]
    if strength >= BLOCKS_READS:
        conflicting = "l.relation = to_regclass(%(table)s)"
    elif strength >= BLOCKS_WRITES:
        conflicting = "l.relation = to_regclass(%(table)s) AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')"
    elif mode == "SHARE UPDATE EXCLUSIVE":
        conflicting = "l.locktype = 'virtualxid'"
    else:
        return None
    row = connection.execute(
        f"{_BLOCKING_SESSION} AND {conflicting} ORDER BY other.xact_start LIMIT 1".encode(), {"table": table}
    ).fetchone()
    return describe(row) if row else None


_SIZE = b"""
SELECT sum(CASE WHEN part.reltuples >= 0 THEN part.reltuples ELSE pg_stat_get_live_tuples(part.oid) END)::bigint
        AS rows,
    sum(pg_total_relation_size(part.oid))::bigint AS bytes
FROM pg_class AS part
WHERE part.relkind <> 'p' AND part.oid IN (
    SELECT to_regclass(%(table)s)::oid UNION SELECT relid FROM pg_partition_tree(to_regclass(%(table)s)))
HAVING count(*) > 0
"""

_SIZE_WITHOUT_LOCK = b"""
SELECT NULLIF(reltuples, -1)::bigint AS rows, relpages * current_setting('block_size')::bigint AS bytes
FROM pg_class WHERE oid = to_regclass(%(table)s)
"""

_BLOCKING_SESSION = f"""
SELECT {SESSION_COLUMNS}
FROM pg_locks AS l JOIN pg_stat_activity AS other USING (pid)
WHERE l.granted AND other.pid <> pg_backend_pid() AND other.datname = current_database()
    AND other.backend_type = 'client backend' AND other.xact_start < now() - interval '1 s'
"""
