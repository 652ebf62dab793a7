"""Values that no form sends and no link has, in every page: a page or a refusal, never an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
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

ODD = ("\x00", "a\x00b", "\ud800", "9" * 5_000, "-1", "9999-12-31", "0001-01-01", "1e400", "NaN", "%_\\", "\u0663", "[]")
PARAMETERS = (
    "agent", "q", "page", "day", "from", "to", "status", "sort", "home", "bedrooms", "source", "country", "state", "year",
    "show", "flag", "tool", "marked", "next", "start", "time", "kind", "actor", "month", "id", "channel",
)  # fmt: skip
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*?\bname="([^"]+)"')
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
ACTION = re.compile(r'\baction="([^"]*)"')
LEAVING = ("/logout", "/sessions", "/setup", "/login")
"""Forms that end the session of the test."""


@pytest.fixture
def ids(  # noqa: PLR0917 - fixtures
    services: Services, admin: Viewer, agents: None, book: Callable[..., int], database_url: str
) -> dict[str, str]:
    """One of everything, by the name of its value in a path."""
    del agents, database_url
    today = datetime.now(UTC).date()
    home_id = services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    endpoint = services.webhooks.create(EndpointEntry(url="https://example.com", event_types=("viewing.booked",)), admin)
    services.webhooks.send_test(endpoint.endpoint.endpoint_id, admin)
    (closure,) = services.closures.add([ClosureEntry(name="Party", first_day=today, last_day=today + timedelta(9))], admin)
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
        lambda found: quote((odd or ids.get(found[1], "1")).encode("utf-8", "surrogatepass"), safe=""),
        rule.rule,
    )


def test_odd_values_in_addresses(office: Browser, app: Flask, ids: dict[str, str]) -> None:
    for rule in pages(app):
        for odd in ODD if "<" in rule.rule else ODD[:1]:
            query = "&".join(f"{name}={quote(odd.encode('utf-8', 'surrogatepass'))}" for name in PARAMETERS)
            for path in {path_of(rule, ids), path_of(rule, ids, odd) if "<" in rule.rule else path_of(rule, ids)}:
                status = office.get(f"{path}?{query}").status_code
                assert status < 500, (path, odd[:20])


@pytest.mark.parametrize("odd", ODD)
def test_odd_values_in_forms(office: Browser, app: Flask, ids: dict[str, str], odd: str) -> None:
    """Every form of every page is sent, with the odd value in all of its fields at once, and in one after the other."""
    sent: set[str] = set()
    for rule in pages(app):
        path = path_of(rule, ids)
        page = office.get(path)
        if page.mimetype != "text/html":
            continue
        for attributes, form in FORM.findall(page.text):
            action = unescape(found[1]) if (found := ACTION.search(attributes)) else path
            if 'method="post"' not in attributes or action in sent or action.startswith(LEAVING):
                continue
            sent.add(action)
            names = sorted({unescape(name) for name in FIELD.findall(form)} - {"csrf_token"})
            value = odd.encode("utf-8", "surrogatepass")
            for fields in (names, *([name] for name in names)):
                data = {name: value for name in fields}
                token = office.token(path)
                answer = office._client.post(action, data={**data, "csrf_token": token})
                assert answer.status_code < 500, (action, fields, odd[:20])
    assert len(sent) > 20
