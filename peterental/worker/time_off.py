"""The task that writes repeating blocks further ahead, once a day."""

from __future__ import annotations

from peterental.worker.task import Interrupted, JobRun, Task

_EVERY_NIGHT = "50 8 * * *"


def _run(job: JobRun) -> None:
    """Write the blocks to come of every agent. What is written already is left, so a run may be repeated."""
    job.services.repeating_blocks.extend(job.stop.is_set)
    if job.stop.is_set():
        raise Interrupted


EXTEND_TIME_OFF = Task(
    name="extend_time_off", label="Write repeating blocks further ahead", run=_run, schedule=_EVERY_NIGHT
)
