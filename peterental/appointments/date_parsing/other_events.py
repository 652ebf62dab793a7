"""Lines of a caller about the day or the time of something else: "my lease ends on Friday"."""

from __future__ import annotations

import re
from itertools import pairwise

from peterental.folding import fold, word_set

_EVENTS = word_set("""
    lease birthday born called talked spoke dentist doctor recital flight paid payday expires graduation wedding
    cumpleanos contrato llame hable mudamos mudarme mudarnos mudanza dentista vuelo boda naci
""")
_EVENT_PAIRS = frozenset(
    (
        ("move", "in"),
        ("moving", "in"),
        ("be", "back"),
        ("get", "off"),
        ("gets", "off"),
        ("gets", "home"),
        ("talk", "to"),
    )
)
_WORD = re.compile(r"[^\W_]+")
_CHANGES = word_set("""
    so but actually instead rather better prefer prefers works can could what how make would sorry no not pero mejor
    prefiero puedo podemos podria entonces asi no sino
""")
"""Words of a line that wants something in spite of such an event: "I have a flight, so Friday"."""


def is_about_another_event(text: str) -> bool:
    """Return whether a line tells of something else than a viewing, and asks for nothing."""
    words = _WORD.findall(fold(text))
    if _EVENTS.isdisjoint(words) and _EVENT_PAIRS.isdisjoint(pairwise(words)):
        return False
    return _CHANGES.isdisjoint(words)
