"""Fixtures: an office with tokens, and a client that checks every answer against the API's own document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.app import create_app
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services, services_of
from peterental.users.tokens.model import IssuedToken, NewToken, TokenScope

WORDS = "correct horse battery"
KEY = "a session key for tests, long enough"
ZONE_OFFSET = "-06:00"


def next_monday() -> datetime:
    """Return the Monday after next at ten in Chicago, winter or summer, in UTC as the agent's clock shows it."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - used here only

    zone = ZoneInfo("America/Chicago")
    today = datetime.now(zone).date()
    day = today + timedelta(days=7 - today.weekday())
    return datetime(day.year, day.month, day.day, 10, tzinfo=zone)


class Document:
    """The OpenAPI document, by which answers are checked."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registry: Registry[Any] = Registry().with_resource(
            "urn:api", Resource.from_contents(document, _dialect())
        )

    def check(self, method: str, template: str, response: TestResponse) -> None:
        """Assert that an answer is one that the document describes, of a body that fits its schema."""
        operation = self.document["paths"][template][method.lower()]
        described = operation["responses"][str(response.status_code)]
        if response.status_code == 304:
            assert response.data == b""
            return
        content = described["content"]
        assert response.mimetype in content, response.mimetype
        pointer = content[response.mimetype]["schema"]["$ref"].removeprefix("#")
        validator = Draft202012Validator({"$ref": f"urn:api#{pointer}"}, registry=self._registry)
        assert [error.message for error in validator.iter_errors(response.get_json())] == []
        if response.status_code < 400:
            assert set(described["headers"]) - {"Idempotency-Replayed"} <= set(response.headers.keys())


def _dialect() -> Any:
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - used here only

    return DRAFT202012


class Tool:
    """A program of the office, with a token. Every answer is checked against the document.

    Attributes:
        seen: (method, path template, status) of what was answered.
    """

    def __init__(self, app: Flask, document: Document, secret: str | None, seen: set[tuple[str, str, int]]) -> None:
        self._client = app.test_client(use_cookies=False)
        self._document = document
        self._secret = secret
        self.seen = seen

    def get(self, path: str, **headers: str) -> TestResponse:
        """Send a GET."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, fields: object = None, **headers: str) -> TestResponse:
        """Send a POST with a JSON body; names of headers have underscores."""
        return self.send("POST", path, fields, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        fields: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> TestResponse:
        """Send a request to a path after /api/v1."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._secret is not None:
            sent = {"Authorization": f"Bearer {self._secret}", **sent}
        data = json.dumps(fields).encode() if fields is not None else raw
        if data is not None:
            sent = {"Content-Type": "application/json", **sent}
        response = self._client.open(f"/api/v1{path}", method=method, headers=sent, data=data)
        template = self._template(path.partition("?")[0])
        if template and method.lower() in self._document.document["paths"][template]:
            self.seen.add((method, template, response.status_code))
            self._document.check(method, template, response)
        return response

    def _template(self, path: str) -> str | None:
        for template in self._document.document["paths"]:
            wanted, given = template.split("/"), path.split("/")
            pairs = zip(wanted, given, strict=False)
            if len(wanted) == len(given) and all(name.startswith("{") or name == part for name, part in pairs):
                return str(template)
        return None


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    """A development configuration with this test's database."""
    return Config(database_url=database_url, secret_key=KEY, instance_dir=tmp_path)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """The application."""
    app = create_app(config)
    yield app
    app.extensions["peterental.database"].close()


@pytest.fixture
def services(app: Flask) -> Services:
    """The application's services."""
    return services_of(app)


@pytest.fixture
def admin(services: Services) -> Viewer:
    """The office manager."""
    return services.users.create("office@example.com", WORDS, "admin", "Olga Office")


@pytest.fixture
def ana(services: Services, admin: Viewer) -> Viewer:
    """A user with one agent, beside an agent of nobody."""
    ana = services.users.create("ana@example.com", WORDS, "agent", "Ana Lima")
    services.agents.create(Profile(agent_name="Ana", user_id=ana.user_id), admin)
    services.agents.create(Profile(agent_name="Ben", time_zone="Europe/Lisbon"), admin)
    return ana


@pytest.fixture
def issue(services: Services) -> Callable[..., IssuedToken]:
    """A function that creates a token."""

    def issue(viewer: Viewer, scope: TokenScope = "book", lifetime: timedelta | None = None) -> IssuedToken:
        return services.api_tokens.create(NewToken(name="Sync", scope=scope, lifetime=lifetime), viewer)

    return issue


@pytest.fixture
def document(app: Flask) -> Document:
    """The OpenAPI document."""
    return Document(app.test_client().get("/api/v1/openapi.json").get_json())


@pytest.fixture
def seen() -> set[tuple[str, str, int]]:
    """What was answered to any tool of the test."""
    return set()


@pytest.fixture
def tool_of(
    app: Flask, document: Document, issue: Callable[..., IssuedToken], seen: set[tuple[str, str, int]]
) -> Callable[..., Tool]:
    """A function that returns a tool of a user; of nobody without a user."""

    def tool(viewer: Viewer | None = None, scope: TokenScope = "book", *, secret: str | None = None) -> Tool:
        return Tool(app, document, issue(viewer, scope).secret if viewer else secret, seen)

    return tool


@pytest.fixture
def anas(ana: Viewer, tool_of: Callable[..., Tool]) -> Tool:
    """Ana's tool, which may book."""
    return tool_of(ana)


@pytest.fixture
def offices(admin: Viewer, ana: Viewer, tool_of: Callable[..., Tool]) -> Tool:
    """The office manager's tool, which may book; there are two agents."""
    del ana
    return tool_of(admin)


@pytest.fixture
def booking() -> dict[str, Any]:
    """The body of a booking without warnings."""
    return {
        "agent_id": "ana",
        "start": next_monday().isoformat(),
        "home": "12 Elm Street",
        "visitor_name": "Max Muster",
        "visitor_phone": "+1 405 555 0123",
    }


@pytest.fixture
def viewing(anas: Tool, booking: dict[str, Any]) -> TestResponse:
    """The answer to a booking with Ana."""
    return anas.post("/viewings", booking)


@pytest.fixture
def past_viewing(database: Database, ana: Viewer) -> int:
    """The id of a viewing with Ana that has started."""
    del ana
    start = datetime.now(UTC).replace(microsecond=0, second=0) - timedelta(hours=2)
    rows = database.fetch(
        """
        INSERT INTO appointments (agent_id, start_time, end_time, property_address, attendee_name)
        VALUES ('ana', %s, %s, '3 Oak Avenue', 'Mia Past') RETURNING id
        """,
        (start, start + timedelta(minutes=30)),
    )
    return int(rows[0]["id"])
