"""The tasks that send notices, and what a worker records at its start."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from peterental.clock import utc_now
from peterental.config import Config
from peterental.database.connect import SchemaOutdated
from peterental.database.pool import Database
from peterental.notices.channels import Channels
from peterental.notices.sending import CLAIM_LASTS
from peterental.services import build_services
from peterental.worker.calendars import JobMalformed
from peterental.worker.notices import LOOK_UP, NOTICE_TASKS, PLAN, SEND
from peterental.worker.registry import TASKS
from peterental.worker.runner import JobWorker
from peterental.worker.task import JobRun, Task
from tests.guillotine import Killed
from tests.notices.office import EMAIL, Office, book


@pytest.fixture
def office(database: Database, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office with one agent."""
    return Office(database, monkeypatch)


def run(office: Office, task: Task, **args: object) -> None:
    task.run(
        JobRun(args=args, config=Config(), database=office.database, services=office.services, stop=threading.Event())
    )


def worker(office: Office, *tasks: Task) -> JobWorker:
    return JobWorker(
        Config(database_url=office.database.url), office.database, office.services, tasks, threading.Event()
    )


def test_tasks_are_known_by_the_names_that_triggers_use() -> None:
    assert {task.name for task in TASKS} >= {"send_notices", "plan_notices", "look_up_notices"}


def test_job_names_a_viewing_or_a_notice(office: Office) -> None:
    first, second = office.book(), office.book(office.start + timedelta(days=3))
    run(office, SEND, appointment_id=first)
    assert office.notices("state") == ["sent", "waiting"]
    run(office, SEND, notice_id=office.notices("notice_id")[1])
    assert office.notices("appointment_id", "state") == [(first, "sent"), (second, "sent")]
    with pytest.raises(JobMalformed):
        run(office, SEND, appointment_id="1")


def test_reminders_are_planned_and_sent(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "peterental.jobs")
    viewing = office.book()
    run(office, SEND, appointment_id=viewing)
    run(office, PLAN)
    office.clock.forward(days=1)
    run(office, PLAN)
    run(office, SEND, appointment_id=viewing)
    assert office.notices("kind", "state") == [("booked", "sent"), ("reminder_day", "sent")]
    assert [record.getMessage() for record in caplog.records] == ["1 reminder due"]


def test_attempts_that_were_cut_off_are_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "peterental.jobs")
    office.texts.behaviour = "die after taking"
    with pytest.raises(Killed):
        run(office, SEND, appointment_id=office.book())
    run(office, LOOK_UP)
    office.clock.forward(seconds=CLAIM_LASTS.total_seconds() + 1)
    run(office, LOOK_UP)
    assert [record.getMessage() for record in caplog.records] == [
        "1 attempt cut off; of unknown letters 1 found, 0 missing"
    ]


def test_worker_sends_what_a_booking_left(office: Office) -> None:
    office.clock.now = office.start
    office.book(email=EMAIL)
    worker(office, *NOTICE_TASKS).drain()
    assert office.notices("state") == ["sent", "sent"]


def test_worker_records_what_it_can_send(office: Office) -> None:
    channels = office.services.notice_channels
    channels.record({})
    worker(office, Task(name="note", label="Note", run=lambda _: None)).drain()
    assert channels.ready() == {}, "a worker that sends no notices"
    worker(office, SEND).drain()
    assert set(channels.ready()) == {"text", "email"}
    office.services.notice_sender.transports = {"text": office.texts}
    worker(office, SEND).drain()
    assert set(channels.ready()) == {"text"}


def test_worker_of_an_older_schema_does_its_other_work(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise SchemaOutdated(missing="notice_channels")

    monkeypatch.setattr(Channels, "record", fail)
    office.book()
    worker(office, SEND).drain()
    assert office.notices("state") == ["sent"]
    assert "notice_channels" in caplog.text


def test_development_sends_into_files(database: Database, tmp_path: Path) -> None:
    """As `make run` does, without an account at any provider."""
    config = Config(database_url=database.url, instance_dir=tmp_path, secret_key="a key for tests, long enough")
    services = build_services(database, config=config)
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ana', 'Ana')")
    services.notice_channels.record(services.notice_sender.transports)
    appointment_id = book(database, utc_now(), utc_now() + timedelta(days=2), email=EMAIL)
    services.notice_sender.send_of_appointment(appointment_id)
    assert [len(list((tmp_path / folder).iterdir())) for folder in ("mail", "texts")] == [1, 1]
