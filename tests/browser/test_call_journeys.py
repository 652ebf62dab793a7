"""Journeys about calls, messages and the tool tester in Chromium without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.sample_data import fill
from tests.browser.steps import fits_the_screen, page_of, press, sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")


def test_unbooked_call_and_message_are_handled(site: Site, page: Page) -> None:
    fill(site)
    sign_in(page, site)
    page_of(page, "Calls")
    assert fits_the_screen(page)
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Problem").select_option("Agreed, but nothing booked")
    press(page, "Apply")
    expect(page).to_have_url(re.compile("flag=unbooked"))
    page.get_by_role("link", name="(555) 016-3022").click()
    expect(page.get_by_role("heading", name="(555) 016-3022")).to_be_visible()
    expect(page.get_by_text("agreed to a viewing")).to_be_visible()
    expect(page.get_by_text("No, only then. Never mind.")).to_be_visible()
    assert fits_the_screen(page)

    page_of(page, "Messages")
    lead = page.get_by_role("listitem").filter(has_text="Ines Carvalho")
    expect(lead.get_by_role("link", name="(555) 016-3021")).to_have_attribute("href", "tel:+15550163021")
    lead.get_by_role("button", name="Done").click()
    expect(page.get_by_role("status")).to_have_text("The message from Ines Carvalho was marked as done.")
    expect(lead).to_have_count(0)
    page.get_by_role("link", name="All", exact=True).click()
    expect(lead).to_contain_text("by office@example.com")
    lead.get_by_role("button", name="Reopen").press("Enter")
    expect(page).to_have_url(re.compile("show=all"))
    lead.get_by_role("link", name="Show the call").click()
    expect(page.get_by_role("heading", name="Tool calls")).to_be_visible()


def test_rehearsal_books_nothing(site: Site, page: Page) -> None:
    fill(site)
    (before,) = site.database.fetch("SELECT COUNT(*) AS number FROM appointments")
    sign_in(page, site)
    page_of(page, "Rehearsal")
    page.get_by_role("link", name="Book", exact=True).click()
    page.get_by_label("Home").fill("1420 Elm Street")
    page.get_by_label("Time", exact=False).first.fill("tomorrow at 4 pm")
    page.get_by_label("Name", exact=False).first.fill("Dolores Whitcomb")
    page.get_by_label("Agent").select_option("Nora Castillo")
    page.get_by_label("Caller number").fill("+15550142100")
    page.get_by_label("Time of the call").fill("2027-03-07T09:00")
    for _ in range(2):
        press(page, "Preview reply")
        expect(page.get_by_role("status")).to_contain_text(
            "You're booked to see 1420 Elm Street, tomorrow, Monday the eighth, at four PM."
        )
    assert fits_the_screen(page)
    assert site.database.fetch("SELECT COUNT(*) AS number FROM appointments") == [before]
