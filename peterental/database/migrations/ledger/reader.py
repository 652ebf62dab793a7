"""Read the ledger: which migrations a database has, and how the attempts at them ended.

`schema_migrations` is the guide's table with a few more nullable columns; rows of earlier runners are valid.
`schema_migration_attempts` records when each attempt began and ended, its error, and the SQL it ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from peterental.database.migrations.errors import FOREIGN_LEDGER_HINT, LedgerError, NoSchema, ReadOnlyReason
from peterental.database.migrations.session.advisory_lock import is_held_by_another, lock_key
from peterental.database.migrations.session.server import Connection

LEDGER_TABLE = "schema_migrations"
ATTEMPTS_TABLE = "schema_migration_attempts"
BACKFILLS_TABLE = "schema_migration_backfills"

OWN_TABLES = (LEDGER_TABLE, ATTEMPTS_TABLE, BACKFILLS_TABLE)
"""The engine's tables, which are no part of the schema that the files make."""

_FIRST_COLUMNS = frozenset({"version", "applied_at", "description"})
"""The columns that the guide's ledger has had from the beginning."""

LEDGER_COLUMNS = {"checksum": "TEXT", "duration_ms": "INTEGER", "applied_by": "TEXT", "kind": "TEXT"}
"""The columns beyond the guide's; all nullable, so that the guide's INSERT still works."""

_INTEGERS = frozenset(psycopg.adapters.types[name].oid for name in ("int2", "int4", "int8"))
_TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid

CONTRACT = "contract"
"""The kind of a contract file in the ledger; ordinary files have none."""

LEDGER_WAIT_MS = 3_000
"""How long to wait for a session that has locked the ledger, in milliseconds."""


@dataclass(frozen=True)
class LedgerRow:
    """One applied migration. `checksum` is None if an earlier runner recorded it."""

    version: int
    description: str | None
    applied_at: datetime | None
    checksum: str | None
    duration_ms: int | None
    applied_by: str | None
    kind: str | None = None
    """`contract` for a contract file."""


@dataclass(frozen=True)
class Server:
    """What the first query finds out about a database."""

    schema: str
    backend_pid: int
    read_only_reason: ReadOnlyReason | None
    ledger_elsewhere: str | None
    """If `schema` has no ledger: the schema of the first ledger on the search_path."""
    has_backfills: bool = False
    """Whether a backfill was ever registered, so that its table exists."""


@dataclass(frozen=True)
class Ledger:
    """The ledger's content when it was read."""

    server: Server
    rows: dict[int, LedgerRow]
    complete: bool
    """Whether both tables exist with all their columns and types."""
    has_attempts: bool = False
    """Whether there is a table of attempts."""


def read(connection: Connection) -> Ledger:
    """Read the ledger in two queries, without writing; without a table it is empty.

    Raises NoSchema if the search_path contains no existing schema, LedgerError if another tool made the table, row
    security hides its rows, or the search_path begins with pg_temp,
    psycopg.errors.LockNotAvailable if another session has locked it.
    """
    server, has_ledger, has_attempts = _inspect(connection)
    if not has_ledger:
        return Ledger(server, {}, complete=False)
    # Its columns come with the rows: asking the catalog for them takes a new session longer than the rest.
    cursor = _select_rows(connection, server.schema)
    types = {column.name: column.type_code for column in cursor.description or ()}
    found = _texts(cursor)
    if not types.keys() >= _FIRST_COLUMNS:
        from peterental.database.migrations.ledger.foreign import refuse_foreign_ledger  # noqa: PLC0415  # rarely needed

        refuse_foreign_ledger(connection, server.schema, types)
    _refuse_foreign_versions(types["version"], [row.get("version") for row in found])
    rows = [_row(row) for row in found]
    complete = has_attempts and types.keys() >= LEDGER_COLUMNS.keys() and types.get("applied_at") == _TIMESTAMPTZ
    return Ledger(
        server, {row.version: row for row in sorted(rows, key=lambda row: row.version)}, complete, has_attempts
    )


