"""Decide whether two addresses are of one home. Pure.

The rules, in this order:

* House numbers, units, buildings, floors, directions, street types, street names, cities, states and ZIP codes that
  were said on both sides and differ make two homes. 1402 is never 1420, 118 1/2 is never 118.
* What may be one thing said in two ways is UNSURE: a street name of close spelling, a house number that can be read in
  two ways, a letter that is part of the number here and a unit there, another ZIP code in the same city.
* What only one side said is UNSURE where it tells homes apart (house number, street, unit, direction), because people
  leave it out and neighbours have it. The type of the street, the city, the state and the ZIP code may be missing once
  number and street agree: "1420 Elm" is "1420 Elm Street, Norman OK 73069".
* All else is SAME.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from peterental.folding import word_set
from peterental.matching.addresses import Address, parse_address
from peterental.matching.localities import canonical_city
from peterental.matching.match import Match
from peterental.matching.text import Closeness, closeness
from peterental.matching.usps import LONG_DIRECTIONS, PLACE_WORDS, STATES


class Reason(StrEnum):
    """What decided a comparison."""

    AGREES = "every part that both name agrees"
    NUMBER = "the house numbers differ"
    UNIT = "the units differ"
    BUILDING = "the buildings differ"
    FLOOR = "the floors differ"
    DIRECTION = "the directions differ"
    TYPE = "the street types differ"
    STREET = "the street names differ"
    CITY = "the cities differ"
    STATE = "the states differ"
    ZIP_CODE = "the ZIP codes differ"
    SPELLING = "the street names are spelt alike but not the same"
    PART_OF_NAME = "one street name is part of the other"
    TWO_READINGS = "the house number can be read in two ways"
    NUMBER_OR_UNIT = "the letter may belong to the house number or be the unit"
    NO_NUMBER = "one has no house number"
    NO_STREET = "one has no street"
    NO_UNIT = "one has no unit"
    NO_DIRECTION = "one has no direction"
    NO_TYPE = "one has neither house number nor street type"
    TURNED = "the letter of the street stands before its type here and after it there"
    NOTHING_SHARED = "no part is named by both"


INCOMPLETE = frozenset(
    (
        Reason.NO_NUMBER,
        Reason.NO_STREET,
        Reason.NO_UNIT,
        Reason.NO_DIRECTION,
        Reason.NO_TYPE,
        Reason.PART_OF_NAME,
    )
)
"""Reasons for doubt that go away where only one home comes into question."""


@dataclass(frozen=True)
class AddressComparison:
    """Whether two addresses are of one home, and what decided it."""

    match: Match
    reason: Reason


def compare(one: Address, other: Address) -> AddressComparison:
    """Compare two addresses; the order does not matter."""
    if one.words and one.words == other.words and (one.other is None) is (other.other is None):
        return AddressComparison(Match.SAME, Reason.AGREES)
    if one.other is None and other.other is None:
        return _compare(one, other)
    readings = product(_readings(one), _readings(other))
    results = [_compare(first, second) for first, second in readings]
    if all(result.match is Match.DIFFERENT for result in results):
        return results[0]
    return AddressComparison(Match.UNSURE, Reason.TWO_READINGS)


def compare_texts(one: str, other: str) -> AddressComparison:
    """Parse and compare two addresses."""
    return compare(parse_address(one), parse_address(other))


def _readings(address: Address) -> list[Address]:
    return [address] if address.other is None else [address, address.other]


def _compare(one: Address, other: Address) -> AddressComparison:
    findings: list[AddressComparison] = []
    for finding in _findings(one, other):
        if finding.match is Match.DIFFERENT:
            return AddressComparison(Match.DIFFERENT, finding.reason)
        findings.append(finding)
    if not any(finding.reason is Reason.AGREES for finding in findings):
        return AddressComparison(Match.UNSURE, Reason.NOTHING_SHARED)
    doubts = [finding.reason for finding in findings if finding.match is Match.UNSURE]
    grave = next((reason for reason in doubts if reason not in INCOMPLETE), None)
    if doubts:
        return AddressComparison(Match.UNSURE, grave or doubts[0])
    return AddressComparison(Match.SAME, Reason.AGREES)


_AGREES = AddressComparison(Match.SAME, Reason.AGREES)


def _differs(reason: Reason) -> AddressComparison:
    return AddressComparison(Match.DIFFERENT, reason)


def _doubt(reason: Reason) -> AddressComparison:
    return AddressComparison(Match.UNSURE, reason)


def _findings(one: Address, other: Address) -> Iterator[AddressComparison]:
    """Yield what each part says; the first part that differs is the last one looked at."""
    yield from _numbers(one, other)
    yield from _inside(one, other)
    one, other = _aligned(one, other), _aligned(other, one)
    yield from _streets(one, other)
    yield from _localities(one, other)


def _numbers(one: Address, other: Address) -> Iterator[AddressComparison]:
    if one.number is None and other.number is None:
        return
    if one.number is None or other.number is None:
        yield _doubt(Reason.NO_NUMBER)
    elif one.number == other.number:
        yield _AGREES
    elif _letter_is_unit(one, other) or _letter_is_unit(other, one):
        yield _doubt(Reason.NUMBER_OR_UNIT)
    elif "-" in one.number + other.number and one.number.replace("-", "") == other.number.replace("-", ""):
        yield _doubt(Reason.TWO_READINGS)
    else:
        yield _differs(Reason.NUMBER)


def _letter_is_unit(one: Address, other: Address) -> bool:
    """Return whether "1420b" meets "1420, unit b"."""
    return one.unit is None and other.unit is not None and one.number == f"{other.number}{other.unit}"


def _inside(one: Address, other: Address) -> Iterator[AddressComparison]:
    """Compare building, floor and unit."""
    if _letter_is_unit(one, other) or _letter_is_unit(other, one):
        return
    for first, second, reason in (
        (one.building, other.building, Reason.BUILDING),
        (one.unit, other.unit, Reason.UNIT),
        (one.floor, other.floor, Reason.FLOOR),
    ):
        if first != second:
            yield _doubt(Reason.NO_UNIT) if first is None or second is None else _differs(reason)
        elif first is not None:
            yield _AGREES


def _aligned(one: Address, other: Address) -> Address:
    """Return `one` with a city that ran into its street's name cut off, guided by what `other` says.

    "1420 Elm Norman OK" has no comma and no street type: next to "1420 Elm Street" its name is Elm, its city Norman.
    """
    if not one.is_open or not one.name:
        return one
    if _is_city(one, other):
        return replace(one, before=None, name=(), after=None, cities=(_whole_name(one),), is_open=False)
    for street in (other.street, other.name):
        rest = one.name[len(street) :]
        if not street or not rest or one.name[: len(street)] != street:
            continue
        city = canonical_city(rest)
        if city in other.cities or (not other.cities and (one.state or one.zip_code)):
            return replace(one, name=street, cities=(city,), street_type=None, is_open=False)
    return one


def _is_city(one: Address, other: Address) -> bool:
    """Return whether all that `one` has for a street is the city of `other` ("Norman")."""
    return canonical_city(_whole_name(one)) in other.cities and one.name != other.name


def _whole_name(address: Address) -> tuple[str, ...]:
    return (address.before, *address.name) if address.before else address.name


def _streets(one: Address, other: Address) -> Iterator[AddressComparison]:
    if not one.name and not other.name:
        return
    if not one.name or not other.name:
        yield _doubt(Reason.NO_STREET)
        return
    yield _names(one, other)
    if one.name == other.name or not (_type_is_in_name(one, other) or _is_written_together(one, other)):
        yield from _types(one, other)
    if one.is_type_first != other.is_type_first and one.name == other.name and one.street_type and other.street_type:
        yield _doubt(Reason.TURNED)
    yield from _directions(one, other)


def _names(one: Address, other: Address) -> AddressComparison:
    if one.name == other.name or _joined(one) == _joined(other):
        return _AGREES
    if _type_is_in_name(one, other):
        return _type_or_name(one, other)
    if _is_written_together(one, other) or _with_directions(one) == _with_directions(other):
        return _doubt(Reason.SPELLING)
    if _is_part(one, other) or _is_part(other, one):
        return _doubt(Reason.PART_OF_NAME)
    near = _closeness(one, other)
    if near is Closeness.TYPO and one.number is not None and one.number == other.number:
        return _AGREES
    return _differs(Reason.STREET) if near is Closeness.FAR else _doubt(Reason.SPELLING)


def _type_is_in_name(one: Address, other: Address) -> bool:
    """Return whether the type of one street is the end of the other's name, or written together with its name."""
    return one.street == other.name or other.street == one.name or _joined(one) == _joined(other)


