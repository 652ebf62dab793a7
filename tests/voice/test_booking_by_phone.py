"""A caller who mumbles, changes her mind, is cut off and rings again: what she hears and what is in the book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.voice.phone import BEN, DOLORES, Clock, Phone, payload

if TYPE_CHECKING:
    from peterental.database.connection import Database

ELM = {"property_address": "1420 Elm Street, Norman, OK", "attendee_name": "Dolores Whitcomb"}
BOYD = {"property_address": "33 Boyd Street", "attendee_name": "Dolores Whitcomb"}
BOOKED_MONDAY_AT_THREE = (
    "You're booked to see 1420 Elm Street, Norman, OK, tomorrow, Monday the twenty-third, at three PM."
)


def book(phone: Phone, start_time: object = "tomorrow 3 pm", tool_call_id: str | None = None, **more: object) -> str:
    return phone.say("set_appointment", ELM | {"start_time": start_time} | more, tool_call_id)


def bookings(database: Database) -> list[dict[str, Any]]:
    return database.fetch(
        "SELECT start_time::text AS start, status, property_address AS home FROM appointments ORDER BY id"
    )


def starts(database: Database) -> list[str]:
    return [row["start"] for row in bookings(database) if row["status"] == "confirmed"]


# --- booking ---------------------------------------------------------------------------------------------------------


def test_a_booking_is_confirmed_with_day_time_and_address(phone: Phone, database: Database) -> None:
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_a_booking_has_a_first_line_of_history_and_its_tool_call(phone: Phone, database: Database) -> None:
    book(phone, tool_call_id="t", attendee_email="d@example.com", attendee_phone="555 0142")
    (event,) = database.fetch("SELECT kind, actor, new_start::text FROM appointment_events")
    assert list(event.values()) == ["booked", "phone", "2026-11-23 21:00:00+00"]
    (row,) = database.fetch(
        """
        SELECT attendee_email, attendee_phone, caller_number, vapi_call_id, vapi_tool_call_id,
               (SELECT outcome FROM tool_calls WHERE appointment_id = appointments.id) AS outcome
        FROM appointments
        """
    )
    assert list(row.values()) == ["d@example.com", "555 0142", DOLORES, "call-1", "t", "booked"]


def test_the_same_tool_call_again_hears_the_same_sentence_word_for_word(
    phone: Phone, database: Database, clock: Clock
) -> None:
    first = book(phone, tool_call_id="t")
    clock.forward(hours=16)  # "tomorrow" has become today
    assert book(phone, tool_call_id="t") == first
    assert len(bookings(database)) == 1


def test_the_same_request_under_a_new_id_finds_the_booking_and_says_the_same(phone: Phone, database: Database) -> None:
    first = book(phone)
    assert book(phone) == first
    assert book(phone, "2026-11-23T15:00:00-06:00", property_address="1420 elm st.") == first
    assert len(bookings(database)) == 1


def test_the_robot_that_was_told_nothing_and_tried_again_made_one_booking(phone: Phone, database: Database) -> None:
    message = payload("tool-calls-inbound-2026-history-wrong-year")["message"]
    first = {"id": "call_g1jvQUD286RcB8URiN7ouLPx", "function": message["toolCalls"][0]["function"]}
    (result,) = phone.post(message | {"toolCallList": [first]}).json["results"]  # type: ignore[index]
    assert phone.play("tool-calls-inbound-2026-history-wrong-year")["results"][0]["result"] == result["result"]
    assert starts(database) == ["2026-11-24 21:00:00+00"]


def test_ringing_again_for_the_same_viewing_finds_it(phone: Phone, database: Database) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert len(bookings(database)) == 1


def test_the_same_home_at_another_time_is_not_booked_twice(phone: Phone, database: Database) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert book(phone, "Tuesday at 10 am") == (
        "You already have a viewing of 1420 Elm Street, Norman, OK, tomorrow, Monday the twenty-third, at three PM. "
        "Shall I move it?"
    )
    assert len(bookings(database)) == 1


def test_another_home_is_another_booking(phone: Phone, database: Database) -> None:
    book(phone)
    assert "33 Boyd Street" in phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"})
    assert len(bookings(database)) == 2


def test_another_callers_viewing_of_the_home_is_no_hindrance(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone, "tomorrow 4 pm").startswith("You're booked")
    assert len(bookings(database)) == 2


def test_a_retry_that_lost_the_callers_number_still_finds_the_booking(phone: Phone, database: Database) -> None:
    first = book(phone)
    phone.number = None
    assert book(phone) == first
    assert len(bookings(database)) == 1


def test_an_anonymous_caller_can_book_once_per_call(phone: Phone, database: Database) -> None:
    phone.number = "anonymous"
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert book(phone, "tomorrow 4 pm") == (
        "You already have a viewing of 1420 Elm Street, Norman, OK, tomorrow, Monday the twenty-third, at three PM. "
        "If you need another time, I can take a message."
    )
    phone.call_id = "call-2"
    assert book(phone, "tomorrow 4 pm").startswith("You're booked"), "another anonymous caller is somebody else"
    assert len(bookings(database)) == 2


def test_a_cancelled_viewing_can_be_booked_again(phone: Phone, database: Database) -> None:
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
def test_what_is_missing_or_of_the_wrong_type_is_asked_for(
    phone: Phone, database: Database, missing: str, asked: str, value: object
) -> None:
    assert phone.say("set_appointment", ELM | {"start_time": "tomorrow 3 pm", missing: value}) == asked
    assert bookings(database) == []


@pytest.mark.parametrize(
    ("start_time", "heard"),
    [
        ("tomorrow 2:10 pm", "Viewings don't start at that time. The nearest I have: tomorrow, Monday the twenty-third, at one thirty PM, two PM or two thirty PM."),
        ("tomorrow 8 pm", "There are no viewings at that time of day. The nearest I have: tomorrow, Monday the twenty-third, at three thirty PM, four PM or four thirty PM."),
        ("2026-11-22T08:00:00", "That time is already past. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ("today at 10 am", "Viewings have to be booked two hours ahead. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ("2027-03-01T10:00", "Viewings can be booked fourteen days ahead at most. The nearest I have: Friday, December fourth, at three thirty PM, four PM or four thirty PM."),
        ("3 pm", "On which day would you like to come at three PM? I have tomorrow, Monday the twenty-third, at three PM, or Tuesday the twenty-fourth at three PM, or Wednesday the twenty-fifth at three PM."),
        ("tomorrow", "At what time would you like to come tomorrow, Monday the twenty-third? I have tomorrow, Monday the twenty-third, at nine AM, noon or two PM."),
        ("tomorrow at 8", "Do you mean eight AM or eight PM, tomorrow, Monday the twenty-third?"),
        ("2023-11-24T15:00:00", "Just to be sure: which day would you like, Tuesday the twenty-fourth?"),
        ("whenever", "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_had_or_read_books_nothing(
    phone: Phone, database: Database, start_time: str, heard: str
) -> None:
    assert book(phone, start_time) == heard
    assert bookings(database) == []


def test_next_tuesday_said_on_a_monday_is_asked_about_with_both_dates(
    phone: Phone, database: Database, clock: Clock
) -> None:
    clock.forward(days=1)
    assert book(phone, "next Tuesday at 2 pm") == (
        "Do you mean tomorrow, Tuesday the twenty-fourth, or Tuesday, December first?"
    )
    assert bookings(database) == []
    assert phone.say("get_availability", {"date": "next Tuesday"}).startswith("I have Tuesday, December first, at")


def test_a_wrong_z_is_forgiven_where_that_time_was_offered_in_this_call(phone: Phone) -> None:
    phone.say("get_availability", {"date": "tomorrow", "time_of_day": "afternoon"})
    assert book(phone, "2026-11-23T14:00:00Z") == BOOKED_MONDAY_AT_THREE.replace("three", "two")
    phone.call_id, phone.number = "call-2", "+15550142199"
    assert book(phone, "2026-11-23T16:00:00Z") == BOOKED_MONDAY_AT_THREE.replace("three PM", "ten AM")


def test_last_years_date_with_the_weekday_in_the_callers_lines_is_booked(phone: Phone) -> None:
    history = {"artifact": {"messages": [{"role": "user", "message": "Monday at three, please."}]}}
    message = phone.message("set_appointment", ELM | {"start_time": "2025-11-23T15:00:00"}) | history
    (result,) = phone.post(message).json["results"]  # type: ignore[index]
    assert result["result"] == BOOKED_MONDAY_AT_THREE


def test_a_taken_time_is_refused_with_the_nearest_free_ones(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone) == (
        "I'm sorry, that time is taken. The nearest I have: tomorrow, Monday the twenty-third, at two PM, two thirty PM "
        "or three thirty PM."
    )
    assert len(bookings(database)) == 1


def test_a_refusal_is_repeated_word_for_word_too(phone: Phone, database: Database) -> None:
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 21:00Z, 2026-11-23 22:00Z)')")
    first = book(phone, tool_call_id="t")
    database.fetch("DELETE FROM agent_busy")
    assert book(phone, tool_call_id="t") == first
    assert bookings(database) == []


def test_who_the_agent_is_comes_from_the_envelope_never_from_arguments(phone: Phone, database: Database) -> None:
    book(phone, user_id="ben", agent_id="ben", vapi_assistant_id=BEN)
    assert database.fetch("SELECT agent_id FROM appointments") == [{"agent_id": "ana"}]


def test_nobody_and_somebody_on_leave_book_nothing(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    phone.assistant_id = BEN
    for tool in (
        "get_availability",
        "set_appointment",
        "reschedule_appointment",
        "cancel_appointment",
        "find_appointment",
        "take_message",
    ):
        assert phone.say(tool, ELM) == "I'm sorry, viewings are not being booked on this line at the moment."
    phone.assistant_id = "somebody-else"
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


def test_names_in_any_script_and_of_any_length_are_stored_as_text(phone: Phone, database: Database) -> None:
    name = "Zoë 李 \u202eمريم\n'; DROP TABLE appointments; --" + "x" * 10_000
    assert "booked" in book(phone, attendee_name=name, property_address="12 Straße \u0000 <b>" + "y" * 10_000)
    (row,) = database.fetch("SELECT attendee_name, length(property_address) AS address_length FROM appointments")
    assert row["attendee_name"].startswith("Zoë 李 مريم '; DROP TABLE")
    assert (len(row["attendee_name"]), row["address_length"]) == (255, 500)


# --- availability ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ({}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ({"time_of_day": "afternoon"}, "I have tomorrow, Monday the twenty-third, at noon, or Tuesday the twenty-fourth at noon, or Wednesday the twenty-fifth at noon. Which would you like?"),
        ({"date": "tomorrow", "time_of_day": "morning"}, "I have tomorrow, Monday the twenty-third, at nine AM or eleven AM. Which would you like?"),
        ({"date": "2026-11-24T14:00:00", "time_of_day": "3 pm"}, "I have Tuesday the twenty-fourth at two thirty PM, three PM or three thirty PM. Which would you like?"),
        ({"time_of_day": "3 pm"}, "I have tomorrow, Monday the twenty-third, at three PM, or Tuesday the twenty-fourth at three PM, or Wednesday the twenty-fifth at three PM. Which would you like?"),
        ({"date": "Saturday"}, "I have nothing free on Saturday the twenty-eighth. The nearest I have: Friday the twenty-seventh at three thirty PM, four PM or four thirty PM."),
        ({"date": "tomorrow", "time_of_day": "evening"}, "I have nothing free tomorrow, Monday the twenty-third, in the evening. The nearest I have: tomorrow, Monday the twenty-third, at three thirty PM, four PM or four thirty PM."),
        ({"date": "next week"}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ({"date": "the weekend"}, "I have nothing free today, Sunday the twenty-second. The nearest I have: tomorrow, Monday the twenty-third, at nine AM, nine thirty AM or ten AM."),
        ({"date": "tomorrow afternoon"}, "I have tomorrow, Monday the twenty-third, at noon, two PM or four PM. Which would you like?"),
        ({"date": "March first"}, "Viewings can be booked fourteen days ahead at most. The nearest I have: tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
        ({"date": "blue"}, "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
        ({"date": ["tomorrow"], "time_of_day": 3}, "Which day and time would you like? I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM."),
        ({"date": "2023-11-24"}, "Just to be sure: which day would you like, Tuesday the twenty-fourth?"),
        ({"date": ""}, "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
        ("not an object", "I have tomorrow, Monday the twenty-third, at nine AM or noon, or Tuesday the twenty-fourth at nine AM. Which would you like?"),
    ],
)  # fmt: skip
def test_free_times_are_offered_as_asked_for(phone: Phone, arguments: object, heard: str) -> None:
    assert phone.say("get_availability", arguments) == heard


def test_what_was_offered_is_kept_with_the_tool_call(phone: Phone, database: Database) -> None:
    phone.say("get_availability", {"date": "tomorrow"})
    (row,) = database.fetch("SELECT offered::text[], outcome, duration_ms > 0 AS timed FROM tool_calls")
    assert row["offered"] == ["2026-11-23 15:00:00+00", "2026-11-23 18:00:00+00", "2026-11-23 20:00:00+00"]
    assert (row["outcome"], row["timed"]) == ("answered", True)


def test_an_agent_without_hours_offers_a_call_back(phone: Phone, database: Database) -> None:
    database.fetch("DELETE FROM agent_hours")
    assert phone.say("get_availability") == (
        "I have nothing free then. Shall I take a message, so that someone calls you back?"
    )


def test_bookings_busy_blocks_buffers_overrides_and_caps_are_not_offered(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET buffer_minutes = 15, daily_cap = 2 WHERE agent_id = 'ana'")
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 15:10Z, 2026-11-23 20:00Z)')")
    database.fetch("INSERT INTO agent_days (agent_id, day) VALUES ('ana', '2026-11-24')")
    database.fetch(
        "INSERT INTO agent_days (agent_id, day, opens_at, closes_at) VALUES ('ana', '2026-11-25', '20:00', '24:00')"
    )
    assert phone.say("get_availability", {"date": "tomorrow", "time_of_day": "morning"}).startswith(
        "I have nothing free"
    )
    book(phone)
    assert "two PM or four PM" in phone.say("get_availability", {"date": "tomorrow"})
    assert phone.say("get_availability", {"date": "Tuesday"}).startswith("I have nothing free on Tuesday")
    assert "eight PM or ten PM" in phone.say("get_availability", {"date": "Wednesday"})
    phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4:30 pm"})
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have nothing free tomorrow")
    phone.number, phone.call_id = "+15550142199", "call-2"
    assert book(phone, "tomorrow 2 pm").startswith("There is no room for more viewings that day.")


# --- the caller's own ------------------------------------------------------------------------------------------------


def test_details_are_told_only_after_a_second_fact_agrees(phone: Phone) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert phone.say("find_appointment") == (
        "I see a booking for this number. What name is it under, or which address is it for?"
    )
    told = "You have a viewing of 1420 Elm Street, Norman, OK, tomorrow, Monday the twenty-third, at three PM."
    assert phone.say("find_appointment", {"attendee_name": "dolores"}) == told
    assert phone.say("find_appointment", {"property_address": "1420 Elm St"}) == told
    assert (
        phone.say("find_appointment", {"attendee_name": "Ottilie"}) == "I don't find an upcoming viewing that matches."
    )
    assert phone.say("find_appointment", {"attendee_name": "Dolores", "property_address": "9 Oak"}) == (
        "I don't find an upcoming viewing that matches."
    )


def test_several_viewings_are_told_soonest_first(phone: Phone) -> None:
    for number, hour in enumerate((9, 10, 11, 13)):
        phone.say(
            "set_appointment",
            {
                "property_address": f"{number + 1} Main Street",
                "start_time": f"2026-11-24T{hour:02}:00",
                "attendee_name": "Dolores W",
            },
        )
    assert phone.say("find_appointment", {"attendee_name": "Dolores"}) == (
        "You have a viewing of 1 Main Street, on Tuesday the twenty-fourth at nine AM, and of 2 Main Street, on Tuesday "
        "the twenty-fourth at ten AM, and of 3 Main Street, on Tuesday the twenty-fourth at eleven AM, and more after that."
    )


@pytest.mark.parametrize("number", [None, "anonymous", "restricted", "+266696687", "", 5, {"a": 1}])
def test_without_a_number_nothing_is_found_moved_or_cancelled(phone: Phone, database: Database, number: Any) -> None:
    phone.number = number
    book(phone)
    for tool in ("find_appointment", "reschedule_appointment", "cancel_appointment"):
        assert phone.say(tool, ELM | {"start_time": "tomorrow 4 pm"}) == (
            "I can't look up bookings without the number they were made from. May I take a message?"
        )
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_another_caller_finds_moves_and_cancels_nothing_of_hers(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    for tool in ("find_appointment", "reschedule_appointment", "cancel_appointment"):
        assert (
            phone.say(tool, ELM | {"start_time": "tomorrow 4 pm"}) == "I don't find an upcoming viewing that matches."
        )
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_a_viewing_is_moved_in_one_step_and_its_history_kept(phone: Phone, database: Database) -> None:
    book(phone)
    moved = phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}, "t")
    assert moved == "Your viewing of 1420 Elm Street, Norman, OK is now on Tuesday the twenty-fourth at ten AM."
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}, "t") == moved
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}) == moved
    assert starts(database) == ["2026-11-24 16:00:00+00"]
    events = database.fetch(
        "SELECT kind, old_start::text, new_start::text, actor FROM appointment_events ORDER BY event_id"
    )
    assert [tuple(event.values()) for event in events][1:] == [
        ("moved", "2026-11-23 21:00:00+00", "2026-11-24 16:00:00+00", "phone")
    ]


def test_a_refused_move_keeps_the_old_time(phone: Phone, database: Database) -> None:
    book(phone)
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-24 15:00Z, 2026-11-24 23:00Z)')")
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}).startswith(
        "I'm sorry, that time is taken."
    )
    assert phone.say("reschedule_appointment", {"start_time": "someday"}).startswith("Which day and time")
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_a_viewing_may_move_into_its_own_time(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET slot_minutes = 60, daily_cap = 1")
    book(phone)
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 3:30 pm"}).startswith("Your viewing of")
    assert starts(database) == ["2026-11-23 21:30:00+00"]


def test_a_cancellation_is_told_and_told_again(phone: Phone, database: Database) -> None:
    book(phone)
    told = phone.say("cancel_appointment", {"attendee_name": "Dolores"}, "t")
    assert told == (
        "Your viewing of 1420 Elm Street, Norman, OK, tomorrow, Monday the twenty-third, at three PM, is cancelled."
    )
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}, "t") == told
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}) == told
    phone.call_id = "call-2"
    assert (
        phone.say("cancel_appointment", {"attendee_name": "Dolores"})
        == "I don't find an upcoming viewing that matches."
    )
    assert [row["status"] for row in bookings(database)] == ["cancelled"]


def test_a_name_or_address_that_does_not_agree_changes_nothing(phone: Phone, database: Database) -> None:
    book(phone)
    for facts in ({"attendee_name": "Ottilie"}, {"property_address": "1422 Elm Street"}):
        for tool in ("reschedule_appointment", "cancel_appointment"):
            heard = phone.say(tool, facts | {"start_time": "tomorrow 4 pm"})
            assert heard == "I don't find an upcoming viewing that matches."
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_with_several_bookings_the_caller_is_asked_which(phone: Phone, database: Database) -> None:
    book(phone)
    phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"})
    assert phone.say("cancel_appointment") == (
        "There is more than one viewing booked. What is the address of the one you mean?"
    )
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}).endswith("Which one do you mean?")
    assert len(starts(database)) == 2
    assert "33 Boyd Street" in phone.say("cancel_appointment", {"property_address": "33 Boyd St"})
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_bookings_with_another_agent_are_that_agents_business(phone: Phone) -> None:
    book(phone)
    phone.assistant_id = BEN
    assert (
        phone.say("find_appointment", {"attendee_name": "Dolores"}) == "I don't find an upcoming viewing that matches."
    )


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_message_is_kept_once_however_often_it_is_delivered(phone: Phone, database: Database) -> None:
    told = phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}, "t")
    assert told == "I've noted your message, and someone will call you back."
    assert phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}, "t") == told
    assert phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}) == told
    assert database.fetch("SELECT body, attendee_name, caller_number, vapi_call_id FROM messages") == [
        {"body": "Are cats fine?", "attendee_name": "Dolores", "caller_number": DOLORES, "vapi_call_id": "call-1"}
    ]


def test_a_call_back_is_promised_only_where_there_is_a_number(phone: Phone, database: Database) -> None:
    phone.number = "anonymous"
    assert phone.say("take_message", {"message": "Call me"}) == (
        "I've noted your message. What number can we call you back on?"
    )
    assert phone.say("take_message", {"message": "Call me", "attendee_phone": "555 0100"}) == (
        "I've noted your message, and someone will call you back."
    )
    assert phone.say("take_message", {"message": " "}) == "What would you like me to pass on?"
    assert len(database.fetch("SELECT * FROM messages")) == 2
