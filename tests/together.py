"""Starting things in the same moment, and children of this very process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.servers import until

Told = TypeVar("Told")


def at_once(jobs: list[Callable[[], Told]]) -> list[Told]:
    """Run all jobs, each in a thread of its own, started together; give what they gave, in order."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Told]) -> Told:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def fork() -> int:
    """Fork when no thread that Python counts as ended is still clearing up: what it holds would stay shut in the child."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        until(lambda: len(list(tasks.iterdir())) <= len(sys._current_frames()), "threads that ended are gone")
    return os.fork()
