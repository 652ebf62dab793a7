"""Takes statements into the catalog, one after another, as the server would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.schema_model import Position, SchemaModel, Table


def replay(catalog: SchemaModel, statement: ParsedStatement, file: int) -> None:
    """Take one statement into the catalog; what says nothing about the schema changes nothing.

    The commands of an ALTER TABLE come one by one, see `replay_command`.
    """
    take = _STATEMENTS.get(statement.kind)
    if take:
        take(catalog, statement, file)


def replay_command(catalog: SchemaModel, command: AlterCommand, file: int) -> None:
    """Take one command of an ALTER TABLE into the catalog."""
    table = catalog.table(command.table)
    take = _COMMANDS.get(command.kind)
    if table and take:
        take(catalog, table, command.node, command.statement, file)


def _create_table(catalog: SchemaModel, statement: ParsedStatement, file: int) -> None:
    node = statement.node
    key = ast.key_of(node.relation)
    spot = Position(file, statement.offset)
    derived = bool(node.inh_relations) or node.HasField("of_typename")
    known = key in catalog.tables
    catalog.add_table(key, node.table_elts, spot, partitioned=node.HasField("partspec"), plain=not derived)
    if known:
        return
    for element in node.table_elts:
        inner = ast.inner(element)
        if inner.DESCRIPTOR.name == "ColumnDef":
            catalog.tables[key].columns[inner.colname].spot = Position(file, statement.offset_of(inner))
        for one in catalog.tables[key].constraints.values():
            if inner.DESCRIPTOR.name == "Constraint" and inner.conname == one.name:
                one.spot = Position(file, statement.offset_of(inner))


def _create_table_as(catalog: SchemaModel, statement: ParsedStatement, file: int) -> None:
    key = ast.key_of(statement.node.into.rel)
    catalog.add_table(key, (), Position(file, statement.offset), partitioned=False, plain=False)


def _add_column(catalog: SchemaModel, table: Table, command: Any, statement: ParsedStatement, file: int) -> None:
    node = ast.definition_of(command).column_def
    catalog.add_column(table, node, Position(file, statement.offset_of(node)))


def _add_constraint(catalog: SchemaModel, table: Table, command: Any, statement: ParsedStatement, file: int) -> None:
    node = ast.definition_of(command).constraint
    catalog.add_constraint(table, node, Position(file, statement.offset_of(node)))


def _drop_column(catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    catalog.drop_column(table.name, command.name)


def _drop_constraint(
    _catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int
) -> None:
    table.constraints.pop(command.name, None)


def _validate(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    if command.name in table.constraints:
        table.constraints[command.name].valid = True


def _set_not_null(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    if command.name in table.columns:
        table.columns[command.name].not_null = True


def _drop_not_null(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    if command.name in table.columns:
        table.columns[command.name].not_null = False


def _change_type(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    node = ast.definition_of(command).column_def
    column = table.columns.get(command.name)
    if column:
        column.type, column.mods = ast.type_of(node.type_name), ast.mods_of(node.type_name)


def _create_index(catalog: SchemaModel, statement: ParsedStatement, file: int) -> None:
    catalog.add_index(statement.node, Position(file, statement.offset))


def _drop(catalog: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    kind = ast.enum_name(statement.node, "remove_type")
    if kind in ("OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_MATVIEW"):
        for item in statement.node.objects:
            catalog.drop(ast.key_of_names(ast.strings(item.list.items)))


def _rename(catalog: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    node = statement.node
    kind = ast.enum_name(node, "rename_type")
    key = ast.key_of(node.relation)
    if kind == "OBJECT_COLUMN":
        catalog.rename_column(key, node.subname, node.newname)
    elif kind in ("OBJECT_TABLE", "OBJECT_MATVIEW"):
        catalog.rename_table(key, ast.key_of_names([node.relation.schemaname, node.newname]))
    elif kind == "OBJECT_INDEX" and key in catalog.indexes:
        index = catalog.indexes.pop(key)
        index.name = node.newname
        index.definition = None
        catalog.indexes[node.newname] = index
    elif kind == "OBJECT_TABCONSTRAINT":
        table = catalog.table(key)
        if table and node.subname in table.constraints:
            constraint = table.constraints.pop(node.subname)
            constraint.name = node.newname
            table.constraints[node.newname] = constraint


def _create_domain(catalog: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    kinds = {ast.enum_name(one.constraint, "contype") for one in statement.node.constraints}
    if kinds & {"CONSTR_CHECK", "CONSTR_NOTNULL"}:
        catalog.constrained_domains.add(ast.strings(statement.node.domainname)[-1])


def _create_function(catalog: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    name = ast.strings(statement.node.funcname)[-1]
    options = {one.def_elem.defname: one.def_elem for one in statement.node.options}
    volatility = options["volatility"].arg.string.sval if "volatility" in options else "volatile"
    same, other = catalog.volatile_functions, catalog.stable_functions
    if volatility != "volatile":
        same, other = other, same
    same.add(name)
    other.discard(name)


_STATEMENTS: dict[str, Callable[[SchemaModel, ParsedStatement, int], None]] = {
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "index_stmt": _create_index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "create_domain_stmt": _create_domain,
    "create_function_stmt": _create_function,
}

_COMMANDS: dict[str, Callable[[SchemaModel, Table, Any, ParsedStatement, int], None]] = {
    "AT_AddColumn": _add_column,
    "AT_AddConstraint": _add_constraint,
    "AT_DropColumn": _drop_column,
    "AT_DropConstraint": _drop_constraint,
    "AT_ValidateConstraint": _validate,
    "AT_SetNotNull": _set_not_null,
    "AT_DropNotNull": _drop_not_null,
    "AT_AlterColumnType": _change_type,
}
