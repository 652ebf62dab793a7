"""A folder of migrations and a runner for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from peterental.database.migrations import MigrationRunner
from tests.conftest import Databases

Connection = psycopg.Connection[DictRow]


class Folder:
    """A migrations folder for a test to fill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file to the folder."""
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path


class ReportedLines(list[str]):
    """Collects the lines that the runner reports."""

    @property
    def text(self) -> str:
        return "\n".join(self)


# The engine takes the same path on both, apart from a few lines: coverage is counted once.
OTHER_VERSION = pytest.param("15", marks=[pytest.mark.needs("postgres15"), pytest.mark.untraced])


@pytest.fixture(params=["ours", OTHER_VERSION])
def empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database: every test of the engine runs on the server under test and on another PostgreSQL version."""
    databases: Databases = request.getfixturevalue("databases" if request.param == "ours" else "databases_15")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
def server(databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection in UTC to an empty database, for running files without the engine."""
    with psycopg.connect(databases.create(), autocommit=True) as connection:
        connection.execute("SET TimeZone TO 'UTC'")
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "migrations")


@pytest.fixture
def reported() -> ReportedLines:
    return ReportedLines()


@pytest.fixture
def runner(empty_database_url: str, folder: Folder, reported: ReportedLines) -> MigrationRunner:
    return MigrationRunner(empty_database_url, folder.path, report=reported.append)


@pytest.fixture
def runner_with(empty_database_url: str, folder: Folder, reported: ReportedLines) -> Callable[..., MigrationRunner]:
    def make(**options: Any) -> MigrationRunner:
        return MigrationRunner(
            options.pop("url", empty_database_url), folder.path, **{"report": reported.append, **options}
        )

    return make


@pytest.fixture
def db(empty_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(empty_database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def role(db: Connection) -> Iterator[str]:
    """A role that the runner's role may switch to."""
    name = f"peterental_test_{secrets.token_hex(4)}"
    db.execute(sql.SQL("CREATE ROLE {0}; GRANT {0} TO CURRENT_USER").format(sql.Identifier(name)))
    yield name
    db.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))
