"""PgBouncer in transaction mode cannot hold the lock, and is detected before anything is locked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.repair import repair
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import PooledConnection, ServerUnavailable
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.scratch.database import ScratchRefused
from peterental.database.migrations.session import pooler
from peterental.database.migrations.session.pooler import refuse_transaction_pooler
from peterental.database.migrations.session.server import connect
from peterental.database.migrations.verify.verify import verify
from peterental.database.pool import Database
from tests.database.migrations.backfill.visits import seen, write_visits
from tests.database.migrations.conftest import Connection, Folder
from tests.servers import running_pgbouncer

TRIES = int(os.environ.get("POOLER_TRIES", "25"))
"""Tries per pool mode; for a long run: `POOLER_TRIES=200 pytest tests/database/migrations/session/test_pgbouncer.py`."""

pytestmark = pytest.mark.needs("pgbouncer")


def test_transaction_pooler_is_refused_with_advice(empty_database_url: str, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with running_pgbouncer(empty_database_url, "transaction") as url:
        with pytest.raises(PooledConnection, match="set MIGRATIONS_DATABASE_URL"):
            MigrationRunner(url, folder.path).run_migrations()
        assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_every_writing_command_refuses_a_pooler(
    empty_database_url: str, folder: Folder, db: Connection, mode: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("001_a.down.sql", "DROP TABLE a;")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    folder.write("002_b.sql", "CREATE TABLE b (i int);")
    with running_pgbouncer(empty_database_url, mode) as url:
        commands: tuple[Callable[[], object], ...] = (
            MigrationRunner(url, folder.path).run_migrations,
            lambda: plan(url, folder.path, report=print),
            lambda: repair(url, folder.path, confirm=lambda _: True, report=print),
            lambda: rollback(url, folder.path, to=0, confirm=lambda _: True, report=print),
        )
        for command in commands:
            with pytest.raises(PooledConnection):
                command()
        assert read_status(url, folder.path).pending == [2]
        assert MigrationRunner(url, folder.path).get_applied_migrations() == [1]
    assert db.execute("SELECT to_regclass('a') AS a, to_regclass('b') AS b").fetchone() == {"a": "a", "b": None}


@contextmanager
def busy_clients(url: str, count: int = 8) -> Iterator[None]:
    """Keep the pooler's sessions busy with short transactions of several clients."""
    ended = Event()

    def work() -> None:
        with psycopg.connect(url, prepare_threshold=None) as client:
            while not ended.is_set():
                client.execute("SELECT pg_sleep(random() * 0.003)")
                client.commit()

    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def probe(url: str) -> bool:
    """Return whether a new connection is accepted as able to hold the lock."""
    with connect(url, purpose="migrations") as connection:
        row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
        assert row is not None
        try:
            refuse_transaction_pooler(connection, url, row["pid"])
        except PooledConnection:
            return False
        return True


def test_busy_transaction_pooler_is_never_accepted(
    empty_database_url: str, folder: Folder, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooler, "_ANSWER_S", 1.0)
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with running_pgbouncer(empty_database_url, "transaction") as url, busy_clients(url):
        assert [probe(url) for _ in range(TRIES)] == [False] * TRIES
        with pytest.raises(PooledConnection):
            MigrationRunner(url, folder.path).run_migrations()
        locks = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        assert db.execute(locks).fetchall() == []
        assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}


def test_busy_session_pooler_is_accepted(empty_database_url: str) -> None:
    with running_pgbouncer(empty_database_url, "session", pool_size=20) as url, busy_clients(url):
        assert [probe(url) for _ in range(TRIES)] == [True] * TRIES


def test_chance_of_the_same_session_is_no_proof(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, db: Connection
) -> None:
    monkeypatch.setattr(pooler, "_ANSWER_S", 1.0)
    monkeypatch.setattr(pooler, "_shares", lambda *_: False)
    with running_pgbouncer(empty_database_url, "transaction") as url:
        assert not probe(url)
        channels = (
            "SELECT count(*) AS n FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%UNLISTEN%' AND pid <> pg_backend_pid()"
        )
        assert db.execute(channels).fetchone() == {"n": 1}


def test_exhausted_session_pooler_is_refused(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooler, "_ANSWER_S", 0.3)
    with running_pgbouncer(empty_database_url, "session", pool_size=1) as url:
        assert not probe(url)


def test_unreachable_second_connection_is_refused(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ServerUnavailable(reason="too many connections")

    monkeypatch.setattr(pooler, "connect", refuse)
    with running_pgbouncer(empty_database_url, "session") as url:
        assert not probe(url)


def test_pooler_is_fine_if_nothing_is_pending(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    with running_pgbouncer(empty_database_url, "transaction") as url:
        assert MigrationRunner(url, folder.path).run_migrations() == 0


def test_session_pooler_can_hold_the_lock(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with running_pgbouncer(empty_database_url, "session") as url:
        assert MigrationRunner(url, folder.path).run_migrations() == 1


def test_session_pooler_serves_a_run_of_several_sessions(
    empty_database_url: str, folder: Folder, db: Connection
) -> None:
    """After 001 the runner connects again: the pooler must not hand out its lock with the session."""
    folder.write("001_a.sql", "CREATE TABLE a (i int); SELECT set_config('my.word', 'x', false), pg_advisory_lock(7);")
    folder.write("002_b.sql", "CREATE TABLE b AS SELECT nullif(current_setting('my.word', true), '') AS word;")
    with running_pgbouncer(empty_database_url, "session") as url:
        assert MigrationRunner(url, folder.path).run_migrations() == 2
    assert db.execute("SELECT word FROM b").fetchall() == [{"word": None}]


def test_backfill_needs_a_session_too(empty_database_url: str, folder: Folder, db: Connection) -> None:
    write_visits(folder, 30)
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    with running_pgbouncer(empty_database_url, "transaction") as url, pytest.raises(PooledConnection):
        run_backfills(url, folder.path, report=print)
    assert seen(db) == {0: 30}
    with running_pgbouncer(empty_database_url, "session") as url:
        assert run_backfills(url, folder.path, report=print)[0].state == "done"
    assert seen(db) == {1: 30}


def test_scratch_database_unknown_to_pooler_is_dropped(empty_database_url: str, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    with running_pgbouncer(empty_database_url, "transaction", databases=db.info.dbname) as url:
        reported: list[str] = []
        message = r"it cannot be reached \(.*\); behind PgBouncer, set MIGRATIONS_DATABASE_URL"
        with pytest.raises(ScratchRefused, match=message):
            verify(url, folder.path, report=reported.append)
    assert reported == []
    assert verify(empty_database_url, folder.path, report=reported.append).same


def test_application_works_through_a_pooler(empty_database_url: str) -> None:
    with running_pgbouncer(empty_database_url, "transaction") as url:
        databases = [Database(url, pool_size=2) for _ in range(3)]
        for round_number in range(8):  # more often than psycopg needs before it prepares a statement
            for database in databases:
                with database.transaction() as tx:
                    row = tx.execute("SELECT %s::int AS n", [round_number]).fetchone()
                assert row == {"n": round_number}
        for database in databases:
            database.close()
