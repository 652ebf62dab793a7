"""What an office does all day, in Chromium without scripts, with the clicks counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from peterental.access import Viewer
from peterental.agents.model import AgentKey, Profile
from peterental.calls.model import CallUpdate, ToolInvocation
from peterental.properties.model import PropertyDetails
from tests.browser.sample_data import OFFICE
from tests.browser.site import WORDS
from tests.browser.steps import fits_the_screen, sign_in

if TYPE_CHECKING:
    from tests.browser.site import Site

pytestmark = pytest.mark.needs("chromium")

CHICAGO = ZoneInfo("America/Chicago")


class Clicks:
    """Clicks, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def on(self, target: Locator) -> None:
        """Click, and wait for the next page where the click leads to one."""
        self.count += 1
        target.click()
        self.page.wait_for_load_state()

    def link(self, name: str) -> None:
        self.on(self.page.get_by_role("main").get_by_role("link", name=name).first)

    def button(self, name: str) -> None:
        self.on(self.page.get_by_role("main").get_by_role("button", name=name, exact=True))


@pytest.fixture
def clicks(site: Site, page: Page) -> Clicks:
    """An office with Ana and Ben, signed in."""
    site.services.users.create(OFFICE, WORDS, "admin")
    boss = Viewer(1, OFFICE, is_admin=True)
    for name in ("Ana Lima", "Ben"):
        profile = Profile(agent_name=name, vapi_assistant_id=f"assistant-{name[:3].lower()}", notice_minutes=0)
        site.services.agents.create(profile, boss)
    site.services.properties.add(PropertyDetails(line1="77 Oak Avenue", city="Norman"), boss)
    sign_in(page, site)
    return Clicks(page)


def next_monday() -> datetime:
    day = datetime.now(UTC).astimezone(CHICAGO).replace(hour=10, minute=0, second=0, microsecond=0)
    return day + timedelta(days=8 - day.isoweekday())


def book(site: Site, start: datetime, **others: Any) -> int:
    values = {"attendee_name": "Dolores", "property_address": "1420 Elm Street", **others}
    rows = site.database.fetch(
        "INSERT INTO appointments (agent_id, start_time, end_time, attendee_name, property_address)"
        " VALUES ('ana-lima', %s, %s, %s, %s) RETURNING id",
        (start, start + timedelta(minutes=30), values["attendee_name"], values["property_address"]),
    )
    return int(rows[0]["id"])


def test_booking_takes_six_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    page.goto(f"{site.address}/appointments")
    clicks.link("Book a viewing")
    clicks.count += 1  # opening the choice of the agent
    page.get_by_label("Agent").select_option("ana-lima")
    page.get_by_role("textbox", name="Day").fill(next_monday().date().isoformat())
    clicks.button("Show free times")
    clicks.on(page.get_by_text("10:00 am", exact=True))
    page.get_by_label("Home").fill("77 Oak Avenue")
    page.get_by_label("Name").fill("Dolores")
    clicks.button("Book")
    expect(page.get_by_role("status")).to_contain_text("Booked: Dolores")
    assert clicks.count <= 6
    assert site.database.fetch("SELECT property_id IS NOT NULL AS is_linked FROM appointments") == [{"is_linked": True}]


def test_enter_books_and_moves(site: Site, page: Page, clicks: Clicks) -> None:
    monday = next_monday()
    page.goto(f"{site.address}/appointments/new?agent=ana-lima&day={monday.date()}&slot=10:00")
    page.get_by_label("Home").fill("1420 Elm Street")
    page.get_by_label("Name").fill("Dolores")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Booked: Dolores")
    page.get_by_role("link", name="Move").click()
    page.get_by_label("Another time").fill("14:00")
    page.get_by_label("Another time").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Moved: Dolores")
    assert clicks.count == 0


def test_moving_takes_three_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    page.goto(f"{site.address}/appointments/{book(site, next_monday())}")
    clicks.link("Move")
    clicks.on(page.get_by_text("11:00 am", exact=True))
    clicks.button("Move")
    expect(page.get_by_role("status")).to_contain_text("Moved: Dolores")
    assert clicks.count <= 3


def test_a_viewing_is_edited(site: Site, page: Page, clicks: Clicks) -> None:
    page.goto(f"{site.address}/appointments/{book(site, next_monday())}")
    clicks.link("Edit")
    page.get_by_label("Name").fill("Maria")
    page.get_by_role("textbox", name="Phone").fill("405 555 0123")
    page.get_by_label("Home").fill("77 oak avenue")
    page.get_by_label("Agent").select_option("ben")
    page.get_by_label("Length").fill("45")
    page.get_by_label("Notes").fill("Has a dog")
    clicks.button("Save")
    expect(page.get_by_role("status")).to_contain_text("The viewing was saved.")
    history = page.get_by_role("region", name="History")
    for shown in ("Edited", "Dolores", "Maria", "(405) 555-0123", "77 Oak Avenue", "Ana Lima", "Ben", "45 min"):
        expect(history).to_contain_text(shown)
    expect(page.get_by_role("region", name="Notes")).to_contain_text("Has a dog")
    assert fits_the_screen(page)
    assert clicks.count == 2


def test_what_went_wrong_in_a_call_takes_two_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    key = AgentKey(assistant_id="assistant-ana")
    invocation = ToolInvocation(
        name="get_availability", tool_call_id="t", vapi_call_id="c1", agent_key=key, caller_number="+14055550123"
    )
    site.services.calls.record_fault(invocation, TimeoutError("secret"), "I am sorry.")
    update = CallUpdate(vapi_call_id="c1", agent_key=key, status="ended", ended_reason="customer-ended-call")
    site.services.calls.record_update(update)
    page.goto(f"{site.address}/calls")
    clicks.link("1 to check")
    clicks.link("(405) 555-0123")
    problem = page.get_by_role("region", name="What went wrong")
    expect(problem).to_contain_text("PeteRental had an internal error.")
    assert clicks.count <= 2
    page.get_by_label("Note").fill("Called back")
    clicks.button("Mark as handled")
    expect(page.get_by_role("region", name="What went wrong")).to_contain_text("Called back")
    page.goto(f"{site.address}/calls")
    expect(page.get_by_text("to check")).to_have_count(0)
    assert fits_the_screen(page)


def test_inviting_takes_three_clicks(site: Site, page: Page, clicks: Clicks) -> None:
    page.goto(f"{site.address}/users")
    clicks.link("Invite user")
    page.get_by_label("E-mail").fill("ana@example.com")
    clicks.on(page.get_by_text("Agent: sees only"))
    clicks.on(page.get_by_role("button", name=re.compile("^Invite and show")))
    expect(page.get_by_role("status")).to_contain_text("ana@example.com was invited")
    assert clicks.count <= 3


def test_everything_is_searched_at_once(site: Site, page: Page, clicks: Clicks) -> None:
    book(site, next_monday())
    page.goto(f"{site.address}/search")
    page.get_by_label("Name, number, home or call id").fill("dolor")
    page.get_by_label("Name, number, home or call id").press("Enter")
    clicks.link("Dolores, 1420 Elm Street")
    expect(page.get_by_role("heading", name="1420 Elm Street")).to_be_visible()
    assert clicks.count == 1
