"""Which of a caller's homes is meant, and by what several are told apart."""

from __future__ import annotations

import pytest

from peterental.matching import Address, Discriminator, Reason, ResolutionKind, candidates, parse_address

ELM = "1420 Elm Street, Norman, OK"
BOYD = "33 Boyd Street, Norman, OK"
ELM_2B = "1420 Elm Street, 2B"
ELM_3A = "1420 Elm Street Unit 3A"


@pytest.mark.parametrize(
    ("said", "known", "index"),
    [
        ("1420 Elm", [ELM, BOYD], 0),
        ("the one on Boyd", [ELM, BOYD], 1),
        ("Norman", [ELM], 0),
        ("Elm Street", [ELM, BOYD], 0),
        ("fourteen twenty", [BOYD, ELM], 1),
        ("1420 Elm Street Norman OK 73069", [BOYD, ELM], 1),
        ("1420 Elm", [ELM_2B, BOYD], 0),
        ("1420 Elm Street apartment two B", [ELM_3A, ELM_2B], 1),
        ("1420 Elm Street", [ELM_2B, ELM], 1),
        ("1420 Lindsey", ["1420 E Lindsey St", BOYD], 0),
        ("1420 Elm Street", ["1420 Alm Street", ELM], 1),
        ("2B", [ELM_2B, ELM_3A], 0),
    ],
)
def test_one_home_is_meant(said: str, known: list[str], index: int) -> None:
    found = candidates(said, known)
    assert (found.outcome, found.indexes) == (ResolutionKind.ONE, (index,))


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("1402 Elm Street", [ELM]),
        ("Elm Avenue", [ELM, BOYD]),
        ("Moore", [ELM, BOYD]),
        ("1420 Elm Street 4C", [ELM_2B, ELM_3A]),
        ("the house", [ELM]),
        ("", [ELM]),
        ("Apt 2", [ELM]),
        (ELM, []),
    ],
)
def test_no_home_is_meant(said: str, known: list[str]) -> None:
    assert candidates(said, known).outcome is ResolutionKind.NONE


@pytest.mark.parametrize(
    ("said", "known", "index", "reason"),
    [
        ("1420 Alm Street", [BOYD, ELM], 1, Reason.SPELLING),
        ("1420B Elm Street", ["1420 Elm Street Unit B"], 0, Reason.NUMBER_OR_UNIT),
        ("fourteen twenty fifth street", ["1420 5th Street", BOYD], 0, Reason.TWO_READINGS),
        ("1420 Elm Street, Norman 73071", ["1420 Elm Street, Norman 73069"], 0, Reason.ZIP_CODE),
    ],
)
def test_doubtful_home_must_be_confirmed(said: str, known: list[str], index: int, reason: Reason) -> None:
    found = candidates(said, known)
    assert (found.outcome, found.indexes, found.reason) == (ResolutionKind.CONFIRM, (index,), reason)


@pytest.mark.parametrize(
    ("said", "known", "difference", "options"),
    [
        ("1420 Elm", [ELM_2B, ELM_3A, BOYD], Discriminator.UNIT, ("unit 2B", "unit 3A")),
        ("1420 Elm", ["1420 Elm Street", "1420 Elm Court"], Discriminator.TYPE, ("Elm Street", "Elm Court")),
        ("1420 Elm", ["1420 N Elm", "1420 S Elm"], Discriminator.DIRECTION, ("North Elm", "South Elm")),
        ("Norman", [ELM, BOYD], Discriminator.STREET, ("Elm", "Boyd")),
        ("Elm Street", [ELM, "1402 Elm Street"], Discriminator.NUMBER, ("1420", "1402")),
        ("100 Main", ["100 Main Street, Norman", "100 Main Street, Moore"], Discriminator.CITY, ("Norman", "Moore")),
        ("1420 Elm", ["1420 Elm St Bldg C #3", "1420 Elm St Bldg D #3"], Discriminator.UNIT, ("building C, unit 3", "building D, unit 3")),
        ("1420 Elm", ["1420 Elm St, Norman", "1420 Elm Street, Norman"], Discriminator.NOTHING, ()),
        ("Elm", ["12 Elm Street", "12 Elm Court", "14 Elm Court"], Discriminator.NUMBER, ("12", "12", "14")),
        ("the one on 23rd", ["5 NW 23rd St", "5 SE 23rd St"], Discriminator.DIRECTION, ("Northwest 23rd Street", "Southeast 23rd Street")),
        ("Apt 2", ["1420 Elm Apt 2", "Elm Street Apt 2"], Discriminator.NUMBER, ("1420", "no number")),
        ("1420 Ulm Street", ["1420 Alm Street", "1420 Elm Street"], Discriminator.STREET, ("Alm", "Elm")),
    ],
)  # fmt: skip
def test_several_homes_are_told_apart(
    said: str, known: list[str], difference: Discriminator, options: tuple[str, ...]
) -> None:
    found = candidates(said, known)
    assert (found.outcome, found.discriminator, found.options) == (ResolutionKind.SEVERAL, difference, options)


def test_parts_are_read_from_a_full_address() -> None:
    found = parse_address(
        "1420 N Elm Street NW, Bldg C, 2nd floor, Apt 2B, Norman, OK 73069-1234, the 3 bedroom 1.5 bath"
    )
    assert found == Address(
        number="1420",
        before="n",
        name=("elm",),
        street_type="street",
        after="nw",
        unit="2b",
        building="c",
        floor="2",
        cities=(("norman",),),
        state="ok",
        zip_code="73069",
        zip_extension="1234",
        bedrooms=3,
    )
    assert (found.street_key, found.unit_key, found.is_empty) == (
        "n elm street nw",
        "building c floor 2 unit 2b",
        False,
    )


@pytest.mark.parametrize(
    ("text", "bedrooms"),
    [("the two-bedroom", 2), ("3br on Elm", 3), ("studio on Elm", 0), ("2 bed studio", 2), ("1 bath", None), ("2 bed 1 bath", 2), ("99 bed", None), ("one and a half bath 2 bd", 2), ("bedroom", None)],
)  # fmt: skip
def test_bedrooms_are_counted(text: str, bedrooms: int | None) -> None:
    assert parse_address(text).bedrooms == bedrooms


@pytest.mark.parametrize("text", ["", "!!!", "the house", "the two-bedroom", "it"])
def test_text_without_parts_is_empty(text: str) -> None:
    assert parse_address(text).is_empty


def test_text_after_the_bound_is_ignored() -> None:
    assert parse_address("1420 Elm Street" + " " * 500 + "Apt 2").unit is None
