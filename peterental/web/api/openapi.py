"""The OpenAPI 3.1 document of the API, built from the declarations of its operations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from peterental.web.api.operations import Operation
from peterental.web.api.problems import CODES, CONTENT_TYPE, TITLES, Problem

VERSION = "1.0.0"
PREFIX = "/api/v1"
PATH_VALUE = re.compile(r"\{(\w+)\}")

PATH_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "agent_id": {"type": "string", "minLength": 1, "maxLength": 255},
    "call_id": {"type": "string", "minLength": 1, "maxLength": 255},
    "viewing_id": {"type": "integer", "minimum": 1},
    "message_id": {"type": "integer", "minimum": 1},
    "home_id": {"type": "integer", "minimum": 1},
}
"""The schema of each value in a path."""

ALWAYS = (
    "bad_request",
    "invalid_fields",
    "token_invalid",
    "not_found",
    "method_not_allowed",
    "too_many_requests",
    "internal",
    "unavailable",
)
"""The codes that every operation may answer."""

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Chosen by the tool, for example a UUID. The same request with the same key counts once, for a day;"
        " a repetition is answered with the viewing as it is then, and `Idempotency-Replayed: true`."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The `ETag` that the tool has read. If the viewing was changed since, nothing is changed (412).",
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` that the tool has read. If nothing was changed since, the answer is 304.",
    "schema": {"type": "string"},
}
DESCRIPTION = """The office's own tools read agents, viewings, calls and messages, and book and change viewings, by the
same rules as PeteRental's pages. Times are RFC 3339. Errors are RFC 9457 problem details; `code` never changes."""


def openapi_document(operations: Sequence[Operation], address: str) -> dict[str, Any]:
    """Return the document.

    Args:
        operations: all of them.
        address: where the pages are reached.
    """
    kinds = {Problem: None} | {
        kind: None for operation in operations for kind in (operation.document, operation.body) if kind is not None
    }
    _, schemas = msgspec.json.schema_components(list(kinds), ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PeteRental", "version": VERSION, "description": " ".join(DESCRIPTION.split())},
        "servers": [{"url": f"{address}{PREFIX}"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the page Tokens."}
            },
            "schemas": schemas,
        },
    }


def codes_of(operation: Operation) -> tuple[str, ...]:
    """Return the codes of the problems that an operation may answer, in the order of CODES."""
    codes = {*ALWAYS, *operation.problems}
    if operation.changes:
        codes |= {
            "scope_missing", "forbidden", "refused", "bad_json", "bad_header", "too_large", "not_json",
            "idempotency_key_reused", "request_running",
        }  # fmt: skip
    if operation.is_conditional:
        codes |= {"changed", "changed_meanwhile"}
    return tuple(code for code in CODES if code in codes)


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "x-scope": operation.scope,
        "parameters": list(_parameters(operation)),
        "responses": dict(_responses(operation)),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        described["requestBody"] = {
            "required": operation.needs_body,
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    return described


def _parameters(operation: Operation) -> Iterator[Mapping[str, Any]]:
    for name in PATH_VALUE.findall(operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": dict(PATH_SCHEMAS[name])}
    if operation.query is not None:
        schema = msgspec.json.schema(operation.query)["$defs"][operation.query.__name__]
        for name, field in schema["properties"].items():
            yield {"name": name, "in": "query", "schema": field}
    if operation.changes:
        yield IDEMPOTENCY_KEY
    if operation.is_conditional:
        yield IF_MATCH
    if not operation.changes:
        yield IF_NONE_MATCH


def _responses(operation: Operation) -> Iterator[tuple[str, Any]]:
    headers: dict[str, Any] = {"ETag": {"schema": {"type": "string"}}}
    if operation.creates:
        headers["Location"] = {"schema": {"type": "string"}}
    if operation.changes:
        headers["Idempotency-Replayed"] = {"schema": {"type": "string", "enum": ["true"]}}
    yield (
        str(operation.status),
        {
            "description": "Created." if operation.creates else "The answer.",
            "headers": headers,
            "content": {"application/json": {"schema": _reference(operation.document)}},
        },
    )
    if not operation.changes:
        yield "304", {"description": "Not changed since the tool read it."}
    codes = codes_of(operation)
    for status in sorted({CODES[code][0] for code in codes}):
        meanings = "; ".join(f"`{code}`: {CODES[code][1]}" for code in codes if CODES[code][0] == status)
        yield (
            str(status),
            {
                "description": f"{TITLES[status]}. {meanings}.",
                "content": {CONTENT_TYPE: {"schema": _reference(Problem)}},
            },
        )


def _reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
