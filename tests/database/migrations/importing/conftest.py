"""Import of a folder that a test writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from peterental.database.migrations.importing.import_report import ImportReport
from peterental.database.migrations.importing.importer import import_folder
from tests.database.migrations.importing.tool_folders import write_files


@dataclass
class Imported:
    """The result of an import: its report, and the written files by name, without their headers."""

    report: ImportReport
    target: Path

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.target.iterdir())

    @property
    def text(self) -> str:
        return self.report.text()

    def whole(self, name: str) -> str:
        return (self.target / name).read_bytes().decode()

    def sql(self, name: str) -> str:
        _, _, body = self.whole(name).replace("\r\n", "\n").partition("\n\n")
        return body

    def is_no_transaction(self, name: str) -> bool:
        return "\n-- migrate: no-transaction\n" in self.whole(name)


Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Write files to a folder and import it."""

    def run(tool: str, files: dict[str, str | bytes], within: str = "") -> Imported:
        source, target = tmp_path / "theirs", tmp_path / "ours"
        write_files(source, files)
        return Imported(import_folder(source / within, tool, target), target)

    return run
