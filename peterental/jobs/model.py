"""Jobs, and how the queue is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from peterental.errors import Fault, NotFound, Refusal

JobState = Literal["waiting", "running", "failed", "done", "discarded"]
"""The states of a job. A job that waits for its next attempt is waiting."""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job to run in the background.

    Args:
        task: the name of the task that runs it.
        args: what it is about, as JSON. It names rows, and the task reads their present state: a job may run late, out
            of order or twice.
        lock: jobs with the same lock run one at a time, in the order in which they were deferred.
        not_before: when it may start, aware; None is at once.
    """

    task: str
    args: Mapping[str, object] = field(default_factory=dict)
    lock: str | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of the queue, for display.

    Args:
        job_id: its id.
        task: the name of its task.
        args: what it is about.
        state: one of the states of a job.
        attempts: how many attempts have ended.
        due_at: when it may start or started, aware.
        changed_at: when its state last changed, aware.
        reason: why its last attempt failed; None if none did.
    """

    job_id: int
    task: str
    args: Mapping[str, object]
    state: JobState
    attempts: int
    due_at: datetime | None
    changed_at: datetime
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    """How the queue is doing.

    Args:
        counts: the number of jobs in each state.
        oldest_due_at: since when the oldest due job waits, aware; None if none is due.
        workers: the number of workers that were alive in the last minute.
        last_seen_at: when a worker was last alive, aware; None if none ever was.
    """

    counts: Mapping[JobState, int]
    oldest_due_at: datetime | None
    workers: int
    last_seen_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class JobPage:
    """One page of the list of jobs."""

    jobs: tuple[Job, ...]
    has_more: bool


class JobNotFound(NotFound):
    """There is no such job."""


class JobNotWaiting(Refusal):
    """The job is running, done or discarded by now, so nothing was changed."""


class JobFailed(Fault):
    """{reason}."""
