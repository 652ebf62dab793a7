"""The settings of the office, its channels, and its quiet hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.clock import utc_now
from peterental.config import Config
from peterental.mail_settings import MailSender, SmtpServer
from peterental.notices.model import ChannelState, NoticeSettings, NoticeSettingsInvalid
from peterental.notices.quiet_hours import quiet_until
from peterental.notices.transports import transports
from tests.notices.office import ADMIN, Office

CHICAGO = ZoneInfo("America/Chicago")


def test_admin_changes_what_is_sent(office: Office) -> None:
    settings = office.services.notice_settings
    assert settings.get() == NoticeSettings()
    changed = NoticeSettings(office_name="Elm Homes", release_hours=3, quiet_from=time(21), follows_up_no_shows=True)
    with pytest.raises(AdminsOnly):
        settings.change(changed, Viewer(user_id=7, email="ana@example.com", is_admin=False))
    for _ in range(2):
        settings.change(changed, ADMIN)
    assert settings.get() == changed
    entries = [
        entry.change for entry in office.services.audit.listing(ADMIN).entries if entry.change.subject_kind == "notice"
    ]
    assert [entry.after for entry in entries] == [
        {"office_name": "Elm Homes", "release_hours": 3, "quiet_from": "21:00:00", "follows_up_no_shows": True}
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"office_name": " "},
        {"office_name": "x" * 61},
        {"office_name": "Elm\nHomes"},
        {"release_hours": 0},
        {"release_hours": 21},
        {"quiet_from": time(7)},
        {"list_at": time(7, tzinfo=UTC)},
    ],
)
def test_settings_that_no_notice_could_follow_are_refused(office: Office, values: dict[str, Any]) -> None:
    with pytest.raises(NoticeSettingsInvalid):
        office.services.notice_settings.change(replace(NoticeSettings(), **values), ADMIN)


def test_channels_are_those_that_the_worker_recorded(office: Office) -> None:
    channels = office.services.notice_channels
    state = ChannelState(sender="+14055550100", is_real=False)
    assert channels.ready() == {"email": state, "text": state}
    channels.record({"text": office.texts})
    assert channels.ready() == {"text": state}
    channels.record({})
    assert channels.ready() == {}


@pytest.mark.parametrize(
    ("config", "senders"),
    [
        ({"environment": "production"}, {}),
        ({}, {"email": "office@peterental.example", "text": "+14055550100"}),
        (
            {
                "environment": "production",
                "smtp": SmtpServer.parse("smtp://mail.example.com:587"),
                "mail_from": MailSender.parse("office@example.com"),
            },
            {"email": "office@example.com"},
        ),
        (
            {
                "environment": "production",
                "twilio_account_sid": "AC1",
                "twilio_auth_token": "of the tests",
                "twilio_from": "+14055550111",
            },
            {"text": "+14055550111"},
        ),
    ],
    ids=["nothing", "files", "mail server", "Twilio"],
)
def test_settings_of_the_process_decide_what_it_can_send(
    config: dict[str, Any], senders: dict[str, str], tmp_path: Path
) -> None:
    found = transports(Config(instance_dir=tmp_path, **config), utc_now)
    assert {channel: transport.sender for channel, transport in found.items()} == senders


@pytest.mark.parametrize(
    ("local", "end"),
    [
        ("2026-12-01T07:59", "2026-12-01T08:00"),
        ("2026-12-01T08:00", None),
        ("2026-12-01T19:59", None),
        ("2026-12-01T20:00", "2026-12-02T08:00"),
        ("2026-12-31T23:30", "2027-01-01T08:00"),
    ],
)
def test_quiet_hours_last_from_the_evening_until_the_morning(local: str, end: str | None) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=CHICAGO)
    found = quiet_until(now, CHICAGO, time(20), time(8))
    assert found == (datetime.fromisoformat(end).replace(tzinfo=CHICAGO) if end else None)


def test_quiet_hours_end_after_now_when_clocks_change() -> None:
    """On 2026-11-01 the hour from 1:00 to 2:00 comes twice, on 2026-03-08 that from 2:00 to 3:00 does not come."""
    moment = datetime(2026, 3, 8, 2, 0, tzinfo=UTC)
    while moment < datetime(2026, 11, 3, tzinfo=UTC):
        for until in (time(1, 30), time(2, 30), time(8)):
            end = quiet_until(moment, CHICAGO, time(20), until)
            assert end is None or moment < end <= moment + timedelta(hours=13)
        moment += timedelta(minutes=15) if moment.day in {1, 8} else timedelta(hours=7)
