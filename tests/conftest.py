"""What every test may ask for: a real PostgreSQL, and a migrated database of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from peterental.database.connection import Database

PROJECT_DIR = Path(__file__).resolve().parent.parent


def at_database(url: str, name: str) -> str:
    """Give `url` with another database name."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A superuser's URL of the server under test."""
    yield os.environ["TEST_DATABASE_URL"]


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database that tests copy."""
    name = f"peterental_template_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(at_database(server_url, name)) as fresh:
            fresh.execute("CREATE TABLE schema_migrations (version int primary key, applied_at timestamptz default now(), description text)")
            for file in sorted((PROJECT_DIR / "migrations").glob("[0-9]*.sql")):
                fresh.execute(file.read_bytes())
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated database of this test's own."""
    name = f"peterental_test_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield at_database(server_url, name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A `Database` on it."""
    database = Database(database_url)
    yield database
    database.close()
