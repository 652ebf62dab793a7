"""Recognise a `schema_migrations` that another tool made, by its columns and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import psycopg

from peterental.database.migrations.errors import FOREIGN_LEDGER_HINT, LedgerError
from peterental.database.migrations.session.server import Connection

_INTEGERS = frozenset({"int2", "int4", "int8"})
_TEXTS = frozenset({"text", "varchar", "bpchar"})
_TIMES = frozenset({"timestamp", "timestamptz"})
_BOOLEANS = frozenset({"bool"})


@dataclass(frozen=True)
class _Signature:
    """The columns of a tool's `schema_migrations`, each with the types that it may have.

    Args:
        tool: the tool's name.
        columns: all of them.
        option: what `flask db-import --from` calls the tool; None if it does not convert its files.
        beside: a table that the tool also makes; it tells tools with the same columns apart.
    """

    tool: str
    columns: Mapping[str, frozenset[str]]
    option: str | None = None
    beside: str | None = None


_SIGNATURES = (
    _Signature("golang-migrate", {"version": _INTEGERS, "dirty": _BOOLEANS}, "golang-migrate"),
    _Signature("Ecto", {"version": _INTEGERS, "inserted_at": _TIMES}),
    _Signature("Rails", {"version": _TEXTS}, "rails", beside="ar_internal_metadata"),
    _Signature("dbmate", {"version": _TEXTS}, "dbmate"),
    _Signature("Sequel", {"filename": _TEXTS}),
    _Signature("Migratus", {"id": _INTEGERS, "applied": _TIMES, "description": _TEXTS}),
    _Signature("Supabase", {"version": _TEXTS, "statements": frozenset({"text[]"}), "name": _TEXTS}),
)

_LEDGERS = {
    "SequelizeMeta": "Sequelize",
    "__diesel_schema_migrations": "diesel",
    "_prisma_migrations": "Prisma",
    "_sqlx_migrations": "sqlx",
    "_yoyo_migration": "yoyo",
    "alembic_version": "Alembic",
    "ar_internal_metadata": "Rails",
    "databasechangelog": "Liquibase",
    "django_migrations": "Django",
    "flyway_schema_history": "Flyway",
    "goose_db_version": "goose",
    "gorp_migrations": "sql-migrate",
    "knex_migrations": "Knex",
    "pgmigrations": "node-pg-migrate",
    "refinery_schema_history": "refinery",
    "schema_version": "tern",
}
"""Tables in which other tools record their migrations, and the tools."""

_OURS = ("version", "applied_at", "description")
"""Columns that the guide's ledger has had from the beginning, in the order in which a missing one is named."""


def refuse_foreign_ledger(connection: Connection, schema: str, types: Mapping[str, int]) -> NoReturn:
    """Raise LedgerError for a `schema_migrations` that lacks one of our columns; it names the tool that made it.

    Args:
        connection: used for a query only if two tools have the same columns.
        schema: the schema of the table.
        types: the type's OID of each of its columns.
    """
    names = {column: _type_name(oid) for column, oid in types.items()}
    for signature in _SIGNATURES:
        if _matches(names, signature) and (signature.beside is None or _exists(connection, schema, signature.beside)):
            raise _refusal(signature, types)
    missing = next(column for column in _OURS if column not in types)
    raise LedgerError(reason=f"it has no column {missing}", advice=FOREIGN_LEDGER_HINT)


def other_ledger(connection: Connection, schema: str) -> str | None:
    """Return a remark if a schema without our ledger has the one of another tool, under that tool's own name."""
    row = connection.execute(
        "SELECT min(relname) AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE nspname = %s AND relkind IN ('r', 'p') AND relname = ANY(%s)",
        (schema, list(_LEDGERS)),
    ).fetchone()
    if row is None or row["name"] is None:
        return None
    return (
        f"This database has {row['name']}, the ledger of {_LEDGERS[row['name']]}. If these files come from there,"
        " record those that it has applied with flask db-adopt --to VERSION."
    )


def _matches(names: Mapping[str, str], signature: _Signature) -> bool:
    columns = signature.columns
    return names.keys() == columns.keys() and all(names[column] in types for column, types in columns.items())


def _refusal(signature: _Signature, types: Mapping[str, int]) -> LedgerError:
    tool = signature.tool
    columns = ", ".join(f"{column} {_type_name(oid, in_sql=True)}" for column, oid in types.items())
    if signature.beside:
        columns += f", beside {signature.beside}"
    importing = f"run flask db-import FOLDER --from {signature.option}" if signature.option else "convert its files"
    return LedgerError(
        reason=f"the table is {tool}'s ({columns})",
        advice=f"give PeteRental a separate schema, or, to replace {tool}, rename that table, {importing}, then record"
        " the files with flask db-adopt --to VERSION",
    )


def _type_name(oid: int, *, in_sql: bool = False) -> str:
    """Return a type's internal name, such as int8, or its name in SQL, such as bigint."""
    info = psycopg.adapters.types.get(oid)
    if info is None:
        return "of another type"
    return (info.regtype if in_sql else info.name) + "[]" * (info.array_oid == oid)


def _exists(connection: Connection, schema: str, table: str) -> bool:
    row = connection.execute(
        "SELECT to_regclass(quote_ident(%s) || '.' || quote_ident(%s)) IS NOT NULL AS found", (schema, table)
    ).fetchone()
    return row is not None and bool(row["found"])
