"""Homes of the catalogue in calls: which one is meant, what is asked, and what is stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from peterental.database.pool import Database
from tests.together import at_once
from tests.voice.homes import add_home
from tests.voice.phone import ANA, BEN, Clock, Phone, services_on, webhook

RACERS = 8
LATER = [datetime(2036, 11, 24, hour, minute, tzinfo=UTC) for hour, minute in ((15, 0), (15, 30), (15, 30))]
"""Start, end, and the end of the buffer of a viewing after the present, which triggers know."""
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
    add_home(database, "5 Flood Avenue", status="inactive")
    add_home(database, "8 Gray Street", shown_by="ben")
    return add_home(database, "1420 Elm Street", said_as=("The Gables",))


def test_spoken_address_books_the_home(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "fourteen twenty elm") == f"You're booked to see 1420 Elm Street, {TOMORROW}"
    assert stored(database) == [(elm, "fourteen twenty elm", False)]


def test_other_name_books_the_home(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "the Gables") == f"You're booked to see 1420 Elm Street, {TOMORROW}"
    assert stored(database) == [(elm, "the Gables", False)]


@pytest.mark.parametrize("said", ["33 Boyd, not 1420 Elm", "no la de Elm, la de Boyd", "the Boyd one instead of Elm"])
def test_home_that_is_turned_down_is_not_booked(phone: Phone, elm: int, said: str) -> None:
    assert elm
    assert book(phone, "not the Elm one") == "Which home would you like to see?"
    assert book(phone, said) == f"You're booked to see 33 Boyd Street, {TOMORROW}"


def test_number_heard_as_words_books_the_home(phone: Phone, elm: int) -> None:
    assert elm
    assert book(phone, "one for twenty elm") == f"You're booked to see 1420 Elm Street, {TOMORROW}"


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
    assert book(phone, "1205 Porter") == "At 1205 North Porter Avenue, do you mean unit 2B or unit 3A?"
    assert book(phone, answer).startswith("You're booked to see 1205 North Porter Avenue, Unit 3A, tomorrow")
    assert database.fetch("SELECT unit FROM appointments JOIN properties USING (property_id)") == [{"unit": "3A"}]


def test_availability_asks_too(phone: Phone, elm: int) -> None:
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


@pytest.mark.usefixtures("elm")
def test_retired_home_is_not_booked(phone: Phone, database: Database) -> None:
    assert book(phone, "5 Flood") == (
        "I'm sorry, 5 Flood Avenue is no longer available. Would you like to see another home?"
    )
    assert phone.say("get_availability", {"property_address": "five flood avenue"}).startswith("I'm sorry, 5 Flood")
    assert stored(database) == []


@pytest.mark.usefixtures("elm")
def test_home_of_a_colleague_is_left_to_a_message(phone: Phone, database: Database) -> None:
    heard = "Another colleague shows 8 Gray Street so I can't book it here. Shall I take a message?"
    assert book(phone, "8 Gray Street") == heard
    phone.assistant_id = BEN
    assert book(phone, "8 Gray Street").startswith("You're booked to see 8 Gray Street")
    assert len(stored(database)) == 1


@pytest.mark.usefixtures("elm")
def test_yes_after_the_question_takes_the_home(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "1402 Elm Street") == "Did you mean 1420 Elm Street?"
    history: dict[str, Any] = {"artifact": {"messages": [{"role": "user", "message": "Yes, that's the one."}]}}
    arguments = NAME | {"property_address": "1402 Elm Street", "start_time": "tomorrow 3 pm"}
    assert phone.say("set_appointment", arguments, **history).startswith("You're booked to see 1420 Elm Street")
    assert stored(database) == [(elm, "1402 Elm Street", False)]


@pytest.mark.usefixtures("elm")
def test_no_after_the_question_does_not(phone: Phone, database: Database) -> None:
    assert book(phone, "1402 Elm Street") == "Did you mean 1420 Elm Street?"
    history: dict[str, Any] = {"artifact": {"messages": [{"role": "user", "message": "No, not that one."}]}}
    arguments = NAME | {"property_address": "1402 Elm Street", "start_time": "tomorrow 3 pm"}
    assert phone.say("set_appointment", arguments, **history).startswith("You're booked to see 1402 Elm Street")
    assert stored(database) == [(None, "1402 Elm Street", True)]


@pytest.mark.usefixtures("elm")
def test_several_homes_are_asked_about_twice_then_taken_as_said(phone: Phone, database: Database) -> None:
    question = "At 1205 North Porter Avenue, do you mean unit 2B or unit 3A?"
    assert [book(phone, "1205 Porter") for _ in range(2)] == [question, question]
    assert book(phone, "1205 Porter").startswith("You're booked to see 1205 Porter, tomorrow")
    assert stored(database) == [(None, "1205 Porter", True)]


@pytest.mark.usefixtures("elm")
def test_unit_that_is_not_there_is_asked_about(phone: Phone) -> None:
    heard = "Did you mean 1205 North Porter Avenue, Unit 2B, or 1205 North Porter Avenue, Unit 3A?"
    assert book(phone, "1205 North Porter unit 9") == heard


@pytest.mark.usefixtures("elm")
def test_only_bedrooms_may_be_said(phone: Phone) -> None:
    assert book(phone, "the one-bedroom").startswith("You're booked to see 1205 North Porter Avenue, Unit 2B")
    assert book(phone, "the two-bedroom", "tomorrow 4 pm") == "Do you mean Boyd or Porter?"
    assert book(phone, "Boyd", "tomorrow 4 pm").startswith("You're booked to see 33 Boyd Street")
    assert book(phone, "the seven-bedroom") == "Which home would you like to see?"


@pytest.mark.usefixtures("elm")
@pytest.mark.parametrize("home", ["TBD", "{{property}}", "any", "the home"])
def test_placeholders_are_asked_for(phone: Phone, database: Database, home: str) -> None:
    assert book(phone, home) == "Which home would you like to see?"
    assert phone.say("get_availability", {"property_address": home, "date": "tomorrow"}).startswith("I have tomorrow")
    assert stored(database) == []


@pytest.mark.usefixtures("elm")
def test_many_units_are_asked_for_by_unit(phone: Phone, database: Database) -> None:
    for unit in range(1, 6):
        add_home(database, "400 Main Street", str(unit))
        add_home(database, f"{unit}01 Jenkins Avenue")
    assert book(phone, "400 Main") == "There are several homes at 400 Main Street. Which unit do you mean?"
    assert book(phone, "4").startswith("You're booked to see 400 Main Street, Unit 4")
    assert book(phone, "the one on Jenkins", "tomorrow 4 pm") == (
        "There are several, for example 101 Jenkins Avenue, 201 Jenkins Avenue or 301 Jenkins Avenue."
        " What is the house number?"
    )
    assert book(phone, "401", "tomorrow 4 pm").startswith("You're booked to see 401 Jenkins Avenue")


def test_cities_and_bedrooms_tell_homes_apart(phone: Phone, database: Database) -> None:
    add_home(database, "12 Lake Road", city="Norman")
    add_home(database, "12 Lake Road", city="Moore")
    add_home(database, "3 Hill Road", bedrooms=1)
    add_home(database, "3 Hill Road", bedrooms=2)
    assert book(phone, "12 Lake Road") == "Do you mean 12 Lake Road in Norman or Moore?"
    assert book(phone, "Moore").startswith("You're booked to see 12 Lake Road")
    assert book(phone, "3 Hill Road", "tomorrow 4 pm") == (
        "At 3 Hill Road, do you mean the one with one bedroom or two bedrooms?"
    )
    assert book(phone, "two bedrooms", "tomorrow 4 pm").startswith("You're booked to see 3 Hill Road")
    cities = database.fetch("SELECT city, bedrooms FROM appointments JOIN properties USING (property_id) ORDER BY id")
    assert [(row["city"], row["bedrooms"]) for row in cities] == [("Moore", None), ("Norman", 2)]


@pytest.mark.usefixtures("elm")
def test_spanish(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    assert book(phone, "1402 Elm Street") == "¿Quiso decir 1420 Elm Street?"
    assert book(phone, "1205 Porter") == "En 1205 North Porter Avenue, ¿quiere decir la unidad 2B o la unidad 3A?"
    assert book(phone, "la 3A", "mañana a las cuatro de la tarde").startswith(
        "Tiene reservada la visita de 1205 North Porter"
    )
    assert (
        book(phone, "1205 Porter", "mañana a las diez")
        == "En 1205 North Porter Avenue, ¿quiere decir la unidad 2B o la unidad 3A?"
    )
    assert book(phone, "la primera", "mañana a las diez").startswith(
        "Tiene reservada la visita de 1205 North Porter Avenue, unidad 2B"
    )
    assert book(phone, "9 Birch Lane") == (
        "No encuentro 9 Birch Lane en nuestra lista de viviendas. ¿Es correcta la dirección?"
    )
    assert book(phone, "5 Flood Avenue") == (
        "Lo siento, 5 Flood Avenue ya no está disponible. ¿Le gustaría ver otra vivienda?"
    )
    assert book(phone, "8 Gray Street") == (
        "Otro colega enseña 8 Gray Street y no puedo reservarla aquí. ¿Quiere dejar un recado?"
    )
    assert book(phone, "catorce veinte Elm", "mañana a las tres de la tarde").startswith(
        "Tiene reservada la visita de 1420 Elm Street"
    )


# --- the caller's own viewings ---------------------------------------------------------------------------------------


def test_same_home_said_in_another_way_is_the_same_viewing(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "fourteen twenty Elm").startswith("You're booked")
    assert book(phone, "the Gables").startswith("You're booked to see 1420 Elm Street")
    assert book(phone, "The Gables", "tomorrow 4 pm") == (
        f"You already have a viewing of 1420 Elm Street, {TOMORROW.removesuffix('.')}. Shall I move it?"
    )
    assert stored(database) == [(elm, "fourteen twenty Elm", False)]


@pytest.mark.usefixtures("elm")
def test_viewings_are_found_moved_and_cancelled_by_any_name(phone: Phone) -> None:
    assert book(phone, "fourteen twenty Elm").startswith("You're booked")
    assert book(phone, "33 Boyd", "tomorrow 10 am").startswith("You're booked")
    assert phone.say("find_appointment", {"property_address": "the Gables"}) == (
        f"You have a viewing of 1420 Elm Street, {TOMORROW}"
    )
    assert phone.say("reschedule_appointment", {"property_address": "Gables", "start_time": "tomorrow 4 pm"}) == (
        "Your viewing of 1420 Elm Street is now tomorrow, Monday the twenty-third, at four PM."
    )
    assert phone.say("cancel_appointment", {"property_address": "1402 Elm"}).startswith("I don't find")
    assert phone.say("cancel_appointment", {"property_address": "The Gables"}).startswith(
        "Your viewing of 1420 Elm Street"
    )


@pytest.mark.usefixtures("elm")
def test_units_of_one_house_are_two_homes(phone: Phone) -> None:
    assert book(phone, "1205 N Porter unit 2B").startswith("You're booked")
    assert book(phone, "1205 N Porter unit 3A", "tomorrow 4 pm").startswith("You're booked")
    assert phone.say("cancel_appointment", {"property_address": "1205 N Porter"}) == (
        "You have a viewing of 1205 North Porter Avenue, Unit 2B, tomorrow, Monday the twenty-third, at three PM,"
        " and of 1205 North Porter Avenue, Unit 3A, tomorrow, Monday the twenty-third, at four PM."
        " Which one do you mean: unit 2B or unit 3A?"
    )
    assert phone.say("cancel_appointment", {"property_address": "unit 3A"}).startswith(
        "Your viewing of 1205 North Porter Avenue, Unit 3A"
    )


# --- rules of a home -------------------------------------------------------------------------------------------------


def test_hours_length_and_notice_of_a_home_narrow_the_times(phone: Phone, database: Database) -> None:
    home = add_home(database, "1420 Elm Street", showing_minutes=60, notice_minutes=2 * 24 * 60)
    database.fetch(
        "INSERT INTO property_windows SELECT %s, day, '10:00', '12:00' FROM generate_series(1, 5) AS day", [home]
    )
    offered = phone.say("get_availability", {"property_address": "1420 Elm"})
    assert offered == (
        "For 1420 Elm Street, I have Tuesday the twenty-fourth at ten AM, or Wednesday the twenty-fifth at ten AM,"
        " or Thursday the twenty-sixth at ten AM. Which would you like?"
    )
    assert "two days ahead" in book(phone, "1420 Elm", "tomorrow 10 am")
    assert book(phone, "1420 Elm", "Tuesday 11:30 am").startswith("The last viewing starts at eleven AM")
    assert book(phone, "1420 Elm", "Tuesday 11 am").startswith("You're booked to see 1420 Elm Street")
    (row,) = database.fetch("SELECT end_time - start_time AS length FROM appointments")
    assert row["length"].total_seconds() == 3600
    moved = phone.say("reschedule_appointment", {"start_time": "Tuesday 3 pm"})
    assert moved.startswith("The last viewing starts at eleven AM")
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday 10 am"}).startswith("Your viewing of 1420 Elm")


def test_catalogue_that_gets_its_first_home_is_noticed(phone: Phone, database: Database) -> None:
    assert book(phone, "14 Birch Lane").startswith("You're booked to see 14 Birch Lane")
    add_home(database, "1420 Elm Street")
    assert book(phone, "1402 Elm Street", "tomorrow 4 pm") == "Did you mean 1420 Elm Street?"
    database.fetch("DELETE FROM properties")
    assert book(phone, "99 Oak Lane", "tomorrow 4 pm").startswith("You're booked to see 99 Oak Lane")


# --- one viewing of a home at a time ---------------------------------------------------------------------------------


@pytest.fixture
def one_at_a_time(database: Database) -> None:
    """The office wants that two viewings of one home do not overlap."""
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")


@pytest.mark.usefixtures("one_at_a_time")
def test_other_agents_viewing_of_the_home_takes_its_time(phone: Phone, database: Database, elm: int) -> None:
    assert book(phone, "1420 Elm Street").startswith("You're booked")
    other = Phone(phone.client, call_id="call-2", assistant_id=BEN, number="+14055550123")
    assert other.say("get_availability", {"property_address": "1420 Elm", "date": "tomorrow at 3 pm"}).startswith(
        "I have nothing free for 1420 Elm Street tomorrow, Monday the twenty-third, at three PM."
    )
    assert book(other, "1420 Elm Street").startswith(
        "I'm sorry, tomorrow, Monday the twenty-third, at three PM, is taken."
    )
    assert book(other, "33 Boyd Street").startswith("You're booked"), "another home at that time"
    assert other.say("cancel_appointment", {"property_address": "33 Boyd"}).startswith("Your viewing")
    assert book(other, "1420 Elm Street", "tomorrow 3:30 pm").startswith("You're booked")
    assert "is taken" in other.say(
        "reschedule_appointment", {"property_address": "1420 Elm", "start_time": "tomorrow 3 pm"}
    )
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 2:30 pm"}).startswith("Your viewing")
    assert other.say(
        "reschedule_appointment", {"property_address": "1420 Elm", "start_time": "tomorrow 3 pm"}
    ).startswith("Your viewing of 1420 Elm Street is now")
    assert phone.say("cancel_appointment").startswith("Your viewing")
    assert len(database.fetch("SELECT appointment_id FROM property_viewings WHERE property_id = %s", [elm])) == 1


def test_viewings_overlap_where_the_office_allows_it(phone: Phone, database: Database, elm: int) -> None:
    assert elm
    assert book(phone, "1420 Elm Street").startswith("You're booked")
    other = Phone(phone.client, call_id="call-2", assistant_id=BEN, number="+14055550123")
    assert book(other, "1420 Elm Street").startswith("You're booked")
    assert database.fetch("SELECT appointment_id FROM property_viewings") == []
    database.fetch("UPDATE appointments SET start_time = %s, end_time = %s, blocked_until = %s", LATER)
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    assert len(database.fetch("SELECT appointment_id FROM property_viewings")) == 1, (
        "of those that overlap the first counts"
    )
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = FALSE")
    assert database.fetch("SELECT appointment_id FROM property_viewings") == []


@pytest.mark.usefixtures("one_at_a_time")
@pytest.mark.parametrize("is_race", [False, True])
def test_time_that_two_callers_were_offered_goes_to_one(
    phone: Phone, database: Database, elm: int, *, is_race: bool
) -> None:
    """An offer by phone holds nothing. Who comes second hears that, in a sentence, and a time that is free for both."""
    asked = {"property_address": "1420 Elm", "date": "tomorrow at 3 pm"}
    other = Phone(phone.client, call_id="call-2", assistant_id=BEN, number="+14055550123")
    for caller in (phone, other):
        assert "three PM" in caller.say("get_availability", asked)
    bookings: list[Callable[[], str]] = [partial(book, caller, "1420 Elm Street") for caller in (phone, other)]
    heard = at_once(bookings) if is_race else [booking() for booking in bookings]
    booked, refused = sorted(heard, key=lambda sentence: sentence.startswith("I'm sorry"))
    assert booked == f"You're booked to see 1420 Elm Street, {TOMORROW}"
    assert refused.startswith("I'm sorry, tomorrow, Monday the twenty-third, at three PM, is taken. The nearest I have")
    second = other if heard[0] == booked else phone
    assert "two thirty PM" in refused
    assert book(second, "1420 Elm Street", "tomorrow 2:30 pm").startswith("You're booked to see 1420 Elm Street")
    assert stored(database) == [(elm, "1420 Elm Street", False)] * 2
    assert database.fetch("SELECT COUNT(*) AS number FROM tool_calls WHERE outcome = 'fault'") == [{"number": 0}]


@pytest.mark.usefixtures("one_at_a_time")
def test_person_may_overbook_a_home_on_purpose(database: Database, elm: int) -> None:
    for agent, allowed in (("ana", False), ("ben", True)):
        database.fetch(
            """
            INSERT INTO appointments (
                agent_id, property_id, property_address, start_time, end_time, attendee_name, overlap_allowed
            ) VALUES (%s, %s, 'Elm', '2026-11-23 15:00Z', '2026-11-23 15:30Z', 'Dolores', %s)
            """,
            [agent, elm, allowed],
        )
    assert len(database.fetch("SELECT appointment_id FROM property_viewings")) == 1


@pytest.mark.usefixtures("one_at_a_time")
def test_overbooked_viewing_that_a_caller_moves_is_like_any_other(phone: Phone, database: Database, elm: int) -> None:
    """What a user confirmed was about the time before: the new one is protected by the constraints again."""
    assert book(phone, "1420 Elm Street").startswith("You're booked")
    database.fetch("UPDATE appointments SET overlap_allowed = TRUE")
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}).startswith("Your viewing")
    (row,) = database.fetch("SELECT overlap_allowed, property_id FROM appointments")
    assert row == {"overlap_allowed": False, "property_id": elm}


@pytest.mark.usefixtures("one_at_a_time")
def test_racing_callers_of_two_agents_get_one_viewing(
    database_url: str, database: Database, clock: Clock, elm: int
) -> None:
    """Every round all callers ask at once for one home at one time, on the lines of two agents."""
    assert elm
    pool = Database(database_url, pool_size=RACERS)
    client = webhook(services_on(pool, clock), clock)
    for turn in range(6):
        start = f"2026-11-{23 + turn % 3}T{9 + turn}:00"
        phones = [
            Phone(client, call_id=f"race-{turn}-{n}", assistant_id=(ANA, BEN)[n % 2], number=f"+1405555{turn}1{n:02}")
            for n in range(RACERS)
        ]
        heard = at_once([partial(book, phone, "1420 Elm Street", start) for phone in phones])
        assert sorted(line.startswith("You're booked") for line in heard) == [False] * (RACERS - 1) + [True]
        assert all(line.startswith(("You're booked", "I'm sorry")) for line in heard), heard
    pool.close()
    overlapping = """
        SELECT one.id FROM appointments AS one JOIN appointments AS other ON one.id < other.id
            AND one.property_id = other.property_id AND one.start_time < other.end_time AND other.start_time < one.end_time
    """
    assert database.fetch(overlapping) == []
    assert len(database.fetch("SELECT id FROM appointments WHERE status = 'confirmed'")) == 6


@pytest.mark.usefixtures("elm")
def test_question_delivered_twice_is_asked_twice(phone: Phone) -> None:
    arguments = {"property_address": "9 Birch Lane", "date": "tomorrow"}
    heard = [phone.say("get_availability", arguments, "same id") for _ in range(2)]
    assert heard[0].startswith("I don't find 9 Birch Lane")
    assert heard[1] == heard[0]
    assert phone.say("get_availability", arguments, "another id").startswith("For 9 Birch Lane, I have")
