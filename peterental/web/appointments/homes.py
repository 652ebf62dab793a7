"""The homes of the catalogue in forms: suggestions for a text field, and what a text means. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peterental.properties.model import PropertyName

MAX_HOMES_SHOWN = 300
"""Suggested homes. Any other name of the catalogue may be typed as well."""


def home_names(options: Sequence[PropertyName]) -> dict[str, int]:
    """Return the ids of homes by what a form calls them: two of one label have their number with it."""
    counts: dict[str, int] = {}
    for option in options:
        counts[option.label] = counts.get(option.label, 0) + 1
    return {
        option.label if counts[option.label] == 1 else f"{option.label} (home {option.property_id})": option.property_id
        for option in options
    }


def ids_ignoring_case(names: Mapping[str, int]) -> dict[str, int]:
    """Return the ids of `home_names` by the names in lower case: case does not matter in what is typed."""
    return {name.casefold(): number for name, number in names.items()}
