"""Every page there is, found in the application's own map, and the states that have no address of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

from flask import Flask
from playwright.sync_api import Page

from peterental.app import create_app
from peterental.config import Config
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT
from peterental.web.shell.access_control import MACHINE_BLUEPRINTS
from tests.browser.household import ANA, OFFICE, Household
from tests.browser.site import KEY, WORDS, Site
from tests.browser.steps import press, type_and_sign_in

NOT_PAGES = {"asset", "shell.home", "appointments.export_csv", "calls.transcript"}
"""Endpoints that answer with something else than a page of their own."""

PLAYED_CALL = "fdb359c3-f52e-4a2a-bcc4-420dbea34531"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Stop:
    """One page in one state.

    Args:
        name: what its picture is called.
        path: its address.
        viewer: who looks; None for a stranger.
        then: what they do there.
        status: what the server answers at first.
    """

    name: str
    path: str
    viewer: str | None = OFFICE
    then: Callable[[Page], None] | None = None
    status: int = 200


def pages_of_the_application() -> Flask:
    """Give an application to be asked for its map; it connects to nothing."""
    return create_app(Config(database_url="postgresql://nobody@127.0.0.1:1/nothing", secret_key=KEY))


def stops(site: Site, household: Household) -> Iterator[Stop]:
    """Give every page, as an admin sees it, and the others.

    A page whose address names something that `household.examples` does not know is a KeyError: add an example there.
    """
    for rule in sorted(pages_of_the_application().url_map.iter_rules(), key=lambda rule: rule.rule):
        group = rule.endpoint.partition(".")[0]
        if (
            "GET" not in (rule.methods or set())
            or group in {*MACHINE_BLUEPRINTS, "sign_in"}
            or rule.endpoint in NOT_PAGES
        ):
            continue
        if rule.endpoint == "users.join":
            continue  # below, with a link
        path = PARAMETER.sub(lambda found: quote(household.examples[found.group(1)]), rule.rule)
        yield Stop(rule.endpoint.replace(".", "-"), path)
    yield from _agents_time()
    yield from _as_others(site, household)
    yield from _empty_and_wrong()
    yield from _refused_forms()


def _agents_time() -> Iterator[Stop]:
    """Give what the household's Ana is asked about her time, and what is refused there."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    yield Stop("agents-time-asked", f"/agents/ana-lima?on={tomorrow}&at=11:00")
    yield Stop("agents-time-misread", "/agents/ana-lima?on=nonsense&at=11:00")
    yield Stop("agents-week-misread", "/agents/ana-lima/week?from=nonsense")
    yield Stop("agents-week-long-names", "/agents/ben-okafor/week")
    yield Stop("agents-figures-none", "/agents/amit/figures")
    yield Stop("agents-hours-refused", "/agents/ana-lima/hours", then=_type_odd_hours)
    yield Stop("agents-busy-refused", "/agents/ana-lima/hours", then=_add_no_busy_time)


def _add_no_busy_time(page: Page) -> None:
    page.get_by_text("Add a busy time").click()
    press(page, "Add the busy time")


def _type_odd_hours(page: Page) -> None:
    page.get_by_role("textbox", name="Monday").fill("noonish")
    press(page, "Save the week")


def _as_others(site: Site, household: Household) -> Iterator[Stop]:
    yield Stop("anas-agents", "/agents", ANA)
    yield Stop("anas-appointments", "/appointments", ANA)
    yield Stop("anas-calls", "/calls", ANA)
    yield Stop("anas-messages", "/messages", ANA)
    yield Stop("anas-account", "/account", ANA)
    yield Stop("forbidden", "/users", ANA, status=403)
    yield Stop("sign-in", "/login", None)
    yield Stop("already-set-up", site.set_up_path, None, status=404)
    yield Stop("join", site.join_path(site.services.user_admin.make_link(household.ana.user_id, household.admin)), None)
    yield Stop("join-used", "/join?token=old", None, status=404)
    yield Stop("not-found-stranger", "/nothing", None, status=404)


