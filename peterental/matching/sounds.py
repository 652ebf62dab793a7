"""How a word sounds, so that a misheard street is found. Pure."""

from __future__ import annotations

from jellyfish import metaphone

_VOWELS = frozenset("AEIOU")
_LONGEST_WORD = 40
_SHORTEST_SOUND = 2


def sound_of(word: str) -> str:
    """Return how a folded word sounds, in English consonants: "elm" and "alm" are "_LM", "rite" and "wright" are "RT".

    Empty for a word with digits, and where too little remains to recognise it by.
    """
    if not word.isalpha() or not word.isascii() or len(word) > _LONGEST_WORD:
        return ""
    sound = metaphone(word)
    if sound[:1] in _VOWELS:
        sound = f"_{sound[1:]}"
    return sound if len(sound) >= _SHORTEST_SOUND else ""
