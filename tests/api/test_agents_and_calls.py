"""Agents, free times, homes, calls and messages by the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from tests.api.conftest import Tool, next_monday


def test_me_says_who_the_token_works_for(anas: Tool) -> None:
    me = anas.get("/me").get_json()
    assert (me["email"], me["role"], me["scopes"]) == ("ana@example.com", "agent", ["read", "book"])
    assert me["token_name"] == "Sync"
    assert me["expires_at"] is None


def test_agents_are_those_of_the_user(anas: Tool, offices: Tool) -> None:
    assert [agent["id"] for agent in anas.get("/agents").get_json()["data"]] == ["ana"]
    assert {agent["id"] for agent in offices.get("/agents").get_json()["data"]} == {"ana", "ben"}
    assert [agent["id"] for agent in offices.get("/agents?q=be").get_json()["data"]] == ["ben"]
    agent = anas.get("/agents/ana").get_json()
    assert (agent["name"], agent["time_zone"], agent["viewing_minutes"]) == ("Ana", "America/Chicago", 30)
    assert agent["hours"][0] == {"weekday": 1, "opens": "09:00", "closes": "17:00"}
    assert anas.get("/agents/ben").get_json()["code"] == "agent_not_found"
    assert anas.get("/agents/%00").get_json()["code"] == "agent_not_found"


def test_agents_have_pages(offices: Tool, services: Services, admin: Viewer) -> None:
    for number in range(50):
        services.agents.create(Profile(agent_name=f"Agent {number}"), admin)
    first = offices.get("/agents").get_json()
    second = offices.get(f"/agents?cursor={first['next_cursor']}").get_json()
    assert len({agent["id"] for agent in [*first["data"], *second["data"]]}) == 52
    assert second["next_cursor"] is None
    assert offices.get("/agents?cursor=cDE").status_code == 422


def test_free_times_are_those_that_callers_hear(anas: Tool, viewing: TestResponse) -> None:
    assert viewing.status_code == 201
    start = next_monday()
    found = anas.get(f"/agents/ana/free-times?from={start.date()}&days=2").get_json()
    assert [day["day"] for day in found["days"]] == [str(start.date()), str(start.date() + timedelta(days=1))]
    first, second = ([time["start"] for time in day["times"]] for day in found["days"])
    assert start.isoformat() not in first
    assert (start + timedelta(days=1)).isoformat() in second
    assert len(anas.get("/agents/ana/free-times").get_json()["days"]) == 7
    assert datetime.now(ZoneInfo("America/Chicago")).date() - date.fromisoformat(
        anas.get("/agents/ana/free-times?days=1").get_json()["days"][0]["day"]
    ) <= timedelta(days=1)
    for query in ("days=15", "from=9999-12-31", "days=0"):
        status = anas.get(f"/agents/ana/free-times?{query}").status_code
        assert status == 422
    assert anas.get("/agents/ben/free-times").status_code == 404


def test_rules_of_a_home_narrow_the_times(anas: Tool, services: Services, admin: Viewer) -> None:
    at_noon = PropertyDetails(line1="1 Elm Street", windows=((1, Window(720, 780)),))
    home_id = services.properties.add(at_noon, admin)
    of_ben = services.properties.add(PropertyDetails(line1="2 Elm Street", shown_by=frozenset({"ben"})), admin)
    query = f"/agents/ana/free-times?from={next_monday().date()}&days=1&home_id="
    (day,) = anas.get(f"{query}{home_id}").get_json()["days"]
    assert [time["start"][11:16] for time in day["times"]] == ["12:00", "12:30"]
    assert anas.get(f"{query}{of_ben}").get_json()["days"][0]["times"] == []
    assert anas.get(f"{query}99").get_json()["code"] == "home_not_found"


def test_homes(anas: Tool, services: Services, admin: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    details = PropertyDetails(
        line1="1420 Elm Street", unit="2B", city="Norman", bedrooms=2, bathrooms=1.5, rent=1200,
        shown_by=frozenset({"ana"}), windows=((1, Window(600, 720)),),
    )  # fmt: skip
    home_id = services.properties.add(details, admin)
    listed = anas.get("/homes?bedrooms=2&q=elm").get_json()["data"]
    assert listed == [anas.get(f"/homes/{home_id}").get_json()]
    assert (listed[0]["label"], listed[0]["rent"], listed[0]["shown_by"]) == ("1420 Elm Street, Unit 2B", 1200, ["ana"])
    assert listed[0]["hours"] == [{"weekday": 1, "opens": "10:00", "closes": "12:00"}]
    assert anas.get("/homes?status=inactive").get_json() == {"data": [], "next_cursor": None}
    assert anas.get("/homes/99").get_json()["code"] == "home_not_found"
    for module in ("peterental.web.api.homes", "peterental.properties.service"):
        monkeypatch.setattr(f"{module}.PAGE_SIZE", 1)
    assert anas.get("/homes").get_json()["next_cursor"] is None  # the page is just full
    services.properties.add(replace(details, unit="3A"), admin)
    cursor = anas.get("/homes").get_json()["next_cursor"]
    second = anas.get(f"/homes?cursor={cursor}").get_json()
    assert ([home["unit"] for home in second["data"]], second["next_cursor"]) == (["3A"], None)


@pytest.fixture
def calls(database: Database, ana: Viewer) -> None:
    """A call and a message for each agent."""
    del ana
    for agent in ("ana", "ben"):
        database.fetch(
            """
            INSERT INTO calls (vapi_call_id, agent_id, caller_number, status, started_at, ended_at, summary, transcript, cost)
            VALUES (%s, %s, '+14055550123', 'ended', '2026-11-02T15:00Z', '2026-11-02T15:02Z', 'Asked.', 'AI: Hello', 0.12)
            """,
            (f"call/{agent}", agent),
        )
        database.fetch(
            """
            INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, arguments, answer, outcome, agent_id)
            VALUES (%s, %s, 'check_availability', '{"date": "Monday"}', 'We have ten.', 'answered', %s)
            """,
            (f"call/{agent}", f"tool {agent}", agent),
        )
        database.fetch(
            "INSERT INTO messages (agent_id, vapi_call_id, body, attendee_name) VALUES (%s, %s, 'Cats?', 'Mia')",
            (agent, f"call/{agent}"),
        )


@pytest.mark.usefixtures("calls")
def test_calls_are_those_of_the_user(anas: Tool, offices: Tool) -> None:
    (call,) = anas.get("/calls").get_json()["data"]
    assert (call["id"], call["seconds"], call["cost"], call["flags"]) == ("call/ana", 120, 0.12, [])
    details = anas.get("/calls/call/ana").get_json()
    assert details["transcript"] == "AI: Hello"
    assert details["tool_calls"][0]["arguments"] == {"date": "Monday"}
    assert anas.get("/calls/call/ben").get_json()["code"] == "call_not_found"
    assert len(offices.get("/calls").get_json()["data"]) == 2
    assert len(offices.get("/calls?agent_id=ben").get_json()["data"]) == 1
    assert offices.get("/calls?since=2026-11-03T00:00:00Z").get_json()["data"] == []
    assert offices.get("/calls?flag=unbooked").get_json()["data"] == []
    assert anas.get("/calls?agent_id=ben").get_json()["code"] == "agent_not_found"
    assert anas.get("/calls?since=2026-11-03").status_code == 422


@pytest.mark.usefixtures("calls")
def test_messages_are_those_of_the_user(anas: Tool, offices: Tool) -> None:
    (message,) = anas.get("/messages").get_json()["data"]
    assert (message["agent_id"], message["body"], message["call_id"]) == ("ana", "Cats?", "call/ana")
    assert anas.get(f"/messages/{message['id']}").get_json() == message
    other = next(one for one in offices.get("/messages?state=all").get_json()["data"] if one["agent_id"] == "ben")
    assert anas.get(f"/messages/{other['id']}").get_json()["code"] == "message_not_found"
    assert anas.get("/messages?state=done").get_json()["data"] == []
    assert anas.get("/messages?agent_id=ben").status_code == 404


@pytest.mark.usefixtures("calls")
def test_flags_of_a_call(anas: Tool, database: Database) -> None:
    database.fetch("UPDATE calls SET agreed = TRUE, outcomes = '{fault}' WHERE agent_id = 'ana'")
    assert anas.get("/calls?flag=fault").get_json()["data"][0]["flags"] == ["unbooked", "fault"]


@pytest.mark.parametrize("path", ["/agents/%00", "/agents/a%00/free-times", "/calls/%00"])
def test_id_that_cannot_be_stored_is_not_found(anas: Tool, path: str) -> None:
    refused = anas.get(path)
    assert (refused.status_code, refused.get_json()["code"]) == (404, f"{path.split('/')[1][:-1]}_not_found")


def test_call_id_may_have_slashes(anas: Tool, database: Database) -> None:
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id) VALUES ('c//1/x', 'ana')")
    assert anas.get("/calls/c//1/x").get_json()["id"] == "c//1/x"


@pytest.mark.parametrize(("query", "status"), [("q=", 200), ("q=Cat", 200), ("q=Ca", 422), ("q=%20C%20", 422)])
def test_text_too_short_to_search_is_refused_and_not_ignored(anas: Tool, query: str, status: int) -> None:
    assert anas.get(f"/messages?{query}").status_code == status


@pytest.mark.parametrize(
    ("path", "listing", "found"),
    [
        ("/calls", "peterental.calls.queries.CallQueries.listing", ([], True, 0)),
        ("/messages", "peterental.messages.repository.MessageRepository.listing", ([], 0, True)),
    ],
)
def test_search_that_left_something_out_says_so(
    anas: Tool, path: str, listing: str, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anas.get(f"{path}?q=Elm").get_json()["is_truncated"] is False
    monkeypatch.setattr(listing, lambda *_: found)
    assert anas.get(f"{path}?q=Elm").get_json()["is_truncated"] is True
