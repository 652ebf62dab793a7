"""Backfills in a rehearsal: one batch at most, whatever the size of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from peterental.database.migrations.backfill.batches import SESSION_SETTINGS, Batches
from peterental.database.migrations.backfill.target import find_target
from peterental.database.migrations.ledger.backfills import read_backfills
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.directives import BackfillDirective
from peterental.database.migrations.wording import plural


@dataclass(frozen=True)
class BackfillRehearsal:
    """The batch to rehearse.

    Args:
        settings: the statement that sets its bounds.
        note: what the backfill will do, for the plan.
        is_whole: whether the batch is all that there is to do.
    """

    settings: str
    note: str
    is_whole: bool


def incomplete_backfills(connection: Connection, ledger: Ledger) -> set[int]:
    """Return the versions of the backfills that are registered and not complete."""
    registered = read_backfills(connection, ledger.server.schema) if ledger.server.has_backfills else {}
    return {version for version, state in registered.items() if not state.is_recorded}


def rehearsal_of(connection: Connection, backfill: BackfillDirective) -> BackfillRehearsal:
    """Return the first batch of a backfill. Raises UnusableTable if the table or its key cannot be used."""
    target = find_target(connection, backfill)
    connection.execute(SESSION_SETTINGS)
    batches = Batches(connection, target)
    batch = batches.after(None, backfill.batch)
    if batch is None:
        note = f"A backfill of {backfill.table}: no rows."
        return BackfillRehearsal(batches.settings(batches.no_rows()), note, is_whole=True)
    if batch.rows < backfill.batch or batches.after(batch.last, 1) is None:
        note = f"A backfill of {backfill.table}: {batch.rows:,} {plural(batch.rows, 'row')}, in one batch."
        return BackfillRehearsal(batches.settings(batch), note, is_whole=True)
    rows_in_all = max(target.estimated_rows(connection), batch.rows + 1)
    count = -(-rows_in_all // backfill.batch)
    note = (
        f"A backfill of {backfill.table}: about {rows_in_all:,} rows in some {count:,} batches, in the background."
        " One batch was rehearsed."
    )
    return BackfillRehearsal(batches.settings(batch), note, is_whole=False)


def later_batches(connection: Connection, backfill: BackfillDirective) -> Iterator[str]:
    """Yield the statements that set the bounds of all batches but the first, for a copy with few rows."""
    batches = Batches(connection, find_target(connection, backfill))
    batch = batches.after(None, backfill.batch)
    while batch is not None and (batch := batches.after(batch.last, backfill.batch)) is not None:
        yield batches.settings(batch)
