"""Progress of a no-transaction file that stopped counts only while what it speaks of is there."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import FilesRefused, MigrationFailed, MigrationFilesError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import ledger

HEADER = "-- migrate: no-transaction\n"
TABLE = "CREATE TABLE t (id bigint, a int);\nINSERT INTO t VALUES (1, 1), (2, {second});"
STOPS = HEADER + "ALTER TABLE t ADD COLUMN x int;\nCREATE UNIQUE INDEX CONCURRENTLY idx_a ON t (a);"


def columns(db: Connection) -> list[str]:
    rows = db.execute("SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum")
    return [row["attname"] for row in rows]


def stop_half_way(runner: MigrationRunner, folder: Folder) -> None:
    """Apply 001, and the first of two statements of 002."""
    folder.write("001_a.sql", TABLE.format(second=1))
    folder.write("001_a.down.sql", "DROP TABLE t;")
    folder.write("002_b.sql", STOPS)
    with pytest.raises(MigrationFailed, match=r"Stopped at statement 2 of 2; the one before it is done\."):
        runner.run_migrations()


def test_rollback_below_restarts_the_file(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    stop_half_way(runner, folder)
    reported = ReportedLines()
    rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=reported.append)
    assert (
        "⚠️  002_b.sql had stopped after 1 of its statements, which were not undone; flask db-migrate now starts it from"
        " its first statement"
    ) in reported
    folder.write("001_a.sql", TABLE.format(second=2))
    assert read_status(empty_database_url, folder.path).pending == [1, 2]
    assert runner.run_migrations() == 2
    assert columns(db) == ["id", "a", "x"]


def test_deleted_ledger_rows_restart_the_file(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    stop_half_way(runner, folder)
    db.execute("DROP TABLE t; DELETE FROM schema_migrations")
    folder.write("001_a.sql", TABLE.format(second=2))
    assert runner.run_migrations(to=1) == 1
    assert runner.run_migrations() == 1
    assert columns(db) == ["id", "a", "x"]
    assert (
        "⚠️  002_b.sql: an earlier attempt stopped after 1 of its statements, but 001 was undone or applied since;"
        " starting from the first statement"
    ) in reported


def test_rollback_above_keeps_progress(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    stop_half_way(runner, folder)
    reported = ReportedLines()
    assert rollback(empty_database_url, folder.path, to=1, confirm=lambda _: True, report=reported.append) == 0
    assert reported == ["✅ Nothing to roll back"]
    db.execute("UPDATE t SET a = id")
    assert runner.run_migrations() == 1
    assert columns(db) == ["id", "a", "x"]


def test_removed_directive_is_refused(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE t (id int);")
    folder.write("002_b.sql", HEADER + "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    fixed = "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\nSELECT 1;"
    folder.write("002_b.sql", fixed)
    sentence = "002_b.sql: an earlier attempt ran it without a transaction and has done 2 of its statements; put"
    with pytest.raises(FilesRefused, match=sentence):
        runner.run_migrations()
    with pytest.raises(MigrationFilesError, match=sentence):
        plan(empty_database_url, folder.path, report=lambda _: None)
    folder.write("002_b.sql", HEADER + fixed)
    assert runner.run_migrations() == 1
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 2}


def test_repair_lets_a_removed_directive_pass(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_b.sql", HEADER + "CREATE TABLE t (id int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_b.sql", "CREATE TABLE t (id bigint);")
    with pytest.raises(FilesRefused, match="has done its first statement; put"):
        runner.run_migrations()
    repair(empty_database_url, folder.path, confirm=lambda _: True, report=lambda _: None)
    db.execute("DROP TABLE t")
    assert runner.run_migrations() == 1


def test_removed_directive_is_fine_if_nothing_was_done(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_b.sql", HEADER + "SELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_b.sql", "SELECT 1;")
    assert runner.run_migrations() == 1


def test_renamed_file_resumes_and_replaced_file_is_refused(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    stop_half_way(runner, folder)
    (folder.path / "002_b.sql").unlink()
    folder.write("002_other.sql", HEADER + "CREATE TABLE u (i int);")
    with pytest.raises(MigrationFilesError, match="002_other.sql: statement 1, which an earlier attempt has done, was"):
        runner.run_migrations()
    (folder.path / "002_other.sql").unlink()
    folder.write("002_renamed.sql", STOPS)
    db.execute("UPDATE t SET a = id")
    assert runner.run_migrations() == 1
    assert ledger(db) == {1: "a", 2: "renamed"}


def test_adoption_ends_progress(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    stop_half_way(runner, folder)
    db.execute(
        "INSERT INTO schema_migration_attempts (version, file, outcome) VALUES (2, '002_b.sql', 'adopted');"
        " DROP INDEX IF EXISTS idx_a; ALTER TABLE t DROP COLUMN x; UPDATE t SET a = id"
    )
    assert runner.run_migrations() == 1
    assert columns(db)[-1] == "x"
