"""What db-lint looks for, one kind of danger per module; importing them makes the rules known."""

from peterental.database.migrations.lint.rules import (
    add_column,
    constraints,
    data,
    indexes,
    manners,
    record,
    removal,
    rewrites,
    runnable,
    session,
    taste,
    types,
)

__all__ = [
    "add_column",
    "constraints",
    "data",
    "indexes",
    "manners",
    "record",
    "removal",
    "rewrites",
    "runnable",
    "session",
    "taste",
    "types",
]
