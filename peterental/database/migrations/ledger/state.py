"""Compare files with the ledger: what is applied, pending, edited or missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, cached_property

from peterental.database.migrations.errors import ForeignLedger, MigrationFilesError, Problem
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import BackfillProgress, BackfillState, read_backfills
from peterental.database.migrations.ledger.reader import AppliedFile, Ledger, LedgerRow
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.settings import DEFAULT_SETTINGS, EngineSettings
from peterental.database.migrations.source.baseline import Baseline
from peterental.database.migrations.source.directives import Directives, read_directives
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start
from peterental.database.migrations.source.statements import same_statements, statements_digest
from peterental.database.migrations.wording import plural, version_ranges


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
    BEHIND = "behind"
    """A baseline of which the database has only some of the replaced migrations."""
    FAILED = "failed"
    """A no-transaction attempt that stopped, or a backfill whose batch failed."""
    RUNNING = "running"
    """A backfill that is registered and not complete; later files do not wait for it."""
    WAITING = "waiting"
    """A contract file that a runner left for when no older release is connected."""
    CONTRACTED = "contracted"
    """A contract file of a newer release: it removed what this release may need."""


class Cause(StrEnum):
    """What else may have happened to a file that seems edited or late."""

    RENUMBERED = "renumbered"
    OTHER_FILE = "other file"
    UNRECORDED = "unrecorded"


BROKEN = frozenset({State.EDITED, State.MISSING, State.OUT_OF_ORDER, State.CONTRACTED, State.BEHIND})


@dataclass(frozen=True)
class HistoryEntry:
    """One migration: its file, its ledger row, or both.

    Args:
        version: the number.
        state: how file and row compare.
        file: the file, if there is one.
        row: the ledger's row, if there is one.
        replaces: the versions that the file replaces, if it is a baseline.
        reason: why nothing may be applied, where the state does not say enough.
        done: how many statements of a file that stopped half-way are done.
    """

    version: int
    state: State
    file: MigrationFile | None
    row: LedgerRow | None
    replaces: range | None = None
    reason: str | None = None
    done: int | None = None
    cause: Cause | None = None
    """What has happened to a file that seems edited or late, as `reason` says."""
    waits_for: str | None = None
    """What a waiting contract file waits for."""
    backfill: BackfillProgress | None = None
    """How far it has come, for a backfill that is registered and not complete."""

    @property
    def label(self) -> str:
        """The number as text, or the versions that it replaces: `001–013`."""
        return f"{self.replaces[0]:03d}–{self.version:03d}" if self.replaces else f"{self.version:03d}"

    @property
    def is_contract(self) -> bool:
        """Whether its file says `-- migrate: contract`."""
        return self._directives.contract

    @property
    def after_backfill(self) -> tuple[int, ...]:
        """The backfills that its file needs."""
        return self._directives.after_backfill

    @cached_property
    def _directives(self) -> Directives:
        if self.file is None:
            return Directives()
        try:
            return read_directives(self.file, self.file.text())
        except MigrationFilesError:  # reported when the file is to run
            return Directives()

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
        if any(file.checksum == recorded.get(file.version) for file in files) or _has_replaced(files, recorded):
            raise ForeignLedger(recorded=elsewhere, schema=schema)
    backfills = {}
    if ledger.server.has_backfills and any(file.version not in ledger.rows for file in files):
        backfills = read_backfills(connection, schema)

    @cache
    def applied(version: int) -> AppliedFile | None:
        return ledgers.applied_file(connection, schema, version) if ledger.has_attempts else None

    def applied_text(version: int) -> str | None:
        found = applied(version)
        return found.text if found else None

    entries = _with_causes(compare(files, ledger.rows, applied_text, backfills), files, applied)
    if settings.allow_older_release:
        return [replace(entry, state=State.NEWER) if entry.state is State.CONTRACTED else entry for entry in entries]
    return entries


def compare(
    files: list[MigrationFile],
    rows: Mapping[int, LedgerRow],
    applied_text: Callable[[int], str | None],
    backfills: Mapping[int, BackfillProgress] | None = None,
) -> list[HistoryEntry]:
    """Return every migration with a file or a ledger row, in order.

    Args:
        files: the files, in order.
        rows: the ledger by version.
        applied_text: returns the SQL that was run for a version, or None; called for edited files only.
        backfills: the registered backfills by version.
    """
    registered = _unapplied(backfills or {}, rows)
    by_version = {file.version: file for file in files}
    highest_file = max(by_version, default=0)
    highest_applied = max([*rows, *registered], default=0)
    entries = []
    baseline = baseline_at_start(files)
    if baseline:
        entries.append(compare_baseline(baseline, rows, applied_text))
        by_version.pop(baseline.version)
        rows = {version: row for version, row in rows.items() if version > baseline.version}
    for version in sorted(by_version.keys() | rows.keys()):
        file, row = by_version.get(version), rows.get(version)
        backfill = registered.get(version)
        if file is None:
            state = _fileless_state(rows[version], highest_file)
        elif backfill is not None:
            state = _BACKFILL_STATES[backfill.state]
        elif row is None:
            state = State.OUT_OF_ORDER if version < highest_applied else State.PENDING
        else:
            state = _applied_state(file, row, applied_text)
        entries.append(HistoryEntry(version, state, file, row, backfill=backfill))
    return entries


def _unapplied(backfills: Mapping[int, BackfillProgress], rows: Mapping[int, LedgerRow]) -> dict[int, BackfillProgress]:
    """Return the registered backfills that the ledger does not have as applied."""
    return {
        version: backfill
        for version, backfill in backfills.items()
        if version not in rows and (backfill.is_recorded or backfill.state is not BackfillState.DONE)
    }


def _with_causes(
    entries: list[HistoryEntry], files: list[MigrationFile], applied: Callable[[int], AppliedFile | None]
) -> list[HistoryEntry]:
    """Return the entries; those that seem edited or late have what else may have happened as their reason.

    Args:
        entries: of files and ledger.
        files: the files, in order.
        applied: returns the file that was applied as a version, or None; called for broken entries only.
    """
    if not any(entry.state in {State.EDITED, State.OUT_OF_ORDER} for entry in entries):
        return entries
    kept = {entry.version for entry in entries if entry.state is State.APPLIED}
    recorded = {
        entry.row.checksum: entry.version
        for entry in entries
        if entry.row and entry.row.checksum and entry.version not in kept
    }
    names: dict[str, str] = {}
    for file in files:
        if file.version not in kept:
            with suppress(MigrationFilesError):  # an unreadable file is reported when it is to run
                names.setdefault(file.checksum, file.path.name)
    explained = []
    for entry in entries:
        found: tuple[Cause, str] | None = None
        if entry.file and not entry.replaces and entry.state is State.EDITED:
            found = _renumbered(entry, recorded, names) or _other_file(entry, applied(entry.version))
        elif entry.file and not entry.replaces and entry.state is State.OUT_OF_ORDER:
            found = _unrecorded(entry.file, applied(entry.version))
        explained.append(replace(entry, cause=found[0], reason=found[1]) if found else entry)
    return explained


def _renumbered(entry: HistoryEntry, recorded: Mapping[str, int], names: Mapping[str, str]) -> tuple[Cause, str] | None:
    """Return the reason if the file was applied as another number, or its number with what is another file now.

    Args:
        entry: an edited one.
        recorded: the number by checksum, of what is applied.
        names: the file's name by checksum.
    """
    applied_as = recorded.get(entry.file.checksum) if entry.file else None
    if applied_as is not None:
        return Cause.RENUMBERED, f"{entry.file_name} was applied as {applied_as:03d} and renumbered since"
    holder = names.get(entry.row.checksum or "") if entry.row else None
    if holder is None:
        return None
    return Cause.RENUMBERED, f"{entry.version:03d} was applied with the text of {holder}, which was renumbered since"


def _other_file(entry: HistoryEntry, applied: AppliedFile | None) -> tuple[Cause, str] | None:
    """Return the reason if a file of another name was applied: another branch has used the number."""
    if applied is None or _words_of(applied.name) == _words_of(entry.file_name):
        return None
    reason = f"{entry.file_name} is not the file that was applied as {entry.version:03d}: that was {applied.name}"
    return Cause.OTHER_FILE, reason


def _words_of(name: str) -> str:
    return name.partition("_")[2]


def _unrecorded(file: MigrationFile, applied: AppliedFile | None) -> tuple[Cause, str] | None:
    """Return the reason if a file without a ledger row was applied: the row was deleted manually."""
    if applied is None or not same_statements(applied.text, file.text()):
        return None
    return Cause.UNRECORDED, f"{file.path.name} was applied, but its row is gone from schema_migrations"


def _fileless_state(row: LedgerRow, highest_file: int) -> State:
    if row.version <= highest_file:
        return State.MISSING
    return State.CONTRACTED if row.kind == ledgers.CONTRACT else State.NEWER


_BACKFILL_STATES = {
    BackfillState.RUNNING: State.RUNNING,
    BackfillState.FAILED: State.FAILED,
    BackfillState.DONE: State.APPLIED,  # it was recorded after the ledger was read
}


def compare_baseline(
    file: MigrationFile, rows: Mapping[int, LedgerRow], applied_text: Callable[[int], str | None]
) -> HistoryEntry:
    """Compare a baseline with a database that has it, or the migrations that it replaces, or neither.

    Args:
        file: the baseline, which is the first file.
        rows: the ledger by version.
        applied_text: returns the SQL that was run for a version, or None.
    """
    baseline = file.baseline
    assert baseline is not None  # noqa: S101  # for mypy; the caller has found it
    own = rows.get(file.version)
    have = [version for version in rows if version <= file.version]
    state, reason = State.APPLIED, None
    if not have:
        state = State.OUT_OF_ORDER if rows else State.PENDING
    elif own is None or own.checksum != file.checksum:
        unverified, unknown = _coverage(baseline, rows, applied_text)
        missing = [version for version in unknown if version not in rows]
        if own is not None and have == [file.version] and unknown:
            state = _applied_state(file, own, applied_text)  # the database was built from this baseline
        elif damage := baseline.problem(file.version):
            state, reason = State.EDITED, f"{file.path.name}: {damage}"
        elif missing:
            state, reason = State.BEHIND, _behind(file, have, missing)
        elif unknown:
            state = State.EDITED
            reason = f"migration {unknown[0]:03d} was applied with other statements than {file.path.name} replaces"
        elif unverified:
            state = State.UNVERIFIED
    return HistoryEntry(file.version, state, file, own, replaces=baseline.versions, reason=reason)


def _coverage(
    baseline: Baseline, rows: Mapping[int, LedgerRow], applied_text: Callable[[int], str | None]
) -> tuple[bool, list[int]]:
    """Return whether rows without a checksum were accepted, and the versions that are missing or differ."""
    known: set[int] = set()
    unverified = False
    for replaced in baseline.replaced:
        row = rows.get(replaced.last)
        if row is None:
            continue
        if row.checksum is None and replaced.first == replaced.last:
            unverified = True
        elif row.checksum != replaced.checksum:
            text = applied_text(replaced.last)
            if text is None or statements_digest(text) != replaced.digest:
                continue
        known.update(range(replaced.first, replaced.last + 1))
    return unverified, [version for version in baseline.versions if version not in known]


def _behind(file: MigrationFile, have: list[int], missing: list[int]) -> str:
    last = next((version for version in have if version + 1 in missing), have[-1])
    until = f"{min(have):03d} to {last:03d}" if last > min(have) else f"{last:03d}"
    return (
        f"{file.path.name} replaces migrations 001 to {file.version:03d}, but this database has only {until} of them;"
        " first deploy the last release before the squash"
    )


def _has_replaced(files: list[MigrationFile], recorded: Mapping[int, str]) -> bool:
    """Return whether a schema has recorded migrations that the baseline among the files replaces."""
    first = baseline_at_start(files)
    if first is None or first.baseline is None:
        return False
    return any(recorded.get(replaced.last) == replaced.checksum for replaced in first.baseline.replaced)


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

    The last one of a kind has the next step. One contract file of a newer release stands for all of them.
    """
    last = max((entry.version for entry in entries if entry.state is State.CONTRACTED), default=None)
    broken = [
        entry
        for entry in entries
        if entry.state in BROKEN and (entry.state is not State.CONTRACTED or entry.version == last)
    ]
    right_database = _of_another_database(entries)
    applied = (entry.version for entry in entries if entry.file and entry.state is not State.PENDING)
    last_applied = max(applied, default=0)
    problems: list[Problem] = []
    for kind in dict.fromkeys((entry.state, entry.cause) for entry in broken):
        alike = [entry for entry in broken if (entry.state, entry.cause) == kind]
        found = _problems_of(alike)
        next_step = right_database or _next_step(alike, last_applied)
        problems += [*found[:-1], replace(found[-1], next_step=next_step)]
    return problems


