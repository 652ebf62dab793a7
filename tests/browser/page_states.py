"""Every page, in several states, for screenshots and accessibility checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from playwright.sync_api import Page

from peterental.app import create_app
from peterental.config import Config
from peterental.notices.files import FileTransport
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT
from peterental.web.shell.access_control import MACHINE_BLUEPRINTS
from tests.browser.sample_data import ANA, CAROL, LONG, OFFICE, RECOVERY_CODES, REDUCED_CALL, SampleData, link_token
from tests.browser.site import KEY, WORDS, Site
from tests.browser.steps import press, type_and_sign_in

NOT_PAGES = {
    "asset",
    "shell.home",
    "appointments.export_csv",
    "calls.transcript",
    "calendars.finish_sign_in",
    "visits.calendar",
    "users.join",
}
"""Endpoints that do not return an HTML page, and the page of a one-time link, see `_as_others`."""

PLAYED_CALL = "fdb359c3-f52e-4a2a-bcc4-420dbea34531"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class PageState:
    """One page in one state.

    Args:
        name: the name of its screenshot.
        path: its URL path.
        viewer: the e-mail of the signed-in user; None without a session.
        then: actions after the page is open.
        status: the expected status of the first response.
    """

    name: str
    path: str
    viewer: str | None = OFFICE
    then: Callable[[Page], None] | None = None
    status: int = 200


def pages_of_the_application() -> Flask:
    """Return an application for its URL map; it does not connect to a database."""
    return create_app(Config(database_url="postgresql://nobody@127.0.0.1:1/nothing", secret_key=KEY))


def page_rules() -> Iterator[tuple[str, str]]:
    """Yield the endpoint and the rule of every page that a user with a session opens, in the order of the rules."""
    for rule in sorted(pages_of_the_application().url_map.iter_rules(), key=lambda rule: rule.rule):
        is_page = "GET" in (rule.methods or set()) and rule.endpoint not in NOT_PAGES
        if is_page and rule.endpoint.partition(".")[0] not in {*MACHINE_BLUEPRINTS, "sign_in"}:
            yield rule.endpoint, rule.rule


def page_states(site: Site, sample: SampleData) -> Iterator[PageState]:
    """Yield every page as an admin sees it, and the further states.

    A KeyError means that a URL has a new parameter: add an example of it to `SampleData.examples`.
    """
    for endpoint, rule in page_rules():
        path = PARAMETER.sub(lambda found: quote(sample.examples[found.group(1)]), rule)
        yield PageState(endpoint.replace(".", "-"), path)
    yield from _calendar_states()
    yield from _time_off_states()
    yield from _connected_calendars(site)
    yield from _as_others(site, sample)
    yield from _of_visitors(site)
    yield from _of_notices()
    yield from _of_tools(sample)
    yield from _of_homes()
    yield from _of_a_busy_home(site)
    yield from _empty_and_filtered()
    yield from _invalid_forms()


def _of_tools(sample: SampleData) -> Iterator[PageState]:
    """Yield states of API tokens and webhooks."""
    yield PageState("tokens-anas", "/tokens", ANA)
    yield PageState("tokens-invalid", "/tokens", then=lambda page: press(page, "Create token"))
    yield PageState("token-created", "/tokens", ANA, _create_a_token)
    yield PageState("webhook-off", f"/webhooks/{sample.examples['off_endpoint_id']}")
    yield PageState("webhook-invalid", "/webhooks/new", then=lambda page: press(page, "Add and show secret"))
    webhook = f"/webhooks/{sample.examples['endpoint_id']}"
    yield PageState("webhook-secret", webhook, then=lambda page: press(page, "Replace secret"))


def _create_a_token(page: Page) -> None:
    page.get_by_label("Name of the tool").fill("Sync")
    press(page, "Create token")
    page.get_by_role("textbox", name="Token").wait_for()


def _calendar_states() -> Iterator[PageState]:
    """Yield states of the calendar, slot check and working hours of an agent."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    yield PageState("agents-slot-check", f"/agents/ana-lima?on={tomorrow}&at=11:00")
    yield PageState("agents-slot-check-warning", "/agents/ana-lima?on=nonsense&at=11:00")
    yield PageState("agents-week-warning", "/agents/ana-lima/week?from=nonsense")
    yield PageState("agents-week-long-names", "/agents/ben-okafor/week")
    yield PageState("agents-statistics-empty", "/agents/amit/figures")
    yield PageState("agents-hours-invalid", "/agents/ana-lima/hours", then=_enter_invalid_hours)
    yield PageState("agents-blocked-time-invalid", "/agents/ana-lima/hours", then=_add_empty_blocked_time)


