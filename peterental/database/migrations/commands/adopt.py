"""db-adopt: record migrations as applied on a database that already has their schema, after verifying it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from peterental.database.migrations.errors import MigrationError, ReadOnlyDatabase
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.backfills import BackfillStore
from peterental.database.migrations.ledger.reader import Ledger
from peterental.database.migrations.ledger.state import BROKEN, State, compare_with_ledger
from peterental.database.migrations.ledger.writer import LedgerWriter
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.run.exclusive import writing_session
from peterental.database.migrations.scratch.database import build, scratch_database
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.checks import checked_files
from peterental.database.migrations.source.files import MigrationFile, baseline_at_start, find_files
from peterental.database.migrations.source.statements import is_ledger_insert, split_statements
from peterental.database.migrations.verify.diff import (
    ONLY_LIVE,
    Difference,
    compare_catalogs,
    difference_count,
    difference_lines,
)
from peterental.database.migrations.verify.impact import Impact, Weight, impact_of
from peterental.database.migrations.verify.introspection import Catalog, ObjectKey, read_catalog
from peterental.database.migrations.verify.rereading import Readings, settle
from peterental.database.migrations.verify.verify import scratch_catalog
from peterental.database.migrations.wording import version_ranges

_MAYBE_REMOVES = re.compile(r"\b(?:drop|rename|set\s+schema)\b", re.IGNORECASE)
_CHANGES_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE", "SELECT", "WITH", "CALL", "DO"})
_CHANGES_NOTHING = frozenset({"SET", "RESET", "SHOW", "LOCK", "ANALYZE", "VACUUM", "SAVEPOINT", "RELEASE"})


class AdoptionRefused(MigrationError):
    """Nothing was recorded: {reason}."""


@dataclass(frozen=True)
class _BuiltSchema:
    """The schema that the files build.

    Args:
        files: the files that were built, in order.
        catalog: the objects after the last file.
        removed: objects that no longer exist then, and the file that removed each.
        readings: what definitions that the live database prints otherwise read as.
    """

    files: list[MigrationFile]
    catalog: Catalog
    removed: dict[ObjectKey, MigrationFile]
    readings: Readings


def adopt(url: str, directory: Path, *, to: int, scratch_url: str | None = None, report: Reporter) -> int:
    """Record migrations 1 to `to` as applied if the database has their schema.

    Return the number newly recorded.

    Other objects in the database are allowed, unless a file removes them. Ledger rows without a checksum, from an
    earlier runner, get one; if every version has a row, harmless differences are allowed too. Changes to rows in tables
    cannot be verified; the files that make some are reported.

    Args:
        url: of the live database.
        directory: of the migration files.
        to: the last version to record.
        scratch_url: of a database on the server for the scratch database; the live server by default.
        report: receives lines about what is recorded and what could not be verified.

    Raises AdoptionRefused with every difference, MigrationFilesError, CatalogUnreadable, ScratchRefused,
    ScratchBuildFailed, and what `writing_session` raises.
    """
    files = find_files(directory)
    _require_version(files, to)
    wanted = [file for file in files if file.version <= to]
    with engine_session(url) as connection:
        ledger = ledgers.read(connection)
        schema = ledger.server.schema
        if not _unrecorded(connection, ledger, wanted):
            report("✅ Nothing to adopt: all of them are already recorded and verified")
            return 0
        checked_files(wanted)
        if ledger.server.read_only_reason:  # raised before a scratch database is created needlessly
            raise ReadOnlyDatabase(reason=ledger.server.read_only_reason)
        live = read_catalog(connection, schema, which="database")
    # If the ledger goes further, later files have been applied too, and the database has their schema.
    highest = max([to, *(file.version for file in files if file.version in ledger.rows)])
    applied = [file for file in files if file.version <= highest]
    with scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
        built = _build_with_removals(scratch, live, applied, schema)
    _check(live, built, schema, is_recorded=_is_recorded(ledger, to))
    with writing_session(url, report=report) as (connection, ledger):
        # Check again under the lock: the database may have changed during the comparison.
        live = read_catalog(connection, schema, which="database")
        others = _check(live, built, schema, is_recorded=_is_recorded(ledger, to))
        todo = _unrecorded(connection, ledger, wanted)
        _record(connection, ledger, todo)
    _report_adopted(todo, ledger, others, report)
    return len(todo)


def _require_version(files: list[MigrationFile], to: int) -> None:
    """Raise AdoptionRefused if the files do not have a version, or only within a baseline."""
    last = files[-1].version if files else 0
    if to > last:
        raise AdoptionRefused(reason=f"there is no migration {to:03d}, the last file is {last:03d}")
    baseline = baseline_at_start(files)
    if baseline and to < baseline.version:
        raise AdoptionRefused(
            reason=f"{baseline.path.name} replaces migrations 001 to {baseline.version:03d}; adopt at least up to"
            f" {baseline.version}"
        )


def _unrecorded(connection: Connection, ledger: Ledger, files: list[MigrationFile]) -> list[MigrationFile]:
    """Return the files without a ledger row or without a checksum.

    Raises AdoptionRefused for edited files.
    """
    rows = {version: row for version, row in ledger.rows.items() if version <= files[-1].version}
    entries = compare_with_ledger(connection, files, replace(ledger, rows=rows))
    refused = [entry.reason for entry in entries if entry.state in BROKEN - {State.OUT_OF_ORDER} and entry.reason]
    if refused:
        raise AdoptionRefused(reason="; ".join(refused))
    edited = [entry for entry in entries if entry.state is State.EDITED]
    if edited:
        named = edited[0].file_name if len(edited) == 1 else version_ranges(entry.version for entry in edited)
        were = "was edited after it was" if len(edited) == 1 else "were edited after they were"
        raise AdoptionRefused(reason=f"{named} {were} applied; see flask db-repair")
    wanted = {State.PENDING, State.OUT_OF_ORDER, State.UNVERIFIED, State.RUNNING, State.FAILED}
    return [entry.file for entry in entries if entry.state in wanted and entry.file is not None]


def _build_with_removals(scratch: str, live: Catalog, files: list[MigrationFile], schema: str) -> _BuiltSchema:
    """Build the files in a scratch database, and have it read what the live one prints otherwise.

    A catalog snapshot is taken before each file that may remove objects.
    """
    directory = files[0].path.parent
    removed: dict[ObjectKey, MigrationFile] = {}
    for file in files:
        if _MAYBE_REMOVES.search(file.text()):
            build(scratch, directory, to=file.version - 1)
            removed |= dict.fromkeys(scratch_catalog(scratch, schema).objects, file)
    build(scratch, directory, to=files[-1].version)
    catalog = scratch_catalog(scratch, schema)
    readings = settle(scratch, live, catalog, schema)
    gone = {key: file for key, file in removed.items() if key not in catalog.objects}
    return _BuiltSchema(files, readings.applied_to(catalog), gone, readings)


def _is_recorded(ledger: Ledger, to: int) -> bool:
    return all(version in ledger.rows for version in range(1, to + 1))


def _check(live: Catalog, built: _BuiltSchema, schema: str, *, is_recorded: bool) -> dict[Difference, Impact]:
    """Return the extra objects in the database and, if every version is recorded, the harmless differences.

    Raises AdoptionRefused if objects are missing or different.
    """
    live = built.readings.applied_to(live)
    problems = []
    others = {}
    for difference in compare_catalogs(live, built.catalog, schema).differences:
        remover = built.removed.get(difference.key)
        impact = impact_of(difference, live, built.catalog)
        is_allowed = difference.how == ONLY_LIVE or (is_recorded and impact.weight is Weight.HARMLESS)
        if remover and difference.how == ONLY_LIVE:
            problems.append(Difference(difference.key, f"still in the database, though {remover.path.name} removes it"))
        elif is_allowed:
            others[difference] = impact
        else:
            problems.append(difference)
    if problems:
        listed = "\n".join(f"  {line}" for line in difference_lines(problems))
        numbers = f"migrations 001 to {built.files[-1].version:03d}" if built.files[-1].version > 1 else "migration 001"
        raise AdoptionRefused(
            reason=f"the database does not match {numbers} ({difference_count(problems)})\n{listed}\n"
            "  Next: fix these, or adopt up to a lower version; flask db-migrate then applies the rest"
        )
    return others


def _record(connection: Connection, ledger: Ledger, todo: Sequence[MigrationFile]) -> None:
    """Record files as applied, in one transaction; a backfill among them has nothing left to do."""
    writer = LedgerWriter(connection, ledger.server.schema)
    with connection.transaction():
        for file in todo:
            writer.record_adopted(file, file.text())
            if ledger.server.has_backfills:
                BackfillStore(connection, ledger.server.schema).remove(file.version)


def _report_adopted(
    todo: list[MigrationFile], ledger: Ledger, others: dict[Difference, Impact], report: Reporter
) -> None:
    for file in todo:
        done = "verified" if file.version in ledger.rows else "recorded as applied"
        report(f"✅ {file.path.name} {done}")
    for file in todo:
        remark = _unverifiable_changes(file)
        if remark:
            report(f"⚠️  {file.path.name} {remark}")
    if others:
        _report_allowed(others, report)
    adopted = f"{len(todo)} {'migration' if len(todo) == 1 else 'migrations'}"
    report(f"✅ Adopted {adopted}" if todo else "✅ Nothing to adopt: another run has just recorded them")


def _report_allowed(others: dict[Difference, Impact], report: Reporter) -> None:
    extra = [difference for difference in others if difference.how == ONLY_LIVE]
    if extra:
        report("Also in the database, but not created by these files, which is allowed:")
        for line in difference_lines(extra):
            report(f"  {line.removesuffix(ONLY_LIVE).rstrip()}")
    effects = {one: impact.effect for one, impact in others.items() if one.how != ONLY_LIVE}
    if effects:
        report("Different in the database, but harmless:")
        for line in difference_lines(effects, effects):
            report(f"  {line}")


def _unverifiable_changes(file: MigrationFile) -> str | None:
    """Return a remark if a file changes rows, which no catalog comparison can verify.

    Otherwise None.
    """
    verbs = [
        statement.sql.split(maxsplit=1)[0].upper()
        for statement in split_statements(file.text())
        if not is_ledger_insert(statement.sql)
    ]
    rows = list(dict.fromkeys(verb for verb in verbs if verb in _CHANGES_ROWS))
    if not rows:
        return None
    if set(verbs) <= _CHANGES_ROWS | _CHANGES_NOTHING:
        return f"only changes rows ({', '.join(rows)}), which cannot be verified: recorded unchecked"
    return f"also changes rows ({', '.join(rows)}), which cannot be verified: check them yourself"
