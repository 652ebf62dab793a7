"""Things taken away or renamed while the code of the version before still uses them."""

from __future__ import annotations

from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.findings import advice, unsafe
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command

DROP_TABLE = unsafe(
    "drop-table",
    "Its rows are gone for good, and until the deploy is through, code of the version before still asks for them and "
    "fails.",
)
DROP_COLUMN = unsafe(
    "drop-column",
    "Its values are gone for good, and until the deploy is through, code of the version before still names the column "
    "and fails.",
)
DROP_OBJECT = unsafe("drop-object", "Until the deploy is through, code of the version before still uses it and fails.")
DROP_CASCADE = unsafe(
    "drop-cascade", "Whatever depends on it goes as well, on this server and unnamed: views, foreign keys, functions."
)
DROP_CONSTRAINT = unsafe(
    "drop-constraint",
    "What it kept out can get in from now on; ON CONFLICT that relies on it fails at once, and with a key its index is "
    "gone from under the queries.",
)
DROP_NOT_NULL = unsafe(
    "drop-not-null", "Code of the version before has never met a NULL there, and fails when the new code writes one."
)
DROP_DEFAULT = unsafe(
    "drop-default",
    "Code of the version before, which leaves the column out, can insert no more: the column is NOT NULL.",
)
RENAME_TABLE = unsafe(
    "rename-table",
    "From this moment until the deploy is through, code of the version before asks for the old name and fails.",
)
RENAME_COLUMN = unsafe(
    "rename-column",
    "From this moment until the deploy is through, code of the version before asks for the old name and fails.",
)
RENAME_OBJECT = unsafe(
    "rename-object",
    "From this moment until the deploy is through, code of the version before asks for the old name and fails.",
)
ADD_ENUM_VALUE = advice(
    "add-enum-value",
    "A value cannot be taken out again, and code of the version before does not know it when it reads it; a text "
    "column with a CHECK can be changed both ways.",
)

