"""Pages of the users: list, invitation, one user, account, one-time links."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.visitors.links import VisitorLinks
from peterental.appointments.visitors.model import Contacts
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database.pool import Database
from peterental.notices.agent_choices.model import Contact
from peterental.notices.waitlist.links import OfferLinks
from peterental.services import Services
from peterental.trusted_proxies import TrustedProxies
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT, email_digest
from peterental.users.model import PasswordGrant
from peterental.users.password_links import LIFETIME, encode
from peterental.users.setup_link import setup_token, verify_setup_token
from peterental.users.tokens.model import NewToken
from peterental.web.shell import trusted_device
from tests.web.html_forms import form_to

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"
CHOSEN = "a password of my own"
KEY = "a session key for tests, long enough"


def link_in(text: str) -> str:
    """Return the path of the one-time link in a page."""
    found = re.search(r'id="link" value="http://127\.0\.0\.1:8000(/join\?token=[^"]+)"', text)
    assert found, text
    return unescape(found.group(1))


def invite(office: Browser, email: str = "ben@example.com", role: str = "agent") -> str:
    page = office.send("/users/invite", email=email, full_name="Ben Okafor", role=role, follow=True)
    assert page.status_code == 200
    return link_in(page.text)


def test_list_shows_role_state_and_agents(
    office: Browser, admin: Viewer, ana: Viewer, services: Services, queries: list[str]
) -> None:
    for name in ("Zoe", "Amal", "<b>Bo</b>", "Cem", "Dana", "Eve"):
        services.agents.create(Profile(agent_name=name, user_id=ana.user_id), admin)
    services.user_admin.invite("ben@example.com", "agent", admin)
    queries.clear()
    text = office.get("/users").text
    assert len(queries) == 3  # the sign-in check, the users, their agents
    assert "Olga Office" in text
    assert "Ana Lima" in text
    assert ">No password yet</span>" in text
    assert "&lt;b&gt;Bo&lt;/b&gt;" in text
    assert "and 1 more" in text
    assert "Access to all" in text
    assert "Never" in text
    assert 'title="America/Chicago">C' in text  # the office's time zone


def test_list_is_filtered_by_search_text(office: Browser, ana: Viewer) -> None:
    assert ana.email not in office.get("/users?q=olga").text
    page = office.get("/users?q=<i>")
    assert "No users found for “&lt;i&gt;”" in page.text
    assert 'href="/users"' in page.text
    assert "This page is empty" in office.get("/users?page=7").text
    assert "Olga Office" in office.get("/users?page=x").text


def test_invitation_link_is_shown_and_works_once(
    office: Browser, open_browser: Callable[[], Browser], services: Services, admin: Viewer
) -> None:
    link = invite(office)
    path = f"/users/{services.users.active_users(admin)[0].user_id}"
    assert "/join?token=" not in office.get(path).text
    bens = open_browser()
    page = bens.get(link)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "ben@example.com" in page.text
    page = bens.send(link, new="short")
    assert page.status_code == 400
    assert "at least 12 characters" in page.text
    page = bens.send(link, new=CHOSEN, follow=True)
    assert page.request.path == "/today"
    assert "Your password is set" in page.text
    assert bens.get("/users").status_code == 403
    used = open_browser().get(link)
    assert used.status_code == 404
    assert "no longer works" in used.text


def test_choosing_a_password_is_a_sign_in(office: Browser, open_browser: Callable[[], Browser]) -> None:
    link = invite(office)
    assert "Never" in office.get("/users").text
    open_browser().send(link, new=CHOSEN)
    assert "Never" not in office.get("/users").text


def test_name_is_changed_later(office: Browser, services: Services, admin: Viewer, ana: Viewer) -> None:
    path = f"/users/{ana.user_id}"
    page = office.get(path)
    token = office.token(path)
    saved = office.post(f"{path}/name", csrf_token=token, full_name="Ana <Lima>")
    assert (saved.status_code, saved.location) == (303, path)
    assert "Ana &lt;Lima&gt;" in office.get(path).text
    change = services.audit.listing(admin).entries[0].change
    assert (change.action, change.after) == ("renamed", {"full_name": "Ana <Lima>"})
    refused = office.post(f"{path}/name", csrf_token=token, full_name="x" * 256)
    assert refused.status_code == 400
    assert "At most 255 characters." in refused.text
    office.post(f"{path}/name", csrf_token=token, full_name="Ana <Lima>")
    assert services.audit.listing(admin).entries[0].change == change, "the same name is no change"
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("email", "role", "expected"),
    [
        ("ben", "agent", "should look like"),
        ("OFFICE@example.com", "agent", "already a user"),
        ("", "agent", "Enter the e-mail address"),
        ("ben@example.com", "king", "Choose one of the options."),
        ("ben@example.com", "", "Choose a role"),
    ],
)
def test_invalid_invitation_keeps_its_entries(
    office: Browser, services: Services, admin: Viewer, *, email: str, role: str, expected: str
) -> None:
    page = office.send("/users/invite", email=email, full_name="Bén <3", role=role)
    assert page.status_code == 400
    assert expected in page.text
    assert 'value="Bén &lt;3"' in page.text
    assert len(services.users.active_users(admin)) == 1


def test_expired_invitation_form_keeps_its_entries(office: Browser) -> None:
    page = office.post("/users/invite", csrf_token="old", email="ben@example.com", full_name="Ben", role="admin")
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert 'value="ben@example.com"' in page.text


def test_role_is_changed(office: Browser, ana: Viewer, services: Services, admin: Viewer) -> None:
    page = office.send(f"/users/{ana.user_id}", role="admin", follow=True)
    assert "Ana Lima is now an admin." in page.text
    assert services.user_admin.get(ana.user_id, admin).role == "admin"
    page = office.send(f"/users/{ana.user_id}", role="agent", follow=True)
    assert "Ana Lima is now an agent." in page.text


def test_last_admin_cannot_be_removed(office: Browser, admin: Viewer) -> None:
    page = office.send(f"/users/{admin.user_id}", role="agent")
    assert page.status_code == 400
    assert "is the only admin who can sign in" in page.text
    page = office.send(f"/users/{admin.user_id}/deactivate")
    assert page.status_code == 409
    assert "is the only admin who can sign in" in page.text
    assert office.get("/agents").status_code == 200


def test_deactivation_signs_out_every_browser(
    office: Browser, anas: Browser, ana: Viewer, admin: Viewer, services: Services
) -> None:
    services.agents.create(Profile(agent_name="Amal", user_id=ana.user_id), admin)
    path = f"/users/{ana.user_id}/deactivate"
    text = office.get(path).text
    assert "signed out of every browser immediately" in text
    assert "Amal" in text
    assert "continues to take bookings" in " ".join(re.sub(r"<[^>]+>", "", text).split())
    assert anas.get("/agents").status_code == 200
    page = office.send(path, follow=True)
    assert "Ana Lima can no longer sign in." in page.text
    assert anas.get("/agents").status_code == 303
    assert anas.send("/login", email=ana.email, password=WORDS).status_code == 400
    assert "Old sessions and links stay revoked" in office.get(f"/users/{ana.user_id}/reactivate").text
    assert "can sign in again" in office.send(f"/users/{ana.user_id}/reactivate", follow=True).text
    assert anas.get("/agents").status_code == 303
    anas.sign_in(ana.email)


def test_deactivation_names_what_still_receives_visitors_data(
    office: Browser, ana: Viewer, admin: Viewer, services: Services, database: Database
) -> None:
    """The user may have made the address, connected an account of their own, or entered a private number."""
    for name in ("Amal", "Bo"):
        services.agents.create(Profile(agent_name=name, user_id=ana.user_id), admin)
    path = f"/users/{ana.user_id}/deactivate"
    assert "still go to" not in office.get(path).text
    services.calendars.connect_demo("amal", ana)
    database.fetch("UPDATE calendars SET is_writable = TRUE, receives_viewings = TRUE")
    services.feeds.create("amal", ana)
    services.agent_notices.change("bo", Contact(email="bo@home.example", phone="+14055550177"), {}, ana)
    text = " ".join(re.sub(r"<[^>]+>", "", office.get(path).text).split())
    assert "visitors of Amal still go to Demo calendar, anyone who has the secret calendar address. Change" in text
    assert "visitors of Bo still go to bo@home.example and +14055550177. Change" in text


def test_used_password_link_ends_all_sessions(
    office: Browser, anas: Browser, ana: Viewer, open_browser: Callable[[], Browser]
) -> None:
    path = f"/users/{ana.user_id}"
    page = office.send(f"{path}/link", at=path, follow=True)
    link = link_in(page.text)
    assert anas.get("/agents").status_code == 200
    phone = open_browser()
    assert "Every browser that is signed in now will be signed out" in phone.get(link).text
    phone.send(link, new=CHOSEN)
    assert anas.get("/agents").status_code == 303
    assert phone.get("/agents").status_code == 200


def test_new_link_revokes_the_previous_one(office: Browser, open_browser: Callable[[], Browser]) -> None:
    page = office.send("/users/invite", email="ben@example.com", full_name="Ben", role="agent", follow=True)
    assert "Earlier links" not in page.text
    path, first = page.request.path, link_in(page.text)
    assert "A new link revokes an older one" in office.get(path).text
    page = office.send(f"{path}/link", at=path, follow=True)
    assert "earlier links were revoked" in page.text
    assert "Earlier links no longer work." in page.text
    second = link_in(page.text)
    phone = open_browser()
    used = phone.get(first)
    assert used.status_code == 404
    assert "no longer works" in used.text
    assert phone.get(second).status_code == 200


def test_deactivated_user_gets_no_link(office: Browser, ana: Viewer, admin: Viewer, services: Services) -> None:
    token = office.token(f"/users/{ana.user_id}")
    services.user_admin.deactivate(ana.user_id, admin)
    page = office.post(f"/users/{ana.user_id}/link", csrf_token=token)
    assert page.status_code == 409
    assert "is deactivated and cannot sign in" in page.text


@pytest.mark.parametrize(
    "token", ["", "abc", "W10.x", encode(PasswordGrant(1, 0), "another key", datetime(2100, 1, 1, tzinfo=UTC))]
)
def test_invalid_link_returns_404(stranger: Browser, token: str) -> None:
    page = stranger.get(f"/join?token={token}")
    assert page.status_code == 404
    assert "or ask an admin of your office." in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_link_expires_after_a_week(stranger: Browser, ana: Viewer) -> None:
    fresh = encode(PasswordGrant(ana.user_id, 0), KEY, utc_now())
    stale = encode(PasswordGrant(ana.user_id, 0), KEY, utc_now() - LIFETIME - timedelta(seconds=1))
    assert stranger.get(f"/join?token={fresh}").status_code == 200
    assert stranger.get(f"/join?token={stale}").status_code == 404


@pytest.mark.parametrize("path", ["/users", "/users/invite", "/users/1", "/users/1/deactivate", "/users/1/reactivate"])
def test_user_pages_are_for_admins(anas: Browser, path: str) -> None:
    assert anas.get(path).status_code == 403
    assert 'href="/users"' not in anas.get("/agents").text


@pytest.mark.parametrize("path", ["/users/999", "/users/999/deactivate", "/users/99999999999999999999", "/users/x"])
def test_unknown_user_returns_404(office: Browser, path: str) -> None:
    assert office.get(path).status_code == 404


@pytest.fixture
def frozen_clock(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze the clock that the waits after wrong passwords are counted on."""
    moment = datetime.now(UTC)
    monkeypatch.setattr(services.users._throttle, "_now", lambda: moment)


