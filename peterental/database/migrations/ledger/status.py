"""The state of files and database, for `flask db-status`, the schema page, scripts (JSON) and the health checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from peterental.database.migrations.errors import MigrationFilesError, Problem, joined
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import (
    HistoryEntry,
    State,
    blocking_problems,
    compare_with_ledger,
    overall_state,
)
from peterental.database.migrations.session.engine_session import engine_session, ledger_errors
from peterental.database.migrations.session.releases import incomplete_backfill_text, older_sessions, sessions_text
from peterental.database.migrations.session.server import Connection, ConnectionSource
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.baseline import version_range
from peterental.database.migrations.source.files import MigrationFile, scan_files
from peterental.database.migrations.wording import plural


@dataclass(frozen=True)
class Status:
    """All migrations of files and ledger, in order, the problems with them, and a remark on the database."""

    entries: list[HistoryEntry]
    problems: list[Problem]
    remark: str | None = None
    read_only_reason: str | None = None
    """Why the database accepts no changes; None if it does."""

    @property
    def state(self) -> str:
        """`current`, `pending`, `newer` or `broken`."""
        return "broken" if self.problems else overall_state(self.entries)

    @property
    def pending(self) -> list[int]:
        """The versions that are not yet applied."""
        return [
            entry.version
            for entry in self.entries
            if entry.state in {State.PENDING, State.FAILED} and entry.backfill is None
        ]

    @property
    def backfills(self) -> list[HistoryEntry]:
        """The backfills that are running or have failed."""
        return [entry for entry in self.entries if entry.backfill and entry.state in {State.RUNNING, State.FAILED}]

    @property
    def waiting(self) -> list[HistoryEntry]:
        """The contract files that wait for older releases to disconnect."""
        return [entry for entry in self.entries if entry.state is State.WAITING]

    @property
    def contracts(self) -> list[HistoryEntry]:
        """The contract files that are not applied, if nothing else is: a deploy leaves them for later."""
        unapplied = [entry for entry in self.entries if entry.state is State.WAITING or entry.version in self.pending]
        return unapplied if all(entry.is_contract for entry in unapplied) else []

    @property
    def was_left(self) -> bool:
        """Whether a run has left something to the background: waiting contract files, or running backfills."""
        return any(entry.state in {State.WAITING, State.RUNNING} for entry in self.entries)

    @property
    def has_unfinished(self) -> bool:
        """Whether a deploy has left something to finish in the background: contract files, or running backfills."""
        return bool(self.contracts) or any(entry.state is State.RUNNING for entry in self.entries)

    @property
    def fits(self) -> bool:
        """Whether this release can use this database: it accepts changes, and its schema is current or newer.

        A release works before its contract files are applied.
        """
        return self.read_only_reason is None and self._schema_fits

    @property
    def _schema_fits(self) -> bool:
        return self.state in {"current", "newer"} or (self.state == "pending" and bool(self.contracts))

    def summary(self, *, between_problems: str = "; ") -> str:
        """Return the state in one sentence, with the next step."""
        if self.state == "broken":
            return f"The history is broken: {joined(self.problems, between_problems)}."
        read_only = [f"The database accepts no changes: {self.read_only_reason}."] if self.read_only_reason else []
        return " ".join([*read_only, self._schema_summary(), *(_backfill_summary(entry) for entry in self.backfills)])

    def _schema_summary(self) -> str:
        stopped = next((entry for entry in self.entries if entry.state is State.FAILED and not entry.backfill), None)
        if stopped is not None:
            done = f"{stopped.done or 0} {plural(stopped.done or 0, 'statement')}"
            where = f"{stopped.file_name} stopped half-way, with {done} done"
            return f"{where}: flask db-migrate resumes it, flask db-repair restarts it."
        if self.state == "pending":
            count = len(self.pending)
            noun, it = plural(count, "migration is", "migrations are"), plural(count, "it", "them")
            remark = f" {self.remark}" if self.remark else ""
            return f"{count} {noun} pending: flask db-migrate applies {it}.{remark}"
        if self.waiting:
            first = self.waiting[0]
            return f"The schema is current. Contract file {first.file_name} waits for {first.waits_for}."
        if self.state == "newer":
            return "The schema is newer than this release, which is fine."
        return "The schema is current."

    def as_json(self) -> dict[str, Any]:
        """Return the document of `flask db-status --json`; it has `problems` only if there are any."""
        document: dict[str, Any] = {
            "state": self.state,
            "migrations": [_entry_as_json(entry) for entry in self.entries],
        }
        if self.problems:
            document["problems"] = [str(problem) for problem in self.problems]
        return document


def _backfill_summary(entry: HistoryEntry) -> str:
    assert entry.backfill is not None  # noqa: S101  # for mypy; only backfills are summarised
    if entry.state is State.FAILED:
        choice = "flask db-backfill --retry tries again"
        if entry.backfill.failed_first is not None:
            choice = "flask db-backfill --retry tries the batch again, flask db-backfill --skip leaves it out"
        return f"Backfill {entry.version:03d} has {entry.backfill.summary}: {choice}."
    return f"Backfill {entry.version:03d} is {entry.backfill.summary}: flask db-backfill finishes it."


def _entry_as_json(entry: HistoryEntry) -> dict[str, Any]:
    row = entry.row
    replaces = {"replaces": version_range(entry.replaces[0], entry.replaces[-1])} if entry.replaces else {}
    document: dict[str, Any] = {
        "version": entry.version,
        **replaces,
        "description": entry.description,
        "file": entry.file.path.name if entry.file else None,
        "state": entry.state.value,
        "applied_at": row.applied_at.isoformat() if row and row.applied_at else None,
        "duration_ms": row.duration_ms if row else None,
        "applied_by": row.applied_by if row else None,
    }
    document |= {"waits_for": entry.waits_for} if entry.waits_for else {}
    return document | ({"backfill": entry.backfill.as_json()} if entry.backfill else {})


def read_status(url: str, directory: Path, settings: EngineSettings = DEFAULT_SETTINGS) -> Status:
    """Compare the files in `directory` with the ledger of the database at `url`. Writes nothing.

    Raises MigrationFilesError if the folder cannot be read, ServerUnavailable, NoSchema.
    """
    files, problems = scan_files(directory)
    with engine_session(url, settings) as connection:
        return _status(connection, files, problems, settings)


class SchemaHealth:
    """Checks whether the schema matches this release, over a process's pool.

    The release's files are read once: they do not change while the process runs.
    """

    def __init__(
        self, database: ConnectionSource, directory: Path, settings: EngineSettings = DEFAULT_SETTINGS
    ) -> None:
        self._database = database
        self._directory = directory
        self._settings = settings
        self._files: list[MigrationFile] | None = None

    def status(self) -> Status:
        """Compare this release's files with the current ledger.

        Raises MigrationFilesError, LedgerError, NoSchema, and what `database.connection` raises.
        """
        if self._files is None:
            files, problems = scan_files(self._directory)
            if problems:
                raise MigrationFilesError(problems)
            self._files = files
        with self._database.connection() as connection, ledger_errors():
            return _status(connection, self._files, [], self._settings)


def _status(
    connection: Connection, files: list[MigrationFile], problems: list[Problem], settings: EngineSettings
) -> Status:
    ledger = ledgers.read(connection)
    entries = compare_with_ledger(connection, files, ledger, settings)
    _mark_stopped(connection, ledger, entries)
    _mark_waiting(connection, ledger, entries, settings)
    # A gap among the files is reported once: the same migrations are missing beside the ledger.
    reported = [entry for entry in entries if not (problems and entry.state is State.MISSING)]
    remark = ledgers.remark_on(connection, ledger)
    return Status(entries, problems + blocking_problems(reported), remark, ledger.server.read_only_reason)


def _mark_stopped(connection: Connection, ledger: Ledger, entries: list[HistoryEntry]) -> None:
    """Set the first pending migration's state to FAILED if an attempt at it stopped; no run continues after it."""
    first = next((number for number, entry in enumerate(entries) if entry.state is State.PENDING), None)
    if first is None or not ledger.has_attempts:
        return
    stopped = ledgers.stopped_attempt(connection, ledger.server.schema, entries[first].version)
    if stopped is not None:
        entries[first] = replace(entries[first], state=State.FAILED, done=stopped.statement)


def _mark_waiting(
    connection: Connection, ledger: Ledger, entries: list[HistoryEntry], settings: EngineSettings
) -> None:
    """Set the state of contract files that a runner has left to WAITING, with what they wait for now."""
    pending = [number for number, entry in enumerate(entries) if entry.state is State.PENDING]
    if not pending or not ledger.has_attempts or not all(entries[number].is_contract for number in pending):
        return
    first = entries[pending[0]]
    if not ledgers.is_waiting(connection, ledger.server.schema, first.version):
        return
    squashed = entries[0].version if entries[0].replaces else 0
    incomplete = [version for version in first.after_backfill if version > squashed and version not in ledger.rows]
    older = older_sessions(connection, settings.application_name, first.version)
    if incomplete:
        waits_for = incomplete_backfill_text(incomplete[0])
    else:
        waits_for = sessions_text(older) if older else "the next attempt; no older session is left"
    for number in pending:
        entries[number] = replace(entries[number], state=State.WAITING, waits_for=waits_for)
