"""Parse the `-- migrate: …` directives above a file's first statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from peterental.database.migrations.errors import MigrationFilesError
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.sql.comments import header_comments, header_end
from peterental.database.migrations.sql.tokens import tokens_with_comments

DEFAULT_LOCK_TIMEOUT_MS = 1_000
DEFAULT_BATCH = 1_000
DEFAULT_SETTLE_MS = 10_000
MAX_BATCH = 1_000_000
_QUICK_CHECK = re.compile(r"--[ \t]*(?:migrate\b|no[-_ ]transaction)", re.IGNORECASE)
_DIRECTIVE = re.compile(r"--[ \t]*migrate:(?P<words>.*)")
_TYPO = re.compile(
    r"--[ \t]*migrate[ \t]*:?[ \t]*(?P<name>no|lock|statement)[-_ ](?P<more>transaction|timeout)\b", re.IGNORECASE
)
_WITHOUT_PREFIX = re.compile(r"--[ \t]*(?P<name>no)[-_ ](?P<more>transaction)[ \t]*", re.IGNORECASE)
"""As sqlx writes it."""
_COLUMN = re.compile(r"[^\W\d][\w$]*")
_TABLE = re.compile(rf"{_COLUMN.pattern}(\.{_COLUMN.pattern})?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_DURATION = re.compile(r"(?P<number>[0-9]{1,19})(?P<unit>ms|s|min|h)?")
_UNIT_MS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_MAX_TIMEOUT_MS = 2**31 - 1  # PostgreSQL stores its timeouts in an integer


@dataclass(frozen=True)
class BackfillDirective:
    """How a backfill walks through its table.

    Args:
        table: the table's name, with its schema where the file says so; not quoted.
        key: the columns of a unique key, by which batches follow each other.
        batch: rows of the first batch; later ones adapt.
        pause_ms: the pause between two batches, in milliseconds.
    """

    table: str
    key: tuple[str, ...]
    batch: int = DEFAULT_BATCH
    pause_ms: int = 0


@dataclass(frozen=True)
class Directives:
    """How one file runs.

    Args:
        no_transaction: whether it runs statement by statement, outside a transaction.
        has_own_lock_timeout: whether the file sets the lock timeout.
        lock_timeout_ms: how long one statement may wait for a lock before the file is retried, in milliseconds.
        statement_timeout_ms: how long one statement may run, in milliseconds; 0 means no limit.
        backfill: how the file's statements walk through a table in the background; None for other files.
        after_backfill: the versions of backfills that must be complete before the file runs.
        contract: whether the file waits until no older release is connected.
        settle_ms: for how long no older release may have been connected before a contract file runs, in milliseconds.
    """

    no_transaction: bool = False
    has_own_lock_timeout: bool = False
    lock_timeout_ms: int = DEFAULT_LOCK_TIMEOUT_MS
    statement_timeout_ms: int = 0
    backfill: BackfillDirective | None = None
    after_backfill: tuple[int, ...] = ()
    contract: bool = False
    settle_ms: int = DEFAULT_SETTLE_MS


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
    words = _Words()
    problems: list[tuple[int, str, str | None]] = []
    for offset, comment in header_comments(text):
        found = _DIRECTIVE.fullmatch(comment)
        typo = _TYPO.match(comment) or _WITHOUT_PREFIX.fullmatch(comment)
        for word in found["words"].split() if found else ():
            try:
                words.add(offset, word)
            except _InvalidDirective as invalid:
                problems.append((offset, invalid.message, invalid.next_step))
        if typo and not found:
            meant = f"{typo['name']}-{typo['more']}".lower()
            message = f"a directive is written “-- migrate: {meant}”, with a colon and in lower case"
            problems.append((offset, message, None))
    problems += [(offset, "“-- migrate:” is below the first statement", "move it up") for offset in _below_header(text)]
    if not problems:
        problems = list(words.contradictions(file.version))
    if problems:
        raise MigrationFilesError([file.problem(text, *problem) for problem in problems])
    return words.directives()


class _Words:
    """The words of a file's directives, each accepted once."""

    def __init__(self) -> None:
        self._values: dict[str, object] = {}
        self._offsets: dict[str, int] = {}

    def add(self, offset: int, word: str) -> None:
        """Accept one more word at `offset` of the text. Raises _InvalidDirective."""
        name, equals, value = word.partition("=")
        read = _FLAGS.get(name) if not equals else _VALUES.get(name)
        if read is None:
            raise _unknown(word)
        if name in self._values:
            raise _InvalidDirective(f"“-- migrate: {name}” is given twice", "keep one")
        self._values[name] = read(word, value)
        self._offsets[name] = offset

    def contradictions(self, version: int) -> Iterator[tuple[int, str, str | None]]:
        """Yield the problems between the words of the file with `version`."""
        for name in ("table", "key", "batch", "pause"):
            if name in self._values and "backfill" not in self._values:
                yield self._offsets[name], f"“{name}=” belongs to a backfill", "write “-- migrate: backfill” before it"
        if "settle" in self._values and "contract" not in self._values:
            yield (
                self._offsets["settle"],
                "“settle=” belongs to a contract file",
                "write “-- migrate: contract” before it",
            )
        if "backfill" in self._values:
            yield from self._backfill_contradictions()
        for needed in self._after_backfill:
            if needed >= version:
                yield (
                    self._offsets["after-backfill"],
                    f"“after-backfill={needed:03d}” does not name an earlier file",
                    "name the number of a backfill before this file",
                )

    def _backfill_contradictions(self) -> Iterator[tuple[int, str, str | None]]:
        offset = self._offsets["backfill"]
        missing = [f"{name}=" for name in ("table", "key") if name not in self._values]
        if missing:
            example = "write “-- migrate: backfill table=appointments key=id”"
            yield offset, f"a backfill needs {' and '.join(missing)}", example
        for name in ("no-transaction", "contract"):
            if name in self._values:
                yield (
                    offset,
                    f"a backfill cannot be “{name}” as well",
                    "put the other statements into a file of their own",
                )

    @property
    def _after_backfill(self) -> tuple[int, ...]:
        return cast("tuple[int, ...]", self._values.get("after-backfill", ()))

    def directives(self) -> Directives:
        """Return what the words say. They have no contradictions."""
        given = {field: self._values[name] for name, field in _FIELDS.items() if name in self._values}
        if "lock-timeout" in self._values:
            given["has_own_lock_timeout"] = True
        if "backfill" in self._values:
            own = {field: self._values[name] for name, field in _BACKFILL_FIELDS.items() if name in self._values}
            given["backfill"] = BackfillDirective(**own)  # type: ignore[arg-type]  # each reader returns its field's type
        return Directives(**given)  # type: ignore[arg-type]  # each reader returns its field's type


