"""The schema that the files so far create: what db-lint knows about tables that a file changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.lint import ast

SERIALS = {"serial": "int4", "bigserial": "int8", "smallserial": "int2", "serial4": "int4", "serial8": "int8"}
"""Pseudo-types, and the real types of their columns."""


@dataclass(frozen=True)
class Position:
    """Where something was defined: the file's index in the reading order, and the offset in characters."""

    file: int
    offset: int


@dataclass
class Column:
    """A column: PostgreSQL's internal name of its type, the type's modifiers, and its constraints on values."""

    name: str
    type: str
    modifiers: tuple[int, ...]
    position: Position
    not_null: bool = False
    serial: bool = False


@dataclass
class Constraint:
    """A constraint.

    `columns` are the columns that it covers or mentions; `not_null_columns` those that a CHECK requires to be not NULL.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    position: Position
    valid: bool = True
    not_null_columns: frozenset[str] = frozenset()
    expression: Any = None
    """The expression of a CHECK, as a parse tree."""


@dataclass
class Index:
    """An index: `columns` are its leading plain columns; `plain` means no expressions and no condition."""

    name: str
    table: str
    columns: tuple[str, ...]
    mentions: frozenset[str]
    file: int
    plain: bool = True
    partial: bool = False
    definition: Any = None
    """The parse tree of its CREATE INDEX; None once a rename has made it wrong."""


@dataclass
class Table:
    """A table, or a materialized view."""

    name: str
    position: Position
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    partitioned: bool = False
    plain: bool = True
    """An ordinary table with all its columns in the file: not a view, a partition or a copy of another table."""

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The primary key's columns; empty if there is no primary key."""
        return next((one.columns for one in self.constraints.values() if one.kind == "primary"), ())

    def is_not_null(self, column: str, *, by_check: bool) -> bool:
        """Whether the column is known to have no NULL; with `by_check`, a validated CHECK counts too."""
        known = self.columns.get(column)
        if known and known.not_null:
            return True
        return by_check and any(one.valid and column in one.not_null_columns for one in self.constraints.values())


_KINDS = {
    "CONSTR_CHECK": ("check", "check"),
    "CONSTR_FOREIGN": ("foreign", "fkey"),
    "CONSTR_PRIMARY": ("primary", "pkey"),
    "CONSTR_UNIQUE": ("unique", "key"),
    "CONSTR_EXCLUSION": ("exclusion", "excl"),
    "CONSTR_NOTNULL": ("not null", "not_null"),
}


def constraint_name(table: str, node: Any, column: str | None = None) -> str:
    """Return a constraint's name: the one in the SQL, or the one that PostgreSQL generates."""
    if node.conname:
        return str(node.conname)
    kind, ending = _KINDS[ast.enum_name(node, "contype")]
    columns = columns_of_constraint(node, column)
    if kind == "primary" or (kind == "check" and len(columns) != 1):
        columns = ()
    return "_".join([table.rpartition(".")[2], *columns, ending])


def columns_of_constraint(node: Any, column: str | None = None) -> tuple[str, ...]:
    """Return the columns that a constraint covers, or that its expressions mention."""
    kind = ast.enum_name(node, "contype")
    if kind == "CONSTR_FOREIGN":
        names = ast.strings(node.fk_attrs)
    elif kind == "CONSTR_CHECK":
        names = sorted(ast.columns_in(node.raw_expr))
    elif kind == "CONSTR_EXCLUSION":
        names = [element.name for element in ast.nodes_of(node, "IndexElem") if element.name]
    else:
        names = ast.strings(node.keys)
    return tuple(names or ([column] if column else []))


