"""For every tool: import and runner make the same schema as its SQL run plainly, and undo it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.commands.rollback import rollback
from peterental.database.migrations.importing.importer import import_folder
from peterental.database.migrations.importing.recognition import EXPECTED
from peterental.database.migrations.importing.registry import TOOLS
from peterental.database.migrations.importing.tool_names import TOOL_NAMES
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.lint.findings import Severity
from peterental.database.migrations.verify.diff import Difference, compare_catalogs
from peterental.database.migrations.verify.introspection import Catalog, read_catalog
from tests.conftest import Databases
from tests.database.migrations.importing.tool_folders import EXAMPLES, UPS, WORDS, Example


def catalog(url: str) -> Catalog:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return read_catalog(connection, "public", which="database")


def differences(one: Catalog, other: Catalog) -> list[Difference]:
    return compare_catalogs(one, other, "public").differences


def run_plainly(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for sql in UPS:
            connection.execute(sql.encode())


@pytest.fixture(scope="module")
def plain(databases: Databases) -> Catalog:
    """The catalog that the SQL of the examples makes without any tool."""
    url = databases.create()
    run_plainly(url)
    return catalog(url)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.tool)
def test_imported_folder_makes_and_undoes_the_same_schema(
    example: Example, tmp_path: Path, databases: Databases, plain: Catalog
) -> None:
    target = tmp_path / "ours"
    report = import_folder(example.write(tmp_path / "theirs"), example.tool, target)
    assert report.complete, report.text()
    assert lint_directory(target).of(Severity.ERROR) == []
    url = databases.create()
    empty = catalog(url)
    count = MigrationRunner(url, target, report=print).run_migrations()
    assert count == len([path for path in target.iterdir() if not path.name.endswith(".down.sql")])
    assert differences(catalog(url), plain) == []
    if example.has_downs:
        assert rollback(url, target, to=0, confirm=lambda _: True, report=print) == len(WORDS)
        assert differences(catalog(url), empty) == []
    databases.drop(url)


LEDGERS = {
    "goose": (
        (
            "CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint, is_applied boolean, tstamp timestamp);"
            "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true), (3, true), (4, true)"
        ),
        "",
    ),
    "dbmate": (
        (
            "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
            "INSERT INTO schema_migrations SELECT '2024013112000' || n FROM generate_series(1, 4) AS n"
        ),
        "ALTER TABLE schema_migrations RENAME TO dbmate_schema_migrations",
    ),
    "golang-migrate": (
        (
            "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
            "INSERT INTO schema_migrations VALUES (4, false)"
        ),
        "ALTER TABLE schema_migrations RENAME TO golang_schema_migrations",
    ),
    "alembic-sql": (
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('4d5e')",
        "",
    ),
}
"""What a tool records about the history of the examples, and the statement that makes room for our ledger."""


@pytest.mark.parametrize("tool", LEDGERS)
def test_database_of_the_other_tool_is_adopted(tool: str, tmp_path: Path, empty_database_url: str) -> None:
    """As docs/coming-from.md describes: make room for the ledger, then adopt up to the last number."""
    example = next(example for example in EXAMPLES if example.tool == tool)
    target = tmp_path / "ours"
    import_folder(example.write(tmp_path / "theirs"), tool, target)
    theirs, make_room = LEDGERS[tool]
    run_plainly(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(theirs.encode())
        if make_room:
            connection.execute(make_room.encode())
    assert adopt(empty_database_url, target, to=len(WORDS), report=print) == len(WORDS)
    assert MigrationRunner(empty_database_url, target, report=print).run_migrations() == 0
    (target / "005_more.sql").write_text("CREATE TABLE more (id bigint PRIMARY KEY);")
    assert MigrationRunner(empty_database_url, target, report=print).run_migrations() == 1


def test_every_tool_has_an_example() -> None:
    assert tuple(TOOLS) == TOOL_NAMES == tuple(EXPECTED)
    assert {example.tool for example in EXAMPLES} == set(TOOL_NAMES)
