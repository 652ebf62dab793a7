"""Helpers for PostgreSQL parse trees: read names, types and expressions, and turn them back into SQL.

The nodes are protobuf messages without type stubs, hence Any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from peterental.database.migrations.sql.parser import library, scan
from peterental.database.migrations.sql.trees import nodes_of as nodes_of  # noqa: PLC0414  # used as ast.nodes_of
from peterental.database.migrations.sql.trees import walk as walk  # noqa: PLC0414  # likewise

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_IS_NOT_NULL = 2  # pg_query's NullTestType
_AND = 1  # pg_query's BoolExprType
_MAX_ARGUMENTS = 101  # one more than a function of PostgreSQL can have

Signature = tuple[str, tuple[str, ...]]
"""A function's name without its schema, and the types of its arguments."""


def enum_name(node: Any, field: str) -> str:
    """Return the name of an enumeration field's value, such as AT_AddColumn."""
    number = getattr(node, field)
    return str(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[number].name)


def set_enum(node: Any, field: str, name: str) -> None:
    """Set an enumeration field to a value by name."""
    setattr(node, field, node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_name[name].number)


def inner(node: Any) -> Any:
    """Return the message that a Node wraps."""
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else node


def strings(nodes: Iterable[Any]) -> list[str]:
    """Return the values of the String nodes in a list."""
    return [node.string.sval for node in nodes if node.HasField("string")]


@cache
def quoted(name: str) -> str:
    """Return an identifier as SQL, quoted only if it must be."""
    if _PLAIN_NAME.fullmatch(name):
        tokens = scan(name)
        if tokens[0].keyword_kind in (0, 1, 2):  # not a keyword, or a keyword that is allowed as a column name
            return name
    return '"' + name.replace('"', '""') + '"'


def quoted_list(names: Iterable[str]) -> str:
    """Return identifiers as a comma-separated SQL list."""
    return ", ".join(quoted(name) for name in names)


def key_of(relation: Any) -> str:
    """Return a table's key in the schema model, from a RangeVar."""
    return key_of_parts([relation.schemaname, relation.relname])


def key_of_parts(names: list[str]) -> str:
    """Return an object's key in the schema model; the schema public is omitted."""
    schema = names[-2] if len(names) > 1 else ""
    return names[-1] if schema in ("", "public") else f"{schema}.{names[-1]}"


def sql_name(relation: Any) -> str:
    """Return a table's name as SQL, from a RangeVar."""
    return ".".join(quoted(part) for part in (relation.schemaname, relation.relname) if part)


def sql_name_of_parts(names: list[str]) -> str:
    """Return an object's name as SQL, from its parts."""
    return ".".join(quoted(part) for part in names if part)


def type_of(type_name: Any) -> str:
    """Return a type's internal name: int4, varchar, timestamptz, ….

    For arrays, [] is appended.
    """
    names = strings(type_name.names)
    base = names[-1] if names else ""
    return base + "[]" * bool(type_name.array_bounds)


_SQL_TYPES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "char",
}


def sql_type(internal: str) -> str:
    """Return the name in SQL of a type that `type_of` returned."""
    base = internal.removesuffix("[]")
    return _SQL_TYPES.get(base, base) + internal[len(base) :]


def modifiers_of(type_name: Any) -> tuple[int, ...]:
    """Return a type's modifiers: (255,) for varchar(255)."""
    return tuple(mod.a_const.ival.ival for mod in type_name.typmods if mod.a_const.HasField("ival"))


def columns_in(expression: Any) -> set[str]:
    """Return the names of the columns that an expression mentions."""
    return {names[-1] for node in nodes_of(expression, "ColumnRef") if (names := strings(node.fields))}


def calls_in(expression: Any, columns: Mapping[str, str]) -> set[Signature]:
    """Return the functions that an expression calls, with the types of their arguments; "" for an unknown one.

    Args:
        expression: the parse tree.
        columns: the types of the columns that it may mention.
    """
    return {
        (strings(call.funcname)[-1], tuple(_type_of_argument(argument, columns) for argument in call.args))
        for call in nodes_of(expression, "FuncCall")
    }


