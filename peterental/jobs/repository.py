"""The queue in PostgreSQL: the tables of procrastinate, and why jobs failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from peterental.jobs.model import Job, JobRequest, JobState, QueueStatus

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

WORKER_ALIVE_FOR = timedelta(minutes=1)
"""A worker updates its row every ten seconds."""

LONGEST_REASON = 2000

STATUSES: dict[JobState, tuple[str, ...]] = {
    "waiting": ("todo",),
    "running": ("doing", "aborting"),
    "failed": ("failed", "aborted"),
    "done": ("succeeded",),
    "discarded": ("cancelled",),
}
"""The statuses of procrastinate that each state stands for."""

_STATE_OF: dict[str, JobState] = {status: state for state, statuses in STATUSES.items() for status in statuses}

_STATUS = """
    SELECT counted.counts, due.oldest_due_at, alive.workers, alive.last_seen_at
    FROM (
        SELECT COALESCE(jsonb_object_agg(status, jobs), '{}') AS counts
        FROM (SELECT status::text, COUNT(*) AS jobs FROM procrastinate_jobs GROUP BY status) AS by_status
    ) AS counted, (
        SELECT MIN(COALESCE(scheduled_at, deferred.at)) AS oldest_due_at
        FROM procrastinate_jobs AS job, LATERAL (
            SELECT MIN(at) AS at FROM procrastinate_events WHERE job_id = job.id
        ) AS deferred
        WHERE job.id IN (
            SELECT id FROM procrastinate_jobs
            WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= NOW())
            ORDER BY priority DESC, id
            LIMIT 1000
        )
    ) AS due, (
        SELECT COUNT(*) FILTER (
                   WHERE last_heartbeat BETWEEN NOW() - %(alive)s::interval AND NOW() + %(alive)s::interval
               ) AS workers,
               MAX(last_heartbeat) AS last_seen_at
        FROM procrastinate_workers
    ) AS alive
"""

_LISTING = """
    SELECT job.id, job.task_name, job.args, job.status::text, job.attempts,
           COALESCE(job.scheduled_at, first.at) AS due_at, last.at AS changed_at, job_errors.reason
    FROM procrastinate_jobs AS job
    LEFT JOIN LATERAL (SELECT MIN(at) AS at FROM procrastinate_events WHERE job_id = job.id) AS first ON TRUE
    LEFT JOIN LATERAL (
        SELECT MAX(at) AS at FROM procrastinate_events WHERE job_id = job.id AND type <> 'scheduled'
    ) AS last ON TRUE
    LEFT JOIN job_errors ON job_errors.job_id = job.id
    WHERE job.status = ANY(%s::procrastinate_job_status[])
    ORDER BY job.id DESC
    LIMIT %s OFFSET %s
"""


# The function's result is not read, so the statement travels with the transaction's others and costs no round trip.
# https://procrastinate.readthedocs.io/en/stable/howto/production/external_connection.html describes the slower way.
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW(%s, %s, 0, %s, NULL, %s, %s)::procrastinate_job_to_defer_v1]
    )
"""


def deferral_sql(task: str, args: str, not_before: str = "NULL") -> str:
    """Return the call that defers a job of a task, for each row of a statement.

    Args:
        task: its name.
        args: SQL of the job's arguments, as jsonb.
        not_before: SQL of when it may start.
    """
    return f"""procrastinate_defer_jobs_v1(
        ARRAY[ROW('{task}', '{task}', 0, NULL, NULL, {args}, {not_before})::procrastinate_job_to_defer_v1]
    )"""


CORRECT_HEARTBEATS = """
    UPDATE procrastinate_workers SET last_heartbeat = NOW() WHERE last_heartbeat > NOW() + INTERVAL '1 minute'
"""
"""Ages the workers that were seen before the clock was set back: one that vanished would seem alive until then."""

CORRECT_SCHEDULES = """
    UPDATE procrastinate_jobs SET scheduled_at = NULL
    WHERE status = 'todo'
        AND scheduled_at > NOW() + CASE WHEN attempts > 0 THEN INTERVAL '2 hours' ELSE INTERVAL '1 day' END
"""
"""Starts jobs that were put off before the clock was set back, and would wait until the time that it showed.

A retry waits for little more than an hour; what quiet hours or a webhook put off, for less than a day. A job that
starts early does what is due, as every job does.
"""

QUEUE_EXISTS = "SELECT to_regclass('procrastinate_jobs') IS NOT NULL"


