"""Trace what a statement does to tables: the locks that it takes, rewrites, and full scans.

PostgreSQL shows a session its own state: `pg_locks` has its locks, `pg_class` the file of each table, and the
transaction's statistics the number of full scans. The difference between two snapshots is the effect of one statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from peterental.database.migrations.ledger.reader import OWN_TABLES
from peterental.database.migrations.run.concurrent_indexes import ConcurrentIndexOp
from peterental.database.migrations.session.server import Connection

LOCK_MODES = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
"""PostgreSQL's table lock modes, weakest first."""

STRENGTH = {mode: strength for strength, mode in enumerate(LOCK_MODES.values())}
BLOCKS_WRITES = STRENGTH["SHARE"]
BLOCKS_READS = STRENGTH["ACCESS EXCLUSIVE"]


def _strongest(modes: set[str]) -> str | None:
    return max((LOCK_MODES[mode] for mode in modes if mode in LOCK_MODES), key=STRENGTH.__getitem__, default=None)


@dataclass
class StatementEffects:
    """What one statement did to existing tables.

    Args:
        locks: the strongest lock newly taken on each table, if stronger than the one held before.
        held: the strongest lock held afterwards on each table.
        rewrites: the tables that were rewritten.
        rebuilds: the indexes that were rebuilt without their tables.
        scans: the tables that were fully scanned, with the number of rows read.
        advanced: the sequences that were advanced, which a rollback does not undo.
    """

    locks: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    rewrites: list[str] = field(default_factory=list)
    rebuilds: list[str] = field(default_factory=list)
    scans: dict[str, int] = field(default_factory=dict)
    advanced: list[str] = field(default_factory=list)

    @property
    def blocks(self) -> bool:
        """Whether it took a lock that blocks writes."""
        return any(STRENGTH[mode] >= BLOCKS_WRITES for mode in self.locks.values())


class LockTracer:
    """Reports what one session's transaction has done since the last snapshot.

    Args:
        connection: the session, inside the transaction.
        schema: of the ledger, whose tables are ignored; names in other schemas are shown with their schema.
        only: the OIDs of the relations to trace; None means all that exist now.
    """

    def __init__(self, connection: Connection, schema: str, only: frozenset[int] | None = None) -> None:
        self._connection = connection
        self._names = {"schema": schema, "ledger": list(OWN_TABLES)}
        self._all: dict[int, dict[str, Any]] = {row["oid"]: row for row in self._rows(_RELATIONS)}
        self._known = {oid: row for oid, row in self._all.items() if only is None or oid in only}
        self._files = {oid: row["file"] for oid, row in self._known.items()}
        self._held: dict[int, set[str]] = {}
        self._scans: dict[int, tuple[int, int]] = {}
        self.diff()

    @property
    def known(self) -> frozenset[int]:
        """The OIDs of the traced relations."""
        return frozenset(self._known)

    def diff(self) -> StatementEffects:
        """Return what has been done to the traced relations since the last call."""
        effects = StatementEffects()
        moved = []
        for row in self._rows(_SESSION_STATE):
            before = self._known.get(row["oid"])
            if before is None:
                continue
            modes = set(row["modes"] or ())
            new_modes = modes - self._held.get(row["oid"], set())
            if before["kind"] == "table":
                self._trace_table(effects, before, row, modes)
            elif before["kind"] == "sequence" and "RowExclusiveLock" in new_modes:
                effects.advanced.append(before["name"])
            self._held[row["oid"]] = modes
            if row["file"] not in (None, 0, self._files[row["oid"]]):
                self._files[row["oid"]] = row["file"]
                moved.append(before)
        effects.rewrites = [relation["name"] for relation in moved if relation["kind"] == "table"]
        rewritten = {relation["oid"] for relation in moved}
        effects.rebuilds = [
            relation["name"]
            for relation in moved
            if relation["kind"] == "index" and relation["table_oid"] not in rewritten
        ]
        return effects

    def table_of(self, work: ConcurrentIndexOp) -> str | None:
        """Return the table whose index a statement creates, drops or rebuilds.

        None if it is not traced.
        """
        wanted = {work.table or work.name, f"{work.schema}.{work.table or work.name}"}
        relation = next((relation for relation in self._all.values() if relation["name"] in wanted), None)
        table = self._known.get(relation["table_oid"] or relation["oid"]) if relation else None
        return table["name"] if table else None

    def _trace_table(
        self, effects: StatementEffects, table: dict[str, Any], row: dict[str, Any], modes: set[str]
    ) -> None:
        before, now = _strongest(self._held.get(row["oid"], set())), _strongest(modes)
        if now is not None:
            effects.held[table["name"]] = now
            if before is None or STRENGTH[now] > STRENGTH[before]:
                effects.locks[table["name"]] = now
        scans, read = self._scans.get(row["oid"], (0, 0))
        self._scans[row["oid"]] = row["scans"] or 0, row["read"] or 0
        if (row["scans"] or 0) > scans:
            effects.scans[table["name"]] = max(0, (row["read"] or 0) - read)

    def _rows(self, query: str) -> list[dict[str, Any]]:
        return self._connection.execute(query.encode(), self._names, prepare=False).fetchall()


_KIND = "CASE c.relkind WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' ELSE 'table' END"

_RELATIONS = f"""
SELECT c.oid::bigint AS oid, {_KIND} AS kind, c.relfilenode::bigint AS file,
    (SELECT indrelid::bigint FROM pg_index WHERE indexrelid = c.oid) AS table_oid,
    CASE WHEN n.nspname = %(schema)s THEN '' ELSE quote_ident(n.nspname) || '.' END || quote_ident(c.relname) AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'i', 'I', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT (n.nspname = %(schema)s AND c.relname = ANY (%(ledger)s))
"""

_SESSION_STATE = """
WITH held AS (
    SELECT relation AS oid, array_agg(DISTINCT mode) AS modes FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY relation
)
SELECT held.oid::bigint AS oid, held.modes, c.relfilenode::bigint AS file,
    pg_stat_get_xact_numscans(c.oid) AS scans, pg_stat_get_xact_tuples_returned(c.oid) AS read
FROM held LEFT JOIN pg_class AS c ON c.oid = held.oid
"""
