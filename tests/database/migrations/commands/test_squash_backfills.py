"""Backfills among the squashed migrations: complete in every database that has the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import HistoryBroken
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.run.backfills import run_backfills
from tests.conftest import Databases
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import ledger
from tests.database.migrations.squashing import squashed

BATCH = "WHERE i BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int"


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """One server version is enough for comparing files with the ledger."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def filling(folder: Folder, runner: MigrationRunner, db: Connection) -> Folder:
    """A database whose backfill 002 is running, before 001 to 003 are squashed."""
    folder.write("001_a.sql", "CREATE TABLE a (i int PRIMARY KEY, old int, new int);")
    runner.run_migrations()
    db.execute("INSERT INTO a SELECT n, n FROM generate_series(1, 30) AS n")
    folder.write("002_fill.sql", f"-- migrate: backfill table=a key=i batch=10\nUPDATE a SET new = old {BATCH};")
    folder.write("003_b.sql", "CREATE TABLE b (i int);")
    runner.run_migrations()
    return folder


def test_unfinished_backfill_refuses_the_baseline(
    filling: Folder, runner: MigrationRunner, empty_database_url: str
) -> None:
    squashed(empty_database_url, filling)
    with pytest.raises(HistoryBroken, match="this database has only 001 of them; first deploy the last release before"):
        runner.run_migrations()


@pytest.mark.parametrize("header", ["contract settle=0s after-backfill=002", "after-backfill=002"])
def test_later_file_finds_a_squashed_backfill_complete(
    filling: Folder, empty_database_url: str, db: Connection, header: str,
    runner_with: Callable[..., MigrationRunner],
) -> None:  # fmt: skip
    run_backfills(empty_database_url, filling.path, report=print)
    squashed(empty_database_url, filling)
    filling.write("004_drop.sql", f"-- migrate: {header}\nALTER TABLE a DROP COLUMN old;")
    assert [finding for finding in lint_directory(filling.path).findings if finding.rule.name == "bad-directive"] == []
    assert runner_with().run_migrations() == 1
    assert read_status(empty_database_url, filling.path).state == "current"
    assert list(ledger(db)) == [1, 2, 3, 4]
    db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert runner_with().run_migrations() == 2