@pytest.mark.usefixtures("frozen_clock")
def test_failed_sign_ins_are_throttled(stranger: Browser, open_browser: Callable[[], Browser], admin: Viewer) -> None:
    known = open_browser()
    known.sign_in(admin.email)
    known.send("/logout", at="/agents")
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert stranger.send("/login", email=admin.email, password="a wrong password").status_code == 400
    page = stranger.send("/login", email=admin.email, password=WORDS)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "30"
    assert "Too many failed attempts. Wait 30 seconds, then try again." in page.text
    assert f'value="{admin.email}"' in page.text
    known.sign_in(admin.email)  # a known device is not throttled by failures elsewhere


def test_token_of_one_kind_is_none_of_another(
    app: Flask, stranger: Browser, open_browser: Callable[[], Browser], admin: Viewer, ana: Viewer
) -> None:
    """All are signed with one key."""
    browser = open_browser()
    browser.sign_in(admin.email)
    cookies = {name: browser._client.get_cookie(name) for name in ("peterental", "peterental-device")}
    join = encode(PasswordGrant(ana.user_id, 0), KEY, utc_now())
    viewing, offer = VisitorLinks(KEY, "").token(1, ""), OfferLinks(KEY, "").token(1)
    tokens = {"join": join, "set up": setup_token(KEY), "viewing": viewing, "offer": offer}
    tokens |= {name: cookie.value for name, cookie in cookies.items() if cookie is not None}
    assert len(set(tokens.values())) == 6

    def signs_in(token: str) -> bool:
        client = app.test_client()
        client.set_cookie("peterental", token)
        return client.get("/agents").status_code == 200

    accepted = {
        "join": lambda token: stranger.get(f"/join?token={quote(token)}").status_code == 200,
        "set up": lambda token: verify_setup_token(token, KEY),
        "viewing": lambda token: VisitorLinks(KEY, "").is_valid(
            token, 1, Contacts(recipients=frozenset(), were_corrected=False)
        ),
        "offer": lambda token: OfferLinks(KEY, "").entry_of(token) is not None,
        "peterental": signs_in,
    }
    for kind, accepts in accepted.items():
        assert [name for name, token in tokens.items() if accepts(token)] == [kind]


