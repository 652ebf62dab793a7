"""The words of a text, wherever they stand and whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.database.migrations.source.statements import split_statements
from peterental.database.migrations.sql.tokens import Token, tokens_of, tokens_with_comments

ANY_TEXT = st.text(
    st.one_of(st.sampled_from(";()'\"$-/*\\{}`@ \n\té😀 BEGINATOMICENDCASE"), st.characters(codec="utf-8"))
)


def test_places_are_counted_in_characters() -> None:
    assert tokens_with_comments("SELECT 'ü😀', /* é */ ñ;") == [
        Token("SELECT", 0, "SELECT"),
        Token("SCONST", 7, "'ü😀'"),
        Token("ASCII_44", 11, ","),
        Token("C_COMMENT", 13, "/* é */"),
        Token("IDENT", 21, "ñ"),
        Token("ASCII_59", 22, ";"),
    ]


def test_comments_are_no_words() -> None:
    assert tokens_of("-- one\n/* two */") == []


@pytest.mark.parametrize("text", ["SELECT 'open", "/* open", "SELECT $$open", "SELECT 1a"])
def test_what_cannot_be_read_has_none(text: str) -> None:
    assert tokens_of(text) is None


def test_a_character_that_means_nothing_is_a_word_too() -> None:
    for number in range(1, 0x300):
        words = tokens_of(f"SELECT {chr(number)} 1")
        assert words is None or words[0].sql == "SELECT"


@given(ANY_TEXT)
def test_every_word_stands_where_it_is_said_to(text: str) -> None:
    text = text.replace("\0", "")
    end = 0
    for word in tokens_with_comments(text) or ():
        assert text[word.offset : word.end] == word.sql
        assert word.offset >= end
        end = word.end


@given(ANY_TEXT)
def test_splitting_leaves_no_word_out_but_semicolons(text: str) -> None:
    text = "{ " + text.replace("\0", "")  # which no grammar knows
    words = tokens_of(text)
    if words is None:
        return
    pieces = split_statements(text)
    assert all(text[piece.offset :].startswith(piece.sql) for piece in pieces)
    kept = [word for piece in pieces for word in tokens_of(piece.sql) or () if word.sql != ";"]
    assert [word.sql for word in kept] == [word.sql for word in words if word.sql != ";"]
