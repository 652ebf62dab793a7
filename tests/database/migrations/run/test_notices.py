"""What a migration says is told below its line, calmly; what the engine's own statements say is not."""

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
from tests.database.migrations.conftest import Folder, Told
from tests.servers import HANG_S

STEPWISE = "-- migrate: no-transaction\n"


def without_time(told: list[str]) -> list[str]:
    return [line.partition(" (")[0] for line in told]


@pytest.mark.parametrize("header", ["", STEPWISE], ids=["as a whole", "stepwise"])
def test_notices_and_warnings_stand_indented_below_their_file(
    runner: MigrationRunner, folder: Folder, told: Told, header: str
) -> None:
    folder.write("001_a.sql", f"{header}CREATE TABLE t (i int); CREATE INDEX x ON t (i);")
    folder.write(
        "002_b.sql",
        f"{header}CREATE INDEX IF NOT EXISTS x ON t (i);\nDO $$ BEGIN RAISE WARNING 'half of % are empty', 7; END $$;",
    )
    folder.write("003_c.sql", f"{header}SELECT 1;")
    runner.run_migrations()
    assert without_time(told) == [
        "✅ Database connected",
        "✅ 001_a.sql",
        "✅ 002_b.sql",
        '   NOTICE: relation "x" already exists, skipping',
        "   WARNING: half of 7 are empty",
        "✅ 003_c.sql",
        "✅ Successfully applied 3 new migrations",
    ]


def test_the_engine_s_own_statements_say_nothing(
    runner: MigrationRunner, folder: Folder, told: Told, db: Connection
) -> None:
    db.execute("CREATE TABLE schema_migrations (version int PRIMARY KEY, applied_at timestamp, checksum text)")
    db.execute("ALTER TABLE schema_migrations ADD COLUMN description text")
    folder.write("001_a.sql", "CREATE TABLE IF NOT EXISTS schema_migrations (version int PRIMARY KEY);")
    runner.run_migrations()
    assert not [line for line in told if line.startswith(" ")]


def test_what_a_file_said_before_it_failed_is_told(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE NOTICE 'row 5 is odd'; END $$; SELECT 1/0;")
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    assert told[-1] == "   NOTICE: row 5 is odd"


def test_a_file_that_says_a_lot_is_cut_short(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    loop = "FOR i IN 1..1000 LOOP RAISE NOTICE '% %', i, repeat('x', 1000); END LOOP"
    folder.write("001_a.sql", f"DO $$ BEGIN {loop}; END $$;")
    runner.run_migrations()
    said = [line for line in told if line.startswith(" ")]
    assert len(said) == 21
    assert said[0].startswith("   NOTICE: 1 xxx")
    assert max(map(len, said)) < 320
    assert said[-1] == "   … and 980 more"


def test_what_is_said_stays_on_one_line_and_commands_no_terminal(
    runner: MigrationRunner, folder: Folder, told: Told
) -> None:
    folder.write("001_a.sql", r"DO $$ BEGIN RAISE NOTICE E'one\ntwo \x1b[31mred' USING DETAIL = 'déjà'; END $$;")
    runner.run_migrations()
    assert r"   NOTICE: one two \x1b[31mred déjà" in told


def test_a_file_may_ask_for_silence(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", "SET client_min_messages TO error; DROP TABLE IF EXISTS nothing;")
    folder.write("002_b.sql", "SET client_min_messages TO debug1; DROP TABLE IF EXISTS nothing;")
    folder.write("003_c.sql", "DROP TABLE IF EXISTS nothing;")
    runner.run_migrations()
    said = '   NOTICE: table "nothing" does not exist, skipping'
    assert [line for line in without_time(told) if line[0] == " " or line.endswith(".sql")] == [
        "✅ 001_a.sql",
        "✅ 002_b.sql",
        said,
        "✅ 003_c.sql",
        said,
    ]


def test_a_file_that_had_to_be_tried_again_is_heard_once(
    folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write("001_a.sql", "DROP TABLE IF EXISTS nothing; ALTER TABLE t ADD COLUMN j int;")
    told = Told()
    blocked = threading.Event()

    def report(line: str) -> None:
        told.append(line)
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
    assert [line for line in told if "NOTICE" in line] == ['   NOTICE: table "nothing" does not exist, skipping']
    assert "✅ Successfully applied 1 new migrations" in told


def test_the_deploy_s_log_has_them_too(
    folder: Folder, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$;")
    config = Config(database_url=empty_database_url, secret_key="k", migrations_dir=folder.path)
    database = Database(empty_database_url)
    with caplog.at_level(logging.INFO, logger="peterental.deploy"):
        migrate(config, database)
    database.close()
    lines = [record.getMessage() for record in caplog.records if record.name == "peterental.deploy"]
    assert lines[1].startswith("✅ 001_a.sql")
    assert lines[2] == "   WARNING: mind the gap"


def test_notices_of_repeated_work_are_told_once(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE NOTICE 'first'; END $$; DEALLOCATE ALL;")
    folder.write("002_b.sql", "DO $$ BEGIN RAISE NOTICE 'second'; END $$; DEALLOCATE ALL;")
    folder.write("003_c.sql", f"{STEPWISE}DO $$ BEGIN RAISE NOTICE 'third'; END $$;\nDEALLOCATE ALL;")
    assert runner.run_migrations() == 3
    assert [line for line in told if "NOTICE" in line] == [
        "   NOTICE: first",
        "   NOTICE: second",
        "   NOTICE: third",
    ]


def test_stepwise_recording_repeated_keeps_notices(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", f"{STEPWISE}DO $$ BEGIN RAISE NOTICE 'first'; END $$;\nDEALLOCATE ALL;")
    assert runner.run_migrations() == 1
    assert [line for line in told if "NOTICE" in line] == ["   NOTICE: first"]


def test_a_statement_repeated_outside_a_transaction_is_heard_once(
    runner: MigrationRunner, folder: Folder, db: Connection, told: Told
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write(
        "001_a.sql",
        f"{STEPWISE}DO $$ BEGIN RAISE NOTICE 'before'; END $$;\n"
        "CREATE PROCEDURE inner_one() LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'inner'; COMMIT; END $$;\n"
        "CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$ BEGIN CALL inner_one(); END $$;\n"
        "CALL outer_one();",
    )
    assert runner.run_migrations() == 1
    assert [line for line in told if "NOTICE" in line] == ["   NOTICE: before", "   NOTICE: inner"]


def test_a_statement_tried_again_after_a_lock_is_heard_once(
    folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write(
        "001_a.sql",
        "-- migrate: no-transaction lock-timeout=50ms\nDO $$ BEGIN RAISE NOTICE 'done'; END $$;\n"
        "DO $$ BEGIN FOR i IN 1..30 LOOP RAISE NOTICE 'try %', i; END LOOP; LOCK TABLE t; END $$;",
    )
    told = Told()
    db.execute("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")

    def report(line: str) -> None:
        told.append(line)
        if "trying again" in line:
            db.execute("ROLLBACK")

    assert MigrationRunner(empty_database_url, folder.path, report=report).run_migrations() == 1
    said = [line for line in told if line.startswith("   ")]
    assert said[:2] == ["   NOTICE: done", "   NOTICE: try 1"]
    assert said[-1] == "   … and 11 more"
    assert len(said) == 21


def test_a_failed_statement_s_notices_are_told(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", f"{STEPWISE}SELECT 1;\nDO $$ BEGIN RAISE NOTICE 'row 5 is odd'; PERFORM 1/0; END $$;")
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    assert told[-1] == "   NOTICE: row 5 is odd"
