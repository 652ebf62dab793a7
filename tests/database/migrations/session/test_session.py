"""Each file starts with the same session state, whatever the file before it changed."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    MigrationFailed,
)
from peterental.database.migrations.source.statements import split_statements
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import hidden

# The statement that changes the session, and the query that detects the change.
LEFT = {
    "a temporary table": ("CREATE TEMP TABLE t (i int)", "SELECT 1 WHERE to_regclass('pg_temp.t') IS NOT NULL"),
    "LISTEN": ("LISTEN news", "SELECT * FROM pg_listening_channels()"),
    "a cursor": ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "SELECT * FROM pg_cursors WHERE is_holdable"),
    "a prepared statement": ("PREPARE p AS SELECT 1", "SELECT * FROM pg_prepared_statements WHERE name = 'p'"),
    "search_path": ("SET search_path TO pg_catalog", "SELECT 1 WHERE current_setting('search_path') = 'pg_catalog'"),
    "SET ROLE": ("SET ROLE {role}", "SELECT 1 WHERE current_user = '{role}'"),
    "SET SESSION AUTHORIZATION": (
        "DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION ' || quote_ident(current_user); END $$; SET ROLE {role}",
        "SELECT 1 WHERE current_user = '{role}'",
    ),
    "a time limit": ("SET statement_timeout TO '1min'", "SELECT 1 WHERE current_setting('statement_timeout') <> '0'"),
    "a custom setting": ("SET my.own TO 'left'", "SELECT 1 WHERE current_setting('my.own', true) = 'left'"),
    "a time zone": ("SET TimeZone TO 'Asia/Tokyo'", "SELECT 1 WHERE current_setting('TimeZone') <> 'UTC'"),
    "another way of quoting": ("SET standard_conforming_strings TO off", r"SELECT 1 WHERE E'\\\\' <> '\\'"),
}


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_session_state_ends_with_its_file(runner: MigrationRunner, folder: Folder, role: str, header: str) -> None:
    for number, (what, statements) in enumerate(LEFT.items()):
        leaves, finds = (statement.format(role=role) for statement in statements)
        if header:  # where such statements are refused, unless they cannot be seen
            leaves = "/* prepare */ " + "".join(hidden(part.sql) for part in split_statements(leaves))
        folder.write(f"{2 * number + 1:03d}_leaves.sql", f"{header}{leaves};")
        looks = f"ASSERT NOT EXISTS ({finds}), '{what} is still there'"
        folder.write(f"{2 * number + 2:03d}_looks.sql", f"DO $do$ BEGIN {looks}; END $do$;")
    assert runner.run_migrations() == 2 * len(LEFT)


def test_advisory_lock_of_a_file_ends_with_the_run(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    """Not before the next file: releasing all locks would release the runner's too."""
    folder.write("001_a.sql", "SELECT pg_advisory_lock(4711);")
    folder.write("002_b.sql", "SELECT pg_advisory_lock(4711);")
    runner.run_migrations()
    db.execute("SET lock_timeout TO '5s'")
    assert db.execute("SELECT pg_advisory_lock(4711)").rowcount == 1


def test_session_changes_do_not_reach_the_ledger(
    runner: MigrationRunner, folder: Folder, db: Connection, role: str
) -> None:
    folder.write(
        "001_a.sql",
        "SET search_path = ''; SET statement_timeout = 1000; SET default_transaction_read_only = on;"
        f" SET TimeZone = 'Asia/Tokyo'; SET ROLE {role}; LISTEN x;",
    )
    folder.write(
        "002_b.sql",
        "CREATE TABLE b AS SELECT current_setting('TimeZone') AS zone, current_user = session_user AS myself,"
        " current_setting('search_path') AS path;",
    )
    assert runner.run_migrations() == 2
    assert db.execute("SELECT * FROM b").fetchone() == {"zone": "UTC", "myself": True, "path": '"$user", public'}


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "SQL_ASCII", "EUC_JP"])
@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"])
def test_file_setting_another_encoding_is_stored_exactly(
    runner: MigrationRunner, folder: Folder, db: Connection, encoding: str, header: str
) -> None:
    text = f"{header}-- Zoë pays 5 €, 部屋\nSET client_encoding TO '{encoding}';\nCREATE TABLE a (i int);\n"
    folder.write("001_größe.sql", text)
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT 'Zoë 部屋' AS word;")
    assert runner.run_migrations() == 2
    assert runner.run_migrations() == 0
    kept = db.execute("SELECT file, sql, outcome FROM schema_migration_attempts ORDER BY attempt_id").fetchall()
    assert kept[0] == {"file": "001_größe.sql", "sql": text, "outcome": "applied"}
    assert db.execute("SELECT description FROM schema_migrations WHERE version = 1").fetchone() == {
        "description": "größe"
    }
    assert db.execute("SELECT word FROM b").fetchone() == {"word": "Zoë 部屋"}


def test_file_changing_string_quoting_is_stored_exactly(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    text = f"{hidden('SET standard_conforming_strings = off')} CREATE TABLE a AS SELECT '\\\\'' %s {{}} ' AS word;"
    folder.write("001_a.sql", text)
    assert runner.run_migrations() == 1
    assert db.execute("SELECT sql FROM schema_migration_attempts").fetchone() == {"sql": text}


def test_temporary_tables_end_with_their_file(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TEMP TABLE scratch (i int); CREATE TABLE a AS SELECT * FROM scratch;")
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT * FROM scratch;")
    with pytest.raises(MigrationFailed, match='Migration 2 failed: relation "scratch" does not exist'):
        runner.run_migrations()


def test_prepared_statements_end_with_their_file(runner: MigrationRunner, folder: Folder) -> None:
    prepare = "PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1;"
    folder.write("001_a.sql", prepare)
    folder.write("002_b.sql", prepare)
    assert runner.run_migrations() == 2


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize(
    "forgets",
    ["DEALLOCATE ALL", "DO $$ BEGIN EXECUTE 'DEALLOC' || 'ATE ALL'; END $$", "DISCARD PLANS; DEALLOCATE ALL"],
    ids=["directly", "in a block", "with plans"],
)
def test_file_that_deallocates_all_is_recorded(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, forgets: str
) -> None:
    for number in (1, 2, 3):
        folder.write(
            f"00{number}_x.sql",
            f"{header}CREATE TABLE t{number} (i int);\n{forgets};\n{hidden('PREPARE p AS SELECT 1')}",
        )
    assert runner.run_migrations() == 3
    rows = db.execute(
        "SELECT version, outcome, ended_at >= started_at AS ended FROM schema_migration_attempts"
    ).fetchall()
    assert rows == [{"version": number, "outcome": "applied", "ended": True} for number in (1, 2, 3)]
    assert [row["version"] for row in db.execute("SELECT version FROM schema_migrations ORDER BY 1")] == [1, 2, 3]
