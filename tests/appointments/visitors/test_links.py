"""The links of visitors: signed, short, and different for each viewing and each recipient."""

from __future__ import annotations

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.appointments.visitors.links import ID_BYTES, TOKEN_CHARS, VisitorLinks, id_in
from peterental.appointments.visitors.model import Contacts
from peterental.notices.waitlist.links import OfferLinks

KEY = "a key for tests, long enough to be one"
LINKS = VisitorLinks(KEY, "https://rent.example.com/")
ALPHABET = string.ascii_letters + string.digits + "-_"
NUMBER, EMAIL = "+14055550123", "max@example.com"
BOTH = Contacts(recipients=frozenset({NUMBER, EMAIL}), were_corrected=False)
IDS = st.integers(1, 2**31 - 1)


def viewing_of(token: str, contacts: Contacts = BOTH, links: VisitorLinks = LINKS) -> int | None:
    """Return the viewing to which a token leads."""
    found = id_in(token)
    return found if found is not None and links.is_valid(token, found, contacts) else None


@given(IDS, st.sampled_from([NUMBER, EMAIL, ""]))
def test_each_link_leads_to_its_viewing(appointment_id: int, recipient: str) -> None:
    token = LINKS.token(appointment_id, recipient)
    assert len(token) == TOKEN_CHARS
    assert set(token) <= set(ALPHABET)
    assert viewing_of(token) == appointment_id
    assert LINKS.url(appointment_id, recipient) == LINKS.url_of(token) == f"https://rent.example.com/v/{token}"


@given(IDS, st.text())
def test_link_ends_when_its_recipient_is_no_contact(appointment_id: int, recipient: str) -> None:
    token = LINKS.token(appointment_id, recipient)
    without = Contacts(recipients=frozenset({NUMBER, EMAIL} - {recipient}), were_corrected=True)
    assert viewing_of(token, without) is None


def test_link_without_a_recipient_ends_with_any_correction() -> None:
    token = LINKS.token(7, "")
    assert viewing_of(token) == 7
    assert viewing_of(token, Contacts(recipients=BOTH.recipients, were_corrected=True)) is None


@given(IDS, st.integers(0, TOKEN_CHARS - 1), st.sampled_from(ALPHABET))
def test_no_character_can_be_changed(appointment_id: int, place: int, character: str) -> None:
    token = LINKS.token(appointment_id, NUMBER)
    forged = token[:place] + character + token[place + 1 :]
    assert viewing_of(forged) == (appointment_id if forged == token else None)


@given(st.text(max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert viewing_of(text) is None


@given(IDS, IDS)
def test_the_signature_of_one_viewing_fits_no_other(one: int, other: int) -> None:
    decoded = [urlsafe_b64decode(LINKS.token(each, NUMBER) + "==") for each in (one, other)]
    spliced = urlsafe_b64encode(decoded[0][:ID_BYTES] + decoded[1][ID_BYTES:]).decode().rstrip("=")
    assert viewing_of(spliced) == (one if one == other else None)


def test_spare_bits_do_not_make_a_second_link() -> None:
    token = LINKS.token(7, NUMBER)
    same = [
        token[:-1] + last
        for last in ALPHABET
        if urlsafe_b64decode(token[:-1] + last + "==") == urlsafe_b64decode(token + "==")
    ]
    assert len(same) == 16
    assert [viewing_of(one) for one in same].count(7) == 1


@given(IDS)
def test_a_link_of_a_viewing_is_none_of_an_offer(number: int) -> None:
    offers = OfferLinks(KEY, "https://rent.example.com/")
    assert offers.entry_of(offers.token(number)) == number
    assert offers.entry_of(LINKS.token(number, "")) is None
    assert viewing_of(offers.token(number)) is None


@pytest.mark.parametrize("number", [0, 2**31, 2**32 - 1])
def test_id_that_no_row_can_have_is_none(number: int) -> None:
    assert id_in(LINKS.token(number, "")) is None


def test_another_key_ends_all_links() -> None:
    others = VisitorLinks("another key for tests, long enough", "https://rent.example.com")
    assert viewing_of(LINKS.token(7, NUMBER), links=others) is None


def test_key_is_asked_for_at_the_first_use() -> None:
    asked: list[str] = []

    def key() -> str:
        asked.append("key")
        return KEY

    links = VisitorLinks(key, "https://rent.example.com")
    assert asked == []
    assert links.token(7, NUMBER) == LINKS.token(7, NUMBER)
    assert viewing_of(LINKS.token(8, NUMBER), links=links) == 8
    assert asked == ["key"]


@pytest.mark.parametrize("text", ["", "v", "A" * 17, "A" * 19, "é" * 18, " " + "A" * 17, "A" * 17 + "\n"])
def test_malformed_tokens_are_none(text: str) -> None:
    assert viewing_of(text) is None
