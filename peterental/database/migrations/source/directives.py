"""What a migration asks of the runner, in `-- migrate: …` comments above its first statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.comments import header_comments, header_end
from peterental.database.migrations.sql.tokens import tokens_with_comments

DEFAULT_LOCK_TIMEOUT_MS = 1_000
_QUICK_CHECK = re.compile(r"--[ \t]*migrate\b", re.IGNORECASE)
_DIRECTIVE = re.compile(r"--[ \t]*migrate:(?P<words>.*)")
_TYPO = re.compile(
    r"--[ \t]*migrate[ \t]*:?[ \t]*(?P<name>no|lock|statement)[-_ ](?P<more>transaction|timeout)\b", re.IGNORECASE
)
_DURATION = re.compile(r"(?P<number>[0-9]{1,19})(?P<unit>ms|s|min|h)?")
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_LONGEST_MS = 2**31 - 1  # PostgreSQL keeps its time limits in an integer


@dataclass(frozen=True)
class Directives:
    """How one file is to be run.

    Args:
        no_transaction: statement by statement, outside a transaction.
        has_own_lock_timeout: whether the file says how long to wait for a table.
        lock_timeout_ms: how long one statement may wait for a table before the whole file is tried again.
        statement_timeout_ms: how long one statement may run; 0 for as long as it takes.
    """

    no_transaction: bool = False
    has_own_lock_timeout: bool = False
    lock_timeout_ms: int = DEFAULT_LOCK_TIMEOUT_MS
    statement_timeout_ms: int = 0


class _InvalidDirective(Exception):
    """A word of a directive that the runner does not accept."""

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


def read_directives(file: MigrationFile, text: str) -> Directives:
    """Read the directives in the header of `text`.

    Raises MigrationFilesError for a word that means nothing, a time without a unit, and a directive further down: none
    of them may be passed over in silence.
    """
    if not _QUICK_CHECK.search(text):
        return Directives()
    directives = Directives()
    seen: set[str] = set()
    problems: list[tuple[int, str, str | None]] = []
    for offset, comment in header_comments(text):
        found = _DIRECTIVE.fullmatch(comment)
        nearly = _TYPO.match(comment)
        for word in found["words"].split() if found else ():
            try:
                directives = _with_word(directives, word, seen)
            except _InvalidDirective as invalid:
                problems.append((offset, invalid.message, invalid.next_step))
        if nearly and not found:
            meant = f"{nearly['name']}-{nearly['more']}".lower()
            message = f"a directive is written “-- migrate: {meant}”, with a colon and in lower case"
            problems.append((offset, message, None))
    problems += [(offset, "“-- migrate:” is below the first statement", "move it up") for offset in _below_header(text)]
    if problems:
        raise MigrationFilesError([file.problem(text, *problem) for problem in problems])
    return directives


def _with_word(directives: Directives, word: str, seen: set[str]) -> Directives:
    """Take one word in. Raises _Misread."""
    name, _, value = word.partition("=")
    if name in seen:
        raise _InvalidDirective(f"“-- migrate: {name}” is given twice", "keep one")
    seen.add(name)
    if word == "no-transaction":
        return replace(directives, no_transaction=True)
    if name == "lock-timeout":
        return replace(directives, lock_timeout_ms=_milliseconds(word, value), has_own_lock_timeout=True)
    if name == "statement-timeout":
        return replace(directives, statement_timeout_ms=_milliseconds(word, value))
    raise _unknown(word)


def _milliseconds(word: str, value: str) -> int:
    duration = _DURATION.fullmatch(value)
    if not duration:
        raise _unknown(word)
    number, unit = int(duration["number"]), duration["unit"]
    if unit is None:
        raise _InvalidDirective(
            f"“{word}” lacks a unit", f"write {word}s for {number} seconds or {word}ms for milliseconds"
        )
    milliseconds = number * _UNIT_MS[unit]
    if milliseconds > _LONGEST_MS:
        raise _InvalidDirective(f"“{word}” is above PostgreSQL's maximum, 2147483647ms (596h)")
    return milliseconds


def _unknown(word: str) -> _InvalidDirective:
    return _InvalidDirective(
        f"“-- migrate: {word}” is unknown", "there are no-transaction, lock-timeout=2s and statement-timeout=10min"
    )


def _below_header(text: str) -> Iterator[int]:
    """Give where directives stand that come too late, but for those within quotes, which are text."""
    header = header_end(text)
    if not _QUICK_CHECK.search(text, header):
        return
    for word in tokens_with_comments(text) or ():
        is_directive = _DIRECTIVE.match(word.sql) or _TYPO.match(word.sql)
        if word.kind == "SQL_COMMENT" and word.offset >= header and is_directive:
            yield word.offset
