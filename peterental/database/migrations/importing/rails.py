"""Rails: the dump db/structure.sql, and migrations that are folders or pairs of SQL files."""

from __future__ import annotations

import re
from itertools import chain

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import (
    ImportedFolder,
    ImportedMigration,
    ImportRefused,
    Remark,
)
from peterental.database.migrations.importing.paired import folder_parts, from_parts, migration_from, numbered_parts
from peterental.database.migrations.importing.sql_edits import without_matching

STRUCTURE = re.compile(r"(?:\w*_)?structure\.sql")
RUBY = re.compile(r"(?P<version>\d+)_(?P<name>\w+)\.rb")

_RECORDED = re.compile(r"insert\s+into\s+\S*schema_migrations\b.*", re.IGNORECASE | re.DOTALL)
_VERSION = re.compile(r"\(\s*'(?P<version>\d+)'\s*\)")
_PSQL_RESTRICT = re.compile(r"^\\(?:un)?restrict\b[^\r\n]*(?:\r\n|\r|\n)?", re.MULTILINE)
_OWN_TABLES = re.compile(
    r"(?:create\s+table(?:\s+if\s+not\s+exists)?|alter\s+table(?:\s+only)?|insert\s+into"
    r"|create\s+unique\s+index\s+\S+\s+on)\s+(?:\w+\.)?\"?(?:schema_migrations|ar_internal_metadata)\b",
    re.IGNORECASE,
)
# The settings with which pg_dump begins that concern the session that restores. transaction_timeout exists since 17.
_DUMP_SETTING = re.compile(
    r"set\s+(?:statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding"
    r"|standard_conforming_strings|client_min_messages|row_security)\s*=",
    re.IGNORECASE,
)
_PUBLIC_SCHEMA = re.compile(r"create\s+schema\s+public\s*\Z", re.IGNORECASE)
_REMOVED = (
    (
        _OWN_TABLES,
        "the tables schema_migrations and ar_internal_metadata were removed: Rails keeps its own records there",
    ),
    (_DUMP_SETTING, "settings of pg_dump's own session (timeouts, encoding) were removed"),
    (_PUBLIC_SCHEMA, "CREATE SCHEMA public was removed: every database has it"),
)


def convert_rails(folder: SourceFolder) -> ImportedFolder:
    """Convert structure.sql as the first migration, then the SQL migrations that it does not contain."""
    structures = [file for file in folder.files if STRUCTURE.fullmatch(file.base_name)]
    if len(structures) > 1:
        names = ", ".join(file.name for file in structures)
        raise ImportRefused(reason=f"there are several dumps ({names}); import a folder with one of them")
    result = from_parts(chain(folder_parts(folder), numbered_parts(folder.files)))
    contained: set[str] = set()
    if structures:
        contained = _recorded_versions(structures[0].text)
        result.migrations = [
            one for one in result.migrations if not _is_contained(one.origin, one.version, contained, result)
        ]
        result.migrations.append(_structure(structures[0]))
    for file in folder.files:
        ruby = RUBY.fullmatch(file.base_name)
        if ruby and not _is_contained(file.name, str(int(ruby["version"])), contained, result):
            version = str(int(ruby["version"]))
            result.migrations.append(
                ImportedMigration(order=(int(version),), version=version, name=ruby["name"], origin=file.name, up=None)
            )
    return result


def _is_contained(name: str, version: str, contained: set[str], result: ImportedFolder) -> bool:
    if version not in contained:
        return False
    result.handled.add(name)
    result.remarks.append(Remark("is part of structure.sql", name))
    return True


def _recorded_versions(text: str) -> set[str]:
    """Return the versions that the dump records as applied."""
    recorded = _RECORDED.search(text)
    return {str(int(found["version"])) for found in _VERSION.finditer(recorded.group() if recorded else "")}


def _structure(file: SourceFile) -> ImportedMigration:
    migration = migration_from((0,), "0", file.base_name.removesuffix(".sql"), file, None)
    if migration.up is None:
        return migration
    migration.up, count = _PSQL_RESTRICT.subn("", migration.up)
    if count:
        migration.changed("psql's \\restrict and \\unrestrict were removed")
    for pattern, remark in _REMOVED:
        migration.up, removed = without_matching(migration.up, pattern.match)
        if removed:
            migration.changed(remark)
    return migration
