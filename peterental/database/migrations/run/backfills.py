"""Run the registered backfills, each in a session of its own, until they are complete."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from peterental.database.migrations.backfill.worker import BackfillFile, BackfillWorker, skip_batch
from peterental.database.migrations.errors import MigrationFilesError, ReadOnlyDatabase, ServerUnavailable
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import (
    BackfillMoved,
    BackfillProgress,
    BackfillState,
    BackfillStore,
    read_backfills,
    registered_text,
    shown_bounds,
)
from peterental.database.migrations.ledger.reader import Server
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.run.signals import interruptible
from peterental.database.migrations.session.advisory_lock import backfill_lock_key, holder_of, lock_if_free
from peterental.database.migrations.session.connection import reset
from peterental.database.migrations.session.engine_session import engine_session, ledger_errors, server_errors
from peterental.database.migrations.session.pooler import refuse_transaction_pooler
from peterental.database.migrations.session.server import Connection, connect
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.checks import inspect
from peterental.database.migrations.source.files import MigrationFile, checksum_of, find_files
from peterental.database.migrations.source.statements import same_statements

Action = Literal["retry", "skip"]
"""What to do with a failed backfill: run its failed batch again, or leave it out."""

_FIRST_RECONNECT_S, _MAX_RECONNECT_S = 0.5, 30.0
_MAX_RECONNECTS = 20


@dataclass(frozen=True)
class BackfillResult:
    """The outcome of one backfill.

    Args:
        version: of its file.
        state: `running`, `failed` or `done`.
        message: what happened, in one line.
        progress: how far it has come; None if it is no longer registered.
    """

    version: int
    state: BackfillState
    message: str
    progress: BackfillProgress | None = None


@dataclass(frozen=True)
class _Job:
    """What `run_backfills` was asked for."""

    url: str
    report: Reporter
    progress: Progress | None
    settings: EngineSettings
    until: threading.Event
    max_rows_per_s: float | None
    once: bool
    action: Action | None


def run_backfills(
    url: str,
    directory: Path,
    *,
    report: Reporter,
    progress: Progress | None = None,
    settings: EngineSettings = DEFAULT_SETTINGS,
    until: threading.Event | None = None,
    max_rows_per_s: float | None = None,
    once: bool = False,
    action: Action | None = None,
) -> list[BackfillResult]:
    """Work on every registered backfill in order, and return the outcome of each.

    One that another worker holds is left to it. A lost connection is opened again.

    Args:
        url: of the database, directly or through a pooler that pools by session.
        directory: of the migration files.
        report: receives lines about progress.
        progress: shows how far a backfill has come; without it, `report` receives a line now and then.
        settings: the host's.
        until: ends the work between two batches once it is set.
        max_rows_per_s: the highest rate; None for no limit.
        once: whether to run only one batch of each.
        action: what to do with failed backfills; None leaves them alone.

    Raises MigrationFilesError, ServerUnavailable, PooledConnection, ReadOnlyDatabase; Interrupted on SIGTERM or Ctrl-C,
    after which the running batch is rolled back.
    """
    files = {file.version: file for file in find_files(directory)}
    job = _Job(url, report, progress, settings, until or threading.Event(), max_rows_per_s, once, action)
    with interruptible():
        registered = _registered(url, settings)
        results = []
        for version, state in registered.items():
            if job.until.is_set():
                break
            file = files.get(version)
            if file is not None and state.state is not BackfillState.DONE:  # a newer release runs its own
                results.append(_run_one(job, file))
        return results


def _registered(url: str, settings: EngineSettings) -> dict[int, BackfillProgress]:
    with engine_session(url, settings) as connection:
        server = ledgers.read(connection).server
        return read_backfills(connection, server.schema) if server.has_backfills else {}


def _run_one(job: _Job, file: MigrationFile) -> BackfillResult:
    """Run one backfill, and reconnect when the connection is lost.

    Raises ServerUnavailable if the first connection fails, or if the server stays away.
    """
    pause_s, lost = _FIRST_RECONNECT_S, 0
    while True:
        reached: list[BackfillProgress] = []
        try:
            with _worker_session(job, file.version) as (connection, server):
                return _run_in_session(job, file, connection, server, reached)
        except ServerUnavailable as error:
            lost = 1 if reached else lost + 1
            pause_s = _FIRST_RECONNECT_S if reached else min(pause_s * 2, _MAX_RECONNECT_S)
            if (lost == 1 and not reached) or lost > _MAX_RECONNECTS:
                raise
            job.report(f"⏳ {file.path.name}: {error} Connecting again")
            if job.until.wait(pause_s):
                return BackfillResult(file.version, BackfillState.RUNNING, "stopped while the database was away")


@contextmanager
def _worker_session(job: _Job, version: int) -> Iterator[tuple[Connection, Server]]:
    """Yield a session of its own, which names the backfill. Raises what `run_backfills` raises."""
    connection = connect(job.url, job.settings, purpose=f"migrations backfill {version:03d}")
    with connection, server_errors(connection), ledger_errors():
        connection.prepare_threshold = None
        server = ledgers.read(connection).server
        refuse_transaction_pooler(connection, job.url, server.backend_pid, job.settings)
        if server.read_only_reason:
            raise ReadOnlyDatabase(reason=server.read_only_reason)
        reset(connection)
        yield connection, server


def _run_in_session(
    job: _Job, file: MigrationFile, connection: Connection, server: Server, reached: list[BackfillProgress]
) -> BackfillResult:
    key = backfill_lock_key(server.schema, file.version)
    with lock_if_free(connection, key) as is_ours:
        if not is_ours:
            holder = f"another worker is on it, {holder_of(connection, key)}"
            job.report(f"⏳ {file.path.name}: {holder}")
            return BackfillResult(file.version, BackfillState.RUNNING, holder)
        store = BackfillStore(connection, server.schema)
        state = store.read(file.version)
        if state is None or state.state is BackfillState.DONE:
            return BackfillResult(file.version, BackfillState.DONE, "it is complete", state)
        reached.append(state)
        try:
            return _run_locked(job, file, connection, server.schema, state)
        except BackfillMoved:
            return BackfillResult(file.version, BackfillState.RUNNING, "another session has changed it")


def _run_locked(
    job: _Job, file: MigrationFile, connection: Connection, schema: str, state: BackfillProgress
) -> BackfillResult:
    source = read_backfill_file(connection, schema, file, state)
    if isinstance(source, str):
        job.report(f"❌ {source}")
        return BackfillResult(file.version, BackfillState.FAILED, source, state)
    if state.state is BackfillState.FAILED and job.action is None:
        message = f"{file.path.name} has {state.summary}: {state.error}"
        job.report(f"❌ {message}\n  Next: fix the cause, then run: {state.commands_after_failure}")
        return BackfillResult(file.version, BackfillState.FAILED, message, state)
    store = BackfillStore(connection, schema)
    if state.state is BackfillState.FAILED:
        state = _resumed(job, connection, store, source, state)
    worker = BackfillWorker(
        connection,
        store,
        source,
        job.url,
        report=job.report,
        progress=job.progress,
        settings=job.settings,
        until=job.until,
        max_rows_per_s=job.max_rows_per_s,
    )
    state = worker.run(state, once=job.once)
    return BackfillResult(file.version, state.state, state.error or state.summary, state)


def _resumed(
    job: _Job, connection: Connection, store: BackfillStore, source: BackfillFile, failed: BackfillProgress
) -> BackfillProgress:
    """Return a failed backfill's state after `job.action`."""
    first, last = failed.failed_first, failed.failed_last
    state = store.resume_failed(failed, source.file, source.text)
    if job.action == "skip" and first is not None and last is not None:
        state = skip_batch(connection, store, state, first, last)
        job.report(f"⏳ {source.file.path.name}: skipped {shown_bounds(first, last)}")
    return state


def read_backfill_file(
    connection: Connection, schema: str, file: MigrationFile, state: BackfillProgress
) -> BackfillFile | str:
    """Return the file of a registered backfill; or, in one sentence, why it cannot be used to continue.

    Comments may have changed since it was registered, and so may `batch=` and `pause=`.
    """
    try:
        text = file.text()
    except MigrationFilesError as error:
        return f"{error}."
    directives, problems = inspect(file)
    if problems:
        return f"{MigrationFilesError(problems)}."
    if directives.backfill is None:
        return f"{file.path.name} is registered as a backfill, but its header no longer says so; restore the header."
    if (directives.backfill.table, directives.backfill.key) != (state.table, state.key):
        return (
            f"{file.path.name} was registered with table={state.table} key={','.join(state.key)}, by which its progress"
            " is counted; restore them."
        )
    if checksum_of(text) != state.checksum:
        registered = registered_text(connection, schema, state)
        if registered is None or not same_statements(registered, text):
            return (
                f"{file.path.name} was edited after it was registered (its checksum differs): restore it, or accept"
                " the edit with flask db-repair."
            )
    return BackfillFile(file, text, directives)
