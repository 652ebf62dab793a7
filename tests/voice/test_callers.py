"""Who is calling: numbers in every form, two people on one phone, a deactivated agent, late deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.voice.phone import BOOKED_MONDAY_AT_THREE, DOLORES, ELM, Phone, book, bookings, starts

if TYPE_CHECKING:
    from peterental.database.pool import Database

NOT_FOUND = "I don't find an upcoming viewing that matches."
MOVED = "Your viewing of 1420 Elm Street, Norman, Oklahoma is now tomorrow, Monday the twenty-third, at four PM."


@pytest.mark.parametrize(
    "number",
    [
        "+14055550142",
        "0014055550142",
        "14055550142",
        "4055550142",
        "(405) 555-0142",
        "sip:+14055550142@carrier.example",
    ],
)
def test_caller_is_known_by_the_number_in_any_form(phone: Phone, database: Database, number: str) -> None:
    phone.number = number
    book(phone)
    assert database.fetch("SELECT caller_number FROM appointments") == [{"caller_number": "+14055550142"}]
    for call_id, form in enumerate(("+14055550142", "4055550142", "sip:14055550142@carrier.example")):
        phone.number, phone.call_id = form, f"later-{call_id}"
        assert phone.say("find_appointment", {"attendee_name": "Dolores"}).startswith("You have a viewing")


@pytest.mark.parametrize("stored", ["14055550142", "4055550142", "0014055550142", "+1 (405) 555-0142"])
def test_number_stored_in_an_older_form_is_found(phone: Phone, database: Database, stored: str) -> None:
    phone.number = "+14055550142"
    book(phone)
    database.fetch("UPDATE appointments SET caller_number = %s", [stored])
    phone.call_id = "call-2"
    assert phone.say("cancel_appointment").endswith("is cancelled.")


def test_national_number_is_of_the_agents_country(phone: Phone, database: Database) -> None:
    database.fetch("UPDATE agents SET time_zone = 'Europe/Berlin'")
    phone.number = "030 1234567"
    book(phone, attendee_phone="030 7654321")
    assert database.fetch("SELECT caller_number, attendee_phone FROM appointments") == [
        {"caller_number": "+49301234567", "attendee_phone": "+49307654321"}
    ]


@pytest.mark.parametrize("number", ["+10000000000", "+15555555555", "anonymous"])
def test_placeholder_number_is_no_number(phone: Phone, number: str) -> None:
    phone.number = number
    assert book(phone) == "What number can we reach you on?"
    assert book(phone, attendee_phone="5555555555") == BOOKED_MONDAY_AT_THREE, "asked once"
    phone.call_id = "call-2"
    assert phone.say("cancel_appointment").startswith("I can't look up bookings")


def test_numbers_that_only_end_alike_are_two_callers(phone: Phone, database: Database) -> None:
    phone.number = "+14055550142"
    book(phone)
    phone.number, phone.call_id = "+12125550142", "call-2"
    assert phone.say("cancel_appointment") == NOT_FOUND
    assert len(starts(database)) == 1


def test_misheard_name_agrees_where_the_home_does(phone: Phone, database: Database) -> None:
    book(phone, attendee_name="Mia Chen")
    phone.call_id = "call-2"
    assert phone.say("find_appointment", {"attendee_name": "Maya Chen"}) == (
        "I see a booking for this number. What name is it under, or which address is it for?"
    )
    assert phone.say("cancel_appointment", {"attendee_name": "Maya Chen"}) == (
        "There is a viewing of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM. "
        "Is that the one you mean?"
    )
    assert len(starts(database)) == 1
    assert phone.say("cancel_appointment", {"attendee_name": "Maya Chen", "property_address": "1420 Elm"}).endswith(
        "is cancelled."
    )


def test_of_two_alike_names_the_exact_one_is_meant(phone: Phone, database: Database) -> None:
    book(phone, attendee_name="Mia Chen")
    phone.say(
        "set_appointment",
        {"property_address": "9 Oak Lane", "attendee_name": "Maya Chen", "start_time": "Tuesday 10 am"},
    )
    phone.call_id = "call-2"
    assert "9 Oak Lane" in phone.say("cancel_appointment", {"attendee_name": "Maya Chen"})
    assert starts(database) == ["2026-11-23 21:00:00+00"]


def test_confirmed_home_is_cancelled(phone: Phone, database: Database) -> None:
    book(phone)
    asked = phone.say("cancel_appointment", {"property_address": "1420 Elmm Street"})
    assert asked.endswith("Is that the one you mean?")
    assert phone.say("cancel_appointment", {"property_address": "1420 Elmm Street"}).endswith("is cancelled.")
    assert starts(database) == []


def test_another_persons_viewing_is_named_not_confirmed(phone: Phone, database: Database) -> None:
    book(phone, attendee_name="Ana Ruiz")
    phone.call_id = "call-2"
    assert book(phone, attendee_name="Ben Cole") == (
        "There is a viewing for Ana Ruiz of 1420 Elm Street, Norman, Oklahoma, tomorrow, Monday the twenty-third, at three PM. "
        "For Ben Cole, the nearest I have that day: two PM, two thirty PM or three thirty PM. "
        "Which would you like?"
    )
    assert phone.say("cancel_appointment") == (
        "There is a viewing under another name for this number. What name is it under, or which address is it for?"
    )
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}).startswith("There is a viewing under")
    assert starts(database) == ["2026-11-23 21:00:00+00"]
    assert book(phone, "the last one", attendee_name="Ben Cole").endswith("at three thirty PM.")
    assert len(starts(database)) == 2


def test_deactivated_agent_still_cancels_finds_and_takes_messages(phone: Phone, database: Database) -> None:
    book(phone)
    database.fetch("UPDATE agents SET is_active = FALSE")
    phone.call_id = "call-2"
    refused = "I'm sorry, viewings are not being booked on this line at the moment. I can take a message instead."
    assert book(phone, "Tuesday at 10 am") == refused
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}) == refused
    assert phone.say("get_availability") == refused
    assert phone.say("find_appointment", {"attendee_name": "Dolores"}).startswith("You have a viewing of")
    assert phone.say("take_message", {"message": "I am late"}) == (
        "I've noted your message, and someone will call you back."
    )
    assert phone.say("cancel_appointment").endswith("is cancelled.")
    assert [row["status"] for row in bookings(database)] == ["cancelled"]


def test_change_after_the_end_of_the_call_is_refused(phone: Phone, database: Database) -> None:
    first = book(phone, tool_call_id="t")
    ended = {
        "type": "status-update",
        "status": "ended",
        "call": {"id": phone.call_id, "assistantId": phone.assistant_id},
    }
    phone.post(ended)
    late = "This call is over, so nothing was changed. Please call again."
    assert phone.say("cancel_appointment") == late
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}) == late
    assert phone.say("set_appointment", ELM | {"property_address": "9 Oak Lane", "start_time": "Tuesday 9 am"}) == late
    assert book(phone, tool_call_id="t") == first, "a known id gets its answer again"
    assert book(phone) == first, "nothing is changed by finding the booking"
    assert starts(database) == ["2026-11-23 21:00:00+00"]
    phone.call_id = "call-2"
    assert phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}) == MOVED


def test_what_a_call_asked_is_recorded(phone: Phone, database: Database) -> None:
    book(phone, "next Tuesday at 2 pm")
    book(phone, attendee_name="the caller")
    phone.say("get_availability")
    asked = database.fetch("SELECT asked FROM tool_calls ORDER BY id")
    assert [row["asked"] for row in asked] == ["which-day", "name-needed", None]


def test_own_number_is_not_stored_as_the_visitors(phone: Phone, database: Database) -> None:
    book(phone, attendee_phone="same number I'm calling from")
    assert database.fetch("SELECT attendee_phone, caller_number FROM appointments") == [
        {"attendee_phone": None, "caller_number": DOLORES}
    ]


def test_email_is_a_way_to_reach_the_visitor(phone: Phone) -> None:
    phone.number = None
    assert book(phone, attendee_email="dolores@example.com") == BOOKED_MONDAY_AT_THREE


def test_time_in_another_zone_is_asked_about_once(phone: Phone) -> None:
    assert book(phone, "tomorrow at 4 pm Eastern") == (
        "Do you mean four PM Eastern, which is three PM here, or four PM our time, tomorrow, Monday the twenty-third?"
    )
    assert book(phone, "tomorrow at 4 pm Eastern") == BOOKED_MONDAY_AT_THREE


def test_day_question_keeps_no_time_of_another_zone(phone: Phone, database: Database) -> None:
    assert book(phone, "Tuesday or Wednesday at 4 pm Eastern") == (
        "Do you mean Tuesday the twenty-fourth or Wednesday the twenty-fifth?"
    )
    assert bookings(database) == []
