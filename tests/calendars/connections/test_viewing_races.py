"""Events of viewings when a person or another process is faster. Each case was found by `make chaos`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from peterental.appointments.calendar_events.service import MailboxBusy
from peterental.calendars.model import CalendarUnreachable, EventMissing, ViewingEvent
from peterental.calendars.repository import Lease
from peterental.calendars.source import WrittenEvent
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


def lose_the_answer(line: Line, remote: ScriptedCalendar) -> None:
    """Create the event of the only viewing, without learning of it."""
    remote.fault_after_write = DOWN
    with pytest.raises(CalendarUnreachable):
        line.work()
    assert len(remote.events) == 1


def test_event_written_while_waiting_is_not_written_again(
    line: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.connect()
    line.book()
    lease_of = line.services.calendar_sync.lease

    @contextmanager
    def lease_after_another(account_id: int) -> Iterator[Lease | None]:
        monkeypatch.setattr(line.services.calendar_sync, "lease", lease_of)
        line.services.calendar_events.write(1)  # by another process
        remote.fault = DOWN
        with lease_of(account_id) as lease:
            yield lease

    monkeypatch.setattr(line.services.calendar_sync, "lease", lease_after_another)
    line.services.calendar_events.write(1)
    (row,) = line.viewings()
    assert (row["attempted_at"], row["problem"]) == (None, None)
    assert row["event_id"] in remote.events


def test_calendar_chosen_while_waiting_gets_the_event(
    line: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.connect()
    line.book()
    lease_of = line.services.calendar_sync.lease

    @contextmanager
    def lease_after_choice(account_id: int) -> Iterator[Lease | None]:
        monkeypatch.setattr(line.services.calendar_sync, "lease", lease_of)
        line.database.fetch("UPDATE calendars SET receives_viewings = FALSE")
        line.services.calendars.connect_caldav("ana", "dav.example.org", "other@example.org", "pass", OFFICE)
        with lease_of(account_id) as lease:
            yield lease

    monkeypatch.setattr(line.services.calendar_sync, "lease", lease_after_choice)
    with pytest.raises(MailboxBusy):
        line.services.calendar_events.write(1)
    line.work()
    assert len(remote.events) == 1


def test_event_deleted_after_a_lost_answer_gets_a_successor(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    lose_the_answer(line, remote)
    remote.person_deletes()
    line.work()
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1


def test_missing_event_at_creation_leads_to_the_next_revision(
    line: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.connect()
    line.book()
    write = remote.write

    def write_over_a_deleted_one(remote_id: str, event: ViewingEvent) -> WrittenEvent:
        if event.marker.revision == 0:
            raise EventMissing  # the provider knows its name, and shows it no more
        return write(remote_id, event)

    monkeypatch.setattr(remote, "write", write_over_a_deleted_one)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert each.account.problem is None


def test_created_event_that_does_not_exist_is_not_believed(
    line: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.connect()
    line.book()
    lose_the_answer(line, remote)
    ((event_id, _),) = remote.events.items()
    remote.person_deletes()
    write = remote.write

    def write_as_if_it_was_there(remote_id: str, event: ViewingEvent) -> WrittenEvent:
        return WrittenEvent(event_id) if event.marker.revision == 0 else write(remote_id, event)

    monkeypatch.setattr(remote, "write", write_as_if_it_was_there)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1


def test_event_moved_after_a_lost_answer_is_put_right(
    line: Line, remote: ScriptedCalendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.connect()
    line.book()
    lose_the_answer(line, remote)
    remote.person_moves(line.noon + timedelta(hours=3), line.noon + timedelta(hours=4))
    ((event_id, _),) = remote.events.items()
    write = remote.write

    def write_unless_it_is_there(remote_id: str, event: ViewingEvent) -> WrittenEvent:
        return WrittenEvent(event_id) if event.event_id is None else write(remote_id, event)

    monkeypatch.setattr(remote, "write", write_unless_it_is_there)
    line.work()
    ((event, _),) = remote.events.values()
    assert (event.start, event.marker.revision) == (line.noon, 0)


def test_event_moved_and_then_deleted_is_reported_as_deleted(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    remote.person_moves(line.noon + timedelta(hours=3), line.noon + timedelta(hours=4))
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    remote.person_deletes()
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert line.jobs("check_viewing") == [{"appointment_id": 1}]
    line.services.calendar_events.check(1)
    ((state, _),) = line.services.calendar_events.changed_remotely("ana", OFFICE)
    assert state.remote_change == "deleted"


def test_deleted_event_is_not_looked_for_again(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    remote.person_deletes()
    for _ in range(2):
        line.database.fetch("UPDATE calendars SET read_cursor = NULL")
        line.sync()
        line.services.calendar_events.check(1)
    assert line.jobs("check_viewing") == [{"appointment_id": 1}]
