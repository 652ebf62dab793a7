"""Registered backfills run batch by batch, to the end, each row once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    FilesRefused,
    Interrupted,
    MigrationFailed,
    ReadOnlyDatabase,
    ServerUnavailable,
)
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.state import compare_with_ledger
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.run import backfills
from peterental.database.migrations.run.backfills import BackfillResult
from peterental.database.migrations.settings import EngineSettings
from peterental.database.migrations.source.files import find_files
from tests.database.migrations.backfill.conftest import Work
from tests.database.migrations.backfill.visits import (
    COUNT_UP,
    TABLE,
    WHERE,
    backfill,
    progress_row,
    seen,
    write_visits,
)
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger, tables


def test_deploy_registers_a_backfill_and_continues(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    folder.write("003_later.sql", "CREATE TABLE later (i int);")
    assert runner.run_migrations() == 2
    assert "002_count.sql runs in the background: about " in reported.text
    assert ledger(db) == {1: "visit", 3: "later"}
    assert attempts(db) == [(1, "applied"), (2, "background"), (3, "applied")]
    status = read_status(empty_database_url, folder.path)
    assert [entry.state for entry in status.entries] == ["applied", "running", "applied"]
    assert (status.state, status.pending, status.fits) == ("current", [], True)
    assert runner.run_migrations() == 0
    assert runner.get_applied_migrations() == [1, 3]


def test_worker_changes_each_row_once_and_records_the_file(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    (result,) = work()
    assert (result.version, result.state) == (2, "done")
    assert seen(db) == {1: 95}
    assert ledger(db) == {1: "visit", 2: "count"}
    assert attempts(db) == [(1, "applied"), (2, "applied")]
    status = read_status(empty_database_url, folder.path)
    assert [entry.state for entry in status.entries] == ["applied", "applied"]
    assert status.entries[1].backfill is None
    assert work() == []


def test_last_file_may_be_a_backfill(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    write_visits(folder, 95)
    runner.run_migrations(to=1)
    assert runner.run_migrations() == 0
    assert reported[-1] == "✅ Database is up to date, except for backfills that run in the background"


@pytest.mark.parametrize("rows", [0, 1, 10])
def test_small_table_is_done_at_once(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, rows: int
) -> None:
    write_visits(folder, rows)
    folder.write("003_later.sql", "CREATE TABLE later (i int);")
    assert runner.run_migrations() == 3
    assert seen(db) == ({1: rows} if rows else {})
    assert attempts(db) == [(1, "applied"), (2, "applied"), (3, "applied")]
    assert "schema_migration_backfills" not in tables(db)
    assert work() == []


def test_failure_on_a_small_table_fails_the_migration(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    write_visits(folder, 3, text=f"UPDATE visit SET seen = 1 / (id - 2)\n{WHERE};")
    with pytest.raises(Exception, match=r"Migration 2 failed: division by zero\n  at .*002_count.sql:2:1"):
        runner.run_migrations()
    assert ledger(db) == {1: "visit"}
    assert seen(db) == {0: 3}


def test_registration_waits_for_a_locked_table(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner_with().run_migrations(to=1)
    settings = EngineSettings(table_wait_s=0.0, retry_pause_s=(0.0, 0.0))
    with psycopg.connect(empty_database_url) as app:
        app.execute("LOCK TABLE visit")
        with pytest.raises(MigrationFailed, match="canceling statement due to lock timeout\n  002_count.sql was not"):
            runner_with(settings=settings).run_migrations()
        runner = runner_with(report=lambda line: app.rollback() if "a table it needs is in use" in line else None)
        assert runner.run_migrations() == 0
    assert progress_row(db)["state"] == "running"


def test_once_runs_one_batch(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    (result,) = work(once=True)
    assert (result.state, result.message.startswith("running ")) == ("running", True)
    assert seen(db) == {0: 85, 1: 10}
    assert progress_row(db)["rows_done"] == 10


def test_event_ends_the_work_between_two_batches(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work
) -> None:
    write_visits(folder, 95)
    folder.write("003_again.sql", backfill())
    runner.run_migrations()
    until = threading.Event()
    (result,) = work(until=until, progress=lambda _what, _percent: until.set())
    assert result.state == "running"
    assert seen(db) == {0: 85, 1: 10}


def test_rows_added_meanwhile_are_included(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 25)
    runner.run_migrations()
    added = iter([100])

    def grow(_what: str, _percent: int) -> None:
        for first in added:
            db.execute("INSERT INTO visit SELECT generate_series(%s::bigint, %s)", [first, first + 30])

    work(progress=grow)
    assert seen(db) == {1: 56}


def test_deleted_rows_are_no_hindrance(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 45, text=f"DELETE FROM visit {WHERE} AND id % 3 <> 0;")
    runner.run_migrations()
    db.execute("DELETE FROM visit WHERE id BETWEEN 5 AND 30")
    work()
    assert seen(db) == {0: 6}


def test_statements_of_every_kind(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    copy = f"INSERT INTO copy SELECT id FROM visit {WHERE} ON CONFLICT DO NOTHING;"
    call = "SELECT note(current_setting('migrate.first')::bigint, current_setting('migrate.last')::bigint);"
    merge = f"MERGE INTO visit USING (SELECT * FROM visit {WHERE}) AS old ON old.id = visit.id WHEN MATCHED THEN UPDATE SET seen = 5;"
    write_visits(folder, 25, text=f"SET LOCAL work_mem TO '8MB';\n{copy}\n{call}\n{merge}\n")
    folder.write(
        "001_visit.sql",
        f"{TABLE}INSERT INTO visit SELECT generate_series(1, 25); CREATE TABLE copy (id bigint PRIMARY KEY);"
        "CREATE FUNCTION note(bigint, bigint) RETURNS void LANGUAGE sql"
        " AS 'UPDATE visit SET note = ''x'' WHERE id BETWEEN $1 AND $2';",
    )
    runner.run_migrations()
    if db.info.server_version < 150000:
        pytest.skip("MERGE is new in PostgreSQL 15")
    work()
    assert seen(db) == {5: 25}
    assert db.execute("SELECT count(*) AS n FROM copy").fetchone() == {"n": 25}
    assert db.execute("SELECT count(*) AS n FROM visit WHERE note = 'x'").fetchone() == {"n": 25}


def test_rate_limits_batch_and_pauses(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 30)
    runner.run_migrations()
    work(max_rows_per_s=1_000)
    assert seen(db) == {1: 30}
    write_visits(folder, 30)
    folder.write("003_again.sql", backfill())
    runner.run_migrations()
    work(max_rows_per_s=2, once=True)
    assert seen(db) == {1: 28, 2: 2}
    row = db.execute("SELECT batch_rows FROM schema_migration_backfills WHERE version = 3").fetchone()
    assert row == {"batch_rows": 10}


def test_pause_of_the_file_is_kept(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 30)
    folder.write("002_count.sql", f"-- migrate: backfill table=visit key=id batch=10 pause=1ms\n{COUNT_UP}")
    runner.run_migrations()
    work()
    assert seen(db) == {1: 30}


def test_worker_names_itself_to_other_sessions(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work
) -> None:
    write_visits(folder, 30)
    runner.run_migrations()
    names: set[str] = set()

    def look(_what: str, _percent: int) -> None:
        rows = db.execute("SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database()")
        names.update(row["name"] for row in rows)

    work(progress=look)
    assert "peterental migrations backfill 002" in names


def test_second_worker_leaves_it_to_the_first(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, reported: ReportedLines
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    others: list[BackfillResult] = []

    def second(_what: str, _percent: int) -> None:
        if not others:
            others.extend(work())

    work(progress=second)
    assert others[0].state == "running"
    assert "another worker is on it, held by peterental migrations backfill 002 (pid " in reported.text
    assert seen(db) == {1: 95}


def test_edited_file_is_not_continued(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work, reported: ReportedLines
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    work(once=True)
    folder.write("002_count.sql", backfill(f"UPDATE visit SET seen = 7 {WHERE};"))
    (result,) = work()
    assert result.state == "failed"
    assert "002_count.sql was edited after it was registered (its checksum differs)" in reported.text
    folder.write("002_count.sql", f"-- migrate: backfill table=visit key=seen\n{COUNT_UP}")
    work()
    assert "was registered with table=visit key=id, by which its progress is counted" in reported.text
    folder.write("002_count.sql", COUNT_UP)
    work()
    assert "its header no longer says so" in reported.text
    assert seen(db) == {0: 85, 1: 10}
    folder.write("002_count.sql", f"-- migrate: backfill table=visit key=id batch=20\n-- explained\n{COUNT_UP}")
    (result,) = work()
    assert result.state == "done"
    assert seen(db) == {1: 95}


def test_unusable_file_is_not_continued(runner: MigrationRunner, folder: Folder, work: Work) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    folder.write("002_count.sql", backfill("DELETE FROM visit;"))
    assert "does not read migrate.first and migrate.last" in work()[0].message
    folder.write("002_count.sql", b"\xff")
    assert "002_count.sql is not UTF-8" in work()[0].message


def test_unbounded_statement_is_refused_before_anything_runs(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    write_visits(folder, 95, text="UPDATE visit SET seen = 1;")
    with pytest.raises(
        FilesRefused, match=r"002_count.sql:2: this UPDATE does not read migrate.first and migrate.last"
    ):
        runner.run_migrations()
    assert db.execute("SELECT to_regclass('visit') AS visit").fetchone() == {"visit": None}


def test_standby_is_refused(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    db.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only TO on', current_database()); END $$"
    )
    with pytest.raises(ReadOnlyDatabase):
        work()


def test_backfill_of_a_newer_release_is_left_alone(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    (folder.path / "002_count.sql").unlink()
    assert work() == []
    assert runner.run_migrations() == 0
    assert seen(db) == {0: 95}


def test_deleted_progress_stops_the_worker(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    (result,) = work(progress=lambda _what, _percent: db.execute("DELETE FROM schema_migration_backfills"))
    assert result.message == "another session has changed it"
    assert seen(db) == {0: 85, 1: 10}


def test_late_files_are_errors(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    db.execute("DELETE FROM schema_migrations WHERE version = 1")
    assert [entry.state for entry in read_status(empty_database_url, folder.path).entries] == ["late", "running"]
    db.execute("DELETE FROM schema_migration_backfills")
    db.execute("INSERT INTO schema_migrations VALUES (1), (3)")
    folder.write("003_later.sql", "SELECT 1;")
    assert [entry.state for entry in read_status(empty_database_url, folder.path).entries][1] == "late"


def test_completion_between_two_reads_is_no_error(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    with psycopg.connect(db.info.dsn, password=db.info.password, autocommit=True, row_factory=dict_row) as reader:
        before = ledgers.read(reader)
        work()
        entries = compare_with_ledger(reader, find_files(folder.path), before)
    assert [entry.state for entry in entries] == ["applied", "applied"]


END_WORKER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name LIKE '%backfill 002' AND datname = current_database()
"""


