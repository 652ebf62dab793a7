"""Calendars that are only shared with the agent: their free and busy times."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from peterental.calendars.google.account import FORBIDDEN_NOTE
from peterental.calendars.model import (
    BusyTime,
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarUnreachable,
    ReadWindow,
)
from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import CHICAGO, DANA, WINDOW, at, busy, connect, times
from tests.calendars.google.store import FakeCalendar

TEAM = "team@group.calendar.google.com"


@pytest.fixture(params=["freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer"])
def team(google: GoogleFake, request: pytest.FixtureRequest) -> FakeCalendar:
    return google.add_calendar(DANA, TEAM, role=request.param, summary="Team")


def test_shared_calendar_blocks_without_titles(google: GoogleFake, team: FakeCalendar) -> None:
    team.put(summary="Secret", start=at(1, 10), end=at(1, 11))
    team.put(summary="Free", start=at(2, 10), end=at(2, 11), transparency="transparent")
    reading = connect(google).read(TEAM, WINDOW, None)
    assert times(reading) == [BusyTime(start=at(1, 10), end=at(1, 11))]
    assert (reading.is_whole, reading.cursor, reading.notes) == (True, None, ())


def test_shared_calendar_is_not_writable(google: GoogleFake, team: FakeCalendar) -> None:
    found = {each.remote_id: each for each in connect(google).calendars()}
    assert found[team.calendar_id].is_writable is False


def test_long_window_is_asked_for_in_parts(google: GoogleFake) -> None:
    """Google refuses more than about 90 days at once; an agent's horizon may be a year."""
    team = google.add_calendar(DANA, TEAM, role="reader")
    window = ReadWindow(WINDOW.start, WINDOW.start + timedelta(days=365), CHICAGO)
    team.put(start=at(1, 10), end=at(1, 11))
    boundary = window.start + timedelta(days=60)
    team.put(start=boundary - timedelta(hours=1), end=boundary + timedelta(hours=1))
    team.put(start=window.end - timedelta(hours=3), end=window.end - timedelta(hours=2))
    found = busy(connect(google).read(TEAM, window, None))
    assert len(found) == 3
    assert found[1] == (boundary - timedelta(hours=1), boundary + timedelta(hours=1))
    assert sum(request.path.endswith("/freeBusy") for request in google.requests) == 7


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("internalError", CalendarUnreachable),
        ("notFound", CalendarGone),
        ("somethingNew", CalendarUnreachable),
    ],
)
def test_error_of_a_calendar_is_not_free(google: GoogleFake, reason: str, fault: type[CalendarFault]) -> None:
    """Pitfall 9: Google answers 200 with an error and an empty list of busy times."""
    google.add_calendar(DANA, TEAM, role="reader")
    google.free_busy_errors[TEAM] = reason
    with pytest.raises(fault):
        connect(google).read(TEAM, WINDOW, None)


@pytest.mark.parametrize(
    "calendars",
    [
        None,
        {},
        [],
        {"other@example.com": {"busy": []}},
        {TEAM: None},
        {TEAM: {}},
        {TEAM: {"busy": None}},
        {TEAM: {"busy": {}}},
        {TEAM: {"busy": [None]}},
        {TEAM: {"busy": [{"start": "2026-12-01T10:00:00Z"}]}},
        {TEAM: {"busy": [{"start": "2026-12-01T10:00:00Z", "end": "later"}]}},
    ],
)
def test_incomplete_answer_is_not_free(google: GoogleFake, calendars: Any) -> None:
    google.add_calendar(DANA, TEAM, role="reader")
    google.answer_nonsense(json.dumps({"kind": "calendar#freeBusy", "calendars": calendars}), path="freeBusy")
    with pytest.raises(CalendarNonsense):
        connect(google).read(TEAM, WINDOW, None)


@pytest.mark.parametrize("errors", ["broken", [None], [{"reason": ["notFound"]}]])
def test_errors_of_any_shape_are_not_free(google: GoogleFake, errors: Any) -> None:
    google.add_calendar(DANA, TEAM, role="reader")
    answer = {"kind": "calendar#freeBusy", "calendars": {TEAM: {"errors": errors, "busy": []}}}
    google.answer_nonsense(json.dumps(answer), path="freeBusy")
    with pytest.raises(CalendarUnreachable):
        connect(google).read(TEAM, WINDOW, None)


