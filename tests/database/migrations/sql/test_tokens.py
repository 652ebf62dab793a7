"""Tokens of a text: kinds, offsets, and texts that cannot be scanned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.database.migrations.source.statements import split_statements
from peterental.database.migrations.sql.tokens import Token, tokens_of, tokens_with_comments

ANY_TEXT = st.text(
    st.one_of(st.sampled_from(";()'\"$-/*\\{}`@ \n\té😀 BEGINATOMICENDCASE"), st.characters(codec="utf-8"))
)


def test_offsets_count_characters() -> None:
    assert tokens_with_comments("SELECT 'ü😀', /* é */ ñ;") == [
        Token("SELECT", 0, "SELECT"),
        Token("SCONST", 7, "'ü😀'"),
        Token("ASCII_44", 11, ","),
        Token("C_COMMENT", 13, "/* é */"),
        Token("IDENT", 21, "ñ"),
        Token("ASCII_59", 22, ";"),
    ]


def test_tokens_of_omits_comments() -> None:
    assert tokens_of("-- one\n/* two */") == []


@pytest.mark.parametrize("text", ["SELECT 'open", "/* open", "SELECT $$open", "SELECT 1a"])
def test_unscannable_text_has_no_tokens(text: str) -> None:
    assert tokens_of(text) is None


def test_unknown_characters_are_tokens() -> None:
    for number in range(1, 0x300):
        tokens = tokens_of(f"SELECT {chr(number)} 1")
        assert tokens is None or tokens[0].text == "SELECT"


@given(ANY_TEXT)
def test_offsets_and_ends_match_the_text(text: str) -> None:
    text = text.replace("\0", "")
    end = 0
    for token in tokens_with_comments(text) or ():
        assert text[token.offset : token.end] == token.text
        assert token.offset >= end
        end = token.end


@given(ANY_TEXT)
def test_splitting_drops_only_semicolons(text: str) -> None:
    text = "{ " + text.replace("\0", "")  # no statement begins with a brace
    tokens = tokens_of(text)
    if tokens is None:
        return
    statements = split_statements(text)
    assert all(text[statement.offset :].startswith(statement.sql) for statement in statements)
    found = [token.text for statement in statements for token in tokens_of(statement.sql) or ()]
    assert [text for text in found if text != ";"] == [token.text for token in tokens if token.text != ";"]
