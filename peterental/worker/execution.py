"""Run one job by its task, and record why it failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from peterental.errors import PeteRentalError
from peterental.plural import counted
from peterental.worker.task import Interrupted, JobRun, Task

if TYPE_CHECKING:
    from procrastinate import JobContext
    from procrastinate.jobs import Job

    from peterental.config import Config
    from peterental.database.pool import Database
    from peterental.services import Services

_log = logging.getLogger("peterental.jobs")


class Execution:
    """Runs jobs on the threads of one worker.

    Args:
        config, database, services: what the tasks use.
        stop: set when the worker is stopping.
    """

    def __init__(self, config: Config, database: Database, services: Services, stop: threading.Event) -> None:
        self._config = config
        self._database = database
        self._services = services
        self._stop = stop
        self.running: set[int] = set()
        """The ids of the jobs that run now."""

    def runner_of(self, task: Task) -> Callable[..., None]:
        """Return the function that runs jobs of a task, as procrastinate calls it."""

        def run(context: JobContext, **args: Any) -> None:
            args.pop("timestamp", None)  # of scheduled jobs: when they were due
            job_id = context.job.id or 0
            self.running.add(job_id)
            try:
                task.run(self._job_run(args))
            except Interrupted:
                raise
            except Exception as error:
                self.record_failure(task, context.job, reason_of(error), error=error)
                raise
            finally:
                self.running.discard(job_id)

        return run

    def record_failure(self, task: Task, job: Job, reason: str, *, error: Exception | None = None) -> None:
        """Log and record why an attempt failed; after the last one, call the task's `gave_up`."""
        is_last = job.attempts + 1 >= task.max_attempts
        is_expected = error is None or isinstance(error, PeteRentalError)
        _log.log(
            logging.ERROR if is_last else logging.WARNING,
            "The job %s %s failed%s: %s",
            task.name,
            job.id,
            "" if is_last else " and is tried again",
            reason,
            exc_info=None if is_expected else error,
        )
        try:
            self._services.jobs.record_error(job.id or 0, reason)
            if is_last and task.gave_up is not None:
                task.gave_up(self._job_run(dict(job.task_kwargs)), reason)
        except Exception:  # noqa: BLE001 - of anything that a task may do; the job itself ends as it should
            _log.exception("Why the job %s %s failed could not be recorded", task.name, job.id)

    def fail_unknown(self, tasks: Collection[str]) -> None:
        """Fail the jobs of tasks that were removed, which would wait forever. Raises what the database raises."""
        failed = self._services.jobs.fail_unknown(list(tasks))
        if failed:
            _log.warning("Failed, since this release has no code for them: %s", counted(failed, "job"))

    def _job_run(self, args: dict[str, Any]) -> JobRun:
        return JobRun(args=args, config=self._config, database=self._database, services=self._services, stop=self._stop)


def reason_of(error: BaseException) -> str:
    """Return what an exception says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
