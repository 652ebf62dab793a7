"""After a lost connection the runner looks whether the file was committed, and says which it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import Interrupted, MigrationFailed, RollbackFailed, ServerUnavailable
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.session import lost_connection
from peterental.database.migrations.session.execute import execute_text
from peterental.database.migrations.session.lost_connection import reconnected
from peterental.database.migrations.session.server import connect
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from tests.database.migrations.conftest import Connection, Folder, ReportedLines
from tests.database.migrations.helpers import LONG_QUERY_RUNS, attempts, ledger, start, tables, wait_until
from tests.servers import HANG_S, running_debian_postgres

HEADER = "-- migrate: no-transaction\n"
TERMINATE = "SELECT pg_terminate_backend(pg_backend_pid())"
IMPATIENT = replace(DEFAULT_SETTINGS, reconnect_wait_s=0.2)


def test_terminated_file_was_rolled_back(
    runner: MigrationRunner, folder: Folder, db: Connection, reported: ReportedLines
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"CREATE TABLE b (i int);\n{TERMINATE};")
    with pytest.raises(MigrationFailed, match="Migration 2 failed: the connection to the database was lost") as caught:
        runner.run_migrations()
    assert caught.value.state == "002_b.sql was rolled back. 001 stays applied."
    assert "Next: find out why the connection was lost, then run: flask db-migrate" in str(caught.value)
    assert any("002_b.sql: the connection to the database was lost" in line for line in reported)
    assert tables(db) == {"a"}
    assert attempts(db) == [(1, "applied"), (2, "interrupted")]


@pytest.mark.needs("postgres15")
def test_standby_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_debian_postgres(standby=True) as url:
        with reconnected(url, IMPATIENT, 0) as connection:
            assert connection is None
        monkeypatch.setattr(lost_connection, "_IS_UNDECIDED", "SELECT %s = 1 AS undecided")
        with reconnected(url, IMPATIENT, 0) as connection:
            assert connection is not None


def test_terminated_commit_was_rolled_back(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    folder.write(
        "001_a.sql",
        "CREATE TABLE a (i int);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;\n"
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();\n"
        "INSERT INTO a VALUES (1);",
    )
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert caught.value.state == "001_a.sql was rolled back."
    assert tables(db) == set()


def lose_second_answer(patch: pytest.MonkeyPatch) -> None:
    """Lose the connection while the second file's COMMIT is answered."""
    scripts = []

    def losing(connection: Connection, script: str, **options: Any) -> object:
        scripts.append(script)
        results = execute_text(connection, script, **options)
        if len(scripts) == 2:
            connection.close()
            reason = "server closed the connection unexpectedly"
            raise psycopg.OperationalError(reason)
        return results

    patch.setattr("peterental.database.migrations.ledger.writer.execute_text", losing)


@pytest.mark.parametrize("header", ["", HEADER], ids=["transaction", "no-transaction"])
def test_committed_file_is_known_as_committed(
    runner: MigrationRunner, folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"{header}CREATE TABLE b (i int);")
    folder.write("003_c.sql", "CREATE TABLE c (i int);")
    with monkeypatch.context() as patch:
        lose_second_answer(patch)
        with pytest.raises(MigrationFailed) as caught:
            runner.run_migrations()
    assert caught.value.state == "002_b.sql was committed, and is recorded as applied. 001 stays applied."
    assert ledger(db) == {1: "a", 2: "b"}
    assert runner.run_migrations() == 1


