"""Recognise files of other migration tools, by their marker comments and by their names.

Such a file often undoes its change further down. The runner would run both parts, one after the other. This module is
imported only for a text or a name that may be another tool's, because its patterns take a while to compile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from peterental.database.migrations.errors import Problem, ProblemKind
from peterental.database.migrations.source.lexer import comments_of
from peterental.database.migrations.source.reading import Unreadable, read_regular_file
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.sql.error_location import locate


@dataclass(frozen=True)
class Tool:
    """Another migration tool: its name, and what `flask db-import --from` calls it, if it converts its files."""

    name: str
    option: str | None = None

    def advice(self, start: str) -> str:
        """Return what to do with a file of this tool: `start`, or convert its folder."""
        return (
            start
            if self.option is None
            else f"{start}, or convert its folder: flask db-import FOLDER --from {self.option}"
        )


_SPLIT = "split it into 001_name.sql and 001_name.down.sql"
_RENAME = "name it 001_name.sql, or 001_name.down.sql if it undoes that"

_GOOSE = Tool("goose", "goose")
_DBMATE = Tool("dbmate", "dbmate")
_SQL_MIGRATE = Tool("sql-migrate", "sql-migrate")
_TERN = Tool("tern", "tern")
_NODE_PG_MIGRATE = Tool("node-pg-migrate", "node-pg-migrate")
_FLYWAY = Tool("Flyway", "flyway")
_SQLX = Tool("sqlx", "sqlx")
_GOLANG_MIGRATE = Tool("golang-migrate", "golang-migrate")
_DIESEL = Tool("diesel", "diesel")
_RAILS = Tool("Rails", "rails")
_LIQUIBASE = Tool("Liquibase", "liquibase")
_PRISMA = Tool("Prisma", "prisma")

_MARKERS: tuple[tuple[Tool, re.Pattern[str]], ...] = tuple(
    (tool, re.compile(pattern, re.IGNORECASE))
    for tool, pattern in (
        (_GOOSE, r"--\s*\+goose\b.*"),
        (_SQL_MIGRATE, r"--\s*\+migrate\b.*"),
        (_DBMATE, r"--\s*migrate:\s*(?:up|down)\b.*"),
        (_DBMATE, r"--\s*dbmate schema migrations\s*"),
        (_TERN, r"-{2,}\s*create above / drop below\s*-*\s*|-{2,}\s*tern:\s*disable-tx\s*-*\s*"),
        (_NODE_PG_MIGRATE, r"--[\s-]*(?:up|down)\s+migration[\s:.-]*"),
        (_LIQUIBASE, r"--\s*liquibase\s+formatted\s+sql\b.*"),
        (_LIQUIBASE, r"--\s*changeset\s+(?:\"[^\"]*\"|[^\s:]+):\S+.*"),
        (Tool("MyBatis Migrations"), r"--\s*//\s*@undo\b.*"),
        (Tool("micrate"), r"--\s*\+micrate\b.*"),
        (Tool("rambler"), r"--\s*rambler\s+(?:up|down)\s*"),
        (Tool("Play evolutions"), r"--[\s-]*!(?:ups|downs)\s*"),
    )
)
"""Each tool's marker: the whole of a comment. “-- Up next: …” is none."""

_PART = (
    r"--[\W_]*(?:(?:migrations?|migrate|name|section|part|step|direction)\s*[:=]\s*)?"
    r"(?:{})(?:\s+(?:part|script|section|sql))?[\W_]*"
)
_UP_PART = re.compile(_PART.format("up|apply|forwards?|upgrade"), re.IGNORECASE)
_DOWN_PART = re.compile(_PART.format("down|undo|rollback|roll back|revert|backwards?|downgrade"), re.IGNORECASE)
_UNDOES = re.compile(
    r"(?:\s|-{2}[ \t=-]*\n)*(?:(?:drop|delete|truncate|revoke)\b|alter\b[^;]*\bdrop\b)", re.IGNORECASE
)  # directly below: between the two may be no comment but a ruled line

_DUMPED_VERSIONS = re.compile(
    r"^[ \t]*insert\s+into\s+(?:\"?\w+\"?\.)?\"?schema_migrations\"?\s*\(\s*\"?version\"?\s*\)\s*"
    r"values\s*\(\s*'\d{8,}'",
    re.IGNORECASE | re.MULTILINE,
)
_NAMES: tuple[tuple[Tool, re.Pattern[str]], ...] = (
    (_FLYWAY, re.compile(r"(?:[VUB]\d[\d._]*|R)__.+\.sql", re.IGNORECASE)),
    (_SQLX, re.compile(r"\d{14}_.+\.up\.sql", re.IGNORECASE)),
    (_GOLANG_MIGRATE, re.compile(r"\d+_.+\.up\.sql", re.IGNORECASE)),
    (_DIESEL, re.compile(r"(?:up|down)\.sql", re.IGNORECASE)),
)
_BY_TIME = re.compile(r"(?:(?:19|20)\d{6}(?:\d{2,6})?|1\d{9})_.+\.sql")
_TIMESTAMPED = Tool("goose, dbmate or another tool that numbers files by time", "TOOL")


