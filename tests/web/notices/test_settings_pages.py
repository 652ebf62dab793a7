"""Admins decide what is sent, and see through what."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices.model import NoticeSettings
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser

ENTRIES = {
    "office_name": "Norman Leasing",
    "texts_visitors": "y",
    "reminds_hours_before": "y",
    "release_hours": "3",
    "quiet_from": "21:00",
    "quiet_until": "07:15",
    "list_at": "06:45",
}


def seen(browser: Browser) -> str:
    """Return the version of the settings in the form."""
    found = re.search(r'name="seen" type="hidden" value="([^"]+)"', browser.get("/settings").text)
    assert found
    return unescape(found.group(1))


def channel(database: Database, name: str, sender: str, *, is_real: bool) -> None:
    database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES (%s, %s, %s)", (name, sender, is_real)
    )


def test_settings_are_saved_and_shown(office: Browser, services: Services) -> None:
    assert 'value="Leasing office"' in office.get("/settings").text
    page = office.send("/settings", ENTRIES, seen=seen(office), follow=True).text
    assert "The settings were saved." in page
    assert services.notice_settings.get() == NoticeSettings(
        office_name="Norman Leasing",
        texts_visitors=True,
        mails_visitors=False,
        reminds_day_before=False,
        reminds_hours_before=True,
        follows_up_no_shows=False,
        release_hours=3,
        quiet_from=time(21),
        quiet_until=time(7, 15),
        list_at=time(6, 45),
    )
    assert '<option selected value="3">3 hours before</option>' in page
    office.send("/settings", {**ENTRIES, "release_hours": ""}, seen=seen(office))
    assert services.notice_settings.get().release_hours is None


def test_second_of_two_admins_sees_what_the_first_saved(
    office: Browser, services: Services, admin: Viewer, open_browser: Callable[[], Browser]
) -> None:
    """Their entries stay in the form, and sending it again overwrites the stored values."""
    services.users.create("eva@example.com", "correct horse battery", "admin")
    opened = seen(office)
    office.send("/settings", {**ENTRIES, "follows_up_no_shows": "y"}, seen=opened)
    stored = services.notice_settings.get()
    evas = open_browser()
    evas.start_session("eva@example.com")
    page = evas.send(
        "/settings", {**ENTRIES, "office_name": "Eva's", "release_hours": "", "list_at": "07:00"}, seen=opened
    )
    assert page.status_code == 400
    text = unescape(page.text)
    assert re.search(rf"{admin.email} changed the settings at \d+:\d\d [ap]m C[SD]T, after you opened", text)
    assert "Your changes are not saved yet." in text
    for name, now in (
        ("office", "Norman Leasing"),
        ("release", "3 hours before"),
        ("list", "06:45"),
        ("no-shows", "on"),
    ):
        assert f"Now saved by {admin.email}: {now}." in text, name
    assert text.count("Now saved by") == 4, "what both entered alike is not repeated"
    assert 'value="Eva\'s"' in text
    assert services.notice_settings.get() == stored
    again = re.search(r'name="seen" type="hidden" value="([^"]+)"', page.text)
    assert again
    evas.send("/settings", {**ENTRIES, "office_name": "Eva's"}, seen=unescape(again.group(1)))
    assert services.notice_settings.get().office_name == "Eva's"


@pytest.mark.parametrize("version", ["", "yesterday", "2026-11-30T10:00:00"])
def test_settings_of_an_unknown_version_are_not_overwritten(office: Browser, services: Services, version: str) -> None:
    before = services.notice_settings.get()
    page = office.send("/settings", ENTRIES, seen=version)
    assert page.status_code == 400
    assert "Another admin changed the settings" in page.text
    assert services.notice_settings.get() == before


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"office_name": " "}, "Enter the name of the office."),
        ({"office_name": "x" * 61}, "At most 60 characters."),
        ({"quiet_from": ""}, "Enter a time such as 20:00."),
        ({"quiet_from": "late"}, "Enter a time such as 20:00."),
        ({"list_at": "07:00+01:00"}, "Enter a time such as 20:00."),
        ({"quiet_from": "07:00", "quiet_until": "08:00"}, "Quiet hours begin in the evening"),
        ({"release_hours": "99"}, "Choose one of the options."),
    ],
)
def test_wrong_settings_are_refused(
    office: Browser, services: Services, entries: dict[str, str], sentence: str
) -> None:
    before = services.notice_settings.get()
    answer = office.send("/settings", {**ENTRIES, **entries}, seen=seen(office))
    assert answer.status_code == 400
    assert sentence in answer.text
    assert services.notice_settings.get() == before


def test_settings_are_for_admins(anas: Browser) -> None:
    for path in ("/settings", "/settings/wordings", "/settings/wordings/booked/text/en"):
        assert anas.get(path).status_code == 403
    token = anas.token("/account")
    assert anas.post("/settings", {**ENTRIES, "csrf_token": token}).status_code == 403


def test_channels_say_what_turns_them_on(office: Browser, database: Database) -> None:
    text = office.get("/settings").text
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM", "SMTP_URL", "MAIL_FROM"):
        assert f"<code>{name}</code>" in text
    channel(database, "text", "+14055550100", is_real=True)
    text = office.get("/settings").text
    assert "from <bdi>(405) 555-0100</bdi>" in text
    assert "TWILIO" not in text
    assert "SMTP_URL" in text


def test_development_says_where_the_files_are(office: Browser, database: Database, config: Config) -> None:
    channel(database, "email", "office@peterental.example", is_real=False)
    assert f"</span> {config.instance_dir / 'mail'}, shown in" in office.get("/settings").text
