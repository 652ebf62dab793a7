"""A file comes with its row in the ledger, or neither comes: full disks, spoilt, foreign and held ledgers."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    LedgerTrouble,
    MigrationFailed,
    NoRoom,
)
from peterental.database.migrations.repair import repair
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.witness import attempts, ledger, start, tables
from tests.servers import HANG_S


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"])
def test_whoever_holds_the_ledger_keeps_nobody_from_the_tables(
    folder: Folder, empty_database_url: str, db: Connection, runner: MigrationRunner, header: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE busy (i int);")
    runner.run_migrations()
    folder.write("002_b.sql", f"{header}ALTER TABLE busy ADD COLUMN j int;")
    with psycopg.connect(empty_database_url, application_name="somebody by hand") as other:
        other.execute("INSERT INTO schema_migrations (version) VALUES (2)")
        process = start(empty_database_url, folder)
        assert process.stdout is not None
        expected = "002_b.sql: a table it needs is in use by somebody by hand (pid"
        assert any("trying again" in line and expected in line for line in process.stdout)
        db.execute("SET statement_timeout TO '1min'; SELECT * FROM busy")
        other.rollback()
    output, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, output
    assert ledger(db) == {1: "a", 2: "b"}


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE schema_migrations;",
        "ALTER TABLE schema_migrations DROP COLUMN checksum;",
        "DROP TABLE schema_migration_attempts;",
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public;",
        "SET transaction_read_only = on;",
    ],
)
def test_a_file_that_spoils_the_ledger_fails_at_its_end_and_leaves_nothing(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"CREATE TABLE b (i int);\n{text}")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    lines = str(caught.value).splitlines()
    assert lines[1] == f"  at the end of {folder.path}/002_b.sql, as it was recorded and committed"
    assert lines[-2] == "  Nothing of 002_b.sql was kept. 001 stays applied."
    assert (tables(db), ledger(db)) == ({"a"}, {1: "a"})
    assert attempts(db) == [(1, "applied"), (2, "failed")]


def full_disk(db: Connection, table: str, event: str) -> None:
    """Have the server refuse to write to `table`, as it does where its disk is full."""
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE disk_full USING MESSAGE = 'could not extend file \"base/1/2\": No space left on device'; END $$"
    )
    statement = "CREATE TRIGGER full_disk BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION refuse()"
    db.execute(sql.SQL(statement).format(sql.SQL(event), sql.Identifier(table)))


def test_no_room_for_an_attempt_is_one_message_and_the_next_run_is_clean(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    full_disk(db, "schema_migration_attempts", "INSERT")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with pytest.raises(NoRoom) as caught:
        runner.run_migrations()
    assert str(caught.value) == (
        'The database server has no room left: could not extend file "base/1/2": No space left on device. What was'
        " applied stays, and nothing is half done; make room on its disk, then run the same command again."
    )
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["as a whole", "stepwise"])
def test_no_room_for_the_ledger_s_row_keeps_nothing_by_half(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    full_disk(db, "schema_migrations", "INSERT OR UPDATE")
    folder.write("002_b.sql", f"{header}CREATE TABLE b (i int);")
    with pytest.raises(
        MigrationFailed, match=r"No space left on device\n  at the end of .*002_b.sql, as it was recorded"
    ):
        runner.run_migrations()
    assert ("b" in tables(db)) is bool(header)
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1
    assert "b" in tables(db)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("CREATE VIEW schema_migrations AS SELECT 1 AS version, now() AS applied_at, ''::text AS description", "schema_migrations"),
        ("CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('20240101')", "like '20240101'"),
        ("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)", 'column "applied_at" of relation'),
        ("CREATE TABLE schema_migrations (version bigint, dirty boolean)", 'column "applied_at" of relation'),
    ],
    ids=["a view", "another tool's versions", "dbmate's, empty", "golang-migrate's, empty"],
)  # fmt: skip
def test_a_ledger_that_is_another_tool_s_is_one_message(
    runner: MigrationRunner, folder: Folder, db: Connection, made: str, reason: str
) -> None:
    db.execute(made.encode())
    for number in (1, 2):
        folder.write(f"00{number}_a.sql", f"CREATE TABLE a{number} (i int);")
    with pytest.raises(LedgerTrouble, match="give PeteRental a schema of its own") as caught:
        runner.run_migrations()
    assert reason in str(caught.value)
    assert tables(db) == set()
    touched = db.execute(
        "SELECT count(*) AS n FROM pg_attribute WHERE attname = 'checksum' AND attrelid = 'schema_migrations'::regclass"
    ).fetchone()
    assert touched == {"n": 0}, "what is another tool's stays as it was"


def test_a_trigger_that_forbids_to_write_the_history_is_quoted(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute(
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not by day'; END $$;"
        " CREATE TRIGGER forbid BEFORE INSERT ON schema_migration_attempts EXECUTE FUNCTION forbid()"
    )
    folder.write("002_b.sql", "SELECT 2;")
    with pytest.raises(LedgerTrouble, match=r"not by day\. Nothing was applied; a trigger of the database says that"):
        runner.run_migrations()


def test_a_ledger_that_somebody_holds_is_one_message(
    folder: Folder, runner: MigrationRunner, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN SHARE MODE")
        with pytest.raises(LedgerTrouble, match="due to lock timeout.* somebody's transaction holds it; try again"):
            repair(empty_database_url, folder.path, confirm=lambda _: True, tell=print)
    assert repair(empty_database_url, folder.path, confirm=lambda _: True, tell=print) == 1


def test_a_ledger_that_nobody_may_read_for_now_is_not_waited_for_for_ever(
    runner: MigrationRunner, empty_database_url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("001_one.sql", "CREATE TABLE one (i int);")
    runner.run_migrations()
    monkeypatch.setattr("peterental.database.migrations.ledger.LEDGER_WAIT_MS", 50)
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerTrouble, match="due to lock timeout.* somebody's transaction holds it; try again"):
            runner.run_migrations()
        with pytest.raises(LedgerTrouble, match="somebody's transaction holds it"):
            runner.get_applied_migrations()
    assert runner.get_applied_migrations() == [1]
