"""Figures of an agent's past weeks, and how they are drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from peterental.agents.model import Agent

WEEKS = 12
"""This week and the eleven before it."""

MAX_COUNTED = 10_000
"""So many viewings and calls are counted, the latest first; the page is as fast for an agent with a million."""

STATUSES = {"completed": "Completed", "confirmed": "Confirmed", "no_show": "No-show", "cancelled": "Cancelled"}
"""In the order in which they are drawn, from below."""


@dataclass(frozen=True, kw_only=True)
class WeekStatistics:
    """One week: viewings that were to be in it, by status, and calls that came in it, with those that led to one."""

    monday: date
    viewings: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    calls_booked: int = 0

    @property
    def total(self) -> int:
        """All viewings."""
        return sum(self.viewings.values())


@dataclass(frozen=True, kw_only=True)
class WeeklyStatistics:
    """The weeks, oldest first.

    Args:
        agent: whose.
        weeks: WEEKS of them.
        is_partial: whether there was more than MAX_COUNTED, so that the oldest weeks lack some.
    """

    agent: Agent
    weeks: tuple[WeekStatistics, ...]
    is_partial: bool = False

    @property
    def by_status(self) -> dict[str, int]:
        """The viewings of all weeks, by status."""
        return {status: sum(week.viewings.get(status, 0) for week in self.weeks) for status in STATUSES}

    @property
    def total(self) -> int:
        """All viewings."""
        return sum(week.total for week in self.weeks)

    @property
    def calls(self) -> int:
        """All calls."""
        return sum(week.calls for week in self.weeks)

    @property
    def calls_booked(self) -> int:
        """Calls that led to a viewing."""
        return sum(week.calls_booked for week in self.weeks)


def mondays(today: date) -> list[date]:
    """Give the Mondays of the weeks that are counted, oldest first, and the one after them."""
    this_monday = today - timedelta(days=today.weekday())
    return [this_monday - timedelta(weeks=ago) for ago in range(WEEKS - 1, -2, -1)]


def weeks_of(
    starts: Sequence[date],
    viewings: Sequence[tuple[int, str, int]],
    calls: Sequence[tuple[int, int, int]],
) -> tuple[WeekStatistics, ...]:
    """Put counted numbers into their weeks.

    Args:
        starts: the Mondays, oldest first.
        viewings: number of the week from 1, status, how many.
        calls: number of the week from 1, how many, how many led to a viewing.
    """
    by_week: list[dict[str, int]] = [{} for _ in starts]
    for number, status, count in viewings:
        by_week[number - 1][status] = count
    calls_of = {number: (count, booked) for number, count, booked in calls}
    return tuple(
        WeekStatistics(
            monday=monday,
            viewings=by_week[number - 1],
            calls=calls_of.get(number, (0, 0))[0],
            calls_booked=calls_of.get(number, (0, 0))[1],
        )
        for number, monday in enumerate(starts, start=1)
    )
