"""The queue as admins see it: status, list, retry and discard; deferring costs no round trip."""

from __future__ import annotations

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.jobs.model import JobNotFound, JobNotWaiting, JobRequest
from peterental.services import Services, build_services
from tests.proxy import Proxy
from tests.servers import close_for_good

OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


@pytest.fixture
def services(database: Database) -> Services:
    """The services."""
    return build_services(database)


def mark(database: Database, status: str) -> int:
    """Set the status of the newest job, and return its id."""
    rows = database.fetch(
        "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status, attempts = 10, scheduled_at = NOW() + INTERVAL '1 hour'"
        " WHERE id = (SELECT MAX(id) FROM procrastinate_jobs) RETURNING id",
        (status,),
    )
    return int(rows[0]["id"])


def test_status_of_an_empty_queue(services: Services) -> None:
    status = services.jobs.status(OPERATOR)
    assert set(status.counts.values()) == {0}
    assert (status.oldest_due_at, status.workers, status.last_seen_at) == (None, 0, None)


def test_status_counts_jobs_by_state(services: Services, database: Database) -> None:
    for number, name in enumerate(("doing", "failed", "aborted", "succeeded", "cancelled")):
        services.jobs.defer_once(JobRequest(task=f"t{number}"))
        mark(database, name)
    services.jobs.defer_once(JobRequest(task="due"))
    status = services.jobs.status(OPERATOR)
    assert status.counts == {"waiting": 1, "running": 1, "failed": 2, "done": 1, "discarded": 1}
    assert status.oldest_due_at is not None


def test_due_job_is_seen_behind_many_that_wait_for_later(services: Services, database: Database) -> None:
    """A worker that is away is noticed although a thousand notices wait for the end of the quiet hours."""
    database.fetch(
        "SELECT procrastinate_defer_jobs_v1(array_agg("
        " ROW('send', 'send', 0, NULL, NULL, '{}', NOW() + INTERVAL '1 hour')::procrastinate_job_to_defer_v1))"
        " FROM generate_series(1, 1001)"
    )
    assert services.jobs.status(OPERATOR).oldest_due_at is None
    services.jobs.defer_once(JobRequest(task="due"))
    assert services.jobs.status(OPERATOR).oldest_due_at is not None


def test_retry_runs_a_failed_job_at_once(services: Services, database: Database) -> None:
    services.jobs.defer_once(JobRequest(task="sync", args={"calendar_id": 3}))
    job_id = mark(database, "failed")
    services.jobs.retry(job_id, OPERATOR)
    [job] = services.jobs.listing(OPERATOR).jobs
    assert (job.state, job.attempts, job.args) == ("waiting", 0, {"calendar_id": 3})
    assert services.jobs.status(OPERATOR).oldest_due_at is not None
    [entry] = services.audit.listing(OPERATOR).entries
    assert (entry.change.action, entry.change.subject_kind, entry.change.subject_name) == (
        "job tried again",
        "job",
        "sync",
    )


def test_retry_ends_the_wait_for_the_next_attempt(services: Services, database: Database) -> None:
    services.jobs.defer_once(JobRequest(task="sync"))
    job_id = mark(database, "todo")
    assert services.jobs.status(OPERATOR).oldest_due_at is None
    services.jobs.retry(job_id, OPERATOR)
    assert services.jobs.status(OPERATOR).oldest_due_at is not None


def test_discarded_job_does_not_run(services: Services, database: Database) -> None:
    services.jobs.defer_once(JobRequest(task="sync"))
    job_id = mark(database, "todo")
    services.jobs.discard(job_id, OPERATOR)
    assert [job.state for job in services.jobs.listing(OPERATOR, ("discarded",)).jobs] == ["discarded"]
    with pytest.raises(JobNotWaiting):
        services.jobs.discard(job_id, OPERATOR)
    services.jobs.retry(job_id, OPERATOR)
    assert [(job.state, job.attempts) for job in services.jobs.listing(OPERATOR).jobs] == [("waiting", 0)]


@pytest.mark.parametrize("status", ["doing", "succeeded"])
def test_running_and_done_jobs_are_left_alone(services: Services, database: Database, status: str) -> None:
    services.jobs.defer_once(JobRequest(task="sync"))
    job_id = mark(database, status)
    for change in (services.jobs.retry, services.jobs.discard):
        with pytest.raises(JobNotWaiting):
            change(job_id, OPERATOR)


@pytest.mark.parametrize("job_id", [0, 17, 2**63])
def test_unknown_job_is_not_found(services: Services, job_id: int) -> None:
    with pytest.raises(JobNotFound):
        services.jobs.discard(job_id, OPERATOR)


def test_reason_is_bounded_and_follows_its_job(services: Services, database: Database) -> None:
    services.jobs.defer_once(JobRequest(task="sync"))
    job_id = mark(database, "failed")
    services.jobs.record_error(job_id, "first")
    services.jobs.record_error(job_id, "x\x00" * 5000)
    [job] = services.jobs.listing(OPERATOR).jobs
    assert job.reason == "x" * 2000
    services.jobs.record_error(99, "of a job that is gone")
    database.fetch("DELETE FROM procrastinate_jobs")
    assert database.fetch("SELECT * FROM job_errors") == []


def test_deferring_costs_no_round_trip(database_url: str, services: Services) -> None:
    with Proxy(database_url) as proxy:
        through = Database(proxy.url, pool_size=1)

        def change(*, defers: bool) -> None:
            with through.transaction() as connection:
                connection.execute("UPDATE agents SET agent_name = agent_name")
                if defers:
                    services.jobs.defer(connection, JobRequest(task="note", args={"id": 1}))

        counts = []
        for defers in (False, True, False, True):
            with proxy.counting() as turns:
                change(defers=defers)
            counts.append(turns[0])
        close_for_good(through)
    assert counts[2] == counts[3] == 1
    assert len(services.jobs.listing(OPERATOR).jobs) == 2
