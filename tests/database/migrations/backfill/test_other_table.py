"""A table that is dropped and created again during a backfill: what is done of the old one says nothing of it."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import backfill, progress_row, seen, write_visits
from tests.database.migrations.conftest import Connection, Folder, ReportedLines

REPLACE = "ALTER TABLE visit RENAME TO old; CREATE TABLE visit (LIKE old INCLUDING ALL); INSERT INTO visit TABLE old"


pytestmark = pytest.mark.usefixtures("begun")


@pytest.fixture
def begun(runner: MigrationRunner, folder: Folder) -> None:
    """A backfill of 95 rows in batches of 10 that is registered."""
    write_visits(folder, 95)
    runner.run_migrations()


@pytest.mark.parametrize("is_running", [False, True], ids=["between runs", "while a worker runs"])
def test_another_table_of_the_name_fails_the_backfill_and_a_retry_starts_over(
    db: Connection, work: Work, reported: ReportedLines, *, is_running: bool
) -> None:
    replace = iter([REPLACE]) if is_running else iter(())
    (result,) = work(once=not is_running, progress=lambda _what, _percent: db.execute(next(replace, "SELECT").encode()))
    if not is_running:
        db.execute(REPLACE)
        (result,) = work()
    assert result.state == "failed"
    assert "visit is another table than the one of which 10 rows were done" in reported.text
    assert "flask db-backfill --skip" not in reported.text
    assert seen(db) == {0: 85, 1: 10}
    (result,) = work(action="retry")
    assert (result.state, seen(db)) == ("done", {1: 85, 2: 10})


def test_dropped_table_fails_the_backfill(db: Connection, work: Work) -> None:
    (result,) = work(progress=lambda _what, _percent: db.execute("DROP TABLE IF EXISTS visit"))
    assert (result.state, "the table visit does not exist" in result.message) == ("failed", True)


def test_table_replaced_before_the_first_batch_is_walked_through(db: Connection, work: Work) -> None:
    db.execute(REPLACE)
    (result,) = work()
    assert (result.state, seen(db)) == ("done", {1: 95})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE schema_migration_backfills SET own_oid = own_oid + 1, table_oid = 1",
        "ALTER TABLE schema_migration_backfills DROP COLUMN own_oid, DROP COLUMN table_oid",
        "UPDATE schema_migration_backfills SET own_oid = NULL, table_oid = NULL",
    ],
    ids=["restored dump", "earlier release", "registered by an earlier release"],
)
def test_progress_goes_on_where_only_the_oids_are_others(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, change: str
) -> None:
    work(once=True)
    db.execute(change.encode())
    (result,) = work()
    assert (result.state, seen(db)) == ("done", {1: 95})
    folder.write("003_again.sql", backfill())
    runner.run_migrations()
    assert progress_row(db).keys() >= {"own_oid", "table_oid"}
