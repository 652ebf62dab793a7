"""The page of an agent's calendars: connect, choose, read, disconnect."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.calendars.account import Account, AccountUnknown
from peterental.calendars.connection_service import ConnectionService
from peterental.calendars.credentials import AddressCredentials, PasswordCredentials
from peterental.calendars.model import (
    AddressNotAllowed,
    CalendarAccessLost,
    CalendarThrottled,
    CalendarUnreachable,
    RemoteCalendar,
)
from peterental.calendars.oauth import ScopesMissing
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, services_of
from tests.web.calendars.conftest import hours_of
from tests.web.conftest import WORDS

if TYPE_CHECKING:
    from tests.web.calendars.conftest import Script
    from tests.web.conftest import Browser

PAGE = "/agents/nora/calendars"
UNREACHABLE = CalendarUnreachable(host="caldav.example.com", reason="no answer within 15 seconds")
CALDAV = {"server": "caldav.example.com", "user_name": "nora@example.com", "password": WORDS}


@pytest.fixture
def browser(agent: str, anas: Browser) -> Browser:
    """Ana's browser."""
    del agent
    return anas


def checked(text: str, name: str) -> list[str]:
    """Return the values of the checked boxes or radios of one name."""
    return re.findall(rf'name="{name}" value="(\d*)" checked', text)


def ids_by_name(database: Database) -> dict[str, str]:
    return {row["name"]: str(row["calendar_id"]) for row in database.fetch("SELECT name, calendar_id FROM calendars")}


def busy_of(database: Database) -> int:
    return int(database.fetch("SELECT COUNT(*) AS number FROM agent_busy")[0]["number"])


# --- connecting ------------------------------------------------------------------------------------------------------


def test_page_without_a_calendar_offers_to_connect(browser: Browser) -> None:
    text = browser.get(PAGE).text
    assert "Callers are offered every time within working hours" in text
    assert "The account to connect is <strong><bdi>nora@soonerleasing.example</bdi></strong>" in text
    for name in (
        "Connect Google Calendar",
        "Connect Microsoft 365",
        "Connect a demo calendar",
        "Secret address in iCal",
    ):
        assert name in text
    assert 'href="/agents/nora/calendars" aria-current="page">Calendars</a>' in text
    assert 'href="/agents/nora/calendars">Connect a calendar</a>' in browser.get("/agents/nora").text


def test_caldav_account_is_connected_and_read(browser: Browser, script: Script, database: Database) -> None:
    page = browser.send(f"{PAGE}/caldav", CALDAV, at=PAGE, follow=True)
    assert "Connected: CalDAV nora@example.com. 2 busy times from now on." in page.text
    assert script.signed_in == [PasswordCredentials(CALDAV["server"], CALDAV["user_name"], CALDAV["password"])]
    ids = ids_by_name(database)
    assert checked(page.text, "blocks") == [ids["Work"]]
    assert checked(page.text, "receiving") == [ids["Work"]]
    assert checked(page.text, "titles") == []
    assert "Team &lt;b&gt;" in page.text
    assert re.search(r"Read \d+ seconds? ago, as a whole <time", page.text)
    assert f'name="receiving" value="{ids["Holidays"]}"' not in page.text
    assert len(page.text.encode()) < 60_000