@pytest.mark.parametrize("header", ["", HEADER], ids=["transaction", "no-transaction"])
def test_signal_after_the_commit_leaves_the_file_applied(
    runner: MigrationRunner, folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    folder.write("001_a.sql", f"{header}CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);")

    def interrupted(connection: Connection, script: str, **options: Any) -> object:
        execute_text(connection, script, **options)
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr("peterental.database.migrations.ledger.writer.execute_text", interrupted)
        with pytest.raises(Interrupted):
            runner.run_migrations()
    assert (ledger(db), attempts(db)[0]) == ({1: "a"}, (1, "applied"))
    folder.write("001_a.sql", f"{header}CREATE TABLE a (i int); -- explained")
    assert runner.run_migrations() == 1


def test_statement_of_a_terminated_file_is_named(runner: MigrationRunner, folder: Folder, db: Connection) -> None:
    text = (
        HEADER + "CREATE SCHEMA app;\nSET search_path = app;\nCREATE TABLE t (i int);\n{};\nINSERT INTO t VALUES (42);"
    )
    folder.write("001_a.sql", text.format(TERMINATE))
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    assert caught.value.problem.message.endswith("terminating connection due to administrator command")
    assert caught.value.state == "001_a.sql was not completed. Stopped at statement 4 of 5; the 3 before it are done."
    folder.write("001_a.sql", text.format("SELECT 1"))
    assert runner.run_migrations() == 1
    assert db.execute("SELECT i FROM app.t").fetchall() == [{"i": 42}]


def test_terminated_from_outside_is_seen_by_the_process(
    folder: Folder, empty_database_url: str, db: Connection
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);\nSELECT pg_sleep(600);")
    process = start(empty_database_url, folder)
    wait_until(db, LONG_QUERY_RUNS)
    db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    )
    _, errors = process.communicate(timeout=HANG_S)
    assert "001_a.sql was rolled back." in errors


def test_server_that_stays_away_is_admitted(
    runner_with: Callable[..., MigrationRunner], folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ServerUnavailable(reason="connection refused")

    monkeypatch.setattr(lost_connection, "connect", refuse)
    folder.write("001_a.sql", TERMINATE)
    with pytest.raises(MigrationFailed) as caught:
        runner_with(settings=IMPATIENT).run_migrations()
    assert caught.value.state == (
        "Whether 001_a.sql was committed could not be seen: the server was not back, or still at work on it, after"
        " 0.2 s. It was committed whole or not at all; flask db-status shows which."
    )


def test_session_that_still_works_is_waited_for(empty_database_url: str) -> None:
    with connect(empty_database_url, purpose="migrations") as other:
        with reconnected(empty_database_url, IMPATIENT, other.info.backend_pid) as connection:
            assert connection is None
        pid = other.info.backend_pid
    with reconnected(empty_database_url, DEFAULT_SETTINGS, pid) as connection:
        assert connection is not None
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_reconnecting_survives_another_loss(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Connection] = []

    def first_is_lost(*args: Any, **options: Any) -> Connection:
        connection = connect(*args, **options)
        opened.append(connection)
        if len(opened) == 1:
            with pytest.raises(psycopg.OperationalError):
                connection.execute(TERMINATE)
        return connection

    monkeypatch.setattr(lost_connection, "connect", first_is_lost)
    with reconnected(empty_database_url, DEFAULT_SETTINGS, -1) as connection:
        assert connection is opened[1]


def test_rollback_says_what_became_of_it(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("001_a.down.sql", f"DROP TABLE a;\n{TERMINATE};")
    runner.run_migrations()
    with pytest.raises(RollbackFailed) as caught:
        rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=lambda _: None)
    assert caught.value.state == "001_a.down.sql changed nothing: migration 001 stays applied."
    record = LedgerWriter.record_rolled_back

    def losing(writer: LedgerWriter, *args: Any) -> None:
        record(writer, *args)
        writer._connection.execute("COMMIT")
        writer._connection.close()

    folder.write("001_a.down.sql", "DROP TABLE a;")
    monkeypatch.setattr(LedgerWriter, "record_rolled_back", losing)
    with pytest.raises(RollbackFailed) as caught:
        rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=lambda _: None)
    assert caught.value.state == "001_a.down.sql was committed: migration 001 is undone."


def test_rollback_admits_that_the_server_stays_away(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def nowhere(*_: object) -> Any:
        yield None

    monkeypatch.setattr("peterental.database.migrations.commands.rollback.reconnected", nowhere)
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("001_a.down.sql", TERMINATE)
    runner.run_migrations()
    with pytest.raises(RollbackFailed, match="Whether 001_a.down.sql was committed could not be seen"):
        rollback(empty_database_url, folder.path, to=0, confirm=lambda _: True, report=lambda _: None)
