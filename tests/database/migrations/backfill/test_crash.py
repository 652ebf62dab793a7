"""A worker that is killed at any moment leaves a backfill that resumes at the batch: each row is changed once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.run.backfills import run_backfills
from tests.database.migrations.backfill.visits import seen, write_visits
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import ledger
from tests.database.migrations.run.test_crash import ROUNDS, WaitCounter
from tests.together import fork

pytestmark = pytest.mark.untraced

ROWS = 60

AGAIN = """
UPDATE visit SET seen = 0;
DELETE FROM schema_migrations WHERE version = 2;
UPDATE schema_migration_backfills SET state = 'running', position = NULL, rows_done = 0, batch_rows = 5;
"""


def ignore(_line: str) -> None:
    """Discard a line of progress."""


def killed_while_working(url: str, folder: Path, waits: WaitCounter) -> bool:
    """Run the backfill in a child that kills itself at a wait; return whether it got that far."""
    child = fork()
    if child == 0:
        try:
            with waits:
                run_backfills(url, folder, report=ignore)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("is_sent", [False, True], ids=["before-sending", "after-sending"])
def test_kill_at_any_wait_changes_each_row_once(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, *, is_sent: bool
) -> None:
    write_visits(folder, ROWS, batch=5)
    runner.run_migrations()
    with WaitCounter() as clean:
        run_backfills(empty_database_url, folder.path, report=ignore)
    assert seen(db) == {1: ROWS}
    step = max(1, clean.count // ROUNDS)
    kills = 0
    moments = range(1 + is_sent, clean.count, step)
    for moment in moments:
        db.execute(AGAIN)
        kills += killed_while_working(empty_database_url, folder.path, WaitCounter(moment, is_sent=is_sent))
        while run_backfills(empty_database_url, folder.path, report=ignore):
            pass  # the server may not have noticed yet that the killed worker is gone
        assert seen(db) == {1: ROWS}, f"killed at wait {moment} of {clean.count}"
        assert ledger(db) == {1: "visit", 2: "count"}
    assert kills >= min(ROUNDS, len(moments) // 2), "a run may have fewer waits than the clean one, but not by half"
