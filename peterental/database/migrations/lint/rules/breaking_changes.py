"""Drops and renames of objects that the running code still uses."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.created_objects import is_created_too
from peterental.database.migrations.lint.findings import advice, breaking, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command
from peterental.database.migrations.lint.schema_model import Constraint, Table, columns_of_constraint
from peterental.database.migrations.lint.schema_replay import view_columns
from peterental.database.migrations.wording import plural

DROP_TABLE = breaking(
    "drop-table",
    "Its rows are lost for good, and until the deploy is complete, old code still queries the table and fails.",
)
DROP_COLUMN = breaking(
    "drop-column",
    "Its values are lost for good, and until the deploy is complete, old code still names the column and fails.",
)
DROP_OBJECT = breaking("drop-object", "Until the deploy is complete, old code still uses the object and fails.")
DROP_CASCADE = unsafe(
    "drop-cascade",
    "Everything that depends on it on this server is dropped too, without being named: views, foreign keys, functions.",
)
DROP_CONSTRAINT = breaking(
    "drop-constraint",
    "Values that it rejected are accepted from now on. ON CONFLICT clauses that rely on it fail at once, and the index "
    "of a key is no longer there for queries.",
)
DROP_NOT_NULL = breaking("drop-not-null", "Old code does not expect a NULL there, and fails when new code writes one.")
DROP_DEFAULT = breaking(
    "drop-default",
    "Old code, which omits the column, can no longer insert, because the column is NOT NULL.",
)
RENAME_TABLE = breaking(
    "rename-table",
    "Until the deploy is complete, old code still uses the old name and fails.",
)
RENAME_COLUMN = breaking(
    "rename-column",
    "Until the deploy is complete, old code still uses the old name and fails.",
)
RENAME_OBJECT = breaking(
    "rename-object",
    "Until the deploy is complete, old code still uses the old name and fails.",
)
ADD_ENUM_VALUE = advice(
    "add-enum-value",
    "An enum value cannot be removed again, and old code does not know it when it reads it. A text column with a CHECK "
    "can be changed both ways.",
)

_DROPPED = {
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "domain",
    "OBJECT_AGGREGATE": "aggregate",
    "OBJECT_COLLATION": "collation",
    "OBJECT_FDW": "foreign data wrapper",
    "OBJECT_FOREIGN_SERVER": "server",
    "OBJECT_FUNCTION": "function",
    "OBJECT_LANGUAGE": "language",
    "OBJECT_OPERATOR": "operator",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_ROUTINE": "routine",
    "OBJECT_TSCONFIGURATION": "text search configuration",
    "OBJECT_TSDICTIONARY": "text search dictionary",
    "OBJECT_EXTENSION": "extension",
    "OBJECT_FOREIGN_TABLE": "foreign table",
}
_RENAMED = {
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "domain",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_FOREIGN_TABLE": "foreign table",
}
_DEPLOY_FIRST = "-- first deploy code that no longer uses it; then, in a file of its own:\n-- migrate: contract"
_KEEP_TABLE = "-- keep the rows under another name until you are sure that no code needs them:"


@on("drop_stmt")
def check_drop(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP TABLE, VIEW, FUNCTION and other drops."""
    node = statement.node
    kind = ast.enum_name(node, "remove_type")
    remaining = _missed(lint, statement, kind)
    if kind == "OBJECT_TABLE":
        for parts in map(_dropped_name, remaining):
            name, old = ast.sql_name_of_parts(parts), ast.quoted(f"{parts[-1]}_dropped")
            lint.report(
                DROP_TABLE,
                f"The table {name} is dropped.",
                statement,
                safe=f"{_DEPLOY_FIRST}\n{_KEEP_TABLE}\nALTER TABLE {name} RENAME TO {old};\n"
                f"-- much later:\nDROP TABLE IF EXISTS {old};",
            )
    elif kind in _DROPPED:
        for item in remaining:
            lint.report(
                DROP_OBJECT,
                f"The {_DROPPED[kind]} {ast.sql_name_of_parts(_dropped_name(item))} is dropped.",
                statement,
                safe=f"{_DEPLOY_FIRST}\n{_drop_sql(node, item)}",
            )
    if ast.enum_name(node, "behavior") == "DROP_CASCADE":
        existing = _missed(lint, statement, kind, before=True)
        if existing:
            names = ", ".join(ast.sql_name_of_parts(_dropped_name(item)) for item in existing)
            _report_cascade(lint, statement, statement.offset, names)