def _is_written_together(one: Address, other: Address) -> bool:
    """Return whether the type of one street is the end of the other's name, written as one word: "Oak Ridge"."""
    return _joined(one) == "".join(other.name) or _joined(other) == "".join(one.name)


def _type_or_name(one: Address, other: Address) -> AddressComparison:
    """Compare "Forest Hill" with "Forest Hill Road": the last word may be the type or belong to the name."""
    shorter = one if one.street == other.name else other
    return _AGREES if shorter.street_type in PLACE_WORDS.values() else _doubt(Reason.PART_OF_NAME)


def _joined(address: Address) -> str:
    """Return name and type as one word: "Broad Way" is "Broadway"."""
    return "".join(address.street)


def _with_directions(address: Address) -> str:
    """Return direction, name and type as one word: "North Gate Drive" may be "Northgate Drive"."""
    before = LONG_DIRECTIONS.get(address.before or "", "")
    return before + _joined(address)


_QUALIFIERS = word_set("saint mount fort new old lake port san santa")
"""Words that make another name of the one behind them: Charles Street is not Saint Charles Street."""


def _is_part(one: Address, other: Address) -> bool:
    """Return whether the name of `one` is a part of the other's ("King Blvd", "Martin Luther King Blvd").

    With a street type the part must stand before the type: "Oak Street" is no part of "Oak Grove Street". A name that
    may run on into a city ("Elm Norman") has every street that it begins with as a part.
    """
    short, long = one.name, other.street if other.is_type_first else other.name
    if other.is_open and len(short) < len(long) and long[: len(short)] == short:
        return one.street_type is None or long[: len(one.street)] == one.street or one.street_type not in long
    if len(short) >= len(long) or sum(map(len, short)) < 3:  # noqa: PLR2004 - "B" is part of many names
        return False
    if long[1:] == short and long[0] in _QUALIFIERS:
        return False
    if one.street_type is not None:
        return long[-len(short) :] == short
    return any(long[at : at + len(short)] == short for at in range(len(long) - len(short) + 1))


