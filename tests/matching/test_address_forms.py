"""However an address is written it is the same home; whatever digit is changed it is another one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from peterental.matching import Match, compare, compare_texts, parse_address

SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905 - counts as one reads
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast", "SW": "Southwest"}  # fmt: skip
TYPES = {"Street": "St", "Avenue": "Ave", "Road": "Rd", "Drive": "Dr", "Court": "Ct", "Lane": "Ln", "Boulevard": "Blvd", "Place": "Pl", "Circle": "Cir", "Terrace": "Ter", "Parkway": "Pkwy"}  # fmt: skip
NAMES = (
    "Elm",
    "Oak",
    "Main",
    "Boyd",
    "Lindsey",
    "Washington",
    "Mount Vernon",
    "Saint Charles",
    "Martin Luther King",
    "Oak Grove",
    "Fort Sill",
    "Lake Ridge",
    "23rd",
    "First",
)
NAME_FORMS = {
    "Mount Vernon": "Mt. Vernon", "Saint Charles": "St. Charles", "Martin Luther King": "MLK", "Oak Grove": "Oak Grv",
    "Fort Sill": "Ft Sill", "Lake Ridge": "Lk Rdg", "23rd": "Twenty-third", "First": "1st",
}  # fmt: skip
TAILS = (
    "",
    ", Norman",
    ", Norman, OK",
    ", Norman OK 73069",
    " Norman Oklahoma 73069",
    " Norman, OK",
    ", Norman OK, USA",
)


def below_hundred(value: int) -> str:
    return (
        SMALL[value]
        if value < 20
        else " ".join(filter(None, (TENS[value // 10], SMALL[value % 10] if value % 10 else "")))
    )


def in_digits(value: int) -> str:
    return str(value)


def digit_by_digit(value: int) -> str:
    return " ".join(SMALL[int(digit)] for digit in str(value))


def in_pairs(value: int) -> str:
    """Return 1420 as "fourteen twenty", 1205 as "twelve oh five", 1400 as "fourteen hundred", 342 as "three forty two"."""
    high, low = divmod(value, 100)
    if not high or high >= 100:
        return in_full(value)
    last = "hundred" if not low else f"oh {SMALL[low]}" if low < 10 else below_hundred(low)
    return f"{below_hundred(high)} {last}"


def in_full(value: int) -> str:
    """Return 1420 as "one thousand four hundred twenty"."""
    thousands, rest = divmod(value, 1000)
    hundreds, low = divmod(rest, 100)
    words = [f"{below_hundred(thousands)} thousand"] * bool(thousands) + [f"{SMALL[hundreds]} hundred"] * bool(hundreds)
    return " ".join([*words, *([below_hundred(low)] if low else [])])


STYLES: tuple[Callable[[str], str], ...] = (str.upper, str.lower, str.title, str.strip)
NUMBER_FORMS: tuple[Callable[[int], str], ...] = (in_digits, digit_by_digit, in_pairs, in_full)


@dataclass(frozen=True)
class Home:
    number: int
    fraction: bool
    direction: str
    name: str
    street_type: str
    unit: str

    def written(self) -> str:
        number = f"{self.number} 1/2" if self.fraction else str(self.number)
        unit = f" Apt {self.unit}" if self.unit else ""
        return f"{number} {self.direction} {self.name} {self.street_type}{unit}".replace("  ", " ")


homes = st.builds(
    Home,
    number=st.integers(1, 19999),
    fraction=st.booleans(),
    direction=st.sampled_from(("", *DIRECTIONS)),
    name=st.sampled_from(NAMES),
    street_type=st.sampled_from(tuple(TYPES)),
    unit=st.sampled_from(("", "", "2", "12", "201", "B", "2B", "12c")),
)


@st.composite
def forms(draw: st.DrawFn, home: Home) -> str:
    """Draw another way to write one home."""
    say = draw(st.sampled_from(NUMBER_FORMS))
    number = say(home.number)
    if home.fraction:
        number += draw(
            st.sampled_from((" 1/2", "½", " and a half") if say is in_digits else (" and a half", " one half"))
        )
    direction = draw(
        st.sampled_from(
            (home.direction, DIRECTIONS.get(home.direction, ""), ".".join(home.direction) + "." * bool(home.direction))
        )
    )
    name = draw(st.sampled_from((home.name, NAME_FORMS.get(home.name, home.name))))
    if say is not in_digits and not home.direction and home.name in ("23rd", "First"):
        name = {"23rd": "23rd", "First": "1st"}[home.name]
    street_type = draw(st.sampled_from((home.street_type, TYPES[home.street_type], TYPES[home.street_type] + ".")))
    unit = draw(st.sampled_from(unit_forms(home.unit))) if home.unit else ""
    line = " ".join(filter(None, (number, direction, name, street_type)))
    tail = draw(st.sampled_from(TAILS))
    whole = f"{unit}, {line}{tail}" if unit and draw(st.booleans()) else f"{line}{', ' * bool(unit)}{unit}{tail}"
    before = draw(st.sampled_from(("", "the place at ", "it's ", "the two-bedroom at ", "  ")))
    style: Callable[[str], str] = draw(st.sampled_from(STYLES))
    return style(before + whole)


def unit_forms(unit: str) -> list[str]:
    spoken = (
        " ".join(in_full(int(piece)) if piece.isdecimal() else piece for piece in (unit[:-1], unit[-1]) if piece)
        if unit[-1].isalpha()
        else in_full(int(unit))
    )
    return [
        f"Apt {unit}",
        f"apartment {unit}",
        f"Unit {unit}",
        f"#{unit}",
        f"# {unit}",
        f"Suite {unit}",
        f"apt. no. {unit}",
        f"unit {spoken}",
    ]


@settings(max_examples=300, deadline=None)
@given(st.data(), homes)
def test_writing_an_address_otherwise_never_changes_the_home(data: st.DataObject, home: Home) -> None:
    written = data.draw(forms(home))
    found = compare_texts(home.written(), written)
    assert found.match is Match.SAME, (found, parse_address(home.written()), parse_address(written))


@settings(max_examples=300, deadline=None)
@given(st.data(), homes)
def test_any_two_forms_of_an_address_are_one_home(data: st.DataObject, home: Home) -> None:
    one, other = data.draw(forms(home)), data.draw(forms(home))
    assert compare_texts(one, other).match is Match.SAME


@settings(max_examples=300, deadline=None)
@given(st.data(), homes, st.sampled_from(TAILS))
def test_changing_any_digit_always_changes_the_home(data: st.DataObject, home: Home, tail: str) -> None:
    written = home.written() + tail
    at = data.draw(st.sampled_from([at for at, char in enumerate(written) if char.isdecimal()]))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != written[at]]))
    changed = written[:at] + digit + written[at + 1 :]
    found = compare_texts(written, changed)
    in_zip_code = tail.endswith("73069") and at >= len(written) - 5
    assert found.match is (Match.UNSURE if in_zip_code else Match.DIFFERENT), (written, changed, found)


@settings(max_examples=300, deadline=None)
@given(st.data(), homes)
def test_another_direction_type_or_unit_is_another_home(data: st.DataObject, home: Home) -> None:
    assume(home.direction and home.unit)
    changed = data.draw(
        st.one_of(
            st.sampled_from(tuple(DIRECTIONS)).map(lambda value: ("direction", value)),
            st.sampled_from(tuple(TYPES)).map(lambda value: ("street_type", value)),
            st.sampled_from(("3", "21", "202", "C", "2C", "12B")).map(lambda value: ("unit", value)),
        )
    )
    other = Home(**{**vars(home), changed[0]: changed[1]})
    assume(other != home)
    assert compare_texts(data.draw(forms(home)), data.draw(forms(other))).match is Match.DIFFERENT


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 19999), st.sampled_from(NUMBER_FORMS))
def test_spoken_house_number_is_read(number: int, say: Callable[[int], str]) -> None:
    assert parse_address(f"{say(number)} Elm Street").number == str(number)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=1500), st.text(max_size=1500))
def test_any_text_is_compared_alike_in_both_orders(one: str, other: str) -> None:
    first, second = parse_address(one), parse_address(other)
    assert compare(first, second).match is compare(second, first).match
    assert compare(first, first).match is not Match.DIFFERENT


WORDS = (
    "1420",
    "14",
    "fourteen",
    "twenty",
    "fifth",
    "one",
    "oh",
    "half",
    "and",
    "a",
    "elm",
    "st",
    "street",
    "apt",
    "#",
    "2b",
    "b",
    "n",
    "ne",
    "north",
    ",",
    "in",
    "at",
    "ok",
    "73069",
    "norman",
    "the",
    "floor",
    "no",
    "1/2",
    "double",
    "mile",
    "hundred",
    "y",
    "dos",
    "bedroom",
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
)
def test_any_row_of_address_words_is_compared_alike(one: str, other: str) -> None:
    assert compare_texts(one, other).match is compare_texts(other, one).match
    assert compare_texts(one, one).match is not Match.DIFFERENT


@pytest.mark.parametrize(
    "word", ["1 ", "one ", "apt ", "fourteen twenty ", "n.", "(", "a-", "½", "half and a ", "dos y ", "Elm St "]
)
def test_work_is_bounded_however_long_the_text(word: str) -> None:
    def work(text: str) -> int:
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            parse_address(text)
        finally:
            sys.setprofile(before)
        return calls

    assert work(word * 10_000) <= 2 * work(word * 500) + 100
    assert work(word * 40) <= 10 * work(word * 8) + 1000
