"""Finds what only psql understands: its backslash commands, and rows that follow a COPY FROM STDIN.

Both come with a dump that is put into a migration as it is.
"""

from __future__ import annotations

import re

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.sql.tokens import tokens_of

_MAYBE_PSQL = re.compile(r"^[ \t]*\\|(?<=\s)\\(?=[A-Za-z.!?])", re.MULTILINE)
_META_COMMAND = re.compile(r"\\\S*")
_COPY_IN = re.compile(r"^[ \t]*(?P<copy>copy\b[^;]*?\bfrom\s+stdin\b[^;]*;)[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_END_OF_ROWS = re.compile(r"^\\\.[ \t]*\r?$", re.MULTILINE)
_NOT_A_LINE_END = re.compile(r"[^\r\n]")


def psql_problems(file: MigrationFile, text: str) -> list[Problem]:
    """Name what in `text` only psql understands, each with its line."""
    if not _MAYBE_PSQL.search(text):
        return []
    problems, rest = _copied_rows(file, text)
    return problems + _meta_commands(file, rest)


def _copied_rows(file: MigrationFile, text: str) -> tuple[list[Problem], str]:
    """Name each COPY that is followed by rows, and give the text with white space in their place.

    Rows are no SQL: a quote in one of them would hide all that comes after it.
    """
    problems: list[Problem] = []
    parts: list[str] = []
    begin = position = 0
    while found := _COPY_IN.search(text, position):
        end = _END_OF_ROWS.search(text, found.end())
        if end is None:
            break
        position = found.end()
        if tokens_of(text[begin : found.start()]) is None:
            continue  # it stands within quotes or a comment
        last = locate(text, end.start()).line
        next_step = f"write INSERT instead, down to line {last}, whose \\. is a psql command too"
        problems.append(
            file.problem(text, found.start("copy"), "COPY … FROM STDIN takes its data from psql", next_step)
        )
        parts += [text[begin : found.start()], _NOT_A_LINE_END.sub(" ", text[found.start() : end.end()])]
        begin = position = end.end()
    return problems, "".join([*parts, text[begin:]])


def _meta_commands(file: MigrationFile, text: str) -> list[Problem]:
    """Name psql's backslash commands: a backslash that is a word by itself, so not within quotes or comments."""
    starts = {match.end() - len(match.group().lstrip()) for match in _MAYBE_PSQL.finditer(text)}
    named: dict[int, Problem] = {}
    for word in tokens_of(text) or ():
        command = _META_COMMAND.match(text, word.offset)
        if word.offset in starts and command:
            problem = file.problem(text, word.offset, f"{command.group()} is a psql command, not SQL", "remove it")
            named.setdefault(problem.line or 0, problem)  # the rest of its line are its arguments
    return list(named.values())
