"""How many small jobs one worker runs in a second."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.jobs.lab import defer_many, migrated, worker
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_JOBS = 10_000
_QUICK_JOBS = 1_000
_LEAST_PER_S = 200
_POLL_S = 0.1
_REGISTERED = "SELECT COUNT(*) FROM procrastinate_workers"
_TOOK = "SELECT EXTRACT(EPOCH FROM MAX(started_at) - MIN(started_at)) FROM effects"


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Let one worker drain the queue."""
    jobs = _QUICK_JOBS if bench.quick else _JOBS
    url = migrated(server)
    defer_many(url, jobs)
    with worker(url):
        while ask(url, "SELECT COUNT(*) FROM effects") != jobs:
            time.sleep(_POLL_S)
    seconds = float(str(ask(url, _TOOK)))
    rate = jobs / seconds
    yield Table(
        "Small jobs by one worker",
        "Each job inserts one row. From the first to the last effect, by the server's clock.",
        ("jobs", "seconds", "per second"),
        [(f"{jobs:,}", f"{seconds:.1f}", f"{rate:.0f}")],
        [Promise(f"{jobs:,} small jobs by one worker", f"{rate:.0f}/s", f">= {_LEAST_PER_S}/s", rate >= _LEAST_PER_S)],
    )