def _select_rows(connection: Connection, schema: str) -> psycopg.Cursor[DictRow]:
    """Select the ledger's rows. Raises LedgerError if row security would hide some."""
    table = sql.Identifier(schema, LEDGER_TABLE)
    try:
        return _select(connection, sql.SQL("SELECT * FROM {}").format(table))
    except psycopg.errors.InsufficientPrivilege as error:
        name = table.as_string(connection)
        row = connection.execute("SELECT row_security_active(%s) AS hides_rows", (name,)).fetchone()
        if row is None or not row["hides_rows"]:
            raise
        advice = f"run: ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"
        raise LedgerError(reason="row security hides its rows from this role", advice=advice) from error


def remark_on(connection: Connection, ledger: Ledger) -> str | None:
    """Return a remark on a database that we have not migrated yet, but another tool has; it takes one query."""
    if ledger.rows or ledger.complete:
        return None
    from peterental.database.migrations.ledger.foreign import other_ledger  # noqa: PLC0415  # rarely needed

    return other_ledger(connection, ledger.server.schema)


def _refuse_foreign_versions(type_code: int, versions: list[str | None]) -> None:
    """Raise LedgerError if versions are not integers: another tool made the ledger."""
    if None in versions:
        reason = "its versions are not integers but like NULL"
    elif type_code in _INTEGERS:
        return
    elif versions:
        reason = f"its versions are not integers but like {versions[0]!r}"
    else:
        known = psycopg.adapters.types.get(type_code)
        reason = f"its versions are {known.name if known else 'of another type'}, not integer"
    raise LedgerError(reason=reason, advice=FOREIGN_LEDGER_HINT)


def _texts(cursor: psycopg.Cursor[DictRow]) -> list[dict[str, str | None]]:
    """Return a result's rows as the server wrote them, without psycopg's conversions, which depend on the session."""
    result = cursor.pgresult
    if result is None:
        return []
    names = [column.name for column in cursor.description or ()]
    return [
        {
            name: None if (value := result.get_value(row, column)) is None else value.decode()
            for column, name in enumerate(names)
        }
        for row in range(result.ntuples)
    ]


def _select_attempts(connection: Connection, query: sql.Composed) -> psycopg.Cursor[DictRow]:
    """Run a query on the table of attempts as `_select` does. Raises LedgerError if its columns were changed."""
    try:
        return _select(connection, query)
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction) as error:
        advice = f"rename {ATTEMPTS_TABLE}; the next run makes a new one, and starts stopped files from the beginning"
        reason = f"its history {ATTEMPTS_TABLE} was changed, {error.diag.message_primary}"
        raise LedgerError(reason=reason, advice=advice) from error


def _select(connection: Connection, query: sql.Composed) -> psycopg.Cursor[DictRow]:
    """Run a query with a lock timeout of `LEDGER_WAIT_MS` in one round trip, and return its cursor.

    Row security must not hide rows: what is applied would seem to be pending. The settings end with the query's own
    transaction, so that a pooled session keeps its own. Nothing is prepared,
    because a cached plan fails once its table has gained a column.
    """
    settings = sql.SQL(
        "SET LOCAL lock_timeout TO {}; SET LOCAL DateStyle TO ISO; SET LOCAL row_security TO off"
    ).format(sql.Literal(LEDGER_WAIT_MS))
    cursor = connection.execute(sql.SQL("; ").join([settings, query]), prepare=False)
    while cursor.nextset():
        pass
    return cursor


