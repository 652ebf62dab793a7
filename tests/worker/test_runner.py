"""A worker runs jobs, tries them again, and takes up what vanished workers left."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from peterental.database.pool import Database
from peterental.errors import Fault
from peterental.jobs.model import Job, JobRequest, JobState
from peterental.services import Services
from peterental.worker import runner
from peterental.worker.housekeeping import Housekeeper
from peterental.worker.retries import FIRST_WAIT_S, JITTER, MAX_WAIT_S, wait_s
from peterental.worker.runner import JobWorker, OneLine
from peterental.worker.task import Interrupted, JobRun, Task
from tests.servers import until
from tests.worker.conftest import OPERATOR, WORKER_THREAD

JobsIn = Callable[[JobState], tuple[Job, ...]]
WorkerOf = Callable[..., JobWorker]


class CalendarAway(Fault):
    """The calendar of {agent} does not answer."""


def fail(job: JobRun) -> None:
    raise CalendarAway(agent=job.args["agent"])


def test_job_runs_with_its_arguments(worker_of: WorkerOf, defer: Callable[..., None], jobs_in: JobsIn) -> None:
    seen: list[JobRun] = []
    defer("note", viewing_id=7)
    worker_of(Task(name="note", label="Note", run=seen.append)).drain()
    assert [job.args for job in seen] == [{"viewing_id": 7}]
    assert [job.task for job in jobs_in("done")] == ["note"]


def test_job_is_committed_with_its_cause(database: Database, services: Services, jobs_in: JobsIn) -> None:
    with pytest.raises(CalendarAway), database.transaction() as connection:
        services.jobs.defer(connection, JobRequest(task="note"))
        raise CalendarAway(agent="Ana")
    with database.transaction() as connection:
        services.jobs.defer(connection, JobRequest(task="note", args={"n": 2}))
    assert [job.args for job in jobs_in("waiting")] == [{"n": 2}]


def test_job_waits_until_it_may_start(
    worker_of: WorkerOf, database: Database, services: Services, jobs_in: JobsIn
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with database.transaction() as connection:
        services.jobs.defer(connection, JobRequest(task="note", not_before=later))
    worker_of(Task(name="note", label="Note", run=lambda _: pytest.fail("it ran early"))).drain()
    assert [job.due_at for job in jobs_in("waiting")] == [later]
    assert services.jobs.status(OPERATOR).oldest_due_at is None


def test_waiting_job_is_not_deferred_twice(services: Services, jobs_in: JobsIn) -> None:
    assert services.jobs.defer_once(JobRequest(task="note"))
    assert not services.jobs.defer_once(JobRequest(task="note"))
    assert len(jobs_in("waiting")) == 1


def test_failed_attempt_is_recorded_and_tried_again(
    worker_of: WorkerOf, defer: Callable[..., None], jobs_in: JobsIn, caplog: pytest.LogCaptureFixture
) -> None:
    defer("sync", agent="Ana")
    began = datetime.now(UTC)
    worker_of(Task(name="sync", label="Sync", run=fail, max_attempts=3)).drain()
    [job] = jobs_in("waiting")
    assert job.reason == "The calendar of Ana does not answer."
    assert job.attempts == 1
    assert job.due_at is not None
    assert job.due_at >= began + timedelta(seconds=FIRST_WAIT_S * (1 - JITTER) - 1)
    assert f"The job sync {job.job_id} failed and is tried again: The calendar of Ana does not answer." in caplog.text
    assert "Traceback" not in caplog.text


def test_last_attempt_gives_up_with_its_reason(
    worker_of: WorkerOf, defer: Callable[..., None], jobs_in: JobsIn, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[object, str]] = []
    task = Task(
        name="sync",
        label="Sync",
        run=fail,
        max_attempts=1,
        gave_up=lambda job, reason: told.append((job.args["agent"], reason)),
    )
    defer("sync", agent="Ana")
    worker_of(task).drain()
    assert [job.reason for job in jobs_in("failed")] == ["The calendar of Ana does not answer."]
    assert told == [("Ana", "The calendar of Ana does not answer.")]
    assert "failed: The calendar" in caplog.text


def test_unexpected_error_is_logged_with_its_traceback(
    worker_of: WorkerOf, defer: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def divide(_: JobRun) -> None:
        raise ZeroDivisionError

    def give_up(_: JobRun, reason: str) -> None:
        raise LookupError(reason)

    defer("sum")
    worker_of(Task(name="sum", label="Sum", run=divide, max_attempts=1, gave_up=give_up)).drain()
    assert "failed: ZeroDivisionError" in caplog.text
    assert "Traceback" in caplog.text
    assert "could not be recorded" in caplog.text


def test_interrupted_job_starts_again_at_once(worker_of: WorkerOf, defer: Callable[..., None], jobs_in: JobsIn) -> None:
    attempts: list[int] = []

    def stop_once(_: JobRun) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise Interrupted

    defer("long")
    worker = worker_of(Task(name="long", label="Long", run=stop_once, max_attempts=1))
    worker.drain()
    worker.drain()
    assert len(attempts) == 2
    assert [job.reason for job in jobs_in("done")] == [None]


def test_waits_double_up_to_an_hour() -> None:
    assert [wait_s(attempts) for attempts in (0, 1, 2, 9, 5000)] == [10, 20, 40, MAX_WAIT_S, MAX_WAIT_S]


def test_new_job_starts_without_waiting_for_a_poll(
    running: WorkerOf, defer: Callable[..., None], services: Services
) -> None:
    started = threading.Event()
    running(Task(name="note", label="Note", run=lambda _: started.set()))
    until(lambda: services.jobs.status(OPERATOR).workers == 1, "the worker is registered")
    defer("note")
    assert started.wait(60)


def abandon(database_url: str, *, attempts: int = 0, seen_min: int = -1) -> None:
    """Mark the only job as run by a worker that was seen last so many minutes from now."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            WITH gone AS (
                INSERT INTO procrastinate_workers (last_heartbeat) VALUES (NOW() + make_interval(mins => %s)) RETURNING id
            )
            UPDATE procrastinate_jobs SET status = 'doing', attempts = %s, worker_id = gone.id FROM gone
            """,
            (seen_min, attempts),
        )


def test_job_of_a_vanished_worker_is_taken_up(
    running: WorkerOf, defer: Callable[..., None], database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    defer("note")
    abandon(database_url)
    running(Task(name="note", label="Note", run=lambda _: done.set()))
    assert done.wait(60)
    assert "is taken up again: its worker vanished" in caplog.text


def test_worker_that_vanished_before_the_clock_was_set_back_ages(
    running: WorkerOf, defer: Callable[..., None], database: Database, database_url: str, services: Services
) -> None:
    """Its last sign of life lies an hour ahead: until then, its job would count as running."""
    defer("note")
    abandon(database_url, seen_min=60)
    assert services.jobs.status(OPERATOR).workers == 0
    running(Task(name="other", label="Other", run=lambda _: None))
    ahead = "SELECT id FROM procrastinate_workers WHERE last_heartbeat > NOW()"
    until(lambda: not database.fetch(ahead), "the worker that vanished ages")


def test_jobs_put_off_before_the_clock_was_set_back_start(
    running: WorkerOf, defer: Callable[..., None], database: Database
) -> None:
    """One that was to start tomorrow for a reason waits, and so does a retry in an hour."""
    later = {"first": ("30 hours", 0), "retry": ("3 hours", 1), "tomorrow": ("23 hours", 0), "soon": ("72 minutes", 3)}
    for task, (ahead, attempts) in later.items():
        defer(task)
        database.fetch(
            "UPDATE procrastinate_jobs SET scheduled_at = NOW() + %s::interval, attempts = %s WHERE task_name = %s",
            (ahead, attempts, task),
        )
    done = {task: threading.Event() for task in later}
    running(*(Task(name=task, label=task, run=lambda _, each=event: each.set()) for task, event in done.items()))  # type: ignore[misc]  # of its own event
    assert done["first"].wait(60)
    assert done["retry"].wait(60)
    waiting = database.fetch("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
    assert [row["task_name"] for row in waiting] == ["tomorrow", "soon"]


def test_job_that_ends_every_worker_fails(
    running: WorkerOf, defer: Callable[..., None], database_url: str, jobs_in: JobsIn
) -> None:
    defer("crash")
    abandon(database_url, attempts=2)
    running(Task(name="crash", label="Crash", run=lambda _: pytest.fail("it ran"), max_attempts=3))
    until(lambda: bool(jobs_in("failed")), "the job has failed")
    assert [job.reason for job in jobs_in("failed")] == ["The process that ran it ended each time."]


def test_end_that_was_not_recorded_is_taken_up(
    running: WorkerOf, defer: Callable[..., None], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "HOUSEKEEPING_INTERVAL_S", 0.05)
    runs: list[int] = []
    again = threading.Event()

    def note(_: JobRun) -> None:
        runs.append(1)
        if len(runs) == 2:
            again.set()

    defer("note")
    running(Task(name="note", label="Note", run=note))
    until(lambda: len(runs) == 1, "the job has run")
    with psycopg.connect(database_url, autocommit=True) as connection:
        ended = "SELECT FROM procrastinate_jobs WHERE status = 'succeeded'"
        until(lambda: connection.execute(ended).fetchone() is not None, "its end is recorded")
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT MAX(id) FROM procrastinate_workers)"
        )
        assert again.wait(60)


def test_old_jobs_are_deleted_but_failures_stay(
    worker_of: WorkerOf, running: WorkerOf, defer: Callable[..., None], database_url: str, jobs_in: JobsIn
) -> None:
    note = Task(name="note", label="Note", run=lambda _: None)
    sync = Task(name="sync", label="Sync", run=fail, max_attempts=1)
    defer("note")
    defer("sync", agent="Ana")
    worker_of(note, sync).drain()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE procrastinate_events SET at = at - INTERVAL '26 hours'")
    running(note, sync)
    until(lambda: not jobs_in("done"), "the job that was done is deleted")
    assert len(jobs_in("failed")) == 1


def test_job_whose_task_is_gone_fails_after_a_day(
    running: WorkerOf, defer: Callable[..., None], database: Database, jobs_in: JobsIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Until then it may be one of a newer release. Admins see what it was about."""
    defer("gone", viewing_id=7)
    database.fetch("UPDATE procrastinate_events SET at = at - INTERVAL '26 hours'")
    defer("of_a_newer_release")
    running(Task(name="note", label="Note", run=lambda _: None))
    until(lambda: jobs_in("failed") != (), "the job fails")
    (job,) = jobs_in("failed")
    assert (job.task, job.args, job.reason) == ("gone", {"viewing_id": 7}, "This release has no code for it.")
    assert [job.task for job in jobs_in("waiting")] == ["of_a_newer_release"]
    until(lambda: "no code for them: 1 job" in caplog.text, "it is logged")


