"""Check the statements of backfill files, and the files that wait for a backfill, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from peterental.database.migrations.errors import MigrationFilesError, Problem
from peterental.database.migrations.source.directives import BackfillDirective, Directives, read_directives
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start
from peterental.database.migrations.source.statements import Statement, is_ledger_insert, split_statements
from peterental.database.migrations.sql.tokens import Token, tokens_of

FIRST, LAST = "migrate.first", "migrate.last"
"""The settings that hold the bounds of a batch, both inclusive."""

_CHANGES_ROWS = frozenset({"UPDATE", "INSERT", "DELETE", "MERGE", "SELECT", "WITH"})
_TWO_WORDS = frozenset({"ALTER", "CREATE", "DROP"})
_IS_BOUND = re.compile(r"migrate\.(?:first|last)(?:_(?P<column>.+))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class SettingRead:
    """A call of current_setting: its offset in the statement, in characters, and the setting that it reads."""

    offset: int
    name: str


def backfill_problems(file: MigrationFile, text: str, directives: Directives) -> list[Problem]:
    """Return why the statements of a backfill cannot run batch by batch; none for other files."""
    backfill = directives.backfill
    if backfill is None:
        return []
    return [
        file.problem(text, offset, message, next_step)
        for statement in split_statements(text)
        for offset, message, next_step in statement_problems(statement, backfill)
    ]


def after_backfill_problems(
    file: MigrationFile, text: str, directives: Directives, files: Sequence[MigrationFile]
) -> list[Problem]:
    """Return the `after-backfill` directives of a file that name no backfill among `files`, or in their baseline."""
    by_version = {one.version: one for one in files}
    baseline = baseline_at_start(files)
    squashed = baseline.version if baseline else 0  # a database that has the baseline has completed its backfills
    problems = []
    for version in directives.after_backfill:
        if version <= squashed:
            continue
        named = by_version.get(version)
        if named is None:
            message = f"“after-backfill={version:03d}” names a migration that does not exist"
        elif not _is_backfill(named):
            message = f"“after-backfill={version:03d}” names {named.path.name}, which is not a backfill"
        else:
            continue
        problems.append(file.problem(text, text.index("after-backfill"), message, "name the number of a backfill"))
    return problems


def statement_problems(statement: Statement, backfill: BackfillDirective) -> Iterator[tuple[int, str, str]]:
    """Yield why one statement of a backfill is refused: offset, message, and what to do."""
    tokens = tokens_of(statement.sql) or []
    words = [token.text.upper() for token in tokens[:2]]
    start = statement.offset
    if is_ledger_insert(statement.sql):
        yield start, "a backfill is recorded by the runner when it is complete", "remove the INSERT"
    elif words == ["SET", "LOCAL"]:
        return
    elif not words or words[0] not in _CHANGES_ROWS:
        kind = " ".join(words[: 2 if words and words[0] in _TWO_WORDS else 1]) or "this"
        message = f"{kind} cannot be part of a backfill, which runs once for each batch"
        yield (
            start,
            message,
            "put it in a file of its own; a backfill has UPDATE, INSERT … SELECT, DELETE, MERGE, SELECT",
        )
    else:
        yield from _bounds_problems(statement, tokens, backfill)


def settings_read(tokens: Sequence[Token]) -> list[SettingRead]:
    """Return the settings that a statement reads with current_setting('…')."""
    return [
        SettingRead(name.offset, name.text[1:-1])
        for function, bracket, name in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if function.text.lower() == "current_setting" and bracket.text == "(" and name.text.startswith("'")
    ]


def _bounds_problems(
    statement: Statement, tokens: Sequence[Token], backfill: BackfillDirective
) -> Iterator[tuple[int, str, str]]:
    names = set()
    for read in settings_read(tokens):
        if not read.name.lower().startswith("migrate."):
            continue
        bound = _IS_BOUND.fullmatch(read.name)
        columns = {column.lower() for column in backfill.key}
        if bound is None or (bound["column"] is not None and bound["column"].lower() not in columns):
            message = f"{read.name} is not a bound of this backfill"
            yield statement.offset + read.offset, message, f"the bounds are {_bounds(backfill)}"
            return
        names.add(read.name.lower()[: len(LAST) if read.name.lower().startswith(LAST) else len(FIRST)])
    missing = [name for name in (FIRST, LAST) if name not in names]
    if missing:
        kind = tokens[0].text.upper()
        message = f"this {kind} does not read {' and '.join(missing)}, so each batch would change all rows"
        yield statement.offset, message, f"add: {bounded_condition(backfill)}"


def bounded_condition(backfill: BackfillDirective) -> str:
    """Return the condition with which a statement limits itself to its batch."""
    if len(backfill.key) == 1:
        column = backfill.key[0]
        return f"WHERE {column} BETWEEN current_setting('{FIRST}')::… AND current_setting('{LAST}')::…"
    row = ", ".join(backfill.key)
    first, last = (
        ", ".join(f"current_setting('{name}_{column}')::…" for column in backfill.key) for name in (FIRST, LAST)
    )
    return f"WHERE ({row}) >= ({first}) AND ({row}) <= ({last})"


def _bounds(backfill: BackfillDirective) -> str:
    names = [FIRST, LAST, *(f"{name}_{column}" for name in (FIRST, LAST) for column in backfill.key)]
    return ", ".join(names)


def _is_backfill(file: MigrationFile) -> bool:
    try:
        return read_directives(file, file.text()).backfill is not None
    except MigrationFilesError:  # reported when that file is to run
        return False
