"""The tasks of webhooks, as a worker runs them."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from peterental.config import Config
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.webhooks.model import DELIVER_WEBHOOKS
from peterental.worker import webhooks
from peterental.worker.calendars import JobMalformed
from peterental.worker.registry import TASKS
from peterental.worker.runner import CONCURRENCY, JobWorker
from peterental.worker.task import JobRun
from peterental.worker.webhooks import MAX_AT_ONCE, WEBHOOK_TASKS
from tests.calendars.loopback import LoopbackServer, answer
from tests.webhooks.conftest import Office, verified

DELIVER, PLAN = WEBHOOK_TASKS


def run(office: Office, config: Config = Config(), **args: object) -> None:  # noqa: B008 - it is frozen
    task = DELIVER if args else PLAN
    task.run(
        JobRun(args=args, config=config, database=office.database, services=office.services, stop=threading.Event())
    )


def test_booking_is_delivered_by_its_job(database: Database) -> None:
    """The trigger queues the job under the name by which the worker knows the task."""
    office = Office(database)
    with LoopbackServer(answer()) as server:
        issued = office.subscribe(server.url())
        office.book()
        worker = JobWorker(Config(database_url=database.url), database, office.services, TASKS, threading.Event())
        worker.drain()
        assert verified(server.exchanges[0], issued.secret)["type"] == "viewing.booked"
    assert office.deliveries()[0].state == "delivered"


def test_job_without_an_endpoint_is_refused(database: Database) -> None:
    office = Office(database)
    with pytest.raises(JobMalformed):
        run(office, endpoint_id="1")
    run(office, endpoint_id=99)
    office.services.jobs.defer_once(JobRequest(task=DELIVER_WEBHOOKS, args={"endpoint_id": 1}))


def test_lost_job_is_queued_again(database: Database) -> None:
    office = Office(database)
    with LoopbackServer(answer()) as server:
        office.subscribe(server.url())
        office.book()
        database.fetch("DELETE FROM procrastinate_jobs")
        run(office)
        assert office.jobs() == 0  # its own job may still come
        office.clock.forward(minutes=2)
        run(office)
        assert office.jobs() == 1


def test_endpoints_that_hang_leave_threads_to_other_jobs(database: Database) -> None:
    office = Office(database)
    assert MAX_AT_ONCE < CONCURRENCY
    with LoopbackServer(answer()) as server, ExitStack() as hanging:
        issued = office.subscribe(server.url())
        office.book()
        database.fetch("DELETE FROM procrastinate_jobs")
        for _ in range(MAX_AT_ONCE):
            hanging.enter_context(webhooks._places)
        for _ in range(2):
            run(office, endpoint_id=issued.endpoint.endpoint_id)
        assert server.exchanges == []
        (job,) = database.fetch("SELECT args, scheduled_at > NOW() AS is_later FROM procrastinate_jobs")
        assert (job["args"], job["is_later"]) == ({"endpoint_id": issued.endpoint.endpoint_id}, True)
        hanging.close()
        run(office, endpoint_id=issued.endpoint.endpoint_id)
        assert len(server.exchanges) == 1


def test_answers_are_kept_no_longer_than_calls(database: Database) -> None:
    office = Office(database)
    with LoopbackServer(answer()) as server:
        issued = office.subscribe(server.url())
        office.book()
        office.deliver(issued)
    office.clock.forward(days=8)
    run(office)
    assert len(office.deliveries()) == 1
    run(office, Config(keep_calls_days=7))
    assert office.deliveries() == []
