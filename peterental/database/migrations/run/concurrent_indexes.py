"""Indexes built CONCURRENTLY: recover from interrupted builds, and check that they are valid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.sql.parser import ParseError, parse_one, pg_enums

_COPY_SUFFIX = "_cc(?:new|old)[0-9]*"
_TOAST_SCHEMA = "pg_toast"
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
    tree = _parse_concurrent(statement)
    if tree is None:
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


def _parse_concurrent(statement: str) -> Any:
    """Return the parse tree of a statement that has the word CONCURRENTLY; None without it, or if it does not parse."""
    if not _CONCURRENTLY.search(statement):
        return None
    try:
        return parse_one(statement)
    except ParseError:
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


@dataclass(frozen=True)
class ReindexScope:
    """What a REINDEX … CONCURRENTLY rebuilds: the indexes of one table, of a schema's tables, or of all.

    Args:
        table: of the indexes, quoted; None for more than one table.
        schema: of the tables; None for a table, and for the whole database.
    """

    table: str | None = None
    schema: str | None = None


def parse_reindex_scope(statement: str) -> ReindexScope | None:
    """Return what a REINDEX TABLE, SCHEMA or DATABASE CONCURRENTLY rebuilds; None for any other statement."""
    tree = _parse_concurrent(statement)
    if tree is None or not tree.HasField("reindex_stmt"):
        return None
    node = tree.reindex_stmt
    if not _is_concurrent(node) or node.kind == pg_enums().REINDEX_OBJECT_INDEX:
        return None
    if node.kind == pg_enums().REINDEX_OBJECT_TABLE:
        names = [part for part in (node.relation.schemaname, node.relation.relname) if part]
        return ReindexScope(table=sql.Identifier(*names).as_string())
    return ReindexScope(schema=node.name if node.kind == pg_enums().REINDEX_OBJECT_SCHEMA else None)


def drop_invalid_copies(connection: Connection, operation: ConcurrentIndexOp) -> None:
    """Drop the invalid copies (`…_ccnew`, `…_ccold`) that an interrupted REINDEX INDEX CONCURRENTLY left."""
    original = _find(connection, operation)
    if original is not None:
        ours = re.compile(re.escape(operation.name) + _COPY_SUFFIX)
        table = sql.Identifier(original["table_schema"], original["table"]).as_string()
        copies = _invalid_copies(connection, ReindexScope(table=table))
        _drop_all(connection, [copy for copy in copies if ours.fullmatch(copy[1])])


def drop_invalid_copies_in(connection: Connection, scope: ReindexScope) -> None:
    """Drop the invalid copies that an interrupted REINDEX of several indexes left, also those of TOAST tables."""
    _drop_all(connection, _invalid_copies(connection, scope))


def _drop_all(connection: Connection, indexes: list[tuple[str, str]]) -> None:
    for schema, name in indexes:
        try:
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(schema, name)))
        except psycopg.errors.InsufficientPrivilege:
            if schema != _TOAST_SCHEMA:  # only a superuser may drop those; the server warns that it skips them
                raise


def _invalid_copies(connection: Connection, scope: ReindexScope) -> list[tuple[str, str]]:
    """Return (schema, name) of the copies in `scope` that no other session is building now."""
    rows = connection.execute(
        """
        WITH tables AS (
            SELECT oid, reltoastrelid FROM pg_class
            WHERE CASE
                WHEN %(table)s::text IS NOT NULL THEN
                    oid = to_regclass(%(table)s::text)
                    OR oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%(table)s::text)))
                WHEN %(schema)s::text IS NOT NULL THEN relnamespace = to_regnamespace(quote_ident(%(schema)s::text))
                ELSE true
            END
        )
        SELECT n.nspname AS schema, c.relname AS name
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND c.relname ~ %(suffix)s
            AND i.indrelid IN (SELECT oid FROM tables UNION SELECT reltoastrelid FROM tables)
            AND NOT EXISTS (
                SELECT FROM pg_stat_progress_create_index AS build
                WHERE build.relid = i.indrelid AND build.pid <> pg_backend_pid())
        ORDER BY c.oid
        """,
        {"table": scope.table, "schema": scope.schema, "suffix": _COPY_SUFFIX + "$"},
    ).fetchall()
    return [(row["schema"], row["name"]) for row in rows]


def _find(connection: Connection, operation: ConcurrentIndexOp) -> dict[str, Any] | None:
    """Find the index that the statement refers to: in its table's schema, or on the search_path."""
    return connection.execute(
        """
        SELECT c.oid, n.nspname AS schema, c.relname AS name, i.indisvalid AND i.indisready AS valid,
               t.relname AS "table", s.nspname AS table_schema
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_index AS i ON i.indexrelid = c.oid
            JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_namespace AS s ON s.oid = t.relnamespace
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
