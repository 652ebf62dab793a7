"""Notices of a migration are reported below its line; those of the engine's statements are not."""

from __future__ import annotations

import logging
import threading

import psycopg
import pytest

from peterental.config import Config
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.session.server import Connection
from peterental.database.pool import Database
from peterental.deploy import migrate
from tests.database.migrations.conftest import Folder, ReportedLines
from tests.servers import HANG_S

NO_TRANSACTION = "-- migrate: no-transaction\n"


def without_time(reported: list[str]) -> list[str]:
    return [line.partition(" (")[0] for line in reported]


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
def test_notices_are_indented_below_their_file(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines, header: str
) -> None:
    folder.write("001_a.sql", f"{header}CREATE TABLE t (i int); CREATE INDEX x ON t (i);")
    folder.write(
        "002_b.sql",
        f"{header}CREATE INDEX IF NOT EXISTS x ON t (i);\nDO $$ BEGIN RAISE WARNING 'half of % are empty', 7; END $$;",
    )
    folder.write("003_c.sql", f"{header}SELECT 1;")
    runner.run_migrations()
    assert without_time(reported) == [
        "✅ Database connected",
        "✅ 001_a.sql",
        "✅ 002_b.sql",
        '   NOTICE: relation "x" already exists, skipping',
        "   WARNING: half of 7 are empty",
        "✅ 003_c.sql",
        "✅ Successfully applied 3 new migrations",
    ]


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
def test_notices_of_deferred_triggers_are_reported(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines, header: str
) -> None:
    folder.write(
        "001_a.sql",
        f"{header}CREATE TABLE t (i int);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " $f$ BEGIN RAISE NOTICE 'row % is late', NEW.i; RETURN NULL; END $f$;\nCREATE CONSTRAINT TRIGGER late AFTER INSERT"
        " ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();\nINSERT INTO t VALUES (1), (2);",
    )
    runner.run_migrations()
    assert without_time(reported)[1:4] == ["✅ 001_a.sql", "   NOTICE: row 1 is late", "   NOTICE: row 2 is late"]


def test_notices_of_the_engine_are_not_reported(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines, db: Connection
) -> None:
    db.execute("CREATE TABLE schema_migrations (version int PRIMARY KEY, applied_at timestamp, checksum text)")
    db.execute("ALTER TABLE schema_migrations ADD COLUMN description text")
    folder.write("001_a.sql", "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY);")
    runner.run_migrations()
    assert not [line for line in reported if line.startswith(" ")]


def test_notices_before_a_failure_are_reported(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines
) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE NOTICE 'row 5 is odd'; END $$; SELECT 1/0;")
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    assert reported[-1] == "   NOTICE: row 5 is odd"


