"""Parse the `-- migrate: …` directives above a file's first statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.comments import header_comments, header_end
from peterental.database.migrations.sql.tokens import tokens_with_comments

DEFAULT_LOCK_TIMEOUT_MS = 1_000
_QUICK_CHECK = re.compile(r"--[ \t]*(?:migrate\b|no[-_ ]transaction)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"--[ \t]*migrate:(?P<words>.*)")
_TYPO = re.compile(
    r"--[ \t]*migrate[ \t]*:?[ \t]*(?P<name>no|lock|statement)[-_ ](?P<more>transaction|timeout)\b", re.IGNORECASE
)
_WITHOUT_PREFIX = re.compile(r"--[ \t]*(?P<name>no)[-_ ](?P<more>transaction)[ \t]*", re.IGNORECASE)
"""As sqlx writes it."""
_DURATION = re.compile(r"(?P<number>[0-9]{1,19})(?P<unit>ms|s|min|h)?")
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_MAX_TIMEOUT_MS = 2**31 - 1  # PostgreSQL stores its timeouts in an integer


@dataclass(frozen=True)
class Directives:
    """How one file runs.

    Args:
        no_transaction: whether it runs statement by statement, outside a transaction.
        has_own_lock_timeout: whether the file sets the lock timeout.
        lock_timeout_ms: how long one statement may wait for a lock before the file is retried, in milliseconds.
        statement_timeout_ms: how long one statement may run, in milliseconds; 0 means no limit.
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
    """Parse the directives in the header of `text`.

    Raises MigrationFilesError for an unknown word, a duration without a unit, and a directive below the header:
    ignoring any of them silently would be dangerous.
    """
    if not _QUICK_CHECK.search(text):
        return Directives()
    directives = Directives()
    seen: set[str] = set()
    problems: list[tuple[int, str, str | None]] = []
    for offset, comment in header_comments(text):
        found = _DIRECTIVE.fullmatch(comment)
        typo = _TYPO.match(comment) or _WITHOUT_PREFIX.fullmatch(comment)
        for word in found["words"].split() if found else ():
            try:
                directives = _with_word(directives, word, seen)
            except _InvalidDirective as invalid:
                problems.append((offset, invalid.message, invalid.next_step))
        if typo and not found:
            meant = f"{typo['name']}-{typo['more']}".lower()
            message = f"a directive is written “-- migrate: {meant}”, with a colon and in lower case"
            problems.append((offset, message, None))
    problems += [(offset, "“-- migrate:” is below the first statement", "move it up") for offset in _below_header(text)]
    if problems:
        raise MigrationFilesError([file.problem(text, *problem) for problem in problems])
    return directives


def _with_word(directives: Directives, word: str, seen: set[str]) -> Directives:
    """Return `directives` with one more word applied. Raises _InvalidDirective."""
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
    if milliseconds > _MAX_TIMEOUT_MS:
        raise _InvalidDirective(f"“{word}” is above PostgreSQL's maximum, 2147483647ms (596h)")
    return milliseconds


def _unknown(word: str) -> _InvalidDirective:
    return _InvalidDirective(
        f"“-- migrate: {word}” is unknown", "there are no-transaction, lock-timeout=2s and statement-timeout=10min"
    )


def _below_header(text: str) -> Iterator[int]:
    """Yield the offsets of directives below the header, except inside quotes."""
    header = header_end(text)
    if not _QUICK_CHECK.search(text, header):
        return
    for token in tokens_with_comments(text) or ():
        is_directive = _DIRECTIVE.match(token.text) or _TYPO.match(token.text)
        if token.kind == "SQL_COMMENT" and token.offset >= header and is_directive:
            yield token.offset
