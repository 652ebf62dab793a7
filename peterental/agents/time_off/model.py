"""Closures of the office, repeating blocks, and the errors about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.agents.working_hours.model import MINUTES_PER_DAY
from peterental.errors import NotFound, Refusal

if TYPE_CHECKING:
    from peterental.agents.model import Window

MAX_CLOSURES_AT_ONCE = 100
"""Closures that one form adds: the public holidays of some years."""

MAX_REPEATING_PER_AGENT = 30

MAX_WEEKS = 52


class ClosureUnknown(NotFound):
    """That closure was already removed."""


class ClosureExists(Refusal):
    """The office has a closure with this name at this time already."""


class ClosureNameMissing(Refusal):
    """A closure needs a name, such as Thanksgiving."""


class TimeOffInPast(Refusal):
    """That time is in the past."""


class LastDayBeforeFirst(Refusal):
    """The last day must not be before the first day."""


class TimeOffEndsBeforeStart(Refusal):
    """The end must be after the start."""


class TooManyClosures(Refusal):
    """At most {limit} closures can be added at once."""


class RepeatingBlockUnknown(NotFound):
    """That repeating block was already removed."""


class TooManyRepeatingBlocks(Refusal):
    """An agent can have at most {limit} repeating blocks. Remove one that is no longer needed first."""


class WeekdaysMissing(Refusal):
    """Choose at least one weekday."""


class WeeksOutOfRange(Refusal):
    """Enter a number of weeks from 1 to {limit}."""


class NotOnThatDay(Refusal):
    """The block does not repeat on that day."""


class ClosureChanged(Refusal):
    """Another user changed this closure after you opened it, so your changes were not saved."""

    def __init__(self, closure: Closure) -> None:
        self.closure = closure
        """The closure as it is now."""
        super().__init__()


class RepeatingBlockChanged(Refusal):
    """Another user changed this repeating block after you opened it, so your changes were not saved."""

    def __init__(self, block: RepeatingBlock) -> None:
        self.block = block
        """The block as it is now."""
        super().__init__()


@dataclass(frozen=True, kw_only=True)
class ClosureEntry:
    """A closure of the office as entered.

    Args:
        name: what callers of the pages know it by, such as Thanksgiving.
        first_day, last_day: on each agent's calendar.
        from_min: its start on the first day, in minutes after midnight on each agent's clock.
        until_min: its end on the last day, likewise; 1440 is the end of the day.
        exempt: the ids of agents who work anyway.
    """

    name: str
    first_day: date
    last_day: date
    from_min: int = 0
    until_min: int = MINUTES_PER_DAY
    exempt: frozenset[str] = frozenset()

    @property
    def is_of_whole_days(self) -> bool:
        """Whether it begins and ends at midnight."""
        return self.from_min == 0 and self.until_min == MINUTES_PER_DAY


@dataclass(frozen=True, kw_only=True)
class Closure(ClosureEntry):
    """A closure of the office as stored.

    Args:
        closure_id: its id.
        updated_at: when it last changed, in UTC; a form compares it to detect edit conflicts.
    """

    closure_id: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class RepeatingEntry:
    """A repeating block as entered.

    Args:
        weekdays: ISO, in order; 1 is Monday.
        from_min, until_min: in minutes after midnight on the agent's clock; 1440 is the end of the day.
        every_weeks: 1 for every week; counted from the week of the first day. Weeks begin on Monday.
        first_day: no block is earlier.
        last_day: no block is later; None: without an end.
        note: what it is for.
    """

    weekdays: tuple[int, ...]
    from_min: int
    until_min: int
    first_day: date
    last_day: date | None = None
    every_weeks: int = 1
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class RepeatingBlock(RepeatingEntry):
    """A repeating block as stored.

    Args:
        repeating_id: its id.
        agent_id, agent_name, time_zone: whose.
        exceptions: the days on which it is left out, in order.
        updated_at: when it last changed, in UTC; a form compares it to detect edit conflicts.
    """

    repeating_id: int
    agent_id: str
    agent_name: str
    time_zone: str
    exceptions: tuple[date, ...] = ()
    updated_at: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class TimeOffBlock:
    """A busy block that is a part of a closure or of a repeating block. Times are UTC.

    Args:
        agent_id: whose.
        start, until: when.
        note: the name of the closure, or the note of the repeating block.
        closure_id: of which closure; None if of none.
        repeating_id: of which repeating block; None if of none.
        repeats_on: the day of the repeating block, on the agent's calendar.
    """

    agent_id: str
    start: datetime
    until: datetime
    note: str | None
    closure_id: int | None = None
    repeating_id: int | None = None
    repeats_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class TimeOffItem:
    """One line of the list of time off; exactly one of its four parts is set.

    Args:
        at: when it begins, or repeats next, on its agent's clock, without a time zone.
        agent_id, agent_name, time_zone: whose; empty for a closure.
        closure: a closure of the office.
        repeating: a repeating block.
        override: a date override: the day's working hours, none if it is a day off.
        block: a block that was added on the pages.
        repeats_next: when a repeating block begins next, in UTC; None if every time to come is left out.
    """

    at: datetime
    agent_id: str = ""
    agent_name: str = ""
    time_zone: str = "UTC"
    closure: Closure | None = None
    repeating: RepeatingBlock | None = None
    override: DayOff | None = None
    block: SingleBlock | None = None
    repeats_next: datetime | None = None

    @cached_property
    def zone(self) -> ZoneInfo:
        """The agent's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class DayOff:
    """A day with other working hours: `windows`, none if the agent is off."""

    day: date
    windows: tuple[Window, ...]
    note: str | None


@dataclass(frozen=True, kw_only=True)
class SingleBlock:
    """A block of an agent that was added on the pages. Times are UTC."""

    busy_id: int
    start: datetime
    until: datetime
    note: str | None

    def minutes_of_day(self, zone: ZoneInfo) -> tuple[int, int] | None:
        """Return its start and end in minutes after midnight; None if it is of more than one local day."""
        start, until = self.start.astimezone(zone), self.until.astimezone(zone)
        from_min, until_min = start.hour * 60 + start.minute, until.hour * 60 + until.minute
        if until.date() == start.date():
            return from_min, until_min
        is_midnight = until_min == 0 and (until.date() - start.date()).days == 1
        return (from_min, MINUTES_PER_DAY) if is_midnight else None


@dataclass(frozen=True, kw_only=True)
class TimeOffPage:
    """One page of the list of time off, by date."""

    items: tuple[TimeOffItem, ...]
    has_more: bool