def _problems_of(alike: list[HistoryEntry]) -> list[Problem]:
    """Return a problem for each entry of one kind; one for all if there are more than `_MAX_ALIKE`."""
    state, cause = alike[0].state, alike[0].cause
    if len(alike) > _MAX_ALIKE:
        text = _MANY_BY_CAUSE[cause] if cause else _MANY[state]
        message = text.format(names=version_ranges(entry.version for entry in alike))
        return [Problem(message=message, file=alike[0].file_name)]
    return [
        Problem(message=entry.reason or _ONE[state].format(name=entry.file_name), file=entry.file_name)
        for entry in alike
    ]


def _of_another_database(entries: list[HistoryEntry]) -> str | None:
    """Return what to check if none of several applied migrations is one of the files; None otherwise."""
    applied = [entry for entry in entries if entry.row is not None and entry.state is not State.NEWER]
    is_none_of_the_files = all(
        entry.state is State.EDITED and not entry.replaces and entry.cause in {None, Cause.OTHER_FILE}
        for entry in applied
    )
    if len(applied) < _ENOUGH_TO_TELL or not is_none_of_the_files:
        return None
    return (
        f"none of the {len(applied)} migrations of this database is one of these files, so check that this is the right"
        " database and the right folder"
    )


_ENOUGH_TO_TELL = 3
"""From how many edited migrations on, with none as it was, the database is probably another one."""


