"""Tools whose files have both parts, with markers: goose, dbmate, sql-migrate, tern, node-pg-migrate."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peterental.database.migrations.importing.file_names import (
    FileName,
    NameReader,
    by_number,
    by_number_and_name,
    by_text,
    by_time,
)
from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import ImportedFolder, ImportedMigration
from peterental.database.migrations.importing.sections import Marker, MarkerReader, Sections, split_sections
from peterental.database.migrations.importing.sql_edits import has_statement, lines_matching

GOOSE_LINE = re.compile(r"--\s*\+goose\b\s*(?P<words>.*)", re.IGNORECASE)
SQL_MIGRATE_LINE = re.compile(r"-- \+migrate\b(?P<words>.*)")
DBMATE_LINE = re.compile(r"--\s*migrate:(?P<part>up|down)(?:\s+(?P<options>.*))?")
TERN_LINE = re.compile(r"\s*----\s*create above / drop below\s*----\s*")
_TERN_NO_TRANSACTION = re.compile(r"\s*----\s*tern:\s*disable-tx\s*----\s*")
NODE_LINE = re.compile(r"\s*--[\s-]*(?P<part>up|down)\s+migration\b.*", re.IGNORECASE)

# Lines that were meant as markers, but are comments to the tool.
_ALMOST_GOOSE = re.compile(
    r"\s*--\s*\+?\s*goose\s+(?:up|down|statementbegin|statementend|no\s+transaction)\s*", re.IGNORECASE
)
_ALMOST_SQL_MIGRATE = re.compile(
    r"\s*--\s*\+?\s*migrate\s+(?:up|down|statementbegin|statementend)(?:\s+notransaction)?\s*", re.IGNORECASE
)
_ALMOST_DBMATE = re.compile(r"\s*--\s*migrate\s*:\s*(?:up|down)\b.*", re.IGNORECASE)

_TEMPLATE = re.compile(r"\{\{.*?\}\}")


def goose_marker(line: str) -> Marker | None:
    """Return what a line means to goose."""
    found = GOOSE_LINE.fullmatch(line)
    if not found:
        return _almost(line, _ALMOST_GOOSE, "goose")
    words = " ".join(found["words"].lower().split())
    kinds = {
        "up": "up",
        "down": "down",
        "statementbegin": "begin",
        "statementend": "end",
        "no transaction": "file without transaction",
    }
    if words in kinds:
        return Marker(kinds[words])
    if words in {"envsub off", "envsubst off"}:
        return Marker("ignored")
    if words in {"envsub on", "envsubst on"}:
        problem = "goose replaces environment variables from here on; files run unchanged here: write the values"
        return Marker("unknown", problem=problem)
    return Marker("unknown", problem=f"“{line.strip()}” is not a marker that goose documents")


def sql_migrate_marker(line: str) -> Marker | None:
    """Return what a line means to sql-migrate."""
    found = SQL_MIGRATE_LINE.fullmatch(line)
    if not found:
        return _almost(line, _ALMOST_SQL_MIGRATE, "sql-migrate")
    word, *options = found["words"].split() or [""]
    if word in {"Up", "Down"}:
        return Marker(word.lower(), no_transaction="notransaction" in options)
    kinds = {"StatementBegin": "begin", "StatementEnd": "end"}
    if word in kinds:
        return Marker(kinds[word])
    return Marker("unknown", problem=f"“{line.strip()}” is not a marker that sql-migrate documents")


def dbmate_marker(line: str) -> Marker | None:
    """Return what a line means to dbmate."""
    found = DBMATE_LINE.fullmatch(line)
    if not found:
        return _almost(line, _ALMOST_DBMATE, "dbmate")
    options = (found["options"] or "").lower().split()
    unknown = [option for option in options if not option.startswith("transaction:")]
    problem = f"the option {unknown[0]} has no equivalent" if unknown else ""
    return Marker(found["part"], no_transaction="transaction:false" in options, problem=problem)


def _almost(line: str, pattern: re.Pattern[str], tool: str) -> Marker | None:
    """Return a marker with a problem if a line is one but for its spelling; None for others."""
    if not pattern.fullmatch(line):
        return None
    return Marker("text", problem=f"“{line.strip()}” is only a comment to {tool}, so it divides nothing here either")


def tern_marker(line: str) -> Marker | None:
    """Return what a line means to tern."""
    if TERN_LINE.fullmatch(line):
        return Marker("down")
    return Marker("no transaction") if _TERN_NO_TRANSACTION.fullmatch(line) else None


def node_marker(line: str) -> Marker | None:
    """Return what a line means to node-pg-migrate."""
    found = NODE_LINE.fullmatch(line)
    return Marker(found["part"].lower()) if found else None


@dataclass(frozen=True)
class MarkedTool:
    """A tool whose files have both parts.

    Args:
        name: the tool's.
        read_marker: reads one line.
        read_name: reads the name of a file.
        up_marker: the line that must begin the up part; empty if the tool does without it.
        first: the part that begins with the file; empty if a marker begins it.
        has_templates: whether the tool expands `{{ … }}`.
        only_first: whether only the first marker of each part counts.
    """

    name: str
    read_marker: MarkerReader
    read_name: NameReader
    up_marker: str = ""
    first: str = ""
    has_templates: bool = False
    only_first: bool = False

    def convert(self, folder: SourceFolder) -> ImportedFolder:
        """Convert every file that the tool would run."""
        result = ImportedFolder()
        for file in folder.top_level():
            named = self.read_name(file.base_name)
            if named is not None:
                result.migrations.append(self._convert(file, named))
        return result

    def _convert(self, file: SourceFile, named: FileName) -> ImportedMigration:
        migration = ImportedMigration(
            order=named.order, version=named.version, name=named.words, origin=file.name, up=None
        )
        text, unreadable = file.content
        if text is None:
            migration.failed(unreadable)
            return migration
        sections = split_sections(text, self.read_marker, self.first, only_first=self.only_first)
        if self.up_marker and not sections.has_up:
            migration.failed(f"{file.name} has no “{self.up_marker}”")
            return migration
        self._fill(migration, file, sections)
        if self.has_templates:
            for line, placeholder in lines_matching(text, _TEMPLATE):
                migration.failed(
                    f"{placeholder} is a template: write the SQL that it stands for", f"{file.name}:{line}"
                )
        return migration

    def _fill(self, migration: ImportedMigration, file: SourceFile, sections: Sections) -> None:
        migration.up, migration.down = sections.up, sections.down
        if has_statement(sections.preamble) and sections.has_up:
            migration.failed(f"{self.name} does not run the SQL above the up part: it was left out", f"{file.name}:1")
        elif sections.preamble.strip():
            migration.up = sections.preamble + sections.up
        migration.no_transaction = "up" in sections.no_transaction
        migration.down_no_transaction = "down" in sections.no_transaction
        if sections.down and not sections.has_up and not self.first:
            migration.failed(
                f"without a marker of the up part, {self.name} runs the whole file, its down part included", file.name
            )
        for removed in dict.fromkeys(sections.removed):
            migration.changed(f"“{removed}” removed")
        if sections.semicolons_added:
            migration.changed("a statement between StatementBegin and StatementEnd had no semicolon: it has one now")
        for line, problem in sections.problems:
            migration.failed(problem, f"{file.name}:{line}")


GOOSE = MarkedTool("goose", goose_marker, by_number, "-- +goose Up")
DBMATE = MarkedTool("dbmate", dbmate_marker, by_text, "-- migrate:up")
SQL_MIGRATE = MarkedTool("sql-migrate", sql_migrate_marker, by_number_and_name, "-- +migrate Up")
TERN = MarkedTool("tern", tern_marker, by_number, first="up", has_templates=True, only_first=True)
NODE_PG_MIGRATE = MarkedTool("node-pg-migrate", node_marker, by_time, only_first=True)
