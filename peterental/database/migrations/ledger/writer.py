"""Write the ledger: what was applied, and how every attempt began and ended."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import pq, sql
from psycopg.rows import DictRow

from peterental.database.migrations.errors import ReadOnlyDatabase
from peterental.database.migrations.ledger.reader import (
    ATTEMPTS_TABLE,
    CONTRACT,
    LEDGER_COLUMNS,
    LEDGER_TABLE,
    Ledger,
    table_of,
)
from peterental.database.migrations.session.connection import (
    CHECK_DEFERRED,
    DISCARD_SEQUENCES,
    ResetScripts,
    reset,
    reset_scripts,
)
from peterental.database.migrations.session.execute import StatementFailed, execute_text
from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.source.directives import read_directives
from peterental.database.migrations.source.files import MigrationFile, checksum_of
from peterental.database.migrations.wording import mentions

_WHERE_CURRENT = " WHERE attempt_id = %s"

_BEGIN_ATTEMPT = "INSERT INTO {attempts} (version, file, applied_by) VALUES (%s, %s, %s) RETURNING attempt_id"

# Who is not the owner may lack the privileges on the sequence, which the INSERT of an attempt does not need.
_END_ORPHANS = """
WITH orphans AS (
    UPDATE {attempts} SET outcome = 'interrupted', ended_at = clock_timestamp() WHERE outcome = 'running'
)
SELECT setval(numbers, last) FROM (
    SELECT pg_get_serial_sequence({attempts_name}, 'attempt_id')::regclass AS numbers,
           (SELECT max(attempt_id) FROM {attempts}) AS last
) AS found
WHERE CASE WHEN has_sequence_privilege(numbers, 'UPDATE') AND has_sequence_privilege(numbers, 'SELECT')
    THEN last > COALESCE(pg_sequence_last_value(numbers), 0) END
"""

# The runner never deletes from the ledger while it applies files: what is gone, the file has deleted, through a view or
# a function. The cast of a text that is no number fails; the server cannot raise an error in a plain statement.
_LOST_ROWS = """
SELECT CASE WHEN pg_catalog.pg_stat_get_xact_tuples_deleted({name}::pg_catalog.regclass) > 0
    OR ({has_others} AND NOT EXISTS (SELECT FROM {ledger} WHERE version <> {version}))
    THEN CAST(pg_catalog.concat('ledger rows are gone since ', pg_catalog.clock_timestamp()) AS integer) END AS lost
"""

_RECORD = (
    """
WITH kept AS MATERIALIZED ("""
    + _LOST_ROWS
    + """), applied AS (
    INSERT INTO {ledger} AS ledger (version, applied_at, description, checksum, applied_by, duration_ms, kind)
    SELECT {version}, clock_timestamp(), {description}, {checksum}, {applied_by}, {duration_ms}, {kind}
    FROM kept WHERE lost IS NULL
    ON CONFLICT (version) DO UPDATE
    SET checksum = excluded.checksum, duration_ms = excluded.duration_ms, applied_by = excluded.applied_by,
        applied_at = excluded.applied_at, kind = excluded.kind,
        description = COALESCE(ledger.description, excluded.description)
), ended AS (
    UPDATE {attempts} SET outcome = 'applied', ended_at = clock_timestamp(), checksum = {checksum}, sql = {sql}
    WHERE attempt_id = {attempt_id}
)
INSERT INTO {attempts} (version, file, applied_by)
SELECT {next_version}, {next_file}, {applied_by} WHERE {next_version} IS NOT NULL
RETURNING attempt_id"""
)

_RECORD_TYPES = {
    "version": "integer",
    "description": "text",
    "checksum": "text",
    "applied_by": "text",
    "sql": "text",
    "attempt_id": "bigint",
    "next_version": "integer",
    "next_file": "text",
    "duration_ms": "integer",
    "kind": "text",
    "has_others": "boolean",
}
_RECORD_STATEMENT = "peterental_record_applied"
"""The prepared statement that records a file: planning it took a tenth of a small file's time."""