def _next_step(alike: list[HistoryEntry], last_applied: int) -> str | None:
    """Return what to do about entries of one state and cause.

    Args:
        alike: the entries, in order.
        last_applied: the highest version with a file that is applied, or that seems to be.
    """
    entry, count = alike[-1], len(alike)
    it, file, number = plural(count, "it", "them"), plural(count, "a new file", "new files"), plural(count, "number")
    if entry.cause is not None:
        return {
            Cause.RENUMBERED: "give applied files their numbers back, and new files the next free ones",
            Cause.OTHER_FILE: (
                f"give {it} the next free {number}, or undo what was applied, where its files still are, with"
                f" flask db-rollback --to {alike[0].version - 1}"
            ),
            Cause.UNRECORDED: f"flask db-adopt --to {last_applied} compares the tables and records {it} again",
        }[entry.cause]
    if entry.reason is not None:
        return None  # which has its own advice
    steps = {
        State.EDITED: f"restore {it} and put the change into {file}, or accept the edit with flask db-repair",
        State.MISSING: f"restore {it} from version control",
        State.OUT_OF_ORDER: f"give {it} the next free {number}",
        State.CONTRACTED: "deploy the newer release, or set ALLOW_OLDER_RELEASE=1 if this one works without it",
    }
    return steps.get(entry.state)


