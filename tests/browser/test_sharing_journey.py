"""Share a line among agents in Chromium, with few clicks, and a call to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from peterental.agents.model import Profile
from tests.browser.sample_data import OFFICE
from tests.browser.site import SIZES, WORDS, Site, running_site
from tests.browser.steps import press, sign_in
from tests.servers import HANG_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.needs("chromium")

ASSISTANT = "24464697-0000-4000-8000-000000000001"


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """PeteRental with an admin and three agents, one of whom has an assistant."""
    with running_site(database_url, tmp_path / "gunicorn.log") as site:
        admin = site.services.users.create(OFFICE, WORDS, "admin")
        site.services.agents.create(Profile(agent_name="Ana Lima", vapi_assistant_id=ASSISTANT), admin)
        site.services.agents.create(Profile(agent_name="Marco Rossi"), admin)
        site.services.agents.create(Profile(agent_name="Dana " + "Longname" * 12, time_zone="America/Denver"), admin)
        yield site


def problems_of(page: Page, name: str) -> list[str]:
    """Return the axe violations of a page, and whether it is too wide."""
    found = Axe().run(page)
    problems = [f"{name}: {found.generate_report()}"] if found.violations_count else []
    width = page.viewport_size["width"] if page.viewport_size else 0
    if page.locator("html").evaluate("html => html.scrollWidth") > width:
        problems.append(f"{name}: too wide")
    return problems


def test_line_is_shared_after_four_clicks(site: Site, page: Page) -> None:
    sign_in(page, site)
    page.goto(f"{site.address}/agents/ana-lima/line")
    with page.expect_navigation():
        page.get_by_role("link", name="Share this line").click()
    page.get_by_label("Marco Rossi", exact=True).check()
    page.get_by_label("Order of Marco Rossi").fill("1")
    page.get_by_label("Who is booked at a time").select_option(index=1)
    press(page, "Save")
    clicks = 4  # the link, Marco, the choice, Save
    assert clicks <= 4
    expect(page.get_by_text("The line books for Marco Rossi, Ana Lima.")).to_be_visible()
    home = {"property_address": "1420 Elm Street", "attendee_name": "Dolores Whitcomb"}
    said = site.say(ASSISTANT, "call-1", "get_availability")
    assert said.startswith("I have")
    offered = said.removeprefix("I have ").split(", or ")[0].removesuffix(". Which would you like?")
    assert "with Marco Rossi" in site.say(
        ASSISTANT, "call-1", "set_appointment", start_time=offered.split(" or ")[0], **home
    )
    page.goto(f"{site.address}/agents")
    expect(page.get_by_text("Line books for Marco Rossi, Ana Lima")).to_be_visible()


def test_states_of_sharing_have_no_axe_violations(site: Site, chromium: Browser, size: str) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.set_default_timeout(HANG_S * 1000)
    page = context.new_page()
    sign_in(page, site)
    form = f"{site.address}/agents/ana-lima/line/sharing"
    page.goto(form)
    problems = problems_of(page, "not shared")
    for box in page.get_by_role("checkbox").all():
        box.check()
    press(page, "Save")
    problems += problems_of(page, "shared line")
    page.goto(form)
    problems += problems_of(page, "shared")
    site.database.fetch("UPDATE shared_lines SET updated_at = now() + INTERVAL '1 minute'")
    page.get_by_role("checkbox").last.uncheck()  # the same form once more would be no conflict
    press(page, "Save")
    expect(page.get_by_text("Another user changed who shares this line")).to_be_visible()
    problems += problems_of(page, "conflict")
    page.goto(f"{site.address}/agents")
    problems += problems_of(page, "agents")
    context.close()
    assert not problems, "\n".join(problems)