def _inspect(connection: Connection) -> tuple[Server, bool, bool]:
    """Return the server, whether it has a ledger, and whether it has a table of attempts."""
    row = connection.execute(
        """
        SELECT current_schema() AS schema, pg_backend_pid() AS pid,
               to_regclass(quote_ident(current_schema()) || '.schema_migrations') IS NOT NULL AS has_ledger,
               to_regclass(quote_ident(current_schema()) || '.schema_migration_attempts') IS NOT NULL AS has_attempts,
               to_regclass(quote_ident(current_schema()) || '.schema_migration_backfills') IS NOT NULL AS has_backfills,
               to_regclass('schema_migrations') IS NOT NULL AS in_reach,
               CASE WHEN pg_is_in_recovery() THEN 'STANDBY'
                    WHEN current_setting('transaction_read_only')::boolean THEN 'SETTING'
               END AS read_only
        """
    ).fetchone()
    if row is None or row["schema"] is None:
        raise NoSchema
    if row["schema"].startswith("pg_temp"):
        reason = "the search_path begins with pg_temp, so that every new table is temporary"
        raise LedgerError(reason=reason, advice="remove pg_temp from the search_path of this role")
    elsewhere = _schema_on_search_path(connection) if row["in_reach"] and not row["has_ledger"] else None
    read_only_reason = ReadOnlyReason[row["read_only"]] if row["read_only"] else None
    has_backfills = row["has_ledger"] and row["has_backfills"]  # not one that is left of a dropped ledger
    server = Server(row["schema"], row["pid"], read_only_reason, elsewhere, has_backfills)
    return server, row["has_ledger"], row["has_attempts"]


def has_table(connection: Connection, schema: str, name: str) -> bool:
    """Return whether a schema has a table of this name."""
    row = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL AS found", (sql.Identifier(schema, name).as_string(connection),)
    ).fetchone()
    return row is not None and row["found"]


def _schema_on_search_path(connection: Connection) -> str | None:
    row = connection.execute(
        """
        SELECT n.nspname AS schema FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('schema_migrations') AND has_table_privilege(c.oid, 'SELECT')
        """
    ).fetchone()
    return None if row is None else row["schema"]


def _row(row: dict[str, str | None]) -> LedgerRow:
    duration_ms = row.get("duration_ms") or ""
    return LedgerRow(
        version=int(row["version"] or 0),
        description=row.get("description"),
        applied_at=_timestamp(row.get("applied_at")),
        checksum=row.get("checksum"),
        duration_ms=int(duration_ms) if duration_ms.isdecimal() else None,
        applied_by=row.get("applied_by"),
        kind=row.get("kind"),
    )


def _timestamp(written: str | None) -> datetime | None:
    """Parse a time of the ledger as UTC; None if there is none, or for "infinity", which Python cannot represent."""
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    # Without a zone: an earlier runner's TIMESTAMP, which is UTC.
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def checksums(connection: Connection, schema: str) -> dict[int, str]:
    """Return the recorded checksums of any schema's ledger, by version; empty if another tool made it."""
    query = sql.SQL(
        "SELECT row ->> 'version' AS version, row ->> 'checksum' AS checksum"
        " FROM (SELECT to_jsonb(ledger.*) AS row FROM {} AS ledger) AS rows WHERE row ->> 'checksum' IS NOT NULL"
    ).format(sql.Identifier(schema, LEDGER_TABLE))
    rows = _select(connection, query).fetchall()
    return {int(row["version"]): row["checksum"] for row in rows if (row["version"] or "").isdecimal()}


@dataclass(frozen=True)
class AppliedFile:
    """The file that was applied as a version: its name and its text."""

    name: str
    text: str


def applied_file(connection: Connection, schema: str, version: int) -> AppliedFile | None:
    """Return the file that was applied as `version`; None if no attempt recorded it."""
    query = sql.SQL(
        "SELECT file, sql FROM {} WHERE version = {} AND outcome IN ('applied', 'repaired', 'adopted')"
        " AND sql IS NOT NULL ORDER BY attempt_id DESC LIMIT 1"
    ).format(sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(version))
    row = _select_attempts(connection, query).fetchone()
    return None if row is None else AppliedFile(row["file"], row["sql"])


