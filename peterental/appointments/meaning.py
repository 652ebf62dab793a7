"""What a time as a caller's assistant sends it may turn out to mean: a time, or a question to ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from peterental.agents.model import Rules
from peterental.appointments.model import Hours, Part


@dataclass(frozen=True)
class Moment:
    """The time that is meant, in UTC."""

    start: datetime


@dataclass(frozen=True)
class Days:
    """The day or days that are meant, on the agent's wall clock; `clock_min` where a time of day was said with it."""

    first: date
    last: date
    clock_min: int | None = None
    part: Part | Hours | None = None


@dataclass(frozen=True)
class Question:
    """What has to be asked instead."""


@dataclass(frozen=True)
class Unreadable(Question):
    """Which day and time?"""


@dataclass(frozen=True)
class DayMissing(Question):
    """On which day?"""

    clock_min: int


@dataclass(frozen=True)
class ClockMissing(Question):
    """At what time on that day, or in that part of it?"""

    day: date
    part: Part | None = None


@dataclass(frozen=True)
class WhichDay(Question):
    """This day or that one?"""

    first: date
    second: date


@dataclass(frozen=True)
class WhichHalf(Question):
    """In the morning or in the afternoon?"""

    day: date
    hour: int
    minute: int


@dataclass(frozen=True)
class DayUnsure(Question):
    """Is it that day? What was sent is past, or does not go together."""

    day: date


@dataclass(frozen=True)
class Skipped(Question):
    """Which other time? The clocks skip that one."""

    day: date
    clock_min: int


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a time is read against.

    Args:
        now: the present moment, aware.
        zone, rules: the agent's.
        offered: the starting times named to the caller in this call, in UTC.
        said: gives the caller's own lines, oldest first.
    """

    now: datetime
    zone: ZoneInfo
    rules: Rules
    offered: frozenset[datetime] = frozenset()
    said: Callable[[], Sequence[str]] = tuple

    @property
    def today(self) -> date:
        """The present day on the agent's wall clock."""
        return self.now.astimezone(self.zone).date()
