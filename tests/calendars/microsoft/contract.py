"""Checks JSON against the published types of Microsoft Graph, in contract.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_CONTRACT = json.loads(Path(__file__).with_name("contract.json").read_text(encoding="utf-8"))
TYPES: dict[str, dict[str, str]] = _CONTRACT["types"]
ENUMS: dict[str, list[str]] = _CONTRACT["enums"]

ANNOTATIONS = frozenset({"@odata.context", "@odata.etag", "@odata.type", "@removed"})
"""What OData adds to a type's own fields."""

_PRIMITIVES: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "number": (int, float)}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")


class ContractBroken(AssertionError):
    """JSON differs from the contract."""


def check(kind: str, content: Any, where: str = "") -> None:
    """Raise ContractBroken unless an object has only the fields of its type, each of the right type.

    Args:
        kind: the name of the type.
        content: the JSON.
        where: the path to it.
    """
    where = where or kind
    if not isinstance(content, dict):
        raise ContractBroken(f"{where} is not an object: {content!r}")
    for name, value in content.items():
        if name in ANNOTATIONS:
            continue
        if name not in TYPES[kind]:
            raise ContractBroken(f"{where} has no field {name}")
        _check_value(TYPES[kind][name], value, f"{where}.{name}")
    if kind == "DateTimeTimeZone" and not _DATE_TIME.fullmatch(content["dateTime"]):
        raise ContractBroken(f"{where} is no date and time: {content['dateTime']}")


def _check_value(kind: str, value: Any, where: str) -> None:
    wanted = kind.removesuffix(" | null")
    if value is None:
        if wanted == kind:
            raise ContractBroken(f"{where} is null")
    elif wanted.endswith("[]"):
        if not isinstance(value, list):
            raise ContractBroken(f"{where} is not a list: {value!r}")
        for number, each in enumerate(value):
            _check_value(wanted.removesuffix("[]"), each, f"{where}[{number}]")
    elif wanted in TYPES:
        check(wanted, value, where)
    elif wanted in ENUMS:
        if value not in ENUMS[wanted]:
            raise ContractBroken(f"{where} is not one of {ENUMS[wanted]}: {value!r}")
    elif not isinstance(value, _PRIMITIVES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
        raise ContractBroken(f"{where} is not a {wanted}: {value!r}")
