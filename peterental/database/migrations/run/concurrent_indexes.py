"""Indexes built CONCURRENTLY: recover from interrupted builds, and check that they are valid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums

_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)


@dataclass(frozen=True)
class ConcurrentIndexOp:
    """An operation on an index that cannot run in a transaction.

    Args:
        verb: `create`, `drop` or `reindex`.
        schema: as named in the statement; None to use the search_path.
        table: the table of a `create`; None otherwise.
        name: of the index.
    """

    verb: str
    schema: str | None
    table: str | None
    name: str


def parse_concurrent_index_op(statement: str) -> ConcurrentIndexOp | None:
    """Return which index a statement creates, drops or rebuilds concurrently; None for any other statement."""
    if not _CONCURRENTLY.search(statement):
        return None
    try:
        tree = parse_one(statement)
    except ParseError:
        return None
    if tree.HasField("index_stmt") and tree.index_stmt.concurrent:
        node = tree.index_stmt
        return ConcurrentIndexOp("create", node.relation.schemaname or None, node.relation.relname, node.idxname)
    if tree.HasField("drop_stmt") and tree.drop_stmt.concurrent:
        names = [item.string.sval for item in tree.drop_stmt.objects[0].list.items]
        return ConcurrentIndexOp("drop", names[-2] if len(names) > 1 else None, None, names[-1])
    if tree.HasField("reindex_stmt") and _is_concurrent(tree.reindex_stmt):
        relation = tree.reindex_stmt.relation
        if tree.reindex_stmt.kind == pg_enums().REINDEX_OBJECT_INDEX:
            return ConcurrentIndexOp("reindex", relation.schemaname or None, None, relation.relname)
    return None


def _is_concurrent(reindex: Any) -> bool:
    return any(option.def_elem.defname == "concurrently" for option in reindex.params)


def is_valid(connection: Connection, operation: ConcurrentIndexOp) -> bool | None:
    """Return whether the index is valid; None if it does not exist."""
    row = _find(connection, operation)
    return None if row is None else bool(row["valid"])


def is_being_built(connection: Connection, operation: ConcurrentIndexOp) -> bool:
    """Return whether another session is building this index now."""
    row = _find(connection, operation)
    if row is None:
        return False
    building = connection.execute(
        "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = %s AND pid <> pg_backend_pid()", (row["oid"],)
    ).fetchone()
    return building is not None


def drop(connection: Connection, operation: ConcurrentIndexOp) -> None:
    """Drop the index without blocking other sessions."""
    row = _find(connection, operation)
    if row is not None:
        connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(row["schema"], row["name"]))
        )


def drop_invalid_copies(connection: Connection, operation: ConcurrentIndexOp) -> None:
    """Drop the invalid copies (`…_ccnew`, `…_ccold`) of an interrupted REINDEX CONCURRENTLY."""
    original = _find(connection, operation)
    if original is None:
        return
    leftovers = connection.execute(
        """
        SELECT n.nspname AS schema, c.relname AS name
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND i.indrelid = %s AND c.relname ~ %s
        """,
        (original["table_oid"], "^" + _escaped_for_regexp(operation.name) + "_cc(new|old)[0-9]*$"),
    ).fetchall()
    for leftover in leftovers:
        connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(leftover["schema"], leftover["name"]))
        )


def _escaped_for_regexp(name: str) -> str:
    return "".join(character if character.isalnum() or character == "_" else f"\\{character}" for character in name)


def _find(connection: Connection, operation: ConcurrentIndexOp) -> dict[str, Any] | None:
    """Find the index that the statement refers to: in its table's schema, or on the search_path."""
    return connection.execute(
        """
        SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AND i.indisready AS valid,
               i.indrelid AS table_oid
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_index AS i ON i.indexrelid = c.oid
        WHERE c.relname = %(name)s
            AND CASE
                WHEN %(table)s::text IS NOT NULL THEN c.relnamespace = (
                    SELECT relnamespace FROM pg_class
                    WHERE oid = to_regclass(concat(quote_ident(%(schema)s::text) || '.', quote_ident(%(table)s::text))))
                ELSE c.oid = to_regclass(concat(quote_ident(%(schema)s::text) || '.', quote_ident(%(name)s::text)))
            END
        """,
        {"name": operation.name, "table": operation.table, "schema": operation.schema},
    ).fetchone()
