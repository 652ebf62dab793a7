"""The migration lock: concurrent, waiting, stopped and killed runners."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    LockNotAcquired,
    MigrationFailed,
)
from peterental.database.migrations.run.monitor import SessionMonitor
from peterental.database.migrations.session.advisory_lock import LockBudget, lock_key
from peterental.database.migrations.settings import EngineSettings
from tests.clocks import Ticking
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import LONG_QUERY_RUNS, attempts, ledger, start, tables, wait_until
from tests.proxy import Proxy
from tests.servers import HANG_S, until


def test_nothing_pending_takes_two_queries_and_no_lock(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with Proxy(empty_database_url) as proxy:
        assert MigrationRunner(proxy.url, folder.path).run_migrations() == 0
        assert proxy.queries == 2


def test_lock_timeout_names_the_holder(
    runner_with: Callable[..., MigrationRunner],
    folder: Folder,
    db: Connection,
    reported: ReportedLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("peterental.database.migrations.session.advisory_lock.time", Ticking(step_s=0.1))
    folder.write("001_a.sql", "SELECT 1;")
    db.execute("SET application_name = 'the other deploy'")
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with pytest.raises(LockNotAcquired, match=r"within 3 s: held by the other deploy \(pid \d+, from 127.0.0.1"):
        runner_with(lock_wait_s=3).run_migrations()
    assert "⏳ Waiting for another migration: held by the other deploy" in reported.text


def test_failure_releases_the_lock(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    assert db.execute("SELECT pg_try_advisory_lock(%s) AS free", [lock_key("public")]).fetchone() == {"free": True}


def test_lock_key_is_stable_across_releases() -> None:
    assert lock_key("public") == -458277494633677207


def test_concurrent_runners_apply_each_file_once(folder: Folder, empty_database_url: str, db: Connection) -> None:
    for number in range(1, 9):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int); SELECT pg_sleep(0.02);")
    runners = [start(empty_database_url, folder) for _ in range(4)]
    outputs = [process.communicate(timeout=HANG_S) for process in runners]
    assert [process.returncode for process in runners] == [0, 0, 0, 0], outputs
    assert len(ledger(db)) == 8
    assert sum("Successfully applied" in out for out, _ in outputs) >= 1
    assert [outcome for _, outcome in attempts(db)] == ["applied"] * 8


def test_killed_runner_leaves_no_lock_and_no_half_file(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int); SELECT pg_sleep(600);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    process.kill()
    process.communicate()
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert MigrationRunner(empty_database_url, folder.path, lock_wait_s=HANG_S).run_migrations() == 1
    assert attempts(db) == [(1, "applied"), (2, "interrupted"), (2, "applied")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_cancels_and_rolls_back(
    folder: Folder, empty_database_url: str, db: Connection, number: signal.Signals
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); SELECT pg_sleep(600);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    os.kill(process.pid, number)
    process.communicate(timeout=HANG_S)
    assert process.returncode != 0
    wait_until(db, f"NOT {LONG_QUERY_RUNS}")
    assert tables(db) == set()
    assert attempts(db) == [(1, "interrupted")]
    assert db.execute("SELECT pg_try_advisory_lock(%s) AS free", [lock_key("public")]).fetchone() == {"free": True}


def test_file_is_retried_while_a_table_is_locked(folder: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE TABLE busy (i int)")
    folder.write("001_a.sql", "ALTER TABLE busy ADD COLUMN j int;")
    db.execute("SET application_name = 'the long report'")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    process = start(empty_database_url, folder)
    assert process.stdout is not None
    expected = "001_a.sql: a table it needs is in use by the long report (pid"
    assert any("trying again" in line and expected in line for line in process.stdout)
    wait_until(db, "(SELECT worst_wait_ms > 100 FROM schema_migration_attempts)")
    db.execute("COMMIT")
    process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    assert db.execute("SELECT count(*) AS n FROM information_schema.columns WHERE table_name = 'busy'").fetchone() == {
        "n": 2
    }


def test_serialization_failure_is_retried(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    db.execute("CREATE TABLE t (i int); INSERT INTO t VALUES (1); SELECT pg_advisory_lock(7)")
    folder.write(
        "001_a.sql",
        "-- migrate: lock-timeout=10min\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"
        "SELECT count(*) FROM t;\nSELECT pg_advisory_xact_lock(7);\nUPDATE t SET i = i + 1;",
    )
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(runner.run_migrations)
        waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted"
        until(lambda: db.execute(waiting).fetchone() is not None, "the file has read the table and waits")
        db.execute("UPDATE t SET i = 10")
        db.execute("SELECT pg_advisory_unlock(7)")
        assert run.result() == 1
    assert "001_a.sql: another session has changed rows it needs; trying again" in reported.text
    assert db.execute("SELECT i FROM t").fetchone() == {"i": 11}


@pytest.mark.parametrize("header", ["-- migrate: no-transaction", "-- migrate:"], ids=["no-transaction", "transaction"])
def test_work_does_not_use_the_lock_budget(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, header: str
) -> None:
    db.execute("CREATE TABLE busy (i int)")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    folder.write("001_a.sql", f"{header} lock-timeout=50ms\nSELECT pg_sleep(0.4);\nALTER TABLE busy ADD COLUMN j int;")
    reported: list[str] = []

    def report(line: str) -> None:
        reported.append(line)
        if "trying again" in line:
            db.execute("ROLLBACK")

    assert runner_with(settings=EngineSettings(table_wait_s=0.3), report=report).run_migrations() == 1
    assert any("001_a.sql: a table it needs is in use" in line for line in reported)


@pytest.mark.parametrize("header", ["-- migrate: no-transaction", "-- migrate:"], ids=["no-transaction", "transaction"])
def test_lock_waits_exhaust_the_budget(
    runner_with: Callable[..., MigrationRunner], folder: Folder, reported: ReportedLines, db: Connection, header: str
) -> None:
    runner = runner_with(settings=EngineSettings(table_wait_s=0.3, retry_pause_s=(0.1, 0.1)))
    db.execute("CREATE TABLE busy (i int)")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    folder.write("001_a.sql", f"{header} lock-timeout=50ms\nALTER TABLE busy ADD COLUMN j int;")
    with pytest.raises(MigrationFailed, match="canceling statement due to lock timeout"):
        runner.run_migrations()
    assert 1 <= reported.text.count("trying again") <= 3


def test_worst_wait_excludes_work(empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE TABLE busy (i int)")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    with (
        psycopg.connect(empty_database_url) as other,
        psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as watching,
        ThreadPoolExecutor(1) as pool,
    ):
        work = pool.submit(other.execute, "SELECT pg_sleep(0.5); LOCK TABLE busy")
        waiting = "SELECT waitstart FROM pg_locks WHERE pid = %s AND NOT granted AND waitstart IS NOT NULL"
        until(lambda: db.execute(waiting, [other.info.backend_pid]).fetchone() is not None, "it waits for the table")
        monitor = SessionMonitor(empty_database_url, other.info.backend_pid, print)
        monitor._poll(db)
        assert monitor.blocker is None, "the session that asks is left out: an index build waits for its snapshot"
        monitor._poll(watching)
        longest = db.execute(
            f"SELECT extract(epoch FROM clock_timestamp() - waitstart) * 1000 AS ms FROM ({waiting}) AS lock",
            [other.info.backend_pid],
        ).fetchone()
        db.execute("ROLLBACK")
        work.result()
    assert monitor.blocker is not None
    assert longest is not None
    assert monitor.worst_wait_ms <= longest["ms"] + 1


def test_retry_is_charged_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(
        "peterental.database.migrations.session.advisory_lock.time", SimpleNamespace(monotonic=lambda: now_s)
    )
    budget = LockBudget(10)
    budget.begin(0)
    now_s = 1_000.0
    budget.charge_failure(wait_ms=2_000)
    assert budget.remaining_s == 8
    budget.charge(1)
    budget.begin(0)
    now_s = 1_005.0
    budget.charge_failure(wait_ms=2_000)
    assert budget.remaining_s == 2
    budget.begin(1)
    now_s = 2_000.0
    budget.charge_failure(wait_ms=None)
    assert budget.remaining_s < 0
