"""db-new writes the next file and never overwrites one; the runner refuses the file until it has a change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.new import CannotWrite, InvalidTitle, new_migration, slug_of
from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.files import find_files
from tests.database.migrations.conftest import Connection, Folder

TODAY = dt.date(2026, 11, 22)


def new(folder: Folder, title: str = "add user phone") -> Path:
    return new_migration(folder.path, title, TODAY)


def test_numbering_starts_at_001(folder: Folder) -> None:
    assert new(folder, "create tables").name == "001_create_tables.sql"
    assert new(folder).name == "002_add_user_phone.sql"
    assert [file.description for file in find_files(folder.path)] == ["create tables", "add user phone"]


def test_number_after_999_is_1000(folder: Folder) -> None:
    for number in range(1, 1000):
        folder.write(f"{number:03d}_x.sql", "SELECT 1;")
    assert new(folder).name == "1000_add_user_phone.sql"


def test_header_has_number_title_and_date(folder: Folder) -> None:
    assert (
        new(folder)
        .read_text(encoding="utf-8")
        .startswith("-- Migration 001: Add user phone\n-- Purpose:\n-- Created: 2026-11-22\n")
    )


def test_unfinished_template_is_refused_as_empty(folder: Folder, runner: MigrationRunner) -> None:
    new(folder)
    with pytest.raises(MigrationFilesError, match=r"001_add_user_phone\.sql has no statement in it"):
        runner.run_migrations()
    assert [one.rule.name for one in lint_directory(folder.path).findings] == ["empty-file"]


def test_completed_template_lints_clean_and_records_itself(
    folder: Folder, runner: MigrationRunner, db: Connection
) -> None:
    path = new(folder, 'Pat\'s "own" {table}; 100%')
    text = path.read_text(encoding="utf-8").replace("-- Purpose:", "-- Purpose: To have one")
    insert = text.index("-- INSERT")
    written = "CREATE TABLE IF NOT EXISTS own (id bigint PRIMARY KEY);\n" + text[insert:].replace("-- ", "")
    path.write_text(text[:insert] + written, encoding="utf-8")
    assert lint_directory(folder.path).findings == []
    runner.run_migrations()
    assert db.execute("SELECT version, description FROM schema_migrations").fetchall() == [
        {"version": 1, "description": 'Pat\'s "own" {table}; 100%'}
    ]


def test_gap_is_refused(folder: Folder) -> None:
    folder.write("001_a.sql", "SELECT 1;")
    folder.write("003_c.sql", "SELECT 1;")
    with pytest.raises(MigrationFilesError, match=r"migration 002 is missing before 003_c\.sql"):
        new(folder)
    assert len(list(folder.path.iterdir())) == 2


def test_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MigrationFilesError, match="there is no migrations folder"):
        new_migration(tmp_path / "nowhere", "x", TODAY)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("add user phone", "add_user_phone"),
        ("  Add  User-Phone!  ", "add_user_phone"),
        ("Größe der Wohnung", "grosse_der_wohnung"),
        ("réserver à Łódź", "reserver_a_lodz"),
        ("smørrebrød & İstanbul", "smorrebrod_istanbul"),
        ("phones 🏠 2", "phones_2"),
        ("../../etc/passwd", "etc_passwd"),
        ("a.down", "a_down"),
        ("x" * 100, "x" * 100),
    ],
)
def test_title_becomes_a_file_name(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@pytest.mark.parametrize(
    ("title", "problem"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("two\nlines", "it must be one line"),
        ("two\u2028lines", "it must be one line"),
        ("bell\a", "it must be one line"),
        ("x" * 101, "it has 101 characters, but the maximum is 100"),
        ("добавить телефон", "“д” cannot be part of the file name; use Latin letters"),
        ("電話", "“電” cannot be part of the file name"),
        ("🏠 !!", "it has no letters or digits"),
    ],
)
def test_invalid_title_is_refused(folder: Folder, title: str, problem: str) -> None:
    with pytest.raises(InvalidTitle) as refused:
        new(folder, title)
    assert problem in str(refused.value)
    assert list(folder.path.iterdir()) == []


def test_concurrent_calls_get_distinct_numbers(folder: Folder) -> None:
    with ThreadPoolExecutor(20) as pool:
        paths = list(pool.map(lambda number: new(folder, f"step {number}"), range(20)))
    assert len({path.name[:3] for path in paths}) == 20
    assert [file.version for file in find_files(folder.path)] == list(range(1, 21))


def test_unwritable_folder_is_reported(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Callable[..., None]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as root, which may write to any folder
    with pytest.raises(CannotWrite, match="Cannot write to .*: Permission denied"):
        new(folder)
