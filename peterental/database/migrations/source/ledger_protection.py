"""Find statements that would change the ledger or take it away, other than the INSERT with which a file records itself.

After such a change the runner would not know what is applied: files would run twice, or never.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from peterental.database.migrations.errors import Problem, ProblemKind
from peterental.database.migrations.source.files import MigrationFile
from peterental.database.migrations.source.statements import split_statements
from peterental.database.migrations.sql.embedded import EmbeddedStatement, statements_in
from peterental.database.migrations.sql.parser import pg_enums
from peterental.database.migrations.sql.trees import name_parts, walk
from peterental.database.migrations.wording import mentions

LEDGER_TABLES = ("schema_migrations", "schema_migration_attempts")

DEFAULT_SCHEMA = "public"
"""Where the ledger is assumed to be if no database was asked."""

_NEXT_STEP = "remove it; flask db-rollback, db-repair and db-adopt change the ledger"
_KEEP_SCHEMA = "drop or rename its objects one by one instead"

_LEDGER_NAME = re.compile(r"schema_migration(?:s|_attempts)\b", re.IGNORECASE)
_MAYBE_SCHEMA = re.compile(r"\b(?:drop|alter)\s+schema\b|\bdrop\s+owned\b|schema\s+'", re.IGNORECASE)
_GUIDE_FORM = re.compile(
    r"(?:^|;)\s*(?:--[^\n]*\n\s*)*(?:"
    r"insert\s+into\s+(?:public\.)?schema_migrations\s*\(\s*version\s*,\s*description\s*\)\s*"
    r"values\s*\(\s*(?P<version>\d+)\s*,\s*'(?:[^'\\]|'')*'\s*\)\s*(?:on\s+conflict\s*(?:\(\s*version\s*\))?\s*do\s+nothing\s*)?"
    r"|create\s+table\s+if\s+not\s+exists\s+(?:public\.)?schema_migrations\s*\((?:[^;'()]|\([^;'()]*\))*\)\s*"
    r")(?=;|\Z)",
    re.IGNORECASE | re.MULTILINE,
)
_OWN_ROW = re.compile(
    r"delete\s+from\s+(?:public\.)?schema_migrations\s+where\s+version\s*=\s*(?P<version>\d+)\s*", re.IGNORECASE
)
_WRITES = re.compile(
    r"\b(?:insert|update|delete|truncate|merge|drop|alter|rename|copy|trigger|rule|policy)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class LedgerChange:
    """What a statement would do to the ledger.

    Args:
        message: what it would do.
        next_step: what to do instead; None for a wrong version, which makes that clear.
        is_wrong_version: whether it is a file's INSERT, but with another version than the file's.
    """

    message: str
    next_step: str | None = _NEXT_STEP
    is_wrong_version: bool = False


def ledger_problems(file: MigrationFile, text: str, schema: str = DEFAULT_SCHEMA) -> list[Problem]:
    """Return the statements that would change the ledger, each with its line.

    Args:
        file: the file.
        text: its text.
        schema: of the ledger.
    """
    if not _may_change(file, text):
        return []
    problems = []
    for statement in split_statements(text):
        if not (_LEDGER_NAME.search(statement.sql) or _MAYBE_SCHEMA.search(statement.sql)):
            continue
        if file.path.name.endswith(".down.sql") and _deletes_own_row(statement.sql, file.version):
            continue
        for change, offset in _changes(statement.sql, schema, file.version):
            kind = ProblemKind.WRONG_VERSION if change.is_wrong_version else ProblemKind.LEDGER
            problem = file.problem(text, statement.offset + offset, change.message, change.next_step)
            problems.append(replace(problem, kind=kind))
    return list(dict.fromkeys(problems))


def _may_change(file: MigrationFile, text: str) -> bool:
    """Return whether the file must be parsed: not if it names the ledger only as the guide does."""
    if not mentions(text, "schema"):
        return mentions(text, "owned") and bool(_MAYBE_SCHEMA.search(text))
    named = len(_LEDGER_NAME.findall(text))
    if named:
        forms = [found["version"] for found in _GUIDE_FORM.finditer(text)]
        if named == len(forms) and all(version is None or int(version) == file.version for version in forms):
            named = 0
    return bool(named or _MAYBE_SCHEMA.search(text))


def _changes(sql: str, schema: str, version: int) -> Iterator[tuple[LedgerChange, int]]:
    for part in statements_in(sql):
        if part.tree is None:
            change = _incomplete(part, schema)
            if change:
                yield change, part.offset
            continue
        for node in walk(part.tree) if not _only_explains(part.tree) else ():
            change = _change(node, schema, version)
            if change:
                yield change, part.offset


def _deletes_own_row(sql: str, version: int) -> bool:
    """Return whether a statement is what the runner does itself after a down file."""
    found = _OWN_ROW.fullmatch(sql)
    return found is not None and int(found["version"]) == version


def _only_explains(tree: Any) -> bool:
    """Return whether a statement is an EXPLAIN without ANALYZE, which runs nothing."""
    options = [option.def_elem.defname for option in tree.explain_stmt.options]
    return tree.HasField("explain_stmt") and "analyze" not in options


def _incomplete(part: EmbeddedStatement, schema: str) -> LedgerChange | None:
    """Return what SQL that is put together at run time would do, as far as its constant parts show."""
    named = _LEDGER_NAME.search(part.text)
    if named and _WRITES.search(part.text):
        return LedgerChange(f"it changes {named.group().lower()}, which records what is applied")
    if _MAYBE_SCHEMA.search(part.text) and re.search(rf"\b{re.escape(schema)}\b", part.text):
        return _loses_schema("drops or renames", schema)
    return None


def _change(node: Any, schema: str, version: int) -> LedgerChange | None:
    """Return what one node of a parse tree would do to the ledger; None for nothing."""
    kind = node.DESCRIPTOR.name
    if kind in _SCHEMA_CHANGES:
        change: LedgerChange | None = _SCHEMA_CHANGES[kind](node, schema)
        if change:
            return change
    table = next((name for name in _changed_tables(kind, node, schema) if name in LEDGER_TABLES), None)
    if table is None:
        return None
    if kind == "InsertStmt" and table == LEDGER_TABLES[0]:
        return _insert(node, version)
    return LedgerChange(f"it {_VERBS[kind]} {table}, which records what is applied")


_VERBS = {
    "InsertStmt": "writes rows to",
    "UpdateStmt": "changes rows of",
    "DeleteStmt": "deletes rows of",
    "MergeStmt": "changes rows of",
    "CopyStmt": "writes rows to",
    "TruncateStmt": "empties",
    "DropStmt": "drops",
    "AlterTableStmt": "alters",
    "RenameStmt": "renames",
    "AlterObjectSchemaStmt": "moves",
    "CreateTrigStmt": "puts a trigger on",
    "RuleStmt": "puts a rule on",
    "CreatePolicyStmt": "puts a policy on",
}


def _changed_tables(kind: str, node: Any, schema: str) -> list[str]:
    """Return the names of the tables that a node changes, if they may be in the ledger's schema."""
    if kind not in _VERBS:
        return []
    if kind == "DropStmt":
        if node.remove_type != pg_enums().OBJECT_TABLE:
            return []
        names = [name_parts(item.list.items) for item in node.objects if item.HasField("list")]
        return [parts[-1] for parts in names if len(parts) == 1 or parts[-2] == schema]
    if kind == "CopyStmt" and not node.is_from:
        return []
    if kind == "AlterTableStmt" and _only_changes_owner(node):
        return []
    if kind == "TruncateStmt":
        relations = [item.range_var for item in node.relations]
    elif kind == "CreatePolicyStmt":
        relations = [node.table]
    else:
        relations = [node.relation]
    return [relation.relname for relation in relations if relation.schemaname in ("", schema)]


