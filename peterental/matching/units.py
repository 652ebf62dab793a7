"""Find units, buildings and floors among the words of an address ("Apt 2B", "#2", "second floor"). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from peterental.matching.usps import (
    BUILDING_WORDS,
    FLOOR_WORDS,
    NAMED_FLOORS,
    NAMED_UNITS,
    NUMBER_WORDS,
    UNIT_WORDS,
)

DESIGNATORS = UNIT_WORDS | BUILDING_WORDS | FLOOR_WORDS | NUMBER_WORDS

_IDENTIFIER = re.compile(r"[0-9]{1,5}[a-z]{0,2}|[a-z]{1,2}[0-9]{1,4}[a-z]?|[a-z]|[0-9]{1,4}-[0-9]{1,4}")
_WITH_DIGIT = re.compile(r"[0-9]{1,4}[a-z]{0,2}|[a-z]{1,2}[0-9]{1,4}[a-z]?|[0-9]{1,3}-[0-9]{1,4}")
_PENTHOUSE = ("ph", "penthouse")
_AFTER_UNIT = frozenset(("on", "at", "in", "of"))
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a building a home is; None where not said."""

    unit: str | None = None
    building: str | None = None
    floor: str | None = None


def extract(words: Sequence[str], *, is_first: bool = False) -> tuple[list[str], Place]:
    """Return `words` without units, buildings and floors, and those.

    Args:
        words: one part of an address, numbers in digits.
        is_first: whether it is the first part: there "#5 Elm Street" is a house number.
    """
    rest: list[str] = []
    found: dict[str, str] = {}
    at = 0
    while at < len(words):
        kind, value, end = _designated(words, at, leads=is_first and not rest)
        if kind is None:
            rest.append(words[at])
            at += 1
            continue
        found.setdefault(kind, value)
        at = end
    return rest, Place(**found)


def lone_unit(words: Sequence[str]) -> str | None:
    """Return the unit that a part without a designator consists of ("2B", "2 B", "B", "rear"); None otherwise."""
    if len(words) == 1 and words[0] in NAMED_UNITS:
        return NAMED_UNITS[words[0]]
    identifier, end = _identifier(words, 0)
    return identifier if identifier is not None and end == len(words) and not _is_direction(words) else None


def trailing_unit(words: Sequence[str]) -> str | None:
    """Return the unit that a street line ends in without a designator ("Elm Street 2B"); None otherwise."""
    if words and words[0] in NAMED_UNITS and len(words) == 1:
        return NAMED_UNITS[words[0]]
    if words and single_letter(words[0]) and len(words) == 1:
        return words[0]
    if not words or _WITH_DIGIT.fullmatch(words[0]) is None or _ORDINAL.fullmatch(words[0]):
        return None
    identifier, end = _identifier(words, 0)
    return identifier if end == len(words) else None


_NO_LETTER_OF_UNIT = frozenset("nsewx")
"""Directions, and the X of streets such as Malcolm X."""


def single_letter(word: str) -> str | None:
    """Return `word` if it is a letter that can only be a unit's beside a street: "1402 Elm B", "B 1402 Elm"."""
    return word if len(word) == 1 and word.isascii() and word.isalpha() and word not in _NO_LETTER_OF_UNIT else None


def leading_identifier(word: str) -> str | None:
    """Return the unit that `word` is, if it has a digit and is no ordinal."""
    return _normal(word) if _WITH_DIGIT.fullmatch(word) and not _ORDINAL.fullmatch(word) else None


_LETTERS = {
    "ay": "a", "bee": "b", "cee": "c", "see": "c", "sea": "c", "dee": "d", "eff": "f", "gee": "g", "jay": "j",
    "kay": "k", "el": "l", "em": "m", "en": "n", "pee": "p", "pea": "p", "cue": "q", "tee": "t", "tea": "t",
    "ex": "x", "zee": "z",
}  # fmt: skip
"""How speech recognition writes the name of a letter."""

_LETTERED = frozenset(("avenue", "ave"))
"""Street types that a letter follows as a name: "Avenue B"."""


def with_letters(words: Sequence[str], *, is_first: bool) -> list[str]:
    """Return the words of a part with the letters at the end of a unit in place of their names: "three bee" is 3 B.

    Args:
        words: one part of an address, numbers in digits.
        is_first: whether it is the first part, which a house number begins: "305 Jay" is a street.
    """
    return [_letter(words, at, is_first=is_first) for at in range(len(words))]


