"""Lenient decoding of JSON: what is dropped, what is kept, and what is no JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.voice.lenient_json import MAX_DEPTH, decode_leniently

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text('abcäß€😀\\"/\n ', max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a": 1, "note": "caf\xe9"}', {"a": 1, "note": "caf\ufffd"}),
        (b'{"a": 1, "note": "tab\tNUL\x00."}', {"a": 1, "note": "tab\tNUL."}),
        (b'{"a": 1, "note": "\\ud83d!"}', {"a": 1, "note": "!"}),
        (b'{"a": 1, "note": "C:\\Users\\x \\u12 \\" \\\\d"}', {"a": 1, "note": 'C:\\Users\\x \\u12 " \\d'}),
        (b'{"a": 1, "note": %s}' % (b"9" * 6_000), {"a": 1, "note": None}),
        (b'{"a": 1, "note": -1e999}', {"a": 1, "note": None}),
        (b'{"a": 1, "note": NaN}', {"a": 1, "note": None}),
        (b'{"a": 1, "note": \xff}', {"a": 1, "note": None}),
        (b'{"a": 1, \x00"note": [\xfe, 2]}\x00', {"a": 1, "note": [None, 2]}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (json.dumps({"a": "ä"}, ensure_ascii=False).encode("utf-16"), {"a": "ä"}),
    ],
)
def test_damaged_value_is_dropped(raw: bytes, expected: object) -> None:
    assert decode_leniently(raw) == expected


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"x":', b"}")], ids=["arrays", "objects"])
@pytest.mark.parametrize("extra", [1, 100_000])
def test_deep_nesting_becomes_null(brackets: tuple[bytes, bytes], extra: int) -> None:
    opening, closing = brackets
    depth = MAX_DEPTH + extra
    value: Any = decode_leniently(b'{"before": 1, "deep": %s0%s, "after": "]}"}' % (opening * depth, closing * depth))
    assert (value["before"], value["after"]) == (1, "]}")
    inner = value["deep"]
    while isinstance(inner, list | dict):
        (inner,) = inner.values() if isinstance(inner, dict) else inner
    assert inner is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a": 1', b"{'a': 1}", b'{"a": undefined}', b'{"a": 1} b', b'{"a": "', b'{"a": "\\', b"[" * 9_000, b"]}"],
)  # fmt: skip
def test_other_text_is_not_json(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"char"):
        decode_leniently(raw)


@settings(max_examples=200, deadline=None)
@given(JSON_VALUES)
def test_valid_json_is_decoded_unchanged(value: object) -> None:
    assert decode_leniently(json.dumps(value).encode()) == value
    assert decode_leniently(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value
