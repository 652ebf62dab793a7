"""Fixtures for every test: a real PostgreSQL, and a migrated database per test."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import secrets
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from psycopg import sql
from werkzeug.routing import Rule

import peterental
from peterental.database.dev_server import join
from peterental.database.migrations import MigrationRunner
from peterental.database.pool import Database
from peterental.users import common_passwords, passwords
from tests.counting import CountedTests, uncounted
from tests.servers import HANG_S, OPTIONAL, close_for_good, data_folder, running_debian_postgres, until

# No property fails because the machine is busy. With CI set, Hypothesis has no deadline anyway.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

PROJECT_DIR = Path(__file__).resolve().parent.parent

# A test's data need not survive a power failure. Autovacuum would run at random times.
TEST_SERVER_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_prepared_transactions": "2",
}

TIME_LIMITS: dict[str, float] = {
    "peterental.database.pool.CONNECT_TIMEOUT_S": HANG_S,
    "peterental.database.pool.ACQUIRE_TIMEOUT_S": HANG_S,
    "peterental.database.pool.STATEMENT_TIMEOUT_MS": HANG_S * 1000,
    "peterental.database.pool.LOCK_TIMEOUT_MS": HANG_S * 1000,
    "peterental.database.pool.IDLE_IN_TRANSACTION_TIMEOUT_MS": HANG_S * 1000,
    "peterental.voice.webhook.DEADLINE_S": HANG_S,
}
"""Time limits of the application, and their values in tests."""

REAL_TIME_LIMITS = {name: resolve_name(name) for name in TIME_LIMITS}


class CompiledTemplates(BytecodeCache):
    """A cache of compiled templates that the applications of all tests share."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


SKIPPED = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and ignore a developer's .env, in child processes too."""
    os.environ["DOTENV"] = "0"
    config.addinivalue_line(
        "markers", "needs(name): requires a program beside the virtualenv; deselected if it is missing"
    )
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        sys.settrace(None)  # this process only distributes the tests
    config.pluginmanager.register(CountedTests())
    config.addinivalue_line("markers", "long: slow, therefore started first")
    config.addinivalue_line("markers", "untraced: not counted for coverage, because other tests cover what it runs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run slow tests first. Deselect tests whose programs are missing, but not in CI, where they must fail."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    skipped: dict[str, int] = {}
    config.stash[SKIPPED] = skipped
    if os.environ.get("CI") == "true":
        return
    missing = {name for name, (find, _) in OPTIONAL.items() if not find()}
    kept = []
    for item in items:
        lacking = {marker.args[0] for marker in item.iter_markers("needs")} & missing
        for name in lacking:
            skipped[name] = skipped.get(name, 0) + 1
        if not lacking:
            kept.append(item)
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without garbage collection, and without counting coverage, which adds half to the time of both.

    What is defined in a module counts when it is imported: before.
    """
    del session
    if sys.gettrace() is not None:
        import_all()
    gc.disable()
    try:
        with uncounted():
            return (yield)
    finally:
        gc.collect()
        gc.freeze()  # the tests themselves are never garbage
        gc.enable()


def import_all() -> None:
    """Import every module of the application."""
    for module in pkgutil.walk_packages(peterental.__path__, "peterental."):
        importlib.import_module(module.name)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report the deselected tests in the last lines."""
    for name, count in config.stash.get(SKIPPED, {}).items():
        terminalreporter.write_line(f"skipped: {count} tests that need {OPTIONAL[name][1]}", yellow=True)


def at_database(url: str, name: str) -> str:
    """Return `url` with another database name."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    """Compile each template once for all tests, which saves a quarter of the CPU time of page tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_url_rules() -> Iterator[None]:
    """Compile each URL rule once for all tests, which is two thirds of the time that building an application takes."""
    compile_rule = Rule.compile
    with pytest.MonkeyPatch.context() as patch:
        rules: dict[object, Rule] = {}

        def compiled(rule: Rule) -> None:
            place = (rule.subdomain, rule.host, rule.merge_slashes)
            key = (rule.rule, place, tuple((rule.defaults or {}).items()))
            known = rules.get(key)
            if known is None:
                compile_rule(rule)
                rules[key] = rule
                return
            rule._parts, rule._trace, rule._converters = list(known._parts), list(known._trace), dict(known._converters)
            rule.arguments |= known.arguments
            for name in ("_build", "_build_unknown"):
                setattr(rule, name, getattr(known, name).__func__.__get__(rule, None))

        patch.setattr(Rule, "compile", compiled)
        yield


@pytest.fixture(scope="session", autouse=True)
def lenient_time_limits() -> Iterator[None]:
    """Raise the application's time limits beyond what a slow machine needs; see `real_time_limits`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in TIME_LIMITS.items():
            patch.setattr(name, int(value))
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords with the lowest cost, and estimate each once: tests of pages take half as long again without."""
    is_common = cache(common_passwords.is_common)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "is_common", lambda password, owner=(): is_common(password, tuple(owner)))
        patch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def real_time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore the application's own time limits, for tests of what happens when they pass."""
    for name, value in REAL_TIME_LIMITS.items():
        monkeypatch.setattr(name, value)


