"""Pages of the second factor: set-up, sign-in in two steps, and the policy of the office."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING

import pyotp
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"
PAGE = "/account/second-factor"
OURS = {"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/agents/new"}


def value_of(text: str, name: str) -> str:
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', text)
    assert found, name
    return unescape(found[1])


class App:
    """An authenticator app. Each code is for a later step, as if half a minute had passed."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._totp = pyotp.TOTP(secret)

    def code(self) -> str:
        """Return the present code, which counts as unused."""
        self._database.fetch("UPDATE second_factors SET last_step = 0")
        return self._totp.at(int(utc_now().timestamp()))


@pytest.fixture
def set_up(database: Database) -> Callable[[Browser], tuple[App, list[str]]]:
    """A function that turns the second factor on in a browser, and returns the app and the recovery codes."""

    def set_up(browser: Browser) -> tuple[App, list[str]]:
        page = browser.get(PAGE)
        found = re.search(r'class="key-text">([A-Z2-7 ]+)<', page.text)
        assert found, page.text
        app = App(database, found[1].replace(" ", ""))
        fields = {"csrf_token": value_of(page.text, "csrf_token"), "setup": value_of(page.text, "setup")}
        page = browser.post(PAGE, fields, code=app.code(), current=WORDS)
        assert page.status_code == 200
        return app, re.findall(r"<code>([a-z2-7-]+)</code>", page.text)

    return set_up


def enter_password(browser: Browser, email: str = "office@example.com", path: str = "/login") -> TestResponse:
    return browser.send(path, email=email, password=WORDS)


