"""How long a deferred job waits for its start in a quiet system."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.jobs.lab import defer_many, migrated, worker
from bench.measure import Sample
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_MAX_S = 1.0
_POLL_S = 0.02
_PAUSE_S = 0.7
"""Between two jobs: not a multiple of the worker's own intervals."""

_WAITED = """
    SELECT EXTRACT(EPOCH FROM effects.started_at - deferred.at)
    FROM effects, procrastinate_events AS deferred
    WHERE type = 'deferred' AND job_id = (SELECT MAX(id) FROM procrastinate_jobs)
"""
_REGISTERED = "SELECT COUNT(*) FROM procrastinate_workers"
_DONE = "SELECT COUNT(*) FROM effects"


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Defer one job after the other, each when the one before is done."""
    url = migrated(server)
    waits = []
    with worker(url):
        while not ask(url, _REGISTERED):
            time.sleep(_POLL_S)
        for _ in range(bench.rounds(40, 5)):
            time.sleep(_PAUSE_S)
            ask(url, "WITH gone AS (DELETE FROM effects RETURNING number) SELECT COUNT(*) FROM gone")
            defer_many(url, 1)
            while not ask(url, _DONE):
                time.sleep(_POLL_S)
            waits.append(float(str(ask(url, _WAITED))) * 1000)
    sample = Sample(waits)
    yield Table(
        "From deferring to the start",
        f"By the server's clock, {len(waits)} jobs one after the other, one worker that waits for notifications.",
        ("jobs", "median", "range"),
        [(str(len(waits)), f"{sample.median:.0f} ms", sample.spread("ms", 0))],
        [
            Promise(
                "a job's start in a quiet system",
                f"{sample.high:.0f} ms at most",
                f"<= {_MAX_S * 1000:.0f} ms",
                sample.high <= _MAX_S * 1000,
            )
        ],
    )
