"""A file without a transaction depends on no session state that an interruption would take away."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import FilesRefused, MigrationFailed
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.checks import inspect_text
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.session_state import is_replayable, session_state_problems
from peterental.database.migrations.source.statements import split_statements
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import hidden, tables

HEADER = "-- migrate: no-transaction\n"
FILE = MigrationFile(1, "x", Path("001_x.sql"))

LOST = {
    "CREATE TEMP TABLE ids AS SELECT 1 AS id": "a temporary table",
    "CREATE TEMPORARY TABLE ids (id int)": "a temporary table",
    "CREATE TABLE pg_temp.ids (id int)": "a temporary table",
    "SELECT 1 AS id INTO TEMP ids": "a temporary table",
    "WITH x AS (SELECT 1) SELECT * INTO TEMPORARY ids FROM x": "a temporary table",
    "CREATE TEMP VIEW ids AS SELECT 1": "a temporary table",
    "CREATE TEMP SEQUENCE ids": "a temporary table",
    "CREATE FUNCTION pg_temp.one() RETURNS int LANGUAGE sql AS 'SELECT 1'": "a function or type in pg_temp",
    "CREATE TYPE pg_temp.pair AS (a int, b int)": "a function or type in pg_temp",
    "CREATE TYPE pg_temp.mood AS ENUM ('good')": "a function or type in pg_temp",
    "CREATE DOMAIN pg_temp.few AS int CHECK (VALUE < 9)": "a function or type in pg_temp",
    "DO $$ BEGIN CREATE TEMP TABLE ids (id int); END $$": "a temporary table",
    "DO $$ BEGIN EXECUTE 'CREATE TEMP TABLE ' || quote_ident('ids') || ' (id int)'; END $$": "a temporary table",
    "DO $$ DECLARE x nowhere.t.i%TYPE; BEGIN CREATE TEMP TABLE ids (id int); END $$": "a temporary table",
    "PREPARE p AS SELECT 1": "a prepared statement",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1": "a cursor WITH HOLD",
    "LISTEN news": "LISTEN",
    "INSERT INTO t VALUES (currval('s'))": "what currval() and lastval() return",
    "SELECT lastval()": "what currval() and lastval() return",
    "SELECT pg_advisory_lock(1)": "an advisory lock of the session",
    "SELECT pg_try_advisory_lock_shared(1, 2)": "an advisory lock of the session",
    "DO $$ BEGIN IF pg_try_advisory_lock(1) THEN NULL; END IF; END $$": "an advisory lock of the session",
    "DO $$ BEGIN SET ROLE boss; END $$": "a setting made inside a block",
    "DO $$ BEGIN EXECUTE 'SET ROLE ' || quote_ident('boss'); END $$": "a setting made inside a block",
    "DO $$ BEGIN PERFORM set_config('search_path', 'app', false); END $$": "a setting made by an expression or inside",
    "SELECT set_config('search_path', current_user, false)": "a setting made by an expression or inside a block",
}

TEMPORARY_FIRST = {
    "SET search_path = pg_temp": "with pg_temp first in search_path new tables are temporary, and",
    "SET SESSION search_path TO 'pg_temp', public": "with pg_temp first in search_path new tables are temporary, and",
    "SELECT set_config('search_path', 'pg_temp, app', false)": "with pg_temp first in search_path new tables are",
}

KEPT = (
    "DO $$ BEGIN CREATE TEMP TABLE ids (id int); DROP TABLE ids; END $$",
    "DO $$ BEGIN CREATE TEMP TABLE ids (id int) ON COMMIT DROP; END $$",
    "DO $$ BEGIN PERFORM pg_advisory_lock(1); PERFORM pg_advisory_unlock(1); END $$",
    "DO $$ BEGIN SET LOCAL ROLE boss; PERFORM set_config('a.b', 'c', true); EXECUTE 'SET LOCAL a.b TO ' || 1; END $$",
    "SELECT pg_advisory_xact_lock(1)",
    "SET LOCAL work_mem TO '1MB'",
    "SELECT nextval('s'), currval('s')",
    "DO $$ BEGIN PERFORM nextval('s'); PERFORM currval('s'); END $$",
    "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE ids (id int); END $$",
    "SELECT temp FROM weather; SELECT 'PREPARE p AS SELECT 1'",
    "PREPAR; SET ROLE",  # the server reports the error
)

SETTINGS = (
    "SET ROLE boss",
    "SET search_path = app, public, pg_temp",
    "SET search_path TO DEFAULT",
    "SET SESSION AUTHORIZATION boss",
    "RESET ROLE",
    "RESET ALL",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "LOAD 'auto_explain'",
    "DISCARD PLANS",
    "SELECT pg_catalog.set_config('search_path', '', false)",
    "SELECT set_config('work_mem', '1MB', false), set_config('search_path', 'pg_temporary', false)",
)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("LOCK TABLE a IN SHARE MODE", "LOCK TABLE"),
        ("SAVEPOINT a", "a savepoint"),
        ("DECLARE c CURSOR FOR SELECT 1", "a cursor"),
    ],
)
def test_statement_that_needs_the_files_transaction_is_refused(statement: str, what: str) -> None:
    text = f"{HEADER}SELECT 1;\n{statement};\nDO $$ BEGIN LOCK TABLE a; END $$;"
    problems = session_state_problems(FILE, text, split_statements(text))
    assert [(problem.line, problem.message) for problem in problems] == [
        (3, f"{what} has no effect in a no-transaction file, where each statement is a transaction of its own")
    ]


@pytest.mark.parametrize(
    "statement", ["SET LOCAL work_mem TO '1MB'", "SET TRANSACTION READ ONLY", "set constraints all deferred"]
)
def test_statement_without_effect_warns_as_with_psql(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines, statement: str
) -> None:
    folder.write("001_a.sql", f"{HEADER}{statement};\nCREATE TABLE a (i int);")
    assert runner.run_migrations() == 1
    assert "   WARNING: SET " in reported.text
    assert "can only be used in transaction blocks" in reported.text


SHOWN = "INSERT INTO shown VALUES (current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'));\n"


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        ("SET lock_timeout TO '7s';", "7s 2min"),
        ("SET SESSION statement_timeout = '9min';", "1s 9min"),
        ("SELECT set_config('lock_timeout', '7s', false), set_config('statement_timeout', '9min', false);", "7s 9min"),
        ("SET lock_timeout TO '7s'; RESET lock_timeout;", "1s 2min"),
        ("SET lock_timeout TO '7s'; SET lock_timeout TO DEFAULT;", "1s 2min"),
        ("SET lock_timeout TO '7s'; SET statement_timeout = '9min'; RESET ALL;", "1s 2min"),
        ("SET lock_timeout TO '7s'; SET work_mem TO DEFAULT; VACUUM; DISCARD PLANS;", "7s 2min"),
    ],
)
def test_time_limits_of_a_no_transaction_file_are_in_effect(
    runner: MigrationRunner, folder: Folder, db: Connection, words: str, limits: str
) -> None:
    header = f"{HEADER}-- migrate: statement-timeout=2min\n"
    folder.write("001_a.sql", f"{header}CREATE TABLE shown (what text);\n{words}\n{SHOWN}SELECT 1 / 0;\n{SHOWN}")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    folder.write("001_a.sql", folder.path.joinpath("001_a.sql").read_text().replace("1 / 0", "1 / 1"))
    assert runner.run_migrations() == 1  # resumed in another session
    assert [row["what"] for row in db.execute("SELECT what FROM shown")] == [limits, limits]


@pytest.mark.parametrize(
    "words", ["SET TRANSACTION READ ONLY;", "CREATE TABLE a (i int); SET transaction_read_only TO on;"]
)
def test_read_only_transaction_of_a_file_is_explained(runner: MigrationRunner, folder: Folder, words: str) -> None:
    folder.write("001_a.sql", f"{words} SELECT 1;")
    with pytest.raises(
        MigrationFailed, match="Next: remove the statement that makes the file's transaction read-only,"
    ):
        runner.run_migrations()


@pytest.mark.parametrize("statement", LOST | TEMPORARY_FIRST)
def test_state_that_would_be_lost_is_an_error_of_the_file(statement: str) -> None:
    text = f"{HEADER}SELECT 1;\n{statement};\nSELECT 2;"
    problems = session_state_problems(FILE, text, split_statements(text))
    assert [(problem.line, problem.message) for problem in problems] == [
        (3, problem.message) for problem in problems if problem.message.startswith((LOST | TEMPORARY_FIRST)[statement])
    ]
    assert len(problems) == 1
    assert problems[0].message.endswith("cannot survive an interruption of a no-transaction file")


@pytest.mark.parametrize("statement", [*KEPT, *SETTINGS])
def test_other_statements_are_accepted(statement: str) -> None:
    assert session_state_problems(FILE, statement, split_statements(statement)) == []


def test_only_settings_are_replayable() -> None:
    assert [statement for statement in SETTINGS if not is_replayable(statement)] == []
    others = ("SET LOCAL a.b = 1", "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL IMMEDIATE", "SELECT 1", "SET ROLE")
    more = ("SELECT set_config('a.b', current_user, false)", "SELECT set_config('a.b', 'c', false), now()")
    assert [statement for statement in (*others, *more, *LOST, *KEPT) if is_replayable(statement)] == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SET standard_conforming_strings = off;\nSELECT 'a\\''); COMMIT; --';", 3),
        ("SELECT set_config('standard_conforming_strings', 'off', false);\nSELECT 1;\nSELECT E'\\n';", 4),
        ("SET NAMES 'LATIN1';\nSELECT 'é';", 3),
        ("SET standard_conforming_strings = off;\nSELECT 1;\nRESET ALL;\nSELECT E'\\n';", None),
        ("SET standard_conforming_strings = off;\nSET standard_conforming_strings = on;\nSELECT E'\\n';", None),
        ("SET client_encoding = 'LATIN1';\nSELECT 'e';\nRESET client_encoding;\nSELECT 'é';", None),
        ("SET client_encoding = 'UTF8';\nLOAD 'x';\nSELECT 'é';", None),
    ],
)
def test_text_that_would_be_read_otherwise_is_refused(text: str, line: int | None) -> None:
    text = HEADER + text
    problems = session_state_problems(FILE, text, split_statements(text))
    assert [problem.line for problem in problems] == ([line] if line else [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SET standard_conforming_strings = off;\nSELECT 1;\nSELECT 'a\\n';", 3),
        ("set local standard_conforming_strings to OFF;\nSELECT 'it\\''s';", 2),
        ("SET standard_conforming_strings = off;\nSELECT 'don\\'t', 'it\\'s', 'a\\\\';", 2),
        ("SELECT set_config('standard_conforming_strings', 'off', true);\nSELECT 'a\\n';", 2),
        ("SET standard_conforming_strings = off;\nSELECT E'a\\n', $$ '\\' $$, 'plain'; -- \\", None),
        ("SET standard_conforming_strings = off;\nRESET standard_conforming_strings;\nSELECT 'a\\n';", None),
        ("SET standard_conforming_strings = on;\nSELECT 'a\\n';", None),
        ("SET client_encoding = 'LATIN1';\nSELECT 'é\\';", None),
    ],
)
def test_text_that_psql_would_read_otherwise_is_refused(text: str, line: int | None) -> None:
    assert [problem.line for problem in inspect_text(FILE, text)[1]] == ([line] if line else [])


@pytest.mark.parametrize("header", ["", HEADER])
def test_file_that_is_accepted_stores_what_psql_stores(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str
) -> None:
    setting = "SET standard_conforming_strings = off; SET escape_string_warning = off;"
    folder.write("001_a.sql", f"{header}{setting} CREATE TABLE a AS SELECT 'a\\\\b' AS v;")
    with pytest.raises(FilesRefused, match="otherwise than"):
        runner.run_migrations()
    body = "$$ BEGIN INSERT INTO a VALUES ('c\\\\d'); END $$"  # read when it runs, with the setting
    folder.write("001_a.sql", f"SET standard_conforming_strings = off; CREATE TABLE a (v text); DO {body};")
    assert runner.run_migrations() == 1
    assert db.execute("SELECT v FROM a").fetchall() == [{"v": "c\\d"}]


def test_every_command_refuses_such_a_file(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", HEADER + "CREATE TABLE b (i int);\nCREATE TEMP TABLE ids AS SELECT 1 AS id;\nSELECT 1/0;")
    with pytest.raises(FilesRefused, match=r"^002_b.sql:3: a temporary table cannot survive an interruption"):
        runner.run_migrations()
    assert tables(db) == set()
    [finding] = [finding for finding in lint_directory(folder.path).findings if finding.rule.name == "not-runnable"]
    assert finding.what.startswith("A temporary table cannot survive an interruption of a no-transaction file; use")
    folder.write("002_b.sql", "CREATE TEMP TABLE ids AS SELECT 1 AS id;\nCREATE TABLE b AS SELECT id FROM ids;")
    assert runner.run_migrations() == 2


# --- resuming ---------------------------------------------------------------------------------------------------------


def test_settings_are_set_again_on_resume(
    runner: MigrationRunner, folder: Folder, db: Connection, role: str, reported: ReportedLines
) -> None:
    db.execute(f"CREATE SCHEMA app; CREATE TABLE app.t (who text, zone text); GRANT USAGE ON SCHEMA app TO {role}")
    db.execute(f"GRANT INSERT ON app.t TO {role}; CREATE TABLE public.t (who text, zone text)")
    text = (
        HEADER + "SET search_path = app;\nSELECT set_config('TimeZone', 'Asia/Tokyo', false);\n"
        f"SET ROLE {role};\nSELECT 1/{{}};\nINSERT INTO t VALUES (current_user, current_setting('TimeZone'));\n"
        "RESET ROLE;\nSELECT 1/{};\nINSERT INTO t VALUES (current_user, 'later');"
    )
    for divisors in ((0, 1), (1, 0)):
        folder.write("001_x.sql", text.format(*divisors))
        with pytest.raises(MigrationFailed, match="division by zero"):
            runner.run_migrations()
    folder.write("001_x.sql", text.format(1, 1))
    assert runner.run_migrations() == 1
    assert "⏳ 001_x.sql: resuming at statement 4 of 8" in reported
    assert "⏳ 001_x.sql: resuming at statement 7 of 8" in reported
    rows = db.execute("SELECT who, zone FROM app.t").fetchall()
    assert rows == [{"who": role, "zone": "Asia/Tokyo"}, {"who": db.info.user, "zone": "later"}]
    assert db.execute("SELECT count(*) AS n FROM public.t").fetchone() == {"n": 0}


def test_setting_that_fails_on_resume_is_located(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    db.execute("CREATE ROLE peterental_test_gone; GRANT peterental_test_gone TO CURRENT_USER")
    folder.write("001_x.sql", HEADER + "SET ROLE peterental_test_gone;\nSELECT 1/0;")
    with pytest.raises(MigrationFailed, match="division by zero"):
        runner.run_migrations()
    db.execute("DROP ROLE peterental_test_gone")
    for _ in range(2):
        with pytest.raises(MigrationFailed, match='(?s)role "peterental_test_gone" does not exist.*001_x.sql:2:1'):
            runner.run_migrations()


# --- how text is read -------------------------------------------------------------------------------------------------

HIDDEN_COMMIT = "CREATE TABLE t (v text);\nINSERT INTO t VALUES ('a\\'' ); COMMIT; --');\nSELECT 1/0;"


@pytest.mark.parametrize("setting", ["standard_conforming_strings = off", "backslash_quote = on"])
def test_database_setting_cannot_hide_a_commit(
    runner: MigrationRunner, folder: Folder, db: Connection, setting: str
) -> None:
    db.execute(f"ALTER DATABASE {db.info.dbname} SET {setting}")
    folder.write("001_a.sql", HIDDEN_COMMIT)
    with pytest.raises((MigrationFailed, FilesRefused)):
        runner.run_migrations()
    assert tables(db) == set()


def test_setting_of_an_earlier_file_cannot_hide_a_commit(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "SET standard_conforming_strings = off; CREATE TABLE a (i int);")
    folder.write("002_b.sql", HIDDEN_COMMIT)
    with pytest.raises((MigrationFailed, FilesRefused)):
        runner.run_migrations()
    assert "t" not in tables(db)


def test_hidden_setting_stops_an_ambiguous_statement(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    setting = hidden("SET standard_conforming_strings TO off")
    folder.write("001_a.sql", f"{HEADER}CREATE TABLE t (v text);\n{setting}\nSELECT 1;\nINSERT INTO t VALUES (E'\\n');")
    with pytest.raises(
        MigrationFailed, match="standard_conforming_strings is off, so the server would read this"
    ) as error:
        runner.run_migrations()
    assert "Stopped at statement 4 of 4; the 3 before it are done." in str(error.value)
    folder.write("001_a.sql", f"{HEADER}CREATE TABLE t (v text);\n{setting}\nSELECT 1;\nINSERT INTO t VALUES ('n');")
    assert runner.run_migrations() == 1
    assert db.execute("SELECT v FROM t").fetchone() == {"v": "n"}
