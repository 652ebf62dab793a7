"""The state in which the engine writes: a direct connection, reset, holding the lock, interruptible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peterental.database.migrations.errors import ReadOnlyDatabase
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.soundness import refuse_unsound
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.signals import interruptible
from peterental.database.migrations.session.advisory_lock import migration_lock
from peterental.database.migrations.session.connection import reset
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.pooler import refuse_transaction_pooler
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings


@contextmanager
def exclusive_lock(
    connection: Connection,
    url: str,
    seen: Ledger,
    *,
    wait_s: float,
    report: Reporter,
    settings: EngineSettings = DEFAULT_SETTINGS,
) -> Iterator[Ledger]:
    """Hold the migration lock for the block, and yield the ledger as read under the lock.

    Args:
        connection: the runner's.
        url: of the same database; detecting a pooler may need a second connection.
        seen: the ledger as read before.
        wait_s: how long to wait for another runner, in seconds.
        report: receives a line about the session that holds the lock.
        settings: the host's.

    Raises PooledConnection, ReadOnlyDatabase, LockNotAcquired; LedgerError for a ledger that cannot be relied on;
    Interrupted on SIGTERM or Ctrl-C.
    """
    refuse_transaction_pooler(connection, url, seen.server.backend_pid, settings)
    if seen.server.read_only_reason:
        raise ReadOnlyDatabase(reason=seen.server.read_only_reason)
    reset(connection)
    with interruptible(), migration_lock(connection, seen.server.schema, wait_s=wait_s, report=report):
        ledger = ledgers.read(connection)
        refuse_unsound(connection, ledger.server.schema)
        yield ledger


@contextmanager
def writing_session(
    url: str, *, report: Reporter, settings: EngineSettings = DEFAULT_SETTINGS
) -> Iterator[tuple[Connection, Ledger]]:
    """Yield a direct connection that holds the lock, and the ledger, whose tables exist then.

    Attempts without an end are marked as interrupted.

    Raises what `exclusive_lock` raises, and ServerUnavailable.
    """
    with engine_session(url, settings) as connection:
        seen = ledgers.read(connection)
        with exclusive_lock(
            connection, url, seen, wait_s=settings.lock_wait_s, report=report, settings=settings
        ) as ledger:
            writer = LedgerWriter(connection, ledger.server.schema)
            writer.ensure_tables(ledger)
            writer.mark_orphans_interrupted()
            yield connection, ledger
