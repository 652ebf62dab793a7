"""Addresses in sentences have no abbreviations that a voice would garble."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.matching import Match, compare_texts
from peterental.voice.speech.spoken_homes import ENGLISH_UNITS, SPANISH_UNITS, spell_out


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("14 St Charles St Apt #2, Norman, OK 73069", "14 Saint Charles Street apartment 2, Norman, Oklahoma"),
        ("905 NW 23rd St., Oklahoma City", "905 Northwest 23rd Street, Oklahoma City"),
        ("600 Mt Vernon Dr Apt. 2", "600 Mount Vernon Drive apartment 2"),
        ("1205 N Porter Avenue, #2B", "1205 North Porter Avenue, number 2B"),
        ("1205 N Porter Avenue, Unit #2B", "1205 North Porter Avenue, Unit 2B"),
        ("9 Boyd Ln Bldg 1, Ste 4", "9 Boyd Lane building 1, suite 4"),
        ("300 Ave B, Tampa, FL 33602-1234", "300 Avenue B, Tampa, Florida"),
        ("77 Oak Ct, Hartford, CT 06103", "77 Oak Court, Hartford, Connecticut"),
        ("5 Omaha Rd, Omaha, NE 68102", "5 Omaha Road, Omaha, Nebraska"),
        ("1 Long St, Billings, MT", "1 Long Street, Billings, Montana"),
        ("1420 Elm St Port St Lucie FL 34952", "1420 Elm Street Port Saint Lucie Florida"),
        ("1420B St Charles Ave", "1420B Saint Charles Avenue"),
        ("12 Dr Martin Luther King Jr Blvd NE", "12 Doctor Martin Luther King Jr Boulevard Northeast"),
        ("4400 Hwy 9", "4400 Highway 9"),
        ("100 E Main St", "100 East Main Street"),
        ("118 1/2 Webster Ave", "118 1/2 Webster Avenue"),
        ("14 St Charles St Apt 2", "14 Saint Charles Street apartment 2"),
    ],
)
def test_abbreviations_are_spelt_out(address: str, said: str) -> None:
    assert spell_out(address, ENGLISH_UNITS) == said
    assert spell_out(said, ENGLISH_UNITS) == said


@pytest.mark.parametrize(
    "address",
    [
        "1420 Elm Street, Norman",
        "100 E Street",
        "300 Avenue E",
        "the yellow house on Elm, near the lake",
        "La casa de la calle Elm",
        "4400 CR 12",
        "5 Oak Lane.",
        "",
    ],
)
def test_other_words_stay(address: str) -> None:
    assert spell_out(address, ENGLISH_UNITS) == address


def test_spanish_units_have_spanish_names() -> None:
    assert spell_out("12 Main St Apt 3", SPANISH_UNITS) == "12 Main Street apartamento 3"
    assert spell_out("12 Main St #3", SPANISH_UNITS) == "12 Main Street número 3"
    assert spell_out("12 Main St, Unit 3A", SPANISH_UNITS) == "12 Main Street, unidad 3A"
    assert spell_out("12 Unit Dr", SPANISH_UNITS) == "12 Unit Drive"


_STREETS = st.sampled_from(
    ["Elm", "St Charles", "Mt Vernon", "23rd", "Martin Luther King", "Lake Forest", "Ft Hood", "E", "B"]
)
_TYPES = st.sampled_from(["St", "St.", "Ave", "Ct", "Dr", "Rd", "Blvd", "Ln", "Pl", "Hwy", "Ter", "Street", "Way", ""])


@given(
    st.integers(1, 99_999).map(str),
    st.sampled_from(["", "N", "SW", "E", "West"]),
    st.tuples(_STREETS, _TYPES).map(" ".join),
    st.sampled_from(["", "Apt 2", "Apt #2B", "#3", "Unit 4", "Ste 5", ", 2B", "Bldg 1 Apt 2"]),
    st.sampled_from(["", ", Norman", ", Norman, OK", ", Norman OK 73069", " Norman OK", ", Port St Lucie, FL"]),
)
def test_spelling_out_names_the_same_home(number: str, before: str, street: str, unit: str, place: str) -> None:
    address = " ".join(f"{number} {before} {street} {unit}".split()).replace(" ,", ",") + place
    said = spell_out(address, ENGLISH_UNITS)
    assert compare_texts(address, said).match is Match.SAME
    assert spell_out(said, ENGLISH_UNITS) == said
