"""Checks of every page in the URL map, new ones included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental import demo
from peterental.access import Viewer
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.database.pool import Database
from peterental.notices.wording.model import WordingKey
from peterental.services import Services
from peterental.users.model import Client, SignedIn
from peterental.users.tokens.model import NewToken
from peterental.web.shell.access_control import LINK_BLUEPRINTS, MACHINE_BLUEPRINTS
from peterental.webhooks.model import EndpointEntry

if TYPE_CHECKING:
    from tests.web.conftest import Browser

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
FOR_ADMINS = {
    "closure_id": 403,
    "delivery_id": 403,
    "endpoint_id": 403,
    "import_id": 403,
    "job_id": 403,
    "kind": 403,
    "property_id": 403,
    "user_id": 403,
}
"""The status for an agent's user where it is not 404: these pages are for admins only."""

CLOSURE = ClosureEntry(name="Party", first_day=date(2030, 1, 2), last_day=date(2030, 1, 2))
LUNCH = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=date(2026, 1, 5))

STATUSES = {"homes.show": 200, "line.sharing": 403, "time_off.remove_repeating": 200}
"""The status of pages that every user sees, or admins only, or that lead to a list which says that there is no such row."""


@pytest.fixture
def others(services: Services, database: Database, admin: Viewer) -> dict[str, str]:
    """An id of each kind that a URL may contain; none of them belongs to Ana."""
    demo.load_if_empty(services, database)
    database.fetch("INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)")
    services.wording_samples.send_test(WordingKey("booked", "text", "en"), "405 555 0142", admin)
    import_id = services.property_imports.upload("AppFolio", "homes.csv", b"Id,Street\n1,9 Ash St\n", admin)
    services.property_imports.choose_columns(import_id, [("Street", "line1")], admin)
    services.sessions.start(SignedIn(viewer=admin, session_epoch=0), Client("203.0.113.7", "Firefox"))

    endpoint = EndpointEntry(url="https://hooks.example.com/", event_types=("viewing.booked",))

    def first(query: str) -> str:
        return str(next(iter(database.fetch(query)[0].values())))

    return {
        "account_id": first("SELECT account_id FROM calendar_accounts WHERE agent_id = 'nora-castillo'"),
        "agent_id": "nora-castillo",
        "appointment_id": first("SELECT id FROM appointments WHERE agent_id = 'nora-castillo' LIMIT 1"),
        "closure_id": str(services.closures.add([CLOSURE], admin)[0].closure_id),
        "import_id": first("SELECT import_id FROM property_imports"),
        "job_id": "1",
        "channel": "text",
        "delivery_id": "1",
        "endpoint_id": str(services.webhooks.create(endpoint, admin).endpoint.endpoint_id),
        "kind": "booked",
        "language": "en",
        "message_id": first("SELECT message_id FROM messages LIMIT 1"),
        "notice_id": first("SELECT notice_id FROM notices LIMIT 1"),
        "property_id": first("SELECT property_id FROM properties LIMIT 1"),
        "repeating_id": str(services.repeating_blocks.add("nora-castillo", LUNCH, admin).repeating_id),
        "session_id": first(f"SELECT session_id FROM user_sessions WHERE user_id = {admin.user_id} LIMIT 1"),
        "token_id": str(services.api_tokens.create(NewToken(name="Sync"), admin).token.token_id),
        "user_id": str(admin.user_id),
        "vapi_call_id": first("SELECT vapi_call_id FROM calls WHERE agent_id = 'nora-castillo' LIMIT 1"),
    }


def named_pages(app: Flask, others: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """Yield method, path and status for an agent's user of URLs with an id."""
    for rule in app.url_map.iter_rules():
        names = PARAMETER.findall(rule.rule)
        if not names or rule.endpoint.partition(".")[0] in {*MACHINE_BLUEPRINTS, *LINK_BLUEPRINTS, "asset"}:
            continue
        path = PARAMETER.sub(lambda found: others[found.group(1)], rule.rule)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            yield method, path, STATUSES.get(rule.endpoint) or FOR_ADMINS.get(names[0], 404)


def test_other_owners_pages_are_not_found(app: Flask, anas: Browser, others: dict[str, str]) -> None:
    token = anas.token("/account")
    pages = list(named_pages(app, others))
    assert len(pages) > 15
    for method, path, status in pages:
        response = anas.get(path) if method == "GET" else anas.post(path, csrf_token=token, follow=True)
        assert (method, path, response.status_code) == (method, path, status)
        assert "Nora" not in response.text


def test_admin_opens_every_page(app: Flask, office: Browser, others: dict[str, str]) -> None:
    for method, path, _ in named_pages(app, others):
        if method == "GET":
            response = office.get(path)
            assert (path, response.status_code) == (path, 200)


def test_lists_and_exports_hide_other_owners_data(app: Flask, anas: Browser, others: dict[str, str]) -> None:
    assert others
    for rule in app.url_map.iter_rules():
        if (
            "GET" in (rule.methods or set())
            and not rule.arguments
            and rule.endpoint.partition(".")[0] not in MACHINE_BLUEPRINTS
        ):
            text = anas.get(rule.rule).text
            for name in ("Nora Castillo", "Ben Whitfield", "Carmen Reyes", "June Halloran"):
                assert name not in text, rule.rule


def test_every_response_has_security_headers(app: Flask, office: Browser, others: dict[str, str]) -> None:
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()):
            continue
        headers = office.get(PARAMETER.sub(lambda found: others.get(found.group(1), "x"), rule.rule)).headers
        assert headers["X-Content-Type-Options"] == "nosniff", rule.rule
        if rule.endpoint.partition(".")[0] in MACHINE_BLUEPRINTS:
            continue
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], rule.rule
        assert "unsafe" not in headers["Content-Security-Policy"], rule.rule
        assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}, rule.rule
        assert rule.endpoint == "asset" or headers["Cache-Control"] == "no-store", rule.rule