def make_passwords_cheap(url: str) -> None:
    """Store the password of an embedded server's role with one iteration: 4,096 are most of what connecting costs us.

    The lock is for the other workers, which do the same.
    """
    parts = urlsplit(url)
    of_superuser = parts._replace(netloc=f"postgres:{parts.password}@{parts.hostname}:{parts.port}").geturl()
    with psycopg.connect(of_superuser, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1), set_config('scram_iterations', '1', FALSE)")
        known = connection.execute(
            "SELECT FROM pg_authid WHERE rolname = %s AND rolpassword LIKE '%%$1:%%'", [parts.username]
        )
        if known.fetchone() is None:
            role, password = sql.Identifier(parts.username or ""), sql.Literal(parts.password)
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of the test server for a role that may create databases: TEST_DATABASE_URL, else an embedded one."""
    url = os.environ.get("TEST_DATABASE_URL")
    if url:
        yield url
        return
    with join(data_folder(PROJECT_DIR) / "postgres", settings=TEST_SERVER_SETTINGS) as lease:
        make_passwords_cheap(lease.url)
        yield lease.url


Connection = psycopg.Connection[tuple[Any, ...]]


def has_no_sessions(connection: Connection, name: str) -> bool:
    """Terminate our sessions; return whether there were none. DROP DATABASE polls only ten times a second."""
    ours = "FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
    return not connection.execute(f"SELECT pg_terminate_backend(pid) {ours}", [name]).fetchall()


def try_drop(connection: psycopg.Connection[Any], name: str) -> bool:
    """Drop a database; return False while autovacuum runs in it, which only a superuser may terminate."""
    try:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


class Databases:
    """Creates databases on a server, and drops them all at the end.

    Args:
        server_url: of a database of the server, for a role that may create others.
    """

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._names: list[str] = []
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        """A connection to the server, which stays open: to connect costs more than most statements."""
        if self._connection is None:
            self._connection = psycopg.connect(self._server_url, autocommit=True)
        return self._connection

    def create(self, template_url: str | None = None) -> str:
        """Create a database, empty or a copy of one without sessions, and return its URL."""
        name = f"peterental_test_{secrets.token_hex(6)}"
        template = urlsplit(template_url).path[1:] if template_url else "template0"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        if self.connection.info.server_version >= 150000:
            # Twice as fast on a server that does not wait for its disk.
            statement += sql.SQL(" STRATEGY FILE_COPY")
        self.connection.execute(statement)
        self._names.append(name)
        return at_database(self._server_url, name)

    def drop(self, url: str) -> None:
        """Drop a database and terminate its sessions."""
        name = urlsplit(url).path[1:]
        until(lambda: has_no_sessions(self.connection, name), f"database {name} has no sessions", pause_s=0.002)
        until(lambda: try_drop(self.connection, name), f"database {name} can be dropped")
        self._names.remove(name)

    def drop_all(self) -> None:
        """Drop every created database."""
        for name in list(self._names):
            self.drop(at_database(self._server_url, name))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


@pytest.fixture(scope="session")
def databases(server_url: str) -> Iterator[Databases]:
    """Creates databases on the test server."""
    with closing(Databases(server_url)) as databases:
        yield databases
        databases.drop_all()


@pytest.fixture(scope="session")
def databases_15() -> Iterator[Databases]:
    """Creates databases on the system's PostgreSQL, which is of another version."""
    with running_debian_postgres() as url, closing(Databases(url)) as databases:
        yield databases


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The URL of an empty database for this test."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def template_url(databases: Databases) -> str:
    """The URL of a migrated template database; no session may stay open in it."""
    url = databases.create()
    MigrationRunner(url).run_migrations()
    return url


@pytest.fixture
def database_url(databases: Databases, template_url: str) -> Iterator[str]:
    """The URL of a migrated database for this test."""
    url = databases.create(template_url)
    yield url
    databases.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A `Database` of a migrated database."""
    database = Database(database_url)
    yield database
    close_for_good(database)
