"""Tokens: numbers in words, written times, misspellings, languages, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.appointments.date_parsing.lexicon import Lexicon
from peterental.appointments.date_parsing.tokens import (
    MOST_TOKENS,
    NumericDate,
    WrittenTime,
    fold,
    is_too_long,
    tokenize,
)


def kinds(text: str, language: str = "en") -> list[str]:
    return [token.kind for token in tokenize(text, language)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twenty one", 21), ("twenty-first", 21), ("thirty", 30), ("two thousand twenty six", 2026), ("twenty twenty six", 2026),
        ("twenty twenty", 2020), ("fifteen hundred", 1500), ("oh five", 5), ("zero five", 5), ("12th", 12), ("1st", 1), ("007", 7),
    ],
)  # fmt: skip
def test_number_is_joined(text: str, value: int) -> None:
    assert [token.value for token in tokenize(text)] == [value]


@pytest.mark.parametrize(
    "text", ["two thirty", "eight twelve", "thirty twenty", "twenty ten", "oh ten", "three thousand"]
)
def test_neighbors_that_are_two_numbers_stay_two(text: str) -> None:
    assert len(tokenize(text)) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3:30", WrittenTime(3, 30, is_24h=False)),
        ("03:30", WrittenTime(3, 30, is_24h=True)),
        ("15h30", WrittenTime(15, 30, is_24h=True)),
        ("15h", WrittenTime(15, 0, is_24h=True)),
        ("3:30:00", WrittenTime(3, 30, is_24h=False)),
        ("3:30:10", WrittenTime(3, 30, is_24h=False, has_seconds=True)),
        ("12/8", NumericDate(12, 8, None)),
        ("12/8/26", NumericDate(12, 8, 2026)),
        ("12-8-2026", NumericDate(12, 8, 2026)),
        ("12.8.2026", NumericDate(12, 8, 2026)),
        ("2026-12-08", (2026, 12, 8)),
        ("2026/12/8", (2026, 12, 8)),
    ],
)
def test_written_form_is_one_token(text: str, value: object) -> None:
    assert [token.value for token in tokenize(text)] == [value]


@pytest.mark.parametrize("text", ["3pm", "3 pm", "3 p.m.", "3 P. M.", "3p", "three p m", "3PM"])
def test_meridiem_is_read_in_every_form(text: str) -> None:
    assert kinds(text) == ["NUM", "MER"]
    assert tokenize(text)[1].value == "pm"


def test_i_am_is_no_meridiem() -> None:
    assert kinds("I am free at 3") == ["AT", "NUM"]
    assert kinds("a Monday") == ["A", "WDAY"]


@pytest.mark.parametrize(
    "word", ["wednesdya", "wensday", "Thrusday", "tomorow", "2morrow", "tmrw", "Febuary", "Decembr", "tuesdays"]
)
def test_misspelling_is_accepted(word: str) -> None:
    assert "UNKNOWN" not in kinds(word)


@pytest.mark.parametrize("word", ["punday", "mnndy", "xyz", "fridayyy", "aaaaaaaa"])
def test_doubtful_spelling_is_unknown(word: str) -> None:
    assert "UNKNOWN" in kinds(word)


def test_spelling_must_fit_one_word_only() -> None:
    lexicon = Lexicon(
        language="en", words={}, phrases={}, cardinals={}, ordinals={}, fuzzy=("monday", "mondaz", "friday")
    )
    assert lexicon.spelled_like("mondax") is None
    assert lexicon.spelled_like("fridy") == "friday"
    assert lexicon.spelled_like("friiday") == "friday"
    assert lexicon.spelled_like("frdiay") == "friday"
    assert lexicon.spelled_like("fr") is None


def test_language_that_knows_more_words_is_taken() -> None:
    assert kinds("el martes a las tres") == ["WDAY", "AT", "NUM"]
    assert kinds("Tuesday at three", "es") == ["WDAY", "AT", "NUM"]
    assert kinds("MAÑANA") == ["MANANA"]
    assert kinds("mañana", "es") == ["MANANA"]


def test_hyphens_join_words_and_separate_days() -> None:
    assert kinds("two-thirty") == ["NUM", "NUM"]
    assert kinds("three-ish") == ["NUM", "ISH"]
    assert kinds("Monday-Wednesday") == ["WDAY", "DASH", "WDAY"]
    assert kinds("2-4") == ["NUM", "DASH", "NUM"]


def test_no_before_a_pause_is_a_correction() -> None:
    assert kinds("no, Tuesday") == ["CORRECTION", "WDAY"]
    assert kinds("no Tuesday") == ["NOT", "WDAY"]


def test_negation_before_a_pause_ends_its_clause() -> None:
    assert kinds("Thursday I can't, Friday") == ["WDAY", "NOT_THAT", "WDAY"]
    assert kinds("Thursday I can't Friday") == ["WDAY", "NOT", "WDAY"]


def test_folding_removes_accents_and_invisible_characters() -> None:
    assert fold("  Mi\u00e9rcoles\u200b\u0007 3\u00a0PM\u2014ok\u2019s ") == "miercoles 3 pm-ok's"
    assert fold("\uff13\uff1a\uff13\uff10") == "3:30"


def test_endless_text_is_one_unknown_token() -> None:
    assert kinds("\ufdfa" * 290) == ["UNKNOWN"]
    assert kinds("3 " * (MOST_TOKENS + 5)) == ["UNKNOWN"]
    assert is_too_long("x" * 301)
    assert not is_too_long(" " * 5000 + "3 pm")
    assert is_too_long(" " * 10_001)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_tokens_are_bounded_by_the_text(text: str) -> None:
    tokens = tokenize(text)
    assert len(tokens) <= min(MOST_TOKENS + MOST_TOKENS, 2 * len(fold(text)) + 1)
