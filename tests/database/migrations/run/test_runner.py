"""Pending files are applied in order, one transaction each; a failed file is rolled back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    MigrationFailed,
    UnknownMigration,
)
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import attempts, ledger, tables


def test_pending_files_are_applied_in_order_and_recorded(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_make_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_fill_a.sql", "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)")
    assert runner.get_applied_migrations() == []
    assert runner.run_migrations() == 2
    assert ledger(db) == {1: "make a", 2: "fill a"}
    assert db.execute("SELECT count(*) AS n FROM a").fetchone() == {"n": 2}
    assert runner.get_applied_migrations() == [1, 2]
    assert attempts(db) == [(1, "applied"), (2, "applied")]


def test_log_has_the_lines_of_the_guide(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    assert reported[0] == "✅ Database connected"
    assert reported[-1] == "✅ Successfully applied 1 new migrations"
    reported.clear()
    runner.run_migrations()
    assert reported == ["✅ Database connected", "✅ Database is up to date (no new migrations)"]


def test_second_run_changes_nothing(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert [runner.run_migrations(), runner.run_migrations()] == [1, 0]


def test_to_stops_at_a_version(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    assert runner.run_migrations(to=2) == 2
    assert tables(db) == {"t1", "t2"}
    assert runner.run_migrations() == 1


def test_up_to_date_message_names_the_version(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    for number in (1, 2):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    runner.run_migrations(to=1)
    assert runner.run_migrations(to=1) == 0
    assert reported[-1] == "✅ Database is up to date as far as 001 (no new migrations)"


@pytest.mark.parametrize("count", [0, 2])
def test_version_beyond_the_last_file_is_refused(
    runner: MigrationRunner, folder: Folder, db: Connection, count: int
) -> None:
    for number in range(1, count + 1):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    last = f"There is no migration 099, the last file is 00{count}. Nothing was applied."
    with pytest.raises(UnknownMigration) as caught:
        runner.run_migrations(to=99)
    assert str(caught.value) == last
    assert tables(db) == set()


def test_file_may_record_itself(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i int); INSERT INTO schema_migrations (version, description)"
        " VALUES (1, 'In its own words') ON CONFLICT (version) DO NOTHING;",
    )
    assert runner.run_migrations() == 1
    assert ledger(db) == {1: "In its own words"}
    row = db.execute("SELECT checksum, duration_ms, applied_by FROM schema_migrations").fetchone()
    assert row is not None
    assert None not in row.values()


def test_percent_signs_and_braces_are_plain_text(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a AS SELECT '100 % of {} and %s and $1' AS words;")
    runner.run_migrations()
    assert db.execute("SELECT words FROM a").fetchone() == {"words": "100 % of {} and %s and $1"}


def test_bom_and_crlf_are_tolerated(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", b"\xef\xbb\xbf-- a\r\nCREATE TABLE a (\r\n i int\r\n);\r\n")
    runner.run_migrations()
    assert tables(db) == {"a"}


def test_failed_file_is_rolled_back_alone(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);\nINSERT INTO nowhere VALUES (1);")
    folder.write("003_c.sql", "CREATE TABLE c (i int);")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines() == [
        'Migration 2 failed: relation "nowhere" does not exist',
        f"  at {folder.path}/002_b.sql:2:13",
        "  2 | INSERT INTO nowhere VALUES (1);",
        "    |             ^",
        "  002_b.sql was rolled back. 001 stays applied.",
        "  Next: fix the error, then run: flask db-migrate",
    ]
    assert tables(db) == {"a"}
    assert ledger(db) == {1: "a"}
    assert attempts(db) == [(1, "applied"), (2, "failed")]


def test_file_deleted_during_the_run_is_reported(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection
) -> None:
    for number in (1, 2, 3):
        last = folder.write(f"00{number}_x.sql", f"CREATE TABLE t{number} (i int);")
    with pytest.raises(MigrationFailed) as caught:
        runner_with(report=lambda line: last.unlink() if line.startswith("✅ 001") else None).run_migrations()
    assert str(caught.value) == (
        f"Migration 3 failed: cannot read {last}: No such file or directory\n"
        "  003_x.sql was not started. 001, 002 stay applied.\n"
        "  Next: fix the error, then run: flask db-migrate"
    )
    outcomes = db.execute("SELECT outcome FROM schema_migration_attempts ORDER BY attempt_id").fetchall()
    assert [row["outcome"] for row in outcomes] == ["applied", "applied", "failed"]


def test_failed_attempt_is_recorded_with_its_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    row = db.execute("SELECT error, ended_at FROM schema_migration_attempts").fetchone()
    assert row is not None
    assert "division by zero" in row["error"]
    assert row["ended_at"] is not None


def test_fixed_file_is_applied_by_the_next_run(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i nonsense);")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert runner.run_migrations() == 1
    assert attempts(db) == [(1, "failed"), (1, "applied")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("SELECT 1;\r\n\tSELECT  oops;\r\n", ":2:10"),
        ("SELECT '🙂🙂', oops;", ":1:14"),
        ("\ufeffSELECT oops;", ":1:8"),
        ("-- a\n\n/* b */ INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);", ":4:1"),
        ("SELEC 1;", ":1:1"),
        ("SELECT 'never ends;", ":1:8"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT oops $$;", ":2:8"),
    ],
)
def test_errors_show_line_and_column(
    runner_with: Callable[..., MigrationRunner], folder: Folder, text: str, place: str
) -> None:
    folder.write("001_t.sql", "CREATE TABLE t (i int PRIMARY KEY);")
    folder.write("002_x.sql", text)
    with pytest.raises(MigrationFailed) as caught:
        runner_with().run_migrations()
    assert f"002_x.sql{place}\n" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "character"),
    [
        ("SELECT 1;\n\ufeffSELECT 2;", "U+FEFF (zero width no-break space)"),
        ("CREATE\u00a0TABLE t (i int);", "U+00A0 (no-break space)"),
        ("SELECT * FROM t\u200b;", "U+200B (zero width space)"),
        ("SELECT b\u3000FROM t;", "U+3000 (ideographic space)"),
    ],
)
def test_invisible_character_is_named(runner: MigrationRunner, folder: Folder, text: str, character: str) -> None:
    folder.write("001_a.sql", text)
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    hint = f"\n  Hint: It has an invisible character, {character}; type a plain space, or remove it.\n"
    assert hint in str(caught.value)


@pytest.mark.parametrize("variable", [":limit", ":'word'", ':"table"', ":{?word}"])
def test_psql_variable_is_named(runner: MigrationRunner, folder: Folder, variable: str) -> None:
    folder.write("001_a.sql", f"SELECT\n {variable};")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    hint = f"Hint: {variable} looks like a variable of psql; files run unchanged here, so write its value."
    assert f"001_a.sql:2:2\n  2 |  {variable};\n    |  ^\n  {hint}\n" in str(caught.value)


@pytest.mark.parametrize("expression", ["1::unknown_type", "(ARRAY[1, 2])[1:nothing]", "'a' ::nothing"])
def test_other_colons_are_no_psql_variables(runner: MigrationRunner, folder: Folder, expression: str) -> None:
    folder.write("001_a.sql", f"SELECT {expression};")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert "variable of psql" not in str(caught.value)


def test_visible_characters_get_no_hint(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT größe FROM 部屋 -- \u00a0\n;")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert "Hint" not in str(caught.value)


def test_detail_and_hint_of_the_server_are_shown(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (first_name text);\nSELECT frist_name FROM a;")
    with pytest.raises(MigrationFailed, match='Hint: Perhaps you meant to reference the column "a.first_name"'):
        runner.run_migrations()


def test_directives_set_the_file_s_timeouts(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "-- migrate: lock-timeout=3s statement-timeout=2min\nCREATE TABLE a AS SELECT"
        " current_setting('lock_timeout') AS l, current_setting('statement_timeout') AS s;",
    )
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT current_setting('lock_timeout') AS l;")
    runner.run_migrations()
    assert db.execute("SELECT * FROM a").fetchone() == {"l": "3s", "s": "2min"}
    assert db.execute("SELECT * FROM b").fetchone() == {"l": "1s"}


def test_lost_connection_is_one_message(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed, match="Migration 1 failed: the connection to the database was lost"):
        MigrationRunner(empty_database_url, folder.path).run_migrations()
    assert tables(db) == set()
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert MigrationRunner(empty_database_url, folder.path).run_migrations() == 1


def test_deferred_constraint_fails_at_commit(runner: MigrationRunner, folder: Folder) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE p (i int PRIMARY KEY);\nCREATE TABLE c (i int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n"
        "INSERT INTO c VALUES (5);",
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines()[:3] == [
        'Migration 1 failed: insert or update on table "c" violates foreign key constraint "c_i_fkey"',
        f"  at the end of {folder.path}/001_a.sql, when it was recorded and committed",
        '  Detail: Key (i)=(5) is not present in table "p".',
    ]
    assert caught.value.next_step == "correct the rows that break the constraint, or the constraint"


@pytest.mark.parametrize(
    ("statement", "next_step"),
    [
        ("INSERT INTO a VALUES (200)", "create the partition that these rows need, or correct their key"),
        ("INSERT INTO a_low VALUES (200)", "create the partition that these rows need, or correct their key"),
        ("INSERT INTO a VALUES (-1)", "correct the rows that break the constraint, or the constraint"),
        (
            "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "move SET TRANSACTION above every other statement of the file",
        ),
        ("DO $$ BEGIN EXECUTE 'VACUUM'; END $$", "write it as a statement of its own, outside the block or function,"),
        ("VACUUM", "put “-- migrate: no-transaction” at the top of the file"),
        ("SET TRANSACTION READ ONLY; DROP TABLE a", "remove the statement that makes the file's transaction read-only"),
        ("DROP TABLE pg_type", "use a role that may do this, such as the owner of these objects, or grant this one"),
        ("INSERT INTO hidden VALUES (1)", "write these rows before FORCE ROW LEVEL SECURITY, or create a policy that"),
    ],
)
def test_next_step_fits_the_reason(
    runner: MigrationRunner, folder: Folder, role: str, statement: str, next_step: str
) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i int CHECK (i > 0)) PARTITION BY RANGE (i);"
        "CREATE TABLE a_low PARTITION OF a FOR VALUES FROM (-10) TO (100); CREATE TABLE hidden (i int);"
        f'ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; GRANT ALL ON a, a_low, hidden TO "{role}"; SET ROLE "{role}"; {statement};',
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert caught.value.next_step.startswith(next_step)


def test_multi_line_message_is_indented(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION E'one\\ntwo'; END $$;")
    with pytest.raises(MigrationFailed, match=r"^Migration 1 failed: one\n  two\n  at "):
        runner.run_migrations()
