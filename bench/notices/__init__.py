"""Notices: what they add to a booking, how fast reminders go out, and workers that are killed while they send."""

from __future__ import annotations

from collections.abc import Iterator

from bench.notices import booking, crash, planning, reminders
from bench.section import Bench
from bench.server import bench_server
from bench.table import Table

TITLE = "Notices"

_ROWS = (booking, planning, reminders, crash)


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure every row of the section, in order."""
    with bench_server() as server:
        yield f"{server.description}. The provider is a file on the same machine; no worker runs beside bookings."
        for row in _ROWS:
            yield from row.measure(bench, server)
            server.drop_all()
