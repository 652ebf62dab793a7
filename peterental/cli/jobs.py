"""`flask jobs-…`: parse, call, print."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import signal
import sys
import threading
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click
from flask import current_app

from peterental.access import Viewer
from peterental.cli.errors import report_errors
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.jobs.model import QueueStatus
from peterental.logs import logging_config
from peterental.services import services_of

if TYPE_CHECKING:
    from peterental.database.pool import Database

_OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)
_EXIT_AFTER_S = 5.0
"""How long after the grace period a thread that ignores the stop may still run, in seconds."""


@click.command("jobs-work")
@click.option("--once", is_flag=True, help="Run every job that is due, then end.")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when standard input is closed.")
@report_errors
def jobs_work(*, once: bool, with_parent: bool) -> None:
    """Run background jobs until stopped; `gunicorn wsgi:app` starts this unless JOBS=0.

    Any number of workers may run, on any machine. SIGTERM lets running jobs finish, for 30 seconds.

    Example: flask jobs-work
    """
    from peterental.worker.finish_migrations import defer_if_unfinished  # noqa: PLC0415  # loads procrastinate
    from peterental.worker.homes import defer_if_outdated  # noqa: PLC0415  # see above
    from peterental.worker.registry import TASKS  # noqa: PLC0415  # see above
    from peterental.worker.runner import JobWorker  # noqa: PLC0415  # see above

    config = config_of(current_app)
    database = cast("Database", current_app.extensions["peterental.database"])
    services = services_of(current_app)
    logging.config.dictConfig(logging_config(config))
    stop = threading.Event()
    worker = JobWorker(config, database, services, TASKS, stop)
    if once:
        worker.drain()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if with_parent:
        threading.Thread(target=_stop_with_the_parent, args=(stop,), daemon=True).start()
    threading.Thread(target=_exit_after_grace, args=(stop,), daemon=True).start()
    defer_if_unfinished(config, database, services)
    defer_if_outdated(services)
    worker.run()
    database.close()


def _stop_with_the_parent(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # empty when the parent is gone
        pass
    stop.set()


def _exit_after_grace(stop: threading.Event) -> None:
    """End the process although a job still runs on a thread, which Python would wait for."""
    from peterental.worker.runner import GRACE_S  # noqa: PLC0415  # loads procrastinate

    stop.wait()
    threading.Event().wait(GRACE_S + _EXIT_AFTER_S)
    logging.getLogger("peterental.jobs").warning("A job did not finish in time; it starts again with the next worker")
    os._exit(0)


@click.command("jobs-status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead.")
@report_errors
def jobs_status(*, as_json: bool) -> None:
    """Print how the background jobs are doing: waiting, running, failed, and whether a worker is alive.

    Example: flask jobs-status --json
    """
    status = services_of(current_app).jobs.status(_OPERATOR)
    if as_json:
        click.echo(json.dumps(_as_json(status), indent=2))
        return
    now = utc_now()
    counts = status.counts
    click.echo(f"waiting   {counts['waiting']}{_since('the oldest since', status.oldest_due_at, now)}")
    click.echo(f"running   {counts['running']}")
    click.echo(f"failed    {counts['failed']}")
    click.echo(f"done      {counts['done']}  in the last day")
    seen = "" if status.workers else _since("last seen", status.last_seen_at, now)
    click.echo(f"workers   {status.workers or 'none'}{seen}")
    if not status.workers:
        click.echo("No worker is running: start one with flask jobs-work, or gunicorn without JOBS=0.")


def _since(words: str, moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return ""
    return f"  {words} {max(int((now - moment).total_seconds()), 0)} s ago"


def _as_json(status: QueueStatus) -> dict[str, object]:
    return {
        "counts": dict(status.counts),
        "oldest_due_at": status.oldest_due_at.isoformat() if status.oldest_due_at else None,
        "workers": status.workers,
        "last_seen_at": status.last_seen_at.isoformat() if status.last_seen_at else None,
    }


COMMANDS = (jobs_work, jobs_status)
