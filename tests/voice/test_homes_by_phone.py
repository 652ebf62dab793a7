"""Homes of the catalogue in calls: which one is meant, what is asked, and what is stored."""

from __future__ import annotations

import pytest

from peterental.database.pool import Database
from tests.voice.homes import add_home
from tests.voice.phone import Phone

NAME = {"attendee_name": "Dolores Whitcomb"}
TOMORROW = "tomorrow, Monday the twenty-third, at three PM."


def book(phone: Phone, home: str, start: str = "tomorrow 3 pm", **more: object) -> str:
    return phone.say("set_appointment", NAME | {"property_address": home, "start_time": start} | more)


def stored(database: Database) -> list[tuple[object, ...]]:
    rows = database.fetch("SELECT property_id, property_address, is_home_unknown FROM appointments ORDER BY id")
    return [(row["property_id"], row["property_address"], row["is_home_unknown"]) for row in rows]


@pytest.fixture
def elm(database: Database, phone: Phone) -> int:
    """1420 Elm Street, and other homes."""
    assert phone
    add_home(database, "33 Boyd Street", bedrooms=2)
    add_home(database, "1205 N Porter Avenue", "2B", bedrooms=1)
    add_home(database, "1205 N Porter Avenue", "3A", bedrooms=2)
    add_home(database, "77 Oak Street")
    add_home(database, "77 Oak Court")
    return add_home(database, "1420 Elm Street", said_as=("The Gables",))


def test_spoken_address_books_the_home(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "fourteen twenty elm") == f"You're booked to see 1420 Elm Street, {TOMORROW}"
    assert stored(database) == [(elm, "fourteen twenty elm", False)]


def test_other_name_books_the_home(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "the Gables") == f"You're booked to see 1420 Elm Street, {TOMORROW}"
    assert stored(database) == [(elm, "the Gables", False)]


def test_misheard_number_is_asked_about(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "1402 Elm Street") == "Did you mean 1420 Elm Street?"
    assert stored(database) == []
    assert book(phone, "1420 Elm Street").startswith("You're booked to see 1420 Elm Street")
    assert stored(database) == [(elm, "1420 Elm Street", False)]


def test_same_words_after_the_question_are_taken_as_said(phone: Phone, database: Database, elm: int) -> None:
    assert elm
    assert book(phone, "1402 Elm Street") == "Did you mean 1420 Elm Street?"
    assert book(phone, "1402 Elm Street").startswith("You're booked to see 1402 Elm Street, tomorrow")
    assert stored(database) == [(None, "1402 Elm Street", True)]


@pytest.mark.parametrize(
    "answer", ["3A", "unit 3A", "1205 N Porter Avenue unit 3A", "the second one", "the two-bedroom"]
)
def test_units_are_told_apart(phone: Phone, database: Database, elm: int, answer: str) -> None:
    assert elm
    assert book(phone, "1205 Porter") == "At 1205 N Porter Avenue, do you mean unit 2B or unit 3A?"
    assert book(phone, answer).startswith("You're booked to see 1205 N Porter Avenue, Unit 3A, tomorrow")
    assert database.fetch("SELECT unit FROM appointments JOIN properties USING (property_id)") == [{"unit": "3A"}]


def test_availability_asks_too_and_the_booking_knows(phone: Phone, database: Database, elm: int) -> None:
    assert elm
    asked = phone.say("get_availability", {"property_address": "77 Oak", "date": "tomorrow"})
    assert asked == "Do you mean Oak Street or Oak Court?"
    offered = phone.say("get_availability", {"property_address": "Court", "date": "tomorrow"})
    assert offered.startswith("For 77 Oak Court, I have tomorrow")
    assert book(phone, "77 Oak Court").startswith("You're booked to see 77 Oak Court")


def test_unknown_home_is_asked_about_then_taken(phone: Phone, database: Database, elm: int) -> None:
    assert elm
    question = "I don't find 9 Birch Lane in our list of homes. Is that the right address?"
    assert phone.say("get_availability", {"property_address": "9 Birch Lane", "date": "tomorrow"}) == question
    assert phone.say("get_availability", {"property_address": "9 Birch Lane", "date": "tomorrow"}).startswith("For 9 B")
    assert book(phone, "9 Birch Lane").startswith("You're booked to see 9 Birch Lane")
    assert stored(database) == [(None, "9 Birch Lane", True)]
