"""What every part of the schema text shares: statements with their place, and the quoting of literals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

Row = dict[str, Any]
"""One row of a catalog query."""


class ObjectId(NamedTuple):
    """An object by its system catalog and OID: `pg_class`, 16385."""

    catalog: str
    oid: int


class Rank(IntEnum):
    """Where a statement stands when dependencies leave the choice. Data belongs before `FIRST_AFTER_DATA`."""

    SCHEMA = 1
    EXTENSION = 2
    COLLATION = 3
    TYPE = 4
    SEQUENCE = 5
    FUNCTION = 6
    OPERATOR = 7
    TABLE = 8
    TABLE_PART = 9
    ATTACH = 10
    KEY = 11
    VIEW = 12
    OWNED_SEQUENCE = 13
    FIRST_AFTER_DATA = 20
    CONSTRAINT = 21
    INDEX = 22
    INDEX_USE = 23
    STATISTICS = 24
    FOREIGN_KEY = 25
    RULE = 26
    TRIGGER = 27
    POLICY = 28
    REFRESH = 29
    TRIGGER_STATE = 30
    WHOLE_DATABASE = 31
    GRANT = 32
    OWNER = 33
    DEFAULT_PRIVILEGES = 34


@dataclass
class Unit:
    """One object's statements.

    Args:
        id: the object, for dependencies.
        rank: its place where dependencies leave the choice.
        name: sorts the objects of one rank.
        statements: its SQL, each statement without the semicolon.
        needs: objects that must exist before, besides what the catalog records.
        label: what the object is called in messages.
        splittable: whether parts of the table's definition can follow in separate statements.
    """

    id: ObjectId
    rank: Rank
    name: str
    statements: list[str]
    needs: set[ObjectId] = field(default_factory=set)
    label: str = ""
    splittable: bool = False

    @property
    def sort_key(self) -> tuple[int, str, ObjectId]:
        """The place among units that do not depend on each other; the OID only where names are equal."""
        return self.rank, self.name, self.id


def literal(text: str) -> str:
    """Return a text as an SQL literal, valid for either value of standard_conforming_strings."""
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


def options(pairs: Mapping[str, str | None], indent: str = "    ") -> str:
    """Return `(NAME = value, …)` on separate lines, without the pairs that have no value."""
    return "(\n" + ",\n".join(f"{indent}{name} = {value}" for name, value in pairs.items() if value) + "\n)"
