"""db-import: read another tool's folder, number and adapt its migrations, and write them into a new folder."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from peterental.database.migrations.importing import sql_edits
from peterental.database.migrations.importing.folder import SourceFile, SourceFolder, read_folder
from peterental.database.migrations.importing.import_report import ImportReport, NumberedMigration
from peterental.database.migrations.importing.model import ImportedFolder, ImportedMigration, ImportRefused, Remark
from peterental.database.migrations.importing.recognition import EXPECTED, is_code, language_of, require_tool
from peterental.database.migrations.importing.registry import TOOLS
from peterental.database.migrations.lint import lint_directory
from peterental.database.migrations.lint.findings import Severity

_NOT_IN_A_NAME = re.compile(r"[^\w]+")
_MAX_NAME_BYTES = 150
_SEQUENTIAL_BELOW = 1_000_000  # larger numbers are times
_LEDGER = "schema_migrations"
_NO_TRANSACTION = "runs without a transaction, as before: -- migrate: no-transaction"
_NEEDS_NO_TRANSACTION = (
    "has a statement that PostgreSQL runs only outside a transaction: -- migrate: no-transaction added"
)


@dataclass(frozen=True)
class _OutputFile:
    """A file to write."""

    name: str
    text: str


def import_folder(source: Path, tool: str, target: Path) -> ImportReport:
    """Convert the migrations in `source` and write them to `target`.

    Either all files are written or none: they are written to a hidden folder beside `target`, which is then renamed.

    Args:
        source: the other tool's folder, or a single file.
        tool: its name in `TOOLS`.
        target: a folder that does not exist yet or is empty.

    Raises ImportRefused if the folder is not of this tool, its order is unclear, nothing in it can be carried over, or
    `target` cannot be written.
    """
    _require_empty(target)
    folder = read_folder(source)
    require_tool(folder, tool)
    found = TOOLS[tool].convert(folder)
    _add_code(folder, found, tool)
    _require_distinct(found.migrations)
    found.migrations.sort(key=lambda migration: migration.order)
    _note_gaps(found, tool)
    for migration in found.migrations:
        _remove_ledgers(migration, tool)
        _unwrap(migration)
    numbered = _numbered(found)
    if not any(one.file_name for one in numbered):
        raise ImportRefused(reason=_why_nothing(folder, found, numbered, tool))
    for one in numbered:
        if one.file_name:
            _adapt(one.migration)
    outputs = [file for one in numbered if one.file_name for file in _output_files(one, tool)]
    _write(target, outputs, found)
    return ImportReport(tool, target, numbered, found, _left_alone(folder, found))


def _require_empty(target: Path) -> None:
    """Raise ImportRefused unless a folder can be created at `target`."""
    try:
        if target.is_dir():
            existing = sorted(path.name for path in target.iterdir())
            if existing:
                reason = f"{target} is not empty (it has {existing[0]}); name a new folder with --into"
                raise ImportRefused(reason=reason)
        elif target.exists():
            raise ImportRefused(reason=f"{target} is not a folder; name a new one with --into")
        elif not target.absolute().parent.is_dir():
            raise ImportRefused(reason=f"there is no folder {target.absolute().parent} for {target.name}")
    except OSError as error:
        raise ImportRefused(reason=f"cannot read {target}: {error.strerror}") from error


def _add_code(folder: SourceFolder, found: ImportedFolder, tool: str) -> None:
    """Add migrations in a programming language, which keep their place, and report them."""
    read_name = TOOLS[tool].read_name
    by_version = {migration.version: migration for migration in found.migrations}
    undoing: list[tuple[str, SourceFile]] = []
    for file in folder.top_level() if read_name else ():
        named = read_name(f"{file.base_name.rpartition('.')[0]}.sql") if read_name and is_code(file.base_name) else None
        if named is None:
            continue
        if named.words.endswith(".down"):
            undoing.append((named.version, file))
            found.handled.add(file.name)
            continue
        words = named.words.removesuffix(".up")
        migration = ImportedMigration(order=named.order, version=named.version, name=words, origin=file.name, up=None)
        by_version.setdefault(named.version, migration)
        found.migrations.append(migration)
    for version, file in undoing:
        undone = by_version.get(version)
        if undone is None:
            found.problems.append(Remark("undoes a migration that is not there: it was left out", file.name))
        elif undone.up is not None:
            undone.failed(f"the down part is {language_of(file.name)}: write it as SQL in the down file", file.name)


def _require_distinct(migrations: list[ImportedMigration]) -> None:
    """Raise ImportRefused if two migrations have the same version."""
    by_version: dict[str, ImportedMigration] = {}
    for migration in migrations:
        other = by_version.setdefault(migration.version, migration)
        if other is not migration:
            names = " and ".join(sorted((other.origin, migration.origin)))
            raise ImportRefused(reason=f"{names} have the same version {migration.version}; renumber one")


def _note_gaps(found: ImportedFolder, tool: str) -> None:
    versions = [migration.version for migration in found.migrations]
    if not versions or not all(version.isdecimal() and int(version) < _SEQUENTIAL_BELOW for version in versions):
        return
    numbers = sorted(map(int, versions))
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")  # noqa: PLR2004  # enough
        found.remarks.append(Remark(f"{tool} has no number {listed}: later numbers move up"))


def _numbered(found: ImportedFolder) -> list[NumberedMigration]:
    """Number the migrations from 1. One that cannot be carried over keeps its number; one without SQL gets none."""
    numbered: list[NumberedMigration] = []
    number = 0
    for migration in found.migrations:
        if migration.up is not None and not sql_edits.has_statement(migration.up):
            if not sql_edits.has_statement(migration.down or ""):
                migration.changed("has no SQL: it was left out")
                numbered.append(NumberedMigration(migration, None, ""))
                continue
            migration.up += "\nSELECT 1;\n"
            migration.changed("only its down part has SQL: SELECT 1 stands for the up part")
        number += 1
        slug = _slug(migration.name)
        name = f"{number:03d}_{slug}.sql"
        if migration.up is None:
            if not migration.problems:
                migration.failed(f"{migration.origin} is {language_of(migration.origin)}")
            numbered.append(NumberedMigration(migration, number, "", wanted_name=name))
        else:
            numbered.append(NumberedMigration(migration, number, name))
    return numbered


def _why_nothing(folder: SourceFolder, found: ImportedFolder, numbered: list[NumberedMigration], tool: str) -> str:
    left_out = [remark for one in numbered for remark in one.migration.problems] + found.problems
    if left_out:
        listed = "; ".join(dict.fromkeys(f"{one.where} {one.text}".strip() for one in left_out[:5]))
        more = f"; and {len(left_out) - 5} more" if len(left_out) > 5 else ""  # noqa: PLR2004  # enough
        return f"none of {folder.path} can be carried over: {listed}{more}; {tool} needs {EXPECTED[tool]}"
    if numbered:
        return f"the migrations in {folder.path} have no SQL"
    parents = sorted({file.parent for file in folder.files if file.parent and file.name.endswith(".sql")})
    nested = f"; import {folder.path / parents[0]} instead" if parents else ""
    return f"{folder.path} itself has no migrations{nested}"


def _slug(words: str) -> str:
    """Return a name for a file: lower case, words joined by underscores, at most 150 bytes."""
    slug = _NOT_IN_A_NAME.sub("_", words.lower()).strip("_") or "migration"
    return slug.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip("_")


def _remove_ledgers(migration: ImportedMigration, tool: str) -> None:
    """Remove what a migration does to its tool's own records, and to a table with the name of our ledger."""
    if migration.up is None:
        return
    for table in dict.fromkeys((_LEDGER, TOOLS[tool].ledger or _LEDGER)):
        migration.up, of_up = sql_edits.without_table(migration.up, table)
        migration.down, of_down = sql_edits.without_table(migration.down or "", table)
        if of_up or of_down:
            why = "it is the ledger here" if table == _LEDGER else f"it is the ledger of {tool}, which is not there"
            migration.changed(f"statements on the table {table} removed: {why}")


