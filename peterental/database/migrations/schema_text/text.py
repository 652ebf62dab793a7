"""Write a database's schema as SQL that runs in any schema of any supported PostgreSQL version."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from peterental.database.migrations.schema_text import (
    grants,
    rare_objects,
    routines,
    table_parts,
    tables,
    user_types,
    views,
)
from peterental.database.migrations.schema_text.model import ObjectId, Unit
from peterental.database.migrations.schema_text.ordering import CircularDefinitions, ordered
from peterental.database.migrations.schema_text.reader import CatalogReader
from peterental.database.migrations.schema_text.unsupported import SchemaInexpressible, refuse_unsupported
from peterental.database.migrations.session.plain_reading import read_plainly
from peterental.database.migrations.session.server import Connection, reason_of

PREAMBLE = "SET check_function_bodies TO off"
"""A function's body may use what is created after the function."""


@dataclass(frozen=True)
class SchemaText:
    """A schema as SQL, in two parts: what rows need, and what is added after them."""

    before_data: str
    after_data: str

    @property
    def text(self) -> str:
        """The whole schema."""
        return self.before_data + self.after_data


def schema_text(connection: Connection, schema: str) -> SchemaText:
    """Return the schema of a database, except the ledger, as SQL in a stable order.

    Objects in `schema` have unqualified names. There are no owners, OIDs or versions.

    Args:
        connection: in autocommit mode; its search_path is restored.
        schema: the schema of the migrations.

    Raises SchemaInexpressible, naming what has no statement.
    """
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
            read_plainly(connection)
            catalog = CatalogReader(connection, schema)
            refuse_unsupported(catalog)
            before, after = _ordered_units(catalog)
    except psycopg.Error as error:
        raise SchemaInexpressible(reason=reason_of(error)) from error
    return SchemaText(f"{PREAMBLE};\n" + _joined(before), _joined(after))


def _units(catalog: CatalogReader, split: set[ObjectId]) -> list[Unit]:
    found = [
        *user_types.units(catalog),
        *routines.units(catalog),
        *tables.units(catalog, split),
        *views.units(catalog),
        *table_parts.units(catalog),
        *rare_objects.units(catalog),
        *grants.units(catalog),
    ]
    return [unit for unit in found if unit.statements]


def _ordered_units(catalog: CatalogReader) -> tuple[list[Unit], list[Unit]]:
    """Return the units before and after data, in order.

    Tables that depend on each other through functions get their defaults and checks in separate statements.
    """
    split: set[ObjectId] = set()
    while True:
        try:
            return ordered(catalog, _units(catalog, split))
        except CircularDefinitions as error:
            more = {unit.id for unit in error.units if unit.splittable} - split
            if not more:
                names = ", ".join(sorted(unit.label for unit in error.units if unit.label))
                raise SchemaInexpressible(reason=f"these objects need each other: {names}") from error
            split |= more


def _joined(units: list[Unit]) -> str:
    """Return the units as text: a blank line between objects, `;` after each statement."""
    return "".join("\n" + "".join(f"{statement};\n" for statement in unit.statements) for unit in units)
