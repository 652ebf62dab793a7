"""Phone numbers in E.164, whatever they come as; and what is no number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peterental.phone_numbers import (
    dialable,
    last_digits,
    means_caller_number,
    network_number,
    normalise,
    readable,
    region_of,
    same_number,
)


def rows() -> list[tuple[str, str, str | None]]:
    lines = Path(__file__).with_name("phone_numbers.txt").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.strip() and line[0] != "#"]
    return [(region, raw, None if e164 == "-" else e164) for region, raw, e164 in cells]


ROWS = rows()


@pytest.mark.parametrize(("region", "raw", "e164"), ROWS)
def test_number_is_written_in_e164(region: str, raw: str, e164: str | None) -> None:
    assert normalise(raw, region) == e164


def test_table_has_enough_rows() -> None:
    assert len(set(ROWS)) == len(ROWS) >= 60


@pytest.mark.parametrize(
    "raw",
    [
        None,
        True,
        False,
        0,
        -4055550100,
        5.5,
        [],
        {},
        b"4055550100",
        10**16,
        10**400,
        "",
        "4" * 201,
        "\x00",
        "\ud800",
        "½",
    ],
)
def test_what_is_no_text_is_no_number(raw: Any) -> None:
    assert normalise(raw) is None
    assert dialable(raw) is None


def test_number_as_an_integer_is_read() -> None:
    assert normalise(4055550123) == "+14055550123"


def test_numbers_are_compared_in_e164() -> None:
    assert same_number("sip:4055550100@pbx", "+1 (405) 555-0100")
    assert same_number("07400 123456", "+447400123456", "GB")
    assert not same_number("405 555 0100", "405 555 0101")
    assert not same_number("anonymous", "anonymous")
    assert not same_number(None, None)


@pytest.mark.parametrize(
    ("raw", "dialled"),
    [
        ("405 555 0100", "+14055550100"),
        ("405 555 0100 ext. 5", "+14055550100;ext=5"),
        ("call me at 405-555-0100 ext 7", "+14055550100;ext=7"),
        ("555 0100", "5550100"),
        ("555-0100", "5550100"),
        ("555-5555", None),
        ("1234567", None),
        ("155 0100", None),
        ("7748483", None),
        ("the same", None),
    ],
)
def test_local_number_and_extension_can_be_dialled(raw: str, dialled: str | None) -> None:
    assert dialable(raw) == dialled


@pytest.mark.parametrize(
    "text",
    [
        *("same number I'm calling from", "the number I'm calling from", "this number", "this one", "the same", "same"),
        *(
            "the number I called from",
            "my caller ID",
            "it's the same number",
            "this phone",
            "the one I am calling from",
        ),
        *("este número", "el mismo número", "el mismo", "el número del que llamo"),
    ],
)
def test_words_for_the_callers_own_number_are_known(text: str) -> None:
    assert means_caller_number(text)


@pytest.mark.parametrize(
    "text", ["", "my number", "not this number", "405 555 0100", "the office", "same as Ana's", "."]
)
def test_other_words_are_not_the_callers_number(text: str) -> None:
    assert not means_caller_number(text)


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("America/Chicago", "US"),
        ("US/Central", "US"),
        ("America/Toronto", "CA"),
        ("Canada/Pacific", "CA"),
        ("America/Mexico_City", "MX"),
        ("Europe/London", "GB"),
        ("Europe/Amsterdam", "NL"),
        ("Asia/Calcutta", "IN"),
        ("Australia/Sydney", "AU"),
        ("UTC", "US"),
        ("Etc/GMT+5", "US"),
        ("no/such", "US"),
        ("", "US"),
    ],
)
def test_region_follows_the_time_zone(zone: str, region: str) -> None:
    assert region_of(zone) == region


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True).filter(lambda digits: len(set(digits)) > 1))
def test_every_form_of_an_american_number_agrees(digits: str) -> None:
    if normalise(digits) is None:  # the keypad spelling of "restricted", a counted sequence
        return
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    forms = (
        f"+1{digits}", f"1{digits}", f"001{digits}", f"({area}) {exchange}-{line}", f"{area}.{exchange}.{line}",
        f"+1 {area} {exchange} {line}", f"sip:+1{digits}@host", f"tel:+1{digits}", f"sip:{digits}@host:5060",
    )  # fmt: skip
    assert {normalise(form) for form in forms} == {f"+1{digits}"}


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"\+1([0-9]{9,11}|([0-9])\2{9})", fullmatch=True), st.sampled_from(("US", "GB", "MX")))
def test_e164_is_read_as_with_a_space_before_it(text: str, region: str) -> None:
    assert normalise(text, region) == normalise(f" {text}", region), "the short cut has the result of the parser"


@pytest.mark.parametrize("digits", ["2222222222", "9876543210", "2345678901", "7378742833", "1234567890", "5550142100"])
def test_short_cut_knows_placeholders(digits: str) -> None:
    assert normalise(f"+1{digits}") == normalise(f" +1{digits}")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.sampled_from(("US", "GB", "MX", "DE", "ZZ", "")))
def test_any_text_is_read_without_an_exception(text: str, region: str) -> None:
    found = normalise(text, region)
    assert found is None or (found[0] == "+" and found[1:].isdecimal() and found.isascii())
    assert normalise(found or "", region) == found
    assert isinstance(means_caller_number(text), bool)
    dialable(text, region)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789+-() .;:@sipteltxone", max_size=200))
def test_any_text_of_digits_is_read_without_an_exception(text: str) -> None:
    found = normalise(text)
    assert normalise(found or "") == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [("+15550142100", "+15550142100"), ("(555) 014-2100", "5550142100"), ("anonymous", None), ("+266696687", None), ("Restricted", None), ("sip:ana@example.com", None), ("sip:+15550142100@carrier.example;transport=udp", "+15550142100"), ("tel:+1-555-014-2100", "+15550142100"), ("911", None), ("1" * 16, None), (15550142100, None), ("٠١٢٣٤٥٦٧٨", None)],
)  # fmt: skip
def test_network_number_is_plus_and_digits(value: object, expected: str | None) -> None:
    assert network_number(value) == expected


def test_last_digits_are_the_same_in_every_form() -> None:
    forms = ("+14055550100", "0014055550100", "14055550100", "4055550100", "(405) 555-0100")
    assert {last_digits(form) for form in forms} == {"5550100"}
    assert last_digits(None) is None


@pytest.mark.parametrize(
    ("number", "region", "expected"),
    [
        ("+14055550123", "US", "(405) 555-0123"),
        ("405.555.0123", "US", "(405) 555-0123"),
        ("(405) 555-0123", "US", "(405) 555-0123"),
        ("+14055550123", "PT", "+1 405-555-0123"),
        ("+442079460000", "GB", "020 7946 0000"),
        ("+442079460000", "US", "+44 20 7946 0000"),
        ("(555) 016-3021", "PT", "(555) 016-3021"),
        ("555 0100", "US", "555 0100"),
        ("ask for Ana", "US", "ask for Ana"),
        ("405 555 0123 (mobile)", "US", "405 555 0123 (mobile)"),
        ("", "US", ""),
        ("9" * 500, "US", "9" * 500),
    ],
)
def test_number_is_written_as_in_the_country(number: str, region: str, expected: str) -> None:
    assert readable(number, region) == expected
