"""When an agent is free: worked out from its rules and what is taken, lazily, as far as somebody reads on.

Pure: everything it needs is given to it, nothing is asked of a database or a clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cached_property
from itertools import accumulate, islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.agents.model import Rules

NOON_HOUR = 12
MAX_OFFERED = 3
MIN_GAP = timedelta(hours=2)
DAY = timedelta(days=1)
SHORTEST_DAY = timedelta(hours=23)


@dataclass(frozen=True)
class BookedInterval:
    """A stretch of time that is not free: a booking with the buffer after it, or a busy block. Times are UTC.

    Args:
        start: when it begins.
        until: when it and its buffer are over.
        appointment_id: which booking it is; None for a busy block.
    """

    start: datetime
    until: datetime
    appointment_id: int | None = None


class UnavailableReason(Enum):
    """Why a starting time cannot be had."""

    PAST = "it is past"
    TOO_SOON = "it is within the minimum notice"
    TOO_FAR = "it is beyond the horizon"
    OUTSIDE_HOURS = "it is outside working hours"
    OFF_GRID = "no viewing starts at that minute"
    TAKEN = "it is taken"
    DAY_FULL = "the day has as many viewings as it may have"


class Availability:
    """An agent's free starting times, from now to the horizon.

    Args:
        rules: the agent's.
        zone: the agent's; every day and wall-clock time here is of this zone.
        now: the present moment, aware.
        taken: bookings and busy blocks.
    """

    def __init__(self, rules: Rules, zone: ZoneInfo, now: datetime, taken: Sequence[BookedInterval]) -> None:
        self.rules = rules
        self.zone = zone
        self.now = now
        self._taken = sorted(taken, key=lambda stretch: stretch.start)
        self._starts = [stretch.start for stretch in self._taken]
        # How far what began up to here reaches: stretches may overlap, and a long one outlast many short ones.
        self._reach = list(accumulate((stretch.until for stretch in self._taken), max))

    @cached_property
    def today(self) -> date:
        """The present day on the agent's wall clock."""
        return self.now.astimezone(self.zone).date()

    @cached_property
    def last_day(self) -> date:
        """The last day that may be booked."""
        return self.today + timedelta(days=self.rules.horizon_days)

    @cached_property
    def earliest(self) -> datetime:
        """The first moment at which a viewing may start."""
        return self.now + timedelta(minutes=self.rules.notice_minutes)

    def days(self) -> Iterator[date]:
        """Give the days that may be booked, in order."""
        return (self.today + timedelta(days=ahead) for ahead in range(self.rules.horizon_days + 1))

    def starts_on(self, day: date) -> list[datetime]:
        """Give every starting time that the working hours of `day` have room for, taken or not, in UTC, in order."""
        midnight = datetime.combine(day, time(), self.zone)
        offset = midnight.utcoffset()
        if offset == (midnight + DAY).utcoffset():
            return self._starts_of_an_even_day(day, midnight.replace(tzinfo=UTC) - (offset or timedelta()))
        slot = timedelta(minutes=self.rules.slot_minutes)
        starts = set()
        for window in self.rules.windows_on(day):
            closes = self._closing(day, window.closes_min)
            for minutes in range(window.opens_min, window.closes_min, self.rules.step_minutes):
                start = instant_of(day, minutes, self.zone)
                if start is not None and start + slot <= closes:
                    starts.add(start)
        return sorted(starts)

    def _starts_of_an_even_day(self, day: date, midnight: datetime) -> list[datetime]:
        """Give the same for a day on which the clocks do not change: minutes are just counted from its midnight."""
        slot, step = self.rules.slot_minutes, self.rules.step_minutes
        minutes = {
            minute
            for window in self.rules.windows_on(day)
            for minute in range(window.opens_min, window.closes_min - slot + 1, step)
        }
        return [midnight + timedelta(minutes=minute) for minute in sorted(minutes)]

    def free_on(self, day: date) -> list[datetime]:
        """Give the free starting times of `day`, in UTC, in order."""
        if not self.today <= day <= self.last_day or self._is_full(day):
            return []
        return [start for start in self.starts_on(day) if start >= self.earliest and not self._is_taken(start)]

    def free(self, days: Iterator[date] | None = None) -> Iterator[datetime]:
        """Give the free starting times of `days` (default: all that may be booked), one by one."""
        for day in self.days() if days is None else days:
            yield from self.free_on(day)

    def reason_unavailable(self, start: datetime) -> UnavailableReason | None:
        """Give why a viewing cannot start at `start`, or None where it can."""
        day = start.astimezone(self.zone).date()
        if start <= self.now:
            return UnavailableReason.PAST
        if day > self.last_day:
            return UnavailableReason.TOO_FAR
        if start < self.earliest:
            return UnavailableReason.TOO_SOON
        if start not in self.starts_on(day):
            return UnavailableReason.OFF_GRID if self._is_within_hours(start, day) else UnavailableReason.OUTSIDE_HOURS
        if self._is_taken(start):
            return UnavailableReason.TAKEN
        return UnavailableReason.DAY_FULL if self._is_full(day) else None

    def nearest(self, wish: datetime, limit: int = MAX_OFFERED) -> tuple[datetime, ...]:
        """Give the free times nearest to `wish`, in order of time; looks no further than it must."""
        wished = min(max(wish.astimezone(self.zone).date(), self.today), self.last_day)
        found: list[datetime] = []
        for away in range(self.rules.horizon_days + 1):
            for day in {wished - timedelta(days=away), wished + timedelta(days=away)}:
                found += self.free_on(day)
            found.sort(key=lambda start: (abs(start - wish), start))
            # What lies on days further out is further away than this, even where the clocks cut a day short.
            if len(found) >= limit and abs(found[limit - 1] - wish) <= away * SHORTEST_DAY:
                break
        return tuple(sorted(found[:limit]))

    def pick_diverse(self, starts: Iterator[datetime]) -> tuple[datetime, ...]:
        """Choose up to three of `starts`, which are in order: the nearest, one of another half-day, one of another day.

        Where the times end before that, or all are of one day, the third is any that is well apart from the others.
        """
        first = next(starts, None)
        if first is None:
            return ()
        chosen = [first]
        spare: list[datetime] = []
        half_over, day_over = self._ends_of(first)
        for start in starts:
            if len(chosen) == 1 and start >= half_over:
                chosen.append(start)
                _, day_over = self._ends_of(start)
            elif len(chosen) > 1 and start >= day_over:
                return (*chosen, start)
            else:
                spare.append(start)
        for gap in (MIN_GAP, MIN_GAP / 2):
            for start in spare:
                if len(chosen) < MAX_OFFERED and all(abs(start - other) >= gap for other in chosen):
                    chosen.append(start)
            if len(chosen) > 1:
                break
        return tuple(sorted(chosen))

    def at_time_of_day(self, minutes: int, days: Iterator[date] | None = None) -> tuple[datetime, ...]:
        """Give the first three free times at `minutes` after midnight on `days` (default: all that may be booked)."""
        instants = (instant_of(day, minutes, self.zone) for day in (self.days() if days is None else days))
        return tuple(islice((i for i in instants if i is not None and self.reason_unavailable(i) is None), MAX_OFFERED))

    def _ends_of(self, start: datetime) -> tuple[datetime, datetime]:
        """Give when the half-day and the day of `start` are over."""
        midnight = datetime.combine(start.astimezone(self.zone).date(), time(), self.zone)
        noon, next_midnight = midnight.replace(hour=NOON_HOUR), midnight + DAY
        day_over = next_midnight.astimezone(UTC)
        return (noon.astimezone(UTC) if start < noon else day_over), day_over

    def _closing(self, day: date, closes_min: int) -> datetime:
        """Give when a window closes; a time that the clocks skip counts as if they had not changed yet."""
        wall = datetime.combine(day, time()) + timedelta(minutes=closes_min)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def _is_within_hours(self, start: datetime, day: date) -> bool:
        local = start.astimezone(self.zone)
        begins_min = local.hour * 60 + local.minute
        return self.rules.covers(day, begins_min, begins_min + self.rules.slot_minutes)

    def _is_taken(self, start: datetime) -> bool:
        until = start + timedelta(minutes=self.rules.slot_minutes + self.rules.buffer_minutes)
        begun = bisect_left(self._starts, until)
        return begun > 0 and self._reach[begun - 1] > start

    @cached_property
    def _booked_per_day(self) -> Counter[date]:
        bookings = (stretch for stretch in self._taken if stretch.appointment_id is not None)
        return Counter(stretch.start.astimezone(self.zone).date() for stretch in bookings)

    def _is_full(self, day: date) -> bool:
        return self.rules.daily_cap is not None and self._booked_per_day[day] >= self.rules.daily_cap