def letters_as_heard(words: Sequence[str]) -> list[str]:
    """Return the words of a part with a letter in place of its name behind the house number: "12 bee street".

    They may as well be a name: "12 Jay Street". So may one at the end be: "1402 Elm bee".
    """
    if len(words) < 3 or not words[0].isdecimal():  # noqa: PLR2004 - number, letter and street
        return list(words)
    letter = _LETTERS.get(words[1]) or _HEARD_LETTERS.get(words[1]) or words[1]
    if letter != words[1]:
        return [words[0], letter, *words[2:]]
    return [*words[:-1], _LETTERS.get(words[-1], words[-1])]


_HEARD_LETTERS = {"you": "u", "why": "y", "eye": "i", "be": "b", "queue": "q", "vee": "v", "are": "r"}
"""Further words that letters are heard as, where a name is expected."""


def letter_name(word: str) -> str:
    """Return the letter that a word names: "bee" is B; the word itself where it names none."""
    return _LETTERS.get(word, word)


def _letter(words: Sequence[str], at: int, *, is_first: bool) -> str:
    letter = _LETTERS.get(words[at])
    if letter is None or at == 0 or (at + 1 < len(words) and words[at + 1] not in DESIGNATORS):
        return words[at]
    before = words[at - 1]
    is_unit = before in DESIGNATORS or (before.isdecimal() and (at > 1 or not is_first))
    is_name = before in _LETTERED and at > 1 and words[at - 2].isdecimal()
    return letter if is_unit or is_name else words[at]


def _designated(words: Sequence[str], at: int, *, leads: bool) -> tuple[str | None, str, int]:
    """Return kind, identifier and end of what is designated at `at`; kind None for nothing."""
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if following in FLOOR_WORDS and (_ORDINAL.fullmatch(word) or word in NAMED_FLOORS):
        match = _ORDINAL.fullmatch(word)
        return "floor", match[1] if match else word, at + 2
    if word in NAMED_UNITS and following in UNIT_WORDS and _identifier(words, at + 2)[0] is None:
        return "unit", NAMED_UNITS[word], at + 2
    is_last = at + 2 >= len(words) or words[at + 2] in _AFTER_UNIT
    is_lettered = single_letter(word) or (not word.isdecimal() and leading_identifier(word))
    if is_lettered and following in UNIT_WORDS and is_last:
        return "unit", _normal(word), at + 2  # "the B unit", "the 3A unit"
    if word in _PENTHOUSE and (identifier := leading_identifier(following)) is not None:
        return "unit", f"ph{identifier}", at + 2
    if word not in DESIGNATORS:
        return None, "", at
    start = at + 1
    while start < len(words) and words[start] in NUMBER_WORDS:
        start += 1
    return _after_designator(words, at, start, leads=leads)


def _after_designator(words: Sequence[str], at: int, start: int, *, leads: bool) -> tuple[str | None, str, int]:
    word = words[at]
    following = words[start] if start < len(words) else ""
    if word in UNIT_WORDS and following in NAMED_UNITS:
        return "unit", NAMED_UNITS[following], start + 1
    identifier, end = _identifier(words, start)
    if identifier is None:
        return None, "", at
    if word in FLOOR_WORDS:
        return ("floor", identifier, end) if following.isdecimal() and len(following) <= 2 else (None, "", at)  # noqa: PLR2004 - no home has a floor of three digits
    if word in BUILDING_WORDS:
        return "building", identifier, end
    if word in NUMBER_WORDS and leads and end < len(words) and words[end].isalpha() and words[end] not in DESIGNATORS:
        return None, "", at
    return "unit", identifier, end


def _identifier(words: Sequence[str], at: int) -> tuple[str | None, int]:
    """Return the identifier at `at`, a letter after its digits included, and where it ends."""
    if at >= len(words) or not _IDENTIFIER.fullmatch(words[at]) or _ORDINAL.fullmatch(words[at]):
        return None, at
    word, end = words[at], at + 1
    following = words[end] if end < len(words) else ""
    is_last = end + 1 >= len(words) or words[end + 1] in DESIGNATORS
    if word.isdecimal() and len(following) == 1 and following.isalpha() and (is_last or following not in "nsew"):
        return _normal(word + following), end + 1
    if len(word) == 1 and word.isalpha() and following.isdecimal() and is_last and len(following) < 4:  # noqa: PLR2004 - "B 1420 Elm" is unit B
        return _normal(word + following), end + 1
    return _normal(word), end


def _normal(identifier: str) -> str:
    """Return an identifier without leading zeros of its digits."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", identifier)


def _is_direction(words: Sequence[str]) -> bool:
    return len(words) == 1 and words[0] in "nsew"