def test_lost_connection_is_opened_again(  # noqa: PLR0917  # fixtures
    runner: MigrationRunner,
    folder: Folder,
    db: Connection,
    work: Work,
    reported: ReportedLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backfills, "_FIRST_RECONNECT_S", 0.01)
    write_visits(folder, 95)
    runner.run_migrations()
    (result,) = work(progress=lambda _what, percent: db.execute(END_WORKER) if percent < 20 else None)
    assert result.state == "done"
    assert "Connecting again" in reported.text
    assert seen(db) == {1: 95}


def test_stop_during_an_outage_leaves_it_running(
    runner: MigrationRunner, folder: Folder, db: Connection, work: Work
) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    until = threading.Event()

    def stop(line: str) -> None:
        if "Connecting again" in line:
            until.set()

    (result,) = work(until=until, report=stop, progress=lambda *_: db.execute(END_WORKER))
    assert result.message == "stopped while the database was away"
    assert seen(db) == {0: 85, 1: 10}


def test_first_connection_must_succeed(runner: MigrationRunner, folder: Folder) -> None:
    write_visits(folder, 95)
    runner.run_migrations()
    with pytest.raises(ServerUnavailable):
        backfills.run_backfills("postgresql://pete@127.0.0.1:1/x", folder.path, report=print)


def test_interruption_rolls_the_batch_back(runner: MigrationRunner, folder: Folder, db: Connection, work: Work) -> None:
    write_visits(folder, 95)
    runner.run_migrations()

    def interrupt(_what: str, _percent: int) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        work(progress=interrupt)
    assert seen(db) == {0: 85, 1: 10}
    work()
    assert seen(db) == {1: 95}
