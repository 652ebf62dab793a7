"""Tools whose migrations are plain SQL without a down part: Prisma, Drizzle, Supabase, Atlas."""

from __future__ import annotations

import json
import re

from peterental.database.migrations.importing.file_names import by_number, by_text
from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.marked import MarkedTool
from peterental.database.migrations.importing.model import ImportedFolder, ImportRefused, Remark
from peterental.database.migrations.importing.paired import migration_from
from peterental.database.migrations.importing.sections import Marker
from peterental.database.migrations.importing.sql_edits import has_statement, terminated

FOLDER = re.compile(r"(?:.*/)?(?P<version>[^/]+)/migration\.sql")
BREAKPOINT = "--> statement-breakpoint"
ATLAS_LINE = re.compile(r"--\s*atlas:(?P<word>\w+)(?:\s+(?P<value>.*))?")

_WORDS = re.compile(r"\d+[_-]?(?P<words>.+)")
_PROVIDER = re.compile(r"^\s*provider\s*=\s*\"(?P<name>[^\"]*)\"", re.MULTILINE)
_POSTGRESQL = frozenset({"postgresql", "postgres"})
_JOURNAL = "meta/_journal.json"


def convert_prisma(folder: SourceFolder) -> ImportedFolder:
    """Convert folders such as `20240131120000_users` with `migration.sql`, in the order of their names.

    A `down.sql` beside it, which Prisma itself does not run, is the down part.

    Raises ImportRefused for the migrations of another database.
    """
    result = ImportedFolder()
    for file in folder.files:
        if file.base_name == "migration_lock.toml":
            result.handled.add(file.name)
            _require_postgresql(file)
    by_name = {file.name: file for file in folder.files}
    for file in folder.files:
        if FOLDER.fullmatch(file.name):
            down = by_name.get(f"{file.parent}/down.sql")
            result.handled |= {down.name} if down else set()
            _add(result, file, file.parent.rpartition("/")[2], down)
    return result


def _require_postgresql(lock: SourceFile) -> None:
    provider = _PROVIDER.search(lock.text)
    if provider and provider["name"] not in _POSTGRESQL:
        raise ImportRefused(reason=f"{lock.name} says that these migrations are for {provider['name']}")


def _add(result: ImportedFolder, file: SourceFile, tag: str, down: SourceFile | None = None) -> None:
    words = _WORDS.fullmatch(tag)
    result.migrations.append(
        migration_from((len(result.migrations),), tag, words["words"] if words else tag, file, down)
    )


def convert_drizzle(folder: SourceFolder) -> ImportedFolder:
    """Convert the files that the journal lists, in its order; newer versions have a folder for each migration.

    Raises ImportRefused for a journal that cannot be read.
    """
    result = ImportedFolder()
    journal = next((file for file in folder.files if f"/{file.name}".endswith(f"/{_JOURNAL}")), None)
    in_folders = {file.parent.rpartition("/")[2]: file for file in folder.files if FOLDER.fullmatch(file.name)}
    files = {file.base_name.removesuffix(".sql"): file for file in folder.top_level() if by_number(file.base_name)}
    tags = _tags(journal) if journal else sorted(files)
    for tag in tags:
        if tag in files:
            _add(result, files[tag], tag)
        else:
            result.problems.append(Remark(f"{tag}.sql is missing, which the journal lists", _JOURNAL))
    for tag in sorted(files.keys() - set(tags)):
        result.handled.add(files[tag].name)
        result.problems.append(
            Remark("is not in the journal, so Drizzle does not run it: it was left out", files[tag].name)
        )
    for tag in sorted(in_folders):
        _add(result, in_folders[tag], tag)
    result.handled |= {file.name for file in folder.files if "meta" in file.parent.split("/")}
    for migration in result.migrations:
        if migration.up and BREAKPOINT in migration.up:
            migration.up = _without_breakpoints(migration.up)
            migration.changed(f"“{BREAKPOINT}” removed")
    return result


def _tags(journal: SourceFile) -> list[str]:
    try:
        entries = json.loads(journal.text)["entries"]
        return [str(entry["tag"]) for entry in sorted(entries, key=lambda entry: int(entry["idx"]))]
    except (ValueError, KeyError, TypeError) as error:
        raise ImportRefused(reason=f"{journal.name} is not a journal of Drizzle") from error


def _without_breakpoints(text: str) -> str:
    """End the statement before each breakpoint with a semicolon: one statement needs none there."""
    parts = text.split(BREAKPOINT)
    return "".join(terminated(part) if has_statement(part) else part for part in parts)


def atlas_marker(line: str) -> Marker | None:
    """Return what a line means to Atlas."""
    found = ATLAS_LINE.fullmatch(line)
    if not found:
        return None
    word, value = found["word"].lower(), (found["value"] or "").strip().lower()
    if word == "txmode":
        return Marker("no transaction" if value == "none" else "ignored")
    if word == "nolint":
        return Marker("ignored")
    if word == "checkpoint":
        problem = "a checkpoint stands for the files before it: delete it, or them, before the first run"
        return Marker("unknown", problem=problem)
    return Marker("unknown", problem=f"“{line.strip()}” has no equivalent: write plain SQL")


def _no_marker(_line: str) -> Marker | None:
    return None


SUPABASE = MarkedTool("supabase", _no_marker, by_number, first="up")
ATLAS = MarkedTool("atlas", atlas_marker, by_text, first="up")
