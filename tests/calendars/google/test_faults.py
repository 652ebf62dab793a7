"""What goes wrong while a Google calendar is read. None of it is ever "free"."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peterental.calendars.model import (
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
)
from tests.calendars.google.fake import GoogleFake
from tests.calendars.google.helpers import DANA, WINDOW, at, busy, connect
from tests.calendars.google.store import FakeCalendar
from tests.calendars.login import Store

FAULTS = [
    (400, "badRequest", CalendarUnreachable),
    (401, "authError", CalendarAccessLost),
    (403, "insufficientPermissions", CalendarAccessLost),
    (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", CalendarAccessLost),
    (403, "rateLimitExceeded", CalendarThrottled),
    (403, "userRateLimitExceeded", CalendarThrottled),
    (403, "quotaExceeded", CalendarThrottled),
    (403, "dailyLimitExceeded", CalendarThrottled),
    (403, "accessNotConfigured", CalendarUnreachable),
    (404, "notFound", CalendarGone),
    (410, "deleted", CalendarGone),
    (412, "conditionNotMet", CalendarUnreachable),
    (429, "rateLimitExceeded", CalendarThrottled),
    (429, "", CalendarThrottled),
    (500, "backendError", CalendarUnreachable),
    (502, "", CalendarUnreachable),
    (503, "", CalendarUnreachable),
    (302, "", CalendarUnreachable),
    (304, "", CalendarNonsense),
]


@pytest.fixture
def three_pages(google: GoogleFake, calendar: FakeCalendar) -> GoogleFake:
    for day in (1, 2, 3):
        calendar.put(f"event{day}", start=at(day, 10), end=at(day, 11))
    google.page_size = 1
    return google


@pytest.mark.parametrize(("status", "reason", "fault"), FAULTS)
@pytest.mark.parametrize("page", [1, 3])
def test_error_is_a_fault_on_every_page(
    three_pages: GoogleFake, status: int, reason: str, *, fault: type[CalendarFault], page: int
) -> None:
    """Pitfall 9: nothing that was read before the error is returned, and the next reading is complete."""
    three_pages.answer_error(status, reason, path="/events$", skip=page - 1, times=2 if status == 401 else 1)
    account = connect(three_pages)
    with pytest.raises(fault):
        account.read(DANA, WINDOW, None)
    assert len(account.read(DANA, WINDOW, None).busy) == 3


@pytest.mark.parametrize(("status", "reason", "fault"), [each for each in FAULTS if each[0] not in {400, 410}])
def test_error_of_an_increment_is_a_fault(
    three_pages: GoogleFake, calendar: FakeCalendar, status: int, *, reason: str, fault: type[CalendarFault]
) -> None:
    account = connect(three_pages)
    cursor = account.read(DANA, WINDOW, None).cursor
    calendar.change("event1", start=at(5, 10), end=at(5, 11))
    three_pages.answer_error(status, reason, path="/events$", times=2 if status == 401 else 1)
    with pytest.raises(fault):
        account.read(DANA, WINDOW, cursor)
    assert busy(account.read(DANA, WINDOW, cursor)) == [(at(5, 10), at(5, 11))]


@pytest.mark.parametrize(("status", "reason", "fault"), [(500, "", CalendarUnreachable), (429, "", CalendarThrottled)])
def test_error_of_the_list_entry_is_a_fault(
    three_pages: GoogleFake, status: int, reason: str, fault: type[CalendarFault]
) -> None:
    three_pages.answer_error(status, reason, path="calendarList")
    with pytest.raises(fault):
        connect(three_pages).read(DANA, WINDOW, None)


@pytest.mark.parametrize(
    ("status", "fault"), [(403, CalendarAccessLost), (500, CalendarUnreachable), (404, CalendarUnreachable)]
)
def test_error_of_the_list_of_calendars_is_a_fault(google: GoogleFake, status: int, fault: type[CalendarFault]) -> None:
    google.answer_error(status, "other", path="calendarList")
    with pytest.raises(fault):
        connect(google).calendars()


@pytest.mark.parametrize(
    ("header", "pause_s"), [({"Retry-After": "120"}, 120), ({"Retry-After": "999999"}, 3600), ({}, 60)]
)
@pytest.mark.parametrize("status", [403, 429])
def test_throttling_says_for_how_long(google: GoogleFake, header: dict[str, str], pause_s: float, status: int) -> None:
    google.answer_error(status, "rateLimitExceeded", headers=header, domain="usageLimits")
    with pytest.raises(CalendarThrottled) as throttled:
        connect(google).read(DANA, WINDOW, None)
    assert throttled.value.retry_after_s == pause_s


def test_api_that_is_not_enabled_is_named(google: GoogleFake) -> None:
    """Connecting again would not help: the admin has to enable the API."""
    google.answer_error(403, "accessNotConfigured", domain="usageLimits")
    with pytest.raises(CalendarUnreachable, match="the Google Calendar API is not enabled for this app"):
        connect(google).calendars()


@pytest.mark.parametrize(
    "body",
    [
        "<html>Sign in to the guest network</html>",
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"items": []}',
        '{"kind": "calendar#calendarList", "items": []}',
        '{"kind": "calendar#events"}',
        '{"kind": "calendar#events", "items": null}',
        '{"kind": "calendar#events", "items": {}}',
        '{"kind": "calendar#events", "items": null, "nextSyncToken": "x"}',
        '{"kind": "calendar#events", "nextSyncToken": ""}',
        '{"kind": "calendar#events", "items": [], "nextPageToken": 7}',
        '{"kind": "calendar#events", "items": [], "nextSyncToken": {}}',
        '{"kind": "calendar#events", "items": [{"id": "event1"',
        "[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("is_increment", [False, True])
def test_nonsense_is_not_an_empty_calendar(three_pages: GoogleFake, body: str | bytes, *, is_increment: bool) -> None:
    account = connect(three_pages)
    cursor = account.read(DANA, WINDOW, None).cursor if is_increment else None
    three_pages.answer_nonsense(body, path="/events$")
    with pytest.raises(CalendarNonsense):
        account.read(DANA, WINDOW, cursor)


@pytest.mark.parametrize("entry", ["[]", '{"kind": "calendar#events", "accessRole": "owner"}'])
def test_nonsense_list_entry_is_a_fault(google: GoogleFake, entry: str) -> None:
    google.answer_nonsense(entry, path="calendarList")
    with pytest.raises(CalendarNonsense):
        connect(google).read(DANA, WINDOW, None)


def test_role_that_is_missing_is_read_as_shared(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(start=at(1, 10), end=at(1, 11))
    google.answer_nonsense('{"kind": "calendar#calendarListEntry"}', path="calendarList")
    assert busy(connect(google).read(DANA, WINDOW, None)) == [(at(1, 10), at(1, 11))]


@pytest.mark.parametrize("body", ["null", "[]", '{"error": "x"}', '{"error": {"errors": "x", "details": [7]}}', "<p>"])
def test_errors_of_any_shape_are_faults(google: GoogleFake, body: str) -> None:
    google.answer_nonsense(body, status=403, times=9)
    with pytest.raises(CalendarAccessLost):
        connect(google).read(DANA, WINDOW, None)


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("RATE_LIMIT_EXCEEDED", CalendarThrottled),
        ("SERVICE_DISABLED", CalendarUnreachable),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", CalendarAccessLost),
    ],
)
def test_newer_form_of_errors_is_understood(google: GoogleFake, reason: str, fault: type[CalendarFault]) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
    error = {"error": {"code": 403, "status": "PERMISSION_DENIED", "details": details}}
    google.answer_nonsense(json.dumps(error), status=403)
    with pytest.raises(fault):
        connect(google).read(DANA, WINDOW, None)


def test_reasons_are_words_only(google: GoogleFake) -> None:
    """What a server writes into an error never reaches a page as it is."""
    errors = [{"reason": "<script>"}, {"reason": "x" * 100}, {"reason": 7}, {"reason": "notAllowed"}]
    google.answer_nonsense(json.dumps({"error": {"errors": errors}}), status=400, path="/events$")
    with pytest.raises(CalendarUnreachable, match=r"^Google Calendar refused a request: notAllowed\.$"):
        connect(google).read(DANA, WINDOW, None)


def test_too_large_answer_is_a_fault(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(summary="x" * 20_000, start=at(1, 10), end=at(1, 11))
    with pytest.raises(CalendarNonsense, match="larger than"):
        connect(google, max_bytes=10_000).read(DANA, WINDOW, None)


def test_broken_events_do_not_break_a_reading(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put("whole1", start=at(1, 10), end=at(1, 11))
    page = {
        "kind": "calendar#events",
        "items": [calendar.events["whole1"], {"id": "broken1", "start": {"date": "2026-12-03"}}, {"id": "lost1"}, None],
    }
    google.answer_nonsense(json.dumps(page), path="/events$")
    reading = connect(google).read(DANA, WINDOW, None)
    assert busy(reading) == [(at(1, 10), at(1, 11)), (at(3, 0), at(4, 0))]
    assert len(reading.notes) == 3


@pytest.mark.parametrize("place", ["calendarList", "/events$"])
def test_server_that_hangs_is_a_fault(three_pages: GoogleFake, place: str) -> None:
    three_pages.hang(path=place)
    with pytest.raises(CalendarUnreachable, match="no answer within"):
        connect(three_pages, timeout_s=0.5).read(DANA, WINDOW, None)


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_lost_connection_is_a_fault(three_pages: GoogleFake, skip: int) -> None:
    three_pages.lose_answer("GET", skip=skip)
    account = connect(three_pages)
    with pytest.raises(CalendarUnreachable):
        account.read(DANA, WINDOW, None)
    assert len(account.read(DANA, WINDOW, None).busy) == 3


def test_server_that_is_down_is_a_fault() -> None:
    with GoogleFake() as google:
        google.add_account(DANA)
        account = connect(google)
    with pytest.raises(CalendarUnreachable):
        account.read(DANA, WINDOW, None)


def test_page_token_cannot_lead_elsewhere(google: GoogleFake) -> None:
    """Pitfall 16: a token is a value of the query, whatever it contains."""
    token = "https://evil.example/?x=1&syncToken=y#z"
    google.answer_nonsense(
        json.dumps({"kind": "calendar#events", "items": [], "nextPageToken": token}), path="/events$"
    )
    with pytest.raises(CalendarFault):
        connect(google).read(DANA, WINDOW, None)
    assert google.requests[-1].path == "/calendar/v3/calendars/dana%40example.com/events"
    assert google.requests[-1].query["pageToken"] == [token]
    assert "syncToken" not in google.requests[-1].query


def test_redirects_are_not_followed(google: GoogleFake) -> None:
    """The API has none; a proxy that asks people to sign in does."""
    google.answer_error(302, path="/events$", headers={"Location": f"{google.url}/token"})
    with pytest.raises(CalendarUnreachable):
        connect(google).read(DANA, WINDOW, None)
    assert [request.path for request in google.requests if request.path == "/token"] == []


# --- the grant and the calendar end ---


def test_expired_access_token_is_refreshed_between_pages(three_pages: GoogleFake) -> None:
    three_pages.call_before(three_pages.expire_access_tokens, path="/events$", skip=1)
    store = Store(three_pages.sign_in(DANA))
    assert len(connect(three_pages, store=store).read(DANA, WINDOW, None).busy) == 3
    assert len(store.saved) == 1


@pytest.mark.parametrize("skip", [0, 1, 2, 3])
def test_grant_revoked_during_a_reading(three_pages: GoogleFake, skip: int) -> None:
    three_pages.call_before(lambda: three_pages.revoke(DANA), path="/calendar/v3/", skip=skip)
    with pytest.raises(CalendarAccessLost, match="Connect the calendar again"):
        connect(three_pages).read(DANA, WINDOW, None)


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_calendar_deleted_during_a_reading(google: GoogleFake, skip: int) -> None:
    calendar = google.add_calendar(DANA, "own@group.calendar.google.com")
    for day in (1, 2, 3):
        calendar.put(start=at(day, 10), end=at(day, 11))
    google.page_size = 1
    google.call_before(lambda: google.delete_calendar(calendar.calendar_id), path="/events$", skip=skip)
    with pytest.raises(CalendarGone, match="own@group"):
        connect(google).read(calendar.calendar_id, WINDOW, None)


def test_deleted_calendar_ends_increments(google: GoogleFake) -> None:
    calendar = google.add_calendar(DANA, "own@group.calendar.google.com")
    account = connect(google)
    cursor = account.read(calendar.calendar_id, WINDOW, None).cursor
    google.delete_calendar(calendar.calendar_id)
    with pytest.raises(CalendarGone):
        account.read(calendar.calendar_id, WINDOW, cursor)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_clock_that_is_wrong(three_pages: GoogleFake, minutes: int) -> None:
    """The clock of this machine is ten minutes off, and the access token lives five."""
    moment = datetime(2026, 11, 29, 12, tzinfo=UTC)
    three_pages.now = lambda: moment
    three_pages.life_s = 300
    tokens = three_pages.sign_in(DANA)
    three_pages.now = lambda: moment + timedelta(seconds=400)
    account = connect(three_pages, store=Store(tokens), now=lambda: three_pages.now() + timedelta(minutes=minutes))
    assert len(account.read(DANA, WINDOW, None).busy) == 3


def test_scopes_that_were_taken_away(google: GoogleFake, calendar: FakeCalendar) -> None:
    calendar.put(start=at(1, 10), end=at(1, 11))
    tokens = google.sign_in(DANA, ["https://www.googleapis.com/auth/calendar.calendarlist.readonly"])
    account = connect(google, store=Store(tokens))
    account.calendars()
    with pytest.raises(CalendarAccessLost):
        account.read(DANA, WINDOW, None)


def test_only_faults_come_out(three_pages: GoogleFake) -> None:
    """Everything that a provider causes is a CalendarFault, for every operation."""
    account = connect(three_pages)
    cursor = account.read(DANA, WINDOW, None).cursor
    operations: list[Callable[[], Any]] = [
        account.calendars,
        lambda: account.read(DANA, WINDOW, None),
        lambda: account.read(DANA, WINDOW, cursor),
    ]
    for status in (300, 400, 402, 404, 405, 408, 409, 410, 411, 412, 413, 418, 451, 501, 599):
        for operation in operations:
            three_pages.answer_error(status, "whatever", times=8)
            with pytest.raises(CalendarFault):
                operation()
            three_pages.calm()
