"""The task that releases viewings which their visitors did not confirm."""

from __future__ import annotations

import logging

from peterental.plural import counted
from peterental.worker.task import JobRun, Task

_log = logging.getLogger("peterental.jobs")

_EVERY_MINUTE = "* * * * *"


def _run(job: JobRun) -> None:
    released = job.services.releases.release_unconfirmed()
    if released:
        _log.info("Released because they were not confirmed: %s", counted(released, "viewing"))


RELEASE_VIEWINGS = Task(
    name="release_viewings", label="Release unconfirmed viewings", run=_run, max_attempts=1, schedule=_EVERY_MINUTE
)
