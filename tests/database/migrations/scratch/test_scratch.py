"""A scratch database is like the live one, is always dropped, and leftovers of killed runs are cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from peterental.database.migrations.errors import Interrupted, ServerUnavailable
from peterental.database.migrations.scratch.database import (
    PREFIX,
    ScratchBuildFailed,
    ScratchRefused,
    build,
    scratch_database,
)
from tests.conftest import at_database, try_drop
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.servers import until

PROJECT_DIR = Path(__file__).resolve().parents[4]

TEMPLATE = "SELECT encoding, datcollate, datctype, to_jsonb(d) ->> 'datlocprovider' AS provider FROM pg_database AS d WHERE datname = current_database()"


def databases_named(db: Connection, pattern: str) -> list[str]:
    rows = db.execute("SELECT datname FROM pg_database WHERE datname ~ %s ORDER BY 1", [pattern])
    return [row["datname"] for row in rows]


def exists(db: Connection, scratch: str) -> bool:
    return databases_named(db, f"^{psycopg.conninfo.conninfo_to_dict(scratch)['dbname']}$") != []


@pytest.fixture
def plain_role(db: Connection, empty_database_url: str) -> Iterator[str]:
    """The URL of the same database for a role that may not create databases."""
    name = f"{PREFIX}role_{os.getpid()}"
    grants = "CREATE ROLE {0} LOGIN PASSWORD 'x'; GRANT ALL ON DATABASE {1} TO {0}; GRANT ALL ON SCHEMA public TO {0}"
    database = urlsplit(empty_database_url).path[1:]
    db.execute(sql.SQL(grants).format(sql.Identifier(name), sql.Identifier(database)))
    yield make_conninfo(empty_database_url, user=name, password="x")
    for statement in ("GRANT {0} TO CURRENT_USER", "DROP OWNED BY {0}", "DROP ROLE {0}"):
        db.execute(sql.SQL(statement).format(sql.Identifier(name)))


def leftover(db: Connection, age: str, *, protected: bool = False) -> str:
    """Create a database that looks like a leftover of a run killed `age` ago.

    With `protected`, the server refuses to drop it until `unprotect`, because other tests clean up this server at the
    same time.
    """
    row = db.execute(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC' - %s::interval, 'YYYYMMDD\"t\"HH24MISS') AS time", [age]
    ).fetchone()
    assert row is not None
    name = f"{PREFIX}{row['time']}_{os.urandom(4).hex()}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 IS_TEMPLATE {}")
    db.execute(statement.format(sql.Identifier(name), sql.Literal(protected)))
    return name


def unprotect(db: Connection, name: str) -> None:
    db.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))


def drop(db: Connection, name: str) -> None:
    until(lambda: try_drop(db, name), f"database {name} can be dropped")


# --- created and dropped ----------------------------------------------------------------------------------------------


def test_it_matches_the_live_database_and_is_dropped(
    empty_database_url: str, db: Connection, reported: ReportedLines
) -> None:
    with scratch_database(empty_database_url, report=reported.append) as scratch:
        assert exists(db, scratch)
        with psycopg.connect(scratch) as connection:
            assert connection.execute(TEMPLATE).fetchone() == tuple((db.execute(TEMPLATE).fetchone() or {}).values())
    assert not exists(db, scratch)
    assert reported == []


def test_it_is_dropped_after_an_error_while_in_use(empty_database_url: str, db: Connection) -> None:
    with pytest.raises(ZeroDivisionError), scratch_database(empty_database_url, report=print) as scratch:
        guest = psycopg.connect(scratch)
        raise ZeroDivisionError
    guest.close()
    assert not exists(db, scratch)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_dropped_after_a_signal(empty_database_url: str, db: Connection, number: signal.Signals) -> None:
    with pytest.raises(Interrupted), scratch_database(empty_database_url, report=print) as scratch:
        os.kill(os.getpid(), number)
    assert not exists(db, scratch)


def test_it_has_the_live_schema_and_search_path(empty_database_url: str, db: Connection, folder: Folder) -> None:
    database = urlsplit(empty_database_url).path[1:]
    db.execute("CREATE SCHEMA rental")
    db.execute(sql.SQL("ALTER DATABASE {} SET search_path TO rental, public").format(sql.Identifier(database)))
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with scratch_database(empty_database_url, report=print) as scratch:
        build(scratch, folder.path, to=1)
        with psycopg.connect(scratch) as connection:
            row = connection.execute("SELECT 'rental.a'::regclass IS NOT NULL, current_setting('search_path')")
            assert row.fetchone() == (True, "rental, public")


def test_locale_missing_on_the_server_falls_back_to_c(
    empty_database_url: str, databases_15_or_ours: str, db: Connection
) -> None:
    with scratch_database(empty_database_url, scratch_url=databases_15_or_ours, report=print) as scratch:
        assert not exists(db, scratch)
        psycopg.connect(scratch).close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(scratch)


@pytest.fixture
def databases_15_or_ours(request: pytest.FixtureRequest) -> str:
    """A server of another version than the one under test."""
    ours = request.node.callspec.params["empty_database_url"] == "ours"
    url: str = request.getfixturevalue("databases_15" if ours else "databases").create()
    return url


# --- leftovers --------------------------------------------------------------------------------------------------------


def test_only_old_leftovers_are_dropped(empty_database_url: str, db: Connection) -> None:
    old, young = leftover(db, "2 hours"), leftover(db, "50 minutes")
    with scratch_database(empty_database_url, report=print):
        assert databases_named(db, f"^({old}|{young})$") == [young]
    drop(db, young)


def test_databases_in_use_or_with_other_names_stay(empty_database_url: str, db: Connection) -> None:
    used, named_otherwise = leftover(db, "2 hours", protected=True), f"{PREFIX}20200101"
    db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(named_otherwise)))
    with psycopg.connect(at_database(empty_database_url, used)):
        unprotect(db, used)
        with scratch_database(empty_database_url, report=print):
            assert databases_named(db, f"^({used}|{named_otherwise})$") == [named_otherwise, used]
    drop(db, used)
    drop(db, named_otherwise)


def test_leftover_of_a_killed_run_is_recognised(empty_database_url: str, db: Connection, tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from peterental.database.migrations.scratch.database import scratch_database\n"
        "with scratch_database(sys.argv[1], report=print) as scratch:\n"
        "    pathlib.Path(sys.argv[2]).write_text(scratch); time.sleep(600)"
    )
    note = tmp_path / "scratch"
    process = subprocess.Popen([sys.executable, "-c", code, empty_database_url, str(note)], cwd=PROJECT_DIR)
    until(lambda: note.exists() and note.read_text() != "", "the scratch database is there")
    process.kill()
    process.wait()
    name = str(psycopg.conninfo.conninfo_to_dict(note.read_text())["dbname"])
    old = name.replace(name[len(PREFIX) : len(PREFIX) + 8], "20200101")
    db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(old)))
    with scratch_database(empty_database_url, report=print):
        assert databases_named(db, f"^{old}$") == []


def test_leftover_that_cannot_be_dropped_is_skipped(empty_database_url: str, db: Connection) -> None:
    old = leftover(db, "2 hours", protected=True)
    with scratch_database(empty_database_url, report=print):
        assert databases_named(db, f"^{old}$") == [old]
    unprotect(db, old)
    drop(db, old)


def test_leftover_of_another_role_is_skipped(db: Connection, plain_role: str) -> None:
    old = leftover(db, "2 hours", protected=True)
    with pytest.raises(ScratchRefused), scratch_database(plain_role, report=print):
        pass
    assert databases_named(db, f"^{old}$") == [old]
    unprotect(db, old)
    drop(db, old)


# --- refused ----------------------------------------------------------------------------------------------------------


def test_missing_createdb_right_names_the_setting(plain_role: str) -> None:
    with (
        pytest.raises(ScratchRefused, match=r"role \w+ may not create databases on .+; set SCRATCH_DATABASE_URL"),
        scratch_database(plain_role, report=print),
    ):
        pass


def test_another_server_can_be_used(plain_role: str, databases_15_or_ours: str) -> None:
    with (
        scratch_database(plain_role, scratch_url=databases_15_or_ours, report=print) as scratch,
        psycopg.connect(scratch) as made,
        psycopg.connect(databases_15_or_ours) as elsewhere,
    ):
        assert made.info.dbname != elsewhere.info.dbname
        assert (made.info.host, made.info.port) == (elsewhere.info.host, elsewhere.info.port)
        assert made.info.server_version == elsewhere.info.server_version


def test_read_only_server_is_refused(empty_database_url: str) -> None:
    read_only = make_conninfo(empty_database_url, options="-cdefault_transaction_read_only=on")
    with (
        pytest.raises(ScratchRefused, match=r"read-only.*set SCRATCH_DATABASE_URL to another server"),
        scratch_database(read_only, report=print),
    ):
        pass


def test_unreachable_scratch_server_is_reported(empty_database_url: str) -> None:
    with (
        pytest.raises(ServerUnavailable, match="does not answer"),
        scratch_database(empty_database_url, scratch_url="postgresql://nobody@127.0.0.1:1/x", report=print),
    ):
        pass


def test_missing_extension_has_a_next_step(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE EXTENSION no_such_extension;")
    with scratch_database(empty_database_url, report=print) as scratch, pytest.raises(ScratchBuildFailed) as caught:
        build(scratch, folder.path, to=1)
    assert 'extension "no_such_extension" is not available' in str(caught.value)
    assert "Next: install that extension on the server, or set SCRATCH_DATABASE_URL" in str(caught.value)
    assert "db-migrate" not in str(caught.value)


def test_existing_role_has_a_next_step(empty_database_url: str, folder: Folder, role: str) -> None:
    folder.write("001_a.sql", f"CREATE ROLE {role};")
    with scratch_database(empty_database_url, report=print) as scratch, pytest.raises(ScratchBuildFailed) as caught:
        build(scratch, folder.path, to=1)
    assert "Next: roles belong to the whole server" in str(caught.value)


def test_file_that_cannot_be_built_is_named(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "-- nothing")
    with scratch_database(empty_database_url, report=print) as scratch, pytest.raises(ScratchBuildFailed) as caught:
        build(scratch, folder.path, to=1)
    assert "001_a.sql has no statement in it" in str(caught.value)


def test_database_held_by_a_superuser_is_dropped_later(
    empty_database_url: str, db: Connection, reported: ReportedLines
) -> None:
    superuser = db.execute("SELECT rolname FROM pg_roles WHERE rolsuper").fetchone()
    assert superuser is not None
    with scratch_database(empty_database_url, report=reported.append) as scratch:
        like_autovacuum = psycopg.connect(scratch, user=superuser["rolname"])
        statement = f'DROP DATABASE IF EXISTS "{like_autovacuum.info.dbname}"'

        def is_being_dropped() -> bool:  # if the test role is a superuser, FORCE has ended the session
            dropping = "SELECT FROM pg_stat_activity WHERE state = 'active' AND query = %s"
            return db.execute(dropping, [statement]).fetchone() is not None or not exists(db, scratch)

        def leave_when_asked() -> None:
            until(is_being_dropped, "the server waits for the session to end")
            like_autovacuum.close()

        leaving = threading.Thread(target=leave_when_asked)
        leaving.start()
    leaving.join()
    assert not exists(db, scratch)
    assert "could not be dropped" not in reported.text


def test_failed_drop_is_reported(empty_database_url: str, db: Connection, reported: ReportedLines) -> None:
    with scratch_database(empty_database_url, report=reported.append) as scratch:
        name = str(psycopg.conninfo.conninfo_to_dict(scratch)["dbname"])
        moved = sql.Identifier(name + "_moved")
        db.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), moved))
        db.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 IS_TEMPLATE true").format(sql.Identifier(name)))
    assert f"{name} could not be dropped (cannot drop a template database); a later run will drop it" in reported.text
    unprotect(db, name)
    drop(db, name)
    drop(db, name + "_moved")
