"""The tasks that compare lines with Vapi, and fetch calls whose report never came."""

from __future__ import annotations

import logging
from datetime import timedelta

from peterental.line.composition import LineServices, build_line
from peterental.line.model import AccountKeyUnreadable, VapiTrouble
from peterental.line.reconciliation import RECENT, WHOLE
from peterental.plural import counted
from peterental.worker.task import JobRun, Task

_log = logging.getLogger("peterental.jobs")


def _services(job: JobRun) -> LineServices:
    return build_line(job.database, job.services, job.config)


def _check(job: JobRun) -> None:
    differing = _services(job).drift.check_all()
    if differing:
        _log.warning("Not as PeteRental set them up: %s", counted(differing, "line"))


def _fetch(job: JobRun, period: timedelta) -> None:
    fetched = _services(job).reconciliation.reconcile(period)
    if fetched:
        _log.info("Fetched from Vapi, since no report came: %s", counted(fetched, "call"))


def _fetch_recent(job: JobRun) -> None:
    """Fetch recent calls. Trouble is shown with the account, and the next run comes in a quarter of an hour."""
    try:
        _fetch(job, RECENT)
    except (VapiTrouble, AccountKeyUnreadable) as trouble:
        _log.warning("Recent calls were not fetched: %s", trouble)


CHECK_LINES = Task(
    name="check_lines", label="Compare the lines with Vapi", run=_check, max_attempts=5, schedule="20 9 * * *"
)
FETCH_RECENT = Task(
    name="fetch_recent_calls",
    label="Fetch recent calls without a report",
    run=_fetch_recent,
    max_attempts=1,
    schedule="*/15 * * * *",
)
FETCH_ALL = Task(
    name="fetch_calls",
    label="Fetch the calls of three days without a report",
    run=lambda job: _fetch(job, WHOLE),
    max_attempts=5,
    schedule="40 8 * * *",
)

LINE_TASKS = (CHECK_LINES, FETCH_RECENT, FETCH_ALL)
