"""Callers who name a viewing by its day or time: "cancel the Friday one", "la del viernes"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.voice.phone import BOYD, ELM, Phone, bookings

if TYPE_CHECKING:
    from peterental.database.pool import Database

TUESDAY, FRIDAY = "2026-11-24T15:00", "2026-11-27T10:00"


@pytest.fixture
def two_viewings(phone: Phone) -> Phone:
    """Book Elm Street on Tuesday at three, and Boyd Street on Friday at ten."""
    phone.say("set_appointment", ELM | {"start_time": TUESDAY})
    phone.say("set_appointment", BOYD | {"start_time": FRIDAY})
    phone.call_id = "call-2"
    return phone


def standing(database: Database) -> dict[str, str]:
    """Return the local day of month and hour of each confirmed viewing by its street."""
    return {row["home"].split()[1]: row["start"][8:13] for row in bookings(database) if row["status"] == "confirmed"}


BOTH = {"Elm": "24 21", "Boyd": "27 16"}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"property_address": "the Friday one"}, "Elm"),
        ({"property_address": "la del viernes"}, "Elm"),
        ({"property_address": "my Friday viewing"}, "Elm"),
        ({"property_address": "mi cita del martes"}, "Boyd"),
        ({"property_address": "the one on Tuesday at three"}, "Boyd"),
        ({"property_address": "the morning one"}, "Elm"),
        ({"property_address": "the ten o'clock"}, "Elm"),
        ({"property_address": "3 pm"}, "Boyd"),
        ({"property_address": "no la de Elm, la otra"}, "Elm"),
        ({"property_address": "la de las tres"}, "Boyd"),
        ({"date": "Friday"}, "Elm"),
        ({"start_time": TUESDAY}, "Boyd"),
        ({"start_time": "Friday at ten"}, "Elm"),
        ({"property_address": "the Friday one", "attendee_name": "Dolores Whitcomb"}, "Elm"),
        ({"property_address": "not the Friday one, the other one"}, "Boyd"),
        ({"property_address": "the other one, not the morning one"}, "Boyd"),
        ({"property_address": "no la del viernes, la otra"}, "Boyd"),
        ({"property_address": "33 Boyd, not 1420 Elm"}, "Elm"),
        ({"property_address": "not the Elm one, the other one"}, "Elm"),
        ({"property_address": "no la de Elm, la de Boyd"}, "Elm"),
    ],
)
def test_viewing_of_the_named_day_is_cancelled(
    two_viewings: Phone, database: Database, arguments: dict[str, str], left: str
) -> None:
    two_viewings.say("cancel_appointment", arguments)
    assert standing(database) == {left: BOTH[left]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"property_address": "the Monday one"},
        {"property_address": "la del lunes"},
        {"property_address": "the Friday one at three"},
        {"property_address": "Friday Street"},
        {"property_address": "the one at Elm on Friday"},
        {"property_address": "not the Monday one, the other one"},
        {"property_address": "not the Monday one"},
        {"property_address": "not the Elm one"},
        {"property_address": "the other one"},
        {"date": "Monday"},
        {"property_address": "1420 Elm Street", "date": "Friday"},
        {},
    ],
)
def test_day_of_no_viewing_cancels_nothing(two_viewings: Phone, database: Database, arguments: dict[str, str]) -> None:
    two_viewings.say("cancel_appointment", arguments)
    assert standing(database) == BOTH


@pytest.mark.parametrize("said", ["not the Friday one", "no la del viernes", "not the morning one"])
def test_viewing_that_is_left_over_is_asked_about(two_viewings: Phone, database: Database, said: str) -> None:
    for left in (BOTH, {"Boyd": BOTH["Boyd"]}):
        heard = two_viewings.say("cancel_appointment", {"property_address": said})
        assert "1420 Elm Street" in heard
        assert standing(database) == left


def test_answer_may_turn_the_other_viewing_down(two_viewings: Phone, database: Database) -> None:
    two_viewings.say("cancel_appointment")
    artifact = {"messages": [{"role": "user", "message": "Not the Friday one."}]}
    two_viewings.say("cancel_appointment", artifact=artifact)
    assert standing(database) == {"Boyd": BOTH["Boyd"]}


def test_three_viewings_to_choose_from_are_named_by_their_homes(two_viewings: Phone) -> None:
    two_viewings.say("set_appointment", ELM | {"property_address": "8 Gray Street", "start_time": "2026-11-25T15:00"})
    assert two_viewings.say("cancel_appointment", {"attendee_name": "Dolores Whitcomb"}) == (
        "You have viewings of 1420 Elm Street, Norman, Oklahoma, of 8 Gray Street, and of 33 Boyd Street."
        " Which one do you mean?"
    )
    two_viewings.say("set_appointment", ELM | {"property_address": "9 Oak Lane", "start_time": "2026-11-30T15:00"})
    assert two_viewings.say("cancel_appointment", {"attendee_name": "Dolores Whitcomb"}).endswith(
        ", of 8 Gray Street, of 33 Boyd Street, and more. Which one do you mean?"
    )


def test_only_viewing_on_another_day_is_asked_about(phone: Phone, database: Database) -> None:
    phone.say("set_appointment", ELM | {"start_time": TUESDAY})
    phone.call_id = "call-2"
    assert "Elm" in phone.say("cancel_appointment", {"start_time": FRIDAY})
    assert standing(database) == {"Elm": BOTH["Elm"]}
    phone.say("cancel_appointment", {"start_time": FRIDAY})
    assert standing(database) == {}


@pytest.mark.parametrize(
    ("start_time", "moved"),
    [
        ("the Friday one to Saturday the 28th at three", BOTH),
        ("the Friday one to Monday at three", {"Elm": "24 21", "Boyd": "23 21"}),
        ("the Friday one to Monday the 30th at three", {"Elm": "24 21", "Boyd": "30 21"}),
        ("the Friday one to tomorrow at three", {"Elm": "24 21", "Boyd": "23 21"}),
        ("la del viernes para el lunes 30 a las tres", {"Elm": "24 21", "Boyd": "30 21"}),
        ("cambie la del martes al lunes 30 a las tres", {"Elm": "30 21", "Boyd": "27 16"}),
        ("from Tuesday to Monday the thirtieth at three", {"Elm": "30 21", "Boyd": "27 16"}),
        ("not the Friday one, the other one to Monday at three", {"Elm": "23 21", "Boyd": "27 16"}),
        ("not the Tuesday one, the other one, to Tuesday at four", {"Elm": "24 21", "Boyd": "24 22"}),
        ("no la del viernes, la otra, al lunes 30 a las tres", {"Elm": "30 21", "Boyd": "27 16"}),
        ("not the Wednesday one, the other one to Monday at three", BOTH),
        ("the other one to Monday at three", BOTH),
        ("the Wednesday one to Monday at three", BOTH),
        ("Monday at three", BOTH),
    ],
)
def test_viewing_of_the_named_day_is_moved(
    two_viewings: Phone, database: Database, start_time: str, moved: dict[str, str]
) -> None:
    two_viewings.say("reschedule_appointment", {"start_time": start_time})
    assert standing(database) == moved


def test_answer_to_which_viewing_may_be_its_day(two_viewings: Phone, database: Database) -> None:
    two_viewings.say("cancel_appointment")
    artifact = {"messages": [{"role": "user", "message": "the Friday one"}]}
    two_viewings.say("cancel_appointment", artifact=artifact)
    assert standing(database) == {"Elm": BOTH["Elm"]}


def test_day_in_an_answer_to_which_viewing_moves_nothing(two_viewings: Phone, database: Database) -> None:
    """It may be the day of the viewing, or the new one."""
    two_viewings.say("reschedule_appointment", {"start_time": "Monday at three"})
    artifact = {"messages": [{"role": "user", "message": "Friday"}]}
    two_viewings.say("reschedule_appointment", {"start_time": "Monday at three"}, artifact=artifact)
    assert standing(database) == BOTH


def test_day_in_the_callers_line_counts_only_as_an_answer(two_viewings: Phone, database: Database) -> None:
    artifact = {"messages": [{"role": "user", "message": "I can't on Friday, cancel it"}]}
    two_viewings.say("cancel_appointment", artifact=artifact)
    assert standing(database) == BOTH


def test_yes_after_a_question_answers_it_and_not_the_earlier_offer(phone: Phone, database: Database) -> None:
    phone.say("get_availability", {"date": "Tuesday", "time_of_day": "at 3 pm"})
    phone.say("get_availability", {"date": "Tuesday", "time_of_day": "between three and half past three"})
    asked = phone.say("set_appointment", ELM | {"start_time": "same time on Friday"})
    assert "Friday the twenty-seventh at three PM" in asked
    assert standing(database) == {}
    phone.say("set_appointment", ELM | {"start_time": "yes"})
    assert standing(database) == {"Elm": "27 21"}


TUESDAY_IS = "You have a viewing of 1420 Elm Street, Norman, Oklahoma, on Tuesday the twenty-fourth at three PM."
FRIDAY_IS = "You have a viewing of 33 Boyd Street, on Friday the twenty-seventh at ten AM."
NO_MATCH = "I don't find an upcoming viewing that matches."
WHOSE = "I see a booking for this number. What name is it under, or which address is it for?"


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ({"attendee_name": "Dolores Whitcomb", "property_address": "the one on Friday"}, FRIDAY_IS),
        ({"attendee_name": "Dolores", "property_address": "la del martes"}, TUESDAY_IS),
        ({"attendee_name": "Dolores", "date": "Friday"}, FRIDAY_IS),
        ({"attendee_name": "Dolores", "start_time": "2026-11-24"}, TUESDAY_IS),
        ({"attendee_name": "Dolores", "property_address": "the morning one"}, FRIDAY_IS),
        ({"property_address": "33 Boyd Street", "date": "Friday"}, FRIDAY_IS),
        ({"attendee_name": "Dolores", "property_address": "the one on Monday"}, NO_MATCH),
        ({"property_address": "33 Boyd Street", "date": "Tuesday"}, NO_MATCH),
        ({"attendee_name": "Ottilie", "date": "Friday"}, NO_MATCH),
        ({"property_address": "the one on Friday"}, WHOSE),
        ({"date": "Friday"}, WHOSE),
        ({"attendee_name": "unknown", "date": "Friday"}, WHOSE),
    ],
)
def test_day_tells_which_viewing_is_found(two_viewings: Phone, arguments: dict[str, str], heard: str) -> None:
    assert two_viewings.say("find_appointment", arguments) == heard


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"property_address": "the second one"}, "Elm"),
        ({"property_address": "the first one", "attendee_name": "Dolores Whitcomb"}, "Boyd"),
        ({"start_time": "the last one"}, "Elm"),
        ({"property_address": "la primera"}, "Boyd"),
        ({"property_address": "the later one"}, "Elm"),
        ({"property_address": "not the first one, the other one"}, "Elm"),
        ({"property_address": "not the first one, the second one"}, "Elm"),
        ({"property_address": "no la segunda, la otra"}, "Boyd"),
        ({"property_address": "not the first one"}, "Elm"),
        ({"property_address": "not the Friday one"}, "Boyd"),
    ],
)
def test_place_in_the_question_names_a_viewing(
    two_viewings: Phone, database: Database, arguments: dict[str, str], left: str
) -> None:
    assert "Which one do you mean" in two_viewings.say("cancel_appointment", {"attendee_name": "Dolores Whitcomb"})
    two_viewings.say("cancel_appointment", arguments)
    assert standing(database) == {left: BOTH[left]}


@pytest.mark.parametrize(
    "said",
    [
        "the third one",
        "not the third one",
        "the other one",
        "the first or the second one",
        "not the third one, the other one",
    ],
)
def test_place_that_names_no_viewing_cancels_nothing(two_viewings: Phone, database: Database, said: str) -> None:
    two_viewings.say("cancel_appointment", {"attendee_name": "Dolores Whitcomb"})
    two_viewings.say("cancel_appointment", {"property_address": said})
    assert standing(database) == BOTH


def test_place_means_nothing_before_the_viewings_were_named(two_viewings: Phone, database: Database) -> None:
    assert "What is the address" in two_viewings.say("cancel_appointment")
    two_viewings.say("cancel_appointment", {"property_address": "the second one"})
    assert standing(database) == BOTH


def test_place_in_the_question_names_the_viewing_to_move(two_viewings: Phone, database: Database) -> None:
    two_viewings.say("reschedule_appointment", {"start_time": "Monday at three", "attendee_name": "Dolores Whitcomb"})
    two_viewings.say("reschedule_appointment", {"start_time": "Monday at three", "property_address": "the second one"})
    assert standing(database) == {"Elm": "24 21", "Boyd": "23 21"}
