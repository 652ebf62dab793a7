"""The parser's answers: an exact time, a search for free times, or a question that keeps what was understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, kw_only=True)
class ExactTime:
    """One instant that the caller means.

    Args:
        start: the instant, in UTC.
        assumed: what the parser had to assume, as a stable key that a sentence can be made from; None where nothing.
            `offset-ignored`: the wall clock was taken, the offset that was sent disagreed with it.
            `zone-converted`: the time of another zone that was named was taken, after a question.
            `offset-used`: the instant was taken, because only it lies within working hours.
    """

    start: datetime
    assumed: str | None = None


@dataclass(frozen=True, order=True)
class DayRange:
    """Consecutive local days, both ends included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        """Iterate over the days in order."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)


@dataclass(frozen=True, order=True)
class MinuteRange:
    """Starting times on the wall clock, in minutes after midnight; `until_min` is excluded."""

    from_min: int = 0
    until_min: int = DAY_MINUTES

    def __contains__(self, minutes: int) -> bool:
        """Return whether a viewing that starts at `minutes` lies inside."""
        return self.from_min <= minutes < self.until_min


@dataclass(frozen=True, kw_only=True)
class Search:
    """A constraint on free times: the caller was vague, or asked what is free.

    Args:
        days: the local days, in order; empty where any day will do.
        weekdays: ISO weekdays (1 is Monday) to which those days are limited; empty for no limit.
        excluded_days: local days that do not suit.
        excluded_weekdays: ISO weekdays that do not suit.
        ranges: starting times on the wall clock; empty where any time will do.
        excluded_ranges: starting times that do not suit.
        clock_min: the time of day to center on, in minutes after midnight.
        approximate: whether `clock_min` was qualified ("3ish", "around two") instead of asked for exactly.
        part: the name of the part of the day behind `ranges` (`morning`, `late afternoon`), for the answer.
        from_words: whether the caller's words, not a machine format, were read.
        soonest: whether the caller wants the earliest time.
        choices: where the days differ in their times ("Friday morning or Saturday afternoon"), the search of each.
    """

    days: tuple[DayRange, ...] = ()
    weekdays: frozenset[int] = frozenset()
    excluded_days: tuple[date, ...] = ()
    excluded_weekdays: frozenset[int] = frozenset()
    ranges: tuple[MinuteRange, ...] = ()
    excluded_ranges: tuple[MinuteRange, ...] = ()
    clock_min: int | None = None
    approximate: bool = False
    part: str | None = None
    from_words: bool = True
    soonest: bool = False
    choices: tuple[Search, ...] = ()

    @property
    def day(self) -> date | None:
        """The only day that is searched, if there is just one."""
        if len(self.days) == 1 and self.days[0].first == self.days[0].last:
            return self.days[0].first
        return None

    def allows_day(self, day: date) -> bool:
        """Return whether a local day lies inside."""
        weekday = day.isoweekday()
        return (
            (not self.days or any(days.first <= day <= days.last for days in self.days))
            and (not self.weekdays or weekday in self.weekdays)
            and day not in self.excluded_days
            and weekday not in self.excluded_weekdays
        )

    def allows_minutes(self, minutes: int) -> bool:
        """Return whether a starting time, in minutes after midnight, lies inside; `clock_min` is no limit."""
        return (not self.ranges or any(minutes in range_ for range_ in self.ranges)) and not any(
            minutes in range_ for range_ in self.excluded_ranges
        )

    def allows(self, day: date, minutes: int) -> bool:
        """Return whether a local day and a starting time, in minutes after midnight, lie inside together."""
        is_inside = self.allows_day(day) and self.allows_minutes(minutes)
        return is_inside and (not self.choices or any(choice.allows(day, minutes) for choice in self.choices))


@dataclass(frozen=True)
class Option:
    """One reading among several: a local day, and minutes after midnight where the time is known."""

    day: date
    clock_min: int | None = None


@dataclass(frozen=True, kw_only=True)
class Clarification:
    """A question to the caller. `key` is stable: a call remembers by it what was asked."""

    key: ClassVar[str] = "not-understood"


@dataclass(frozen=True, kw_only=True)
class NotUnderstood(Clarification):
    """Which day and time? Nothing usable was understood.

    Args:
        unknown: the words that were not understood, as sent.
    """

    key: ClassVar[str] = "not-understood"
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DayNeeded(Clarification):
    """On which day? The time of day is known, or limited.

    Args:
        search: what is known, without days; `search.clock_min` is the exact time where one was named.
    """

    key: ClassVar[str] = "day-needed"
    search: Search


@dataclass(frozen=True, kw_only=True)
class TimeNeeded(Clarification):
    """At what time? The day is known, or a few days are.

    Args:
        search: the days and, where known, the limits of the time.
    """

    key: ClassVar[str] = "time-needed"
    search: Search


@dataclass(frozen=True, kw_only=True)
class WhichDay(Clarification):
    """Which of these days? The words have more than one reading."""

    key: ClassVar[str] = "which-day"
    options: tuple[Option, ...]
    ranges: tuple[MinuteRange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WhichTime(Clarification):
    """Which of these times on that day? `day` is None where it is not known either."""

    key: ClassVar[str] = "which-time"
    day: date | None
    options: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class AmOrPm(WhichTime):
    """In the morning or in the afternoon? `options` are the two halves, in minutes after midnight."""

    key: ClassVar[str] = "am-or-pm"


@dataclass(frozen=True, kw_only=True)
class ConfirmDay(Clarification):
    """Is it this day, and this time where it is known? It is the only reading, but not a certain one.

    Args:
        option: the day and the time.
        reason: why it is not certain: `past`, `swapped`, `vague`, `unknown-words`, `picked`, `same-day`, `same-time`,
            `other-days` where the caller named others.
        ranges: limits of the time of day, where they are known instead of the time.
        unknown: words that were not understood.
    """

    key: ClassVar[str] = "confirm-day"
    option: Option
    reason: str
    ranges: tuple[MinuteRange, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WeekdayMismatch(Clarification):
    """The weekday and the date disagree: which of both days?

    Args:
        options: the day of the date, then the day of the weekday.
    """

    key: ClassVar[str] = "weekday-mismatch"
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True)
class WhichOffer(Clarification):
    """Which of the offered times? `options` are in UTC; empty where nothing was offered in this call."""

    key: ClassVar[str] = "which-offer"
    options: tuple[datetime, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkippedByDst(Clarification):
    """Which other time? The clocks skip that one on that day."""

    key: ClassVar[str] = "skipped-by-dst"
    day: date
    clock_min: int


@dataclass(frozen=True, kw_only=True)
class ZoneUnclear(Clarification):
    """Was another time zone meant?

    Args:
        own: the instant if the words mean the agent's wall clock, in UTC.
        converted: the instant if they mean the other zone's, in UTC.
        zone_name: the zone as sent.
    """

    key: ClassVar[str] = "zone-unclear"
    own: datetime
    converted: datetime
    zone_name: str = ""


@dataclass(frozen=True, kw_only=True)
class OffsetUnclear(ZoneUnclear):
    """The offset that was sent is not the agent's: is the wall clock meant, or the instant?"""

    key: ClassVar[str] = "offset-unclear"


Result = ExactTime | Search | Clarification
"""What each entry point returns."""
