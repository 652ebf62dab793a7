"""Explains an SQL error: where in the file, the line with a caret, and what the server had to say."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import psycopg

from peterental.database.migrations.sql.comments import header_end

_LINE_END = re.compile(r"\r\n|\r|\n")
_WIDEST_EXCERPT = 100


@dataclass(frozen=True)
class SourceLocation:
    """A place in a text: 1-based line and column in characters (a tab or an emoji is one), and that line."""

    line: int
    column: int
    excerpt: str


def locate(text: str, offset: int) -> SourceLocation:
    """Give the line and column of the character at `offset` (0-based)."""
    line, start = 1, 0
    end = len(text)
    for match in _LINE_END.finditer(text):
        if match.end() > offset:
            end = match.start()
            break
        line += 1
        start = match.end()
    return SourceLocation(line, offset - start + 1, text[start:end])


def explain(
    path: Path, text: str, error: psycopg.Error, statement_offset: int | None = None, *, sent_from: int = 0
) -> str:
    """Give the server's message, then the place and the server's advice on lines of their own.

    Args:
        path: the file, as it is to be named.
        text: the file's text.
        error: what the server said.
        statement_offset: where the failing statement begins, for errors without a position.
        sent_from: where in the text what was sent to the server begins; its positions count from there.
    """
    diag = error.diag
    position = sent_from + int(diag.statement_position) - 1 if diag.statement_position else statement_offset
    place = locate(text, header_end(text) if position is None else min(max(position, 0), len(text)))
    return "\n".join(
        [_message(error), f"  at {path}:{place.line}:{place.column}", *caret_lines(place), *_advice(error)]
    )


def explain_commit_error(path: Path, error: psycopg.Error) -> str:
    """Explain an error that came when all statements of a file were done: a deferred constraint, a spoilt ledger."""
    return "\n".join([_message(error), f"  at the end of {path}, as it was recorded and committed", *_advice(error)])


def _message(error: psycopg.Error) -> str:
    message = error.diag.message_primary or str(error).strip() or type(error).__name__
    return message.replace("\n", "\n  ")


def _advice(error: psycopg.Error) -> list[str]:
    """Give what else the server said."""
    diag = error.diag
    lines = []
    for label, said in (
        ("Detail", diag.message_detail),
        ("Hint", diag.message_hint),
        ("Where", diag.context),
    ):
        if said:
            lines.append(f"  {label}: " + said.replace("\n", "\n    "))
    return lines


def caret_lines(place: SourceLocation) -> list[str]:
    """Show the line and a caret under the column, also where tabs and wide characters come before it."""
    start = max(0, place.column - 1 - _WIDEST_EXCERPT // 2)
    excerpt = place.excerpt[start : start + _WIDEST_EXCERPT]
    before = excerpt[: place.column - 1 - start]
    number = str(place.line)
    return [
        f"  {number} | {excerpt}",
        f"  {' ' * len(number)} | {''.join(_blank(character) for character in before)}^",
    ]


def width_of(text: str) -> int:
    """Give how many columns of a terminal `text` takes."""
    return sum(len(_blank(character)) for character in text)


def _blank(character: str) -> str:
    """Give white space as wide as `character` is on a terminal."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
