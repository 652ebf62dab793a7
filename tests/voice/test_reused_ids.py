"""Ids of tool calls that say too little: used for something else in the same call, or in messages without a call's id.

Some language models number their tool calls from 0 in every message.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from peterental.appointments.model import SlotTaken
from peterental.appointments.phone_service import PhoneBookingService
from peterental.database.pool import Database
from peterental.services import Services
from tests.voice.homes import add_home
from tests.voice.phone import BEN, ELM, Phone, book, starts

ID = "call_0"


def rows(database: Database) -> list[tuple[Any, ...]]:
    query = "SELECT name, outcome, appointment_id IS NOT NULL AS booked FROM tool_calls ORDER BY id"
    return [tuple(row.values()) for row in database.fetch(query)]


def test_question_and_booking_with_one_id(phone: Phone, services: Services, database: Database) -> None:
    assert "nine AM" in phone.say("get_availability", {"date": "tomorrow"}, ID)
    first = book(phone, "the second one", tool_call_id=ID)
    assert first.startswith("You're booked")
    assert book(phone, "the second one", tool_call_id=ID) == first, "delivered twice"
    assert services.calls.write_buffered()
    assert rows(database) == [("get_availability", "answered", False), ("set_appointment", "booked", True)]


def test_changes_with_one_id_are_all_made(phone: Phone, database: Database) -> None:
    def state() -> list[tuple[str, str]]:
        found = database.fetch(
            "SELECT to_char(start_time AT TIME ZONE 'UTC', 'HH24') AS hour, status FROM appointments"
        )
        return [(row["hour"], row["status"]) for row in found]

    booked = book(phone, "tomorrow 3 pm", tool_call_id=ID)
    moved = phone.say("reschedule_appointment", {"start_time": "tomorrow 4 pm"}, ID)
    assert state() == [("22", "confirmed")]
    cancelled = phone.say("cancel_appointment", {}, ID)
    noted = phone.say("take_message", {"message": "Are cats fine?"}, ID)
    other = phone.say("take_message", {"message": "And dogs?"}, ID)
    assert state() == [("22", "cancelled")]
    assert [row["body"] for row in database.fetch("SELECT body FROM messages ORDER BY 1")] == [
        "And dogs?",
        "Are cats fine?",
    ]
    for tool, arguments, answer in (
        ("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, booked),
        ("reschedule_appointment", {"start_time": "tomorrow 4 pm"}, moved),
        ("cancel_appointment", {}, cancelled),
        ("take_message", {"message": "Are cats fine?"}, noted),
        ("take_message", {"message": "And dogs?"}, other),
    ):
        assert phone.say(tool, arguments, ID) == answer, "each is answered as before"
    assert [outcome for _, outcome, _ in rows(database)] == ["booked", "moved", "cancelled", "message", "message"]


def test_two_bookings_of_one_message_with_one_id(phone: Phone, database: Database) -> None:
    message = phone.message("set_appointment", ELM | {"start_time": "tomorrow 3 pm"}, ID)
    other = {"start_time": "tomorrow 4 pm", "property_address": "5 Oak Lane", "attendee_name": "Dolores Whitcomb"}
    message["toolCallList"] += phone.message("set_appointment", other, ID)["toolCallList"]
    for _ in range(2):
        answers = [result["result"] for result in phone.post(message).json["results"]]  # type: ignore[index]
        assert [answer[:13] for answer in answers] == ["You're booked"] * 2
        assert answers[0] != answers[1]
        assert len(starts(database)) == 2


@pytest.mark.parametrize("other", [{"number": "+15550142999"}, {"assistant_id": BEN}, {"number": None}])
def test_callers_without_a_call_id_are_told_apart(phone: Phone, other: dict[str, Any], database: Database) -> None:
    """One caller must neither hear what another was told, nor be told of a booking that was not made."""
    first = replace(phone, call_id="")
    second = replace(first, **other)
    mine = book(first, tool_call_id=ID)
    theirs = second.say("find_appointment", {"attendee_name": "Dolores Whitcomb"}, ID)
    taken = book(second, tool_call_id=ID)
    assert mine.startswith("You're booked")
    assert "Elm" not in theirs
    assert len(starts(database)) == (2 if "assistant_id" in other else 1)
    assert taken != mine or "assistant_id" in other
    assert book(first, tool_call_id=ID) == mine, "delivered twice"


def test_reduced_call_answers_a_known_id_as_before(phone: Phone, database: Database) -> None:
    """What the tool call said is not stored any more; its id alone shows that it was made."""
    book(phone, tool_call_id=ID)
    database.fetch("UPDATE calls SET reduced_at = NOW()")
    book(phone, tool_call_id=ID)
    assert len(starts(database)) == 1
    assert len(rows(database)) == 1


def test_answer_to_a_question_with_one_id(phone: Phone, database: Database) -> None:
    for unit in ("2B", "3A"):
        add_home(database, "1205 N Porter Avenue", unit)
    assert "unit 2B or unit 3A?" in book(phone, property_address="1205 N Porter Avenue", tool_call_id=ID)
    assert "Unit 3A" in book(phone, property_address="the second one", tool_call_id=ID)


def test_questions_with_one_id_leave_the_latest(phone: Phone, services: Services) -> None:
    phone.say("get_availability", {"date": "tomorrow"}, ID)
    answer = phone.say("get_availability", {"date": "Friday"}, ID)
    [stored] = services.calls.tool_calls(phone.call_id)
    assert (stored.arguments, stored.answer) == ({"date": "Friday"}, answer)


@pytest.mark.parametrize(("error", "outcome"), [(SlotTaken(), "refused"), (ZeroDivisionError(), "fault")])
def test_failure_with_a_taken_id_replaces_no_other_tool_call(
    phone: Phone, services: Services, monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: str
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    offer = phone.say("get_availability", {"date": "tomorrow"}, ID)
    with monkeypatch.context() as patch:
        patch.setattr(PhoneBookingService, "_attempt_change", fail)
        book(phone, "the second one", tool_call_id=ID)
    first, second = services.calls.tool_calls(phone.call_id)
    assert (first.name, first.answer, first.outcome) == ("get_availability", offer, "answered")
    assert (second.name, second.outcome) == ("set_appointment", outcome)
    assert book(phone, "the second one").startswith("You're booked"), "the offer is still known"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = count()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.dictionaries(st.text(max_size=5), ANYTHING, max_size=4))
@example(arguments={"a": -0.0, "b": 1e22, "c": 5e-324, "d": 2**63 - 1, "e": 1.10, "f": 1e308})
def test_any_tool_call_is_known_when_it_is_delivered_again(
    phone: Phone, services: Services, arguments: dict[str, Any]
) -> None:
    """What the database gives back is compared with what is sent: it must be the same after the way there and back."""
    phone.call_id = f"call-{next(NUMBERS)}"
    for _ in range(2):
        body = {"message": phone.message("take_message", {"message": "Hello"} | arguments, ID)}
        text = json.dumps(body).encode()
        assert phone.client.post("/vapi/webhook", data=text, content_type="application/json").status_code == 200
    assert len(services.calls.tool_calls(phone.call_id)) == 1