def _empty_and_wrong() -> Iterator[Stop]:
    yield Stop("not-found", "/nothing", status=404)
    yield Stop("agents-no-match", "/agents?q=zzz")
    yield Stop("agent-off", "/agents/amit")
    yield Stop("agent-by-hand", "/agents/ana-lima")
    yield Stop("call-without-number", f"/calls/{quote(PLAYED_CALL)}")
    yield Stop("agents-reactivate-off", "/agents/amit/reactivate")
    yield Stop("appointments-no-match", "/appointments?q=zzzz&status=completed")
    yield Stop("appointments-misread", "/appointments?status=nonsense&from=nonsense")
    yield Stop("appointments-by-name", "/appointments?sort=name&q=a")
    day = _next_monday()
    yield Stop("appointments-new-free", f"/appointments/new?agent=ana-lima&day={day}")
    yield Stop("appointments-new-none-free", "/appointments/new?agent=ana-lima&day=2020-01-01")
    yield Stop("calls-unbooked", "/calls?flag=unbooked")
    yield Stop("calls-no-match", "/calls?q=zzz&flag=fault")
    yield Stop("calls-misread", "/calls?from=nonsense&agent=nobody")
    yield Stop("call-unbooked", "/calls/demo-nora-castillo-other-2")
    yield Stop("call-fault", "/calls/demo-nora-castillo-other-3")
    yield Stop("call-live", "/calls/call-2")
    yield Stop("messages-all", "/messages?show=all")
    yield Stop("messages-filtered", "/messages?agent=ana-lima&from=2026-01-01")
    yield Stop("messages-no-match", "/messages?q=zzz")
    yield Stop("messages-filtered", "/messages?show=all&q=cats&agent=nora-castillo&from=2020-01-01")
    yield Stop("messages-misread", "/messages?from=nonsense&agent=nobody&page=0")
    yield Stop("rehearsal-heard", "/rehearsal", then=_hear)
    yield Stop("rehearsal-unreachable", "/rehearsal?agent=ben-okafor", then=lambda page: press(page, "Hear it"))
    yield Stop("rehearsal-misread", "/rehearsal?tool=nonsense")
    yield Stop("users-no-match", "/users?q=zzz")
    yield Stop("audit-filtered", "/audit?kind=user&actor=office@example.com&from=2020-01-01")
    yield Stop("audit-misread", "/audit?kind=nonsense&page=0&to=soon")
    yield Stop("more", "/agents", then=_open_more)


def _next_monday() -> date:
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 - today.weekday())


def _refused_forms() -> Iterator[Stop]:
    yield Stop("sign-in-refused", "/login", None, lambda page: type_and_sign_in(page, "nobody@example.com", "wrong"))
    yield Stop("sign-in-empty", "/login", None, lambda page: press(page, "Sign in"))
    yield Stop("sign-in-too-many", "/login", None, _guess_too_often)
    yield Stop("sign-in-kept", "/login", None, _send_signed_out)
    yield Stop("sign-in-come-back", "/login", None, _come_back)
    yield Stop("agents-new-refused", "/agents/new", then=lambda page: press(page, "Add the agent"))
    yield Stop("appointments-new-refused", "/appointments/new", then=lambda page: press(page, "Book"))
    yield Stop("appointments-new-in-doubt", "/appointments/new?agent=ana-lima&day=2020-01-01", then=_book_anyway)
    yield Stop("users-invite-refused", "/users/invite", then=lambda page: press(page, "Invite and show"))
    yield Stop("users-show-link", "/users/2", then=lambda page: press(page, "Make a link"))
    yield Stop("rehearsal-refused", "/rehearsal?tool=set_appointment", then=_rehearse_nonsense)
    yield Stop("account-refused", "/account", then=lambda page: press(page, "Change password"))


def _book_anyway(page: Page) -> None:
    page.get_by_label("Another time").fill("09:30")
    page.get_by_label("Home").fill("12 Elm Street")
    page.get_by_label("Visitor").fill("Max")
    press(page, "Book")
    page.get_by_label("all the same").wait_for()


def _hear(page: Page) -> None:
    page.locator("#date").fill("tomorrow")
    press(page, "Hear it")
    page.get_by_text("The JSON").click()


def _rehearse_nonsense(page: Page) -> None:
    page.get_by_text("Or as JSON").click()
    page.locator("#raw").fill("{")
    press(page, "Hear it")


def _guess_too_often(page: Page) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT + 1):
        type_and_sign_in(page, "guessed@example.com", "wrong")


def _send_signed_out(page: Page) -> None:
    """Send a form of a page that was opened when somebody was signed in."""
    page.locator("form").evaluate(
        "form => { form.action = '/agents/new'; form.innerHTML = '<input name=agent_name value=Zoe><button>Go</button>' }"
    )
    press(page, "Go")
    page.get_by_text("What you typed is kept").wait_for()


def _come_back(page: Page) -> None:
    _send_signed_out(page)
    type_and_sign_in(page, OFFICE, WORDS)
    page.get_by_role("button", name="Back to what I typed").wait_for()
    page.context.clear_cookies()


def _open_more(page: Page) -> None:
    more = page.get_by_role("button", name="More")
    if more.is_visible():
        more.click()
