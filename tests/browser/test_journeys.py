"""Journeys in Chromium without scripts, at desktop and phone size."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from peterental.properties.model import PropertyDetails
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT
from tests.browser.sample_data import ANA, ASSISTANT, OFFICE, fill
from tests.browser.site import WORDS, running_site
from tests.browser.steps import fits_the_screen, page_of, press, sign_in, type_and_sign_in
from tests.gunicorn import PROJECT_DIR

if TYPE_CHECKING:
    from tests.browser.site import Site
    from tests.conftest import Databases

pytestmark = pytest.mark.needs("chromium")


def working_day_after_next(zone: str) -> datetime:
    """Return 10 am in `zone` on a working day that is at least two days ahead."""
    day = datetime.now(UTC).astimezone(ZoneInfo(zone)).replace(hour=10, minute=0, second=0, microsecond=0)
    day += timedelta(days=2)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def test_signed_out_form_keeps_its_entries(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    page.goto(f"{site.address}/agents/new")
    page.get_by_label("Name").fill("Zoë <3")
    page.context.clear_cookies()
    press(page, "Add agent")
    expect(page.get_by_text("Your entries are still here")).to_be_visible()
    type_and_sign_in(page, OFFICE, WORDS)
    press(page, "Back to my entries")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    expect(page.get_by_label("Name")).to_have_value("Zoë <3")
    press(page, "Add agent")
    expect(page.get_by_role("heading", name="Zoë <3")).to_be_visible()


def test_first_run_from_set_up_link_to_agent(site: Site, page: Page) -> None:
    page.goto(site.address)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_text("No account has a password yet")).to_be_visible()

    page.goto(site.address + site.set_up_path)
    page.get_by_label("E-mail").fill(OFFICE)
    page.get_by_label("Password").fill("too short")
    press(page, "Create account")
    expect(page.get_by_role("alert")).to_contain_text("at least 12 characters")
    page.get_by_label("Password").fill(WORDS)
    press(page, "Create account")

    expect(page.get_by_role("heading", name="No agents yet")).to_be_visible()
    page.get_by_role("link", name="Add the first agent").click()
    press(page, "Add agent")
    expect(page.get_by_role("alert")).to_contain_text("Enter a name.")
    page.get_by_label("Name").fill("Ana Lima")
    page.get_by_label("Vapi assistant id").fill(ASSISTANT)
    page.get_by_label("Time zone").fill("America/Denver")
    press(page, "Add agent")

    expect(page.get_by_role("heading", name="Ana Lima")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Ana Lima was added")
    expect(page.get_by_role("table").get_by_text("Denver time")).to_be_visible()
    assert fits_the_screen(page)

    page.goto(site.address + site.set_up_path)
    expect(page.get_by_role("heading", name="already set up")).to_be_visible()


def test_sign_in_returns_to_the_requested_page(site: Site, page: Page) -> None:
    services = site.services
    services.users.create(OFFICE, WORDS, "admin")
    page.goto(f"{site.address}/appointments")
    expect(page).to_have_url(re.compile(r"/login\?next=/appointments$"))
    type_and_sign_in(page, OFFICE, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("Incorrect e-mail or password")
    page.get_by_label("Password").fill(WORDS)
    press(page, "Sign in")
    expect(page).to_have_url(f"{site.address}/appointments")
    expect(page.get_by_role("heading", name="No agents yet")).to_be_visible()

    page_of(page, "Account")
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("You are signed out.")
    page.goto(f"{site.address}/agents")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_phone_booking_is_moved_and_cancelled(site: Site, page: Page) -> None:
    site.services.properties.add(PropertyDetails(line1="501 Gray Street", city="Norman"), fill(site).admin)
    start = working_day_after_next("America/Chicago")
    expected = site.say(
        ASSISTANT,
        "call-journey",
        "set_appointment",
        property_address="501 Gray Street, Norman",
        start_time=f"{start:%Y-%m-%dT%H:%M}",
        attendee_name="Dolores Whitcomb",
    )
    assert "501 Gray Street" in expected

    sign_in(page, site)
    page_of(page, "Appointments")
    assert fits_the_screen(page)
    page.get_by_role("link", name="501 Gray Street").click()
    expect(page.get_by_role("heading", name="501 Gray Street")).to_be_visible()
    expect(page.get_by_text("Dolores Whitcomb").first).to_be_visible()
    expect(page.locator(".start-time")).to_contain_text("10:00 am")
    viewing = page.url

    page.get_by_role("link", name="Move").click()
    press(page, "Show free times")
    page.get_by_role("radio", name="2:00 pm", exact=True).check(force=True)
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Moved: Dolores Whitcomb")
    expect(page.locator(".start-time")).to_contain_text("2:00 pm")

    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("The time becomes free immediately")).to_be_visible()
    press(page, "Cancel the viewing")
    expect(page.get_by_role("status")).to_contain_text(re.compile("cancelled", re.IGNORECASE))
    expect(page).to_have_url(viewing)
    page_of(page, "Audit log")
    log = page.get_by_role("list", name="Changes, newest first")
    expect(log.get_by_text("Cancelled").first).to_be_visible()
    expect(log.get_by_text("Moved").first).to_be_visible()
    assert fits_the_screen(page)


def test_agent_is_edited_and_deactivated(site: Site, page: Page) -> None:
    fill(site)
    sign_in(page, site)
    page.goto(f"{site.address}/agents/ana-lima")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Maximum per day").fill("8")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Ana Lima was saved.")
    page.goto(f"{site.address}/agents/ana-lima/deactivate")
    expect(page.get_by_text("3 upcoming viewings stay booked")).to_be_visible()
    press(page, "Stop taking bookings")
    expect(page.get_by_text("Callers hear an apology")).to_be_visible()
    assert "sorry" in site.say(ASSISTANT, "call-off", "get_availability").lower()
    page_of(page, "Audit log")
    expect(page.get_by_role("listitem").get_by_text("Maximum per day").first).to_be_visible()
    expect(page.get_by_text(f"by {OFFICE}").first).to_be_visible()


def test_new_hours_are_offered_to_callers(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    page.get_by_role("link", name="Add the first agent").click()
    page.get_by_label("Name").fill("Ana Lima")
    page.get_by_label("Vapi assistant id").fill(ASSISTANT)
    press(page, "Add agent")
    page.get_by_role("link", name="Hours", exact=True).click()
    for weekday in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        page.get_by_role("textbox", name=weekday).fill("6:30 pm - 8 pm")
    press(page, "Save weekly hours")
    expect(page.get_by_role("status")).to_contain_text("The working hours were saved.")
    assert fits_the_screen(page)
    assert "six thirty PM" in site.say(ASSISTANT, "call-hours", "get_availability")


def test_user_sees_own_data_only(site: Site, page: Page) -> None:
    sample = fill(site)
    sign_in(page, site, ANA)
    main = page.get_by_role("main")
    expect(main.get_by_role("link", name="Ana Lima")).to_be_visible()
    expect(main.get_by_role("link", name="Nora Castillo")).to_have_count(0)
    page_of(page, "Appointments")
    expect(main.get_by_text("Maria Gonzalez", exact=True)).to_be_visible()
    expect(main.get_by_text("Carmen Reyes")).to_have_count(0)
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    others = site.database.fetch("SELECT id FROM appointments WHERE agent_id = 'nora-castillo' LIMIT 1")[0]["id"]
    for path, status in (
        ("/agents/nora-castillo", 404),
        ("/agents/nora-castillo/edit", 404),
        (f"/appointments/{others}", 404),
        ("/users", 403),
        ("/audit", 403),
        ("/schema", 403),
        (f"/appointments/{sample.examples['appointment_id']}", 200),
    ):
        response = page.goto(site.address + path)
        assert response is not None
        assert (path, response.status) == (path, status)


def test_invited_user_joins_and_is_deactivated(site: Site, page: Page, chromium: Browser) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    page_of(page, "Users")
    page.get_by_role("link", name="Invite user").click()
    page.get_by_label("E-mail").fill("ben@example.com")
    page.get_by_label("Name").fill("Ben Okafor")
    page.get_by_label("Agent: sees only").check()
    press(page, "Invite and show link")
    expect(page.get_by_role("status")).to_contain_text("ben@example.com was invited")
    link = page.get_by_label("Link").input_value()

    theirs = chromium.new_context(java_script_enabled=False).new_page()
    theirs.goto(link)
    theirs.get_by_label("Password").fill("a password of my own")
    press(theirs, "Set password")
    expect(theirs.get_by_role("status")).to_contain_text("Welcome")
    expect(theirs.get_by_role("heading", name="No agents yet")).to_be_visible()

    page.get_by_role("link", name="Deactivate").click()
    expect(page.get_by_text("signed out of every browser")).to_be_visible()
    press(page, "Deactivate")
    expect(page.get_by_role("status")).to_contain_text("Ben Okafor can no longer sign in.")
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    theirs.goto(link)
    expect(theirs.get_by_role("heading", name="no longer works")).to_be_visible()
    theirs.context.close()
    assert "/join" in site.gunicorn.output
    assert "token=" not in site.gunicorn.output.replace("/setup?token=", "")


def test_sign_in_throttle_works_across_workers(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    page.goto(f"{site.address}/login")
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        type_and_sign_in(page, OFFICE, "not the password")
        expect(page.get_by_role("alert")).to_contain_text("Incorrect e-mail or password")
    page.get_by_label("Password").fill(WORDS)
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("Too many failed attempts. Wait")


def test_failed_migration_shows_the_next_command(
    databases: Databases, template_url: str, tmp_path: Path, page: Page
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(PROJECT_DIR / "migrations", folder)
    number = len(list(folder.glob("*.sql"))) + 1
    (folder / f"{number:03}_break_something.sql").write_text("SELECT 1 / 0;\n", encoding="utf-8")
    url = databases.create(template_url)
    with running_site(url, tmp_path / "gunicorn.log", MIGRATIONS_DIR=str(folder)) as site:
        assert site.gunicorn.get("/healthz")[0] == 503
        site.services.users.create(OFFICE, WORDS, "admin")
        sign_in(page, site)
        page_of(page, "Schema")
        row = page.get_by_role("listitem").filter(has_text="Break something")
        expect(row).to_contain_text(re.compile("Failed|Pending"))
        expect(page.get_by_text("flask db-migrate").first).to_be_visible()
        assert fits_the_screen(page)
    databases.drop(url)


def test_sign_in_works_with_the_keyboard_alone(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    page.goto(f"{site.address}/login")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.press("Enter")
    problems = page.get_by_role("alert")
    expect(problems).to_be_focused()
    page.keyboard.press("Tab")
    expect(problems.get_by_role("link", name="E-mail")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#email$"))
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type(OFFICE)
    page.keyboard.press("Tab")
    page.keyboard.type(WORDS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Add the first agent")).to_be_focused()


def test_more_menu_works_without_scripts(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    more, schema = page.get_by_role("button", name="More"), page.get_by_role("link", name="Schema")
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
    expect(schema).to_be_hidden()


def test_invalid_form_focuses_its_errors(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    page.goto(f"{site.address}/agents/new")
    press(page, "Add agent")
    expect(page).to_have_title(re.compile("^Error: Add an agent"))
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("Enter a name."))


def test_print_uses_light_colours(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    heading = page.get_by_role("heading", name="Today")
    page.emulate_media(media="screen", color_scheme="dark")
    expect(heading).to_have_css("color", "rgb(233, 238, 249)")
    page.emulate_media(media="print", color_scheme="dark")
    expect(heading).to_have_css("color", "rgb(20, 29, 51)")


def test_print_hides_the_navigation(site: Site, page: Page) -> None:
    site.services.users.create(OFFICE, WORDS, "admin")
    sign_in(page, site)
    navigation = page.get_by_role("navigation", name="Pages")
    expect(navigation).to_be_visible()
    page.emulate_media(media="print")
    expect(navigation).to_be_hidden()
    expect(page.get_by_role("link", name="Schema")).to_be_hidden()
    expect(page.get_by_role("heading", name="No agents yet")).to_be_visible()
