"""Migration files: found, named, put in order and fingerprinted, before any of them runs."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.sql.comments import _BLANKS

_UP_NAME = re.compile(r"(?P<version>[0-9]{3,})_(?P<description>.+)\.sql")
_DOWN_SUFFIX = ".down.sql"
_HIGHEST_VERSION = 2**31 - 1  # schema_migrations.version is an INTEGER


@dataclass(frozen=True)
class MigrationFile:
    """One numbered SQL file.

    The text is read anew each time it is asked for: ten thousand files must not all be in memory.
    """

    version: int
    description: str
    path: Path

    def text(self) -> str:
        """Give the SQL as PostgreSQL will see it: as it stands in the file, without a byte-order mark.

        Raises MigrationFilesError when the file cannot be read, is not UTF-8 or has a NUL in it.
        """
        try:
            content = self.path.read_bytes()
            text = content.decode().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise MigrationFilesError([f"{self.path.name} is not UTF-8 (byte {error.start + 1})"]) from error
        except OSError as error:
            raise MigrationFilesError([f"cannot read {self.path}: {error.strerror}"]) from error
        if "\0" in text:  # where libpq would take the text to end
            problem = f"{self.path.name} has a NUL character (byte {content.index(0) + 1}), which SQL cannot hold"
            raise MigrationFilesError([problem])
        return text

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of the text, blind to byte-order mark, line endings and trailing white space."""
        return checksum_of(self.text())

    @property
    def down_path(self) -> Path:
        """Where the file that undoes this one would be."""
        return self.path.with_name(self.path.name.removesuffix(".sql") + _DOWN_SUFFIX)


def checksum_of(text: str) -> str:
    """Give the checksum of a migration's text; see `MigrationFile.checksum`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return hashlib.sha256("\n".join([line.rstrip(_BLANKS) for line in lines]).rstrip().encode()).hexdigest()


def find_files(directory: Path) -> list[MigrationFile]:
    """Give the migrations in `directory` in order, 001 first.

    Raises MigrationFilesError naming every file that is misnamed, twice there or missing from the sequence.
    """
    files, problems = scan_files(directory)
    if problems:
        raise MigrationFilesError(problems)
    return files


def scan_files(directory: Path) -> tuple[list[MigrationFile], list[str]]:
    """Give the migrations in `directory` in order, and what is wrong with their names and numbers.

    Files that do not end in `.sql` are none of ours, nor are hidden ones.

    Raises MigrationFilesError when the folder cannot be read.
    """
    files = []
    problems = []
    for path in _sql_files(directory):
        if path.name.endswith(_DOWN_SUFFIX):
            continue
        match = _UP_NAME.fullmatch(path.name)
        if match is None:
            problems.append(f"{printable(path.name)} is not named like 001_create_tables.sql")
        elif not 1 <= int(match["version"]) <= _HIGHEST_VERSION:
            problems.append(f"{path.name} has a number outside 1 to {_HIGHEST_VERSION}")
        else:
            files.append(MigrationFile(int(match["version"]), match["description"].replace("_", " "), path))
    files.sort(key=lambda file: (file.version, file.path.name))
    return files, problems + _sequence_problems(files)


def _sql_files(directory: Path) -> list[Path]:
    try:
        entries = list(directory.iterdir())
    except FileNotFoundError as error:
        raise MigrationFilesError([f"there is no migrations folder {directory}"]) from error
    except OSError as error:
        raise MigrationFilesError([f"cannot read the migrations folder {directory}: {error.strerror}"]) from error
    # On a disk that ignores case, 002_x.SQL is taken for a migration by its author; it must not be passed over.
    return [path for path in sorted(entries) if path.name.lower().endswith(".sql") and not path.name.startswith(".")]


def printable(name: str) -> str:
    """Give a name on one line, whatever is in it: no line end, no code that a terminal would obey."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in name)


def _sequence_problems(files: list[MigrationFile]) -> list[str]:
    """Name what is twice there and what is missing between 1 and the highest number."""
    by_version: dict[int, list[str]] = defaultdict(list)
    for file in files:
        by_version[file.version].append(file.path.name)
    problems = [
        f"{' and '.join(names)} have the same number {version:03d}"
        for version, names in by_version.items()
        if len(names) > 1
    ]
    expected = 1
    for version in sorted(by_version):
        if version > expected:
            first, last = f"{expected:03d}", f"{version - 1:03d}"
            gap = f"migration {first} is" if first == last else f"migrations {first} to {last} are"
            problems.append(f"{gap} missing before {by_version[version][0]}")
        expected = version + 1
    return problems
