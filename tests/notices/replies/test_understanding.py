"""What texts mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peterental.notices.replies.understanding import understand

MEANINGS = {
    "confirm": """
        C|c.|C!|1|1.|Yes|YES!|Yep|Y|yeah thanks|I confirm|Confirmed|yes, confirmed, thank you!|I'll be there|I\u2019ll be there
        Yes I will be there|we'll be there tomorrow|See you then|see you tomorrow!|on my way|C u there|Yes 😊|yes please
        Yes, looking forward to the viewing|sí|Sí, confirmo|si gracias|Confirmado|ahí estaré|Allí estaremos|Nos vemos mañana
        C\u200b|\uff23
    """,
    "agree": "ok|OK!|Okay|k|👍|👌🏽|sounds good|Perfect|got it|sure|vale|de acuerdo|ok great thanks",
    "decline": "no|No.|nope|no thanks|👎|n|no gracias",
    "cancel": """
        cancel my viewing|Please cancel my viewing|Can you cancel my viewing?|I need to cancel my appointment
        Hi Ana, please cancel my viewing tomorrow|cancel the showing please|I'd like to cancel today's viewing
        please cancel my viewing, my car broke down|can't make it|I can't make it, sorry|we won't be able to make it
        I can't come|Unfortunately I cannot come tomorrow|I'm not coming|not coming anymore|I won't be there
        cancelar mi visita|Quiero cancelar la cita por favor|no puedo ir|No podré ir mañana, lo siento|no voy a ir
        ya encontré otro lugar, no voy a ir
    """,
    "stop": """
        stop|STOP|Stop.|STOP!!|stop please|please stop texting me|Stop it|quit|END|revoke|opt out|Opt-out|OPTOUT|optout
        cancel|Cancel.|cancel please|CANCEL!!|unsubscribe|Unsubscribe me please|stopall|s t o p|S.T.O.P|st\u200bop|\uff33\uff34\uff2f\uff30
        STOOOOP stop|I need to cancel|cancel it|yes stop|C. Stop|1 stop|no, stop|ok stop|stop texting me and cancel my viewing
        cancel my viewing and stop texting|don't text me|do not contact me again|no more texts|remove me from your list
        🛑|STOP 👎|please don't text|Do not message again|Don't send me any more texts|lose my number
        I don't want to receive texts|delete this number please|take us off your list|no me contacten|No molestar
        borren mi número|no quiero recibir más mensajes|quítenme de la lista
        leave me alone|I want to opt out|opt me out|alto|para|PARAR|basta|baja|cancelar|cancela|cancelar por favor
        no más mensajes|dejen de escribirme|No me manden mensajes|quiero darme de baja|unsub|stop, wrong number
    """,
    "start": "start|START|unstop|Start again|opt in|Start texting me again please|empezar|reanudar",
    "help": "help|HELP|info|help me|ayuda|who is this?|Who's this|who are you?|hi who is this|quién es?|¿Quién es usted?",
    "wrong_person": """
        wrong number|Sorry, wrong number|You have the wrong number|wrong person!|this is the wrong number who is this
        número equivocado|se equivocó de número
    """,
    "move": """
        can I move it to 5pm?|can we reschedule|I need another time|could we do a different day?|quiero cambiar la visita
        ¿puede ser otro día?|I can't make it at 2, another time?
    """,
    "courtesy": "thanks|Thank you!|thx|muchas gracias|Hello|good morning|thanks so much",
    "message": """
        is parking available?|yes but can I bring my dog?|yes and I have a question|1 more question|at 1|Yes, see you at 2:30
        no I will be there|not sure yet|maybe|asdf qwer|🎉🎉|?|C4|is it still available|will you be there?|I am late
        can I stop by at 3?|I'll stop by at 3|is there a bus stop nearby?|what time does it end?|at the end of the street
        I don't text much, call me|I didn't get a text|do you need my number?|send me the address|can I text you later?
        don't cancel my viewing|Please do not cancel!|can I cancel my viewing?|why did you cancel my appointment
        cancel my viewing and book friday instead|cancel my viewing if it rains|my sister asked me to cancel my viewing
        you always cancel my viewing|no cancelen mi cita|quiero una visita para mañana|when does it start?|yes?|not c
    """,
}  # fmt: skip

TABLE = [
    (meaning, text) for meaning, lines in MEANINGS.items() for line in lines.strip().splitlines() for text in line.strip().split("|")
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "text"), TABLE)
def test_texts_mean_what_people_mean(meaning: str, text: str) -> None:
    assert understand(text).meaning == meaning


@pytest.mark.parametrize(
    ("text", "language"),
    [("Yes", "en"), ("sí", "es"), ("C", None), ("STOP", "en"), ("alto", "es"), ("no", None), ("¿dónde está la casa?", "es")],
)  # fmt: skip
def test_the_language_is_recognised(text: str, language: str | None) -> None:
    assert understand(text).language == language


@pytest.mark.parametrize(
    ("text", "has_more", "speaks_of_cancelling"),
    [
        ("STOP", False, False),
        ("please stop texting me", False, False),
        ("cancel", False, True),
        ("STOP 👎🛑", False, False),
        ("stop, I found a home", True, False),
        ("I need to cancel", True, True),
        ("stop texting me and cancel my viewing", True, True),
    ],
)
def test_more_than_a_stop_is_noticed(text: str, *, has_more: bool, speaks_of_cancelling: bool) -> None:
    understood = understand(text)
    assert (understood.has_more, understood.speaks_of_cancelling) == (has_more, speaks_of_cancelling)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("see you then", ""), ("see you Thursday", "thursday"), ("can't make it this afternoon", "today"),
        ("no puedo ir mañana por la mañana", "tomorrow"), ("no puedo ir esta mañana", "today"),
        ("nos vemos mañana viernes", "tomorrow friday"), ("can't make it tonight or tomorrow", "today tomorrow"),
    ],
)  # fmt: skip
def test_days_are_noticed(text: str, days: str) -> None:
    assert understand(text).days == set(days.split())


STOP_WORDS = ("stop", "quit", "end", "revoke", "opt out", "unsubscribe", "parar", "basta", "stopall")
ANSWERS = (
    "C",
    "1",
    "yes",
    "I'll be there",
    "no",
    "can't make it",
    "cancel my viewing",
    "cancelar mi visita",
    "sí confirmo",
)
AROUND = st.lists(
    st.sampled_from(ANSWERS) | st.sampled_from(["please", "thanks", "my", "viewing", "now", "the", "it", "and", "!", ".", "?", ",", "...", "👍", "🎉", "--", "\n", "¿", "(", ")"]),
    max_size=4,
)  # fmt: skip


@given(AROUND, st.sampled_from(STOP_WORDS), AROUND, st.sampled_from((str.lower, str.upper, str.title)))
def test_a_stop_word_always_opts_out(before: list[str], word: str, after: list[str], case: object) -> None:
    """Whatever is around it, and never also an answer."""
    assert callable(case)
    assert understand(" ".join([*before, case(word), *after])).meaning == "stop"


@given(st.text(max_size=60), st.sampled_from((*STOP_WORDS, "cancel", "cancelar")), st.text(max_size=60))
def test_a_text_with_a_stop_word_never_confirms(before: str, word: str, after: str) -> None:
    meaning = understand(f"{before} {word} {after}").meaning
    assert meaning not in {"confirm", "agree", "decline"}
    assert meaning != "cancel" or word in {"cancel", "cancelar"}


@given(st.text(max_size=3000))
def test_any_text_means_something(text: str) -> None:
    assert understand(text).meaning in {*MEANINGS, "message"}
