"""House numbers of which speech recognition wrote a digit as another word: "one for oh two" is 1402. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.matching.spoken_numbers import CARDINALS

_HEARD = {"for": "four", "fore": "four", "to": "two", "too": "two", "ate": "eight", "won": "one", "tree": "three"}
"""What speech recognition writes for a digit."""

HEARD_WORDS = frozenset(_HEARD)
_PREPOSITIONS = frozenset(("for", "to"))
_ZEROS = frozenset(("oh", "o"))
_SHORT = 2
"""Digits that a part of a spoken number has at most: "14 oh 2"; a longer number was heard whole."""


def heard_numbers(words: Sequence[str]) -> list[str]:
    """Return folded words with the numbers that were heard as other words; empty where there are none.

    Such a word counts only among the words of a number that something follows: "eighty ate b street" is number 88.
    In front of a number "for" and "to" count only as the first word: "to ten main" may be number 210.
    """
    if HEARD_WORDS.isdisjoint(words):
        return []
    found = list(words)
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and _may_be_digit(words[end]):
            end += 1
        start = at
        while start < end and start > 0 and words[start] in _PREPOSITIONS:
            start += 1
        is_followed = end < len(words) and not words[end][0].isdigit()
        if is_followed and end - start > 1 and any(_shows_number(word) for word in words[start:end]):
            found[start:end] = [_HEARD.get(word, word) for word in words[start:end]]
        at = max(end, at + 1)
    return found if found != list(words) else []


def _may_be_digit(word: str) -> bool:
    return _shows_number(word) or word in _HEARD


def _shows_number(word: str) -> bool:
    return _is_number(word) or word in _ZEROS


def _is_number(word: str) -> bool:
    return word in CARDINALS or (word.isdecimal() and len(word) <= _SHORT)
