"""PgBouncer in transaction mode cannot hold the lock, and is detected before anything is locked."""

from __future__ import annotations

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import PooledConnection
from peterental.database.migrations.run.backfills import run_backfills
from peterental.database.migrations.scratch.database import ScratchRefused
from peterental.database.migrations.verify.verify import verify
from peterental.database.pool import Database
from tests.database.migrations.backfill.visits import seen, write_visits
from tests.database.migrations.conftest import Connection, Folder
from tests.servers import running_pgbouncer

pytestmark = pytest.mark.needs("pgbouncer")


def test_transaction_pooler_is_refused_with_advice(empty_database_url: str, folder: Folder, db: Connection) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with running_pgbouncer(empty_database_url, "transaction") as url:
        with pytest.raises(PooledConnection, match="set MIGRATIONS_DATABASE_URL"):
            MigrationRunner(url, folder.path).run_migrations()
        assert db.execute("SELECT to_regclass('schema_migrations') AS ledger").fetchone() == {"ledger": None}


def test_pooler_is_fine_if_nothing_is_pending(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    MigrationRunner(empty_database_url, folder.path).run_migrations()
    with running_pgbouncer(empty_database_url, "transaction") as url:
        assert MigrationRunner(url, folder.path).run_migrations() == 0


def test_session_pooler_can_hold_the_lock(empty_database_url: str, folder: Folder) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    with running_pgbouncer(empty_database_url, "session") as url:
        assert MigrationRunner(url, folder.path).run_migrations() == 1


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
