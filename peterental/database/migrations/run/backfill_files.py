"""Backfill files among the pending ones: start them in the background, or finish them for a file that needs them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from peterental.database.migrations.backfill.batches import SESSION_SETTINGS, Batches
from peterental.database.migrations.backfill.target import find_target
from peterental.database.migrations.backfill.worker import BackfillWorker
from peterental.database.migrations.errors import BackfillIncomplete
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import (
    BackfillMoved,
    BackfillProgress,
    BackfillState,
    BackfillStore,
    read_backfills,
)
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Progress, Reporter
from peterental.database.migrations.run.backfills import read_backfill_file
from peterental.database.migrations.session.advisory_lock import backfill_lock_key, holder_of, lock_if_free
from peterental.database.migrations.session.connection import reset_scripts
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import EngineSettings
from peterental.database.migrations.source.checks import PreparedMigration
from peterental.database.migrations.source.directives import BackfillDirective
from peterental.database.migrations.source.files import MigrationFile, checksum_of

_POLL_S = 0.5


@dataclass(frozen=True)
class OnlyBatch:
    """The one batch of a small table.

    Args:
        settings: the statements that set its bounds.
        is_empty: whether the table has no rows, so that the file's statements need not run.
    """

    settings: tuple[str, ...]
    is_empty: bool


class BackfillStarter:
    """Registers pending backfills, under the migration lock.

    Args:
        connection: the runner's.
        schema: of the ledger.
        writer: the runner's; the file's attempt has begun.
        report: receives a line about each.
    """

    def __init__(self, connection: Connection, schema: str, writer: LedgerWriter, report: Reporter) -> None:
        self._connection = connection
        self._store = BackfillStore(connection, schema)
        self._writer = writer
        self._report = report

    def only_batch(self, backfill: BackfillDirective) -> OnlyBatch | None:
        """Return the only batch of a small table; None if the table needs several. Raises UnusableTable."""
        self._connection.execute(SESSION_SETTINGS)
        batches = Batches(self._connection, find_target(self._connection, backfill))
        batch = batches.after(None, backfill.batch)
        if batch is None:
            return OnlyBatch((), is_empty=True)
        if batch.rows == backfill.batch and batches.after(batch.last, 1) is not None:
            return None
        return OnlyBatch((batches.settings(batch),), is_empty=False)

    def register(
        self, item: PreparedMigration, text: str, backfill: BackfillDirective, following: MigrationFile | None
    ) -> None:
        """Leave a backfill to the workers: register it, end its turn, and begin the next file's attempt."""
        target = find_target(self._connection, backfill)
        total_rows = target.estimated_rows(self._connection)
        with self._connection.transaction():
            self._store.ensure_table()
            self._store.register(
                BackfillProgress(
                    version=item.file.version,
                    state=BackfillState.RUNNING,
                    table=backfill.table,
                    key=backfill.key,
                    checksum=checksum_of(text),
                    attempt_id=self._writer.attempt_id,
                    total_rows=total_rows,
                    batch_rows=backfill.batch,
                    table_oid=target.oid,
                )
            )
            self._writer.record_registered(text, following)
        self._connection.execute(reset_scripts(self._connection).outside_transaction.encode())
        self._report(
            f"⏳ {item.file.path.name} runs in the background: about {total_rows:,} rows of {backfill.table};"
            " flask db-backfill finishes it now"
        )


class BackfillFinisher:
    """Finishes the backfills that a pending file needs, under the migration lock, before the file runs.

    Args:
        connection: the runner's.
        schema: of the ledger.
        url: of the database, for the connection that notices waiting sessions.
        report: receives lines about progress.
        progress: shows how far a backfill has come.
        settings: the host's.
        may_wait: whether to finish them; otherwise an incomplete one is an error.
        files: returns the file of a version.
    """

    def __init__(
        self,
        connection: Connection,
        schema: str,
        url: str,
        report: Reporter,
        *,
        progress: Progress | None,
        settings: EngineSettings,
        may_wait: bool,
        files: Callable[[int], MigrationFile],
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._url = url
        self._report = report
        self._progress = progress
        self._settings = settings
        self._may_wait = may_wait
        self._files = files

    def finish(self, needing: MigrationFile, needed: int) -> None:
        """Return when backfill `needed` is complete.

        Raises BackfillIncomplete if it has failed, or if it may not be waited for.
        """
        announced = False
        while (state := self._incomplete(needed)) is not None:
            if state.state is BackfillState.FAILED:
                raise _incomplete(
                    needing,
                    state,
                    f"failed at {state.percent} %",
                    "see flask db-status, then run flask db-backfill --retry",
                )
            if not self._may_wait:
                raise _incomplete(needing, state, f"is {state.percent} % done", "flask db-backfill finishes it")
            key = backfill_lock_key(self._schema, needed)
            with lock_if_free(self._connection, key) as is_ours:
                if is_ours:
                    self._run(needing, state)
                    continue
                if not announced:
                    self._report(f"⏳ Waiting for backfill {needed:03d}: {holder_of(self._connection, key)}")
                    announced = True
            if self._progress is not None:
                self._progress(f"backfill {needed:03d}: {state.summary}", state.percent)
            time.sleep(_POLL_S)

    def _incomplete(self, version: int) -> BackfillProgress | None:
        """Return the state of a backfill; None if it is complete."""
        if not ledgers.has_table(self._connection, self._schema, ledgers.BACKFILLS_TABLE):
            return None
        state = read_backfills(self._connection, self._schema).get(version)
        return None if state is None or state.is_recorded else state

    def _run(self, needing: MigrationFile, seen: BackfillProgress) -> None:
        store = BackfillStore(self._connection, self._schema)
        state = store.read(seen.version)
        if state is None or state.state is not BackfillState.RUNNING:
            return  # it ended before the lock was ours
        source = read_backfill_file(self._connection, self._schema, self._files(seen.version), state)
        if isinstance(source, str):
            raise _incomplete(needing, state, f"is {state.percent} % done", source.rstrip("."))
        self._report(f"⏳ {source.file.path.name}: {needing.path.name} needs it; finishing it first")
        worker = BackfillWorker(
            self._connection,
            store,
            source,
            self._url,
            report=self._report,
            progress=self._progress,
            settings=self._settings,
        )
        try:
            worker.run(state)
        except BackfillMoved:
            return  # the next look decides
        finally:
            if not self._connection.closed:
                self._connection.execute(reset_scripts(self._connection).outside_transaction.encode())


def _incomplete(needing: MigrationFile, state: BackfillProgress, how: str, advice: str) -> BackfillIncomplete:
    return BackfillIncomplete(
        needing=needing.version, needed=state.version, how=how, advice=advice, file=needing.path.name, stays=""
    )