def test_worker_waits_out_an_outage(
    config_elsewhere: Callable[[], None],
    running: WorkerOf,
    defer: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = threading.Event()
    running(Task(name="note", label="Note", run=lambda _: done.set()))
    until(lambda: "Background jobs wait for the database" in caplog.text, "the outage is reported")
    config_elsewhere()
    defer("note")
    assert done.wait(60)
    assert "Traceback" not in caplog.text


def test_worker_waits_for_the_migrations(
    running: WorkerOf, monkeypatch: pytest.MonkeyPatch, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runner, "migrations_url_for", lambda *_: empty_database_url)
    running(Task(name="note", label="Note", run=lambda _: None))
    until(lambda: "The schema has no queue yet" in caplog.text, "the reason is reported")


@pytest.fixture
def config_elsewhere(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Callable[[], None]:
    """Let workers connect to a port that nobody listens on, until the returned function is called."""
    urls = ["postgresql://pete@127.0.0.1:1/none"]
    monkeypatch.setattr(runner, "migrations_url_for", lambda *_: urls[-1])
    monkeypatch.setattr(runner, "_CONNECT_TIMEOUT_S", 1)
    monkeypatch.setattr(runner, "_FIRST_WAIT_S", 0.05)
    return lambda: urls.append(database_url)


def test_worker_that_hangs_ends_the_process(
    worker_of: WorkerOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    stop = threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        stop.set()

    monkeypatch.setattr(runner, "HUNG_AFTER_S", 0.01)
    monkeypatch.setattr("peterental.worker.runner.os._exit", end)
    worker_of(stop=stop)._watch()
    assert codes == [1]
    assert "has done nothing" in caplog.text


def test_schedule_goes_on_when_the_clock_is_set_back(
    running: WorkerOf, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Procrastinate would defer nothing for as long as the clock was set back."""
    clock, set_back_s = time.time, [0.0]
    monkeypatch.setattr("time.time", lambda: clock() - set_back_s[0])
    monkeypatch.setattr(runner, "HOUSEKEEPING_INTERVAL_S", 0.01)
    monkeypatch.setattr(runner, "_FIRST_WAIT_S", 0.01)
    running(Task(name="each_minute", label="t", run=lambda _: None, schedule="* * * * *"))

    def is_deferred(before_s: float) -> bool:
        query = "SELECT 1 AS one FROM procrastinate_jobs WHERE (args ->> 'timestamp')::float8 < %s"
        return bool(database.fetch(query, (before_s,)))

    began_s = clock()
    until(lambda: is_deferred(began_s + 3600), "a job is scheduled")
    set_back_s[0] = 7200.0
    until(lambda: is_deferred(began_s - 3600), "a job is scheduled by the clock that was set back")
    assert "The clock was set back by 7200 s" in caplog.text


def test_stop_ends_a_worker_whose_helper_lost_its_cancellation(
    running: WorkerOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As `asyncio.wait_for` does before Python 3.12, when its result arrives together with the cancellation."""
    lost: list[int] = []
    works = threading.Event()

    async def lose_one_cancellation(*_: object) -> None:
        works.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            lost.append(1)

    monkeypatch.setattr(Housekeeper, "work", lose_one_cancellation)
    worker = running(Task(name="note", label="Note", run=lambda _: None))
    assert works.wait(60)
    worker.stop.set()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == WORKER_THREAD], "the worker ends")
    assert lost == [1]
    assert "Traceback" not in caplog.text


def test_errors_of_the_library_become_one_line(caplog: pytest.LogCaptureFixture) -> None:
    handler = OneLine()
    for level, action in ((logging.ERROR, "side_task_failed"), (logging.ERROR, "job_error"), (logging.INFO, "start")):
        record = logging.LogRecord("procrastinate", level, "", 0, f"{action}\n  happened", None, None)
        record.action = action
        handler.emit(record)
    assert [record.getMessage() for record in caplog.records] == ["side_task_failed happened"]


def test_retry_wakes_the_worker(  # fixtures
    running: WorkerOf,
    defer: Callable[..., None],
    services: Services,
    jobs_in: JobsIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = threading.Semaphore(0)

    def fail_once(_: JobRun) -> None:
        attempts.release()
        if not jobs_in("done"):
            raise CalendarAway(agent="Ana")

    monkeypatch.setattr(runner, "POLL_S", 600.0)
    defer("sync")
    running(Task(name="sync", label="Sync", run=fail_once, max_attempts=1))
    until(lambda: bool(jobs_in("failed")), "the job has failed")
    services.jobs.retry(jobs_in("failed")[0].job_id, OPERATOR)
    assert attempts.acquire(timeout=60)
    assert attempts.acquire(timeout=60)
