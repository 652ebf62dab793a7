"""The tasks about the list of homes: collect the viewings of homes, and compute the keys of homes again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from peterental.errors import Fault
from peterental.jobs.model import JobRequest
from peterental.worker.task import Interrupted, JobRun, Task

if TYPE_CHECKING:
    from peterental.services import Services

_HOURLY = "41 * * * *"

_log = logging.getLogger("peterental.deploy")


def defer_if_outdated(services: Services) -> None:
    """Queue the job if this release finds homes by other rules than the one before, unless it waits already."""
    try:
        if services.properties.has_outdated_keys():
            services.jobs.defer_once(JobRequest(task=REFRESH_HOME_KEYS.name))
    except Fault as fault:
        _log.debug("Whether the keys of homes are outdated is unknown: %s", fault)  # the schedule looks again


def _collect(job: JobRun) -> None:
    if not job.services.properties.collect_viewings(lambda: not job.stop.is_set()):
        raise Interrupted


def _refresh(job: JobRun) -> None:
    if not job.services.properties.refresh_keys(lambda: not job.stop.is_set()):
        raise Interrupted


COLLECT_HOME_VIEWINGS = Task(
    name="collect_home_viewings", label="Switch on one viewing of a home at a time", run=_collect
)
REFRESH_HOME_KEYS = Task(
    name="refresh_home_keys", label="Compute again how homes are found", run=_refresh, schedule=_HOURLY
)

HOME_TASKS = (COLLECT_HOME_VIEWINGS, REFRESH_HOME_KEYS)
