"""set_appointment: what callers hear, what is booked, retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.voice.phone import (
    BEN,
    BOOKED_MONDAY_AT_THREE,
    BOYD,
    DOLORES,
    ELM,
    Clock,
    Phone,
    book,
    bookings,
    payload,
    starts,
)

if TYPE_CHECKING:
    from peterental.database.pool import Database


def test_booking_is_confirmed_with_day_time_address(phone: Phone, database: Database) -> None:
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_booking_stores_its_event_and_tool_call(phone: Phone, database: Database) -> None:
    book(phone, tool_call_id="t", attendee_email="d@example.com", attendee_phone="(405) 555-0142")
    (event,) = database.fetch("SELECT kind, actor, new_start::text FROM appointment_events")
    assert list(event.values()) == ["booked", "phone", "2026-11-23 21:00:00+00"]
    (row,) = database.fetch(
        """
        SELECT attendee_email, attendee_phone, caller_number, vapi_call_id, vapi_tool_call_id,
               (SELECT outcome FROM tool_calls WHERE appointment_id = appointments.id) AS outcome
        FROM appointments
        """
    )
    assert list(row.values()) == ["d@example.com", "+14055550142", DOLORES, "call-1", "t", "booked"]


def test_redelivered_tool_call_gets_the_same_answer(phone: Phone, database: Database, clock: Clock) -> None:
    first = book(phone, tool_call_id="t")
    clock.forward(hours=16)  # "tomorrow" has become today
    assert book(phone, tool_call_id="t") == first
    assert len(bookings(database)) == 1


def test_repeated_request_finds_the_booking(phone: Phone, database: Database) -> None:
    first = book(phone)
    assert book(phone) == first
    assert book(phone, "2026-11-23T15:00:00-06:00", property_address="1420 elm st.") == first
    assert len(bookings(database)) == 1


def test_retry_after_lost_answer_books_once(phone: Phone, database: Database) -> None:
    message = payload("tool-calls-inbound-2026-history-wrong-year")["message"]
    first = {"id": "call_g1jvQUD286RcB8URiN7ouLPx", "function": message["toolCalls"][0]["function"]}
    (result,) = phone.post(message | {"toolCallList": [first]}).json["results"]  # type: ignore[index]
    assert phone.play("tool-calls-inbound-2026-history-wrong-year")["results"][0]["result"] == result["result"]
    assert starts(database) == ["2026-11-24 21:00:00+00"]


def test_second_call_finds_the_same_viewing(phone: Phone, database: Database) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert len(bookings(database)) == 1


def test_same_home_at_another_time_offers_a_move(phone: Phone, database: Database) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert book(phone, "Tuesday at 10 am") == (
        "You already have a viewing of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM. "
        "Shall I move it?"
    )
    assert len(bookings(database)) == 1


def test_another_home_is_another_booking(phone: Phone, database: Database) -> None:
    book(phone)
    assert "33 Boyd Street" in phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"})
    assert len(bookings(database)) == 2


def test_other_callers_viewing_does_not_block(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone, "tomorrow 4 pm").startswith("You're booked")
    assert len(bookings(database)) == 2


def test_retry_without_number_finds_the_booking(phone: Phone, database: Database) -> None:
    first = book(phone)
    phone.number = None
    assert book(phone) == first
    assert len(bookings(database)) == 1


def test_anonymous_caller_books_once_per_call(phone: Phone, database: Database) -> None:
    phone.number = "anonymous"
    assert book(phone) == "What number can we reach you on?"
    assert book(phone) == BOOKED_MONDAY_AT_THREE, "asked once"
    assert book(phone, "tomorrow 4 pm") == (
        "You already have a viewing of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM. "
        "Shall I move it?"
    )
    phone.call_id = "call-2"
    assert book(phone, "tomorrow 4 pm", attendee_phone="405 555 0142").startswith("You're booked"), (
        "anonymous callers are not taken for one person"
    )
    assert len(bookings(database)) == 2


def test_cancelled_viewing_can_be_booked_again(phone: Phone, database: Database) -> None:
    book(phone)
    phone.say("cancel_appointment")
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert [row["status"] for row in bookings(database)] == ["cancelled", "confirmed"]


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        ("property_address", "Which home would you like to see?"),
        ("attendee_name", "May I have your name for the booking?"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "  \u0000 ", 7, ["Elm"], {"a": 1}], ids=repr)
def test_missing_or_mistyped_argument_is_asked_for(
    phone: Phone, database: Database, missing: str, asked: str, value: object
) -> None:
    assert phone.say("set_appointment", ELM | {"start_time": "tomorrow 3 pm", missing: value}) == asked
    assert bookings(database) == []


@pytest.mark.parametrize(
    ("start_time", "heard"),
    [
        ("tomorrow 2:10 pm", "Viewings don't start at two ten PM. The nearest I have: tomorrow, Monday the twenty-third, at one thirty PM, two PM or two thirty PM."),
        ("tomorrow 8 pm", "The last viewing starts at four thirty PM tomorrow, Monday the twenty-third. The nearest I have that day: three thirty PM, four PM or four thirty PM."),
        ("2026-11-22T08:00:00", "Today, Sunday the twenty-second, at eight AM, is already past. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ("today at 10 am", "Viewings have to be booked two hours ahead, so today, Sunday the twenty-second, at ten AM, is too soon. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ("2027-03-01T10:00", "Monday, March first, twenty twenty-seven, is too far ahead: viewings can be booked fourteen days ahead at most. The nearest I have: Friday, December fourth, at three thirty PM, four PM or four thirty PM."),
        ("3 pm", "On which day would you like to come at three PM? I have tomorrow, Monday the twenty-third, or Tuesday the twenty-fourth, or Wednesday the twenty-fifth."),
        ("tomorrow", "At what time would you like to come tomorrow, Monday the twenty-third? I have nine AM, noon or two PM."),
        ("tomorrow at 8", "The first viewing starts at nine AM tomorrow, Monday the twenty-third. The nearest I have that day: nine AM, nine thirty AM or ten AM."),
        ("2023-11-24T15:00:00", "Just to be sure: do you mean Tuesday the twenty-fourth at three PM?"),
        ("whenever", "For 1420 Elm Street, Norman, Oklahoma, I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
    ],
)  # fmt: skip
def test_unavailable_or_unclear_time_books_nothing(
    phone: Phone, database: Database, start_time: str, heard: str
) -> None:
    assert book(phone, start_time) == heard
    assert bookings(database) == []


def test_ambiguous_next_tuesday_asks_which_date(phone: Phone, database: Database, clock: Clock) -> None:
    clock.forward(days=1)
    assert book(phone, "next Tuesday at 2 pm") == (
        "Do you mean tomorrow, Tuesday the twenty-fourth, or Tuesday, December first, at two PM?"
    )
    assert bookings(database) == []
    assert phone.say("get_availability", {"date": "next Tuesday"}).startswith("I have Tuesday, December first, at")


def test_wrong_z_is_ignored_for_an_offered_time(phone: Phone) -> None:
    phone.say("get_availability", {"date": "tomorrow", "time_of_day": "afternoon"})
    assert book(phone, "2026-11-23T14:00:00Z") == BOOKED_MONDAY_AT_THREE.replace("three", "two")
    phone.call_id, phone.number = "call-2", "+15550142199"
    assert book(phone, "2026-11-23T16:00:00Z") == "Do you mean ten AM or four PM, tomorrow, Monday the twenty-third?"


def test_wrong_year_is_corrected_by_caller_words(phone: Phone) -> None:
    history = {"artifact": {"messages": [{"role": "user", "message": "Monday at three, please."}]}}
    message = phone.message("set_appointment", ELM | {"start_time": "2025-11-23T15:00:00"}) | history
    (result,) = phone.post(message).json["results"]  # type: ignore[index]
    assert result["result"] == BOOKED_MONDAY_AT_THREE


def test_taken_time_offers_the_nearest_free_ones(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone) == (
        "I'm sorry, tomorrow, Monday the twenty-third, at three PM, is taken. "
        "The nearest I have that day: two PM, two thirty PM or three thirty PM."
    )
    assert len(bookings(database)) == 1


def test_redelivered_refusal_gets_the_same_answer(phone: Phone, database: Database) -> None:
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 21:00Z, 2026-11-23 22:00Z)')")
    first = book(phone, tool_call_id="t")
    database.fetch("DELETE FROM agent_busy")
    assert book(phone, tool_call_id="t") == first
    assert bookings(database) == []


def test_agent_comes_from_envelope_only(phone: Phone, database: Database) -> None:
    book(phone, user_id="ben", agent_id="ben", vapi_assistant_id=BEN)
    assert database.fetch("SELECT agent_id FROM appointments") == [{"agent_id": "ana"}]


def test_unknown_or_inactive_agent_books_nothing(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    phone.assistant_id = BEN
    for tool in ("get_availability", "set_appointment", "reschedule_appointment"):
        assert phone.say(tool, ELM) == (
            "I'm sorry, viewings are not being booked on this line at the moment. I can take a message instead."
        )
    phone.assistant_id = "unknown-assistant"
    for tool in (
        "get_availability",
        "set_appointment",
        "reschedule_appointment",
        "cancel_appointment",
        "find_appointment",
        "take_message",
    ):
        assert phone.say(tool, ELM) == (
            "I'm sorry, this line is not connected to a calendar, so I can't book or look up viewings."
        )
    assert bookings(database) == []
    assert database.fetch("SELECT DISTINCT outcome FROM tool_calls") == [{"outcome": "refused"}]


def test_any_name_is_stored_as_text(phone: Phone, database: Database) -> None:
    name = "Zoë 李 \u202eمريم\n'; DROP TABLE appointments; --" + "x" * 10_000
    assert "booked" in book(phone, attendee_name=name, property_address="12 Straße \u0000 <b>" + "y" * 10_000)
    (row,) = database.fetch("SELECT attendee_name, length(property_address) AS address_length FROM appointments")
    assert row["attendee_name"].startswith("Zoë 李 مريم '; DROP TABLE")
    assert (len(row["attendee_name"]), row["address_length"]) == (255, 500)


def test_moved_booking_is_confirmed_at_its_new_time(phone: Phone, database: Database) -> None:
    book(phone)
    assert "at four PM" in phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"})
    assert book(phone, "tomorrow 4 pm") == BOOKED_MONDAY_AT_THREE.replace("three", "four")
    database.fetch(
        "UPDATE appointments SET start_time = start_time + INTERVAL '1 day', end_time = end_time + INTERVAL '1 day',"
        " blocked_until = blocked_until + INTERVAL '1 day'"
    )
    assert "is now on Tuesday the twenty-fourth at four PM" in phone.say(
        "reschedule_appointment", {"start_time": "Tuesday 4 pm"}
    )
    assert "on Tuesday the twenty-fourth at four PM" in book(phone, "Tuesday 4 pm")
    assert starts(database) == ["2026-11-24 22:00:00+00"]


@pytest.mark.parametrize("placeholder", ["null", "None", "N/A", " undefined ", "Unknown", "not provided"])
def test_placeholder_counts_as_missing(phone: Phone, database: Database, placeholder: str) -> None:
    assert book(phone, property_address=placeholder) == "Which home would you like to see?"
    assert book(phone, attendee_name=placeholder) == "May I have your name for the booking?"
    assert bookings(database) == []
    assert phone.say("get_availability", {"date": placeholder, "time_of_day": placeholder}) == phone.say(
        "get_availability"
    )
    book(phone, attendee_phone=placeholder, attendee_email=placeholder)
    assert database.fetch("SELECT attendee_phone, attendee_email FROM appointments") == [
        {"attendee_phone": None, "attendee_email": None}
    ]
    assert "is cancelled" in phone.say(
        "cancel_appointment", {"attendee_name": placeholder, "property_address": "1420 Elm"}
    )


def test_trailing_comma_of_address_is_dropped(phone: Phone) -> None:
    heard = book(phone, property_address="1420 Elm Street, Norman, OK, ")
    assert heard == BOOKED_MONDAY_AT_THREE
    assert ",," not in phone.say("cancel_appointment")


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("seven seven seven, seven five five, seven three seven seven, thank you", "+17777557377"),
        ("cuatro cero cinco, cinco cinco cinco, cero uno cero cero", "+14055550100"),
        ("cuatro cero cinco, triple cinco, cero uno, doble cero", "+14055550100"),
        ("it's 405 555 oh one hundred", "+14055550100"),
        ("you can reach me any time after six in the evening on 405 555 0100", "+14055550100"),
        ("four oh five double five five oh one double oh", "+14055550100"),
        (4055550100.0, "+14055550100"),
        ("405 555 oh one oh oh no sorry oh one oh one", None),
        ("four " * 60, None),
    ],
)
def test_number_in_words_is_read_whole(phone: Phone, database: Database, said: object, stored: str | None) -> None:
    assert book(phone, attendee_phone=said).startswith("You're booked")
    assert [row["attendee_phone"] for row in database.fetch("SELECT attendee_phone FROM appointments")] == [stored]
