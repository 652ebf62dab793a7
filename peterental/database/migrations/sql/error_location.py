"""Locate an SQL error in its file: the line with a caret, and what the server said."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from peterental.database.migrations.errors import Problem
from peterental.database.migrations.sql.comments import header_end
from peterental.database.migrations.wording import printable_lines

_LINE_END = re.compile(r"\r\n|\r|\n")
_WORD = re.compile(r"[\w\u0080-\U0010ffff]+")
_PSQL_VARIABLE = re.compile(r""":(?:\w+|'\w+'|"\w+"|\{\?\w+\})""")
_INVISIBLE = ("Cf", "Zs", "Zl", "Zp")
_MAX_EXCERPT_CHARS = 100
_MAX_DETAIL_LINES = 10
_MAX_CHARS = 4000


@dataclass(frozen=True)
class SourceLocation:
    """A position in a text: line and column from 1, in characters (a tab or an emoji is one), and that line."""

    line: int
    column: int
    excerpt: str


def locate(text: str, offset: int) -> SourceLocation:
    """Return the line and column of the character at `offset`, from 0."""
    line, start = 1, 0
    end = len(text)
    for match in _LINE_END.finditer(text):
        if match.end() > offset:
            end = match.start()
            break
        line += 1
        start = match.end()
    return SourceLocation(line, offset - start + 1, text[start:end])


@dataclass(frozen=True, kw_only=True)
class StatementProblem(Problem):
    """What the server said about a migration, part by part, and where in the file.

    Args:
        path: the file, as it is to be named.
        location: the position; None for an error at the file's end, when it was recorded and committed.
        detail: the server's DETAIL.
        hint: the server's HINT.
        context: the server's CONTEXT.
        blocked_by: the session that held the lock it waited for.
        duplicates: the rows that a unique index found duplicated, and how to merge them.
    """

    path: Path
    location: SourceLocation | None = None
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    blocked_by: str | None = None
    duplicates: str | None = None

    def __str__(self) -> str:
        lines = [self.message.replace("\n", "\n  ")]
        if self.location is None:
            lines.append(f"  at the end of {self.path}, when it was recorded and committed")
        else:
            lines.append(f"  at {self.path}:{self.location.line}:{self.location.column}")
            lines += caret_lines(self.location)
        labelled = (("Detail", self.detail), ("Hint", self.hint), ("Where", self.context))
        lines += [f"  {label}: " + text.replace("\n", "\n    ") for label, text in labelled if text]
        if self.blocked_by:
            lines.append(f"  Blocked by: {self.blocked_by}")
        if self.duplicates:
            lines.append(self.duplicates)
        return "\n".join(lines)


def statement_problem(
    path: Path, text: str, error: psycopg.Error, statement_offset: int | None = None, *, sent_from: int = 0
) -> StatementProblem:
    """Return what the server said about a statement of a file, with its position.

    Args:
        path: the file, as it is to be named.
        text: the file's text.
        error: what the server said.
        statement_offset: where the failing statement begins, for errors without a position.
        sent_from: where in `text` the sent text begins; the server counts its positions from there.
    """
    position = error.diag.statement_position
    offset = sent_from + int(position) - 1 if position else statement_offset
    offset = header_end(text) if offset is None else min(max(offset, 0), len(text))
    problem = _problem(path, error, locate(text, offset))
    hint = (_invisible_character(text, offset) or _psql_variable(text, offset)) if position else None
    return replace(problem, hint=hint) if hint else problem


def _invisible_character(text: str, offset: int) -> str | None:
    """Return a hint if the word at `offset` has a character that editors do not show, such as a byte-order mark.

    To PostgreSQL such a character is a letter: a no-break space joins two words.
    """
    word = _WORD.match(text, offset)
    for character in word.group() if word else "":
        if unicodedata.category(character) in _INVISIBLE:
            name = unicodedata.name(character, "").lower()
            return f"It has an invisible character, U+{ord(character):04X} ({name}); type a plain space, or remove it."
    return None


def _psql_variable(text: str, offset: int) -> str | None:
    """Return a hint if a variable of psql begins at `offset`: to the server, a colon begins nothing."""
    found = _PSQL_VARIABLE.match(text, offset)
    if not found or text[offset - 1 : offset] == ":":  # a cast
        return None
    return f"{found.group()} looks like a variable of psql; files run unchanged here, so write its value."


def commit_problem(path: Path, error: psycopg.Error) -> StatementProblem:
    """Return what the server said after all statements of a file: a deferred constraint, a broken ledger."""
    return _problem(path, error, None)


def has_pending_events(error: psycopg.Error) -> bool:
    """Return whether a table was changed by rows whose deferred constraints wait for the commit."""
    is_in_use = isinstance(error, psycopg.errors.ObjectInUse)
    return is_in_use and "pending trigger events" in (error.diag.message_primary or "")


_PENDING_EVENTS = (
    "Rows of this table were changed earlier in this transaction, and its deferred constraints are checked only at"
    " COMMIT. Until then PostgreSQL does not alter it. Put the change of rows and the change of the table into two"
    " files, or check the constraints before it: SET CONSTRAINTS ALL IMMEDIATE."
)


def _problem(path: Path, error: psycopg.Error, location: SourceLocation | None) -> StatementProblem:
    diag = error.diag
    message = str(error).strip() if diag.sqlstate is None else diag.message_primary  # the server has not raised it
    return StatementProblem(
        message=_shown(message) or f"the server gave no reason (SQLSTATE {error.sqlstate})",
        file=path.name,
        line=location.line if location else None,
        column=location.column if location else None,
        path=path,
        location=location,
        detail=_shown(diag.message_detail),
        hint=_PENDING_EVENTS if has_pending_events(error) else _shown(diag.message_hint),
        context=_shown(diag.context),
    )


def _shown(text: str | None) -> str | None:
    """Return a text of the server without control characters; where it lists many objects, the first ones."""
    return text and printable_lines(text, max_lines=_MAX_DETAIL_LINES, max_chars=_MAX_CHARS)


def caret_lines(location: SourceLocation) -> list[str]:
    """Return the line and, below it, a caret under the column, aligned after tabs and wide characters too."""
    start = max(0, location.column - 1 - _MAX_EXCERPT_CHARS // 2)
    excerpt = location.excerpt[start : start + _MAX_EXCERPT_CHARS]
    before = excerpt[: location.column - 1 - start]
    number = str(location.line)
    return [
        f"  {number} | {excerpt}",
        f"  {' ' * len(number)} | {''.join(_blank(character) for character in before)}^",
    ]


def width_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(len(_blank(character)) for character in text)


def _blank(character: str) -> str:
    """Return white space as wide as `character` is on a terminal."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
