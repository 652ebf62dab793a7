"""Headers, error pages, assets, navigation and template filters."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.connect import DatabaseTooSlow
from peterental.database.pool import Database
from peterental.database.statement_errors import StatementCancelled, StatementRefused
from peterental.errors import Fault
from peterental.services import Services
from peterental.today.model import MOST_COUNTED, Counts
from peterental.users.model import EmailTaken
from peterental.web.shell import template_filters
from peterental.web.shell.access_control import MACHINE_BLUEPRINTS
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import SignInForm
from peterental.web.shell.navigation import DAILY, MENU, Navigation, navigation_for
from peterental.web.shell.navigation_counts import badges

if TYPE_CHECKING:
    from tests.web.conftest import Browser

PRODUCTION_BASE = "https://rent.example.com"


def test_pages_send_security_headers(office: Browser) -> None:
    for path in ("/agents", "/login", "/nothing"):
        headers = office.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers


def test_a_reader_begins_with_what_was_done(office: Browser, agents: None) -> None:
    """A live region that is there from the start is not announced."""
    del agents
    begins = '<p class="message message-done" role="status" tabindex="-1" autofocus>'
    saved = office.send("/agents/ana-lima/deactivate", follow=True).text
    assert saved.index(begins) < saved.index("<h1>")
    assert saved.count("autofocus") == 1
    signed_out = office.send("/logout", at="/agents", follow=True).text
    assert re.findall(r"<(\w+) [^>]*autofocus", signed_out) == ["input"], "the e-mail address, not the message"


@pytest.mark.parametrize(
    ("path", "fields", "section", "next_section"),
    [
        ("days", {"day-day": "2030-07-04", "day-hours": ""}, 'id="days"', 'id="busy"'),
        ("busy", {"busy-first_day": "2030-07-04"}, 'id="busy"', "</main>"),
    ],
)
def test_long_page_shows_what_was_done_where_it_was_done(
    office: Browser, agents: None, *, path: str, fields: dict[str, str], section: str, next_section: str
) -> None:
    del agents
    page = "/agents/ana-lima/hours"
    text = office.send(f"{page}/{path}", fields, at=page, follow=True).text
    assert (
        text.index(section) < text.index('class="message message-done"') < text.index(next_section, text.index(section))
    )
    assert text.count('class="message') == 1


def test_pages_have_no_inline_script_or_style(office: Browser) -> None:
    for path in ("/agents", "/agents/new", "/appointments", "/account", "/schema", "/nothing"):
        text = office.get(path).text
        assert "<script" not in text
        assert "<style" not in text
        assert not re.search(r"\s(style|on\w+)=", text)


def test_production_cookie_is_secure(make_app: Callable[[Config], Flask], config: Config) -> None:
    app = make_app(replace(config, environment="production", vapi_webhook_secret="x" * 32))
    response = app.test_client().get("/login", base_url=PRODUCTION_BASE)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-peterental=")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_production_sign_in_works_without_referer(
    make_app: Callable[[Config], Flask], config: Config, admin: Viewer
) -> None:
    client = make_app(replace(config, environment="production", vapi_webhook_secret="x" * 32)).test_client()
    token = re.search(r'value="([^"]+)"', client.get("/login", base_url=PRODUCTION_BASE).text)
    assert token
    fields = {"csrf_token": token.group(1), "email": admin.email, "password": "correct horse battery"}
    assert client.post("/login", data=fields, base_url=PRODUCTION_BASE).status_code == 303
    assert client.get("/agents", base_url=PRODUCTION_BASE).status_code == 200


def test_session_cookie_is_http_only(stranger: Browser) -> None:
    cookie = stranger.get("/login").headers["Set-Cookie"]
    assert cookie.startswith("peterental=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_style_sheet_is_small_and_immutable(stranger: Browser, queries: list[str]) -> None:
    found = re.search(r'href="(/assets/([0-9a-f]{12})/style.css)"', stranger.get("/login").text)
    assert found
    queries.clear()
    response = stranger.get(found.group(1))
    assert response.status_code == 200
    assert response.content_type == "text/css; charset=utf-8"
    assert "immutable" in response.headers["Cache-Control"]
    assert "Set-Cookie" not in response.headers
    assert len(response.data) < 45_000
    assert queries == []


def test_fonts_are_local_and_immutable(stranger: Browser, queries: list[str]) -> None:
    page = stranger.get("/login")
    assert "font-src 'self'" in page.headers["Content-Security-Policy"]
    sheet = re.search(r'href="(/assets/[0-9a-f]{12}/style.css)"', page.text)
    ahead = re.search(r'rel="preload" href="([^"]+)" as="font"', page.text)
    assert sheet
    assert ahead
    named = re.findall(r"url\(([^)]+)\)", stranger.get(sheet.group(1)).text)
    assert ahead.group(1) in named
    queries.clear()
    for address in named:
        response = stranger.get(address)
        assert response.status_code == 200
        assert response.content_type == "font/woff2"
        assert "immutable" in response.headers["Cache-Control"]
        assert len(response.data) < 25_000
    assert queries == []


def test_no_static_folder_is_served(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/static/style.css").status_code == 404
    assert not [rule.rule for rule in app.url_map.iter_rules() if "static" in rule.rule or "static" in rule.endpoint]


def test_style_sheet_is_compressed_for_those_who_ask(stranger: Browser) -> None:
    path = "/assets/000000000000/style.css"
    plain = stranger.get(path)
    assert "Content-Encoding" not in plain.headers
    for accepted, is_packed in (("gzip, deflate, br", True), ("gzip;q=0, br", False), ("identity", False), ("", False)):
        answer = stranger.get(path, environ={"HTTP_ACCEPT_ENCODING": accepted})
        assert (answer.headers.get("Content-Encoding") == "gzip") == is_packed, accepted
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert (gzip.decompress(answer.data) if is_packed else answer.data) == plain.data
        assert len(answer.data) < len(plain.data) / 3 or not is_packed
    font = stranger.get("/assets/000000000000/figtree.woff2", environ={"HTTP_ACCEPT_ENCODING": "gzip"})
    assert "Content-Encoding" not in font.headers


def test_asset_of_another_release_is_not_cached(stranger: Browser) -> None:
    response = stranger.get("/assets/000000000000/style.css")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert stranger.get("/assets/000000000000/other.css").status_code == 404


def test_not_found_page_has_a_link_back(office: Browser, open_browser: Callable[[], Browser]) -> None:
    page = office.get("/nothing")
    assert page.status_code == 404
    assert 'href="/agents"' in page.text
    assert 'href="/login"' in open_browser().get("/nothing").text


def test_wrong_method_returns_an_error_page(office: Browser) -> None:
    page = office.get("/logout")
    assert page.status_code == 405
    assert "POST" in page.headers["Allow"]
    assert "only receives a form" in page.text


def test_expired_button_form_returns_400(office: Browser) -> None:
    page = office.post("/logout", csrf_token="old")
    assert page.status_code == 400
    assert "This page has expired" in page.text
    assert "reload the page" in page.text


def test_oversized_form_returns_413(office: Browser) -> None:
    page = office.post("/account", new="x" * 300_000)
    assert page.status_code == 413
    assert "Too large" in page.text


def test_unhandled_error_page_has_no_traceback(
    app: Flask, office: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> str:
        message = "the password is swordfish"
        raise ZeroDivisionError(message)

    monkeypatch.setitem(app.view_functions, "appointments.index", broken)
    page = office.get("/appointments")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "swordfish" not in page.text
    assert "ZeroDivisionError" in caplog.text


def test_unknown_constraint_is_logged_without_the_row(
    office: Browser, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.fetch("ALTER TABLE users ADD CONSTRAINT operators_own CHECK (email <> 'ben@example.com')")
    page = office.send("/users/invite", email="ben@example.com", role="agent")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "operators_own of table users" in caplog.text
    assert "Failing row contains" not in caplog.text


def test_unexpected_refusal_returns_409(app: Flask, office: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> str:
        raise EmailTaken

    monkeypatch.setitem(app.view_functions, "appointments.index", refused)
    page = office.get("/appointments")
    assert page.status_code == 409
    assert "There is already a user with that e-mail address." in page.text


def test_refusal_without_field_is_a_form_error(app: Flask) -> None:
    with app.test_request_context("/login", method="POST"):
        form = SignInForm()
        form.add_error(EmailTaken())
        form.add_error(EmailTaken(), "email")
        assert form.form_errors == ["There is already a user with that e-mail address."]
        assert form.email.errors == form.form_errors


def test_machine_routes_get_plain_errors(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def add_error() -> str:
        raise RequestEntityTooLarge

    monkeypatch.setitem(app.view_functions, "health.readyz", add_error)
    response = app.test_client().get("/readyz")
    assert response.status_code == 413
    assert "plaque" not in response.text
    assert "Content-Security-Policy" not in response.headers


@pytest.mark.usefixtures("real_time_limits")
def test_database_outage_returns_503(
    make_app: Callable[[Config], Flask], config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    away = make_app(replace(config, database_url="postgresql://nobody@127.0.0.1:1/nothing")).test_client()
    page = away.get("/login")
    assert page.status_code == 503
    assert "Database not available" in page.text
    assert '<a class="button button-main" href="">Try again</a>' in page.text
    assert 'href="/login"' not in page.text, "it could not be opened either"
    assert page.headers["Retry-After"] == "5"
    assert "Traceback" not in page.text
    assert "does not answer" in caplog.text


def test_database_outage_returns_form_entries(app: Flask, office: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> str:
        raise DatabaseTooSlow(seconds=5)

    fields = {"agent_name": "Zoë <3", "csrf_token": office.token("/agents/new")}
    ours = {"Sec-Fetch-Site": "same-origin"}
    with monkeypatch.context() as away:
        away.setitem(app.view_functions, "agents.new", preserves_form(slow))
        away.setitem(app.view_functions, "users.account", preserves_form(slow))
        away.setitem(app.view_functions, "messages.done", lambda **_: slow())
        page = office.post("/agents/new", fields, headers=ours)
        assert page.status_code == 503
        assert "Your entries are still here" in page.text
        assert 'action="/agents/new"' in page.text
        assert "csrf_token" not in page.text.partition("<main")[2]
        assert 'name="agent_name" value="Zoë &lt;3"' in page.text
        assert "secret words" not in office.post("/account", fields, new="secret words", headers=ours).text
        foreign = office.post("/agents/new", fields)
        assert foreign.status_code == 503
        assert "Zoë" not in foreign.text
        button = office.post("/messages/1/done", fields, headers=ours).text
        assert "The change may not have been made." in button
        assert "Zoë" not in button
    page = office.post("/agents/new", agent_name="Zoë <3")
    assert page.status_code == 400
    assert 'value="Zoë &lt;3"' in page.text


def test_oversized_form_is_not_returned_during_outage(
    office: Browser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: int) -> None:
        raise DatabaseTooSlow(seconds=5)

    monkeypatch.setattr(services.sessions, "viewer", slow)
    for size in (70_000, 300_000):
        page = office.post("/agents/new", agent_name="x" * size, headers={"Sec-Fetch-Site": "same-origin"})
        assert page.status_code == 503
        assert "The change may not have been made." in page.text
        assert "x" * 20 not in page.text


@pytest.mark.parametrize(
    "fault",
    [
        DatabaseTooSlow(seconds=5),
        StatementCancelled(place="x", by="another session", reason="y", advice="Try again"),
        StatementRefused(place="x", reason="y", sqlstate="53100", advice="Make room"),
    ],
    ids=["too slow", "cancelled", "refused"],
)
def test_slow_query_returns_503(app: Flask, office: Browser, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    def slow() -> str:
        raise fault

    monkeypatch.setitem(app.view_functions, "appointments.index", slow)
    assert office.get("/appointments").status_code == 503
    monkeypatch.setitem(app.view_functions, "health.readyz", slow)
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert response.content_type.startswith("text/plain")


def test_schema_page_shows_every_migration(office: Browser, database: Database) -> None:
    text = office.get("/schema").text
    assert "The schema is current." in text
    assert "001_create_agent_tables.sql" in text
    assert text.count(">Applied</span>") >= 6
    database.fetch("DELETE FROM schema_migrations WHERE version = (SELECT MAX(version) FROM schema_migrations)")
    text = office.get("/schema").text
    assert ">Pending</span>" in text
    assert "flask db-migrate" in text


def test_schema_page_reports_unreadable_files(
    make_app: Callable[[Config], Flask],
    browse: Callable[[Flask], Browser],
    config: Config,
    tmp_path: Path,
    admin: Viewer,
) -> None:
    browser = browse(make_app(replace(config, migrations_dir=tmp_path / "nowhere")))
    browser.sign_in(admin.email)
    page = browser.get("/schema")
    assert page.status_code == 200
    assert 'role="alert"' in page.text
    assert "nowhere" in page.text


def test_schema_page_reports_a_foreign_ledger(office: Browser, database: Database) -> None:
    database.fetch("ALTER TABLE schema_migrations RENAME COLUMN version TO id")
    page = office.get("/schema")
    assert page.status_code == 200
    assert "it has no column version" in page.text


def test_schema_page_is_hidden_from_agents(anas: Browser) -> None:
    assert anas.get("/schema").status_code == 403
    assert 'href="/schema"' not in anas.get("/agents").text


EVERYTHING = {entry.endpoint for entry in (*DAILY, *(entry for section in MENU for entry in section.entries))}


def labels_of(navigation: Navigation) -> dict[str, list[str]]:
    """Return the labels of the menu, by section."""
    return {section.label: [entry.label for entry in section.entries] for section in navigation.menu}


def test_navigation_omits_missing_endpoints() -> None:
    shown = navigation_for({"agents.index", "calls.index", "users.account"}, is_admin=True, endpoint="agents.index")
    assert [entry.label for entry in shown.daily] == ["Calls", "Agents"]
    assert labels_of(shown) == {"You": ["Account"]}


def test_phone_bar_has_room_for_more() -> None:
    assert len([entry for entry in DAILY if entry.is_in_phone_bar]) + 1 <= 5


def test_admins_see_more_navigation_entries() -> None:
    admins = navigation_for(EVERYTHING, is_admin=True, endpoint=None)
    agents = navigation_for(EVERYTHING, is_admin=False, endpoint=None)
    assert {"Users", "Audit log", "Privacy", "Jobs", "Schema"} <= set(labels_of(admins)["Administration"])
    assert "Administration" not in labels_of(agents)
    assert "Phone line" not in labels_of(agents)["Phone"]
    assert agents.daily == admins.daily
    assert admins.current is None
    assert not admins.is_current_in_menu


def test_every_page_of_users_belongs_to_an_entry(app: Flask) -> None:
    """The search belongs to none; pages of visitors and for signing in have no navigation."""
    without = {*MACHINE_BLUEPRINTS, "sign_in", "search", "visits", "offers", "asset"}
    without_session = {"shell.home", "users.join", "users.forgot"}
    endpoints = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.partition(".")[0] not in without
    }
    pages = endpoints - without_session
    lost = {page for page in pages if navigation_for(endpoints, is_admin=True, endpoint=page).current is None}
    assert not lost
    assert len(pages) > 50


def test_short_bar_marks_the_menu_for_pages_that_it_has_no_room_for() -> None:
    marked = {
        entry.label: navigation_for(EVERYTHING, is_admin=True, endpoint=entry.endpoint).is_current_in_narrow_menu
        for entry in DAILY
    }
    assert marked == {entry.label: not entry.is_in_phone_bar for entry in DAILY}
    assert not navigation_for(EVERYTHING, is_admin=True, endpoint="users.account").is_current_in_narrow_menu
    assert not navigation_for(EVERYTHING, is_admin=True, endpoint=None).is_current_in_narrow_menu


def test_menu_button_marks_the_pages_of_the_menu() -> None:
    assert navigation_for(EVERYTHING, is_admin=True, endpoint="users.invite").is_current_in_menu
    assert not navigation_for(EVERYTHING, is_admin=True, endpoint="agents.show").is_current_in_menu


def test_badges_are_capped_and_explained() -> None:
    found = badges(Counts(viewings=1, calls=MOST_COUNTED, messages=0))
    assert {name: (badge.text, badge.meaning) for name, badge in found.items()} == {
        "viewings": ("1", "past viewing without an outcome"),
        "calls": ("99+", "flagged calls"),
    }


@pytest.mark.parametrize(
    ("endpoint", "label"),
    [
        ("appointments.show", "Appointments"),
        ("users.index", "Users"),
        ("users.account", "Account"),
        ("users.invite", "Users"),
        ("shell.schema", "Schema"),
        ("other.page", None),
    ],
)
def test_navigation_finds_the_current_entry(endpoint: str, label: str | None) -> None:
    current = navigation_for(EVERYTHING, is_admin=True, endpoint=endpoint).current
    assert (current.label if current else None) == label


def test_current_page_is_marked_once(office: Browser) -> None:
    for path in ("/today", "/account", "/schema"):
        assert office.get(path).text.count('aria-current="page"') == 1
    for path in ("/agents", "/agents/new"):  # in the bar, and in the menu of narrow screens
        assert office.get(path).text.count('aria-current="page"') == 2
    assert "aria-current" not in office.get("/nothing").text


MOMENT = datetime(2026, 11, 24, 21, 5, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")


def test_times_are_formatted_in_the_zone() -> None:
    assert template_filters.clock(MOMENT, CHICAGO) == "3:05 pm"
    assert template_filters.clock(MOMENT.replace(hour=6), CHICAGO) == "12:05 am"
    assert template_filters.day(MOMENT, CHICAGO) == "Tue, Nov 24"
    assert template_filters.long_day(MOMENT, CHICAGO, MOMENT) == "Tuesday, November 24"
    assert template_filters.long_day(MOMENT, CHICAGO, MOMENT.replace(year=2027)) == "Tuesday, November 24, 2026"
    assert template_filters.long_day(MOMENT, CHICAGO) == "Tuesday, November 24, 2026"
    assert template_filters.iso(MOMENT, CHICAGO) == "2026-11-24T15:05-06:00"
    assert template_filters.zone_city("America/Argentina/Buenos_Aires") == "Buenos Aires"


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("America/Chicago", "CST"),
        ("America/Sao_Paulo", "UTC-3"),
        ("Asia/Kathmandu", "UTC+5:45"),
        ("America/St_Johns", "NST"),
        ("Pacific/Marquesas", "UTC-9:30"),
    ],
)
def test_every_zone_has_an_abbreviation(zone: str, name: str) -> None:
    assert template_filters.zone_name(MOMENT, ZoneInfo(zone)) == name


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("12 Elm Street", "12"),
        ("88b King St", "88b"),
        ("No. 7, Oak Ave", "7"),
        ("#3 Main", "3"),
        ("5th Avenue 12", ""),
        ("Sunny loft", ""),
        ("123456 Long", ""),
        ("", ""),
    ],
)
def test_house_number_starts_the_address(address: str, number: str) -> None:
    assert template_filters.house_number(address) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ana Lima", "Ana Lima"),
        ("Ana Lima Gomez", "Ana Lima…"),
        ("Maria Featherstonehaugh", "Maria Feat…"),
        ("Featherstonehaugh", "Feathersto…"),
        ("Ana Lima \U0001f468\u200d\U0001f469\u200d\U0001f466 x", "Ana Lima…"),
        ("12345678 \U0001f44d\U0001f3fd!!", "12345678…"),
        ("123456789e\u0301xx", "123456789…"),
        ("e" + "\u0301" * 20, "…"),
    ],
)
def test_long_text_is_cut_at_a_word_or_within_one(text: str, expected: str) -> None:
    assert template_filters.truncate(text, 11) == expected


@given(st.text(max_size=40), st.integers(1, 30))
def test_cut_text_begins_the_whole_one(text: str, chars: int) -> None:
    cut = template_filters.truncate(text, chars)
    assert cut == text if len(text) <= chars else len(cut) <= chars and text.startswith(cut.removesuffix("…"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ana Lima", "AL"), ("Ana Maria de Lima", "AL"), ("ana", "A"), ("🏠", "?"), ("(Ana) Lima", "L"), ("", "?")],
)
def test_initials_use_first_and_last_word(name: str, expected: str) -> None:
    assert template_filters.initials(name) == expected


@pytest.mark.parametrize(
    ("minutes", "length", "clock"),
    [
        (0, "0 min", "midnight"),
        (45, "45 min", "12:45 am"),
        (60, "1 h", "1 am"),
        (90, "1 h 30 min", "1:30 am"),
        (1440, "1 day", "midnight"),
    ],
)
def test_durations_and_clock_times_are_formatted(minutes: int, length: str, clock: str) -> None:
    assert template_filters.format_minutes(minutes) == length
    assert template_filters.wall_clock(minutes) == clock


def test_long_durations_are_days() -> None:
    assert template_filters.format_minutes(2 * 1440) == "2 days"
    assert template_filters.wall_clock(12 * 60) == "12 pm"


@pytest.mark.parametrize("path", ["/agents", "/appointments", "/calls", "/messages", "/audit", "/users"])
def test_empty_search_params_are_dropped(office: Browser, path: str) -> None:
    page = office.get(f"{path}?q=&q=%C3%A9+%26&agent=&from=+")
    assert (page.status_code, page.headers["Location"]) == (303, f"{path}?q=%C3%A9+%26")
    assert office.get(f"{path}?q=").headers["Location"] == path
    assert office.get(page.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("start", "until", "days"),
    [
        ("2026-03-07T00:00-06:00", "2026-03-08T00:00-06:00", (7, 7)),
        ("2026-03-07T00:00-06:00", "2026-03-10T00:00-05:00", (7, 9)),  # the clocks change on the 8th
        ("2026-03-07T00:00-06:00", "2026-03-08T00:30-06:00", None),
        ("2026-03-07T06:00-06:00", "2026-03-08T00:00-06:00", None),
        ("2026-03-07T00:00+00:00", "2026-03-08T00:00+00:00", None),  # not midnight there
        ("2026-03-07T00:00-06:00", "2026-03-07T00:00-06:00", None),
    ],
)
def test_whole_days_are_from_midnight_to_midnight(start: str, until: str, days: tuple[int, int] | None) -> None:
    found = template_filters.whole_days(
        datetime.fromisoformat(start), datetime.fromisoformat(until), ZoneInfo("America/Chicago")
    )
    assert (found and (found[0].day, found[1].day)) == days


def test_user_without_agents_is_not_led_into_an_empty_form(anas: Browser, office: Browser) -> None:
    for path in ("/time-off", "/time-off/repeating/new", "/appointments", "/appointments/new", "/calendar", "/calls"):
        page = anas.get(path).text
        assert "An admin can make you the owner of one." in page, path
        assert "<select" not in page, path
        assert 'href="/appointments/new' not in page, path
    for path in ("/time-off/repeating/new", "/appointments", "/appointments/new", "/calendar", "/calls", "/rehearsal"):
        assert "Add the first agent" in office.get(path).text, path
