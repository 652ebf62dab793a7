"""Put addresses in Spanish order into English order: "calle Elm 1420" is "1420 Elm". Pure."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.folding import word_set
from peterental.matching.usps import NUMBER_WORDS

_TYPES = {
    "calle": "",
    "avenida": "avenue",
    "av": "avenue",
    "avda": "avenue",
    "camino": "",
    "paseo": "",
    "bulevar": "boulevard",
}
_BEFORE = word_set("la el los las casa de del en que esta un una the house one")
"""Words that may stand before the type: "la casa de la calle Elm"."""

_INSIDE = word_set("de la en")
_OF_A_NAME = word_set("de del la el las los")
_ORDINALS = {
    "primera": "1st", "segunda": "2nd", "tercera": "3rd", "cuarta": "4th", "quinta": "5th", "sexta": "6th",
    "septima": "7th", "octava": "8th", "novena": "9th", "decima": "10th",
}  # fmt: skip
_DIRECTIONS = {"norte": "north", "sur": "south", "este": "east", "oeste": "west"}


def number_first(words: Sequence[str]) -> list[str]:
    """Return the words of a part with the house number before the street.

    "Calle Elm 1420" and "1420 de la calle Elm" are put in order; "1420 Calle Real" is, and stays as it is.

    Args:
        words: one part of an address, numbers in digits.
    """
    at = next((at for at, word in enumerate(words) if word in _TYPES), None)
    if at is None:
        return _direction_first(words)
    before, after = words[:at], list(words[at + 1 :])
    if len(after) > 2 and after[-1] in _DIRECTIONS and after[-2].isdecimal():  # noqa: PLR2004 - name, number, direction
        after = [*after[:-2], after[-1], after[-2]]
    if after and after[-1].isdecimal() and len(after) > 1 and _BEFORE.issuperset(before):
        is_named = len(after) > 2 and after[-2] in NUMBER_WORDS  # noqa: PLR2004 - "calle Elm número 1420"
        return [after[-1], *_street(words[at], after[: -1 - is_named])]
    is_lettered = len(after) == 1 and len(after[0]) == 1 and after[0].isalpha()
    if is_lettered and len(before) == 1 and before[0].isdecimal():
        return [before[0], *_street(words[at], after)]
    if not before or not before[0].isdecimal() or len(before) == 1 or not after:
        return list(words)
    side = [_DIRECTIONS[before[1]]] if before[1] in _DIRECTIONS else []  # "12 sur de la calle Main"
    is_inside = len(before) > 1 + len(side) and _INSIDE.issuperset(before[1 + len(side) :])
    return [before[0], *side, *_street(words[at], after)] if is_inside else list(words)


def names_street(words: Sequence[str]) -> bool:
    """Return whether a Spanish word for a street is among the words."""
    return not _TYPES.keys().isdisjoint(words)


def _direction_first(words: Sequence[str]) -> list[str]:
    """Return "400 Broadway norte" with the direction before the street; "12 Avenida del Norte" stays."""
    is_direction = len(words) > 2 and words[-1] in _DIRECTIONS and words[-2] not in _OF_A_NAME  # noqa: PLR2004 - number and name
    if not is_direction or not words[0].isdecimal():
        return list(words)
    return [words[0], _DIRECTIONS[words[-1]], *words[1:-1]]


def _street(kind: str, name: Sequence[str]) -> list[str]:
    """Return a street's name with its type, which "calle" leaves open."""
    words = [_ORDINALS.get(word, word) for word in name]
    direction = _DIRECTIONS.get(words[-1])
    if direction is not None and len(words) > 1:
        words = [direction, *words[:-1]]
    if len(words) == 1 and len(words[0]) == 1 and words[0].isalpha():  # "avenida B", "calle B"
        return [_TYPES[kind], *words] if _TYPES[kind] else [*words, "street"]
    return [*words, _TYPES[kind]] if _TYPES[kind] else words
