"""Months as presets of filters, and file names that say which days a file has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class MonthLink:
    """A month to choose in a filter.

    Args:
        label: such as `This month`.
        first, last: its days, both included.
        is_chosen: whether the filter has just these days.
    """

    label: str
    first: date
    last: date
    is_chosen: bool


def month_links(today: date, chosen: Mapping[str, str], *, with_next: bool = True) -> tuple[MonthLink, ...]:
    """Return the last, this and the next month.

    Args:
        today: on the reader's calendar.
        chosen: the query parameters of the filter, with its days in `from` and `to`.
        with_next: whether the list has anything that is to come.
    """
    this = today.replace(day=1)
    starts = {
        "Last month": (this - timedelta(days=1)).replace(day=1),
        "This month": this,
        "Next month": _end_of(this) + timedelta(days=1),
    }
    days = (chosen.get("from"), chosen.get("to"))
    return tuple(
        MonthLink(label, start, _end_of(start), is_chosen=days == (str(start), str(_end_of(start))))
        for label, start in starts.items()
        if with_next or label != "Next month"
    )


def file_name(begin: str, first: date | None, last: date | None) -> str:
    """Return the name of a file by the days that it has: `appointments-2026-11`, `appointments-from-2026-11-03`."""
    if first and last and (first.day, last) == (1, _end_of(first)):
        return f"{begin}-{first:%Y-%m}"
    if first and last:
        return f"{begin}-{first}" if first == last else f"{begin}-{first}-to-{last}"
    if first or last:
        return f"{begin}-from-{first}" if first else f"{begin}-until-{last}"
    return f"{begin}-all"


def _end_of(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