def _closeness(one: Address, other: Address) -> Closeness:
    """Compare the spelling of two names word by word, or joined where the numbers of words differ."""
    if len(one.name) != len(other.name):
        return min(closeness("".join(one.name), "".join(other.name)), Closeness.CLOSE, key=lambda near: near.value)
    pairs = [(a, b) for a, b in zip(one.name, other.name, strict=True) if a != b]
    if len(pairs) != 1 or _name_directions(*pairs[0]):
        return Closeness.FAR
    if any(words >= set(pairs[0]) for words in _SAID_ALIKE):
        return Closeness.CLOSE
    return closeness(*pairs[0])


_SAID_ALIKE = (word_set("saint san santa santo sand"), word_set("mount mountain"), word_set("fort ford"))
"""First words of names that are taken for each other, and that spelling keeps apart."""


def _name_directions(one: str, other: str) -> bool:
    """Return whether two words begin with two directions ("Eastwood", "Westwood")."""
    first, second = (next(filter(word.startswith, LONG_DIRECTIONS.values()), None) for word in (one, other))
    return first is not None and second is not None and first != second


def _types(one: Address, other: Address) -> Iterator[AddressComparison]:
    if one.street_type == other.street_type:
        return
    if one.street_type is not None and other.street_type is not None:
        yield _differs(Reason.TYPE)
    elif one.number is None or other.number is None:
        yield _doubt(Reason.NO_TYPE)


def _directions(one: Address, other: Address) -> Iterator[AddressComparison]:
    pairs = ((one.before, other.before), (one.after, other.after))
    if any(first and second and first != second for first, second in pairs):
        yield _differs(Reason.DIRECTION)
    first, second = {one.before, one.after} - {None}, {other.before, other.after} - {None}
    if first and second and first.isdisjoint(second):
        yield _differs(Reason.DIRECTION)
    elif pairs[0][0] != pairs[0][1] or pairs[1][0] != pairs[1][1]:
        yield _doubt(Reason.DIRECTION if first and second else Reason.NO_DIRECTION)


def _localities(one: Address, other: Address) -> Iterator[AddressComparison]:
    if one.state and other.state and one.state != other.state:
        yield _differs(Reason.STATE)
    elif one.state and other.state:
        yield _AGREES
    cities = _cities(one, other)
    if one.zip_code and other.zip_code:
        yield _zip_codes(one, other, same_city=cities is not None and cities.match is not Match.DIFFERENT)
    elif cities is not None:
        yield cities


def _zip_codes(one: Address, other: Address, *, same_city: bool) -> AddressComparison:
    """Compare ZIP codes; they outweigh the cities, which post offices name in several ways."""
    if one.zip_code != other.zip_code:
        return _doubt(Reason.ZIP_CODE) if same_city else _differs(Reason.ZIP_CODE)
    if one.zip_extension and other.zip_extension and one.zip_extension != other.zip_extension:
        return _doubt(Reason.ZIP_CODE)
    return _AGREES


def _cities(one: Address, other: Address) -> AddressComparison | None:
    """Compare the cities, each of one side with each of the other; None where one is not known."""
    if not one.cities or not other.cities or _names_state(one, other) or _names_state(other, one):
        return None
    nearest = max((_nearness(first, second) for first, second in product(one.cities, other.cities)), key=_value)
    if nearest is Closeness.EQUAL:
        return _AGREES
    return _differs(Reason.CITY) if nearest is Closeness.FAR else _doubt(Reason.CITY)


def _value(near: Closeness) -> int:
    return int(near.value)


def _nearness(one: Sequence[str], other: Sequence[str]) -> Closeness:
    """Compare the names of two cities; further words do not matter unless they make another name ("New York")."""
    first, second = set(one), set(other)
    if (first <= second or second <= first) and not (first ^ second) & _QUALIFIERS:
        return Closeness.EQUAL
    return closeness("".join(one), "".join(other))


def _names_state(one: Address, other: Address) -> bool:
    """Return whether the city of `one` is the state of `other` ("Elm Street, New York" and "Elm Street, Albany NY")."""
    return other.state is not None and " ".join(one.city) == STATES[other.state]