def test_address_is_stored_and_never_shown_again(
    browser: Browser, script: Script, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    address = "https://calendar.example.com/private-d41d8cd98f00/basic.ics"
    page = browser.send(f"{PAGE}/address", {"address-address": f" {address} "}, at=PAGE, follow=True)
    assert "Connected: Calendar address calendar.example.com" in page.text
    assert script.signed_in == [AddressCredentials(address)]
    assert "private-d41d8cd98f00" not in page.text
    assert "private-d41d8cd98f00" not in caplog.text
    assert "private-d41d8cd98f00" not in str(database.fetch("SELECT * FROM calendar_accounts, audit_log"))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (UNREACHABLE, "caldav.example.com cannot be reached: no answer within 15 seconds."),
        (CalendarAccessLost(host="caldav.example.com"), "caldav.example.com no longer accepts the sign-in."),
        (AddressNotAllowed(reason="127.0.0.1 is private"), "That address cannot be used: 127.0.0.1 is private."),
    ],
)
def test_refused_form_keeps_all_but_the_password(
    browser: Browser, script: Script, database: Database, fault: CalendarUnreachable, sentence: str
) -> None:
    script.fault = fault
    page = browser.send(f"{PAGE}/caldav", CALDAV, at=PAGE)
    assert page.status_code == 400
    assert sentence in page.text
    assert 'value="caldav.example.com"' in page.text
    assert 'value="nora@example.com"' in page.text
    assert WORDS not in page.text
    assert '<details class="panel setup" id="connect-caldav" open>' in page.text
    page = browser.send(f"{PAGE}/address", {"address-address": "https://a.example/b.ics"}, at=PAGE)
    assert page.status_code == 400
    assert sentence in page.text
    assert 'value="https://a.example/b.ics"' in page.text
    assert not database.fetch("SELECT 1 AS one FROM calendar_accounts")


def test_empty_forms_say_what_is_missing(browser: Browser) -> None:
    text = browser.send(f"{PAGE}/caldav", at=PAGE).text
    for sentence in ("Enter the address of the server.", "Enter the user name.", "Enter the app password."):
        assert sentence in text
    assert "Enter the address of the calendar." in browser.send(f"{PAGE}/address", at=PAGE).text
    assert "At most 500 characters." in browser.send(f"{PAGE}/caldav", {**CALDAV, "password": "x" * 501}, at=PAGE).text


def test_connected_account_may_fail_its_first_reading(browser: Browser, script: Script) -> None:
    def fail(*args: object) -> object:
        del args
        raise UNREACHABLE

    script.read = fail  # type: ignore[method-assign,assignment]  # the list of calendars answers, the reading does not
    text = browser.send(f"{PAGE}/caldav", CALDAV, at=PAGE, follow=True).text
    assert "Connected: CalDAV nora@example.com. It is read within five minutes." in text
    assert "CalDAV nora@example.com could not be read. caldav.example.com cannot be reached" in text
    assert "Cannot be read at present" in text
    assert re.search(r"Since <time[^>]*>.*</time>", text)
    assert "Callers are offered no times: a calendar was never read." in text


def test_production_needs_a_key_and_has_no_demo(
    script: Script,
    config: Config,
    make_app: Callable[[Config], Flask],
    browse: Callable[[Flask], Browser],
    browser: Browser,
) -> None:
    del script, browser
    production = browse(make_app(replace(config, environment="production", vapi_webhook_secret="x" * 20)))
    production.sign_in("ana@example.com")
    text = production.get(PAGE).text
    assert "an admin has to set <code>CREDENTIALS_KEY</code>" in text
    assert "demo" not in text
    token = production.token("/account")
    page = production.post(f"{PAGE}/caldav", CALDAV, csrf_token=token)
    assert "Calendars cannot be connected yet: an admin has to set CREDENTIALS_KEY" in page.text
    page = production.post(f"{PAGE}/google", csrf_token=token, follow=True)
    assert "Calendars cannot be connected yet: an admin has to set CREDENTIALS_KEY" in page.text
    assert production.post(f"{PAGE}/demo", csrf_token=token).status_code == 404


def test_demo_calendar_is_connected_once_in_development(browser: Browser) -> None:
    text = browser.send(f"{PAGE}/demo", at=PAGE, follow=True).text
    assert "Connected: Demo calendar ana@example.com." in text
    assert "Connect a demo calendar" not in text


# --- signing in at a provider ----------------------------------------------------------------------------------------


