"""English numbers, days and times of day, to be spoken. Pure; the date parser reads them back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from peterental.plural import plural

_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth",
}  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

HUNDRED = 100
NOON = (12, 0)
WITHOUT_MONTH = timedelta(days=7)
"""A day no further ahead is said without its month."""


def number(value: int) -> str:
    """Format an integer: `twenty-one`; from a hundred on, in digits."""
    if not 0 <= value < HUNDRED:
        return str(value)
    if value < len(_NUMBERS):
        return _NUMBERS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens] + (f"-{_NUMBERS[ones]}" if ones else "")


def ordinal(value: int) -> str:
    """Format a day of the month: `twenty-first`."""
    stem, dash, last = number(value).rpartition("-")
    return stem + dash + _ORDINALS.get(last, f"{last}th")


def clock(hour: int, minute: int) -> str:
    """Format a time of day: `two thirty PM`, `nine AM`, `noon`.

    Midnight is `twelve AM`, which names one day only.
    """
    if (hour, minute) == NOON:
        return "noon"
    minutes = f" oh {number(minute)}" if 0 < minute < 10 else f" {number(minute)}" if minute else ""  # noqa: PLR2004
    return f"{number(hour % 12 or 12)}{minutes} {'AM' if hour < NOON[0] else 'PM'}"


def day(value: date, today: date) -> str:
    """Format a day relative to `today`.

    `today, Sunday the twenty-second`; `Tuesday the twenty-fourth`; more than a week away `Tuesday, December first`;
    the year only where it differs.
    """
    weekday = _WEEKDAYS[value.weekday()]
    if value.year != today.year:
        century, years = divmod(value.year, HUNDRED)
        return f"{_with_month(value)}, {number(century)} {number(years)}"
    if not timedelta() <= value - today <= WITHOUT_MONTH:
        return _with_month(value)
    near = {0: "today, ", 1: "tomorrow, "}.get((value - today).days, "")
    return f"{near}{weekday} the {ordinal(value.day)}"


def moment(start: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Format a start on the clock of `zone`: `Tuesday the fourteenth at two PM`."""
    return times([start], zone, now)


def on_moment(start: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Format a start for the end of a sentence.

    `on Tuesday the fourteenth at noon`, but `tomorrow, …` without `on`.
    """
    return on(moment(start, zone, now))


def on(said_day: str) -> str:
    """Put `on` before a day, unless it is today or tomorrow."""
    return said_day if said_day.startswith(("today", "tomorrow")) else f"on {said_day}"


def times(starts: Iterable[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Format several starts, naming each day once.

    `Tuesday the fourteenth at nine AM or noon, or Friday the seventeenth at …`.
    """
    today = now.astimezone(zone).date()
    days = []
    for local_day, group in groupby(sorted(start.astimezone(zone) for start in starts), key=datetime.date):
        said = day(local_day, today)
        comma = "," if "," in said else ""
        days.append(f"{said}{comma} at {alternatives(clocks(group))}")
    return ", or ".join(days)


def clocks(starts: Iterable[datetime]) -> list[str]:
    """Format the times of day of local starts: `nine AM`, `noon`."""
    return [clock(start.hour, start.minute) for start in starts]


def alternatives(choices: list[str]) -> str:
    """Join choices: `nine AM`, `nine AM or noon`, `nine AM, noon or two PM`; those with a comma in them by `, or`."""
    if any("," in choice for choice in choices):
        return ", or ".join(choices)
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def length(minutes: int) -> str:
    """Format a duration: `two hours`, `one day`, `forty-five minutes`."""
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= size and minutes % size == 0:
            return count(minutes // size, unit)
    return count(minutes, "minute")


def count(value: int, unit: str) -> str:
    """Format a number with its unit: `one day`, `two days`."""
    return f"{number(value)} {plural(value, unit)}"


def bedrooms(value: int) -> str:
    """Format a number of bedrooms: `two bedrooms`; a studio has none."""
    return count(value, "bedroom") if value else "no separate bedroom"


def _with_month(value: date) -> str:
    return f"{_WEEKDAYS[value.weekday()]}, {_MONTHS[value.month - 1]} {ordinal(value.day)}"
