"""db-plan shows what pending migrations would do, changes nothing, and does not block other sessions."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import HistoryBroken, LockNotAcquired, MigrationFailed, MigrationFilesError
from peterental.database.migrations.plan.dry_run import Limits
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.plan.report import (
    NOT_REHEARSED,
    SCRATCH,
    Plan,
    PlannedFile,
    PlannedStep,
    TableSize,
    blocked_by,
    kind_of,
)
from peterental.database.migrations.scratch.database import PREFIX
from peterental.database.migrations.session.advisory_lock import lock_key
from tests.clocks import Ticking
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import attempts, hidden, tables
from tests.servers import HANG_S, until

HOME = """
CREATE TABLE home (home_id serial PRIMARY KEY, street text, size int);
CREATE TABLE room (room_id serial PRIMARY KEY, home_id int);
"""
ROWS = "INSERT INTO home (street, size) SELECT 'Elm', number FROM generate_series(1, 3000) AS number; ANALYZE home"

LONG_MS = 600_000

Planned = Callable[..., Plan]


@pytest.fixture
def migrated(runner: MigrationRunner, folder: Folder, db: Connection) -> Folder:
    folder.write("001_home.sql", HOME)
    runner.run_migrations()
    db.execute(ROWS)
    return folder


@pytest.fixture
def planned(empty_database_url: str, folder: Folder) -> Planned:
    limits = Limits(hold_ms=LONG_MS)  # a slow machine must not cut the rehearsal short
    return lambda **options: plan(
        options.pop("url", empty_database_url), folder.path, report=print, **{"limits": limits, **options}
    )


def planned_until(expected: str, planned: Planned, name: str) -> Plan:
    """Plan with a growing limit until the text has `expected`: the statements before must fit into the limit.

    Args:
        expected: part of the plan's text; the statement in question exceeds every limit.
        planned: creates the plan.
        name: the field of `Limits` to vary.
    """
    for limit_ms in (150, 1_500, 15_000, LONG_MS):
        found = planned(limits=Limits(**{"hold_ms": LONG_MS, name: limit_ms}))
        if expected in found.text():
            return found
    pytest.fail(f"never shown: {expected}\n{found.text()}")


def with_short_durations(found: Plan) -> Plan:
    """Replace the durations measured on this machine, since a long duration alone makes a statement visible."""
    for file in found.files:
        for step in file.steps:
            step.duration_ms = 1
    return found


def steps(found: Plan, file: int = 0) -> list[PlannedStep]:
    return found.files[file].steps


@contextmanager
def holding(url: str, statement: str, name: str = "other session") -> Iterator[Connection]:
    """Hold a transaction open in which `statement` has run."""
    with psycopg.connect(make_conninfo(url, application_name=name)) as connection:
        connection.execute(statement.encode())
        yield connection  # type: ignore[misc]
        connection.rollback()


def catalog_and_rows(db: Connection) -> object:
    return db.execute(
        "SELECT (SELECT array_agg(relname || relfilenode ORDER BY oid) FROM pg_class),"
        " (SELECT sum(size) FROM home), (SELECT count(*) FROM schema_migrations)"
    ).fetchone()


# --- output -----------------------------------------------------------------------------------------------------------


def test_nothing_pending_is_reported(migrated: Folder, planned: Planned) -> None:
    found = planned()
    assert found.text() == "✅ Nothing is pending."
    assert found.as_json() == {"pending": [], "would_fail": False, "files": [], "tables": {}, "notes": []}
    assert migrated


def test_statement_shows_locks_sizes_rewrites_scans(migrated: Folder, planned: Planned) -> None:
    migrated.write(
        "002_b.sql",
        "UPDATE home SET size = 1 WHERE home_id < 5;\n\nCREATE INDEX home_street ON home (street);\n"
        "ALTER TABLE home ALTER size TYPE bigint;\nALTER TABLE room ADD FOREIGN KEY (home_id) REFERENCES home;",
    )
    found = planned()
    update, index, rewrite, foreign_key = steps(found)
    assert [(step.line, step.kind) for step in steps(found)] == [
        (1, "UPDATE"),
        (3, "CREATE INDEX"),
        (4, "ALTER TABLE"),
        (5, "ALTER TABLE"),
    ]
    assert (update.locks, update.rewrites, update.scans) == ({"home": "ROW EXCLUSIVE"}, [], [])
    assert (index.locks, index.rewrites, index.scans) == ({"home": "SHARE"}, [], ["home"])
    assert (rewrite.locks, rewrite.rewrites) == ({"home": "ACCESS EXCLUSIVE"}, ["home"])
    assert foreign_key.locks == {"room": "SHARE ROW EXCLUSIVE"}
    size = found.tables["home"]
    assert size.rows == 3000
    assert size.bytes is not None
    assert size.bytes > 100_000
    assert not found.would_fail
    assert {step.where for step in steps(found)} == {"live"}
    text = found.text()
    assert "002_b.sql  rehearsed on the live database and rolled back" in text
    assert "⚠️ home  SHARE: blocks writes · ~3,000 rows, " in text
    assert "⚠️ home  ACCESS EXCLUSIVE: blocks reads and writes · ~3,000 rows, " in text
    assert "rewritten · fully scanned" in text
    assert found.summary().startswith("⚠️  1 migration would run and block writes to home while reading all rows")


def test_harmless_statements_are_folded_but_not_in_json(migrated: Folder, planned: Planned) -> None:
    migrated.write(
        "002_b.sql",
        "INSERT INTO home (street) VALUES ('Oak');\nCOMMENT ON TABLE home IS 'a house';\nCREATE TABLE yard (i int);\n"
        "CREATE INDEX ON yard (i);\nINSERT INTO yard VALUES (1);\nALTER TABLE home ADD town text;\n"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    )
    found = with_short_durations(planned())
    shown = [line.split()[:2] for line in found.text().splitlines() if line.startswith("     ") and line[5] != " "]
    assert shown == [["1", "INSERT"], ["6", "ALTER"]]
    (folded,) = [line for line in found.text().splitlines() if "block no reads" in line]
    assert folded.startswith("        and 5 statements that block no reads or writes  ")
    assert folded.endswith(" ms")
    assert len(found.as_json()["files"][0]["statements"]) == 7


def test_comments_are_folded_if_not_rehearsed() -> None:
    texts = ["CREATE INDEX CONCURRENTLY i ON t (a)", "COMMENT ON INDEX i IS 'x'", "COMMENT ON TABLE t IS 'y'"]
    file = PlannedFile(
        2, "002_b.sql", NOT_REHEARSED, [PlannedStep(n, sql, NOT_REHEARSED) for n, sql in enumerate(texts)]
    )
    assert [" ".join(line.split()) for line in Plan([file]).text().splitlines()[1:3]] == [
        "0 CREATE INDEX CONCURRENTLY i ON t (a) not rehearsed",
        "and 2 statements that block no reads or writes not rehearsed",
    ]


def test_statements_are_cut_to_the_terminal_width(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", f"ALTER TABLE home ADD COLUMN {'town' * 15} text;")
    for width, expected in ((60, 40), (None, 72), (200, 72), (20, 30)):
        line = planned().text(width=width).splitlines()[1]
        assert line.index("…") == 8 + expected - 1


def test_file_of_harmless_statements_is_one_line(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "CREATE TABLE yard (i int);\nCREATE INDEX ON yard (i);")
    lines = with_short_durations(planned()).text().splitlines()
    assert lines[1].startswith("        2 statements that block no reads or writes")
    assert lines[2] == ""


def test_slow_statement_is_shown_although_harmless(migrated: Folder, planned: Planned) -> None:
    migrated.write(
        "002_b.sql",
        "CREATE TABLE a (i int);\nCREATE TABLE b AS SELECT 1 AS i FROM pg_sleep(0.2);\nCREATE TABLE c (i int);",
    )
    found = planned()
    first, long, last = steps(found)
    assert long.duration_ms is not None
    assert long.duration_ms >= 200
    first.duration_ms = last.duration_ms = 1
    text = found.text()
    assert "     2  CREATE TABLE b AS SELECT 1 AS i FROM pg_sleep(0.2)" in text
    assert "and 2 statements that block no" in text


def test_lock_already_held_is_shown_at_a_full_scan(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text;\nALTER TABLE home ALTER street SET NOT NULL;")
    found = planned()
    assert steps(found)[1].locks == {}
    assert steps(found)[1].held == {"home": "ACCESS EXCLUSIVE"}
    assert "⚠️ home  ACCESS EXCLUSIVE already held · ~3,000 rows" in found.text()
    assert [(lock["table"], lock["new"]) for lock in found.as_json()["files"][0]["statements"][1]["locks"]] == [
        ("home", False)
    ]


def test_quick_change_passes_without_warning(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text; CREATE TABLE yard (i int); CREATE INDEX ON yard (i);")
    found = planned()
    assert found.summary() == "✅ 1 migration would run. Nothing was changed."
    assert [step.locks for step in steps(found)] == [{"home": "ACCESS EXCLUSIVE"}, {}, {}]


def test_names_are_quoted_and_qualified_where_needed(migrated: Folder, planned: Planned, db: Connection) -> None:
    db.execute("""CREATE SCHEMA "My App"; CREATE TABLE "My App"."Ta.ble" (x text); CREATE TABLE "select" (i int)""")
    migrated.write(
        "002_b.sql",
        """SAVEPOINT a; DROP TABLE room; ROLLBACK TO a; SET LOCAL statement_timeout = 0; SET search_path = '';
        ALTER TABLE "My App"."Ta.ble" ADD y int; TRUNCATE public."select";""",
    )
    found = planned()
    assert not found.would_fail
    assert [step.locks for step in steps(found)[-2:]] == [
        {'"My App"."Ta.ble"': "ACCESS EXCLUSIVE"},
        {'"select"': "ACCESS EXCLUSIVE"},
    ]
    assert found.tables['"My App"."Ta.ble"'].bytes is not None
    assert "no rows, 0 bytes · emptied" in found.text()


def test_rebuilt_index_is_named(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "REINDEX INDEX home_pkey;")
    found = planned()
    assert steps(found)[0].rebuilds == ["home_pkey"]
    assert "rebuilds home_pkey" in found.text()


def test_planning_changes_nothing(migrated: Folder, planned: Planned, db: Connection) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ALTER size TYPE bigint; UPDATE home SET size = 0; DROP TABLE room;")
    before = catalog_and_rows(db)
    planned()
    assert catalog_and_rows(db) == before
    assert attempts(db) == [(1, "applied")]
    assert db.execute("SELECT pg_try_advisory_lock(%s) AS free", [lock_key("public")]).fetchone() == {"free": True}


def test_advanced_sequences_are_reported(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "INSERT INTO home (street) VALUES ('Oak');")
    assert "The rehearsal advanced home_home_id_seq; a rollback does not undo that." in planned().text()


def test_empty_database_can_be_planned(folder: Folder, planned: Planned, db: Connection) -> None:
    folder.write("001_home.sql", HOME + "INSERT INTO schema_migrations (version) VALUES (1);")
    folder.write("002_b.sql", "ALTER TABLE home ADD town text;")
    found = planned()
    assert not found.would_fail
    assert [step.locks for step in steps(found, 1)] == [{}], "tables that do not exist yet are not locked"
    assert tables(db) == set()
    assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}


def test_each_file_shows_its_own_locks(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text;")
    migrated.write("003_c.sql", "CREATE INDEX home_town ON home (town);")
    found = planned()
    assert steps(found, 1)[0].locks == {"home": "SHARE"}
    assert {file.where for file in found.files} == {"live"}


def test_partitioned_table_has_the_size_of_its_parts(migrated: Folder, planned: Planned, db: Connection) -> None:
    db.execute("CREATE TABLE event (at int, what text) PARTITION BY RANGE (at)")
    db.execute("CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (100)")
    db.execute("INSERT INTO event SELECT number, 'x' FROM generate_series(0, 99) AS number; ANALYZE event")
    migrated.write("002_b.sql", "ALTER TABLE event ALTER what SET NOT NULL;")
    found = planned()
    assert found.tables["event"].rows == 100
    assert "event_1" in steps(found)[0].scans


# --- without a transaction --------------------------------------------------------------------------------------------


def test_no_transaction_files_and_later_ones_use_scratch(migrated: Folder, planned: Planned, db: Connection) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text; CREATE INDEX home_town ON home (town);")
    migrated.write(
        "003_c.sql",
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY home_size ON home (size);\n"
        "DROP INDEX CONCURRENTLY home_town;\nREINDEX INDEX CONCURRENTLY home_size;\nVACUUM room;\nCREATE TABLE x (i int);",
    )
    migrated.write("004_d.sql", "ALTER TABLE home ADD CHECK (size > 0);")
    found = planned()
    assert [file.where for file in found.files] == ["live", "scratch", "scratch"]
    create, drop, reindex, vacuum, table = steps(found, 1)
    assert [step.locks for step in (create, drop, reindex, vacuum, table)] == [
        {"home": "SHARE UPDATE EXCLUSIVE"},
        {"home": "SHARE UPDATE EXCLUSIVE"},
        {"home": "SHARE UPDATE EXCLUSIVE"},
        {},
        {},
    ]
    assert "waits until every transaction open at its start has ended" in create.notes[0]
    assert vacuum.notes == ["runs outside a transaction"]
    assert table.notes == []
    assert (steps(found, 2)[0].locks, steps(found, 2)[0].scans) == ({"home": "ACCESS EXCLUSIVE"}, ["home"])
    assert found.tables["home"].rows == 3000
    assert "It runs without a transaction, so it cannot be rolled back." in found.text()
    assert "It depends on a file that could not be rehearsed on the live database." in found.text()
    assert tables(db) == {"home", "room"}


def test_no_transaction_failure_is_explained(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY home_x ON home (nothing);")
    found = planned()
    assert found.would_fail
    assert '❌ Migration 2 would fail: column "nothing" does not exist\n  at ' in found.text()
    assert "(in a scratch copy, which has none of the live rows)" in found.text()


def test_statements_of_an_earlier_attempt_are_noted(
    migrated: Folder, planned: Planned, runner: MigrationRunner, db: Connection
) -> None:
    migrated.write(
        "002_b.sql", "-- migrate: no-transaction\nCREATE TABLE x (i int);\nSELECT 1 FROM home WHERE 1 / size < 0;"
    )
    db.execute("UPDATE home SET size = 0")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    found = planned()
    assert steps(found)[0].notes == ["was completed by an earlier attempt and will be skipped"]


def test_without_a_scratch_server_the_rest_is_planned(
    migrated: Folder, planned: Planned, db: Connection, empty_database_url: str
) -> None:
    name = f"{PREFIX}planner_{os.getpid()}"
    database = sql.Identifier(urlsplit(empty_database_url).path[1:])
    me = sql.Identifier(name)
    for statement in (
        (
            "CREATE ROLE {0} LOGIN PASSWORD 'x'; GRANT {0} TO CURRENT_USER; GRANT ALL ON DATABASE {1} TO {0};"
            " GRANT ALL ON SCHEMA public TO {0}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}"
        ),
        "ALTER TABLE home OWNER TO {0}",
    ):
        db.execute(sql.SQL(statement).format(me, database))
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text;")
    migrated.write("003_c.sql", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY home_town ON home (town);")
    found = planned(url=make_conninfo(empty_database_url, user=name, password="x"))
    assert [file.where for file in found.files] == ["live", "not rehearsed"]
    assert "set SCRATCH_DATABASE_URL to a server where it may" in found.text()
    assert found.summary() == "⚠️  2 migrations pending, only partly rehearsed. Nothing was changed."
    db.execute(sql.SQL("REASSIGN OWNED BY {0} TO CURRENT_USER; DROP OWNED BY {0}; DROP ROLE {0}").format(me))


# --- failures ---------------------------------------------------------------------------------------------------------


def test_failure_on_existing_rows_is_explained(migrated: Folder, planned: Planned, db: Connection) -> None:
    migrated.write(
        "002_b.sql", "ALTER TABLE home ADD town text;\nALTER TABLE home ADD CONSTRAINT big CHECK (size > 1);"
    )
    migrated.write("003_c.sql", "SELECT 1;")
    found = planned()
    assert found.would_fail
    lines = found.text().splitlines()
    assert '❌ Migration 2 would fail: check constraint "big" of relation "home" is violated by some row' in lines
    assert f"  at {migrated.path}/002_b.sql:2:1" in lines
    assert any(line.endswith("     fails") for line in lines)
    assert "  It comes after 002_b.sql, which would fail." in lines
    assert lines[-1] == "❌ 002_b.sql would fail. Nothing was changed."
    assert [step.fails for step in steps(found)] == [False, True]
    assert tables(db) == {"home", "room"}


def test_error_location_is_exact(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "SELECT 1;\nINSERT INTO nowhere VALUES (1);")
    found = planned()
    assert found.files[0].error is not None
    assert found.files[0].error.splitlines()[:3] == [
        'relation "nowhere" does not exist',
        f"  at {migrated.path}/002_b.sql:2:13",
        "  2 | INSERT INTO nowhere VALUES (1);",
    ]


def test_failure_at_commit_is_found(migrated: Folder, planned: Planned) -> None:
    migrated.write(
        "002_b.sql",
        "ALTER TABLE room ADD FOREIGN KEY (home_id) REFERENCES home DEFERRABLE INITIALLY DEFERRED;\n"
        "INSERT INTO room (home_id) VALUES (-1);",
    )
    found = planned()
    assert found.would_fail
    assert "violates foreign key constraint" in found.text()


@pytest.mark.parametrize(
    "text",
    [
        hidden("DROP TABLE schema_migrations"),
        hidden("ALTER TABLE schema_migrations ADD COLUMN team text NOT NULL"),
        hidden("DROP TABLE schema_migration_attempts"),
        "SET transaction_read_only = on;",
    ],
)
def test_file_that_cannot_be_recorded_would_fail(
    migrated: Folder, planned: Planned, runner: MigrationRunner, text: str
) -> None:
    migrated.write("002_b.sql", f"CREATE TABLE b (i int);\n{text}")
    found = planned()
    assert (found.would_fail, found.notes) == (True, [])
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert found.files[0].error is not None
    assert f"{found.files[0].error}\n  002_b.sql was rolled back." in str(caught.value)


def test_set_transaction_at_the_start_is_skipped(migrated: Folder, planned: Planned, runner: MigrationRunner) -> None:
    begin = "SET LOCAL work_mem = '8MB';\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n"
    migrated.write("002_b.sql", begin + "UPDATE home SET size = size + 1;")
    migrated.write("003_c.sql", begin + "UPDATE home SET size = size - 1;")  # rehearsed in the copy too
    assert not planned().would_fail
    assert runner.run_migrations() == 2
    migrated.write("004_d.sql", "SELECT 1;\n" + begin)
    found = planned()
    with pytest.raises(MigrationFailed, match="must be called before any query"):
        runner.run_migrations()
    assert found.files[0].error is not None
    assert "must be called before any query" in found.files[0].error


def test_ledger_locked_at_the_end_is_no_failure(migrated: Folder, planned: Planned, empty_database_url: str) -> None:
    migrated.write("002_b.sql", "CREATE TABLE b (i int);")
    with holding(empty_database_url, "LOCK TABLE schema_migrations IN SHARE MODE"):
        found = planned()
    assert not found.would_fail
    assert "Line 1: the ledger schema_migrations is locked by another session." in found.text()


@pytest.mark.parametrize("block", ["", "DO $$ BEGIN EXECUTE 'SELECT 1'; {}; END $$"])
def test_scratch_rehearsal_creates_no_role(migrated: Folder, planned: Planned, db: Connection, block: str) -> None:
    role = f"{PREFIX}role_{os.getpid()}"
    migrated.write("002_b.sql", (block or "{}").format(f"CREATE ROLE {role}") + ";")
    migrated.write("003_c.sql", f"ALTER TABLE home ADD kind text; GRANT SELECT ON home TO {role};")
    found = planned()
    assert not found.would_fail
    assert steps(found, 1)[0].locks == {"home": "ACCESS EXCLUSIVE"}
    assert db.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", [role]).fetchall() == []


def test_scratch_rehearsal_drops_no_database(migrated: Folder, planned: Planned, db: Connection) -> None:
    victim = f"{PREFIX}victim_{os.getpid()}"
    db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(victim)))
    migrated.write("002_b.sql", f"-- migrate: no-transaction\nCREATE TABLE b (i int);\nDROP DATABASE {victim};")
    found = planned()
    existing = db.execute("SELECT count(*) AS count FROM pg_database WHERE datname = %s", [victim]).fetchone()
    db.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(victim)))
    assert existing == {"count": 1}
    assert not found.would_fail
    assert found.files[0].where == NOT_REHEARSED
    assert "nothing was run, because DROP DATABASE has effects outside the database that would remain" in found.text()


def test_use_of_an_uncommitted_enum_value_is_no_failure(migrated: Folder, planned: Planned, db: Connection) -> None:
    db.execute("CREATE TYPE mood AS ENUM ('glad')")
    migrated.write("001_home.sql", HOME)
    migrated.write("002_b.sql", "ALTER TYPE mood ADD VALUE 'sad';")
    migrated.write("003_c.sql", "CREATE TABLE feeling (mood mood DEFAULT 'sad');")
    db.execute("CREATE TABLE note (i int)")
    found = planned()
    assert "it uses an enum value that an earlier file has to commit first" in found.text()


def test_file_that_ends_the_connection_would_fail(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "SELECT pg_terminate_backend(pg_backend_pid());")
    assert "would fail: the connection to the database was lost" in planned().text()


def test_copy_to_the_client_is_refused_first(migrated: Folder, planned: Planned) -> None:
    migrated.write("002_b.sql", "COPY home TO STDOUT;")
    with pytest.raises(MigrationFilesError, match="002_b.sql:1: COPY … TO STDOUT sends its rows to psql"):
        planned()


def test_broken_history_is_refused(migrated: Folder, planned: Planned) -> None:
    migrated.write("001_home.sql", "SELECT 1;")
    with pytest.raises(HistoryBroken, match=r"001_home.sql was edited"):
        planned()


# --- other sessions ---------------------------------------------------------------------------------------------------


def test_locked_table_is_not_waited_for(migrated: Folder, planned: Planned, empty_database_url: str) -> None:
    migrated.write(
        "002_b.sql", "CREATE TABLE x (i int);\nALTER TABLE home ADD town text;\nCREATE INDEX ON home (town);"
    )
    with holding(empty_database_url, "SELECT 1 FROM home", "the nightly report"):
        found = planned_until("would now wait for the nightly report", planned, "lock_timeout_ms")
    first, busy, after = steps(found)
    assert [step.where for step in (first, busy, after)] == ["live", "scratch", "scratch"]
    assert "the nightly report (pid" in str(busy.waits_for)
    assert busy.locks == {"home": "ACCESS EXCLUSIVE"}
    assert "Line 2: what it needs is in use by the nightly report" in found.text()
    assert found.text().startswith("002_b.sql  partly rehearsed on the live database")
    assert "⏳ would now wait for the nightly report" in found.text()
    assert not found.would_fail


def test_concurrent_build_names_the_transaction_it_awaits(
    migrated: Folder, planned: Planned, empty_database_url: str
) -> None:
    migrated.write("002_b.sql", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY home_size ON home (size);")
    migrated.write("003_c.sql", "ALTER TABLE home ADD town text;\nCREATE INDEX ON home (town);")
    with holding(
        empty_database_url, "UPDATE room SET home_id = 1; SELECT 1 FROM home; SELECT pg_sleep(1.1)", "old one"
    ):
        found = planned()
    assert "old one" in str(steps(found, 0)[0].waits_for)
    assert "old one" in str(steps(found, 1)[0].waits_for)
    assert steps(found, 1)[1].waits_for is None


def test_long_statement_is_cut_short_but_traced(migrated: Folder, planned: Planned) -> None:
    migrated.write(
        "002_b.sql",
        "ALTER TABLE home ALTER size TYPE text USING (size || pg_sleep(CASE WHEN size > 2 THEN 1 ELSE 0 END)::text);",
    )
    found = planned_until("Line 1: it takes longer than", planned, "hold_ms")
    assert re.search(r"it takes longer than [\d.]+ s\. The rest was run in a scratch copy", found.text())
    assert steps(found)[0].rewrites == ["home"]
    assert found.tables["home"].rows == 3000


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["live", "scratch copy"])
def test_cancelled_rehearsal_is_not_called_slow(migrated: Folder, planned: Planned, header: str) -> None:
    migrated.write("002_b.sql", f"{header}SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60);")
    text = planned().text()
    assert "another session cancelled it." in text
    assert "longer than" not in text


def test_total_lock_time_is_limited(migrated: Folder, planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.database.migrations.plan.dry_run.time", Ticking(step_s=1))
    migrated.write("002_b.sql", "ALTER TABLE home ADD a int;\n" + "SELECT 1;\n" * 99)
    found = planned(limits=Limits(hold_ms=100_000))
    assert re.search(r"Line \d+: the rehearsal had held locks for 100 s, the limit\.", found.text())
    assert [found.files[0].steps[number].where for number in (0, 1, 99)] == ["live", "live", "scratch"]


def test_rehearsal_gives_way_to_a_blocked_session(
    migrated: Folder, planned: Planned, empty_database_url: str, db: Connection
) -> None:
    migrated.write("002_b.sql", "ALTER TABLE home ADD town text;\nSELECT pg_sleep(600) FROM room;")
    found: list[Plan] = []
    thread = threading.Thread(target=lambda: found.append(planned()))
    db.execute("INSERT INTO room DEFAULT VALUES")
    thread.start()
    until(
        lambda: (
            db.execute(
                "SELECT FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep.600.' AND datname = current_database()"
            ).fetchone()
            is not None
        ),
        "the rehearsal is in its long statement",
    )
    with psycopg.connect(
        make_conninfo(empty_database_url, application_name="the app", options="-cstatement_timeout=60s")
    ) as app:
        assert app.execute("SELECT count(*) FROM home").fetchone() == (3000,)
    thread.join(timeout=HANG_S)
    assert "Line 2: the rehearsal gave way to the app" in found[0].text()


def test_running_migration_is_not_waited_for(migrated: Folder, planned: Planned, db: Connection) -> None:
    migrated.write("002_b.sql", "SELECT 1;")
    db.execute("SET application_name = 'the deploy'")
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with pytest.raises(LockNotAcquired, match="held by the deploy"):
        planned()


def test_locked_ledger_is_no_failure(folder: Folder, planned: Planned, empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP, description TEXT)")
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with holding(empty_database_url, "SELECT 1 FROM schema_migrations"):
        found = planned()
    assert not found.would_fail
    assert "the live database could not be used for it: canceling statement due to lock timeout" in found.text()
    assert found.files[0].where == "scratch"


# --- formatting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("create unique index concurrently x on y (z)", "CREATE INDEX"),
        ("CREATE OR REPLACE FUNCTION f()", "CREATE FUNCTION"),
        ("DROP MATERIALIZED VIEW v", "DROP MATERIALIZED VIEW"),
        ("with x as (select 1) select", "WITH"),
        ("REFRESH MATERIALIZED VIEW v", "REFRESH MATERIALIZED VIEW"),
        ("ALTER TABLE a", "ALTER TABLE"),
        ("", ""),
    ],
)
def test_kind_is_taken_from_the_first_words(statement: str, kind: str) -> None:
    assert kind_of(statement) == kind


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (TableSize(0, 0), "no rows, 0 bytes"),
        (TableSize(1, 8192), "~1 row, 8.0 kB"),
        (TableSize(12000, 3_250_000), "~12,000 rows, 3.1 MB"),
        (TableSize(None, 50 * 1024**4), "50.0 TB"),
        (TableSize(None, None), ""),
    ],
)
def test_sizes_are_formatted(size: TableSize, expected: str) -> None:
    assert str(size) == expected


def test_lock_modes_name_what_they_block() -> None:
    modes = ("ACCESS SHARE", "SHARE UPDATE EXCLUSIVE", "SHARE", "ACCESS EXCLUSIVE")
    assert [blocked_by(mode) for mode in modes] == ["nobody", "other schema changes", "writes", "reads and writes"]


def test_plan_names_sessions_that_a_contract_waits_for(
    folder: Folder, runner: MigrationRunner, planned: Planned, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int, old int);")
    runner.run_migrations()
    folder.write("002_drop.sql", "-- migrate: contract\nALTER TABLE a DROP COLUMN old;")
    assert planned().files[0].note == "A contract file. No older release is connected."
    db.execute("SET application_name = 'peterental/001'")
    note = planned().files[0].note
    assert note is not None
    assert note.startswith("A contract file. It would wait for 1 session of older releases: peterental/001 (pid ")


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_settings_of_a_file_do_not_reach_the_next_one(
    empty_database_url: str, folder: Folder, runner: MigrationRunner, header: str
) -> None:
    """The runner begins a new session there, which one transaction on the live database cannot."""
    folder.write("001_a.sql", "CREATE TABLE home (size int); SET LOCAL my.word TO 'x';")
    folder.write("002_b.sql", f"{header}INSERT INTO home SELECT current_setting('my.word', true)::int;")
    folder.write("003_c.sql", f"{header}SELECT set_config('my.word', '1', false);")
    folder.write("004_d.sql", "ALTER TABLE home ADD COLUMN word int DEFAULT current_setting('my.word', true)::int;")
    found = plan(empty_database_url, folder.path, report=print)
    assert not found.would_fail
    assert [file.where for file in found.files][1] == SCRATCH
    assert runner.run_migrations() == 4
