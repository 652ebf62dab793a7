"""Fixtures: a worker with tasks of the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.jobs.model import Job, JobRequest, JobState
from peterental.services import Services, build_services
from peterental.worker import runner
from peterental.worker.runner import JobWorker
from peterental.worker.task import Task

WORKER_THREAD = "worker of the test"
OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


@pytest.fixture(autouse=True)
def drains_on_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drain queues on a thread of its own: in this one, Playwright may have left an event loop that runs."""
    drain = JobWorker.drain

    def on_a_thread(worker: JobWorker) -> None:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(drain, worker).result()

    monkeypatch.setattr(JobWorker, "drain", on_a_thread)


@pytest.fixture
def services(database: Database) -> Services:
    """The services."""
    return build_services(database)


@pytest.fixture
def config(database_url: str) -> Config:
    """The settings."""
    return Config(database_url=database_url)


@pytest.fixture
def worker_of(config: Config, database: Database, services: Services) -> Callable[..., JobWorker]:
    """A function that builds a worker which knows some tasks."""

    def build(*tasks: Task, stop: threading.Event | None = None) -> JobWorker:
        return JobWorker(config, database, services, tasks, stop or threading.Event())

    return build


@pytest.fixture
def running(worker_of: Callable[..., JobWorker], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., JobWorker]]:
    """A function that runs a worker on a thread until the test ends."""
    monkeypatch.setattr(runner, "POLL_S", 0.1)
    stop = threading.Event()
    threads = []

    def run(*tasks: Task) -> JobWorker:
        worker = worker_of(*tasks, stop=stop)
        threads.append(threading.Thread(target=worker.run, name=WORKER_THREAD))
        threads[-1].start()
        return worker

    yield run
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def defer(services: Services) -> Callable[..., None]:
    """A function that defers a job of a task."""

    def defer(task: str, **args: object) -> None:
        services.jobs.defer_once(JobRequest(task=task, args=args))

    return defer


@pytest.fixture
def jobs_in(services: Services) -> Callable[[JobState], tuple[Job, ...]]:
    """A function that returns the jobs in a state."""
    return lambda state: services.jobs.listing(OPERATOR, (state,)).jobs
