"""Journeys about working hours and calendar in Chromium without scripts."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from peterental.agents.model import Profile
from tests.browser.sample_data import OFFICE
from tests.browser.site import WORDS
from tests.browser.steps import press, sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture
def monday(site: Site) -> date:
    """The next Monday, on which the only agent, Ana, has a viewing at 10 am."""
    admin = site.services.users.create(OFFICE, WORDS, "admin", "Olga Office")
    site.services.agents.create(Profile(agent_name="Ana Lima", buffer_minutes=15), admin)
    today = datetime.now(CHICAGO).date()
    monday = today + timedelta(days=7 - today.weekday())
    start = datetime(monday.year, monday.month, monday.day, 10, tzinfo=CHICAGO)
    site.database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time, blocked_until)
        VALUES ('ana-lima', '12 Elm Street', 'Maria Gonzalez', %(start)s, %(start)s + INTERVAL '30 minutes',
                %(start)s + INTERVAL '45 minutes')
        """,
        {"start": start},
    )
    return monday


def test_changed_hours_keep_existing_bookings(site: Site, page: Page, monday: date) -> None:
    sign_in(page, site)
    page.get_by_role("link", name="Ana Lima", exact=True).click()
    page.get_by_role("navigation", name="About this agent").get_by_role("link", name="Hours").click()
    page.get_by_role("textbox", name="Monday").fill("1-5")
    page.get_by_label("Sunday").fill("noonish")
    press(page, "Save weekly hours")
    expect(page.get_by_role("alert")).to_contain_text("“noonish” is not a range of hours")
    page.get_by_role("textbox", name="Monday").fill("1-5 pm")
    page.get_by_label("Sunday").fill("")
    press(page, "Save weekly hours")
    expect(page.get_by_role("status")).to_contain_text("The working hours were saved.")
    expect(page.get_by_role("textbox", name="Monday")).to_have_value("1–5 pm")
    expect(page.get_by_text("1 viewing is outside working hours or in blocked time.")).to_be_visible()
    expect(page.get_by_role("link", name="12 Elm Street")).to_be_visible()

    page.get_by_text("Add date override", exact=True).click()
    page.get_by_label("Day", exact=True).fill((monday + timedelta(days=1)).isoformat())
    press(page, "Add override")
    expect(page.get_by_role("status")).to_contain_text("was added.")
    page.get_by_role("button", name=re.compile("Remove Tuesday")).click()
    expect(page.get_by_role("status")).to_contain_text("was removed.")


def test_week_day_and_slot_check_are_linked(site: Site, page: Page, monday: date) -> None:
    sign_in(page, site)
    page.goto(f"{site.address}/agents/ana-lima/week?from={monday}")
    expect(page.get_by_role("link", name="10:00 am 12 Elm Street")).to_be_visible()
    page.get_by_role("link", name=f"Mon {monday.day}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Monday, {monday:%B} {monday.day}")).to_be_visible()
    expect(page.get_by_text("Maria Gonzalez")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation").first).to_be_hidden()
    expect(page.get_by_text("Ana Lima ·")).to_be_visible()
    page.emulate_media(media="screen")

    page.get_by_role("navigation", name="About this agent").get_by_role("link", name="Overview").click()
    page.get_by_label("Day", exact=True).fill(monday.isoformat())
    page.get_by_label("Chicago time").fill("10:00")
    press(page, "Check")
    answer = page.get_by_role("status")
    expect(answer).to_contain_text("is not free. It overlaps the viewing at 12 Elm Street with Maria Gonzalez")
    answer.get_by_role("link", name="12 Elm Street").click()
    expect(page.get_by_role("heading", name="12 Elm Street")).to_be_visible()
