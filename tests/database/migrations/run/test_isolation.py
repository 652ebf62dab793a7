"""Nothing that a file sets, hides or deletes reaches the next file or the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import LockNotAcquired, MigrationFailed, RollbackFailed
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.session.advisory_lock import lock_key
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.servers import until_a_session_waits

TABLE = (
    "CREATE TABLE next (made text DEFAULT current_setting('my.word', true), at timestamptz DEFAULT '2026-01-02 03:00');"
)
NO_TRANSACTION = "-- migrate: no-transaction\n"


def made_in(db: Connection) -> str | None:
    row = db.execute("SELECT relnamespace::regnamespace::text AS name FROM pg_class WHERE relname = 'next'").fetchone()
    return row["name"] if row else None


@pytest.mark.parametrize("header", ["", NO_TRANSACTION])
@pytest.mark.parametrize(
    "words",
    [
        "CREATE SCHEMA side; SET search_path TO side;",
        "CREATE SCHEMA side; SET search_path TO side; SET LOCAL search_path TO DEFAULT;",
        "CREATE SCHEMA side; SELECT set_config('search_path', 'side', false), set_config('search_path', NULL, true);",
        "CREATE SCHEMA side; SET search_path TO side; DO $$ BEGIN EXECUTE 'SET LOCAL search_path TO DEFAULT'; END $$;",
    ],
)
def test_search_path_ends_with_its_file(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, words: str
) -> None:
    folder.write("001_a.sql", header + words)
    folder.write("002_b.sql", TABLE)
    assert runner.run_migrations() == 2
    assert made_in(db) == "public"


def test_hidden_settings_end_with_their_file(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "SET my.word TO 'leaked'; SET LOCAL my.word TO DEFAULT; SET TimeZone TO 'Asia/Tokyo';"
        " SET LOCAL TimeZone TO DEFAULT; SET lock_timeout TO 7; SET LOCAL lock_timeout TO DEFAULT;",
    )
    folder.write("002_b.sql", f"{TABLE} INSERT INTO next DEFAULT VALUES;")
    runner.run_migrations()
    row = db.execute(
        "SELECT coalesce(made, '') AS made, at AT TIME ZONE 'UTC' = '2026-01-02 03:00' AS utc FROM next"
    ).fetchone()
    assert row == {"made": "", "utc": True}


def test_settings_of_a_down_file_end_with_it(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE SCHEMA side;")
    folder.write("001_a.down.sql", TABLE)
    folder.write("002_b.sql", "SELECT 1;")
    folder.write("002_b.down.sql", "SET search_path TO side; SET LOCAL search_path TO DEFAULT;")
    runner.run_migrations()
    assert rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=print) == 2
    assert made_in(db) == "public"


DELETIONS = {
    "view": "CREATE VIEW applied AS SELECT * FROM schema_migrations; DELETE FROM applied;",
    "name in pieces": "DO $$ BEGIN EXECUTE 'DELETE FROM schema' || '_migrations WHERE version = 1'; END $$;",
    "function": "CREATE FUNCTION forget() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM schema'"
    " || '_migrations'; END $$; SELECT forget();",
    "truncate": "DO $$ BEGIN EXECUTE 'TRUNCATE schema' || '_migrations'; END $$;",
    "drop": "DO $$ BEGIN EXECUTE 'DROP TABLE schema' || '_migrations'; END $$;",
}


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize("deletion", DELETIONS)
def test_file_that_deletes_ledger_rows_fails(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, deletion: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE kept (i int);")
    folder.write("002_b.sql", f"{header}{DELETIONS[deletion]}")
    with pytest.raises(MigrationFailed, match=r"it has deleted rows of schema_migrations|does not exist") as caught:
        runner.run_migrations()
    assert "001 stays applied." in str(caught.value)
    assert [row["version"] for row in db.execute("SELECT version FROM schema_migrations")] == [1]
    folder.write("002_b.sql", "SELECT 1;")
    assert runner.get_applied_migrations() == [1]


def test_plan_foresees_deleted_ledger_rows(runner: MigrationRunner, folder: Folder, empty_database_url: str) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    folder.write("002_b.sql", DELETIONS["view"])
    found = plan(empty_database_url, folder.path, report=print)
    assert found.would_fail
    assert "it has deleted rows of schema_migrations" in found.text()


def test_rows_of_other_tables_may_be_deleted(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); INSERT INTO a VALUES (1), (2); DELETE FROM a;")
    folder.write("002_b.sql", NO_TRANSACTION + "INSERT INTO a VALUES (3);\nDELETE FROM a;\nTRUNCATE a;")
    assert runner.run_migrations() == 2
    assert db.execute("SELECT FROM a").fetchall() == []


def test_control_characters_of_the_server_are_escaped(runner: MigrationRunner, folder: Folder) -> None:
    folder.write(
        "001_a.sql",
        "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = E'a\\x1b[2Jb\\nc\\td', HINT = E'\\x07', DETAIL = U&'\\202e'; END $$;",
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    text = str(caught.value)
    assert "a\\x1b[2Jb\n  c\td\n" in text
    assert "Hint: \\x07\n" in text
    assert "Detail: \\u202e\n" in text


def test_long_and_empty_messages_are_readable(runner: MigrationRunner, folder: Folder, reported: ReportedLines) -> None:
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 100000); END $$;")
    with pytest.raises(MigrationFailed, match=r"x… \(100,000 characters\)") as caught:
        runner.run_migrations()
    assert len(str(caught.value)) < 6000
    folder.write("001_a.sql", "DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = ''; END $$;")
    with pytest.raises(MigrationFailed, match=r"the server gave no reason \(SQLSTATE P0001\)"):
        runner.run_migrations()
    folder.write(
        "001_a.sql",
        "CREATE FUNCTION deep(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1 / i + deep(i - 1); END';"
        " SELECT deep(50);",
    )
    with pytest.raises(MigrationFailed, match="division by zero") as caught:
        runner.run_migrations()
    assert str(caught.value).count("deep(integer)") < 12
    assert reported.text


def test_ledger_rows_that_another_session_deletes_do_not_matter(
    runner: MigrationRunner, folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("002_b.sql", "SELECT 1;")
    runner.run_migrations()
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("DELETE FROM schema_migrations WHERE version = 2")
    assert runner.run_migrations() == 1


LATE = "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();\n"
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {body}; RETURN NULL; END $f$;\n"


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize(
    ("before", "body", "seen"),
    [
        (
            "CREATE SCHEMA side; SET search_path TO side; CREATE TABLE seen (what text);",
            "INSERT INTO seen VALUES (1)",
            1,
        ),
        ("SET ROLE {role};", "INSERT INTO public.seen VALUES (current_user)", "{role}"),
        ("SET my.word TO 'mine';", "INSERT INTO seen VALUES (current_setting('my.word'))", "mine"),
    ],
    ids=["search_path", "role", "setting"],
)
def test_deferred_triggers_see_the_session_of_the_file(
    runner: MigrationRunner,
    folder: Folder,
    db: Connection,
    role: str,
    *,
    header: str,
    before: str,
    body: str,
    seen: str | int,
) -> None:
    """With psql they run at COMMIT, in the session that the file has set up: a table of another schema is another."""
    db.execute("CREATE TABLE seen (what text); GRANT ALL ON SCHEMA public TO public; GRANT ALL ON seen TO public")
    made = "CREATE TABLE t (i int);\n" + FUNCTION.format(body=body) + LATE
    folder.write("001_a.sql", header + before.format(role=role) + made + "INSERT INTO t VALUES (1);")
    runner.run_migrations()
    table = "side.seen" if "side" in before else "public.seen"
    rows = db.execute(f"SELECT what FROM {table}".encode()).fetchall()
    assert [row["what"] for row in rows] == [str(seen).format(role=role)]


def test_deferred_triggers_see_temporary_tables(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    body = "INSERT INTO seen SELECT what FROM given"
    made = "CREATE TABLE t (i int); CREATE TABLE seen (what text); CREATE TEMP TABLE given AS SELECT 'x' AS what;\n"
    folder.write("001_a.sql", made + FUNCTION.format(body=body) + LATE + "INSERT INTO t VALUES (1);")
    runner.run_migrations()
    assert db.execute("SELECT what FROM seen").fetchall() == [{"what": "x"}]


@pytest.mark.parametrize("body", ["PERFORM ''::int", "EXECUTE 'EXECUTE unknown_statement'"])
def test_failing_deferred_trigger_is_named(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, body: str
) -> None:
    """The engine's own statements fail with the same SQLSTATEs for other reasons."""
    made = "CREATE TABLE t (i int);\n" + FUNCTION.format(body=body) + LATE
    folder.write("001_a.sql", made + "INSERT INTO t VALUES (1);")
    shown = plan(empty_database_url, folder.path, report=print).text()
    with pytest.raises(MigrationFailed, match=r"invalid input syntax|unknown_statement") as caught:
        runner.run_migrations()
    for text in (shown, str(caught.value)):
        assert "PL/pgSQL function f() line 1" in text
        assert "at the end of " in text


