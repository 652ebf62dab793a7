"""Find what only psql understands: backslash commands, and rows that follow a COPY FROM STDIN.

Both occur where a dump was pasted into a migration.
"""

from __future__ import annotations

import re

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.error_location import locate
from peterental.database.migrations.wording import mentions

COPY_FROM_STDIN = "COPY … FROM STDIN takes its data from psql"
_PIECE = r"""
    ^[ \t]*(?P<copy>copy\b[^;]*?\bfrom\s+stdin\b[^;]*;)[^\n]*\n(?:.*?(?P<end>^\\\.[ \t]*\r?$)|.*)
    | (?P<command>\\\S*)[^\r\n]*
"""
_CLEAR = re.compile(r"\s\\[A-Za-z.!?;]")


def psql_problems(file: MigrationFile, text: str) -> list[Problem]:
    """Return the parts of `text` that only psql understands, each with its line.

    Outside quotes, a backslash begins a command, since SQL has none there. The rest of its line are its arguments. Rows
    after a COPY are no SQL, and a quote in one of them opens nothing; without an end mark they are the rest.
    """
    if "\\" not in text and not mentions(text, "stdin"):
        return []
    from peterental.database.migrations.source.lexer import compile_wanted, pieces_outside_quotes  # noqa: PLC0415  # rare

    found = pieces_outside_quotes(text, compile_wanted(_PIECE))
    # With another way of quoting, what looks like the outside of quotes may be the inside: only what is clear counts.
    may_misread = mentions(text, "standard_conforming_strings")
    return [_problem(file, text, one) for one in found if not may_misread or _is_clear(text, one)]


def _is_clear(text: str, found: re.Match[str]) -> bool:
    """Return whether a backslash stands where psql commands usually do: at the start of a line, or before a word."""
    before = text[: found.start()].rpartition("\n")[2]
    return not found["command"] or not before.strip() or bool(_CLEAR.match(text, found.start() - 1))


def _problem(file: MigrationFile, text: str, found: re.Match[str]) -> Problem:
    if found["command"]:
        return file.problem(text, found.start("command"), f"{found['command']} is a psql command, not SQL", "remove it")
    if found["end"] is None:
        return file.problem(text, found.start("copy"), COPY_FROM_STDIN, "write INSERT instead")
    last = locate(text, found.end()).line
    next_step = f"write INSERT instead, down to line {last}, whose \\. is a psql command too"
    return file.problem(text, found.start("copy"), COPY_FROM_STDIN, next_step)
