"""The tasks that send notices."""

from __future__ import annotations

import logging

from peterental.notices.model import SEND_NOTICES
from peterental.plural import counted
from peterental.worker.calendars import EVERY_MINUTE, JobMalformed
from peterental.worker.task import JobRun, Task

_log = logging.getLogger("peterental.jobs")


def _send(job: JobRun) -> None:
    """Send the due notices of a viewing, or one notice.

    What a provider causes is recorded in the notice, which has its next attempt: the job has then done its work.
    """
    appointment_id, notice_id = job.args.get("appointment_id"), job.args.get("notice_id")
    if isinstance(appointment_id, int):
        job.services.notice_sender.send_of_appointment(appointment_id)
    elif isinstance(notice_id, int):
        job.services.notice_sender.send(notice_id)
    else:
        raise JobMalformed(name="appointment_id or notice_id")


def _plan(job: JobRun) -> None:
    """Write the reminders that are due, and their jobs."""
    planned = job.services.reminders.plan()
    if planned:
        _log.info("%s due", counted(planned, "reminder"))


def _look_up(job: JobRun) -> None:
    """Learn what came of notices whose sending was cut off, and send those whose jobs were lost."""
    result = job.services.notice_sender.look_up()
    if result.found or result.missing or result.ended_claims:
        _log.info(
            "%s cut off; of unknown letters %s found, %s missing",
            counted(result.ended_claims, "attempt"),
            result.found,
            result.missing,
        )


SEND = Task(name=SEND_NOTICES, label="Send notices", run=_send)
PLAN = Task(
    name="plan_notices", label="Write the reminders that are due", run=_plan, max_attempts=1, schedule=EVERY_MINUTE
)
LOOK_UP = Task(
    name="look_up_notices",
    label="Look for notices that were cut off",
    run=_look_up,
    max_attempts=1,
    schedule=EVERY_MINUTE,
)

NOTICE_TASKS = (SEND, PLAN, LOOK_UP)
