"""The tool tester: previews the reply to a caller and changes nothing."""

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
    """Ana's agent in Chicago, Ben in Lisbon, and Cem, who has no assistant or number."""
    services.agents.create(
        Profile(agent_name="Ana Lima", user_id=ana.user_id, vapi_assistant_id="assistant-ana"), admin
    )
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon", phone_number_id="phone-ben"), admin)
    services.agents.create(Profile(agent_name="Cem", user_id=ana.user_id), admin)


def row_counts(database: Database) -> list[dict[str, int]]:
    return database.fetch(
        """
        SELECT (SELECT COUNT(*) FROM appointments) AS appointments, (SELECT COUNT(*) FROM calls) AS calls,
               (SELECT COUNT(*) FROM tool_calls) AS tool_calls, (SELECT COUNT(*) FROM messages) AS messages
        """
    )


def test_empty_page_asks_to_add_an_agent(office: Browser, anas: Browser) -> None:
    assert 'href="/agents/new"' in office.get("/rehearsal").text
    text = anas.get("/rehearsal").text
    assert "You do not own an agent yet" in text
    assert 'href="/agents/new"' not in text


@pytest.mark.usefixtures("agents")
def test_each_tool_has_its_own_fields(office: Browser) -> None:
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
def test_simulated_booking_is_rolled_back(office: Browser, database: Database) -> None:
    page = office.send(
        "/rehearsal?tool=set_appointment", agent="ana-lima", property_address="1420 Elm Street",
        start_time="tomorrow 3 pm", attendee_name="Dolores <b>", caller_number="+15550142100", moment="2026-11-22T09:00",
    )  # fmt: skip
    assert page.status_code == 200
    assert "be booked to see" in page.text.replace("You&#39;re booked", "be booked")
    assert "Monday the twenty-third, at three PM." in page.text
    assert "A real call would have booked the viewing. Here the change was rolled back." in page.text
    assert "&#34;toolCallId&#34;: &#34;rehearsal&#34;" in page.text
    assert 'value="1420 Elm Street"' in page.text, "the entries stay"
    assert "What we understood" in page.text
    assert "decision  exactly Mon 2026-11-23 15:00" in page.text
    assert row_counts(database) == [{"appointments": 0, "calls": 0, "tool_calls": 0, "messages": 0}]


@pytest.mark.usefixtures("agents")
def test_time_of_call_is_in_the_agents_zone(office: Browser) -> None:
    asked = {"date": "today", "time_of_day": "morning"}
    for agent, expected in (
        ("ana-lima", "Monday the twenty-third, at nine AM"),
        ("ben", "Monday the twenty-third, at nine AM"),
    ):
        page = office.send("/rehearsal", asked, agent=agent, moment="2026-11-23T05:00")
        assert expected in page.text, agent
    page = office.send("/rehearsal", asked, agent="ben", moment="2026-11-23T18:00")
    assert "nine AM" not in page.text or "tomorrow" in page.text


@pytest.mark.usefixtures("agents")
def test_arguments_can_be_json(office: Browser) -> None:
    raw = json.dumps({"message": HOSTILE, "user_id": 7, "odd": [1, {"a": None}]})
    page = office.send("/rehearsal?tool=take_message", agent="ana-lima", raw=raw, message="not this one")
    assert page.status_code == 200
    assert "noted your message" in page.text
    assert "alert(1)" in page.text
    assert "<script" not in page.text
    assert "not this one" not in page.text.split("<summary>JSON")[1].split("</details>")[0]


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"raw": "{"}, "This is not valid JSON."),
        ({"raw": "[" * 5000}, "This is not valid JSON."),
        ({"raw": "[1]"}, "Arguments must be a JSON object"),
        ({"raw": '"' + "x" * 30_000 + '"'}, "At most 20,000 characters."),
        ({"caller_number": "5" * 50}, "At most 40 characters."),
        ({"moment": "soon"}, "Enter a date and a time"),
        ({"agent": "unknown"}, "Choose one of the options."),
    ],
)
def test_invalid_entry_is_shown_at_its_field(office: Browser, fields: dict[str, str], expected: str) -> None:
    page = office.send("/rehearsal", {"agent": "ana-lima", **fields})
    assert page.status_code == 400
    assert expected in page.text
    assert "The caller hears" not in page.text


@pytest.mark.usefixtures("agents")
def test_user_simulates_own_agents_only(anas: Browser, database: Database) -> None:
    assert 'value="ben"' not in anas.get("/rehearsal").text
    page = anas.send("/rehearsal", agent="ben")
    assert page.status_code == 400
    assert "The caller hears" not in page.text
    assert "The caller hears" in anas.send("/rehearsal", agent="ana-lima").text
    assert row_counts(database)[0]["tool_calls"] == 0


@pytest.mark.usefixtures("agents")
def test_unreachable_agent_shows_a_note(anas: Browser) -> None:
    text = anas.send("/rehearsal", agent="cem").text
    assert "No call can reach" in text
    assert 'href="/agents/cem/line"' in text


@pytest.mark.usefixtures("agents")
def test_expired_form_keeps_its_entries(office: Browser, database: Database) -> None:
    page = office.post("/rehearsal", agent="ana-lima", date="tomorrow", csrf_token="old")
    assert page.status_code == 400
    assert 'value="tomorrow"' in page.text
    assert "The form had expired" in page.text
    assert row_counts(database)[0]["calls"] == 0