def _unwrap(migration: ImportedMigration) -> None:
    """Remove the BEGIN and COMMIT of each part: several transactions of one file become one."""
    up = sql_edits.unwrapped(migration.up or "")
    if up and (up.is_whole or not migration.no_transaction):
        migration.up, migration.no_transaction = up.text, False
        where = "around the file" if up.is_whole else "in the file"
        migration.changed(f"BEGIN and COMMIT {where} removed: each file is one transaction")
    down = sql_edits.unwrapped(migration.down or "")
    if down and (down.is_whole or not migration.down_no_transaction):
        migration.down = down.text
        migration.changed(f"BEGIN and COMMIT {'around' if down.is_whole else 'in'} the down part removed")


def _adapt(migration: ImportedMigration) -> None:
    """Set `no_transaction` where PostgreSQL requires it, and drop a down part without SQL."""
    up = migration.up or ""
    if migration.down and not sql_edits.has_statement(migration.down):
        if migration.down.strip():
            migration.changed("the down part has only comments: there is no down file")
        migration.down = None
    if migration.down:
        # A down part that can run in one transaction does, whatever its tool did: it is undone wholly or not at all.
        migration.down_no_transaction = sql_edits.needs_no_transaction(migration.down)
    if migration.no_transaction:
        migration.changed(_NO_TRANSACTION)
    elif sql_edits.needs_no_transaction(up):
        migration.no_transaction = True
        migration.changed(_NEEDS_NO_TRANSACTION)
    settings = sql_edits.session_settings(up)
    if settings:
        migration.changed(f"SET {', '.join(settings)} ends with its file: every file starts with the runner's settings")


