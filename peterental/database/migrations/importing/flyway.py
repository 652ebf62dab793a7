"""Flyway: versioned, undo, repeatable and baseline migrations."""

from __future__ import annotations

import re

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import (
    ImportedFolder,
    ImportedMigration,
    ImportRefused,
    OrderKey,
    Remark,
)
from peterental.database.migrations.importing.paired import migration_from
from peterental.database.migrations.importing.sql_edits import lines_matching

NAMED = re.compile(r"(?P<prefix>[VUB])(?P<version>\d+(?:[._]\d+)*)__(?P<name>.*)\.sql")
REPEATABLE = re.compile(r"R__(?P<name>.*)\.sql")
CALLBACK = re.compile(r"(?:(?:before|after)[A-Z]\w*?|createSchema)(?:__.*)?\.\w+")
NO_CALLBACKS = "is a callback: there are none here; move its work into a migration"
CODE = re.compile(
    r"(?P<prefix>[VUBR])(?P<version>\d+(?:[._]\d+)*)?__(?P<name>.*)\.(?P<language>java|kt|class|py|ps1|sh|bash|bat|cmd)"
)

_PLACEHOLDER = re.compile(r"\$\{[^}\r\n]*\}")
_SETTING = re.compile(
    r"^[ \t]*(?P<name>[^\s#!=:\[][^\s=:]*)[ \t]*[=: \t][ \t]*(?P<value>[^\r\n]*?)[ \t]*\r?$", re.MULTILINE
)
_COMMENT_SETTING = re.compile(r"^\s*--\s*flyway:\s*executeInTransaction\s*=\s*false\b", re.IGNORECASE | re.MULTILINE)
_REPEATABLE_REMARK = (
    "ran again whenever it changed: here it runs once, after the others, and a change is a new migration"
)


def version_key(version: str) -> tuple[int, ...]:
    """Return the parts of a version as numbers, without zeros at the end: 1.10 is above 1.9, and 1.0 equals 1."""
    parts = [int(part) for part in re.split(r"[._]", version)]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def convert_flyway(folder: SourceFolder) -> ImportedFolder:
    """Convert `V` files with their `U` files, then `R` files in the order of their descriptions."""
    result = ImportedFolder()
    settings = {file.name.removesuffix(".conf"): file for file in folder.files if file.name.endswith(".sql.conf")}
    result.handled |= {file.name for file in settings.values()}
    undos = _undos(folder)
    for file in folder.files:
        found = NAMED.fullmatch(file.base_name)
        if found and found["prefix"] == "V":
            key = version_key(found["version"])
            version = ".".join(map(str, key))
            undo = undos.pop(key, None)
            result.migrations.append(migration_from((0, key, ""), version, found["name"], file, undo))
            result.handled |= {undo.name} if undo else set()
        elif repeatable := REPEATABLE.fullmatch(file.base_name):
            result.migrations.append(_repeatable(file, repeatable["name"]))
        elif CALLBACK.fullmatch(file.base_name):
            result.handled.add(file.name)
            result.problems.append(Remark(NO_CALLBACKS, file.name))
    _add_baselines(folder, result)
    _add_code(folder, result)
    for undo in undos.values():
        result.handled.add(undo.name)
        result.problems.append(Remark("undoes a migration that is not there: it was left out", undo.name))
    for migration in result.migrations:
        _apply_settings(migration, settings.get(migration.origin))
    return result


def _undos(folder: SourceFolder) -> dict[tuple[int, ...], SourceFile]:
    found: dict[tuple[int, ...], SourceFile] = {}
    for file in folder.files:
        named = NAMED.fullmatch(file.base_name)
        if named and named["prefix"] == "U":
            other = found.setdefault(version_key(named["version"]), file)
            if other is not file:
                raise ImportRefused(reason=f"{other.name} and {file.name} have the same version; renumber one")
    return found


def _repeatable(file: SourceFile, name: str) -> ImportedMigration:
    migration = migration_from((1, (), name), f"R {name}", name, file, None)
    migration.changed(_REPEATABLE_REMARK)
    return migration


def _add_baselines(folder: SourceFolder, result: ImportedFolder) -> None:
    """Take a baseline as a migration unless the versions that it stands for are there."""
    versions = [migration.order[1] for migration in result.migrations if migration.order[0] == 0]
    for file in folder.files:
        found = NAMED.fullmatch(file.base_name)
        if not found or found["prefix"] != "B":
            continue
        key = version_key(found["version"])
        result.handled.add(file.name)
        if any(isinstance(version, tuple) and version <= key for version in versions):
            result.remarks.append(Remark("left out: the migrations that it stands for are here", file.name))
            continue
        migration = migration_from((0, key, ""), ".".join(map(str, key)), found["name"], file, None)
        migration.changed("a baseline: it is an ordinary migration here")
        result.migrations.append(migration)


def _add_code(folder: SourceFolder, result: ImportedFolder) -> None:
    for file in folder.files:
        found = CODE.fullmatch(file.base_name)
        if not found:
            continue
        if found["prefix"] == "U" or not (found["version"] or found["prefix"] == "R"):
            result.handled.add(file.name)
            result.problems.append(Remark("is not SQL: write it as a down file", file.name))
            continue
        key: OrderKey = (0, version_key(found["version"]), "") if found["version"] else (1, (), found["name"])
        version = ".".join(map(str, version_key(found["version"]))) if found["version"] else f"R {found['name']}"
        result.migrations.append(
            ImportedMigration(order=key, version=version, name=found["name"], origin=file.name, up=None)
        )


def _apply_settings(migration: ImportedMigration, file: SourceFile | None) -> None:
    """Apply the `.conf` file beside a migration, and report placeholders."""
    settings = {
        found["name"].removeprefix("flyway."): found["value"].strip("\"'").lower()
        for found in _SETTING.finditer(file.text if file else "")
    }
    in_transaction = settings.pop("executeInTransaction", "true")
    replaces = settings.pop("placeholderReplacement", "true") != "false"
    migration.no_transaction = in_transaction == "false" or bool(_COMMENT_SETTING.search(migration.up or ""))
    for name in settings:
        migration.failed(f"the setting {name} has no equivalent", file.name if file else "")
    for text, part in ((migration.up, ""), (migration.down, " of the undo file")):
        for line, placeholder in lines_matching(text or "", _PLACEHOLDER) if replaces else ():
            migration.failed(
                f"{placeholder} is a placeholder: write its value", f"{migration.origin}, line {line}{part}"
            )
