"""db-squash changes the folder last, in steps that leave it valid or refused with the way to finish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.commands.squash import SquashRefused, SquashUnfinished, squash
from peterental.database.migrations.errors import FilesRefused, MigrationFilesError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.schema_text import rows as schema_rows
from peterental.database.migrations.schema_text.rows import TooManyRows
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.source.files import find_files
from tests.conftest import Databases
from tests.database.migrations.conftest import Folder
from tests.database.migrations.squashing import FILES, TODAY, Confirmation, names, squashed
from tests.gunicorn import PROJECT_DIR, UNCOUNTED


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """One server version is enough for what concerns files."""
    url = databases.create()
    yield url
    databases.drop(url)


KILL = """
import datetime, os, pathlib, signal, sys
from peterental.database.migrations.commands import squash as squashing
left = int(sys.argv[3])
unlink, replace = pathlib.Path.unlink, pathlib.Path.replace
def counted(original):
    def act(path, *arguments, **options):
        global left
        if path.parent.name == "migrations":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return original(path, *arguments, **options)
    return act
pathlib.Path.unlink, pathlib.Path.replace = counted(unlink), counted(replace)
squashing.squash(sys.argv[1], pathlib.Path(sys.argv[2]), to=3, today=datetime.date.today(), confirm=lambda _: True, report=print)
"""


@pytest.mark.parametrize("changes", [0, 1, 2, 4, 6])
def test_killed_squash_leaves_the_old_folder_or_a_refusal_that_names_the_way(
    empty_database_url: str, filled: Folder, runner: MigrationRunner, changes: int
) -> None:
    command = [sys.executable, "-c", KILL, empty_database_url, str(filled.path), str(changes)]
    done = subprocess.run(command, cwd=PROJECT_DIR, env={**os.environ, **UNCOUNTED}, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    if changes == 0:
        assert len(find_files(filled.path)) == 4
        assert "003_baseline.sql" not in names(filled)
    else:
        with pytest.raises(FilesRefused, match="flask db-squash 3 finishes the squash"):
            runner.run_migrations()
    assert squashed(empty_database_url, filled) == filled.path / "003_baseline.sql"
    assert [name for name in names(filled) if not name.startswith(".")] == ["003_baseline.sql", "004_later.sql"]
    assert runner.run_migrations() == 2


def test_unfinished_squash_keeps_files_that_it_does_not_know(empty_database_url: str, filled: Folder) -> None:
    squashed(empty_database_url, filled)
    filled.write("002_homes.sql", "CREATE TABLE other ();")
    with pytest.raises(SquashRefused, match="002_homes.sql is not what 003_baseline.sql replaces"):
        squashed(empty_database_url, filled)
    filled.write("002_homes.sql", FILES["002_homes.sql"])
    with pytest.raises(
        MigrationFilesError, match="003_baseline.sql replaces 001 to 003, but it is beside 002_homes.sql"
    ):
        find_files(filled.path)
    assert squashed(empty_database_url, filled, answer=False) is None
    assert "002_homes.sql" in names(filled)


def test_file_that_cannot_be_removed_is_reported(
    empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == "002_homes.sql":
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(SquashUnfinished, match=r"002_homes.sql could not be removed \(Permission denied\)"):
        squashed(empty_database_url, filled)


def test_folder_that_cannot_be_written_stays_as_it_is(
    empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(SquashRefused, match="No space left on device"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_unconfirmed_squash_changes_nothing(empty_database_url: str, filled: Folder) -> None:
    filled.write("002_homes.down.sql", "DROP TABLE homes;")
    shown: list[str] = []
    done = squash(
        empty_database_url, filled.path, to=3, today=TODAY, confirm=Confirmation(shown, answer=False), report=print
    )
    assert done is None
    assert "003_baseline.sql will replace these 3 files" in shown[0]
    assert "002_homes.down.sql" in shown[0]
    assert names(filled) == sorted([*FILES, "002_homes.down.sql"])


@pytest.mark.parametrize(
    ("to", "reason"),
    [(1, "001_words.sql is the only file up to 001"), (9, "there is no migration 009, the last file is 004")],
)
def test_nothing_to_squash_is_refused(empty_database_url: str, filled: Folder, to: int, reason: str) -> None:
    with pytest.raises(SquashRefused, match=reason):
        squashed(empty_database_url, filled, to)


def test_invalid_folder_is_refused(empty_database_url: str, filled: Folder) -> None:
    (filled.path / "002_homes.sql").unlink()
    with pytest.raises(MigrationFilesError, match="migration 002 is missing"):
        squashed(empty_database_url, filled)


def test_changes_outside_the_database_are_refused(empty_database_url: str, filled: Folder) -> None:
    filled.write("002_homes.sql", "CREATE ROLE some_reader;")
    with pytest.raises(SquashRefused, match="002_homes.sql has “CREATE ROLE some_reader”"):
        squashed(empty_database_url, filled)


def test_too_many_rows_are_refused(empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_rows, "MAX_ROWS", 3)
    with pytest.raises(TooManyRows, match="A baseline carries 3 rows at most, but the migrations put 2 into words"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_other_rows_fail_the_proof(empty_database_url: str, filled: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_rows.Contents, "as_sql", lambda _self: "")
    with pytest.raises(SchemaInexpressible, match="its rows would differ: INSERT INTO homes"):
        squashed(empty_database_url, filled)
    assert names(filled) == sorted(FILES)


def test_baseline_named_like_a_replaced_file_takes_its_place(
    empty_database_url: str, folder: Folder, runner: MigrationRunner
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a ();")
    folder.write("002_baseline.sql", "CREATE TABLE b ();")
    folder.write("002_baseline.down.sql", "DROP TABLE b;")
    squashed(empty_database_url, folder, 2)
    assert names(folder) == ["002_baseline.sql"]
    assert runner.run_migrations() == 1


# --- Directives -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("-- migrate: baseline", "a baseline is written “-- migrate: baseline=001-003”"),
        ("-- migrate: baseline=001-002", "“-- migrate: baseline=001-002” should be baseline=001-003"),
        ("-- migrate: baseline=001-003", "lacks the “-- replaces” line of 001"),
        (
            "-- migrate: baseline=001-003\n-- replaces 001-009 " + "0" * 64 + " " + "0" * 16 + " 009_x.sql",
            "names versions above its number",
        ),
    ],
)
def test_damaged_header_is_refused(runner: MigrationRunner, folder: Folder, header: str, problem: str) -> None:
    folder.write("003_baseline.sql", f"{header}\nCREATE TABLE a ();")
    if header.endswith("baseline"):
        folder.write("001_a.sql", "CREATE TABLE b ();")
        folder.write("002_a.sql", "CREATE TABLE c ();")
    with pytest.raises(FilesRefused, match=problem):
        runner.run_migrations()


def test_status_as_json_is_unchanged_without_a_baseline(empty_database_url: str, filled: Folder) -> None:
    assert "replaces" not in json.dumps(read_status(empty_database_url, filled.path).as_json())
