"""Find what only psql understands: backslash commands, and rows that follow a COPY FROM STDIN.

Both occur where a dump was pasted into a migration.
"""

from __future__ import annotations

import re

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.error_location import locate

_MAYBE_PSQL = re.compile(r"^[ \t]*\\|(?<=\s)\\(?=[A-Za-z.!?;])", re.MULTILINE)
_PIECE = r"""
    ^[ \t]*(?P<copy>copy\b[^;]*?\bfrom\s+stdin\b[^;]*;)[^\n]*\n.*?^\\\.[ \t]*\r?$
    | (?:^[ \t]*|(?<=\s)(?=\\[A-Za-z.!?;]))(?P<command>\\\S*)[^\r\n]*
"""


def psql_problems(file: MigrationFile, text: str) -> list[Problem]:
    """Return the parts of `text` that only psql understands, each with its line.

    Outside quotes, a backslash is a command at the start of a line, whatever follows it, and elsewhere before a letter.
    The rest of its line are its arguments. Rows after a COPY are no SQL, and a quote in one of them opens nothing.
    """
    if "\\" not in text or not _MAYBE_PSQL.search(text):
        return []
    from peterental.database.migrations.source.lexer import compile_wanted, pieces_outside_quotes  # noqa: PLC0415  # rare

    return [_problem(file, text, found) for found in pieces_outside_quotes(text, compile_wanted(_PIECE))]


def _problem(file: MigrationFile, text: str, found: re.Match[str]) -> Problem:
    if found["command"]:
        return file.problem(text, found.start("command"), f"{found['command']} is a psql command, not SQL", "remove it")
    last = locate(text, found.end()).line
    next_step = f"write INSERT instead, down to line {last}, whose \\. is a psql command too"
    return file.problem(text, found.start("copy"), "COPY … FROM STDIN takes its data from psql", next_step)