def _output_files(one: NumberedMigration, tool: str) -> list[_OutputFile]:
    migration = one.migration
    title = _title(migration.name)
    origin = f"-- Purpose: Imported from {tool}, {migration.origin}"
    up = migration.up or ""
    header = [f"-- Migration {one.number:03d}: {title}", origin]
    files = [_OutputFile(one.file_name, _with_header(header, up, no_transaction=migration.no_transaction))]
    if migration.down:
        header = [f"-- Undo {one.number:03d}: {title}", origin]
        text = _with_header(header, migration.down, no_transaction=migration.down_no_transaction)
        files.append(_OutputFile(one.down_name, text))
    return files


def _title(name: str) -> str:
    words = " ".join(re.sub(r"[\s_-]+", " ", name).split())
    return words[:1].upper() + words[1:] if words else "Migration"


def _with_header(header: list[str], sql: str, *, no_transaction: bool) -> str:
    line_end = "\r\n" if "\r\n" in sql else "\n"
    lines = [*header, *(["-- migrate: no-transaction"] if no_transaction else []), ""]
    body = sql.strip("\r\n")
    return line_end.join(lines) + line_end + body + line_end


def _write(target: Path, outputs: list[_OutputFile], found: ImportedFolder) -> None:
    """Write all files beside `target`, check them, and rename the folder. Raises ImportRefused."""
    staging = target.absolute().parent / f".{target.absolute().name}.importing"
    try:
        shutil.rmtree(staging, ignore_errors=True)  # of a killed import
        staging.mkdir()
        try:
            for file in outputs:
                (staging / file.name).write_bytes(file.text.encode())
            _report_refusals(staging, found)
            os.rename(staging, target)  # noqa: PTH104  # Path.rename is the same, but hides that this is one system call
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise ImportRefused(reason=f"cannot write {target}: {error.strerror}") from error


def _report_refusals(folder: Path, found: ImportedFolder) -> None:
    """Report what the runner would refuse in the written files, apart from numbers that stay free."""
    for finding in lint_directory(folder).of(Severity.ERROR):
        if finding.rule.name != "numbering":
            line = f":{finding.location.line}" if finding.location else ""
            found.problems.append(Remark(finding.what.rstrip("."), f"{finding.file_name}{line}"))


def _left_alone(folder: SourceFolder, found: ImportedFolder) -> list[str]:
    """Return the files that are no migration of the tool."""
    known = {migration.origin.partition(",")[0] for migration in found.migrations} | found.handled
    return [file.name for file in folder.files if file.name not in known]
