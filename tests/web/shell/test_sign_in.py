"""Set-up, sign-in and sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from wtforms import PasswordField

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.config import Config
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from peterental.users.setup_link import setup_link
from peterental.web.shell.access_control import LINK_BLUEPRINTS, MACHINE_BLUEPRINTS
from peterental.web.shell.forms import SetUpForm, SignInForm
from peterental.web.shell.sign_in_redirect import SECRETS, safe_next
from peterental.web.users.forms import JoinForm, PasswordForm
from peterental.webhooks.model import EndpointEntry

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"


def test_set_up_link_creates_the_first_admin(stranger: Browser, config: Config, database: Database) -> None:
    assert database.fetch("SELECT email FROM users") == [], "there is no account that somebody else knows"
    link = setup_link(config)
    assert link.startswith("http://127.0.0.1:8000/setup?token=")
    path = link.removeprefix(config.address)
    page = stranger.send(path, email="office@example.com", password=WORDS, follow=True)
    assert page.request.path == "/today"
    assert "signed in as an admin" in page.text
    assert "Add the first agent" in page.text


def test_set_up_link_works_once(stranger: Browser, open_browser: Callable[[], Browser], set_up_path: str) -> None:
    late = open_browser()
    token = late.token(set_up_path)
    stranger.send(set_up_path, email="office@example.com", password=WORDS)
    for page in (
        late.get(set_up_path),
        late.post(set_up_path, csrf_token=token, email="eve@example.com", password=WORDS),
    ):
        assert page.status_code == 404
        assert "already set up" in page.text
        assert 'href="/login"' in page.text


def test_second_set_up_is_rejected(
    stranger: Browser, set_up_path: str, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stranger.token(set_up_path)
    services.users.create("first@example.com", WORDS, "admin")
    monkeypatch.setattr(
        services.users, "is_set_up", lambda: False
    )  # both requests checked before either user was created
    page = stranger.post(set_up_path, csrf_token=token, email="eve@example.com", password=WORDS)
    assert page.status_code == 404
    assert "already set up" in page.text


@pytest.mark.parametrize("query", ["", "?token=", "?token=abc", "?token=é", "?token=" + "0" * 64])
def test_incomplete_set_up_link_creates_no_user(stranger: Browser, services: Services, query: str) -> None:
    page = stranger.get(f"/setup{query}")
    assert page.status_code == 404
    assert "Invalid set-up link" in page.text
    stranger.post(f"/setup{query}", email="eve@example.com", password=WORDS, csrf_token=stranger.token("/login"))
    assert not services.users.is_set_up()


@pytest.mark.parametrize(
    ("email", "password", "expected"),
    [
        ("office", WORDS, "should look like ana@example.com"),
        ("office@example.com", "too short", "at least 12 characters"),
        ("office@example.com", "x" * 1025, "1024 bytes"),
        ("", WORDS, "Enter the e-mail address"),
        ("office@example.com", "", "Choose a password"),
    ],
)
def test_invalid_set_up_keeps_the_email(
    stranger: Browser, set_up_path: str, email: str, password: str, expected: str
) -> None:
    page = stranger.send(set_up_path, email=email, password=password)
    assert page.status_code == 400
    assert expected in page.text
    assert f'value="{email}"' in page.text
    assert not password or password not in page.text
    assert stranger.get(set_up_path).status_code == 200


def test_set_up_shows_all_errors_at_once(stranger: Browser, set_up_path: str) -> None:
    both = stranger.send(set_up_path, email="office", password="short").text
    assert "should look like ana@example.com" in both
    assert "at least 12 characters" in both
    missing = stranger.send(set_up_path, email="", password="short").text
    assert "Enter the e-mail address" in missing
    assert "at least 12 characters" in missing
    assert "should look like" not in missing


def test_set_up_is_a_sign_in(stranger: Browser, set_up_path: str) -> None:
    stranger.send(set_up_path, email="office@example.com", password=WORDS)
    assert "Never" not in stranger.get("/users").text


def test_set_up_link_depends_on_the_secret_key(config: Config) -> None:
    assert setup_link(config) != setup_link(replace(config, secret_key="another key"))
    assert setup_link(config) == setup_link(config)


def test_sign_in_page_explains_set_up(stranger: Browser) -> None:
    assert "No account has a password yet" in stranger.get("/login").text


def test_sign_in_opens_the_agents(stranger: Browser, admin: Viewer) -> None:
    assert "No account has a password yet" not in stranger.get("/login").text
    page = stranger.send("/login", email=admin.email, password=WORDS, follow=True)
    assert page.request.path == "/today"
    assert stranger.get("/").headers["Location"] == "/today"
    assert stranger.get("/login").headers["Location"] == "/today"


@pytest.mark.parametrize(("email", "password"), [("office@example.com", "wrong"), ("who@example.com", WORDS)])
def test_failed_sign_in_does_not_reveal_users(stranger: Browser, admin: Viewer, email: str, password: str) -> None:
    del admin
    page = stranger.send("/login", email=email, password=password)
    assert page.status_code == 400
    assert "Incorrect e-mail or password" in page.text
    assert f'value="{email}"' in page.text
    assert stranger.get("/agents").status_code == 303


def test_busy_sign_in_asks_to_retry(stranger: Browser, services: Services) -> None:
    services.users.passwords.slot_timeout_s = 0.01
    with services.users.passwords.hashing_slot(), services.users.passwords.hashing_slot():
        page = stranger.send("/login", email="ana@example.com", password=WORDS)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "Too many people are signing in" in page.text


def test_empty_sign_in_form_names_missing_fields(stranger: Browser) -> None:
    page = stranger.send("/login", email=" ", password="")
    assert "Enter your e-mail address." in page.text
    assert "Enter your password." in page.text
    assert 'aria-invalid="true"' in page.text


def test_sign_in_returns_to_the_requested_page(stranger: Browser, admin: Viewer) -> None:
    sent = stranger.get("/agents?q=ana&page=2")
    assert sent.status_code == 303
    login = sent.headers["Location"]
    assert login == "/login?next=/agents?q%3Dana%26page%3D2"
    assert stranger.send(login, email=admin.email, password=WORDS).headers["Location"] == "/agents?q=ana&page=2"


OURS = {"Sec-Fetch-Site": "same-origin", "Referer": "http://localhost/agents/new"}


def hidden(text: str) -> dict[str, str]:
    """Return the hidden fields of a page by name."""
    found = re.findall(r'<input[^>]*type="hidden"[^>]*>', text)
    return {
        unescape(re.search(r'name="([^"]*)"', field)[1]): unescape(re.search(r'value="([^"]*)"', field)[1])  # type: ignore[index]
        for field in found
    }


def test_signed_out_form_is_restored_after_sign_in(stranger: Browser, admin: Viewer, services: Services) -> None:
    page = stranger.post("/agents/new", agent_name="Zoë <3", handover_number="1", csrf_token="old", headers=OURS)
    assert page.status_code == 403
    assert "Your entries are still here" in page.text
    assert 'action="/login?next=/agents/new"' in page.text
    fields = hidden(page.text)
    page = stranger.post("/login?next=/agents/new", {**fields, "email": admin.email, "password": "wrong"}, headers=OURS)
    assert page.status_code == 400
    assert hidden(page.text)["pending_form"] == fields["pending_form"]
    page = stranger.post("/login?next=/agents/new", {**fields, "email": admin.email, "password": WORDS}, headers=OURS)
    assert page.status_code == 200
    assert 'action="/agents/new"' in page.text
    fields = hidden(page.text)
    assert fields == {"agent_name": "Zoë <3", "handover_number": "1"}
    page = stranger.post("/agents/new", fields)
    assert page.status_code == 400
    assert 'value="Zoë &lt;3"' in page.text
    assert services.agents.names(admin) == ()


def test_pending_form_survives_sign_in_elsewhere(stranger: Browser, admin: Viewer) -> None:
    fields = hidden(stranger.post("/agents/new", agent_name="Zoë", headers=OURS).text)
    stranger.sign_in(admin.email)
    page = stranger.post("/login?next=/agents/new", fields, headers=OURS)
    assert hidden(page.text) == {"agent_name": "Zoë"}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {}])
def test_cross_site_post_cannot_prefill_a_form(stranger: Browser, admin: Viewer, headers: dict[str, str]) -> None:
    pending = {"action": "/users/invite", "fields": [["email", "eve@evil.example"], ["role", "admin"]]}
    planted = {"pending_form": json.dumps(pending)}
    page = stranger.post("/login?next=/users/invite", planted, headers=headers)
    assert page.status_code == 400
    assert "evil.example" not in page.text
    stranger.sign_in(admin.email)
    page = stranger.post("/login?next=/users/invite", planted, headers=headers)
    assert page.headers["Location"] == "/users/invite"


def test_pending_form_never_contains_passwords(stranger: Browser) -> None:
    for sent in ({"headers": {"Sec-Fetch-Site": "cross-site"}}, {"agent_name": "x" * 70_000, "headers": OURS}, {}):
        assert stranger.post("/agents/new", **{"agent_name": "Eve", **sent}).status_code == 303  # type: ignore[arg-type]
    page = stranger.post("/account", current="old secret words", new="new secret words", headers=OURS)
    assert "secret words" not in page.text
    expected = {
        name
        for form in (SignInForm, SetUpForm, JoinForm, PasswordForm)
        for name, field in vars(form).items()
        if getattr(field, "field_class", None) is PasswordField
    }
    assert expected | {"code"} == SECRETS - {"csrf_token"}


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "{",
        "[1]",
        "7",
        "[" * 5000,
        '{"a": 1}',
        '{"action": "/", "fields": 7}',
        '{"action": "/", "fields": [["a"]]}',
        '{"action": "/", "fields": [["a", "\\ud800"]]}',
        '{"fields": [["a", "b"]]}',
    ],
)
def test_malformed_pending_form_is_ignored(stranger: Browser, admin: Viewer, kept: str) -> None:
    fields = {"email": admin.email, "password": WORDS, "pending_form": kept, "csrf_token": stranger.token("/login")}
    page = stranger.post("/login?next=/agents/new", fields, headers=OURS)
    assert page.status_code == 303
    assert page.headers["Location"] == "/agents/new"


@pytest.mark.parametrize("action", ["//evil.example", "https://evil.example/", "/\\evil.example", "users"])
def test_pending_form_is_only_sent_to_this_site(stranger: Browser, admin: Viewer, action: str) -> None:
    stranger.sign_in(admin.email)
    pending = {"pending_form": json.dumps({"action": action, "fields": [["agent_name", "Zoë"]]})}
    page = stranger.post("/login?next=/agents/new", pending, headers=OURS)
    assert 'action="/agents/new"' in page.text
    assert "evil" not in page.text


@pytest.mark.parametrize(
    ("before", "address"),
    [
        ("http://localhost/messages?show=all", "/login?next=/messages?show%3Dall"),
        ("https://evil.example/messages", "/login"),
        ("http://[", "/login"),
        ("", "/login"),
    ],
)
def test_button_returns_to_the_referring_page(stranger: Browser, before: str, address: str) -> None:
    page = stranger.post("/messages/1/done", headers={"Sec-Fetch-Site": "same-origin", "Referer": before})
    assert page.status_code == 303
    assert page.headers["Location"] == address
    assert "Your session has ended, so nothing was changed." in stranger.get(address).text
    assert "Your session has ended" not in stranger.get(address).text, "it is said once"


def test_button_of_another_site_says_nothing_at_sign_in(stranger: Browser) -> None:
    stranger.post("/messages/1/done", headers={"Sec-Fetch-Site": "cross-site"})
    assert "Your session has ended" not in stranger.get("/login").text


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\x7f/evil.example",
        " //evil.example",
        "evil.example",
        "//[",
        "",
        None,
    ],
)
def test_next_rejects_other_sites(target: str | None) -> None:
    assert safe_next(target) is None


@pytest.mark.parametrize("target", ["/agents", "/agents?q=a%20b&page=2", "/appointments/7", "/agents/zoë"])
def test_next_accepts_paths_of_this_site(target: str) -> None:
    assert safe_next(target) == target


def test_unsafe_next_is_ignored(stranger: Browser, admin: Viewer) -> None:
    page = stranger.send("/login?next=//evil.example", email=admin.email, password=WORDS)
    assert page.headers["Location"] == "/today"


def test_every_page_requires_sign_in(app: Flask, stranger: Browser) -> None:
    free = {"sign_in.login", "sign_in.code", "sign_in.set_up", "users.join", "users.forgot", "asset"}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in free or rule.endpoint.split(".")[0] in MACHINE_BLUEPRINTS | LINK_BLUEPRINTS:
            continue
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in {"GET", "POST"} & (rule.methods or set()):
            response = stranger.get(path) if method == "GET" else stranger.post(path)
            assert (path, response.status_code) == (path, 303)
            assert response.headers["Location"].startswith("/login")


def test_post_without_csrf_token_returns_400(
    app: Flask, office: Browser, services: Services, admin: Viewer, database: Database
) -> None:
    services.agents.create(Profile(agent_name="1"), admin)
    database.fetch(
        "INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)"
        " VALUES ('1', '12 Elm Street', NOW() + INTERVAL '1 day', NOW() + INTERVAL '25 hours', 'Robin Vale')"
    )
    endpoint = EndpointEntry(url="https://hooks.example.com/", event_types=("viewing.booked",))
    assert services.webhooks.create(endpoint, admin).endpoint.endpoint_id == 1
    database.fetch("INSERT INTO calls (vapi_call_id) VALUES ('1')")
    services.closures.add([ClosureEntry(name="Party", first_day=date(2030, 1, 2), last_day=date(2030, 1, 2))], admin)
    lunch = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=date(2026, 1, 5))
    services.repeating_blocks.add("1", lunch, admin)
    services.properties.add(PropertyDetails(line1="9 Ash Street"), admin)
    import_id = services.property_imports.upload("AppFolio", "homes.csv", b"Id,Street\n1,7 Oak St\n", admin)
    services.property_imports.choose_columns(import_id, [("Street", "line1")], admin)
    without_token = {"sign_in", *MACHINE_BLUEPRINTS, *LINK_BLUEPRINTS}
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or set()) and rule.endpoint.split(".")[0] not in without_token:
            if rule.endpoint == "users.join":  # tested separately: it returns 404 without a link
                continue
            path = re.sub(r"<[^>]+>", "1", rule.rule.replace("<kind>/<channel>/<language>", "booked/text/en"))
            assert (path, office.post(path, agent_name="Eve").status_code) == (path, 400)
    assert office.post("/logout").status_code == 400
    assert [(agent.agent_name, agent.is_active) for agent in services.agents.listing(admin).agents] == [("1", True)]
    assert office.get("/agents").status_code == 200


def test_sign_in_starts_a_new_session(stranger: Browser, admin: Viewer) -> None:
    before = stranger.token("/login")
    stranger.sign_in(admin.email)
    assert stranger.post("/logout", csrf_token=before).status_code == 400


def test_sign_out_ends_the_session(office: Browser) -> None:
    page = office.send("/logout", at="/agents", follow=True)
    assert page.request.path == "/login"
    assert "You are signed out." in page.text
    assert office.get("/agents").status_code == 303


@pytest.mark.parametrize(
    "change",
    ["UPDATE users SET is_active = FALSE", "UPDATE users SET session_epoch = session_epoch + 1", "DELETE FROM users"],
)
def test_revoked_user_is_signed_out_immediately(office: Browser, database: Database, change: str) -> None:
    assert office.get("/agents").status_code == 200
    database.fetch(change)
    assert office.get("/agents").status_code == 303


def test_forged_cookie_is_not_signed_in(app: Flask, office: Browser) -> None:
    client = app.test_client()
    client.set_cookie("peterental", "eyJ1c2VyX2lkIjoxLCJlcG9jaCI6MH0.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert client.get("/agents").status_code == 303
    with client.session_transaction() as session:
        session["token"], session["code_required"] = 1, ["1", 0, None]
    assert client.get("/agents").status_code == 303
    assert office.get("/agents").status_code == 200


def test_sign_in_check_runs_one_query(office: Browser, open_browser: Callable[[], Browser], queries: list[str]) -> None:
    office.get("/")
    assert len(queries) == 1
    open_browser().get("/agents")
    assert len(queries) == 1


def test_password_change_signs_out_other_browsers(
    office: Browser, open_browser: Callable[[], Browser], admin: Viewer, services: Services
) -> None:
    other = open_browser()
    other.sign_in(admin.email)
    page = office.send("/account", current=WORDS, new="another password", follow=True)
    assert "Your password was changed" in page.text
    assert other.get("/agents").status_code == 303
    assert services.users.sign_in(admin.email, "another password") is not None


@pytest.mark.parametrize(
    ("current", "new", "expected"),
    [
        ("wrong", "another password", "That is not your current password."),
        (WORDS, "short", "at least 12 characters"),
        ("", "", "Choose a new password."),
    ],
)
def test_invalid_password_change_is_explained(
    office: Browser, services: Services, current: str, new: str, expected: str
) -> None:
    page = office.send("/account", current=current, new=new)
    assert page.status_code == 400
    assert expected in page.text
    assert services.users.sign_in("office@example.com", WORDS) is not None


def test_account_page_shows_the_role(office: Browser, anas: Browser) -> None:
    assert "Admin: access to everything" in office.get("/account").text
    assert "Agent: access to your own agents" in anas.get("/account").text
