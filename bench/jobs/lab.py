"""A database with jobs, and a worker process that runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bench.programs import PROJECT_DIR
from bench.server import Server
from peterental.database.migrations import MigrationRunner
from tests.gunicorn import environment

_TABLE = "CREATE TABLE effects (number INT PRIMARY KEY, started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp())"

_DEFER = """
    SELECT procrastinate_defer_jobs_v1(ARRAY_AGG(
        ROW('note', 'note', 0, NULL, NULL, jsonb_build_object('number', number), NULL)::procrastinate_job_to_defer_v1
    ))
    FROM generate_series(1, %s) AS number
"""


def migrated(server: Server) -> str:
    """Create a database with the application's schema and a table of effects; return its URL."""
    url = server.create()
    MigrationRunner(url).run_migrations()
    with psycopg.connect(url) as db:
        db.execute(_TABLE)
    return url


def defer_many(url: str, number: int) -> None:
    """Defer so many jobs at once, each with its number."""
    with psycopg.connect(url) as db:
        db.execute(_DEFER, [number])


@contextmanager
def worker(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker process for the block; end it with SIGTERM if it still runs."""
    words = [sys.executable, "-m", "bench.jobs.work", url]
    with subprocess.Popen(words, cwd=PROJECT_DIR, env=environment({}), stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
