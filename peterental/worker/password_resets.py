"""The task that looks for the account of a forgotten password."""

from __future__ import annotations

from datetime import datetime

from peterental.notices.user_notices import RESET_TASK
from peterental.worker.task import JobRun, Task


def _write(job: JobRun) -> None:
    asked_at = datetime.fromisoformat(str(job.args["asked_at"]))
    job.services.user_notices.write_reset(str(job.args["account"]), asked_at)


PASSWORD_RESETS = Task(name=RESET_TASK, label="Write a link to choose a new password", run=_write)
