"""Run functions concurrently, and fork this process safely."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.servers import until

Result = TypeVar("Result")


def at_once(jobs: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run each job in its own thread, all started at once; return their results in order."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Result]) -> Result:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def fork() -> int:
    """Fork once no ended thread is still cleaning up: a lock that it holds would stay locked in the child."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        until(lambda: len(list(tasks.iterdir())) <= len(sys._current_frames()), "the ended threads are gone")
    return os.fork()
