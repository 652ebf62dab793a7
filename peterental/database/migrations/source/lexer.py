"""Find what is outside quotes in an SQL text, also in one that PostgreSQL's scanner refuses.

The arguments of a psql command, or the rows of a COPY, can make it unreadable for the scanner: “it's” opens a quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from peterental.database.migrations.sql.comments import block_comment_end

_QUOTED = r"""
    (?<![\w$])e'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\Z)
      (?:(?:[ \t\f\v]|--[^\r\n]*)*[\r\n](?:\s|--[^\r\n]*[\r\n])*'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\Z))*
    | '[^']*(?:'|\Z)
    | "[^"]*(?:"|\Z)
    | (?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)
    | (?P<block>/\*)
    | --[^\r\n]*
"""


def pieces_outside_quotes(text: str, wanted: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield each match of `wanted` that begins outside quotes and comments; the search resumes at its end.

    Args:
        text: the SQL.
        wanted: what `compile_wanted` returned.
    """
    position = 0
    while found := wanted.search(text, position):
        position = found.end()
        if found["dollar"]:
            end = text.find(found["dollar"], position)
            position = len(text) if end < 0 else end + len(found["dollar"])
        elif found["block"]:
            position = block_comment_end(text, found.start())
        elif found["wanted"] is not None:
            yield found


def compile_wanted(pattern: str) -> re.Pattern[str]:
    """Compile a verbose, multi-line, case-insensitive pattern for `pieces_outside_quotes`."""
    flags = re.VERBOSE | re.DOTALL | re.MULTILINE | re.IGNORECASE
    return re.compile(rf"(?P<wanted>{pattern})|{_QUOTED}", flags)


_COMMENT = compile_wanted(r"--[^\r\n]*")


def comments_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield each `--` comment outside quotes and block comments, with its offset."""
    for found in pieces_outside_quotes(text, _COMMENT):
        yield found.start(), found.group()
