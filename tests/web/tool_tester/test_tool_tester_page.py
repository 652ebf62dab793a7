"""Promises about the page on which one hears what a caller would hear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.pool import Database
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, Ben in Lisbon, and Cem whom no call can reach."""
    services.agents.create(
        Profile(agent_name="Ana Lima", user_id=ana.user_id, vapi_assistant_id="assistant-ana"), admin
    )
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon", phone_number_id="phone-ben"), admin)
    services.agents.create(Profile(agent_name="Cem", user_id=ana.user_id), admin)


def kept(database: Database) -> list[dict[str, int]]:
    return database.fetch(
        """
        SELECT (SELECT COUNT(*) FROM appointments) AS appointments, (SELECT COUNT(*) FROM calls) AS calls,
               (SELECT COUNT(*) FROM tool_calls) AS tool_calls, (SELECT COUNT(*) FROM messages) AS messages
        """
    )


def test_without_an_agent_the_page_says_to_add_one(office: Browser, anas: Browser) -> None:
    assert 'href="/agents/new"' in office.get("/rehearsal").text
    text = anas.get("/rehearsal").text
    assert "No agent is yours yet" in text
    assert 'href="/agents/new"' not in text


@pytest.mark.usefixtures("agents")
def test_each_tool_has_fields_of_its_own(office: Browser) -> None:
    first = office.get("/rehearsal").text
    assert 'aria-current="true">Free times' in first
    assert 'name="time_of_day"' in first
    text = office.get("/rehearsal?tool=take_message&agent=ben").text
    assert 'name="message"' in text
    assert 'name="time_of_day"' not in text
    assert '<option selected value="ben">' in text
    warnings = office.get("/rehearsal?tool=order_pizza").text
    assert 'aria-current="true">Free times' in warnings
    assert "There is no tool “order_pizza”" in warnings


@pytest.mark.usefixtures("agents")
def test_a_booking_is_heard_and_nothing_is_kept(office: Browser, database: Database) -> None:
    page = office.send(
        "/rehearsal?tool=set_appointment", agent="ana-lima", property_address="1420 Elm Street",
        start_time="tomorrow 3 pm", attendee_name="Dolores <b>", caller_number="+15550142100", moment="2026-11-22T09:00",
    )  # fmt: skip
    assert page.status_code == 200
    assert "be booked to see" in page.text.replace("You&#39;re booked", "be booked")
    assert "Monday the twenty-third, at three PM." in page.text
    assert "On the phone this would have booked the viewing; here it was undone." in page.text
    assert "&#34;toolCallId&#34;: &#34;rehearsal&#34;" in page.text
    assert 'value="1420 Elm Street"' in page.text, "what was typed is still there"
    assert kept(database) == [{"appointments": 0, "calls": 0, "tool_calls": 0, "messages": 0}]


@pytest.mark.usefixtures("agents")
def test_the_pretended_moment_is_on_the_agents_clock(office: Browser) -> None:
    asked = {"date": "today", "time_of_day": "morning"}
    for agent, said in (
        ("ana-lima", "Monday the twenty-third, at nine AM"),
        ("ben", "Monday the twenty-third, at nine AM"),
    ):
        page = office.send("/rehearsal", asked, agent=agent, moment="2026-11-23T05:00")
        assert said in page.text, agent
    page = office.send("/rehearsal", asked, agent="ben", moment="2026-11-23T18:00")
    assert "nine AM" not in page.text or "tomorrow" in page.text


@pytest.mark.usefixtures("agents")
def test_arguments_may_be_typed_as_json(office: Browser) -> None:
    raw = json.dumps({"message": HOSTILE, "user_id": 7, "odd": [1, {"a": None}]})
    page = office.send("/rehearsal?tool=take_message", agent="ana-lima", raw=raw, message="not this one")
    assert page.status_code == 200
    assert "noted your message" in page.text
    assert "alert(1)" in page.text
    assert "<script" not in page.text
    assert "not this one" not in page.text.split("The JSON")[1].split("</details>")[0]


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"raw": "{"}, "That is not JSON."),
        ({"raw": "[" * 5000}, "That is not JSON."),
        ({"raw": "[1]"}, "Arguments have names"),
        ({"raw": '"' + "x" * 30_000 + '"'}, "longer than any assistant sends"),
        ({"caller_number": "5" * 50}, "room for 40 characters"),
        ({"moment": "soon"}, "Type a day and a time"),
        ({"agent": "nobody"}, "Choose one of those offered."),
    ],
)
def test_what_cannot_be_sent_is_said_at_its_field(office: Browser, fields: dict[str, str], said: str) -> None:
    page = office.send("/rehearsal", {"agent": "ana-lima", **fields})
    assert page.status_code == 400
    assert said in page.text
    assert "The caller hears" not in page.text


@pytest.mark.usefixtures("agents")
def test_an_agents_user_rehearses_own_agents_only(anas: Browser, database: Database) -> None:
    assert "Ben" not in anas.get("/rehearsal").text
    page = anas.send("/rehearsal", agent="ben")
    assert page.status_code == 400
    assert "The caller hears" not in page.text
    assert "The caller hears" in anas.send("/rehearsal", agent="ana-lima").text
    assert kept(database)[0]["tool_calls"] == 0


@pytest.mark.usefixtures("agents")
def test_an_agent_that_no_call_reaches_is_told_apart(anas: Browser) -> None:
    text = anas.send("/rehearsal", agent="cem").text
    assert "No call can reach" in text
    assert 'href="/agents/cem/edit#vapi_assistant_id"' in text


@pytest.mark.usefixtures("agents")
def test_an_expired_form_keeps_what_was_typed(office: Browser, database: Database) -> None:
    page = office.post("/rehearsal", agent="ana-lima", date="tomorrow", csrf_token="old")
    assert page.status_code == 400
    assert 'value="tomorrow"' in page.text
    assert "the form had expired" in page.text
    assert kept(database)[0]["calls"] == 0
