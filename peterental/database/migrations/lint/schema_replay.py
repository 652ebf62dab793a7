"""Apply statements to the schema model, one after another, as the server would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import AlterCommand
from peterental.database.migrations.lint.parsed_file import ParsedStatement
from peterental.database.migrations.lint.schema_model import Constraint, Function, Position, SchemaModel, Table, View


def replay(schema: SchemaModel, statement: ParsedStatement, file: int) -> None:
    """Apply a statement to the schema model.

    Statements that do not concern it are ignored.

    ALTER TABLE commands are applied one by one with `replay_command`.
    """
    take = _STATEMENTS.get(statement.kind)
    if take:
        take(schema, statement, file)


def replay_command(schema: SchemaModel, command: AlterCommand, file: int) -> None:
    """Apply one ALTER TABLE command to the schema model."""
    table = schema.table(command.table)
    take = _COMMANDS.get(command.kind)
    if table and take:
        take(schema, table, command.node, command.statement, file)


def _create_table(schema: SchemaModel, statement: ParsedStatement, file: int) -> None:
    node = statement.node
    key = ast.key_of(node.relation)
    position = Position(file, statement.offset)
    derived = bool(node.inh_relations) or node.HasField("of_typename")
    known = key in schema.tables
    schema.add_table(key, node.table_elts, position, partitioned=node.HasField("partspec"), plain=not derived)
    if known:
        return
    if node.HasField("partbound") and node.partbound.is_default:
        schema.tables[key].default_of = ast.key_of(node.inh_relations[0].range_var)
    for element in node.table_elts:
        inner = ast.inner(element)
        if inner.DESCRIPTOR.name == "ColumnDef":
            schema.tables[key].columns[inner.colname].position = Position(file, statement.offset_of(inner))
        for one in schema.tables[key].constraints.values():
            if inner.DESCRIPTOR.name == "Constraint" and inner.conname == one.name:
                one.position = Position(file, statement.offset_of(inner))


def _create_table_as(schema: SchemaModel, statement: ParsedStatement, file: int) -> None:
    key = ast.key_of(statement.node.into.rel)
    schema.add_table(key, (), Position(file, statement.offset), partitioned=False, plain=False)


def _add_column(schema: SchemaModel, table: Table, command: Any, statement: ParsedStatement, file: int) -> None:
    node = ast.definition_of(command).column_def
    schema.add_column(table, node, Position(file, statement.offset_of(node)))


def _add_constraint(schema: SchemaModel, table: Table, command: Any, statement: ParsedStatement, file: int) -> None:
    node = ast.definition_of(command).constraint
    schema.add_constraint(table, node, Position(file, statement.offset_of(node)))


def _drop_column(schema: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    schema.drop_column(table.name, command.name)


def _drop_constraint(
    _catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int
) -> None:
    dropped = table.constraints.pop(command.name, None)
    if dropped and dropped.kind == "not null":
        _mark(table, dropped, not_null=False)


def _validate(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    if command.name in table.constraints:
        constraint = table.constraints[command.name]
        constraint.valid = True
        if constraint.kind == "not null":
            _mark(table, constraint, not_null=True)


def _mark(table: Table, constraint: Constraint, *, not_null: bool) -> None:
    for name in constraint.columns:
        if name in table.columns:
            table.columns[name].not_null = not_null


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
        column.type, column.modifiers = ast.type_of(node.type_name), ast.modifiers_of(node.type_name)


def _identify(_catalog: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    table.replica_identity = ast.definition_of(command).replica_identity_stmt.identity_type


def _attach_partition(schema: SchemaModel, table: Table, command: Any, _statement: ParsedStatement, _file: int) -> None:
    part = ast.definition_of(command).partition_cmd
    attached = schema.table(ast.key_of(part.name))
    if attached and part.bound.is_default:
        attached.default_of = table.name


def _detach_partition(
    schema: SchemaModel, _table: Table, command: Any, _statement: ParsedStatement, _file: int
) -> None:
    detached = schema.table(ast.key_of(ast.definition_of(command).partition_cmd.name))
    if detached:
        detached.default_of = ""


def _create_trigger(schema: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    node = statement.node
    schema.trigger_functions[ast.key_of(node.relation), node.trigname] = ast.strings(node.funcname)[-1]


def _create_index(schema: SchemaModel, statement: ParsedStatement, file: int) -> None:
    schema.add_index(statement.node, Position(file, statement.offset))


def _drop(schema: SchemaModel, statement: ParsedStatement, file: int) -> None:
    kind = ast.enum_name(statement.node, "remove_type")
    if kind in ("OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_MATVIEW"):
        for item in statement.node.objects:
            schema.drop(ast.key_of_parts(ast.strings(item.list.items)))

    elif kind == "OBJECT_VIEW":
        for item in statement.node.objects:
            known = schema.views.get(ast.key_of_parts(ast.strings(item.list.items)))
            if known:
                known.dropped_by = file


def _create_view(schema: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    key, columns = ast.key_of(statement.node.view), view_columns(statement.node)
    schema.views.pop(key, None)
    if columns is not None:
        schema.views[key] = View(columns)


def _rename(schema: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    node = statement.node
    kind = ast.enum_name(node, "rename_type")
    key = ast.key_of(node.relation)
    if kind == "OBJECT_COLUMN":
        schema.rename_column(key, node.subname, node.newname)
    elif kind in ("OBJECT_TABLE", "OBJECT_MATVIEW"):
        schema.rename_table(key, ast.key_of_parts([node.relation.schemaname, node.newname]))
    elif kind == "OBJECT_INDEX" and key in schema.indexes:
        index = schema.indexes.pop(key)
        index.name = node.newname
        index.definition = None
        schema.indexes[node.newname] = index
    elif kind == "OBJECT_TABCONSTRAINT":
        table = schema.table(key)
        if table and node.subname in table.constraints:
            constraint = table.constraints.pop(node.subname)
            constraint.name = node.newname
            table.constraints[node.newname] = constraint


def view_columns(node: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a CREATE VIEW; None if not all are in the statement."""
    select = node.query.select_stmt
    while select.HasField("larg"):  # UNION takes them from its first part
        select = select.larg
    names = [_output_name(target.res_target) for target in select.target_list]
    aliases = ast.strings(node.aliases)
    names[: len(aliases)] = aliases
    known = tuple(name for name in names if name)
    return known if known and len(known) == len(names) else None