def _time_off_states() -> Iterator[PageState]:
    """Yield states of time off: a user's own, one agent's, refused forms, holidays of a state."""
    yield PageState("time-off-anas", "/time-off", ANA)
    yield PageState("time-off-agent", "/time-off?agent=ana-lima")
    yield PageState("time-off-invalid", "/time-off", then=lambda page: press(page, "Afternoon"))
    yield PageState("time-off-closure-invalid", "/time-off/closures/new", then=_close_on_no_day)
    yield PageState("time-off-repeating-invalid", "/time-off/repeating/new", then=_repeat_on_no_weekday)
    yield PageState("time-off-holidays-state", "/time-off/holidays?country=US&state=OK")
    yield PageState("agents-hours-friday", "/agents/ana-lima/hours?day=friday")


def _close_on_no_day(page: Page) -> None:
    page.locator("#name").fill("Party")
    press(page, "Close the office")


def _repeat_on_no_weekday(page: Page) -> None:
    press(page, "Add repeating block")


def _connected_calendars(site: Site) -> Iterator[PageState]:
    """Yield states of connected calendars: none, in trouble, refused forms, and what they lead to elsewhere."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    page, troubled = "/agents/ana-lima/calendars", "/agents/ben-okafor/calendars"
    query = "SELECT account_id FROM calendar_accounts WHERE agent_id = 'ben-okafor' AND kind = 'caldav'"
    account_id = site.database.fetch(query)[0]["account_id"]
    yield PageState("calendars-none", page)
    yield PageState("calendars-anas", troubled, ANA)
    yield PageState("calendars-trouble", troubled)
    yield PageState("calendars-reconnect", f"{troubled}?reconnect={account_id}")
    yield PageState("calendars-disconnect-troubled", f"/calendars/{account_id}/disconnect")
    yield PageState("calendars-caldav-invalid", page, then=_connect_without_a_password)
    yield PageState("calendars-address-refused", page, then=_connect_a_private_address)
    yield PageState("calendars-sign-in", page, then=lambda page: press(page, "Connect Google Calendar"))
    yield PageState("agent-phone-closed", f"/agents/ben-okafor?on={tomorrow}&at=10:00")
    yield PageState(
        "appointments-new-old-calendar", f"/appointments/new?agent=ben-okafor&day={tomorrow}", then=_book_at_noon
    )
    rows = site.database.fetch("SELECT appointment_id, remote_change FROM calendar_viewings WHERE event_id = 'event'")
    for row in rows:
        yield PageState(f"appointment-event-{row['remote_change']}", f"/appointments/{row['appointment_id']}")


def _connect_without_a_password(page: Page) -> None:
    page.get_by_text("CalDAV: iCloud").click()
    page.get_by_label("Server").fill("caldav.example.com")
    press(page, "Connect by CalDAV")


def _connect_a_private_address(page: Page) -> None:
    page.get_by_text("A secret calendar address").click()
    page.get_by_label("Secret address").fill("https://127.0.0.1/secret.ics")
    press(page, "Connect the address")


def _book_at_noon(page: Page) -> None:
    page.get_by_label("Another time").fill("12:00")
    page.get_by_label("Home").fill("12 Elm Street")
    page.get_by_label("Name").fill("Max")
    press(page, "Book")
    page.get_by_role("button", name="Use this time anyway").or_(
        page.get_by_role("button", name="Overbook anyway")
    ).wait_for()


def _add_empty_blocked_time(page: Page) -> None:
    page.get_by_text("Add blocked time").click()
    press(page, "Block this time")


def _enter_invalid_hours(page: Page) -> None:
    page.get_by_role("textbox", name="Monday").fill("noonish")
    press(page, "Save weekly hours")


def _as_others(site: Site, sample: SampleData) -> Iterator[PageState]:
    yield PageState("anas-agents", "/agents", ANA)
    yield PageState("anas-appointments", "/appointments", ANA)
    yield PageState("anas-calls", "/calls", ANA)
    yield PageState("anas-messages", "/messages", ANA)
    yield PageState("anas-account", "/account", ANA)
    yield PageState("anas-second-factor-invalid", "/account/second-factor", ANA, lambda page: press(page, "Turn on"))
    yield PageState("account-second-factor", "/account", CAROL)
    yield PageState("second-factor-on", "/account/second-factor", CAROL)
    yield PageState("second-factor-invalid", "/account/second-factor", CAROL, lambda page: press(page, "Turn off"))
    yield PageState("recovery-codes", "/account/second-factor", CAROL, _make_recovery_codes)
    yield PageState("user-with-second-factor", f"/users/{sample.carol.user_id}")
    yield PageState("sign-in-code", "/login", None, _enter_the_password)
    yield PageState("sign-in-code-wrong", "/login", None, _enter_a_wrong_code)
    yield PageState("forbidden", "/users", ANA, status=403)
    yield PageState("sign-in", "/login", None)
    yield PageState("already-set-up", site.set_up_path, None, status=404)
    yield PageState("join", site.join_path(site.services.user_admin.make_link(sample.ana.user_id, sample.admin)), None)
    yield PageState("join-used", "/join?token=old", None, status=404)
    yield PageState("not-found-stranger", "/nothing", None, status=404)
    yield from _with_mail(site)


def _with_mail(site: Site) -> Iterator[PageState]:
    """Yield pages that depend on e-mail, without it and with it."""
    before = site.services.notice_channels.ready()
    site.services.notice_channels.record({})
    yield PageState("forgot-without-mail", "/forgot", None)
    yield PageState("invite-without-mail", "/users/invite")
    site.services.notice_channels.record({"email": FileTransport("email", Path())})
    yield PageState("forgot", "/forgot", None)
    yield PageState("forgot-invalid", "/forgot", None, lambda page: press(page, "Send link"))
    yield PageState("forgot-asked", "/forgot", None, _ask_for_a_link)
    yield PageState("invite-with-mail", "/users/invite")
    if not before:
        site.services.notice_channels.record({})


def _ask_for_a_link(page: Page) -> None:
    page.get_by_label("E-mail").fill("nobody@example.com")
    press(page, "Send link")


def _of_visitors(site: Site) -> Iterator[PageState]:
    """Yield the pages behind the links of viewings; Ben's visitors read Spanish, and his calendar cannot be read."""
    site.database.fetch("UPDATE agents SET language = 'es' WHERE agent_id = 'ben-okafor'")
    maria, tom, gone = (link_token(site, name) for name in ("Maria Gonzalez", "<b>Tom</b>", "Priya Natarajan"))
    long = link_token(site, "V" + "e" * 190 + "ry")
    yield PageState("visit-later-days", f"/v/{maria}/move?page=2", None)
    yield PageState("visit-without-time", f"/v/{maria}/move", None, lambda page: press(page, "Move my viewing"))
    yield PageState("visit-confirmed", f"/v/{maria}", None, lambda page: press(page, "I will come"))
    yield PageState("visit-spanish", f"/v/{long}", None)
    yield PageState("visit-spanish-cancel", f"/v/{long}/cancel", None)
    yield PageState("visit-spanish-no-times", f"/v/{long}/move", None, status=409)
    yield PageState("visit-cancelled", f"/v/{tom}", None, status=410)
    yield PageState("visit-over", f"/v/{gone}", None, status=410)
    yield PageState("visit-unknown", "/v/x", None, status=404)
    waiting = site.database.fetch("SELECT entry_id FROM waitlist WHERE state = 'waiting'")[0]["entry_id"]
    yield PageState("offer-ended", f"/v/offer/{site.services.offer_links.token(waiting)}", None, status=410)
    released = site.database.fetch("SELECT id FROM appointments WHERE attendee_name LIKE 'Li Wei%%'")[0]["id"]
    site.services.visitors.release(released, lambda _: True)
    yield PageState("visit-released", f"/v/{site.services.visitor_links.token(released, '')}", None)


