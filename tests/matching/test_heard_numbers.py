"""House numbers of which speech recognition wrote a digit as another word."""

from __future__ import annotations

import pytest

from peterental.appointments.home_choice import Catalogue, choose_home
from peterental.appointments.model import HomeUnknown, WhichHome
from peterental.matching.heard_numbers import heard_numbers
from peterental.properties.model import Property


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("one for oh two elm", "one four oh two elm"),
        ("eighty ate b street", "eighty eight b street"),
        ("twenty won oak lane", "twenty one oak lane"),
        ("to ten main", "two ten main"),
        ("won for oh too elm", "one four oh two elm"),
        ("14 oh to elm", "14 oh two elm"),
    ],
)
def test_word_in_a_number_is_its_digit(said: str, heard: str) -> None:
    assert heard_numbers(said.split()) == heard.split()


@pytest.mark.parametrize(
    "said",
    [
        "1420 elm street", "i want to ten main", "the one for 1420 elm", "house for rent", "fourteen twenty for", "to elm",
        "apartment for two", "twelve oaks", "1402 to elm", "tree street", "won ton avenue",
    ],
)  # fmt: skip
def test_other_words_are_left(said: str) -> None:
    assert heard_numbers(said.split()) == []


def _meant(said: str, *line1: str) -> list[str]:
    """Return the home that is meant, or those that are asked about."""
    homes = tuple(Property(property_id=at, line1=line, unit=None, city="Norman") for at, line in enumerate(line1, 1))
    try:
        choice = choose_home(said, Catalogue(homes), lambda _: True)
    except WhichHome as refusal:
        return ["which", *sorted(home.line1 for home in refusal.homes)]
    except HomeUnknown:
        return []
    return [choice.home.line1] if choice and choice.home else []


@pytest.mark.parametrize(
    ("said", "homes", "meant"),
    [
        ("one for oh two elm", ["1402 Elm Street", "1420 Pine Street"], ["1402 Elm Street"]),
        ("eighty ate B street", ["88 B Street"], ["88 B Street"]),
        ("eighty ate B street", ["80 B Street", "88 B Street"], ["which", "80 B Street", "88 B Street"]),
        ("to ten main", ["210 Main Street"], ["210 Main Street"]),
        ("to ten main", ["10 Main Street"], ["10 Main Street"]),
        ("to ten main", ["10 Main Street", "210 Main Street"], ["which", "10 Main Street", "210 Main Street"]),
        ("I'm looking at one for oh two elm", ["1402 Elm Street"], ["1402 Elm Street"]),
        ("one for oh three elm", ["1402 Pine Street"], []),
    ],
)
def test_heard_number_counts_where_the_homes_make_it_certain(said: str, homes: list[str], meant: list[str]) -> None:
    assert _meant(said, *homes) == meant
