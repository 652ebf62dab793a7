"""The history of attempts at migrations; read only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql
from psycopg.rows import DictRow

from peterental.database.migrations.ledger.reader import ATTEMPTS_TABLE
from peterental.database.migrations.session.advisory_lock import lock_key
from peterental.database.migrations.session.server import Connection, ConnectionSource

SUCCESSFUL_OUTCOMES = ("applied", "adopted", "repaired", "background", "waiting")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at a migration that failed, was undone, or has not ended. Times are UTC.

    Args:
        version: of the migration.
        file: the file's name at the time.
        started_at: when it began.
        ended_at: when it ended; None while it runs, and after a kill until the next run finds it.
        outcome: `failed`, `interrupted`, `cleared` (by db-repair, to restart), `rolled back`, or `running`.
        error: what stopped it, in the runner's words.
        statement: how many statements of a no-transaction file completed.
        worst_wait_ms: its longest wait for a lock, in milliseconds.
        applied_by: user and host.
    """

    version: int
    file: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    error: str | None
    statement: int | None
    worst_wait_ms: int | None
    applied_by: str | None

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None until it has ended."""
        return self.ended_at - self.started_at if self.ended_at else None


@dataclass(frozen=True, kw_only=True)
class History:
    """The latest unsuccessful attempts, and whether a runner is active.

    Args:
        is_kept: whether attempts are recorded; False for an earlier runner's ledger, or none.
        is_migrating: whether a runner holds the migration lock.
        attempts: the unsuccessful attempts, latest first.
        has_more: whether there are older ones.
    """

    is_kept: bool = False
    is_migrating: bool = False
    attempts: tuple[Attempt, ...] = ()
    has_more: bool = False


def read_history(database: ConnectionSource, limit: int) -> History:
    """Read the latest `limit` unsuccessful attempts, in at most two queries.

    Raises what `database.connection` raises.
    """
    with database.connection() as connection:
        row = connection.execute(
            """
            SELECT current_schema() AS schema,
                   to_regclass(quote_ident(current_schema()) || '.' || %s) IS NOT NULL AS is_kept
            """,
            (ATTEMPTS_TABLE,),
        ).fetchone()
        if row is None or not row["is_kept"]:
            return History()
        return _history(connection, row["schema"], limit)


def _history(connection: Connection, schema: str, limit: int) -> History:
    # The table may come from another release: a column that it lacks reads as None.
    rows = connection.execute(
        sql.SQL(
            """
            SELECT is_migrating, attempt.*
            FROM (
                SELECT EXISTS (
                    SELECT FROM pg_locks
                    WHERE locktype = 'advisory' AND granted AND objsubid = 1
                        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        AND (classid::bigint << 32) | objid::bigint = %s
                ) AS is_migrating
            ) AS lock
            LEFT JOIN (
                SELECT * FROM {} WHERE outcome <> ALL(%s) ORDER BY attempt_id DESC LIMIT %s
            ) AS attempt ON TRUE
            ORDER BY attempt_id DESC
            """
        ).format(sql.Identifier(schema, ATTEMPTS_TABLE)),
        (lock_key(schema), list(SUCCESSFUL_OUTCOMES), limit + 1),
        prepare=False,  # a cached plan would fail once the table has gained a column
    ).fetchall()
    found = [_attempt(row) for row in rows if row["attempt_id"] is not None]
    return History(
        is_kept=True,
        is_migrating=rows[0]["is_migrating"],
        attempts=tuple(found[:limit]),
        has_more=len(found) > limit,
    )


def _attempt(row: DictRow) -> Attempt:
    return Attempt(**{name: row.get(name) for name in Attempt.__dataclass_fields__})  # type: ignore[arg-type]