def test_down_file_fires_deferred_triggers_first(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, db: Connection
) -> None:
    body = "INSERT INTO seen VALUES (1)"
    folder.write("001_a.sql", "CREATE SCHEMA side; CREATE TABLE seen (i int); CREATE TABLE side.seen (i int);")
    folder.write(
        "001_a.down.sql",
        "SET search_path TO side; CREATE TABLE t (i int);\n"
        + FUNCTION.format(body=body)
        + LATE
        + "INSERT INTO t VALUES (1);",
    )
    runner.run_migrations()
    rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=print)
    assert db.execute("SELECT i FROM side.seen").fetchall() == [{"i": 1}]


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
def test_sequences_of_the_session_end_with_the_file(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str
) -> None:
    folder.write("001_a.sql", header + "CREATE SEQUENCE s CACHE 10; CREATE TABLE t AS SELECT nextval('s') AS i;")
    folder.write("002_b.sql", header + "INSERT INTO t SELECT nextval('s');")
    runner.run_migrations()
    assert [row["i"] for row in db.execute("SELECT i FROM t ORDER BY i")] == [1, 11]


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize("first", [True, False])
def test_lastval_is_undefined_at_the_start_of_a_file(
    runner: MigrationRunner, folder: Folder, header: str, *, first: bool
) -> None:
    if not first:
        folder.write("001_a.sql", "CREATE SEQUENCE s; SELECT nextval('s');")
    folder.write("001_b.sql" if first else "002_b.sql", header + "DO $$ BEGIN PERFORM lastval(); END $$;")
    with pytest.raises(MigrationFailed, match="lastval is not yet defined in this session"):
        runner.run_migrations()


