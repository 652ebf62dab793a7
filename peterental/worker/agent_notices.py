"""The task that notifies agents of what no change of a viewing causes."""

from __future__ import annotations

import logging

from peterental.plural import counted
from peterental.worker.calendars import EVERY_MINUTE
from peterental.worker.task import JobRun, Task

_log = logging.getLogger("peterental.jobs")


def _tell(job: JobRun) -> None:
    """Write the notices of flagged calls, calendars that cannot be read and morning lists, and their jobs."""
    written = job.services.agent_notice_planner.plan()
    if written:
        _log.info("%s of calls, calendars and mornings", counted(written, "notice"))


TELL_AGENTS = Task(
    name="tell_agents", label="Write what agents have to be told", run=_tell, max_attempts=1, schedule=EVERY_MINUTE
)
