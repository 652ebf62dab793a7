"""Journeys about time off in Chromium without scripts, with the clicks that each takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from peterental.agents.model import Profile
from tests.browser.sample_data import ANA, OFFICE
from tests.browser.site import WORDS
from tests.browser.steps import page_of, sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

CHICAGO = ZoneInfo("America/Chicago")


@dataclass
class Clicks:
    """Clicks on a page, counted. Choosing in a list and going to a field to type count as one each."""

    page: Page
    number: int = 0

    def on(self, what: Locator) -> None:
        what.click()
        self.number += 1

    def choose(self, what: Locator, option: str) -> None:
        what.select_option(label=option)
        self.number += 1

    def type(self, what: Locator, text: str) -> None:
        what.fill(text)
        self.number += 1

    def menu(self, name: str) -> None:
        """Open a page from the navigation; on a phone it is in the menu "More", which is not counted."""
        page_of(self.page, name)
        self.number += 1


@pytest.fixture
def day(site: Site) -> date:
    """A Wednesday in the third week from now; Ana and Ben are agents, and Ana has a user."""
    admin = site.services.users.create(OFFICE, WORDS, "admin", "Olga Office")
    ana = site.services.users.create(ANA, WORDS, "agent", "Ana Lima")
    site.services.agents.create(Profile(agent_name="Ana Lima", user_id=ana.user_id, horizon_days=60), admin)
    site.services.agents.create(Profile(agent_name="Ben Okafor", time_zone="America/Denver"), admin)
    today = datetime.now(CHICAGO).date()
    return today + timedelta(days=16 - today.weekday())


def test_afternoon_is_blocked_in_four_clicks(site: Site, page: Page, day: date) -> None:
    sign_in(page, site)
    clicks = Clicks(page)
    clicks.menu("Time off")
    clicks.choose(page.locator("#block-agent_id"), "Ben Okafor")
    clicks.type(page.locator("#block-day"), day.isoformat())
    clicks.on(page.get_by_role("button", name="Afternoon"))
    expect(page.get_by_role("status")).to_contain_text("Blocked for Ben Okafor:")
    expect(page.get_by_text("from 12 pm").first).to_be_visible()
    assert clicks.number <= 4

    page.get_by_role("button", name="Remove the blocked time of Ben Okafor").click()
    expect(page.get_by_text("No upcoming time off")).to_be_visible()


def test_own_afternoon_is_blocked_in_three_clicks(site: Site, page: Page, day: date) -> None:
    sign_in(page, site, ANA)
    clicks = Clicks(page)
    clicks.menu("Time off")
    clicks.type(page.locator("#block-day"), day.isoformat())
    clicks.on(page.get_by_role("button", name="Afternoon"))
    expect(page.get_by_role("status")).to_contain_text("Blocked for Ana Lima:")
    assert clicks.number <= 3


def test_friday_is_changed_in_three_clicks(site: Site, page: Page, day: date) -> None:
    del day
    sign_in(page, site)
    clicks = Clicks(page)
    clicks.menu("Time off")
    clicks.on(page.get_by_role("link", name="Friday of Ana Lima: 9 am–5 pm"))
    expect(page.get_by_role("textbox", name="Friday")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("9-1")
    clicks.on(page.get_by_role("button", name="Save weekly hours"))
    expect(page.get_by_role("textbox", name="Friday")).to_have_value("9 am–1 pm")
    assert clicks.number <= 3

    page.goto(f"{site.address}/agents/ana-lima")
    from_agent = Clicks(page)
    from_agent.on(page.get_by_role("link", name="Friday", exact=True))
    from_agent.type(page.get_by_label("Hours on that day"), "10-12")
    from_agent.on(page.get_by_role("button", name="Add override"))
    expect(page.get_by_role("status")).to_contain_text("The override for Friday")
    assert from_agent.number <= 3


def test_closure_shows_the_viewing_that_stands_in_it(site: Site, page: Page, day: date) -> None:
    start = datetime(day.year, day.month, day.day, 14, tzinfo=CHICAGO)
    site.database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time)
        VALUES ('ana-lima', '12 Elm Street', 'Maria Gonzalez', %(start)s, %(start)s + INTERVAL '30 minutes')
        """,
        {"start": start},
    )
    sign_in(page, site)
    page.goto(f"{site.address}/time-off")
    page.get_by_role("link", name="Close the office").click()
    page.locator("#name").fill("Office party")
    page.locator("#first_day").fill(day.isoformat())
    page.get_by_label("Ben Okafor").check()
    page.get_by_role("button", name="Close the office").click()
    expect(page.get_by_role("status")).to_contain_text("1 viewing is booked then")
    page.get_by_role("link", name="Move the viewing of Maria Gonzalez").click()
    expect(page.get_by_role("heading", name="Move the viewing of Maria Gonzalez")).to_be_visible()
    page.goto(f"{site.address}/agents/ana-lima?on={day}&at=11:00")
    expect(page.get_by_text("The office is closed for Office party")).to_be_visible()


def test_holidays_are_ticked_and_a_repeating_block_skips_one(site: Site, page: Page, day: date) -> None:
    sign_in(page, site)
    clicks = Clicks(page)
    clicks.menu("Time off")
    clicks.on(page.get_by_role("link", name="Public holidays", exact=True))
    clicks.on(page.get_by_label("New Year's Day").first)
    clicks.on(page.get_by_role("button", name="Close the office on the ticked days"))
    expect(page.get_by_text("New Year's Day").first).to_be_visible()
    assert clicks.number <= 4

    page.get_by_role("link", name="Repeating block").click()
    page.locator("#agent_id").select_option(label="Ana Lima")
    page.get_by_text(f"{day:%a}", exact=True).click()
    page.locator("#from_time").fill("12:00")
    page.locator("#until_time").fill("13:00")
    page.locator("#note").fill("Lunch")
    page.get_by_role("button", name="Add repeating block").click()
    expect(page.get_by_role("status")).to_contain_text(f"Ana Lima is blocked every {day:%A}.")
    page.get_by_role("link", name="Edit the repeating block").click()
    page.locator("#skip-day").fill(day.isoformat())
    page.get_by_role("button", name="Skip this day").click()
    expect(page.get_by_role("status")).to_contain_text("Skipped:")
    expect(page.get_by_role("button", name=f"Block {day:%A, %B} {day.day} again")).to_be_visible()
