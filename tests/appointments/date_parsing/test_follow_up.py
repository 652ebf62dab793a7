"""Answers to the question that the call asked last."""

from __future__ import annotations

from datetime import datetime

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.date_parsing import Asked, explain
from tests.appointments.date_parsing.table import CHICAGO, context

NEXT = "next Tuesday at 3 pm"
PAST = "2025-12-02T14:00"
LONG_DAYS = Rules(week=tuple((day, Window(480, 1260)) for day in range(1, 8)), horizon_days=60)


@pytest.mark.parametrize(
    ("key", "raw", "phrase", "answer"),
    [
        ("which-day", NEXT, "the eighth", "exactly Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "December eighth", "exactly Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "Tuesday the 8th", "exactly Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "the first", "exactly Tue 2026-12-01 15:00"),
        ("which-day", NEXT, "the second one", "exactly Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "the later one", "exactly Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "this Tuesday", "exactly Tue 2026-12-01 15:00"),
        ("which-day", NEXT, "Tuesday", "which-day options=Tue 2026-12-01 15:00,Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "yes", "which-day options=Tue 2026-12-01 15:00,Tue 2026-12-08 15:00"),
        ("which-day", NEXT, "Thursday", "time-needed search=(search days=Thu 2026-12-03)"),
        ("which-day", NEXT, NEXT, "which-day options=Tue 2026-12-01 15:00,Tue 2026-12-08 15:00"),
        ("time-needed", "Thursday", "3 pm", "exactly Thu 2026-12-03 15:00"),
        ("time-needed", "Thursday", "noon", "exactly Thu 2026-12-03 12:00"),
        ("time-needed", "Thursday", "morning", "search days=Thu 2026-12-03 ranges=00:00-12:00 part=morning"),
        ("time-needed", "this weekend", "3 pm", "day-needed search=(search clock_min=900)"),
        ("time-needed", "Tuesday or Friday", "after 3", "search days=Tue 2026-12-01,Fri 2026-12-04 ranges=15:00-24:00"),
        ("time-needed", "Tuesday or Friday", "3 pm", "search days=Tue 2026-12-01,Fri 2026-12-04 clock_min=900"),
        ("day-needed", "2:30 in the afternoon", "Thursday", "exactly Thu 2026-12-03 14:30"),
        ("day-needed", "2:30 in the afternoon", "tomorrow", "exactly Mon 2026-11-30 14:30"),
        ("day-needed", "after 3", "tomorrow", "search days=Mon 2026-11-30 ranges=15:00-24:00"),
        ("day-needed", "late morning", "Thursday", "search days=Thu 2026-12-03 ranges=10:00-12:00 part=late morning"),
        ("day-needed", "after 3", "next Tuesday", "which-day options=Tue 2026-12-01,Tue 2026-12-08"),
        ("confirm-day", PAST, "yes", "exactly Wed 2026-12-02 14:00"),
        ("confirm-day", PAST, PAST, "exactly Wed 2026-12-02 14:00"),
        ("confirm-day", "half two on Friday", "half two on Friday", "exactly Fri 2026-12-04 14:30"),
        ("weekday-mismatch", "Wednesday December 8 at 2 pm", "the ninth", "exactly Wed 2026-12-09 14:00"),
        ("weekday-mismatch", "Wednesday December 8 at 2 pm", "Tuesday", "exactly Tue 2026-12-08 14:00"),
        ("skipped-by-dst", "2027-03-14T02:30", "3 pm", "exactly Sun 2027-03-14 15:00"),
        ("not-understood", "banana", "3 pm", "day-needed search=(search clock_min=900)"),
        ("which-time", "Tuesday at 2 or 3", "three", "exactly Tue 2026-12-01 15:00"),
        ("which-time", "Tuesday at 2 or 3", "the first one", "exactly Tue 2026-12-01 14:00"),
        ("which-time", "Tuesday at 2 or 3", "yes", "which-time day=2026-12-01 options=840,900"),
        ("which-time", "Tuesday at 2 or 3", "Friday", "time-needed search=(search days=Fri 2026-12-04)"),
    ],
)
def test_answer_completes_the_question(key: str, raw: str, phrase: str, answer: str) -> None:
    assert explain(phrase, context(asked=(Asked(key, raw),))).decision == answer


@pytest.mark.parametrize(
    ("phrase", "hour"),
    [
        ("PM", 20),
        ("AM", 8),
        ("morning", 8),
        ("in the afternoon", 20),
        ("evening", 20),
        ("8 pm", 20),
        ("the second one", 20),
    ],
)
def test_answer_names_the_half_of_the_day(phrase: str, hour: int) -> None:
    asked = (Asked("am-or-pm", "tomorrow at 8"),)
    decision = explain(phrase, context(rules=LONG_DAYS, asked=asked)).decision
    assert decision == f"exactly Mon 2026-11-30 {hour:02}:00"


@pytest.mark.parametrize(
    ("asked", "phrase", "decision"),
    [
        (["at 8"], "PM", "day-needed search=(search clock_min=1200)"),
        (["at 8"], "in the evening", "day-needed search=(search clock_min=1200)"),
        (["at 8"], "Friday", "am-or-pm day=2026-12-04 options=480,1200"),
        (["at 8"], "Friday in the evening", "exactly Fri 2026-12-04 20:00"),
        (["at 8"], "Friday at 9 am", "exactly Fri 2026-12-04 09:00"),
        (["at 8", "day-needed PM"], "Friday", "exactly Fri 2026-12-04 20:00"),
        (["at 8", "am-or-pm Friday"], "PM", "exactly Fri 2026-12-04 20:00"),
    ],
)
def test_half_of_a_time_without_a_day_is_chosen(asked: list[str], phrase: str, decision: str) -> None:
    questions = [Asked("am-or-pm", asked[0]), *(Asked(*later.split(" ", 1)) for later in asked[1:])]
    assert explain(phrase, context(rules=LONG_DAYS, asked=tuple(questions), asked_last=True)).decision == decision


def test_callers_line_answers_when_the_same_is_sent_again() -> None:
    asked = (Asked("which-day", NEXT),)
    said = ["next Tuesday at three", "the eighth please"]
    assert explain(NEXT, context(asked=asked, said=lambda: said)).decision == "exactly Tue 2026-12-08 15:00"


def test_callers_line_names_the_half_when_the_same_is_sent_again() -> None:
    asked = (Asked("am-or-pm", "tomorrow at 8"),)
    found = explain("tomorrow at 8", context(rules=LONG_DAYS, asked=asked, said=lambda: ["in the evening"]))
    assert found.decision == "exactly Mon 2026-11-30 20:00"


def test_callers_line_without_a_choice_leaves_the_question() -> None:
    asked = (Asked("which-day", NEXT),)
    for said in ([], ["hm"], ["Tuesday or Wednesday"]):
        assert explain(NEXT, context(asked=asked, said=lambda said=said: said)).decision.startswith("which-day")


def test_callers_day_without_a_time_still_needs_the_time() -> None:
    asked = (Asked("which-day", "next Tuesday"),)
    decision = explain("next Tuesday", context(asked=asked, said=lambda: ["the eighth"])).decision
    assert decision == "time-needed search=(search days=Tue 2026-12-08)"


def test_answer_to_an_old_question_beside_a_newer_offer_is_confirmed() -> None:
    offer = (datetime(2026, 12, 7, 9, tzinfo=CHICAGO), datetime(2026, 12, 8, 9, tzinfo=CHICAGO))
    asked = (Asked("time-needed", "Thursday"),)
    decision = explain("3 pm", context(asked=asked, last_offer=offer, offered=offer)).decision
    assert decision == "confirm-day option=Thu 2026-12-03 15:00 reason=picked"


def test_answer_beside_an_offer_for_the_same_day_is_taken() -> None:
    offer = (datetime(2026, 12, 3, 9, tzinfo=CHICAGO), datetime(2026, 12, 4, 9, tzinfo=CHICAGO))
    asked = (Asked("time-needed", "Thursday"),)
    decision = explain("3 pm", context(asked=asked, last_offer=offer, offered=offer)).decision
    assert decision == "exactly Thu 2026-12-03 15:00"


THURSDAY = (datetime(2026, 12, 3, 14, 30, tzinfo=CHICAGO),)


@pytest.mark.parametrize(
    ("key", "raw", "answer"),
    [
        ("confirm-day", "same time on Friday", "exactly Fri 2026-12-04 14:30"),
        ("confirm-day", "five thirty", "exactly Thu 2026-12-03 17:30"),
        ("confirm-day", "the Friday one at three", "exactly Fri 2026-12-04 15:00"),
        ("confirm-day", "in a day or two", "time-needed search=(search days=Mon 2026-11-30)"),
        ("which-day", NEXT, "which-day options=Tue 2026-12-01 15:00,Tue 2026-12-08 15:00"),
        ("time-needed", "Friday", "time-needed search=(search days=Fri 2026-12-04)"),
    ],
)
def test_yes_answers_the_question_that_came_after_the_offer(key: str, raw: str, answer: str) -> None:
    asked = (Asked(key, raw),)
    after = context(asked=asked, asked_last=True, offered=THURSDAY, last_offer=THURSDAY)
    assert explain("yes", after).decision == answer
    before = context(asked=asked, offered=THURSDAY, last_offer=THURSDAY)
    assert explain("yes", before).decision == "exactly Thu 2026-12-03 14:30"
