"""Find what only psql understands: backslash commands, and rows that follow a COPY FROM STDIN.

Both occur where a dump was pasted into a migration.
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
    """Return the parts of `text` that only psql understands, each with its line."""
    if not _MAYBE_PSQL.search(text):
        return []
    problems, rest = _copied_rows(file, text)
    return problems + _meta_commands(file, rest)


def _copied_rows(file: MigrationFile, text: str) -> tuple[list[Problem], str]:
    """Return each COPY that is followed by rows, and the text with white space in place of the rows.

    Rows are not SQL: a quote in one of them would hide everything after it.
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
            continue  # inside quotes or a comment
        last = locate(text, end.start()).line
        next_step = f"write INSERT instead, down to line {last}, whose \\. is a psql command too"
        problems.append(
            file.problem(text, found.start("copy"), "COPY … FROM STDIN takes its data from psql", next_step)
        )
        parts += [text[begin : found.start()], _NOT_A_LINE_END.sub(" ", text[found.start() : end.end()])]
        begin = position = end.end()
    return problems, "".join([*parts, text[begin:]])


def _meta_commands(file: MigrationFile, text: str) -> list[Problem]:
    """Return psql's backslash commands: a backslash that begins a token, so not inside quotes or comments."""
    starts = {match.end() - len(match.group().lstrip()) for match in _MAYBE_PSQL.finditer(text)}
    by_line: dict[int, Problem] = {}
    for token in tokens_of(text) or ():
        command = _META_COMMAND.match(text, token.offset)
        if token.offset in starts and command:
            problem = file.problem(text, token.offset, f"{command.group()} is a psql command, not SQL", "remove it")
            by_line.setdefault(problem.line or 0, problem)  # the rest of its line are its arguments
    return list(by_line.values())
