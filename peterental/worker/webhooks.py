"""The tasks that deliver webhooks."""

from __future__ import annotations

import threading
from datetime import timedelta

from peterental.clock import utc_now
from peterental.jobs.model import JobRequest
from peterental.webhooks.model import DELIVER_WEBHOOKS, KEPT_FOR
from peterental.worker.calendars import EVERY_MINUTE, JobMalformed
from peterental.worker.task import JobRun, Task

MAX_AT_ONCE = 2
"""Endpoints that one worker delivers to at once: those that hang leave the other threads to texts and calendars."""

LATER = timedelta(seconds=5)

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


def _deliver(job: JobRun) -> None:
    """Deliver what is due to one endpoint, or queue that for later while the worker delivers to others.

    What the endpoint causes is recorded in the delivery, which has its next attempt: the job has then done its work.
    """
    endpoint_id = job.args.get("endpoint_id")
    if not isinstance(endpoint_id, int):
        raise JobMalformed(name="endpoint_id")
    if not _places.acquire(blocking=False):
        request = JobRequest(task=DELIVER_WEBHOOKS, args={"endpoint_id": endpoint_id}, not_before=utc_now() + LATER)
        job.services.jobs.defer_once(request, f"{DELIVER_WEBHOOKS} {endpoint_id}")
        return
    try:
        job.services.webhook_sender.deliver(endpoint_id)
    finally:
        _places.release()


def _plan(job: JobRun) -> None:
    """Queue deliveries whose jobs were lost, and delete old ones: after 30 days, or KEEP_CALLS_DAYS if that is less."""
    days = job.config.keep_calls_days
    job.services.webhook_sender.plan(KEPT_FOR if days is None else timedelta(days=days))


WEBHOOK_TASKS = (
    Task(name=DELIVER_WEBHOOKS, label="Deliver webhooks", run=_deliver),
    Task(
        name="plan_webhooks",
        label="Look for webhooks that wait, and delete old deliveries",
        run=_plan,
        max_attempts=1,
        schedule=EVERY_MINUTE,
    ),
)