def _output_name(target: Any) -> str:
    """Return the name of an output column; empty if only the server knows it, or where * stands for several."""
    if target.name:
        return str(target.name)
    fields = target.val.column_ref.fields if target.val.HasField("column_ref") else ()
    return str(fields[-1].string.sval) if fields and fields[-1].HasField("string") else ""


def _create_domain(schema: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    name = ast.strings(statement.node.domainname)[-1]
    schema.domain_types[name] = ast.type_of(statement.node.type_name)
    kinds = {ast.enum_name(one.constraint, "contype") for one in statement.node.constraints}
    if kinds & {"CONSTR_CHECK", "CONSTR_NOTNULL"}:
        schema.constrained_domains.add(name)


def _create_function(schema: SchemaModel, statement: ParsedStatement, _file: int) -> None:
    name = ast.strings(statement.node.funcname)[-1]
    options = {one.def_elem.defname: one.def_elem for one in statement.node.options}
    volatility = options["volatility"].arg.string.sval if "volatility" in options else "volatile"
    same, other = schema.volatile_functions, schema.stable_functions
    if volatility != "volatile":
        same, other = other, same
    same.add(name)
    other.discard(name)
    function = Function(ast.body_of(statement.node), ast.argument_counts(statement.node))
    schema.functions[ast.signature_of(statement.node)] = function


_STATEMENTS: dict[str, Callable[[SchemaModel, ParsedStatement, int], None]] = {
    "create_stmt": _create_table,
    "create_table_as_stmt": _create_table_as,
    "index_stmt": _create_index,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "create_domain_stmt": _create_domain,
    "create_function_stmt": _create_function,
    "create_trig_stmt": _create_trigger,
    "view_stmt": _create_view,
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
    "AT_ReplicaIdentity": _identify,
    "AT_AttachPartition": _attach_partition,
    "AT_DetachPartition": _detach_partition,
}
