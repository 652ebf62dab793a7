"""Booking by phone over HTTP, under our gunicorn settings: throughput, races, a million bookings, memory."""

from __future__ import annotations

from collections.abc import Iterator

from bench.load.runs import Load
from bench.phone import bodies, free_times, memory, races, size, throughput
from bench.phone.stage import Stage
from bench.section import Bench
from bench.server import bench_server
from bench.table import Table

TITLE = "Booking by phone"

_ROWS = (throughput, size, races, bodies, free_times, memory)


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure every row of the section, in order."""
    with bench_server() as server:
        stage = Stage(bench, server, Load(bench.folder))
        yield f"{server.description}. {stage.load.description}"
        for row in _ROWS:
            yield from row.measure(bench, stage)
