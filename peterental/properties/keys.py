"""The keys by which a home is found: its address in canonical spelling. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from peterental.matching import parse_address
from peterental.properties.model import label_of


@dataclass(frozen=True)
class HomeKeys:
    """House number, street and unit of a home, as `matching` spells them; None where it has none."""

    number: str | None
    street: str | None
    unit: str | None


NO_KEYS = HomeKeys(number=None, street=None, unit=None)


@lru_cache(maxsize=8192)
def home_keys(line1: str, unit: str | None) -> HomeKeys:
    """Return the keys of a home.

    Args:
        line1: house number and street.
        unit: with a designator or without.
    """
    address = parse_address(label_of(line1, unit))
    return HomeKeys(number=address.number, street=address.street_key or None, unit=address.unit_key or None)
