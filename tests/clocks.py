"""Fake clocks: one that a test sets, one for code that measures time, and the next days on which real clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass
class Clock:
    """The present moment of all services, which stands still until a test sets it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **period: float) -> None:
        """Advance the clock; arguments as for timedelta."""
        self.now += timedelta(**period)


def first_sunday(year: int, month: int, first_day: int = 1) -> date:
    """Return the first Sunday of a month that is not before a day of it."""
    day = date(year, month, first_day)
    return day + timedelta(days=7 - day.isoweekday())


def next_skipped_hour() -> date:
    """Return the day of next year on which the clocks of the United States skip 2 am."""
    return first_sunday(datetime.now(UTC).year + 1, 3, first_day=8)


def next_repeated_hour() -> date:
    """Return the day of next year on which the clocks of the United States show 1 am twice."""
    return first_sunday(datetime.now(UTC).year + 1, 11)


class Ticking:
    """Replaces the module `time`: each reading and each sleep advances the clock, and neither takes real time.

    Args:
        step_s: how far a reading advances it, in seconds.
    """

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def monotonic(self) -> float:
        """Advance by one step and return the time, in seconds."""
        self._now_s += self._step_s
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds` at once."""
        self._now_s += seconds