_ONE = {
    State.EDITED: "{name} was edited after it was applied",
    State.MISSING: "the file of applied migration {name} is missing",
    State.OUT_OF_ORDER: "{name} has a lower number than a migration already applied",
    State.CONTRACTED: "this release is older than contract file {name}, which removed what the release may need",
}
"""The messages about one migration; entries of other states have their own reason."""

_MAX_ALIKE = 5
_MANY = {
    State.EDITED: "migrations {names} were edited after they were applied",
    State.MISSING: "the files of applied migrations {names} are missing",
    State.OUT_OF_ORDER: "migrations {names} have lower numbers than a migration already applied",
}
"""The messages about more than `_MAX_ALIKE` migrations."""

_MANY_BY_CAUSE = {
    Cause.RENUMBERED: "migrations {names} were applied as other numbers than their files have now",
    Cause.OTHER_FILE: "migrations {names} were applied from files with other names",
    Cause.UNRECORDED: "migrations {names} were applied, but their rows are gone from schema_migrations",
}


def overall_state(entries: list[HistoryEntry]) -> str:
    """Return the state of all together: `broken`, `pending`, `newer` or `current`."""
    states = {entry.state for entry in entries if entry.backfill is None}  # a backfill holds up nothing
    if states & BROKEN:
        return "broken"
    if states & {State.PENDING, State.FAILED}:
        return "pending"
    return "newer" if State.NEWER in states else "current"
