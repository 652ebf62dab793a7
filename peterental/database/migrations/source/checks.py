"""Check pending files before the first one runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from peterental.database.migrations.errors import MigrationFilesError, Problem, ProblemKind, UnknownMigration
from peterental.database.migrations.source.backfill_checks import after_backfill_problems, backfill_problems
from peterental.database.migrations.source.directives import Directives, read_directives
from peterental.database.migrations.source.files import DOWN_SUFFIX, MigrationFile
from peterental.database.migrations.source.ledger_protection import DEFAULT_SCHEMA, ledger_problems
from peterental.database.migrations.source.session_state import misread_problems, session_state_problems
from peterental.database.migrations.source.statements import check_runnable, split_statements, why_empty

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


def checked_files(
    pending: list[MigrationFile], files: Sequence[MigrationFile] | None = None, *, schema: str = DEFAULT_SCHEMA
) -> list[PreparedMigration]:
    """Check all pending files before the first one runs.

    Args:
        pending: the files to check.
        files: all files, among which a backfill that a pending file waits for must be; `pending` by default.
        schema: of the ledger.

    Raises MigrationFilesError with every problem that can be found without running the files.
    """
    checked = []
    problems: list[Problem] = []
    for file in pending:
        directives, found = inspect(file, schema)
        problems += found
        if directives.after_backfill:
            problems += after_backfill_problems(file, file.text(), directives, pending if files is None else files)
        checked.append(PreparedMigration(file, directives))
    if problems:
        raise MigrationFilesError(problems)
    return checked


def inspect(file: MigrationFile, schema: str = DEFAULT_SCHEMA) -> tuple[Directives, list[Problem]]:
    """Return a file's directives, and the problems that can be found without running it; `schema` has the ledger."""
    try:
        text = file.text()
    except MigrationFilesError as error:
        return Directives(), _of_kind(ProblemKind.UNREADABLE, error.problems)
    return inspect_text(file, text, schema)


def inspect_text(file: MigrationFile, text: str, schema: str = DEFAULT_SCHEMA) -> tuple[Directives, list[Problem]]:
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
    runnable = check_runnable(file, text, directives)
    if not runnable:
        runnable = (
            session_state_problems(file, text, split_statements(text))
            if directives.no_transaction
            else misread_problems(file, text)
        )
    problems += runnable + ledger_problems(file, text, schema)
    return directives, problems + _of_kind(ProblemKind.BACKFILL, backfill_problems(file, text, directives))


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
