"""What every test may ask for: a real PostgreSQL, and a migrated database of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from peterental.database.connection import Database
from peterental.database.embedded import join
from peterental.database.migrations import MigrationRunner

PROJECT_DIR = Path(__file__).resolve().parent.parent

# A test's data need not survive a power cut.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def at_database(url: str, name: str) -> str:
    """Give `url` with another database name."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The URL of the server under test, for a role that may create databases: ours, or TEST_DATABASE_URL."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with join(PROJECT_DIR / "instance" / "test-postgres", settings=CARELESS) as lease:
        yield lease.url


@pytest.fixture(scope="session")
def create_database(server_url: str) -> Iterator[Callable[[str | None], str]]:
    """A function that creates a database, optionally from a template's URL, and gives its URL; dropped at the end."""
    created: list[str] = []

    def create(template_url: str | None = None) -> str:
        name = f"peterental_test_{secrets.token_hex(6)}"
        template = urlsplit(template_url).path[1:] if template_url else "template0"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        created.append(name)
        return at_database(server_url, name)

    yield create
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in created:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def empty_database_url(create_database: Callable[[str | None], str]) -> str:
    """The URL of a database of this test's own with nothing in it."""
    return create_database(None)


@pytest.fixture(scope="session")
def template_url(create_database: Callable[[str | None], str]) -> str:
    """A migrated database that others are copied from; nothing may stay connected to it."""
    url = create_database(None)
    MigrationRunner(url).run_migrations()
    return url


@pytest.fixture
def database_url(create_database: Callable[[str | None], str], template_url: str) -> str:
    """The URL of a migrated database of this test's own."""
    return create_database(template_url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A `Database` on it."""
    database = Database(database_url)
    yield database
    database.close()
