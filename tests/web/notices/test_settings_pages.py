"""Admins decide what is sent, and see through what."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

import pytest

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


def channel(database: Database, name: str, sender: str, *, is_real: bool) -> None:
    database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES (%s, %s, %s)", (name, sender, is_real)
    )


def test_settings_are_saved_and_shown(office: Browser, services: Services) -> None:
    assert 'value="Leasing office"' in office.get("/settings").text
    page = office.send("/settings", ENTRIES, follow=True).text
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
    office.send("/settings", {**ENTRIES, "release_hours": ""})
    assert services.notice_settings.get().release_hours is None


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
    answer = office.send("/settings", {**ENTRIES, **entries})
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
