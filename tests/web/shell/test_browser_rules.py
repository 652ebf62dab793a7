"""What a browser relies on at every address: types, methods, origins, forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from peterental import demo
from peterental.access import Viewer
from peterental.clock import utc_now
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.model import PasswordGrant
from peterental.users.password_links import encode
from tests.web.html_names import names_of_several

if TYPE_CHECKING:
    from tests.web.conftest import Browser

WORDS = "correct horse battery"
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
ORIGIN = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
TYPES = {"text/html; charset=utf-8", "text/css; charset=utf-8", "text/csv; charset=utf-8", "text/plain; charset=utf-8"}
WITHOUT_CHARSET = {
    "application/json",
    "application/problem+json",
    "font/woff2",
    "image/svg+xml",
    "image/png",
    "application/octet-stream",
}
"""Their formats define the encoding, or are binary."""


@pytest.fixture
def paths(app: Flask, services: Services, database: Database, admin: Viewer) -> dict[str, set[str]]:
    """The methods of each address, with the ids of existing rows."""
    demo.load_if_empty(services, database)

    def first(query: str) -> str:
        return str(next(iter(database.fetch(query)[0].values())))

    ids = {
        "agent_id": "nora-castillo",
        "appointment_id": first("SELECT id FROM appointments LIMIT 1"),
        "message_id": first("SELECT message_id FROM messages LIMIT 1"),
        "user_id": str(admin.user_id),
        "vapi_call_id": first("SELECT vapi_call_id FROM calls LIMIT 1"),
    }
    found: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        path = PARAMETER.sub(lambda match: ids.get(match.group(1), "x"), rule.rule)
        found.setdefault(path, set()).update(rule.methods or set())
    return found


def answers(office: Browser, paths: dict[str, set[str]]) -> Iterator[tuple[str, TestResponse]]:
    """Open every page."""
    for path, methods in paths.items():
        if "GET" in methods:
            yield path, office.get(path)


def test_every_response_names_its_type_and_charset(office: Browser, paths: dict[str, set[str]]) -> None:
    for path, response in answers(office, paths):
        if response.data:
            assert response.content_type in TYPES | WITHOUT_CHARSET, path
            if response.content_type == "text/html; charset=utf-8":
                assert response.data.lstrip().lower().startswith(b"<!doctype html>"), path


def test_no_response_allows_another_origin(app: Flask, paths: dict[str, set[str]]) -> None:
    client = app.test_client()
    for path in paths:
        for method in ("GET", "OPTIONS"):
            headers = client.open(path, method=method, headers=ORIGIN).headers
            assert not [name for name in headers.keys() if name.lower().startswith("access-control-")], path  # noqa: SIM118  # names, not pairs


def stored(database: Database) -> dict[str, str]:
    """Return a digest of each table, without what is recorded about requests."""
    return {
        row["name"]: database.fetch(
            f"SELECT md5(COALESCE(string_agg(t::text, ';' ORDER BY t::text), '')) AS digest FROM {row['name']} AS t"
        )[0]["digest"]
        for row in database.fetch(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
            " AND table_name NOT IN ('audit_log', 'sign_in_failures', 'user_sessions') AND table_type = 'BASE TABLE'"
        )
    }


def test_what_changes_something_needs_post(office: Browser, paths: dict[str, set[str]], database: Database) -> None:
    """An agent's id may contain slashes: some of these addresses name no agent."""
    before = stored(database)
    assert len(before) > 50
    opened = [response.status_code for _, response in answers(office, paths)]
    assert opened.count(200) > 30
    assert stored(database) == before
    assert {method for methods in paths.values() for method in methods} <= {"GET", "HEAD", "OPTIONS", "PATCH", "POST"}
    only_post = [path for path, methods in paths.items() if "GET" not in methods]
    assert len(only_post) > 8
    for path in only_post:
        assert office.get(path).status_code in {404, 405}, path


def test_trace_is_refused(app: Flask, paths: dict[str, set[str]]) -> None:
    """No address echoes a request, as TRACE would."""
    for path in paths:
        response = app.test_client().open(path, method="TRACE", headers={"X-Echo": "a secret of the browser"})
        assert response.status_code in {303, 404, 405}, path
        assert "a secret of the browser" not in response.text, path


def test_password_fields_are_masked_and_accept_managers(
    app: Flask, office: Browser, open_browser: Callable[[], Browser], ana: Viewer
) -> None:
    """They may be pasted into, and name their purpose to a password manager."""
    join = f"/join?token={encode(PasswordGrant(ana.user_id, 0), str(app.secret_key), utc_now())}"
    pages = [open_browser().get(path).text for path in ("/login", join)]
    pages += [office.get(path).text for path in ("/account", "/account/second-factor")]
    for page, expected in zip(pages, (1, 1, 2, 1), strict=True):
        fields = re.findall(r"<input[^>]*password[^>]*>", page)
        fields = [field for field in fields if 'type="hidden"' not in field]
        assert len(fields) == expected
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field)


def test_a_name_on_a_page_stands_for_one_thing(office: Browser, paths: dict[str, set[str]]) -> None:
    """Out of their rows, as a screen reader lists them, links and buttons are told apart by their names."""
    problems = {
        path: several
        for path, response in answers(office, paths)
        if response.content_type.startswith("text/html") and (several := names_of_several(response.text))
    }
    assert not problems, "\n".join(f"{path}: {several}" for path, several in problems.items())


def test_every_page_links_to_sign_out(office: Browser, paths: dict[str, set[str]]) -> None:
    """Every page with the navigation does."""
    pages = 0
    for path, response in answers(office, paths):
        if response.content_type.startswith("text/html") and 'aria-current="page"' in response.text:
            pages += 1
            assert 'action="/logout"' in response.text, path
    assert pages > 5


def test_the_query_never_replaces_a_field_of_a_form(stranger: Browser, admin: Viewer) -> None:
    token = stranger.token("/login")
    page = stranger.post(f"/login?email={admin.email}&password={WORDS}", csrf_token=token)
    assert page.status_code == 400
    assert f'value="{admin.email}"' not in page.text