def begin(browser: Browser, kind: str = "google") -> str:
    """Begin to sign in at a provider, and return the state."""
    page = browser.send(f"{PAGE}/{kind}", at=PAGE)
    assert page.status_code == 200
    found = re.search(r'rel="noreferrer" href="([^"]+)"', page.text)
    assert found
    url = urlsplit(unescape(found[1]))
    asked = parse_qs(url.query)
    assert url.hostname == {"google": "accounts.google.com", "microsoft": "login.microsoftonline.com"}[kind]
    assert asked["redirect_uri"] == [f"http://127.0.0.1:8000/oauth/{kind}"]
    assert asked["code_challenge_method"] == ["S256"]
    return asked["state"][0]


@pytest.mark.parametrize(("kind", "name"), [("google", "Google Calendar"), ("microsoft", "Microsoft 365")])
def test_sign_in_connects_the_account(browser: Browser, script: Script, kind: str, name: str) -> None:
    state = begin(browser, kind)
    page = browser.get(f"/oauth/{kind}?state={state}&code=4/abc")
    assert page.headers["Location"] == PAGE
    assert f"Connected: {name} ana@example.com. 2 busy times" in browser.get(PAGE).text
    ((code, verifier, redirect),) = script.exchanged
    assert (code, redirect) == ("4/abc", f"http://127.0.0.1:8000/oauth/{kind}")
    assert len(verifier) >= 43


def test_redirect_address_follows_public_url(
    script: Script,
    config: Config,
    make_app: Callable[[Config], Flask],
    browse: Callable[[Flask], Browser],
    browser: Browser,
) -> None:
    del script, browser
    public = browse(make_app(replace(config, public_url="https://rent.example.com")))
    public.sign_in("ana@example.com")
    page = public.post(f"{PAGE}/google", csrf_token=public.token(PAGE))
    assert "redirect_uri=https%3A%2F%2Frent.example.com%2Foauth%2Fgoogle&amp;" in page.text
    assert "localhost" not in page.text, "the host of the request"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("error=access_denied", "Google Calendar was not allowed to share the calendar. Connect again, and allow it."),
        ("error=server_error", "the sign-in at Google Calendar failed (server_error). Try again."),
        ("error=%3Cscript%3E", "the sign-in at Google Calendar failed. Try again."),
        ("", "the sign-in at Google Calendar failed. Try again."),
    ],
)
def test_error_of_the_provider_is_one_sentence(browser: Browser, script: Script, answer: str, sentence: str) -> None:
    page = browser.get(f"/oauth/google?state={begin(browser)}&{answer}")
    assert page.headers["Location"] == PAGE
    assert f"Nothing was connected: {sentence}" in browser.get(PAGE).text
    assert not script.exchanged


@pytest.mark.parametrize(
    "problem",
    [
        ScopesMissing(host="Google", scopes="calendar.events"),
        CalendarAccessLost(host="Google"),
        CalendarUnreachable(host="Google", reason="it answers 502"),
    ],
)
def test_refused_code_is_one_sentence(browser: Browser, script: Script, problem: ScopesMissing) -> None:
    script.refusal = problem
    assert browser.get(f"/oauth/google?state={begin(browser)}&code=x").headers["Location"] == PAGE
    assert f"Nothing was connected. {problem}" in browser.get(PAGE).text


def test_state_is_of_one_user_and_one_use(
    browser: Browser, script: Script, admin: Viewer, open_browser: Callable[[], Browser]
) -> None:
    state = begin(browser)
    other = open_browser()
    other.sign_in(admin.email)
    expired = "That sign-in was started too long ago, or by another user. Start it again."
    for path in (f"/oauth/google?state={state}&code=x", "/oauth/google?code=x", "/oauth/google?state=%00%ff&code=x"):
        page = other.get(path)
        assert page.headers["Location"] == "/agents"
        assert expired in other.get("/agents").text
    assert not script.exchanged
    assert browser.get(f"/oauth/microsoft?state={state}&code=x").headers["Location"] == "/agents"
    assert browser.get(f"/oauth/google?state={state}&code=x").headers["Location"] == PAGE
    assert browser.get(f"/oauth/google?state={state}&code=x").headers["Location"] == "/agents"
    assert len(script.exchanged) == 1


