"""Requests of every kind, made from the API's own document: each is answered as the document says, none with a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails
from peterental.services import Services
from peterental.web.api.openapi import PATH_SCHEMAS, openapi_document
from peterental.web.api.routes import OPERATIONS
from tests.api.conftest import Tool

DOCUMENT = openapi_document(OPERATIONS, "http://localhost")
SCHEMAS = DOCUMENT["components"]["schemas"]

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\x00", "a\x00b", "%", "_%\\", "'; --", "../../x", "null", "ana", "ben", "\u202e\u200b", "ß" * 100, "x" * 3_000]
)
MOMENTS = st.sampled_from(
    [
        "2027-01-04T10:00:00-06:00", "2027-01-04T10:00:00Z", "2999-12-31T23:59:00+14:00", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "2027-03-14T02:30:00-06:00", "2027-11-07T01:30:00-06:00", "2027-01-04T10:00:00",
        "0000-01-01T00:00:00Z", "2027-02-30T00:00:00Z", "2027-01-04T10:00:00.5Z", "2027-01-04T24:00:00Z",
    ]
)  # fmt: skip
DAYS = st.sampled_from(["2027-01-04", "0001-01-01", "9999-12-31", "2000-01-01", "2999-12-31", "2027-02-30", "20270104"])
NUMBERS = st.integers(min_value=-2, max_value=600) | st.sampled_from([2**31 - 1, 2**31, 2**53, 2**63, 10**30, 10**400])
SCALARS = {"integer": NUMBERS, "null": st.none(), "date-time": MOMENTS, "date": DAYS}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5) | MOMENTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that a schema allows, or nearly does."""
    if "$ref" in schema:
        return values_of(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([values_of(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "array":
        return st.lists(values_of(schema["items"]), max_size=3)
    return SCALARS.get(schema.get("format") or schema["type"], TEXTS | st.just("visitor@example.com"))


def bodies_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return objects of a schema, some of whose fields are of another type or unknown."""
    known = {name: values_of(field) for name, field in schema["properties"].items()}
    required = {name: known[name] for name in schema.get("required", ())}
    optional = {name: known[name] for name in known if name not in required}
    whole = st.fixed_dictionaries(required, optional=optional)
    return st.builds(
        lambda body, more: body | more,
        whole,
        st.just({})
        | st.dictionaries(st.sampled_from([*known, "odd"]) | st.text(st.characters(), max_size=3), JSON, max_size=1),
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, dict[str, str], bytes | None]:
    """Return a method, a path with its query string, headers and a body."""
    operation = draw(st.sampled_from(OPERATIONS))
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    parts = {}
    for name, schema in PATH_SCHEMAS.items():
        ids = NUMBERS.map(str) if schema["type"] == "integer" else TEXTS
        parts[name] = quote(draw(st.sampled_from(["1", "2", "ana", "c1"]) | ids), safe="")
    query = {
        each["name"]: str(draw(values_of(each["schema"]) | TEXTS))
        for each in described["parameters"]
        if each["in"] == "query" and draw(st.booleans())
    }
    headers = {
        each["name"]: draw(st.sampled_from(['"1.x"', "*", "key", 'W/"1.x"', '"', "x" * 300, "k 1", '"a", "b"']))
        for each in described["parameters"]
        if each["in"] == "header" and draw(st.integers(0, 3)) == 0
    }
    body = None
    if operation.body is not None or draw(st.integers(0, 5)) == 0:
        kind = SCHEMAS[operation.body.__name__] if operation.body else {"properties": {}}
        body = draw(st.one_of(bodies_of(kind).map(_encoded), bodies_of(kind).map(_encoded), st.binary(max_size=20)))
    path = operation.path.format(**parts)
    return operation.method, f"{path}?{urlencode(query)}" if query else path, headers, body


def _encoded(body: object) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def office(services: Services, admin: Viewer, offices: Tool, booking: dict[str, Any], database: Database) -> Tool:
    """The office manager's tool, in an office that has something of everything."""
    services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    offices.post("/viewings", booking)
    database.fetch("INSERT INTO calls (vapi_call_id, agent_id, cost) VALUES ('c1', 'ana', 0.1234)")
    database.fetch("INSERT INTO messages (agent_id, body) VALUES ('ana', 'Cats?')")
    return offices


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sent=requests())
@example(sent=("GET", "/agents/%00/free-times", {}, None))
@example(sent=("POST", "/viewings", {}, b'{"\\ud800": 1}'))
def test_no_request_is_a_500(
    office: Tool, monkeypatch: pytest.MonkeyPatch, sent: tuple[str, str, dict[str, str], bytes | None]
) -> None:
    monkeypatch.setattr("peterental.web.api.limits.BURST", 1_000_000)
    method, path, headers, body = sent
    answer = office.send(method, path, raw=body, headers=headers)
    assert answer.status_code < 500, (sent, answer.text)
    if answer.status_code >= 400:
        assert answer.mimetype == "application/problem+json"
        assert answer.get_json()["status"] == answer.status_code
