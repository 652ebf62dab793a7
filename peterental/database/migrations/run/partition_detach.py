"""DETACH PARTITION … CONCURRENTLY: finish what an interrupted one has begun.

It works in two transactions. If it is interrupted between them, the partition is marked as being detached, and the same
statement fails from then on: only DETACH PARTITION … FINALIZE ends that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg import sql

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums

_MAYBE_DETACHES = re.compile(r"\bdetach\b.*\bconcurrently\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class ConcurrentDetach:
    """A partition to detach; each name is (schema, table), the schema None to use the search_path."""

    parent: tuple[str | None, str]
    partition: tuple[str | None, str]


def parse_concurrent_detach(statement: str) -> ConcurrentDetach | None:
    """Return what a DETACH PARTITION … CONCURRENTLY detaches; None for any other statement."""
    if not _MAYBE_DETACHES.search(statement):
        return None
    try:
        tree = parse_one(statement)
    except ParseError:
        return None
    for item in tree.alter_table_stmt.cmds:
        command = item.alter_table_cmd
        definition = getattr(command, "def").partition_cmd
        if command.subtype == pg_enums().AT_DetachPartition and definition.concurrent:
            parent, partition = tree.alter_table_stmt.relation, definition.name
            return ConcurrentDetach(
                (parent.schemaname or None, parent.relname), (partition.schemaname or None, partition.relname)
            )
    return None


def is_detached(connection: Connection, detach: ConcurrentDetach) -> bool:
    """Return whether both tables exist, and the partition is none of its former parent's any more."""
    row = connection.execute(
        """
        SELECT parent IS NOT NULL AND partition IS NOT NULL AND NOT EXISTS (
            SELECT FROM pg_inherits WHERE inhrelid = partition AND inhparent = parent
        ) AS detached
        FROM (SELECT to_regclass(%s) AS parent, to_regclass(%s) AS partition) AS tables
        """,
        (_identifier(detach.parent).as_string(), _identifier(detach.partition).as_string()),
    ).fetchone()
    return row is not None and bool(row["detached"])


def is_half_detached(connection: Connection, detach: ConcurrentDetach) -> bool:
    """Return whether an interrupted DETACH has left the partition marked as being detached."""
    row = connection.execute(
        "SELECT FROM pg_inherits WHERE inhdetachpending AND inhrelid = to_regclass(%s) AND inhparent = to_regclass(%s)",
        (_identifier(detach.partition).as_string(), _identifier(detach.parent).as_string()),
    ).fetchone()
    return row is not None


def finalize_statement(detach: ConcurrentDetach) -> str:
    """Return the statement that finishes an interrupted DETACH."""
    statement = sql.SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE")
    return statement.format(_identifier(detach.parent), _identifier(detach.partition)).as_string()


def _identifier(name: tuple[str | None, str]) -> sql.Identifier:
    return sql.Identifier(*(part for part in name if part is not None))
