"""What a migration asks of the runner, in `-- migrate: …` comments above its first statement."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from peterental.database.migrations.files import MigrationFile, MigrationFilesError, header_end

DEFAULT_LOCK_TIMEOUT_MS = 1_000
_DIRECTIVE = re.compile(r"^[ \t]*--[ \t]*migrate:[ \t]*(?P<words>[^\r\n]*)", re.MULTILINE)
_DURATION = re.compile(r"(?P<number>\d{1,9})(?P<unit>ms|s|min|h)?")
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, None: 1}


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


def read_directives(file: MigrationFile, text: str) -> Directives:
    """Read the directives in the header of `text`.

    Raises MigrationFilesError for a word that means nothing, and for a directive further down: neither may be passed
    over in silence.
    """
    directives = Directives()
    header = header_end(text)
    late = _DIRECTIVE.search(text, header)
    if late:
        line = text.count("\n", 0, late.start()) + 1
        raise MigrationFilesError(
            [f"{file.path.name}:{line}: “-- migrate:” stands below the first statement; move it up"]
        )
    for match in _DIRECTIVE.finditer(text, 0, header):
        for word in match["words"].split():
            directives = _with_word(directives, word, file.path.name)
    return directives


def _with_word(directives: Directives, word: str, file_name: str) -> Directives:
    name, _, value = word.partition("=")
    if word == "no-transaction":
        return replace(directives, no_transaction=True)
    duration = _DURATION.fullmatch(value)
    if duration:
        milliseconds = int(duration["number"]) * _UNIT_MS[duration["unit"]]
        if name == "lock-timeout":
            return replace(directives, lock_timeout_ms=milliseconds, has_own_lock_timeout=True)
        if name == "statement-timeout":
            return replace(directives, statement_timeout_ms=milliseconds)
    raise MigrationFilesError(
        [f"{file_name}: “-- migrate: {word}” is not no-transaction, lock-timeout=2s or statement-timeout=10min"]
    )
