"""Charts are drawn from weekly numbers, and their scale ends at a round number."""

from __future__ import annotations

from datetime import date

import pytest

from peterental.appointments.calendar.statistics import WeekStatistics
from peterental.web.agents.chart import chart, percent, round_up


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (2, 2), (3, 4), (5, 10), (11, 20), (41, 100), (10_000, 10_000)]
)
def test_scale_ends_at_a_round_number(highest: int, top: int) -> None:
    assert round_up(highest) == top


def test_bars_stack_to_their_values() -> None:
    weeks = [WeekStatistics(monday=date(2026, 11, 16)), WeekStatistics(monday=date(2026, 11, 23))]
    drawn = chart(weeks, [[("a", 1), ("b", 3)], [("a", 0), ("b", 2)]])
    assert [(bar.kind, bar.y, bar.height) for bar in drawn.bars] == [("a", 100, 30), ("b", 10, 90), ("b", 70, 60)]
    assert (drawn.top, drawn.labels) == (4, ((111.0, "Nov 16"),))


def test_percent_rounds_and_shows_a_dash_for_no_total() -> None:
    assert [percent(1, 3), percent(0, 5), percent(0, 0)] == ["33 %", "0 %", "–"]
