"""Restore a test's database to the state of its template, which costs less than a new copy.

The server's statistics say which tables and sequences were written. They are complete, because each session has reported
at its end. A database is given up if anything else was changed: its schema, its statistics for the planner or its settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

MOST_ROWS = 2_000
"""A test that writes more rows leaves large indexes behind."""

MOST_USES = 50
"""Indexes and system tables grow a little with each use."""

RELATIONS = """
    SELECT oid::bigint, oid::regclass::text, relpages, reltuples
    FROM pg_class
    WHERE oid >= 16384 AND relkind IN ('r', 'S', 't', 'i')
"""

WRITTEN = """
    WITH relation AS (
        SELECT c.oid, c.relkind, c.reltoastrelid,
               pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) AS added,
               pg_stat_get_tuples_deleted(c.oid) AS deleted,
               pg_stat_get_analyze_count(c.oid) + pg_stat_get_vacuum_count(c.oid) AS maintained
        FROM pg_class AS c
        WHERE c.relkind IN ('r', 't', 'm') AND NOT c.relisshared
    )
    SELECT
        coalesce(sum(added) FILTER (WHERE oid >= 16384), 0)::int,
        bool_or((oid < 16384 AND added + deleted > 0) OR maintained > 0)
            OR EXISTS (
                SELECT FROM pg_database AS d LEFT JOIN pg_db_role_setting AS s ON s.setdatabase = d.oid
                WHERE d.datname = current_database()
                AND (s.setdatabase IS NOT NULL OR d.datacl IS NOT NULL OR d.datconnlimit <> -1)
            ),
        array_agg(oid::bigint) FILTER (WHERE relkind = 'r' AND added + deleted > 0),
        array_agg(oid::bigint) FILTER (
            WHERE relkind = 'r' AND pg_stat_get_tuples_inserted(reltoastrelid) > 0
        ),
        ARRAY (SELECT oid::bigint FROM pg_class WHERE relkind = 'S' AND pg_stat_get_blocks_fetched(oid) > 0),
        (SELECT stats_reset::text FROM pg_stat_database WHERE datname = current_database())
    FROM relation
"""

# A vacuum leaves an estimate of the rows, which changes plans.
RESTORE_ESTIMATES = """
    UPDATE pg_class AS c SET relpages = was.relpages, reltuples = was.reltuples, relallvisible = 0
    FROM unnest(%s::bigint[], %s::int[], %s::real[]) AS was (oid, relpages, reltuples)
    WHERE c.oid = was.oid::oid AND (c.relpages, c.reltuples) IS DISTINCT FROM (was.relpages, was.reltuples)
"""

SESSION = "SET synchronous_commit = off; SET session_replication_role = replica"
"""Without triggers and foreign keys."""


def can_restore(connection: Connection) -> bool:
    """Return whether the server and the role allow it: a superuser, and PostgreSQL 16 or newer."""
    is_superuser = connection.info.parameter_status("is_superuser") == "on"
    return is_superuser and connection.info.server_version >= 160000


@dataclass
class Sequence:
    """The state of a sequence."""

    last_value: int
    is_called: bool


class Template:
    """The contents of a template database. Object ids are the same in each copy.

    Args:
        connection: to the template, in autocommit mode.
    """

    def __init__(self, connection: Connection) -> None:
        relations = connection.execute(RELATIONS).fetchall()
        self._names: dict[int, str] = {oid: name for oid, name, *_ in relations}
        self._estimates = [[row[column] for row in relations] for column in (0, 2, 3)]
        kinds = dict(
            connection.execute("SELECT oid::bigint, relkind::text FROM pg_class WHERE oid >= 16384").fetchall()
        )
        self._sequences = {oid: _state(connection, name) for oid, name in self._names.items() if kinds[oid] == "S"}
        self._rows = {oid: _copied(connection, name) for oid, name in self._names.items() if kinds[oid] == "r"}

    def restore(self, connection: Connection, counted_since: str | None) -> str | None:
        """Restore a database in which no other session is open.

        Args:
            connection: to the database, in autocommit mode.
            counted_since: what the last call for this database returned; None for a new copy.

        Returns:
            Since when its statistics count; None if the database cannot be restored.
        """
        found = connection.execute(WRITTEN).fetchone()
        assert found is not None
        count, is_altered, tables, toasted, sequences, since = found
        tables = tables or []
        if is_altered or count > MOST_ROWS or since != counted_since or not {*tables, *sequences} <= self._names.keys():
            return None
        connection.execute(SESSION)
        self._restore_rows(connection, tables, sequences)
        if not self._vacuum(connection, tables, set(toasted or [])):
            return None
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT pg_stat_reset()")
        row = connection.execute(
            "SELECT stats_reset::text FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        assert row is not None
        return str(row[0])

    def _restore_rows(self, connection: Connection, tables: list[int], sequences: list[int]) -> None:
        statements = [f"DELETE FROM {self._names[oid]}" for oid in tables]
        for oid in sequences:
            was = self._sequences[oid]
            statements.append(f"SELECT setval({oid}::regclass, {was.last_value}, {was.is_called})")
        if statements:
            connection.execute("; ".join(statements))
        for oid in tables:
            if self._rows[oid]:
                with connection.cursor().copy(f"COPY {self._names[oid]} FROM STDIN") as copy:
                    copy.write(self._rows[oid])

    def _vacuum(self, connection: Connection, tables: list[int], toasted: set[int]) -> bool:
        """Free the pages, so that rows of the next test are stored in the order in which it inserts them."""
        options = "TRUNCATE, INDEX_CLEANUP ON, PARALLEL 0, SKIP_DATABASE_STATS"
        for has_toast in (False, True):
            names = [self._names[oid] for oid in tables if (oid in toasted) is has_toast]
            if names:
                connection.execute(f"VACUUM ({options}, PROCESS_TOAST {has_toast}) {', '.join(names)}")
        if tables:
            connection.execute(RESTORE_ESTIMATES, self._estimates)
        emptied = [oid for oid in tables if not self._rows[oid]]
        left = connection.execute(
            "SELECT coalesce(sum(pg_relation_size(oid::regclass)), 0) FROM unnest(%s::bigint[]) AS o (oid)", [emptied]
        ).fetchone()
        return left is not None and left[0] == 0


def _state(connection: Connection, name: str) -> Sequence:
    row = connection.execute(f"SELECT last_value, is_called FROM {name}").fetchone()
    assert row is not None
    return Sequence(*row)


def _copied(connection: Connection, name: str) -> bytes:
    with connection.cursor().copy(f"COPY {name} TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)
