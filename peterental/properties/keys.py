"""The keys by which a home is found: its address in canonical spelling. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from peterental import matching
from peterental.folding import fold
from peterental.matching import (
    Address,
    canonical_city,
    near_patterns,
    parse_address,
    said_addresses,
    sound_of,
    without_denied,
)
from peterental.properties.model import label_of


@dataclass(frozen=True)
class HomeKeys:
    """House number, street and unit of a home, as `matching` spells them; None where it has none."""

    number: str | None
    street: str | None
    unit: str | None


NO_KEYS = HomeKeys(number=None, street=None, unit=None)


@lru_cache(maxsize=1)
def keys_version() -> str:
    """Return by which rules keys are computed: a text that differs when their code or their words change."""
    return version_of([*Path(matching.__file__).parent.rglob("*.py"), Path(__file__)])


def version_of(sources: Iterable[Path]) -> str:
    """Return a text that is the same for the same files."""
    digest = hashlib.sha256()
    for path in sorted(sources):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


@lru_cache(maxsize=8192)
def home_keys(line1: str, unit: str | None) -> HomeKeys:
    """Return the keys of a home.

    Args:
        line1: house number and street.
        unit: with a designator or without.
    """
    address = parse_address(label_of(line1, unit))
    return HomeKeys(number=address.number, street=address.street_key or None, unit=address.unit_key or None)


def address_id(line1: str, unit: str | None, city: str | None) -> str:
    """Return the canonical address of a home: its id in a feed that has no ids."""
    keys = home_keys(line1, unit)
    place = " ".join((city or "").casefold().split())
    parts = (keys.number, keys.street, keys.unit and f", {keys.unit}", place and f", {place}")
    return " ".join(part for part in parts if part).replace(" ,", ",") or line1.casefold()


def search_keys(line1: str, unit: str | None, city: str | None, said_as: Sequence[str]) -> list[str]:
    """Return the words by which a home is looked up: of its street, of its other names, and its city.

    Args:
        line1: house number and street.
        unit: with a designator or without.
        city: None where it is not known.
        said_as: other names that callers use.
    """
    keys = set(_word_keys(parse_address(label_of(line1, unit))))
    for name in said_as:
        keys.update(_word_keys(parse_address(name)))
    if city:
        keys.update(_city_keys(parse_address(f"1 Main Street, {city}")))
    return sorted(keys)


@dataclass(frozen=True)
class SaidKeys:
    """What is looked up of the words that a caller said.

    Args:
        numbers: the house number, in each way in which it can be read.
        near_numbers: patterns of those that it may be if it was misheard.
        words: of the street or of another name, and how they sound; the city where nothing else was said.
        bedrooms: where nothing else was said.
    """

    numbers: list[str]
    near_numbers: list[str]
    words: list[str]
    bedrooms: int | None = None


_OF = frozenset(("de", "del"))


def said_keys(text: str) -> SaidKeys:
    """Return what to look up for a home as a caller named it."""
    wanted, denied = without_denied(text)
    texts = (text, wanted, *denied) if denied else (text,)
    said = [address for each in texts for address in said_addresses(each)]
    first = said[0]
    readings = [*said, *(address.other for address in said if address.other is not None)]
    numbers = sorted({address.number.split()[0] for address in readings if address.number})
    numbers += sorted({address.number for address in readings if address.number} - set(numbers))
    near = sorted({pattern for number in numbers for pattern in near_patterns(number)})
    words = sorted({key for address in readings for key in _word_keys(address)})
    if not numbers and not words:
        words = sorted(_city_keys(first))
    elif not numbers and not _OF.isdisjoint(fold(text).split()):  # "la de Noble" may name a city
        words += sorted({f"@{' '.join(canonical_city(address.name))}" for address in said if address.name})
    return SaidKeys(numbers, near, words, first.bedrooms if not numbers and not words else None)


def area_keys(text: str) -> tuple[list[str], list[str]]:
    """Return the keys that a home of a street has all of, and those that one in a city has one of.

    Args:
        text: a street or a city.
    """
    address = parse_address(text)
    cities = {*address.cities, *([address.name] if address.name else ())}
    return sorted(set(address.name)), sorted(f"@{' '.join(canonical_city(city))}" for city in cities)


def _word_keys(address: Address) -> Iterator[str]:
    """Return each word of the street's name and how it sounds; several words joined, too ("Broad Way", "Broadway")."""
    joined = "".join(address.street)
    words = address.street if address.is_type_first else address.name  # a letter alone names little
    for word in (*words, *([joined] if len(address.street) > 1 else ())):
        yield word
        sound = sound_of(word)
        if sound:
            yield f"~{sound}"


def _city_keys(address: Address) -> Iterator[str]:
    return (f"@{' '.join(city)}" for city in address.cities)