def test_kind_that_is_not_offered_is_refused(
    config: Config, make_app: Callable[[Config], Flask], browse: Callable[[Flask], Browser], admin: Viewer, ana: Viewer
) -> None:
    app = make_app(replace(config, google_client_secret=None))
    services, anas = services_of(app), browse(app)
    anas.sign_in(ana.email)
    services.agents.create(Profile(agent_name="Nora", user_id=ana.user_id), admin, agent_id="nora")
    assert "Connect Google Calendar" not in anas.get(PAGE).text
    page = anas.send(f"{PAGE}/google", at=PAGE, follow=True)
    assert "Google Calendar is not offered here" in page.text


# --- choosing --------------------------------------------------------------------------------------------------------


def test_choice_covers_all_accounts(browser: Browser, connect: Callable[..., Account], database: Database) -> None:
    first, second = connect("one@example.com"), connect("two@example.com")
    rows = database.fetch("SELECT calendar_id, account_id, name FROM calendars ORDER BY calendar_id")
    ids = {(row["account_id"], row["name"]): str(row["calendar_id"]) for row in rows}
    team, holidays = ids[second.account_id, "Team <b>"], ids[first.account_id, "Holidays"]
    token = browser.token(PAGE)

    def choose(**fields: str | list[str]) -> str:
        accounts = [str(each.account_id) for each in (first, second)]
        data: dict[str, Any] = {"account": accounts, "csrf_token": token, **fields}
        return browser.post(PAGE, data, follow=True).text

    text = choose(blocks=[team, holidays], receiving=team, titles=str(second.account_id))
    assert "The choice was saved." in text
    assert checked(text, "blocks") == [holidays, team]
    assert checked(text, "receiving") == [team]
    assert checked(text, "titles") == [str(second.account_id)]
    notes = database.fetch("SELECT source, note FROM agent_busy ORDER BY source")
    assert {row["note"] for row in notes if row["source"].startswith("Team")} == {"Dentist"}
    assert {row["note"] for row in notes if row["source"].startswith("Holidays")} == {None}
    text = choose(blocks=team, receiving="")
    assert checked(text, "receiving") == [""]
    assert checked(text, "blocks") == [team]
    assert {row["note"] for row in database.fetch("SELECT note FROM agent_busy")} == {None}
    text = choose(blocks="9" * 30, receiving=holidays)
    assert "No events can be written into that calendar." in text


def test_stale_form_changes_nothing_else(
    browser: Browser, connect: Callable[..., Account], services: Services, ana: Viewer, database: Database
) -> None:
    account = connect()
    work = ids_by_name(database)["Work"]
    token = browser.token(PAGE)
    later = connect("later@example.com")
    page = browser.post(PAGE, {"account": str(account.account_id), "csrf_token": token}, follow=True)
    chosen = database.fetch("SELECT account_id FROM calendars WHERE blocks")
    assert [row["account_id"] for row in chosen] == [later.account_id], "an account that the form did not have"
    services.calendars.disconnect(account.account_id, ana)
    page = browser.post(PAGE, {"account": str(account.account_id), "receiving": work, "csrf_token": token}, follow=True)
    assert page.status_code == 200
    assert str(account.account_id) not in checked(page.text, "account")


