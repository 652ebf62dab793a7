"""Down files carry directives: db-rollback runs them statement by statement, resumes, and honours their timeouts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger, tables

DOWN = "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY t_i;\nALTER TABLE t DROP COLUMN i;\nDROP TABLE u;\n"


@pytest.fixture
def url(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> str:
    """The address of a database with the tables t and u; DOWN undoes them once u is there."""
    folder.write("001_t.sql", "CREATE TABLE t (i int, j int);\nCREATE INDEX t_i ON t (i);\nCREATE TABLE u (i int);")
    folder.write("001_t.down.sql", DOWN)
    runner.run_migrations()
    return empty_database_url


IMPATIENT = replace(DEFAULT_SETTINGS, table_wait_s=0.01)


def roll_back(url: str, folder: Folder, reported: ReportedLines, settings: EngineSettings = DEFAULT_SETTINGS) -> int:
    return rollback(url, folder.path, to=0, confirm=lambda _: True, report=reported.append, settings=settings)


def test_down_file_runs_outside_a_transaction(
    url: str, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    assert roll_back(url, folder, reported) == 1
    assert (tables(db), ledger(db)) == ({"t"}, {})
    assert attempts(db) == [(1, "applied"), (1, "rolled back")]
    assert reported[-2:] == ["✅ 001_t.down.sql", "✅ Rolled back 1 migration"]


def test_stopped_down_file_resumes(url: str, folder: Folder, db: Connection, reported: ReportedLines) -> None:
    db.execute("ALTER TABLE u RENAME TO v")
    with pytest.raises(MigrationFailed) as failed:
        roll_back(url, folder, reported)
    assert str(failed.value) == (
        'Undoing migration 1 failed: table "u" does not exist\n'
        f"  at {folder.path}/001_t.down.sql:4:1\n"
        "  4 | DROP TABLE u;\n"
        "    | ^\n"
        "  001_t.down.sql stopped at statement 3 of 3; the next rollback resumes there.\n"
        "  Next: fix the error, then run: flask db-rollback --to 0"
    )
    assert (ledger(db), attempts(db)) == ({1: "t"}, [(1, "applied"), (1, "failed")])
    folder.write("001_t.down.sql", DOWN.replace("DROP TABLE u", "DROP TABLE v"))
    assert roll_back(url, folder, reported) == 1
    assert "⏳ 001_t.down.sql: resuming at statement 3 of 3" in reported
    assert (tables(db), ledger(db)) == ({"t"}, {})


def test_edited_down_file_starts_again(url: str, folder: Folder, db: Connection, reported: ReportedLines) -> None:
    db.execute("ALTER TABLE u RENAME TO v")
    with pytest.raises(MigrationFailed):
        roll_back(url, folder, reported)
    folder.write("001_t.down.sql", "-- migrate: no-transaction\nDROP TABLE v;\nDROP TABLE t;")
    assert roll_back(url, folder, reported) == 1
    assert any("edited since an earlier rollback stopped" in line for line in reported)
    assert tables(db) == set()


def test_next_migration_starts_at_its_first_statement(
    url: str, folder: Folder, db: Connection, reported: ReportedLines, runner: MigrationRunner
) -> None:
    db.execute("ALTER TABLE u RENAME TO v")
    with pytest.raises(MigrationFailed):
        roll_back(url, folder, reported)
    db.execute("ALTER TABLE v RENAME TO u")
    roll_back(url, folder, reported)
    db.execute("DROP TABLE t")
    assert runner.run_migrations() == 1
    assert tables(db) == {"t", "u"}


def test_lost_connection_leaves_the_migration_applied(
    url: str, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    folder.write(
        "001_t.down.sql", "-- migrate: no-transaction\nDROP TABLE u;\nSELECT pg_terminate_backend(pg_backend_pid());"
    )
    with pytest.raises(MigrationFailed, match="stopped at statement 2 of 2"):
        roll_back(url, folder, reported)
    assert (tables(db), ledger(db)) == ({"t"}, {1: "t"})
    folder.write("001_t.down.sql", "-- migrate: no-transaction\nDROP TABLE u;\nSELECT 2;")
    assert roll_back(url, folder, reported) == 1


def test_error_after_the_last_statement_is_told(
    url: str, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
        "CREATE TRIGGER keep BEFORE DELETE ON schema_migrations FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(MigrationFailed, match=r"All statements of 001_t.down.sql are done, but that is not recorded"):
        roll_back(url, folder, reported)
    db.execute("DROP TRIGGER keep ON schema_migrations")
    assert roll_back(url, folder, reported) == 1
    assert ledger(db) == {}


@pytest.mark.parametrize("header", ["", "no-transaction "])
def test_timeouts_of_a_down_file_count(
    url: str, folder: Folder, db: Connection, reported: ReportedLines, header: str
) -> None:
    folder.write("001_t.down.sql", f"-- migrate: {header}statement-timeout=50ms\nSELECT pg_sleep(60);")
    with pytest.raises(MigrationFailed, match="canceling statement due to statement timeout"):
        roll_back(url, folder, reported)
    folder.write("001_t.down.sql", f"-- migrate: {header}lock-timeout=50ms\nDROP TABLE t;")
    with db.transaction():
        db.execute("LOCK TABLE t")
        with pytest.raises(MigrationFailed, match="canceling statement due to lock timeout") as failed:
            roll_back(url, folder, reported, IMPATIENT)
    assert (
        failed.value.next_step
        == "wait until what is in the way has ended, or end it (a session with pg_terminate_backend)"
    )
    assert ledger(db) == {1: "t"}


@pytest.mark.parametrize("header", ["", "no-transaction "])
def test_down_file_is_retried_while_a_table_is_locked(url: str, folder: Folder, db: Connection, header: str) -> None:
    folder.write("001_t.down.sql", f"-- migrate: {header}lock-timeout=50ms\nDROP TABLE u;\nDROP TABLE t;")
    db.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")

    class Released(ReportedLines):
        def append(self, line: str) -> None:
            super().append(line)
            if "trying again" in line:
                db.execute("COMMIT")

    lines = Released()
    assert roll_back(url, folder, lines) == 1
    assert [line for line in lines if "trying again" in line] == [
        "⏳ 001_t.down.sql: a table it needs is in use; trying again"
    ]
    assert (tables(db), ledger(db), attempts(db)) == (set(), {}, [(1, "applied"), (1, "rolled back")])
