"""The task that deletes uploaded lists of homes that were not imported."""

from __future__ import annotations

from peterental.worker.task import JobRun, Task

_HOURLY = "23 * * * *"


def _run(job: JobRun) -> None:
    """Delete the files that were uploaded a day ago or earlier. They may name tenants."""
    job.services.property_imports.delete_old_files()


DELETE_UPLOADS = Task(name="delete_uploads", label="Delete uploaded lists of homes", run=_run, schedule=_HOURLY)