@pytest.mark.parametrize(
    "words",
    [
        "SET LOCAL my.word = 'x';",
        "SET SESSION my . word TO 'x';",
        'set "my"."word" to 1;',
        "SELECT set_config('my.word', 'x', true);",
        "SELECT set_config(name, 'x', false) FROM (VALUES ('my.word')) AS names (name);",
        "-- migrate: no-transaction\nSET my.word TO 'x';",
    ],
)
def test_own_settings_are_undefined_in_the_next_file(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines, words: str
) -> None:
    """RESET leaves an empty text: a trigger that casts it to a number fails, but in a new session it is NULL."""
    folder.write("001_a.sql", words + " SELECT 1;")
    folder.write("002_b.sql", "CREATE TABLE t AS SELECT current_setting('my.word', true) AS word;")
    assert runner.run_migrations() == 2
    assert db.execute("SELECT word FROM t").fetchall() == [{"word": None}]
    assert reported.text.count("✅ Database connected") == 1
    assert reported.text.endswith("✅ Successfully applied 2 new migrations")
    outcomes = db.execute("SELECT version, outcome FROM schema_migration_attempts ORDER BY attempt_id").fetchall()
    assert outcomes == [{"version": 1, "outcome": "applied"}, {"version": 2, "outcome": "applied"}]


def test_advisory_locks_end_with_their_file(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "SELECT pg_advisory_lock(4711);")
    folder.write(
        "002_b.sql",
        "CREATE TABLE t AS SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711;",
    )
    runner.run_migrations()
    assert db.execute("SELECT n FROM t").fetchall() == [{"n": 0}]


