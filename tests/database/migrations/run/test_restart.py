"""A server that is restarted in the middle of a file, of each kind: nothing is half done, and the next run completes it."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import MigrationFailed
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.run.backfills import run_backfills
from tests.conftest import at_database
from tests.database.migrations.conftest import Folder, ReportedLines
from tests.database.migrations.helpers import ledger, tables, wait_until
from tests.servers import DebianPostgres, debian_postgres_to_restart

pytestmark = [pytest.mark.needs("postgres15"), pytest.mark.untraced]

SLEEPS = "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database())"
NO_TRANSACTION = "-- migrate: no-transaction\n"
STOPPED = "002_b.sql was not completed. Stopped at statement 3 of 4; the 2 before it are done. 001 stays applied."
ROLLED_BACK = "002_b.sql was rolled back. 001 stays applied."


@pytest.fixture(scope="module")
def server() -> Iterator[DebianPostgres]:
    with debian_postgres_to_restart() as server:
        yield server


@pytest.fixture
def url(server: DebianPostgres) -> str:
    """A new database on the server."""
    name = f"restart_{secrets.token_hex(4)}"
    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return at_database(server.url, name)


@pytest.fixture
def sleep(server: DebianPostgres) -> str:
    """A statement that sleeps until the server is restarted, and does nothing after that."""
    with psycopg.connect(server.url) as db:
        (started,) = db.execute("SELECT pg_postmaster_start_time()::text").fetchone() or ("",)
    return f"SELECT pg_sleep(600) WHERE pg_postmaster_start_time() = '{started}'"


def restart_while_it_sleeps(server: DebianPostgres, url: str, how: signal.Signals, work: Callable[[], Any]) -> Any:
    """Restart the server while `work` runs a statement that sleeps; return what it returns or raises."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except MigrationFailed as error:
            outcome.append(error)

    thread = Thread(target=run)
    thread.start()
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as db:
        wait_until(db, SLEEPS)
    server.stop(how)
    server.start()
    thread.join()
    return outcome[0]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
@pytest.mark.parametrize(
    ("header", "state", "left"),
    [
        ("", ROLLED_BACK, {"a"}),
        (NO_TRANSACTION, STOPPED, {"a", "b"}),
        ("-- migrate: contract settle=1s\n", ROLLED_BACK, {"a"}),
    ],
    ids=["transaction", "no-transaction", "contract"],
)
def test_restart_in_a_file(
    *,
    server: DebianPostgres,
    url: str,
    sleep: str,
    folder: Folder,
    how: signal.Signals,
    header: str,
    state: str,
    left: set[str],
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    statements = ("CREATE TABLE b (i int)", "INSERT INTO b VALUES (1)", sleep, "CREATE TABLE c (i int)")
    folder.write("002_b.sql", header + ";\n".join(statements))
    runner = MigrationRunner(url, folder.path)
    failed = restart_while_it_sleeps(server, url, how, runner.run_migrations)
    assert failed.state == state
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as db:
        assert tables(db) == left
        assert runner.run_migrations() == 1
        assert tables(db) == {"a", "b", "c"}
        assert db.execute("SELECT count(*) AS n FROM b").fetchone() == {"n": 1}
        assert list(ledger(db)) == [1, 2]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_restart_in_a_concurrent_build(
    server: DebianPostgres, url: str, sleep: str, folder: Folder, how: signal.Signals
) -> None:
    body = f"$$ BEGIN {sleep.replace('SELECT', 'PERFORM')}; RETURN $1; END $$"
    slow = f"CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS {body}"
    folder.write("001_a.sql", f"CREATE TABLE a (i int); INSERT INTO a VALUES (1); {slow};")
    folder.write("002_b.sql", f"{NO_TRANSACTION}CREATE INDEX CONCURRENTLY a_i ON a (slow(i));")
    runner = MigrationRunner(url, folder.path)
    failed = restart_while_it_sleeps(server, url, how, runner.run_migrations)
    assert "Stopped at statement 1 of 1; nothing was done before it." in failed.state
    assert runner.run_migrations() == 1
    with psycopg.connect(url, row_factory=dict_row) as db:
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_i'::regclass"
        assert db.execute(valid).fetchall() == [{"indisvalid": True}]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_restart_in_a_backfill(
    *, server: DebianPostgres, url: str, sleep: str, folder: Folder, reported: ReportedLines, how: signal.Signals
) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i bigint PRIMARY KEY, n int DEFAULT 0);\nINSERT INTO a SELECT g FROM generate_series(1, 2000) AS g;\n"
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF NEW.i = 1500 THEN {sleep.replace('SELECT', 'PERFORM')}; END IF; RETURN NEW; END $$;\n"
        "CREATE TRIGGER slow BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION slow();",
    )
    folder.write(
        "002_b.sql",
        "-- migrate: backfill table=a key=i batch=100 pause=0ms\nUPDATE a SET n = n + 1 WHERE i BETWEEN"
        " current_setting('migrate.first')::bigint AND current_setting('migrate.last')::bigint;",
    )
    MigrationRunner(url, folder.path).run_migrations()
    (result,) = restart_while_it_sleeps(
        server, url, how, lambda: run_backfills(url, folder.path, report=reported.append)
    )
    assert result.state == "done"
    assert "Connecting again" in reported.text
    assert read_status(url, folder.path).state == "current"
    with psycopg.connect(url, row_factory=dict_row) as db:
        assert db.execute("SELECT n, count(*) AS rows FROM a GROUP BY n").fetchall() == [{"n": 1, "rows": 2000}]
