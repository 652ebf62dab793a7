"""Times in another zone: converted only after a question, and never taken for the agent's own."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import Asked, Context, ExactTime, ZoneUnclear, parse_start
from peterental.appointments.date_parsing.explain import described

NOW = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
"""Sunday, November 29, 2026, ten in the morning in Chicago."""
RULES = Rules(week=tuple((weekday, Window(8 * 60, 20 * 60)) for weekday in range(1, 8)), horizon_days=60)


def context(*asked: Asked) -> Context:
    return Context(now=NOW, zone=ZoneInfo("America/Chicago"), rules=RULES, asked=asked)


@pytest.mark.parametrize(
    ("phrase", "decision"),
    [
        ("Tuesday or Wednesday at 3 pm Eastern", "which-day options=Tue 2026-12-01,Wed 2026-12-02"),
        ("Tuesday or Wednesday at 3 pm Central", "which-day options=Tue 2026-12-01 15:00,Wed 2026-12-02 15:00"),
        ("next Tuesday at 3 pm Eastern", "which-day options=Tue 2026-12-01,Tue 2026-12-08"),
        ("Friday, December 5th at 2 pm Pacific", "weekday-mismatch options=Sat 2026-12-05,Fri 2026-12-04"),
        ("tomorrow half two Eastern", "confirm-day option=Mon 2026-11-30 reason=vague"),
        ("tomorrow half two Central", "confirm-day option=Mon 2026-11-30 14:30 reason=vague"),
    ],
)
def test_question_about_the_day_drops_a_foreign_time(phrase: str, decision: str) -> None:
    assert described(parse_start(phrase, context()), context()) == decision


def test_same_zone_after_its_question_is_the_answer() -> None:
    phrase = "tomorrow at 3 pm Eastern"
    assert isinstance(parse_start(phrase, context()), ZoneUnclear)
    assert parse_start(phrase, context(Asked(ZoneUnclear.key, phrase))) == ExactTime(
        start=datetime(2026, 11, 30, 20, 0, tzinfo=UTC), assumed="zone-converted"
    )
