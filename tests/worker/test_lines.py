"""The tasks that compare lines with Vapi, and fetch calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.line.model import VapiThrottled
from peterental.worker.lines import CHECK_LINES, FETCH_ALL, FETCH_RECENT, LINE_TASKS
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun
from tests.line.office import OFFICE, Office, open_office
from tests.line.vapi_server import MUCH_TOO_MANY, Trouble


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    """An office whose line is set up."""
    with open_office(database) as office:
        office.set_up(phone_number_id=office.vapi.add_number())
        yield office


def job(office: Office) -> JobRun:
    return JobRun(
        args={}, config=office.config, database=office.database, services=office.services, stop=threading.Event()
    )


def test_tasks_of_lines_are_scheduled() -> None:
    assert set(LINE_TASKS) <= set(TASKS)
    assert all(task.schedule for task in LINE_TASKS)


def test_lines_that_differ_are_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "peterental.jobs")
    CHECK_LINES.run(job(office))
    assert caplog.messages == []
    office.vapi.edit(office.assistant["id"], serverMessages=["hang"])
    CHECK_LINES.run(job(office))
    assert caplog.messages == ["Not as PeteRental set them up: 1 line"]


def test_fetched_calls_are_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "peterental.jobs")
    for age in (timedelta(hours=1), timedelta(days=1)):
        office.vapi.add_call(office.ana.vapi_assistant_id, created_at=utc_now() - age)
    for task in (FETCH_RECENT, FETCH_RECENT, FETCH_ALL, FETCH_ALL):
        task.run(job(office))
    assert caplog.messages == ["Fetched from Vapi, since no report came: 1 call"] * 2


def test_trouble_with_recent_calls_fails_no_job(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "peterental.jobs")
    office.vapi.troubles = [Trouble("GET /call", MUCH_TOO_MANY)] * 2
    FETCH_RECENT.run(job(office))
    sentence = "Vapi takes no more requests for 120 seconds. Try again then."
    assert caplog.messages == [f"Recent calls were not fetched: {sentence}"]
    with pytest.raises(VapiThrottled):
        FETCH_ALL.run(job(office))
    account = office.line.account.get(OFFICE)
    assert account is not None
    assert account.problem == sentence
