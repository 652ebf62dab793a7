"""Describe closures and repeating blocks, in sentences and for the audit log. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from peterental.agents.model import Window
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.agents.working_hours.model import MINUTES_PER_DAY, format_windows

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_DAYS_OF_WORK = (1, 2, 3, 4, 5)


def describe_repetition(entry: RepeatingEntry) -> str:
    """Return when a block repeats: `every Monday`, `every weekday`, `every 2 weeks on Monday and Friday`."""
    weekdays = tuple(entry.weekdays)
    if entry.every_weeks == 1:
        if len(weekdays) == len(WEEKDAY_NAMES):
            return "every day"
        return "every weekday" if weekdays == _DAYS_OF_WORK else f"every {_names(weekdays)}"
    return f"every {entry.every_weeks} weeks on {_names(weekdays)}"


def closure_fields(entry: ClosureEntry) -> dict[str, object]:
    """Return the fields of a closure for the audit log."""
    return {
        "name": entry.name,
        "first_day": entry.first_day,
        "last_day": entry.last_day,
        "hours": None if entry.is_of_whole_days else format_windows([Window(entry.from_min, entry.until_min)]),
        "exempt_agents": sorted(entry.exempt),
    }


def repeating_fields(entry: RepeatingEntry) -> dict[str, object]:
    """Return the fields of a repeating block for the audit log."""
    is_whole_day = (entry.from_min, entry.until_min) == (0, MINUTES_PER_DAY)
    return {
        "repeats": describe_repetition(entry),
        "hours": None if is_whole_day else format_windows([Window(entry.from_min, entry.until_min)]),
        "first_day": entry.first_day,
        "last_day": entry.last_day,
        "note": entry.note,
    }


def _names(weekdays: Sequence[int]) -> str:
    *others, last = (WEEKDAY_NAMES[weekday - 1] for weekday in weekdays)
    return f"{', '.join(others)} and {last}" if others else last
