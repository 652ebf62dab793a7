"""Guess what the columns of an export mean by their names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from peterental.properties.importing.model import FIELD_LABELS, ColumnsIncomplete, ColumnTwice, ImportField

_NAMES: Mapping[ImportField, str] = {
    "source_id": "id, unit id, property id, listing id, external id, unique id, reference, ref, code, unit code, key",
    "address": "address, full address, property address, unit address, whole address, complete address, location",
    "line1": (
        "street, street address, line1, address line 1, address 1, address1, street 1, street1, unit street address 1,"
        " property street address 1, unit street address, property street address, property street, street line 1"
    ),
    "unit": (
        "unit, apt, apartment, suite, unit number, unit no, unit name, apt number, apartment number, address line 2,"
        " address 2, address2, line2, street 2, street2, unit #, apt #"
    ),
    "city": "city, town, unit city, property city, city name",
    "state": "state, province, unit state, property state, state code, st",
    "zip_code": "zip, zip code, zipcode, postal code, postcode, unit zip, property zip, postal",
    "said_as": "other names, also known as, aka, nickname, said as, alias, aliases, marketing name",
    "bedrooms": "bedrooms, beds, bed, br, bedroom, bd, bd/ba, beds/baths, num bedrooms, unit bedrooms",
    "bathrooms": "bathrooms, baths, bath, ba, bathroom, num bathrooms, unit bathrooms",
    "rent": (
        "rent, price, market rent, monthly rent, asking rent, advertised rent, listed rent, list price, rent amount,"
        " rental price, rental rate, target rent, monthly price"
    ),
    "available_on": (
        "available, available on, available from, date available, availability, availability date, available date,"
        " move in date, move-in date, ready date, ready on, vacant on"
    ),
    "status": "status, unit status, listing status, rental status, occupancy, state of unit, listed, active",
}

_WORDS = re.compile(r"[^a-z0-9#/]+")


def normalised(name: str) -> str:
    """Return the name of a column for comparison: `Unit_Street-Address1` is `unit street address1`."""
    return _WORDS.sub(" ", name.casefold()).strip()


_MEANINGS: Mapping[str, ImportField] = {
    normalised(name): meaning for meaning, names in _NAMES.items() for name in names.split(",")
}

UNWANTED_BESIDE: Mapping[ImportField, ImportField] = {"address": "line1"}
"""A column that is left out where the file has another: the parts of an address are better than the whole."""


def guess(header: Iterable[str]) -> dict[str, ImportField]:
    """Return what columns mean, by their names; each meaning is the first column's that has it."""
    found: dict[ImportField, str] = {}
    for name in header:
        meaning = _MEANINGS.get(normalised(name))
        if meaning is not None:
            found.setdefault(meaning, name)
    for unwanted, better in UNWANTED_BESIDE.items():
        if better in found:
            found.pop(unwanted, None)
    return {name: meaning for meaning, name in found.items()}


def remembered(header: Sequence[str], mapping: Mapping[ImportField, str]) -> dict[str, ImportField]:
    """Return what was chosen for these columns at the last import; empty if the file lacks one of them."""
    if not mapping or any(name not in header for name in mapping.values()):
        return {}
    return {name: meaning for meaning, name in mapping.items()}


def chosen(meanings: Iterable[tuple[str, ImportField | None]]) -> dict[ImportField, str]:
    """Return the column of each field.

    Args:
        meanings: the name of each column, and what was chosen for it.

    Raises ColumnTwice, ColumnsIncomplete.
    """
    mapping: dict[ImportField, str] = {}
    for name, meaning in meanings:
        if meaning is None:
            continue
        if meaning in mapping:
            raise ColumnTwice(label=FIELD_LABELS[meaning])
        mapping[meaning] = name
    if "line1" not in mapping and "address" not in mapping:
        raise ColumnsIncomplete
    return mapping