def test_account_that_is_disconnected_meanwhile_is_said(
    browser: Browser, connect: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(*args: object, **kwargs: object) -> None:
        del args, kwargs
        raise AccountUnknown

    account = connect()
    monkeypatch.setattr(ConnectionService, "choose", choose)
    page = browser.send(PAGE, {"account": str(account.account_id)}, at=PAGE, follow=True)
    assert "A calendar was disconnected after you opened the page." in page.text


def test_consequence_of_trusting_is_said(browser: Browser, connect: Callable[..., Account], database: Database) -> None:
    connect()
    text = browser.get(PAGE).text
    assert "Callers can book a time that has been given away in the calendar since." in text
    database.fetch("UPDATE calendars SET read_at = read_at - INTERVAL '2 hours'")
    text = browser.get(PAGE).text
    assert "Callers are offered no times: the calendar was last read 2 hours ago" in text
    assert "Callers are offered no times: the calendar was last read 2 hours ago" in browser.get("/agents/nora").text
    assert "Calendar not read: no times by phone" in browser.get("/agents").text
    database.fetch("UPDATE calendars SET read_at = NOW(), read_until = NOW() + INTERVAL '1 day'")
    for path in (PAGE, "/agents/nora"):
        assert "a calendar was not read as far ahead as callers can book." in browser.get(path).text
    database.fetch("UPDATE calendars SET read_at = read_at - INTERVAL '2 hours'")
    text = browser.send(f"{PAGE}/stale", {"trusts": "yes"}, at=PAGE, follow=True).text
    assert "Callers are offered times by the last known busy times." in text
    assert "A calendar was read too long ago." in text
    assert "Callers are offered no times:" not in browser.get("/agents/nora").text
    assert "Calendar not read" not in browser.get("/agents").text
    text = browser.send(f"{PAGE}/stale", {"trusts": "no"}, at=PAGE, follow=True).text
    assert "Callers are offered no times while a calendar cannot be read." in text


# --- connected accounts ----------------------------------------------------------------------------------------------


def test_sync_reports_what_became_of_it(
    browser: Browser, connect: Callable[..., Account], script: Script, database: Database
) -> None:
    path = f"/calendars/{connect().account_id}/sync"
    script.busy["work"], script.notes = hours_of(1), ("An event <x> has an unknown time zone.",)
    text = browser.send(path, at=PAGE, follow=True).text
    assert "CalDAV nora@example.com was read: 1 busy time." in text
    assert "1 event was understood in part" in text
    assert "An event &lt;x&gt; has an unknown time zone." in text
    script.fault = CalendarThrottled(host="caldav.example.com", retry_after_s=600)
    for _ in range(2):  # the second is not even sent
        text = browser.send(path, at=PAGE, follow=True).text
        assert "CalDAV nora@example.com could not be read. caldav.example.com asks to be left alone" in text
    assert busy_of(database) == 1
    database.fetch("UPDATE calendar_accounts SET leased_until = NOW() + INTERVAL '1 minute'")
    assert "CalDAV nora@example.com is being read." in browser.send(path, at=PAGE, follow=True).text


def test_lost_access_asks_to_reconnect(browser: Browser, connect: Callable[..., Account], script: Script) -> None:
    account = connect()
    script.fault = CalendarAccessLost(host="caldav.example.com")
    text = browser.send(f"/calendars/{account.account_id}/sync", at=PAGE, follow=True).text
    assert "Sign-in refused" in text
    link = f"{PAGE}?reconnect={account.account_id}"
    assert f'href="{link}#connect-caldav">Reconnect</a>' in text
    text = browser.get(link).text
    assert 'id="connect-caldav" open' in text
    assert 'value="nora@example.com"' in text
    script.fault = None
    text = browser.send(f"{PAGE}/caldav", CALDAV, at=PAGE, follow=True).text
    assert "Sign-in refused" not in text
    assert text.count('<section class="panel calendar-account"') == 1


@pytest.mark.parametrize("kind", ["google", "ics"])
def test_each_kind_has_a_way_to_reconnect(browser: Browser, script: Script, kind: str, database: Database) -> None:
    if kind == "google":
        browser.get(f"/oauth/google?state={begin(browser)}&code=x")
    else:
        browser.send(f"{PAGE}/address", {"address-address": "https://a.example/b.ics"}, at=PAGE)
    script.fault = CalendarAccessLost(host="a.example")
    account_id = database.fetch("SELECT account_id FROM calendar_accounts")[0]["account_id"]
    text = browser.send(f"/calendars/{account_id}/sync", at=PAGE, follow=True).text
    assert (">Reconnect</button>" if kind == "google" else "Connect the new address") in text


def test_disconnecting_says_first_what_happens(
    browser: Browser, connect: Callable[..., Account], database: Database, script: Script
) -> None:
    account = connect()
    path = f"/calendars/{account.account_id}/disconnect"
    script.fault = UNREACHABLE
    text = browser.get(path).text
    assert "Its 2 busy times no longer block anything" in text
    assert "New viewings are written into no calendar" in text
    assert "Events that are already in the calendar stay there." in text
    assert busy_of(database) == 2
    page = browser.send(path, follow=True)
    assert "CalDAV nora@example.com was disconnected." in page.text
    assert busy_of(database) == 0
    assert not database.fetch("SELECT 1 AS one FROM calendar_accounts")


@pytest.mark.parametrize("path", ["sync", "disconnect"])
def test_unknown_account_is_not_found(browser: Browser, path: str) -> None:
    token = browser.token("/account")
    for number in (99, 2**70):
        assert browser.post(f"/calendars/{number}/{path}", csrf_token=token).status_code == 404


def test_agents_see_only_their_own_calendars(
    connect: Callable[..., Account], services: Services, open_browser: Callable[[], Browser]
) -> None:
    account = connect()
    services.users.create("zoe@example.com", "correct horse battery", "agent", "Zoe")
    zoe = open_browser()
    zoe.sign_in("zoe@example.com")
    token = zoe.token("/account")
    assert zoe.get(PAGE).status_code == 404
    assert zoe.get(f"/calendars/{account.account_id}/disconnect").status_code == 404
    posts = [PAGE, *(f"{PAGE}/{name}" for name in ("stale", "demo", "google", "microsoft"))]
    posts += [f"/calendars/{account.account_id}/{name}" for name in ("sync", "disconnect")]
    for path in posts:
        assert zoe.post(path, csrf_token=token).status_code == 404
    for path, fields in ((f"{PAGE}/caldav", CALDAV), (f"{PAGE}/address", {"address-address": "https://a.example/b"})):
        assert zoe.post(path, fields, csrf_token=token).status_code == 404


def test_forms_need_their_token(browser: Browser, connect: Callable[..., Account], database: Database) -> None:
    account = connect()
    paths = [PAGE, f"{PAGE}/stale", f"{PAGE}/address", f"{PAGE}/caldav", f"{PAGE}/demo", f"{PAGE}/google"]
    paths += [f"/calendars/{account.account_id}/{name}" for name in ("sync", "disconnect")]
    for path in paths:
        assert browser.post(path, {**CALDAV, "trusts": "yes"}).status_code == 400
    assert len(database.fetch("SELECT 1 AS one FROM calendar_accounts")) == 1
    assert not database.fetch("SELECT 1 AS one FROM agent_calendar_settings")


def test_hundreds_of_calendars_stay_below_60_kb(browser: Browser, script: Script, database: Database) -> None:
    many = [RemoteCalendar(remote_id=f"c{n}", name="é" * 200, is_writable=True) for n in range(300)]
    script.found, script.notes = [*many, *script.found], ("ü" * 900,) * 40
    text = browser.send(f"{PAGE}/caldav", CALDAV, at=PAGE, follow=True).text
    assert len(text.encode()) < 60_000
    assert checked(text, "blocks") == [ids_by_name(database)["Work"]]
    assert "and 243 more calendars, not used" in text
    assert "and 30 more" in text


def test_page_runs_few_queries(browser: Browser, connect: Callable[..., Account], queries: list[str]) -> None:
    connect()
    queries.clear()
    browser.get(PAGE)
    assert len(queries) == 1 + 10, "the sign-in check, and these"


def test_audit_log_names_changes_of_calendars(
    browser: Browser, connect: Callable[..., Account], office: Browser, database: Database
) -> None:
    account = connect()
    work = ids_by_name(database)["Work"]
    browser.send(PAGE, {"account": str(account.account_id), "blocks": work}, at=PAGE)
    browser.send(f"/calendars/{account.account_id}/disconnect")
    text = office.get("/audit").text
    for words in ("Calendar connected", "Calendar chosen", "Calendar disconnected"):
        assert words in text
