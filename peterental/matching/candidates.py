"""Choose the home that a caller means among the homes that come into question. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from peterental.matching.addresses import Address, parse_address, said_addresses
from peterental.matching.comparison import INCOMPLETE, AddressComparison, Reason, compare
from peterental.matching.match import Match
from peterental.matching.usps import LONG_DIRECTIONS


class ResolutionKind(Enum):
    """How many homes may be meant."""

    ONE = "one"
    CONFIRM = "confirm"
    """One may be meant, if it was misheard: name it and ask."""
    SEVERAL = "several"
    NONE = "none"


class Discriminator(StrEnum):
    """The part of an address that tells several homes apart."""

    UNIT = "unit"
    NUMBER = "house number"
    STREET = "street"
    TYPE = "street type"
    DIRECTION = "direction"
    CITY = "city"
    NOTHING = "nothing"
    """They are one home, or cannot be told apart by address."""


@dataclass(frozen=True)
class Resolution:
    """Which of the known homes a caller means.

    Args:
        outcome: whether it is one, perhaps one, several or none.
        indexes: which of the known ones, in their order.
        discriminator: for several, what tells them apart.
        options: for several, how to say the difference, one for each index: "unit 2B", "Elm Court".
        reason: why the best one is not SAME; AGREES where it is.
    """

    outcome: ResolutionKind
    indexes: tuple[int, ...] = ()
    discriminator: Discriminator | None = None
    options: tuple[str, ...] = ()
    reason: Reason = Reason.NOTHING_SHARED


def candidates(said: str, known: Sequence[str]) -> Resolution:
    """Return which of the `known` addresses the caller means by `said`.

    An address that agrees in full wins over one that lacks a part, and that over one that was perhaps misheard. A part
    that only one side has (a unit, a house number) does not matter where only one home remains. The words as they are
    come first, then the other ways to read them: "la casa de Elm".
    """
    if not known:
        return Resolution(ResolutionKind.NONE)
    homes = [parse_address(text) for text in known]
    first = parse_address(said)
    found = _meant_by(first, homes)
    if found.outcome is not ResolutionKind.NONE:
        return found
    others = (_meant_by(address, homes) for address in said_addresses(said) if address != first)
    return next((other for other in others if other.outcome is not ResolutionKind.NONE), found)


def _meant_by(address: Address, homes: Sequence[Address]) -> Resolution:
    results = [compare(address, home) for home in homes]
    for admits in (_is_same, _is_incomplete, _is_doubtful):
        indexes = [at for at, result in enumerate(results) if admits(result)]
        if indexes:
            return _resolution(indexes, homes, results, asks=admits is _is_doubtful)
    return Resolution(ResolutionKind.NONE)


def _is_same(result: AddressComparison) -> bool:
    return result.match is Match.SAME


def _is_incomplete(result: AddressComparison) -> bool:
    return result.match is Match.UNSURE and result.reason in INCOMPLETE


def _is_doubtful(result: AddressComparison) -> bool:
    return result.match is Match.UNSURE and result.reason is not Reason.NOTHING_SHARED


def _resolution(
    indexes: Sequence[int], homes: Sequence[Address], results: Sequence[AddressComparison], *, asks: bool
) -> Resolution:
    reason = results[indexes[0]].reason
    if len(indexes) == 1:
        return Resolution(ResolutionKind.CONFIRM if asks else ResolutionKind.ONE, tuple(indexes), reason=reason)
    difference, options = told_apart([homes[at] for at in indexes])
    return Resolution(ResolutionKind.SEVERAL, tuple(indexes), difference, options, reason)


def told_apart(homes: Sequence[Address]) -> tuple[Discriminator, tuple[str, ...]]:
    """Return the first part in which all homes differ, else the first in which some do, and how to say it for each."""
    worded = [(difference, tuple(wording(home) for home in homes)) for difference, wording in _WORDINGS.items()]
    for difference, options in worded:
        if len(set(options)) == len(homes):
            return difference, options
    for difference, options in worded:
        if len(set(options)) > 1:
            return difference, options
    return Discriminator.NOTHING, ()


def _unit(home: Address) -> str:
    named = (("building", home.building), ("floor", home.floor), ("unit", home.unit))
    return ", ".join(f"{kind} {value.upper()}" for kind, value in named if value) or "no unit"


def _number(home: Address) -> str:
    return (home.number or "no number").upper() if home.number else "no number"


def _titled(words: Sequence[str]) -> str:
    return " ".join(word if word[0].isdigit() else word.capitalize() for word in words)


def _name(home: Address) -> str:
    return _titled(home.name)


def _street(home: Address) -> str:
    return _titled(home.street)


def _directed_street(home: Address) -> str:
    before, after = (LONG_DIRECTIONS.get(side or "", "") for side in (home.before, home.after))
    return _titled([word for word in (before, *home.street, after) if word])


def _city(home: Address) -> str:
    return _titled(home.city) or "no city"


_WORDINGS: dict[Discriminator, Callable[[Address], str]] = {
    Discriminator.STREET: _name,
    Discriminator.NUMBER: _number,
    Discriminator.UNIT: _unit,
    Discriminator.TYPE: _street,
    Discriminator.DIRECTION: _directed_street,
    Discriminator.CITY: _city,
}
"""How each part is said, most telling first."""