def _of_notices() -> Iterator[PageState]:
    wording = "/settings/wordings/reminder_day/email/es"
    yield PageState("notices-outbox-anas", "/outbox", ANA)
    yield PageState("notices-outbox-filtered", "/outbox?state=failed&channel=email&kind=booked&from=2026-01-01")
    yield PageState("notices-outbox-no-match", "/outbox?q=99")
    yield PageState("notices-outbox-warning", "/outbox?q=word&state=nonsense&page=0")
    yield PageState("notices-settings-invalid", "/settings", then=_enter_invalid_settings)
    yield PageState("notices-settings-conflict", "/settings", then=_save_outdated_settings)
    yield PageState("notices-wording-mail", wording)
    yield PageState("notices-wording-refused", wording, then=_enter_an_unknown_field)
    yield PageState("notices-wording-changed", wording, then=_change_a_wording)
    yield PageState("notices-wording-conflict", wording, then=_change_an_outdated_wording)
    yield PageState("notices-test-refused", wording, then=lambda page: press(page, "Send a test"))


def _of_homes() -> Iterator[PageState]:
    yield PageState("homes-anas", "/homes", ANA)
    yield PageState("homes-all", "/homes?status=all&bedrooms=4")
    yield PageState("homes-no-match", "/homes?q=zzz")
    yield PageState(
        "homes-retired", "/homes?status=inactive", then=lambda page: page.locator(".row-link").first.click()
    )
    yield PageState("homes-long-names", "/homes?q=Llanfair", then=lambda page: page.locator(".row-link").first.click())
    yield PageState("homes-new-invalid", "/homes/new", then=_add_an_invalid_home)
    yield PageState("homes-new-twin", "/homes/new", then=_add_a_twin)
    yield PageState("homes-import-invalid", "/homes/import", then=lambda page: press(page, "Upload"))


