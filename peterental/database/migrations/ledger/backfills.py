"""The table of background backfills: how far each has come, and what stopped it.

A backfill has no row in `schema_migrations` until it is complete. Each of its batches commits together with its row
here, so that a worker resumes at the batch whatever ended the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from peterental.database.migrations.ledger.reader import (
    ATTEMPTS_TABLE,
    BACKFILLS_TABLE,
    LEDGER_TABLE,
    LEDGER_WAIT_MS,
    table_of,
)
from peterental.database.migrations.ledger.writer import applied_by
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.files import MigrationFile, checksum_of
from peterental.database.migrations.wording import plural

_FRESH_S = 60
"""For how many seconds after its last batch a backfill counts as being worked on."""

Position = tuple[str, ...]
"""The values of a key, one text per column."""


class BackfillState(StrEnum):
    """The state of one backfill."""

    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class BackfillProgress:
    """How far one backfill has come.

    Args:
        version: of its file.
        state: `running`, `failed` or `done`.
        table: the table that it walks through, as its file names it.
        key: the columns of the key.
        checksum: of the file when it was registered, or accepted by db-repair.
        attempt_id: its current attempt in the history.
        position: the last key that is done; None before the first batch.
        rows_done: how many rows are done.
        total_rows: the estimated number of all rows.
        batch_rows: the number of rows of the next batch.
        rows_per_s: the recent rate, pauses included; None before the second batch.
        run_ms: how long all its batches took, in milliseconds.
        worst_batch_ms: its longest batch, in milliseconds.
        failed_first: the first key of the batch that failed.
        failed_last: the last key of the batch that failed.
        skipped: the bounds of the skipped batches.
        error: what stopped it.
        is_fresh: whether a batch was committed within the last minute.
        is_recorded: whether the ledger has a row for it.
        table_oid: of the table when the progress began; None if that was not recorded.
        is_copied: whether the progress was copied to other tables since, as by a restored dump, with its table.
    """

    version: int
    state: BackfillState
    table: str
    key: tuple[str, ...]
    checksum: str
    attempt_id: int
    position: Position | None = None
    rows_done: int = 0
    total_rows: int = 0
    batch_rows: int
    rows_per_s: float | None = None
    run_ms: int = 0
    worst_batch_ms: int | None = None
    failed_first: Position | None = None
    failed_last: Position | None = None
    skipped: tuple[tuple[Position, Position], ...] = ()
    error: str | None = None
    is_fresh: bool = False
    is_recorded: bool = False
    table_oid: int | None = None
    is_copied: bool = False

    @property
    def percent(self) -> int:
        """How much is done, from 0 to 100; below 100 until it is complete, because the total is an estimate."""
        if self.state is BackfillState.DONE:
            return 100
        return min(99, 100 * self.rows_done // max(self.total_rows, 1))

    @property
    def eta_s(self) -> int | None:
        """How many seconds are left at the recent rate; None if no worker is on it."""
        if self.state is not BackfillState.RUNNING or not self.is_fresh or not self.rows_per_s:
            return None
        return round(max(self.total_rows - self.rows_done, 0) / self.rows_per_s)

    @property
    def summary(self) -> str:
        """The state in a few words, with percentage, rate and time left."""
        parts = [f"{self.state} {self.percent} %"]
        if self.state is BackfillState.FAILED:
            parts = [f"failed at {self.percent} %"]
        elif self.eta_s is not None:
            parts += [f"{self.rows_per_s:,.0f} rows/s", f"about {_duration(self.eta_s)} left"]
        elif self.state is BackfillState.RUNNING and not self.is_fresh:
            parts.append("no worker is on it")
        if self.skipped:
            parts.append(f"{len(self.skipped)} {plural(len(self.skipped), 'batch', 'batches')} skipped")
        return ", ".join(parts)

    @property
    def commands_after_failure(self) -> str:
        """What to run once the cause is fixed; a backfill that could not run has no batch to leave out."""
        retry = "flask db-backfill --retry"
        return retry if self.failed_first is None else f"{retry}, or flask db-backfill --skip to leave the batch out"

    def as_json(self) -> dict[str, Any]:
        """Return the object that `flask db-status --json` shows for it."""
        return {
            "state": self.state.value,
            "table": self.table,
            "key": list(self.key),
            "percent": self.percent,
            "rows_done": self.rows_done,
            "total_rows": self.total_rows,
            "rows_per_s": None if self.rows_per_s is None else round(self.rows_per_s),
            "eta_s": self.eta_s,
            "batch_rows": self.batch_rows,
            "worst_batch_ms": self.worst_batch_ms,
            "skipped": [[list(first), list(last)] for first, last in self.skipped],
            "failed_batch": [list(self.failed_first), list(self.failed_last)]
            if self.failed_first and self.failed_last
            else None,
            "error": self.error,
        }


def shown_bounds(first: Sequence[str], last: Sequence[str]) -> str:
    """Return the bounds of a batch for a message: `1 to 1000`, or `(1,a) to (1,z)`."""
    return " to ".join(bound[0] if len(bound) == 1 else f"({','.join(bound)})" for bound in (first, last))


def _duration(seconds: int) -> str:
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{round(seconds / unit_s)} {unit}"
    return f"{seconds} s"


def read_backfills(connection: Connection, schema: str) -> dict[int, BackfillProgress]:
    """Return every registered backfill by version; the table must exist."""
    query = sql.SQL(
        "SELECT backfill.*, EXISTS (SELECT FROM {ledger} AS l WHERE l.version = backfill.version) AS is_recorded,"
        " coalesce(abs(extract(epoch FROM clock_timestamp() - updated_at)) < {fresh}, false) AS is_fresh,"
        " tableoid::bigint AS found_oid"
        " FROM {backfills} AS backfill ORDER BY version"
    ).format(
        ledger=sql.Identifier(schema, LEDGER_TABLE),
        backfills=sql.Identifier(schema, BACKFILLS_TABLE),
        fresh=sql.Literal(_FRESH_S),
    )
    # In one round trip; the setting ends with the query's own transaction, so that a pooled session keeps its own.
    timeout = sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(LEDGER_WAIT_MS))
    cursor = connection.execute(sql.SQL("; ").join([timeout, query]), prepare=False)
    while cursor.nextset():
        pass
    return {row["version"]: _progress(row) for row in cursor}


def _progress(row: DictRow) -> BackfillProgress:
    def position(name: str) -> Position | None:
        return None if row[name] is None else tuple(row[name])

    return BackfillProgress(
        version=row["version"],
        state=BackfillState(row["state"]),
        table=row["table_name"],
        key=tuple(row["key"]),
        checksum=row["checksum"],
        attempt_id=row["attempt_id"],
        position=position("position"),
        rows_done=row["rows_done"],
        total_rows=row["total_rows"],
        batch_rows=row["batch_rows"],
        rows_per_s=row["rows_per_s"],
        run_ms=row["run_ms"],
        worst_batch_ms=row["worst_batch_ms"],
        failed_first=position("failed_first"),
        failed_last=position("failed_last"),
        skipped=tuple((tuple(first), tuple(last)) for first, last in row["skipped"]),
        error=row["error"],
        is_fresh=row["is_fresh"],
        is_recorded=row["is_recorded"],
        table_oid=row.get("table_oid"),
        is_copied=row.get("own_oid", row["found_oid"]) != row["found_oid"],
    )


class BackfillMoved(Exception):
    """The backfill is no longer where this worker left it: it was rolled back, cleared or continued elsewhere."""


class BackfillStore:
    """Writes the table of backfills, schema-qualified, over a worker's or the runner's connection."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._name = sql.Identifier(schema, BACKFILLS_TABLE).as_string()
        self._names = {
            "ledger": table_of(schema, LEDGER_TABLE),
            "attempts": table_of(schema, ATTEMPTS_TABLE),
            "backfills": table_of(schema, BACKFILLS_TABLE),
        }

    def ensure_table(self) -> None:
        """Create the table where it is missing, or add the columns of this release; under the migration lock."""
        self._execute(
            "CREATE TABLE IF NOT EXISTS {backfills} ("
            " version INTEGER PRIMARY KEY, state TEXT NOT NULL DEFAULT 'running', table_name TEXT NOT NULL,"
            " key TEXT[] NOT NULL, checksum TEXT NOT NULL, attempt_id BIGINT NOT NULL, position TEXT[],"
            " rows_done BIGINT NOT NULL DEFAULT 0, total_rows BIGINT NOT NULL, batch_rows INTEGER NOT NULL,"
            " rows_per_s DOUBLE PRECISION, run_ms BIGINT NOT NULL DEFAULT 0, worst_batch_ms INTEGER,"
            " failed_first TEXT[], failed_last TEXT[], skipped JSONB NOT NULL DEFAULT '[]', error TEXT,"
            " started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), updated_at TIMESTAMPTZ, ended_at TIMESTAMPTZ,"
            " table_oid BIGINT, own_oid BIGINT)"
        )
        has_oids = self._connection.execute(
            "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'own_oid'", (self._name,)
        ).fetchone()
        if has_oids is None:
            self._execute("ALTER TABLE {backfills} ADD COLUMN table_oid BIGINT, ADD COLUMN own_oid BIGINT")

    def register(self, progress: BackfillProgress) -> None:
        """Insert a new backfill, in place of what an undone one of the same version left."""
        self.remove(progress.version)
        self._execute(
            "INSERT INTO {backfills} (version, table_name, key, checksum, attempt_id, total_rows, batch_rows,"
            " table_oid, own_oid) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, to_regclass(%s)::oid::bigint)",
            progress.version,
            progress.table,
            list(progress.key),
            progress.checksum,
            progress.attempt_id,
            progress.total_rows,
            progress.batch_rows,
            progress.table_oid,
            self._name,
        )

    def adopt_copy(self, before: BackfillProgress, table_oid: int) -> BackfillProgress:
        """Record that a copy of the table goes with the copied progress; return the new state. Raises BackfillMoved."""
        self._move(before, "table_oid = %s, own_oid = tableoid::bigint", table_oid)
        return replace(before, table_oid=table_oid, is_copied=False)

    def restart(self, before: BackfillProgress, table_oid: int) -> BackfillProgress:
        """Begin with the first row of another table of the same name; return the new state. Raises BackfillMoved."""
        self._move(before, "table_oid = %s, position = NULL, rows_done = 0, skipped = '[]'", table_oid)
        return replace(before, table_oid=table_oid, position=None, rows_done=0, skipped=())

    def remove(self, version: int) -> None:
        """Delete a backfill, which stops its worker, and end its attempt."""
        self._execute("DELETE FROM {backfills} WHERE version = %s", version)
        self._execute(
            "UPDATE {attempts} SET outcome = 'interrupted', ended_at = clock_timestamp()"
            " WHERE version = %s AND outcome = 'background'",
            version,
        )

    def read(self, version: int) -> BackfillProgress | None:
        """Return one backfill; None if it is not registered."""
        return self.read_all().get(version)

    def read_all(self) -> dict[int, BackfillProgress]:
        """Return every backfill by version."""
        return read_backfills(self._connection, self._schema)

    def advance(self, before: BackfillProgress, after: BackfillProgress) -> None:
        """Record a batch inside its transaction. Raises BackfillMoved if another session has changed the backfill."""
        self._move(
            before,
            "position = %s, rows_done = %s, total_rows = %s, batch_rows = %s, rows_per_s = %s, run_ms = %s,"
            " worst_batch_ms = %s, skipped = %s, state = 'running', failed_first = NULL, failed_last = NULL,"
            " error = NULL, updated_at = clock_timestamp()",
            list(after.position or ()),
            after.rows_done,
            after.total_rows,
            after.batch_rows,
            after.rows_per_s,
            after.run_ms,
            after.worst_batch_ms,
            Jsonb([[list(first), list(last)] for first, last in after.skipped]),
        )

    def record_failed(self, before: BackfillProgress, first: Position, last: Position, error: str) -> None:
        """Record that a batch failed, and end the attempt. Raises BackfillMoved."""
        with self._connection.transaction():
            self._move(
                before,
                "state = 'failed', failed_first = %s, failed_last = %s, error = %s, updated_at = clock_timestamp()",
                list(first) or None,
                list(last) or None,
                error,
            )
            self._execute(
                "UPDATE {attempts} SET outcome = 'failed', ended_at = clock_timestamp(), error = %s"
                " WHERE attempt_id = %s",
                error,
                before.attempt_id,
            )

    def resume_failed(self, before: BackfillProgress, file: MigrationFile, text: str) -> BackfillProgress:
        """Continue a failed backfill as a new attempt, and return its state. Raises BackfillMoved."""
        with self._connection.transaction():
            row = self._execute(
                "INSERT INTO {attempts} (version, file, applied_by, outcome, sql)"
                " VALUES (%s, %s, %s, 'background', %s) RETURNING attempt_id",
                file.version,
                file.path.name,
                applied_by(),
                text,
            ).fetchone()
            assert row is not None  # noqa: S101  # for mypy; INSERT … RETURNING returns a row
            attempt_id = int(row["attempt_id"])
            self._move(
                before,
                "state = 'running', failed_first = NULL, failed_last = NULL, error = NULL, attempt_id = %s",
                attempt_id,
            )
        return replace(
            before,
            state=BackfillState.RUNNING,
            failed_first=None,
            failed_last=None,
            error=None,
            attempt_id=attempt_id,
        )

    def complete(self, before: BackfillProgress, file: MigrationFile, text: str) -> None:
        """Record the migration as applied, in one transaction. Raises BackfillMoved.

        No migration lock is needed: a runner leaves registered backfills alone.
        """
        with self._connection.transaction():
            self._move(before, "state = 'done', total_rows = rows_done, ended_at = clock_timestamp()")
            self._execute(
                "INSERT INTO {ledger} (version, applied_at, description, checksum, applied_by, duration_ms)"
                " VALUES (%s, clock_timestamp(), %s, %s, %s, %s) ON CONFLICT (version) DO NOTHING",
                file.version,
                file.description,
                checksum_of(text),
                applied_by(),
                min(before.run_ms, 2**31 - 1),
            )
            self._execute(
                "UPDATE {attempts} SET outcome = 'applied', ended_at = clock_timestamp(), checksum = %s, sql = %s"
                " WHERE attempt_id = %s",
                checksum_of(text),
                text,
                before.attempt_id,
            )

    def accept(self, before: BackfillProgress, text: str) -> None:
        """Record an edited text as the one to continue with. Raises BackfillMoved."""
        self._move(before, "checksum = %s", checksum_of(text))
        self._execute("UPDATE {attempts} SET sql = %s WHERE attempt_id = %s", text, before.attempt_id)

    def _move(self, before: BackfillProgress, changes: str, *values: object) -> None:
        """Update the row if it is still as `before` was read."""
        cursor = self._execute(
            "UPDATE {backfills} SET "
            + changes
            + " WHERE version = %s AND state = %s AND attempt_id = %s AND checksum = %s"
            " AND position IS NOT DISTINCT FROM %s::text[]",
            *values,
            before.version,
            before.state.value,
            before.attempt_id,
            before.checksum,
            None if before.position is None else list(before.position),
        )
        if cursor.rowcount != 1:
            raise BackfillMoved

    def _execute(self, statement: str, *values: object) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(sql.SQL(statement).format(**self._names), values, prepare=False)


def registered_text(connection: Connection, schema: str, progress: BackfillProgress) -> str | None:
    """Return the file's text as it was registered or accepted; None if the history does not have it."""
    query = sql.SQL(
        "SELECT sql FROM {} WHERE version = {} AND sql IS NOT NULL ORDER BY attempt_id DESC LIMIT 1"
    ).format(sql.Identifier(schema, ATTEMPTS_TABLE), sql.Literal(progress.version))
    row = connection.execute(query, prepare=False).fetchone()
    return None if row is None else row["sql"]
