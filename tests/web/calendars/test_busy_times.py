"""Busy times of calendars on the pages of an agent: week, day, working hours, slot check, manual bookings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from peterental.access import Viewer
from peterental.agents.working_hours.model import ExternalBusyBlock
from peterental.calendars.account import Account
from peterental.calendars.model import BusyKind, BusyTime
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.calendars.conftest import Script
    from tests.web.conftest import Browser

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def ten() -> datetime:
    """Ten o'clock on a working day of Ana's, three to five days ahead."""
    days = (
        utc_now().astimezone(CHICAGO).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=n)
        for n in (3, 4, 5)
    )
    return next(day for day in days if day.isoweekday() <= 5)


@pytest.fixture
def account(script: Script, connect: Callable[..., Account], ten: datetime) -> Account:
    """A calendar with three busy times: busy at ten, tentative at eleven, away at twelve."""
    hours = [ten + timedelta(hours=after) for after in range(4)]
    kinds: tuple[BusyKind, ...] = ("busy", "tentative", "out_of_office")
    script.busy["work"] = {
        kind: (BusyTime(start=begins, end=begins + timedelta(hours=1), kind=kind, title=f"<{kind}>"),)
        for begins, kind in zip(hours, kinds, strict=False)
    }
    return connect()


@pytest.fixture
def browser(account: Account, anas: Browser) -> Browser:
    del account
    return anas


def test_week_and_day_name_kind_and_calendar(
    browser: Browser, ten: datetime, database: Database, account: Account
) -> None:
    week, sheet = f"/agents/nora/week?from={ten.date()}", f"/agents/nora/day?on={ten.date()}"
    text = browser.get(week).text
    for css, hour, words in (
        ("busy", "10:00 am", "busy"),
        ("tentative", "11:00 am", "tentative"),
        ("away", "12:00 pm", "away"),
    ):
        item = re.search(rf'<li class="busy busy-{css} [^>]*>(.*?)</li>', text)
        assert item
        assert f"{hour} – " in item[1]
        assert f': {words} <span class="busy-source">in <bdi>Work (CalDAV nora@example.com' in item[1]
    assert "tentative <span" in browser.get(sheet).text
    assert "&lt;busy&gt;" not in text, "titles are not stored"
    page = "/agents/nora/calendars"
    work = re.search(r'name="blocks" value="(\d+)" checked', browser.get(page).text)
    assert work
    number = str(account.account_id)
    browser.send(page, {"account": number, "blocks": work[1], "titles": number})
    assert "<bdi>&lt;tentative&gt;</bdi> (tentative event) <span" in browser.get(week).text
    assert "<bdi>&lt;busy&gt;</bdi> <span" in browser.get(sheet).text
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source) VALUES ('nora', tstzrange(%s, %s), 'Old')",
        (ten, ten + timedelta(minutes=5)),
    )
    assert 'blocked</bdi> <span class="busy-source">from <bdi>Old</bdi>' in browser.get(week).text


def test_busy_time_of_a_calendar_cannot_be_removed(
    browser: Browser, services: Services, ana: Viewer, database: Database, ten: datetime
) -> None:
    database.fetch("UPDATE agent_busy SET source = 'by hand'")
    text = browser.get("/agents/nora/hours").text
    assert 'name="busy_id"' not in text
    assert "Busy times of <a" in text
    busy = database.fetch("SELECT busy_id FROM agent_busy ORDER BY lower(during)")
    with pytest.raises(ExternalBusyBlock):
        services.hours.remove_busy_block("nora", busy[0]["busy_id"], ana)
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, calendar_id, event_key, kind, source)"
        " SELECT 'nora', tstzrange(NOW(), NOW() + n * INTERVAL '1 minute'), calendar_id, n::text, 'busy', 'Work'"
        " FROM calendars, generate_series(1, 300) AS n WHERE name = 'Work'"
    )
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) VALUES ('nora', tstzrange(%s, %s), 'Mine')",
        (ten, ten + timedelta(days=1)),
    )
    text = browser.get("/agents/nora/hours").text
    assert "Mine" in text
    assert text.count('name="busy_id"') == 1


def test_slot_check_names_the_calendar_and_its_age(browser: Browser, ten: datetime, database: Database) -> None:
    path = f"/agents/nora?on={ten.date()}&at="
    text = browser.get(f"{path}10:00").text
    assert "It overlaps the event <time" in text
    assert re.search(r", from <bdi>Work \(CalDAV nora@example.com\)</bdi>, which was read \d+ seconds? ago\.", text)
    assert "It overlaps the tentative event" in browser.get(f"{path}11:00").text
    assert "It overlaps the absence" in browser.get(f"{path}12:00").text
    assert "Callers are offered this time." in browser.get(f"{path}14:00").text
    database.fetch("UPDATE calendars SET read_at = read_at - INTERVAL '2 hours'")
    text = browser.get(f"{path}14:00").text
    assert "2:00 pm" in text or "2 pm" in text
    assert "is not offered." in text
    assert "Callers are offered no times at present: the calendar was last read 2 hours ago." in text
    assert "Callers are offered this time." not in text
    assert "Callers are offered this time once the calendar is read again" in text
    assert "There is no free time" not in text
    text = browser.get(f"{path}10:00").text
    assert "which was read 2 hours ago." in text
    assert "Free times once the calendar is read again: <a" in text
    database.fetch("UPDATE calendars SET read_at = NULL")
    assert "Callers are offered no times at present: a calendar was never read." in browser.get(f"{path}14:00").text
    database.fetch("INSERT INTO agent_calendar_settings VALUES ('nora', TRUE)")
    assert "Callers are offered this time." in browser.get(f"{path}14:00").text


def test_manual_booking_warns_of_an_old_calendar(browser: Browser, ten: datetime, database: Database) -> None:
    fields = {
        "agent_id": "nora", "day": str(ten.date()), "time": "14:00", "property_address": "1 Elm", "attendee_name": "Max",
    }  # fmt: skip
    for change, words in (
        ("NULL", "A calendar of <bdi>Nora &lt;b&gt;</bdi> was never read, so"),
        ("NOW() - INTERVAL '2 hours'", "The calendar of <bdi>Nora &lt;b&gt;</bdi> was last read 2 hours ago, so"),
    ):
        database.fetch(f"UPDATE calendars SET read_at = {change}")
        page = browser.send("/appointments/new", fields)
        assert page.status_code == 409
        assert f"{words} it may have something else at that time." in page.text
        assert "Use this time anyway" in page.text
    token = re.search(r'name="acknowledged" value="([^"]+)"', page.text)
    assert token
    assert browser.send("/appointments/new", {**fields, "acknowledged": token[1]}).status_code == 303
    database.fetch("UPDATE calendars SET read_at = NOW()")
    assert browser.send("/appointments/new", {**fields, "time": "15:00"}).status_code == 303
