"""Measure how close two spellings are. Pure."""

from __future__ import annotations

from enum import Enum

from jellyfish import damerau_levenshtein_distance

LONGEST_WORD = 40
"""Longer words are compared for equality only: edit distance takes quadratic time."""

LONG_WORD = 8
"""One typing error in a word of this many letters leaves it recognisable."""

SHORTEST_CLOSE = 3
"""Shorter words ("A", "B", "Ox") are never similar, only equal."""


class Closeness(Enum):
    """How near two spellings are."""

    EQUAL = 3
    TYPO = 2
    """One error in a long word: still the same word."""
    CLOSE = 1
    """The one may be the other misheard."""
    FAR = 0


def closeness(one: str, other: str) -> Closeness:
    """Compare two folded words or joined names by edit distance.

    Swapped neighbours count as one error. Words that contain digits are equal or far apart.
    """
    if one == other:
        return Closeness.EQUAL
    shorter, longer = sorted((len(one), len(other)))
    if shorter < SHORTEST_CLOSE or longer > LONGEST_WORD or longer - shorter > longer // 4 + 1:
        return Closeness.FAR
    if any(char.isdigit() for char in one + other):
        return Closeness.FAR
    distance = damerau_levenshtein_distance(one, other)
    if distance == 1 and shorter >= LONG_WORD and one[0] == other[0]:
        return Closeness.TYPO
    allowed = 1 if longer < LONG_WORD - 1 else 2
    return Closeness.CLOSE if distance <= allowed else Closeness.FAR
