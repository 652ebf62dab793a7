"""Viewings by the API: list, book, move, edit, cancel, mark."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from peterental.web.api.routes import OPERATIONS
from tests.api.conftest import Tool, next_monday


@pytest.fixture
def home_id(services: Services, admin: Viewer) -> int:
    """A home of the catalogue."""
    return services.properties.add(PropertyDetails(line1="1420 Elm Street", unit="2B"), admin)


def test_booking_is_as_on_the_page(anas: Tool, booking: dict[str, Any], services: Services, ana: Viewer) -> None:
    booked = anas.post("/viewings", {**booking, "visitor_email": "max@example.com", "minutes": 45})
    assert booked.status_code == 201
    document = booked.get_json()
    start = next_monday()
    assert (document["start"], document["time_zone"]) == (start.isoformat(), "America/Chicago")
    assert datetime.fromisoformat(document["start_utc"]) == start
    assert document["start_utc"].endswith("Z")
    assert (document["minutes"], document["home"], document["status"]) == (45, "12 Elm Street", "confirmed")
    assert document["booked_by"] == "ana@example.com"
    assert [event["kind"] for event in document["history"]] == ["booked"]
    assert booked.headers["Location"] == f"/api/v1/viewings/{document['id']}"
    shown, _ = services.manual.show(document["id"], ana)
    assert (shown.attendee_email, shown.attendee_phone) == ("max@example.com", "+14055550123")
    assert anas.get(f"/viewings/{document['id']}").get_json() == document


def test_warnings_are_refused_until_acknowledged(anas: Tool, booking: dict[str, Any]) -> None:
    night = {**booking, "start": next_monday().replace(hour=22).isoformat()}
    refused = anas.post("/viewings", night)
    problem = refused.get_json()
    assert (refused.status_code, problem["code"]) == (409, "confirmation_required")
    assert problem["warnings"] == [{"code": "outside_hours", "detail": "It is outside working hours."}]
    assert len(problem["nearest"]) == 3
    booked = anas.post("/viewings", {**night, "acknowledge": problem["acknowledge"]})
    assert booked.status_code == 201
    moved = anas.post(f"/viewings/{booked.get_json()['id']}/move", {"start": next_monday().isoformat()})
    assert moved.get_json()["start"] == next_monday().isoformat()


def test_overlap_is_a_warning_with_the_times_nearby(anas: Tool, viewing: TestResponse, booking: dict[str, Any]) -> None:
    assert viewing.status_code == 201
    refused = anas.post("/viewings", {**booking, "visitor_name": "Mia"})
    assert [warning["code"] for warning in refused.get_json()["warnings"]] == ["overlaps"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": None}, "agent_id"),
        ({"start": "tomorrow"}, "start"),
        ({"start": "2030-01-01T10:00"}, "start"),
        ({"start": "2030-01-01T10:00:30Z"}, "start"),
        ({"start": "0001-01-01T00:00:00+14:00"}, "start"),
        ({"start": "9999-12-31T23:59:00-12:00"}, "start"),
        ({"home": ""}, "home"),
        ({"home": "   "}, "home"),
        ({"home": "x" * 501}, "home"),
        ({"home": "a\x00b"}, "home"),
        ({"home": "\ud800"}, "home"),
        ({"home": None}, "home"),
        ({"home_id": 1}, "home_id"),
        ({"visitor_name": 7}, "visitor_name"),
        ({"visitor_name": ["Max"]}, "visitor_name"),
        ({"visitor_email": "max"}, "visitor_email"),
        ({"minutes": 4}, "minutes"),
        ({"minutes": 10**30}, "minutes"),
        ({"minutes": 30.5}, "minutes"),
        ({"minutes": True}, "minutes"),
        ({"acknowledge": "all"}, "acknowledge"),
        ({"acknowledge": [1]}, "acknowledge"),
        ({"acknowledge": ["\x00"]}, "acknowledge"),
        ({"visitor": "Max"}, "visitor"),
    ],
)
def test_invalid_fields_are_named(anas: Tool, booking: dict[str, Any], change: dict[str, Any], field: str) -> None:
    refused = anas.post("/viewings", {**booking, **change})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.get_json()["errors"]] == [field]


def test_all_invalid_fields_are_named_at_once(anas: Tool) -> None:
    errors = anas.post("/viewings", {"minutes": 1}).get_json()["errors"]
    assert {error["field"] for error in errors} == {"agent_id", "start", "visitor_name", "minutes"}


def test_time_of_a_clock_change(anas: Tool, booking: dict[str, Any]) -> None:
    """In Chicago the clocks skip 02:30 on March 14, 2027, and show 01:30 twice on November 7, 2027."""
    zone = ZoneInfo("America/Chicago")
    later = datetime(2027, 11, 7, 1, 30, tzinfo=zone).replace(fold=1)
    refused = anas.post("/viewings", {**booking, "start": later.isoformat()})
    assert refused.get_json()["errors"][0]["detail"].startswith("The clocks show that time twice")
    earlier = anas.post("/viewings", {**booking, "start": later.replace(fold=0).isoformat()})
    assert earlier.get_json()["code"] == "confirmation_required"


def test_home_of_the_catalogue(anas: Tool, booking: dict[str, Any], home_id: int) -> None:
    del booking["home"]
    booked = anas.post("/viewings", {**booking, "home_id": home_id})
    assert (booked.get_json()["home"], booked.get_json()["home_id"]) == ("1420 Elm Street, Unit 2B", home_id)
    assert anas.post("/viewings", {**booking, "home_id": 99}).get_json()["code"] == "home_not_found"


def test_edit_keeps_what_is_left_out(anas: Tool, viewing: TestResponse, home_id: int) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    edited = anas.send("PATCH", path, {"visitor_name": "Mia", "visitor_phone": None, "notes": "Key at desk"})
    before, after = viewing.get_json(), edited.get_json()
    assert edited.status_code == 200
    assert (after["visitor_name"], after["visitor_phone"], after["notes"]) == ("Mia", None, "Key at desk")
    assert (after["home"], after["start"]) == (before["home"], before["start"])
    assert after["history"][-1]["changes"]["name"] == ["Max Muster", "Mia"]
    homed = anas.send("PATCH", path, {"home_id": home_id})
    assert (homed.get_json()["home_id"], homed.get_json()["notes"]) == (home_id, "Key at desk")
    unchanged = anas.send("PATCH", path, {"visitor_name": "Mia"})
    assert (unchanged.status_code, unchanged.get_json()["code"]) == (409, "nothing_changed")
    assert anas.send("PATCH", path, {"notes": "x" * 2001}).status_code == 422
    assert anas.send("PATCH", path, {"agent_id": "ben"}).get_json()["code"] == "agent_not_found"


def test_cancel_and_restore(anas: Tool, viewing: TestResponse) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    assert anas.post(f"{path}/cancel").get_json()["status"] == "cancelled"
    again = anas.post(f"{path}/cancel")
    assert (again.status_code, again.get_json()["code"]) == (409, "not_possible")
    assert anas.post(f"{path}/restore", {}).get_json()["status"] == "confirmed"
    early = anas.post(f"{path}/complete")
    assert (early.status_code, early.get_json()["code"]) == (409, "not_started")
    same = anas.post(f"{path}/move", {"start": viewing.get_json()["start"]})
    assert same.get_json()["code"] == "same_time"


def test_restoring_a_taken_time_names_free_ones(anas: Tool, viewing: TestResponse, booking: dict[str, Any]) -> None:
    path = f"/viewings/{viewing.get_json()['id']}"
    anas.post(f"{path}/cancel")
    assert anas.post("/viewings", {**booking, "visitor_name": "Mia"}).status_code == 201
    taken = anas.post(f"{path}/restore")
    assert (taken.status_code, taken.get_json()["code"]) == (409, "slot_taken")
    assert taken.get_json()["nearest"]


@pytest.mark.parametrize(("path", "status"), [("complete", "completed"), ("no-show", "no_show")])
def test_past_viewings_are_marked(anas: Tool, past_viewing: int, path: str, status: str) -> None:
    marked = anas.post(f"/viewings/{past_viewing}/{path}")
    assert (marked.status_code, marked.get_json()["status"]) == (200, status)


def test_list_is_read_by_cursor(anas: Tool, viewing: TestResponse, past_viewing: int, booking: dict[str, Any]) -> None:
    later = anas.post("/viewings", {**booking, "start": (next_monday() + timedelta(hours=2)).isoformat()})
    ids = [past_viewing, viewing.get_json()["id"], later.get_json()["id"]]
    found, cursor = [], ""
    for _ in ids:
        page = anas.get(f"/viewings?limit=1{cursor}").get_json()
        found += [one["id"] for one in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ids
    assert page["next_cursor"] is None
    assert [one["id"] for one in anas.get("/viewings").get_json()["data"]] == ids


def test_list_is_filtered(anas: Tool, viewing: TestResponse, past_viewing: int) -> None:
    day = next_monday().date()
    expected = {
        f"?from={day}&to={day}": [viewing.get_json()["id"]],
        "?status=completed": [],
        "?q=oak": [past_viewing],
        "?q=&status=confirmed&agent_id=ana": [past_viewing, viewing.get_json()["id"]],
        f"?to={day - timedelta(days=1)}": [past_viewing],
    }
    found = {query: [one["id"] for one in anas.get(f"/viewings{query}").get_json()["data"]] for query in expected}
    assert found == expected


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "from=yesterday", "from=0001-01-01", "to=9999-12-31", "status=odd", "cursor=x", "cursor=" + "A" * 201, "page=2",
     "cursor=djk5OTk5OTk5OTk5OTk5OTk5OS4x", "cursor=djEuOTk5OTk5OTk5OQ", "cursor=ä"],
)  # fmt: skip
def test_invalid_query_is_named(anas: Tool, query: str) -> None:
    refused = anas.get(f"/viewings?{query}")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.get_json()["errors"]] == [query.partition("=")[0]]


def test_others_viewings_do_not_exist(  # noqa: PLR0917 - fixtures
    anas: Tool, offices: Tool, booking: dict[str, Any], ana: Viewer, services: Services, database: Database
) -> None:
    del ana, services
    bens = offices.post("/viewings", {**booking, "agent_id": "ben", "acknowledge": []})
    if bens.status_code == 409:
        bens = offices.post("/viewings", {**booking, "agent_id": "ben", "acknowledge": bens.get_json()["acknowledge"]})
    path = f"/viewings/{bens.get_json()['id']}"
    assert offices.get(path).status_code == 200
    before = database.fetch("SELECT status, updated_at FROM appointments")
    assert anas.get(path).get_json()["code"] == "viewing_not_found"
    for action in ("cancel", "complete", "no-show", "restore"):
        assert anas.post(f"{path}/{action}").status_code == 404
    assert anas.post(f"{path}/move", {"start": booking["start"]}).status_code == 404
    assert anas.send("PATCH", path, {"notes": "x"}).status_code == 404
    assert anas.get("/viewings?agent_id=ben").get_json()["code"] == "agent_not_found"
    assert anas.get("/viewings").get_json()["data"] == []
    assert anas.post("/viewings", {**booking, "agent_id": "ben"}).get_json()["code"] == "agent_not_found"
    assert database.fetch("SELECT status, updated_at FROM appointments") == before
    for unknown in ("99999999999999999999", "2147483648", "0", "999"):
        assert anas.get(f"/viewings/{unknown}").status_code == 404


def test_no_operation_reaches_what_belongs_to_others(
    anas: Tool, offices: Tool, booking: dict[str, Any], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every operation with an id in its path, those of later releases too. Homes are the office's, and shown to all."""
    monkeypatch.setattr("peterental.web.api.limits.BURST", 10_000)
    viewing_id = offices.post("/viewings", {**booking, "agent_id": "ben"}).get_json()["id"]
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id, summary) VALUES ('c1', 'ben', 'Asked.')")
    (message,) = database.fetch("INSERT INTO messages (agent_id, body) VALUES ('ben', 'Cats?') RETURNING message_id")
    others = {"agent_id": "ben", "call_id": "c1", "message_id": message["message_id"], "viewing_id": viewing_id}
    bodies = {"PATCH": {"notes": "x"}, "POST": {"start": booking["start"]}}
    before = database.fetch("SELECT * FROM appointments")
    refused = {}
    for operation in OPERATIONS:
        names = re.findall(r"{(\w+)}", operation.path)
        if not names or names == ["home_id"]:
            continue
        body = bodies.get(operation.method) if operation.body else None
        if operation.name == "bookLineViewing":
            body = {name: value for name, value in booking.items() if name != "agent_id"}
        answer = anas.send(operation.method, operation.path.format(**others), body)
        refused[operation.name] = answer.status_code
    assert len(refused) > 12
    assert set(refused.values()) == {404}, refused
    assert database.fetch("SELECT * FROM appointments") == before


def test_taken_home_is_a_warning_that_can_be_acknowledged(
    offices: Tool, anas: Tool, database: Database, booking: dict[str, Any]
) -> None:
    """The office wants one viewing of a home at a time; the tool is not told whose viewing it is."""
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    (row,) = database.fetch("INSERT INTO properties (line1) VALUES ('1420 Elm Street') RETURNING property_id")
    body = {**booking, "home_id": row["property_id"]}
    del body["home"]
    with_ben = {**body, "agent_id": "ben"}
    first = offices.post("/viewings", with_ben)
    if first.status_code == 409:  # Ben in Lisbon does not work at that hour
        first = offices.post("/viewings", {**with_ben, "acknowledge": first.get_json()["acknowledge"]})
    assert first.status_code == 201
    refused = anas.post("/viewings", body)
    problem = refused.get_json()
    assert (refused.status_code, problem["code"]) == (409, "confirmation_required")
    assert [warning["code"] for warning in problem["warnings"]] == ["home_taken"]
    assert booking["visitor_name"] not in refused.text
    assert anas.post("/viewings", {**body, "acknowledge": problem["acknowledge"]}).status_code == 201