AS_RUNNER = (b"SET LOCAL SESSION AUTHORIZATION DEFAULT", b"SET LOCAL ROLE NONE")
"""Makes the runner's own role write the ledger in this transaction, whatever role the file has set."""

_ROWS_ARE_GONE = "it has deleted rows of schema_migrations, which records what is applied"

_DEALLOCATE = "DEALLOCATE ALL"

# RESET in this session does not know what ALTER ROLE and ALTER DATABASE have set since it began. A search_path from the
# connection URL overrides both; one that they have reset is that of the server.
_SEARCH_PATH_OF_NEW_SESSIONS = """
SELECT pg_catalog.set_config('search_path', COALESCE((
    SELECT pg_catalog.substr(default_value, 13)
    FROM pg_catalog.pg_db_role_setting, LATERAL pg_catalog.unnest(setconfig) AS default_value
    WHERE default_value LIKE 'search_path=%'
        AND setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
        AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
    ORDER BY setrole <> 0 DESC, setdatabase <> 0 DESC LIMIT 1
), CASE WHEN source IN ('global', 'database', 'user', 'database user') THEN boot_val ELSE setting END), true)
FROM pg_catalog.pg_settings
WHERE name = 'search_path' AND source NOT IN ('client', 'environment variable', 'command line')
"""


