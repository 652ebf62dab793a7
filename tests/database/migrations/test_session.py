"""What a migration leaves in the session is gone before the next one: each file starts in the same state."""

from __future__ import annotations

import pytest

from peterental.database.connection import Connection
from peterental.database.migrations import MigrationRunner
from tests.database.migrations.conftest import Folder

# What a file leaves behind, and the query that finds it.
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
    "a setting of its own": ("SET my.own TO 'left'", "SELECT 1 WHERE current_setting('my.own', true) = 'left'"),
    "a time zone": ("SET TimeZone TO 'Asia/Tokyo'", "SELECT 1 WHERE current_setting('TimeZone') <> 'UTC'"),
    "another way of quoting": ("SET standard_conforming_strings TO off", r"SELECT 1 WHERE E'\\\\' <> '\\'"),
}


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["as a whole", "stepwise"])
def test_what_a_file_leaves_in_the_session_is_gone_before_the_next(
    runner: MigrationRunner, folder: Folder, role: str, header: str
) -> None:
    for number, (what, statements) in enumerate(LEFT.items()):
        leaves, finds = (statement.format(role=role) for statement in statements)
        folder.write(f"{2 * number + 1:03d}_leaves.sql", f"{header}{leaves};")
        looks = f"ASSERT NOT EXISTS ({finds}), '{what} is still there'"
        folder.write(f"{2 * number + 2:03d}_looks.sql", f"DO $do$ BEGIN {looks}; END $do$;")
    assert runner.run_migrations() == 2 * len(LEFT)


def test_an_advisory_lock_that_a_file_leaves_is_gone_when_the_run_ends(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    """Not before the next file: letting all of them go would let go of the runner's own, too."""
    folder.write("001_a.sql", "SELECT pg_advisory_lock(4711);")
    folder.write("002_b.sql", "SELECT pg_advisory_lock(4711);")
    runner.run_migrations()
    db.execute("SET lock_timeout TO '5s'")
    assert db.execute("SELECT pg_advisory_lock(4711)").rowcount == 1
