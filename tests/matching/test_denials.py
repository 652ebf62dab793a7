"""Homes that a caller turns down."""

from __future__ import annotations

import pytest

from peterental.matching import without_denied


@pytest.mark.parametrize(
    ("text", "wanted", "denied"),
    [
        ("33 Boyd, not 1420 Elm", "33 Boyd", ("1420 Elm",)),
        ("not 1420 Elm, 33 Boyd", "33 Boyd", ("1420 Elm",)),
        ("the Boyd one not the Elm one", "the Boyd one", ("the Elm one",)),
        ("Boyd instead of Elm", "Boyd", ("Elm",)),
        ("no la de Elm, la de Boyd", "la de Boyd", ("la de Elm",)),
        ("la de Boyd en vez de la de Elm", "la de Boyd", ("la de Elm",)),
        ("the other one, but not Elm", "the other one", ("Elm",)),
        ("I didn't say Elm, I said Boyd", "I, I said Boyd", ("Elm",)),
        ("no quiero la de Elm, quiero la de Boyd", "quiero la de Boyd", ("la de Elm",)),
        ("la de Elm no, la de Boyd", "la de Boyd", ("la de Elm",)),
        ("Elm, no, Boyd", "Elm, no, Boyd", ()),
        ("no, 33 Boyd", "no, 33 Boyd", ()),
        ("No 5 Elm", "No 5 Elm", ()),
        ("12 Nottingham Court, Norman", "12 Nottingham Court, Norman", ()),
        ("not", "not", ()),
        ("", "", ()),
    ],
)
def test_what_is_turned_down_is_told_from_what_is_wanted(text: str, wanted: str, denied: tuple[str, ...]) -> None:
    assert without_denied(text) == (wanted, denied)
