"""The agents' own calendars: what reading one costs, what they cost a caller, and how many one worker keeps."""

from __future__ import annotations

from collections.abc import Iterator

from bench.calendars import keeping, phone, reading
from bench.section import Bench
from bench.table import Table

TITLE = "Calendars"

_ROWS = (reading, phone, keeping)


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure every row of the section, in order."""
    for row in _ROWS:
        yield from row.measure(bench)
