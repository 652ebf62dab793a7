"""Defer jobs in the transaction of the change that causes them."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from peterental.database.connect import Connection
from peterental.jobs.model import JobRequest

# The function's result is not read, so the statement travels with the transaction's others and costs no round trip.
# https://procrastinate.readthedocs.io/en/stable/howto/production/external_connection.html describes the slower way.
_DEFER = """
    SELECT procrastinate_defer_jobs_v1(
        ARRAY[ROW(%s, %s, 0, %s, NULL, %s, %s)::procrastinate_job_to_defer_v1]
    )
"""


def defer(connection: Connection, request: JobRequest) -> None:
    """Queue a job in the transaction of the change: both are committed or neither. Costs no round trip of its own.

    Args:
        connection: of the transaction.
        request: what to run.
    """
    # Each task has a queue of its own: a worker fetches from those of the tasks that it knows, and leaves the jobs of a
    # newer release to that release's worker.
    connection.execute(
        _DEFER, (request.task, request.task, request.lock, Jsonb(dict(request.args)), request.not_before)
    )
