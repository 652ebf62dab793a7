"""Workers that are killed with -9 at random moments: every job is done."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from bench.jobs.lab import defer_many, migrated, worker
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_JOBS = 200
_KILLS = 20
_QUICK_KILLS = 3
_STARTS_IN_S = 0.9
_WORKS_AT_MOST_S = 0.8
_TIMEOUT_S = 180.0
_POLL_S = 0.2
_OPEN = "SELECT COUNT(*) FROM procrastinate_jobs WHERE status <> 'succeeded'"


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Kill one worker after the other, then let the last one finish."""
    url = migrated(server)
    defer_many(url, _JOBS)
    moments = random.Random(7)  # noqa: S311 - a fixed seed
    kills = bench.rounds(_KILLS, _QUICK_KILLS)
    left = 0
    for _ in range(kills):
        with worker(url) as process:
            time.sleep(_STARTS_IN_S + moments.uniform(0, _WORKS_AT_MOST_S))
            process.kill()
        left += int(str(ask(url, "SELECT COUNT(*) FROM procrastinate_jobs WHERE status = 'doing'")))
    with worker(url):
        deadline = time.monotonic() + _TIMEOUT_S
        while ask(url, _OPEN) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    done, still_open = ask(url, "SELECT COUNT(*) FROM effects"), ask(url, _OPEN)
    is_whole = (done, still_open) == (_JOBS, 0)
    yield Table(
        "kill -9 at random moments",
        f"{_JOBS} jobs; {kills} workers, each killed up to {_WORKS_AT_MOST_S} s after it has started; then one that"
        " stays. A job that was running is taken up once its worker has been silent for 30 s.",
        ("jobs", "kills", "jobs cut off", "done", "not done"),
        [(str(_JOBS), str(kills), str(left), str(done), str(still_open))],
        [Promise(f"{kills} workers killed over {_JOBS} jobs", f"{done} done once", f"{_JOBS} done once", is_whole)],
    )
