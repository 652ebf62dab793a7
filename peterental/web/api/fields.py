"""Decode JSON bodies and query strings strictly, and report each invalid field. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from peterental.web.api.problems import ApiError, FieldError, invalid

MAX_DEPTH = 20
"""No body of the API is nested deeper than three levels."""

Fields = TypeVar("Fields", bound=msgspec.Struct)


def decode_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises ApiError for anything else: other encodings than UTF-8, the same name twice, NaN and Infinity, numbers with
    thousands of digits, deep nesting.
    """
    try:
        decoded = json.loads(raw.decode("utf-8"), object_pairs_hook=_named_once, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise ApiError("bad_json", "The body is not UTF-8.") from None
    except RecursionError:
        raise ApiError("bad_json", "The body is nested too deeply.") from None
    except ValueError as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError | _Refused) else "a number is out of range"
        raise ApiError("bad_json", f"The body is not valid JSON: {reason}.") from None
    if not isinstance(decoded, dict):
        raise ApiError("bad_json", "The body must be a JSON object.")
    if _is_deeper(decoded, MAX_DEPTH):
        raise ApiError("bad_json", "The body is nested too deeply.")
    return decoded


def parse(kind: type[Fields], values: Mapping[str, Any], *, is_query: bool = False) -> Fields:
    """Return the fields of a body or of a query string, of which blanks at both ends are removed.

    Args:
        kind: the type that declares them.
        values: by name.
        is_query: whether the values are text that stands for numbers and dates.

    Raises ApiError with what is wrong with each field.
    """
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    errors = [FieldError(name[:80], "There is no such field.") for name in values if name not in known]
    parsed: dict[str, Any] = {}
    for name, field in known.items():
        if name not in values:
            if field.required:
                errors.append(FieldError(name, "This field is required."))
            continue
        try:
            value = _storable(values[name])
            parsed[field.name] = msgspec.convert(value, field.type, strict=not is_query)
        except (msgspec.ValidationError, _Refused) as error:
            errors.append(FieldError(name, f"{error}."))
    if errors:
        raise invalid(errors)
    return kind(**parsed)


def is_text(value: str) -> bool:
    """Return whether PostgreSQL can store a text: it has no NUL, and no half of a surrogate pair."""
    return not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value)


class _Refused(ValueError):
    """A value that is valid JSON and not accepted."""


def _named_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose names differ and can be repeated in an answer."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("an object has the same name twice")
    if not all(map(is_text, found)):
        raise _Refused("a name has a character that cannot be stored")
    return found


def _refuse_constant(name: str) -> object:
    raise _Refused(f"{name} is no number")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict | list):
        inner: Iterator[Any] = iter(value.values() if isinstance(value, dict) else value)
        return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)
    return False


def _storable(value: Any) -> Any:
    """Return a value without blanks at both ends. Raises _Refused for text that PostgreSQL cannot store."""
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if not isinstance(value, str):
        return value
    if not is_text(value):
        raise _Refused("The text has a character that cannot be stored")
    return value.strip()
