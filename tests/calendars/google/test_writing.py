"""Viewings in a Google calendar: created once, changed, found and deleted."""

from __future__ import annotations

import json
from datetime import UTC, date, timedelta
from typing import Any

import pytest

from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    EventIdSpent,
    EventMissing,
    EventRefused,
    Stamp,
)
from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import DANA, LEE, WINDOW, at, connect, viewing
from tests.calendars.google.store import FakeCalendar

ID = str(viewing().marker)


def test_created_event_has_what_people_need(google: GoogleFake, calendar: FakeCalendar) -> None:
    assert connect(google).write(DANA, viewing()).event_id == ID
    event = calendar.events[ID]
    assert event["summary"] == "Viewing: 1420 Elm Street (Dolores Whitcomb)"
    assert event["location"] == "1420 Elm Street"
    assert event["description"] == "Dolores Whitcomb\n+1 512 555 0147"
    assert event["start"] == {"dateTime": "2026-12-02T10:00:00-06:00", "timeZone": "America/Chicago"}
    assert event["end"] == {"dateTime": "2026-12-02T10:30:00-06:00", "timeZone": "America/Chicago"}
    assert google.requests[-1].json()["reminders"] == {"useDefault": True}
    assert event["source"] == {"title": "PeteRental", "url": "https://rent.example.com/appointments/12"}
    assert event["extendedProperties"] == {"private": {"peterentalViewing": "12"}}
    assert "attendees" not in event
    assert google.requests[-1].query["sendUpdates"] == ["none"]


def test_event_without_an_address_has_no_source(google: GoogleFake, calendar: FakeCalendar) -> None:
    connect(google).write(DANA, viewing(url=None))
    assert "source" not in calendar.events[ID]


