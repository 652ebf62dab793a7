"""The schema as the files up to here make it: what db-lint knows about tables that a file changes but does not make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.lint import ast

SERIALS = {"serial": "int4", "bigserial": "int8", "smallserial": "int2", "serial4": "int4", "serial8": "int8"}
"""Types that are none, and what their columns become."""


@dataclass(frozen=True)
class Position:
    """Where something was made: the number of the file in the order of reading, and the place in characters."""

    file: int
    offset: int


@dataclass
class Column:
    """A column: its type as PostgreSQL names it, the type's modifiers, and what is known of its values."""

    name: str
    type: str
    mods: tuple[int, ...]
    spot: Position
    not_null: bool = False
    serial: bool = False


@dataclass
class Constraint:
    """A constraint: `columns` are those it is over or mentions, `keeps_not_null` those whose NULLs a CHECK refuses."""

    name: str
    kind: str
    columns: tuple[str, ...]
    spot: Position
    valid: bool = True
    keeps_not_null: frozenset[str] = frozenset()
    expression: Any = None
    """What a CHECK demands, as a tree."""


@dataclass
class Index:
    """An index: `columns` are its leading plain columns, `plain` whether it has neither expressions nor a condition."""

    name: str
    table: str
    columns: tuple[str, ...]
    mentions: frozenset[str]
    file: int
    plain: bool = True
    partial: bool = False
    definition: Any = None
    """The tree of its CREATE INDEX, as long as the names in it are right."""


@dataclass
class Table:
    """A table, or what may be indexed like one."""

    name: str
    spot: Position
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    partitioned: bool = False
    plain: bool = True
    """An ordinary table whose columns stand in the file: neither a view nor a partition nor a copy of something."""

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Its columns; none where there is none."""
        return next((one.columns for one in self.constraints.values() if one.kind == "primary"), ())

    def is_not_null(self, column: str, *, by_check: bool) -> bool:
        """Whether the column is known to hold no NULL; by a validated CHECK alone only `by_check`."""
        known = self.columns.get(column)
        if known and known.not_null:
            return True
        return by_check and any(one.valid and column in one.keeps_not_null for one in self.constraints.values())


_KINDS = {
    "CONSTR_CHECK": ("check", "check"),
    "CONSTR_FOREIGN": ("foreign", "fkey"),
    "CONSTR_PRIMARY": ("primary", "pkey"),
    "CONSTR_UNIQUE": ("unique", "key"),
    "CONSTR_EXCLUSION": ("exclusion", "excl"),
    "CONSTR_NOTNULL": ("not null", "not_null"),
}


def constraint_name(table: str, node: Any, column: str | None = None) -> str:
    """Give a constraint's name: its own, or the one that PostgreSQL makes up."""
    if node.conname:
        return str(node.conname)
    kind, ending = _KINDS[ast.enum_name(node, "contype")]
    columns = columns_of_constraint(node, column)
    if kind == "primary" or (kind == "check" and len(columns) != 1):
        columns = ()
    return "_".join([table.rpartition(".")[2], *columns, ending])


def columns_of_constraint(node: Any, column: str | None = None) -> tuple[str, ...]:
    """Give the columns that a constraint is over, or that its expressions mention."""
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
    """Tables, indexes and what else the rules ask for, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.indexes: dict[str, Index] = {}
        self.constrained_domains: set[str] = set()
        self.volatile_functions: set[str] = set()
        self.stable_functions: set[str] = set()

    def table(self, key: str) -> Table | None:
        """Give a table, if the files make it."""
        return self.tables.get(key)

    def is_partitioned(self, key: str) -> bool:
        """Whether the files make that table as a partitioned one."""
        return key in self.tables and self.tables[key].partitioned

    def indexes_on(self, table: str) -> list[Index]:
        """Give a table's indexes, but for those of its constraints."""
        return [index for index in self.indexes.values() if index.table == table]

    def add_table(self, key: str, elements: Iterable[Any], spot: Position, *, partitioned: bool, plain: bool) -> None:
        """Take in a CREATE TABLE, unless there is such a table: then it does nothing, as with IF NOT EXISTS."""
        if key in self.tables:
            return
        table = self.tables[key] = Table(key, spot, partitioned=partitioned, plain=plain)
        for element in elements:
            node = ast.inner(element)
            if node.DESCRIPTOR.name == "ColumnDef":
                self.add_column(table, node, spot)
            elif node.DESCRIPTOR.name == "Constraint":
                self.add_constraint(table, node, spot)
            else:
                table.plain = False  # LIKE brings what we do not see

    def add_column(self, table: Table, node: Any, spot: Position) -> None:
        """Take in a column with the constraints written beside it."""
        kind = ast.type_of(node.type_name)
        column = Column(
            name=node.colname,
            type=SERIALS.get(kind, kind),
            mods=ast.mods_of(node.type_name),
            spot=spot,
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
            self.add_constraint(table, constraint, spot, column.name)

    def add_constraint(self, table: Table, node: Any, spot: Position, column: str | None = None) -> None:
        """Take in a constraint; one that PostgreSQL has no name for (NOT NULL, DEFAULT) marks its column."""
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
            spot=spot,
            valid=not node.skip_validation,
            keeps_not_null=frozenset(ast.columns_kept_not_null(node.raw_expr) if sort == "CONSTR_CHECK" else ()),
            expression=node.raw_expr if sort == "CONSTR_CHECK" else None,
        )

    def add_index(self, node: Any, spot: Position) -> None:
        """Take in a CREATE INDEX."""
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
        index = Index(name, table, tuple(columns), frozenset(mentions), spot.file, plain, partial, node)
        self.indexes.setdefault(name, index)

    def drop(self, key: str) -> None:
        """Take in that a table or an index is gone."""
        self.indexes.pop(key, None)
        if self.tables.pop(key, None):
            self.indexes = {name: index for name, index in self.indexes.items() if index.table != key}

    def drop_column(self, key: str, column: str) -> None:
        """Take in that a column is gone, with the constraints and indexes that it was in."""
        table = self.tables.get(key)
        if not table:
            return
        table.columns.pop(column, None)
        table.constraints = {name: one for name, one in table.constraints.items() if column not in one.columns}
        self.indexes = {
            name: index for name, index in self.indexes.items() if index.table != key or column not in index.mentions
        }

    def rename_table(self, old: str, new: str) -> None:
        """Take in a table's new name."""
        table = self.tables.pop(old, None)
        if table:
            table.name = new
            self.tables[new] = table
        for index in self.indexes.values():
            if index.table == old:
                index.table = new
                index.definition = None

    def rename_column(self, key: str, old: str, new: str) -> None:
        """Take in a column's new name."""

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
            constraint.keeps_not_null = frozenset(renamed(constraint.keeps_not_null))
            constraint.expression = None
        for index in self.indexes_on(key):
            index.columns = tuple(renamed(index.columns))
            index.mentions = frozenset(renamed(index.mentions))
            index.definition = None
