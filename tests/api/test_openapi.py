"""The OpenAPI document: valid, complete, and true of every operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.errors import NotFound, Refusal
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from peterental.web.api.openapi import PREFIX, codes_of
from peterental.web.api.problems import CODES, FIELDS, REFUSALS, TITLES
from peterental.web.api.routes import OPERATIONS
from tests.api.conftest import Document, Tool
from tests.conftest import PROJECT_DIR

DOCS = (PROJECT_DIR / "docs" / "api.md").read_text(encoding="utf-8")


def test_document_is_valid_openapi(document: Document) -> None:
    validate(document.document, cls=OpenAPIV31SpecValidator)
    assert document.document["openapi"] == "3.1.0"


def test_document_is_public_and_cached(app: Flask) -> None:
    client = app.test_client()
    response = client.get("/api/v1/openapi.json")
    assert response.mimetype == "application/json"
    assert client.get("/api/v1/openapi.json", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_every_route_is_documented(app: Flask, document: Document) -> None:
    routed = {
        rule.rule.replace("<string:", "<")
        .replace("<path:", "<")
        .replace("<int:", "<")
        .replace("<", "{")
        .replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX) and rule.endpoint != "api.openapi"
    }
    assert routed == {PREFIX + path for path in document.document["paths"]}
    named = [operation.name for operation in OPERATIONS]
    assert len(named) == len(set(named))


def test_codes_are_documented() -> None:
    """Each code has a status with a title, is the code of something, and stands in docs/api.md."""
    assert {status for status, _ in CODES.values()} <= set(TITLES)
    assert set(REFUSALS.values()) <= set(CODES)
    assert {code for operation in OPERATIONS for code in codes_of(operation)} == set(CODES)
    assert [code for code in CODES if f"`{code}`" not in DOCS] == []
    assert all(issubclass(kind, Refusal) for kind in (*REFUSALS, *FIELDS))
    assert {CODES[code][0] for kind, code in REFUSALS.items() if issubclass(kind, NotFound)} == {404}


def test_operations_are_documented_for_people() -> None:
    assert [operation.path for operation in OPERATIONS if f"`{operation.method} {operation.path}`" not in DOCS] == []


@pytest.fixture
def home_id(services: Services, admin: Viewer) -> int:
    """A home."""
    return services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)


def test_every_operation_answers_as_documented(  # noqa: PLR0917 - fixtures
    offices: Tool,
    tool_of: Callable[..., Tool],
    admin: Viewer,
    booking: dict[str, Any],
    database: Database,
    home_id: int,
    past_viewing: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each operation is called well, without a token, with a token that only reads, and with nonsense."""
    monkeypatch.setattr("peterental.web.api.limits.BURST", 10_000)
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id, summary) VALUES ('c1', 'ana', 'Asked.')")
    database.fetch(
        "INSERT INTO tool_calls (vapi_call_id, tool_call_id, name, answer, outcome) VALUES ('c1', 't', 'x', 'y', 'answered')"
    )
    database.fetch("INSERT INTO messages (agent_id, body) VALUES ('ana', 'Cats?')")
    message_id = database.fetch("SELECT message_id FROM messages")[0]["message_id"]
    booked = offices.post("/viewings", booking).get_json()["id"]
    values = {"agent_id": "ana", "call_id": "c1", "home_id": home_id, "message_id": message_id, "viewing_id": booked}
    bodies = {
        "bookViewing": {**booking, "start": booking["start"].replace("T10", "T12")},
        "bookLineViewing": {
            **{name: value for name, value in booking.items() if name != "agent_id"},
            "start": booking["start"].replace("T10", "T11"),
        },
        "moveViewing": {"start": booking["start"].replace("T10", "T14")},
        "editViewing": {"visitor_name": "Mia"},
    }
    stranger, reader = tool_of(), tool_of(admin, "read")
    for operation in _in_order():
        path_values = {**values, "viewing_id": past_viewing} if operation.name in PAST else values
        path = operation.path.format(**path_values)
        body = bodies.get(operation.name)
        if operation.name == "markViewingAsNoShow":
            assert offices.post(f"/viewings/{past_viewing}/restore").status_code == 200  # it was completed before
        tag = offices.get(path).headers["ETag"] if operation.method == "GET" else "*"
        answer = offices.send(operation.method, path, body)
        assert answer.status_code == operation.status, (operation.name, answer.text)
        if operation.method == "GET":
            assert offices.get(path, If_None_Match=tag).status_code == 304
        assert stranger.send(operation.method, path, body).status_code == 401
        if operation.scope == "book":
            assert reader.send(operation.method, path, body).status_code == 403
            assert offices.send(operation.method, path, {"odd": 1}).status_code == 422
            assert offices.send(operation.method, path, raw=b"{").status_code == 400
        if operation.is_conditional:
            assert offices.send(operation.method, path, body, headers={"If-Match": '"1.x"'}).status_code == 412
        if operation.query is not None:
            assert offices.send(operation.method, f"{path}?odd=1").status_code == 422
        missing = operation.path.format(
            agent_id="nobody", call_id="none", home_id=10**6, message_id=10**6, viewing_id=10**6
        )
        if missing != operation.path:
            assert offices.send(operation.method, missing, body).status_code == 404
    reached = {(method, template) for method, template, status in offices.seen if status < 300}
    assert reached == {(operation.method, operation.path) for operation in OPERATIONS}


PAST = {"completeViewing", "markViewingAsNoShow"}


def _in_order() -> Iterator[Any]:
    """Yield the operations: those that need a confirmed viewing before those that end it."""
    last = ["cancelViewing", "restoreViewing", "completeViewing", "markViewingAsNoShow"]
    by_name = {operation.name: operation for operation in OPERATIONS}
    yield from (operation for operation in OPERATIONS if operation.name not in last)
    yield from (by_name[name] for name in last)
