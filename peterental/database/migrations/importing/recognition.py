"""Recognise the tool that a folder belongs to."""

from __future__ import annotations

import re
from collections import Counter

from peterental.database.migrations.importing import alembic, flyway, liquibase, marked, paired, plain, rails, sqitch
from peterental.database.migrations.importing.file_names import NUMBERED
from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import ImportRefused

EXPECTED = {
    "goose": "numbered .sql files with “-- +goose Up”",
    "dbmate": "numbered .sql files with “-- migrate:up”",
    "golang-migrate": "pairs such as 1_users.up.sql and 1_users.down.sql",
    "flyway": "files such as V1__users.sql",
    "sqlx": "files such as 20240131120000_users.sql, or pairs that end in .up.sql and .down.sql",
    "diesel": "folders such as 2024-01-31-120000_users with up.sql and down.sql",
    "rails": "db/structure.sql (bin/rails db:schema:dump with config.active_record.schema_format = :sql)",
    "alembic-sql": "what alembic upgrade head --sql prints, in a .sql file",
    "sql-migrate": ".sql files with “-- +migrate Up”",
    "tern": "numbered .sql files, perhaps with “---- create above / drop below ----”",
    "node-pg-migrate": "numbered .sql files, perhaps with “-- Up Migration”",
    "liquibase": ".sql files with “--liquibase formatted sql”",
    "prisma": "folders such as 20240131120000_users with migration.sql",
    "drizzle": "files such as 0000_users.sql with “--> statement-breakpoint”, and meta/_journal.json",
    "supabase": "files such as 20240131120000_users.sql",
    "atlas": "files such as 20240131120000_users.sql, and atlas.sum",
    "sqitch": "sqitch.plan, and the folders deploy and revert",
}
"""What a folder of each tool has."""

_ANY_TOOL_WITHOUT_MARKERS = frozenset({"sqlx", "tern", "node-pg-migrate", "drizzle", "supabase", "atlas"})
_OF_ANY_FORMAT = frozenset({"atlas"})
"""Atlas also writes and checks folders in the formats of other tools, with its own comments in them."""

_CODE = re.compile(r"\d+[_-].+\.(?:go|rb|py|js|mjs|cjs|ts|java|kt|php|exs)", re.IGNORECASE)
_FOLDER_DOWN = re.compile(r"(?:.*/)?[\d-]*\d[_-][^/]*/down\.sql", re.IGNORECASE)
_NOT_A_MIGRATION = re.compile(r".*(?:_test\.go|\.d\.ts|[._]spec\.\w+|\.test\.\w+)", re.IGNORECASE)
_LANGUAGES = {
    "go": "Go",
    "rb": "Ruby",
    "py": "Python",
    "js": "JavaScript",
    "mjs": "JavaScript",
    "cjs": "JavaScript",
    "ts": "TypeScript",
    "java": "Java",
    "kt": "Kotlin",
    "class": "Java",
    "php": "PHP",
    "exs": "Elixir",
}
_MARKERS = (
    ("goose", marked.GOOSE_LINE),
    ("sql-migrate", marked.SQL_MIGRATE_LINE),
    ("dbmate", marked.DBMATE_LINE),
    ("tern", marked.TERN_LINE),
    ("alembic-sql", alembic.RUNNING),
    ("liquibase", liquibase.HEADER),
    ("drizzle", re.compile(rf".*{plain.BREAKPOINT}\s*")),
    ("atlas", plain.ATLAS_LINE),
    ("node-pg-migrate", re.compile(r"\s*--[\s-]*(?:up|down)\s+migration\s*", re.IGNORECASE)),
)


def is_code(name: str) -> bool:
    """Return whether a file, named without its folder, is a numbered migration in a programming language."""
    return bool(_CODE.fullmatch(name)) and not _NOT_A_MIGRATION.fullmatch(name)


def language_of(name: str) -> str:
    """Return the programming language of a file, by its name."""
    return _LANGUAGES.get(name.rpartition(".")[2].lower(), "not SQL")


def require_tool(folder: SourceFolder, tool: str) -> None:
    """Raise ImportRefused if the folder belongs to another tool, to several, or to none.

    The message names the right one.
    """
    found = {file: _tools_of(file) for file in folder.files}
    fitting = [file for file, tools in found.items() if tool in tools]
    others = [(file, tools) for file, tools in found.items() if tools and tool not in tools and _is_sure(tools)]
    if fitting and others:
        file, tools = others[0]
        raise ImportRefused(
            reason=f"the folder mixes tools: {fitting[0].name} fits {tool}, but {file.name} is a file of"
            f" {_either(sorted(tools))}; move one kind into a folder of its own"
        )
    if fitting or (tool == "rails" and any(rails.RUBY.fullmatch(file.base_name) for file in folder.files)):
        return
    guessed = Counter(name for tools in found.values() for name in tools)
    expected = f"{tool} has {EXPECTED[tool]}"
    if guessed:
        best = max(guessed.values())
        names = [name for name in EXPECTED if guessed[name] == best]
        commands = _either([f"--from {name}" for name in names])
        raise ImportRefused(reason=f"{folder.path} does not look like a folder of {tool}: {expected}; try {commands}")
    advice = "; print the revisions with alembic upgrade head --sql > upgrade.sql" if tool == "alembic-sql" else ""
    raise ImportRefused(reason=f"no migration of {tool} is in {folder.path}: {expected}{advice}")


def _tools_of(file: SourceFile) -> frozenset[str]:
    """Return the tools that a file can belong to; none for other files."""
    name = file.base_name
    if name == sqitch.PLAN:
        return frozenset({"sqitch"})
    if not name.lower().endswith(".sql"):
        return frozenset({"flyway"}) if flyway.CODE.fullmatch(name) else frozenset()
    markers = frozenset(tool for tool, line in _MARKERS if _has_line(file.text, line))
    if markers - _OF_ANY_FORMAT:
        return markers
    shapes = (
        (flyway.NAMED, name, {"flyway"}),
        (flyway.REPEATABLE, name, {"flyway"}),
        (rails.STRUCTURE, name, {"rails"}),
        (_FOLDER_DOWN, file.name, {"diesel", "rails", "prisma"}),
        (paired.FOLDER_PART, file.name, {"diesel", "rails"}),
        (plain.FOLDER, file.name, {"prisma", "drizzle"}),
        (paired.PAIRED, name, {"golang-migrate", "sqlx", "rails"}),
        (NUMBERED, file.name, _ANY_TOOL_WITHOUT_MARKERS),
    )
    return markers | frozenset(next((tools for pattern, text, tools in shapes if pattern.fullmatch(text)), ()))


def _has_line(text: str, pattern: re.Pattern[str]) -> bool:
    return any(pattern.fullmatch(line) for line in re.split(r"\r\n|\r|\n", text))


def _is_sure(tools: frozenset[str]) -> bool:
    """Whether a file has a sign of its tool; a plain numbered file has none."""
    return tools != _ANY_TOOL_WITHOUT_MARKERS


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
