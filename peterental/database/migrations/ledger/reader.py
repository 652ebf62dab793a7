"""The ledger as it is read: which migrations a database has, and what the attempts at them came to.

`schema_migrations` is the table that the guide teaches, with a few nullable columns more; earlier runners' rows fit.
`schema_migration_attempts` remembers the rest: when each attempt began and ended, with what error, and the text it ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from peterental.database.migrations.errors import FOREIGN_LEDGER_HINT, LedgerError, NoSchema
from peterental.database.migrations.session.advisory_lock import is_held_by_another, lock_key
from peterental.database.migrations.session.server import Connection

LEDGER_TABLE = "schema_migrations"
ATTEMPTS_TABLE = "schema_migration_attempts"

LEDGER_COLUMNS = {"checksum": "TEXT", "duration_ms": "INTEGER", "applied_by": "TEXT"}
"""What our ledger has more than the guide's; all nullable, so that anybody's INSERT still works."""

_INTEGERS = frozenset({"smallint", "integer", "bigint"})

LEDGER_WAIT_MS = 3_000
"""How long to wait for whoever keeps everybody from the ledger."""


@dataclass(frozen=True)
class LedgerRow:
    """One applied migration. `checksum` is None where an earlier runner recorded it."""

    version: int
    description: str | None
    applied_at: datetime | None
    checksum: str | None
    duration_ms: int | None
    applied_by: str | None


@dataclass(frozen=True)
class Server:
    """What the first look at a database tells."""

    schema: str
    backend_pid: int
    read_only_reason: str | None
    ledger_elsewhere: str | None
    """Where `schema` has no ledger, the schema of the first one that the search_path leads to."""


@dataclass(frozen=True)
class Ledger:
    """The ledger as it stood when it was read."""

    server: Server
    rows: dict[int, LedgerRow]
    complete: bool
    """Whether both tables exist with all their columns and types."""


def read(connection: Connection) -> Ledger:
    """Read the ledger, in two queries and without writing; a database without one has an empty ledger.

    Raises NoSchema when the search_path leads nowhere, LedgerTrouble when it is another tool's, LockNotAvailable when
    somebody keeps everybody from it.
    """
    server, has_ledger, complete, version_type = _look(connection)
    if not has_ledger:
        return Ledger(server, {}, complete=False)
    # As JSON, which writes times the same way whatever DateStyle the database has.
    query = sql.SQL("SELECT to_jsonb(ledger.*) AS kept FROM {} AS ledger").format(
        sql.Identifier(server.schema, LEDGER_TABLE)
    )
    kept = [row["kept"] for row in _select(connection, query)]
    _refuse_strange_versions(version_type, [row.get("version") for row in kept])
    rows = [_row(row) for row in kept]
    return Ledger(server, {row.version: row for row in sorted(rows, key=lambda row: row.version)}, complete=complete)


def _refuse_strange_versions(kind: str | None, versions: list[object]) -> None:
    """Raise LedgerTrouble where versions are no integers: such a ledger is another tool's."""
    strange = [version for version in versions if not isinstance(version, int)]
    if kind is None:
        reason = "it has no column version"
    elif strange:
        reason = f"its versions are not integers but like {strange[0]!r}"
    elif kind not in _INTEGERS:
        reason = f"its versions are {kind}, not integer"
    else:
        return
    raise LedgerError(reason=reason, advice=FOREIGN_LEDGER_HINT)


def _select(connection: Connection, query: sql.Composed) -> psycopg.Cursor[DictRow]:
    """Run a query that waits for a lock no longer than `LEDGER_WAIT_MS`, in one round trip, and return its cursor.

    The limit ends with the query's own transaction: a session that goes back to a pool keeps its setting. Nothing is
    prepared, because a plan that was kept fails once its table has gained a column.
    """
    limit = sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(LEDGER_WAIT_MS))
    cursor = connection.execute(sql.SQL("; ").join([limit, query]), prepare=False)
    cursor.nextset()
    return cursor


