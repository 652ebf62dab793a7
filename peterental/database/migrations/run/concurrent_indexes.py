"""Indexes that are built CONCURRENTLY: found again after an interrupted build, healed, and checked to be valid."""

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
    """What a statement does with an index outside a transaction.

    Args:
        verb: `create`, `drop` or `reindex`.
        schema: as the statement names it; None where it leaves that to the search_path.
        table: the table of a `create`; None otherwise.
        name: the index.
    """

    verb: str
    schema: str | None
    table: str | None
    name: str


def parse_concurrent_index_op(statement: str) -> ConcurrentIndexOp | None:
    """Read from a statement which index it makes, drops or rebuilds concurrently; None for any other statement."""
    if not _CONCURRENTLY.search(statement):
        return None
    try:
        tree = parse_one(statement)
    except ParseError:
        return None
    if tree.HasField("index_stmt") and tree.index_stmt.concurrent:
        made = tree.index_stmt
        return ConcurrentIndexOp("create", made.relation.schemaname or None, made.relation.relname, made.idxname)
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


def is_valid(connection: Connection, work: ConcurrentIndexOp) -> bool | None:
    """Tell whether the index is there and valid; None where it is not there."""
    row = _find(connection, work)
    return None if row is None else bool(row["valid"])


def is_being_built(connection: Connection, work: ConcurrentIndexOp) -> bool:
    """Tell whether another session is building this very index now."""
    row = _find(connection, work)
    if row is None:
        return False
    building = connection.execute(
        "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = %s AND pid <> pg_backend_pid()", (row["oid"],)
    ).fetchone()
    return building is not None


def drop(connection: Connection, work: ConcurrentIndexOp) -> None:
    """Drop the index without blocking anybody."""
    row = _find(connection, work)
    if row is not None:
        connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(row["schema"], row["name"]))
        )


def drop_invalid_copies(connection: Connection, work: ConcurrentIndexOp) -> None:
    """Drop the invalid copies (`…_ccnew`, `…_ccold`) that an interrupted REINDEX CONCURRENTLY left beside its index."""
    original = _find(connection, work)
    if original is None:
        return
    leftovers = connection.execute(
        """
        SELECT n.nspname AS schema, c.relname AS name
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND i.indrelid = %s AND c.relname ~ %s
        """,
        (original["table_oid"], "^" + _quoted_for_regexp(work.name) + "_cc(new|old)[0-9]*$"),
    ).fetchall()
    for leftover in leftovers:
        connection.execute(
            sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(leftover["schema"], leftover["name"]))
        )


def _quoted_for_regexp(name: str) -> str:
    return "".join(character if character.isalnum() or character == "_" else f"\\{character}" for character in name)


def _find(connection: Connection, work: ConcurrentIndexOp) -> dict[str, Any] | None:
    """Find the index where the statement means it: beside its table, else along the search_path."""
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
        {"name": work.name, "table": work.table, "schema": work.schema},
    ).fetchone()
