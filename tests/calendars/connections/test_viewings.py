"""Every viewing is in the calendar once, whatever is killed, lost or changed by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from peterental.appointments.calendar_events.model import NothingToResolve
from peterental.appointments.manual.model import ExpectedState
from peterental.calendars.model import (
    CalendarGone,
    CalendarThrottled,
    CalendarUnreachable,
    EventRefused,
    Reading,
    RemoteCalendar,
)
from peterental.privacy.person import Person
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

DOWN = CalendarUnreachable(host="dav.example.com", reason="no answer")


def test_booking_is_written_with_all_that_the_agent_needs(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book(attendee_email="dolores@example.com")
    assert remote.events == {}, "no provider is asked while the caller waits"
    assert line.jobs("write_viewing") == [{"appointment_id": 1}]
    line.work()
    ((event, _),) = remote.events.values()
    assert event.title == "Viewing: 1420 Elm Street (Dolores Whitcomb)"
    assert event.location == "1420 Elm Street"
    assert event.description.splitlines() == [
        "Visitor: Dolores Whitcomb",
        "Phone: +14055550142",
        "E-mail: dolores@example.com",
        "Viewing: https://rent.example.com/appointments/1",
    ]
    assert (event.start, event.end) == (line.noon, line.noon + timedelta(minutes=30))
    (row,) = line.database.fetch("SELECT calendar_event_id FROM appointments")
    assert row["calendar_event_id"] in remote.events


def test_without_a_calendar_nothing_is_queued(line: Line) -> None:
    line.book()
    assert line.viewings() == []
    assert line.jobs("write_viewing") == []


def test_refused_booking_queues_nothing(line: Line) -> None:
    line.connect()
    line.busy_at(line.noon)
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert "taken" in line.book()
    assert line.viewings() == []


def test_moved_cancelled_and_restored(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    moved_to = line.noon + timedelta(hours=2)
    line.say(
        "reschedule_appointment",
        attendee_name="Dolores Whitcomb",
        start_time=moved_to.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    line.work()
    ((event, _),) = remote.events.values()
    assert (event.start, event.sequence) == (moved_to, 1)
    line.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    line.work()
    assert remote.events == {}
    assert line.database.fetch("SELECT calendar_event_id FROM appointments") == [{"calendar_event_id": None}]
    cancelled, _ = line.services.manual.show(1, OFFICE)
    assert cancelled.updated_at is not None
    seen = ExpectedState(updated_at=cancelled.updated_at, start=cancelled.start, status=cancelled.status)
    line.services.manual.change(1, seen, "reopen", OFFICE)
    line.work()
    ((restored, _),) = remote.events.values()
    assert restored.marker.revision == 1, "Google never gives a deleted id again"


def test_jobs_may_run_twice_late_and_out_of_order(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    line.work()
    line.services.calendar_events.write(1)
    assert remote.events == {}
    assert remote.written == [], "a viewing that was cancelled before it was written is never written"


def test_lost_answer_makes_no_second_event(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    remote.fault_after_write = DOWN
    with pytest.raises(CalendarUnreachable):
        line.work()
    (row,) = line.viewings()
    assert row["problem"] == str(DOWN)
    assert row["attempted_at"] is not None
    line.work()
    assert len(remote.events) == 1
    (row,) = line.viewings()
    assert (row["problem"], row["attempted_at"]) == (None, None)


def test_cancelled_after_a_lost_answer_is_deleted(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    remote.fault_after_write = DOWN
    with pytest.raises(CalendarUnreachable):
        line.work()
    line.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    line.work()
    assert remote.events == {}


def test_change_while_the_event_is_written_is_written_after(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()

    def move_meanwhile() -> None:
        remote.before_answer = lambda: None
        line.database.fetch("UPDATE appointments SET property_address = '1 Elm Street'")

    remote.before_answer = move_meanwhile
    line.work()
    assert remote.written == ["Viewing: 1420 Elm Street (Dolores Whitcomb)"]
    line.work()
    ((event, _),) = remote.events.values()
    assert event.location == "1 Elm Street"


def test_refused_event_is_told_and_not_repeated(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    remote.fault = EventRefused(host="dav.example.com", reason="the calendar is full")
    line.work()
    (row,) = line.viewings()
    assert row["problem"] == "dav.example.com refused the event: the calendar is full."
    assert row["version"] == row["written_version"]
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert each.account.problem is None, "the account itself works"
    remote.fault = None
    line.database.fetch("UPDATE appointments SET property_address = '1 Elm Street'")
    line.work()
    assert len(remote.events) == 1


def test_fault_is_recorded_on_the_account(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    remote.fault = CalendarThrottled(host="dav.example.com", retry_after_s=60)
    with pytest.raises(CalendarThrottled):
        line.work()
    with pytest.raises(Exception, match="asked to be left alone"):
        line.work()
    line.services.calendar_events.give_up(1, "many attempts failed")
    (row,) = line.viewings()
    assert row["problem"] == "many attempts failed"
    assert row["version"] != row["written_version"], "the next reading of the calendar tries again"


def test_upcoming_viewings_are_written_after_connecting(line: Line, remote: ScriptedCalendar) -> None:
    line.book()
    line.book(line.noon + timedelta(days=1), call="call-2", attendee_name="Ed Low", property_address="9 Oak Street")
    line.say("cancel_appointment", call="call-2", attendee_name="Ed Low")
    line.connect()
    assert line.jobs("write_viewings") == [{"agent_id": "ana"}]
    line.services.calendar_events.write_waiting("ana")
    assert remote.written == ["Viewing: 1420 Elm Street (Dolores Whitcomb)"]


def test_connecting_again_doubles_no_event(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    line.services.calendars.disconnect(line.account_id, OFFICE)
    assert len(remote.events) == 1, "events stay in the calendar"
    line.connect()
    line.services.calendar_events.write_waiting("ana")
    assert len(remote.events) == 1
    (row,) = line.viewings()
    assert row["event_id"] in remote.events


def test_own_event_never_blocks_its_own_move(line: Line) -> None:
    line.connect()
    line.book()
    line.work()
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert line.busy_rows() == []
    moved_to = (line.noon + timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "is now" in line.say("reschedule_appointment", attendee_name="Dolores Whitcomb", start_time=moved_to)


def test_move_by_a_person_is_reported_and_put_back(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    remote.person_moves(line.noon + timedelta(hours=3), line.noon + timedelta(hours=4))
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    ((state, viewing),) = line.services.calendar_events.changed_remotely("ana", OFFICE)
    assert (state.remote_change, state.remote_start) == ("moved", line.noon + timedelta(hours=3))
    assert viewing.start == line.noon, "never silently followed"
    line.services.calendar_events.put_back(1, OFFICE)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.start == line.noon
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []
    with pytest.raises(NothingToResolve):
        line.services.calendar_events.put_back(1, OFFICE)


@pytest.mark.parametrize("is_read", [True, False])
def test_other_change_of_a_viewing_does_not_undo_a_move(line: Line, remote: ScriptedCalendar, *, is_read: bool) -> None:
    """Also if the calendar was not read since a person moved the event."""
    line.connect()
    line.book()
    line.work()
    moved_to = line.noon + timedelta(hours=3)
    remote.person_moves(moved_to, moved_to + timedelta(minutes=45))
    if is_read:
        line.database.fetch("UPDATE calendars SET read_cursor = NULL")
        line.sync()
    line.database.fetch("UPDATE appointments SET property_address = '1 Elm Street'")
    line.work()
    for _ in range(2):
        ((event, _),) = remote.events.values()
        assert (event.location, event.start, event.end) == ("1 Elm Street", moved_to, moved_to + timedelta(minutes=45))
        ((state, _),) = line.services.calendar_events.changed_remotely("ana", OFFICE)
        assert (state.remote_change, state.remote_start, state.is_waiting) == ("moved", moved_to, False)
        line.database.fetch("UPDATE calendars SET read_cursor = NULL")
        line.sync()
    line.services.calendar_events.put_back(1, OFFICE)
    line.work()
    ((event, _),) = remote.events.values()
    assert (event.start, event.end) == (line.noon, line.noon + timedelta(minutes=30))
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


def test_viewing_that_is_moved_takes_its_event_along(line: Line, remote: ScriptedCalendar) -> None:
    """Whatever a person did to it before."""
    line.connect()
    line.book()
    line.work()
    remote.person_moves(line.noon + timedelta(hours=3), line.noon + timedelta(hours=4))
    later = line.noon + timedelta(hours=5)
    start = later.strftime("%Y-%m-%dT%H:%M:%SZ")
    line.say("reschedule_appointment", attendee_name="Dolores Whitcomb", start_time=start)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.start == later
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


def test_time_that_a_person_moved_it_to_is_taken(line: Line, remote: ScriptedCalendar) -> None:
    """The agent has given that time away in the calendar; only the viewing itself may be moved there."""
    line.database.fetch("UPDATE agents SET daily_cap = 2")
    line.connect()
    line.book()
    line.work()
    moved_to = line.noon + timedelta(hours=3)
    remote.person_moves(moved_to, moved_to + timedelta(minutes=30))
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert "taken" in line.book(moved_to, call="call-2", attendee_name="Ed Low", property_address="9 Oak Street")
    free = line.services.manual.free_times.on("ana", moved_to.date(), OFFICE).times
    assert moved_to not in free
    assert moved_to + timedelta(minutes=30) in free, "it counts once towards the daily cap"
    name, start = "Dolores Whitcomb", moved_to.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "is now" in line.say("reschedule_appointment", attendee_name=name, start_time=start)
    again = line.book(call="call-2", attendee_name="Ed Low", property_address="9 Oak Street")
    assert "booked" in again, "its earlier time is free"


def test_person_moving_it_back_ends_the_report(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    for start in (line.noon + timedelta(hours=3), line.noon):
        remote.person_moves(start, start + timedelta(minutes=30))
        line.database.fetch("UPDATE calendars SET read_cursor = NULL")
        line.sync()
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


def test_deletion_by_a_person_is_looked_up_and_reported(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    remote.person_deletes()
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert line.jobs("check_viewing") == [{"appointment_id": 1}]
    line.services.calendar_events.check(1)
    ((state, _),) = line.services.calendar_events.changed_remotely("ana", OFFICE)
    assert state.remote_change == "deleted"
    assert line.services.manual.show(1, OFFICE)[0].status == "confirmed", "never silently followed"
    line.services.calendar_events.put_back(1, OFFICE)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 1
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


def test_reported_removal_that_is_none_changes_nothing(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    (row,) = line.viewings()
    remote.increments = [Reading(is_whole=False, removed_own=frozenset({row["event_id"]}), cursor="next")]
    line.sync()
    line.services.calendar_events.check(1)
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


@pytest.mark.parametrize("hours", [0, 3])
@pytest.mark.parametrize("blocks", [True, False])
def test_event_that_a_person_moved_into_another_calendar_is_followed(
    line: Line, remote: ScriptedCalendar, hours: int, *, blocks: bool
) -> None:
    """At its time or another one, and whether the other calendar is read or not."""
    remote.found += [RemoteCalendar(remote_id=name, name=name, is_writable=True) for name in ("lost", "private")]
    remote.busy |= {"lost": {}, "private": {}}
    remote.broken["lost"] = CalendarGone(name="lost")
    line.connect()
    if blocks:
        chosen = [line.calendar(name).calendar_id for name in ("Work", "private")]
        line.services.calendars.choose(
            line.account_id, blocking=chosen, receiving=chosen[0], keeps_titles=False, viewer=OFFICE
        )
    line.book()
    line.work()
    start = line.noon + timedelta(hours=hours)
    remote.person_moves_to("private", start, start + timedelta(minutes=30))
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    line.services.calendar_events.check(1)
    found = line.services.calendar_events.changed_remotely("ana", OFFICE)
    assert [(state.remote_change, state.remote_start) for state, _ in found] == ([("moved", start)] if hours else [])
    (row,) = line.viewings()
    assert row["calendar_id"] == line.calendar("private").calendar_id
    line.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    line.work()
    assert remote.events == {}


@pytest.mark.parametrize("hours", [0, 3])
def test_viewing_that_changes_after_its_event_went_into_another_calendar(
    line: Line, remote: ScriptedCalendar, hours: int
) -> None:
    """Before that was noticed: there is one event then, where the person put it."""
    remote.found.append(RemoteCalendar(remote_id="private", name="private", is_writable=True))
    line.connect()
    line.book()
    line.work()
    remote.person_moves_to("private", line.noon, line.noon + timedelta(minutes=30))
    moved = line.noon + timedelta(hours=hours)
    line.database.fetch(
        "UPDATE appointments SET attendee_name = 'Ed', start_time = %s, end_time = %s, blocked_until = %s",
        (moved, moved + timedelta(minutes=30), moved + timedelta(minutes=30)),
    )
    line.work()
    ((event, _),) = remote.events.values()
    assert (event.title, event.start) == ("Viewing: 1420 Elm Street (Ed)", moved)
    (row,) = line.viewings()
    assert (row["calendar_id"], row["remote_change"]) == (line.calendar("private").calendar_id, None)


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.parametrize("change", ["cancelled", "reassigned"])
def test_viewing_that_ends_after_its_event_went_into_another_calendar(
    line: Line, remote: ScriptedCalendar, change: str, *, is_seen: bool
) -> None:
    """Before that was noticed: no event is left there, also if that calendar cannot be searched at first."""
    remote.found += [RemoteCalendar(remote_id=name, name=name, is_writable=True) for name in ("lost", "private")]
    remote.broken["lost"] = CalendarGone(name="lost")
    line.connect()
    line.book()
    line.work()
    remote.person_moves_to("private", line.noon, line.noon + timedelta(minutes=30))
    if change == "cancelled":
        line.say("cancel_appointment", attendee_name="Dolores Whitcomb")
    else:
        line.database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('ben', 'Ben')")
        line.database.fetch("UPDATE appointments SET agent_id = 'ben'")
    if not is_seen:
        remote.broken["private"] = DOWN
        with pytest.raises(CalendarUnreachable):
            line.work()
        del remote.broken["private"]
    line.work()
    assert remote.events == {}
    assert [row["written_version"] == row["version"] for row in line.viewings()] == [True]


def test_calendar_that_cannot_be_searched_leaves_the_question_open(line: Line, remote: ScriptedCalendar) -> None:
    remote.found.append(RemoteCalendar(remote_id="private", name="Private", is_writable=True))
    line.connect()
    line.book()
    line.work()
    remote.person_deletes()
    remote.broken["private"] = DOWN
    with pytest.raises(CalendarUnreachable):
        line.services.calendar_events.check(1)
    assert line.services.calendar_events.changed_remotely("ana", OFFICE) == []


def test_viewing_that_changes_after_a_deletion_gets_a_new_event(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    remote.person_deletes()
    line.database.fetch("UPDATE appointments SET property_address = '1 Elm Street'")
    line.work()
    ((event, _),) = remote.events.values()
    assert (event.marker.revision, event.location) == (1, "1 Elm Street")


def test_spent_id_leads_to_the_next_revision(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    namespace = line.database.fetch("SELECT namespace FROM installation")[0]["namespace"]
    remote.spent = {f"id-of-pr{namespace}v1r{revision}" for revision in range(2)}
    line.work()
    ((event, _),) = remote.events.values()
    assert event.marker.revision == 2


def test_viewing_of_the_past_is_not_written(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.database.fetch(
        "UPDATE appointments SET start_time = start_time - INTERVAL '9 days', end_time = end_time - INTERVAL '9 days'"
    )
    line.work()
    assert remote.written == []
    assert [row["version"] == row["written_version"] for row in line.viewings()] == [True]


def test_another_process_is_waited_for(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.database.fetch(
        "UPDATE calendar_accounts SET lease_token = gen_random_uuid(), leased_until = NOW() + INTERVAL '0.3 seconds'"
    )
    line.work()
    assert len(remote.events) == 1


def test_deleted_name_leaves_the_calendar_too(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    line.work()
    line.database.fetch("UPDATE appointments SET attendee_name = 'Deleted'")
    line.work()
    ((event, _),) = remote.events.values()
    assert event.title == "Viewing: 1420 Elm Street (Deleted)"


def test_viewings_of_the_past_are_not_compared(line: Line, remote: ScriptedCalendar) -> None:
    """An agent has thousands after some years, and a calendar is read every five minutes."""
    line.connect()
    line.book()
    line.work()
    line.database.fetch("UPDATE calendar_viewings SET written_start = written_start - INTERVAL '9 days'")
    ((event_id, _),) = remote.events.items()
    remote.person_deletes()
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert line.jobs("check_viewing") == []
    remote.increments = [Reading(is_whole=False, removed_own=frozenset({event_id}), cursor="next")]
    line.sync()
    assert line.jobs("check_viewing") == [{"appointment_id": 1}], "it was reported as removed"


# --- a visitor's data is deleted -------------------------------------------------------------------------------------


def make_past(line: Line) -> None:
    """Let the viewing be one of ten days ago, which is in the calendar."""
    line.work()
    line.database.fetch(
        "UPDATE appointments SET start_time = start_time - INTERVAL '10 days', end_time = end_time - INTERVAL '10 days',"
        " blocked_until = blocked_until - INTERVAL '10 days'"
    )
    line.work()


def erase(line: Line, *upcoming: int) -> None:
    """Delete the caller's data."""
    line.services.persons.delete(Person.parse(str(line.caller_number)), OFFICE, upcoming)