def test_empty_period_does_not_block(google: GoogleFake) -> None:
    google.add_calendar(DANA, TEAM, role="reader")
    period = {"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T10:00:00Z"}
    answer = {"kind": "calendar#freeBusy", "calendars": {TEAM: {"busy": [period]}}}
    google.answer_nonsense(json.dumps(answer), path="freeBusy")
    assert connect(google).read(TEAM, WINDOW, None).busy == {}


def test_calendar_that_was_owned_is_read_as_shared(google: GoogleFake) -> None:
    """The role was taken away between two readings: the cursor is of no use, the times still block."""
    team = google.add_calendar(DANA, TEAM)
    team.put(summary="Secret", start=at(1, 10), end=at(1, 11))
    account = connect(google)
    cursor = account.read(TEAM, WINDOW, None).cursor
    google.accounts[DANA].roles[TEAM] = "reader"
    google.answer_error(403, "requiredAccessLevel", path="/events$", domain="calendar")
    reading = account.read(TEAM, WINDOW, cursor)
    assert reading.is_whole
    assert times(reading) == [BusyTime(start=at(1, 10), end=at(1, 11))]


def test_forbidden_events_are_read_as_free_and_busy(google: GoogleFake) -> None:
    """A calendar may have several people with the role of an owner, and one whom Google calls its owner."""
    team = google.add_calendar(DANA, TEAM)
    team.put(start=at(1, 10), end=at(1, 11))
    google.answer_error(403, "forbidden", path="/events$")
    reading = connect(google).read(TEAM, WINDOW, None)
    assert busy(reading) == [(at(1, 10), at(1, 11))]
    assert reading.notes == (FORBIDDEN_NOTE,)


def test_forbidden_altogether_is_access_lost(google: GoogleFake) -> None:
    google.answer_error(403, "forbidden", times=3, skip=1)
    with pytest.raises(CalendarAccessLost):
        connect(google).read(DANA, WINDOW, None)


def test_calendar_off_the_list_is_still_read(google: GoogleFake) -> None:
    own = google.add_calendar(DANA, TEAM)
    own.put(summary="Dentist", start=at(1, 10), end=at(1, 11))
    google.accounts[DANA].unlisted.add(TEAM)
    reading = connect(google).read(TEAM, WINDOW, None)
    assert times(reading) == [BusyTime(start=at(1, 10), end=at(1, 11), title="Dentist")]
    assert google.requests[0].query == {"fields": ["kind,accessRole"]}


# --- the list of calendars ---


def test_calendars_of_all_pages_are_listed(google: GoogleFake) -> None:
    google.add_calendar(DANA, "en.usa#holiday@group.v.calendar.google.com", role="reader", summary="Holidays")
    google.add_calendar(DANA, "own@group.calendar.google.com", summary="Own")
    google.accounts[DANA].own_names["own@group.calendar.google.com"] = "My viewings"
    google.page_size, google.empty_pages = 1, 1
    found = connect(google).calendars()
    assert [(each.remote_id, each.name, each.is_writable, each.is_default) for each in found] == [
        (DANA, DANA, True, True),
        ("en.usa#holiday@group.v.calendar.google.com", "Holidays", False, False),
        ("own@group.calendar.google.com", "My viewings", True, False),
    ]
    assert google.requests[0].query["maxResults"] == ["250"]
    assert "items(id,summary,summaryOverride,accessRole,primary,deleted)" in google.requests[0].query["fields"][0]


def test_strange_entries_of_the_list_are_left_out(google: GoogleFake) -> None:
    entries = [None, {}, {"id": 3}, {"id": ""}, {"id": "gone", "deleted": True}, {"id": "nameless", "summary": 5}]
    google.answer_nonsense(json.dumps({"kind": "calendar#calendarList", "items": entries}), path="calendarList")
    (found,) = connect(google).calendars()
    assert (found.remote_id, found.name, found.is_writable) == ("nameless", "nameless", False)
