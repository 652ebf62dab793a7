"""Steps shared by the browser tests: sign in, open a page, press a button.

Each step waits until the next page is loaded.
"""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.sample_data import CAROL, OFFICE, RECOVERY_CODES
from tests.browser.site import WORDS, Site


def press(page: Page, name: str) -> None:
    """Press the button with that name, which sends a form."""
    with page.expect_navigation():  # a click alone does not wait for the next page
        page.get_by_role("button", name=name).click()


def type_and_sign_in(page: Page, email: str, password: str) -> None:
    """Fill in and send the sign-in form of the current page."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def sign_in(page: Page, site: Site, email: str = OFFICE) -> None:
    """Sign in with the password of every test user, and a recovery code if one is asked for."""
    page.goto(f"{site.address}/login")
    type_and_sign_in(page, email, WORDS)
    if email == CAROL:
        page.get_by_label("Code", exact=True).fill(RECOVERY_CODES.pop())
        press(page, "Sign in")
    expect(page).to_have_url(re.compile("/today$"))


def page_of(page: Page, name: str) -> None:
    """Open a page from the navigation, if necessary from the "More" menu."""
    link = page.get_by_role("navigation", name="Pages", exact=True).get_by_role(
        "link", name=re.compile(rf"^{re.escape(name)}( \d.*)?$")
    )
    if not link.is_visible():
        page.get_by_role("button", name="More").press("Enter")
    with page.expect_navigation():
        link.click()


def fits_the_screen(page: Page) -> bool:
    """Return whether the page needs no horizontal scrolling.

    It is measured without scripts in the page.
    """
    edges = page.locator("main *:visible").evaluate_all("all => all.map(item => item.getBoundingClientRect().right)")
    assert edges
    width = page.viewport_size["width"] if page.viewport_size else 0
    return bool(max(edges) <= width + 1)