class SchemaModel:
    """Tables, indexes, domains and functions, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.indexes: dict[str, Index] = {}
        self.constrained_domains: set[str] = set()
        self.volatile_functions: set[str] = set()
        self.stable_functions: set[str] = set()

    def table(self, key: str) -> Table | None:
        """Return a table; None if the files do not create it."""
        return self.tables.get(key)

    def is_partitioned(self, key: str) -> bool:
        """Whether the files create the table as a partitioned table."""
        return key in self.tables and self.tables[key].partitioned

    def indexes_on(self, table: str) -> list[Index]:
        """Return a table's indexes, without those that belong to constraints."""
        return [index for index in self.indexes.values() if index.table == table]

    def add_table(
        self, key: str, elements: Iterable[Any], position: Position, *, partitioned: bool, plain: bool
    ) -> None:
        """Add a table; do nothing if it already exists, as with IF NOT EXISTS."""
        if key in self.tables:
            return
        table = self.tables[key] = Table(key, position, partitioned=partitioned, plain=plain)
        for element in elements:
            node = ast.inner(element)
            if node.DESCRIPTOR.name == "ColumnDef":
                self.add_column(table, node, position)
            elif node.DESCRIPTOR.name == "Constraint":
                self.add_constraint(table, node, position)
            else:
                table.plain = False  # LIKE adds columns that are not in the file

    def add_column(self, table: Table, node: Any, position: Position) -> None:
        """Add a column with its column constraints."""
        kind = ast.type_of(node.type_name)
        column = Column(
            name=node.colname,
            type=SERIALS.get(kind, kind),
            modifiers=ast.modifiers_of(node.type_name),
            position=position,
            not_null=node.is_not_null or kind in SERIALS,
            serial=kind in SERIALS,
        )
        if column.name in table.columns:
            return
        table.columns[column.name] = column
        for wrapped in node.constraints:
            constraint = wrapped.constraint
            sort = ast.enum_name(constraint, "contype")
            if sort == "CONSTR_IDENTITY":
                column.not_null = True
            self.add_constraint(table, constraint, position, column.name)

    def add_constraint(self, table: Table, node: Any, position: Position, column: str | None = None) -> None:
        """Add a constraint; an unnamed one (NOT NULL, DEFAULT) marks its column instead."""
        sort = ast.enum_name(node, "contype")
        if sort not in _KINDS:
            return
        columns = columns_of_constraint(node, column)
        if sort in {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
            for name in columns:
                if name in table.columns and not node.skip_validation:
                    table.columns[name].not_null = True
        if sort == "CONSTR_NOTNULL" and not node.conname:
            return
        if node.indexname and node.indexname in self.indexes:
            columns = self.indexes[node.indexname].columns
        name = constraint_name(table.name, node, column)
        table.constraints[name] = Constraint(
            name=name,
            kind=_KINDS[sort][0],
            columns=columns,
            position=position,
            valid=not node.skip_validation,
            not_null_columns=frozenset(ast.not_null_columns(node.raw_expr) if sort == "CONSTR_CHECK" else ()),
            expression=node.raw_expr if sort == "CONSTR_CHECK" else None,
        )

    def add_index(self, node: Any, position: Position) -> None:
        """Add an index from its CREATE INDEX."""
        table = ast.key_of(node.relation)
        elements = [element.index_elem for element in node.index_params]
        columns: list[str] = []
        for element in elements:
            if not element.name:
                break
            columns.append(element.name)
        mentions = {element.name for element in elements if element.name}
        for part in (*elements, node.where_clause):
            mentions |= ast.columns_in(part)
        name = node.idxname or "_".join([table, *columns, "idx"])
        partial = node.HasField("where_clause")
        plain = not partial and all(element.name for element in elements)
        index = Index(name, table, tuple(columns), frozenset(mentions), position.file, plain, partial, node)
        self.indexes.setdefault(name, index)

    def drop(self, key: str) -> None:
        """Drop a table with its indexes, or an index."""
        self.indexes.pop(key, None)
        if self.tables.pop(key, None):
            self.indexes = {name: index for name, index in self.indexes.items() if index.table != key}

    def drop_column(self, key: str, column: str) -> None:
        """Drop a column with the constraints and indexes that use it."""
        table = self.tables.get(key)
        if not table:
            return
        table.columns.pop(column, None)
        table.constraints = {name: one for name, one in table.constraints.items() if column not in one.columns}
        self.indexes = {
            name: index for name, index in self.indexes.items() if index.table != key or column not in index.mentions
        }

    def rename_table(self, old: str, new: str) -> None:
        """Rename a table."""
        table = self.tables.pop(old, None)
        if table:
            table.name = new
            self.tables[new] = table
        for index in self.indexes.values():
            if index.table == old:
                index.table = new
                index.definition = None

    def rename_column(self, key: str, old: str, new: str) -> None:
        """Rename a column, also in constraints and indexes."""

        def renamed(names: Iterable[str]) -> list[str]:
            return [new if name == old else name for name in names]

        table = self.tables.get(key)
        if not table or old not in table.columns:
            return
        column = table.columns.pop(old)
        column.name = new
        table.columns[new] = column
        for constraint in table.constraints.values():
            constraint.columns = tuple(renamed(constraint.columns))
            constraint.not_null_columns = frozenset(renamed(constraint.not_null_columns))
            constraint.expression = None
        for index in self.indexes_on(key):
            index.columns = tuple(renamed(index.columns))
            index.mentions = frozenset(renamed(index.mentions))
            index.definition = None
