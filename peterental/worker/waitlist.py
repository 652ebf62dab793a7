"""The tasks that offer what frees up to those who wait for it."""

from __future__ import annotations

from peterental.jobs.model import JobRequest
from peterental.notices.waitlist.model import OFFER_WAITLIST
from peterental.worker.calendars import EVERY_MINUTE
from peterental.worker.task import JobRun, Task


def _look(job: JobRun) -> None:
    """Queue each agent that is waited for: offers end, and times free up without a cancellation, too."""
    for agent_id in job.services.waitlist.agents_waited_for():
        request = JobRequest(task=OFFER_WAITLIST, args={"agent_id": agent_id})
        job.services.jobs.defer_once(request, f"{OFFER_WAITLIST} {agent_id}")


def _offer(job: JobRun) -> None:
    job.services.waitlist.offer(str(job.args["agent_id"]))


LOOK_AT_WAITLIST = Task(
    name="look_at_waitlist",
    label="Look for callers on waiting lists",
    run=_look,
    max_attempts=1,
    schedule=EVERY_MINUTE,
)
OFFER = Task(name=OFFER_WAITLIST, label="Offer free times to callers on the waiting list", run=_offer, max_attempts=3)

WAITLIST_TASKS = (LOOK_AT_WAITLIST, OFFER)
