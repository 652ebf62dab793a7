"""Files that cannot run are refused before anything runs, with file and line."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    FilesRefused,
    MigrationFailed,
    MigrationFilesError,
)
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import tables


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("COMMIT", 2),
        ("BEGIN", 2),
        ("START TRANSACTION", 2),
        ("END", 2),
        ("ROLLBACK", 2),
        ("ABORT", 2),
        ("commit and chain", 2),
        ("PREPARE TRANSACTION 'x'", 2),
        ("/* a\n */ COMMIT", 3),
    ],
)
def test_transaction_control_is_refused_with_its_line(
    runner: MigrationRunner, folder: Folder, db: Connection, statement: str, line: int
) -> None:
    folder.write("001_good.sql", "CREATE TABLE good (i int);")
    folder.write("002_bad.sql", f"CREATE TABLE bad (i int);\n{statement};\nCREATE TABLE worse (i int);")
    with pytest.raises(MigrationFilesError, match=f"^002_bad.sql:{line}: .*would break the file's transaction"):
        runner.run_migrations()
    assert tables(db) == set()


def test_end_of_a_body_is_no_transaction_control(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;\nSELEC 1;")
    with pytest.raises(MigrationFailed, match="(?s)syntax error at or near .SELEC.*001_a.sql:2:1"):
        runner.run_migrations()


def test_commit_after_unparsable_sql_is_found(runner: MigrationRunner, folder: Folder) -> None:
    for before in ("", "CREATE TABLE t (s text DEFAULT 'begin atomic');", "SELECT 1 AS end;"):
        folder.write("001_a.sql", f"{before}\nSELEC 1;\nCOMMIT;")
        with pytest.raises(MigrationFilesError, match="^001_a.sql:3: COMMIT would break"):
            runner.run_migrations()


@pytest.mark.parametrize(
    "text",
    [
        "SAVEPOINT s; ROLLBACK TO s; ROLLBACK TRANSACTION TO SAVEPOINT s; RELEASE s;",
        "DO $$ BEGIN PERFORM 1; END $$;",
        "SELECT 'COMMIT; BEGIN';",
        'SELECT 1 AS "commit;";',
        "/* COMMIT; */ SELECT 1; -- ROLLBACK;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END;",
        "PREPARE p AS SELECT 1; EXECUTE p;",
        "SELECT E'\\'; COMMIT; --';",
        "SELECT $größe$ COMMIT; $größe$;",
        "SELECT CASE WHEN true THEN 1 END;",
        "-- pg_advisory_unlock_all() and DISCARD ALL\nSELECT 'discard all; copy t to stdout';",
        "SELECT 'INSERT INTO schema_migrations (version) VALUES (2)';",
        "-- INSERT INTO schema_migrations (version) VALUES (2)\nSELECT 1;",
        "SELECT 1; INSERT INTO schema_migrations (version, description) VALUES (001, 'x') ON CONFLICT DO NOTHING;",
        "DISCARD PLANS; SELECT pg_advisory_lock(7), pg_advisory_unlock(7);",
    ],
)
def test_similar_words_are_accepted(runner: MigrationRunner, folder: Folder, text: str) -> None:
    folder.write("001_a.sql", text)
    assert runner.run_migrations() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\restrict abc\nSELECT 1;", r"001_a.sql:1: \\restrict is a psql command"),
        ("SELECT 1;\n  \\i other.sql", r"001_a.sql:2: \\i is a psql command"),
        (
            "CREATE TABLE t (i int);\nCOPY t FROM stdin;\n1\n\\.\n",
            r"001_a.sql:2: COPY .* 4, whose \\. is a psql command",
        ),
        ("CREATE TABLE t (i int);\nCOPY t FROM STDIN;", "001_a.sql:2: COPY … FROM STDIN takes its data from psql"),
        ("SELECT 1;\n\\restrict 9zQ\nSELECT 2;", r"001_a.sql:2: \\restrict is a psql command"),
        ("\\echo don't stop\nSELECT 1;", r"001_a.sql:1: \\echo is a psql command"),
        ("SELECT 1;\n\\1\n", r"001_a.sql:2: \\1 is a psql command"),
        ("SELECT 'a'\n\t\\; SELECT 2", r"001_a.sql:2: \\; is a psql command"),
        ("SELECT 1;\n\\! rm x\n", r"001_a.sql:2: \\! is a psql command"),
        ("\\\nSELECT 1;", r"001_a.sql:1: \\ is a psql command"),
        ("SELECT E'it\\'s', $a$it's$a$;\n\\set x 'open", r"001_a.sql:2: \\set is a psql command"),
        ("SELECT 1\\gexec\n", r"001_a.sql:1: \\gexec is a psql command"),
        ("SET standard_conforming_strings TO off;\nSELECT 1 \\gexec", r"001_a.sql:2: \\gexec is a psql command"),
        ("SELECT 1 \\", r"001_a.sql:1: \\ is a psql command"),
        ("SELECT E'a'\n  -- it's\n  'it\\'s';\n\\q", r"001_a.sql:4: \\q is a psql command"),
        (
            "COPY t FROM stdin;\n1\tit's\n",
            "001_a.sql:1: COPY … FROM STDIN takes its data from psql; write INSERT instead",
        ),
    ],
)
def test_psql_commands_are_refused(runner: MigrationRunner, folder: Folder, text: str, message: str) -> None:
    folder.write("001_a.sql", text)
    with pytest.raises(MigrationFilesError, match=message):
        runner.run_migrations()


def test_unnoticed_copy_closes_the_connection(
    empty_database_url: str,
) -> None:
    for copy in ("COPY (SELECT 1) TO STDOUT", "CREATE TEMP TABLE t (i int); COPY t FROM STDIN"):
        with psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as other:
            with pytest.raises(StatementFailed, match="COPY from or to the client cannot be used in a migration"):
                execute_text(other, copy)
            assert other.closed


def test_backslash_inside_quotes_is_text(runner: MigrationRunner, folder: Folder) -> None:
    folder.write(
        "001_a.sql", "SELECT '\n\\d is text\n', E'\\'\n\\e', $x$\n\\g $ $$\n\\r$x$;\n/* /*\n\\i */\n\\j too */ -- \\k"
    )
    assert runner.run_migrations() == 1


def test_copy_of_a_dump_is_reported_once(runner: MigrationRunner, folder: Folder) -> None:
    rows = "1\tO'Brien\n\\N\t/* \\t $$ \\N\nCOPY t FROM stdin;\n"
    folder.write(
        "001_a.sql",
        "\\restrict abc\r\nCREATE TABLE t (i int, n text);\nSELECT 'ü\nCOPY t FROM stdin;\n';\n"
        f'COPY public."t" (i, n) FROM stdin;\n{rows}\\.\nCOPY t FROM stdin;\n\\.\n\nSELECT 1 \\gexec\n',
    )
    with pytest.raises(FilesRefused) as caught:
        runner.run_migrations()
    copied = "COPY … FROM STDIN takes its data from psql; write INSERT instead"
    assert [str(problem) for problem in caught.value.problems] == [
        "001_a.sql:1: \\restrict is a psql command, not SQL; remove it",
        f"001_a.sql:6: {copied}, down to line 10, whose \\. is a psql command too",
        f"001_a.sql:11: {copied}, down to line 12, whose \\. is a psql command too",
        "001_a.sql:14: \\gexec is a psql command, not SQL; remove it",
    ]


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (i);", "put “-- migrate: no-transaction” at the top of the file"),
        ("DO $$ BEGIN COMMIT; END $$;", "put “-- migrate: no-transaction” at the top of the file"),
        ("ALTER TYPE mood ADD VALUE 'c'; SELECT 'c'::mood;", "move what uses the new value to the next file"),
    ],
)
def test_statement_needing_no_transaction_gets_a_hint(
    runner: MigrationRunner, folder: Folder, db: Connection, statement: str, hint: str
) -> None:
    db.execute("CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (i int)")
    folder.write("001_a.sql", statement)
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert f"\n  Next: {hint}, then run: flask db-migrate" in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n", "-- nothing yet\n", "/* nothing */ ;"])
def test_empty_file_refuses_the_whole_run(runner: MigrationRunner, folder: Folder, db: Connection, text: str) -> None:
    folder.write("001_good.sql", "CREATE TABLE good (i int);")
    folder.write("002_empty.sql", text)
    with pytest.raises(MigrationFilesError, match="002_empty.sql has no statement in it"):
        runner.run_migrations()
    assert tables(db) == set()


@pytest.mark.parametrize("table", ["schema_migrations", 'public."schema_migrations"', "SCHEMA_MIGRATIONS"])
def test_file_that_only_records_itself_is_empty(
    runner: MigrationRunner, folder: Folder, db: Connection, table: str
) -> None:
    folder.write("001_good.sql", "CREATE TABLE good (i int);")
    insert = f"INSERT INTO {table} (version, description)\nVALUES (2, 'x') ON CONFLICT (version) DO NOTHING;"
    folder.write("002_empty.sql", f"-- Migration 002\n\n{insert}")
    with pytest.raises(FilesRefused, match=r"^002_empty.sql does nothing but record itself; write SELECT 1 if that"):
        runner.run_migrations()
    assert tables(db) == set()
    folder.write("002_empty.sql", f"SELECT 1; {insert}")
    folder.write("003_first.sql", f"{insert.replace('2,', '3,')} SELECT 1;")
    assert runner.run_migrations() == 3


def test_all_file_problems_are_reported_together(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;\nCOMMIT; -- migrate: no-transaction")
    folder.write("002_b.sql", b"SELECT '\xff';")
    folder.write("003_c.sql", "-- nothing")
    with pytest.raises(FilesRefused) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines() == [
        "001_a.sql:2: “-- migrate:” is below the first statement; move it up;",
        "  001_a.sql:2: COMMIT would break the file's transaction; remove it: each file is one transaction already;",
        "  002_b.sql is not UTF-8 (byte 9);",
        "  003_c.sql has no statement in it; write the change, or delete the file. Nothing was applied.",
    ]


def test_gap_refuses_the_whole_run(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("003_c.sql", "CREATE TABLE c (i int);")
    with pytest.raises(MigrationFilesError, match="migration 002 is missing"):
        runner.run_migrations()
    assert tables(db) == set()


def test_misspelt_directive_refuses_the_run(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "-- migrate: no-transction\nSELECT 1;")
    with pytest.raises(
        MigrationFilesError, match="no-transction” is unknown; there are no-transaction, lock-timeout=2s"
    ):
        runner.run_migrations()


def test_late_directive_refuses_the_run(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;\n\n-- migrate: no-transaction\nSELECT 2;")
    with pytest.raises(MigrationFilesError, match="001_a.sql:3: “-- migrate:” is below the first statement"):
        runner.run_migrations()


def test_nul_character_is_refused(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", b"CREATE TABLE a (i int);\0CREATE TABLE b (i int);")
    with pytest.raises(FilesRefused, match=r"001_a.sql has a NUL character \(byte 24\), which SQL cannot hold"):
        runner.run_migrations()
    assert tables(db) == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;\nSELECT pg_advisory_unlock_all();", (2, "would release the lock that keeps other runners out")),
        ("DO $$ BEGIN\n\nPERFORM Pg_Advisory_Unlock_All(); END $$;", (3, "unlock your own locks by their keys")),
        ("-- migrate: no-transaction\nSELECT 1;\nDISCARD ALL;", (3, "DISCARD ALL would release the lock")),
        ("SELECT 1;\nCOPY (SELECT 1) TO STDOUT;", (2, "COPY … TO STDOUT sends its rows to psql")),
        ("SELECT 1;\n\nINSERT INTO schema_migrations (version, description) VALUES (2, 'x');", (3, "records itself as 2, not as 1")),
        ('SELECT 1; INSERT INTO public."schema_migrations" VALUES ( 12 );', (1, "it records itself as 12, not as 1")),
    ],
)  # fmt: skip
def test_releasing_the_runner_s_lock_is_refused(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str, said: tuple[int, str]
) -> None:
    folder.write("001_a.sql", text)
    with pytest.raises(FilesRefused, match=rf"^001_a.sql:{said[0]}: ") as caught:
        runner.run_migrations()
    assert said[1] in str(caught.value)
    assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}