_DROPPED = {
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_SCHEMA": "schema",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "domain",
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_ROUTINE": "routine",
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
_AFTERWARDS = "-- first deploy code that no longer uses it; once that runs everywhere, in a later file:"
_KEEP_TABLE = "-- keep its rows until nobody misses them, out of the code's sight:"


@on("drop_stmt")
def check_drop(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at DROP TABLE, VIEW, FUNCTION and the like."""
    node = statement.node
    kind = ast.enum_name(node, "remove_type")
    names = [parts for item in node.objects if (parts := _dropped_name(item))]  # a cast has no name
    standing = [parts for parts in names if not lint.is_created_here(ast.key_of_names(parts))]
    if kind == "OBJECT_TABLE":
        for parts in standing:
            name, old = ast.shown_names(parts), ast.quoted(f"{parts[-1]}_dropped")
            lint.report(
                DROP_TABLE,
                f"The table {name} is dropped.",
                statement,
                safe=f"{_AFTERWARDS}\n{_KEEP_TABLE}\nALTER TABLE {name} RENAME TO {old};\n"
                f"-- and much later:\nDROP TABLE IF EXISTS {old};",
            )
    elif kind in _DROPPED:
        for parts in standing:
            lint.report(
                DROP_OBJECT,
                f"The {_DROPPED[kind]} {ast.shown_names(parts)} is dropped.",
                statement,
                safe=f"{_AFTERWARDS}\nDROP {_DROPPED[kind].upper()} IF EXISTS {ast.shown_names(parts)};",
            )
    if ast.enum_name(node, "behavior") == "DROP_CASCADE" and standing:
        _report_cascade(lint, statement, statement.offset, ", ".join(ast.shown_names(parts) for parts in standing))


@on("dropdb_stmt", "drop_owned_stmt")
def check_drop_all(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at DROP DATABASE and DROP OWNED."""
    what = f"database {statement.node.dbname}" if statement.kind == "dropdb_stmt" else "property of a role"
    lint.report(DROP_OBJECT, f"The {what} is dropped as a whole.", statement)


@on_command("AT_DropColumn")
def check_drop_column(lint: FileLint, command: AlterCommand) -> None:
    """Look at DROP COLUMN."""
    if lint.is_created_here(command.table):
        return
    column = ast.quoted(command.node.name)
    lint.report(
        DROP_COLUMN,
        f"The column {command.shown}.{column} is dropped.",
        command.statement,
        at=command.offset,
        safe=f"{_AFTERWARDS}\nALTER TABLE {command.shown} DROP COLUMN IF EXISTS {column};",
    )
    _check_cascade(lint, command)


@on_command("AT_DropConstraint")
def check_drop_constraint(lint: FileLint, command: AlterCommand) -> None:
    """Look at DROP CONSTRAINT; one that is replaced in this file, or says nothing new, may go."""
    if lint.is_created_here(command.table):
        return
    name = command.node.name
    table = lint.catalog.table(command.table)
    known = table.constraints.get(name) if table else None
    redundant = (
        table is not None
        and known is not None
        and known.kind == "check"
        and bool(known.keeps_not_null)
        and set(known.columns) == known.keeps_not_null
        and all(table.is_not_null(column, by_check=False) for column in known.keeps_not_null)
    )
    unborn = known is not None and (known.spot.file == lint.number or not known.valid)
    if not redundant and not unborn and not _is_replaced(lint, command, known.kind if known else None):
        kind = {"foreign": "foreign key", "primary": "primary key", None: "constraint"}.get(
            known.kind if known else None, f"{known.kind} constraint" if known else "constraint"
        )
        lint.report(
            DROP_CONSTRAINT,
            f"The {kind} {ast.quoted(name)} of {command.shown} is dropped.",
            command.statement,
            at=command.offset,
            safe=f"{_AFTERWARDS.replace('uses', 'relies on')}\n"
            f"ALTER TABLE {command.shown} DROP CONSTRAINT IF EXISTS {ast.quoted(name)};",
        )
    _check_cascade(lint, command)


@on_command("AT_DropNotNull")
def check_drop_not_null(lint: FileLint, command: AlterCommand) -> None:
    """Look at DROP NOT NULL."""
    table = lint.catalog.table(command.table)
    column = command.node.name
    known_nullable = table and column in table.columns and not table.columns[column].not_null
    if lint.is_created_here(command.table) or known_nullable:
        return
    shown = ast.quoted(column)
    lint.report(
        DROP_NOT_NULL,
        f"{command.shown}.{shown} may be NULL from now on.",
        command.statement,
        at=command.offset,
        safe=f"-- first deploy code that reads NULL there; once that runs everywhere, in a later file:\n"
        f"ALTER TABLE {command.shown} ALTER COLUMN {shown} DROP NOT NULL;",
    )


@on_command("AT_ColumnDefault")
def check_drop_default(lint: FileLint, command: AlterCommand) -> None:
    """Look at DROP DEFAULT of a NOT NULL column that gets no new one in this file."""
    if command.node.HasField("def") or lint.is_created_here(command.table):
        return
    column = command.node.name
    table = lint.catalog.table(command.table)
    nullable = table and column in table.columns and not table.columns[column].not_null
    if nullable or not table or _default_returns(lint, command):
        return
    shown = ast.quoted(column)
    lint.report(
        DROP_DEFAULT,
        f"{command.shown}.{shown} is NOT NULL and loses its default.",
        command.statement,
        at=command.offset,
        safe=f"-- first deploy code that always gives a value; once that runs everywhere, in a later file:\n"
        f"ALTER TABLE {command.shown} ALTER COLUMN {shown} DROP DEFAULT;",
    )


@on("rename_stmt")
def check_rename(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at RENAME."""
    node = statement.node
    kind = ast.enum_name(node, "rename_type")
    if node.HasField("relation") and lint.is_created_here(ast.key_of(node.relation)):
        return
    if kind == "OBJECT_TABLE":
        old, new = ast.shown(node.relation), ast.quoted(node.newname)
        lint.report(
            RENAME_TABLE,
            f"The table {old} is renamed to {new}.",
            statement,
            safe=f"-- a view keeps the old name alive, for reading and writing, until no code uses it:\n"
            f"ALTER TABLE {old} RENAME TO {new};\nCREATE VIEW {old} AS SELECT * FROM {new};\n"
            f"-- … and say so above the RENAME:\n"
            f"-- lint: allow {RENAME_TABLE.name} because a view keeps the old name until the next release\n"
            f"-- in a later file:\nDROP VIEW IF EXISTS {old};",
        )
    elif kind == "OBJECT_COLUMN" and ast.enum_name(node, "relation_type") in ("OBJECT_TABLE", "OBJECT_VIEW"):
        table, old, new = ast.shown(node.relation), ast.quoted(node.subname), ast.quoted(node.newname)
        lint.report(
            RENAME_COLUMN,
            f"The column {table}.{old} is renamed to {new}.",
            statement,
            safe=f"-- a second column, which code writes beside the first, is filled, then read; then drop the first:\n"
            f"{'' if (kind := _type_of(lint, node)) else '-- '}ALTER TABLE {table} ADD COLUMN {new} {kind or '…'};",
        )
    elif kind in _RENAMED:
        name = ast.shown(node.relation) if node.HasField("relation") else ast.quoted(node.subname)
        thing = f"The {_RENAMED[kind]} {name}".replace(' ""', "")
        lint.report(RENAME_OBJECT, f"{thing} is renamed to {ast.quoted(node.newname)}.", statement)
    elif kind == "OBJECT_ATTRIBUTE":
        lint.report(RENAME_OBJECT, f"The attribute {ast.quoted(node.subname)} is renamed.", statement)


@on("alter_object_schema_stmt")
def check_schema(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at SET SCHEMA, which renames as well."""
    node = statement.node
    if node.HasField("relation") and not lint.is_created_here(ast.key_of(node.relation)):
        name, new = ast.shown(node.relation), ast.shown_names([node.newschema, node.relation.relname])
        lint.report(
            RENAME_TABLE,
            f"{name} moves to the schema {ast.quoted(node.newschema)}.",
            statement,
            safe=f"-- a view keeps the old name alive until no code uses it:\n"
            f"--   CREATE VIEW {name} AS SELECT * FROM {new};",
        )


@on("alter_enum_stmt")
def check_enum(lint: FileLint, statement: ParsedStatement) -> None:
    """Look at ALTER TYPE … ADD VALUE and RENAME VALUE."""
    node = statement.node
    if not node.old_val:
        name = ast.shown_names(ast.strings(node.type_name))
        lint.report(ADD_ENUM_VALUE, f"{name} gets the value '{node.new_val}', for good.", statement)
    else:
        lint.report(
            RENAME_OBJECT, f"The value '{node.old_val}' becomes '{node.new_val}' in every row that has it.", statement
        )


def _check_cascade(lint: FileLint, command: AlterCommand) -> None:
    if ast.enum_name(command.node, "behavior") == "DROP_CASCADE":
        _report_cascade(lint, command.statement, command.offset, f"{command.shown}.{ast.quoted(command.node.name)}")


def _report_cascade(lint: FileLint, statement: ParsedStatement, offset: int, what: str) -> None:
    lint.report(
        DROP_CASCADE,
        f"CASCADE drops everything that depends on {what}.",
        statement,
        at=offset,
        safe="-- leave CASCADE out; PostgreSQL then names what depends on it, and each can be dropped by name",
    )


def _dropped_name(item: Any) -> list[str]:
    node = ast.inner(item)
    kind = node.DESCRIPTOR.name
    if kind == "String":
        return [str(node.sval)]
    if kind == "ObjectWithArgs":
        return ast.strings(node.objname)
    return ast.strings(node.names if kind == "TypeName" else node.items)


def _is_replaced(lint: FileLint, command: AlterCommand, kind: str | None) -> bool:
    """Whether this file adds a constraint of the same kind to the table."""
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
                    if ast.enum_name(node, "contype") == kinds.get(kind or "") or node.conname == command.node.name:
                        return True
    return False


def _default_returns(lint: FileLint, command: AlterCommand) -> bool:
    """Whether this file gives the column another default, or drops it, further on."""
    for statement in lint.source.statements:
        if statement.kind == "alter_table_stmt" and ast.key_of(statement.node.relation) == command.table:
            for wrapped in statement.node.cmds:
                other = wrapped.alter_table_cmd
                sort = ast.enum_name(other, "subtype")
                same = other.name == command.node.name
                if same and (
                    sort in ("AT_AddIdentity", "AT_DropNotNull")
                    or (sort == "AT_ColumnDefault" and other.HasField("def"))
                ):
                    return True
    return False


def _type_of(lint: FileLint, node: Any) -> str:
    """Give the type of a column that is renamed, as far as the files tell."""
    relation, name = node.relation, node.subname
    table = lint.catalog.table(ast.key_of(relation))
    column = table.columns.get(name) if table else None
    if not column:
        return ""
    mods = f"({', '.join(str(mod) for mod in column.mods)})" if column.mods else ""
    return f"{column.type.removesuffix('[]')}{mods}{'[]' if column.type.endswith('[]') else ''}"
