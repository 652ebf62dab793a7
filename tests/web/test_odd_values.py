"""Values that no form sends and no link has, in every page: a page or a refusal, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.routing import Rule

from peterental.access import Viewer
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from peterental.users.tokens.model import NewToken
from peterental.web.shell.access_control import LINK_BLUEPRINTS, MACHINE_BLUEPRINTS
from peterental.webhooks.model import EndpointEntry
from tests.web.conftest import Browser

NUL = "\x00"
"""PostgreSQL stores no text with it."""

PARAMETERS = (
    "agent", "q", "page", "day", "from", "to", "status", "sort", "home", "bedrooms", "source", "country", "state", "year",
    "show", "flag", "tool", "marked", "next", "start", "time", "kind", "actor", "month", "id", "channel",
)  # fmt: skip
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
FILLED = {"name": "Party", "first_day": "2099-01-01", "day": "2099-01-01", "line1": "9 Oak Street", "source": "Feed"}
"""Values of fields that are empty in new forms."""

LEAVING = ("/logout", "/sessions", "/setup", "/login")
"""Forms that end the session of the test."""


@pytest.fixture
def ids(services: Services, admin: Viewer, agents: None, book: Callable[..., int], database_url: str) -> dict[str, str]:
    """One of everything, by the name of its value in a path."""
    del agents, database_url
    today = datetime.now(UTC).date()
    home_id = services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    endpoint = services.webhooks.create(
        EndpointEntry(url="https://example.com", event_types=("viewing.booked",)), admin
    )
    services.webhooks.send_test(endpoint.endpoint.endpoint_id, admin)
    (closure,) = services.closures.add(
        [ClosureEntry(name="Party", first_day=today, last_day=today + timedelta(9))], admin
    )
    lunch = RepeatingEntry(weekdays=(1, 2, 3), from_min=720, until_min=780, first_day=today)
    block = services.repeating_blocks.add("ben", lunch, admin)
    token = services.api_tokens.create(NewToken(name="Sync"), admin)
    upload = services.property_imports.upload("Feed", "homes.csv", b"id,street\n1,5 Oak Street\n", admin)
    return {
        "agent_id": "ben",
        "appointment_id": str(book("ben", datetime.now(UTC) + timedelta(days=2), property_id=home_id)),
        "property_id": str(home_id),
        "endpoint_id": str(endpoint.endpoint.endpoint_id),
        "delivery_id": "1",
        "closure_id": str(closure.closure_id),
        "repeating_id": str(block.repeating_id),
        "token_id": str(token.token.token_id),
        "import_id": str(upload),
        "user_id": str(admin.user_id),
    }


def pages(app: Flask) -> Iterator[Rule]:
    """Yield the routes of pages that are opened."""
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if blueprint not in MACHINE_BLUEPRINTS | LINK_BLUEPRINTS | {"static"} and "GET" in (rule.methods or ()):
            yield rule


def path_of(rule: Rule, ids: dict[str, str], odd: str | None = None) -> str:
    """Return the path of a route, with known ids or with an odd one."""
    return re.sub(
        r"<(?:\w+:)?(\w+)>",
        lambda found: quote(odd or ids.get(found[1], "1"), safe=""),
        rule.rule,
    )


def test_odd_values_in_addresses(office: Browser, app: Flask, ids: dict[str, str]) -> None:
    query = "&".join(f"{name}={quote(NUL)}" for name in PARAMETERS)
    for rule in pages(app):
        for path in {path_of(rule, ids), path_of(rule, ids, NUL), path_of(rule, ids, "9" * 5_000)}:
            assert office.get(f"{path}?{query}").status_code < 500, path


def test_nul_in_each_field_of_every_form(office: Browser, app: Flask, ids: dict[str, str]) -> None:
    """The other fields have the values that the page has, so that the odd one is reached."""
    sent: set[tuple[str, str]] = set()
    token = office.token("/account")
    for rule in pages(app):
        path = path_of(rule, ids)
        page = office.get(path)
        if page.mimetype != "text/html":
            continue
        for form in forms_of(page.text):
            action = form.action or path
            for name in form.values.keys() - {"csrf_token"}:
                if not form.is_post or (action, name) in sent or action.startswith(LEAVING):
                    continue
                sent.add((action, name))
                answer = office.post(action, {**FILLED, **form.values, name: NUL, "csrf_token": token})
                assert answer.status_code < 500, (action, name)
    assert len(sent) > 100


class Form(HTMLParser):
    """A form of a page, and the values of its fields."""

    def __init__(self, attributes: dict[str, str | None]) -> None:
        super().__init__()
        self.action = attributes.get("action")
        self.is_post = attributes.get("method") == "post"
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name, value = attributes.get("name"), attributes.get("value") or ""
        if name and tag in {"input", "select", "textarea"} and (value or name not in self.values):
            self.values[name] = value


def forms_of(html: str) -> Iterator[Form]:
    """Yield the forms of a page."""
    for attributes, inner in FORM.findall(html):
        form = Form({name: unescape(value) for name, value in ATTRIBUTE.findall(attributes)})
        form.feed(inner)
        yield form
