"""The days of several agents side by side, on the clocks of the office. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, Window
from peterental.agents.working_hours.model import MINUTES_PER_DAY
from peterental.appointments.calendar.model import CalendarDay, Column, GridCell, cell_of, column_of, hours_shown
from peterental.clock import instant_of

if TYPE_CHECKING:
    from peterental.agents.working_hours.model import BusyBlock
    from peterental.appointments.availability import Availability
    from peterental.appointments.listing.model import AgentChoice

FREE_EVERY = timedelta(minutes=30)
"""Free times that are offered in the grid are at least this far apart."""


@dataclass(frozen=True, kw_only=True)
class AgentDay:
    """A day of the office, as one agent has it.

    Args:
        day: its bounds and its windows are on the office's clocks.
        free: free starting times, in UTC, in order.
    """

    day: CalendarDay
    free: tuple[datetime, ...] = ()

    def busy_at_work(self, zone: ZoneInfo) -> tuple[BusyBlock, ...]:
        """Return the busy blocks that overlap the working hours; all of them if there are none.

        A day off of an agent in another zone reaches into the night of the office's next day, where it says nothing.

        Args:
            zone: the office's.
        """
        hours = self._hours(zone)
        return tuple(
            block
            for block in self.day.busy
            if not hours or any(block.start < closes and opens < block.until for opens, closes in hours)
        )

    def takes_all_work(self, block: BusyBlock, zone: ZoneInfo) -> bool:
        """Return whether a busy block covers the working hours, or the whole day if there are none.

        Args:
            block: of this day.
            zone: the office's.
        """
        hours = self._hours(zone) or [(self.day.starts, self.day.ends)]
        return all(block.start <= opens and closes <= block.until for opens, closes in hours)

    def _hours(self, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        bounds = (
            (instant_of(self.day.day, window.opens_min, zone), instant_of(self.day.day, window.closes_min, zone))
            for window in self.day.windows
        )
        return [(opens, closes) for opens, closes in bounds if opens is not None and closes is not None]


@dataclass(frozen=True, kw_only=True)
class FreeCell:
    """A free starting time in the grid, in UTC."""

    start: datetime
    cell: GridCell


@dataclass(frozen=True, kw_only=True)
class AgentDays:
    """Days of the office as one agent has them."""

    agent: Agent
    days: tuple[AgentDay, ...]


@dataclass(frozen=True, kw_only=True)
class AgentColumn:
    """A day of one agent as the grid shows it."""

    agent: Agent
    column: Column
    free: tuple[FreeCell, ...]


@dataclass(frozen=True, kw_only=True)
class OfficeCalendar:
    """Days of the office, agent by agent.

    Args:
        zone: the office's, in which the days begin and end.
        today: the office's date.
        dates: the days, in order.
        choices: the agents that the viewer may choose.
        chosen: the ids of those that were chosen; none means all.
        rows: the agents of this page.
        has_more: whether there are further agents.
    """

    zone: ZoneInfo
    today: date
    dates: tuple[date, ...]
    choices: tuple[AgentChoice, ...]
    chosen: tuple[str, ...]
    rows: tuple[AgentDays, ...]
    has_more: bool = False

    @property
    def shown(self) -> Window:
        """The whole hours that show all working hours and viewings."""
        return hours_shown([each.day for row in self.rows for each in row.days], self.zone)

    def columns(self) -> Iterator[AgentColumn]:
        """Yield the first day of each agent as the grid shows it."""
        shown = self.shown
        for row in self.rows:
            first = row.days[0]
            column = column_of(first.day, shown, self.zone)
            yield AgentColumn(agent=row.agent, column=column, free=tuple(self._free(row.agent, first, shown)))

    def _free(self, agent: Agent, each: AgentDay, shown: Window) -> Iterator[FreeCell]:
        length = timedelta(minutes=agent.rules.slot_minutes)
        starts = spaced(each.free)
        for start, following in pairwise((*starts, each.day.ends)):
            cell = cell_of(start, min(start + length, following), each.day, shown, self.zone)
            if cell is not None:
                yield FreeCell(start=start, cell=cell)


def spaced(starts: Sequence[datetime]) -> tuple[datetime, ...]:
    """Return the first of some times and those that are FREE_EVERY after the one before."""
    kept: list[datetime] = []
    for start in starts:
        if not kept or start - kept[-1] >= FREE_EVERY:
            kept.append(start)
    return tuple(kept)


def local_dates(starts: datetime, ends: datetime, zone: ZoneInfo) -> list[date]:
    """Return the dates in a time zone that the time between two moments touches."""
    first, last = starts.astimezone(zone).date(), (ends - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def office_windows(agent: Agent, day: CalendarDay, zone: ZoneInfo) -> tuple[Window, ...]:
    """Return an agent's working hours of a day of the office, on the office's clocks.

    Args:
        agent: with its rules, on its own clocks.
        day: of the office.
        zone: the office's.
    """
    return tuple(
        Window(_minutes(max(opens, day.starts), day, zone), _minutes(min(closes, day.ends), day, zone))
        for opens, closes in _working_times(agent, day)
        if opens < day.ends and day.starts < closes
    )


def free_of(availability: Availability, day: CalendarDay) -> tuple[datetime, ...]:
    """Return an agent's free starting times in a day of the office, in UTC, in order."""
    dates = local_dates(day.starts, day.ends, availability.zone)
    starts: Iterable[datetime] = (start for each in dates for start in availability.free_on(each))
    return tuple(start for start in starts if day.starts <= start < day.ends)


def _working_times(agent: Agent, day: CalendarDay) -> Iterator[tuple[datetime, datetime]]:
    for local in local_dates(day.starts, day.ends, agent.zone):
        for window in agent.rules.windows_on(local):
            opens = instant_of(local, window.opens_min, agent.zone)
            closes = instant_of(local, window.closes_min, agent.zone)
            if opens is not None and closes is not None:
                yield opens, closes


def _minutes(moment: datetime, day: CalendarDay, zone: ZoneInfo) -> int:
    """Return a moment of a day in minutes after midnight on the office's clocks."""
    if moment >= day.ends:
        return MINUTES_PER_DAY
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute
