"""The objects that a file creates: what it drops and creates again does not go missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from peterental.database.migrations.lint import ast
from peterental.database.migrations.lint.context import FileLint
from peterental.database.migrations.lint.parsed_file import ParsedStatement

_RELATION, _ROUTINE, _TYPE = "relation", "routine", "type"

_KINDS = {
    "OBJECT_VIEW": _RELATION,
    "OBJECT_MATVIEW": _RELATION,
    "OBJECT_FOREIGN_TABLE": _RELATION,
    "OBJECT_TABLE": _RELATION,
    "OBJECT_FUNCTION": _ROUTINE,
    "OBJECT_PROCEDURE": _ROUTINE,
    "OBJECT_ROUTINE": _ROUTINE,
    "OBJECT_AGGREGATE": _ROUTINE,
    "OBJECT_TYPE": _TYPE,
    "OBJECT_DOMAIN": _TYPE,
}
"""Kinds of objects whose names are interchangeable: a query does not care whether it reads a view or a table."""


@dataclass(frozen=True)
class _Inputs:
    """The arguments of a new function: their types, and how many of them have no default."""

    types: tuple[str, ...]
    required: int

    def accepts(self, old: tuple[str, ...] | None) -> bool:
        """Whether calls with the argument types of a dropped function find this one; None if it has no types."""
        return old is None or (self.types[: len(old)] == old and self.required <= len(old))


_OUTPUTS = frozenset({"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"})


def is_created_too(
    lint: FileLint, statement: ParsedStatement, kind: str, item: Any, *, before: bool | None = None
) -> bool:
    """Whether the file also creates the object that a statement drops or renames.

    In one transaction, other sessions never miss it. A file without a transaction must create it first.

    Args:
        lint: the file.
        statement: the statement that drops or renames it.
        kind: what it is, such as OBJECT_VIEW.
        item: its name in the parse tree, with the types of its arguments for a function.
        before: whether the file must create it before the statement; by default, if it runs without a transaction.
    """
    before = lint.no_transaction if before is None else before
    sort = _KINDS.get(kind, kind)
    for other in lint.source.statements:
        if before and other.offset >= statement.offset:
            break
        for created, key, arguments in _created(other):
            same = created == sort and key == _key_of(item)
            if same and (arguments is None or arguments.accepts(_arguments_of(item))):
                return True
    return False


def is_type_created(lint: FileLint, statement: ParsedStatement, key: str) -> bool:
    """Whether the file creates the type or domain with this key before a statement."""
    earlier = (other for other in lint.source.statements if other.offset < statement.offset)
    return any((sort, created) == (_TYPE, key) for other in earlier for sort, created, _ in _created(other))


def _created(statement: ParsedStatement) -> Iterator[tuple[str, str, _Inputs | None]]:
    """Yield the sort and key of the object that a statement creates, and for a function its arguments."""
    node = statement.node
    if statement.kind == "create_function_stmt":
        yield _ROUTINE, ast.key_of_parts(ast.strings(node.funcname)), _inputs(node.parameters)
    elif statement.kind == "rename_stmt":
        if _KINDS.get(ast.enum_name(node, "rename_type")) == _RELATION:
            yield _RELATION, ast.key_of_parts([node.relation.schemaname, node.newname]), None
    elif statement.kind in _CREATED:
        sort, key_of = _CREATED[statement.kind]
        yield sort, key_of(node), None


def _member(relation: Any, name: str) -> str:
    return ast.key_of_parts([relation.schemaname, relation.relname, name])


_CREATED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "view_stmt": (_RELATION, lambda node: ast.key_of(node.view)),
    "create_stmt": (_RELATION, lambda node: ast.key_of(node.relation)),
    "create_foreign_table_stmt": (_RELATION, lambda node: ast.key_of(node.base_stmt.relation)),
    "create_table_as_stmt": (_RELATION, lambda node: ast.key_of(node.into.rel)),
    "composite_type_stmt": (_TYPE, lambda node: ast.key_of(node.typevar)),
    "create_enum_stmt": (_TYPE, lambda node: ast.key_of_parts(ast.strings(node.type_name))),
    "create_range_stmt": (_TYPE, lambda node: ast.key_of_parts(ast.strings(node.type_name))),
    "create_domain_stmt": (_TYPE, lambda node: ast.key_of_parts(ast.strings(node.domainname))),
    "create_seq_stmt": ("OBJECT_SEQUENCE", lambda node: ast.key_of(node.sequence)),
    "create_schema_stmt": ("OBJECT_SCHEMA", lambda node: str(node.schemaname)),
    "create_extension_stmt": ("OBJECT_EXTENSION", lambda node: str(node.extname)),
    "create_trig_stmt": ("OBJECT_TRIGGER", lambda node: _member(node.relation, node.trigname)),
    "create_policy_stmt": ("OBJECT_POLICY", lambda node: _member(node.table, node.policy_name)),
    "rule_stmt": ("OBJECT_RULE", lambda node: _member(node.relation, node.rulename)),
}
"""What each kind of statement creates, and its key."""


def _key_of(item: Any) -> str:
    node = ast.inner(item)
    kind = node.DESCRIPTOR.name
    if kind == "String":
        return str(node.sval)
    if kind == "RangeVar":
        return ast.key_of(node)
    names = {"ObjectWithArgs": "objname", "TypeName": "names", "List": "items"}.get(kind)
    if names is None:
        return ""  # a large object has a number
    return ast.key_of_parts(ast.strings(getattr(node, names)))


def _arguments_of(item: Any) -> tuple[str, ...] | None:
    """Return the argument types of a dropped function; None if it is named without them."""
    node = ast.inner(item)
    if node.DESCRIPTOR.name != "ObjectWithArgs" or node.args_unspecified:
        return None
    return tuple(ast.type_of(arg.type_name) for arg in node.objargs)


def _inputs(parameters: Any) -> _Inputs:
    nodes = [wrapped.function_parameter for wrapped in parameters]
    inputs = [node for node in nodes if ast.enum_name(node, "mode") not in _OUTPUTS]
    return _Inputs(
        tuple(ast.type_of(node.arg_type) for node in inputs), sum(not node.HasField("defexpr") for node in inputs)
    )
