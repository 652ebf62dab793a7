"""Bounded text search: patterns, limits and the rarest word, on a real server."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from peterental.search import SearchLimits, contains, digits_of, has_trigram, rarest_word, union_all


@pytest.mark.parametrize("text", ["100%", "a_b", "C:\\x", "it's"])
def test_pattern_matches_its_text_only(database: Database, text: str) -> None:
    row = database.fetch(
        "SELECT %(text)s LIKE %(pattern)s AS itself, 'a1b 100 C:' LIKE %(pattern)s AS other",
        {"text": f"before {text} after", "pattern": contains(text)},
    )[0]
    assert row == {"itself": True, "other": False}


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
