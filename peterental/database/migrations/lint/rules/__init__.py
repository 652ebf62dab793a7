"""The rules of db-lint, one topic per module; importing a module registers its rules."""

from peterental.database.migrations.lint.rules import (
    add_column,
    backfills,
    breaking_changes,
    constraints,
    conventions,
    data,
    foreign_keys,
    indexes,
    ledger_insert,
    protections,
    schema_design,
    sequences,
    session_settings,
    table_rewrites,
    types,
    validity,
)

__all__ = [
    "add_column",
    "backfills",
    "breaking_changes",
    "constraints",
    "conventions",
    "data",
    "foreign_keys",
    "indexes",
    "ledger_insert",
    "protections",
    "schema_design",
    "sequences",
    "session_settings",
    "table_rewrites",
    "types",
    "validity",
]
