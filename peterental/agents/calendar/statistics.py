"""Figures of an agent's past weeks, and how they are drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from peterental.agents.model import Agent

WEEKS = 12
"""This week and the eleven before it."""

MOST_COUNTED = 10_000
"""So many viewings and calls are counted, the latest first; the page is as fast for an agent with a million."""

STATUSES = {"completed": "Completed", "confirmed": "Confirmed", "no_show": "No-show", "cancelled": "Cancelled"}
"""In the order in which they are drawn, from below."""

CHART_WIDTH = 360
LEFT, BOTTOM, TOP = 28, 130, 10
GAP = 0.3
"""Of a column's width."""


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
        is_partial: whether there was more than MOST_COUNTED, so that the oldest weeks lack some.
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


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle, in the drawing's own units."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Columns side by side, each a pile of bars.

    Args:
        bars: of all columns.
        labels: what stands below, and where its middle is.
        top: the number that the highest line stands for.
    """

    bars: tuple[Bar, ...]
    labels: tuple[tuple[float, str], ...]
    top: int


def chart(weeks: Sequence[WeekStatistics], stacks: Sequence[Sequence[tuple[str, int]]]) -> Chart:
    """Draw a pile of bars for each week, from below.

    Args:
        weeks: their Mondays are written below every third.
        stacks: for each week: the kind and the number of each bar.
    """
    top = round_up(max((sum(number for _, number in pile) for pile in stacks), default=0))
    step = (CHART_WIDTH - LEFT) / len(weeks)
    bars, labels = [], []
    for number, (week, pile) in enumerate(zip(weeks, stacks, strict=True)):
        x, below = LEFT + step * (number + GAP / 2), float(BOTTOM)
        for kind, value in pile:
            height = (BOTTOM - TOP) * value / top
            below -= height
            if value:
                bars.append(Bar(kind=kind, x=_r(x), y=_r(below), width=_r(step * (1 - GAP)), height=_r(height)))
        if number % 3 == 0:
            labels.append((_r(LEFT + step * (number + 0.5)), f"{week.monday:%b} {week.monday.day}"))
    return Chart(bars=tuple(bars), labels=tuple(labels), top=top)


def round_up(highest: int) -> int:
    """Give a number for the top of a scale: 1, 2, 4, 10, 20, 40, 100, …."""
    scale = 1
    while True:
        for factor in (1, 2, 4):
            if factor * scale >= highest:
                return factor * scale
        scale *= 10


def percent(part: int, whole: int) -> str:
    """Give a share as people read it: `38 %`; a dash of nothing."""
    return f"{round(100 * part / whole)} %" if whole else "\N{EN DASH}"


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


def _r(value: float) -> float:
    return round(value, 1)
