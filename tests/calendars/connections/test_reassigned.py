"""A viewing that another agent takes over leaves one calendar and appears in the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.appointments.calendar_events.repository import CalendarEventRepository
from peterental.appointments.manual.model import ExpectedState, ViewingEdit
from peterental.calendars.model import CalendarUnreachable
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


@pytest.fixture
def booked(line: Line) -> Line:
    """A viewing that is in Ana's calendar, and Ben, who works as Ana does."""
    line.database.fetch("INSERT INTO agents (agent_id, agent_name, time_zone) VALUES ('ben', 'Ben', 'UTC')")
    line.database.fetch(
        "INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)"
        " SELECT 'ben', weekday, '08:00', '20:00' FROM generate_series(1, 7) AS weekday ON CONFLICT DO NOTHING"
    )
    line.connect()
    line.book()
    line.work()
    return line


def connect_ben(line: Line) -> None:
    line.services.calendars.connect_caldav("ben", "dav.example.com", "ben@example.com", "pass", OFFICE)


def give_to(line: Line, agent_id: str, **fields: str) -> None:
    old, _ = line.services.manual.show(1, OFFICE)
    assert old.updated_at is not None
    entry = ViewingEdit(
        agent_id=agent_id,
        property_address=old.property_address,
        attendee_name=fields.get("attendee_name", old.attendee_name),
        notes=fields.get("notes"),
    )
    line.services.manual.edit(1, ExpectedState(old.updated_at, old.start, old.status), entry, OFFICE)


def owner_of_event(line: Line) -> str | None:
    rows = line.database.fetch(
        "SELECT agent_id FROM calendar_viewings JOIN calendars USING (calendar_id) WHERE event_id IS NOT NULL"
    )
    return rows[0]["agent_id"] if rows else None


def test_event_moves_to_the_calendar_of_the_other_agent(booked: Line, remote: ScriptedCalendar) -> None:
    connect_ben(booked)
    assert owner_of_event(booked) == "ana"
    give_to(booked, "ben")
    booked.work()
    ((event, _),) = remote.events.values()
    assert (event.marker.revision, event.sequence) == (1, 1)
    assert owner_of_event(booked) == "ben"
    (row,) = booked.viewings()
    assert row["version"] == row["written_version"]
    booked.services.calendar_events.write(1)
    assert len(remote.events) == 1, "writing it again changes nothing"


def test_event_goes_where_the_other_agent_has_no_calendar(booked: Line, remote: ScriptedCalendar) -> None:
    give_to(booked, "ben")
    booked.work()
    assert remote.events == {}
    (row,) = booked.viewings()
    assert (row["calendar_id"], row["version"]) == (None, row["written_version"])
    assert booked.database.fetch("SELECT calendar_event_id FROM appointments") == [{"calendar_event_id": None}]
    connect_ben(booked)
    booked.work()
    assert owner_of_event(booked) == "ben"
    assert len(remote.events) == 1


def test_event_waits_until_it_could_be_deleted(booked: Line, remote: ScriptedCalendar) -> None:
    connect_ben(booked)
    give_to(booked, "ben")
    remote.fault = DOWN
    with pytest.raises(CalendarUnreachable):
        booked.work()
    assert owner_of_event(booked) == "ana"
    remote.fault = None
    booked.work()
    assert owner_of_event(booked) == "ben"
    assert len(remote.events) == 1


def test_lost_answer_to_the_deletion_leaves_one_event(booked: Line, remote: ScriptedCalendar) -> None:
    connect_ben(booked)
    give_to(booked, "ben")
    remote.holds = True
    with pytest.raises(CalendarUnreachable):
        booked.work()
    remote.held.pop()()
    booked.work()
    assert owner_of_event(booked) == "ben"
    assert len(remote.events) == 1


def test_viewing_that_comes_back_before_the_job_stays(booked: Line, remote: ScriptedCalendar) -> None:
    give_to(booked, "ben")
    give_to(booked, "ana")
    booked.work()
    ((event, _),) = remote.events.values()
    assert (event.marker.revision, owner_of_event(booked)) == (0, "ana")


def test_notes_are_not_written_and_names_are(booked: Line, remote: ScriptedCalendar) -> None:
    give_to(booked, "ana", notes="Has a dog")
    assert booked.jobs("write_viewing") == [{"appointment_id": 1}], "of the booking only"
    give_to(booked, "ana", attendee_name="Maria", notes="Has a dog")
    booked.work()
    ((event, _),) = remote.events.values()
    assert "Maria" in event.title
    assert "dog" not in f"{event.title} {event.description}"


def test_feed_of_the_earlier_agent_has_changed(booked: Line) -> None:
    events, since = CalendarEventRepository(booked.database), booked.noon - timedelta(days=1)
    before = events.last_change("ana", since)
    assert before is not None
    give_to(booked, "ben")
    after = events.last_change("ana", since)
    assert after is not None
    assert after > before
