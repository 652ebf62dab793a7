"""Discover, name, order and checksum migration files."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from peterental.database.migrations.errors import MigrationFilesError, Problem
from peterental.database.migrations.source.baseline import Baseline, parse_baseline
from peterental.database.migrations.source.reading import Unreadable, read_regular_file
from peterental.database.migrations.sql.comments import BLANKS
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.wording import printable

if TYPE_CHECKING:
    from peterental.database.migrations.source.other_tools import Tool

_UP_NAME = re.compile(r"(?P<version>[0-9]{3,})_(?P<description>.+)\.sql")
_OUR_NAME = re.compile(r"0*[0-9]{3,7}_.+(?<!\.up)\.sql")
_MAYBE_FOLDER = re.compile(r"[0-9][0-9-]*_[^.]+")
DOWN_SUFFIX = ".down.sql"
BASELINE_SUFFIX = "_baseline.sql"
"""How db-squash names the file that it writes."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HIGHEST_VERSION = 2**31 - 1  # schema_migrations.version is an INTEGER


@dataclass(frozen=True)
class MigrationFile:
    """One numbered SQL file.

    `text` reads the file on every call: ten thousand files must not all be in memory.
    """

    version: int
    description: str
    path: Path

    def text(self) -> str:
        """Return the file's text without a byte-order mark.

        Raises MigrationFilesError for a file that cannot be read, is not a regular file, is larger than MAX_BYTES, is
        not UTF-8 or contains a NUL.
        """
        try:
            content = read_regular_file(self.path)
            text = content.decode().removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            if content.startswith(_UTF_16):
                raise self._unreadable(f"{self.path.name} is UTF-16, as PowerShell writes; save it as UTF-8") from error
            raise self._unreadable(f"{self.path.name} is not UTF-8 (byte {error.start + 1})") from error
        except Unreadable as error:
            raise self._unreadable(str(error)) from error
        if "\0" in text:  # libpq would end the text there
            byte = content.index(0) + 1
            raise self._unreadable(f"{self.path.name} has a NUL character (byte {byte}), which SQL cannot hold")
        return text

    def _unreadable(self, message: str) -> MigrationFilesError:
        return MigrationFilesError([Problem(message=message, file=self.path.name)])

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of the text, ignoring byte-order mark, line endings and trailing white space."""
        return checksum_of(self.text())

    @cached_property
    def baseline(self) -> Baseline | None:
        """What the file replaces; None unless it is a baseline, or if it cannot be read."""
        try:
            return parse_baseline(self.text())
        except MigrationFilesError:
            return None

    def problem(self, text: str, offset: int, message: str, next_step: str | None = None) -> Problem:
        """Return a problem with this file at a line.

        Args:
            text: the file's text.
            offset: where in it, in characters.
            message: what is wrong.
            next_step: how to fix it.
        """
        line = locate(text, offset).line
        return Problem(message=message, file=self.path.name, line=line, next_step=next_step)

    @property
    def down_path(self) -> Path:
        """The path of the file that would undo this one."""
        return self.path.with_name(self.path.name.removesuffix(".sql") + DOWN_SUFFIX)


def checksum_of(text: str) -> str:
    """Return the checksum of a migration's text; see `MigrationFile.checksum`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return hashlib.sha256("\n".join([line.rstrip(BLANKS) for line in lines]).rstrip().encode()).hexdigest()


def baseline_at_start(files: Sequence[MigrationFile]) -> MigrationFile | None:
    """Return the first of a folder's files if it is a baseline; only a first file above 001 is read for that."""
    return files[0] if files and files[0].version > 1 and files[0].baseline else None


def find_files(directory: Path) -> list[MigrationFile]:
    """Return the migrations in `directory`, lowest number first.

    Raises MigrationFilesError with every misnamed file, duplicate number and gap.
    """
    files, problems = scan_files(directory)
    if problems:
        raise MigrationFilesError(problems)
    return files


def scan_files(directory: Path) -> tuple[list[MigrationFile], list[Problem]]:
    """Return the migrations in `directory` in order, and the problems with their names and numbers.

    Files that do not end in `.sql` are ignored, and so are hidden ones.

    Raises MigrationFilesError if the folder cannot be read.
    """
    files = []
    problems: list[Problem] = []
    entries = _entries(directory)
    foreign = [found for entry in entries if _MAYBE_FOLDER.fullmatch(entry.name) for found in _files_in(entry)]
    for path in _sql_files(entries):
        if path.name.endswith(DOWN_SUFFIX):
            continue
        match = _UP_NAME.fullmatch(path.name)
        tool = None if match and _OUR_NAME.fullmatch(path.name) else _tool_of_name(path.name)
        if tool is not None:
            foreign.append((path, tool))
        elif match is None:
            name = printable(path.name)
            problems.append(Problem(message=f"{name} is not named like 001_create_tables.sql", file=name))
        elif not 1 <= int(match["version"]) <= _HIGHEST_VERSION:
            message = f"{path.name} has a number outside 1 to {_HIGHEST_VERSION}"
            problems.append(Problem(message=message, file=path.name))
        else:
            files.append(MigrationFile(int(match["version"]), match["description"].replace("_", " "), path))
    files.sort(key=lambda file: (file.version, file.path.name))
    return files, _naming_problems(directory, foreign) + problems + _sequence_problems(files)


