"""An agent's time as people set it: date overrides and busy blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from peterental.agents.model import Agent, Rules, Window
from peterental.clock import clock_time
from peterental.errors import Refusal

MANUAL_SOURCE = "by hand"
"""The source of a busy block that somebody entered in the pages; any other is an outside calendar's."""

DAY_MIN = 24 * 60


class OverrideExists(Refusal):
    """That day has other hours already: remove those first, then add new ones."""


class OverrideInPast(Refusal):
    """That day is over."""


class OverrideUnknown(Refusal):
    """That day has no other hours any more; somebody was quicker."""


class BusyBlockUnknown(Refusal):
    """That busy time is not there any more; somebody was quicker."""


class ExternalBusyBlock(Refusal):
    """That busy time comes from {source}: change it there."""


class EndsBeforeStart(Refusal):
    """The end has to be after the beginning."""


class BusyBlockInPast(Refusal):
    """That time is over."""


@dataclass(frozen=True)
class DateOverride:
    """A day that differs from the week. No windows: closed."""

    day: date
    windows: tuple[Window, ...]
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class BusyBlock:
    """Time taken by something other than a viewing. Times are UTC."""

    busy_id: int
    start: datetime
    until: datetime
    source: str = MANUAL_SOURCE
    note: str | None = None

    @property
    def is_manual(self) -> bool:
        """Whether somebody entered it in the pages, and so may remove it there."""
        return self.source == MANUAL_SOURCE


@dataclass(frozen=True, kw_only=True)
class BusyBlockRequest:
    """A busy time as somebody fills it in, on the agent's wall clock; no minutes mean from midnight, or to midnight.

    Args:
        first_day, last_day: from and to.
        from_min, until_min: minutes after midnight on those days.
    """

    first_day: date
    last_day: date
    from_min: int | None = None
    until_min: int | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An agent with all that decides when it may be booked.

    Args:
        agent: with the hours of its week.
        days: date overrides, from today on.
        busy: blocks that are not over, soonest first.
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
    """Give windows as the audit log has them: `09:00–12:00, 13:00–17:00`, or `closed`."""
    return ", ".join(f"{clock_time(w.opens_min)}\N{EN DASH}{clock_time(w.closes_min)}" for w in windows) or "closed"
