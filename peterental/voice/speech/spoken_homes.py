"""Spell abbreviations of addresses out, as a voice would otherwise garble them: "Elm St, Apt #2". Pure and linear."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from peterental.matching.usps import STATES, STREET_TYPES

_TYPES = {
    "aly": "Alley", "cir": "Circle", "ct": "Court", "cv": "Cove", "dr": "Drive", "ln": "Lane", "pl": "Place",
    "plz": "Plaza", "rd": "Road", "sq": "Square", "st": "Street", "ter": "Terrace", "trl": "Trail", "xing": "Crossing",
}  # fmt: skip
"""Abbreviations that end the name of a street; elsewhere they may be something else."""

_ALWAYS = {
    "ave": "Avenue", "blvd": "Boulevard", "expy": "Expressway", "fwy": "Freeway", "hwy": "Highway", "pkwy": "Parkway",
}  # fmt: skip
_BEFORE_A_NAME = {"dr": "Doctor", "ft": "Fort", "mt": "Mount", "st": "Saint"}
_DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
    "SW": "Southwest",
}  # fmt: skip
_DIRECTION_WORDS = frozenset(_DIRECTIONS) | frozenset(_DIRECTIONS.values())
_FULL_TYPES = frozenset(STREET_TYPES.values())
_ZIP_DIGITS = 5
_ORDINAL_ENDS = ("st", "nd", "rd", "th")

_DESIGNATORS = frozenset(("apt", "bldg", "fl", "rm", "ste"))


class Units(NamedTuple):
    """What designators of units are called in a language; `number` is what stands for "#"."""

    apt: str
    bldg: str
    fl: str
    rm: str
    ste: str
    unit: str
    number: str


ENGLISH_UNITS = Units("apartment", "building", "floor", "room", "suite", "unit", "number")
SPANISH_UNITS = Units("apartamento", "edificio", "piso", "cuarto", "suite", "unidad", "número")
_UNITS_IN_FULL = {"apartment": "apt", "building": "bldg", "floor": "fl", "room": "rm", "suite": "ste", "unit": "unit"}


@lru_cache(1_000)
def spell_out(address: str, units: Units) -> str:
    """Return an address without abbreviations, and without the ZIP code after a state.

    "14 St Charles St Apt #2, Norman, OK 73069" becomes "14 Saint Charles Street apartment 2, Norman, Oklahoma".
    What may be something else stays: "1 E St Charles" may be E Street.

    Args:
        address: as said or stored.
        units: what designators of units are called: `ENGLISH_UNITS`, `SPANISH_UNITS`.
    """
    words = address.replace("#", " #").split()
    said: list[str] = []
    has_type = False  # or the street is over
    for at, word in enumerate(words):
        core = _core(word)
        if _is_zip(word) and said and at > 1 and _core(words[at - 1]).casefold() in STATES:
            continue
        spelt = _unit(words, at, units)
        if spelt is None:
            spelt = _state(words, at) or _street(words, at, has_type=has_type) or core
        is_parted = not {",", ";"}.isdisjoint(word[len(core) :])
        has_type = has_type or (at > 0 and (is_parted or spelt.casefold() in _FULL_TYPES))
        if spelt:
            said.append(word if spelt == core else spelt + "," * is_parted)
    return " ".join(said)


def _core(word: str) -> str:
    return word.rstrip(".,;")


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""


def _unit(words: Sequence[str], at: int, units: Units) -> str | None:
    """Return a designator in full, nothing for the "#" behind one, and "number 2" for "#2"; None for other words."""
    core, after = _core(words[at]), _word(words, at + 1)
    if core.startswith("#"):
        designated = _core(_word(words, at - 1)).casefold()
        is_said = designated in _DESIGNATORS or designated in _UNITS_IN_FULL
        return " ".join(filter(None, ("" if is_said else units.number, core[1:])))
    said = core.casefold()
    designator = said if said in _DESIGNATORS else _UNITS_IN_FULL.get(said) if _is_identifier(after) else None
    if designator is None or not after or words[at].endswith(",") or _is_zip(after):
        return None
    spelt = str(getattr(units, designator))
    return None if spelt == said else spelt


def _is_identifier(word: str) -> bool:
    """Return whether a word numbers a unit: "2B", "A"."""
    return len(_core(word)) == 1 or any(char.isdigit() for char in word)


def _state(words: Sequence[str], at: int) -> str | None:
    """Return the name of a state that ends an address behind a comma, or that a ZIP code follows."""
    core, after = _core(words[at]), _word(words, at + 1)
    name = STATES.get(core.casefold()) if core.isupper() else None
    is_parted = _word(words, at - 1).endswith(",")
    is_end = is_parted and not after and core not in _DIRECTIONS
    return name.title() if name and (is_end or (_is_zip(after) and (is_parted or core not in _DIRECTIONS))) else None


def _street(words: Sequence[str], at: int, *, has_type: bool) -> str | None:
    """Return a street type, a direction, or the beginning of a name in full; None for other words."""
    core, before, after = _core(words[at]), _word(words, at - 1), _word(words, at + 1)
    lowered = core.casefold()
    if lowered in _ALWAYS:
        return _ALWAYS[lowered]
    if core in _DIRECTIONS:
        is_before_name = before[:1].isdigit() and _is_name(after) and _core(after).casefold() not in STREET_TYPES
        return _DIRECTIONS[core] if is_before_name or (len(core) > 1 and has_type) else None
    if before in _DIRECTION_WORDS and _is_name(after):
        return None  # "1 N St Charles" may be N Street
    if lowered in _BEFORE_A_NAME and _is_name(after) and (has_type or not _ends_name(before, at - 1)):
        return _BEFORE_A_NAME[lowered]
    is_type = _ends_name(before, at - 1) or (bool(before) and before in _DIRECTIONS)
    return _TYPES.get(lowered) if is_type and not has_type else None


def _ends_name(word: str, at: int) -> bool:
    """Return whether a word may end the name of a street: "Elm", "23rd"; no house number, no direction."""
    is_ordinal = word[:-2].isdecimal() and word.casefold().endswith(_ORDINAL_ENDS)
    is_number = word[:1].isdigit() and (at == 0 or not word[-1:].isalpha()) and not is_ordinal
    return word[:1].isalnum() and word[-1:].isalnum() and not is_number and word not in _DIRECTIONS


def _is_name(word: str) -> bool:
    """Return whether a word may go on with a name: it is no number, no letter and no street type."""
    core = _core(word).casefold()
    is_type = core in _ALWAYS or (core in _TYPES and core not in _BEFORE_A_NAME)
    return core[:1].isalnum() and not core.isdecimal() and len(core) > 1 and not is_type


def _is_zip(word: str) -> bool:
    code = _core(word).partition("-")[0]
    return len(code) == _ZIP_DIGITS and code.isdecimal()
