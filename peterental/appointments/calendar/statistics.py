"""Weekly statistics of an agent: viewings by status, and calls. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from peterental.agents.model import Agent

WEEKS = 12
"""Weeks in the statistics: this one and the eleven before it."""

MAX_COUNTED = 10_000
"""Viewings and calls that are counted, latest first; the page is as fast for an agent with a million."""

STATUSES = {"completed": "Completed", "confirmed": "Confirmed", "no_show": "No-show", "cancelled": "Cancelled"}
"""The labels of the statuses, in the order of the chart from the bottom."""


@dataclass(frozen=True, kw_only=True)
class WeekStatistics:
    """One week: its viewings by status, its calls, and the calls that booked."""

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
    """The statistics of WEEKS weeks.

    Args:
        agent: whose.
        weeks: oldest first.
        is_partial: whether there are more than MAX_COUNTED, so that the oldest weeks are incomplete.
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
        """All calls that booked a viewing."""
        return sum(week.calls_booked for week in self.weeks)


def mondays(today: date) -> list[date]:
    """Return the Mondays of the weeks, oldest first, and the Monday after them."""
    this_monday = today - timedelta(days=today.weekday())
    return [this_monday - timedelta(weeks=ago) for ago in range(WEEKS - 1, -2, -1)]


def weeks_of(
    starts: Sequence[date],
    viewings: Sequence[tuple[int, str, int]],
    calls: Sequence[tuple[int, int, int]],
) -> tuple[WeekStatistics, ...]:
    """Return the statistics of each week.

    Args:
        starts: the Mondays, oldest first.
        viewings: the number of the week from 1, the status, how many.
        calls: the number of the week from 1, how many, how many booked a viewing.
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
