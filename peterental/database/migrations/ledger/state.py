"""Compare files with the ledger: what is applied, pending, edited or missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from peterental.database.migrations.errors import ForeignLedger, MigrationFilesError, Problem
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import Ledger, LedgerRow
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.directives import read_directives
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.statements import same_statements


class State(StrEnum):
    """The state of one migration."""

    APPLIED = "applied"
    UNVERIFIED = "unverified"
    """Applied by an earlier runner, which recorded no checksum."""
    PENDING = "pending"
    EDITED = "edited"
    COMMENTS_EDITED = "comments-edited"
    MISSING = "missing"
    """Applied, but its file is gone."""
    OUT_OF_ORDER = "late"
    """Not applied, although a higher version is."""
    NEWER = "newer"
    """Applied by a newer release; older code may run on a newer schema."""
    FAILED = "failed"
    """A no-transaction attempt that stopped."""
    WAITING = "waiting"
    """A contract file that a runner left for when no older release is connected."""
    CONTRACTED = "contracted"
    """A contract file of a newer release: it removed what this release may need."""


BROKEN = frozenset({State.EDITED, State.MISSING, State.OUT_OF_ORDER, State.CONTRACTED})


@dataclass(frozen=True)
class HistoryEntry:
    """One migration: its file, its ledger row, or both."""

    version: int
    state: State
    file: MigrationFile | None
    row: LedgerRow | None
    waits_for: str | None = None
    """What a waiting contract file waits for."""

    @property
    def is_contract(self) -> bool:
        """Whether its file says `-- migrate: contract`."""
        if self.file is None:
            return False
        try:
            return read_directives(self.file, self.file.text()).contract
        except MigrationFilesError:  # reported when the file is to run
            return False

    @property
    def description(self) -> str:
        """The description from the file, or else from the ledger."""
        if self.file is not None:
            return self.file.description
        return (self.row.description if self.row else None) or ""

    @property
    def file_name(self) -> str:
        """The file's name; the version if there is no file."""
        return self.file.path.name if self.file else f"{self.version:03d}"


def compare_with_ledger(
    connection: Connection,
    files: list[MigrationFile],
    ledger: Ledger,
    settings: EngineSettings = DEFAULT_SETTINGS,
) -> list[HistoryEntry]:
    """Return every migration with a file or a ledger row, in order.

    Raises ForeignLedger if these files are recorded in another schema of the search_path.
    """
    schema, elsewhere = ledger.server.schema, ledger.server.ledger_elsewhere
    if elsewhere is not None:
        recorded = ledgers.checksums(connection, elsewhere)
        if any(file.checksum == recorded.get(file.version) for file in files):
            raise ForeignLedger(recorded=elsewhere, schema=schema)
    entries = compare(files, ledger.rows, lambda version: ledgers.applied_text(connection, schema, version))
    if settings.allow_older_release:
        return [replace(entry, state=State.NEWER) if entry.state is State.CONTRACTED else entry for entry in entries]
    return entries


def compare(
    files: list[MigrationFile],
    rows: Mapping[int, LedgerRow],
    applied_text: Callable[[int], str | None],
) -> list[HistoryEntry]:
    """Return every migration with a file or a ledger row, in order.

    Args:
        files: the files, in order.
        rows: the ledger by version.
        applied_text: returns the SQL that was run for a version, or None; called for edited files only.
    """
    by_version = {file.version: file for file in files}
    highest_file = max(by_version, default=0)
    highest_applied = max(rows, default=0)
    entries = []
    for version in sorted(by_version.keys() | rows.keys()):
        file, row = by_version.get(version), rows.get(version)
        if file is None:
            state = _fileless_state(rows[version], highest_file)
        elif row is None:
            state = State.OUT_OF_ORDER if version < highest_applied else State.PENDING
        else:
            state = _applied_state(file, row, applied_text)
        entries.append(HistoryEntry(version, state, file, row))
    return entries


def _fileless_state(row: LedgerRow, highest_file: int) -> State:
    if row.version <= highest_file:
        return State.MISSING
    return State.CONTRACTED if row.kind == ledgers.CONTRACT else State.NEWER


def _applied_state(file: MigrationFile, row: LedgerRow, applied_text: Callable[[int], str | None]) -> State:
    if row.checksum is None:
        return State.UNVERIFIED
    if row.checksum == file.checksum:
        return State.APPLIED
    text = applied_text(file.version)
    if text is not None and same_statements(text, file.text()):
        return State.COMMENTS_EDITED
    return State.EDITED


def blocking_problems(entries: list[HistoryEntry]) -> list[Problem]:
    """Return why nothing may be applied: one problem for each entry whose file and row disagree.

    One contract file of a newer release stands for all of them.
    """
    reasons = {
        State.EDITED: "{name} was edited after it was applied",
        State.MISSING: "the file of applied migration {name} is missing",
        State.OUT_OF_ORDER: "{name} has a lower number than a migration already applied",
        State.CONTRACTED: "this release is older than contract file {name}, which removed what the release may need",
    }
    next_steps = {
        State.CONTRACTED: "deploy the newer release, or set ALLOW_OLDER_RELEASE=1 if this one works without it"
    }
    last = max((entry.version for entry in entries if entry.state is State.CONTRACTED), default=None)
    return [
        Problem(
            message=reasons[entry.state].format(name=entry.file_name),
            file=entry.file_name,
            next_step=next_steps.get(entry.state),
        )
        for entry in entries
        if entry.state in BROKEN and (entry.state is not State.CONTRACTED or entry.version == last)
    ]


def overall_state(entries: list[HistoryEntry]) -> str:
    """Return the state of all together: `broken`, `pending`, `newer` or `current`."""
    states = {entry.state for entry in entries}
    if states & BROKEN:
        return "broken"
    if states & {State.PENDING, State.FAILED}:
        return "pending"
    return "newer" if State.NEWER in states else "current"