def test_failure_after_a_new_session_names_all_that_stays(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "SET LOCAL my.word = 'x'; CREATE TABLE a (i int);")
    folder.write("002_b.sql", "SET LOCAL my.word = 'x'; CREATE TABLE b (i int);")
    folder.write("003_c.sql", "SELECT 1 / 0;")
    with pytest.raises(MigrationFailed, match="003_c.sql was rolled back. 001, 002 stay applied."):
        runner.run_migrations()


def test_contract_file_of_a_new_database_runs_at_once(
    runner: MigrationRunner, folder: Folder, reported: ReportedLines
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int); SET LOCAL my.word = 'x';")
    folder.write("002_b.sql", "-- migrate: contract settle=60s\nDROP TABLE a;")
    assert runner.run_migrations() == 2
    assert "watching" not in reported.text


MOVES = {
    "database": "ALTER DATABASE {database} SET search_path TO side, public;",
    "role": "ALTER ROLE {role} IN DATABASE {database} SET search_path = side;",
    "block": "DO $$ BEGIN EXECUTE 'ALTER DATABASE {database} SET search_path TO side'; END $$;",
}


@pytest.mark.parametrize("header", ["", NO_TRANSACTION], ids=["transaction", "no-transaction"])
@pytest.mark.parametrize("move", MOVES)
def test_default_search_path_cannot_leave_the_ledger_behind(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, *, header: str, move: str
) -> None:
    """The next run would find no ledger, and apply everything again in the other schema."""
    statement = MOVES[move].format(database=db.info.dbname, role=db.info.user)
    folder.write("001_a.sql", header + "CREATE SCHEMA side;\n" + statement)
    message = "after this file, schema side comes first in the search_path instead of public"
    if not header:
        assert message in plan(empty_database_url, folder.path, report=print).text()
    with pytest.raises(MigrationFailed, match=message) as caught:
        runner.run_migrations()
    assert "Next: name the schema otherwise, or keep the schema of schema_migrations first in search_path, then" in str(
        caught.value
    )
    assert db.execute("SELECT FROM pg_db_role_setting WHERE setconfig::text LIKE '%side%'").fetchall() == []


def test_default_search_path_may_keep_the_ledger_first(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    database = db.info.dbname
    folder.write("001_a.sql", f"CREATE SCHEMA side; ALTER DATABASE {database} SET search_path TO public, side;")
    folder.write(
        "002_b.sql", f"ALTER DATABASE {database} SET work_mem = '5MB'; ALTER DATABASE {database} SET jit = off;"
    )
    folder.write("003_c.sql", "CREATE TABLE t AS SELECT current_setting('work_mem') AS work_mem;")
    folder.write("004_d.sql", f"ALTER DATABASE {database} RESET ALL;")
    assert runner.run_migrations() == 4
    assert db.execute("SELECT work_mem FROM t").fetchall() == [{"work_mem": "5MB"}]


def test_search_path_of_the_url_overrides_a_default(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", f"CREATE SCHEMA side; ALTER DATABASE {db.info.dbname} SET search_path TO side;")
    folder.write("002_b.sql", "CREATE TABLE t (i int);")
    url = f"{empty_database_url}{'&' if '?' in empty_database_url else '?'}options=-c%20search_path%3Dpublic"
    assert runner_with(url=url).run_migrations() == 2


def test_down_file_cannot_leave_the_ledger_behind(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE SCHEMA side;")
    folder.write("001_a.down.sql", f"ALTER DATABASE {db.info.dbname} SET search_path TO side;")
    runner.run_migrations()
    with pytest.raises(RollbackFailed, match="after this file, schema side comes first in the search_path"):
        rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=print)
    assert runner.get_applied_migrations() == [1]


def test_lock_lost_between_two_sessions_is_reported_correctly(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    """Another runner may take the lock while this one connects again."""
    folder.write("001_a.sql", "SELECT set_config('my.word', 'x', true);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    key = lock_key("public")

    def report(line: str) -> None:
        if line.startswith("✅ 001"):
            threading.Thread(target=lambda: db.execute("SELECT pg_advisory_lock(%s)", [key])).start()
            until_a_session_waits(empty_database_url)

    with pytest.raises(LockNotAcquired, match="001 stays applied, and nothing else was; try again"):
        runner_with(report=report, lock_wait_s=0.2).run_migrations()
    db.execute("SELECT pg_advisory_unlock_all()")
    assert runner_with().run_migrations() == 1
