"""A file and its ledger row are committed together: full disks, broken, foreign and locked ledgers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
from psycopg import sql

from peterental.database.connect import DatabaseBusy
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import (
    DiskFull,
    ForeignLedger,
    LedgerError,
    MigrationFailed,
    StatementRefused,
)
from peterental.database.migrations.ledger.attempts import read_history
from peterental.database.migrations.ledger.status import SchemaHealth, read_status
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.session.connection import recover
from peterental.database.migrations.verify.verify import verify
from peterental.database.pool import LOCK_TIMEOUT_MS, Database
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import attempts, hidden, ledger, start, tables
from tests.servers import HANG_S, until


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"])
def test_ledger_lock_does_not_block_table_access(
    folder: Folder, empty_database_url: str, db: Connection, runner: MigrationRunner, header: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE busy (i int);")
    runner.run_migrations()
    folder.write("002_b.sql", f"{header}ALTER TABLE busy ADD COLUMN j int;")
    with psycopg.connect(empty_database_url, application_name="a manual session") as other:
        other.execute("INSERT INTO schema_migrations (version) VALUES (2)")
        process = start(empty_database_url, folder)
        assert process.stdout is not None
        expected = "002_b.sql: a table it needs is in use by a manual session (pid"
        assert any("trying again" in line and expected in line for line in process.stdout)
        db.execute("SET statement_timeout TO '1min'; SELECT * FROM busy")
        other.rollback()
    output, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, output
    assert ledger(db) == {1: "a", 2: "b"}


@pytest.mark.parametrize(
    "text",
    [
        hidden("DROP TABLE schema_migrations"),
        hidden("ALTER TABLE schema_migrations DROP COLUMN checksum"),
        hidden("DROP TABLE schema_migration_attempts"),
        hidden("DROP SCHEMA public CASCADE; CREATE SCHEMA public"),
        "SET transaction_read_only = on;",
    ],
)
def test_file_that_breaks_the_ledger_is_rolled_back(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"CREATE TABLE b (i int);\n{text}")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    lines = str(caught.value).splitlines()
    assert lines[1] == f"  at the end of {folder.path}/002_b.sql, when it was recorded and committed"
    assert lines[-2] == "  002_b.sql was rolled back. 001 stays applied."
    assert (tables(db), ledger(db)) == ({"a"}, {1: "a"})
    assert attempts(db) == [(1, "applied"), (2, "failed")]


def fill_disk(db: Connection, table: str, event: str) -> None:
    """Make the server refuse writes to `table` with the error of a full disk."""
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE disk_full USING MESSAGE = 'could not extend file \"base/1/2\": No space left on device'; END $$"
    )
    statement = "CREATE TRIGGER full_disk BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION refuse()"
    db.execute(sql.SQL(statement).format(sql.SQL(event), sql.Identifier(table)))


def test_full_disk_at_the_attempt_is_one_message(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    fill_disk(db, "schema_migration_attempts", "INSERT")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with pytest.raises(DiskFull) as caught:
        runner.run_migrations()
    assert str(caught.value) == (
        'The disk of the database server is full: could not extend file "base/1/2": No space left on device. What was'
        " applied stays, and nothing is half done; free disk space, then run the same command again."
    )
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_full_disk_at_the_ledger_row_rolls_back(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    fill_disk(db, "schema_migrations", "INSERT OR UPDATE")
    folder.write("002_b.sql", f"{header}CREATE TABLE b (i int);")
    with pytest.raises(
        MigrationFailed, match=r"No space left on device\n  at the end of .*002_b.sql, when it was recorded"
    ) as caught:
        runner.run_migrations()
    assert str(caught.value).endswith("Next: free disk space on the database server, then run: flask db-migrate")
    assert ("b" in tables(db)) is bool(header)
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1
    assert "b" in tables(db)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("CREATE VIEW schema_migrations AS SELECT 1 AS version, now() AS applied_at, ''::text AS description", "schema_migrations"),
        ("CREATE TABLE schema_migrations (version text, applied_at timestamptz, description text); INSERT INTO schema_migrations VALUES ('20240101')", "its versions are not integers but like '20240101'"),
        ("CREATE TABLE schema_migrations (version text PRIMARY KEY, applied_at timestamptz, description text)", "are text, not integer"),
        ("CREATE TABLE schema_migrations (version integer, applied_at timestamptz, description text); INSERT INTO schema_migrations VALUES (NULL), (1)", "like NULL"),
        ("CREATE TABLE schema_migrations (id integer PRIMARY KEY)", "it has no column version"),
        ("CREATE TABLE schema_migrations (version integer, description text)", "it has no column applied_at"),
    ],
    ids=["a view", "text", "text, empty", "without a number", "without versions", "without times"],
)  # fmt: skip
def test_foreign_ledger_is_one_message(
    runner: MigrationRunner, folder: Folder, db: Connection, made: str, reason: str
) -> None:
    db.execute(made.encode())
    for number in (1, 2):
        folder.write(f"00{number}_a.sql", f"CREATE TABLE a{number} (i int);")
    with pytest.raises(LedgerError, match="give PeteRental a separate schema") as caught:
        runner.run_migrations()
    assert reason in str(caught.value)
    assert tables(db) == set()
    touched = db.execute(
        "SELECT count(*) AS n FROM pg_attribute WHERE attname = 'checksum' AND attrelid = 'schema_migrations'::regclass"
    ).fetchone()
    assert touched == {"n": 0}, "what is another tool's stays as it was"


def test_error_of_a_ledger_trigger_is_quoted(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute(
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not by day'; END $$;"
        " CREATE TRIGGER forbid BEFORE INSERT ON schema_migration_attempts EXECUTE FUNCTION forbid()"
    )
    folder.write("002_b.sql", "SELECT 2;")
    with pytest.raises(LedgerError, match=r"not by day\. Nothing was applied; a trigger raised that"):
        runner.run_migrations()


def test_locked_ledger_is_one_message(folder: Folder, runner: MigrationRunner, empty_database_url: str) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN SHARE MODE")
        with pytest.raises(LedgerError, match="due to lock timeout.* another transaction holds it; try again"):
            repair(empty_database_url, folder.path, confirm=lambda _: True, report=print)
    assert repair(empty_database_url, folder.path, confirm=lambda _: True, report=print) == 1


def test_exclusively_locked_ledger_times_out(
    runner: MigrationRunner, empty_database_url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("001_one.sql", "CREATE TABLE one (i int);")
    runner.run_migrations()
    monkeypatch.setattr("peterental.database.migrations.ledger.reader.LEDGER_WAIT_MS", 50)
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerError, match="due to lock timeout.* another transaction holds it; try again"):
            runner.run_migrations()
        with pytest.raises(LedgerError, match="another transaction holds it"):
            runner.get_applied_migrations()
    assert runner.get_applied_migrations() == [1]


SETTINGS = "SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser') ORDER BY name"


@pytest.mark.usefixtures("real_time_limits")
@pytest.mark.parametrize("state", ["no ledger", "current", "edited", "stopped", "elsewhere", "locked"])
def test_status_leaves_pooled_session_unchanged(
    runner: MigrationRunner, folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    if state != "no ledger":
        runner.run_migrations()
    if state == "edited":
        folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    if state == "stopped":
        folder.write("002_b.sql", "-- migrate: no-transaction\nSELECT 1;\nSELECT 1/0;")
        with pytest.raises(MigrationFailed):
            runner.run_migrations()
    if state == "elsewhere":
        db.execute("CREATE SCHEMA tenant")
        path = sql.SQL("ALTER DATABASE {} SET search_path TO tenant, public")
        db.execute(path.format(sql.Identifier(db.info.dbname)))
    if state == "locked":
        monkeypatch.setattr("peterental.database.migrations.ledger.reader.LEDGER_WAIT_MS", 50)
        db.execute("BEGIN; LOCK TABLE schema_migrations")
    database = Database(runner._url, pool_size=1)
    gate = SchemaHealth(database, folder.path)
    before = database.fetch(SETTINGS)
    for _ in range(2):
        with suppress(ForeignLedger, DatabaseBusy, LedgerError):
            gate.status()
        with suppress(DatabaseBusy):
            read_history(database, 5)
    after = database.fetch(SETTINGS)
    database.close()
    assert {row["name"]: row["setting"] for row in after}["lock_timeout"] == str(LOCK_TIMEOUT_MS)
    assert after == before


def test_status_survives_a_changed_ledger_table(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "-- migrate: no-transaction\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    database = Database(empty_database_url, pool_size=1)
    gate = SchemaHealth(database, folder.path)
    for _ in range(8):  # more often than psycopg needs before it prepares a statement
        gate.status()
        read_history(database, 5)
    db.execute("ALTER TABLE schema_migrations ADD note text; ALTER TABLE schema_migration_attempts ADD note text")
    assert gate.status().state == "pending"
    assert len(read_history(database, 5).attempts) == 1
    assert (read_history(database, 1).has_more, read_history(database, 0).has_more) == (False, True)
    database.close()


def test_runner_waits_a_second_for_the_ledger(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    db.execute(
        "CREATE TABLE seen (l text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO seen VALUES (current_setting('lock_timeout')); RETURN NULL; END $$;"
        " CREATE TRIGGER see AFTER UPDATE ON schema_migration_attempts EXECUTE FUNCTION see()"
    )
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    runner.run_migrations()
    assert {row["l"] for row in db.execute("SELECT l FROM seen")} == {"1s"}


def test_infinite_timestamp_reads_as_none(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("002_b.sql", "SELECT 2;")
    runner.run_migrations()
    db.execute("UPDATE schema_migrations SET applied_at = 'infinity' WHERE version = 1")
    rows = [entry.row for entry in read_status(empty_database_url, folder.path).entries]
    assert [row is not None and row.applied_at is None for row in rows] == [True, False]


FOREIGN_LEDGERS = {
    "golang-migrate": "(version bigint PRIMARY KEY, dirty boolean NOT NULL)",
    "dbmate": "(version varchar(128) PRIMARY KEY)",
    "Rails": "(version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key varchar)",
    "Ecto": "(version bigint PRIMARY KEY, inserted_at timestamp(0))",
    "Sequel": "(filename text PRIMARY KEY)",
    "Migratus": "(id bigint UNIQUE, applied timestamp, description varchar(1024))",
    "Supabase": "(version text PRIMARY KEY, statements text[], name text)",
}


def command(name: str, url: str, folder: Folder) -> object:
    """Run one command of the engine on a database."""
    commands: dict[str, Callable[[], object]] = {
        "db-migrate": MigrationRunner(url, folder.path).run_migrations,
        "db-status": lambda: read_status(url, folder.path),
        "db-plan": lambda: plan(url, folder.path, report=print),
        "db-verify": lambda: verify(url, folder.path, report=print),
        "db-adopt": lambda: adopt(url, folder.path, to=1, report=print),
        "db-repair": lambda: repair(url, folder.path, confirm=lambda _: True, report=print),
        "db-rollback": lambda: rollback(url, folder.path, to=0, confirm=lambda _: True, report=print),
        "get_applied_migrations": MigrationRunner(url, folder.path).get_applied_migrations,
    }
    return commands[name]()


@pytest.mark.parametrize("rows", ["", "INSERT INTO schema_migrations VALUES ('20240101')"], ids=["empty", "filled"])
@pytest.mark.parametrize(
    "name",
    [
        "db-migrate",
        "db-status",
        "db-plan",
        "db-verify",
        "db-adopt",
        "db-repair",
        "db-rollback",
        "get_applied_migrations",
    ],
)
def test_text_versions_get_one_sentence_everywhere(
    empty_database_url: str, folder: Folder, db: Connection, name: str, rows: str
) -> None:
    db.execute("CREATE TABLE schema_migrations (version text PRIMARY KEY, applied_at timestamptz, description text)")
    db.execute(rows.encode())
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'schema_migrations'::regclass AND attnum > 0"
    before = db.execute(columns).fetchall()
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with pytest.raises(LedgerError, match="its versions are .*give PeteRental a separate schema"):
        command(name, empty_database_url, folder)
    assert tables(db) == set()
    assert db.execute(columns).fetchall() == before


def test_ledger_failure_after_a_file_names_what_stays(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write(
        "002_b.sql",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.sql IS NOT NULL AND new.outcome = 'running' THEN RAISE SQLSTATE '53200'"
        " USING MESSAGE = 'out of memory'; END IF; RETURN new; END $$;\n"
        + hidden(
            "CREATE TRIGGER refuse BEFORE UPDATE ON schema_migration_attempts FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    )
    folder.write("003_c.sql", "-- migrate: no-transaction\nCREATE TABLE c (i int);")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines() == [
        "Migration 3 failed: the ledger cannot be used: out of memory",
        "  003_c.sql was not started. 001, 002 stay applied.",
        "  Next: fix the error, then run: flask db-migrate",
    ]
    assert attempts(db) == [(1, "applied"), (2, "applied"), (3, "failed")]
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1


def test_ledger_failure_before_any_file_is_quoted(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE SQLSTATE '53200' USING MESSAGE = 'out of memory'; END $$;"
        " CREATE TRIGGER refuse BEFORE UPDATE OF sql ON schema_migration_attempts FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    folder.write("002_b.sql", "-- migrate: no-transaction\nCREATE TABLE b (i int);")
    with pytest.raises(StatementRefused, match=r"out of memory \(SQLSTATE 53200\)\. What was applied stays"):
        runner.run_migrations()
    assert tables(db) == set()


def test_locked_history_does_not_stop_retries(
    folder: Folder, db: Connection, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("001_a.sql", "CREATE TABLE busy (i int);")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    folder.write("002_b.sql", "-- migrate: lock-timeout=50ms\nALTER TABLE busy ADD COLUMN j int;")
    with psycopg.connect(empty_database_url) as other:
        db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
        reported: list[str] = []

        def report(line: str) -> None:
            reported.append(line)
            if "trying again" in line:
                other.rollback()
                db.execute("ROLLBACK")

        def settle_and_hold(connection: Connection) -> None:
            recover(connection)
            other.execute("LOCK TABLE schema_migration_attempts IN SHARE MODE")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("peterental.database.migrations.run.executor.recover", settle_and_hold)
            assert MigrationRunner(empty_database_url, folder.path, report=report).run_migrations() == 1
    assert any("trying again" in line for line in reported)
    assert "the wait for a table could not be recorded in the history" in caplog.text


def test_file_runs_once_if_ledger_is_locked_at_commit(folder: Folder, db: Connection, empty_database_url: str) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    queued = "EXISTS (SELECT FROM pg_locks WHERE relation = 'schema_migrations'::regclass AND NOT granted)"
    folder.write(
        "002_b.sql",
        "PREPARE own AS SELECT 1; CREATE TABLE b (i int);\n"
        "INSERT INTO schema_migrations (version) VALUES (2) ON CONFLICT DO NOTHING;\n"
        f"DO $$ BEGIN WHILE NOT {queued} LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;",
    )
    folder.write("003_c.sql", "CREATE TABLE c AS SELECT count(*) AS n FROM pg_prepared_statements WHERE name = 'own';")
    reported: list[str] = []

    def report(line: str) -> None:
        reported.append(line)
        if "003_c.sql" in line and "trying again" in line:
            db.execute("ROLLBACK")

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(MigrationRunner(empty_database_url, folder.path, report=report).run_migrations)
        writing = "SELECT FROM pg_locks WHERE relation = 'schema_migrations'::regclass AND mode = 'RowExclusiveLock'"
        until(lambda: db.execute(writing).fetchone() is not None, "the file has written to the ledger")
        db.execute("BEGIN; LOCK TABLE schema_migrations")
        assert run.result() == 2
    assert not any("002_b.sql" in line and "trying again" in line for line in reported)
    assert db.execute("SELECT n FROM c").fetchone() == {"n": 0}


@pytest.mark.parametrize("name", ["db-migrate", "db-status", "db-plan", "db-adopt", "db-rollback"])
def test_ledger_of_another_tool_is_named(empty_database_url: str, folder: Folder, db: Connection, name: str) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    for tool, columns in FOREIGN_LEDGERS.items():
        db.execute(
            f"DROP TABLE IF EXISTS schema_migrations, ar_internal_metadata; CREATE TABLE schema_migrations {columns}".encode()
        )
        with pytest.raises(LedgerError) as refused:
            command(name, empty_database_url, folder)
        assert f"the table is {tool}'s (" in str(refused.value)
        assert f"give PeteRental a separate schema, or, to replace {tool}, rename that table" in str(refused.value)
        assert tables(db) <= {"ar_internal_metadata"}


def test_versions_of_another_tool_are_never_read(empty_database_url: str, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    db.execute("CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean)")
    db.execute("INSERT INTO schema_migrations VALUES (1, false)")
    with pytest.raises(LedgerError, match=r"golang-migrate's \(version bigint, dirty boolean\).*--from golang-migrate"):
        MigrationRunner(empty_database_url, folder.path).get_applied_migrations()


def test_ledger_of_another_name_is_mentioned(
    runner: MigrationRunner, empty_database_url: str, folder: Folder, db: Connection, reported: list[str]
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    db.execute("CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint)")
    remark = "This database has goose_db_version, the ledger of goose. If these files come from there, record those"
    summary = read_status(empty_database_url, folder.path).summary()
    assert summary.startswith(f"1 migration is pending: flask db-migrate applies it. {remark}")
    assert runner.run_migrations() == 1
    assert next(line for line in reported if "goose" in line).startswith(f"⚠️  {remark}")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert "goose" not in read_status(empty_database_url, folder.path).summary()


@pytest.mark.parametrize("command", ["migrate", "rollback"])
def test_copied_history_continues_after_its_last_attempt(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, command: str
) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", "SELECT 1;")
        folder.write(f"00{number}_t.down.sql", "SELECT 1;")
    runner.run_migrations()
    # Logical replication copies the rows of a table, but not the position of its sequence.
    db.execute("ALTER TABLE schema_migration_attempts ALTER attempt_id RESTART")
    if command == "rollback":
        assert rollback(empty_database_url, folder.path, to=2, confirm=lambda _: True, report=lambda _: None) == 1
    else:
        folder.write("004_t.sql", "SELECT 1;")
        assert runner.run_migrations() == 1
    assert len(attempts(db)) == 4
    assert db.execute("SELECT max(attempt_id) AS last FROM schema_migration_attempts").fetchone() == {"last": 4}
