"""Which home the caller's own words name, beside the one that was sent. The office has 33 Boyd and 1420 Elm Street."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.appointments.model import SpokenLine
from peterental.appointments.said_home import said_home

ELM = frozenset(("elm", "1420"))
"""The home that was sent."""


def caller(*texts: str) -> list[SpokenLine]:
    return [SpokenLine(by_caller=True, text=text) for text in texts]


def agent(text: str) -> list[SpokenLine]:
    return [SpokenLine(by_caller=False, text=text)]


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("I'd like to see the one on Boyd.", "boyd"),
        ("I'm calling about 33 Boyd Street, please.", "33 boyd street"),
        ("Could I come and see thirty-three Boyd on Friday at three?", "33 boyd"),
        ("Yeah, the Boyd house, tomorrow afternoon.", "boyd"),
        ("Boyd Street", "boyd street"),
        ("No, sorry, Boyd.", "boyd"),
        ("Not Elm, Boyd.", "boyd"),
        ("I live on Elm, I'd like to see Boyd.", "boyd"),
        ("I'm near Elm, but could you book the Boyd property?", "boyd"),
        ("What about 1205 North Porter Avenue?", "1205 north porter avenue"),
        ("Quiero ver la de Boyd el viernes a las tres.", "boyd"),
        ("La casa de la calle Boyd, por favor.", "boyd"),
        ("Vivo en Elm pero quisiera visitar el 33 de Boyd", "boyd"),
        ("No, I said Boyd.", "boyd"),
        ("1205 Porter unit 2B, please.", "1205 porter unit 2b"),
        ("The one on Gray.", "gray"),
        ("Book me for Boyd.", "boyd"),
        ("Put us down for the Boyd one, thanks.", "boyd"),
        ("No, not Elm, I wanted Boyd.", "boyd"),
        ("I didn't say Elm, I said Boyd.", "boyd"),
        ("I'd rather do Boyd.", "boyd"),
        ("Could you book Boyd for me?", "boyd"),
        ("Apúnteme para Boyd.", "boyd"),
        ("La de Elm no, la de Boyd.", "boyd"),
        ("No la de Elm, sino la de Boyd.", "boyd"),
        ("Boyd, three works for me.", None),  # "Boyd" alone may be a name
        ("1420 Elm or, no, 33 Boyd", None),  # both are named
    ],
)
def test_clear_words_name_a_home(line: str, address: str | None) -> None:
    assert said_home(caller(line), ELM) == address


@pytest.mark.parametrize(
    "line",
    [
        "I live on Boyd.",
        "I'm coming from my office on Boyd, so make it three.",
        "Is Boyd there?",
        "Hi, this is Boyd.",
        "I talked to Boyd on Tuesday.",
        "It's for Boyd.",
        "Book me for Mr. Boyd.",
        "Could you book it for my husband Boyd?",
        "Put it under Boyd.",
        "I don't want Boyd or Elm.",
        "I'd like a viewing with Boyd.",
        "Not Boyd.",
        "I don't want Boyd.",
        "Boyd or Elm, whichever is free.",
        "Boyd and Elm, please.",
        "I saw Boyd yesterday and did not like it.",
        "My mother used to rent Boyd.",
        "Not Boyd, the other one.",
        "The second one, please.",
        "Can Boyd show me around?",
        "Does it have parking near Boyd Street?",
        "I'll turn off Boyd Street and be there at three.",
        "Elm, not Boyd.",
        "Vivo en la calle Boyd.",
        "No la de Boyd, la otra.",
        "¿Está cerca de Boyd?",
        "Boyd.",
        "Perfect.",
        "Sounds good, thanks.",
        "Are you on Boyd Street?",
        "Do I take Boyd Street to get there?",
        "I work on Boyd.",
        "The gray one, please.",
        "I have a viewing of Boyd at two, so three works for Elm.",
    ],
)
def test_other_words_name_none(line: str) -> None:
    assert said_home(caller(line), ELM) is None


@pytest.mark.parametrize(
    "lines",
    [
        caller("The one on Boyd.", "No, not Boyd, Elm."),
        caller("The one on Boyd.", "The other one, please."),
        caller("The one on Boyd.", "Can I see Elm on Friday?"),
        caller("Elm at three.", "And Boyd at four."),
        [*caller("Boyd, please."), *agent("Boyd is gone, but 1420 Elm is free."), *caller("All right, Friday at two.")],
        [*caller("Boyd, please."), *agent("How about another home nearby?"), *caller("Sure.")],
    ],
)
def test_home_that_was_agreed_on_later_counts(lines: list[SpokenLine]) -> None:
    assert said_home(lines, ELM) is None


@pytest.mark.parametrize(
    "lines",
    [
        caller("Elm, please.", "No, sorry, Boyd."),
        caller("The Boyd one, please.", "Friday at three.", "Dolores Park."),
        [
            *agent("Which home would you like to see?"),
            *caller("Boyd."),
            *agent("For 33 Boyd Street, I have Friday at three."),
            *caller("That works."),
        ],
        [*caller("The Boyd one."), *agent("Let me book 1420 Elm Street.")],
    ],
)
def test_home_named_before_still_counts(lines: list[SpokenLine]) -> None:
    assert said_home(lines, ELM) == "boyd"


@pytest.mark.parametrize(
    "line", ["I can't make it to the Boyd viewing.", "I won't be able to make Boyd.", "Ya no puedo ir a la de Boyd."]
)
def test_viewing_that_the_caller_cannot_make_is_the_one_to_change(line: str) -> None:
    assert said_home(caller(line), ELM, changes=True) == "boyd"
    assert said_home(caller(line), ELM) is None


def test_name_of_the_visitor_is_no_street() -> None:
    assert said_home(caller("The Boyd one.", "Dolores Park."), ELM, {"dolores", "park"}) == "boyd"
    assert said_home(caller("It's Dolores Park."), ELM, {"dolores", "park"}) is None


def test_answer_to_a_question_about_a_home_may_be_a_name_alone() -> None:
    for question in ("Which home would you like to see?", "I have Boyd and Elm. Which one do you mean?"):
        assert said_home([*agent(question), *caller("Boyd.")], ELM) == "boyd"


@pytest.mark.parametrize(
    "question", ["What is your last name?", "What is your current address?", "Where do you live now?"]
)
def test_answer_to_another_question_is_no_home(question: str) -> None:
    assert said_home([*agent(question), *caller("Boyd.")], ELM) is None
    if "name" not in question:
        assert said_home([*agent(question), *caller("33 Boyd Street.")], ELM) is None


def test_name_of_a_person_is_no_street() -> None:
    assert said_home(caller("I'd like to see Boyd."), ELM, ["ana", "boyd"]) is None
    assert said_home(caller("I'd like to see 33 Boyd."), ELM, ["ana", "boyd"]) == "33 boyd"


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=60)), max_size=20), st.sets(st.text(max_size=6), max_size=3))
def test_any_lines_are_read(lines: list[tuple[bool, str]], words: set[str]) -> None:
    found = said_home([SpokenLine(by_caller, text) for by_caller, text in lines], frozenset(words))
    assert found is None or found.strip()
