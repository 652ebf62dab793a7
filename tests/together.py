"""Starting things in the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Told = TypeVar("Told")


def at_once(jobs: list[Callable[[], Told]]) -> list[Told]:
    """Run all jobs, each in a thread of its own, started together; give what they gave, in order."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Told]) -> Told:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))
