"""Tools with separate files for both parts: golang-migrate, sqlx, diesel."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import (
    ImportedFolder,
    ImportedMigration,
    ImportRefused,
    OrderKey,
    Remark,
)

PAIRED = re.compile(r"(?P<version>\d+)[_-](?P<name>.*)\.(?P<part>up|down)\.sql", re.IGNORECASE)
PLAIN = re.compile(r"(?P<version>\d+)_(?P<name>.*)\.sql", re.IGNORECASE)
FOLDER_PART = re.compile(r"(?:.*/)?(?P<version>[\d-]*\d)[_-](?P<name>[^/]*)/(?P<part>up|down)\.sql", re.IGNORECASE)

_OTHER_ENDING = re.compile(r"\d+_.*\.(?:up|down)\.(?!sql\Z).*")
_SQLX_NO_TRANSACTION = re.compile(r"-- no-transaction[^\r\n]*(?:\r\n|\r|\n)?")
_NOT_A_DIGIT = re.compile(r"\D")


Part = tuple[tuple[str, str], str, SourceFile]
"""Version and words; `up` or `down`; the file."""


def convert_golang_migrate(folder: SourceFolder) -> ImportedFolder:
    """Convert pairs such as `1_users.up.sql` and `1_users.down.sql`; the tool runs them with other endings too."""
    result = from_parts(numbered_parts(folder.top_level()))
    for file in folder.top_level():
        if _OTHER_ENDING.fullmatch(file.base_name):
            result.handled.add(file.name)
            result.problems.append(Remark("golang-migrate runs this file too: give it the ending .sql", file.name))
    return result


def convert_sqlx(folder: SourceFolder) -> ImportedFolder:
    """Convert single files and pairs; a comment in the first line may turn the transaction off."""
    files = folder.top_level()
    result = from_parts(numbered_parts(files))
    for file in files:
        found = None if PAIRED.fullmatch(file.base_name) else PLAIN.fullmatch(file.base_name)
        if found:
            number = int(found["version"])
            result.migrations.append(migration_from((number,), str(number), found["name"], file, None))
    for migration in result.migrations:
        migration.up, migration.no_transaction = _without_sqlx_marker(migration.up)
        migration.down, migration.down_no_transaction = _without_sqlx_marker(migration.down)
    return result


def _without_sqlx_marker(text: str | None) -> tuple[str | None, bool]:
    found = _SQLX_NO_TRANSACTION.match(text or "")
    return (text[found.end() :], True) if text and found else (text, False)


def convert_diesel(folder: SourceFolder) -> ImportedFolder:
    """Convert folders such as `2024-01-31-120000_users` with `up.sql`, `down.sql` and perhaps `metadata.toml`.

    Diesel compares versions as text.
    """
    result = from_parts(folder_parts(folder), order=lambda version: (version,))
    settings = {file.parent: file for file in folder.files if file.base_name == "metadata.toml"}
    for migration in result.migrations:
        file = settings.get(migration.origin.rpartition("/")[0])
        if file is not None:
            result.handled.add(file.name)
            _apply_metadata(migration, file)
    return result


def folder_parts(folder: SourceFolder) -> Iterator[Part]:
    """Yield the parts of migrations that have a folder each."""
    for file in folder.files:
        found = FOLDER_PART.fullmatch(file.name)
        if found:
            yield (_NOT_A_DIGIT.sub("", found["version"]), found["name"]), found["part"].lower(), file


def numbered_parts(files: Iterable[SourceFile]) -> Iterator[Part]:
    """Yield the parts of migrations that are pairs of files."""
    for file in files:
        found = PAIRED.fullmatch(file.base_name)
        if found:
            yield (str(int(found["version"])), found["name"]), found["part"].lower(), file


def _apply_metadata(migration: ImportedMigration, file: SourceFile) -> None:
    try:
        settings = tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        migration.failed(f"cannot be read: {error}", file.name)
        return
    if settings.get("run_in_transaction") is False:
        migration.no_transaction = migration.down_no_transaction = True
    for name in settings.keys() - {"run_in_transaction"}:
        migration.failed(f"the setting {name} has no equivalent", file.name)


def _by_number(version: str) -> OrderKey:
    return (int(version),)


def from_parts(parts: Iterable[Part], order: Callable[[str], OrderKey] = _by_number) -> ImportedFolder:
    """Match ups and downs by version.

    Args:
        parts: of all migrations.
        order: returns the place of a version in the tool's order.

    Raises ImportRefused for two files with one version and part.
    """
    by_version: dict[str, dict[str, tuple[str, SourceFile]]] = defaultdict(dict)
    for (version, name), part, file in parts:
        other = by_version[version].setdefault(part, (name, file))[1]
        if other is not file:
            raise ImportRefused(reason=f"{other.name} and {file.name} have the same version {version}; renumber one")
    result = ImportedFolder()
    for version, found in by_version.items():
        name, down = found.get("down", ("", None))
        if "up" not in found:
            if down is not None:
                result.handled.add(down.name)
                result.problems.append(Remark("undoes a migration that is not there: it was left out", down.name))
            continue
        name, up = found["up"]
        if down is not None:
            result.handled.add(down.name)
        result.migrations.append(migration_from(order(version), version, name, up, down))
    return result


def migration_from(
    order: OrderKey, version: str, name: str, up: SourceFile, down: SourceFile | None
) -> ImportedMigration:
    """Return a migration whose parts are whole files."""
    migration = ImportedMigration(order=order, version=version, name=name, origin=up.name, up=None)
    for file in (up, down):
        if file is not None and file.content[0] is None:
            migration.failed(file.content[1])
    if not migration.problems:
        migration.up = up.text
        migration.down = down.text if down else None
    return migration