def _drop_sql(node: Any, item: Any) -> str:
    """Return the DROP of one object alone, with the types of its arguments and without CASCADE."""
    copy = type(node)()
    copy.CopyFrom(node)
    del copy.objects[:]
    copy.objects.add().CopyFrom(item)
    copy.missing_ok = True
    ast.set_enum(copy, "behavior", "DROP_RESTRICT")
    return ast.sql_of("drop_stmt", copy)


def _missed(lint: FileLint, statement: ParsedStatement, kind: str, *, before: bool | None = None) -> list[Any]:
    """Return the dropped objects that this file does not create.

    With `before`, only what it creates before the drop counts: nothing else on the server depends on that.
    """
    return [
        item
        for item in statement.node.objects
        if (parts := _dropped_name(item))  # a cast has no name
        and not lint.is_created_here(ast.key_of_parts(parts))
        and not (kind in _DROPPED and is_created_too(lint, statement, kind, item, before=before))
    ]


@on("dropdb_stmt", "drop_owned_stmt")
def check_drop_all(lint: FileLint, statement: ParsedStatement) -> None:
    """Check DROP DATABASE and DROP OWNED."""
    dropped = (
        f"The database {statement.node.dbname} is" if statement.kind == "dropdb_stmt" else "All objects of a role are"
    )
    lint.report(DROP_OBJECT, f"{dropped} dropped.", statement)


@on("view_stmt")
def check_view_columns(lint: FileLint, statement: ParsedStatement) -> None:
    """Check CREATE VIEW in place of one that this file has dropped, for columns that are gone."""
    key, columns = ast.key_of(statement.node.view), view_columns(statement.node)
    old = lint.schema.views.get(key)
    if columns is None or old is None or old.dropped_by != lint.number:
        return
    lost = [name for name in old.columns if name not in columns]
    if lost:
        lint.report(
            DROP_OBJECT,
            f"The view {ast.sql_name(statement.node.view)} loses its {plural(len(lost), 'column')}"
            f" {ast.quoted_list(lost)}.",
            statement,
            safe="-- keep them until the deploy is complete; then, in a file of its own:\n-- migrate: contract",
        )


@on_command("AT_DropColumn")
def check_drop_column(lint: FileLint, command: AlterCommand) -> None:
    """Check DROP COLUMN."""
    if lint.is_created_here(command.table):
        return
    column = ast.quoted(command.node.name)
    lint.report(
        DROP_COLUMN,
        f"The column {command.sql_name}.{column} is dropped.",
        command.statement,
        at=command.offset,
        safe=f"{_DEPLOY_FIRST}\nALTER TABLE {command.sql_name} DROP COLUMN IF EXISTS {column};",
    )
    _check_cascade(lint, command)


@on_command("AT_DropConstraint")
def check_drop_constraint(lint: FileLint, command: AlterCommand) -> None:
    """Check DROP CONSTRAINT.

    A constraint that this file replaces, or that is redundant, may be dropped.
    """
    if lint.is_created_here(command.table):
        return
    name = command.node.name
    table = lint.schema.table(command.table)
    known = table.constraints.get(name) if table else None
    is_redundant = table is not None and known is not None and _only_repeats_not_null(table, known)
    is_in_force = known is None or (known.position.file != lint.number and known.valid)
    if not is_redundant and is_in_force and not _is_replaced(lint, command, known):
        kind = {"foreign": "foreign key", "primary": "primary key", None: "constraint"}.get(
            known.kind if known else None, f"{known.kind} constraint" if known else "constraint"
        )
        lint.report(
            DROP_CONSTRAINT,
            f"The {kind} {ast.quoted(name)} of {command.sql_name} is dropped.",
            command.statement,
            at=command.offset,
            safe=f"{_DEPLOY_FIRST.replace('uses', 'relies on')}\n"
            f"ALTER TABLE {command.sql_name} DROP CONSTRAINT IF EXISTS {ast.quoted(name)};",
        )
    _check_cascade(lint, command)


@on_command("AT_DropNotNull")
def check_drop_not_null(lint: FileLint, command: AlterCommand) -> None:
    """Check DROP NOT NULL."""
    table = lint.schema.table(command.table)
    column = command.node.name
    known_nullable = table and column in table.columns and not table.columns[column].not_null
    if lint.is_created_here(command.table) or known_nullable:
        return
    sql_name = ast.quoted(column)
    lint.report(
        DROP_NOT_NULL,
        f"{command.sql_name}.{sql_name} becomes nullable.",
        command.statement,
        at=command.offset,
        safe="-- first deploy code that can read NULL there; then, in a file of its own:\n-- migrate: contract\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {sql_name} DROP NOT NULL;",
    )