def _of_a_busy_home(site: Site) -> Iterator[PageState]:
    """Yield what is shown where a home is taken, in an office that wants one viewing of it at a time."""
    start = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0) + timedelta(days=5)
    (dana,) = site.database.fetch("SELECT agent_id FROM agents WHERE agent_name LIKE 'Dana%%'")
    booked = [
        site.database.fetch(
            """
            INSERT INTO appointments (
                agent_id, property_id, property_address, attendee_name, start_time, end_time, status
            )
            SELECT %s, property_id, '1420 Elm Street', %s, %s, %s::timestamptz + INTERVAL '30 minutes', %s
            FROM properties WHERE line1 = '1420 Elm Street'
            RETURNING id
            """,
            (agent_id, f"{name} {LONG}", start, start, status),
        )[0]["id"]
        for agent_id, name, status in (("ana-lima", "Waits", "cancelled"), (dana["agent_id"], "Comes", "confirmed"))
    ]
    site.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    yield PageState("appointment-home-busy", f"/appointments/{booked[0]}", then=lambda page: press(page, "Restore"))
    site.database.fetch("UPDATE property_settings SET one_viewing_at_a_time = FALSE")
    site.database.fetch("DELETE FROM appointments WHERE id = ANY (%s)", (booked,))


def _add_an_invalid_home(page: Page) -> None:
    page.get_by_label("Bathrooms").fill("many")
    page.get_by_label("Monday").fill("late")
    press(page, "Add home")


def _add_a_twin(page: Page) -> None:
    page.get_by_label("Street").fill("1420 Elm St")
    press(page, "Add home")
    page.get_by_text("is already in the list of homes").wait_for()


def _enter_invalid_settings(page: Page) -> None:
    page.get_by_label("Name of the office").fill("")
    page.get_by_label("Quiet hours begin").fill("05:00")
    press(page, "Save")


def _save_outdated_settings(page: Page) -> None:
    page.locator("[name=seen]").evaluate("field => field.value = '2026-01-01T00:00:00+00:00'")
    page.get_by_label("Name of the office").fill("Another office")
    page.get_by_label("Remind a day before").uncheck()
    press(page, "Save")
    page.get_by_text("Your changes are not saved yet").wait_for()


def _enter_an_unknown_field(page: Page) -> None:
    page.get_by_label("Text", exact=True).fill("Hola {visitante}")
    press(page, "Save")
    page.get_by_text("There is no field").first.wait_for()


def _change_a_wording(page: Page) -> None:
    page.get_by_label("Subject").fill("Su visita: {home}")
    press(page, "Save")
    page.get_by_text("The wording was saved").wait_for()


def _change_an_outdated_wording(page: Page) -> None:
    page.locator("[name=seen]").first.evaluate("field => field.value = 'x'")
    page.get_by_label("Subject").fill("Otra visita: {home}")
    press(page, "Save")
    page.get_by_text("Your changes are not saved yet").wait_for()


def _make_recovery_codes(page: Page) -> None:
    """Use up a recovery code; each run of the states has its own."""
    page.get_by_label("Current password").fill(WORDS)
    page.get_by_label("Code", exact=True).fill(RECOVERY_CODES.pop())
    press(page, "Make new recovery codes")
    RECOVERY_CODES[:] = page.locator(".codes code").all_inner_texts()


