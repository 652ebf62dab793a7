"""Bounded text search: patterns, limits and the rarest word, on a real server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.database.pool import Database
from peterental.search import (
    SearchLimits,
    contains,
    digits_of,
    folded,
    folded_match,
    has_trigram,
    rarest_word,
    union_all,
)

ODD = st.sampled_from(
    "aA\u00e5\u00c5\u0130\u0131Ii\u017f\u00df\u1e9e\u03a3\u03c3\u03c2\u01c5 %_\\'0\u0663\u00e9\u0301\u00f1\U0001f3e0\u05dc"
)
TEXTS = st.text(ODD | st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@pytest.mark.parametrize("text", ["100%", "a_b", "C:\\x", "it's"])
def test_pattern_matches_its_text_only(database: Database, text: str) -> None:
    row = database.fetch(
        "SELECT %(text)s LIKE %(pattern)s AS itself, 'a1b 100 C:' LIKE %(pattern)s AS other",
        {"text": f"before {text} after", "pattern": contains(text)},
    )[0]
    assert row == {"itself": True, "other": False}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=30, max_size=60))
def test_folded_text_matches_as_ilike_does(database: Database, cases: list[tuple[str, str, str]]) -> None:
    differing = """
        SELECT text, one, other FROM unnest(%(texts)s::text[], %(ones)s::text[], %(others)s::text[]) AS t (text, one, other)
        WHERE (text ILIKE one AND text ILIKE other) IS DISTINCT FROM (LOWER(text) LIKE ALL (ARRAY[LOWER(one), LOWER(other)]))
    """
    # Every second pattern is a part of its text, in capitals.
    patterns = [
        (contains(one if number % 2 else text[1:5].upper()), contains(other if number % 3 else text[:3].lower()))
        for number, (text, one, other) in enumerate(cases)
    ]
    ones, others = zip(*patterns, strict=True)
    values = {"texts": [text for text, _, _ in cases], "ones": list(ones), "others": list(others)}
    assert database.fetch(differing, values) == []


def test_folded_match_finds_each_word(database: Database) -> None:
    query = f"SELECT home FROM (VALUES ('12 Élm St'), ('7 Oak St')) AS homes (home) WHERE {folded_match(folded('home'), 'a', 'b')}"
    assert database.fetch(query, {"a": "%éLM%", "b": "%ST%"}) == [{"home": "12 Élm St"}]
    assert database.fetch(query, {"a": "%St%", "b": "%st%"}) == [{"home": "12 Élm St"}, {"home": "7 Oak St"}]


@pytest.mark.parametrize(
    ("word", "expected"), [("Elm", True), ("12 Elm", True), ("12", False), ("a_b", False), ("é1ñ", True), ("", False)]
)
def test_trigram_needs_three_letters_or_digits(word: str, expected: bool) -> None:  # noqa: FBT001  # a table's column
    assert has_trigram(word) is expected


@pytest.mark.parametrize(
    ("text", "digits"), [("(312) 555-0100", "3125550100"), ("+1.312", "1312"), ("Elm 12", None), ("", None)]
)
def test_digits_are_read_of_phone_numbers_only(text: str, digits: str | None) -> None:
    assert digits_of(text) == digits


def test_rarest_word_has_the_fewest_matches(database: Database) -> None:
    homes = union_all(["SELECT 'Elm ' || n AS home FROM generate_series(1, 19) AS n", "SELECT 'Oak 20'"])
    query = rarest_word({"a": "home ILIKE %(a)s", "b": "home ILIKE %(b)s"}, f"({homes}) AS homes")
    assert database.fetch(query, {"a": "%elm%", "b": "%oak%"}) == [{"word": "%oak%", "is_common": False}]
    assert database.fetch(query, {"a": "%elm%", "b": "%elm 1%"}) == [{"word": "%elm 1%", "is_common": True}]


def test_limits_grow_with_the_page() -> None:
    assert SearchLimits(nearby=10).parameters(5)["nearby"] == 10
    assert SearchLimits(nearby=10).parameters(50)["nearby"] == 50