def test_description_is_not_read_as_html(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Google shows a description as HTML, and callers choose what is in it."""
    connect(google).write(DANA, viewing(description="<a href='https://bad.example'>Ann</a> & Bob\nsecond line"))
    assert (
        calendar.events[ID]["description"] == "&lt;a href='https://bad.example'&gt;Ann&lt;/a&gt; &amp; Bob\nsecond line"
    )


def test_lost_answer_makes_one_event(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Pitfall 12: the event was created, the answer was lost, and the viewing was moved before the next attempt."""
    account = connect(google)
    google.lose_answer("POST", "/events")
    with pytest.raises(CalendarUnreachable):
        account.write(DANA, viewing())
    moved = viewing(start=at(2, 15), end=at(2, 16))
    assert account.write(DANA, moved).event_id == ID
    assert list(calendar.events) == [ID]
    assert calendar.span(calendar.events[ID]) == (at(2, 15), at(2, 16))


def test_lost_answers_at_every_step_make_one_event(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    google.lose_answer("POST", "/events")
    google.lose_answer("GET", f"/{ID}")
    google.lose_answer("PATCH", f"/{ID}")
    for _ in range(3):
        with pytest.raises(CalendarUnreachable):
            account.write(DANA, viewing())
    assert account.write(DANA, viewing()).event_id == ID
    assert list(calendar.events) == [ID]


def test_nonsense_after_creating_makes_one_event(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    google.answer_nonsense("<html>Sign in</html>", method="POST", path="/events")
    with pytest.raises(CalendarNonsense):
        account.write(DANA, viewing())
    assert account.write(DANA, viewing()).event_id == ID
    assert list(calendar.events) == [ID]


def test_event_under_another_id_is_not_accepted(google: GoogleFake) -> None:
    google.answer_nonsense('{"kind": "calendar#event", "id": "another1"}', method="POST", path="/events")
    with pytest.raises(CalendarNonsense, match="another event"):
        connect(google).write(DANA, viewing())


@pytest.mark.parametrize("by", ["person", "us"])
def test_id_of_a_deleted_event_is_spent(google: GoogleFake, calendar: FakeCalendar, by: str) -> None:
    """Pitfall 12: a viewing that is restored gets an event with the next revision of its marker."""
    account = connect(google)
    account.write(DANA, viewing())
    if by == "person":
        calendar.cancel(ID)
    else:
        account.delete(DANA, ID)
    with pytest.raises(EventIdSpent, match="does not take the id of an event that was deleted"):
        account.write(DANA, viewing())
    assert account.write(DANA, viewing(revision=1)).event_id == "pr0123456789abv12r1"
    assert [event["id"] for event in calendar.events.values() if event["status"] == "confirmed"] == [
        "pr0123456789abv12r1"
    ]


def test_spent_id_is_a_refusal_of_the_event() -> None:
    assert issubclass(EventIdSpent, EventRefused)


def test_id_of_a_guests_copy_is_spent(google: GoogleFake, calendar: FakeCalendar) -> None:
    """A viewing goes from Dana to Lee, whom Dana had invited: Lee's copy is not the new event."""
    others = google.add_account(LEE)
    connect(google).write(DANA, viewing())
    calendar.invite(others, ID)
    account = connect(google, LEE)
    assert account.find(LEE, viewing()) is None
    with pytest.raises(EventIdSpent):
        account.write(LEE, viewing())
    assert account.write(LEE, viewing(revision=1)).event_id == "pr0123456789abv12r1"


def test_event_that_is_not_shown_yet_is_tried_again(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Google forgets a deleted event after some weeks, but not its id."""
    account = connect(google)
    account.write(DANA, viewing())
    calendar.cancel(ID)
    calendar.purge(ID)
    with pytest.raises(CalendarUnreachable, match="does not show it"):
        account.write(DANA, viewing())


# --- changes ---


def test_change_keeps_what_the_person_added(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    calendar.change(
        ID,
        attendees=[{"email": LEE}],
        reminders={"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
        colorId="5",
        transparency="transparent",
    )
    account.write(DANA, viewing(event_id=ID, start=at(3, 9), end=at(3, 10), title="Viewing: moved"))
    event = calendar.events[ID]
    assert (event["summary"], calendar.span(event)) == ("Viewing: moved", (at(3, 9), at(3, 10)))
    assert (event["attendees"], event["colorId"], event["transparency"]) == ([{"email": LEE}], "5", "transparent")
    assert event["reminders"]["overrides"] == [{"method": "popup", "minutes": 5}]
    assert google.requests[-1].query["sendUpdates"] == ["none"]


def test_all_day_event_gets_its_time_back(google: GoogleFake, calendar: FakeCalendar) -> None:
    """The person made it last all day; a change has to clear the date."""
    account = connect(google)
    account.write(DANA, viewing())
    calendar.patch(ID, {edge: {"date": "2026-12-02", "dateTime": None, "timeZone": None} for edge in ("start", "end")})
    account.write(DANA, viewing(event_id=ID))
    assert calendar.events[ID]["start"] == {"dateTime": "2026-12-02T10:00:00-06:00", "timeZone": "America/Chicago"}


@pytest.mark.parametrize("forbids", [True, False])
def test_change_of_a_deleted_event_is_missing(google: GoogleFake, calendar: FakeCalendar, *, forbids: bool) -> None:
    """Google answers 403, as users report, or the cancelled event. It is never brought back."""
    calendar.forbids_change_of_deleted = forbids
    account = connect(google)
    account.write(DANA, viewing())
    calendar.cancel(ID)
    with pytest.raises(EventMissing):
        account.write(DANA, viewing(event_id=ID))
    assert calendar.events[ID]["status"] == "cancelled"


def test_change_of_an_unknown_event_is_missing(google: GoogleFake) -> None:
    with pytest.raises(EventMissing):
        connect(google).write(DANA, viewing(event_id=ID))


def test_change_of_a_gone_event_is_missing(google: GoogleFake) -> None:
    google.answer_error(410, "deleted", method="PATCH")
    with pytest.raises(EventMissing):
        connect(google).write(DANA, viewing(event_id=ID))


def test_lost_answer_of_a_change_can_be_repeated(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.lose_answer("PATCH")
    changed = viewing(event_id=ID, start=at(3, 9), end=at(3, 10))
    with pytest.raises(CalendarUnreachable):
        account.write(DANA, changed)
    assert account.write(DANA, changed).event_id == ID
    assert calendar.span(calendar.events[ID]) == (at(3, 9), at(3, 10))


@pytest.mark.parametrize(("status", "reason"), [(400, "invalid"), (403, "forbiddenForNonOrganizer"), (403, "")])
@pytest.mark.parametrize("event_id", [None, ID])
def test_refused_event_names_the_reason(
    google: GoogleFake, calendar: FakeCalendar, status: int, reason: str, event_id: str | None
) -> None:
    calendar.put(ID, start=at(2, 10), end=at(2, 11))
    google.answer_error(status, reason, method="PATCH" if event_id else "POST")
    with pytest.raises(EventRefused) as refused:
        connect(google).write(DANA, viewing(event_id=event_id))
    assert str(refused.value) == f"Google Calendar refused the event: {reason or 'status 403'}."
    assert not isinstance(refused.value, EventIdSpent)


def test_conflict_of_a_change_is_tried_again(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(ID, start=at(2, 10), end=at(2, 11))
    google.answer_error(409, "conflict", method="PATCH")
    with pytest.raises(CalendarUnreachable, match=r"^Google Calendar refused a request: conflict\.$"):
        connect(google).write(DANA, viewing(event_id=ID))


def test_change_keeps_the_notes_of_a_person(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing(description="Visitor: Ann & Bob\nPhone: 1"))
    calendar.change(ID, description="Visitor: Ann &amp; Bob<br>Phone: 1<br><b>Bring the keys</b>")
    account.write(DANA, viewing(event_id=ID, description="Visitor: Ann & Bob\nPhone: 1", start=at(2, 9)))
    assert "description" not in json.loads(google.requests[-1].body), "nothing of it has changed"
    account.write(DANA, viewing(event_id=ID, description="Visitor: Deleted"))
    assert calendar.events[ID]["description"] == "Visitor: Deleted\n<b>Bring the keys</b>"


def test_change_is_made_from_the_version_that_was_read(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.call_before(lambda: calendar.change(ID, description="my notes"), method="PATCH")
    account.write(DANA, viewing(event_id=ID, title="Viewing: 7 Oak Road"))
    assert [request.method for request in google.requests] == ["POST", "GET", "PATCH", "GET", "PATCH"]
    assert calendar.events[ID]["summary"] == "Viewing: 7 Oak Road"
    assert "my notes" in calendar.events[ID]["description"]


def test_event_that_changes_all_the_time_is_changed_later(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    for _ in range(2):
        google.call_before(lambda: calendar.change(ID, location="elsewhere"), method="PATCH")
    with pytest.raises(CalendarUnreachable, match="another program keeps changing the event"):
        account.write(DANA, viewing(event_id=ID))


def test_late_change_after_a_move_by_a_person_changes_nothing(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.hold("PATCH")
    with pytest.raises(CalendarUnreachable):
        account.write(DANA, viewing(event_id=ID, start=at(2, 9)))
    calendar.change(ID, start=at(4, 15), end=at(4, 16))
    google.release()
    assert calendar.span(calendar.events[ID])[0] == at(4, 15)


def test_event_without_a_version_is_changed_anyway(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    bare = json.dumps({"kind": "calendar#event", "status": "confirmed"})
    google.answer_nonsense(bare, method="GET")
    account.write(DANA, viewing(event_id=ID, title="Viewing: 7 Oak Road"))
    assert "If-Match" not in google.requests[-1].headers
    assert calendar.events[ID]["summary"] == "Viewing: 7 Oak Road"


# --- delete and find ---


def test_delete_is_silent_and_final(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    assert account.delete(DANA, ID)
    assert google.requests[-1].query == {"sendUpdates": ["none"]}
    assert calendar.events[ID]["status"] == "cancelled"
    assert not account.delete(DANA, ID)
    assert not account.delete(DANA, "neverexisted")


def test_lost_answer_of_a_deletion_can_be_repeated(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.lose_answer("DELETE")
    with pytest.raises(CalendarUnreachable):
        account.delete(DANA, ID)
    account.delete(DANA, ID)
    assert calendar.events[ID]["status"] == "cancelled"


def test_refused_deletion_is_no_success(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.answer_error(403, "forbidden", method="DELETE", times=2)
    with pytest.raises(EventRefused):
        account.delete(DANA, ID)
    calendar.cancel(ID)
    account.delete(DANA, ID)


@pytest.mark.parametrize("page", ["<html>Sign in</html>", "{}"])
def test_web_page_in_place_of_a_deletion_is_no_success(google: GoogleFake, calendar: FakeCalendar, page: str) -> None:
    account = connect(google)
    account.write(DANA, viewing())
    google.misbehave(lambda request: "lie" if request.method == "DELETE" else None)
    with pytest.raises(CalendarNonsense, match="the answer to a deletion is not empty"):
        account.delete(DANA, ID)
    google.calm()
    assert calendar.events[ID]["status"] == "confirmed"
    google.answer_nonsense(page, method="DELETE")
    with pytest.raises(CalendarNonsense):
        account.delete(DANA, ID)


def test_event_keeps_the_stamp_of_what_was_written(google: GoogleFake, calendar: FakeCalendar) -> None:
    account = connect(google)
    account.write(DANA, viewing(version=3))
    account.write(DANA, viewing(version=4, event_id=ID, start=at(3, 9), end=at(3, 10)))
    calendar.change(ID, start=at(5, 9), end=at(5, 10))
    found = account.find(DANA, viewing())
    assert found is not None
    assert found.stamp == Stamp(4, at(3, 9).astimezone(UTC), at(3, 10).astimezone(UTC))
    assert found.is_original
    private = calendar.events[ID]["extendedProperties"]["private"]
    assert private["peterentalViewing"] == "12", "what else is there stays"


def test_deletion_of_a_moved_away_page_is_no_success(google: GoogleFake) -> None:
    """A redirect is not followed, and is not taken for success."""
    google.answer_error(302, method="DELETE", headers={"Location": "https://accounts.google.com/"})
    with pytest.raises(CalendarUnreachable):
        connect(google).delete(DANA, ID)


def test_moved_event_is_found_where_it_is(google: GoogleFake, calendar: FakeCalendar) -> None:
    """Pitfall 14: what a person did to it is reported."""
    account = connect(google)
    account.write(DANA, viewing())
    calendar.change(ID, start=at(4, 15), end=at(4, 16))
    for event in (viewing(), viewing(event_id=ID), viewing(event_id="lostid")):
        found = account.find(DANA, event)
        assert found is not None
        assert (found.marker, found.event_id) == (viewing().marker, ID)
        assert (found.start, found.end) == (at(4, 15), at(4, 16))


def test_event_with_another_id_is_found_and_changed(google: GoogleFake, calendar: FakeCalendar) -> None:
    """An id that was stored before events were named by their marker."""
    calendar.put("earlier1", start=at(4, 15), end=at(4, 16))
    account = connect(google)
    found = account.find(DANA, viewing(event_id="earlier1"))
    assert found is not None
    assert (found.marker, found.event_id, found.start) == (viewing().marker, "earlier1", at(4, 15))
    assert account.write(DANA, viewing(event_id="earlier1")).event_id == "earlier1"
    assert calendar.span(calendar.events["earlier1"]) == (at(2, 10), at(2, 10, 30))


@pytest.mark.parametrize("status", [404, 410])
def test_gone_event_is_not_found(google: GoogleFake, status: int) -> None:
    google.answer_error(status, "deleted", path=f"/{ID}$")
    assert connect(google).find(DANA, viewing()) is None


def test_answers_have_only_what_is_needed(google: GoogleFake) -> None:
    """What the person added, such as guests, stays at Google."""
    account = connect(google)
    account.write(DANA, viewing())
    account.write(DANA, viewing(event_id=ID))
    account.find(DANA, viewing())
    created, read, changed, found = google.requests
    assert created.query["fields"] == changed.query["fields"] == ["kind,id,status"]
    assert read.query["fields"] == ["kind,etag,status,description"], "for the person's notes in it"
    assert found.query["maxAttendees"] == ["1"]
    assert "description" not in found.query["fields"][0]


def test_all_day_event_is_found_in_the_agents_day(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(ID, start=date(2026, 12, 2), end=date(2026, 12, 3))
    found = connect(google).find(DANA, viewing())
    assert found is not None
    assert (found.start, found.end) == (at(2, 0), at(3, 0))


@pytest.mark.parametrize("what", ["never written", "deleted", "forgotten"])
def test_missing_event_is_not_found(google: GoogleFake, calendar: FakeCalendar, what: str) -> None:
    if what != "never written":
        calendar.put(ID, start=at(2, 10), end=at(2, 11))
        calendar.cancel(ID)
    if what == "forgotten":
        calendar.purge(ID)
    assert connect(google).find(DANA, viewing()) is None


def test_found_event_needs_a_time(google: GoogleFake) -> None:
    google.answer_nonsense(json.dumps({"kind": "calendar#event", "id": ID, "status": "confirmed"}), method="GET")
    with pytest.raises(CalendarNonsense, match="no time"):
        connect(google).find(DANA, viewing())


# --- the calendar itself ---


@pytest.mark.parametrize("operation", ["create", "change", "find"])
def test_deleted_calendar_is_not_a_missing_event(google: GoogleFake, operation: str) -> None:
    """One fault about the calendar, and not one for each viewing that "was deleted"."""
    gone = google.add_calendar(DANA, "gone@group.calendar.google.com").calendar_id
    account = connect(google)
    account.write(gone, viewing())
    google.delete_calendar(gone)
    act: dict[str, Any] = {
        "create": lambda: account.write(gone, viewing()),
        "change": lambda: account.write(gone, viewing(event_id=ID)),
        "find": lambda: account.find(gone, viewing()),
    }
    with pytest.raises(CalendarGone, match="gone@group"):
        act[operation]()
    assert operation == "create" or google.requests[-1].query == {"maxResults": ["1"], "fields": ["kind"]}


def test_event_in_a_deleted_calendar_is_deleted(google: GoogleFake) -> None:
    connect(google).delete("gone@group.calendar.google.com", ID)


@pytest.mark.parametrize(
    ("status", "reason", "fault"),
    [
        (401, "authError", CalendarAccessLost),
        (403, "insufficientPermissions", CalendarAccessLost),
        (403, "rateLimitExceeded", CalendarThrottled),
        (429, "rateLimitExceeded", CalendarThrottled),
        (500, "backendError", CalendarUnreachable),
        (503, "backendError", CalendarUnreachable),
    ],
)
@pytest.mark.parametrize("operation", ["create", "change", "delete", "find"])
def test_faults_of_writing(
    google: GoogleFake, status: int, reason: str, *, fault: type[CalendarFault], operation: str
) -> None:
    calendar = google.calendars[DANA]
    calendar.put(ID, start=at(2, 10), end=at(2, 11))
    before = json.dumps(calendar.events)
    account = connect(google)
    google.answer_error(status, reason, times=9)
    act: dict[str, Any] = {
        "create": lambda: account.write(DANA, viewing()),
        "change": lambda: account.write(DANA, viewing(event_id=ID)),
        "delete": lambda: account.delete(DANA, ID),
        "find": lambda: account.find(DANA, viewing()),
    }
    with pytest.raises(fault) as raised:
        act[operation]()
    assert not isinstance(raised.value, EventMissing | EventRefused | CalendarGone)
    assert json.dumps(calendar.events) == before


def test_forbidden_event_is_not_missing(google: GoogleFake) -> None:
    google.answer_error(403, "forbidden", path=f"/{ID}$", times=2)
    with pytest.raises(CalendarUnreachable, match="forbidden"):
        connect(google).find(DANA, viewing())


def test_missing_calendar_check_reports_other_faults(google: GoogleFake) -> None:
    google.answer_error(403, "forbidden", path="/events$")
    with pytest.raises(CalendarUnreachable, match="forbidden"):
        connect(google).find(DANA, viewing())


def test_written_event_is_own_at_the_next_reading(google: GoogleFake) -> None:
    account = connect(google)
    cursor = account.read(DANA, WINDOW, None).cursor
    account.write(DANA, viewing(start=at(2, 10), end=at(2, 10) + timedelta(hours=1)))
    reading = account.read(DANA, WINDOW, cursor)
    assert (len(reading.own), reading.busy) == (1, {})
