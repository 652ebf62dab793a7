"""A second factor is set up, used, and required, in Chromium without scripts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from peterental.clock import utc_now
from tests.browser.sample_data import OFFICE
from tests.browser.site import SIZES, WORDS, running_site
from tests.browser.steps import fits_the_screen, page_of, press, sign_in, type_and_sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")


def shown_key(page: Page) -> str:
    return page.locator(".key-text").inner_text().replace(" ", "")


def code_of(site: Site, key: str) -> str:
    """Return the present code, which counts as unused, as if half a minute had passed."""
    site.database.fetch("UPDATE second_factors SET last_step = 0")
    return pyotp.TOTP(key).at(int(utc_now().timestamp()))


def turn_on(page: Page, site: Site) -> tuple[str, list[str]]:
    """Fill in the set-up page; return the app's key and the recovery codes."""
    key = shown_key(page)
    page.get_by_label("Code", exact=True).fill(code_of(site, key))
    page.get_by_label("Current password").fill(WORDS)
    press(page, "Turn on")
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    return key, page.locator(".codes code").all_inner_texts()


def test_second_factor_is_set_up_and_used(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    page_of(page, "Account")
    with page.expect_navigation():
        page.get_by_role("link", name="Set up a second factor").click()
    picture = page.get_by_role("img", name="QR code for an authenticator app")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    assert fits_the_screen(page)
    page.get_by_label("Code", exact=True).fill("000000")
    page.get_by_label("Current password").fill(WORDS)
    press(page, "Turn on")
    expect(page.get_by_role("alert")).to_contain_text("That code is not valid")
    key, recovery_codes = turn_on(page, site)
    assert len(recovery_codes) == 10
    assert fits_the_screen(page)
    with page.expect_navigation():
        page.get_by_role("link", name="I have saved them").click()

    page_of(page, "Account")
    expect(page.get_by_role("main")).to_contain_text("10 recovery codes left")
    expect(page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    assert fits_the_screen(page)
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()

    page.goto(f"{site.address}/appointments")
    type_and_sign_in(page, OFFICE, WORDS)
    page.get_by_label("Code", exact=True).fill("000000")
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("That code is not valid")
    page.get_by_label("Code", exact=True).fill(code_of(site, key))
    press(page, "Sign in")
    expect(page).to_have_url(f"{site.address}/appointments")

    page.context.clear_cookies()
    page.goto(f"{site.address}/login")
    type_and_sign_in(page, OFFICE, WORDS)
    page.get_by_label("Code", exact=True).fill(recovery_codes[0])
    press(page, "Sign in")
    page_of(page, "Account")
    expect(page.get_by_role("main")).to_contain_text("9 recovery codes left")
    press(page, "Sign out everywhere else")
    expect(page.get_by_role("status")).to_contain_text("Every other browser is signed out.")


def test_required_second_factor_comes_first(database_url: str, tmp_path: Path, chromium: Browser) -> None:
    width, height = SIZES["phone"]
    with running_site(database_url, tmp_path / "gunicorn.log", REQUIRE_SECOND_FACTOR="admins") as site:
        site.services.users.create(OFFICE, WORDS, "admin")
        context = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{site.address}/agents")
        type_and_sign_in(page, OFFICE, WORDS)
        expect(page).to_have_url(re.compile("/account/second-factor$"))
        expect(page.get_by_text("Your office requires a second factor")).to_be_visible()
        assert fits_the_screen(page)
        page.goto(f"{site.address}/users")
        expect(page).to_have_url(re.compile("/account/second-factor$"))
        turn_on(page, site)
        page.goto(f"{site.address}/users")
        expect(page.get_by_role("heading", name="Users")).to_be_visible()
        context.close()
