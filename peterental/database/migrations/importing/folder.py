"""The files of another tool's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from peterental.database.migrations.errors import MigrationFilesError, joined
from peterental.database.migrations.importing.model import ImportRefused
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.wording import printable


@dataclass(frozen=True)
class SourceFile:
    """One file.

    Args:
        path: where it is.
        name: its path relative to the folder, with `/`, safe to print.
    """

    path: Path
    name: str

    @property
    def base_name(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The name of the folder that contains it; empty for the imported folder itself."""
        return self.name.rpartition("/")[0]

    @cached_property
    def content(self) -> tuple[str | None, str]:
        """Its text without a byte-order mark, and an empty string; or None, and why it cannot be read."""
        try:
            return MigrationFile(0, "", self.path).text(), ""
        except MigrationFilesError as error:
            why = joined(error.problems).replace(f"{self.path.name} ", f"{self.name} ", 1)
        if "is not UTF-8" in why:
            why = f"{why}; convert it to UTF-8 first"
        return None, why

    @property
    def text(self) -> str:
        """Its text; empty if it cannot be read."""
        return self.content[0] or ""


@dataclass(frozen=True)
class SourceFolder:
    """All files below a folder, in the order of their names, without hidden ones."""

    path: Path
    files: tuple[SourceFile, ...]

    def top_level(self) -> list[SourceFile]:
        """Return the files that are not in a folder of their own."""
        return [file for file in self.files if not file.parent]


def read_folder(path: Path) -> SourceFolder:
    """List the files below `path`, which may also be a single file.

    Raises ImportRefused if there are none.
    """
    if path.is_file():
        return SourceFolder(path.parent, (SourceFile(path, printable(path.name)),))
    if not path.is_dir():
        raise ImportRefused(reason=f"there is no folder {path}")
    files: list[SourceFile] = []
    for parent, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                found = Path(parent, name)
                files.append(SourceFile(found, printable(found.relative_to(path).as_posix())))
    if not files:
        raise ImportRefused(reason=f"the folder {path} is empty")
    return SourceFolder(path, tuple(sorted(files, key=lambda file: file.name)))


def _refuse(error: OSError) -> None:
    raise ImportRefused(reason=f"cannot read {error.filename}: {error.strerror}") from error
