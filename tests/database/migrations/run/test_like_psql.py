"""Files leave the same rows, sequences and functions behind as with psql, which runs each in a session of its own."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from bench.corpus.plain import apply_plainly
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.source.files import find_files
from tests.conftest import Databases
from tests.database.migrations.conftest import Folder

pytestmark = [pytest.mark.untraced, pytest.mark.needs("postgres15")]  # it brings psql

HEADER = "-- migrate: no-transaction\n"
LATE = (
    "CREATE TABLE t (i int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body}; RETURN NULL; END $f$;"
    " CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"
)
WORD = "INSERT INTO log SELECT coalesce(current_setting('my.word', true), 'undefined');"

CASES = {
    "deferred trigger in the path of the file": (
        "CREATE TABLE seen (what text);",
        (
            "CREATE SCHEMA side; SET search_path TO side; CREATE TABLE seen (what text);"
            f"{LATE.format(body='INSERT INTO seen VALUES (1)')} INSERT INTO t VALUES (1);"
        ),
    ),
    "deferred trigger that makes rows": (
        f"{LATE.format(body='INSERT INTO t SELECT NEW.i + 1 WHERE NEW.i < 5')} INSERT INTO t VALUES (1);",
    ),
    "setting of a file": (f"SET my.word TO 'x'; {WORD}", WORD),
    "local setting": (f"SELECT set_config('my.word', 'x', true); {WORD}", WORD),
    "setting without a transaction": (f"{HEADER}SET my.word TO 'x'; {WORD}", WORD),
    "cached sequence": (
        "CREATE SEQUENCE s CACHE 9; INSERT INTO log SELECT nextval('s');",
        "INSERT INTO log SELECT nextval('s');",
    ),
    "advisory lock": (
        "SELECT pg_advisory_lock(4711);",
        "INSERT INTO log SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711;",
    ),
    "time limits": (
        (
            f"{HEADER}SET lock_timeout TO '7s'; SET statement_timeout TO '9min'; VACUUM;"
            " INSERT INTO log VALUES (current_setting('lock_timeout')), (current_setting('statement_timeout'));"
        ),
    ),
    "temporary tables": (
        "CREATE TEMP TABLE log AS SELECT 1 AS i; INSERT INTO log VALUES (2);",
        "INSERT INTO log VALUES ('3');",
    ),
    "prepared statements": (
        "PREPARE a AS SELECT 1;",
        "PREPARE a AS INSERT INTO log VALUES ('2'); EXECUTE a; DEALLOCATE ALL;",
    ),
    "savepoints": ("SAVEPOINT a; INSERT INTO log VALUES ('1'); ROLLBACK TO a; INSERT INTO log VALUES ('2');",),
    "a function of the standard": (
        (
            f"{HEADER}CREATE FUNCTION g(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT CASE x WHEN 1 THEN"
            " (CASE WHEN true THEN 5 END) ELSE 2 END; END;\nINSERT INTO log SELECT g(1);;"
        ),
    ),
    "a rule of several statements": (
        (
            f"{HEADER}CREATE TABLE r (i int); CREATE RULE rule AS ON INSERT TO r DO ALSO"
            " (INSERT INTO log VALUES ('a;b'); NOTIFY x; DELETE FROM log WHERE false;);\nINSERT INTO r VALUES (1);"
        ),
    ),
    "carriage returns": ("-- a\rINSERT INTO log VALUES ('1\r2');\r-- b\rINSERT INTO log VALUES (E'3\\r4');",),
}


def left_behind(url: str) -> dict[str, list[str]]:
    """Return the rows of every table, the state of every sequence, and every function, as text."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url, autocommit=True) as db:
        relations = db.execute(
            "SELECT nspname, relname, relkind FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relkind IN ('r', 'S')"
            " AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND relname NOT LIKE 'schema\\_migration%'"
        ).fetchall()
        for schema, name, kind in relations:
            columns = "r.*" if kind == "r" else "last_value, is_called"
            query = sql.SQL("SELECT ROW({})::text FROM {} AS r").format(
                sql.SQL(columns),
                sql.Identifier(schema, name),
            )
            found[f"{schema}.{name}"] = sorted(row for (row,) in db.execute(query))
        functions = db.execute(
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        found["functions"] = sorted(text for (text,) in functions)
    return found


def compare(databases: Databases, folder: Folder, files: tuple[str, ...]) -> None:
    for path in folder.path.iterdir():
        path.unlink()
    folder.write("001_log.sql", "CREATE TABLE log (what text);")
    for number, text in enumerate(files, 2):
        folder.write(f"{number:03d}_x.sql", text)
    plain, ours = databases.create(), databases.create()
    apply_plainly(plain, find_files(folder.path))
    assert MigrationRunner(ours, folder.path, report=print).run_migrations() == len(files) + 1
    assert left_behind(ours) == left_behind(plain)
    databases.drop(plain)
    databases.drop(ours)


@pytest.mark.parametrize("name", CASES)
def test_files_leave_behind_what_they_leave_with_psql(databases: Databases, folder: Folder, name: str) -> None:
    compare(databases, folder, CASES[name])


INSIDE = st.sampled_from(
    ["it''s", "; COMMIT;", "$x$", "-- no", "/* no", "\\", "é😀", "a\nb", "c\r\nd", ":x", "BEGIN;", "END", "%s {}"]
)
LITERAL = st.one_of(
    INSIDE.map(lambda text: f"'{text}'"),
    INSIDE.map(lambda text: "E'" + text.replace("\\", "\\\\") + "\\'\\n'"),
    INSIDE.map(lambda text: "U&'" + text.replace("\\", "\\\\") + "\\0061'"),
    INSIDE.map(lambda text: f"$tag_é${text}'\" $$ $b$tag_é$".replace("$b$tag", "$tag")),
    INSIDE.map(lambda text: f"'{text}'\n '; more'"),
    INSIDE.map(lambda text: f"CASE WHEN true THEN '{text}' ELSE 'END;' END"),
)
COMMENT = st.sampled_from([" ", "\n", "-- it's; \"\n", "/* ; ' /* nested $$ */ \" */", "\t\f", "/**/"])
STATEMENT = st.one_of(
    st.tuples(COMMENT, LITERAL, COMMENT).map(lambda part: f"INSERT{part[0]}INTO log VALUES ({part[1]}){part[2]}"),
    st.tuples(COMMENT, LITERAL).map(lambda part: f"DO{part[0]}$do$ BEGIN INSERT INTO log VALUES ({part[1]}); END $do$"),
    st.tuples(COMMENT, LITERAL).map(
        lambda part: f"WITH{part[0]}a AS (SELECT {part[1]} AS b) INSERT INTO log SELECT b FROM a"
    ),
    LITERAL.map(
        lambda text: (
            f"CREATE OR REPLACE FUNCTION h() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT ''; SELECT {text}; END"
        )
    ),
)
FILE = st.tuples(st.sampled_from(["", HEADER]), st.lists(st.tuples(STATEMENT, COMMENT), min_size=1, max_size=8)).map(
    lambda file: file[0] + "".join(f"{statement};{comment}" for statement, comment in file[1])
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(FILE, min_size=1, max_size=2).map(tuple))
def test_odd_texts_mean_the_same_as_with_psql(databases: Databases, folder: Folder, files: tuple[str, ...]) -> None:
    compare(databases, folder, files)