def test_set_up_shows_qr_code_and_recovery_codes(
    office: Browser, set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    assert "Set up a second factor" in office.get("/account").text
    page = office.get(PAGE)
    assert 'src="data:image/svg+xml' in page.text
    assert len(page.data) < 60 * 1024
    assert "img-src 'self' data:" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    _, codes = set_up(office)
    assert len(codes) == 10
    text = office.get("/account").text
    assert "10 recovery codes left" in text
    assert "Manage" in text
    for path in ("/account", PAGE):
        assert codes[0] not in office.get(path).text


def test_wrong_entries_keep_the_secret(office: Browser) -> None:
    page = office.get(PAGE)
    fields = {"csrf_token": value_of(page.text, "csrf_token"), "setup": value_of(page.text, "setup")}
    for code, current, expected in (
        ("000000", WORDS, "That code is not valid."),
        ("000000", "wrong", "That is not your current password."),
        ("", "", "Enter the code that the app shows."),
    ):
        again = office.post(PAGE, fields, code=code, current=current)
        assert again.status_code == 400
        assert expected in again.text
        assert value_of(again.text, "setup") == fields["setup"]
    stale = office.post(PAGE, {**fields, "setup": "stale"}, code="000000", current=WORDS)
    assert "open for too long" in stale.text
    assert value_of(stale.text, "setup") not in {"stale", fields["setup"]}


def test_sign_in_asks_for_a_code(
    office: Browser, open_browser: Callable[[], Browser], set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    app, recovery_codes = set_up(office)
    browser = open_browser()
    page = enter_password(browser, path="/login?next=/messages")
    assert page.status_code == 303
    step = page.headers["Location"]
    assert step == "/login/code?next=/messages"
    assert browser.get("/agents").status_code == 303, "the password alone opens nothing"
    page = browser.send(step, code="000000")
    assert page.status_code == 400
    assert "That code is not valid." in page.text
    assert browser.send(step, code=app.code()).headers["Location"] == "/messages"
    assert browser.get("/messages").status_code == 200
    other = open_browser()
    enter_password(other)
    assert other.send("/login/code", code=recovery_codes[0]).headers["Location"] == "/today"
    assert "9 recovery codes left" in other.get("/account").text


def test_code_page_needs_a_password_first(stranger: Browser, office: Browser) -> None:
    assert office.get("/login/code").headers["Location"] == "/today"
    office.send("/logout", at="/agents")
    page = stranger.get("/login/code?next=//evil.example", follow=True)
    assert page.request.path == "/login"
    assert page.request.query_string == b""
    assert "Enter your password again." in page.text


def test_code_page_expires(
    office: Browser,
    open_browser: Callable[[], Browser],
    set_up: Callable[[Browser], tuple[App, list[str]]],
    services: Services,
) -> None:
    set_up(office)
    browser = open_browser()
    enter_password(browser)
    browser.edit_session(lambda session: session.update(code_required=[1, 0, int(utc_now().timestamp()) - 601]))
    assert browser.get("/login/code").headers["Location"] == "/login"
    enter_password(browser)
    token = browser.token("/login/code")
    services.users.set_password("office@example.com", "another password")
    assert browser.post("/login/code", csrf_token=token, code="000000").headers["Location"] == "/login"


def test_codes_are_throttled_like_passwords(
    office: Browser, open_browser: Callable[[], Browser], set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    app, _ = set_up(office)
    browser = open_browser()
    enter_password(browser)
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert browser.send("/login/code", code="000000").status_code == 400
    page = browser.send("/login/code", code=app.code())
    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    answers = [open_browser().send("/login", email="office@example.com", password=words) for words in (WORDS, "wrong")]
    assert [answer.status_code for answer in answers] == [429, 429]


def test_pending_form_survives_both_steps(
    office: Browser, open_browser: Callable[[], Browser], set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    app, _ = set_up(office)
    browser = open_browser()
    page = browser.post("/agents/new", agent_name="Zoë <3", csrf_token="old", headers=OURS)
    fields = {name: value_of(page.text, name) for name in ("csrf_token", "pending_form")}
    page = browser.post("/login?next=/agents/new", fields, email="office@example.com", password=WORDS, headers=OURS)
    assert page.status_code == 200
    assert 'action="/login/code?next=/agents/new"' in page.text
    fields = {name: value_of(page.text, name) for name in ("csrf_token", "pending_form")}
    page = browser.post("/login/code?next=/agents/new", fields, code="000000", headers=OURS)
    assert value_of(page.text, "pending_form") == fields["pending_form"]
    page = browser.post("/login/code?next=/agents/new", fields, code=app.code(), headers=OURS)
    assert "You are signed in again" in page.text
    assert value_of(page.text, "agent_name") == "Zoë <3"


def test_one_time_link_leads_to_the_code(
    office: Browser,
    open_browser: Callable[[], Browser],
    set_up: Callable[[Browser], tuple[App, list[str]]],
    admin: Viewer,
) -> None:
    app, _ = set_up(office)
    path = f"/users/{admin.user_id}"
    text = office.send(f"{path}/link", at=path, follow=True).text
    link = unescape(re.search(r'value="http://[^/"]+(/join[^"]+)"', text)[1])  # type: ignore[index]
    browser = open_browser()
    page = browser.send(link, new="a password of my own")
    assert page.headers["Location"] == "/login/code"
    assert browser.get("/agents").status_code == 303
    browser.send("/login/code", code=app.code())
    assert browser.get("/agents").status_code == 200


def test_recovery_codes_are_replaced_and_second_factor_turned_off(
    office: Browser, set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    app, codes = set_up(office)
    page = office.send(PAGE, current=WORDS, code=codes[0], do="codes")
    new = re.findall(r"<code>([a-z2-7-]+)</code>", page.text)
    assert len(new) == 10
    assert not set(new) & set(codes)
    page = office.send(PAGE, current=WORDS, code=codes[1], do="off")
    assert page.status_code == 400
    assert "That code is not valid." in page.text
    page = office.send(PAGE, current=WORDS, code=app.code(), do="off", follow=True)
    assert "Your second factor is off." in page.text
    office.send("/logout", at="/agents")
    office.sign_in("office@example.com")


def test_few_recovery_codes_are_pointed_out(
    office: Browser, set_up: Callable[[Browser], tuple[App, list[str]]], database: Database
) -> None:
    set_up(office)
    assert "Make new ones below" not in office.get(PAGE).text
    database.fetch("DELETE FROM recovery_codes WHERE code_hash > (SELECT MIN(code_hash) FROM recovery_codes)")
    assert "You have 1 recovery code left. Make new ones below" in office.get(PAGE).text


def test_admin_resets_the_second_factor_of_a_user(
    office: Browser, anas: Browser, ana: Viewer, set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    path = f"/users/{ana.user_id}"
    assert "Reset second factor" not in office.get(path).text
    set_up(anas)
    assert "Reset second factor" in office.get(path).text
    page = office.send(f"{path}/second-factor/reset", at=path, follow=True)
    assert "The second factor of Ana Lima is off." in page.text
    assert anas.get("/agents").status_code == 303
    anas.sign_in(ana.email)
    assert "Second factor reset" in office.get("/audit").text


@pytest.fixture
def strict(
    make_app: Callable[[Config], Flask], config: Config, browse: Callable[[Flask], Browser]
) -> Callable[[], Browser]:
    """A function that opens a browser on an office that requires a second factor of admins."""
    app = make_app(replace(config, require_second_factor="admins"))
    return lambda: browse(app)


def test_required_second_factor_comes_before_everything_else(
    strict: Callable[[], Browser], admin: Viewer, ana: Viewer, set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    browser = strict()
    browser.sign_in(admin.email)
    for path in ("/agents", "/account", "/users", "/appointments.csv", "/login"):
        page = browser.get(path, follow=True)
        assert page.request.path == PAGE, path
        assert "Your office requires a second factor." in page.text
        assert "<nav" not in page.text
    token = browser.token(PAGE)
    for path in ("/agents/new", "/account", "/account/sign-out-everywhere", f"/users/{ana.user_id}/deactivate"):
        page = browser.post(path, csrf_token=token, agent_name="Eve")
        assert (page.status_code, page.headers["Location"]) == (303, PAGE)
    assert "<nav" not in browser.get("/nothing").text
    set_up(browser)
    assert browser.get("/agents").status_code == 200
    anas = strict()
    anas.sign_in(ana.email)
    assert anas.get("/agents").status_code == 200


def test_required_second_factor_can_be_left_by_signing_out(strict: Callable[[], Browser], admin: Viewer) -> None:
    browser = strict()
    browser.sign_in(admin.email)
    assert "You are signed out." in browser.send("/logout", at=PAGE, follow=True).text


def test_required_second_factor_can_be_moved_to_another_phone(
    strict: Callable[[], Browser], admin: Viewer, set_up: Callable[[Browser], tuple[App, list[str]]]
) -> None:
    browser = strict()
    browser.sign_in(admin.email)
    app, _ = set_up(browser)
    assert "turn it off and set it up again" in browser.get(PAGE).text
    browser.send(PAGE, current=WORDS, code=app.code(), do="off")
    assert browser.get("/agents").headers["Location"] == PAGE