@on_command("AT_ColumnDefault", "AT_DropIdentity")
def check_drop_default(lint: FileLint, command: AlterCommand) -> None:
    """Check DROP DEFAULT, SET DEFAULT NULL and DROP IDENTITY on a NOT NULL column that gets no new default."""
    if _sets_default(command.node) or lint.is_created_here(command.table):
        return
    column = command.node.name
    table = lint.schema.table(command.table)
    nullable = table and column in table.columns and not table.columns[column].not_null
    if nullable or not table or _default_is_replaced(lint, command):
        return
    lost = "IDENTITY" if command.kind == "AT_DropIdentity" else "DEFAULT"
    sql_name = ast.quoted(column)
    lint.report(
        DROP_DEFAULT,
        f"{command.sql_name}.{sql_name} is NOT NULL and loses its {lost.lower()}.",
        command.statement,
        at=command.offset,
        safe="-- first deploy code that always writes a value; then, in a file of its own:\n-- migrate: contract\n"
        f"ALTER TABLE {command.sql_name} ALTER COLUMN {sql_name} DROP {lost};",
    )


def _only_repeats_not_null(table: Table, constraint: Constraint) -> bool:
    """Return whether a CHECK only says of columns that they are not NULL, which they are by NOT NULL as well."""
    return (
        constraint.kind == "check"
        and bool(constraint.not_null_columns)
        and set(constraint.columns) == constraint.not_null_columns
        and all(table.is_not_null(column, by_check=False) for column in constraint.not_null_columns)
    )


@on("rename_stmt")
def check_rename(lint: FileLint, statement: ParsedStatement) -> None:
    """Check RENAME."""
    node = statement.node
    kind = ast.enum_name(node, "rename_type")
    if node.HasField("relation") and lint.is_created_here(ast.key_of(node.relation)):
        return
    if kind == "OBJECT_TABLE":
        _report_renamed_table(lint, statement)
    elif kind == "OBJECT_COLUMN" and ast.enum_name(node, "relation_type") in ("OBJECT_TABLE", "OBJECT_VIEW"):
        _report_renamed_column(lint, statement)
    elif kind in _RENAMED:
        name = ast.sql_name(node.relation) if node.HasField("relation") else ast.quoted(node.subname)
        thing = f"The {_RENAMED[kind]} {name}".replace(' ""', "")
        lint.report(RENAME_OBJECT, f"{thing} is renamed to {ast.quoted(node.newname)}.", statement)
    elif kind == "OBJECT_ATTRIBUTE":
        lint.report(RENAME_OBJECT, f"The attribute {ast.quoted(node.subname)} is renamed.", statement)


def _report_renamed_table(lint: FileLint, statement: ParsedStatement) -> None:
    old, new = ast.sql_name(statement.node.relation), ast.quoted(statement.node.newname)
    lint.report(
        RENAME_TABLE,
        f"The table {old} is renamed to {new}.",
        statement,
        safe=f"-- keep a view with the old name, for reads and writes, until no code uses it:\n"
        f"ALTER TABLE {old} RENAME TO {new};\nCREATE VIEW {old} AS SELECT * FROM {new};\n"
        f"-- and add this waiver above the RENAME:\n"
        f"-- lint: allow {RENAME_TABLE.name} because a view keeps the old name until the next release\n"
        f"-- in a later file:\n-- migrate: contract\nDROP VIEW IF EXISTS {old};",
    )


def _report_renamed_column(lint: FileLint, statement: ParsedStatement) -> None:
    node = statement.node
    table, old, new = ast.sql_name(node.relation), ast.quoted(node.subname), ast.quoted(node.newname)
    column_type = _type_of(lint, node)
    lint.report(
        RENAME_COLUMN,
        f"The column {table}.{old} is renamed to {new}.",
        statement,
        safe=f"-- add a second column; write both, backfill, switch the reads, drop the first in a contract file:\n"
        f"{'' if column_type else '-- '}ALTER TABLE {table} ADD COLUMN {new} {column_type or '…'};",
    )


