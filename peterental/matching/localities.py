"""Read city, state and ZIP code at the end of an address. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peterental.matching.usps import (
    CITY_ALIASES,
    COUNTRY_TAILS,
    DIRECTIONS,
    PLACE_WORDS,
    STATE_NAMES,
    STATES,
    STREET_TYPES,
)

_ZIP_CODE = re.compile(r"([0-9]{5})(?:-([0-9]{4}))?")
_STATES_LIKE_CITIES = frozenset(("ny", "wa"))
"""A state's name that stands alone after the street is the city's."""


def canonical_city(words: Sequence[str]) -> tuple[str, ...]:
    """Return a city's words with abbreviations spelt out: "OKC", "St Louis", "N Little Rock"."""
    return CITY_ALIASES.get(" ".join(words)) or tuple(_city_word(word) for word in words)


def _city_word(word: str) -> str:
    if word in ("st", "ste", "sainte"):
        return "saint"
    return DIRECTIONS.get(word) or PLACE_WORDS.get(word) or word


def take_state_and_zip(words: list[str], *, least: int) -> tuple[list[str], str | None, str | None, str | None]:
    """Return the words before state and ZIP code, and those.

    Args:
        words: a street line without a type, or the words after a street.
        least: how many words must stay.
    """
    words = _without_country(words)
    code, extension = None, None
    match = _ZIP_CODE.fullmatch(words[-1]) if len(words) > least else None
    if match is not None:
        code, extension, words = match[1], match[2], words[:-1]
    rest, state = _take_state(words, least=least, certain=code is not None)
    return rest, state, code, extension


def _without_country(words: list[str]) -> list[str]:
    for tail in COUNTRY_TAILS:
        if len(words) > len(tail) and tuple(words[-len(tail) :]) == tail:
            return words[: -len(tail)]
    return words


def _take_state(words: list[str], *, least: int, certain: bool) -> tuple[list[str], str | None]:
    """Return the words before a state at the end, and its two letters.

    In a street line without a type a full name may be the street's ("1420 Washington", "1420 Elm Oklahoma"): it counts
    where a ZIP code follows or two words stand before it.
    """
    if len(words) > least and words[-1] in STATES and (least == 0 or words[-1] not in STREET_TYPES):
        return words[:-1], words[-1]
    for length in (3, 2, 1):
        code = STATE_NAMES.get(tuple(words[-length:])) if len(words) >= length else None
        if code in _STATES_LIKE_CITIES and len(words) == length:
            return words, None
        enough = len(words) - length >= (least if certain or least == 0 else least + 1)
        if code is not None and enough:
            return words[:-length], code
    return words, None


def is_zip_code(word: str) -> bool:
    """Return whether `word` is a ZIP code, with or without its extension."""
    return _ZIP_CODE.fullmatch(word) is not None


def ends_with_state(words: Sequence[str]) -> bool:
    """Return whether a state or a ZIP code ends `words`."""
    return words[-1] in STATES or is_zip_code(words[-1]) or words[-1] in STATES.values()