def _enter_the_password(page: Page) -> None:
    type_and_sign_in(page, CAROL, WORDS)
    page.get_by_role("heading", name="Enter a code").wait_for()


def _enter_a_wrong_code(page: Page) -> None:
    _enter_the_password(page)
    page.get_by_label("Code", exact=True).fill("000000")
    press(page, "Sign in")


def _empty_and_filtered() -> Iterator[PageState]:
    yield PageState("not-found", "/nothing", status=404)
    yield PageState("agents-no-match", "/agents?q=zzz")
    yield PageState("agent-deactivated", "/agents/amit")
    yield PageState("agent-created-manually", "/agents/ana-lima")
    yield PageState("call-without-number", f"/calls/{quote(PLAYED_CALL)}")
    yield PageState("agent-reactivate", "/agents/amit/reactivate")
    yield PageState("appointments-no-match", "/appointments?q=zzzz&status=completed")
    yield PageState("appointments-warning", "/appointments?status=nonsense&from=nonsense")
    yield PageState("appointments-by-name", "/appointments?sort=name&q=a")
    yield PageState("appointments-unknown-homes", "/appointments?home=unknown")
    day = _next_monday()
    yield PageState("appointments-new-free", f"/appointments/new?agent=ana-lima&day={day}")
    yield PageState("appointments-new-none-free", "/appointments/new?agent=ana-lima&day=2020-01-01")
    yield PageState(
        "appointments-new-from-call", "/appointments/new?agent=nora-castillo&call=demo-nora-castillo-other-2"
    )
    yield PageState("calls-unbooked", "/calls?flag=unbooked")
    yield PageState("calls-any-problem", "/calls?flag=any")
    yield PageState("calls-no-match", "/calls?q=zzz&flag=fault")
    yield PageState("calls-warning", "/calls?from=nonsense&agent=unknown")
    yield PageState("call-unbooked", "/calls/demo-nora-castillo-other-2")
    yield PageState("call-fault", "/calls/demo-nora-castillo-other-3")
    yield PageState(
        "call-handled", "/calls/demo-nora-castillo-other-3", then=lambda page: press(page, "Mark as handled")
    )
    yield PageState("call-live", "/calls/call-2")
    yield PageState("calls-reduced", f"/calls?q={REDUCED_CALL}")
    yield PageState("call-reduced", f"/calls/{REDUCED_CALL}")
    yield PageState("messages-all", "/messages?show=all")
    yield PageState("messages-filtered", "/messages?agent=ana-lima&from=2026-01-01")
    yield PageState("messages-no-match", "/messages?q=zzz")
    yield PageState("messages-filtered", "/messages?show=all&q=cats&agent=nora-castillo&from=2020-01-01")
    yield PageState("messages-warning", "/messages?from=nonsense&agent=unknown&page=0")
    yield PageState("tool-tester-reply", "/rehearsal", then=_preview_reply)
    yield PageState(
        "tool-tester-unreachable", "/rehearsal?agent=ben-okafor", then=lambda page: press(page, "Preview reply")
    )
    yield PageState("tool-tester-warning", "/rehearsal?tool=nonsense")
    yield PageState("privacy-found", "/privacy", then=lambda page: _find_person(page, "(312) 555-0100"))
    yield PageState("privacy-nothing-stored", "/privacy", then=lambda page: _find_person(page, "zoe@example.net"))
    yield PageState("privacy-invalid", "/privacy", then=lambda page: _find_person(page, "Zoe"))
    yield PageState("privacy-delete", "/privacy", then=_ask_for_deletion)
    yield PageState("search-found", "/search?q=a+Li")
    yield PageState("search-nothing", "/search?q=zzzz")
    yield PageState("users-no-match", "/users?q=zzz")
    yield PageState("audit-filtered", "/audit?kind=user&actor=office@example.com&from=2020-01-01")
    yield PageState("audit-warning", "/audit?kind=nonsense&page=0&to=soon")
    yield PageState("more", "/agents", then=_open_more)
    yield PageState("today-of-an-agent", "/today?agent=ana-lima")
    yield PageState("today-anas", "/today", ANA)
    for page in ("today", "appointments", "calls", "calendar", "time-off", "time-off/repeating/new"):
        yield PageState(f"{page.replace('/', '-')}-without-agents", f"/{page}", CAROL)
    yield PageState("today-marked", "/today", then=_mark_as_completed)
    yield PageState("calendar-next-week", f"/calendar/week?day={day}")
    yield PageState("calendar-of-some", f"/calendar?day={day}&agent=ana-lima&agent=ben-okafor")
    yield PageState("calendar-warning", "/calendar?day=nonsense&agent=unknown&page=9")


