"""Look, lock, look again; one transaction per file; nothing lost and nothing twice."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    FilesRefused,
    HistoryBroken,
    LedgerTrouble,
    LockNotAcquired,
    MigrationFailed,
    NoRoom,
    NoSchema,
    NoSuchMigration,
    ReadOnlyDatabase,
)
from peterental.database.migrations.execution import StatementFailed, execute_text
from peterental.database.migrations.files import MigrationFilesError
from peterental.database.migrations.lock import lock_key
from peterental.database.migrations.repair import repair
from peterental.database.migrations.status import read_status
from tests.database.migrations.conftest import Connection, Folder, Told
from tests.proxy import Proxy
from tests.servers import running_debian_postgres

PROJECT_DIR = Path(__file__).resolve().parents[3]


def tables(db: Connection) -> set[str]:
    rows = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'schema_%'")
    return {row["tablename"] for row in rows}


def ledger(db: Connection) -> dict[int, str]:
    return {row["version"]: row["description"] for row in db.execute("SELECT * FROM schema_migrations ORDER BY 1")}


def attempts(db: Connection) -> list[tuple[int, str]]:
    rows = db.execute("SELECT version, outcome FROM schema_migration_attempts ORDER BY attempt_id")
    return [(row["version"], row["outcome"]) for row in rows]


# --- applying ---------------------------------------------------------------------------------------------------------


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


def test_the_log_has_the_lines_of_the_guide(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    assert told[0] == "✅ Database connected"
    assert told[-1] == "✅ Successfully applied 1 new migrations"
    told.clear()
    runner.run_migrations()
    assert told == ["✅ Database connected", "✅ Database is up to date (no new migrations)"]


def test_a_second_run_changes_nothing(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert [runner.run_migrations(), runner.run_migrations()] == [1, 0]


def test_to_stops_at_a_version(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    assert runner.run_migrations(to=2) == 2
    assert tables(db) == {"t1", "t2"}
    assert runner.run_migrations() == 1


def test_where_nothing_is_left_up_to_a_version_that_is_said_of_that_version(
    runner: MigrationRunner, folder: Folder, told: Told
) -> None:
    for number in (1, 2):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    runner.run_migrations(to=1)
    assert runner.run_migrations(to=1) == 0
    assert told[-1] == "✅ Database is up to date as far as 001 (no new migrations)"


@pytest.mark.parametrize("count", [0, 2])
def test_a_version_beyond_the_last_file_is_refused(
    runner: MigrationRunner, folder: Folder, db: Connection, count: int
) -> None:
    for number in range(1, count + 1):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int);")
    last = f"There is no migration 099, the last file is 00{count}. Nothing was applied."
    with pytest.raises(NoSuchMigration) as caught:
        runner.run_migrations(to=99)
    assert str(caught.value) == last
    assert tables(db) == set()


def test_a_file_may_record_itself(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
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


# --- failing ----------------------------------------------------------------------------------------------------------


def test_a_failing_file_leaves_nothing_and_the_files_before_it_stay(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
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
        "  Nothing of 002_b.sql was kept. 001 stays applied.",
        "  Next: mend the cause, then run: flask db-migrate",
    ]
    assert tables(db) == {"a"}
    assert ledger(db) == {1: "a"}
    assert attempts(db) == [(1, "applied"), (2, "failed")]


def test_a_file_that_vanishes_while_others_run_is_told_with_what_was_applied(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection
) -> None:
    for number in (1, 2, 3):
        last = folder.write(f"00{number}_x.sql", f"CREATE TABLE t{number} (i int);")
    with pytest.raises(MigrationFailed) as caught:
        runner_with(tell=lambda line: last.unlink() if line.startswith("✅ 001") else None).run_migrations()
    assert str(caught.value) == (
        f"Migration 3 failed: cannot read {last}: No such file or directory\n"
        "  003_x.sql was not begun. 001 to 002 stay applied.\n"
        "  Next: mend the cause, then run: flask db-migrate"
    )
    outcomes = db.execute("SELECT outcome FROM schema_migration_attempts ORDER BY attempt_id").fetchall()
    assert [row["outcome"] for row in outcomes] == ["applied", "applied", "failed"]


def test_the_failed_attempt_is_kept_with_its_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    row = db.execute("SELECT error, ended_at FROM schema_migration_attempts").fetchone()
    assert row is not None
    assert "division by zero" in row["error"]
    assert row["ended_at"] is not None


def test_a_mended_file_is_applied_by_the_next_run(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
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


def test_detail_and_hint_of_the_server_are_passed_on(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (first_name text);\nSELECT frist_name FROM a;")
    with pytest.raises(MigrationFailed, match='Hint: Perhaps you meant to reference the column "a.first_name"'):
        runner.run_migrations()


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
def test_a_file_with_its_own_transaction_is_refused_up_front_with_its_line(
    runner: MigrationRunner, folder: Folder, db: Connection, statement: str, line: int
) -> None:
    folder.write("001_good.sql", "CREATE TABLE good (i int);")
    folder.write("002_bad.sql", f"CREATE TABLE bad (i int);\n{statement};\nCREATE TABLE worse (i int);")
    with pytest.raises(MigrationFilesError, match=f"^002_bad.sql:{line}: .*would break the file's transaction"):
        runner.run_migrations()
    assert tables(db) == set()


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
def test_words_that_only_look_like_what_is_refused_are_fine(runner: MigrationRunner, folder: Folder, text: str) -> None:
    folder.write("001_a.sql", text)
    assert runner.run_migrations() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\\restrict abc\nSELECT 1;", r"001_a.sql:1: \\restrict is a command of psql"),
        ("SELECT 1;\n  \\i other.sql", r"001_a.sql:2: \\i is a command of psql"),
        (
            "CREATE TABLE t (i int);\nCOPY t FROM stdin;\n1\n\\.\n",
            r"001_a.sql:2: COPY .* 4, whose \\. is a command of psql",
        ),
        ("CREATE TABLE t (i int);\nCOPY t FROM STDIN;", "001_a.sql:2: COPY … FROM STDIN takes its data from psql"),
    ],
)
def test_what_only_psql_understands_is_said_to_be(
    runner: MigrationRunner, folder: Folder, text: str, message: str
) -> None:
    folder.write("001_a.sql", text)
    with pytest.raises(MigrationFilesError, match=message):
        runner.run_migrations()


def test_a_copy_that_the_check_did_not_know_ends_the_connection_rather_than_wait_for_data(
    empty_database_url: str,
) -> None:
    for copy in ("COPY (SELECT 1) TO STDOUT", "CREATE TEMP TABLE t (i int); COPY t FROM STDIN"):
        with psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as other:
            with pytest.raises(StatementFailed, match="COPY from or to the client cannot be used in a migration"):
                execute_text(other, copy)
            assert other.closed


def test_a_backslash_within_quotes_is_text(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT '\n\\d is text\n';\n/*\n\\i too */")
    assert runner.run_migrations() == 1


def test_a_dump_s_copy_is_told_once_whatever_is_in_its_rows(runner: MigrationRunner, folder: Folder) -> None:
    rows = "1\tO'Brien\n\\N\t/* \\t $$ \\N\nCOPY t FROM stdin;\n"
    folder.write(
        "001_a.sql",
        "\\restrict abc\r\nCREATE TABLE t (i int, n text);\nSELECT 'ü\nCOPY t FROM stdin;\n';\n"
        f'COPY public."t" (i, n) FROM stdin;\n{rows}\\.\nCOPY t FROM stdin;\n\\.\n\nSELECT 1 \\gexec\n',
    )
    with pytest.raises(FilesRefused) as caught:
        runner.run_migrations()
    copied = "COPY … FROM STDIN takes its data from psql; write INSERT instead"
    assert caught.value.problems == [
        f"001_a.sql:6: {copied}, down to line 10, whose \\. is a command of psql too",
        f"001_a.sql:11: {copied}, down to line 12, whose \\. is a command of psql too",
        "001_a.sql:1: \\restrict is a command of psql, not SQL; take it out",
        "001_a.sql:14: \\gexec is a command of psql, not SQL; take it out",
    ]


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (i);", "put “-- migrate: no-transaction” at the top of the file"),
        ("DO $$ BEGIN COMMIT; END $$;", "put “-- migrate: no-transaction” at the top of the file"),
        ("ALTER TYPE mood ADD VALUE 'c'; SELECT 'c'::mood;", "move what uses the new value to the next file"),
    ],
)
def test_what_does_not_fit_into_one_transaction_is_told_where_it_does(
    runner: MigrationRunner, folder: Folder, db: Connection, statement: str, hint: str
) -> None:
    db.execute("CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (i int)")
    folder.write("001_a.sql", statement)
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert f"\n  Next: {hint}, then run: flask db-migrate" in str(caught.value)


@pytest.mark.parametrize("text", ["", " \n", "-- nothing yet\n", "/* nothing */ ;"])
def test_an_empty_file_stops_everything_before_anything_runs(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str
) -> None:
    folder.write("001_good.sql", "CREATE TABLE good (i int);")
    folder.write("002_empty.sql", text)
    with pytest.raises(MigrationFilesError, match="002_empty.sql has no statement in it"):
        runner.run_migrations()
    assert tables(db) == set()


@pytest.mark.parametrize("table", ["schema_migrations", 'public."schema_migrations"', "SCHEMA_MIGRATIONS"])
def test_a_file_that_only_records_itself_is_empty_too(
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


def test_everything_that_is_wrong_with_the_files_is_told_at_once_each_on_its_line(
    runner: MigrationRunner, folder: Folder
) -> None:
    folder.write("001_a.sql", "SELECT 1;\nCOMMIT; -- migrate: no-transaction")
    folder.write("002_b.sql", b"SELECT '\xff';")
    folder.write("003_c.sql", "-- nothing")
    with pytest.raises(FilesRefused) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines() == [
        "001_a.sql:2: “-- migrate:” stands below the first statement; move it up;",
        "  001_a.sql:2: COMMIT would break the file's transaction; take it out: each file is one transaction already;",
        "  002_b.sql is not UTF-8 (byte 9);",
        "  003_c.sql has no statement in it. Nothing was applied.",
    ]


def test_a_gap_stops_everything_before_anything_runs(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("003_c.sql", "CREATE TABLE c (i int);")
    with pytest.raises(MigrationFilesError, match="migration 002 is missing"):
        runner.run_migrations()
    assert tables(db) == set()


def test_a_misspelt_directive_is_not_passed_over(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "-- migrate: no-transction\nSELECT 1;")
    with pytest.raises(
        MigrationFilesError, match="no-transction” is unknown; there are no-transaction, lock-timeout=2s"
    ):
        runner.run_migrations()


def test_a_directive_below_the_first_statement_is_not_passed_over(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;\n\n-- migrate: no-transaction\nSELECT 2;")
    with pytest.raises(MigrationFilesError, match="001_a.sql:3: “-- migrate:” stands below the first statement"):
        runner.run_migrations()


def test_directives_set_the_file_s_time_limits(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "-- migrate: lock-timeout=3s statement-timeout=2min\nCREATE TABLE a AS SELECT"
        " current_setting('lock_timeout') AS l, current_setting('statement_timeout') AS s;",
    )
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT current_setting('lock_timeout') AS l;")
    runner.run_migrations()
    assert db.execute("SELECT * FROM a").fetchone() == {"l": "3s", "s": "2min"}
    assert db.execute("SELECT * FROM b").fetchone() == {"l": "1s"}


# --- session state ----------------------------------------------------------------------------------------------------


def test_a_file_cannot_spoil_the_session_for_the_ledger_or_the_next_file(
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
def test_a_file_that_sets_another_encoding_is_kept_word_for_word(
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


def test_a_file_that_changes_how_quotes_are_read_is_kept_word_for_word(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    text = "SET standard_conforming_strings = off; CREATE TABLE a AS SELECT '\\\\'' %s {} ' AS word;"
    folder.write("001_a.sql", text)
    assert runner.run_migrations() == 1
    assert db.execute("SELECT sql FROM schema_migration_attempts").fetchone() == {"sql": text}


def test_the_client_s_own_encoding_setting_does_not_garble_files(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    folder.write("001_a.sql", "CREATE TABLE a AS SELECT 'Zoë 部屋' AS word;")
    assert runner_with().run_migrations() == 1
    assert db.execute("SELECT word FROM a").fetchone() == {"word": "Zoë 部屋"}


def test_a_schema_may_be_called_anything(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute('CREATE SCHEMA "50%s {off} ""é"""')
    path = quote('-csearch_path="50%s\\ {off}\\ ""é"""')
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_i ON a (i);")
    url = f"{empty_database_url}?options={path}"
    assert runner_with(url=url).run_migrations() == 2
    assert runner_with(url=url).run_migrations() == 0
    folder.write("002_b.sql", "-- edited\n-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a_i ON a (i);")
    assert runner_with(url=url).run_migrations() == 0


