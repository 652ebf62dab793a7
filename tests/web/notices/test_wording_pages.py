"""Admins change wordings with a preview, reset them, and send tests."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.notices.model import NoticeFilter
from peterental.notices.wording.builtin import BUILT_IN
from peterental.notices.wording.model import Wording, WordingKey
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

TEXT = "/settings/wordings/booked/text/en"
MAIL = "/settings/wordings/moved/email/es"
BOOKED = WordingKey("booked", "text", "en")


def test_every_wording_is_listed_by_language(office: Browser) -> None:
    english, spanish = office.get("/settings/wordings").text, office.get("/settings/wordings?language=es").text
    for key in BUILT_IN:
        assert (f'href="/settings/wordings/{key}"' in english) == (key.language == "en")
        assert (f'href="/settings/wordings/{key}"' in spanish) == (key.language == "es")
    assert "There is no language “xx”" in office.get("/settings/wordings?language=xx").text


def test_a_wording_is_saved_with_unix_line_ends(office: Browser, services: Services) -> None:
    page = office.send(MAIL, subject="Hola", body="Uno\r\n\r\nDos {day}\r\n", follow=True).text
    assert "The wording was saved." in page
    assert ">Changed</span> by <bdi>office@example.com</bdi>" in page
    wording = services.wordings.wording(WordingKey("moved", "email", "es"))
    assert (wording.subject, wording.body) == ("Hola", "Uno\n\nDos {day}")
    assert "(changed)" in office.get("/settings/wordings?language=es").text


def test_a_preview_saves_nothing(office: Browser, services: Services) -> None:
    answer = office.send(TEXT, body="{office}: on {day}", do="preview")
    assert answer.status_code == 200
    assert "Leasing office: on Tue, Dec 1 Reply STOP to opt out." in answer.text
    assert "1 segment, 52 characters" in answer.text
    assert "{office}: on {day}</textarea>" in answer.text
    assert services.wordings.wording(BOOKED) == BUILT_IN[BOOKED]


def test_the_preview_warns_of_expensive_characters(office: Browser) -> None:
    text = office.send(TEXT, body="{office}: día {day} " + "x" * 60, do="preview").text
    assert "2 segments, 114 characters, because a character is outside the basic alphabet" in " ".join(text.split())


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("{office} {hone}", "There is no field {hone} in this wording."),
        ("{office} {home", "A brace has no partner near “{office} {home”."),
        ("{office} {link}", "{link} may be empty."),
        ("{home}", "A text message has to say who writes. Use {office}."),
        ("{office}: reply CANCEL", "“reply CANCEL” asks for a word"),
        (" ", "Enter the text."),
        ("x" * 4001, "At most 4,000 characters."),
    ],
)
@pytest.mark.parametrize("do", ["", "preview"])
def test_a_wrong_wording_is_refused_at_its_field(
    office: Browser, services: Services, body: str, sentence: str, do: str
) -> None:
    answer = office.send(TEXT, body=body, do=do)
    assert answer.status_code == 400
    assert sentence in unescape(answer.text)
    assert 'id="body-error"' in answer.text
    assert services.wordings.wording(BOOKED) == BUILT_IN[BOOKED]


def test_a_wrong_subject_is_refused_at_its_field(office: Browser) -> None:
    answer = office.send(MAIL, subject="{hone}", body="Hola")
    assert answer.status_code == 400
    assert 'id="subject-error"' in answer.text


def test_hostile_wordings_are_escaped(office: Browser) -> None:
    page = office.send(TEXT, body="{office}: <script>alert(1)</script>", follow=True).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_reset_uses_the_built_in_wording(office: Browser, services: Services) -> None:
    office.send(TEXT, body="{office}: new")
    page = office.send(f"{TEXT}/reset", at=TEXT, follow=True).text
    assert "The built-in wording is used again." in page
    assert "Use the built-in wording" not in page
    assert services.wordings.wording(BOOKED) == BUILT_IN[BOOKED]


@pytest.mark.parametrize("path", ["reply/text/en", "booked/fax/en", "booked/text/de"])
def test_unknown_wordings_are_not_found(office: Browser, path: str) -> None:
    assert office.get(f"/settings/wordings/{path}").status_code == 404
    token = office.token("/account")
    assert office.post(f"/settings/wordings/{path}/reset", csrf_token=token).status_code == 404
    assert office.post(f"/settings/wordings/{path}/test", csrf_token=token).status_code == 404


def test_a_test_goes_to_the_outbox(office: Browser, services: Services, database: Database, admin: Viewer) -> None:
    answer = office.send(f"{TEXT}/test", recipient="405 555 0142", at=TEXT)
    assert answer.status_code == 400
    assert "Nothing was sent: text messaging is off." in answer.text
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)")
    for recipient, sentence in (("", "Enter where to send it."), ("12", "Enter a phone number with the area code")):
        answer = office.send(f"{TEXT}/test", recipient=recipient, at=TEXT)
        assert answer.status_code == 400
        assert sentence in answer.text
        assert 'id="recipient-error"' in answer.text
    page = office.send(f"{TEXT}/test", recipient="405 555 0142", at=TEXT, follow=True).text
    assert "A test goes to +14055550142." in page
    (notice,) = services.notice_listing.listing(admin, NoticeFilter()).notices
    assert (notice.kind, notice.recipient) == ("test", "+14055550142")


def seen_in(text: str) -> str:
    """Return the version in the form of a wording."""
    found = re.search(r'name="seen"[^>]*value="(\w+)"', text)
    assert found
    return found[1]


def test_conflict_shows_the_wording_saved_now(office: Browser, services: Services, admin: Viewer) -> None:
    """The entries stay, and saving again overwrites what the other admin saved."""
    mine = seen_in(office.get(TEXT).text)
    services.wordings.change(BOOKED, Wording("{office}: theirs {day}"), replace(admin, email="olga@example.com"))
    refused = office.send(TEXT, seen=mine, body="{office}: mine {day}")
    text = unescape(refused.text)
    assert refused.status_code == 400
    assert "olga@example.com changed this wording at" in text
    assert "{office}: mine {day}</textarea>" in text
    assert "{office}: theirs {day}</p>" in text
    assert services.wordings.wording(BOOKED).body == "{office}: theirs {day}"
    assert office.send(TEXT, seen=mine, body="{office}: mine {day}", do="preview").status_code == 200
    assert office.send(TEXT, seen=seen_in(text), body="{office}: mine {day}").status_code == 303
    assert services.wordings.wording(BOOKED).body == "{office}: mine {day}"


def test_reset_of_a_wording_that_changed_is_refused(office: Browser, services: Services, admin: Viewer) -> None:
    services.wordings.change(BOOKED, Wording("{office}: first {day}"), admin)
    mine = seen_in(office.get(TEXT).text)
    services.wordings.change(BOOKED, Wording("{office}: second {day}"), admin)
    refused = office.send(f"{TEXT}/reset", at=TEXT, seen=mine, follow=True)
    assert "changed this wording at" in refused.text
    assert services.wordings.wording(BOOKED).body == "{office}: second {day}"
    office.send(f"{TEXT}/reset", at=TEXT)
    assert services.wordings.wording(BOOKED) == BUILT_IN[BOOKED]


def test_same_wording_is_no_conflict(office: Browser, services: Services, admin: Viewer) -> None:
    mine = seen_in(office.get(TEXT).text)
    services.wordings.change(BOOKED, Wording("{office}: same {day}"), admin)
    assert office.send(TEXT, seen=mine, body="{office}: same {day}").status_code == 303
