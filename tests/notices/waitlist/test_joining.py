"""Callers join the waitlist by phone, where a text can reach them and no time that they want is free."""

from __future__ import annotations

import pytest

from tests.notices.waitlist.conftest import MONDAY_10AM, Office
from tests.voice.phone import BEN, Phone

WISH = {"property_address": "12 Elm Street", "attendee_name": "Mia Chen", "date": "Monday", "time_of_day": "morning"}
NO_TEXT = "I'm sorry, I can't text you if that time frees up. I can take a message for the agent instead."


def test_taken_time_puts_the_caller_on_the_list(office: Office) -> None:
    said = office.join(123)
    assert said == (
        "You're on the waiting list to see 12 Elm Street, tomorrow, Monday the twenty-third, in the morning."
        " If a time frees up for you, I'll text you, and hold it for fifteen minutes."
    )
    (entry,) = office.entries()
    assert (entry["phone"], entry["state"], entry["agent_id"]) == ("+14055550123", "waiting", "ana")
    (period,) = entry["wanted"]
    assert (period.lower.hour, period.upper.hour) == (6, 18)  # midnight to noon in Chicago, in UTC
    (call,) = office.services.calls.tool_calls("call-of-123")
    assert (call.name, call.outcome) == ("join_waitlist", "answered")


def test_free_time_is_offered_instead(office: Office) -> None:
    said = office.join(123, time_of_day="afternoon")
    assert said.startswith("For 12 Elm Street, I have")
    assert office.entries() == []
    (call,) = office.services.calls.tool_calls("call-of-123")
    assert len(call.offered) > 1


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM notice_channels",
        "UPDATE notice_settings SET texts_visitors = FALSE",
        """
        INSERT INTO contact_consents (channel, recipient, purpose, revoked_at)
        VALUES ('text', '+14055550123', 'all', NOW())
        """,
    ],
    ids=["no texts here", "office sends none", "number said stop"],
)
def test_caller_without_texts_is_offered_a_message(office: Office, query: str) -> None:
    office.database.fetch(query)
    assert office.join(123) == NO_TEXT
    assert office.entries() == []


def test_start_after_stop_is_texted_again(office: Office) -> None:
    office.database.fetch(
        "INSERT INTO contact_consents (channel, recipient, purpose, given_at) VALUES ('text', '+14055550123', 'all', NOW())"
    )
    assert office.join(123).startswith("You're on the waiting list")


def test_withheld_number_is_asked_for_once(office: Office) -> None:
    phone = office.caller(123)
    phone.number = None
    assert phone.say("join_waitlist", WISH) == "What number can we reach you on?"
    assert phone.say("join_waitlist", WISH) == NO_TEXT
    assert phone.say("join_waitlist", WISH | {"attendee_phone": "405 555 0177"}).startswith(
        "You're on the waiting list"
    )
    assert [entry["phone"] for entry in office.entries()] == ["+14055550177"]


def test_number_given_is_texted_instead_of_the_callers(office: Office) -> None:
    office.join(123, attendee_phone="405 555 0177")
    office.join(124, attendee_phone="this number")
    assert [entry["phone"] for entry in office.entries()] == ["+14055550177", "+14055550124"]


@pytest.mark.parametrize(
    ("missing", "question"),
    [
        ("property_address", "Which home would you like to see?"),
        ("attendee_name", "May I have your name for the booking?"),
    ],
)
def test_home_and_name_are_asked_for(office: Office, missing: str, question: str) -> None:
    assert office.join(123, **{missing: ""}) == question


def test_unclear_time_is_asked_for(office: Office) -> None:
    assert office.join(123, date="banana", time_of_day="").endswith("?")
    assert office.entries() == []


def test_day_without_viewings_is_not_waited_for(office: Office) -> None:
    assert office.join(123, date="Saturday").startswith("I have nothing free")
    assert "too far ahead" in office.join(124, date="2027-03-01")
    assert office.entries() == []


def test_unknown_and_inactive_agents_have_no_list(office: Office) -> None:
    office.database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    ben = office.caller(123)
    ben.assistant_id = BEN
    assert "not being booked on this line" in ben.say("join_waitlist", WISH)
    nobody = office.caller(124)
    nobody.assistant_id = "unknown"
    assert "not connected to a calendar" in nobody.say("join_waitlist", WISH)


def test_repeated_tool_call_joins_once(office: Office) -> None:
    phone = office.caller(123)
    first = phone.say("join_waitlist", WISH, tool_call_id="t1")
    assert phone.say("join_waitlist", WISH, tool_call_id="t1") == first
    assert len(office.entries()) == 1


def test_same_wish_again_keeps_the_place_and_adds_the_times(office: Office) -> None:
    office.join(123)
    office.join(124)
    office.caller(123, call="another").say("join_waitlist", WISH | {"time_of_day": "at ten"} | {"date": "Monday"})
    office.caller(123, call="third").say("join_waitlist", WISH | {"time_of_day": "12 pm"})
    first, second = office.entries()
    assert (first["phone"], second["phone"]) == ("+14055550123", "+14055550124")
    assert len(first["wanted"]) == 1
    assert first["wanted"][0].upper.minute == 1


def test_call_that_is_over_joins_nothing(office: Office) -> None:
    phone: Phone = office.caller(123)
    phone.post({"type": "status-update", "status": "ended", "call": {"id": phone.call_id}})
    assert phone.say("join_waitlist", WISH).startswith("This call is over")
    assert office.entries() == []


def test_calendar_that_is_not_read_offers_nothing_but_the_list(office: Office) -> None:
    office.database.fetch(
        """
        WITH account AS (
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials) VALUES ('ana', 'ics', 'a', 'x')
            RETURNING account_id
        )
        INSERT INTO calendars (account_id, agent_id, remote_id, name, blocks) SELECT account_id, 'ana', 'r', 'n', TRUE
        FROM account
        """
    )
    assert office.join(123, time_of_day="afternoon").startswith("You're on the waiting list")
    office.cancel(MONDAY_10AM)
    assert office.offer() == 0


def test_spanish_callers_hear_spanish(office: Office) -> None:
    office.database.fetch("UPDATE agents SET language = 'es'")
    assert office.join(123, date="lunes", time_of_day="por la mañana").startswith("Está en la lista de espera para ver")
    office.database.fetch("DELETE FROM notice_channels")
    assert office.join(124, date="lunes", time_of_day="por la mañana").startswith("Lo siento, no puedo enviarle")