def _only_changes_owner(node: Any) -> bool:
    return all(item.alter_table_cmd.subtype == pg_enums().AT_ChangeOwner for item in node.cmds)


def _loses_schema(verb: str, schema: str) -> LedgerChange:
    return LedgerChange(
        f"it {verb} schema {schema}, which contains schema_migrations, the record of what is applied", _KEEP_SCHEMA
    )


def _drops_schema(node: Any, schema: str) -> LedgerChange | None:
    dropped = name_parts(node.objects) if node.remove_type == pg_enums().OBJECT_SCHEMA else []
    return _loses_schema("drops", schema) if schema in dropped else None


def _renames_schema(node: Any, schema: str) -> LedgerChange | None:
    renamed = node.rename_type == pg_enums().OBJECT_SCHEMA and node.subname == schema
    return _loses_schema("renames", schema) if renamed else None


def _drops_owned(node: Any, _schema: str) -> LedgerChange | None:
    """Return whether a DROP OWNED drops what the runner's own role owns, and so the ledger."""
    own = {pg_enums().ROLESPEC_CURRENT_USER, pg_enums().ROLESPEC_SESSION_USER, pg_enums().ROLESPEC_CURRENT_ROLE}
    if not any(item.role_spec.roletype in own for item in node.roles):
        return None
    return LedgerChange("it drops all that the runner's role owns, schema_migrations included", _KEEP_SCHEMA)


_SCHEMA_CHANGES = {"DropStmt": _drops_schema, "RenameStmt": _renames_schema, "DropOwnedStmt": _drops_owned}


def _insert(node: Any, version: int) -> LedgerChange | None:
    """Return None for an INSERT that records the file itself, in whatever form, if its version is a constant."""
    versions = _inserted_versions(node)
    updates = [target.res_target.name for target in node.on_conflict_clause.target_list]
    if versions is None or "version" in updates:
        return LedgerChange(f"it writes rows to schema_migrations other than that of version {version}")
    wrong = [found for found in versions if found != version]
    if not wrong:
        return None
    return LedgerChange(f"it records itself as {wrong[0]}, not as {version}", None, is_wrong_version=True)


def _inserted_versions(node: Any) -> list[int] | None:
    """Return the versions that an INSERT writes; None if they are not constants."""
    columns = [item.res_target.name for item in node.cols]
    column = columns.index("version") if "version" in columns else 0 if not columns else None
    source = node.select_stmt.select_stmt
    rows = [list(values.list.items) for values in source.values_lists]
    if not rows and source.target_list:
        rows = [[target.res_target.val for target in source.target_list]]
    if column is None or not rows or source.HasField("larg"):
        return None
    versions = []
    for row in rows:
        if column >= len(row) or not row[column].a_const.HasField("ival"):
            return None
        versions.append(row[column].a_const.ival.ival)
    return versions
