"""Roles, databases and servers with unusual settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC
from urllib.parse import quote

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    FilesRefused,
    ForeignLedger,
    LedgerError,
    MigrationFailed,
    MigrationFilesError,
    NoSchema,
    ReadOnlyDatabase,
)
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.run.preflight import _names_in
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import hidden
from tests.servers import running_debian_postgres


def test_client_encoding_does_not_garble_files(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    folder.write("001_a.sql", "CREATE TABLE a AS SELECT 'Zoë 部屋' AS word;")
    assert runner_with().run_migrations() == 1
    assert db.execute("SELECT word FROM a").fetchone() == {"word": "Zoë 部屋"}


def test_schema_name_may_need_quoting(
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


def test_ledger_is_in_the_current_schema(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    db.execute("CREATE SCHEMA tenant")
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    url = empty_database_url + "?options=-csearch_path%3Dtenant"
    assert runner_with(url=url).run_migrations() == 1
    assert runner_with().run_migrations() == 1
    assert runner_with(url=url).run_migrations() == 0
    assert db.execute("SELECT count(*) AS n FROM tenant.schema_migrations").fetchone() == {"n": 1}


def test_new_first_schema_is_refused(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    db.execute('CREATE SCHEMA "our % own"; CREATE SCHEMA tenant')
    ours = empty_database_url + "?options=" + quote('-csearch_path="our\\ %\\ own"')
    runner_with(url=ours).run_migrations(to=1)
    url = empty_database_url + "?options=" + quote('-csearch_path=tenant,"our\\ %\\ own"')
    for work in (runner_with(url=url).run_migrations, lambda: read_status(url, folder.path)):
        with pytest.raises(ForeignLedger, match="recorded in schema our % own, but schema tenant now comes before"):
            work()
    assert runner_with(url=empty_database_url + "?options=-csearch_path%3Dtenant").run_migrations() == 2
    assert runner_with(url=url).run_migrations() == 0


def test_foreign_ledger_later_in_the_path_is_ignored(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    runner_with().run_migrations()
    folder.write("001_a.sql", "CREATE TABLE quite_another (i int);")
    db.execute("CREATE SCHEMA one; CREATE SCHEMA two; CREATE TABLE one.schema_migrations (version text)")
    db.execute("INSERT INTO one.schema_migrations VALUES ('20201224')")
    db.execute("CREATE SCHEMA four; CREATE TABLE four.schema_migrations (filename text, checksum text)")
    db.execute("INSERT INTO four.schema_migrations VALUES ('1_a.rb', 'x')")
    for path in ("two,public", "three,one,two", "five,four"):
        db.execute("CREATE SCHEMA IF NOT EXISTS three; CREATE SCHEMA IF NOT EXISTS five")
        url = f"{empty_database_url}?options=-csearch_path%3D{path}"
        assert runner_with(url=url).run_migrations() == 1


def test_search_path_without_schema_is_refused(
    runner_with: Callable[..., MigrationRunner], folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with pytest.raises(NoSchema, match="contains no existing schema"):
        runner_with(url=empty_database_url + "?options=-csearch_path%3Dnowhere").run_migrations()


def test_temporary_schema_first_is_refused(
    runner_with: Callable[..., MigrationRunner], folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    url = empty_database_url + "?options=-csearch_path%3Dpg_temp,public"
    for work in (runner_with(url=url).run_migrations, lambda: read_status(url, folder.path)):
        with pytest.raises(LedgerError, match="begins with pg_temp, so that every new table is temporary"):
            work()
    url = empty_database_url + "?options=-csearch_path%3Dpublic,pg_temp"
    assert runner_with(url=url).run_migrations() == 1


def test_role_timeouts_do_not_limit_migrations(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    limits = (
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "transaction_timeout",
    )
    there = db.execute("SELECT name FROM pg_settings WHERE name = ANY (%s) ORDER BY name", [list(limits)]).fetchall()
    for row in there:
        db.execute(
            sql.SQL("ALTER DATABASE {} SET {} TO '10min'").format(
                sql.Identifier(db.info.dbname), sql.Identifier(row["name"])
            )
        )
    look = f"INSERT INTO seen SELECT %s, name, setting FROM pg_settings WHERE name IN {limits}"
    at_commit, alone = look % "'at commit'", look % "'on its own'"
    folder.write(
        "001_a.sql",
        f"CREATE TABLE seen (moment text, name text, setting text);\nCREATE TABLE a (i int);\n"
        f"CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {at_commit}; RETURN NULL; END $$;\n"
        "CREATE CONSTRAINT TRIGGER look AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION look();\nINSERT INTO a VALUES (1);",
    )
    folder.write("002_b.sql", f"-- migrate: no-transaction\n{alone};\nVACUUM a;")
    assert runner.run_migrations() == 2
    seen = db.execute("SELECT moment, name, setting FROM seen ORDER BY moment, name").fetchall()
    assert seen == [
        {"moment": moment, "name": row["name"], "setting": "0"}
        for moment in ("at commit", "on its own")
        for row in there
    ]


def test_read_only_database_is_refused_first(
    runner_with: Callable[..., MigrationRunner], folder: Folder, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with pytest.raises(ReadOnlyDatabase, match="default_transaction_read_only is on.* turn the setting off"):
        runner_with(url=empty_database_url + "?options=-cdefault_transaction_read_only%3Don").run_migrations()


@pytest.mark.needs("postgres15")
def test_standby_is_refused_first(folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    with (
        running_debian_postgres(standby=True) as url,
        pytest.raises(ReadOnlyDatabase, match="accepts no changes \\(it is a standby in recovery\\)"),
    ):
        MigrationRunner(url, folder.path).run_migrations()


@pytest.fixture
def stranger(db: Connection, empty_database_url: str) -> Iterator[str]:
    """The URL of a role that may create schemas, and nothing in `public`."""
    name = f"peterental_test_{secrets.token_hex(4)}"
    me, here = sql.Identifier(name), sql.Identifier(db.info.dbname)
    db.execute(sql.SQL("CREATE ROLE {0} LOGIN PASSWORD 'x'; REVOKE CREATE ON SCHEMA public FROM PUBLIC").format(me))
    db.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(here, me))
    yield make_conninfo(empty_database_url, user=name, password="x")
    db.execute(sql.SQL("GRANT {0} TO CURRENT_USER; DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(me))


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_unprivileged_role_gets_advice(
    runner_with: Callable[..., MigrationRunner], folder: Folder, stranger: str, header: str
) -> None:
    folder.write("001_a.sql", f"{header}CREATE TABLE a (i int);")
    with pytest.raises(LedgerError) as caught:
        runner_with(url=stranger).run_migrations()
    with pytest.raises(LedgerError) as planned:
        plan(stranger, folder.path, report=lambda _: None)
    assert str(planned.value) == str(caught.value)
    assert str(caught.value) == (
        "The ledger schema_migrations cannot be read or written: permission denied for schema public. Nothing was"
        " applied; use a role that may create tables there, such as the one that owns the others."
    )


@pytest.mark.parametrize("granted", ["SELECT", "INSERT, UPDATE", "SELECT, INSERT"])
def test_role_without_privileges_on_the_ledger_is_named_with_the_grant(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, stranger: str, granted: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner_with().run_migrations()
    db.execute(f"GRANT {granted} ON ALL TABLES IN SCHEMA public TO PUBLIC".encode())
    folder.write("002_b.sql", "-- migrate: no-transaction\nSELECT 1;")
    for work in (runner_with(url=stranger).run_migrations, lambda: plan(stranger, folder.path, report=lambda _: None)):
        with pytest.raises(LedgerError, match="permission denied for table schema_migration") as caught:
            work()
    command = str(caught.value).rpartition("run: ")[2].removesuffix(".")
    if "SELECT" not in granted:  # it cannot look which privileges are missing
        assert "have that role grant SELECT, INSERT, UPDATE and DELETE on it" in command
        return
    assert f"lacks {'UPDATE' if 'INSERT' in granted else 'INSERT and UPDATE'}. " in str(caught.value)
    db.execute(command.encode())
    assert runner_with(url=stranger).run_migrations() == 1


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_file_that_revokes_the_ledger_from_its_runner_is_undone(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, stranger: str, header: str
) -> None:
    db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    runner = runner_with(url=stranger)
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    folder.write("002_b.sql", f"{header}REVOKE ALL ON schema_migrations, schema_migration_attempts FROM CURRENT_USER;")
    with pytest.raises(MigrationFailed, match="Next: remove the REVOKE, or the change of owner, that takes the ledger"):
        runner.run_migrations()
    folder.write("002_b.sql", f"{header}SELECT 2;")
    assert runner.run_migrations() == 1


def test_row_security_does_not_make_applied_files_pending(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, stranger: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner_with().run_migrations()
    db.execute("ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY; GRANT SELECT ON schema_migrations TO PUBLIC")
    advice = 'run: ALTER TABLE "public"."schema_migrations" DISABLE ROW LEVEL SECURITY'
    for work in (
        lambda: read_status(stranger, folder.path),
        lambda: plan(stranger, folder.path, report=lambda _: None),
    ):
        with pytest.raises(
            LedgerError, match=f"row security hides its rows from this role. Nothing was applied; {advice}"
        ):
            work()
    db.execute(advice.removeprefix("run: ").encode())
    assert read_status(stranger, folder.path).state == "current"


@pytest.mark.parametrize(
    "creates",
    [
        "CREATE SCHEMA AUTHORIZATION {role};",
        "CREATE SCHEMA AUTHORIZATION CURRENT_USER",
        'CREATE SCHEMA IF NOT EXISTS "{role}"',
        "DO $$ BEGIN EXECUTE 'CREATE SCHEMA {role}'; END $$",
        "CREATE SCHEMA other; ALTER SCHEMA other RENAME TO {role}",
    ],
)
def test_schema_before_the_ledger_s_is_refused_first(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, stranger: str, creates: str
) -> None:
    db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    role = conninfo_to_dict(stranger)["user"]
    folder.write("001_a.sql", "CREATE TABLE t (i int);")
    folder.write("003_c.sql", "CREATE TABLE u (i int);")
    for header in ("", "-- migrate: no-transaction\n"):
        folder.write("002_b.sql", header + creates.format(role=role))
        message = (
            f"^002_b.sql:{2 if header else 1}: it creates schema {role}, which comes before public in the search_path"
        )
        with pytest.raises(FilesRefused, match=message):
            runner_with(url=stranger).run_migrations()
        with pytest.raises(MigrationFilesError, match=message):
            plan(stranger, folder.path, report=lambda _: None)
    assert read_status(stranger, folder.path).pending == [1, 2, 3]
    folder.write("002_b.sql", "CREATE SCHEMA harmless; ALTER SCHEMA harmless RENAME TO other;")
    assert runner_with(url=stranger).run_migrations() == 3


@pytest.mark.parametrize("header", ["", "-- migrate: no-transaction\n"], ids=["transaction", "no-transaction"])
def test_hidden_schema_before_the_ledger_s_is_rolled_back(
    runner_with: Callable[..., MigrationRunner], folder: Folder, db: Connection, stranger: str, header: str
) -> None:
    db.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    folder.write("001_a.sql", header + hidden("CREATE SCHEMA AUTHORIZATION CURRENT_USER"))
    with pytest.raises(
        MigrationFailed, match="after this file, schema .* comes first in the search_path instead of pub"
    ):
        runner_with(url=stranger).run_migrations()
    if not header:
        found = plan(stranger, folder.path, report=lambda _: None)
        assert found.would_fail
    folder.write("001_a.sql", f"{header}CREATE TABLE t (i int);")
    assert runner_with(url=stranger).run_migrations() == 1
    assert db.execute("SELECT to_regclass('public.t') IS NOT NULL AS made").fetchone() == {"made": True}


def test_search_path_is_read_as_postgresql_does() -> None:
    assert _names_in('"$user", Public,"A ""b"", c", x') == ["$user", "public", 'A "b", c', "x"]
    assert _names_in("") == []


def test_database_settings_do_not_break_reading(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    for setting in (
        "DateStyle TO 'German'",
        "TimeZone TO 'Asia/Tokyo'",
        "default_transaction_isolation TO serializable",
    ):
        db.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(sql.Identifier(db.info.dbname)))
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    before = db.execute("SELECT now() AS now").fetchone()
    assert before is not None
    assert [runner.run_migrations(), runner.run_migrations()] == [1, 0]
    row = read_status(runner._url, folder.path).entries[0].row
    assert row is not None
    assert row.applied_at is not None
    assert row.applied_at.tzinfo is UTC
    recent = "SELECT %s::timestamptz BETWEEN %s AND now() AS recent"
    assert db.execute(recent, [row.applied_at, before["now"]]).fetchone() == {"recent": True}
