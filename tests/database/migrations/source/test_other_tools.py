"""Files of other tools are refused before anything runs, with the tool's name and the marker's line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.adopt import adopt
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.plan.planner import plan
from peterental.database.migrations.source.other_tools import marker_in
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import tables

TABLE = "CREATE TABLE keys (key_id bigint PRIMARY KEY);"
DUMP = """CREATE TABLE a (i int);
INSERT INTO "schema_migrations" (version) VALUES
('20240101120000'),
('20230101120000');"""


@pytest.mark.parametrize(
    ("tool", "line", "text"),
    [
        ("goose", 1, f"-- +goose Up\n{TABLE}\n-- +goose Down\nDROP TABLE keys;"),
        ("goose", 2, f"-- keys\n--+goose NO TRANSACTION\n{TABLE}"),
        ("goose", 2, f"{TABLE}\n -- +goose StatementBegin\nSELECT 1;"),
        ("dbmate", 1, f"-- migrate:up transaction:false\n{TABLE}"),
        ("dbmate", 3, f"{TABLE}\n\n-- migrate:down\nDROP TABLE keys;"),
        ("sql-migrate", 1, f"-- +migrate Up notransaction\n{TABLE}"),
        ("tern", 2, f"{TABLE}\n---- create above / drop below ----\nDROP TABLE keys;"),
        ("tern", 1, f"---- tern: disable-tx ----\n{TABLE}"),
        ("node-pg-migrate", 1, f"-- Up Migration\n{TABLE}"),
        ("node-pg-migrate", 2, f"{TABLE}\n--- Down Migration ---\nDROP TABLE keys;"),
        ("Liquibase", 1, f"--liquibase formatted sql\n{TABLE}"),
        ("Liquibase", 1, f"--changeset pat:1 runInTransaction:false\n{TABLE}"),
        ("MyBatis Migrations", 2, f"{TABLE}\n-- //@UNDO\nDROP TABLE keys;"),
        ("micrate", 1, f"-- +micrate Up\n{TABLE}"),
        ("rambler", 1, f"-- rambler up\n{TABLE}"),
        ("Play evolutions", 1, f"# --- !Ups\n{TABLE}"),
        ("Rails", 2, DUMP),
        ("another tool's", 3, f"-- Up\n{TABLE}\n-- Down\nDROP TABLE keys;"),
        ("another tool's", 4, f"{TABLE} -- made\n-- and\n\n-- ROLLBACK --\n-- ------\n\nDROP TABLE keys;"),
        ("another tool's", 2, f"{TABLE}\n--@UNDO\nDROP TABLE keys;"),
        ("another tool's", 3, f"-- [up]\n{TABLE}\n-- [down]\nSELECT 1;"),
        ("another tool's", 2, f"{TABLE}\n-- +++ DOWN +++\nDROP TABLE keys;"),
        ("another tool's", 2, f"{TABLE}\n-- migrations:down\nDROP TABLE keys;"),
        ("another tool's", 3, f"-- step: apply\n{TABLE}\n-- step: rollback\nSELECT 1;"),
        ("another tool's", 2, f"{TABLE}\n-- Downgrade script:\nDROP TABLE keys;"),
    ],
)
def test_marker_is_found_with_its_line(tool: str, line: int, text: str) -> None:
    marker = marker_in(text)
    assert marker is not None
    assert (marker.tool.name, text[: marker.offset].count("\n") + 1) == (tool, line)


@pytest.mark.parametrize(
    "text",
    [
        f"-- Up next: a table of keys\n{TABLE}",
        f"-- Up migration of keys: see 002\n{TABLE}",
        f"-- Undo: 001_keys.down.sql\n{TABLE}",
        f"-- Down\n{TABLE}",
        "-- Rollback\nDROP TABLE keys;",
        "CREATE TABLE votes (\n    -- up\n    up int,\n    -- down\n    down int\n);\nDROP TABLE keys;",
        f"{TABLE}\n-- down\nSELECT 1;",
        f"{TABLE}\n-- rollback\n-- DROP TABLE keys;\n\nDROP TABLE old_keys;",
        f"{TABLE}\n-- undo\nALTER TABLE keys ADD COLUMN note text; ALTER TABLE keys DROP COLUMN note;",
        f"{TABLE} -- down\nDROP TABLE old;",
        f"{TABLE}\n-- rollback",
        f"-- migrate: no-transaction\n-- migrate to keys\n{TABLE}",
        "SELECT '\n-- +goose Up\n', $$\n-- migrate:down\n$$;\n/*\n-- +migrate Down\n*/",
        "INSERT INTO schema_migrations (version, description) VALUES (2, '20240101120000');",
        "INSERT INTO days VALUES ('20240101');",
    ],
)
def test_plain_comments_are_no_markers(text: str) -> None:
    assert marker_in(text) is None


@pytest.mark.parametrize("name", ["db-migrate", "db-plan", "db-adopt"])
def test_commands_refuse_before_anything_runs(
    runner: MigrationRunner, folder: Folder, db: Connection, empty_database_url: str, name: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", f"-- +goose Up\n{TABLE}\n-- +goose Down\nDROP TABLE keys;")
    commands: dict[str, Callable[[], object]] = {
        "db-migrate": runner.run_migrations,
        "db-plan": lambda: plan(empty_database_url, folder.path, report=print),
        "db-adopt": lambda: adopt(empty_database_url, folder.path, to=2, report=print),
    }
    with pytest.raises(MigrationFilesError) as refused:
        commands[name]()
    assert str(refused.value).startswith(
        "002_b.sql:1: this is a goose file (“-- +goose Up”); split it into 001_name.sql and 001_name.down.sql, or"
        " convert its folder: flask db-import FOLDER --from goose"
    )
    assert db.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
    assert tables(db) == set()


def test_db_lint_says_the_same(folder: Folder) -> None:
    folder.write("001_a.sql", f"-- keys\n-- Up Migration\n{TABLE}\n-- Down Migration\nDROP TABLE keys;")
    folder.write("20240101120000_b.sql", f"\n  -- migrate:up\n{TABLE}")
    found = lint_directory(folder.path).findings
    assert [(one.file_name, one.rule.name, one.location and one.location.line) for one in found] == [
        ("001_a.sql", "other-tool", 2),
        ("20240101120000_b.sql", "other-tool", 2),
    ]
    assert found[0].what.startswith("This is a node-pg-migrate file (“-- Up Migration”); split it into")
    assert found[1].what.startswith("This is a dbmate file (“-- migrate:up”); split it into")


def test_folder_of_prisma_is_named(folder: Folder, runner: MigrationRunner) -> None:
    """Its migrations are in folders, so there would be nothing to apply."""
    (folder.path / "20240101120000_init").mkdir()
    folder.write("20240101120000_init/migration.sql", TABLE)
    with pytest.raises(MigrationFilesError, match=r"20240101120000_init/migration.sql is named like a file of Prisma"):
        runner.run_migrations()


def test_liquibase_file_names_its_import(folder: Folder, runner: MigrationRunner) -> None:
    folder.write("001_a.sql", f"--liquibase formatted sql\n--changeset a:1\n{TABLE}\n--rollback DROP TABLE keys;")
    with pytest.raises(
        MigrationFilesError, match=r"this is a Liquibase file .* flask db-import FOLDER --from liquibase"
    ):
        runner.run_migrations()
