"""Summaries of an agent's bookings: next ones, counts, and conflicts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, Rules
from peterental.agents.working_hours.model import MINUTES_PER_DAY, BusyBlock
from peterental.appointments.model import BookingSummary
from peterental.clock import midnight

if TYPE_CHECKING:
    from peterental.calendars.account import CalendarAge

MAX_UPCOMING_COUNTED = 1000
"""Upcoming viewings are counted up to this number; the page is as fast for an agent with a million."""

MAX_CONFLICTS_CHECKED = 1000
"""Upcoming viewings that are compared with the working hours; the page is as fast for an agent with a million."""


@dataclass(frozen=True, kw_only=True)
class AgentSummary:
    """One line of the list of agents. Weeks (from Monday) and months are local.

    Args:
        agent: whose line.
        next_viewing: the first confirmed viewing to come.
        viewings_this_week, viewings_this_month: how many, past ones included, cancelled ones left out.
        calendar_age: how old the busy times of the agent's calendars are; None without a calendar.
    """

    agent: Agent
    next_viewing: BookingSummary | None
    viewings_this_week: int
    viewings_this_month: int
    calendar_age: CalendarAge | None = None


@dataclass(frozen=True, kw_only=True)
class Upcoming:
    """The next confirmed viewings of an agent, and their number.

    They are counted up to MAX_UPCOMING_COUNTED.
    """

    viewings: tuple[BookingSummary, ...]
    total: int

    @property
    def total_in_words(self) -> str:
        """The number as pages show it: `7`, `1000 or more`."""
        return f"{self.total} or more" if self.total >= MAX_UPCOMING_COUNTED else str(self.total)


@dataclass(frozen=True, kw_only=True)
class HoursConflicts:
    """Confirmed viewings to come in closed or busy time. They stay booked.

    Args:
        viewings: those in closed or busy time, soonest first.
        checked: how many upcoming viewings were compared with the hours, at most MAX_CONFLICTS_CHECKED.
    """

    viewings: tuple[BookingSummary, ...]
    checked: int


def week_and_month(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime, datetime, datetime]:
    """Return start and end of the week (from Monday) and the month in `zone`, in UTC."""
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    next_first = (first + timedelta(days=32)).replace(day=1)
    edges = (monday, monday + timedelta(days=7), first, next_first)
    week_from, week_until, month_from, month_until = (midnight(day, zone) for day in edges)
    return week_from, week_until, month_from, month_until


def bookings_outside_hours(
    rules: Rules, zone: ZoneInfo, busy: Sequence[BusyBlock], booked: Iterable[BookingSummary]
) -> tuple[BookingSummary, ...]:
    """Return the viewings that overlap, even in part, closed or busy time."""
    return tuple(
        viewing
        for viewing in booked
        if not _is_open(rules, zone, viewing)
        or any(block.start < viewing.end and viewing.start < block.until for block in busy)
    )


def _is_open(rules: Rules, zone: ZoneInfo, viewing: BookingSummary) -> bool:
    begins, ends = viewing.start.astimezone(zone), viewing.end.astimezone(zone)
    begins_min = begins.hour * 60 + begins.minute
    ends_min = ends.hour * 60 + ends.minute + (ends.date() - begins.date()).days * MINUTES_PER_DAY
    return rules.covers(begins.date(), begins_min, ends_min)
