"""Date overrides, busy blocks, and the errors about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from peterental.agents.model import Agent, Rules, Window
from peterental.clock import clock_time
from peterental.errors import Refusal

MANUAL_SOURCE = "by hand"
"""The stored source of a busy block that was added on the pages; any other is the name of an external calendar."""

WAITLIST_SOURCE = "the waiting list"
"""The stored source of a time that is held for a caller."""

MINUTES_PER_DAY = 24 * 60


class OverrideExists(Refusal):
    """That day already has a date override. Remove it first, then add the new one."""


class OverrideInPast(Refusal):
    """That day is in the past."""


class OverrideUnknown(Refusal):
    """That date override was already removed."""


class BusyBlockUnknown(Refusal):
    """That blocked time was already removed."""


class ExternalBusyBlock(Refusal):
    """That blocked time comes from {source}. Change it there."""


class EndsBeforeStart(Refusal):
    """The end must be after the start."""


class BusyBlockInPast(Refusal):
    """That time is in the past."""


@dataclass(frozen=True)
class DateOverride:
    """The hours of one day instead of its weekly ones. No windows: closed."""

    day: date
    windows: tuple[Window, ...]
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class BusyBlock:
    """Time that is blocked by something other than a viewing. Times are UTC.

    Args:
        source: the name of the calendar that it was read from; MANUAL_SOURCE if it was added on the pages.
        note: what it is for; of a calendar's event the title, if the agent keeps titles.
        calendar_id: which connected calendar it was read from; None if from none.
        kind: `busy`, `tentative` or `out_of_office`, as the calendar says; None if it is from none.
        holds_until: until when it is held for a caller on the waitlist; None for any other block.
        closure_id: the closure of the office that it is a part of; None if of none.
        repeating_id: the repeating block that it is a part of; None if of none.
    """

    busy_id: int
    start: datetime
    until: datetime
    source: str = MANUAL_SOURCE
    note: str | None = None
    calendar_id: int | None = None
    kind: str | None = None
    holds_until: datetime | None = None
    closure_id: int | None = None
    repeating_id: int | None = None

    @property
    def is_manual(self) -> bool:
        """Whether it was added on the pages, and so can be removed there. A calendar may be called anything."""
        return self.calendar_id is None and self.source == MANUAL_SOURCE


@dataclass(frozen=True, kw_only=True)
class BusyBlockRequest:
    """A busy block as entered in a form, in the agent's time zone.

    Args:
        first_day: the day on which it starts.
        last_day: the day on which it ends.
        from_min: its start on the first day, in wall-clock minutes after midnight; None for the beginning of the day.
        until_min: its end on the last day, likewise; None for the end of the day.
        note: what it is for.
    """

    first_day: date
    last_day: date
    from_min: int | None = None
    until_min: int | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An agent with everything but bookings that decides when it can be booked.

    Args:
        agent: with its weekly hours.
        days: date overrides, from today on.
        busy: busy blocks that have not ended, earliest first, and after them those of calendars.
    """

    agent: Agent
    days: tuple[DateOverride, ...]
    busy: tuple[BusyBlock, ...]

    @property
    def rules(self) -> Rules:
        """The agent's rules with these date overrides."""
        days = tuple((override.day, window) for override in self.days for window in override.windows or (None,))
        return replace(self.agent.rules, days=days)


def format_windows(windows: Iterable[Window]) -> str:
    """Format windows for the audit log: `09:00–12:00, 13:00–17:00`, or `closed`."""
    return ", ".join(f"{clock_time(w.opens_min)}\N{EN DASH}{clock_time(w.closes_min)}" for w in windows) or "closed"
