"""The task that finishes migrations: backfills, and contract files that wait for older releases to leave."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

from peterental.config import PROJECT_DIR
from peterental.database import engine_settings, migrations_url_for
from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.status import read_status
from peterental.errors import Fault
from peterental.jobs.model import JobFailed, JobRequest
from peterental.worker.task import Interrupted, JobRun, Task

if TYPE_CHECKING:
    from peterental.config import Config
    from peterental.database.pool import Database
    from peterental.services import Services

_log = logging.getLogger("peterental.deploy")

NAME = "finish_migrations"
COMMAND = (sys.executable, "-m", "peterental.finish_migrations")

_POLL_S = 0.2


def defer_if_unfinished(config: Config, database: Database, services: Services) -> None:
    """Queue the job if the last deploy left migrations to finish, unless it waits already."""
    try:
        status = read_status(migrations_url_for(config, database), config.migrations_dir, engine_settings(config))
    except (Fault, EngineError) as fault:
        _log.debug("Whether migrations are unfinished is unknown: %s", fault)  # the start has reported it
        return
    # With MIGRATE_ON_START=0, a file that no run has tried yet is left to the one that is started manually.
    if status.has_unfinished if config.migrate_on_start else status.was_left:
        _log.info("⏳ %s", status.summary())
        services.jobs.defer_once(JobRequest(task=NAME, lock=NAME))


def _run(job: JobRun) -> None:
    """Run the finishing process until it ends.

    A process of its own, since only the main thread of a process can be interrupted in the middle of a statement.
    """
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, cwd=PROJECT_DIR)  # noqa: S603  # our own module
    try:
        while process.poll() is None:
            if job.stop.wait(_POLL_S):
                raise Interrupted
    finally:
        process.terminate()
        process.communicate()
    if process.returncode:
        raise JobFailed(reason=f"the process that finishes migrations ended with code {process.returncode}")


FINISH_MIGRATIONS = Task(name=NAME, label="Finish migrations", run=_run)
