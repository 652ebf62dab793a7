"""Rules that decline: what looks like a date, a length or a choice and is none leaves its tokens for other rules."""

from __future__ import annotations

import pytest

from peterental.appointments.date_parsing import ExactTime, explain
from tests.appointments.date_parsing.table import context


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("a few hours later", "not-understood unknown=a few hours"),
        ("in a month at 2", "confirm-day option=Tue 2026-12-29 14:00 reason=vague"),
        ("in half a day", "not-understood unknown=half a,day"),
        ("in 1/3 hour", "not-understood unknown=1/3,hour"),
        ("in 3:30", "day-needed search=(search clock_min=930)"),
        ("in 30000 days", "not-understood unknown=30000,days"),
        ("in a month and two hours", "confirm-day option=Tue 2026-12-29 reason=vague unknown=two hours"),
        ("the next hour", "not-understood unknown=next,hour"),
        ("last week", "not-understood unknown=week"),
        ("last weekend", "not-understood unknown=weekend"),
        ("last Christmas at 11", "day-needed search=(search clock_min=660)"),
        ("the sixth week of December", "time-needed search=(search days=Sun 2026-12-06)"),
        ("1600-12-05 at 3 pm", "day-needed search=(search clock_min=900)"),
        ("12/5/1600 at 3pm", "day-needed search=(search clock_min=900)"),
        ("the 40th at 3", "day-needed search=(search clock_min=900)"),
        ("before the 40th at 3", "day-needed search=(search clock_min=900)"),
        ("the last", "which-offer"),
        ("the last one", "which-offer"),
        ("the next one", "day-needed search=(search clock_min=780)"),
        ("option zero", "day-needed search=(search clock_min=0)"),
        (
            "tomorrow between 3 and 45",
            "confirm-day option=Mon 2026-11-30 15:00 reason=unknown-words unknown=between,45",
        ),
        ("tomorrow at 3.5", "time-needed search=(search days=Mon 2026-11-30)"),
        ("the one and only", "day-needed search=(search clock_min=780)"),
        ("four score and seven", "am-or-pm options=240,960"),
        ("within a month", "not-understood unknown=within,a month"),
        ("week of next week", "search days=2026-11-30..2026-12-06"),
        ("hour of December 7", "time-needed search=(search days=Mon 2026-12-07)"),
        ("in 99999999 hours", "not-understood unknown=99999999,hours"),
        ("in 9999 weeks at 2", "day-needed search=(search clock_min=840)"),
    ],
)
def test_declined_rule_leaves_the_rest(phrase: str, answer: str) -> None:
    assert explain(phrase, context()).decision == answer


@pytest.mark.parametrize(
    "phrase",
    [
        "noon 75 tomorrow", "tomorrow 3 to noon 5", "Tuesday after last at 3 pm", "the weekend after last at 3",
        "three days Tuesday at 3 pm", "80 minutes to 2 tomorrow", "a few minutes past 2 tomorrow", "17 past 3 tomorrow",
        "las tres menos siete mañana", "tomorrow at 2 05 minutes", "December 45 at 3", "the sixth Thursday of December at 2",
        "first Tuesday in December 1600 at 3", "Christmas 1600 at 11", "the second Tuesday of the week at 2",
        "1 day and 2 hours from Tuesday at 3", "two months after Christmas at 3", "the 5th of last month at 2",
    ],
)  # fmt: skip
def test_nothing_is_booked_where_a_rule_declines(phrase: str) -> None:
    assert not isinstance(explain(phrase, context()).result, ExactTime)
