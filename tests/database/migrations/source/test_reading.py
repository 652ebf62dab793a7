"""Anything may be named like a migration: what is no ordinary file gets one sentence, and no command waits for it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import FilesRefused, MigrationFilesError
from peterental.database.migrations.ledger.status import read_status
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.source.checks import inspect
from peterental.database.migrations.source.files import MigrationFile, scan_files
from peterental.database.migrations.source.reading import MAX_BYTES
from tests.database.migrations.conftest import Connection, Folder
from tests.database.migrations.helpers import tables

pytestmark = pytest.mark.timeout(60)  # a command that waits for a pipe fails here


def a_link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{os.path.relpath(path)}")  # an address may have 107 bytes


def half_a_gigabyte(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(500 * 1024**2)  # sparse: it takes no space


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "002_b.sql is a named pipe, not a file"),
    "link to a pipe": (a_link_to("pipe"), "002_b.sql is a named pipe, not a file"),
    "folder": (Path.mkdir, "002_b.sql is a folder, not a file"),
    "socket": (a_socket, "002_b.sql is a socket, not a file"),
    "endless device": (a_link_to("/dev/zero"), "002_b.sql is a device, not a file"),
    "waiting device": (a_link_to("/dev/random"), "002_b.sql is a device, not a file"),
    "dangling link": (a_link_to("gone/away.sql"), "002_b.sql is a link to gone/away.sql, which does not exist"),
    "circular link": (a_link_to("002_b.sql"), "cannot read {path}: Too many levels of symbolic links"),
    "500 MB": (half_a_gigabyte, "002_b.sql has 500 MB, but a migration may have 64 MB; load many rows with psql"),
}


def put(folder: Folder, kind: str) -> str:
    """Put something into the folder beside 001, and return what is said about it."""
    make, message = SPECIAL[kind]
    os.mkfifo(folder.path / "pipe")
    make(folder.path / "002_b.sql")
    return message.format(path=folder.path / "002_b.sql")


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_file_is_refused_before_anything_runs(
    runner: MigrationRunner, folder: Folder, db: Connection, kind: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    message = put(folder, kind)
    with pytest.raises(FilesRefused) as caught:
        runner.run_migrations()
    assert str(caught.value) == f"{message}. Nothing was applied."
    assert tables(db) == set()
    lint = [finding for finding in lint_directory(folder.path).findings if finding.file_name == "002_b.sql"]
    assert [(finding.rule.name, finding.what) for finding in lint] == [("unreadable-file", f"{message}.")]


@pytest.mark.parametrize("kind", SPECIAL)
def test_applied_file_that_became_special_is_reported(
    runner: MigrationRunner, folder: Folder, empty_database_url: str, kind: str
) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    folder.write("002_b.sql", "CREATE TABLE b (i int);").chmod(0o600)
    runner.run_migrations()
    (folder.path / "002_b.sql").unlink()
    message = put(folder, kind)
    with pytest.raises(MigrationFilesError) as caught:
        runner.run_migrations()
    assert message in str(caught.value)
    with pytest.raises(MigrationFilesError) as caught:
        read_status(empty_database_url, folder.path)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["V1__init.sql", "20240101120000_init.sql", "001_baseline.sql", "001_a.down.sql"])
def test_pipe_with_any_name_is_never_waited_for(folder: Folder, name: str) -> None:
    folder.write("001_a.sql", "CREATE TABLE a (i int);")
    os.mkfifo(folder.path / name)
    assert scan_files(folder.path)
    assert lint_directory(folder.path).findings


def test_file_without_permission_is_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.write("001_a.sql", "SELECT 1;")

    def refuse(*_: object) -> int:  # root, as whom the tests may run, may read everything
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MigrationFilesError, match=f"cannot read {path}: Permission denied"):
        MigrationFile(1, "a", path).text()
    monkeypatch.undo()


def test_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "001_a.sql"
    path.write_bytes(b"SELECT 1;".ljust(MAX_BYTES))
    file = MigrationFile(1, "a", path)
    assert inspect(file)[1] == []
    path.write_bytes(b"SELECT 1;".ljust(MAX_BYTES + 1))
    assert [str(problem) for problem in inspect(file)[1]] == [
        "001_a.sql has 65 MB, but a migration may have 64 MB; load many rows with psql"
    ]


def test_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "shared.sql").write_text("SELECT 1;")
    (tmp_path / "001_a.sql").symlink_to("shared.sql")
    assert MigrationFile(1, "a", tmp_path / "001_a.sql").text() == "SELECT 1;"


def test_file_without_a_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").symlink_to("/proc/self/cmdline")
    assert MigrationFile(1, "a", tmp_path / "001_a.sql").path.stat().st_size == 0
    with pytest.raises(MigrationFilesError, match="NUL"):
        MigrationFile(1, "a", tmp_path / "001_a.sql").text()