def test_every_post_form_has_a_csrf_token(app: Flask, office: Browser, others: dict[str, str]) -> None:
    forms = 0
    for rule in app.url_map.iter_rules():
        group = rule.endpoint.partition(".")[0]
        if "GET" not in (rule.methods or set()) or group in {*MACHINE_BLUEPRINTS, *LINK_BLUEPRINTS, "asset"}:
            continue
        text = office.get(PARAMETER.sub(lambda found: others[found.group(1)], rule.rule)).text
        for form in re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL | re.IGNORECASE):
            forms += 1
            assert re.search(r'name="([\w]+-)?csrf_token"[^>]*value="[^"]{30,}"', form), rule.rule
        assert not re.search(r"<script|<style|\s(style|on\w+)=", text), rule.rule
    assert forms > 20


def test_search_fields_limit_the_url_length(app: Flask, office: Browser, others: dict[str, str]) -> None:
    """The server accepts 4094 bytes per line; a character may take twelve."""
    assert others
    searches = [
        field
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or set()) and rule.endpoint.endswith(".index")
        for field in re.findall(r'<input type="search"[^>]*>', office.get(rule.rule).text)
    ]
    assert len(searches) > 5
    for field in searches:
        most = re.search(r'maxlength="(\d+)"', field)
        assert most, field
        assert int(most[1]) <= 255


def test_only_machine_and_link_routes_skip_csrf(app: Flask, stranger: Browser) -> None:
    free = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set())}
    by_machine = {name for name in free if name.partition(".")[0] in MACHINE_BLUEPRINTS}
    # The API reads no cookie: tests/api/test_requests.py.
    assert {name for name in by_machine if not name.startswith("api.")} == {
        "twilio.receive",
        "twilio.report",
        "voice.receive",
    }
    by_link = {name for name in free if name.partition(".")[0] in LINK_BLUEPRINTS}
    assert by_link == {"offers.show", *(f"visits.{name}" for name in ("cancel", "confirm", "move", "reinstate"))}
    page = stranger.post("/login", csrf_token="old", email="office@example.com", password="correct horse battery")
    assert page.status_code == 400
    assert "The form had expired" in page.text
    assert 'value="office@example.com"' in page.text


def test_expired_token_keeps_form_entries(
    app: Flask, office: Browser, others: dict[str, str], open_browser: Callable[[], Browser]
) -> None:
    """A form with the token of another session is shown again with its entries."""
    foreign = open_browser().token("/login")
    for path, fields in (
        ("/agents/new", {"agent_name": "Zoë <3"}),
        (f"/agents/{others['agent_id']}/edit", {"agent_name": "Zoë <3"}),
        ("/users/invite", {"email": "zoe@example.com", "full_name": "Zoë <3", "role": "agent"}),
    ):
        page = office.post(path, fields, csrf_token=foreign)
        assert page.status_code == 400
        assert "The form had expired" in page.text
        assert 'value="Zoë &lt;3"' in page.text
    assert app.config["WTF_CSRF_TIME_LIMIT"] is None  # as long as the session lasts


PUBLIC = {
    "health.healthz",
    "health.readyz",
    "api.openapi",
    "sign_in.login",
    "users.forgot",
}
"""What a stranger gets a page of, beside the assets. Of `/join`, `/setup` and `/login/code` they only learn that they need a link."""


def reached(app: Flask, browser: Browser, others: dict[str, str]) -> dict[tuple[str, str, str], tuple[int, str | None]]:
    """Return the status and the target of what a browser gets at every address and by every method."""
    found = {}
    for rule in app.url_map.iter_rules():
        path = PARAMETER.sub(lambda name: others.get(name.group(1), "x"), rule.rule)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            response = browser.get(path) if method == "GET" else browser.post(path, do="off", confirm="yes")
            found[method, rule.endpoint, path] = (response.status_code, response.headers.get("Location"))
    return found


@pytest.mark.untraced
def test_ended_session_reaches_what_a_stranger_reaches(
    app: Flask, services: Services, others: dict[str, str], admin: Viewer, open_browser: Callable[[], Browser]
) -> None:
    """Public pages only: the cookie of a session that has ended is as good as none, whatever it is sent to."""
    manager = services.users.create("manager@example.com", "correct horse battery", "admin")
    former = open_browser()
    former.start_session(manager.email)
    assert former.get("/users").status_code == 200
    services.user_admin.deactivate(manager.user_id, admin)
    answers = reached(app, open_browser(), others)
    assert len(answers) > 200
    assert {endpoint for (_, endpoint, _), (status, _) in answers.items() if status == 200} == PUBLIC
    assert reached(app, former, others) == answers


@pytest.mark.untraced
def test_no_post_works_without_its_token(app: Flask, office: Browser, others: dict[str, str]) -> None:
    """Another site can send any form of ours with the viewer's cookie, but not the token in it."""
    for rule in app.url_map.iter_rules():
        group = rule.endpoint.partition(".")[0]
        if "POST" not in (rule.methods or set()) or group in {*MACHINE_BLUEPRINTS, *LINK_BLUEPRINTS}:
            continue
        path = PARAMETER.sub(lambda name: others.get(name.group(1), "x"), rule.rule)
        response = office.post(path, confirm="yes", do="off", csrf_token="x" * 91)
        # The sign-in page leads users who are signed in to the first page, and the set-up link is no longer valid.
        is_harmless = response.headers.get("Location") == "/today" or response.status_code == 404
        assert response.status_code == 400 or is_harmless, path
        assert response.headers["Cache-Control"] == "no-store", path