def is_waiting(connection: Connection, schema: str, version: int) -> bool:
    """Return whether the last attempt at contract file `version` left it waiting."""
    query = sql.SQL("SELECT outcome FROM {} WHERE version = {} ORDER BY attempt_id DESC LIMIT 1").format(
        sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(version)
    )
    row = _select_attempts(connection, query).fetchone()
    return row is not None and row["outcome"] == "waiting"


@dataclass(frozen=True)
class StoppedAttempt:
    """A no-transaction attempt that stopped half-way.

    Args:
        statement: how many statements completed.
        text: the text whose statements those were.
        outdated_by: the version of an earlier migration that was applied again or undone since, so that what completed
            may be gone; None if the attempt can be resumed.
        was_refused: whether the server refused the next statement, so that it is certainly not done. Otherwise it may
            be, without a record.
    """

    statement: int
    text: str
    outdated_by: int | None = None
    was_refused: bool = False

    @property
    def interrupted_text(self) -> str:
        """The text, if its next statement may be done without a record; otherwise empty."""
        return "" if self.was_refused else self.text


def stopped_attempt(connection: Connection, schema: str, version: int) -> StoppedAttempt | None:
    """Return the last attempt at `version` if it stopped among its statements and can be resumed.

    An attempt without an end has stopped too if no other session holds the lock: its runner was killed.
    """
    stopped = stopped_attempts(connection, schema, [version]).get(version)
    return None if stopped is None or stopped.outdated_by is not None else stopped


def stopped_attempts(connection: Connection, schema: str, versions: list[int]) -> dict[int, StoppedAttempt]:
    """Return the last attempts at `versions` that stopped among their statements, outdated ones included."""
    attempts = sql.Identifier(schema, ATTEMPTS_TABLE)
    query = sql.SQL(
        """
        SELECT last.*, (
            SELECT min(later.version) FROM {attempts} AS later
            WHERE later.attempt_id > last.attempt_id AND later.version < last.version
                AND later.outcome IN ('applied', 'rolled back')
        ) AS outdated_by
        FROM (
            SELECT DISTINCT ON (version) version, attempt_id, statement, sql, outcome FROM {attempts}
            WHERE version = ANY ({versions}) AND outcome <> 'cleared'
                AND (statement IS NOT NULL OR outcome IN ('applied', 'adopted', 'rolled back'))
            ORDER BY version, attempt_id DESC
        ) AS last
        WHERE outcome IN ('failed', 'interrupted', 'running') AND statement IS NOT NULL
        """
    ).format(attempts=attempts, versions=sql.Literal(versions))
    rows = _select_attempts(connection, query).fetchall()
    if any(row["outcome"] == "running" for row in rows) and is_held_by_another(connection, lock_key(schema)):
        rows = [row for row in rows if row["outcome"] != "running"]
    return {
        row["version"]: StoppedAttempt(
            row["statement"], row["sql"], row["outdated_by"], was_refused=row["outcome"] == "failed"
        )
        for row in rows
    }


def stopped_rollback(connection: Connection, schema: str, version: int, down_name: str) -> StoppedAttempt | None:
    """Return the last attempt at an applied version if it was a rollback by `down_name` that stopped half-way.

    Call it under the migration lock, where no other rollback runs.
    """
    query = sql.SQL(
        "SELECT file, statement, sql, outcome FROM {} WHERE version = {} AND outcome <> 'cleared'"
        " ORDER BY attempt_id DESC LIMIT 1"
    ).format(sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(version))
    row = _select_attempts(connection, query).fetchone()
    if row is None or row["file"] != down_name or row["statement"] is None or row["outcome"] == "rolled back":
        return None
    return StoppedAttempt(row["statement"], row["sql"], was_refused=row["outcome"] == "failed")


def table_of(schema: str, name: str) -> sql.SQL:
    """Return a table's quoted name for statements with parameters: a % in it is doubled."""
    return sql.SQL(sql.Identifier(schema, name).as_string().replace("%", "%%"))
