"""The home that the assistant sends, beside the one that the caller's own words name."""

from __future__ import annotations

from typing import Any

import pytest

from peterental.database.pool import Database
from tests.voice.homes import add_home
from tests.voice.phone import Phone

NAME = {"attendee_name": "Dolores Park"}
QUESTION = "Do you mean 33 Boyd Street or 1420 Elm Street?"
ELM = "You're booked to see 1420 Elm Street, tomorrow"
BOYD = "You're booked to see 33 Boyd Street, tomorrow"


def history(*lines: str) -> dict[str, Any]:
    """Return what callers said; lines that begin with a dash are the assistant's."""
    messages = [
        {"role": "bot" if line.startswith("-") else "user", "message": line.removeprefix("-")} for line in lines
    ]
    return {"artifact": {"messages": [{"role": "system", "message": "You book viewings of 33 Boyd."}, *messages]}}


def book(phone: Phone, home: str, *lines: str, **more: object) -> str:
    arguments = NAME | {"property_address": home, "start_time": "2026-11-23T15:00"} | more
    return phone.say("set_appointment", arguments, **history(*lines))


@pytest.fixture(autouse=True)
def homes(phone: Phone, database: Database) -> None:
    assert phone
    add_home(database, "1420 Elm Street")
    add_home(database, "33 Boyd Street")
    add_home(database, "35 Boyd Street", status="inactive")
    add_home(database, "8 Gray Street", shown_by="ben")


@pytest.mark.parametrize(
    "lines",
    [
        ["I'd like to see the house on Boyd.", "Tomorrow at three, please."],
        ["I live on Elm, I'd like to see Boyd."],
        ["33 Boyd Street, please", "-Tomorrow at three?", "Yes, please. My name is Dolores Park."],
        ["Elm, please.", "No, sorry, the Boyd one."],
        ["Quiero ver la de Boyd mañana a las tres."],
    ],
)
def test_other_home_than_the_caller_named_is_asked_about(phone: Phone, database: Database, lines: list[str]) -> None:
    assert book(phone, "1420 Elm Street", *lines) == QUESTION
    assert database.fetch("SELECT id FROM appointments") == []


@pytest.mark.parametrize(
    "lines",
    [
        ["I live on Boyd, I'd like to see Elm."],
        ["The one on Boyd.", "No, not Boyd, Elm."],
        ["Boyd or Elm, whichever is free tomorrow."],
        ["Boyd, please.", "-33 Boyd is taken then, but 1420 Elm is free.", "All right, tomorrow at three."],
        ["Is Boyd there?"],
        ["I'd like to see 35 Boyd Street."],
        ["I'd like to see Gray Street."],
        ["I'd like to see 12 Oak Street."],
        ["I'd like to see the one in Norman."],
        [],
    ],
)
def test_home_that_may_be_meant_is_booked(phone: Phone, lines: list[str]) -> None:
    assert book(phone, "1420 Elm Street", *lines).startswith(ELM)


def test_street_called_like_the_visitor_or_the_agent_is_no_home(phone: Phone, database: Database) -> None:
    add_home(database, "12 Park Avenue")
    add_home(database, "9 Reyes Road")
    assert book(phone, "1420 Elm Street", "Dolores Park.", "I'd like to see Reyes.").startswith(ELM)


@pytest.mark.parametrize(
    ("answer", "sent", "heard"),
    [
        ("Boyd.", "33 Boyd Street", BOYD),
        ("Boyd.", "1420 Elm Street", BOYD),
        ("The first one.", "1420 Elm Street", BOYD),
        ("No, Boyd.", "1420 Elm Street", BOYD),
        ("Elm.", "1420 Elm Street", ELM),
        ("The second one.", "1420 Elm Street", ELM),
        ("Sorry, I meant Elm.", "1420 Elm Street", ELM),
        ("Yes.", "1420 Elm Street", ELM),
    ],
)
def test_answer_to_the_question_counts(phone: Phone, answer: str, sent: str, heard: str) -> None:
    asked = "I'd like to see Boyd tomorrow at three."
    assert book(phone, "1420 Elm Street", asked) == QUESTION
    assert book(phone, sent, asked, f"-{QUESTION}", answer).startswith(heard)


def test_question_is_asked_twice_at_most(phone: Phone) -> None:
    asked = "I'd like to see Boyd tomorrow at three."
    assert [book(phone, "1420 Elm Street", asked) for _ in range(2)] == [QUESTION] * 2
    assert book(phone, "1420 Elm Street", asked).startswith(ELM)


def test_house_number_is_compared_on_one_street(phone: Phone, database: Database) -> None:
    add_home(database, "43 Boyd Street")
    assert book(phone, "33 Boyd Street", "I'd like to see forty-three Boyd.") == (
        "Do you mean 43 Boyd Street or 33 Boyd Street?"
    )
    assert book(phone, "43 Boyd Street", "I'd like to see forty-three Boyd.").startswith("You're booked to see 43 Boyd")


@pytest.mark.parametrize("tool", ["cancel_appointment", "reschedule_appointment"])
def test_other_viewing_than_the_caller_named_is_asked_about(phone: Phone, database: Database, tool: str) -> None:
    assert book(phone, "1420 Elm Street").startswith(ELM)
    assert book(phone, "33 Boyd Street", start_time="2026-11-23T10:00").startswith(BOYD)
    sent = {"property_address": "1420 Elm Street"} | (
        {"start_time": "2026-11-24T11:00"} if tool.startswith("resch") else {}
    )
    lines = ["I can't come to my Boyd viewing."], ["My Boyd viewing, please."]
    asked = phone.say(tool, sent, **history(*lines[1]))
    assert asked.startswith("You have a viewing of 33 Boyd Street, tomorrow")
    assert asked.endswith("Which one do you mean?")
    assert (
        len(database.fetch("SELECT id FROM appointments WHERE status = 'confirmed' AND start_time < '2026-11-24'")) == 2
    )
    done = phone.say(tool, sent, **history(*lines[1], f"-{asked}", "Boyd."))
    assert done.startswith("Your viewing of 33 Boyd Street")


@pytest.mark.parametrize(
    ("line", "is_asked"),
    [
        ("I need to cancel my viewing of 33 Boyd Street.", True),
        ("Quiero cancelar la cita de la calle Boyd.", True),
        ("Cancel my Elm viewing, please.", False),
        ("Cancel it, please. I live on Boyd now.", False),
        ("I'd like to see Boyd instead.", False),
        ("Cancel my viewing, please.", False),
    ],
)
def test_only_viewing_of_another_home_is_asked_about(phone: Phone, line: str, *, is_asked: bool) -> None:
    assert book(phone, "1420 Elm Street").startswith(ELM)
    heard = phone.say("cancel_appointment", {}, **history(line))
    assert heard.endswith("is cancelled.") is not is_asked
    if is_asked:
        assert heard.startswith("There is a viewing of 1420 Elm Street")
        assert heard.endswith("Is that the one you mean?")
        assert phone.say("cancel_appointment", {}, **history(line, f"-{heard}", "Yes.")).endswith("is cancelled.")
