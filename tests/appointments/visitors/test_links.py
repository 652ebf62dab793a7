"""The links of visitors: signed, short, and different for each viewing."""

from __future__ import annotations

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.appointments.visitors.links import ID_BYTES, TOKEN_CHARS, VisitorLinks
from peterental.notices.waitlist.links import OfferLinks

LINKS = VisitorLinks("a key for tests, long enough to be one", "https://rent.example.com/")
ALPHABET = string.ascii_letters + string.digits + "-_"
IDS = st.integers(1, 2**31 - 1)


@given(IDS)
def test_each_link_leads_to_its_viewing(appointment_id: int) -> None:
    token = LINKS.token(appointment_id)
    assert len(token) == TOKEN_CHARS
    assert set(token) <= set(ALPHABET)
    assert LINKS.appointment_of(token) == appointment_id
    assert LINKS.url(appointment_id) == f"https://rent.example.com/v/{token}"


@given(IDS, st.integers(0, TOKEN_CHARS - 1), st.sampled_from(ALPHABET))
def test_no_character_can_be_changed(appointment_id: int, place: int, character: str) -> None:
    token = LINKS.token(appointment_id)
    forged = token[:place] + character + token[place + 1 :]
    assert LINKS.appointment_of(forged) == (appointment_id if forged == token else None)


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert LINKS.appointment_of(text) is None


@given(IDS, IDS)
def test_the_signature_of_one_viewing_fits_no_other(one: int, other: int) -> None:
    decoded = [urlsafe_b64decode(LINKS.token(each) + "==") for each in (one, other)]
    spliced = urlsafe_b64encode(decoded[0][:ID_BYTES] + decoded[1][ID_BYTES:]).decode().rstrip("=")
    assert LINKS.appointment_of(spliced) == (one if one == other else None)


def test_spare_bits_do_not_make_a_second_link() -> None:
    token = LINKS.token(7)
    same = [
        token[:-1] + last
        for last in ALPHABET
        if urlsafe_b64decode(token[:-1] + last + "==") == urlsafe_b64decode(token + "==")
    ]
    assert len(same) == 16
    assert [LINKS.appointment_of(one) for one in same].count(7) == 1


@given(IDS)
def test_a_link_of_a_viewing_is_none_of_an_offer(number: int) -> None:
    offers = OfferLinks("a key for tests, long enough to be one", "https://rent.example.com/")
    assert offers.appointment_of(LINKS.token(number)) is None
    assert LINKS.appointment_of(offers.token(number)) is None


def test_another_key_ends_all_links() -> None:
    others = VisitorLinks("another key for tests, long enough", "https://rent.example.com")
    assert others.appointment_of(LINKS.token(7)) is None


def test_key_is_asked_for_at_the_first_use() -> None:
    asked: list[str] = []

    def key() -> str:
        asked.append("key")
        return "a key for tests, long enough to be one"

    links = VisitorLinks(key, "https://rent.example.com")
    assert asked == []
    assert links.token(7) == LINKS.token(7)
    assert links.appointment_of(LINKS.token(8)) == 8
    assert asked == ["key"]


@pytest.mark.parametrize("text", ["", "v", "A" * 17, "A" * 19, "é" * 18, " " + "A" * 17, "A" * 17 + "\n"])
def test_malformed_tokens_are_none(text: str) -> None:
    assert LINKS.appointment_of(text) is None
