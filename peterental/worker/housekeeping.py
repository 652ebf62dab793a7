"""Take up the jobs of workers that vanished, delete old jobs, and fail those that no release has code for.

procrastinate leaves that to its users.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from procrastinate.jobs import Job, Status

from peterental.errors import Fault
from peterental.jobs.repository import CORRECT_HEARTBEATS, CORRECT_SCHEDULES

if TYPE_CHECKING:
    from procrastinate import App
    from procrastinate.worker import Worker

    from peterental.worker.execution import Execution
    from peterental.worker.task import Task

_log = logging.getLogger("peterental.jobs")

STALLED_AFTER_S = 30.0
"""A worker without a sign of life for so long has vanished; it gives one every ten seconds."""

KEEP_DONE = timedelta(days=1)
KEEP_FAILED = timedelta(days=30)
SWEEP_INTERVAL_S = 3600.0


class Housekeeper:
    """Keeps the queue of one worker in order.

    Args:
        tasks: the tasks that are known, by name.
        execution: knows which jobs run in this process.
    """

    def __init__(self, tasks: Mapping[str, Task], execution: Execution) -> None:
        self._tasks = tasks
        self._execution = execution
        self._suspects: set[int] = set()
        self._swept_at_s: float | None = None

    async def work(self, app: App, worker: Worker) -> None:
        """Do what is due. Raises what the database raises."""
        await self._take_up_stalled(app)
        await self._take_up_unrecorded(app, worker)
        await self._sweep(app)

    async def _take_up_stalled(self, app: App) -> None:
        await app.connector.execute_query_async(CORRECT_HEARTBEATS)
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S):
            if job.id not in self._execution.running:
                await self._take_up(app, job)

    async def _take_up_unrecorded(self, app: App, worker: Worker) -> None:
        """Queue again jobs whose end this worker could not record, since the database was away at that moment.

        Such a job counts as running for as long as the worker lives. Two looks in a row must find it so: between its
        end and the record of it, every job looks like that for a moment.
        """
        marked = await app.job_manager.list_jobs_async(status=Status.DOING.value)
        idle = {job.id: job for job in marked if job.id is not None and job.worker_id == worker.worker_id}
        for job_id in self._execution.running & idle.keys():
            del idle[job_id]
        for job_id in idle.keys() & self._suspects:
            await self._take_up(app, idle[job_id])
        self._suspects = set(idle)

    async def _take_up(self, app: App, job: Job) -> None:
        """Queue a job again; one that has ended too many workers counts as failed."""
        task = self._tasks.get(job.task_name)
        if task is not None and job.attempts + 1 >= task.max_attempts:
            reason = "The process that ran it ended each time."
            await asyncio.to_thread(self._execution.record_failure, task, job, reason)
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
            return
        _log.warning("The job %s %s is taken up again: its worker vanished", job.task_name, job.id)
        await app.job_manager.retry_job(job)

    async def _sweep(self, app: App) -> None:
        if self._swept_at_s is not None and time.monotonic() - self._swept_at_s < SWEEP_INTERVAL_S:
            return
        self._swept_at_s = time.monotonic()
        await app.connector.execute_query_async(CORRECT_SCHEDULES)
        await app.job_manager.delete_old_jobs(nb_hours=_hours(KEEP_DONE))
        await app.job_manager.delete_old_jobs(
            nb_hours=_hours(KEEP_FAILED), include_failed=True, include_cancelled=True, include_aborted=True
        )
        try:
            await asyncio.to_thread(self._execution.fail_unknown, self._tasks)
        except Fault as fault:
            _log.debug("Jobs without code were not looked for: %s", fault)  # the next sweep looks again


def _hours(period: timedelta) -> int:
    return int(period.total_seconds() // 3600)