def _next_monday() -> date:
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 - today.weekday())


def _invalid_forms() -> Iterator[PageState]:
    yield PageState(
        "sign-in-failed", "/login", None, lambda page: type_and_sign_in(page, "unknown@example.com", "wrong")
    )
    yield PageState("sign-in-empty", "/login", None, lambda page: press(page, "Sign in"))
    yield PageState("sign-in-throttled", "/login", None, _exceed_the_throttle)
    yield PageState("sign-in-pending-form", "/login", None, _send_signed_out)
    yield PageState("sign-in-resume-form", "/login", None, _resume_form)
    yield PageState("agents-new-invalid", "/agents/new", then=lambda page: press(page, "Add agent"))
    yield PageState("appointments-new-invalid", "/appointments/new", then=lambda page: press(page, "Book"))
    yield PageState(
        "appointments-new-warnings", "/appointments/new?agent=ana-lima&day=2020-01-01", then=_book_in_the_past
    )
    yield PageState("appointments-edit-invalid", "/appointments/1/edit", then=_edit_without_a_name)
    yield PageState("agent-notices-invalid", "/agents/ana-lima/notices", then=_enter_no_number)
    yield PageState("agent-notices-conflict", "/agents/ana-lima/notices", then=_save_outdated_notices)
    yield PageState("users-invite-invalid", "/users/invite", then=lambda page: press(page, "Invite and show"))
    yield PageState("users-show-link", "/users/2", then=lambda page: press(page, "Create"))
    yield PageState("tool-tester-invalid", "/rehearsal?tool=set_appointment", then=_enter_invalid_json)
    yield PageState("account-invalid", "/account", then=lambda page: press(page, "Change password"))


def _edit_without_a_name(page: Page) -> None:
    page.get_by_label("Name").fill(" ")
    press(page, "Save")


def _enter_no_number(page: Page) -> None:
    page.get_by_label("Phone for texts").fill("call me")
    press(page, "Save notices")


def _save_outdated_notices(page: Page) -> None:
    page.locator("[name=seen]").evaluate("field => field.value = 'x'")
    page.get_by_label("Phone for texts").fill("(405) 555-0123")
    page.locator("[name=agent_moved_email]").select_option("off")
    press(page, "Save notices")
    page.get_by_text("Your changes are not saved yet").wait_for()


def _book_in_the_past(page: Page) -> None:
    page.get_by_label("Another time").fill("09:30")
    page.get_by_label("Home").fill("12 Elm Street")
    page.get_by_label("Name").fill("Max")
    press(page, "Book")
    page.get_by_role("button", name="Use this time anyway").wait_for()


def _find_person(page: Page, text: str) -> None:
    page.get_by_label("Phone number or e-mail address").fill(text)
    press(page, "Find")


def _ask_for_deletion(page: Page) -> None:
    _find_person(page, "(312) 555-0100")
    press(page, "Delete…")


def _preview_reply(page: Page) -> None:
    page.locator("#date").fill("tomorrow")
    press(page, "Preview reply")
    page.get_by_text("JSON", exact=True).click()


def _enter_invalid_json(page: Page) -> None:
    page.get_by_text("Enter as JSON").click()
    page.locator("#raw").fill("{")
    press(page, "Preview reply")


def _exceed_the_throttle(page: Page) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT + 1):
        type_and_sign_in(page, "guessed@example.com", "wrong")


def _send_signed_out(page: Page) -> None:
    """Send a form without a session, as if the session had just ended."""
    page.locator("form").evaluate(
        "form => { form.action = '/agents/new'; form.innerHTML = '<input name=agent_name value=Zoe><button>Go</button>' }"
    )
    press(page, "Go")
    page.get_by_text("Your entries are still here").wait_for()


def _resume_form(page: Page) -> None:
    _send_signed_out(page)
    type_and_sign_in(page, OFFICE, WORDS)
    page.get_by_role("button", name="Back to my entries").wait_for()
    page.context.clear_cookies()


def _open_more(page: Page) -> None:
    page.get_by_role("button", name="More").click()


def _mark_as_completed(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Completed").first.click()
    page.get_by_role("status").get_by_role("button", name="Undo").wait_for()
