"""Lines of a caller about the day or the time of something else: "my lease ends on Friday"."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from peterental.folding import fold, word_set

_EVENTS = word_set("""
    lease birthday born called talked spoke dentist doctor recital flight paid payday expires graduation wedding
    abren cierran abierto abierta cumpleanos contrato vence llame hable mudamos mudarme
    mudarnos mudanza dentista vuelo boda naci
""")
_EVENT_PAIRS = frozenset(
    tuple(pair.split())
    for pair in (
        *("move in", "moving in", "leaving for", "be back", "get off", "gets off", "gets home", "talk to", "call you"),
        *("call me", "you open", "you close", "office closes", "today is", "hoy es"),
    )
)
_CHANGES = word_set("""
    so but then actually instead rather better prefer prefers works fine good ok okay can could make sorry no not pero
    mejor prefiero puedo podemos podria entonces bien sino
""")
"""Words of a line that wants something in spite of such an event: "I have a flight, so Friday"."""

_CHANGE_PAIRS = frozenset((("how", "about"), ("what", "about")))
_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?;]\s")
_SO = re.compile(r"\b(?:so|therefore|as[ií] que|por eso|entonces)\b", re.IGNORECASE)


@lru_cache(maxsize=512)
def is_about_another_event(text: str) -> bool:
    """Return whether a sentence tells of something else than a viewing, and asks for nothing."""
    words = _WORD.findall(fold(text))
    pairs = set(pairwise(words))
    if (_EVENTS.isdisjoint(words) and _EVENT_PAIRS.isdisjoint(pairs)) or _SENTENCE_END.search(text):
        return False
    return _CHANGES.isdisjoint(words) and _CHANGE_PAIRS.isdisjoint(pairs)


def conclusion(text: str) -> str:
    """Return what follows from the rest of a line: "Friday" of "I have the dentist on Thursday, so Friday"."""
    return _SO.split(text)[-1]


def changes_something(text: str) -> bool:
    """Return whether a line replaces what was said before: "make it the fourth"."""
    return not _REPLACES.isdisjoint(_WORD.findall(fold(text)))


_REPLACES = word_set("make change actually instead rather better prefer no sorry mejor prefiero cambie cambiar perdon")
