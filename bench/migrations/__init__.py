"""The migration engine compared with psql, dbmate, yoyo and Alembic: speed, races, locks, kills, memory."""

from __future__ import annotations

from collections.abc import Iterator

from bench.migrations import (
    contract_landing,
    index_builds,
    killed,
    memory,
    nothing_pending,
    small_files,
    two_runners,
    waiting_alter,
)
from bench.migrations.contenders import install_contenders
from bench.section import Bench
from bench.server import bench_server
from bench.table import Table

TITLE = "Migrations"

_ROWS = (small_files, nothing_pending, waiting_alter, two_runners, index_builds, killed, contract_landing, memory)


def measure(bench: Bench) -> Iterator[Table | str]:
    """Measure every row of the section, in order."""
    field = install_contenders()
    with bench_server() as server:
        yield f"{server.description}. {field.remarks}."
        for row in _ROWS:
            yield from row.measure(bench, server, field)