def test_event_of_a_past_viewing_is_deleted_with_the_visitor_s_data(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    make_past(line)
    assert len(remote.events) == 1
    written = len(remote.written)
    erase(line)
    assert line.jobs("write_viewing")[-1] == {"appointment_id": 1}
    line.work()
    assert remote.events == {}
    assert len(remote.written) == written, "it is not written again without the visitor, which the provider might keep"
    assert line.database.fetch("SELECT calendar_event_id FROM appointments") == [{"calendar_event_id": None}]
    line.database.fetch("UPDATE appointments SET attendee_name = 'Max'")
    line.work()
    assert remote.events == {}, "a viewing that is over gets no new event"


def test_event_of_an_erased_viewing_is_deleted_once_its_provider_answers(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.book()
    make_past(line)
    erase(line)
    remote.fault = DOWN
    with pytest.raises(CalendarUnreachable):
        line.work()
    assert len(remote.events) == 1
    remote.fault = None
    line.work()
    assert remote.events == {}


def test_event_that_a_person_moved_or_deleted_goes_with_the_visitor_s_data(
    line: Line, remote: ScriptedCalendar
) -> None:
    line.connect()
    line.book()
    make_past(line)
    remote.person_deletes()
    erase(line)
    line.work()
    assert remote.events == {}
    (row,) = line.viewings()
    assert row["version"] == row["written_version"]


def test_upcoming_viewing_that_is_restored_after_the_deletion_has_an_event(
    line: Line, remote: ScriptedCalendar
) -> None:
    """Its agent has to know of it; it says no name."""
    line.connect()
    line.book()
    line.work()
    erase(line, 1)
    line.work()
    assert remote.events == {}
    cancelled, _ = line.services.manual.show(1, OFFICE)
    assert cancelled.updated_at is not None
    seen = ExpectedState(updated_at=cancelled.updated_at, start=cancelled.start, status=cancelled.status)
    line.services.manual.change(1, seen, "reopen", OFFICE)
    line.work()
    ((event, _),) = remote.events.values()
    assert event.title == "Viewing: 1420 Elm Street (Name deleted)"
