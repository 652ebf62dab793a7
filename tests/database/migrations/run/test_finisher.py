"""The background worker applies what a deploy left, survives failures, and ends when nothing is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.run.finisher import Finisher
from peterental.database.migrations.settings import EngineSettings
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import ledger
from tests.servers import HANG_S, until

CONTRACT = "-- migrate: contract settle=0s\n"


class Waits(threading.Event):
    """A stop event that takes no real time, and runs a step of the test between two attempts."""

    def __init__(self, *steps: object) -> None:
        super().__init__()
        self.steps = list(steps)
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        step = self.steps.pop(0) if self.steps else self.set
        assert callable(step)
        step()
        return self.is_set()


@pytest.fixture
def older(empty_database_url: str) -> Iterator[psycopg.Connection]:
    with closing(psycopg.connect(empty_database_url, application_name="peterental/001")) as session:
        yield session


@pytest.fixture
def finisher(folder: Folder, runner: MigrationRunner, empty_database_url: str, reported: ReportedLines) -> Finisher:
    folder.write("001_a.sql", "CREATE TABLE a (i int, old int);")
    runner.run_migrations()
    folder.write("002_drop.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN old;")
    reported.clear()
    return Finisher(empty_database_url, EngineSettings(directory=folder.path), reported.append)


def test_contract_lands_after_the_older_release_leaves(
    finisher: Finisher, older: psycopg.Connection, db: Connection, reported: ReportedLines
) -> None:
    waits = Waits(lambda: None, lambda: leave(older, db))
    finisher.run(waits)
    assert waits.seconds == [30.0, 30.0]
    assert list(ledger(db)) == [1, 2]
    assert "✅ 002_drop.sql" in reported.text
    assert "waits for" not in reported.text, "an attempt that must wait is not logged every minute"


def test_nothing_left_ends_at_once(finisher: Finisher, runner: MigrationRunner) -> None:
    runner.run_migrations()
    waits = Waits()
    finisher.run(waits)
    assert waits.seconds == []


def test_failures_are_reported_once_and_tried_ever_later(
    finisher: Finisher, folder: Folder, reported: ReportedLines, db: Connection
) -> None:
    folder.write("002_drop.sql", f"{CONTRACT}ALTER TABLE a DROP COLUMN missing;")
    fixed = f"{CONTRACT}ALTER TABLE a DROP COLUMN old;"
    waits = Waits(lambda: None, lambda: None, lambda: folder.write("002_drop.sql", fixed))
    finisher.run(waits)
    assert waits.seconds == [60.0, 120.0, 240.0]
    assert sum(line.startswith("❌ Migration 2 failed") for line in reported) == 1
    assert list(ledger(db)) == [1, 2]


def test_unreachable_server_is_tried_again(folder: Folder, reported: ReportedLines) -> None:
    settings = EngineSettings(directory=folder.path, connect_timeout_s=1)
    waits = Waits(*[lambda: None] * 8)
    Finisher("postgresql://pete@127.0.0.1:1/peterental", settings, reported.append).run(waits)
    assert waits.seconds[-1] == 3600.0
    assert len(reported) == 1
    assert "The database does not answer" in reported.text


def test_ordinary_pending_files_are_left_to_a_deploy(finisher: Finisher, folder: Folder, db: Connection) -> None:
    folder.write("003_b.sql", "CREATE TABLE b (i int);")
    finisher.run(Waits())
    assert list(ledger(db)) == [1]


def leave(session: psycopg.Connection, db: Connection) -> None:
    pid = session.info.backend_pid
    session.close()
    query = "SELECT FROM pg_stat_activity WHERE pid = %s"
    until(lambda: db.execute(query, [pid]).fetchone() is None, "the session ends", HANG_S)


def test_backfill_and_the_contract_that_needs_it_are_finished(
    finisher: Finisher, folder: Folder, db: Connection, runner: MigrationRunner, older: psycopg.Connection
) -> None:
    batch = "WHERE i BETWEEN current_setting('migrate.first')::int AND current_setting('migrate.last')::int"
    db.execute("ALTER TABLE a ADD PRIMARY KEY (i); INSERT INTO a SELECT n, n FROM generate_series(1, 30) AS n")
    folder.write("002_fill.sql", f"-- migrate: backfill table=a key=i batch=10\nUPDATE a SET old = 0 {batch};")
    (folder.path / "002_drop.sql").unlink()
    folder.write("003_drop.sql", "-- migrate: contract settle=0s after-backfill=002\nALTER TABLE a DROP COLUMN old;")
    runner.run_migrations()
    waits = Waits(lambda: leave(older, db))
    finisher.run(waits)
    assert waits.seconds == [30.0]
    assert list(ledger(db)) == [1, 2, 3]
