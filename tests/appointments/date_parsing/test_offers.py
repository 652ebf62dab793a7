"""Choices from the times that were offered in this call."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from peterental.appointments.date_parsing import Asked, ExactTime, WhichOffer, explain, parse_start
from tests.appointments.date_parsing.table import CHICAGO, context


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=CHICAGO)


ONE_DAY = (at(3, 9), at(3, 12), at(3, 14))
TWO_DAYS = (at(3, 9), at(4, 12))


@pytest.mark.parametrize(
    ("phrase", "hour"),
    [
        ("the second one", 12), ("the first", 9), ("the last one", 14), ("the noon one", 12), ("noon", 12), ("at two", 14),
        ("2 pm", 14), ("the 9 o'clock", 9), ("the one at 2", 14), ("option two", 12), ("number three", 14), ("second", 12),
        ("the middle one", 12), ("9", 9), ("nine please", 9), ("the latest", 14), ("the first one please", 9),
        ("Thursday at noon", 12), ("la segunda", 12), ("the earliest one", 9),
    ],
)  # fmt: skip
def test_choice_is_the_offered_time(phrase: str, hour: int) -> None:
    assert parse_start(phrase, context(offered=ONE_DAY, last_offer=ONE_DAY)) == ExactTime(start=at(3, hour))


@pytest.mark.parametrize(
    "phrase",
    ["yes", "the later one", "the earlier one", "the fourth one", "either one", "option nine", "the third"],
)
def test_open_choice_is_asked_about(phrase: str) -> None:
    result = parse_start(phrase, context(offered=ONE_DAY, last_offer=ONE_DAY))
    assert isinstance(result, WhichOffer)
    assert set(result.options) == set(ONE_DAY)


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("the later one", "exactly Fri 2026-12-04 12:00"),
        ("the earlier one", "exactly Thu 2026-12-03 09:00"),
        ("noon", "exactly Fri 2026-12-04 12:00"),
        ("the Friday one", "exactly Fri 2026-12-04 12:00"),
        ("the first", "exactly Thu 2026-12-03 09:00"),
        ("Friday", "confirm-day option=Fri 2026-12-04 12:00 reason=picked"),
        ("the fourth", "confirm-day option=Fri 2026-12-04 12:00 reason=picked"),
        ("the ninth", "time-needed search=(search days=Wed 2026-12-09)"),
        ("Monday", "time-needed search=(search days=Mon 2026-11-30)"),
    ],
)
def test_choice_between_two_days(phrase: str, answer: str) -> None:
    assert explain(phrase, context(offered=TWO_DAYS, last_offer=TWO_DAYS)).decision == answer


def test_yes_takes_the_only_offer() -> None:
    assert parse_start("yes, that works", context(last_offer=ONE_DAY[:1])) == ExactTime(start=ONE_DAY[0])


def test_clock_of_an_earlier_offer_is_taken_only_on_the_day_of_the_latest() -> None:
    offered = (at(7, 11), *ONE_DAY)
    decision = explain("eleven", context(offered=offered, last_offer=ONE_DAY)).decision
    assert decision == "which-day options=Thu 2026-12-03 11:00,Mon 2026-12-07 11:00"
    offered = (at(3, 11), *ONE_DAY)
    assert parse_start("eleven", context(offered=offered, last_offer=ONE_DAY)) == ExactTime(start=at(3, 11))
    decision = explain(
        "eleven", context(offered=(at(7, 11), at(3, 9), at(4, 9)), last_offer=(at(3, 9), at(4, 9)))
    ).decision
    assert decision == "confirm-day option=Mon 2026-12-07 11:00 reason=picked"


def test_clock_offered_on_two_days_is_asked_about() -> None:
    offered = (at(3, 9), at(4, 9))
    assert parse_start("nine", context(offered=offered, last_offer=offered)) == WhichOffer(options=offered)


def test_other_clock_on_the_offered_day_is_confirmed() -> None:
    decision = explain("two thirty", context(offered=ONE_DAY, last_offer=ONE_DAY)).decision
    assert decision == "confirm-day option=Thu 2026-12-03 14:30 reason=same-day"


def test_other_clock_after_offers_on_two_days_needs_a_day() -> None:
    decision = explain("two thirty", context(offered=TWO_DAYS, last_offer=TWO_DAYS)).decision
    assert decision == "day-needed search=(search clock_min=870)"


@pytest.mark.parametrize("phrase", ["yes", "the second one", "the later one", "the last one"])
def test_choice_without_an_offer_is_asked_about(phrase: str) -> None:
    assert parse_start(phrase, context()) == WhichOffer()


def test_named_time_that_was_not_offered_is_no_choice() -> None:
    decision = explain("the one at four on Monday", context(last_offer=ONE_DAY, offered=ONE_DAY)).decision
    assert not decision.startswith("exactly Thu")


def test_offer_decides_between_morning_and_evening() -> None:
    late = at(1, 19)
    assert parse_start("Tuesday at 7", context(offered=(late,))) == ExactTime(start=late)
    assert explain("next Tuesday at 3 pm", context(offered=(at(8, 15),))).decision == "exactly Tue 2026-12-08 15:00"


@pytest.mark.parametrize(
    ("phrase", "offers", "start"),
    [
        ("two thirty", ONE_DAY, datetime(2026, 12, 3, 14, 30, tzinfo=CHICAGO)),
        ("half two", ONE_DAY, datetime(2026, 12, 3, 14, 30, tzinfo=CHICAGO)),
        ("Wednesday", (at(8, 9), at(9, 9)), at(9, 9)),  # and not the coming one
        ("not the first one", (at(8, 9), at(9, 9)), at(9, 9)),
        ("the eighth", (at(8, 9), at(9, 9)), at(8, 9)),
    ],
)
def test_confirmed_choice_is_asked_about_once(phrase: str, offers: tuple[datetime, ...], start: datetime) -> None:
    offered = context(offered=offers, last_offer=offers)
    assert explain(phrase, offered).decision.startswith("confirm-day")
    asked = replace(offered, asked=(Asked("confirm-day", phrase),), asked_last=True)
    assert parse_start(phrase, asked) == ExactTime(start=start)
    for known in (replace(asked, said=lambda: ["no"]), replace(asked, asked_last=False)):  # a newer offer
        assert explain(phrase, known).decision.startswith("confirm-day")


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("Tuesday at nine", "exactly Tue 2026-12-08 09:00"),
        ("martes a las nueve", "exactly Tue 2026-12-08 09:00"),
        ("Tuesday at ten", "which-day options=Tue 2026-12-01 10:00,Tue 2026-12-08 10:00"),
        ("Tuesday", "time-needed search=(search days=Tue 2026-12-08)"),
        ("this Tuesday at nine", "exactly Tue 2026-12-01 09:00"),
        ("Wednesday at nine", "exactly Wed 2026-12-02 09:00"),
        ("Tuesday December first at nine", "exactly Tue 2026-12-01 09:00"),
    ],
)
def test_weekday_after_an_offer_for_a_later_week(phrase: str, answer: str) -> None:
    offer = (at(8, 9), at(8, 12))
    assert explain(phrase, context(offered=offer, last_offer=offer)).decision == answer


@pytest.mark.parametrize(
    ("asked", "phrase", "answer"),
    [
        (("time-needed", "Tuesday"), "at ten", "exactly Tue 2026-12-08 10:00"),
        (("which-day", "Tuesday at ten"), "the first one", "exactly Tue 2026-12-01 10:00"),
        (("which-day", "Tuesday at ten"), "the second", "exactly Tue 2026-12-08 10:00"),
        (("which-day", "Tuesday at ten"), "the eighth", "exactly Tue 2026-12-08 10:00"),
    ],
)
def test_answer_to_a_question_after_an_offer(asked: tuple[str, str], phrase: str, answer: str) -> None:
    offer = (at(8, 9), at(8, 12))
    known = context(offered=offer, last_offer=offer, asked=(Asked(*asked),), asked_last=True)
    assert explain(phrase, known).decision == answer
