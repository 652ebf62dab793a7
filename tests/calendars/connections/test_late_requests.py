"""Requests that take effect after their answer was lost, and after later requests: each is held until the test says."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from peterental.appointments.calendar_events.service import MailboxBusy
from peterental.appointments.manual.model import ExpectedState
from peterental.calendars.model import CalendarUnreachable
from peterental.calendars.repository import Lease
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

HOUR = timedelta(hours=1)


@pytest.fixture
def booked(line: Line) -> Line:
    """Ana, who has a viewing that is not written yet."""
    line.connect()
    line.book()
    return line


@pytest.fixture
def written(booked: Line) -> Line:
    """Ana, whose viewing is in the calendar."""
    booked.work()
    return booked


def hold(line: Line) -> None:
    """Let the next request that changes something be late."""
    line.remote.holds = True
    with pytest.raises(CalendarUnreachable):
        line.work()
    assert len(line.remote.held) == 1


def move(line: Line, hours: int) -> None:
    """Move the viewing on the database, as each path does."""
    line.database.fetch(
        "UPDATE appointments SET start_time = %(at)s, end_time = %(at)s + INTERVAL '30 minutes',"
        " blocked_until = %(at)s + INTERVAL '30 minutes'",
        {"at": line.noon + hours * HOUR},
    )


def cancel(line: Line) -> None:
    line.say("cancel_appointment", attendee_name="Dolores Whitcomb")


def restore(line: Line) -> None:
    cancelled, _ = line.services.manual.show(1, OFFICE)
    assert cancelled.updated_at is not None
    seen = ExpectedState(updated_at=cancelled.updated_at, start=cancelled.start, status=cancelled.status)
    line.services.manual.change(1, seen, "reopen", OFFICE)


def read_and_work(line: Line) -> None:
    """Read the calendar whole, and do the jobs that follow, until none is left."""
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    for args in take_jobs(line, "check_viewing"):
        line.services.calendar_events.check(**args)
    for args in take_jobs(line, "delete_stray_event"):
        line.services.calendar_events.delete_stray(**args)
    line.work()


def take_jobs(line: Line, task: str) -> list[dict[str, Any]]:
    """Return the arguments of the waiting jobs of a task, and remove them."""
    found = line.jobs(task)
    line.database.fetch("DELETE FROM procrastinate_jobs WHERE task_name = %s", (task,))
    return found


def reported(line: Line) -> list[str | None]:
    """What is reported of the events that people changed."""
    return [state.remote_change for state, _ in line.services.calendar_events.changed_remotely("ana", OFFICE)]


def test_late_creation_of_a_cancelled_viewing_is_deleted(booked: Line, remote: ScriptedCalendar) -> None:
    hold(booked)
    cancel(booked)
    booked.work()
    remote.release()
    assert len(remote.events) == 1
    read_and_work(booked)
    assert remote.events == {}


def test_late_creation_beside_a_restored_viewing_is_deleted(booked: Line, remote: ScriptedCalendar) -> None:
    hold(booked)
    cancel(booked)
    booked.work()
    restore(booked)
    booked.work()
    remote.release()
    assert len(remote.events) == 2
    read_and_work(booked)
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1
    assert reported(booked) == []


def test_late_creation_of_a_written_viewing_changes_nothing_for_long(booked: Line, remote: ScriptedCalendar) -> None:
    hold(booked)
    move(booked, 3)
    booked.work()
    remote.release()  # this provider takes the creation for a change
    read_and_work(booked)
    ((event, _),) = remote.events.values()
    assert event.start == booked.noon + 3 * HOUR


def test_late_change_after_a_later_one_is_written_over(written: Line, remote: ScriptedCalendar) -> None:
    move(written, 2)
    hold(written)
    move(written, 4)
    written.work()
    remote.release()
    ((event, _),) = remote.events.values()
    assert event.start == written.noon + 2 * HOUR
    read_and_work(written)
    ((event, _),) = remote.events.values()
    assert event.start == written.noon + 4 * HOUR
    assert reported(written) == []
    read_and_work(written)
    assert take_jobs(written, "check_viewing") == [], "it is settled"


def test_late_change_of_the_address_is_written_over(written: Line, remote: ScriptedCalendar) -> None:
    written.database.fetch("UPDATE appointments SET property_address = '1 Elm Street'")
    hold(written)
    written.database.fetch("UPDATE appointments SET property_address = '2 Elm Street'")
    written.work()
    remote.release()
    read_and_work(written)
    ((event, _),) = remote.events.values()
    assert event.location == "2 Elm Street"


def test_late_change_under_an_open_report_is_for_the_person(written: Line, remote: ScriptedCalendar) -> None:
    move(written, 2)
    hold(written)
    move(written, 4)
    written.work()
    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    read_and_work(written)
    remote.release()
    read_and_work(written)
    ((state, _),) = written.services.calendar_events.changed_remotely("ana", OFFICE)
    assert (state.remote_change, state.remote_start) == ("moved", written.noon + 2 * HOUR)
    ((event, _),) = remote.events.values()
    assert event.start == written.noon + 2 * HOUR, "not written over what a person had changed"


def test_move_by_a_person_from_a_late_change_is_reported(written: Line, remote: ScriptedCalendar) -> None:
    move(written, 2)
    hold(written)
    move(written, 4)
    written.work()
    remote.release()
    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    read_and_work(written)
    assert reported(written) == ["moved"]
    ((event, _),) = remote.events.values()
    assert event.start == written.noon + 6 * HOUR, "never silently overwritten"


def test_move_of_an_event_without_a_stamp_is_reported(written: Line, remote: ScriptedCalendar) -> None:
    remote.stamps.clear()
    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    read_and_work(written)
    assert reported(written) == ["moved"]
    read_and_work(written)
    assert take_jobs(written, "check_viewing") == [], "what is known is not looked up again"


def test_move_of_a_refused_event_is_reported(written: Line, remote: ScriptedCalendar) -> None:
    """What was refused was not written, so its stamp is an earlier one."""
    written.database.fetch("UPDATE calendar_viewings SET version = 9, written_version = 9, problem = 'refused'")
    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    read_and_work(written)
    assert reported(written) == ["moved"]


def test_late_deletion_of_a_restored_viewing_takes_the_old_event(written: Line, remote: ScriptedCalendar) -> None:
    cancel(written)
    hold(written)
    restore(written)
    written.work()
    assert len(remote.events) == 1
    remote.release()
    read_and_work(written)
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1
    assert reported(written) == []


def test_deletion_after_a_lost_creation_is_late(booked: Line, remote: ScriptedCalendar) -> None:
    hold(booked)
    remote.release()  # it exists, and its id is not known
    cancel(booked)
    hold(booked)
    restore(booked)
    booked.work()
    remote.release()
    read_and_work(booked)
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1


def test_lost_deletion_is_repeated(written: Line, remote: ScriptedCalendar) -> None:
    cancel(written)
    hold(written)
    written.work()
    assert remote.events == {}
    remote.release()
    read_and_work(written)
    assert remote.events == {}


def test_second_event_of_one_revision_is_deleted(written: Line, remote: ScriptedCalendar) -> None:
    """Microsoft forgets transaction ids after a while."""
    ((first, event),) = remote.events.items()
    remote.events["id-of-second"] = event
    remote.stamps["id-of-second"] = remote.stamps[first]
    read_and_work(written)
    assert list(remote.events) == [first]


def test_copy_by_a_person_stays(written: Line, remote: ScriptedCalendar) -> None:
    ((first, event),) = remote.events.items()
    remote.events["copy"] = event
    cancel(written)
    written.work()
    read_and_work(written)
    assert list(remote.events) == ["copy"]
    assert first in remote.spent


def test_event_of_a_viewing_is_no_stray(written: Line, remote: ScriptedCalendar) -> None:
    ((event_id, _),) = remote.events.items()
    calendar_id = written.calendar().calendar_id
    service = written.services.calendar_events
    service.delete_stray(1, calendar_id, event_id, 0)  # it is the viewing's own
    service.delete_stray(1, calendar_id, event_id, 7)  # of a revision that there is not yet
    service.delete_stray(99, calendar_id, event_id, 0)  # of no viewing
    service.delete_stray(1, 99, event_id, 0)  # in no calendar
    service.delete_stray(1, written.calendar("Holidays").calendar_id, event_id, 0)  # where nothing is written
    assert list(remote.events) == [event_id]


def test_event_without_its_successor_is_no_stray(written: Line, remote: ScriptedCalendar) -> None:
    """A person's program may have given the event another id, and the reading that says so is still to come."""
    ((event_id, event),) = remote.events.items()
    remote.events = {"id-of-renamed": event}
    calendar_id = written.calendar().calendar_id
    written.services.calendar_events.delete_stray(1, calendar_id, "id-of-renamed", 0)
    written.database.fetch("UPDATE calendar_viewings SET calendar_id = NULL")
    written.services.calendar_events.delete_stray(1, calendar_id, "id-of-renamed", 0)
    assert list(remote.events) == ["id-of-renamed"]
    assert event_id not in remote.spent


