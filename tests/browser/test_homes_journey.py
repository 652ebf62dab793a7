"""From no homes to an imported list in Chromium, and what happens when the next list is too short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.sample_data import OFFICE
from tests.browser.site import SIZES, WORDS
from tests.browser.steps import fits_the_screen, page_of, press, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

EXPORT = """Rent roll
Unit ID,Unit Street Address 1,Unit,City,State,Zip,BD/BA,Market Rent,Available On
A1,204 Sycamore St,,Norman,OK,73069,2/1.00,"$1,150.00",12/15/2026
A2,204 Sycamore St,B,Norman,OK,73069,1/1.00,850,
A3,19 Oak Tree Ln,,Norman,OK,73072,3/2.00,call us,
A4,33 Creek Rd,Apt 4,Moore,OK,73160,Studio/1.00,700,Now
"""


def follow(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("link", name=name, exact=True).click()


def is_in_order(page: Page) -> bool:
    """Return whether the page fits the screen and has no axe violations."""
    return fits_the_screen(page) and Axe().run(page).violations_count == 0


def choose(page: Page, text: str) -> None:
    """Choose a file with this text, as a person does from a disk."""
    page.get_by_label("File").set_input_files({"name": "homes.csv", "mimeType": "text/csv", "buffer": text.encode()})


@pytest.mark.long
def test_list_of_homes_is_imported_by_clicking(chromium: Browser, site: Site, size: str) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, site)
    page_of(page, "Homes")
    expect(page.get_by_role("heading", name="No homes yet")).to_be_visible()
    assert is_in_order(page)

    follow(page, "Import a list")
    page.get_by_label("Comes from").fill("AppFolio")
    choose(page, EXPORT)
    press(page, "Upload")
    assert page.get_by_label("Unit Street Address 1").input_value() == "line1"
    assert page.get_by_label("BD/BA").input_value() == "bedrooms"
    assert is_in_order(page)
    press(page, "Preview")
    expect(page.get_by_text("Line 5, 19 Oak Tree Ln: Rent: “call us” is not a rent in dollars.")).to_be_visible()
    assert is_in_order(page)
    press(page, "Import")
    expect(page.get_by_text("The list was imported: 3 added, 1 row left out.")).to_be_visible()
    expect(page.get_by_role("link", name="204 Sycamore St, Unit B")).to_be_visible()
    follow(page, "33 Creek Rd, Apt 4")
    expect(page.get_by_text("Studio / 1")).to_be_visible()
    assert is_in_order(page)

    shorter = "\n".join(EXPORT.splitlines()[:3])
    page.goto(f"{site.address}/homes/import")
    page.get_by_label("Comes from").fill("appfolio")
    choose(page, shorter)
    press(page, "Upload")
    expect(page.get_by_text("The columns are those of the last import.")).to_be_visible()
    press(page, "Preview")
    expect(page.get_by_text("The file lacks 2 of the 3 active homes from AppFolio.")).to_be_visible()
    press(page, "Import")
    expect(page.get_by_role("alert")).to_contain_text("Confirm that they are to become inactive.")
    assert is_in_order(page)
    page.get_by_label("Make the missing homes inactive").check()
    press(page, "Import")
    expect(page.get_by_text("The list was imported: 2 now inactive.")).to_be_visible()
    expect(page.locator(".row-link")).to_have_count(1)
