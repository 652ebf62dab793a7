"""A quick run of the section `phone`, and the load generator's counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import phone
from bench.load.runs import Load, Plan
from bench.load.spread import Connections, SpreadFailed
from bench.phone.stage import AVAILABILITY, SECRET, Stage, serving
from bench.section import Bench
from bench.server import ask, bench_server
from bench.table import Table
from tests.servers import until

pytestmark = pytest.mark.untraced


@pytest.mark.long
def test_a_quick_run_measures_every_table(tmp_path: Path) -> None:
    parts = list(phone.measure(Bench(tmp_path, quick=True)))
    tables = {part.title: part for part in parts if isinstance(part, Table)}
    assert list(tables) == [
        "Over HTTP, against a bare view",
        "Free times with a thousand and with a million bookings",
        "40 callers at once",
        "A body of 100 KB",
        "Two ways to find free times",
        "Memory of one worker over 400 webhook calls",
    ]
    assert [row[2:4] for row in tables["40 callers at once"].rows] == [("1", "0"), ("40", "0")]
    assert [promise.work for table in tables.values() for promise in table.promises][:3] == [
        "get_availability, requests/s",
        "get_availability, p99",
        "set_appointment, requests/s",
    ]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Databases and servers for measurements."""
    folder = tmp_path_factory.mktemp("stage")
    with bench_server() as server:
        yield Stage(Bench(folder, quick=True), server, Load(folder))


def kept(url: str) -> int:
    query = "SELECT count(*) FROM tool_calls WHERE vapi_call_id LIKE 'call-%%' AND outcome = 'answered'"
    return int(str(ask(url, query)))


def test_the_generator_counts_like_the_server(stage: Stage) -> None:
    url = stage.empty_url()
    with serving("wsgi:app", url) as served:
        result = stage.load.run(Plan(served.url, SECRET, AVAILABILITY, 1_000, [""], 0, 4, 0.5))
        until(lambda: kept(url) >= result.answered, "every answer is recorded")
    assert result.failed == 0
    assert 0 < result.answered <= kept(url) <= result.answered + 4
    assert 0 < result.median_ms <= result.p99_ms
    assert result.per_worker == (result.answered,), "without workers in the plan, they are not told apart"


def test_connections_fall_evenly_on_the_workers(stage: Stage) -> None:
    with serving("bench.phone.bare:app", stage.empty_url()) as served:
        workers = served.workers()
        opened = Connections(("127.0.0.1", served.port), workers).open(7)
        result = stage.load.run(Plan(served.url, SECRET, AVAILABILITY, 1_000, [""], 0, 6, 0.5, tuple(workers)))
    for connection, _ in opened:
        connection.close()
    assert sorted(Counter(worker for _, worker in opened).values()) == [3, 4]
    assert result.failed == 0
    assert sum(result.per_worker) == result.answered
    assert len(result.per_worker) == len(workers)
    assert all(result.per_worker)


def test_uneven_connections_are_reported(stage: Stage) -> None:
    with serving("bench.phone.bare:app", stage.empty_url()) as served, pytest.raises(SpreadFailed, match="of 1 con"):
        Connections(("127.0.0.1", served.port), [os.getpid()]).open(1)
