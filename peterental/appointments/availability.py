"""An agent's free starting times, computed lazily from its rules. Pure.

It reads neither a database nor a clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import cached_property, lru_cache
from itertools import accumulate, islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.appointments.busy_times import NO_BUSY_TIMES, BusyTimes
from peterental.appointments.closed_days import Closed, ClosedBy
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.agents.model import Rules, Window
    from peterental.appointments.busy_times import OfficeClosure

NOON_HOUR = 12
MAX_OFFERED = 3
"""Starting times that one answer offers."""
MIN_GAP = timedelta(hours=2)
"""Between times that are offered together, where they are not of different half-days."""
DAY = timedelta(days=1)
MIN_DAY_LENGTH = timedelta(hours=23)


@lru_cache(256)
def _offsets(windows: tuple[Window, ...], slot_minutes: int, step_minutes: int) -> tuple[timedelta, ...]:
    """Return the starting times of a day with these working windows, from midnight, in order."""
    minutes = {
        minute
        for window in windows
        for minute in range(window.opens_min, window.closes_min - slot_minutes + 1, step_minutes)
    }
    return tuple(timedelta(minutes=minute) for minute in sorted(minutes))


@dataclass(frozen=True)
class BookedInterval:
    """An interval that is not free: a booking with its buffer.

    Args:
        start: its start.
        until: its end, including the buffer.
        appointment_id: of the booking; None for another reason, which counts towards no daily cap.
        is_moved_event: whether it is where a person moved the booking's event to in the calendar. The booking still has
            its own interval, which alone counts towards the daily cap.
    """

    start: datetime
    until: datetime
    appointment_id: int | None = None
    is_moved_event: bool = False


def without_booking(taken: Iterable[BookedInterval], appointment_id: int | None) -> list[BookedInterval]:
    """Return the intervals without those of a booking that is to be moved, if there is one."""
    return [interval for interval in taken if appointment_id is None or interval.appointment_id != appointment_id]


class UnavailableReason(Enum):
    """Why a starting time cannot be booked."""

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
        zone: the agent's; every day and wall-clock time is in this zone.
        now: the present moment, aware.
        taken: bookings; may overlap.
        busy: when the agent is busy otherwise.
        home_taken: when the home may not be viewed; the buffer after a viewing does not matter to it.
    """

    def __init__(  # noqa: PLR0917  # all that decides what is free
        self,
        rules: Rules,
        zone: ZoneInfo,
        now: datetime,
        taken: Sequence[BookedInterval],
        busy: BusyTimes = NO_BUSY_TIMES,
        home_taken: BusyTimes = NO_BUSY_TIMES,
    ) -> None:
        self.rules = rules
        self.zone = zone
        self.now = now
        self._busy = busy
        self._home_taken = home_taken
        self.taken = sorted(taken, key=lambda interval: interval.start)
        self._starts = [interval.start for interval in self.taken]
        # The latest end of all intervals up to here: they may overlap, and a long one may outlast many short ones.
        self._latest_ends = list(accumulate((interval.until for interval in self.taken), max))

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
        """The earliest moment at which a viewing may start: now plus the minimum notice."""
        return self.now + timedelta(minutes=self.rules.notice_minutes)

    def days(self) -> Iterator[date]:
        """Return the days that may be booked, in order."""
        return (self.today + timedelta(days=ahead) for ahead in range(self.rules.horizon_days + 1))

    def starts_on(self, day: date) -> list[datetime]:
        """Return the starting times, taken or not, in the working hours of `day`, in UTC."""
        midnight = datetime.combine(day, time(), self.zone)
        offset = midnight.utcoffset()
        if offset == (midnight + DAY).utcoffset():
            return self._starts_without_clock_change(day, midnight.replace(tzinfo=UTC) - (offset or timedelta()))
        slot = timedelta(minutes=self.rules.slot_minutes)
        starts = set()
        for window in self.rules.windows_on(day):
            closes = self._closing(day, window.closes_min)
            for minutes in range(window.opens_min, window.closes_min, self.rules.step_minutes):
                start = instant_of(day, minutes, self.zone)
                if start is not None and start + slot <= closes:
                    starts.add(start)
        return sorted(starts)

    def _starts_without_clock_change(self, day: date, midnight: datetime) -> list[datetime]:
        """Return the starting times of a day without a clock change, by counting from midnight."""
        rules = self.rules
        offsets = _offsets(rules.windows_on(day), rules.slot_minutes, rules.step_minutes)
        return [midnight + offset for offset in offsets]

    def free_on(self, day: date) -> list[datetime]:
        """Return the free starting times of `day`, in UTC, in order."""
        if not self.today <= day <= self.last_day or self._is_full(day):
            return []
        earliest, now = self.earliest, self.now
        starts = [start for start in self.starts_on(day) if start >= earliest and start > now]
        if not starts or not self._is_taken(starts[0], starts[-1]):
            return starts
        return [start for start in starts if not self._is_taken(start)]

    def free(self, days: Iterator[date] | None = None) -> Iterator[datetime]:
        """Yield the free starting times of `days` (default: all bookable ones), in UTC."""
        for day in self.days() if days is None else days:
            yield from self.free_on(day)

    def reason_unavailable(self, start: datetime) -> UnavailableReason | None:
        """Return why a viewing cannot start at `start`, or None if it can."""
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

    def slot_minutes_at(self, start: datetime) -> int:  # noqa: ARG002  # of several agents it depends on the time
        """Return the length of a viewing at `start`."""
        return self.rules.slot_minutes

    def limits_at(self, start: datetime) -> Rules:  # noqa: ARG002  # of several agents they depend on the time
        """Return the rules that a refusal of `start` names: its notice and its horizon."""
        return self.rules

    def closed_on(self, day: date) -> Closed | None:
        """Return why no viewing is possible on a whole day, apart from other viewings; None if one is.

        A day on which the agent never works has a reason only if the office is closed.
        """
        midnight = datetime.combine(day, time(), self.zone)
        closure = self._closure_around(midnight, midnight + DAY)
        if closure is not None:
            return Closed(ClosedBy.OFFICE, closure.name)
        starts = self.starts_on(day)
        is_away = all(self._busy.overlaps(start, start + self._blocked) for start in starts)
        return Closed(ClosedBy.AGENT) if is_away and (starts or self._is_day_off(day)) else None

    def closed_at(self, start: datetime) -> Closed | None:
        """Return why no viewing is possible at `start`: on that whole day, or because the office is closed then."""
        closed = self.closed_on(start.astimezone(self.zone).date())
        if closed is not None:
            return closed
        from_s, until_s = start.timestamp(), (start + self._blocked).timestamp()
        names = (each.name for each in self._busy.closures if each.start_s < until_s and each.until_s > from_s)
        name = next(names, None)
        return None if name is None else Closed(ClosedBy.OFFICE, name, is_whole_day=False)

    def nearest(self, wanted: datetime, limit: int = MAX_OFFERED) -> tuple[datetime, ...]:
        """Return the free times nearest to `wanted`, in order of time.

        Looks outward day by day, and stops as soon as no day further out can have a nearer time.
        """
        wanted_day = min(max(wanted.astimezone(self.zone).date(), self.today), self.last_day)
        found: list[datetime] = []
        for away in range(self.rules.horizon_days + 1):
            for day in {wanted_day - timedelta(days=away), wanted_day + timedelta(days=away)}:
                found += self.free_on(day)
            found.sort(key=lambda start: (abs(start - wanted), start))
            # Times on days further out are further away than this, even where a clock change shortens a day.
            if len(found) >= limit and abs(found[limit - 1] - wanted) <= away * MIN_DAY_LENGTH:
                break
        return tuple(sorted(found[:limit]))

    def pick_diverse(self, starts: Iterator[datetime]) -> tuple[datetime, ...]:
        """Return up to three of `starts` on different half-days and days.

        The first is always among them, the second is of another half-day, the third of another day. Where there are no
        such times, it takes ones that are MIN_GAP from the others, or half of that.

        Args:
            starts: free starting times in order; read only as far as necessary.
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
        """Return the first three free times at one time of day.

        Args:
            minutes: after midnight on the wall clock.
            days: default: all that may be booked.
        """
        instants = (instant_of(day, minutes, self.zone) for day in (self.days() if days is None else days))
        return tuple(islice((i for i in instants if i is not None and self.reason_unavailable(i) is None), MAX_OFFERED))

    def _ends_of(self, start: datetime) -> tuple[datetime, datetime]:
        """Return the end of the half-day and the end of the day of `start`, in UTC."""
        midnight = datetime.combine(start.astimezone(self.zone).date(), time(), self.zone)
        noon, next_midnight = midnight.replace(hour=NOON_HOUR), midnight + DAY
        day_over = next_midnight.astimezone(UTC)
        return (noon.astimezone(UTC) if start < noon else day_over), day_over

    def _closing(self, day: date, closes_min: int) -> datetime:
        """Return when a window closes, in UTC.

        A skipped time is read with the offset before the clock change.
        """
        wall = datetime.combine(day, time()) + timedelta(minutes=closes_min)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def _is_within_hours(self, start: datetime, day: date) -> bool:
        local = start.astimezone(self.zone)
        begins_min = local.hour * 60 + local.minute
        return self.rules.covers(day, begins_min, begins_min + self.rules.slot_minutes)

    def _closure_around(self, start: datetime, until: datetime) -> OfficeClosure | None:
        """Return a closure of the office from `start` or earlier to `until` or later."""
        if not self._busy.closures:
            return None
        start_s, until_s = start.timestamp(), until.timestamp()
        return next((each for each in self._busy.closures if each.start_s <= start_s and until_s <= each.until_s), None)

    def _is_day_off(self, day: date) -> bool:
        """Return whether the agent works on that weekday, but not on that day."""
        return any(weekday == day.isoweekday() for weekday, _ in self.rules.week) and any(
            overridden == day for overridden, _ in self.rules.days
        )

    @cached_property
    def _blocked(self) -> timedelta:
        """How long a viewing blocks, with the buffer after it."""
        return timedelta(minutes=self.rules.slot_minutes + self.rules.buffer_minutes)

    def _is_taken(self, start: datetime, last: datetime | None = None) -> bool:
        """Return whether anything overlaps a viewing at `start`, or the time from there to the end of one at `last`."""
        until = (last or start) + self._blocked
        begun = bisect_left(self._starts, until)
        if (begun > 0 and self._latest_ends[begun - 1] > start) or self._busy.overlaps(start, until):
            return True
        if self._home_taken is NO_BUSY_TIMES:
            return False
        return self._home_taken.overlaps(start, until - timedelta(minutes=self.rules.buffer_minutes))

    @cached_property
    def _booked_per_day(self) -> Counter[date]:
        bookings = (each for each in self.taken if each.appointment_id is not None and not each.is_moved_event)
        return Counter(each.start.astimezone(self.zone).date() for each in bookings)

    def _is_full(self, day: date) -> bool:
        return self.rules.daily_cap is not None and self._booked_per_day[day] >= self.rules.daily_cap
