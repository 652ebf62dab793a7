"""Find, move and cancel a caller's own viewings, and take messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.voice.phone import (
    BEN,
    BOYD,
    DOLORES,
    ELM,
    Phone,
    book,
    bookings,
    starts,
)

if TYPE_CHECKING:
    from peterental.database.pool import Database


def test_details_need_a_second_matching_fact(phone: Phone) -> None:
    book(phone)
    phone.call_id = "call-2"
    assert phone.say("find_appointment") == (
        "I see a booking for this number. What name is it under, or which address is it for?"
    )
    answer = "You have a viewing of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM."
    assert phone.say("find_appointment", {"attendee_name": "dolores"}) == answer
    assert phone.say("find_appointment", {"property_address": "1420 Elm St"}) == answer
    assert (
        phone.say("find_appointment", {"attendee_name": "Ottilie"}) == "I don't find an upcoming viewing that matches."
    )
    assert phone.say("find_appointment", {"attendee_name": "Dolores", "property_address": "9 Oak"}) == (
        "I don't find an upcoming viewing that matches."
    )


def test_several_viewings_are_listed_soonest_first(phone: Phone) -> None:
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
def test_withheld_number_changes_nothing(phone: Phone, database: Database, number: Any) -> None:
    phone.number = number
    book(phone, attendee_phone="+14055550142")
    phone.call_id = "call-2"
    for tool in ("find_appointment", "reschedule_appointment", "cancel_appointment"):
        assert phone.say(tool, ELM | {"start_time": "tomorrow 4 pm"}) == (
            "I can't look up bookings without the number they were made from. May I take a message?"
        )
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_other_caller_cannot_reach_the_viewing(phone: Phone, database: Database) -> None:
    book(phone)
    phone.number, phone.call_id = "+15550142199", "call-2"
    for tool in ("find_appointment", "reschedule_appointment", "cancel_appointment"):
        assert (
            phone.say(tool, ELM | {"start_time": "tomorrow 4 pm"}) == "I don't find an upcoming viewing that matches."
        )
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_move_keeps_the_history(phone: Phone, database: Database) -> None:
    book(phone)
    moved = phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}, "t")
    assert moved == "Your viewing of 1420 Elm Street, Norman, Oklahoma is now on Tuesday the twenty-fourth at ten AM."
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}, "t") == moved
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}) == moved
    assert starts(database) == ["2026-11-24 16:00:00+00"]
    events = database.fetch(
        "SELECT kind, old_start::text, new_start::text, actor FROM appointment_events ORDER BY event_id"
    )
    assert [tuple(event.values()) for event in events][1:] == [
        ("moved", "2026-11-23 21:00:00+00", "2026-11-24 16:00:00+00", "phone")
    ]


def test_refused_move_keeps_the_old_time(phone: Phone, database: Database) -> None:
    book(phone)
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-24 15:00Z, 2026-11-24 23:00Z)')")
    assert phone.say("reschedule_appointment", {"start_time": "Tuesday at 10 am"}).startswith(
        "Ana Reyes is not available on Tuesday the twenty-fourth."
    )
    assert phone.say("reschedule_appointment", {"start_time": "someday"}).startswith("Which day and time")
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_move_may_overlap_its_own_slot(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET slot_minutes = 60, daily_cap = 1")
    book(phone)
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 3:30 pm"}).startswith("Your viewing of")
    assert starts(database) == ["2026-11-23 21:30:00+00"]


def test_repeated_cancellation_gets_the_same_answer(phone: Phone, database: Database) -> None:
    book(phone)
    answer = phone.say("cancel_appointment", {"attendee_name": "Dolores"}, "t")
    assert answer == (
        "Your viewing of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM, is cancelled."
    )
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}, "t") == answer
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}) == answer
    phone.call_id = "call-2"
    assert (
        phone.say("cancel_appointment", {"attendee_name": "Dolores"})
        == "I don't find an upcoming viewing that matches."
    )
    assert [row["status"] for row in bookings(database)] == ["cancelled"]


def test_mismatched_name_or_address_changes_nothing(phone: Phone, database: Database) -> None:
    book(phone)
    for facts in ({"attendee_name": "Ottilie"}, {"property_address": "1422 Elm Street"}):
        for tool in ("reschedule_appointment", "cancel_appointment"):
            heard = phone.say(tool, facts | {"start_time": "tomorrow 4 pm"})
            assert heard == "I don't find an upcoming viewing that matches."
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_several_bookings_ask_which_one(phone: Phone, database: Database) -> None:
    book(phone)
    phone.say("set_appointment", BOYD | {"start_time": "tomorrow 4 pm"})
    assert phone.say("cancel_appointment") == (
        "There is more than one viewing booked. What is the address of the one you mean?"
    )
    assert phone.say("cancel_appointment", {"attendee_name": "Dolores"}).endswith("Which one do you mean?")
    assert len(starts(database)) == 2
    assert "33 Boyd Street" in phone.say("cancel_appointment", {"property_address": "33 Boyd St"})
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_bookings_of_another_agent_are_hidden(phone: Phone) -> None:
    book(phone)
    phone.assistant_id = BEN
    assert (
        phone.say("find_appointment", {"attendee_name": "Dolores"}) == "I don't find an upcoming viewing that matches."
    )


def test_redelivered_message_is_stored_once(phone: Phone, database: Database) -> None:
    answer = phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}, "t")
    assert answer == "I've noted your message, and someone will call you back."
    assert phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}, "t") == answer
    assert phone.say("take_message", {"message": "Are cats\nfine?", "attendee_name": "Dolores"}) == answer
    assert database.fetch("SELECT body, attendee_name, caller_number, vapi_call_id FROM messages") == [
        {"body": "Are cats fine?", "attendee_name": "Dolores", "caller_number": DOLORES, "vapi_call_id": "call-1"}
    ]


def test_call_back_is_promised_only_with_a_number(phone: Phone, database: Database) -> None:
    phone.number = "anonymous"
    assert phone.say("take_message", {"message": "Call me"}) == (
        "I've noted your message. What number can we call you back on?"
    )
    assert phone.say("take_message", {"message": "Call me", "attendee_phone": "555 0100"}) == (
        "I've noted your message, and someone will call you back."
    )
    assert phone.say("take_message", {"message": "Call us", "attendee_phone": 4055550123}) == (
        "I've noted your message, and someone will call you back."
    )
    assert phone.say("take_message", {"message": "Call", "attendee_phone": "unknown"}) == (
        "I've noted your message. What number can we call you back on?"
    )
    assert phone.say("take_message", {"message": " "}) == "What would you like me to pass on?"
    phone.say("take_message", {"message": "Who?", "attendee_name": "the caller", "attendee_phone": "405 555 0100"})
    assert database.fetch("SELECT attendee_name FROM messages WHERE body = 'Who?'") == [{"attendee_name": None}]
    stored = database.fetch("SELECT attendee_phone FROM messages ORDER BY message_id")
    assert [row["attendee_phone"] for row in stored] == [None, "5550100", "+14055550123", None, "+14055550100"]
