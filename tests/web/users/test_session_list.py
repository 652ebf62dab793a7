"""The list of sessions on the account page, and what signing out does to copied cookies."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from flask import Flask, Request

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.web.shell.client import browser_name, client_of

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"
COOKIE = "peterental"


def copied(app: Flask, browser: Browser) -> Callable[[], int]:
    """Return a function that opens a page with a copy of the browser's present cookie, and returns the status."""
    cookie = browser._client.get_cookie(COOKIE)
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie(COOKIE, cookie.value)
    return lambda: thief.get("/agents").status_code


def end_paths(browser: Browser) -> list[str]:
    return re.findall(r'action="(/account/sessions/\d+/end)"', browser.get("/account").text)


def test_signing_out_ends_copies_of_the_cookie(app: Flask, office: Browser) -> None:
    open_copy = copied(app, office)
    assert open_copy() == 200
    office.send("/logout", at="/agents")
    assert open_copy() == 303


def test_session_cookie_holds_a_random_token_only(app: Flask, office: Browser) -> None:
    seen: list[dict[str, str]] = []
    office.edit_session(lambda session: seen.append(dict(session)))
    assert set(seen[0]) <= {"token", "csrf_token", "_permanent", "_flashes"}
    assert len(seen[0]["token"]) >= 43
    office.send("/logout", at="/agents")
    office.sign_in("office@example.com")
    office.edit_session(lambda session: seen.append(dict(session)))
    assert seen[1]["token"] != seen[0]["token"]
    assert app.permanent_session_lifetime.days == 14


def test_idle_session_ends(office: Browser, database: Database) -> None:
    database.fetch("UPDATE user_sessions SET last_seen_at = last_seen_at - INTERVAL '12 hours'")
    page = office.get("/agents")
    assert page.status_code == 303
    assert page.headers["Location"] == "/login?next=/agents"


def test_account_lists_where_one_is_signed_in(
    office: Browser, open_browser: Callable[[], Browser], admin: Viewer, queries: list[str]
) -> None:
    other = open_browser()
    other.sign_in(admin.email)
    queries.clear()
    text = office.get("/account").text
    assert len(queries) == 4  # the sign-in check, the sessions, the second factor, the tokens
    assert "Where you are signed in" in text
    assert text.count("From 127.0.0.1") == 2
    assert text.count("This browser") == 1
    assert "after 12 hours without use, and 14 days after the sign-in" in " ".join(text.split())
    (path,) = end_paths(office)
    page = office.send(path, at="/account", follow=True)
    assert "That browser is signed out." in page.text
    assert other.get("/agents").status_code == 303
    assert office.get("/agents").status_code == 200
    page = office.send(path, at="/account", follow=True)  # a second click
    assert "That browser is signed out." in page.text
    assert office.send("/account/sessions/999999/end", at="/account").status_code == 404


def test_every_other_browser_is_signed_out(
    office: Browser, open_browser: Callable[[], Browser], admin: Viewer, anas: Browser
) -> None:
    assert "Sign out everywhere else" not in office.get("/account").text
    others = [open_browser(), open_browser()]
    for other in others:
        other.sign_in(admin.email)
    page = office.send("/account/sign-out-elsewhere", at="/account", follow=True)
    assert "Every other browser is signed out." in page.text
    assert [other.get("/agents").status_code for other in others] == [303, 303]
    assert office.get("/agents").status_code == 200
    assert anas.get("/agents").status_code == 200


def test_own_session_in_the_list_can_be_ended(office: Browser, database: Database) -> None:
    session_id = database.fetch("SELECT session_id FROM user_sessions")[0]["session_id"]
    page = office.send(f"/account/sessions/{session_id}/end", at="/account", follow=True)
    assert "You are signed out." in page.text
    assert office.get("/agents").status_code == 303


def test_password_change_ends_copies_of_the_cookie(app: Flask, office: Browser) -> None:
    open_copy = copied(app, office)
    office.send("/account", current=WORDS, new="another password")
    assert open_copy() == 303
    assert office.get("/agents").status_code == 200


def test_session_in_the_browser_is_replaced_by_a_link(
    app: Flask, office: Browser, services: Services, admin: Viewer
) -> None:
    open_copy = copied(app, office)
    services.user_admin.invite("ben@example.com", "agent", admin)
    link = re.search(
        r"/join\?token=[^\"]+", office.send("/users/invite", email="eva@example.com", role="agent", follow=True).text
    )
    assert link
    office.send(link[0], new="a password of my own")
    assert "eva@example.com" in office.get("/account").text
    assert open_copy() == 303


@pytest.mark.parametrize("path", ["/login", "/account"])
def test_busy_password_checks_answer_503_at_once(office: Browser, services: Services, path: str) -> None:
    busy = Passwords(limits=PasswordLimits(hashing=1, waiting=0))
    services.users.passwords = busy
    if path == "/login":
        office.send("/logout", at="/agents")
    with busy.admission():
        page = office.send(path, email="office@example.com", password=WORDS, current=WORDS, new="another password")
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "Too many people are signing in right now." in page.text


def test_export_is_recorded(office: Browser, agents: None, database: Database) -> None:
    del agents
    assert office.get("/appointments.csv?status=confirmed&q=Max").status_code == 200
    (row,) = database.fetch("SELECT actor, subject_name, after FROM audit_log WHERE action = 'viewings exported'")
    assert (row["actor"], row["subject_name"]) == ("office@example.com", "office@example.com")
    assert (row["after"]["status"], row["after"]["is_search"]) == ("confirmed", True)
    assert "Max" not in str(row)
    text = office.get("/audit").text
    assert "Viewings exported" in text
    assert "Signed in" in text


def test_failed_sign_in_of_no_user_has_no_links_in_the_audit_log(
    office: Browser, open_browser: Callable[[], Browser]
) -> None:
    open_browser().send("/login", email="unknown@example.com", password=WORDS)
    text = office.get("/audit?actor=sign-in+page").text
    assert "Sign-in failed" in text
    assert "unknown account" in text
    assert "unknown@example.com" not in text
    assert 'href="/users/"' not in text


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            "Chrome on Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) Version/19.0 Safari/605.1", "Safari on Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0 <script>\x1b[31m" + "x" * 10_000, "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_has_a_short_name(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


@pytest.mark.parametrize(
    ("remote", "shown"), [("203.0.113.7", "203.0.113.7"), ("a\x1b[31mb", "unknown"), (None, "unknown")]
)
def test_only_addresses_are_shown_as_addresses(remote: str | None, shown: str) -> None:
    request = Request({"REQUEST_METHOD": "GET", **({"REMOTE_ADDR": remote} if remote else {})})
    assert client_of(request).address == shown
