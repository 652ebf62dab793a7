"""Whether two names, addresses or phone numbers, as people say them, are the same one. Pure."""

from __future__ import annotations

import re
import unicodedata

_STREETS = {
    "st": "street", "str": "street", "ave": "avenue", "av": "avenue", "rd": "road", "dr": "drive", "ln": "lane",
    "ct": "court", "blvd": "boulevard", "pl": "place", "sq": "square", "pkwy": "parkway", "hwy": "highway",
    "ter": "terrace", "cir": "circle", "n": "north", "s": "south", "e": "east", "w": "west",
}  # fmt: skip
_UNIT = re.compile(r"(?:\b(?:apartment|apt|unit|suite|ste)\b\.?|#)\s*#?\s*(\w+)")


def addresses_match(one: str, other: str) -> bool:
    """Tell whether two addresses may well be of one home.

    "1420 Elm St" and "1420 Elm Street, Norman, OK" are; other house numbers, units or towns are not.
    """
    first, second = _Address(one), _Address(other)
    if first.words == second.words:
        return True
    if not first.street or not second.street:
        return False
    if any(a and b and a != b for a, b in zip(first.marks, second.marks, strict=True)):
        return False
    return first.street <= second.words or second.street <= first.words


def names_match(one: str, other: str) -> bool:
    """Tell whether two names may well be one person's: one has every word of the other, accents and case aside."""
    first, second = set(_words(one)), set(_words(other))
    return bool(first and second) and (first <= second or second <= first)


class _Address:
    """An address taken apart.

    `marks` are what tells homes in one street apart, "" where not said: house number, unit, town.
    """

    def __init__(self, text: str) -> None:
        folded = _fold(text)
        unit = _UNIT.search(folded)
        parts = [_words(part) for part in _UNIT.sub(" ", folded).split(",")]
        parts = [part for part in parts if part]
        head = parts[0] if parts else []
        number = next((word for word in head if word[0].isdigit()), "")
        town = " ".join(parts[1]) if len(parts) > 1 else ""
        self.street = set(head)
        self.words = {word for part in parts for word in part} | ({unit[1]} if unit else set())
        self.marks = (number, unit[1] if unit else "", town)


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _words(text: str) -> list[str]:
    return [_STREETS.get(word, word) for word in re.findall(r"\w+", _fold(text))]
