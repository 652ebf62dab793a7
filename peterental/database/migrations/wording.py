"""Nouns in the form that goes with a count."""

from __future__ import annotations


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the form of a noun that goes with `count`; without `many`, the plural is `one` with an s."""
    return one if count == 1 else many or f"{one}s"