class RecordUnprepared(Exception):
    """A file deallocated the prepared statement in a way that its text does not show, so it was rolled back."""


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended whose connection was lost.

    Args:
        is_applied: whether the file was committed, with its ledger row.
        statement: how many statements of a no-transaction file completed.
    """

    is_applied: bool
    statement: int | None


class LedgerWriter:
    """Writes the ledger on the runner's connection, schema-qualified, under the migration lock."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._ledger = table_of(schema, LEDGER_TABLE)
        self._attempts = table_of(schema, ATTEMPTS_TABLE)
        # For statements without parameters, where a % in a name stays single.
        ledger = sql.Identifier(schema, LEDGER_TABLE).as_string()
        self._tables = {
            "ledger": ledger,
            "attempts": sql.Identifier(schema, ATTEMPTS_TABLE).as_string(),
            "name": sql.Literal(ledger).as_string(),
        }
        self._applied_by = applied_by()
        self._attempt_id = 0
        self._reset = ResetScripts("", "")
        self._staged: dict[str, str] = {}
        self._is_prepared = False
        self._has_rows: bool | None = None
        self._composed: dict[str, sql.Composed] = {}

    def ensure_tables(self, ledger: Ledger) -> None:
        """Create the two tables where they are missing; an older ledger gains columns and keeps its rows.

        Raises ReadOnlyDatabase if the server accepts no changes.
        """
        if ledger.complete:
            return
        if ledger.server.read_only_reason:
            raise ReadOnlyDatabase(reason=ledger.server.read_only_reason)
        columns = sql.SQL(", ").join(
            sql.SQL("ADD COLUMN IF NOT EXISTS {} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in LEDGER_COLUMNS.items()
        )
        with self._connection.transaction():
            self._execute(
                "CREATE TABLE IF NOT EXISTS {ledger} ("
                " version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ DEFAULT NOW(), description TEXT)"
            )
            self._connection.execute(sql.SQL("ALTER TABLE {} {}").format(self._ledger, columns), ())
            self._upgrade_applied_at()
            self._execute(
                "CREATE TABLE IF NOT EXISTS {attempts} ("
                " attempt_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                " version INTEGER NOT NULL, file TEXT NOT NULL, checksum TEXT,"
                " started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), ended_at TIMESTAMPTZ,"
                " outcome TEXT NOT NULL DEFAULT 'running', error TEXT, statement INTEGER, worst_wait_ms INTEGER,"
                " applied_by TEXT, sql TEXT)"
            )
            # Fails here on another tool's ledger, which is then left unchanged.
            self._execute("UPDATE {ledger} SET version = version, applied_at = now(), description = NULL WHERE false")

    def _upgrade_applied_at(self) -> None:
        """Turn an earlier runner's TIMESTAMP into TIMESTAMPTZ; in a UTC session that rewrites nothing."""
        self._execute(
            """
            DO $$ BEGIN
                IF (SELECT atttypid = 'timestamp'::regtype FROM pg_attribute
                    WHERE attrelid = {name}::regclass AND attname = 'applied_at') THEN
                    ALTER TABLE {ledger} ALTER COLUMN applied_at DROP DEFAULT;
                    ALTER TABLE {ledger} ALTER COLUMN applied_at TYPE TIMESTAMPTZ;
                    ALTER TABLE {ledger} ALTER COLUMN applied_at SET DEFAULT NOW();
                END IF;
            END $$
            """
        )

    def check_deferred(self) -> None:
        """Fire deferred triggers, in a session as the file has set it. Raises psycopg.Error if one fails."""
        self._connection.execute(CHECK_DEFERRED.encode())

    def refuse_moved_schema(self) -> None:
        """Raise psycopg.errors.InvalidSchemaName if another schema now comes first in the runner's search_path.

        Later files would create their tables there, and every command would look for the ledger there. A default that
        the file has given to the role or the database counts: new sessions have it.
        """
        for setting in AS_RUNNER:
            self._connection.execute(setting)
        self._connection.execute(b"SET LOCAL search_path TO DEFAULT")
        self._connection.execute(_SEARCH_PATH_OF_NEW_SESSIONS.encode())
        row = self._connection.execute("SELECT current_schema() AS schema").fetchone()
        found = row["schema"] if row is not None else None
        if found != self._schema:
            first = f"schema {found}" if found else "no schema"
            reason = (
                f"after this file, {first} comes first in the search_path instead of {self._schema}, where"
                " schema_migrations is"
            )
            raise psycopg.errors.InvalidSchemaName(reason)

    def begin_attempt(self, file: MigrationFile, *, has_rows: bool) -> None:
        """Record that `file` is about to run, in a session that no file has changed yet.

        Args:
            file: the first of this run.
            has_rows: whether the ledger has any; they must still be there after each file.
        """
        self._has_rows = has_rows
        self._reset = reset_scripts(self._connection)
        names = {name: f"${number}" for number, name in enumerate(_RECORD_TYPES, 1)}
        record = _RECORD.format(**self._tables, **names)
        types = ", ".join(_RECORD_TYPES.values())
        self._connection.execute(f"PREPARE {_RECORD_STATEMENT} ({types}) AS {record}".encode())
        self._is_prepared = True
        self._attempt_id = self._fetch_id(_BEGIN_ATTEMPT, *self._attempt_values(file))
        self._connection.execute(DISCARD_SEQUENCES.encode())

    @property
    def attempt_id(self) -> int:
        """The running attempt."""
        return self._attempt_id

    def record_registered(self, text: str, following: MigrationFile | None) -> None:
        """Record that the current file, a backfill, goes on in the background, and begin the next file's attempt."""
        self._execute("UPDATE {attempts} SET outcome = 'background', sql = %s" + _WHERE_CURRENT, text, self._attempt_id)
        if following is not None:
            self._attempt_id = self._fetch_id(_BEGIN_ATTEMPT, *self._attempt_values(following))

    def begin_statements(self, text: str, done: int) -> None:
        """Record that the attempt runs statement by statement, with `done` of them completed earlier."""
        self._execute("UPDATE {attempts} SET sql = %s, statement = %s" + _WHERE_CURRENT, text, done, self._attempt_id)

    def record_progress(self, done: int) -> None:
        """Record how many statements of the running attempt are done.

        Raises psycopg.errors.RaiseException if the last one has deleted rows of the ledger; psycopg.Error.
        """
        if self._has_rows is not None:
            self._refuse_lost_rows()
        self._execute("UPDATE {attempts} SET statement = %s" + _WHERE_CURRENT, done, self._attempt_id)

    def _refuse_lost_rows(self) -> None:
        query = _LOST_ROWS.format(**self._tables, has_others=self._literal(bool(self._has_rows)), version=0)
        try:
            self._connection.execute(query.encode())
        except psycopg.errors.InvalidTextRepresentation as error:
            raise psycopg.errors.RaiseException(_ROWS_ARE_GONE) from error

    def record_wait(self, worst_wait_ms: int) -> None:
        """Record the longest wait for a lock of the running attempt, in milliseconds."""
        self._execute(
            "UPDATE {attempts} SET worst_wait_ms = GREATEST(worst_wait_ms, %s)" + _WHERE_CURRENT,
            worst_wait_ms,
            self._attempt_id,
        )

    def stage_record(self, file: MigrationFile, text: str, following: MigrationFile | None) -> None:
        """Prepare what `record_applied` will write, without a query: the server may be busy with the file.

        A file that may prepare or deallocate statements ends the use of ours: all are deallocated after it.
        """
        if mentions(text, "prepare", "deallocate", "discard"):
            self._is_prepared = False
        values: dict[str, str | int | None] = {
            "version": file.version,
            "description": file.description,
            "checksum": checksum_of(text),
            "applied_by": self._applied_by,
            "sql": text,
            "attempt_id": self._attempt_id,
            "next_version": following.version if following else None,
            "next_file": following.path.name if following else None,
            "kind": _kind(file, text),
            "has_others": bool(self._has_rows),
        }
        self._staged = {name: self._literal(value) for name, value in values.items()}

    def record_applied(self, *, duration_ms: int, while_waiting: Callable[[], object]) -> None:
        """Record the staged file as applied, end its attempt, begin the next one's, and commit: one round trip.

        Deferred triggers fire first. Then the role is reset, so that the runner's own writes the ledger whatever the
        file has set, and the session's settings after the COMMIT. A row that the file inserted keeps its description.

        Args:
            duration_ms: how long the file took, in milliseconds.
            while_waiting: what to do while the server writes; it must not raise.

        Raises RecordUnprepared if the file has deallocated the engine's prepared statement: it must run again.
        Raises psycopg.errors.RaiseException if the file has deleted rows of the ledger.
        Raises psycopg.Error; COMMIT itself may fail where a constraint was deferred.
        """
        if self._connection.info.encoding != "utf-8":
            self.check_deferred()
            reset(self._connection)  # the server would read the script in the encoding that the file has set
            self._is_prepared = False
        values = self._staged | {"duration_ms": str(duration_ms)}
        if self._is_prepared:
            arguments = ", ".join(values[name] for name in _RECORD_TYPES)
            script = f"{self._reset.before_commit}; EXECUTE {_RECORD_STATEMENT} ({arguments})"
        else:
            record = _RECORD.format(**self._tables, **values)
            script = f"{self._reset.before_commit}; {_DEALLOCATE}; {record}"
        script = f"{CHECK_DEFERRED}; {script}; COMMIT; {self._reset.after_commit}"
        try:
            results = execute_text(self._connection, script, while_waiting=while_waiting, keep_rows=True)
        except StatementFailed as failure:
            if failure.index == 0:  # a deferred trigger of the file
                raise failure.cause from failure
            if self._is_prepared and isinstance(failure.cause, psycopg.errors.InvalidSqlStatementName):
                self._is_prepared = False
                raise RecordUnprepared from failure
            if isinstance(failure.cause, psycopg.errors.InvalidTextRepresentation):
                raise psycopg.errors.RaiseException(_ROWS_ARE_GONE) from failure
            raise failure.cause from failure
        self._has_rows = True
        following = next((result for result in results if result.ntuples), None)
        if following is not None:
            self._attempt_id = int(following.get_value(0, 0) or 0)

    def dry_run_record(self, file: MigrationFile) -> None:
        """Write what `record_applied` would write, for a transaction that is rolled back; no sequence advances.

        Raises psycopg.Error if the file has broken the ledger.
        """
        self._refuse_lost_rows()
        self._execute(
            "INSERT INTO {ledger} (version, applied_at, description, checksum, applied_by, duration_ms)"
            " VALUES (%s, clock_timestamp(), %s, %s, %s, 0)"
            " ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum",
            file.version,
            file.description,
            file.checksum,
            self._applied_by,
        )
        self._execute(
            "UPDATE {attempts} SET outcome = 'applied', ended_at = now(), checksum = '', sql = ''" + _WHERE_CURRENT, 0
        )

    def record_repaired(self, file: MigrationFile, text: str) -> None:
        """Record `text` as what was applied for `file`'s version."""
        self._execute("UPDATE {ledger} SET checksum = %s WHERE version = %s", file.checksum, file.version)
        self._execute(
            "INSERT INTO {attempts} (version, file, checksum, applied_by, sql, outcome, ended_at)"
            " VALUES (%s, %s, %s, %s, %s, 'repaired', clock_timestamp())",
            file.version,
            file.path.name,
            file.checksum,
            self._applied_by,
            text,
        )

    def record_adopted(self, file: MigrationFile, text: str) -> None:
        """Record `file` as applied by other means; an existing row gains the values that it lacks."""
        self._execute(
            "INSERT INTO {ledger} AS ledger (version, applied_at, description, checksum, applied_by, kind)"
            " VALUES (%s, clock_timestamp(), %s, %s, %s, %s)"
            " ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum, kind = excluded.kind,"
            " applied_by = COALESCE(ledger.applied_by, excluded.applied_by),"
            " description = COALESCE(ledger.description, excluded.description)",
            file.version,
            file.description,
            file.checksum,
            self._applied_by,
            _kind(file, text),
        )
        self._execute(
            "INSERT INTO {attempts} (version, file, checksum, applied_by, sql, outcome, ended_at)"
            " VALUES (%s, %s, %s, %s, %s, 'adopted', clock_timestamp())",
            file.version,
            file.path.name,
            file.checksum,
            self._applied_by,
            text,
        )

    def clear_attempts(self, version: int) -> None:
        """Clear stopped attempts at `version`, so that the next one starts at the first statement."""
        self._execute(
            "UPDATE {attempts} SET outcome = 'cleared' WHERE version = %s AND outcome IN ('failed', 'interrupted')",
            version,
        )

    def record_rolled_back(self, file: MigrationFile, text: str) -> None:
        """Delete `file`'s version from the ledger, and record the SQL that undid it.

        That outdates the progress of stopped attempts at later versions; see `stopped_attempts`.
        """
        self._execute("DELETE FROM {ledger} WHERE version = %s", file.version)
        self._execute(
            "INSERT INTO {attempts} (version, file, applied_by, sql, outcome, ended_at)"
            " VALUES (%s, %s, %s, %s, 'rolled back', clock_timestamp())",
            file.version,
            file.down_path.name,
            self._applied_by,
            text,
        )

    def begin_rollback(self, down: MigrationFile, text: str, done: int) -> None:
        """Record that a down file is about to run statement by statement, with `done` of them completed earlier."""
        self._attempt_id = self._fetch_id(
            "INSERT INTO {attempts} (version, file, applied_by, sql, statement) VALUES (%s, %s, %s, %s, %s)"
            " RETURNING attempt_id",
            *self._attempt_values(down),
            text,
            done,
        )

    def record_rolled_back_statements(self, file: MigrationFile) -> None:
        """Delete `file`'s version from the ledger, and end the attempt that `begin_rollback` began."""
        self._execute("DELETE FROM {ledger} WHERE version = %s", file.version)
        self._execute(
            "UPDATE {attempts} SET outcome = 'rolled back', ended_at = clock_timestamp()" + _WHERE_CURRENT,
            self._attempt_id,
        )

    def record_failed(self, *, outcome: str, error: str) -> None:
        """Record what stopped the running attempt. `outcome` is `failed` or `interrupted`."""
        self._execute(
            "UPDATE {attempts} SET outcome = %s, ended_at = clock_timestamp(), error = %s"
            + _WHERE_CURRENT
            + " AND outcome = 'running'",  # a signal may arrive between the COMMIT and its answer
            outcome,
            error,
            self._attempt_id,
        )

    def record_waiting(self, version: int, reason: str) -> None:
        """Record that the running attempt left contract file `version` waiting, and for what; only the last counts."""
        self._execute("DELETE FROM {attempts} WHERE version = %s AND outcome = 'waiting'", version)
        self._execute(
            "UPDATE {attempts} SET outcome = 'waiting', ended_at = clock_timestamp(), error = %s" + _WHERE_CURRENT,
            reason,
            self._attempt_id,
        )

    def record_lost(self, connection: Connection, error: str) -> AttemptEnd:
        """Record over another connection that the running attempt's connection was lost; return how it ended.

        Args:
            connection: a new one; the session of the lost one has ended.
            error: what happened.
        """
        self._connection.close()
        writer = LedgerWriter(connection, self._schema)
        with suppress(psycopg.Error):  # it may be read-only now
            writer._execute(
                "UPDATE {attempts} SET outcome = 'interrupted', ended_at = clock_timestamp(), error = %s"
                + _WHERE_CURRENT
                + " AND outcome = 'running'",
                error,
                self._attempt_id,
            )
        row = writer._execute("SELECT outcome, statement FROM {attempts}" + _WHERE_CURRENT, self._attempt_id).fetchone()
        return AttemptEnd(row is not None and row["outcome"] == "applied", row["statement"] if row else None)

    def mark_orphans_interrupted(self) -> None:
        """Mark attempts without an end as interrupted: under the migration lock, no runner is active.

        If the numbers of new attempts have fallen behind, they continue after the last: logical replication copies
        rows, but not the positions of sequences.
        """
        self._execute(_END_ORPHANS)

    def _attempt_values(self, file: MigrationFile) -> tuple[int, str, str]:
        return (file.version, file.path.name, self._applied_by)

    def _fetch_id(self, statement: str, *values: object) -> int:
        row = self._execute(statement, *values).fetchone()
        assert row is not None  # noqa: S101  # for mypy; INSERT … RETURNING returns a row
        return int(row["attempt_id"])

    def _execute(self, statement: str, *values: object) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(self._compose(statement), values, prepare=False)

    def _literal(self, value: str | int | None) -> str:
        """Quote a value for a script, which cannot have parameters.

        libpq quotes text so that it is valid for either value of standard_conforming_strings.
        """
        if value is None:
            return "NULL"
        if isinstance(value, int):
            return str(value).lower()
        return bytes(pq.Escaping(self._connection.pgconn).escape_literal(value.encode())).decode()

    def _compose(self, statement: str) -> sql.Composed:
        composed = self._composed.get(statement)
        if composed is None:
            composed = self._composed[statement] = sql.SQL(statement).format(
                ledger=self._ledger,
                attempts=self._attempts,
                name=sql.Literal(self._ledger.as_string()),
                attempts_name=sql.Literal(self._attempts.as_string()),
            )
        return composed


def _kind(file: MigrationFile, text: str) -> str | None:
    """Return the ledger's kind of a file whose directives have been checked."""
    return CONTRACT if read_directives(file, text).contract else None


def applied_by() -> str:
    """Return user and host, and the deployed commit if the platform provides it (Render does)."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    commit = os.environ.get("RENDER_GIT_COMMIT", "")[:8]
    return f"{user}@{socket.gethostname()}" + (f" ({commit})" if commit else "")
