"""The queue of background jobs, as admins see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from peterental.access import Viewer, require_admin
from peterental.audit.model import Change
from peterental.audit.service import AuditService
from peterental.database.column_limits import MAX_BIGINT
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.jobs.model import JobNotFound, JobNotWaiting, JobPage, JobRequest, JobState, QueueStatus
from peterental.jobs.repository import JobRepository

PAGE_SIZE = 50
UNKNOWN_AFTER = timedelta(days=1)
OPEN_STATES: tuple[JobState, ...] = ("failed", "running", "waiting")


class JobService:
    """The queue of one database."""

    def __init__(self, database: Database, audit: AuditService) -> None:
        self._database = database
        self._jobs = JobRepository(database)
        self._audit = audit

    def defer(self, connection: Connection, request: JobRequest) -> None:
        """Queue a job in the transaction of the change that causes it. Costs no round trip of its own."""
        self._jobs.defer(connection, request)

    def defer_once(self, request: JobRequest, key: str | None = None) -> bool:
        """Queue a job, unless one with the same key waits. Return whether it was queued. One round trip.

        Args:
            request: the job.
            key: what must not wait twice; None for the task.
        """
        return self._jobs.defer_once(request, key or request.task)

    def record_error(self, job_id: int, reason: str) -> None:
        """Record why an attempt of a job failed. One round trip."""
        self._jobs.record_error(job_id, reason)

    def fail_unknown(self, tasks: Sequence[str]) -> int:
        """Fail the jobs that no release has run for a day, since their task is gone; return how many. One round trip.

        Until then they may be those of a newer release, which is being deployed.

        Args:
            tasks: the names of the tasks that are known.
        """
        return self._jobs.fail_unknown(tasks, UNKNOWN_AFTER, "This release has no code for it.")

    def status(self, viewer: Viewer) -> QueueStatus:
        """Return how the queue is doing. Raises AdminsOnly. One round trip."""
        require_admin(viewer)
        return self._jobs.status()

    def listing(self, viewer: Viewer, states: Sequence[JobState] = OPEN_STATES, *, page: int = 1) -> JobPage:
        """Return one page of the jobs in these states, newest first. Raises AdminsOnly. One round trip."""
        require_admin(viewer)
        found = self._jobs.listing(states, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
        return JobPage(jobs=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)

    def retry(self, job_id: int, viewer: Viewer) -> None:
        """Run a job at once, with all its attempts, unless it runs or is done.

        Raises AdminsOnly, JobNotFound, JobNotWaiting.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            task, state = self._locked(connection, job_id, {"waiting", "failed", "discarded"})
            self._jobs.retry(connection, job_id, state)
            self._record(connection, viewer, "job tried again", job_id, task)

    def discard(self, job_id: int, viewer: Viewer) -> None:
        """Mark a failed or waiting job as discarded: it does not run. Raises AdminsOnly, JobNotFound, JobNotWaiting."""
        require_admin(viewer)
        with self._database.transaction() as connection:
            task, _ = self._locked(connection, job_id, {"waiting", "failed"})
            self._jobs.discard(connection, job_id)
            self._record(connection, viewer, "job discarded", job_id, task)

    def _locked(self, connection: Connection, job_id: int, states: set[JobState]) -> tuple[str, JobState]:
        found = self._jobs.lock(connection, job_id) if 0 < job_id <= MAX_BIGINT else None
        if found is None:
            raise JobNotFound
        if found[1] not in states:
            raise JobNotWaiting
        return found

    def _record(self, connection: Connection, viewer: Viewer, action: str, job_id: int, task: str) -> None:
        change = Change(action=action, subject_kind="job", subject_id=str(job_id), subject_name=task)
        self._audit.record(connection, viewer, change)
