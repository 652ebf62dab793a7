"""Server errors in the engine's own statements: reason, database, and next step."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from peterental.database.connect import DatabaseUnavailable
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import (
    DiskFull,
    LedgerError,
    MigrationFailed,
    ServerUnavailable,
    StatementCancelled,
    StatementRefused,
)
from peterental.database.migrations.ledger.status import SchemaHealth
from peterental.database.migrations.scratch import database as scratch_databases
from peterental.database.migrations.scratch.database import scratch_database
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.pool import Database
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import LONG_QUERY_RUNS, wait_until

RAISE = "DO $$ BEGIN RAISE SQLSTATE '{}' USING MESSAGE = 'the server has its reasons'; END $$"
HINT = "if another tool owns a table of that name, give PeteRental a separate schema."


def refusal(url: str, state: str) -> Exception:
    """Return the engine error for a server error with this SQLSTATE."""
    with pytest.raises(Exception) as caught, engine_session(url) as connection:  # noqa: PT011  # the type is the result
        connection.execute(RAISE.format(state).encode())
    return caught.value


@pytest.mark.parametrize("state", ["42703", "42804", "42809", "42P10", "42883", "23502", "22P02", "428C9"])
def test_foreign_ledger_gets_the_hint(empty_database_url: str, state: str) -> None:
    found = refusal(empty_database_url, state)
    assert isinstance(found, LedgerError)
    assert str(found).endswith(HINT)


@pytest.mark.parametrize("state", ["40P01", "40001", "53200", "58030", "XX000", "XX001", "42P01", "25006", "23505"])
def test_other_errors_keep_the_server_s_reason(empty_database_url: str, state: str) -> None:
    found = refusal(empty_database_url, state)
    assert isinstance(found, StatementRefused)
    where = empty_database_url.rpartition("/")[2]
    assert str(found).startswith(f"PostgreSQL refused a statement in database {where} on 127.0.0.1:")
    assert str(found).endswith(
        f": the server has its reasons (SQLSTATE {state}). What was applied stays; fix the cause, then run the same"
        " command again."
    )


@pytest.mark.parametrize("state", ["57P01", "57P03", "08006"])
def test_lost_server_does_not_answer(empty_database_url: str, state: str) -> None:
    found = refusal(empty_database_url, state)
    assert isinstance(found, ServerUnavailable)
    assert str(found) == "The database does not answer: the server has its reasons."


def test_full_disk_is_disk_full(empty_database_url: str) -> None:
    assert isinstance(refusal(empty_database_url, "53100"), DiskFull)


def test_timed_out_statement_says_so(empty_database_url: str) -> None:
    url = make_conninfo(empty_database_url, options="-cstatement_timeout=20")
    with (
        pytest.raises(StatementCancelled, match="was cancelled by statement_timeout: .*Raise statement_timeout"),
        engine_session(url) as connection,
    ):
        connection.execute("SELECT pg_sleep(60)")


def test_statement_cancelled_by_another_session_says_so(empty_database_url: str) -> None:
    with (
        pytest.raises(StatementCancelled, match="was cancelled by another session: .*run the same command again"),
        engine_session(empty_database_url) as connection,
    ):
        connection.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")


def test_cancelled_scratch_database_is_reported(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(server: Connection, *_: object) -> None:
        server.execute("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")

    monkeypatch.setattr(scratch_databases, "_create", cancelled)
    reported: list[str] = []
    with (
        pytest.raises(StatementCancelled, match="cancelled by another session"),
        scratch_database(empty_database_url, report=reported.append),
    ):
        pytest.fail("its creation was cancelled")
    assert reported == []


def test_time_limit_does_not_end_the_creation_of_a_scratch_database(empty_database_url: str) -> None:
    url = make_conninfo(empty_database_url, options="-cstatement_timeout=1")
    with (
        scratch_database(empty_database_url, scratch_url=url, report=print) as scratch,
        psycopg.connect(make_conninfo(scratch, options="")) as connection,
    ):
        assert connection.info.dbname in scratch


@pytest.mark.parametrize(
    ("header", "kept"),
    [("", "001_a.sql was rolled back."), ("-- migrate: no-transaction\n", "Stopped at statement 1 of 1")],
    ids=["transaction", "no-transaction"],
)
def test_cancelled_file_says_what_to_do(
    runner: MigrationRunner, folder: Folder, db: Connection, header: str, kept: str
) -> None:
    folder.write("001_a.sql", f"{header}SELECT pg_sleep(600);")
    canceller = threading.Thread(target=cancel_the_long_query, args=(db,))
    canceller.start()
    with pytest.raises(MigrationFailed) as caught:
        runner.run_migrations()
    canceller.join()
    said = str(caught.value)
    assert "canceling statement due to user request" in said
    assert kept in said
    assert "Next: find out which session cancelled it, then run: flask db-migrate" in said


def cancel_the_long_query(db: Connection) -> None:
    """Cancel a statement as an administrator would."""
    wait_until(db, LONG_QUERY_RUNS)
    db.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
    )


def test_timed_out_file_names_the_limit_to_raise(runner: MigrationRunner, folder: Folder) -> None:
    folder.write("001_a.sql", "-- migrate: statement-timeout=20ms\nSELECT pg_sleep(60);")
    with pytest.raises(
        MigrationFailed, match="Next: raise statement-timeout in the header, then run: flask db-migrate"
    ):
        runner.run_migrations()


# --- the health check over the pool -----------------------------------------------------------------------------------


def test_role_without_access_to_ledger_is_reported(
    runner: MigrationRunner, folder: Folder, db: Connection, role: str, empty_database_url: str
) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    db.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(role)))
    database = Database(make_conninfo(empty_database_url, user=role, password="x"), pool_size=1)
    with pytest.raises(LedgerError, match="permission denied for table schema_migrations"):
        SchemaHealth(database, folder.path).status()
    database.close()


def test_health_check_reports_a_locked_ledger(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peterental.database.migrations.ledger.reader.LEDGER_WAIT_MS", 50)
    folder.write("001_a.sql", "SELECT 1;")
    runner.run_migrations()
    database = Database(empty_database_url, pool_size=1)
    with psycopg.connect(empty_database_url) as other:
        other.execute("LOCK TABLE schema_migrations")
        with pytest.raises(LedgerError, match="another transaction holds it"):
            SchemaHealth(database, folder.path).status()
    database.close()


@pytest.mark.usefixtures("real_time_limits")
def test_health_check_reports_a_missing_server(tmp_path: Path) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/x", pool_size=1)
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        SchemaHealth(database, tmp_path).status()
    database.close()
