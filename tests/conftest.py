"""What every test may ask for: a real PostgreSQL, and a migrated database of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from psycopg import sql

from peterental.database.dev_server import join
from peterental.database.migrations import MigrationRunner
from peterental.database.pool import Database
from tests.servers import HANG_S, OPTIONAL, close_for_good, quick_folder, running_debian_postgres, until

PROJECT_DIR = Path(__file__).resolve().parent.parent

# A test's data need not survive a power cut. Autovacuum would come to a test or not, as time allows.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

TIME_LIMITS: dict[str, float] = {
    "peterental.database.pool.CONNECT_TIMEOUT_S": HANG_S,
    "peterental.database.pool.ACQUIRE_TIMEOUT_S": HANG_S,
    "peterental.database.pool.STATEMENT_TIMEOUT_MS": HANG_S * 1000,
    "peterental.database.pool.LOCK_TIMEOUT_MS": HANG_S * 1000,
    "peterental.database.pool.IDLE_IN_TRANSACTION_TIMEOUT_MS": HANG_S * 1000,
    "peterental.voice.webhook.DEADLINE_S": HANG_S,
}
"""Time limits of the application, and what they are in tests."""

REAL_TIME_LIMITS = {name: resolve_name(name) for name in TIME_LIMITS}


class CompiledTemplates(BytecodeCache):
    """Templates that another test's app has compiled already; what an app does with them is its own."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    """Name our markers."""
    config.addinivalue_line(
        "markers", "needs(name): uses something that pip cannot bring; left out where it is missing"
    )
    config.addinivalue_line("markers", "long: takes so long that it is begun first, not to be waited for at the end")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long. Leave out what this machine cannot run; in CI nothing, so that a missing part fails."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    left_out: dict[str, int] = {}
    config.stash[LEFT_OUT] = left_out
    if os.environ.get("CI") == "true":
        return
    missing = {name for name, (find, _) in OPTIONAL.items() if not find()}
    kept = []
    for item in items:
        lacking = {marker.args[0] for marker in item.iter_markers("needs")} & missing
        for name in lacking:
            left_out[name] = left_out.get(name, 0) + 1
        if not lacking:
            kept.append(item)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in the last lines what was left out."""
    for name, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"left out: {count} tests that need {OPTIONAL[name][1]}", yellow=True)


def at_database(url: str, name: str) -> str:
    """Give `url` with another database name."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    """Compile each template once for all the apps of all tests, which is a quarter of what tests of pages compute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
        yield


@pytest.fixture(scope="session", autouse=True)
def lenient_time_limits() -> Iterator[None]:
    """Give the application in this process more time than a slow machine needs; see `real_time_limits`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TIME_LIMITS.items():
            patch.setattr(name, int(value))
        yield


@pytest.fixture
def real_time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the application's own time limits, for tests of what happens when they are over."""
    for name, value in REAL_TIME_LIMITS.items():
        monkeypatch.setattr(name, value)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of the server under test, for a role that may create databases: ours, or TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with join(quick_folder(PROJECT_DIR) / "postgres", settings=CARELESS) as lease:
        yield lease.url


Connection = psycopg.Connection[tuple[Any, ...]]


def is_left(connection: Connection, name: str) -> bool:
    """Send everybody of ours away first; DROP DATABASE itself looks only ten times a second whether they are gone."""
    ours = "FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
    return not connection.execute(f"SELECT pg_terminate_backend(pid) {ours}", [name]).fetchall()


def is_dropped(connection: psycopg.Connection[Any], name: str) -> bool:
    """Try to drop it; False while the server itself is vacuuming there, whom only a superuser may send away."""
    try:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


class Databases:
    """Makes databases on a server, and drops them all at the end."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._names: list[str] = []

    def create(self, template_url: str | None = None) -> str:
        """Give the URL of a new database, empty or a copy of another one that nobody is connected to."""
        name = f"peterental_test_{secrets.token_hex(6)}"
        template = urlsplit(template_url).path[1:] if template_url else "template0"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            if connection.info.server_version >= 150000:
                # Half the work on a server that need not wait for its disk.
                statement += sql.SQL(" STRATEGY FILE_COPY")
            connection.execute(statement)
        self._names.append(name)
        return at_database(self._server_url, name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever may still be connected."""
        name = urlsplit(url).path[1:]
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            until(lambda: is_left(connection, name), f"database {name} is left by all", pause_s=0.002)
            until(lambda: is_dropped(connection, name), f"database {name} can be dropped")
        self._names.remove(name)

    def drop_all(self) -> None:
        """Leave nothing behind."""
        for name in list(self._names):
            self.drop(at_database(self._server_url, name))


@pytest.fixture(scope="session")
def databases(server_url: str) -> Iterator[Databases]:
    """Databases on the server under test."""
    databases = Databases(server_url)
    yield databases
    databases.drop_all()


@pytest.fixture(scope="session")
def databases_15() -> Iterator[Databases]:
    """Databases on the system's PostgreSQL, another version than ours."""
    with running_debian_postgres() as url:
        yield Databases(url)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test's own with nothing in it."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def template_url(databases: Databases) -> str:
    """A migrated database that others are copied from; nothing may stay connected to it."""
    url = databases.create()
    MigrationRunner(url).run_migrations()
    return url


@pytest.fixture
def database_url(databases: Databases, template_url: str) -> Iterator[str]:
    """The URL of a migrated database of this test's own."""
    url = databases.create(template_url)
    yield url
    databases.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A `Database` on it."""
    database = Database(database_url)
    yield database
    close_for_good(database)
