"""The worker process of the benchmarks: `python -m bench.jobs.work URL`."""

from __future__ import annotations

import signal
import sys
import threading

from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import build_services
from peterental.worker.runner import JobWorker
from peterental.worker.task import JobRun, Task


def note(job: JobRun) -> None:
    """Leave an effect, once: a second run of the same job finds it."""
    job.database.fetch("INSERT INTO effects (number) VALUES (%s) ON CONFLICT DO NOTHING", [job.args["number"]])


def main(url: str) -> None:
    """Run jobs until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database = Database(url)
    task = Task(name="note", label="Note", run=note)
    JobWorker(Config(database_url=url), database, build_services(database), (task,), stop).run()
    database.close()


if __name__ == "__main__":
    main(sys.argv[1])
