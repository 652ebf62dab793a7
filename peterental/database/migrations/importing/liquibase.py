"""Liquibase: changelogs in formatted SQL, one migration per changeset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from peterental.database.migrations.importing.folder import SourceFile, SourceFolder
from peterental.database.migrations.importing.model import ImportedFolder, ImportedMigration, Remark
from peterental.database.migrations.importing.sql_edits import has_statement, lines_matching, lines_of, terminated

HEADER = re.compile(r"\s*--\s*liquibase\s+formatted\s+sql\b.*", re.IGNORECASE)

_CHANGESET = re.compile(
    r"\s*--\s*changeset\s+(?P<author>\"[^\"]*\"|'[^']*'|[^:\s][^:]*?)\s*:\s*(?P<id>\"[^\"]*\"|'[^']*'|\S+)(?P<rest>.*)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"(?P<name>[A-Za-z]\w*)\s*:\s*(?P<value>\"[^\"]*\"|'[^']*'|\S+)")
_ROLLBACK = re.compile(r"\s*--\s*rollback\b\s?(?P<sql>.*)", re.IGNORECASE)
_ROLLBACK_BLOCK = re.compile(r"\s*/\*\s*liquibase\s+rollback\s*(?P<sql>.*)", re.IGNORECASE)
_ROLLBACK_OF_ANOTHER = re.compile(r"changeset(?:id|author|path)\s*:", re.IGNORECASE)
_NO_ROLLBACK = re.compile(r"\s*(?:not\s+required|empty)\s*;?\s*", re.IGNORECASE)
_PRECONDITION = re.compile(r"\s*--\s*preconditions?(?:-[\w-]+)?\b.*", re.IGNORECASE)
_OTHER_LINE = re.compile(r"\s*--\s*(?P<word>ignoreLines|property|include|includeAll)\b.*", re.IGNORECASE)
_NOTE = re.compile(r"\s*--\s*(?:comment|validCheckSum|labels?)\s*:?.*", re.IGNORECASE)
_PARAMETER = re.compile(r"\$\{[^}\r\n]*\}")
_CHANGELOG = re.compile(r".*\.(?:xml|ya?ml|json)", re.IGNORECASE)
_NUMBER = re.compile(r"^[\d._-]*(?P<words>.*)$")
_PLAIN_DELIMITER = re.compile(r"[^\s\\*+?|()\[\]{}^$.]+")

_WITHOUT_EFFECT = frozenset(
    {
        "stripcomments",
        "splitstatements",
        "rollbacksplitstatements",
        "logicalfilepath",
        "created",
        "objectquotingstrategy",
    }
)
_WHILE_TRUE = {"failonerror", "runintransaction"}
_WHILE_FALSE = {"runonchange", "runalways", "ignore"}


@dataclass
class _Changeset:
    """One changeset as it is read.

    Args:
        author: of it.
        identifier: its id.
        attributes: values by lower-case name.
        line: where it begins.
        sql: its lines.
        rollback: the lines that undo it.
        problems: line number and text of what has no equivalent.
    """

    author: str
    identifier: str
    attributes: dict[str, str]
    line: int
    sql: list[str] = field(default_factory=list)
    rollback: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def says(self, name: str) -> str:
        """Return an attribute's value in lower case; empty without it."""
        return self.attributes.get(name, "").lower()


def convert_liquibase(folder: SourceFolder) -> ImportedFolder:
    """Convert every changeset, in the order of the files' names and of the changesets in them."""
    result = ImportedFolder()
    files = [file for file in folder.files if file.base_name.endswith(".sql") and _is_formatted(file.text)]
    for file in files:
        changesets = list(_changesets(file.text, file, result))
        for changeset in changesets:
            _add(result, file, changeset, is_alone=len(changesets) == 1)
        result.handled.add(file.name)
    changelogs = [file.name for file in folder.files if _CHANGELOG.fullmatch(file.base_name)]
    result.handled |= set(changelogs)
    if changelogs:
        text = "decides what runs, and when: here the files follow each other by name, and its own changes are left out"
        result.problems += [Remark(text, name) for name in changelogs]
    return result


def _is_formatted(text: str) -> bool:
    return any(HEADER.fullmatch(line.rstrip("\r\n")) for line in lines_of(text)[:50])


def _changesets(text: str, file: SourceFile, result: ImportedFolder) -> Iterator[_Changeset]:
    """Split a file into its changesets."""
    current: _Changeset | None = None
    in_rollback = False
    for number, line in enumerate(lines_of(text), 1):
        content = line.rstrip("\r\n")
        if found := _CHANGESET.fullmatch(content):
            if current:
                yield current
            current = _Changeset(_unquoted(found["author"]), _unquoted(found["id"]), _attributes(found["rest"]), number)
            in_rollback = False
        elif current is None:
            if not HEADER.fullmatch(content) and not content.lstrip().startswith("--") and content.strip():
                result.problems.append(
                    Remark("the SQL above the first changeset was left out", f"{file.name}:{number}")
                )
        elif in_rollback:
            end = content.find("*/")
            current.rollback.append((content if end < 0 else content[:end]) + "\n")
            in_rollback = end < 0
        else:
            in_rollback = _take(current, number, line, content)
    if current:
        yield current