def test_many_notices_are_truncated(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    loop = "FOR i IN 1..1000 LOOP RAISE NOTICE '% %', i, repeat('x', 1000); END LOOP"
    folder.write("001_a.sql", f"DO $$ BEGIN {loop}; END $$;")
    runner.run_migrations()
    said = [line for line in reported if line.startswith(" ")]
    assert len(said) == 21
    assert said[0].startswith("   NOTICE: 1 xxx")
    assert max(map(len, said)) < 320
    assert said[-1] == "   … and 980 more"


def test_control_characters_in_notices_are_escaped(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines
) -> None:
    folder.write("001_a.sql", r"DO $$ BEGIN RAISE NOTICE E'one\ntwo \x1b[31mred' USING DETAIL = 'déjà'; END $$;")
    runner.run_migrations()
    assert r"   NOTICE: one two \x1b[31mred déjà" in reported


def test_client_min_messages_silences_notices(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "SET client_min_messages TO error; DROP TABLE IF EXISTS nothing;")
    folder.write("002_b.sql", "SET client_min_messages TO debug1; DROP TABLE IF EXISTS nothing;")
    folder.write("003_c.sql", "DROP TABLE IF EXISTS nothing;")
    runner.run_migrations()
    said = '   NOTICE: table "nothing" does not exist, skipping'
    assert [line for line in without_time(reported) if line[0] == " " or line.endswith(".sql")] == [
        "✅ 001_a.sql",
        "✅ 002_b.sql",
        said,
        "✅ 003_c.sql",
        said,
    ]


def test_retried_file_reports_notices_once(folder: Folder, db: Connection, empty_database_url: str) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write("001_a.sql", "DROP TABLE IF EXISTS nothing; ALTER TABLE t ADD COLUMN j int;")
    reported = ReportedLines()
    blocked = threading.Event()

    def report(line: str) -> None:
        reported.append(line)
        if "trying again" in line:
            blocked.set()

    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE t IN ACCESS SHARE MODE")
        thread = threading.Thread(
            target=MigrationRunner(empty_database_url, folder.path, report=report).run_migrations, daemon=True
        )
        thread.start()
        assert blocked.wait(HANG_S)
        other.rollback()
        thread.join(HANG_S)
    assert [line for line in reported if "NOTICE" in line] == ['   NOTICE: table "nothing" does not exist, skipping']
    assert "✅ Successfully applied 1 new migrations" in reported


def test_deploy_log_contains_notices(folder: Folder, empty_database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$;")
    config = Config(database_url=empty_database_url, secret_key="k", migrations_dir=folder.path)
    database = Database(empty_database_url)
    with caplog.at_level(logging.INFO, logger="peterental.deploy"):
        migrate(config, database)
    database.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "peterental.deploy"]
    assert lines[1].startswith("✅ 001_a.sql")
    assert lines[2] == "   WARNING: mind the gap"


def test_repeated_work_reports_notices_once(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE NOTICE 'first'; END $$; DEALLOCATE ALL;")
    folder.write("002_b.sql", "DO $$ BEGIN RAISE NOTICE 'second'; END $$; DEALLOCATE ALL;")
    folder.write("003_c.sql", f"{NO_TRANSACTION}DO $$ BEGIN RAISE NOTICE 'third'; END $$;\nDEALLOCATE ALL;")
    assert runner.run_migrations() == 3
    assert [line for line in reported if "NOTICE" in line] == [
        "   NOTICE: first",
        "   NOTICE: second",
        "   NOTICE: third",
    ]


def test_retried_recording_keeps_notices(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", f"{NO_TRANSACTION}DO $$ BEGIN RAISE NOTICE 'first'; END $$;\nDEALLOCATE ALL;")
    assert runner.run_migrations() == 1
    assert [line for line in reported if "NOTICE" in line] == ["   NOTICE: first"]


def test_rerun_outside_a_transaction_reports_once(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write(
        "001_a.sql",
        f"{NO_TRANSACTION}DO $$ BEGIN RAISE NOTICE 'before'; END $$;\n"
        "CREATE PROCEDURE inner_one() LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'inner'; COMMIT; END $$;\n"
        "CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$ BEGIN CALL inner_one(); END $$;\n"
        "CALL outer_one();",
    )
    assert runner.run_migrations() == 1
    assert [line for line in reported if "NOTICE" in line] == ["   NOTICE: before", "   NOTICE: inner"]


def test_retried_statement_reports_notices_once(folder: Folder, db: Connection, empty_database_url: str) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write(
        "001_a.sql",
        "-- migrate: no-transaction lock-timeout=50ms\nDO $$ BEGIN RAISE NOTICE 'done'; END $$;\n"
        "DO $$ BEGIN FOR i IN 1..30 LOOP RAISE NOTICE 'try %', i; END LOOP; LOCK TABLE t; END $$;",
    )
    reported = ReportedLines()
    db.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")

    def report(line: str) -> None:
        reported.append(line)
        if "trying again" in line:
            db.execute("ROLLBACK")

    assert MigrationRunner(empty_database_url, folder.path, report=report).run_migrations() == 1
    said = [line for line in reported if line.startswith("   ")]
    assert said[:2] == ["   NOTICE: done", "   NOTICE: try 1"]
    assert said[-1] == "   … and 11 more"
    assert len(said) == 21


def test_notices_of_a_failed_statement_are_reported(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines
) -> None:
    folder.write(
        "001_a.sql", f"{NO_TRANSACTION}SELECT 1;\nDO $$ BEGIN RAISE NOTICE 'row 5 is odd'; PERFORM 1/0; END $$;"
    )
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    assert reported[-1] == "   NOTICE: row 5 is odd"
