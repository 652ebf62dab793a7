"""Changes of types, domains and generated columns that the previous release does not expect."""

from __future__ import annotations

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand, FileLint
from peterental.database.migrations.lint.created_objects import is_created_too, is_type_created
from peterental.database.migrations.lint.findings import breaking
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.registry import on, on_command
from peterental.database.migrations.lint.rules.breaking_changes import DROP_CONSTRAINT, DROP_NOT_NULL, RENAME_OBJECT
from peterental.database.migrations.lint.rules.constraints import FOREIGN_KEY

COMPOSITE = breaking(
    "change-composite-type",
    "Until the deploy is complete, old code still reads and builds values with the old attributes, and fails.",
)
ALWAYS = breaking("generated-always", "Old code that writes the column itself fails at once.")
EXPRESSION = breaking(
    "drop-expression",
    "The column is no longer computed: rows that old code writes have NULL there, and changed ones keep an old value.",
)

_CONTRACT = "-- first deploy code that works with both; then, in a file of its own:\n-- migrate: contract"
_ATTRIBUTES = {
    "AT_AddColumn": "gets the attribute",
    "AT_DropColumn": "loses the attribute",
    "AT_AlterColumnType": "changes the type of the attribute",
}
_ALWAYS = ord("a")  # pg_query's number for GENERATED ALWAYS
_DOMAIN_DROPS = {"X": "constraint", "N": "NOT NULL"}
_MOVED = {
    "OBJECT_FUNCTION": "function",
    "OBJECT_PROCEDURE": "procedure",
    "OBJECT_ROUTINE": "routine",
    "OBJECT_AGGREGATE": "aggregate",
    "OBJECT_TYPE": "type",
    "OBJECT_DOMAIN": "domain",
}


@on("alter_table_stmt")
def check_attributes(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER TYPE … ADD, DROP and ALTER ATTRIBUTE."""
    node = statement.node
    if ast.enum_name(node, "objtype") != "OBJECT_TYPE" or is_type_created(lint, statement, ast.key_of(node.relation)):
        return
    name = ast.sql_name(node.relation)
    for command in (wrapped.alter_table_cmd for wrapped in node.cmds):
        change = _ATTRIBUTES.get(ast.enum_name(command, "subtype"))
        if change:
            attribute = command.name or ast.definition_of(command).column_def.colname
            lint.report(
                COMPOSITE,
                f"The type {name} {change} {ast.quoted(attribute)}.",
                statement,
                safe=f"{_CONTRACT}\n{ast.alter_with(node, command)}",
            )


@on("alter_domain_stmt")
def check_domain(lint: FileLint, statement: ParsedStatement) -> None:
    """Check ALTER DOMAIN … DROP CONSTRAINT and DROP NOT NULL."""
    node = statement.node
    kind = _DOMAIN_DROPS.get(node.subtype)
    parts = ast.strings(node.type_name)
    if kind is None or is_type_created(lint, statement, ast.key_of_parts(parts)):
        return
    dropped = f"{kind} {ast.quoted(node.name)}" if node.name else kind
    lint.report(
        DROP_CONSTRAINT if node.name else DROP_NOT_NULL,
        f"The domain {ast.sql_name_of_parts(parts)} loses its {dropped}.",
        statement,
        safe=f"{_CONTRACT}\n{ast.sql_of('alter_domain_stmt', node)}",
    )


@on_command("AT_AlterConstraint")
def check_enforcement(lint: FileLint, command: AlterCommand) -> None:
    """Check ALTER CONSTRAINT … NOT ENFORCED, and ENFORCED, which checks every row at once."""
    constraint = ast.definition_of(command.node).atalter_constraint
    if not constraint.alter_enforceability or lint.is_created_here(command.table):
        return
    if constraint.is_enforced:
        _report_enforced(lint, command, constraint.conname)
    else:
        lint.report(
            DROP_CONSTRAINT,
            f"The constraint {ast.quoted(constraint.conname)} of {command.sql_name} is no longer enforced.",
            command.statement,
            at=command.offset,
            safe=f"{_CONTRACT}\n{ast.alter_with(command.statement.node, command.node)}",
        )


def _report_enforced(lint: FileLint, command: AlterCommand, name: str) -> None:
    table = lint.schema.table(command.table)
    known = table.constraints.get(name) if table else None
    columns, other = "…", "… (…)"
    if known and known.references:
        columns = ast.quoted_list(known.columns)
        other = ast.sql_name_of_parts(known.references.split("."))
        other += f" ({ast.quoted_list(known.referenced)})" if known.referenced else ""
    quoted = ast.quoted(name)
    key = f"FOREIGN KEY ({columns}) REFERENCES {other} NOT VALID;"
    lint.report(
        FOREIGN_KEY,
        f"The foreign key {quoted} on {command.sql_name} is checked at once.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.sql_name} DROP CONSTRAINT {quoted}, ADD CONSTRAINT {quoted} {key}\n"
        f"-- next file:\nALTER TABLE {command.sql_name} VALIDATE CONSTRAINT {quoted};",
    )


@on_command("AT_SetIdentity", "AT_AddIdentity")
def check_always(lint: FileLint, command: AlterCommand) -> None:
    """Check SET and ADD GENERATED ALWAYS on an existing column."""
    definition = ast.definition_of(command.node)
    always = (
        definition.constraint.generated_when == "a"
        if command.kind == "AT_AddIdentity"
        else any(
            one.def_elem.defname == "generated" and one.def_elem.arg.integer.ival == _ALWAYS
            for one in definition.list.items
        )
    )
    if not always or lint.is_created_here(command.table):
        return
    column = f"{command.sql_name}.{ast.quoted(command.node.name)}"
    by_default = "SET" if command.kind == "AT_SetIdentity" else "ADD"
    suffix = "" if by_default == "SET" else " AS IDENTITY"
    lint.report(
        ALWAYS,
        f"Statements may no longer write {column}.",
        command.statement,
        at=command.offset,
        safe=f"ALTER TABLE {command.sql_name} ALTER COLUMN {ast.quoted(command.node.name)}"
        f" {by_default} GENERATED BY DEFAULT{suffix};",
    )


@on_command("AT_DropExpression")
def check_expression(lint: FileLint, command: AlterCommand) -> None:
    """Check DROP EXPRESSION."""
    if not lint.is_created_here(command.table):
        lint.report(
            EXPRESSION,
            f"{command.sql_name}.{ast.quoted(command.node.name)} is no longer computed.",
            command.statement,
            at=command.offset,
            safe=f"-- first deploy code that always writes a value; then, in a file of its own:\n-- migrate: contract\n"
            f"{ast.alter_with(command.statement.node, command.node)}",
        )


@on("alter_object_schema_stmt")
def check_moved(lint: FileLint, statement: ParsedStatement) -> None:
    """Check SET SCHEMA of functions and types, which is also a rename."""
    node = statement.node
    kind = ast.enum_name(node, "object_type")
    if kind not in _MOVED or is_created_too(lint, statement, kind, node.object):
        return
    inner = ast.inner(node.object)
    parts = ast.strings(inner.objname if inner.DESCRIPTOR.name == "ObjectWithArgs" else inner.items)
    name, new = ast.sql_name_of_parts(parts), ast.quoted(node.newschema)
    lint.report(RENAME_OBJECT, f"The {_MOVED[kind]} {name} moves to the schema {new}.", statement)
