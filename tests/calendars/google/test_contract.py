"""The fake refuses what Google's description does not allow, in both directions."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from peterental.calendars.http import HttpAnswer, HttpClient
from tests.calendars.google.contract import DOCUMENT, Call, ContractBroken, google_contract
from tests.calendars.google.fake import CLIENT_ID, GoogleFake
from tests.calendars.google.helpers import DANA
from tests.calendars.google.store import FakeCalendar

EVENTS = "/calendar/v3/calendars/dana%40example.com/events"
TIMES = {"start": {"dateTime": "2026-12-01T10:00:00Z"}, "end": {"dateTime": "2026-12-01T11:00:00Z"}}

contract = google_contract()


def call(method: str, path: str) -> Call:
    found = contract.call(method, path)
    assert found is not None
    return found


def test_description_is_googles_file() -> None:
    assert hashlib.sha256(DOCUMENT.read_bytes()).hexdigest() == (
        "e4668b97464e1a80305a86d6d883a6e772297179fb8a923f5e5ee17d4e178f20"  # pragma: allowlist secret
    )
    assert contract.document["revision"] == "20261030"


def test_paths_are_methods() -> None:
    found = call("GET", f"{EVENTS}/event1")
    assert (found.name, found.path) == ("calendar.events.get", {"calendarId": DANA, "eventId": "event1"})
    assert contract.call("TRACE", EVENTS) is None
    assert contract.call("GET", "/calendar/v2/users/me/calendarList") is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"singleEvent": ["true"]}, "no parameter singleEvent"),
        ({"calendarId": ["x"]}, "no parameter calendarId"),
        ({"singleEvents": ["yes"]}, "not a boolean"),
        ({"maxResults": ["many"]}, "not a integer"),
        ({"maxResults": ["0"]}, "not from 1"),
        ({"maxResults": ["1", "2"]}, "repeated"),
        ({"timeMin": ["2026-12-01"]}, "not a date-time"),
        ({"timeMin": ["2026-12-41T10:00:00Z"]}, "not a date-time"),
        ({"orderBy": ["title"]}, "none of"),
    ],
)
def test_wrong_queries_are_refused(query: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ContractBroken, match=message):
        contract.check_request(call("GET", EVENTS), query, None)


def test_right_query_is_accepted() -> None:
    query = {"eventTypes": ["default", "focusTime"], "maxResults": ["2500"], "alt": ["json"], "singleEvents": ["true"]}
    contract.check_request(call("GET", EVENTS), query, None)


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        ("POST", None, "not an object"),
        ("POST", {"start": TIMES["start"]}, "needs Event.end"),
        ("POST", {**TIMES, "title": "x"}, "Event has no title"),
        ("POST", {**TIMES, "summary": None}, "not a string"),
        ("POST", {**TIMES, "sequence": 1.5}, "not a integer"),
        ("POST", {**TIMES, "sequence": 2**31}, "not a integer"),
        ("POST", {**TIMES, "sequence": True}, "not a integer"),
        ("POST", {**TIMES, "attendees": {}}, "not a list"),
        ("POST", {**TIMES, "reminders": {"useDefault": "yes"}}, "not a boolean"),
        ("POST", {**TIMES, "extendedProperties": {"private": {"a": 1}}}, "not a string"),
        ("POST", {**TIMES, "start": {"date": "1.12.2026"}}, "not a date"),
        ("POST", {**TIMES, "start": {"dateTime": "tomorrow"}}, "not a date-time"),
    ],
)
def test_wrong_bodies_are_refused(method: str, body: object, message: str) -> None:
    with pytest.raises(ContractBroken, match=message):
        contract.check_request(call(method, EVENTS), {}, body)


def test_patch_may_clear_fields() -> None:
    contract.check_request(call("PATCH", f"{EVENTS}/event1"), {}, {"start": {"date": None}, "source": None})


def test_read_has_no_body() -> None:
    with pytest.raises(ContractBroken, match="takes no body"):
        contract.check_request(call("GET", EVENTS), {}, {})
    with pytest.raises(ContractBroken, match="answers without a body"):
        contract.check_answer(call("DELETE", f"{EVENTS}/event1"), {})


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "calendar#events", "items": [{"id": 7}]},
        {"kind": "calendar#events", "events": []},
        {"kind": "calendar#events", "items": [{"start": {"dateTime": "2026-12-01"}}]},
        {"kind": "calendar#events", "items": [{"reminders": {"overrides": [{"minutes": "5"}]}}]},
        [],
    ],
)
def test_wrong_answers_are_noticed(answer: Any) -> None:
    with pytest.raises(ContractBroken):
        contract.check_answer(call("GET", EVENTS), answer)


# --- the fake itself ---


def ask(google: GoogleFake, method: str, path: str, body: object = None) -> HttpAnswer:
    client = HttpClient(timeout_s=60, allow_private=True)
    headers = {"Authorization": f"Bearer {google.sign_in(DANA).access_token}"}
    content = None if body is None else json.dumps(body).encode()
    if content is not None:
        headers["Content-Type"] = "application/json"
    return client.request(method, f"{google.url}{path}", headers=headers, body=content)


@pytest.fixture
def strict() -> GoogleFake:
    """A fake whose violations are part of the test."""
    google = GoogleFake()
    google.add_account(DANA)
    return google


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{EVENTS}?singleEvents=true&unknown=1"),
        ("GET", EVENTS),
        ("GET", f"{EVENTS}?singleEvents=true&syncToken=sync-1&timeMin=2026-12-01T00:00:00Z"),
        ("GET", "/calendar/v3/colors"),
        ("GET", "/calendar/v3/elsewhere"),
        ("GET", "/o/oauth2/v2/auth?client_id=x"),
    ],
)
def test_fake_lists_violations(strict: GoogleFake, method: str, path: str) -> None:
    with strict:
        assert ask(strict, method, path).status in {400, 403}
        assert strict.violations or path.endswith("colors")


def test_fake_demands_the_same_parameters_for_increments(strict: GoogleFake) -> None:
    with strict:
        first = ask(strict, "GET", f"{EVENTS}?singleEvents=true").json()
        answer = ask(strict, "GET", f"{EVENTS}?singleEvents=true&maxResults=9&syncToken={first['nextSyncToken']}")
        assert answer.status == 400
        assert strict.violations == ["with a sync token the parameters are those of the first request"]


def test_fake_checks_its_own_answers(strict: GoogleFake) -> None:
    with strict:
        strict.calendars[DANA].put(summary=7, start={"date": "2026-12-01"}, end={"date": "2026-12-02"})
        assert ask(strict, "GET", f"{EVENTS}?singleEvents=true").status == 400
        assert strict.violations == ["Events.items[].summary is not a string: 7"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({**TIMES, "id": "UPPER1"}, 400, "invalid"),
        ({**TIMES, "id": "abcd"}, 400, "invalid"),
        ({**TIMES, "id": "zzzzz"}, 400, "invalid"),
        ({**TIMES, "id": "abcde", "iCalUID": "x"}, 400, "invalid"),
        ({"start": {}, "end": {}}, 400, "invalid"),
        ({"start": TIMES["end"], "end": TIMES["start"]}, 400, "timeRangeEmpty"),
        ({**TIMES, "id": "spent"}, 409, "duplicate"),
    ],
)
def test_fake_refuses_wrong_events(
    google: GoogleFake, calendar: FakeCalendar, body: object, *, status: int, reason: str
) -> None:
    calendar.put("spent", **TIMES)
    calendar.cancel("spent")
    answer = ask(google, "POST", EVENTS, body)
    assert answer.status == status
    assert answer.json()["error"]["errors"][0]["reason"] == reason


def test_fake_refuses_too_long_a_time(google: GoogleFake) -> None:
    body = {"timeMin": "2026-12-01T00:00:00Z", "timeMax": "2027-12-01T00:00:00Z", "items": [{"id": DANA}]}
    answer = ask(google, "POST", "/calendar/v3/freeBusy", body)
    assert answer.json()["error"]["errors"][0]["reason"] == "timeRangeTooLong"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("grant_type=refresh_token", "invalid_client"),
        (f"grant_type=refresh_token&client_id={CLIENT_ID}&client_secret=fake-client-secret", "invalid_grant"),
        (f"code=x&client_id={CLIENT_ID}&client_secret=fake-client-secret", "invalid_grant"),
    ],
)
def test_fake_refuses_wrong_grants(google: GoogleFake, form: str, error: str) -> None:
    answer = HttpClient(timeout_s=60, allow_private=True).request("POST", f"{google.url}/token", body=form.encode())
    assert answer.json()["error"] == error


def test_fake_reports_forbidden_calendars(google: GoogleFake) -> None:
    google.add_calendar(DANA, "team@example.com", role="reader")
    path = "/calendar/v3/calendars/team%40example.com/events"
    answer = ask(google, "POST", path, TIMES)
    assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"
