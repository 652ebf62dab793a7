"""From an empty installation to a ringing line in Chromium, against the loopback Vapi."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.sample_data import OFFICE
from tests.browser.site import SIZES, WORDS, Site, running_site
from tests.browser.steps import page_of, press, sign_in
from tests.line.vapi_server import KEY, PUBLIC_URL, SECRET, WEBHOOK, VapiServer
from tests.servers import HANG_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def vapi() -> Iterator[VapiServer]:
    """The office's account."""
    with VapiServer() as vapi:
        yield vapi


@pytest.fixture
def site(database_url: str, tmp_path: Path, vapi: VapiServer) -> Iterator[Site]:
    """PeteRental with an admin, and without a key."""
    settings = {"PUBLIC_URL": PUBLIC_URL, "VAPI_WEBHOOK_SECRET": SECRET, "VAPI_URL": vapi.url}
    with running_site(database_url, tmp_path / "gunicorn.log", **settings) as site:
        site.services.users.create(OFFICE, WORDS, "admin")
        yield site


def follow(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("link", name=name).click()


def needs_no_scrolling(page: Page) -> bool:
    """Return whether the page is as wide as the screen; the tabs of an agent scroll in themselves."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    return bool(page.locator("html").evaluate("html => html.scrollWidth") <= width)


def connect(page: Page, site: Site) -> int:
    """Connect the account; return the clicks that it takes."""
    sign_in(page, site)
    page_of(page, "Settings")
    follow(page, "Phone line: the Vapi account")
    page.get_by_label("Private key").fill(KEY)
    press(page, "Connect")
    expect(page.get_by_text("The Vapi account is connected.")).to_be_visible()
    return 3


def test_new_agent_has_a_ringing_line_after_eight_clicks(site: Site, page: Page, vapi: VapiServer) -> None:
    vapi.add_number()
    clicks = connect(page, site)
    page_of(page, "Agents")
    follow(page, "Add the first agent")
    page.get_by_label("Name").first.fill("Ana Lima")
    press(page, "Add agent")
    follow(page, "Give it a line")
    press(page, "Set up the line")
    clicks += 5
    expect(page.get_by_role("link", name="+14055550111")).to_be_visible()
    assert clicks <= 8
    (assistant,) = vapi.assistants.values()
    assert (assistant["server"]["url"], [each["assistantId"] for each in vapi.numbers.values()]) == (
        WEBHOOK,
        [assistant["id"]],
    )
    assert needs_no_scrolling(page)
    press(page, "Play a test call")
    expect(page.get_by_role("heading", name="Test call")).to_be_visible()
    assert needs_no_scrolling(page)


def test_states_of_a_line_have_no_axe_violations(site: Site, chromium: Browser, size: str, vapi: VapiServer) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.set_default_timeout(HANG_S * 1000)
    page, problems = context.new_page(), []

    def check(name: str) -> None:
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        if found.violations_count:
            problems.append(f"{name}: {found.generate_report()}")
        if not needs_no_scrolling(page):
            problems.append(f"{name}: too wide")

    vapi.add_number()
    vapi.add_assistant("A reception with a name as long as Vapi has")
    connect(page, site)
    page_of(page, "Agents")
    follow(page, "Add the first agent")
    page.get_by_label("Name").first.fill("Ana Lima")
    press(page, "Add agent")
    follow(page, "Give it a line")
    check("choose")
    page.get_by_label("Assistant", exact=True).select_option(index=1)
    press(page, "Set up the line")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    check("compared")
    press(page, "Write to Vapi")
    press(page, "Play a test call")
    check("test call")
    page.goto(f"{site.address}/line")
    check("account")
    page.goto(f"{site.address}/line/disconnect")
    check("disconnect")
    context.close()
    assert not problems, "\n".join(problems)
