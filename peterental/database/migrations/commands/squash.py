"""db-squash: replace the first migrations by one baseline, proved to make the same database.

The folder is changed last, in an order in which it is valid at any moment or refused with the command that finishes:
the baseline appears under its name in one step, then the files that it replaces are removed, the highest last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from peterental.database.migrations.commands.atomic_write import replace_file, sync_folder
from peterental.database.migrations.commands.schema import BuiltSchema, read_schema, refuse_different
from peterental.database.migrations.errors import EngineError, MigrationFilesError
from peterental.database.migrations.ledger import reader as ledgers
from peterental.database.migrations.ledger.reader import LedgerRow
from peterental.database.migrations.ledger.state import State, compare_baseline
from peterental.database.migrations.plan.cluster_scope import is_cluster_wide
from peterental.database.migrations.progress import Reporter
from peterental.database.migrations.schema_text.rows import Contents, read_contents, row_summary
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible
from peterental.database.migrations.scratch.database import build, scratch_database
from peterental.database.migrations.session.engine_session import engine_session
from peterental.database.migrations.session.server import connect
from peterental.database.migrations.source.baseline import Replaced, version_range
from peterental.database.migrations.source.files import BASELINE_SUFFIX, MigrationFile, checksum_of, scan_files
from peterental.database.migrations.source.statements import split_statements, statements_digest

_HEADER = """\
-- Migration {version:03d}: Baseline
-- Purpose: Makes in one step what migrations 001 to {version:03d} made; written by flask db-squash {version}
-- Created: {today:%Y-%m-%d}
-- migrate: baseline={range}
--
-- A database with these migrations has this one too. Do not edit these lines:
{replaced}

