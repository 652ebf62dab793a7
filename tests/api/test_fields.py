"""Bodies, query strings and cursors: whatever is sent, there is one clear answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peterental.appointments.listing.model import Position
from peterental.web.api.cursors import page_cursor, page_of, position_cursor, position_of
from peterental.web.api.documents import BookingBody, EditBody, MoveBody, ViewingsQuery
from peterental.web.api.fields import decode_object, parse
from peterental.web.api.problems import ApiError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
NAMES = st.sampled_from([*BookingBody.__struct_fields__, "odd", ""])


def refusal_of(read: Callable[[], object]) -> ApiError | None:
    """Return how a request is refused; None if it is accepted."""
    try:
        read()
    except ApiError as error:
        return error
    return None


@given(raw=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@example(raw=b'{"a":' * 100_000)
@example(raw=b'{"a": 1' + b"0" * 5_000 + b"}")
@example(raw=b'{"a": 1, "a": 1}')
@example(raw=b'{"a": Infinity}')
@example(raw=b'{"\\ud800": 1}')
@example(raw=b'{"a": {"\\u0000": 1}}')
@example(raw=b'\xef\xbb\xbf{"a": 1}')
def test_body_is_an_object_or_refused(raw: bytes) -> None:
    refusal = refusal_of(lambda: decode_object(raw))
    if refusal is None:
        fields = decode_object(raw)
        assert isinstance(fields, dict)
        assert all("\x00" not in name and name.encode() is not None for name in fields)
    else:
        assert refusal.code == "bad_json"
        assert len(refusal.detail) < 300


@given(values=st.dictionaries(NAMES, JSON), kind=st.sampled_from([BookingBody, EditBody, MoveBody]))
@example(values={"minutes": 10**400}, kind=BookingBody)
@example(values={"home": "\udc00"}, kind=EditBody)
@example(values={"acknowledge": [["a"]]}, kind=MoveBody)
def test_fields_are_parsed_or_named(values: dict[str, Any], kind: Any) -> None:
    refusal = refusal_of(lambda: parse(kind, values))
    if refusal is not None:
        assert refusal.status == 422
        assert refusal.errors
        assert {one.field for one in refusal.errors} <= {*values, *kind.__struct_fields__}
        return
    parsed = parse(kind, values)
    texts = [value for value in (getattr(parsed, name) for name in kind.__struct_fields__) if isinstance(value, str)]
    assert all("\x00" not in text and text == text.strip() for text in texts)
    assert all(text.encode() for text in texts if text)


@given(values=st.dictionaries(st.sampled_from(["from", "to", "limit", "status", "q", "cursor", "agent_id"]), st.text()))
def test_query_strings_are_parsed_or_named(values: dict[str, str]) -> None:
    refusal = refusal_of(lambda: parse(ViewingsQuery, values, is_query=True))
    assert refusal is None or {one.field for one in refusal.errors} <= set(values)


@given(
    start=st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis
    number=st.integers(min_value=1, max_value=2**31 - 1),
)
def test_cursor_leads_back_to_its_position(start: datetime, number: int) -> None:
    assert position_of(position_cursor(Position(start, number))) == Position(start, number)


@given(text=st.text(max_size=200))
@example(text="djE.x")
def test_foreign_cursors_are_refused(text: str) -> None:
    for read in (position_of, page_of):
        refusal = refusal_of(lambda read=read: read(text))  # type: ignore[misc]  # a default binds it now
        assert refusal is None or refusal.code == "invalid_fields"


def test_cursor_of_pages() -> None:
    assert page_of(None) == 1
    assert page_of(page_cursor(7, has_more=True)) == 8
    assert page_cursor(7, has_more=False) is None
    assert page_cursor(100, has_more=True) is None
    far = position_cursor(Position(datetime.max.replace(tzinfo=UTC) - timedelta(seconds=1), 1))
    assert position_of(far) is not None
    with pytest.raises(ApiError):
        position_of(page_cursor(1, has_more=True))
