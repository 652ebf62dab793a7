"""Requests through proxies: whose attempts are counted, what is logged, which scheme counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from flask import Flask, request

from peterental.access import Viewer
from peterental.config import RENDER_PROXIES, Config
from peterental.database.pool import Database
from peterental.services import services_of
from peterental.trusted_proxies import NO_PROXIES, TrustedProxies
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_NETWORK

if TYPE_CHECKING:
    from tests.web.conftest import Browser

CLOUDFLARE, RENDER = "172.70.247.28", "10.19.6.53"
WORDS = "correct horse battery"

MakeBrowser = Callable[[TrustedProxies], "Browser"]


@pytest.fixture
def behind(
    make_app: Callable[[Config], Flask],
    config: Config,
    browse: Callable[[Flask], Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> MakeBrowser:
    """A function that opens a browser on an application behind proxies, whose clock is frozen."""
    moment = datetime.now(UTC)

    def open_behind(proxies: TrustedProxies) -> Browser:
        app = make_app(replace(config, trusted_proxies=proxies))
        monkeypatch.setattr(services_of(app).users, "_now", lambda: moment)
        return browse(app)

    return open_behind


def through_render(client: str) -> dict[str, str]:
    return {"X-Forwarded-For": f"{client}, {CLOUDFLARE}, {RENDER}"}


def guess(browser: Browser, token: str, email: str, headers: dict[str, str]) -> int:
    return browser.post(
        "/login", {"csrf_token": token}, email=email, password="a wrong one", headers=headers
    ).status_code


def test_one_office_does_not_lock_out_another(behind: MakeBrowser, admin: Viewer) -> None:
    browser = behind(RENDER_PROXIES)
    token = browser.token("/login")
    first, second = through_render("203.0.113.7"), through_render("203.0.113.8")
    statuses = [guess(browser, token, f"{number}@x.example", first) for number in range(FREE_ATTEMPTS_PER_NETWORK + 1)]
    assert statuses[-1] == 429
    made_up = {"X-Forwarded-For": f"198.51.100.1, {first['X-Forwarded-For']}"}
    assert guess(browser, token, "another@x.example", made_up) == 429
    fields = {"csrf_token": token, "email": admin.email, "password": WORDS}
    assert browser.post("/login", fields, headers=first).status_code == 429
    assert browser.post("/login", fields, headers=second).status_code == 303


def test_ipv6_clients_are_counted_by_their_64(behind: MakeBrowser, database: Database) -> None:
    browser = behind(TrustedProxies.parse("127.0.0.0/8"))
    token = browser.token("/login")
    for client in ("2001:db8:1:2::1", "[2001:db8:1:2:ffff::9]:443", "2001:db8:1:3::1"):
        guess(browser, token, f"{client[-1]}@x.example", {"X-Forwarded-For": client})
    rows = database.fetch(
        "SELECT subject, failures FROM sign_in_failures WHERE subject LIKE 'address:%%' ORDER BY 1", ()
    )
    assert [(row["subject"], row["failures"]) for row in rows] == [
        ("address:2001:db8:1:2::/64", 2),
        ("address:2001:db8:1:3::/64", 1),
    ]


@pytest.mark.parametrize(
    ("proxies", "headers", "seen"),
    [
        (NO_PROXIES, {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}, ("127.0.0.1", "http")),
        (RENDER_PROXIES, {**through_render("203.0.113.7"), "X-Forwarded-Proto": "https"}, ("203.0.113.7", "https")),
        (RENDER_PROXIES, {"X-Forwarded-Proto": "javascript"}, ("127.0.0.1", "http")),
        (RENDER_PROXIES, {"X-Forwarded-Proto": "http, HTTPS"}, ("127.0.0.1", "https")),
        (RENDER_PROXIES, {"X-Forwarded-For": "203.0.113.7"}, ("127.0.0.1", "http")),
    ],
)
def test_only_trusted_headers_count(
    make_app: Callable[[Config], Flask],
    config: Config,
    proxies: TrustedProxies,
    headers: dict[str, str],
    seen: tuple[str, str],
) -> None:
    app = make_app(replace(config, trusted_proxies=proxies))
    found = []
    app.before_request(lambda: found.append((request.remote_addr, request.scheme, request.host, request.script_root)))
    more = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "1"}
    app.test_client().get("/login", headers={**headers, **more})
    assert found == [(*seen, "localhost", "")]


@pytest.mark.parametrize(
    "case",
    [
        (NO_PROXIES, "10.1.2.3", "203.0.113.7", "10.1.2.3 sends X-Forwarded-For but is not trusted"),
        (TrustedProxies.parse("172.16.0.0/12"), "10.1.2.3", "203.0.113.7", "10.1.2.3 sends X-Forwarded-For but is not"),
        (RENDER_PROXIES, "10.1.2.3", "203.0.113.7", "does not have the client's address where TRUSTED_PROXIES expects"),
        (RENDER_PROXIES, "", "x,y,z", "X-Forwarded-For of a UNIX socket does not have the client's address"),
        (NO_PROXIES, "8.8.8.8", "203.0.113.7", None),
        (RENDER_PROXIES, "10.1.2.3", None, None),
        (RENDER_PROXIES, "10.1.2.3", "1.1.1.1, 2.2.2.2, 3.3.3.3", None),
    ],
)
def test_headers_that_do_not_fit_are_logged_once(
    make_app: Callable[[Config], Flask],
    config: Config,
    caplog: pytest.LogCaptureFixture,
    case: tuple[TrustedProxies, str, str | None, str | None],
) -> None:
    proxies, peer, forwarded, warning = case
    caplog.set_level(logging.WARNING, "peterental.web.client_address")
    client = make_app(replace(config, trusted_proxies=proxies)).test_client()
    headers = {"X-Forwarded-For": forwarded} if forwarded is not None else {}
    for _ in range(3):
        client.get("/assets/none", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    ours = [record.getMessage() for record in caplog.records if record.name == "peterental.web.client_address"]
    assert len(ours) == (warning is not None)
    assert all((warning or "") in message for message in ours)