def test_what_a_check_found_under_an_ended_lease_is_not_recorded(written: Line, remote: ScriptedCalendar) -> None:
    def take_the_lease() -> None:
        written.database.fetch("UPDATE calendar_accounts SET lease_token = gen_random_uuid()")

    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    remote.before_answer = take_the_lease
    with pytest.raises(MailboxBusy):
        written.services.calendar_events.check(1)
    assert reported(written) == []


def test_what_was_written_under_an_ended_lease_is_written_again(booked: Line, remote: ScriptedCalendar) -> None:
    def take_the_lease() -> None:
        booked.database.fetch("UPDATE calendar_accounts SET lease_token = gen_random_uuid()")

    remote.before_answer = take_the_lease
    with pytest.raises(MailboxBusy):
        booked.work()
    remote.before_answer = lambda: None
    booked.database.fetch("UPDATE calendar_accounts SET leased_until = NULL")
    booked.work()
    assert len(remote.events) == 1
    (row,) = booked.viewings()
    assert row["version"] == row["written_version"]


def test_viewing_that_waits_is_not_compared(written: Line, remote: ScriptedCalendar) -> None:
    remote.person_moves(written.noon + 6 * HOUR, written.noon + 7 * HOUR)
    move(written, 1)
    requests: list[None] = []
    remote.before_answer = lambda: requests.append(None)
    written.services.calendar_events.check(1)
    assert requests == []
    assert reported(written) == []


def test_viewing_that_changes_while_the_account_is_busy_is_not_compared(
    written: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease_of = written.services.calendar_sync.lease

    def lease_after_a_move(account_id: int) -> AbstractContextManager[Lease | None]:
        move(written, 1)
        return lease_of(account_id)

    monkeypatch.setattr(written.services.calendar_sync, "lease", lease_after_a_move)
    requests: list[None] = []
    remote.before_answer = lambda: requests.append(None)
    written.services.calendar_events.check(1)
    assert requests == []