def _type_of_argument(argument: Any, columns: Mapping[str, str]) -> str:
    node = inner(argument)
    if node.DESCRIPTOR.name == "TypeCast":
        return type_of(node.type_name)
    return columns.get(strings(node.fields)[-1], "") if node.DESCRIPTOR.name == "ColumnRef" else ""


def signature_of(function: Any) -> Signature:
    """Return the name of a CREATE FUNCTION, without its schema, and the types of its arguments."""
    return strings(function.funcname)[-1], tuple(type_of(one.arg_type) for one in _inputs(function))


def _inputs(function: Any) -> list[Any]:
    parameters = (wrapped.function_parameter for wrapped in function.parameters)
    return [one for one in parameters if enum_name(one, "mode") not in {"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"}]


def argument_counts(function: Any) -> range:
    """Return with how many arguments a CREATE FUNCTION can be called."""
    inputs = _inputs(function)
    is_variadic = any(enum_name(one, "mode") == "FUNC_PARAM_VARIADIC" for one in inputs)
    required = sum(not one.HasField("defexpr") for one in inputs) - is_variadic
    return range(required, _MAX_ARGUMENTS if is_variadic else len(inputs) + 1)


def body_of(function: Any) -> tuple[str, ...]:
    """Return the strings of AS of a CREATE FUNCTION; none for a body in SQL."""
    bodies = (one.def_elem.arg.list.items for one in function.options if one.def_elem.defname == "as")
    return tuple(text for items in bodies for text in strings(items))


def not_null_columns(expression: Any) -> set[str]:
    """Return the columns that a CHECK requires to be not NULL.

    Recognises `a IS NOT NULL`, also joined by AND.
    """
    node = inner(expression)
    kind = node.DESCRIPTOR.name
    if kind == "NullTest" and node.nulltesttype == _IS_NOT_NULL and node.arg.HasField("column_ref"):
        return columns_in(node.arg)
    if kind == "BoolExpr" and node.boolop == _AND:
        return set().union(*(not_null_columns(arg) for arg in node.args))
    return set()


def is_null_constant(expression: Any) -> bool:
    """Whether an expression is NULL, with or without a cast."""
    node = inner(expression)
    if node.DESCRIPTOR.name == "TypeCast":
        return is_null_constant(node.arg)
    return bool(node.DESCRIPTOR.name == "A_Const" and node.isnull)


def text_of_constant(node: Any) -> str | None:
    """Return a constant's value as text; None for any other expression."""
    value = inner(node)
    if value.DESCRIPTOR.name == "TypeCast":
        return text_of_constant(value.arg)
    if value.DESCRIPTOR.name != "A_Const" or value.isnull:
        return None
    which = value.WhichOneof("val")
    return str(getattr(getattr(value, which), which))


def text_of_option(option: Any) -> str | None:
    """Return the value of an option such as (FULL off).

    None means that it has no value, which means on.
    """
    return str(option.arg.string.sval).lower() if option.HasField("arg") and option.arg.HasField("string") else None


def sql_of(kind: str, node: Any) -> str:
    """Return a statement as SQL.

    Args:
        kind: the name of its field in Node.
        node: its message.
    """
    result = library().ParseResult()
    getattr(result.stmts.add().stmt, kind).CopyFrom(node)
    return f"{library().deparse(result)};"


def sql_of_expression(expression: Any) -> str:
    """Return an expression as SQL."""
    result = library().parse("SELECT 1")
    result.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(expression)
    return str(library().deparse(result)).removeprefix("SELECT ")


def sql_of_type(type_name: Any) -> str:
    """Return a type as SQL."""
    result = library().parse("ALTER TABLE t ADD COLUMN c int")
    command = result.stmts[0].stmt.alter_table_stmt.cmds[0].alter_table_cmd
    definition_of(command).column_def.type_name.CopyFrom(type_name)
    return str(library().deparse(result)).removeprefix("ALTER TABLE t ADD COLUMN c ")


def definition_of(node: Any) -> Any:
    """Return the field `def`, whose name is a Python keyword."""
    return getattr(node, "def")


def alter_with(statement: Any, command: Any) -> str:
    """Return an ALTER TABLE as SQL, with only one of its commands."""
    copy = type(statement)()
    copy.CopyFrom(statement)
    del copy.cmds[:]
    copy.cmds.add().alter_table_cmd.CopyFrom(command)
    return sql_of("alter_table_stmt", copy)