def _take(current: _Changeset, number: int, line: str, content: str) -> bool:
    """Take one line of a changeset; return whether it begins a block of rollback statements."""
    if found := _ROLLBACK.fullmatch(content):
        current.rollback.append(found["sql"] + "\n")
    elif found := _ROLLBACK_BLOCK.fullmatch(content):
        sql, end, _ = found["sql"].partition("*/")
        current.rollback.append(sql + "\n")
        return not end
    elif _PRECONDITION.fullmatch(content):
        current.problems.append((number, f"“{content.strip()}” has no equivalent: the changeset always runs here"))
    elif found := _OTHER_LINE.fullmatch(content):
        current.problems.append((number, f"“{content.strip()}” has no equivalent: write plain SQL"))
    elif not _NOTE.fullmatch(content):
        current.sql.append(line)
    return False


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] in {'"', "'"} and text[-1:] == text[:1] else text


def _attributes(rest: str) -> dict[str, str]:
    return {found["name"].lower(): _unquoted(found["value"]) for found in _ATTRIBUTE.finditer(rest)}


def _add(result: ImportedFolder, file: SourceFile, changeset: _Changeset, *, is_alone: bool) -> None:
    where = f"{file.name}:{changeset.line}"
    if changeset.says("ignore") == "true" or not _is_for_postgresql(changeset.says("dbms")):
        why = "is ignored" if changeset.says("ignore") == "true" else f"is for {changeset.attributes['dbms']} only"
        result.remarks.append(Remark(f"changeset {changeset.identifier} {why}: it was left out", where))
        return
    words = _NUMBER.match(file.base_name.removesuffix(".sql"))
    stem = (words["words"] if words else "") or file.base_name.removesuffix(".sql")
    migration = ImportedMigration(
        order=(len(result.migrations),),
        version=f"{file.name}::{changeset.identifier}::{changeset.author}",
        name=stem if is_alone else f"{stem} {changeset.identifier}",
        origin=f"{file.name}, {changeset.author}:{changeset.identifier}",
        up="".join(changeset.sql),
        no_transaction=changeset.says("runintransaction") == "false",
    )
    for line, text in changeset.problems:
        migration.failed(text, f"{file.name}:{line}")
    _apply_attributes(migration, changeset, where)
    _set_rollback(migration, changeset, where)
    _end_statements(migration, changeset, where)
    for sql, part in ((migration.up, ""), (migration.down, " of the rollback")):
        for _, parameter in lines_matching(sql or "", _PARAMETER):
            migration.failed(f"{parameter}{part} is a parameter of the changelog: write its value", where)
    result.migrations.append(migration)


def _is_for_postgresql(dbms: str) -> bool:
    names = [name.strip() for name in dbms.split(",") if name.strip()]
    if "none" in names or "!postgresql" in names:
        return False
    wanted = [name for name in names if not name.startswith("!")]
    return not wanted or not {"postgresql", "all"}.isdisjoint(wanted)


def _apply_attributes(migration: ImportedMigration, changeset: _Changeset, where: str) -> None:
    for name, value in changeset.attributes.items():
        if name in _WITHOUT_EFFECT | {"dbms", "enddelimiter", "rollbackenddelimiter", "runintransaction"}:
            continue
        if name in (_WHILE_TRUE if value.lower() == "true" else _WHILE_FALSE if value.lower() == "false" else ()):
            continue
        if name == "runonchange":
            migration.changed("ran again whenever it changed: here it runs once, and a change is a new migration")
        elif name in {"context", "contextfilter", "labels"}:
            migration.failed(f"the changeset runs only with {name} {value}; here it always runs", where)
        else:
            migration.failed(f"the attribute {name}:{value} has no equivalent", where)


def _set_rollback(migration: ImportedMigration, changeset: _Changeset, where: str) -> None:
    text = "".join(changeset.rollback)
    if not text.strip() or _NO_ROLLBACK.fullmatch(text):
        return
    if _ROLLBACK_OF_ANOTHER.search(text):
        migration.failed("the rollback names another changeset: write its SQL as a down file", where)
    elif has_statement(text):
        migration.down = text


def _end_statements(migration: ImportedMigration, changeset: _Changeset, where: str) -> None:
    """Write semicolons for other delimiters, and after the last statement."""
    delimiters = (changeset.attributes.get("enddelimiter"), changeset.attributes.get("rollbackenddelimiter"))
    migration.up = _with_semicolons(migration, migration.up or "", delimiters[0], where)
    if migration.down:
        migration.down = _with_semicolons(migration, migration.down, delimiters[1] or delimiters[0], where)


def _with_semicolons(migration: ImportedMigration, text: str, delimiter: str | None, where: str) -> str:
    plain = (delimiter or ";").replace("\\n", "").strip()
    if plain != ";":
        if not _PLAIN_DELIMITER.fullmatch(plain):
            migration.failed(f"the delimiter {delimiter} has no equivalent: end the statements with semicolons", where)
            return text
        text = re.sub(rf"(?:(?<=\W)|^){re.escape(plain)}[ \t]*(?=\r?$)", ";", text, flags=re.MULTILINE | re.IGNORECASE)
        migration.changed(f"the delimiter {plain} became a semicolon")
    return terminated(text)
