"""What is in the way of a migration is named, of any role, and an autovacuum gives way."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.errors import LockNotAcquired, MigrationFailed
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.run.failures import waiting_past
from peterental.database.migrations.run.monitor import SessionMonitor
from peterental.database.migrations.session.advisory_lock import lock_key
from peterental.database.migrations.session.other_sessions import describe
from peterental.database.migrations.settings import DEFAULT_SETTINGS
from peterental.database.migrations.source.directives import Directives
from tests.conftest import Databases
from tests.database.migrations.conftest import Connection, Folder

IMPATIENT = replace(DEFAULT_SETTINGS, table_wait_s=0.01)
HASTY = replace(DEFAULT_SETTINGS, retry_pause_s=(0.0, 0.0))
NO_TRANSACTION = "-- migrate: no-transaction\n"


@pytest.fixture
def prepared(db: Connection) -> str:
    """The name of a prepared transaction that has written to the table busy."""
    shown = db.execute("SHOW max_prepared_transactions").fetchone()
    if shown == {"max_prepared_transactions": "0"}:
        pytest.skip("this server allows no prepared transactions")
    name = f"it's {secrets.token_hex(4)}"
    db.execute("CREATE TABLE busy (i int)")
    db.execute("BEGIN; INSERT INTO busy VALUES (1)")
    db.execute(sql.SQL("PREPARE TRANSACTION {}").format(name))
    return name


def test_prepared_transaction_is_named(
    runner_with: Callable[..., MigrationRunner],
    folder: Folder,
    db: Connection,
    prepared: str,
    empty_database_url: str,
) -> None:
    folder.write("001_a.sql", "ALTER TABLE busy ADD COLUMN j int;")
    try:
        with pytest.raises(MigrationFailed) as failed:
            runner_with(settings=IMPATIENT).run_migrations()
        planned = plan(empty_database_url, folder.path, report=print).text(width=None)
    finally:
        db.execute(sql.SQL("ROLLBACK PREPARED {}").format(prepared))
    quoted = sql.Literal(prepared).as_string()
    assert f"  Blocked by: the prepared transaction {quoted} (of " in str(failed.value)
    assert f"ROLLBACK PREPARED {quoted} ends it)" in str(failed.value)
    assert f"in use by the prepared transaction {quoted} (of " in planned


def test_sessions_of_other_roles_are_described_by_what_is_visible(
    db: Connection, empty_database_url: str, folder: Folder, role: str
) -> None:
    db.execute(
        sql.SQL("ALTER ROLE {0} LOGIN PASSWORD 'x'; GRANT ALL ON SCHEMA public TO {0}").format(sql.Identifier(role))
    )
    db.execute("CREATE TABLE busy (i int)")
    db.execute(sql.SQL("GRANT ALL ON busy TO {}").format(sql.Identifier(role)))
    folder.write("001_a.sql", "LOCK TABLE busy; SELECT 1;")
    parts = urlsplit(empty_database_url)
    url = parts._replace(netloc=f"{role}:x@{parts.hostname}:{parts.port}").geturl()
    owner = db.info.user
    db.execute("SET application_name = 'the report'")
    db.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")
    with pytest.raises(MigrationFailed) as failed:
        MigrationRunner(url, folder.path, settings=IMPATIENT).run_migrations()
    db.execute("ROLLBACK")
    pid = db.info.backend_pid
    shown = f"the report (pid {pid}, of role {owner}; GRANT pg_read_all_stats TO {role} shows what it does)"
    assert f"  Blocked by: {shown}\n" in str(failed.value)
    db.execute("SELECT pg_advisory_lock(%s)", [lock_key("public")])
    with pytest.raises(LockNotAcquired, match=rf"held by the report \(pid {pid}, of role {owner}\)\. Nothing"):
        MigrationRunner(url, folder.path, lock_wait_s=0).run_migrations()


def test_autovacuum_is_called_that() -> None:
    row = {"application_name": "autovacuum worker", "is_visible": False, "role": None, "blocker_pid": 7}
    assert describe(row) == "autovacuum worker (pid 7)"


@pytest.mark.parametrize(
    ("way", "header"),
    [
        ("up", ""),
        ("up", NO_TRANSACTION),
        ("down", ""),
        ("down", NO_TRANSACTION),
    ],
)
def test_next_attempt_outlasts_an_autovacuum(
    databases: Databases, folder: Folder, monkeypatch: pytest.MonkeyPatch, header: str, way: str
) -> None:
    """The server cancels one for a session that waits longer than deadlock_timeout, 1 s; a session stands in for it."""
    monkeypatch.setattr(SessionMonitor, "is_autovacuum", property(lambda _: True, lambda *_: None), raising=False)
    url = databases.create()
    asks = f"{header}ALTER TABLE busy ADD COLUMN j int; CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS waits;"
    with psycopg.connect(url, autocommit=True) as holder:
        holder.execute("CREATE TABLE busy (i int)")
        folder.write("001_a.sql", asks if way == "up" else "SELECT 1;")
        folder.write("001_a.down.sql", asks)
        if way == "down":
            MigrationRunner(url, folder.path).run_migrations()
        holder.execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE")

        def report(line: str) -> None:
            if line.endswith("trying again"):
                holder.execute("ROLLBACK")

        if way == "up":
            MigrationRunner(url, folder.path, report=report, settings=HASTY).run_migrations()
        else:
            rollback(url, folder.path, to=0, confirm=lambda _: True, report=report, settings=HASTY)
        waits = holder.execute("SELECT waits FROM seen").fetchone()
    assert waits == ("1200ms",)
    databases.drop(url)


@pytest.mark.parametrize(
    ("deadlock_timeout_ms", "directives", "waits_ms"),
    [
        (1000, Directives(), 1200),
        (500, Directives(), 1000),
        (2300, Directives(), 2500),
        (5000, Directives(), 1000),
        (1000, Directives(has_own_lock_timeout=True), 1000),
    ],
)
def test_wait_that_outlasts_an_autovacuum_is_bounded(
    deadlock_timeout_ms: int, directives: Directives, waits_ms: int
) -> None:
    assert waiting_past(deadlock_timeout_ms, directives).lock_timeout_ms == waits_ms
