"""The page on which an agent's user and admins choose what the agent is told."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from peterental.database.pool import Database
    from tests.web.conftest import Browser

PAGE = "/agents/ana-lima/notices"
KINDS = (
    "agent_booked", "agent_moved", "agent_changed", "agent_reassigned", "agent_cancelled", "agent_released",
    "agent_urgent_message", "agent_flagged_call", "agent_calendar_trouble", "agent_morning_list",
)  # fmt: skip
CHOICES = {f"{kind}_email": "now" for kind in KINDS} | {f"{kind}_text": "off" for kind in KINDS}


@pytest.fixture(autouse=True)
def _agents(agents: None) -> None:
    del agents


def chosen(text: str, name: str) -> str:
    """Return the selected option of a field."""
    field = text.partition(f'name="{name}"')[2].partition("</select>")[0]
    found = re.search(r'<option selected value="(\w+)"', field)
    assert found, name
    return found[1]


def test_page_shows_what_is_usual(anas: Browser) -> None:
    page = anas.get(PAGE)
    assert page.status_code == 200
    assert (chosen(page.text, "agent_booked_email"), chosen(page.text, "agent_booked_text")) == ("now", "off")
    assert "Without an address here, e-mail goes to ana@example.com." in page.text
    assert "It is sent at 7:30 am, Chicago time" in page.text


def test_page_says_which_channels_are_off(anas: Browser, database: Database) -> None:
    text = anas.get(PAGE).text
    assert "E-mail is off: nothing is sent by e-mail" in text
    assert "Texts are off: nothing is sent by text" in text
    database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'a@b.c', TRUE), ('text', '+14055550100', TRUE)"
    )
    text = anas.get(PAGE).text
    assert "is off" not in text
    assert "No texts are sent: there is no phone number." in text


def test_agent_without_a_user_needs_an_address(office: Browser, database: Database) -> None:
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('email', 'a@b.c', TRUE)")
    text = office.get("/agents/ben/notices").text
    assert "No e-mail is sent: there is no address" in text
    assert "The agent has no user whose address could be used." in text


def test_choices_are_saved(anas: Browser, database: Database) -> None:
    sent = anas.send(
        PAGE,
        CHOICES,
        phone="(405) 555-0123",
        email="desk@example.com",
        agent_booked_text="now",
        agent_moved_email="morning",
    )
    assert (sent.status_code, sent.location) == (303, PAGE)
    text = anas.get(PAGE).text
    assert "The notices were saved." in text
    assert 'value="+14055550123"' in text
    assert 'value="desk@example.com"' in text
    assert (chosen(text, "agent_booked_text"), chosen(text, "agent_moved_email")) == ("now", "morning")
    assert database.fetch("SELECT actor FROM audit_log WHERE action = 'notices changed'") == [
        {"actor": "ana@example.com"}
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"email": "ana"}, "Enter an e-mail address such as dana@example.com."),
        ({"phone": "12"}, "Enter a phone number with its area code."),
        ({"agent_moved_text": "morning"}, "so that list has to be sent."),
        ({"agent_moved_text": "sometimes"}, "Choose one of the options."),
        ({"email": "a" * 300}, "At most 255 characters."),
    ],
)
def test_entries_that_cannot_be_used_are_shown_again(anas: Browser, fields: dict[str, str], message: str) -> None:
    sent = anas.send(PAGE, CHOICES | {"agent_cancelled_email": "off"} | fields)
    assert sent.status_code == 400
    assert message in sent.text
    assert chosen(sent.text, "agent_cancelled_email") == "off"


def test_agents_of_others_are_not_found(anas: Browser) -> None:
    assert anas.get("/agents/ben/notices").status_code == 404
    assert anas.send("/agents/ben/notices", CHOICES, at=PAGE).status_code == 404


def test_conflict_shows_what_was_saved_meanwhile(anas: Browser, office: Browser, database: Database) -> None:
    """Nothing is lost: the entries stay, each field that differs says what is saved, and saving again is possible."""
    mine = hidden_seen(anas.get(PAGE).text)
    office.send(PAGE, CHOICES, phone="(405) 555-0123", agent_booked_text="now")
    refused = anas.send(PAGE, CHOICES, seen=mine, email="mine@example.com", agent_moved_email="morning")
    assert refused.status_code == 400
    text = unescape(refused.text)
    assert "office@example.com changed these notices at" in text
    assert "Now saved: At once." in text.partition('id="agent_booked_text-error"')[2].partition("</p>")[0]
    assert "Now saved: +14055550123." in text.partition('id="phone-error"')[2].partition("</p>")[0]
    assert 'value="mine@example.com"' in text
    assert chosen(text, "agent_moved_email") == "morning"
    assert 'id="agent_cancelled_email-error"' not in text
    again = anas.send(PAGE, CHOICES, seen=hidden_seen(text), email="mine@example.com", agent_moved_email="morning")
    assert again.status_code == 303
    assert database.fetch("SELECT email, phone FROM agent_notice_contacts") == [
        {"email": "mine@example.com", "phone": None}
    ]


def test_same_entries_are_no_conflict(anas: Browser, office: Browser) -> None:
    mine = hidden_seen(anas.get(PAGE).text)
    entries = {**CHOICES, "phone": "(405) 555-0123"}
    office.send(PAGE, entries)
    assert anas.send(PAGE, entries, seen=mine).status_code == 303


@pytest.mark.parametrize("seen", ["", "x", "ä" * 100])
def test_form_without_its_version_is_a_conflict(anas: Browser, seen: str) -> None:
    refused = anas.send(PAGE, CHOICES, seen=seen, email="mine@example.com")
    assert refused.status_code == 400
    assert "Another user changed these notices, after" in unescape(refused.text)


def hidden_seen(text: str) -> str:
    """Return the version in a form."""
    found = re.search(r'name="seen"[^>]*value="(\w+)"', text)
    assert found
    return found[1]
