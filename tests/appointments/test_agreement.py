"""Whether two people mean the same home, or are the same person."""

from __future__ import annotations

import pytest

from peterental.appointments.agreement import addresses_match, names_match


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1420 Elm Street, Norman, OK", "1420 Elm Street, Norman, OK"),
        ("1420 Elm Street, Norman, OK", "1420 elm st."),
        ("1420 Elm Street", "1420 Elm Street Norman OK 73069"),
        ("1420 Elm Street, Norman, Oklahoma 73069", "1420 ELM ST, Norman, OK"),
        ("Elm Street", "1420 Elm Street, Norman, OK"),
        ("12 N Main St, Apt 3", "12 North Main Street #3"),
        ("1420 Elm Street", "1420 Elm Street, Apt 3, Norman"),
        ("Straße 5", "strasse 5"),
        ("5 Café Road", "5 cafe rd"),
        ("李家", "李家"),
    ],
)
def test_the_same_home_is_known_however_it_is_said(one: str, other: str) -> None:
    assert addresses_match(one, other)
    assert addresses_match(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1420 Elm Street", "1422 Elm Street"),
        ("1420 Elm Street, Apt 3, Norman", "1420 Elm Street, Apt 4, Norman"),
        ("100 Main Street, Norman", "100 Main Street, Moore"),
        ("1420 Elm Street", "1420 Elm Avenue"),
        ("33 Boyd Street", "1420 Elm Street"),
        ("", "1420 Elm Street"),
        ("!!!", "???x"),
    ],
)
def test_another_home_is_never_taken_for_it(one: str, other: str) -> None:
    assert not addresses_match(one, other)
    assert not addresses_match(other, one)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Dolores Whitcomb", "dolores", True),
        ("Whitcomb", "Dolores Whitcomb", True),
        ("Zoë Okafor", "zoe okafor", True),
        ("Dolores Whitcomb", "Dolores Haze", False),
        ("Ottilie", "Dolores Whitcomb", False),
        ("", "Dolores", False),
        ("--", "--", False),
    ],
)
def test_one_name_is_known_by_its_parts_and_not_taken_for_another(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - the expected answer
    assert names_match(one, other) is same
