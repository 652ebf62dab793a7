"""What people do, from the first start on, in a real browser without scripts, at a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from peterental.agents.model import Profile
from peterental.services import services_of
from peterental.users.model import Viewer

if TYPE_CHECKING:
    from tests.browser.conftest import Site

ASSISTANT = "0f7a2d1c-2a75-4a39-9c0b-2d7c7f3f0a11"
WORDS = "correct horse battery"
OFFICE = Viewer(user_id=0, email="office@example.com", is_admin=True)


def sign_in(page: Page, site: Site, email: str = OFFICE.email) -> None:
    page.goto(f"{site.address}/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()


def page_of(page: Page, name: str) -> None:
    """Go to a page by the navigation, behind "More" where there is no room for all of it."""
    more = page.get_by_role("button", name="More")
    link = page.get_by_role("navigation").get_by_role("link", name=name, exact=True)
    if more.is_visible() and not link.is_visible():
        more.press("Enter")
    link.click()


def fits_the_screen(page: Page) -> bool:
    """Tell whether nothing has to be moved sideways to be read; measured without scripts in the page."""
    main = page.locator("main").bounding_box()
    assert main
    widest = max(
        box["x"] + box["width"] for item in page.locator("main *:visible").all() if (box := item.bounding_box())
    )
    width = page.viewport_size["width"] if page.viewport_size else 0
    return widest <= width + 1


def test_first_run_from_the_link_in_the_log_to_an_agent_that_takes_calls(
    site: Site, page: Page, snap: Callable[[str], None]
) -> None:
    page.goto(site.address)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Nobody can sign in yet")).to_be_visible()
    snap("sign-in-before-set-up")

    page.goto(site.set_up_link)
    snap("set-up")
    page.get_by_label("E-mail").fill(OFFICE.email)
    page.get_by_label("Password").fill("too short")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("alert")).to_contain_text("at least 12 characters")
    snap("set-up-refused")
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Make the account").click()

    expect(page.get_by_role("heading", name="No agents yet")).to_be_visible()
    snap("agents-none-yet")
    page.get_by_role("link", name="Add the first agent").click()
    page.get_by_role("button", name="Add the agent").click()
    expect(page.get_by_role("alert")).to_contain_text("An agent needs a name.")
    snap("agent-form-refused")
    page.get_by_label("Name").fill("Ana Lima")
    page.get_by_label("Vapi assistant id").fill(ASSISTANT)
    page.get_by_label("Time zone").select_option("America/Denver")
    snap("agent-form")
    page.get_by_role("button", name="Add the agent").click()

    expect(page.get_by_role("heading", name="Ana Lima")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Ana Lima is added")
    expect(page.get_by_text("Denver time")).to_be_visible()
    assert fits_the_screen(page)
    snap("agent-new")

    page.goto(site.set_up_link)
    expect(page.get_by_role("heading", name="already set up")).to_be_visible()
    snap("already-set-up")


def test_signing_out_and_in_again_leads_back_to_the_page_that_was_wanted(
    site: Site, page: Page, snap: Callable[[str], None]
) -> None:
    services = services_of(site.app)
    services.users.create(OFFICE.email, WORDS, "admin")
    page.goto(f"{site.address}/appointments")
    expect(page).to_have_url(re.compile(r"/login\?next=/appointments$"))
    page.get_by_label("E-mail").fill(OFFICE.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not go together")
    snap("sign-in-refused")
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.address}/appointments")
    expect(page.get_by_role("heading", name="No viewings yet")).to_be_visible()
    snap("appointments-none-yet")

    page_of(page, "Account")
    snap("account")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out.")
    snap("sign-in")
    page.goto(f"{site.address}/agents")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_booking_is_seen_in_the_list_on_its_own_page_and_at_its_agent(
    site: Site, page: Page, snap: Callable[[str], None]
) -> None:
    services, database = services_of(site.app), site.app.extensions["peterental.database"]
    services.users.create(OFFICE.email, WORDS, "admin")
    services.agents.create(Profile(agent_name="Ana Lima", vapi_assistant_id=ASSISTANT, buffer_minutes=15), OFFICE)
    services.agents.create(Profile(agent_name="Ben Okafor", time_zone="America/Los_Angeles"), OFFICE)
    services.agents.create(Profile(agent_name="Dana " + "Weissenburger-Hohenlohe " * 8), OFFICE)
    services.agents.create(Profile(agent_name="עמית כהן 🏠"), OFFICE, agent_id="amit")
    services.agents.set_active("amit", OFFICE, active=False)
    for days, agent, home, visitor, status in (
        (1, "ana-lima", "1200 Lake Shore Drive, Apt 14B", "Maria Gonzalez", "confirmed"),
        (1, "ben-okafor", "12 Elm Street", "מיכל לוי", "confirmed"),
        (2, "ana-lima", "88b King Street", "<b>Tom</b>", "cancelled"),
        (9, "ana-lima", "Sunny loft on Main", "Li Wei", "confirmed"),
        (-1, "ana-lima", "7 Oak Avenue", "Priya Natarajan", "completed"),
        (-2, "ben-okafor", "455 W Belmont Ave, Unit 3", "Tom Becker", "no_show"),
    ):
        start = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0) + timedelta(days=days)
        database.fetch(
            """
            INSERT INTO appointments
                (agent_id, property_address, attendee_name, start_time, end_time, status, caller_number, vapi_call_id)
            VALUES (%s, %s, %s, %s, %s, %s, '+13125550100', 'call-1')
            """,
            (agent, home, visitor, start, start + timedelta(minutes=30), status),
        )

    sign_in(page, site)
    expect(page.get_by_role("listitem").filter(has_text="Ana Lima")).to_contain_text("1200 Lake Shore Drive")
    assert fits_the_screen(page)
    snap("agents")

    page.get_by_role("navigation").get_by_role("link", name="Appointments").click()
    assert fits_the_screen(page)
    snap("appointments")
    page.get_by_role("link", name="1200 Lake Shore Drive, Apt 14B").click()
    expect(page.get_by_role("heading", name="1200 Lake Shore Drive")).to_be_visible()
    expect(page.get_by_text("Maria Gonzalez")).to_be_visible()
    snap("appointment")
    page.get_by_role("link", name="Ana Lima").click()
    expect(page.get_by_role("heading", name="Upcoming viewings 2")).to_be_visible()
    snap("agent")

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Most viewings a day").fill("8")
    snap("agent-edit")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Ana Lima is saved.")
    page.get_by_role("link", name="Stop taking bookings").click()
    expect(page.get_by_text("2 upcoming viewings stay booked")).to_be_visible()
    snap("agent-deactivate")
    page.get_by_role("button", name="Stop taking bookings").click()
    expect(page.get_by_text("Callers hear an apology")).to_be_visible()
    snap("agent-off")

    for path, name in (("/schema", "schema"), ("/nothing", "not-found"), ("/agents?q=zzz", "agents-no-match")):
        page.goto(f"{site.address}{path}")
        snap(name)


def test_the_keyboard_alone_signs_in(site: Site, page: Page) -> None:
    services_of(site.app).users.create(OFFICE.email, WORDS, "admin")
    page.goto(f"{site.address}/login")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(OFFICE.email)
    page.keyboard.press("Tab")
    page.keyboard.type(WORDS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Agents", exact=True)).to_be_visible()


def test_more_opens_without_scripts_and_closes_with_escape_and_when_followed(site: Site, page: Page) -> None:
    services_of(site.app).users.create(OFFICE.email, WORDS, "admin")
    sign_in(page, site)
    more, schema = page.get_by_role("button", name="More"), page.get_by_role("link", name="Schema")
    if page.viewport_size and page.viewport_size["width"] > 1184:
        expect(more).to_be_hidden()
    else:
        expect(schema).to_be_hidden()
        more.focus()
        page.keyboard.press("Enter")
        expect(schema).to_be_visible()
        page.keyboard.press("Escape")
        expect(schema).to_be_hidden()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
    page_of(page, "Schema")
    expect(page.get_by_role("heading", name="Schema")).to_be_visible()
    expect(page.locator("nav a[aria-current=page]")).to_have_text("Schema")
    if more.is_visible():
        expect(schema).to_be_hidden()


def test_a_printed_page_has_no_navigation(site: Site, page: Page) -> None:
    services_of(site.app).users.create(OFFICE.email, WORDS, "admin")
    sign_in(page, site)
    navigation = page.get_by_role("navigation", name="Pages")
    expect(navigation).to_be_visible()
    page.emulate_media(media="print")
    expect(navigation).to_be_hidden()
    expect(page.get_by_role("link", name="Schema")).to_be_hidden()
    expect(page.get_by_role("heading", name="No agents yet")).to_be_visible()
