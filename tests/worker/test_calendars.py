"""The tasks that read calendars and write viewings into them."""

from __future__ import annotations

import threading

import pytest

from peterental.calendars.model import CalendarUnreachable
from peterental.config import Config
from peterental.worker.calendars import (
    CHECK_ONE,
    DELETE_STRAY,
    SYNC_CALENDAR,
    SYNC_CALENDARS,
    WRITE_ALL,
    WRITE_ONE,
    JobMalformed,
)
from peterental.worker.registry import TASKS
from peterental.worker.task import JobRun, Task
from tests.calendars.connections.conftest import Line, line, remote  # noqa: F401 - fixtures
from tests.calendars.scripted import ScriptedCalendar

DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


def job(line: Line, **args: object) -> JobRun:  # noqa: F811
    return JobRun(args=args, config=Config(), database=line.database, services=line.services, stop=threading.Event())


def run_all(line: Line, task: Task) -> None:  # noqa: F811
    for args in line.jobs(task.name):
        task.run(job(line, **args))


def test_tasks_are_known_by_the_names_that_triggers_use() -> None:
    assert {task.name for task in TASKS} >= {
        "sync_calendars",
        "sync_calendar",
        "write_viewing",
        "write_viewings",
        "check_viewing",
        "delete_stray_event",
    }


def test_due_accounts_are_queued_once(line: Line) -> None:  # noqa: F811
    line.connect()
    SYNC_CALENDARS.run(job(line))
    assert line.jobs("sync_calendar") == []
    line.age(6)
    for _ in range(2):
        SYNC_CALENDARS.run(job(line))
    assert line.jobs("sync_calendar") == [{"account_id": line.account_id}]


def test_reading_writes_what_waits(line: Line, remote: ScriptedCalendar) -> None:  # noqa: F811
    line.connect()
    line.book()
    SYNC_CALENDAR.run(job(line, account_id=line.account_id))
    assert len(remote.events) == 1


def test_trouble_of_a_provider_is_no_failed_job(line: Line, remote: ScriptedCalendar) -> None:  # noqa: F811
    line.connect()
    remote.fault = DOWN
    SYNC_CALENDAR.run(job(line, account_id=line.account_id))
    SYNC_CALENDAR.run(job(line, account_id=line.account_id + 1))


def test_viewing_is_written_and_given_up(line: Line, remote: ScriptedCalendar) -> None:  # noqa: F811
    line.connect()
    line.book()
    remote.fault = DOWN
    with pytest.raises(CalendarUnreachable):
        run_all(line, WRITE_ONE)
    assert WRITE_ONE.gave_up is not None
    WRITE_ONE.gave_up(job(line, appointment_id=1), "no answer for hours")
    (row,) = line.viewings()
    assert row["problem"] == "no answer for hours"
    with pytest.raises(CalendarUnreachable):
        WRITE_ALL.run(job(line, agent_id="ana"))
    remote.fault = None
    run_all(line, WRITE_ONE)
    assert len(remote.events) == 1
    WRITE_ONE.gave_up(job(line, appointment_id=1), "late")
    (row,) = line.viewings()
    assert row["problem"] is None


def test_event_is_looked_for(line: Line, remote: ScriptedCalendar) -> None:  # noqa: F811
    line.connect()
    line.book()
    run_all(line, WRITE_ONE)
    remote.person_deletes()
    CHECK_ONE.run(job(line, appointment_id=1))
    (row,) = line.viewings()
    assert row["remote_change"] == "deleted"
    CHECK_ONE.run(job(line, appointment_id=99))


def test_stray_event_is_deleted(line: Line, remote: ScriptedCalendar) -> None:  # noqa: F811
    line.connect()
    line.book()
    run_all(line, WRITE_ONE)
    ((event_id, event),) = remote.events.items()
    line.database.fetch("UPDATE appointments SET status = 'cancelled'")
    run_all(line, WRITE_ONE)
    remote.events[event_id] = event
    calendar_id = line.calendar().calendar_id
    DELETE_STRAY.run(job(line, appointment_id=1, calendar_id=calendar_id, event_id=event_id, revision=0))
    assert remote.events == {}
    with pytest.raises(JobMalformed, match="names no event_id"):
        DELETE_STRAY.run(job(line, appointment_id=1, calendar_id=calendar_id, event_id=7, revision=0))


@pytest.mark.parametrize("args", [{}, {"appointment_id": "1"}])
def test_malformed_job_fails_with_a_sentence(line: Line, args: dict[str, object]) -> None:  # noqa: F811
    with pytest.raises(JobMalformed, match="names no appointment_id"):
        WRITE_ONE.run(job(line, **args))