def _look(connection: Connection) -> tuple[Server, bool, bool, str | None]:
    """Return the server, and of its ledger: whether it exists, whether it is complete, and the type of its versions."""
    row = connection.execute(
        """
        SELECT schema, pg_backend_pid() AS pid, ledger IS NOT NULL AS has_ledger,
               to_regclass('schema_migrations') IS NOT NULL AS in_reach,
               CASE WHEN pg_is_in_recovery() THEN 'it is a standby in recovery'
                    WHEN current_setting('transaction_read_only')::boolean THEN 'it is read-only'
               END AS read_only_reason,
               attempts IS NOT NULL AND (
                   SELECT count(*) FROM pg_attribute
                   WHERE attrelid = ledger AND attnum > 0 AND NOT attisdropped AND (
                       attname = ANY (%s) OR attname = 'applied_at' AND atttypid = 'timestamptz'::regtype)
               ) = %s AS complete,
               (SELECT format_type(atttypid, NULL) FROM pg_attribute
                WHERE attrelid = ledger AND attname = 'version' AND NOT attisdropped) AS version_type
        FROM (
            SELECT current_schema() AS schema,
                   to_regclass(quote_ident(current_schema()) || '.schema_migrations') AS ledger,
                   to_regclass(quote_ident(current_schema()) || '.schema_migration_attempts') AS attempts
        ) AS place
        """,
        (list(LEDGER_COLUMNS), len(LEDGER_COLUMNS) + 1),
    ).fetchone()
    if row is None or row["schema"] is None:
        raise NoSchema
    elsewhere = _schema_in_reach(connection) if row["in_reach"] and not row["has_ledger"] else None
    server = Server(row["schema"], row["pid"], row["read_only_reason"], elsewhere)
    return server, row["has_ledger"], row["complete"], row["version_type"]


def _schema_in_reach(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT n.nspname AS schema FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('schema_migrations') AND has_table_privilege(c.oid, 'SELECT')
        """
    ).fetchone()
    return None if row is None else row["schema"]


def _row(row: dict[str, Any]) -> LedgerRow:
    return LedgerRow(
        version=row["version"],
        description=row.get("description"),
        applied_at=_instant(row.get("applied_at")),
        checksum=row.get("checksum"),
        duration_ms=row.get("duration_ms"),
        applied_by=row.get("applied_by"),
    )


def _instant(written: object) -> datetime | None:
    """Parse a time of the ledger as UTC; None where there is none, or none that Python can hold ("infinity")."""
    try:
        found = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    # Without a zone it is what an earlier runner's TIMESTAMP meant.
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def checksums(connection: Connection, schema: str) -> dict[int, str]:
    """Give the checksums that the ledger of any schema has kept, by version; none where it is another tool's."""
    query = sql.SQL(
        "SELECT version, to_jsonb(ledger.*) ->> 'checksum' AS checksum FROM {} AS ledger"
        " WHERE to_jsonb(ledger.*) ->> 'checksum' IS NOT NULL"
    ).format(sql.Identifier(schema, LEDGER_TABLE))
    return {row["version"]: row["checksum"] for row in _select(connection, query)}


def applied_text(connection: Connection, schema: str, version: int) -> str | None:
    """Give the text that was run for `version`, where an attempt kept it."""
    query = sql.SQL(
        "SELECT sql FROM {} WHERE version = {} AND outcome IN ('applied', 'repaired', 'adopted')"
        " ORDER BY attempt_id DESC LIMIT 1"
    ).format(sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(version))
    row = _select(connection, query).fetchone()
    return None if row is None else row["sql"]


@dataclass(frozen=True)
class StoppedAttempt:
    """A no-transaction attempt that stopped half-way: how many statements it did, of which text."""

    statement: int
    text: str


def stopped_attempt(connection: Connection, schema: str, version: int) -> StoppedAttempt | None:
    """Give the last attempt at `version` that stopped among its statements, unless it was ended by success since.

    One that nobody ended has stopped too, where nobody holds the lock: its runner was killed.
    """
    query = sql.SQL(
        "SELECT statement, sql, outcome FROM {} WHERE version = {} AND (statement IS NOT NULL"
        " OR outcome IN ('applied', 'rolled back')) AND outcome <> 'cleared' ORDER BY attempt_id DESC LIMIT 1"
    ).format(sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(version))
    row = _select(connection, query).fetchone()
    if row is None or row["outcome"] not in {"failed", "interrupted", "running"}:
        return None
    if row["outcome"] == "running" and is_held_by_another(connection, lock_key(schema)):
        return None
    return StoppedAttempt(row["statement"], row["sql"])


def table_of(schema: str, name: str) -> sql.SQL:
    """Give a table's name for statements that take values; a % in the schema's own name is not the place of one."""
    return sql.SQL(sql.Identifier(schema, name).as_string().replace("%", "%%"))
