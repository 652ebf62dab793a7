"""Nothing that a file sets, hides or deletes reaches the next file or the ledger."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.plan.planner import plan
from tests.database.migrations.conftest import Connection, Folder, ReportedLines

TABLE = (
    "CREATE TABLE next (made text DEFAULT current_setting('my.word', true), at timestamptz DEFAULT '2026-01-02 03:00');"
)
NO_TRANSACTION = "-- migrate: no-transaction\n"


def made_in(db: Connection) -> str | None:
    row = db.execute("SELECT relnamespace::regnamespace::text AS name FROM pg_class WHERE relname = 'next'").fetchone()
    return row["name"] if row else None


@pytest.mark.parametrize("header", ["", NO_TRANSACTION])
@pytest.mark.parametrize(
    "words",
    [
        "CREATE SCHEMA side; SET search_path TO side;",
        "CREATE SCHEMA side; SET search_path TO side; SET LOCAL search_path TO DEFAULT;",
        "CREATE SCHEMA side; SELECT set_config('search_path', 'side', false), set_config('search_path', NULL, true);",
        "CREATE SCHEMA side; SET search_path TO side; DO $$ BEGIN EXECUTE 'SET LOCAL search_path TO DEFAULT'; END $$;",
    ],
)
def test_search_path_ends_with_its_file(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, words: str
) -> None:
    folder.write("001_a.sql", header + words)
    folder.write("002_b.sql", TABLE)
    assert runner.run_migrations() == 2
    assert made_in(db) == "public"


def test_hidden_settings_end_with_their_file(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "SET my.word TO 'leaked'; SET LOCAL my.word TO DEFAULT; SET TimeZone TO 'Asia/Tokyo';"
        " SET LOCAL TimeZone TO DEFAULT; SET lock_timeout TO 7; SET LOCAL lock_timeout TO DEFAULT;",
    )
    folder.write("002_b.sql", f"{TABLE} INSERT INTO next DEFAULT VALUES;")
    runner.run_migrations()
    row = db.execute(
        "SELECT coalesce(made, '') AS made, at AT TIME ZONE 'UTC' = '2026-01-02 03:00' AS utc FROM next"
    ).fetchone()
    assert row == {"made": "", "utc": True}


def test_settings_of_a_down_file_end_with_it(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE SCHEMA side;")
    folder.write("001_a.down.sql", TABLE)
    folder.write("002_b.sql", "SELECT 1;")
    folder.write("002_b.down.sql", "SET search_path TO side; SET LOCAL search_path TO DEFAULT;")
    runner.run_migrations()
    assert rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=print) == 2
    assert made_in(db) == "public"


DELETIONS = {
    "view": "CREATE VIEW applied AS SELECT * FROM schema_migrations; DELETE FROM applied;",
    "name in pieces": "DO $$ BEGIN EXECUTE 'DELETE FROM schema' || '_migrations WHERE version = 1'; END $$;",
    "function": "CREATE FUNCTION forget() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM schema'"
    " || '_migrations'; END $$; SELECT forget();",
    "truncate": "DO $$ BEGIN EXECUTE 'TRUNCATE schema' || '_migrations'; END $$;",
    "drop": "DO $$ BEGIN EXECUTE 'DROP TABLE schema' || '_migrations'; END $$;",
}


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize("deletion", DELETIONS)
def test_file_that_deletes_ledger_rows_fails(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, deletion: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE kept (i int);")
    folder.write("002_b.sql", f"{header}{DELETIONS[deletion]}")
    with pytest.raises(MigrationFailed, match=r"it has deleted rows of schema_migrations|does not exist") as caught:
        runner.run_migrations()
    assert "001 stays applied." in str(caught.value)
    assert [row["version"] for row in db.execute("SELECT version FROM schema_migrations")] == [1]
    folder.write("002_b.sql", "SELECT 1;")
    assert runner.get_applied_migrations() == [1]


def test_plan_foresees_deleted_ledger_rows(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    folder.write("002_b.sql", DELETIONS["view"])
    found = plan(empty_database_url, folder.path, report=print)
    assert found.would_fail
    assert "it has deleted rows of schema_migrations" in found.text()


def test_rows_of_other_tables_may_be_deleted(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); INSERT INTO a VALUES (1), (2); DELETE FROM a;")
    folder.write("002_b.sql", NO_TRANSACTION + "INSERT INTO a VALUES (3);\nDELETE FROM a;\nTRUNCATE a;")
    assert runner.run_migrations() == 2
    assert db.execute("SELECT FROM a").fetchall() == []


def test_control_characters_of_the_server_are_escaped(runner: MigrationRunner, folder: Folder) -> None:
    folder.write(
        "001_a.sql",
        "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = E'a\\x1b[2Jb\\nc\\td', HINT = E'\\x07', DETAIL = U&'\\202e'; END $$;",
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    text = str(caught.value)
    assert "a\\x1b[2Jb\n  c\td\n" in text
    assert "Hint: \\x07\n" in text
    assert "Detail: \\u202e\n" in text


def test_long_and_empty_messages_are_readable(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 100000); END $$;")
    with pytest.raises(MigrationFailed, match=r"x… \(100,000 characters\)") as caught:
        runner.run_migrations()
    assert len(str(caught.value)) < 6000
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = ''; END $$;")
    with pytest.raises(MigrationFailed, match=r"the server gave no reason \(SQLSTATE P0001\)"):
        runner.run_migrations()
    folder.write(
        "001_a.sql",
        "CREATE FUNCTION deep(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i + deep(i - 1); END';"
        " SELECT deep(50);",
    )
    with pytest.raises(MigrationFailed, match="division by zero") as caught:
        runner.run_migrations()
    assert str(caught.value).count("deep(integer)") < 12
    assert reported.text


def test_ledger_rows_that_another_session_deletes_do_not_matter(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("002_b.sql", "SELECT 1;")
    runner.run_migrations()
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("DELETE FROM schema_migrations WHERE version = 2")
    assert runner.run_migrations() == 1
