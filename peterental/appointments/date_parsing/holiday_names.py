"""Holidays that people name when they book, and the rules for their dates.

Plain rules instead of a library: these are the days that callers say, public or not (Christmas Eve, Halloween), all
but Easter follow from the calendar in one line, and the phone pays no import of two hundred countries.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

MONDAY, THURSDAY, SATURDAY, SUNDAY = 1, 4, 6, 7


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date | None:
    """Return the nth weekday of a month, the last one for -1; None where the month has no such day.

    Args:
        year: the year.
        month: the month, from 1.
        weekday: ISO, 1 is Monday; 0 is any from Monday to Friday.
        nth: from 1, or from the end: -1 is the last.
    """
    first = date(year, month, 1)
    days = [first + timedelta(days=ahead) for ahead in range(monthrange(year, month)[1])]
    found = [day for day in days if (day.isoweekday() == weekday if weekday else day.isoweekday() < SATURDAY)]
    at = nth - 1 if nth > 0 else nth
    return found[at] if -len(found) <= at < len(found) else None


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the algorithm of Meeus, Jones and Butcher)."""
    century, golden = year // 100, year % 19
    solar, lunar = century - century // 4, (8 * century + 13) // 25
    epact = (solar - lunar + 19 * golden + 15) % 30
    epact -= epact // 28 * (1 - epact // 28 * (29 // (epact + 1)) * ((21 - golden) // 11))
    offset = (year + year // 4 + epact + 2 - solar) % 7
    days = epact - offset
    month = 3 + (days + 40) // 44
    return date(year, month, days + 28 - 31 * (month // 4))


def _fixed(month: int, day: int) -> Callable[[int], date | None]:
    return lambda year: date(year, month, day)


def _nth(month: int, weekday: int, nth: int, days: int = 0) -> Callable[[int], date | None]:
    def on(year: int) -> date | None:
        day = nth_weekday(year, month, weekday, nth)
        return day and day + timedelta(days=days)

    return on


_RULES: dict[str, Callable[[int], date | None]] = {
    "new year's day": _fixed(1, 1),
    "epiphany": _fixed(1, 6),
    "martin luther king day": _nth(1, MONDAY, 3),
    "groundhog day": _fixed(2, 2),
    "valentine's day": _fixed(2, 14),
    "presidents' day": _nth(2, MONDAY, 3),
    "st patrick's day": _fixed(3, 17),
    "april fools' day": _fixed(4, 1),
    "earth day": _fixed(4, 22),
    "cinco de mayo": _fixed(5, 5),
    "mother's day": _nth(5, SUNDAY, 2),
    "memorial day": _nth(5, MONDAY, -1),
    "juneteenth": _fixed(6, 19),
    "father's day": _nth(6, SUNDAY, 3),
    "independence day": _fixed(7, 4),
    "labor day": _nth(9, MONDAY, 1),
    "columbus day": _nth(10, MONDAY, 2),
    "halloween": _fixed(10, 31),
    "veterans day": _fixed(11, 11),
    "thanksgiving": _nth(11, THURSDAY, 4),
    "black friday": _nth(11, THURSDAY, 4, days=1),
    "christmas eve": _fixed(12, 24),
    "christmas": _fixed(12, 25),
    "boxing day": _fixed(12, 26),
    "new year's eve": _fixed(12, 31),
    "good friday": lambda year: easter(year) - timedelta(days=2),
    "easter": easter,
    "easter monday": lambda year: easter(year) + timedelta(days=1),
}

_PUBLIC = (
    "new year's day", "martin luther king day", "presidents' day", "memorial day", "juneteenth", "independence day",
    "labor day", "columbus day", "veterans day", "thanksgiving", "christmas",
)  # fmt: skip

NAMES = tuple(_RULES)
"""The keys that `day_of` knows."""


def day_of(name: str, year: int) -> date | None:
    """Return the date of a holiday in a year; None for a name without a rule."""
    rule = _RULES.get(name)
    return rule(year) if rule else None


def is_public_holiday(day: date) -> bool:
    """Return whether a day is a public holiday in the United States, without the days that stand in for one."""
    return any(day_of(name, day.year) == day for name in _PUBLIC)
