"""The injected faults: each is a method of the lab."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from bench.chaos.balancer import Balancer
from bench.chaos.lab_calendars import LabCalendars
from bench.chaos.postgres import LabPostgres
from bench.chaos.release import NotServing, Release, jobs_worker
from bench.programs import PROJECT_DIR, Running

DATABASE_DOWN_S = 1.5
LOCKED_S = 1.5
SUPERVISE_EVERY_S = 0.1

WORKER = "a worker is killed with -9"
MASTER = "master and workers are killed with -9"
JOBS = "the workers of background jobs are killed with -9"
KILLS = {WORKER, MASTER}
"""Faults that cut off requests and lose what a process holds in memory."""

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND application_name LIKE 'peterental%'"
)

# The next version alters the busiest table in a transaction, and builds an index on it concurrently.
MIGRATIONS = {
    "mark_viewings": "-- Migration {n}: Mark viewings\n"
    "ALTER TABLE appointments ADD COLUMN chaos_{n} TEXT DEFAULT 'new' NOT NULL;\n",
    "index_marks": "-- migrate: no-transaction\n-- Migration {n}: Index marks\n"
    "CREATE INDEX CONCURRENTLY idx_appointments_chaos_{n} ON appointments (start_time, id);\n",
}


class Lab:
    """One PeteRental under load, and the faults that can be injected.

    Args:
        postgres: its database.
        balancer: sends requests to the version in service.
        folder: for migrations.
        seed: of the choice of workers to kill.
        calendars: what the agents have; without, no jobs run.

    Attributes:
        in_service: the version that receives the requests, or that is being started to receive them.
    """

    def __init__(
        self, postgres: LabPostgres, balancer: Balancer, folder: Path, seed: int, calendars: LabCalendars | None = None
    ) -> None:
        self.postgres = postgres
        self.calendars = calendars
        self._second_jobs_worker: Running | None = None
        self.shipped = 0
        self._balancer = balancer
        self._chance = random.Random(f"{seed} faults")  # noqa: S311  # repeatable, not secret
        self._migrations = folder / "migrations"
        shutil.copytree(PROJECT_DIR / "migrations", self._migrations)
        self.in_service = self._release()
        self._supervising = threading.Lock()
        self._over = threading.Event()
        self._supervisor = ThreadPoolExecutor(1)
        self._supervision: Future[None] | None = None

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        """The faults by their name in the report."""
        with_calendars = {**self.calendars.faults, JOBS: self.kill_jobs_workers} if self.calendars else {}
        return {
            **with_calendars,
            WORKER: self.kill_a_worker,
            MASTER: self.kill_the_master,
            "PostgreSQL is killed with -9 and started again": self.restart_postgres,
            "all connections are cut": self.cut_connections,
            "the agents' rows are locked by another session": self.lock_agents,
            "PostgreSQL has no connection left": self.fill_the_server,
            "a deploy with two migrations": self.deploy,
        }

    def __enter__(self) -> Self:
        """Put the first version in service, and restart the version in service when it dies, like a host."""
        self.in_service.until_serving()
        self._balancer.send_to(self.in_service.port)
        self._supervision = self._supervisor.submit(self._supervise)
        self._start_jobs_worker()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the version in service. Raises NotServing if a version ended without being killed."""
        self._over.set()
        self._supervisor.shutdown()
        self.in_service.kill()
        if self._second_jobs_worker is not None:
            self._second_jobs_worker.kill()
            self._second_jobs_worker.outcome(1)
        if self._supervision is not None:
            self._supervision.result()

    def kill_a_worker(self) -> None:
        """Kill one worker; its master starts another."""
        workers = self.in_service.workers()
        if workers:
            self.in_service.kill_worker(self._chance.choice(sorted(workers)))

    def kill_the_master(self) -> None:
        """Kill master and workers; the supervisor restarts them."""
        self.in_service.kill()

    def kill_jobs_workers(self) -> None:
        """Kill the worker beside the web processes, which is restarted there, and the other one; start another."""
        for pid in self.in_service.jobs_workers():
            self.in_service.kill_worker(pid)
        if self._second_jobs_worker is not None:
            self._second_jobs_worker.kill()
            self._second_jobs_worker.outcome(1)
            self._start_jobs_worker()

    def _start_jobs_worker(self) -> None:
        if self.calendars is not None:
            self._second_jobs_worker = jobs_worker(self.postgres.url, self._migrations, self.calendars.settings)

    def restart_postgres(self) -> None:
        """Kill the database server, and restart it after a while."""
        self.postgres.kill()
        time.sleep(DATABASE_DOWN_S)
        self.postgres.start()

    def cut_connections(self) -> None:
        """Terminate every database connection of the application."""
        with self.postgres.connect() as connection:
            connection.execute(CUT)

    def lock_agents(self) -> None:
        """Lock the rows of all agents, which every booking needs, for a while."""
        with self.postgres.connect() as connection, connection.transaction():
            connection.execute("SELECT FROM agents FOR UPDATE")
            time.sleep(LOCKED_S)

    def fill_the_server(self) -> None:
        """Terminate the application's connections and occupy all connections of the server for a while."""
        with ExitStack() as hogs:
            one = hogs.enter_context(self.postgres.connect())
            one.execute(CUT)
            with suppress(psycopg.OperationalError):
                while True:
                    hogs.enter_context(self.postgres.connect())
            one.execute(CUT)  # also those that it has opened since
            time.sleep(LOCKED_S)

    def deploy(self) -> None:
        """Deploy the next version: start it, switch to it once it is healthy, then stop the old one."""
        for name, text in MIGRATIONS.items():
            number = len(list(self._migrations.glob("*.sql"))) + 1
            (self._migrations / f"{number:03}_{name}.sql").write_text(text.format(n=number))
            self.shipped += 1
        new = self._release()
        new.until_serving()
        with self._supervising:
            old, self.in_service = self.in_service, new
            self._balancer.send_to(new.port)
        old.stop()

    def _release(self) -> Release:
        return Release(self.postgres.url, self._migrations, self.calendars.settings if self.calendars else None)

    def _supervise(self) -> None:
        """Restart the version in service whenever it has died, even during its start."""
        while not self._over.wait(SUPERVISE_EVERY_S):
            with self._supervising:
                if self.in_service.is_alive:
                    continue
                self.in_service = self._release()
                try:
                    self.in_service.until_serving()
                except NotServing:
                    if not self.in_service.was_killed:
                        raise
                else:
                    self._balancer.send_to(self.in_service.port)
