"""Parse working hours as people write them; pure.

Examples: `9–12, 13–17`, `9-5`, `9 am to 5:30 pm`, `closed`.
"""

from __future__ import annotations

import re
from itertools import pairwise

from peterental.agents.model import Window
from peterental.agents.working_hours.model import MINUTES_PER_DAY
from peterental.errors import Refusal

NOON_MIN = 12 * 60
HALF_DAY_HOURS = 12
MAX_WINDOWS = 6

_CLOSED = re.compile(r"(?:closed|off|none|free|[-\N{EN DASH}\N{EM DASH}])?", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_BETWEEN_WINDOWS = re.compile(r" ?(?:[,;+&\n]|\band\b) ?", re.IGNORECASE)
_WINDOW = re.compile(r"(.+?) ?(?:[-\N{EN DASH}\N{EM DASH}]|\bto\b|\buntil\b|\btill?\b) ?(.+)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2})(?:\s*[:.h]\s*(\d{2}))?\s*(?:(a|p)\.?\s*m?\.?)?", re.IGNORECASE)
_NAMED = {"noon": NOON_MIN, "midday": NOON_MIN, "midnight": 0}


class InvalidHours(Refusal):
    """“{text}” is not a range of hours. Write hours like 9–12, 1–5:30 pm."""


class ClosesFirst(Refusal):
    """“{text}” closes before it opens. Write afternoon hours like 5 pm or 17."""


class HoursOverlap(Refusal):
    """“{text}” overlaps the hours before it."""


class TooManyWindows(Refusal):
    """A day can have at most {limit} ranges of hours."""


def parse_windows(text: str) -> tuple[Window, ...]:
    """Parse the hours of one day into windows, in order.

    An empty text and `closed` have no windows.

    Raises InvalidHours, ClosesFirst, HoursOverlap, TooManyWindows.
    """
    text = _BLANKS.sub(" ", text.strip())  # one blank in each pattern keeps them linear
    if _CLOSED.fullmatch(text):
        return ()
    windows: list[tuple[Window, str]] = []
    for part in _BETWEEN_WINDOWS.split(text):
        if part:
            windows.append((_parse_window(part, windows[-1][0] if windows else None), part))
    windows.sort()
    if len(windows) > MAX_WINDOWS:
        raise TooManyWindows(limit=MAX_WINDOWS)
    for (earlier, _), (later, part) in pairwise(windows):
        if later.opens_min < earlier.closes_min:
            raise HoursOverlap(text=part)
    if not windows:
        raise InvalidHours(text=text)
    return tuple(window for window, _ in windows)


def _parse_window(text: str, before: Window | None) -> Window:
    """Parse one range of hours; `before` is the range written before it."""
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise InvalidHours(text=text)
    opens, closes = _parse_clock(match.group(1), text), _parse_clock(match.group(2), text)
    closes_min = closes.minutes or MINUTES_PER_DAY
    opens_min = opens.minutes
    # "1–5 pm" opens in the afternoon, "9–5 pm" in the morning.
    if closes.has_am_pm and not opens.has_am_pm and 0 < opens_min < NOON_MIN < opens_min + NOON_MIN < closes_min:
        opens_min += NOON_MIN
    if not closes.has_am_pm and closes_min < NOON_MIN:
        # After "9–12", "1–5" is in the afternoon; "9–5" ends there.
        if not opens.has_am_pm and before and before.opens_min < NOON_MIN and opens_min < before.closes_min:
            opens_min += NOON_MIN
        if opens_min >= closes_min:
            closes_min += NOON_MIN
    if opens_min >= closes_min:
        raise ClosesFirst(text=text)
    return Window(opens_min, closes_min)


class _Clock:
    """A time of day as written: minutes after midnight, and whether it says am or pm."""

    def __init__(self, minutes: int, *, has_am_pm: bool) -> None:
        self.minutes = minutes
        self.has_am_pm = has_am_pm


def _parse_clock(text: str, window: str) -> _Clock:
    named = _NAMED.get(text.lower())
    if named is not None:
        return _Clock(named, has_am_pm=True)
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise InvalidHours(text=window)
    hour, minute, half = int(match.group(1)), int(match.group(2) or 0), (match.group(3) or "").lower()
    if half and not 1 <= hour <= HALF_DAY_HOURS:
        raise InvalidHours(text=window)
    if half:
        hour = hour % HALF_DAY_HOURS + (HALF_DAY_HOURS if half == "p" else 0)
    minutes = hour * 60 + minute
    if minute > 59 or minutes > MINUTES_PER_DAY:  # noqa: PLR2004  # minutes of an hour
        raise InvalidHours(text=window)
    return _Clock(minutes, has_am_pm=bool(half))
