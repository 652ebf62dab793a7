"""Background jobs: what deferring costs, how soon a job starts, how many a worker runs, and workers that are killed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.jobs import cost, crash, delay, rate
from bench.section import Bench
from bench.server import bench_server
from bench.table import Table

TITLE = "Background jobs"

_ROWS = (cost, delay, rate, crash)


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure every row of the section, in order."""
    with bench_server() as server:
        yield f"{server.description}. Workers run as `flask jobs-work` does, five jobs at a time."
        for row in _ROWS:
            yield from row.measure(bench, server)
            server.drop_all()