class JobRepository:
    """The queue of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def status(self) -> QueueStatus:
        """Return how the queue is doing. The oldest is looked for among the 1,000 jobs that are due first."""
        row = self._database.fetch(_STATUS, {"alive": WORKER_ALIVE_FOR})[0]
        counts: dict[JobState, int] = dict.fromkeys(STATUSES, 0)
        for status, jobs in row["counts"].items():
            counts[_STATE_OF[status]] += jobs
        return QueueStatus(
            counts=counts,
            oldest_due_at=row["oldest_due_at"],
            workers=row["workers"],
            last_seen_at=row["last_seen_at"],
        )

    def listing(self, states: Sequence[JobState], *, limit: int, offset: int) -> list[Job]:
        """Return the jobs in these states, newest first."""
        statuses = [status for state in states for status in STATUSES[state]]
        return [_job(row) for row in self._database.fetch(_LISTING, (statuses, limit, offset))]

    def defer(self, connection: Connection, request: JobRequest) -> None:
        """Queue a job in the transaction of the change: both are committed or neither. Costs no round trip of its own.

        Each task has a queue of its own: a worker fetches from those of the tasks that it knows, and leaves the jobs of
        a newer release to that release's worker.
        """
        args = Jsonb(dict(request.args))
        connection.execute(_DEFER, (request.task, request.task, request.lock, args, request.not_before))

    def defer_once(self, request: JobRequest, key: str) -> bool:
        """Queue a job in a transaction of its own, unless one with the same key waits. Return whether it was queued."""
        args = Jsonb(dict(request.args))
        try:
            rows = self._database.fetch(
                """
                SELECT procrastinate_defer_jobs_v1(
                    ARRAY[ROW(%s, %s, 0, %s, %s, %s, %s)::procrastinate_job_to_defer_v1]
                )
                WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')
                """,
                (request.task, request.task, request.lock, key, args, request.not_before, key),
            )
        except UniqueViolation:
            return False
        return bool(rows)

    def lock(self, connection: Connection, job_id: int) -> tuple[str, JobState] | None:
        """Lock a job until the transaction ends, and return its task and state; None if there is none."""
        row = connection.execute(
            "SELECT task_name, status::text FROM procrastinate_jobs WHERE id = %s FOR UPDATE", (job_id,)
        ).fetchone()
        return None if row is None else (row["task_name"], _STATE_OF[row["status"]])

    def retry(self, connection: Connection, job_id: int, state: JobState) -> None:
        """Queue the next attempt of a job at once; one that was over starts with all its attempts."""
        if state != "waiting":
            connection.execute(
                "UPDATE procrastinate_jobs SET status = 'todo', scheduled_at = NULL, attempts = 0 WHERE id = %s",
                (job_id,),
            )
        else:
            connection.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE id = %s", (job_id,))
        connection.execute(
            """
            SELECT pg_notify(
                'procrastinate_queue_v1#' || queue_name,
                json_build_object('type', 'job_inserted', 'job_id', id)::text
            )
            FROM procrastinate_jobs WHERE id = %s
            """,
            (job_id,),
        )

    def discard(self, connection: Connection, job_id: int) -> None:
        """Mark a failed or waiting job as one that will not run."""
        connection.execute("UPDATE procrastinate_jobs SET status = 'cancelled' WHERE id = %s", (job_id,))

    def record_error(self, job_id: int, reason: str) -> None:
        """Record why an attempt of a job failed, instead of the attempt before."""
        self._database.fetch(
            """
            INSERT INTO job_errors (job_id, reason)
            SELECT id, %s FROM procrastinate_jobs WHERE id = %s
            ON CONFLICT (job_id) DO UPDATE SET reason = EXCLUDED.reason, happened_at = NOW()
            """,
            (reason.replace("\x00", "")[:LONGEST_REASON], job_id),
        )

    def fail_unknown(self, tasks: Sequence[str], after: timedelta, reason: str) -> int:
        """Fail the jobs of other tasks that have been due for so long, with a reason; return how many."""
        rows = self._database.fetch(
            """
            WITH unknown AS (
                SELECT id FROM procrastinate_jobs AS job
                WHERE status = 'todo' AND task_name <> ALL(%(tasks)s)
                    AND NOT EXISTS (
                        SELECT FROM procrastinate_events WHERE job_id = job.id AND at > NOW() - %(after)s::interval
                    )
                FOR UPDATE SKIP LOCKED
            ), failed AS (
                UPDATE procrastinate_jobs AS job SET status = 'failed'
                FROM unknown WHERE job.id = unknown.id
                RETURNING job.id
            )
            INSERT INTO job_errors (job_id, reason)
            SELECT id, %(reason)s FROM failed
            ON CONFLICT (job_id) DO UPDATE SET reason = EXCLUDED.reason, happened_at = NOW()
            RETURNING job_id
            """,
            {"tasks": list(tasks), "after": after, "reason": reason},
        )
        return len(rows)


def _job(row: DictRow) -> Job:
    return Job(
        job_id=row["id"],
        task=row["task_name"],
        args=row["args"],
        state=_STATE_OF[row["status"]],
        attempts=row["attempts"],
        due_at=row["due_at"],
        changed_at=row["changed_at"],
        reason=row["reason"],
    )