def test_device_cookie_is_valid_for_its_account_only(app: Flask, stranger: Browser, admin: Viewer, ana: Viewer) -> None:
    stranger.sign_in(admin.email)
    cookie = stranger._client.get_cookie("peterental-device")
    assert cookie
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert admin.email not in cookie.value
    statuses = []
    for value in (cookie.value, cookie.value[:-1], "nonsense"):  # none of them makes it a known device
        client = app.test_client()
        client.set_cookie("peterental-device", value)
        token = re.search(r'value="([^"]+)"', client.get("/login").text)
        assert token
        fields = {"csrf_token": token.group(1), "email": ana.email, "password": "a wrong password"}
        statuses += [client.post("/login", data=fields).status_code for _ in range(2)]
    assert statuses == [400] * FREE_ATTEMPTS_PER_ACCOUNT + [429]


@pytest.mark.usefixtures("frozen_clock")
@pytest.mark.parametrize(("ahead", "is_known"), [({"days": 30}, True), ({"days": -364}, True), ({"days": -366}, False)])
def test_device_cookie_survives_a_clock_set_back(
    app: Flask,
    stranger: Browser,
    admin: Viewer,
    monkeypatch: pytest.MonkeyPatch,
    ahead: dict[str, int],
    *,
    is_known: bool,
) -> None:
    signed_at = datetime.now(UTC) + timedelta(**ahead)
    with monkeypatch.context() as then:
        then.setattr(TimestampSigner, "get_timestamp", lambda _: int(signed_at.timestamp()))
        with app.test_request_context():
            value = trusted_device._signer().dumps([email_digest(admin.email), "a device"])
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        stranger.send("/login", email=admin.email, password="a wrong password")
    stranger._client.set_cookie("peterental-device", str(value))
    assert stranger.send("/login", email=admin.email, password=WORDS).status_code == (303 if is_known else 429)


