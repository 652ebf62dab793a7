"""Read the street line of an address: house number, directions, name and type. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from peterental.matching.localities import ends_with_state
from peterental.matching.spoken_numbers import ordinal
from peterental.matching.units import DESIGNATORS, leading_identifier, lone_unit, single_letter
from peterental.matching.usps import (
    DIRECTIONS,
    NUMBER_WORDS,
    NUMBERED_ROADS,
    PLACE_WORDS,
    ROAD_OWNERS,
    STATES,
    STREET_TYPES,
)

_HOUSE_NUMBER = re.compile(r"[0-9]+[a-z]?|[0-9]+(?:-[0-9]+)+|[nsew][0-9]+(?:[nsew][0-9]+)?|[0-9]+/[0-9]+")
_FRACTION = re.compile(r"[0-9]/[0-9]")
_UNITS_AFTER_NAME = frozenset(
    ("upper", "upstairs", "arriba", "lower", "downstairs", "abajo", "rear", "basement", "penthouse")
)


def take_number(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the house number with its letter or fraction, and the words after it."""
    while words and words[0] in NUMBER_WORDS:
        words = words[1:]
    if not words or not is_house_number(words[0]):
        return None, words
    number, rest = words[0].lstrip("0") or "0", words[1:]
    if rest and _FRACTION.fullmatch(rest[0]):
        return f"{number} {rest[0]}", rest[1:]
    if _letter_of_number(number, rest):
        return number + rest[0], rest[1:]
    return number, rest


def _letter_of_number(number: str, rest: Sequence[str]) -> bool:
    """Return whether a single letter belongs to the house number ("1420 B Elm Street") and not to a street ("B St")."""
    if len(rest) < 2 or not number.isdecimal() or len(rest[0]) != 1 or rest[0] in DIRECTIONS:  # noqa: PLR2004 - a name follows
        return False
    return rest[0].isalpha() and rest[1] not in STREET_TYPES and rest[1] not in DESIGNATORS


def type_index(words: Sequence[str]) -> int | None:
    """Return where the street's type stands: the last one that has a name before it.

    "St" is Saint at the front, after another type ("Elm St St Charles") and before a word where a type follows later.
    """
    found = None
    for at in range(1, len(words)):
        word = words[at]
        if word not in STREET_TYPES or (word == "st" and found == at - 1 and at + 1 < len(words)):
            continue
        if (word == "way" and words[at - 1] == "federal") or (word in ("sq", "square") and found is not None):
            continue
        if found is not None and at - found > 2 and ends_with_state(words):  # noqa: PLR2004 - a city of two words
            continue
        if not _names_numbered_road(words, at):
            found = at
    if found is None and len(words) > 1 and words[-1] in PLACE_WORDS and words[-1] not in STATES:
        return len(words) - 1
    return found


def _names_numbered_road(words: Sequence[str], at: int) -> bool:
    """Return whether the type at `at` begins a road's number: "County Road 12", "State Highway 9"."""
    following = words[at + 1] if at + 1 < len(words) else ""
    if not following.isdecimal():
        return False
    return STREET_TYPES[words[at]] in NUMBERED_ROADS or words[at - 1] in ROAD_OWNERS


def last_unit(name: Sequence[str]) -> tuple[str | None, int]:
    """Return the unit that a name ends in ("Elm 2B", "Elm 2 B"), and its words.

    A numbered road's number is none ("Highway 9").
    """
    if len(name) > 2 and name[-2].isdecimal() and single_letter(name[-1]):  # noqa: PLR2004 - name, number and letter
        return _last_word_unit([*name[:-2], name[-2] + name[-1]]), 2
    return _last_word_unit(name), 1


def _last_word_unit(name: Sequence[str]) -> str | None:
    if name[-1] in _UNITS_AFTER_NAME:
        return lone_unit(name[-1:])
    before = STREET_TYPES.get(name[-2], name[-2])
    if before in NUMBERED_ROADS or (before in STREET_TYPES and (len(name) == 2 or name[-3] in ROAD_OWNERS)):  # noqa: PLR2004 - "Avenue 26"
        return None
    return leading_identifier(name[-1]) or single_letter(name[-1])


_LETTERED = frozenset(("avenue", "street", "road"))


def lettered_street(words: Sequence[str]) -> int | None:
    """Return where the letter of "Avenue B" or "West Avenue B" stands, house number apart; None for another street."""
    at = 2 if words and words[0] in DIRECTIONS else 1
    if len(words) <= at or STREET_TYPES.get(words[at - 1]) not in _LETTERED:
        return None
    is_letter = len(words[at]) == 1 and words[at].isalpha()
    is_name = len(words) > at + 1 and words[at + 1] in STREET_TYPES  # "1420 Street A Court"
    return at if is_letter and not is_name else None


def take_directions(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the direction in front and the words after it; a direction that only a type follows is the name."""
    if len(words) < 2 or words[0] not in DIRECTIONS:  # noqa: PLR2004 - direction and name
        return None, list(words)
    direction, rest = DIRECTIONS[words[0]], list(words[1:])
    if rest[0] in STREET_TYPES and (len(rest) == 1 or rest[0] != "st"):
        return None, list(words)
    pair = direction + DIRECTIONS.get(rest[0], "?")
    if pair in DIRECTIONS and len(rest) > 1 and not (rest[1] in STREET_TYPES and len(rest) == 2):  # noqa: PLR2004 - "N West St"
        return pair, rest[1:]
    return direction, rest


def take_direction(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the direction after a street's type, and the rest."""
    if not words or words[0] not in DIRECTIONS:
        return None, words
    first = DIRECTIONS[words[0]]
    pair = first + DIRECTIONS.get(words[1], "?") if len(words) > 1 else "?"
    return (pair, words[2:]) if pair in DIRECTIONS else (first, words[1:])


def canonical_name(words: Sequence[str], *, typed: bool) -> tuple[str, ...]:
    """Return the canonical words of a street's name.

    Args:
        words: the name without its type.
        typed: whether a street type followed.
    """
    if len(words) == 1 and words[0].isdecimal():
        return (ordinal(int(words[0])),)
    words = _without_doctor(words)
    last = len(words) - 1
    return tuple(_canonical_word(word, at, last, typed=typed) for at, word in enumerate(words))


def _without_doctor(words: Sequence[str]) -> list[str]:
    """Spell MLK out and drop "Dr" before and "Jr" after a name."""
    rest = list(words)
    if len(rest) > 1 and rest[0] in ("dr", "doctor"):
        rest = rest[1:]
    if len(rest) > 1 and rest[-1] in ("jr", "junior"):
        rest = rest[:-1]
    if rest[:1] == ["mlk"]:
        rest = ["martin", "luther", "king", *(rest[2:] if rest[1:2] in (["jr"], ["junior"]) else rest[1:])]
    return rest


def _canonical_word(word: str, at: int, last: int, *, typed: bool) -> str:
    if word == "street" and at == 0 and last > 0:
        return "saint"  # "St Charles", read out
    if word in ("st", "ste", "sainte"):
        return "street" if word == "st" and typed and at == last and at > 0 else "saint"
    if word in DIRECTIONS and (last > 0 or len(DIRECTIONS[word]) > 1):
        return DIRECTIONS[word]  # alone, "E Street" and "East Street" are two streets
    return STREET_TYPES.get(word) or PLACE_WORDS.get(word) or word


def is_house_number(word: str) -> bool:
    """Return whether `word` can be a house number: "1420", "1420b", "37-22", "n6w23001"."""
    return _HOUSE_NUMBER.fullmatch(word) is not None
