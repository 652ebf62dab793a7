"""DETACH, REINDEX and REFRESH … CONCURRENTLY that were interrupted are finished by the next run."""

from __future__ import annotations

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.run.concurrent_indexes import ReindexScope, parse_reindex_scope
from peterental.database.migrations.run.partition_detach import parse_concurrent_detach
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import start, wait_until
from tests.servers import HANG_S, until

HEADER = "-- migrate: no-transaction\n"
PARTITIONED = (
    "CREATE TABLE pt (id int, at int) PARTITION BY RANGE (at);"
    " CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (1) TO (10);"
    " CREATE TABLE pt2 PARTITION OF pt FOR VALUES FROM (10) TO (20)"
)
DETACH = "ALTER TABLE pt DETACH PARTITION pt1 CONCURRENTLY;"
DETACHING = "EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)"


def partitions(db: Connection) -> list[str]:
    rows = db.execute("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'pt'::regclass")
    return [row["name"] for row in rows]


def copies(db: Connection) -> list[str]:
    """Return the copies that this role may drop: of TOAST indexes only a superuser may."""
    rows = db.execute(
        "SELECT relname FROM pg_class WHERE relname ~ '_cc(new|old)[0-9]*$' AND (relnamespace <> 'pg_toast'::regnamespace"
        " OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))"
    )
    return [row["relname"] for row in rows]


def leave_half_detached(url: str, folder: Folder, db: Connection) -> None:
    """Kill a runner whose DETACH waits for a reader."""
    with psycopg.connect(url) as reader:
        reader.execute("SELECT FROM pt")
        process = start(url, folder)
        wait_until(db, DETACHING)
        process.kill()
        process.communicate(timeout=HANG_S)
        wait_until(
            db,
            "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE '%DETACH PARTITION%' AND pid <> pg_backend_pid())",
        )


def test_interrupted_detach_is_finalised(folder: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute(PARTITIONED)
    folder.write("001_d.sql", f"{HEADER}{DETACH}\nDROP TABLE pt1;")
    leave_half_detached(empty_database_url, folder, db)
    runner = MigrationRunner(empty_database_url, folder.path, lock_wait_s=HANG_S)
    assert runner.run_migrations() == 1
    assert partitions(db) == ["pt2"]
    assert db.execute("SELECT to_regclass('pt1') AS gone").fetchone() == {"gone": None}


def test_detach_left_by_another_session_is_finalised(
    folder: Folder, empty_database_url: str, db: Connection, runner: MigrationRunner
) -> None:
    db.execute(PARTITIONED)
    with psycopg.connect(empty_database_url) as reader, psycopg.connect(empty_database_url, autocommit=True) as other:
        reader.execute("SELECT FROM pt")
        other.execute("SET statement_timeout TO '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            other.execute(DETACH)
    folder.write("001_d.sql", f"{HEADER}CREATE TABLE t (i int);\n{DETACH}")
    assert runner.run_migrations() == 1
    assert partitions(db) == ["pt2"]


def test_completed_detach_is_not_repeated(folder: Folder, db: Connection, runner: MigrationRunner) -> None:
    db.execute(PARTITIONED)
    folder.write("001_d.sql", f"{HEADER}SELECT 1;\n{DETACH}\nSELECT 1/0;")
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    db.execute(
        "UPDATE schema_migration_attempts SET statement = 1, outcome = 'running'"
    )  # as after a kill before its record
    folder.write("001_d.sql", f"{HEADER}SELECT 1;\n{DETACH}\nSELECT 1;")
    assert runner.run_migrations() == 1


def test_detach_of_another_table_is_an_error(folder: Folder, db: Connection, runner: MigrationRunner) -> None:
    db.execute(PARTITIONED + "; CREATE TABLE alone (id int, at int)")
    folder.write("001_d.sql", f"{HEADER}SELECT 1;\nALTER TABLE pt DETACH PARTITION alone CONCURRENTLY;")
    with pytest.raises(MigrationFailed, match='relation "alone" is not a partition of relation "pt"'):
        runner.run_migrations()


@pytest.mark.parametrize(
    "reindex",
    [
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (VERBOSE, CONCURRENTLY) SCHEMA public",
        "REINDEX DATABASE CONCURRENTLY {database}",
    ],
)
def test_copies_of_an_interrupted_reindex_are_dropped(
    folder: Folder, empty_database_url: str, db: Connection, reindex: str
) -> None:
    db.execute("CREATE TABLE t (i int, wide text); CREATE INDEX idx_t ON t (i); INSERT INTO t VALUES (1)")
    folder.write("001_x.sql", f"{HEADER}SELECT 1;\n{reindex.format(database=db.info.dbname)};")
    with psycopg.connect(empty_database_url) as other:
        other.execute("INSERT INTO t VALUES (2)")
        process = start(empty_database_url, folder)
        wait_until(db, "EXISTS (SELECT FROM pg_class WHERE relname ~ '^idx_t_ccnew')")
        process.kill()
        process.communicate(timeout=HANG_S)
        until(
            lambda: (
                not db.execute(
                    "SELECT FROM pg_stat_progress_create_index WHERE datname = current_database()"
                ).fetchall()
            ),
            "the killed runner's build ends",
        )
    assert copies(db) != []
    assert MigrationRunner(empty_database_url, folder.path, lock_wait_s=HANG_S).run_migrations() == 1
    assert copies(db) == []
    valid = "SELECT bool_and(indisvalid) AS valid FROM pg_index WHERE indrelid = 't'::regclass"
    assert db.execute(valid).fetchone() == {"valid": True}


def test_concurrent_refresh_commits_with_its_record(folder: Folder, db: Connection, runner: MigrationRunner) -> None:
    db.execute("CREATE TABLE t (i int); CREATE MATERIALIZED VIEW v AS SELECT i FROM t; CREATE UNIQUE INDEX ON v (i)")
    folder.write(
        "001_x.sql",
        f"{HEADER}INSERT INTO t VALUES (1);\nREFRESH MATERIALIZED VIEW CONCURRENTLY v;\nSELECT 1/count(*) FROM v;",
    )
    assert runner.run_migrations() == 1
    assert db.execute("SELECT i FROM v").fetchall() == [{"i": 1}]


def test_scopes_are_parsed() -> None:
    assert parse_reindex_scope('REINDEX TABLE CONCURRENTLY a."T"') == ReindexScope(table='"a"."T"')
    assert parse_reindex_scope("REINDEX (CONCURRENTLY) SCHEMA a") == ReindexScope(schema="a")
    assert parse_reindex_scope("REINDEX DATABASE CONCURRENTLY a") == ReindexScope()
    others = ("REINDEX INDEX CONCURRENTLY i", "REINDEX TABLE t", "SELECT 'concurrently'", "CONCURRENTLY REINDEX")
    assert [parse_reindex_scope(other) for other in others] == [None] * 4
    statements = ("ALTER TABLE t DETACH PARTITION p", "SELECT 'detach concurrently'", "detach concurrently")
    assert [parse_concurrent_detach(statement) for statement in statements] == [None] * 3
