"""Reads PostgreSQL's parse trees: names, types and expressions, and SQL made from them again.

The nodes are protobuf messages without types that a checker could read, hence Any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from peterental.database.migrations.sql.parser import library, scan

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")
_IS_NOT_NULL = 2  # pg_query's NullTestType
_AND = 1  # pg_query's BoolExprType


def enum_name(node: Any, field: str) -> str:
    """Give the name of the value that an enumeration field holds, such as AT_AddColumn."""
    number = getattr(node, field)
    return str(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[number].name)


def set_enum(node: Any, field: str, name: str) -> None:
    """Set an enumeration field to a value by name."""
    setattr(node, field, node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_name[name].number)


def inner(node: Any) -> Any:
    """Give what a Node wraps."""
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else node


def strings(nodes: Iterable[Any]) -> list[str]:
    """Give the texts of a list of String nodes."""
    return [node.string.sval for node in nodes if node.HasField("string")]


def walk(message: Any) -> Iterator[Any]:
    """Give every message below and including `message`, each before those below it."""
    waiting = [message]
    while waiting:  # not by recursion, of which Python allows less than PostgreSQL
        node = waiting.pop()
        yield node
        below: list[Any] = []
        for field, value in node.ListFields():
            if field.type == field.TYPE_MESSAGE:
                below.extend(value if _is_repeated(value) else (value,))
        waiting.extend(reversed(below))


def _is_repeated(value: Any) -> bool:
    return not hasattr(value, "DESCRIPTOR")


def nodes_of(message: Any, kind: str) -> list[Any]:
    """Give every message of type `kind`, such as ColumnRef, in `message`."""
    return [node for node in walk(message) if node.DESCRIPTOR.name == kind]


@cache
def quoted(name: str) -> str:
    """Give an identifier as it must be written in SQL."""
    if _PLAIN_NAME.fullmatch(name):
        tokens = scan(name)
        if tokens[0].keyword_kind in (0, 1, 2):  # no keyword, or one that may be a column's name
            return name
    return '"' + name.replace('"', '""') + '"'


def quoted_list(names: Iterable[str]) -> str:
    """Give identifiers as a list in SQL."""
    return ", ".join(quoted(name) for name in names)


def key_of(relation: Any) -> str:
    """Give the name by which the catalog knows a table, from a RangeVar."""
    return key_of_names([relation.schemaname, relation.relname])


def key_of_names(names: list[str]) -> str:
    """Give the name by which the catalog knows an object; the schema public goes without saying."""
    schema = names[-2] if len(names) > 1 else ""
    return names[-1] if schema in ("", "public") else f"{schema}.{names[-1]}"


def shown(relation: Any) -> str:
    """Give a table's name as it is written in SQL, from a RangeVar."""
    return ".".join(quoted(part) for part in (relation.schemaname, relation.relname) if part)


def shown_names(names: list[str]) -> str:
    """Give an object's name as it is written in SQL, from its parts."""
    return ".".join(quoted(part) for part in names if part)


def type_of(type_name: Any) -> str:
    """Give a type's plain name, as PostgreSQL keeps it: int4, varchar, bpchar, timestamptz, …; [] for arrays."""
    names = strings(type_name.names)
    base = names[-1] if names else ""
    return base + "[]" * bool(type_name.array_bounds)


def mods_of(type_name: Any) -> tuple[int, ...]:
    """Give a type's modifiers: (255,) of varchar(255)."""
    return tuple(mod.a_const.ival.ival for mod in type_name.typmods if mod.a_const.HasField("ival"))


def columns_in(expression: Any) -> set[str]:
    """Give the names of the columns that an expression mentions."""
    return {names[-1] for node in nodes_of(expression, "ColumnRef") if (names := strings(node.fields))}


def columns_kept_not_null(expression: Any) -> set[str]:
    """Give the columns that a CHECK keeps from being NULL: `a IS NOT NULL`, also joined by AND."""
    node = inner(expression)
    kind = node.DESCRIPTOR.name
    if kind == "NullTest" and node.nulltesttype == _IS_NOT_NULL and node.arg.HasField("column_ref"):
        return columns_in(node.arg)
    if kind == "BoolExpr" and node.boolop == _AND:
        return set().union(*(columns_kept_not_null(arg) for arg in node.args))
    return set()


def is_null_constant(expression: Any) -> bool:
    """Whether an expression is NULL, or NULL cast to something."""
    node = inner(expression)
    if node.DESCRIPTOR.name == "TypeCast":
        return is_null_constant(node.arg)
    return bool(node.DESCRIPTOR.name == "A_Const" and node.isnull)


def text_of_constant(node: Any) -> str | None:
    """Give the value of a constant as text; None for anything else."""
    value = inner(node)
    if value.DESCRIPTOR.name == "TypeCast":
        return text_of_constant(value.arg)
    if value.DESCRIPTOR.name != "A_Const" or value.isnull:
        return None
    which = value.WhichOneof("val")
    return str(getattr(getattr(value, which), which))


def text_of_option(option: Any) -> str | None:
    """Give the value of an option such as (FULL off); None where it has none, which means on."""
    return str(option.arg.string.sval).lower() if option.HasField("arg") and option.arg.HasField("string") else None


def sql_of(kind: str, node: Any) -> str:
    """Write a statement, given as the name of its field in Node and its message."""
    result = library().ParseResult()
    getattr(result.stmts.add().stmt, kind).CopyFrom(node)
    return f"{library().deparse(result)};"


def sql_of_expression(expression: Any) -> str:
    """Write an expression."""
    result = library().parse("SELECT 1")
    result.stmts[0].stmt.select_stmt.target_list[0].res_target.val.CopyFrom(expression)
    return str(library().deparse(result)).removeprefix("SELECT ")


def sql_of_type(type_name: Any) -> str:
    """Write a type."""
    result = library().parse("ALTER TABLE t ADD COLUMN c int")
    command = result.stmts[0].stmt.alter_table_stmt.cmds[0].alter_table_cmd
    definition_of(command).column_def.type_name.CopyFrom(type_name)
    return str(library().deparse(result)).removeprefix("ALTER TABLE t ADD COLUMN c ")


def definition_of(node: Any) -> Any:
    """Give the field `def`, whose name is a word of Python."""
    return getattr(node, "def")


def alter_with(statement: Any, command: Any) -> str:
    """Write an ALTER TABLE with one of its commands only."""
    copy = type(statement)()
    copy.CopyFrom(statement)
    del copy.cmds[:]
    copy.cmds.add().alter_table_cmd.CopyFrom(command)
    return sql_of("alter_table_stmt", copy)