@on("alter_object_schema_stmt")
def check_schema(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SET SCHEMA, which is also a rename."""
    node = statement.node
    if node.HasField("relation") and not lint.is_created_here(ast.key_of(node.relation)):
        name, new = ast.sql_name(node.relation), ast.sql_name_of_parts([node.newschema, node.relation.relname])
        lint.report(
            RENAME_TABLE,
            f"{name} moves to the schema {ast.quoted(node.newschema)}.",
            statement,
            safe=f"-- keep a view with the old name until no code uses it:\n"
            f"--   CREATE VIEW {name} AS SELECT * FROM {new};",
        )


@on("alter_enum_stmt")
def check_enum(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER TYPE … ADD VALUE and RENAME VALUE."""
    node = statement.node
    if not node.old_val:
        name = ast.sql_name_of_parts(ast.strings(node.type_name))
        lint.report(ADD_ENUM_VALUE, f"{name} gets the value '{node.new_val}', which cannot be removed.", statement)
    else:
        lint.report(
            RENAME_OBJECT, f"The value '{node.old_val}' is renamed to '{node.new_val}' in every row.", statement
        )


def _check_cascade(lint: FileLint, command: AlterCommand) -> None:
    if ast.enum_name(command.node, "behavior") == "DROP_CASCADE":
        _report_cascade(lint, command.statement, command.offset, f"{command.sql_name}.{ast.quoted(command.node.name)}")


def _report_cascade(lint: FileLint, statement: ParsedStatement, offset: int, what: str) -> None:
    lint.report(
        DROP_CASCADE,
        f"CASCADE drops everything that depends on {what}.",
        statement,
        at=offset,
        safe="-- omit CASCADE; PostgreSQL then lists the dependent objects, which you can drop by name",
    )


def _dropped_name(item: Any) -> list[str]:
    node = ast.inner(item)
    kind = node.DESCRIPTOR.name
    if kind == "String":
        return [str(node.sval)]
    if kind == "ObjectWithArgs":
        return ast.strings(node.objname)
    return ast.strings(node.names if kind == "TypeName" else node.items)


def _is_replaced(lint: FileLint, command: AlterCommand, known: Constraint | None) -> bool:
    """Whether this file adds a constraint of the same kind to the table, or a primary key on a UNIQUE's columns."""
    kinds = {
        "check": "CONSTR_CHECK",
        "foreign": "CONSTR_FOREIGN",
        "unique": "CONSTR_UNIQUE",
        "primary": "CONSTR_PRIMARY",
    }
    for statement in lint.source.statements:
        if statement.kind == "alter_table_stmt" and ast.key_of(statement.node.relation) == command.table:
            for wrapped in statement.node.cmds:
                if ast.enum_name(wrapped.alter_table_cmd, "subtype") == "AT_AddConstraint":
                    node = ast.definition_of(wrapped.alter_table_cmd).constraint
                    kind = ast.enum_name(node, "contype")
                    if kind == kinds.get(known.kind if known else "") or node.conname == command.node.name:
                        return True
                    if known and known.kind == "unique" and kind == "CONSTR_PRIMARY":
                        return set(_columns_of_key(lint, node)) == set(known.columns)
    return False


def _columns_of_key(lint: FileLint, node: Any) -> tuple[str, ...]:
    """Return the columns of a new primary key, whose index may exist already."""
    index = lint.schema.indexes.get(node.indexname)
    return index.columns if index else columns_of_constraint(node)


def _sets_default(command: Any) -> bool:
    return bool(command.HasField("def")) and not ast.is_null_constant(ast.definition_of(command))


def _default_is_replaced(lint: FileLint, command: AlterCommand) -> bool:
    """Whether this file makes up for a dropped default.

    It adds a new default or an identity, or makes the column nullable.
    """
    for statement in lint.source.statements:
        if statement.kind == "alter_table_stmt" and ast.key_of(statement.node.relation) == command.table:
            for wrapped in statement.node.cmds:
                other = wrapped.alter_table_cmd
                sort = ast.enum_name(other, "subtype")
                same = other.name == command.node.name
                if same and (
                    sort in ("AT_AddIdentity", "AT_DropNotNull")
                    or (sort == "AT_ColumnDefault" and _sets_default(other))
                ):
                    return True
    return False


def _type_of(lint: FileLint, node: Any) -> str:
    """Return the type of a renamed column.

    Empty if the files do not define the column.
    """
    relation, name = node.relation, node.subname
    table = lint.schema.table(ast.key_of(relation))
    column = table.columns.get(name) if table else None
    if not column:
        return ""
    modifiers = f"({', '.join(str(mod) for mod in column.modifiers)})" if column.modifiers else ""
    return f"{column.type.removesuffix('[]')}{modifiers}{'[]' if column.type.endswith('[]') else ''}"
