"""The tasks that read calendars and write viewings into them."""

from __future__ import annotations

from peterental.appointments.calendar_events.outbox import (
    CHECK_VIEWING,
    DELETE_STRAY_EVENT,
    WRITE_VIEWING,
    WRITE_VIEWINGS,
)
from peterental.errors import Fault
from peterental.jobs.model import JobRequest
from peterental.worker.task import JobRun, Task

EVERY_MINUTE = "* * * * *"

SYNC_CALENDAR_NAME = "sync_calendar"


def _defer_due(job: JobRun) -> None:
    """Queue reading each account that was read long enough ago. An account waits at most once."""
    for account_id in job.services.calendar_sync.due():
        request = JobRequest(task=SYNC_CALENDAR_NAME, args={"account_id": account_id})
        job.services.jobs.defer_once(request, f"{SYNC_CALENDAR_NAME} {account_id}")


def _sync(job: JobRun) -> None:
    """Read one account; if its provider answers, write the viewings that wait.

    What a provider causes is recorded for the agent's page and tried again in minutes: the job has then done its work.
    """
    result = job.services.calendar_sync.sync(_number(job, "account_id"))
    if result is not None and result.state == "read":
        job.services.calendar_events.write_waiting(result.account.agent_id)


def _write(job: JobRun) -> None:
    job.services.calendar_events.write(_number(job, "appointment_id"))


def _gave_up_writing(job: JobRun, reason: str) -> None:
    job.services.calendar_events.give_up(_number(job, "appointment_id"), reason)


def _write_all(job: JobRun) -> None:
    job.services.calendar_events.write_waiting(str(job.args["agent_id"]))


def _check(job: JobRun) -> None:
    job.services.calendar_events.check(_number(job, "appointment_id"))


def _delete_stray(job: JobRun) -> None:
    event_id = job.args.get("event_id")
    if not isinstance(event_id, str):
        raise JobMalformed(name="event_id")
    job.services.calendar_events.delete_stray(
        _number(job, "appointment_id"), _number(job, "calendar_id"), event_id, _number(job, "revision")
    )


def _number(job: JobRun, name: str) -> int:
    value = job.args.get(name)
    if not isinstance(value, int):
        raise JobMalformed(name=name)
    return value


class JobMalformed(Fault):
    """The job names no {name}."""


SYNC_CALENDARS = Task(
    name="sync_calendars",
    label="Queue the calendars that are due",
    run=_defer_due,
    max_attempts=1,
    schedule=EVERY_MINUTE,
)
SYNC_CALENDAR = Task(name=SYNC_CALENDAR_NAME, label="Read a calendar", run=_sync, max_attempts=3)
WRITE_ONE = Task(
    name=WRITE_VIEWING, label="Write a viewing into a calendar", run=_write, gave_up=_gave_up_writing, max_attempts=12
)
WRITE_ALL = Task(name=WRITE_VIEWINGS, label="Write all viewings into a calendar", run=_write_all)
CHECK_ONE = Task(name=CHECK_VIEWING, label="Look for a viewing in a calendar", run=_check, max_attempts=12)
DELETE_STRAY = Task(
    name=DELETE_STRAY_EVENT, label="Delete an event that a calendar created late", run=_delete_stray, max_attempts=12
)

CALENDAR_TASKS = (SYNC_CALENDARS, SYNC_CALENDAR, WRITE_ONE, WRITE_ALL, CHECK_ONE, DELETE_STRAY)
