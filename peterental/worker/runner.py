"""Run background jobs until asked to stop, through outages of the database.

procrastinate's worker fetches the jobs and runs them on threads. A worker that ends with its connection starts again
here, and one that does nothing any more ends the process, which its supervisor starts again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker
from psycopg_pool import PoolTimeout

from peterental.database import engine_settings, migrations_url_for
from peterental.errors import Fault
from peterental.jobs.repository import QUEUE_EXISTS
from peterental.notices.model import SEND_NOTICES
from peterental.worker.execution import Execution, reason_of
from peterental.worker.housekeeping import STALLED_AFTER_S, Housekeeper
from peterental.worker.retries import Backoff

if TYPE_CHECKING:
    from peterental.config import Config
    from peterental.database.pool import Database
    from peterental.services import Services
    from peterental.worker.task import Task

_log = logging.getLogger("peterental.jobs")

CONCURRENCY = 5
GRACE_S = 30.0
"""How long a stopping worker waits for running jobs, in seconds."""

HOUSEKEEPING_INTERVAL_S = 20.0
HUNG_AFTER_S = 180.0
CLOCK_SET_BACK_S = 60.0
"""A smaller step of the clock only delays what is scheduled until the clock has caught up."""

_CONNECT_TIMEOUT_S = 10
_FIRST_WAIT_S = 1.0
_MAX_WAIT_S = 30.0
_STOP_POLL_S = 0.1
_CANCEL_AGAIN_S = 0.5
_JOB_ENDED = "job_error"
POLL_S = 5.0
"""How often the queue is looked at if no notification of a new job arrives, in seconds."""


class QueueMissing(Fault):
    """The schema has no queue yet: the migrations must be applied first."""


_OUTAGES = (ProcrastinateException, psycopg.Error, PoolTimeout, OSError, QueueMissing)


class OneLine(logging.Handler):
    """Logs what procrastinate reports as an error in one line of ours; how jobs end, `Execution` logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record without its traceback."""
        if record.levelno >= logging.ERROR and getattr(record, "action", "") != _JOB_ENDED:
            _log.warning("%s", " ".join(record.getMessage().split()))


class JobWorker:
    """Runs the jobs of one database.

    Args:
        config: the settings.
        database: the connection pool that tasks use.
        services: the services that tasks use.
        tasks: the tasks that are known here.
        stop: set to end the worker.
    """

    def __init__(
        self, config: Config, database: Database, services: Services, tasks: tuple[Task, ...], stop: threading.Event
    ) -> None:
        self._config = config
        self._database = database
        self._services = services
        self._connect_args: dict[str, Any] = {
            "application_name": engine_settings(config).session_name("jobs"),
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "tcp_user_timeout": int(GRACE_S * 1000),
        }
        self._tasks = {task.name: task for task in tasks}
        self.stop = stop
        self._execution = Execution(config, database, services, stop)
        self._housekeeper = Housekeeper(self._tasks, self._execution)
        self._alive_at_s = time.monotonic()
        self._last_warning = ""

    def run(self) -> None:
        """Work until `stop` is set. An outage of the database is waited out."""
        theirs = logging.getLogger("procrastinate")
        theirs.handlers, theirs.propagate = [OneLine()], False
        threading.Thread(target=self._watch, daemon=True, name="jobs-watchdog").start()
        wait_s = _FIRST_WAIT_S
        while not self.stop.is_set():
            began_s = self._alive_at_s = time.monotonic()
            try:
                asyncio.run(self._serve(wait=True))
            except _OUTAGES as error:
                self._warn_once(f"Background jobs wait for the database: {reason_of(error)}")
            has_worked = time.monotonic() - began_s > _MAX_WAIT_S
            wait_s = _FIRST_WAIT_S if has_worked else min(wait_s * 2, _MAX_WAIT_S)
            self.stop.wait(wait_s)

    def drain(self) -> None:
        """Run every job that is due, and return. Raises what the database raises."""
        asyncio.run(self._serve(wait=False))

    def _warn_once(self, sentence: str) -> None:
        if sentence != self._last_warning:
            _log.warning("%s", sentence)
        self._last_warning = sentence

    def _watch(self) -> None:
        """End the process when the worker hangs, which no exception and no lost connection shows."""
        while not self.stop.wait(HUNG_AFTER_S / 10):
            if time.monotonic() - self._alive_at_s > HUNG_AFTER_S:
                _log.error("The worker of background jobs has done nothing for %.0f s: it starts again", HUNG_AFTER_S)
                os._exit(1)

    async def _serve(self, *, wait: bool) -> None:
        """Run one worker until it ends: at a stop, with its connection, or (without `wait`) with the last due job."""
        url = migrations_url_for(self._config, self._database)  # a direct connection: LISTEN needs a session
        await self._check(url)
        await asyncio.to_thread(self._record_channels)
        app = self._app(url)
        async with app.open_async():
            worker = Worker(
                app,
                queues=list(self._tasks),
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL_S,
                wait=wait,
                shutdown_graceful_timeout=GRACE_S,
                install_signal_handlers=False,
                stalled_worker_timeout=STALLED_AFTER_S,
            )
            self._last_warning = ""
            helpers = [asyncio.create_task(self._stop_with_us(worker)), asyncio.create_task(self._keep(app, worker))]
            try:
                await worker.run()  # type: ignore[no-untyped-call]  # has no annotations
            finally:
                await _cancel(helpers)

    async def _stop_with_us(self, worker: Worker) -> None:
        while not self.stop.is_set():  # noqa: ASYNC110 - set by a signal handler or another thread
            await asyncio.sleep(_STOP_POLL_S)
        worker.stop()  # type: ignore[no-untyped-call]  # see above

    async def _keep(self, app: App, worker: Worker) -> None:
        clock_s = _clock_s()
        while True:
            await asyncio.sleep(_STOP_POLL_S)  # the worker registers first
            if _clock_s() < clock_s - CLOCK_SET_BACK_S:
                # procrastinate defers nothing before the time of the last job that it deferred.
                _log.warning("The clock was set back by %.0f s: the worker starts again", clock_s - _clock_s())
                worker.stop()  # type: ignore[no-untyped-call]  # has no annotations
                clock_s = _clock_s()
            try:
                await self._housekeeper.work(app, worker)
                self._alive_at_s = time.monotonic()
            except _OUTAGES as error:
                _log.debug("Housekeeping of background jobs: %s", error)  # the worker itself ends with its connection
            await asyncio.sleep(HOUSEKEEPING_INTERVAL_S)

    async def _check(self, url: str) -> None:
        """Connect once: the pool would try for half a minute, and not say what is wrong."""
        async with await psycopg.AsyncConnection.connect(url, **self._connect_args) as connection:
            found = await (await connection.execute(QUEUE_EXISTS)).fetchone()
            if found != (True,):
                raise QueueMissing

    def _record_channels(self) -> None:
        """Record what notices can be sent through here: without that, none are written."""
        if SEND_NOTICES not in self._tasks:
            return
        try:
            self._services.notice_channels.record(self._services.notice_sender.transports)
        except Fault as fault:
            self._warn_once(f"Which notices can be sent was not recorded: {fault}")

    def _app(self, url: str) -> App:
        app = App(
            connector=PsycopgConnector(
                conninfo=url,
                kwargs=self._connect_args,
                min_size=1,
                max_size=CONCURRENCY,
                timeout=_CONNECT_TIMEOUT_S,
            )
        )
        for task in self._tasks.values():
            register = app.task(name=task.name, queue=task.name, retry=Backoff(task.max_attempts), pass_context=True)
            deferrable = register(self._execution.runner_of(task))
            if task.schedule:
                app.periodic(cron=task.schedule)(deferrable)
        return app


def _clock_s() -> float:
    """Return the difference between the system clock, which can be set, and the monotonic one, in seconds."""
    return time.time() - time.monotonic()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end.

    One time is not enough: before Python 3.12, `asyncio.wait_for`, which the connection pool uses, loses a cancellation
    that arrives together with its result.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