def _tool_of_name(name: str) -> Tool | None:
    from peterental.database.migrations.source.other_tools import tool_of_name  # noqa: PLC0415  # rarely needed

    return tool_of_name(name)


def _files_in(folder: Path) -> list[tuple[Path, Tool]]:
    from peterental.database.migrations.source.other_tools import files_in  # noqa: PLC0415  # rarely needed

    return files_in(folder)


def _naming_problems(directory: Path, foreign: list[tuple[Path, Tool]]) -> list[Problem]:
    """Return the problems with files that have names of other tools."""
    if not foreign:
        return []
    from peterental.database.migrations.source.other_tools import naming_problems  # noqa: PLC0415  # rarely needed

    return naming_problems(directory, foreign)


def newest_version(directory: Path) -> int | None:
    """Return the highest number among the migrations in `directory`; None without any, or if it cannot be read."""
    try:
        names = [_UP_NAME.fullmatch(entry.name) for entry in os.scandir(directory)]
    except OSError:
        return None
    return max((int(name["version"]) for name in names if name), default=None)


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError as error:
        message, next_step = f"there is no migrations folder {directory}", "name it with --directory or MIGRATIONS_DIR"
        raise MigrationFilesError([Problem(message=message, next_step=next_step)]) from error
    except OSError as error:
        message = f"cannot read the migrations folder {directory}: {error.strerror}"
        raise MigrationFilesError([Problem(message=message)]) from error


def _sql_files(entries: list[Path]) -> list[Path]:
    # On a case-insensitive disk, authors take 002_x.SQL for a migration: report it rather than ignore it.
    return [path for path in entries if path.name.lower().endswith(".sql") and not path.name.startswith(".")]


def _sequence_problems(files: list[MigrationFile]) -> list[Problem]:
    """Return duplicate numbers, and gaps between 1 and the highest number."""
    unfinished = _unfinished_squash(files)
    if unfinished:
        return unfinished
    by_version: dict[int, list[str]] = defaultdict(list)
    for file in files:
        by_version[file.version].append(file.path.name)
    duplicates = [
        Problem(message=f"{' and '.join(names)} have the same number {version:03d}", file=names[0])
        for version, names in by_version.items()
        if len(names) > 1
    ]
    gaps: list[Problem] = []
    expected = files[0].version if baseline_at_start(files) else 1
    for version in sorted(by_version):
        if version > expected:
            first, last = f"{expected:03d}", f"{version - 1:03d}"
            gap = f"migration {first} is" if first == last else f"migrations {first} to {last} are"
            following = by_version[version][0]
            gaps.append(Problem(message=f"{gap} missing before {following}", file=following))
        expected = version + 1
    return _advised(duplicates, _RENUMBER) + _advised(gaps, _FILL)


_RENUMBER = "give the next free number to the one that no database has yet"
_FILL = "add what is missing, or renumber the later files if no database has them yet"


def _advised(alike: list[Problem], next_step: str) -> list[Problem]:
    """Return problems of one kind, the last of which has the next step."""
    return [*alike[:-1], replace(alike[-1], next_step=next_step)] if alike else []


def _unfinished_squash(files: list[MigrationFile]) -> list[Problem]:
    """Return a problem if a baseline stands beside files that it replaces: db-squash was interrupted.

    Only files that may be baselines are read: those with a number that another file has too, and those named as such.
    """
    numbers = Counter(file.version for file in files)
    for file in files:
        may_be = numbers[file.version] > 1 or file.path.name.endswith(BASELINE_SUFFIX)
        if not may_be or not file.baseline:
            continue
        left = [other.path.name for other in files if other.version <= file.version and other is not file]
        if left:
            names = left[0] + (f" and {len(left) - 1} more" if len(left) > 1 else "")
            message = f"{file.path.name} replaces 001 to {file.version:03d}, but it is beside {names}"
            finish = f"flask db-squash {file.version} finishes the squash"
            return [Problem(message=message, file=file.path.name, next_step=finish)]
    return []
