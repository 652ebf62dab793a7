"""Stacked bar charts of weekly numbers as SVG coordinates, and percentages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peterental.appointments.calendar.statistics import WeekStatistics

CHART_WIDTH = 360
LEFT, BOTTOM, TOP = 28, 130, 10
"""Edges of the plot area in SVG units; the labels are drawn to its left and below it."""

GAP = 0.3
"""Space between two bars, as a share of a column's width."""

LABEL_EVERY = 3
"""Every third week is labelled; more labels would overlap."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle in SVG units."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Columns side by side, each a stack of bars.

    Args:
        bars: of all columns.
        labels: the centre and the text of each label below the columns.
        top: the value at the highest grid line.
    """

    bars: tuple[Bar, ...]
    labels: tuple[tuple[float, str], ...]
    top: int


def chart(weeks: Sequence[WeekStatistics], stacks: Sequence[Sequence[tuple[str, int]]]) -> Chart:
    """Return the bars and labels of a stacked chart with one column per week.

    Args:
        weeks: their Mondays label every third column.
        stacks: for each week the kind and the value of each bar, from the bottom up.
    """
    top = round_up(max((sum(value for _, value in stack) for stack in stacks), default=0))
    column_width = (CHART_WIDTH - LEFT) / len(weeks)
    bars, labels = [], []
    for index, (week, stack) in enumerate(zip(weeks, stacks, strict=True)):
        x, y = LEFT + column_width * (index + GAP / 2), float(BOTTOM)
        for kind, value in stack:
            height = (BOTTOM - TOP) * value / top
            y -= height
            if value:
                bars.append(Bar(kind=kind, x=_r(x), y=_r(y), width=_r(column_width * (1 - GAP)), height=_r(height)))
        if index % LABEL_EVERY == 0:
            labels.append((_r(LEFT + column_width * (index + 0.5)), f"{week.monday:%b} {week.monday.day}"))
    return Chart(bars=tuple(bars), labels=tuple(labels), top=top)


def round_up(highest: int) -> int:
    """Return the smallest of 1, 2, 4, 10, 20, 40, 100, … that is at least `highest`."""
    scale = 1
    while True:
        for factor in (1, 2, 4):
            if factor * scale >= highest:
                return factor * scale
        scale *= 10


def percent(part: int, whole: int) -> str:
    """Return a share as a percentage, such as `38 %`, or a dash when `whole` is zero."""
    return f"{round(100 * part / whole)} %" if whole else "\N{EN DASH}"


def _r(value: float) -> float:
    return round(value, 1)
