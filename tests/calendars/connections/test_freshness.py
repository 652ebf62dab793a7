"""No time is offered or booked by busy times that are too old to be relied on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.calendars.model import CalendarThrottled, CalendarUnreachable
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

UNREACHABLE = (
    "I'm sorry, I can't reach the calendar just now, so I can't book a time."
    " I've noted what you'd like, and someone will call you back."
)
DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


def test_busy_time_is_neither_offered_nor_booked(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    assert "twelve" not in line.say("get_availability", date=f"{line.noon:%Y-%m-%d}", time_of_day="noon to one")
    assert "taken" in line.book()
    assert line.book(line.noon + timedelta(hours=1)).startswith("You're booked")


def test_reading_from_before_the_clock_was_set_back_is_not_relied_on(line: Line) -> None:
    """The database's clock went an hour back: nobody knows how old the reading is, and nothing waits for an hour."""
    line.connect()
    account_id = line.account_id
    line.database.fetch("UPDATE calendars SET read_at = read_at + INTERVAL '1 hour', read_cursor = NULL")
    line.database.fetch(
        """
        UPDATE calendar_accounts
        SET attempted_at = NOW() + INTERVAL '1 hour', lease_token = gen_random_uuid(),
            leased_until = NOW() + INTERVAL '63 minutes', retry_at = NOW() + INTERVAL '2 hours'
        """
    )
    age = line.services.calendars.age("ana")
    assert age is not None
    assert age.age_s is None
    assert line.services.calendar_sync.due() == [account_id]
    line.busy_at(line.noon)
    assert "taken" in line.book()
    assert line.services.calendar_sync.due() == []


def test_without_a_calendar_nothing_is_asked(line: Line, remote: ScriptedCalendar) -> None:
    assert line.book().startswith("You're booked")
    assert remote.reads == []


def test_recent_reading_is_used_as_it_is(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    reads = len(remote.reads)
    line.age(14)
    assert line.book().startswith("You're booked")
    assert len(remote.reads) == reads


def test_old_reading_is_read_again_for_the_caller(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.age(16)
    line.busy_at(line.noon)
    remote.increments = []
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    assert "taken" in line.book()
    line.age(16)
    assert line.book(line.noon + timedelta(hours=1)).startswith("You're booked")


def test_account_that_is_too_old_is_read_first_for_the_caller(line: Line, remote: ScriptedCalendar) -> None:
    """The one that was read a moment ago may take all the time."""
    line.connect()
    line.services.calendars.connect_caldav("ana", "dav.example.com", "other@example.com", "pass", OFFICE)
    old = "other@example.com"
    line.database.fetch(
        "UPDATE calendars SET read_at = read_at - INTERVAL '1 hour'"
        " WHERE account_id = (SELECT account_id FROM calendar_accounts WHERE name = %s)",
        (old,),
    )
    asked: list[str] = []

    def note() -> None:
        (row,) = line.database.fetch("SELECT name FROM calendar_accounts WHERE lease_token IS NOT NULL")
        asked.append(row["name"])

    remote.before_answer = note
    assert line.book().startswith("You're booked")
    assert asked == [old, "ana@example.com"]


def test_unreachable_calendar_closes_the_phone(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.age(16)
    remote.fault = DOWN
    assert line.say("get_availability", date=f"{line.noon:%Y-%m-%d}") == UNREACHABLE
    assert line.book() == UNREACHABLE
    assert line.database.fetch("SELECT id FROM appointments") == []
    (message,) = line.database.fetch("SELECT body, attendee_name, caller_number, is_urgent FROM messages")
    assert message["is_urgent"]
    assert message["attendee_name"] == "Dolores Whitcomb"
    assert message["caller_number"] == "+14055550142"
    assert message["body"].startswith(
        f"Wants a viewing of 1420 Elm Street: “{line.noon:%Y-%m-%dT%H:%M:%SZ}”. Your calen"
    )
    remote.fault = None
    assert line.book().startswith("You're booked"), "the next caller is served again"


def test_never_read_calendar_closes_the_phone(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.database.fetch("UPDATE calendars SET read_at = NULL")
    remote.fault = DOWN
    assert line.book() == UNREACHABLE


def test_reading_that_ends_before_the_horizon_is_not_enough(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.database.fetch("UPDATE agents SET horizon_days = 60")
    remote.fault = DOWN
    assert line.book() == UNREACHABLE
    remote.fault = None
    assert line.book().startswith("You're booked")


def test_move_fails_closed_and_cancellation_works(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.age(16)
    remote.fault = DOWN
    moved_to = (line.noon + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert line.say("reschedule_appointment", attendee_name="Dolores Whitcomb", start_time=moved_to) == UNREACHABLE
    (message,) = line.database.fetch("SELECT body FROM messages")
    assert message["body"].startswith("Wants to move a viewing")
    assert line.database.fetch("SELECT start_time FROM appointments") == [{"start_time": line.noon}]
    assert "cancelled" in line.say("cancel_appointment", attendee_name="Dolores Whitcomb")


def test_agent_may_trust_the_last_known_times(line: Line, remote: ScriptedCalendar) -> None:
    line.busy_at(line.noon)
    line.connect()
    line.age(600)
    remote.fault = DOWN
    line.services.calendars.set_trusts_stale("ana", OFFICE, trusts_stale=True)
    assert "taken" in line.book()
    assert line.book(line.noon + timedelta(hours=1)).startswith("You're booked")


def test_throttling_provider_is_left_alone(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.age(16)
    remote.fault = CalendarThrottled(host="dav.example.com", retry_after_s=600)
    assert line.book() == UNREACHABLE
    asked = len(remote.reads)
    remote.fault = None
    assert line.book() == UNREACHABLE
    assert len(remote.reads) == asked, "not before Retry-After has passed"
    line.database.fetch("UPDATE calendar_accounts SET retry_at = NOW() - INTERVAL '1 second'")
    assert line.book().startswith("You're booked")


def test_repeated_delivery_gets_the_same_answer(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.age(16)
    remote.fault = DOWN
    line.book()
    remote.fault = None
    line.calls.pop()  # the same tool call again
    assert line.book() == UNREACHABLE


@pytest.mark.parametrize("number", [None, "anonymous"])
def test_no_call_back_is_promised_without_a_number(line: Line, remote: ScriptedCalendar, number: str | None) -> None:
    line.connect()
    line.age(16)
    remote.fault = DOWN
    line.caller_number = number
    assert line.book().endswith("What number can we call you back on?")
