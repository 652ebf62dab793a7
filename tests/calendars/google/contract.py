"""Checks requests and answers against Google's own description of the Calendar API, revision 20261030.

`calendar.v3.json` is the discovery document of the package google-api-python-client 2.202.0, unmodified, under the Apache
License 2.0 (calendar.v3.LICENSE). To update it, unpack a newer wheel of that package and copy the file
`googleapiclient/discovery_cache/documents/calendar.v3.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

DOCUMENT = Path(__file__).with_name("calendar.v3.json")

_INT32 = range(-(2**31), 2**31)


class ContractBroken(Exception):
    """A request or an answer differs from the description."""


@dataclass(frozen=True)
class Call:
    """A request that the API has a method for.

    Args:
        method: its description.
        name: such as `calendar.events.list`.
        path: the values of the parameters in the path.
    """

    method: Mapping[str, Any]
    name: str
    path: Mapping[str, str]

    @property
    def scopes(self) -> frozenset[str]:
        """Any one of these allows the call."""
        return frozenset(self.method["scopes"])


class Contract:
    """The description of the API."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        self._schemas = self.document["schemas"]
        self._methods = [
            (method, re.compile(_pattern(self.document["servicePath"], method["path"])))
            for resource in self.document["resources"].values()
            for method in resource["methods"].values()
        ]

    def call(self, http_method: str, path: str) -> Call | None:
        """Return the method for a request; None if there is none."""
        for method, pattern in self._methods:
            match = pattern.fullmatch(path)
            if match is not None and method["httpMethod"] == http_method:
                return Call(method, method["id"], {key: unquote(value) for key, value in match.groupdict().items()})
        return None

    def check_request(self, call: Call, query: Mapping[str, Sequence[str]], body: object) -> None:
        """Raise ContractBroken unless the query and the body are as described."""
        known = {**self.document["parameters"], **call.method.get("parameters", {})}
        for name, values in query.items():
            if name not in known or known[name]["location"] != "query":
                raise ContractBroken(f"{call.name} has no parameter {name}")
            if len(values) > 1 and not known[name].get("repeated"):
                raise ContractBroken(f"{name} is repeated")
            for value in values:
                _check_parameter(name, value, known[name])
        schema = call.method.get("request")
        if schema is None:
            if body is not None:
                raise ContractBroken(f"{call.name} takes no body")
            return
        self._check_object(schema["$ref"], body, self._schemas[schema["$ref"]], call)

    def check_answer(self, call: Call, body: object) -> None:
        """Raise ContractBroken unless the body of a successful answer is as described."""
        schema = call.method.get("response")
        if schema is None:
            if body is not None:
                raise ContractBroken(f"{call.name} answers without a body")
            return
        self._check(schema["$ref"], body, schema, None)

    def _check(self, place: str, value: object, schema: Mapping[str, Any], call: Call | None) -> None:
        if value is None and call is not None and call.method["httpMethod"] == "PATCH":
            return  # clears a field
        if "$ref" in schema:
            self._check_object(place, value, self._schemas[schema["$ref"]], call)
        elif schema["type"] == "object":
            self._check_object(place, value, schema, call)
        elif schema["type"] == "array":
            if not isinstance(value, list):
                raise ContractBroken(f"{place} is not a list: {value!r}")
            for item in value:
                self._check(f"{place}[]", item, schema["items"], call)
        else:
            _check_value(place, value, schema)

    def _check_object(self, place: str, value: object, schema: Mapping[str, Any], call: Call | None) -> None:
        if not isinstance(value, dict):
            raise ContractBroken(f"{place} is not an object: {value!r}")
        properties = schema.get("properties", {})
        for name, entry in value.items():
            known = properties.get(name, schema.get("additionalProperties"))
            if known is None:
                raise ContractBroken(f"{place} has no {name}")
            self._check(f"{place}.{name}", entry, known, call)
        if call is not None:
            for name, known in properties.items():
                if call.name in known.get("annotations", {}).get("required", ()) and name not in value:
                    raise ContractBroken(f"{call.name} needs {place}.{name}")


@cache
def google_contract() -> Contract:
    """Return the description, read once."""
    return Contract()


def _pattern(service_path: str, path: str) -> str:
    parts = re.split(r"\{(\w+)\}", f"/{service_path}{path}")
    return "".join(f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _check_parameter(name: str, value: str, schema: Mapping[str, Any]) -> None:
    typed: object = value
    if schema["type"] == "boolean":
        typed = {"true": True, "false": False}.get(value, value)
    elif schema["type"] == "integer" and re.fullmatch(r"-?\d+", value):
        typed = int(value)
    _check_value(name, typed, schema)
    if schema["type"] == "integer":
        at_least, at_most = (int(schema.get(key, default)) for key, default in (("minimum", 0), ("maximum", 2**31)))
        if not at_least <= int(value) <= at_most:
            raise ContractBroken(f"{name} is not from {at_least} to {at_most}: {value}")


def _check_value(place: str, value: object, schema: Mapping[str, Any]) -> None:
    kind = schema["type"]
    fits = {
        "any": True,
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int) and not isinstance(value, bool) and value in _INT32,
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "string": isinstance(value, str),
    }[kind]
    if not fits:
        raise ContractBroken(f"{place} is not a {kind}: {value!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise ContractBroken(f"{place} is none of {schema['enum']}: {value!r}")
    if isinstance(value, str) and not _has_format(value, schema.get("format")):
        raise ContractBroken(f"{place} is not a {schema['format']}: {value!r}")


def _has_format(value: str, name: str | None) -> bool:
    try:
        if name == "date":
            return date.fromisoformat(value).isoformat() == value
        if name == "date-time":
            return bool(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value)) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False
    return True