def test_temporary_tables_do_not_outlive_their_file(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TEMP TABLE scratch (i int); CREATE TABLE a AS SELECT * FROM scratch;")
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT * FROM scratch;")
    with pytest.raises(MigrationFailed, match='Migration 2 failed: relation "scratch" does not exist'):
        runner.run_migrations()


def test_the_ledger_lives_in_the_schema_of_the_connection(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE SCHEMA tenant")
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    url = empty_database_url + "?options=-csearch_path%3Dtenant"
    assert runner_with(url=url).run_migrations() == 1
    assert runner_with().run_migrations() == 1
    assert runner_with(url=url).run_migrations() == 0
    assert db.execute("SELECT count(*) AS n FROM tenant.schema_migrations").fetchone() == {"n": 1}


def test_a_search_path_that_leads_nowhere_is_told(
    runner_with: Callable[..., MigrationRunner], folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with pytest.raises(NoSchema, match="names no schema that exists"):
        runner_with(url=empty_database_url + "?options=-csearch_path%3Dnowhere").run_migrations()


def test_time_limits_that_role_or_database_set_are_not_for_migrations(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    limits = {
        "statement_timeout": "150ms",
        "idle_in_transaction_session_timeout": "150ms",
        "transaction_timeout": "150ms",
    }
    for name, value in limits.items():
        if db.execute("SELECT FROM pg_settings WHERE name = %s", [name]).fetchone() is not None:
            db.execute(
                sql.SQL("ALTER DATABASE {} SET {} TO {}").format(
                    sql.Identifier(db.info.dbname), sql.Identifier(name), sql.Literal(value)
                )
            )
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i int);\n"
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;\n"
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION slow();\nINSERT INTO a VALUES (1);",
    )
    folder.write("002_b.sql", "-- migrate: no-transaction\nSELECT pg_sleep(0.3);\nVACUUM a;")
    assert runner.run_migrations() == 2


# --- history ----------------------------------------------------------------------------------------------------------


def test_an_edited_applied_file_is_an_error(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with pytest.raises(HistoryBroken, match="001_a.sql was edited after it was applied"):
        runner.run_migrations()
    assert tables(db) == {"a"}


def test_an_edit_of_comments_only_is_a_warning(runner: MigrationRunner, folder: Folder, told: Told) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "-- explained\nCREATE TABLE a\n  (i int); /* done */")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert runner.run_migrations() == 1
    assert told.text.count("001_a.sql: comments were edited after it was applied") == 1


def test_line_endings_are_not_an_edit(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a\n(i int);\n")
    runner.run_migrations()
    folder.write("001_a.sql", b"\xef\xbb\xbfCREATE TABLE a  \r\n(i int);\r\n\r\n")
    assert runner.run_migrations() == 0


def test_a_missing_applied_file_is_an_error(runner: MigrationRunner, folder: Folder) -> None:
    for number in (1, 2):
        folder.write(f"00{number}_t.sql", "SELECT 1;")
    runner.run_migrations()
    (folder.path / "001_t.sql").unlink()
    (folder.path / "002_t.sql").rename(folder.path / "001_t.sql")
    folder.write("002_other.sql", "SELECT 2;")
    folder.write("003_more.sql", "SELECT 2;")
    with pytest.raises(HistoryBroken, match="002_other.sql was edited"):
        runner.run_migrations()


def test_a_ledger_newer_than_the_files_is_fine(runner: MigrationRunner, folder: Folder) -> None:
    for number in (1, 2, 3):
        folder.write(f"00{number}_t.sql", "SELECT 1;")
    runner.run_migrations()
    (folder.path / "002_t.sql").unlink()
    (folder.path / "003_t.sql").unlink()
    assert runner.run_migrations() == 0


def test_a_number_below_an_applied_one_is_neither_applied_nor_passed_over(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("002_b.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute("DELETE FROM schema_migrations WHERE version = 1")
    with pytest.raises(HistoryBroken, match="001_a.sql has a lower number than a migration already applied"):
        runner.run_migrations()


def test_a_database_of_the_earlier_system_goes_on_from_there(empty_database_url: str, db: Connection) -> None:
    db.execute(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT NOW(), description TEXT)"
    )
    for name in ("001_create_agent_tables.sql", "002_add_user_authentication.sql"):
        db.execute((PROJECT_DIR / "migrations" / name).read_bytes())
    db.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('kim', 'Kim')")
    for start in ("10:00", "10:15", "12:00"):
        db.execute(
            "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)"
            " VALUES ('kim', '1 Elm St', %s, %s::timestamp + interval '30 min', 'Pat')",
            [f"2026-03-02 {start}"] * 2,
        )
    files = ("agents", "appointments", "users")
    before = {name: db.execute("SELECT pg_relation_filenode(%s) AS node", [name]).fetchone() for name in files}
    applied_before = db.execute("SELECT applied_at FROM schema_migrations WHERE version = 1").fetchone()
    runner = MigrationRunner(empty_database_url)
    assert runner.run_migrations(to=3) == 1
    after = {name: db.execute("SELECT pg_relation_filenode(%s) AS node", [name]).fetchone() for name in files}
    assert after == before, "003 must not rewrite the tables"
    assert runner.run_migrations() == len(runner.get_migration_files()) - 3
    rows = db.execute(
        "SELECT start_time AT TIME ZONE 'UTC' AS utc, overlap_allowed FROM appointments ORDER BY id"
    ).fetchall()
    assert [(f"{row['utc']:%H:%M}", row["overlap_allowed"]) for row in rows] == [
        ("10:00", False),
        ("10:15", True),
        ("12:00", False),
    ]
    assert db.execute("SELECT count(*) AS n FROM agent_hours").fetchone() == {"n": 5}
    applied_after = db.execute(
        "SELECT applied_at AT TIME ZONE 'UTC' AS applied_at FROM schema_migrations WHERE version = 1"
    ).fetchone()
    assert applied_after == applied_before
    assert runner.run_migrations() == 0


def test_a_deleted_agent_would_not_take_its_bookings_along(empty_database_url: str, db: Connection) -> None:
    MigrationRunner(empty_database_url).run_migrations(to=3)
    db.execute("ALTER TABLE appointments DROP CONSTRAINT appointments_agent_id_fkey")
    db.execute("ALTER TABLE appointments ADD FOREIGN KEY (agent_id) REFERENCES agents ON DELETE CASCADE")
    MigrationRunner(empty_database_url).run_migrations()
    db.execute("INSERT INTO agents (agent_id, agent_name) VALUES ('kim', 'Kim')")
    db.execute(
        "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)"
        " VALUES ('kim', '1 Elm St', now(), now() + interval '1 hour', 'Pat')"
    )
    with pytest.raises(psycopg.errors.IntegrityError):
        db.execute("DELETE FROM agents")


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_nothing_pending_takes_two_queries_and_no_lock(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with Proxy(empty_database_url) as proxy:
        assert MigrationRunner(proxy.url, folder.path).run_migrations() == 0
        assert proxy.queries == 2


def test_whoever_waits_in_vain_is_told_who_holds_the_lock(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, told: Told
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    db.execute("SET application_name = 'the other deploy'")
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with pytest.raises(LockNotAcquired, match=r"within 0.1 s: held by the other deploy \(pid \d+, from 127.0.0.1"):
        runner_with(lock_wait_s=0.1).run_migrations()
    assert "⏳ Waiting for another migration: held by the other deploy" in told.text


def test_the_lock_is_free_after_a_failure(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT 1/0;")
    with pytest.raises(MigrationFailed):
        runner.run_migrations()
    assert db.execute("SELECT pg_try_advisory_lock(%s) AS free", [lock_key("public")]).fetchone() == {"free": True}


def test_the_lock_key_never_changes_between_releases() -> None:
    assert lock_key("public") == -458277494633677207


def start(url: str, folder: Folder) -> subprocess.Popen[str]:
    """Run the migrations in a process of their own."""
    code = (
        "import sys, pathlib; from peterental.database.migrations import MigrationRunner;"
        "MigrationRunner(sys.argv[1], pathlib.Path(sys.argv[2]), tell=lambda line: print(line, flush=True)).run_migrations()"
    )
    command = [sys.executable, "-c", code, url, str(folder.path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT_DIR)


def wait_until(db: Connection, condition: str, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not (row := db.execute(f"SELECT {condition} AS holds").fetchone()) or not row["holds"]:
        assert time.monotonic() < deadline, f"never true: {condition}"


LONG_QUERY_RUNS = "EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid() AND datname = current_database())"


def test_many_runners_at_once_apply_each_file_once(folder: Folder, empty_database_url: str, db: Connection) -> None:
    for number in range(1, 9):
        folder.write(f"00{number}_t.sql", f"CREATE TABLE t{number} (i int); SELECT pg_sleep(0.02);")
    runners = [start(empty_database_url, folder) for _ in range(4)]
    outputs = [process.communicate(timeout=60) for process in runners]
    assert [process.returncode for process in runners] == [0, 0, 0, 0], outputs
    assert len(ledger(db)) == 8
    assert sum("Successfully applied" in out for out, _ in outputs) >= 1
    assert [outcome for _, outcome in attempts(db)] == ["applied"] * 8


def test_a_killed_runner_leaves_no_lock_and_no_half_file(
    folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int); SELECT pg_sleep(60);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    process.kill()
    process.communicate()
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    assert MigrationRunner(empty_database_url, folder.path, lock_wait_s=10).run_migrations() == 1
    assert attempts(db) == [(1, "applied"), (2, "interrupted"), (2, "applied")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_runner_cancels_rolls_back_and_exits_non_zero(
    folder: Folder, empty_database_url: str, db: Connection, number: signal.Signals
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); SELECT pg_sleep(60);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    os.kill(process.pid, number)
    process.communicate(timeout=20)
    assert process.returncode != 0
    wait_until(db, f"NOT {LONG_QUERY_RUNS}")
    assert tables(db) == set()
    assert attempts(db) == [(1, "interrupted")]
    assert db.execute("SELECT pg_try_advisory_lock(%s) AS free", [lock_key("public")]).fetchone() == {"free": True}


def test_a_file_waits_briefly_for_a_table_and_tries_again(
    folder: Folder, empty_database_url: str, db: Connection
) -> None:
    db.execute("CREATE TABLE busy (i int)")
    folder.write("001_a.sql", "ALTER TABLE busy ADD COLUMN j int;")
    db.execute("SET application_name = 'the long report'")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    process = start(empty_database_url, folder)
    assert process.stdout is not None
    for line in process.stdout:
        if "trying again" in line:
            assert "001_a.sql: a table it needs is in use by the long report (pid" in line
            break
    db.execute("COMMIT")
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert db.execute("SELECT count(*) AS n FROM information_schema.columns WHERE table_name = 'busy'").fetchone() == {
        "n": 2
    }
    waited = db.execute("SELECT worst_wait_ms FROM schema_migration_attempts").fetchone()
    assert waited is not None
    assert waited["worst_wait_ms"] > 100


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"])
def test_whoever_holds_the_ledger_keeps_nobody_from_the_tables(
    folder: Folder, empty_database_url: str, db: Connection, runner: MigrationRunner, header: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE busy (i int);")
    runner.run_migrations()
    folder.write("002_b.sql", f"{header}ALTER TABLE busy ADD COLUMN j int;")
    with psycopg.connect(empty_database_url, application_name="somebody by hand") as other:
        other.execute("INSERT INTO schema_migrations (version) VALUES (2)")
        process = start(empty_database_url, folder)
        assert process.stdout is not None
        line = next(line for line in process.stdout if "trying again" in line)
        assert "002_b.sql: a table it needs is in use by somebody by hand (pid" in line
        db.execute("SET statement_timeout TO '5s'; SELECT * FROM busy")
        other.rollback()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert ledger(db) == {1: "a", 2: "b"}


def test_a_read_only_database_is_told_before_anything_runs(
    runner_with: Callable[..., MigrationRunner], folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with pytest.raises(ReadOnlyDatabase, match="takes no changes"):
        runner_with(url=empty_database_url + "?options=-cdefault_transaction_read_only%3Don").run_migrations()


@pytest.mark.needs("postgres15")
def test_a_standby_is_told_before_anything_runs(folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with (
        running_debian_postgres(standby=True) as url,
        pytest.raises(ReadOnlyDatabase, match="takes no changes \\(it is a standby in recovery\\)"),
    ):
        MigrationRunner(url, folder.path).run_migrations()


def test_a_connection_lost_in_mid_file_is_one_message(folder: Folder, empty_database_url: str, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(MigrationFailed, match="Migration 1 failed: the connection to the database was lost"):
        MigrationRunner(empty_database_url, folder.path).run_migrations()
    assert tables(db) == set()
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert MigrationRunner(empty_database_url, folder.path).run_migrations() == 1


# --- odd files and odd databases --------------------------------------------------------------------------------------


def test_a_nul_character_is_refused_rather_than_taken_for_the_end(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", b"CREATE TABLE a (i int);\0CREATE TABLE b (i int);")
    with pytest.raises(FilesRefused, match=r"001_a.sql has a NUL character \(byte 24\), which SQL cannot hold"):
        runner.run_migrations()
    assert tables(db) == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;\nSELECT pg_advisory_unlock_all();", (2, "would give up the lock that keeps other runners out")),
        ("DO $$ BEGIN\n\nPERFORM Pg_Advisory_Unlock_All(); END $$;", (3, "unlock your own by their keys")),
        ("-- migrate: no-transaction\nSELECT 1;\nDISCARD ALL;", (3, "DISCARD ALL would give up the lock")),
        ("SELECT 1;\nCOPY (SELECT 1) TO STDOUT;", (2, "COPY … TO STDOUT gives its rows to psql")),
        ("SELECT 1;\n\nINSERT INTO schema_migrations (version, description) VALUES (2, 'x');", (3, "records itself as 2, not as 1")),
        ('SELECT 1; INSERT INTO public."schema_migrations" VALUES ( 12 );', (1, "it records itself as 12, not as 1")),
    ],
)  # fmt: skip
def test_what_would_undo_the_runner_s_own_work_is_refused_up_front(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str, said: tuple[int, str]
) -> None:
    folder.write("001_a.sql", text)
    with pytest.raises(FilesRefused, match=rf"^001_a.sql:{said[0]}: ") as caught:
        runner.run_migrations()
    assert said[1] in str(caught.value)
    assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE schema_migrations;",
        "ALTER TABLE schema_migrations DROP COLUMN checksum;",
        "DROP TABLE schema_migration_attempts;",
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public;",
        "SET transaction_read_only = on;",
    ],
)
def test_a_file_that_spoils_the_ledger_fails_at_its_end_and_leaves_nothing(
    runner: MigrationRunner, folder: Folder, db: Connection, text: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"CREATE TABLE b (i int);\n{text}")
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    lines = str(caught.value).splitlines()
    assert lines[1] == f"  at the end of {folder.path}/002_b.sql, as it was recorded and committed"
    assert lines[-2] == "  Nothing of 002_b.sql was kept. 001 stays applied."
    assert (tables(db), ledger(db)) == ({"a"}, {1: "a"})
    assert attempts(db) == [(1, "applied"), (2, "failed")]


def test_a_deferred_constraint_that_fails_at_commit_is_explained_there(runner: MigrationRunner, folder: Folder) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE p (i int PRIMARY KEY);\nCREATE TABLE c (i int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\n"
        "INSERT INTO c VALUES (5);",
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert str(caught.value).splitlines()[:3] == [
        'Migration 1 failed: insert or update on table "c" violates foreign key constraint "c_i_fkey"',
        f"  at the end of {folder.path}/001_a.sql, as it was recorded and committed",
        '  Detail: Key (i)=(5) is not present in table "p".',
    ]


def test_a_message_of_several_lines_stays_one_block(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION E'one\\ntwo'; END $$;")
    with pytest.raises(MigrationFailed, match=r"^Migration 1 failed: one\n  two\n  at "):
        runner.run_migrations()


def test_prepared_statements_and_cursors_do_not_outlive_their_file(runner: MigrationRunner, folder: Folder) -> None:
    prepare = "PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1;"
    folder.write("001_a.sql", prepare)
    folder.write("002_b.sql", prepare)
    assert runner.run_migrations() == 2


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["as a whole", "stepwise"])
@pytest.mark.parametrize(
    "forgets",
    ["DEALLOCATE ALL", "DO $$ BEGIN EXECUTE 'DEALLOC' || 'ATE ALL'; END $$", "DISCARD PLANS; DEALLOCATE ALL"],
    ids=["openly", "hidden", "with plans"],
)
def test_a_file_that_throws_away_what_the_runner_has_prepared_is_recorded_all_the_same(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, forgets: str
) -> None:
    for number in (1, 2, 3):
        folder.write(
            f"00{number}_x.sql", f"{header}CREATE TABLE t{number} (i int);\n{forgets};\nPREPARE p AS SELECT 1;"
        )
    assert runner.run_migrations() == 3
    rows = db.execute(
        "SELECT version, outcome, ended_at >= started_at AS ended FROM schema_migration_attempts"
    ).fetchall()
    assert rows == [{"version": number, "outcome": "applied", "ended": True} for number in (1, 2, 3)]
    assert [row["version"] for row in db.execute("SELECT version FROM schema_migrations ORDER BY 1")] == [1, 2, 3]


def full_disk(db: Connection, table: str, event: str) -> None:
    """Have the server refuse to write to `table`, as it does where its disk is full."""
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE disk_full USING MESSAGE = 'could not extend file \"base/1/2\": No space left on device'; END $$"
    )
    statement = "CREATE TRIGGER full_disk BEFORE {} ON {} FOR EACH ROW EXECUTE FUNCTION refuse()"
    db.execute(sql.SQL(statement).format(sql.SQL(event), sql.Identifier(table)))


def test_no_room_for_an_attempt_is_one_message_and_the_next_run_is_clean(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    full_disk(db, "schema_migration_attempts", "INSERT")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with pytest.raises(NoRoom) as caught:
        runner.run_migrations()
    assert str(caught.value) == (
        'The database server has no room left: could not extend file "base/1/2": No space left on device. What was'
        " applied stays, and nothing is half done; make room on its disk, then run the same command again."
    )
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["as a whole", "stepwise"])
def test_no_room_for_the_ledger_s_row_keeps_nothing_by_half(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    full_disk(db, "schema_migrations", "INSERT OR UPDATE")
    folder.write("002_b.sql", f"{header}CREATE TABLE b (i int);")
    with pytest.raises(
        MigrationFailed, match=r"No space left on device\n  at the end of .*002_b.sql, as it was recorded"
    ):
        runner.run_migrations()
    assert ("b" in tables(db)) is bool(header)
    db.execute("DROP FUNCTION refuse CASCADE")
    assert runner.run_migrations() == 1
    assert "b" in tables(db)


def test_a_role_that_may_not_create_tables_is_told_which_to_use(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    name = f"peterental_test_{secrets.token_hex(4)}"
    me = sql.Identifier(name)
    db.execute(sql.SQL("CREATE ROLE {0} LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC").format(me))
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with pytest.raises(LedgerTrouble) as caught:
        runner_with(url=make_conninfo(empty_database_url, user=name, password="x")).run_migrations()
    db.execute(sql.SQL("DROP ROLE {0}").format(me))
    assert str(caught.value) == (
        "The ledger schema_migrations cannot be read or written: permission denied for schema public. Nothing was"
        " applied; use a role that may create tables there, such as the one that owns the others."
    )


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("CREATE VIEW schema_migrations AS SELECT 1 AS version, now() AS applied_at, ''::text AS description", "schema_migrations"),
        ("CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('20240101')", "like '20240101'"),
        ("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)", 'column "applied_at" of relation'),
        ("CREATE TABLE schema_migrations (version bigint, dirty boolean)", 'column "applied_at" of relation'),
    ],
    ids=["a view", "another tool's versions", "dbmate's, empty", "golang-migrate's, empty"],
)  # fmt: skip
def test_a_ledger_that_is_another_tool_s_is_one_message(
    runner: MigrationRunner, folder: Folder, db: Connection, made: str, reason: str
) -> None:
    db.execute(made.encode())
    for number in (1, 2):
        folder.write(f"00{number}_a.sql", f"CREATE TABLE a{number} (i int);")
    with pytest.raises(LedgerTrouble, match="give PeteRental a schema of its own") as caught:
        runner.run_migrations()
    assert reason in str(caught.value)
    assert tables(db) == set()
    touched = db.execute(
        "SELECT count(*) AS n FROM pg_attribute WHERE attname = 'checksum' AND attrelid = 'schema_migrations'::regclass"
    ).fetchone()
    assert touched == {"n": 0}, "what is another tool's stays as it was"


def test_a_trigger_that_forbids_to_write_the_history_is_quoted(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute(
        "CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not by day'; END $$;"
        " CREATE TRIGGER forbid BEFORE INSERT ON schema_migration_attempts EXECUTE FUNCTION forbid()"
    )
    folder.write("002_b.sql", "SELECT 2;")
    with pytest.raises(LedgerTrouble, match=r"not by day\. Nothing was applied; a trigger of the database says that"):
        runner.run_migrations()


def test_a_ledger_that_somebody_holds_is_one_message(
    folder: Folder, runner: MigrationRunner, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner.run_migrations()
    folder.write("001_a.sql", "CREATE TABLE a (i bigint);")
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN SHARE MODE")
        with pytest.raises(LedgerTrouble, match="due to lock timeout.* somebody's transaction holds it; try again"):
            repair(empty_database_url, folder.path, confirm=lambda _: True, tell=print)
    assert repair(empty_database_url, folder.path, confirm=lambda _: True, tell=print) == 1


def test_a_ledger_that_nobody_may_read_for_now_is_not_waited_for_for_ever(
    runner: MigrationRunner, empty_database_url: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("001_one.sql", "CREATE TABLE one (i int);")
    runner.run_migrations()
    monkeypatch.setattr("peterental.database.migrations.ledger.LEDGER_WAIT_MS", 50)
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerTrouble, match="due to lock timeout.* somebody's transaction holds it; try again"):
            runner.run_migrations()
        with pytest.raises(LedgerTrouble, match="somebody's transaction holds it"):
            runner.get_applied_migrations()
    assert runner.get_applied_migrations() == [1]


def test_whatever_the_database_sets_as_its_manners_the_ledger_is_read(
    runner: MigrationRunner, folder: Folder, db: Connection
) -> None:
    for setting in (
        "DateStyle TO 'German'",
        "TimeZone TO 'Asia/Tokyo'",
        "default_transaction_isolation TO serializable",
    ):
        db.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(sql.Identifier(db.info.dbname)))
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    assert [runner.run_migrations(), runner.run_migrations()] == [1, 0]
    row = read_status(runner._url, folder.path).entries[0].row
    assert row is not None
    assert row.applied_at is not None
    assert row.applied_at.tzinfo is UTC
    recent = "SELECT abs(extract(epoch FROM now() - %s::timestamptz)) < 60 AS recent"
    assert db.execute(recent, [row.applied_at]).fetchone() == {"recent": True}