def test_join_form_requires_a_csrf_token(office: Browser, stranger: Browser) -> None:
    link = invite(office)
    page = stranger.post(link, csrf_token="old", new=CHOSEN)
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert stranger.send(link, new=CHOSEN).status_code == 303


def test_production_device_cookie_is_secure(make_app: Callable[[Config], Flask], config: Config, admin: Viewer) -> None:
    client = make_app(replace(config, environment="production", vapi_webhook_secret="x" * 32)).test_client()
    base = "https://rent.example.com"
    token = re.search(r'value="([^"]+)"', client.get("/login", base_url=base).text)
    assert token
    fields = {"csrf_token": token.group(1), "email": admin.email, "password": WORDS}
    cookies = client.post("/login", data=fields, base_url=base).headers.getlist("Set-Cookie")
    device = next(cookie for cookie in cookies if cookie.startswith("__Host-peterental-device="))
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in device


def test_forwarded_address_cannot_be_forged(
    make_app: Callable[[Config], Flask], config: Config, database: Database
) -> None:
    behind_one = replace(
        config, environment="production", vapi_webhook_secret="x" * 32, trusted_proxies=TrustedProxies(hops=1)
    )
    client = make_app(behind_one).test_client()
    base = "https://rent.example.com"
    token = re.search(r'value="([^"]+)"', client.get("/login", base_url=base).text)
    assert token
    for made_up in ("198.51.100.1", "198.51.100.2"):
        client.post(
            "/login",
            data={"csrf_token": token.group(1), "email": "eve@example.com", "password": "a wrong password"},
            base_url=base,
            headers={"X-Forwarded-For": f"{made_up}, 203.0.113.7"},
        )
    rows = database.fetch("SELECT subject, failures FROM sign_in_failures WHERE subject LIKE 'address:%%'", ())
    assert [(row["subject"], row["failures"]) for row in rows] == [("address:203.0.113.7", 2)]


