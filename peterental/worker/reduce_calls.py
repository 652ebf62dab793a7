"""The task that reduces old calls, once a day."""

from __future__ import annotations

import logging

from peterental.plural import counted
from peterental.worker.task import JobRun, Task

_log = logging.getLogger("peterental.jobs")

_BEFORE_DAWN = "17 9 * * *"
"""Nine o'clock UTC is between two and five in the morning in the United States."""


def _run(job: JobRun) -> None:
    """Reduce the calls that are older than KEEP_CALLS_DAYS; without that setting they are kept."""
    days = job.config.keep_calls_days
    if days is not None:
        reduction = job.services.retention.reduce(days)
        if reduction.total:
            _log.info("What is older than %s was reduced: %s", counted(days, "day"), counted(reduction.total, "row"))


REDUCE_CALLS = Task(name="reduce_calls", label="Reduce old calls", run=_run, schedule=_BEFORE_DAWN)