@dataclass(frozen=True)
class Marker:
    """What shows that a text was written for another tool: the tool, where, and the words there."""

    tool: Tool
    offset: int
    text: str


def marker_in(text: str) -> Marker | None:
    """Return the first marker of another tool in a migration's text; None if there is none."""
    comments = list(comments_of(text))
    for offset, comment in comments:
        for tool, pattern in _MARKERS:
            if pattern.fullmatch(comment):
                return Marker(tool, offset, comment.strip())
    dumped = _DUMPED_VERSIONS.search(text)
    if dumped:
        offset = dumped.start() + len(dumped.group()) - len(dumped.group().lstrip())
        return Marker(_RAILS, offset, "INSERT INTO schema_migrations (version)")
    return _part_that_undoes(text, comments)


def _part_that_undoes(text: str, comments: Iterable[tuple[int, str]]) -> Marker | None:
    """Return a plain “-- Down”, “-- ROLLBACK --” or “-- [undo]” that begins a part in which the change is undone.

    It is alone on its line, has statements above it, and is followed by one that removes something.
    """
    begin = header_end(text)
    up = None
    for offset, comment in comments:
        if text[:offset].rpartition("\n")[2].strip():
            continue
        if _UP_PART.fullmatch(comment):
            up = offset
        elif _DOWN_PART.fullmatch(comment) and begin < offset and _ends_statement(text[:offset]):
            following = header_end(text, offset)
            if following < len(text) and (up is not None or _UNDOES.match(text, offset + len(comment))):
                return Marker(Tool("another tool's"), offset, comment.strip())
    return None


def _ends_statement(before: str) -> bool:
    """Whether a semicolon ends the SQL before a comment, other comments aside."""
    position = len(before)
    for offset, comment in reversed(list(comments_of(before))):
        if before[offset + len(comment) : position].strip():
            break
        position = offset
    return before[:position].rstrip().endswith(";")


def marker_problems(file_name: str, text: str) -> list[Problem]:
    """Return the problem with a text that was written for another tool; an empty list for one of ours."""
    marker = marker_in(text)
    return [] if marker is None else [_problem(file_name, text, marker)]


def _problem(file_name: str, text: str, marker: Marker, others: int = 0) -> Problem:
    tool = marker.tool
    what = f"a {tool.name} file" if tool.name != "another tool's" else "another tool's file, with a part that undoes it"
    return Problem(
        message=f"this is {what} (“{marker.text}”)" + _and_others(others),
        file=file_name,
        line=locate(text, marker.offset).line,
        next_step=tool.advice(_SPLIT),
        kind=ProblemKind.OTHER_TOOL,
    )


def _and_others(count: int) -> str:
    return ("", ", and so is one other")[count] if count <= 1 else f", and so are {count} others"


def tool_of_name(name: str) -> Tool | None:
    """Return the tool whose files are named like this; None for another name."""
    tool = next((tool for tool, pattern in _NAMES if pattern.fullmatch(name)), None)
    return _TIMESTAMPED if tool is None and _BY_TIME.fullmatch(name) else tool


def files_in(folder: Path) -> list[tuple[Path, Tool]]:
    """Return the migration in a folder that is named like one of diesel or Prisma, with that tool."""
    tools = {"up.sql": _DIESEL, "migration.sql": _PRISMA}
    return [(folder / name, tool) for name, tool in tools.items() if (folder / name).is_file()]


def naming_problems(directory: Path, misnamed: Iterable[tuple[Path, Tool]]) -> list[Problem]:
    """Return one problem per tool for files with names of other tools; a marker in a file names its tool better."""
    by_tool: dict[Tool, list[tuple[Path, str, Marker | None]]] = {}
    for path, named in misnamed:
        text = _read(path)
        marker = marker_in(text)
        by_tool.setdefault(marker.tool if marker else named, []).append((path, text, marker))
    problems = []
    for tool, found in by_tool.items():
        path, text, marker = found[0]
        name = path.relative_to(directory).as_posix()
        if marker:
            problems.append(_problem(name, text, marker, len(found) - 1))
        else:
            message = f"{name} is named like a file of {tool.name}" + _and_others(len(found) - 1)
            advice = tool.advice(_RENAME)
            problems.append(Problem(message=message, file=name, next_step=advice, kind=ProblemKind.OTHER_TOOL))
    return problems


def _read(path: Path) -> str:
    """Return a file's text for a search of markers; what cannot be read has none."""
    try:
        return read_regular_file(path).decode(errors="replace")
    except Unreadable:
        return ""
