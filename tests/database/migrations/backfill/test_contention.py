"""A backfill gives way: to sessions that wait for its locks, to a vacuum, to locks of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.backfill import throttle, worker
from peterental.database.migrations.backfill.throttle import LockGuard, reason_to_pause
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import WHERE, seen, write_visits
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import wait_until
from tests.servers import HANG_S

SLEEPY = f"UPDATE visit SET seen = seen + 1 {WHERE}; SELECT pg_sleep(600) {WHERE.replace('id BETWEEN', '5 BETWEEN')} AND (SELECT count(*) FROM visit AS v {WHERE.replace('id ', 'v.id ')}) > 1;"
"""Locks the rows of its batch, and sleeps if there are several, among them row 5."""

SLEEPS = (
    "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event = 'PgSleep' AND application_name LIKE '%backfill 002')"
)


@contextmanager
def in_thread(target: Work) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    yield thread
    thread.join(HANG_S)
    assert not thread.is_alive()


def test_batch_gives_way_to_a_waiting_session(  # noqa: PLR0917  # fixtures
    runner: MigrationRunner,
    folder: Folder,
    db: Connection,
    work: Work,
    empty_database_url: str,
    reported: ReportedLines,
) -> None:
    write_visits(folder, 12, batch=8, text=SLEEPY)
    runner.run_migrations()
    with in_thread(work) as thread, psycopg.connect(empty_database_url, autocommit=True) as app:
        wait_until(db, SLEEPS)
        while thread.is_alive():  # batches of 8, 4 and 2 rows sleep; a batch of one row does not
            app.execute("UPDATE visit SET note = 'app' WHERE id IN (5, 6)")
    assert "the batch gave way to another session" in reported.text
    assert seen(db) == {1: 12}


def test_locked_rows_are_waited_for(  # noqa: PLR0917  # fixtures
    runner: MigrationRunner,
    folder: Folder,
    db: Connection,
    work: Work,
    empty_database_url: str,
    reported: ReportedLines,
) -> None:
    write_visits(folder, 12, batch=8)
    folder.write(
        "002_count.sql", (folder.path / "002_count.sql").read_text().replace("batch=8", "batch=8 lock-timeout=10ms")
    )
    runner.run_migrations()
    released = threading.Event()
    with psycopg.connect(empty_database_url) as app:
        app.execute("SELECT FROM visit WHERE id = 5 FOR UPDATE")

        def report(line: str) -> None:
            reported.append(line)
            if "rows that it needs are in use" in line and not released.is_set():
                released.set()
                app.rollback()

        (result,) = work(report=report)
    assert result.state == "done"
    assert released.is_set()
    assert seen(db) == {1: 12}


def test_locked_table_is_waited_for(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 12, batch=8)
    runner.run_migrations()
    with psycopg.connect(empty_database_url) as app:
        app.execute("LOCK TABLE visit")
        (result,) = work(report=lambda line: app.rollback() if "the table is in use" in line else None)
    assert result.state == "done"
    assert seen(db) == {1: 12}


def test_pauses_within_its_budget(  # noqa: PLR0917  # fixtures
    runner: MigrationRunner,
    folder: Folder,
    db: Connection,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    reported: ReportedLines,
) -> None:
    write_visits(folder, 25)
    runner.run_migrations()
    asked: list[int] = []

    def reason(_connection: Connection, table: int) -> str:
        asked.append(table)
        return "a replica lags 20 s behind"

    monkeypatch.setattr(worker, "reason_to_pause", reason)
    monkeypatch.setattr(worker, "_THROTTLE_POLL_S", 0.001)
    monkeypatch.setattr(worker, "MAX_PAUSE_S", 0.003)
    work()
    assert seen(db) == {1: 25}
    assert 3 <= len(asked) <= 4
    assert reported.text.count("002_count.sql pauses: a replica lags 20 s behind") == 1


def test_dead_rows_are_a_reason_to_pause(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    db.execute("CREATE TABLE visit (id int) WITH (autovacuum_enabled = off)")
    oid = db.execute("SELECT 'visit'::regclass::oid::bigint AS oid").fetchone()
    assert oid is not None
    assert reason_to_pause(db, oid["oid"]) is None
    db.execute("INSERT INTO visit SELECT generate_series(1, 20)")
    db.execute("UPDATE visit SET id = 0; UPDATE visit SET id = 1")
    monkeypatch.setattr(throttle, "_MIN_DEAD_ROWS", 10)
    db.execute("SELECT pg_stat_clear_snapshot()")
    with psycopg.connect(db.info.dsn, password=db.info.password) as other:
        other.execute("SELECT 1")
    wait_until(db, f"pg_stat_get_dead_tuples({oid['oid']}) = 40 OR pg_stat_force_next_flush() IS NULL")
    reason = reason_to_pause(db, oid["oid"])
    assert reason == "the table has more dead rows (40) than live ones, and waits for a vacuum"


def test_lag_and_vacuum_are_reasons_to_pause() -> None:
    class Fake:
        def __init__(self, **row: object) -> None:
            self._row = {"lag_s": None, "is_vacuumed": False, "dead": 0, "live": 0} | row

        def execute(self, *_: object) -> Fake:
            return self

        def fetchone(self) -> dict[str, object]:
            return self._row

    assert reason_to_pause(Fake(dead=10_000, live=9), 1) is None  # type: ignore[arg-type]  # few rows need no vacuum
    assert reason_to_pause(Fake(lag_s=12.4), 1) == "a replica lags 12 s behind"  # type: ignore[arg-type]  # only fetchone is used
    assert reason_to_pause(Fake(is_vacuumed=True), 1) == "a vacuum of the table is running"  # type: ignore[arg-type]  # likewise


@pytest.mark.parametrize(
    ("waiting", "is_divisible", "cancelled"),
    [([7, 7], True, 1), ([7, 8, 7], True, 0), ([7, None, 7], True, 0), ([7, 7], False, 0), ([7, 7, 7, 7], True, 2)],
)
def test_guard_cancels_only_a_divisible_batch_that_a_session_waits_for_twice(
    waiting: list[int | None], cancelled: int, *, is_divisible: bool
) -> None:
    class Fake:
        cancelled = 0

        def execute(self, query: str, _: object) -> Fake:
            self.cancelled += "pg_cancel_backend" in query
            return self

        def fetchone(self) -> dict[str, int] | None:
            pid = waiting.pop(0)
            return None if pid is None else {"pid": pid}

    guard, connection = LockGuard("postgresql://unused", 1), Fake()
    with guard.guarding(is_divisible=is_divisible):
        while waiting:
            guard._poll(connection)  # type: ignore[arg-type]  # only these two methods are used
    assert connection.cancelled == cancelled
