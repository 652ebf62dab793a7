"""The day's work in Chromium without scripts: how many clicks it takes, counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from peterental.agents.model import Profile
from tests.browser.sample_data import OFFICE
from tests.browser.site import WORDS
from tests.browser.steps import fits_the_screen, sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

CHICAGO = ZoneInfo("America/Chicago")


class Clicks:
    """Clicks and counts the clicks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def on(self, target: Locator) -> None:
        """Click, and wait for the next page."""
        self.count += 1
        with self.page.expect_navigation():
            target.click()

    def in_place(self, target: Locator) -> None:
        """Click on what opens in the page."""
        self.count += 1
        target.click()

    def to(self, name: str) -> None:
        """Open a page of the navigation, if necessary from the menu."""
        link = self.page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name=name)
        if not link.is_visible():
            self.in_place(self.page.get_by_role("button", name="More"))
        self.on(link)


@pytest.fixture
def clicks(page: Page) -> Clicks:
    return Clicks(page)


@pytest.fixture
def agents(site: Site) -> None:
    """Two agents; Ana had a viewing an hour ago, wherever that is not yesterday."""
    admin = site.services.users.create(OFFICE, WORDS, "admin", "Olga Office")
    hour = datetime.now(UTC).hour
    noon = f"Etc/GMT{hour - 12:+d}".replace("GMT+0", "GMT")
    site.services.agents.create(Profile(agent_name="Ana Lima", time_zone=noon), admin)
    site.services.agents.create(Profile(agent_name="Ben Okafor"), admin)
    start = datetime.now(UTC) - timedelta(hours=1)
    site.database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, attendee_name, start_time, end_time)
        VALUES ('ana-lima', '12 Elm Street', 'Maria Gonzalez', %(start)s, %(start)s + INTERVAL '30 minutes')
        """,
        {"start": start},
    )


@pytest.mark.usefixtures("agents")
def test_today_is_seen_after_sign_in(site: Site, page: Page, clicks: Clicks) -> None:
    sign_in(page, site)
    expect(page.get_by_role("heading", name="How did it go?")).to_be_visible()
    assert fits_the_screen(page)
    clicks.on(page.get_by_role("button", name=re.compile("No-show.*Maria Gonzalez")))
    assert clicks.count == 1, "an outcome takes one click"
    expect(page.get_by_role("status")).to_contain_text("marked as a no-show")
    clicks.on(page.get_by_role("status").get_by_role("button", name="Undo"))
    expect(page.get_by_role("button", name=re.compile("Completed.*Maria Gonzalez"))).to_be_visible()


@pytest.mark.usefixtures("agents")
def test_an_afternoon_is_blocked_with_four_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    sign_in(page, site)
    clicks.on(page.get_by_role("link", name="Ana Lima", exact=True))
    clicks.on(page.get_by_role("link", name="Hours", exact=True))
    clicks.in_place(page.get_by_text("Add blocked time"))
    day = datetime.now(UTC).date() + timedelta(days=3)
    page.get_by_label("First day").fill(day.isoformat())
    page.get_by_label("Start time").fill("13:00")
    page.get_by_label("Last day").fill(day.isoformat())
    page.get_by_label("End time").fill("17:00")
    clicks.on(page.get_by_role("button", name="Block this time"))
    expect(page.get_by_role("status")).to_be_visible()
    assert clicks.count <= 4


@pytest.mark.usefixtures("agents")
def test_friday_is_changed_with_three_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    sign_in(page, site)
    clicks.on(page.get_by_role("link", name="Ana Lima", exact=True))
    clicks.on(page.get_by_role("link", name="Hours", exact=True))
    page.get_by_role("textbox", name="Friday").fill("9 am - 1 pm")
    clicks.on(page.get_by_role("button", name="Save weekly hours"))
    expect(page.get_by_role("status")).to_contain_text("The working hours were saved.")
    assert clicks.count <= 3


@pytest.mark.usefixtures("agents")
def test_yesterdays_changes_take_two_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    sign_in(page, site)
    clicks.to("Audit log")
    expect(page.get_by_role("list", name="Changes, newest first")).to_be_visible()
    assert clicks.count <= 2


@pytest.mark.usefixtures("agents")
def test_a_month_is_exported_with_three_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    sign_in(page, site)
    clicks.to("Appointments")
    clicks.on(page.get_by_role("link", name="This month"))
    clicks.count += 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
        page.get_by_role("link", name="With commas").click()
    assert download.value.suggested_filename.endswith(".csv")
    assert clicks.count <= 3


@pytest.mark.usefixtures("agents")
def test_free_time_of_the_calendar_is_booked(site: Site, page: Page, clicks: Clicks) -> None:
    today = datetime.now(CHICAGO).date()
    monday = today + timedelta(days=7 - today.weekday())
    sign_in(page, site)
    page.goto(f"{site.address}/calendar?day={monday}")
    assert fits_the_screen(page)
    if page.viewport_size and page.viewport_size["width"] > 1000:
        clicks.on(page.get_by_role("link", name=re.compile("^Book .*")).locator("visible=true").nth(1))
        expect(page.locator("input[name=slot]:checked")).to_have_count(1)
    else:
        clicks.on(page.get_by_role("link", name="Book with Ben Okafor"))
        expect(page.get_by_label("Agent", exact=True)).to_have_value("ben-okafor")
    page.goto(f"{site.address}/calendar/week?day={monday}")
    assert fits_the_screen(page)
