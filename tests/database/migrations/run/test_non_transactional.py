"""No-transaction files: splitting, resuming, and recovery of concurrent index builds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import MigrationFailed, MigrationFilesError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.run.transaction_control import contains_commit
from peterental.database.migrations.sql.block_transactions import has_transaction_control
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import LONG_QUERY_RUNS, attempts, hidden, ledger, start, wait_until
from tests.servers import HANG_S, until

HEADER = "-- migrate: no-transaction\n"

BUILDING = (
    "EXISTS (SELECT FROM pg_stat_progress_create_index"
    " WHERE datname = current_database() AND command = 'CREATE INDEX CONCURRENTLY')"
)


def indexes(db: Connection) -> dict[str, bool]:
    rows = db.execute(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname LIKE 'idx%'"
    )
    return {row["relname"]: row["indisvalid"] for row in rows}


def progress(db: Connection) -> list[tuple[str, int | None]]:
    rows = db.execute("SELECT outcome, statement FROM schema_migration_attempts ORDER BY attempt_id")
    return [(row["outcome"], row["statement"]) for row in rows]


def test_statements_run_outside_a_transaction(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int);")
    folder.write(
        "002_x.sql",
        HEADER + "CREATE INDEX CONCURRENTLY idx_t ON t (i);\nVACUUM t;\nINSERT INTO t VALUES (1);\n"
        "REINDEX INDEX CONCURRENTLY idx_t;\nDROP INDEX CONCURRENTLY idx_t;",
    )
    folder.write("003_y.sql", "CREATE TABLE y (i int);")
    assert runner.run_migrations() == 3
    assert ledger(db) == {1: "t", 2: "x", 3: "y"}
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 1}
    assert indexes(db) == {}
    assert progress(db) == [("applied", None), ("applied", 5), ("applied", None)]


def test_procedure_that_commits_runs(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int);")
    folder.write(
        "002_x.sql",
        HEADER
        + "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN FOR n IN 1..3 LOOP INSERT INTO t VALUES (n); COMMIT;"
        " END LOOP; END $$;\nCALL fill();\nDO $größe$ BEGIN INSERT INTO t VALUES (4); COMMIT; END $größe$;",
    )
    assert runner.run_migrations() == 2
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 4}


def test_statements_are_split_by_the_parser(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_x.sql",
        HEADER
        + "CREATE TABLE t (s text); -- ; '\n"
        + "INSERT INTO t VALUES ('a;b'), (E'c\\';d'), ($ü$e;f$ü$), ($$;$$); /* ; /* ; */ ; */\n"
        + 'CREATE TABLE "semi;colon" (i int);;\n'
        + "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n"
        + "DO $$ BEGIN PERFORM 1; PERFORM 2; END $$",
    )
    assert runner.run_migrations() == 1
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 4}
    assert progress(db) == [("applied", 5)]


def test_next_run_resumes_at_the_failed_statement(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    folder.write(
        "001_x.sql", HEADER + "CREATE TABLE t (i int);\nINSERT INTO t VALUES (1);\n\nINSERT INTO t VALUES ('x');\n"
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    message = str(caught.value)
    assert "invalid input syntax for type integer" in message
    assert "001_x.sql:5:23\n" in message
    assert "Stopped at statement 3 of 3; the 2 before it are done." in message
    assert progress(db) == [("failed", 2)]
    assert runner.get_applied_migrations() == []
    folder.write(
        "001_x.sql", HEADER + "CREATE TABLE t (i int); -- done\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n"
    )
    assert runner.run_migrations() == 1
    assert "001_x.sql: resuming at statement 3 of 3" in reported.text
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 2}
    assert progress(db) == [("failed", 2), ("applied", 3)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP INDEX CONCURRENTLY t_wrong", 'index "t_wrong" does not exist'),
        ("CREATE INDEX CONCURRENTLY t_a ON t (b)", 'relation "t_a" already exists'),
        ("ALTER TABLE p DETACH PARTITION t CONCURRENTLY", 'relation "t" is not a partition of relation "p"'),
    ],
)
def test_refused_statement_is_not_taken_for_done(
    runner: MigrationRunner, folder: Folder, db: Connection, statement: str, message: str
) -> None:
    """Only an interrupted one may be done without a record; before, each of these was applied by the second run."""
    db.execute("CREATE TABLE t (a int, b int); CREATE INDEX t_a ON t (a); CREATE TABLE p (a int) PARTITION BY LIST (a)")
    folder.write("001_x.sql", f"{HEADER}{statement};")
    for _ in range(2):
        with pytest.raises(MigrationFailed, match=message):
            runner.run_migrations()


def test_edited_statement_is_not_taken_for_the_interrupted_one(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    db.execute("CREATE TABLE t (a int, b int)")
    index = HEADER + "CREATE INDEX CONCURRENTLY t_once ON t ({});"
    folder.write("001_x.sql", index.format("nothing"))
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    db.execute("CREATE INDEX t_once ON t (a)")
    folder.write("001_x.sql", index.format("b"))
    with pytest.raises(MigrationFailed, match='relation "t_once" already exists'):
        runner.run_migrations()


def test_unparsable_text_is_split_by_tokens(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    bodies = """
        CREATE FUNCTION f() RETURNS int BEGIN /* ; */ ATOMIC SELECT CASE WHEN true THEN 1 END; END;
        CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
        CREATE PROCEDURE p() BEGIN ATOMIC END;
        CREATE TABLE t (s text DEFAULT 'begin atomic');
    """
    folder.write("001_x.sql", HEADER + bodies + "SELEC 1;")
    with pytest.raises(MigrationFailed, match="(?s)syntax error at or near .SELEC.*Stopped at statement 5 of 5"):
        runner.run_migrations()
    folder.write("001_x.sql", HEADER + bodies + "SELECT 1;")
    assert runner.run_migrations() == 1
    assert progress(db) == [("failed", 4), ("applied", 5)]


def test_expression_of_500_terms_is_parsed(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    words = "||".join(["'a'"] * 500)
    folder.write(
        "001_x.sql",
        HEADER + f"CREATE TABLE t (s text);\nINSERT INTO t VALUES ({words});\nDO $$ BEGIN PERFORM {words}; END $$;\n"
        f"CREATE INDEX CONCURRENTLY t_s ON t (left(s || {words}, 9));",
    )
    assert runner.run_migrations() == 1
    assert db.execute("SELECT length(s) AS n FROM t").fetchone() == {"n": 500}


def test_mistyped_statement_fails(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nVACCUM t;\nINSERT INTO t VALUES (1);")
    with pytest.raises(MigrationFailed, match="(?s)syntax error at or near .VACCUM.*001_x.sql:3:1"):
        runner.run_migrations()
    assert progress(db) == [("failed", 1)]


def test_edited_completed_statement_stops_the_run(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i bigint);\nSELECT 1;")
    with pytest.raises(MigrationFilesError, match="statement 1, which an earlier attempt has done, was edited"):
        runner.run_migrations()
    outcomes = db.execute("SELECT outcome FROM schema_migration_attempts ORDER BY attempt_id").fetchall()
    assert [row["outcome"] for row in outcomes] == ["failed", "failed"]


def test_progress_ignores_the_file_s_role_and_path(
    runner: MigrationRunner, folder: Folder, db: Connection, role: str
) -> None:
    db.execute("CREATE SCHEMA elsewhere")
    statements = (
        "SET search_path = elsewhere",
        "SET default_transaction_read_only = on",
        f"SET ROLE {role}",
        "SELECT 1",
        "RESET ROLE",
        "SET default_transaction_read_only = off",
        "CREATE TABLE t (i int)",
    )
    folder.write("001_x.sql", HEADER + ";\n".join(statements))
    assert runner.run_migrations() == 1
    assert db.execute("SELECT to_regclass('elsewhere.t') IS NOT NULL AS made").fetchone() == {"made": True}


def test_role_set_by_the_file_stays_in_effect(
    runner: MigrationRunner, folder: Folder, db: Connection, role: str
) -> None:
    db.execute(sql.SQL("CREATE TABLE seen (who text); GRANT INSERT ON seen TO {}").format(sql.Identifier(role)))
    folder.write("001_x.sql", HEADER + f"SET ROLE {role};\nINSERT INTO seen VALUES (current_user);")
    runner.run_migrations()
    assert db.execute("SELECT who FROM seen").fetchone() == {"who": role}


def test_no_transaction_file_may_not_commit(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_x.sql", HEADER + "BEGIN; SELECT 1; COMMIT;")
    with pytest.raises(MigrationFilesError, match="has no place in a no-transaction file, where each statement is a"):
        runner.run_migrations()


@pytest.mark.parametrize(
    "statement", ["CREATE INDEX CONCURRENTLY ON t (i)", "create unique index\n concurrently on t (i)"]
)
def test_unnamed_concurrent_index_is_refused(runner: MigrationRunner, folder: Folder, statement: str) -> None:
    folder.write("001_x.sql", HEADER + f"SELECT 1;\n{statement};")
    with pytest.raises(MigrationFilesError, match="001_x.sql:3: give the index a name"):
        runner.run_migrations()


@pytest.mark.parametrize("text", ["SELECT 'never ends;", "DO $é$ BEGIN", "/* SELECT 1;", 'SELECT "x;'])
def test_unclosed_quote_is_reported_with_its_line(runner: MigrationRunner, folder: Folder, text: str) -> None:
    folder.write("001_x.sql", f"{HEADER}SELECT 1;\n\n{text}\n\n")
    with pytest.raises(MigrationFilesError, match=r"001_x.sql:4: this file cannot be split into statements: untermin"):
        runner.run_migrations()


def test_unrecorded_file_is_recorded_by_the_next_run(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    keyless = "ALTER TABLE schema_migrations DROP CONSTRAINT schema_migrations_pkey"
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\n" + hidden(keyless))
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert "All its statements are done, but it is not recorded as applied." in str(caught.value)
    db.execute("ALTER TABLE schema_migrations ADD PRIMARY KEY (version)")
    assert runner.run_migrations() == 1
    assert "⏳ 001_x.sql: all its statements are done; recording it" in reported
    assert ledger(db) == {1: "x"}


# --- indexes ----------------------------------------------------------------------------------------------------------


def test_invalid_index_is_rebuilt(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1);")
    folder.write("002_x.sql", HEADER + "CREATE UNIQUE INDEX CONCURRENTLY idx_t ON t (i);")
    with pytest.raises(MigrationFailed, match=r'could not create unique index "idx_t"'):
        runner.run_migrations()
    assert indexes(db) == {"idx_t": False}
    db.execute("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)")
    assert runner.run_migrations() == 1
    assert indexes(db) == {"idx_t": True}


def test_if_not_exists_rebuilds_an_invalid_index(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1);")
    folder.write("002_x.sql", HEADER + "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_t ON t (i);")
    for _ in range(2):
        with pytest.raises(MigrationFailed, match="could not create unique index"):
            runner.run_migrations()
    db.execute("TRUNCATE t")
    assert runner.run_migrations() == 1
    assert indexes(db) == {"idx_t": True}


def test_valid_index_is_not_rebuilt_after_a_kill(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int);")
    folder.write("002_x.sql", HEADER + "SELECT 1;\nCREATE INDEX CONCURRENTLY idx_t ON t (i);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    # the state after a kill between the build and its record
    db.execute("UPDATE schema_migration_attempts SET statement = 1, outcome = 'running' WHERE outcome = 'failed'")
    before = db.execute("SELECT 'idx_t'::regclass::oid AS oid").fetchone()
    folder.write("002_x.sql", HEADER + "SELECT 1;\nCREATE INDEX CONCURRENTLY idx_t ON t (i);\nSELECT 1;")
    assert runner.run_migrations() == 1
    assert db.execute("SELECT 'idx_t'::regclass::oid AS oid").fetchone() == before


def test_existing_index_of_that_name_is_an_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int); CREATE INDEX idx_t ON t (i)")
    folder.write("001_x.sql", HEADER + "CREATE INDEX CONCURRENTLY idx_t ON t (i);")
    with pytest.raises(MigrationFailed, match='relation "idx_t" already exists'):
        runner.run_migrations()


def test_copies_of_an_interrupted_reindex_are_dropped(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("CREATE UNIQUE INDEX CONCURRENTLY idx_t ON t (i)")
    db.execute("ALTER INDEX idx_t RENAME TO idx_u_ccnew")
    db.execute("CREATE INDEX idx_u ON t (i)")
    folder.write("001_x.sql", HEADER + "REINDEX INDEX CONCURRENTLY idx_u;")
    assert runner.run_migrations() == 1
    assert indexes(db) == {"idx_u": True}


def test_drop_completed_before_a_kill_is_skipped(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int); CREATE INDEX idx_t ON t (i)")
    folder.write("001_x.sql", HEADER + "SELECT 1;\nDROP INDEX CONCURRENTLY idx_t;\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    db.execute("UPDATE schema_migration_attempts SET statement = 1, outcome = 'running'")
    folder.write("001_x.sql", HEADER + "SELECT 1;\nDROP INDEX CONCURRENTLY idx_t;\nSELECT 1;")
    assert runner.run_migrations() == 1


def test_two_builds_finish_while_a_runner_waits(folder: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int, j int); INSERT INTO t SELECT n, n FROM generate_series(1, 20000) AS n")
    folder.write(
        "001_x.sql",
        HEADER
        + "CREATE INDEX CONCURRENTLY idx_i ON t (i);\nSELECT pg_sleep(0.3);\nCREATE INDEX CONCURRENTLY idx_j ON t (j);",
    )
    runners = [start(empty_database_url, folder) for _ in range(3)]
    outputs = [process.communicate(timeout=HANG_S) for process in runners]
    assert [process.returncode for process in runners] == [0, 0, 0], outputs
    assert indexes(db) == {"idx_i": True, "idx_j": True}
    assert attempts(db) == [(1, "applied")]


def test_build_waits_for_old_transactions(folder: Folder, empty_database_url: str, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write("001_x.sql", HEADER + "CREATE INDEX CONCURRENTLY idx_t ON t (i);")
    with psycopg.connect(empty_database_url, application_name="the long report") as other:
        other.execute("INSERT INTO t VALUES (1)")
        process = start(empty_database_url, folder)
        assert process.stdout is not None
        assert any("Waiting for" in line and "the long report" in line for line in process.stdout)
        other.commit()
    process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    assert indexes(db) == {"idx_t": True}


def test_dropping_an_invalid_index_ignores_role_timeouts(
    folder: Folder, empty_database_url: str, db: Connection, runner: MigrationRunner
) -> None:
    db.execute("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1)")
    db.execute(sql.SQL("ALTER DATABASE {} SET lock_timeout TO '50ms'").format(sql.Identifier(db.info.dbname)))
    folder.write("001_x.sql", HEADER + "CREATE UNIQUE INDEX CONCURRENTLY idx_t ON t (i);")
    with pytest.raises(MigrationFailed, match="could not create unique index"):
        runner.run_migrations()
    db.execute("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)")
    with psycopg.connect(empty_database_url, application_name="the long report") as other:
        other.execute("INSERT INTO t VALUES (2)")
        process = start(empty_database_url, folder)
        wait_until(
            db,
            "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'DROP INDEX CONC%'"
            " AND wait_event_type = 'Lock' AND now() - query_start > '1.2 s')",
        )
        other.commit()
    output, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, output
    assert indexes(db) == {"idx_t": True}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_build_is_finished_by_the_next_run(
    folder: Folder,
    empty_database_url: str,
    db: Connection,
    runner_with: Callable[..., MigrationRunner],
    number: signal.Signals,
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write("001_x.sql", HEADER + "SELECT 1;\nCREATE INDEX CONCURRENTLY idx_t ON t (i);")
    with psycopg.connect(empty_database_url) as other:
        other.execute("INSERT INTO t VALUES (1)")
        process = start(empty_database_url, folder)
        wait_until(db, BUILDING)
        os.kill(process.pid, number)
        process.communicate(timeout=HANG_S)
        wait_until(db, f"NOT {BUILDING}")
    until(lambda: runner_with(lock_wait_s=HANG_S).run_migrations() == 1, "the next run ends it")
    assert indexes(db) == {"idx_t": True}
    assert [outcome for outcome, _ in progress(db)] == ["interrupted", "applied"]


def test_killed_statement_is_not_counted_as_done(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nSELECT pg_sleep(600);\nCREATE TABLE u (i int);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    assert read_status(empty_database_url, folder.path).entries[0].state == "pending"
    process.kill()
    process.communicate()
    wait_until(db, f"NOT {LONG_QUERY_RUNS}")
    wait_until(
        db,
        "NOT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database())",
    )
    assert read_status(empty_database_url, folder.path).entries[0].state == "failed"
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nSELECT pg_sleep(0);\nCREATE TABLE u (i int);")
    assert MigrationRunner(empty_database_url, folder.path, lock_wait_s=HANG_S).run_migrations() == 1
    assert progress(db) == [("interrupted", 1), ("applied", 3)]


def test_first_statement_done_before_a_kill_is_skipped(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int); CREATE INDEX idx_t ON t (i)")
    folder.write("001_x.sql", HEADER + "DROP INDEX CONCURRENTLY idx_t;\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    db.execute("UPDATE schema_migration_attempts SET statement = 0, outcome = 'running'")
    folder.write("001_x.sql", HEADER + "DROP INDEX CONCURRENTLY idx_t;\nSELECT 1;")
    assert runner.run_migrations() == 1


def test_file_restarts_after_a_rollback(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nSELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nSELECT 1;")
    folder.write("001_x.down.sql", "DROP TABLE t;")
    assert runner.run_migrations() == 1
    rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=lambda _: None)
    assert runner.run_migrations() == 1


def test_progress_of_a_long_build_is_reported(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection
) -> None:
    db.execute(
        "CREATE TABLE t (i int, wide text); INSERT INTO t SELECT n, repeat('x', 2000) FROM generate_series(1, 400) AS n"
    )
    db.execute(
        "CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
        " IF i = 200 THEN FOR n IN 1..12000 LOOP EXIT WHEN pg_try_advisory_xact_lock_shared(7); PERFORM pg_sleep(0.01);"
        " END LOOP; END IF; RETURN i; END $$; SELECT pg_advisory_lock(7)"
    )
    folder.write("001_x.sql", HEADER + "CREATE INDEX CONCURRENTLY idx_t ON t (slow(i));")
    shown: list[tuple[str, int]] = []

    def progress(what: str, percent: int) -> None:
        shown.append((what, percent))
        if percent > 0:
            db.execute("SELECT pg_advisory_unlock_all()")

    runner_with(progress=progress).run_migrations()
    assert any("idx_t: building index" in what and 0 < percent <= 100 for what, percent in shown), shown


def test_index_invalidated_by_others_is_rebuilt(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_x.sql", HEADER + "CREATE TABLE t (i int);\nCREATE INDEX CONCURRENTLY idx_t ON t (i);\nSELECT 1/0;"
    )
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    db.execute("DROP INDEX idx_t; INSERT INTO t VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("CREATE UNIQUE INDEX CONCURRENTLY idx_t ON t (i)")
    folder.write("001_x.sql", HEADER + "CREATE TABLE t (i int);\nCREATE INDEX CONCURRENTLY idx_t ON t (i);\nSELECT 1;")
    assert runner.run_migrations() == 1
    assert indexes(db) == {"idx_t": True}


# --- blocks and procedures that commit --------------------------------------------------------------------------------

BATCHES = "FOR n IN 1..3 LOOP INSERT INTO t VALUES (nextval('taken')); {more} COMMIT; END LOOP;"


@pytest.mark.parametrize(
    "statements",
    [
        "DO $$ BEGIN " + BATCHES.format(more="") + " END $$;",
        "do language plpgsql 'begin " + BATCHES.format(more="").replace("'", "''") + " end';",
        # it cannot be parsed with types unknown to the parser, but is recognised
        "DO $$ DECLARE x t%ROWTYPE; y nowhere.t.i%TYPE; BEGIN " + BATCHES.format(more="") + " END $$;",
        "CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$ BEGIN " + BATCHES.format(more="") + " END $$;\nCALL fill();",
        'CREATE SCHEMA "Odd";\nCREATE PROCEDURE "Odd"."Fill"(i int) LANGUAGE plpgsql AS $$ BEGIN '
        + BATCHES.format(more="")
        + ' END $$;\n/* now */ CALL "Odd"."Fill"(1);',
    ],
    ids=["block", "block in quotes", "block with unknown types", "procedure", "procedure of another schema"],
)
def test_committing_block_runs_once(runner: MigrationRunner, folder: Folder, db: Connection, statements: str) -> None:
    db.execute("CREATE TABLE t (i bigint); CREATE SEQUENCE taken")
    if "nowhere" in statements:
        db.execute("CREATE SCHEMA nowhere; CREATE TABLE nowhere.t (i int)")
    folder.write("001_x.sql", HEADER + statements)
    assert runner.run_migrations() == 1
    assert [row["i"] for row in db.execute("SELECT i FROM t ORDER BY i")] == [1, 2, 3]
    assert db.execute("SELECT last_value FROM taken").fetchone() == {"last_value": 3}


@pytest.mark.parametrize(
    ("definition", "does"),
    [
        ("DO $$ BEGIN IF false THEN ROLLBACK; END IF; END $$", True),
        ("DO $$ BEGIN COMMIT AND CHAIN; END $$", True),
        ("DO $$ BEGIN /* COMMIT; */ PERFORM 'rollback'; END $$", False),
        ("DO $$ BEGIN PERFORM 1; END $$", False),
        ("DO LANGUAGE plpython3u 'plpy.commit()'", True),
        ("DO LANGUAGE plpython3u 'plpy.notice(1)'", False),
    ],
)
def test_only_committing_blocks_run_outside(definition: str, does: bool) -> None:  # noqa: FBT001
    assert has_transaction_control(definition) is does


def test_other_text_contains_no_commit(db: Connection) -> None:
    for statement in ("SELECT 'COMMIT'", "DO WHAT COMMIT", "CALL nobody_knows()", "do_commit()"):
        assert not contains_commit(db, statement)


def test_procedure_with_a_nested_commit_succeeds(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write(
        "001_x.sql",
        HEADER + "CREATE PROCEDURE inner_one() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;\n"
        "CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$ BEGIN CALL inner_one(); CALL inner_one(); END $$;\n"
        "CALL outer_one();",
    )
    assert runner.run_migrations() == 1
    assert db.execute("SELECT count(*) AS n FROM t").fetchone() == {"n": 2}


@pytest.mark.parametrize(
    "statement",
    ["DO $$ BEGIN ALTER TABLE t ADD COLUMN j int; COMMIT; END $$;", "VACUUM FULL t;", "VACUUM (ANALYZE, FULL) t;"],
)
def test_lock_timeout_applies_outside_transactions(
    folder: Folder, empty_database_url: str, db: Connection, statement: str
) -> None:
    db.execute("CREATE TABLE t (i int)")
    folder.write("001_x.sql", HEADER.replace("\n", " lock-timeout=300ms\n") + statement)
    with psycopg.connect(empty_database_url, application_name="the long report") as other:
        other.execute("LOCK TABLE t IN ACCESS SHARE MODE")
        process = start(empty_database_url, folder)
        assert process.stdout is not None
        assert any("a table it needs is in use" in line for line in process.stdout)
    process.communicate(timeout=HANG_S)
    assert process.returncode == 0


def test_default_lock_timeout_outside_transactions(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE TABLE t (l text)")
    folder.write(
        "001_x.sql",
        HEADER + "DO $$ BEGIN INSERT INTO t VALUES (current_setting('lock_timeout')); COMMIT; END $$;",
    )
    runner.run_migrations()
    assert db.execute("SELECT l FROM t").fetchone() == {"l": "1s"}