{schema}
INSERT INTO schema_migrations (version, description)
VALUES ({version}, 'Baseline')
ON CONFLICT (version) DO NOTHING;
"""


class SquashRefused(EngineError):
    """Nothing was squashed: {reason}."""


class SquashUnfinished(EngineError):
    """{path} could not be removed ({reason}). The baseline is proved and in place; flask db-squash {to} finishes."""


@dataclass(frozen=True)
class _Database:
    """What a scratch database contains after its migrations."""

    schema: BuiltSchema
    contents: Contents
    rows: dict[int, LedgerRow]


def squash(
    url: str,
    directory: Path,
    *,
    to: int,
    today: dt.date,
    confirm: Callable[[str], bool],
    scratch_url: str | None = None,
    report: Reporter,
) -> Path | None:
    """Replace migrations 1 to `to` by one baseline; return its path, or None if `confirm` returned False.

    The baseline is proved before the folder changes: scratch databases built from it and from the files have the same
    catalog, rows and sequence positions, and the ledger of the latter counts as having the baseline.

    Args:
        url: of a database whose locale and search_path the scratch databases get; it is only read.
        directory: of the migration files.
        to: the last version to replace.
        today: the date for the header, in the author's time zone.
        confirm: called with a description of what will happen; returns whether to do it.
        scratch_url: of a database on the server for the scratch databases; the live server by default.
        report: receives lines about progress.

    Raises SquashRefused, SquashUnfinished, SchemaInexpressible, TooManyRows, MigrationFilesError, NoSchema,
    CatalogUnreadable, ScratchRefused, ScratchBuildFailed, ServerUnavailable, Interrupted.
    """
    files, problems = scan_files(directory)
    baseline = next((file for file in files if file.version == to and _is_unfinished(file, files)), None)
    if baseline:
        return _finish(baseline, files, confirm, report)
    if problems:
        raise MigrationFilesError(problems)
    originals = _originals(files, to)
    path = directory / f"{to:03d}{BASELINE_SUFFIX}"
    if not confirm(_description(originals, path)):
        return None
    text = _proved(url, originals, path, today=today, scratch_url=scratch_url, report=report)
    _put_in_place(path, text)
    _remove(originals, MigrationFile(to, "baseline", path), report)
    return path


def _originals(files: list[MigrationFile], to: int) -> list[MigrationFile]:
    """Return the files to replace. Raises SquashRefused."""
    originals = [file for file in files if file.version <= to]
    if not originals or originals[-1].version != to:
        last = files[-1].version if files else 0
        raise SquashRefused(reason=f"there is no migration {to:03d}, the last file is {last:03d}")
    if len(originals) == 1:
        raise SquashRefused(reason=f"{originals[0].path.name} is the only file up to {to:03d}")
    outside = [
        f"{file.path.name} has “{' '.join(statement.sql.split())[:60]}”"
        for file in originals
        for statement in split_statements(file.text())
        if is_cluster_wide(statement.sql)
    ]
    if outside:
        listed = "; ".join(outside)
        raise SquashRefused(
            reason=f"a baseline cannot repeat what changes the server outside the database: {listed}. Squash up to a"
            " lower number"
        )
    return originals


def _description(originals: list[MigrationFile], path: Path) -> str:
    downs = [file.down_path.name for file in originals if file.down_path.exists()]
    lines = [
        f"{path.name} will replace these {len(originals)} files, which will be deleted:",
        *(f"  {file.path.name}" for file in originals),
        *(f"  {name}" for name in downs),
        f"Databases that have only some of them will be refused: deploy {originals[-1].version:03d} everywhere first.",
    ]
    return "\n".join(lines)


def _proved(
    url: str, originals: list[MigrationFile], path: Path, *, today: dt.date, scratch_url: str | None, report: Reporter
) -> str:
    """Return the text of the baseline, after comparing what it makes with what the files make."""
    with engine_session(url) as connection:
        schema = ledgers.read(connection).server.schema
    with scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
        build(scratch, path.parent, to=originals[-1].version)
        expected = _read(scratch, schema)
    text = _text(originals, expected, today)
    with TemporaryDirectory() as folder, scratch_database(url, scratch_url=scratch_url, report=report) as scratch:
        file = MigrationFile(originals[-1].version, "baseline", Path(folder) / path.name)
        file.path.write_text(text, encoding="utf-8", newline="\n")
        build(scratch, Path(folder), to=file.version)
        rebuilt = _read(scratch, schema)
        _refuse_different(scratch, rebuilt, expected, schema)
        _refuse_unrecognised(file, expected.rows)
    what = f"schema and {row_summary(expected.contents)}" if expected.contents.tables else "schema"
    report(f"✅ Proved: {path.name} makes the same {what} as the files")
    return text


def _read(scratch: str, schema: str) -> _Database:
    built = read_schema(scratch, schema)
    with connect(scratch, purpose="squash") as connection:
        return _Database(built, read_contents(connection, schema), ledgers.read(connection).rows)


def _refuse_different(scratch: str, rebuilt: _Database, expected: _Database, schema: str) -> None:
    refuse_different(scratch, rebuilt.schema, expected.schema, schema)
    if rebuilt.contents != expected.contents:
        one, other = rebuilt.contents, expected.contents
        heads = [head for head in {**one.tables, **other.tables} if one.tables.get(head) != other.tables.get(head)]
        what = heads[0] if heads else "the positions of sequences"
        raise SchemaInexpressible(reason=f"its rows would differ: {what}")


def _refuse_unrecognised(file: MigrationFile, rows: dict[int, LedgerRow]) -> None:
    """Raise SquashRefused unless a database with the replaced migrations counts as having the baseline."""
    entry = compare_baseline(file, rows, lambda _version: None)
    if entry.state is not State.APPLIED:
        raise SquashRefused(reason=entry.reason or f"{file.path.name} would not recognise the migrations it replaces")


def _text(originals: list[MigrationFile], built: _Database, today: dt.date) -> str:
    version = originals[-1].version
    schema = built.schema.text
    return _HEADER.format(
        version=version,
        today=today,
        range=version_range(1, version),
        replaced="\n".join(replaced.line() for file in originals for replaced in _replaced(file)),
        schema=schema.before_data + built.contents.as_sql() + schema.after_data,
    )


def _replaced(file: MigrationFile) -> list[Replaced]:
    """Return what names a file in the baseline; for an earlier baseline, also what it replaced."""
    first = 1 if file.baseline else file.version
    own = Replaced(first, file.version, file.checksum, statements_digest(file.text()), file.path.name)
    return [*(file.baseline.replaced if file.baseline else ()), own]


def _put_in_place(path: Path, text: str) -> None:
    """Write the baseline so that it exists in full or not at all."""
    try:
        replace_file(path, text)
    except OSError as error:
        raise SquashRefused(reason=f"cannot write to {path}: {error.strerror}") from error


def _remove(originals: list[MigrationFile], baseline: MigrationFile, report: Reporter) -> None:
    """Remove the replaced files, lowest first: as long as the last one exists, the folder is refused."""
    for file in sorted(originals, key=lambda file: file.version):
        for path in (file.down_path, file.path):
            if path == baseline.path:
                continue
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                reason = error.strerror or str(error)
                raise SquashUnfinished(path=path, reason=reason, to=baseline.version) from error
    sync_folder(baseline.path.parent)
    report(f"✅ {baseline.path.name} replaces {len(originals)} files")


def _is_unfinished(file: MigrationFile, files: list[MigrationFile]) -> bool:
    """Return whether a file is a baseline beside files that it replaces."""
    return bool(file.baseline) and any(other.version <= file.version and other is not file for other in files)


def _finish(
    baseline: MigrationFile, files: list[MigrationFile], confirm: Callable[[str], bool], report: Reporter
) -> Path | None:
    """Remove the replaced files that an interrupted squash has left; each must be the one that was replaced."""
    assert baseline.baseline is not None  # noqa: S101  # for mypy; the caller has found it
    left = [file for file in files if file.version <= baseline.version and file is not baseline]
    known = {replaced.checksum for replaced in baseline.baseline.replaced}
    other = next((file for file in left if checksum_of(file.text()) not in known), None)
    if other:
        raise SquashRefused(
            reason=f"{other.path.name} is not what {baseline.path.name} replaces; delete {baseline.path.name}, restore"
            " the deleted files from version control, and squash again"
        )
    listed = "\n".join(f"  {file.path.name}" for file in left)
    if not confirm(f"{baseline.path.name} is proved; these files, which it replaces, will be deleted:\n{listed}"):
        return None
    _remove(left, baseline, report)
    return baseline.path
