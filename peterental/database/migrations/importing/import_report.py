"""The report of db-import: old and new names, changes, and what could not be carried over."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from peterental.database.migrations.importing.model import ImportedFolder, ImportedMigration, Remark
from peterental.database.migrations.wording import plural, version_ranges

_MAX_LISTED = 10


@dataclass(frozen=True)
class NumberedMigration:
    """A migration with its new number.

    Args:
        migration: the other tool's.
        number: its new number; None if it has no SQL.
        file_name: its new file; empty if none was written.
        wanted_name: the file to write manually under that number; empty if one was written.
    """

    migration: ImportedMigration
    number: int | None
    file_name: str
    wanted_name: str = ""

    @property
    def down_name(self) -> str:
        """The name of its down file."""
        return f"{self.file_name.removesuffix('.sql')}.down.sql"


@dataclass(frozen=True)
class ImportReport:
    """What was imported.

    Args:
        tool: where from.
        target: the new folder.
        migrations: all of them, in order.
        folder: remarks and problems apart from single migrations.
        left_alone: files that are no migrations of the tool.
    """

    tool: str
    target: Path
    migrations: list[NumberedMigration]
    folder: ImportedFolder
    left_alone: list[str]

    @property
    def complete(self) -> bool:
        """Whether everything was carried over."""
        return not self.problem_lines()

    def text(self) -> str:
        """Return the report as text: names, changes, problems, and what to do next."""
        blocks = [
            self._name_lines(),
            _titled("Changed", self._change_lines()),
            _titled("Not carried over", self.problem_lines()),
            _titled("Left alone", self._left_alone_lines()),
            self._closing_lines(),
        ]
        return "\n\n".join("\n".join(block) for block in blocks if block)

    def _name_lines(self) -> list[str]:
        width = max(len(one.migration.origin) for one in self.migrations)
        return [f"{one.migration.origin.ljust(width)}  →  {_new_name(one)}" for one in self.migrations]

    def _change_lines(self) -> list[str]:
        grouped: dict[str, list[NumberedMigration]] = {}
        for one in self.migrations:
            for remark in one.migration.remarks:
                grouped.setdefault(remark.text, []).append(one)
        lines = [f"{_subject(found)}: {text}" for text, found in grouped.items()]
        return lines + [_placed(remark) for remark in self.folder.remarks]

    def problem_lines(self) -> list[str]:
        """Return what could not be carried over, one line each."""
        lines = []
        for one in self.migrations:
            for remark in one.migration.problems:
                next_step = f": {one.wanted_name} is left out; write it yourself" if one.wanted_name else ""
                number = one.migration.origin if one.number is None else f"{one.number:03d}"
                lines.append(f"{number}  {_placed(remark)}{next_step}")
        return lines + [_placed(remark) for remark in self.folder.problems]

    def _left_alone_lines(self) -> list[str]:
        more = len(self.left_alone) - _MAX_LISTED
        return self.left_alone[:_MAX_LISTED] + ([f"and {more} more"] if more > 0 else [])

    def _closing_lines(self) -> list[str]:
        written = sum(bool(one.file_name) for one in self.migrations)
        total = sum(one.number is not None for one in self.migrations)
        where = f"from {self.tool} into {self.target}"
        if self.complete:
            lines = [f"✅ Imported {written} {plural(written, 'migration')} {where}"]
        else:
            lines = [f"⚠️  Imported {written} of {total} {plural(total, 'migration')} {where}; see “Not carried over”"]
        option = f"--directory {shlex.quote(str(self.target))}"
        lines.append(f"Next: flask db-lint {option}, then flask db-migrate {option}")
        adopt = f"flask db-adopt --to {total} {option} (see docs/coming-from.md)"
        lines.append(f"A database that {self.tool.removesuffix('-sql')} has migrated already: {adopt}")
        return lines


def _new_name(one: NumberedMigration) -> str:
    if one.number is None:
        return "no SQL, left out"
    if not one.file_name:
        return f"{one.number:03d} is left out"
    return f"{one.file_name}{' and .down.sql' if one.migration.down else ''}"


def _subject(found: list[NumberedMigration]) -> str:
    numbers = version_ranges(one.number for one in found if one.number is not None)
    unnumbered = [one.migration.origin for one in found if one.number is None]
    return ", ".join([*([numbers] if numbers else []), *unnumbered])


def _placed(remark: Remark) -> str:
    return f"{remark.where}: {remark.text}" if remark.where else remark.text


def _titled(title: str, lines: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []
