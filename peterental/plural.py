"""Nouns and verbs in the form that goes with a count; pure."""

from __future__ import annotations


def plural(count: float, one: str, many: str | None = None) -> str:
    """Return the form of a word that goes with a count.

    Args:
        count: how many; only exactly 1 is singular.
        one: the form for 1.
        many: any other form; `one` with an s by default.
    """
    return one if count == 1 else many or f"{one}s"


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 day`, `2 days`, `0.5 seconds`; arguments as for `plural`."""
    return (
        f"{count:g} {plural(count, one, many)}" if isinstance(count, float) else f"{count} {plural(count, one, many)}"
    )