def test_account_counts_the_tokens_that_a_new_password_leaves(
    office: Browser, services: Services, admin: Viewer, ana: Viewer
) -> None:
    assert "API token" not in re.sub(r"<nav.*?</nav>", "", office.get("/account").text, flags=re.DOTALL)
    services.api_tokens.create(NewToken(name="Hers"), ana)
    first = services.api_tokens.create(NewToken(name="Zapier"), admin).token
    assert '1 API token stays valid. <a href="/tokens">Revoke it</a>' in office.get("/account").text
    services.api_tokens.create(NewToken(name="Sheet"), admin)
    assert '2 API tokens stay valid. <a href="/tokens">Revoke them</a>' in office.get("/account").text
    office.send("/account", current=WORDS, new=CHOSEN)
    assert "2 API tokens stay valid." in office.get("/account").text
    services.api_tokens.revoke(first.token_id, admin)
    assert "1 API token stays valid." in office.get("/account").text


@pytest.mark.usefixtures("frozen_clock")
def test_account_password_check_is_throttled(office: Browser) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert office.send("/account", current="a wrong password", new=CHOSEN).status_code == 400
    page = office.send("/account", current=WORDS, new=CHOSEN)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "30"
    assert "Wait 30 seconds" in page.text


@pytest.mark.usefixtures("frozen_clock")
def test_set_up_links_are_throttled(stranger: Browser) -> None:
    for _ in range(20):
        assert stranger.get("/setup?token=guess").status_code == 404
    for path in ("/setup?token=guess", f"/setup?token={setup_token(KEY)}"):
        page = stranger.get(path)
        assert page.status_code == 429
        assert page.headers["Retry-After"] == "30"
        assert page.headers["Referrer-Policy"] == "no-referrer"


def test_sign_out_everywhere_ends_all_sessions(
    office: Browser, open_browser: Callable[[], Browser], admin: Viewer
) -> None:
    other = open_browser()
    other.sign_in(admin.email)
    page = office.send("/account/sign-out-everywhere", at="/account", follow=True)
    assert "You are signed out in every browser." in page.text
    assert office.get("/agents").status_code == 303
    assert other.get("/agents").status_code == 303


def test_agent_is_added_for_a_user_without_one(office: Browser, ana: Viewer, services: Services, admin: Viewer) -> None:
    ben = services.user_admin.invite("ben@example.com", "agent", admin, "Ben Okafor")
    assert (
        f'<a href="/agents/new?owner={ben.user_id}">Add an agent of this user</a>'
        in office.get(f"/users/{ben.user_id}").text
    )
    path = f"/agents/new?owner={ben.user_id}"
    form = office.get(path).text
    assert f'<option selected value="{ben.user_id}">Ben Okafor (ben@example.com)</option>' in form
    assert 'value="Ben Okafor"' in form
    for unknown in ("0", "x", "9" * 30):
        assert f'selected value="{ben.user_id}"' not in office.get(f"/agents/new?owner={unknown}").text
    entered = form_to(form, path, path).fields | {"agent_name": "Benny", "user_id": str(ana.user_id)}
    assert office.post(path, entered).status_code == 303
    assert services.agents.get("benny", admin).user_id == ana.user_id
