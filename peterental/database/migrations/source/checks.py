"""Check pending files before the first one runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from peterental.database.migrations.errors import MigrationFilesError, Problem, ProblemKind, UnknownMigration
from peterental.database.migrations.source.directives import Directives, read_directives
from peterental.database.migrations.source.files import DOWN_SUFFIX, MigrationFile
from peterental.database.migrations.source.statements import (
    check_runnable,
    ledger_version_mismatch,
    why_empty,
)

_MAYBE_MARKER = re.compile(
    r"--[\s=/@!+-]*(?:\+(?:goose|migrate|micrate)|migrate:\s*(?:up|down)|create above|tern:|liquibase|changeset|rambler"
    r"|dbmate|(?:ups?|downs?|undo|rollback)\b)",
    re.IGNORECASE,
)
_MAYBE_DUMP = re.compile(r"schema_migrations\"?\s*\(\s*\"?version\"?\s*\)")
"""Where a text may have a marker of another tool, for which `other_tools` then looks."""


@dataclass(frozen=True)
class PreparedMigration:
    """A pending file that passed the checks."""

    file: MigrationFile
    directives: Directives


def refuse_beyond_last(files: list[MigrationFile], to: int | None) -> None:
    """Raise UnknownMigration if `to` is above the last file's number, which is probably a typo."""
    last = files[-1].version if files else 0
    if to is not None and to > last:
        raise UnknownMigration(version=to, last=last)


def checked_files(pending: list[MigrationFile]) -> list[PreparedMigration]:
    """Check all pending files before the first one runs.

    Raises MigrationFilesError with every problem that can be found without running the files.
    """
    checked = []
    problems: list[Problem] = []
    for file in pending:
        directives, found = inspect(file)
        problems += found
        checked.append(PreparedMigration(file, directives))
    if problems:
        raise MigrationFilesError(problems)
    return checked


def inspect(file: MigrationFile) -> tuple[Directives, list[Problem]]:
    """Return a file's directives, and the problems that can be found without running it."""
    try:
        text = file.text()
    except MigrationFilesError as error:
        return Directives(), _of_kind(ProblemKind.UNREADABLE, error.problems)
    return inspect_text(file, text)


def inspect_text(file: MigrationFile, text: str) -> tuple[Directives, list[Problem]]:
    """Return what `inspect` returns, for a file whose text is known."""
    foreign = _marker_problems(file.path.name, text)
    if foreign:
        return Directives(), foreign
    emptiness = why_empty(text)
    if emptiness:
        empty = Problem(message=f"{file.path.name} {emptiness}", file=file.path.name, kind=ProblemKind.EMPTY)
        return Directives(), [empty]
    try:
        directives, problems = read_directives(file, text), []
    except MigrationFilesError as error:
        directives, problems = Directives(), _of_kind(ProblemKind.DIRECTIVE, error.problems)
    problems += _of_kind(ProblemKind.DIRECTIVE, _not_for_down_files(file, text, directives))
    problems += check_runnable(file, text, directives)
    return directives, problems + _of_kind(ProblemKind.WRONG_VERSION, ledger_version_mismatch(file, text))


def _not_for_down_files(file: MigrationFile, text: str, directives: Directives) -> list[Problem]:
    """Return the directives that make a file wait, or run in the background: db-rollback runs a down file at once."""
    if not file.path.name.endswith(DOWN_SUFFIX):
        return []
    words = {
        "after-backfill": directives.after_backfill,
        "backfill": directives.backfill,
        "contract": directives.contract,
    }
    return [
        file.problem(text, text.index(word), f"a down file cannot be “-- migrate: {word}”", "remove it")
        for word, is_set in words.items()
        if is_set
    ]


def _marker_problems(name: str, text: str) -> list[Problem]:
    """Return the problem with a text that was written for another tool."""
    if not (_MAYBE_MARKER.search(text) or _MAYBE_DUMP.search(text)):
        return []
    from peterental.database.migrations.source.other_tools import marker_problems  # noqa: PLC0415  # rarely needed

    return marker_problems(name, text)


def _of_kind(kind: ProblemKind, problems: list[Problem]) -> list[Problem]:
    return [replace(problem, kind=kind) for problem in problems]
