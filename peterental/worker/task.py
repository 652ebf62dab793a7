"""What a task is: the code that runs the jobs of one kind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from peterental.config import Config
from peterental.database.pool import Database
from peterental.errors import Fault
from peterental.services import Services


class Interrupted(Fault):
    """The worker is stopping; the job starts again with the next one."""


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One attempt to run a job.

    Args:
        args: what the job is about.
        config: the settings.
        database: the worker's connection pool.
        services: the application's services.
        stop: set when the worker is stopping; a long task looks at it, saves its progress and raises Interrupted.
    """

    args: Mapping[str, object]
    config: Config
    database: Database
    services: Services
    stop: threading.Event


@dataclass(frozen=True, kw_only=True)
class Task:
    """The code that runs the jobs of one kind.

    A job may run late, out of order or twice: a task reads the present state of the rows that the job names, and what
    is done already it leaves.

    Args:
        name: the name by which jobs are deferred.
        label: what it does, for people.
        run: runs one job; returns when it is done, raises when it is not.
        max_attempts: how often a job is tried before it counts as failed.
        gave_up: called with the reason when the last attempt has failed.
        schedule: when a job of this task is deferred by itself, as in a crontab in UTC; None for never.
    """

    name: str
    label: str
    run: Callable[[JobRun], None]
    max_attempts: int = 10
    gave_up: Callable[[JobRun, str], None] | None = None
    schedule: str | None = None
