"""The db-plan report, as text and as JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.plan.lock_tracer import BLOCKS_READS, BLOCKS_WRITES, STRENGTH

LIVE = "live"
SCRATCH = "scratch"
NOT_REHEARSED = "not rehearsed"

_MAX_STATEMENT_COLUMNS, _MIN_STATEMENT_COLUMNS = 72, 30
_OTHER_COLUMNS = 20
_NOTICEABLE_MS = 100
_CHANGES_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "WITH", "DO", "CALL", "SELECT"})
_MODIFIERS = frozenset({"OR", "REPLACE", "UNIQUE", "TEMP", "TEMPORARY", "UNLOGGED", "RECURSIVE", "LOCAL", "GLOBAL"})
_TWO_WORDS = frozenset({"MATERIALIZED", "FOREIGN", "EVENT", "DEFAULT", "TEXT", "ACCESS"})
_HAS_OBJECT = frozenset({"ALTER", "CREATE", "DROP", "REINDEX", "REFRESH"})
_WORD = re.compile(r"[A-Za-z]+")
_KILO = 1024
_FEW = 10


@dataclass(frozen=True)
class TableSize:
    """The size of a table on the live database.

    `rows` is an estimate, and `bytes` includes indexes.
    """

    rows: int | None
    bytes: int | None

    def __str__(self) -> str:
        """Return the size as text: `~12,000 rows, 3.1 MB`."""
        parts = []
        if self.rows is not None:
            parts.append(f"~{self.rows:,} {'row' if self.rows == 1 else 'rows'}" if self.rows else "no rows")
        if self.bytes is not None:
            parts.append(_human(self.bytes))
        return ", ".join(parts)


@dataclass
class PlannedStep:
    """One statement and its effects on existing tables.

    Args:
        line: its line in the file.
        sql: its text.
        where: rehearsed `live`, in a `scratch` copy, or `not rehearsed`.
        duration_ms: on the live database, in milliseconds.
        locks: the strongest lock that it newly takes on each table.
        held: the lock that is already held on each table that it rewrites, truncates or scans.
        truncates: tables that it empties.
        rewrites: tables that it rewrites.
        rebuilds: indexes that it rebuilds without their tables.
        scans: tables that it scans fully.
        waits_for: the session that it would wait for now.
        notes: remarks.
        fails: whether it is the statement that would fail.
    """

    line: int
    sql: str
    where: str
    duration_ms: int | None = None
    locks: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    truncates: list[str] = field(default_factory=list)
    rewrites: list[str] = field(default_factory=list)
    rebuilds: list[str] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    waits_for: str | None = None
    notes: list[str] = field(default_factory=list)
    fails: bool = False

    @property
    def kind(self) -> str:
        """The kind of statement: `ALTER TABLE`, `UPDATE`, …."""
        return kind_of(self.sql)

    @property
    def is_harmless(self) -> bool:
        """Whether concurrent readers and writers would not notice it.

        It takes no strong lock, scans and rewrites nothing, and is quick.
        """
        if self.fails or (self.duration_ms or 0) >= _NOTICEABLE_MS:
            return False
        if self.where == NOT_REHEARSED and self.kind != "COMMENT":  # always harmless
            return False
        if self.rewrites or self.rebuilds or self.scans or self.truncates or self.waits_for or self.notes:
            return False
        if self.locks and self.kind in _CHANGES_ROWS:
            return False
        return all(STRENGTH[mode] < BLOCKS_WRITES for mode in self.locks.values())


@dataclass
class PlannedFile:
    """One pending file.

    Args:
        version: its version.
        name: its name.
        where: the weakest rehearsal of its statements: `live`, `scratch` or `not rehearsed`.
        steps: its statements.
        note: why it was not rehearsed on the live database, or not at all.
        error: why it would fail, as the runner would report it.
        no_transaction: whether each statement releases its locks when it is done.
    """

    version: int
    name: str
    where: str
    steps: list[PlannedStep] = field(default_factory=list)
    note: str | None = None
    error: str | None = None
    no_transaction: bool = False


@dataclass
class Plan:
    """The pending files and what they would do.

    Args:
        files: in the order in which they would run.
        tables: the size of every table that they affect.
        notes: remarks on the rehearsal as a whole.
    """

    files: list[PlannedFile] = field(default_factory=list)
    tables: dict[str, TableSize] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def would_fail(self) -> bool:
        """Whether any file would fail."""
        return any(file.error for file in self.files)

    def text(self, *, width: int | None = None) -> str:
        """Return the plan as text.

        `width` is the terminal's width in columns, None if there is no terminal.
        """
        if not self.files:
            return "✅ Nothing is pending."
        columns = _MAX_STATEMENT_COLUMNS if width is None else width - _OTHER_COLUMNS
        columns = max(_MIN_STATEMENT_COLUMNS, min(columns, _MAX_STATEMENT_COLUMNS))
        blocks = [self._file_text(file, columns) for file in self.files]
        blocks += ["\n".join(self.notes)] if self.notes else []
        return "\n\n".join([*blocks, self.summary()])

    def summary(self) -> str:
        """Return the outcome in one sentence."""
        failing = next((file.name for file in self.files if file.error), None)
        if failing:
            return f"❌ {failing} would fail. Nothing was changed."
        count = len(self.files)
        files = f"{count} {'migration' if count == 1 else 'migrations'}"
        if any(file.where == NOT_REHEARSED for file in self.files):
            return f"⚠️  {files} pending, only partly rehearsed. Nothing was changed."
        blocked = [name for file in self.files for step in file.steps for name in self._blocking_full_scans(step)]
        if blocked:
            names = ", ".join(dict.fromkeys(blocked))
            return f"⚠️  {files} would run and block writes to {names} while reading all rows. Nothing was changed."
        return f"✅ {files} would run. Nothing was changed."

    def as_json(self) -> dict[str, Any]:
        """Return the plan as `flask db-plan --json` prints it."""
        return {
            "pending": [file.version for file in self.files],
            "would_fail": self.would_fail,
            "files": [self._file_as_json(file) for file in self.files],
            "tables": {name: {"rows": size.rows, "bytes": size.bytes} for name, size in self.tables.items()},
            "notes": self.notes,
        }

    def _file_as_json(self, file: PlannedFile) -> dict[str, Any]:
        return {
            "version": file.version,
            "file": file.name,
            "where": file.where,
            "note": file.note,
            "error": file.error,
            "statements": [self._step_as_json(step) for step in file.steps],
        }

    def _step_as_json(self, step: PlannedStep) -> dict[str, Any]:
        return {
            "line": step.line,
            "kind": step.kind,
            "sql": step.sql,
            "where": step.where,
            "duration_ms": step.duration_ms,
            "locks": [
                {
                    "table": table,
                    "mode": mode,
                    "blocks": blocked_by(mode),
                    "new": table in step.locks,
                    **self._size_as_json(table),
                }
                for table, mode in {**step.locks, **step.held}.items()
            ],
            "empties": step.truncates,
            "rewrites": step.rewrites,
            "rebuilds": step.rebuilds,
            "scans": step.scans,
            "waits_for": step.waits_for,
            "notes": step.notes,
            "fails": step.fails,
        }

    def _size_as_json(self, table: str) -> dict[str, int | None]:
        size = self.tables.get(table, TableSize(None, None))
        return {"rows": size.rows, "bytes": size.bytes}

    def _file_text(self, file: PlannedFile, columns: int) -> str:
        done = {
            LIVE: "rehearsed on the live database and rolled back",
            SCRATCH: "rehearsed in a scratch copy, without the live rows",
            NOT_REHEARSED: "not rehearsed",
        }
        mixed = {step.where for step in file.steps} == {LIVE, SCRATCH}
        lines = [f"{file.name}  {'partly rehearsed on the live database' if mixed else done[file.where]}"]
        if file.note:
            lines.append(f"  {file.note}")
        harmless = [step for step in file.steps if step.is_harmless]
        folded = harmless if len(harmless) > 1 else []  # a single one needs a line anyway
        for step in file.steps:
            if step not in folded:
                lines += [_step_line(step, columns), *self._consequences(step)]
        if folded:
            lines.append(_folded_line(folded, columns, alone=len(folded) == len(file.steps)))
        if file.error:
            lines.append(f"❌ Migration {file.version} would fail: {file.error}")
        return "\n".join(lines)

    def _consequences(self, step: PlannedStep) -> list[str]:
        lines = []
        locks = {**step.locks, **step.held}
        width = max((len(table) for table in locks), default=0)
        blocked = self._blocking_full_scans(step)
        for table, mode in locks.items():
            facts = [f"{mode}: blocks {blocked_by(mode)}" if table in step.locks else f"{mode} already held"]
            facts.append(str(self.tables.get(table, "")))
            effects = {"emptied": step.truncates, "rewritten": step.rewrites, "fully scanned": step.scans}
            facts += [word for word, tables in effects.items() if table in tables]
            mark = "⚠️" if table in blocked else "  "
            lines.append(f"     {mark} {table.ljust(width)}  {' · '.join(part for part in facts if part)}")
        if step.rebuilds:
            lines.append(f"        rebuilds {', '.join(step.rebuilds)}")
        if step.waits_for:
            lines.append(f"     ⏳ would now wait for {step.waits_for}")
        return [*lines, *(f"        {note}" for note in step.notes)]

    def _blocking_full_scans(self, step: PlannedStep) -> list[str]:
        """Return the tables that block writes while all rows are read."""
        busy = {*step.rewrites, *step.scans}
        return [
            table
            for table, mode in {**step.locks, **step.held}.items()
            if table in busy and STRENGTH[mode] >= BLOCKS_WRITES and self.tables.get(table, TableSize(1, 1)).rows != 0
        ]


def _step_line(step: PlannedStep, columns: int) -> str:
    took = f"{step.duration_ms} ms" if step.duration_ms is not None else ""
    if step.where != LIVE:
        took = {SCRATCH: "in scratch", NOT_REHEARSED: "not rehearsed"}[step.where]
    return _line(f"{step.line:>4}", " ".join(step.sql.split()), "fails" if step.fails else took, columns)


def _folded_line(steps: list[PlannedStep], columns: int, *, alone: bool) -> str:
    """Return one line for all harmless statements."""
    count = f"{len(steps)} statements that" if alone else f"and {len(steps)} statements that"
    took = f"{sum(step.duration_ms or 0 for step in steps)} ms"
    if any(step.where == SCRATCH for step in steps):
        took = "in scratch"
    if any(step.where == NOT_REHEARSED for step in steps):
        took = "not rehearsed"
    return _line("    ", f"{count} block no reads or writes", took, columns)


def _line(number: str, text: str, took: str, columns: int) -> str:
    if len(text) > columns:
        text = text[: columns - 1] + "…"
    return f"  {number}  {text.ljust(columns)}  {took:>10}".rstrip()


def blocked_by(mode: str) -> str:
    """Return what a lock mode blocks."""
    if STRENGTH[mode] >= BLOCKS_READS:
        return "reads and writes"
    if STRENGTH[mode] >= BLOCKS_WRITES:
        return "writes"
    return "nobody" if STRENGTH[mode] < STRENGTH["SHARE UPDATE EXCLUSIVE"] else "other schema changes"


def kind_of(sql: str) -> str:
    """Return a statement's kind from its first words.

    `CREATE INDEX CONCURRENTLY …` is a `CREATE INDEX`.
    """
    words = [word.upper() for word in _WORD.findall(sql[:120])]
    if not words or words[0] not in _HAS_OBJECT:
        return words[0] if words else ""
    rest = [word for word in words[1:] if word not in _MODIFIERS]
    return " ".join([words[0], *rest[: 2 if rest and rest[0] in _TWO_WORDS else 1]])


def _human(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.1f} {unit}" if size < _FEW and unit != "bytes" else f"{size:.0f} {unit}"
        size /= _KILO
    return f"{size:,.1f} TB"
