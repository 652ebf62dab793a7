"""The comments at the top of a migration file."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANKS = " \t\f\v"

_BLANK = re.compile(r"[\s;]+|--[^\r\n]*", re.ASCII)  # to PostgreSQL, non-ASCII spaces are letters
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def header_end(text: str, start: int = 0) -> int:
    """Return the offset of the first statement at or after `start`; the text's length if there is none.

    White space, comments and semicolons are skipped. Block comments nest, as in PostgreSQL; an unclosed one extends to
    the end of the file.
    """
    position = start
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
        elif text.startswith("/*", position):
            position = block_comment_end(text, position)
        else:
            break
    return position


def header_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield each `--` comment above the first statement, with its offset; not those inside block comments."""
    position, end = 0, header_end(text)
    while position < end:
        if text.startswith("/*", position):
            position = block_comment_end(text, position)
            continue
        blank = _BLANK.match(text, position)
        assert blank is not None  # noqa: S101  # for mypy; a header has nothing else
        if blank.group().startswith("--"):
            yield position, blank.group()
        position = blank.end()


def block_comment_end(text: str, start: int) -> int:
    """Return where the block comment at `start` ends; an unclosed one ends with the text."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(text)