def _true(_word: str, _value: str) -> bool:
    return True


def _name(word: str, value: str) -> str:
    if not _TABLE.fullmatch(value):
        raise _InvalidDirective(
            f"“{word}” is not the name of a table", "write table=appointments or table=office.appointments"
        )
    return value


def _columns(word: str, value: str) -> tuple[str, ...]:
    columns = tuple(value.split(","))
    if not all(_COLUMN.fullmatch(column) for column in columns) or len(set(columns)) < len(columns):
        raise _InvalidDirective(
            f"“{word}” is not a list of columns", "write key=id, or key=office_id,id without spaces"
        )
    return columns


def _rows(word: str, value: str) -> int:
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= MAX_BATCH:
        raise _InvalidDirective(
            f"“{word}” is not a number of rows", f"write a number from 1 to {MAX_BATCH}, as in batch=1000"
        )
    return int(value)


def _versions(word: str, value: str) -> tuple[int, ...]:
    numbers = value.split(",")
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        raise _InvalidDirective(f"“{word}” does not name a migration", "write its number, as in after-backfill=014")
    return tuple(dict.fromkeys(int(number) for number in numbers))


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
        f"“-- migrate: {word}” is unknown",
        "there are no-transaction, lock-timeout=2s, statement-timeout=10min, contract, settle=10s, after-backfill=014,"
        " and backfill table=… key=… batch=1000 pause=50ms",
    )


_FLAGS: dict[str, Callable[[str, str], object]] = {"no-transaction": _true, "contract": _true, "backfill": _true}
_VALUES: dict[str, Callable[[str, str], object]] = {
    "lock-timeout": _milliseconds,
    "statement-timeout": _milliseconds,
    "table": _name,
    "key": _columns,
    "batch": _rows,
    "pause": _milliseconds,
    "after-backfill": _versions,
    "settle": _milliseconds,
}
"""How the value of each word is read."""

_FIELDS = {
    "no-transaction": "no_transaction",
    "lock-timeout": "lock_timeout_ms",
    "statement-timeout": "statement_timeout_ms",
    "after-backfill": "after_backfill",
    "contract": "contract",
    "settle": "settle_ms",
}
_BACKFILL_FIELDS = {"table": "table", "key": "key", "batch": "batch", "pause": "pause_ms"}


def _below_header(text: str) -> Iterator[int]:
    """Yield the offsets of directives below the header, except inside quotes."""
    header = header_end(text)
    if not _QUICK_CHECK.search(text, header):
        return
    for token in tokens_with_comments(text) or ():
        is_directive = _DIRECTIVE.match(token.text) or _TYPO.match(token.text)
        if token.kind == "SQL_COMMENT" and token.offset >= header and is_directive:
            yield token.offset
