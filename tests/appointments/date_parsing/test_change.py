"""New times for a booking: on Tuesday, December 8, from 2 PM."""

from __future__ import annotations

from datetime import datetime

import pytest

from peterental.appointments.date_parsing import Asked, CurrentBooking, ExactTime, explain, parse_change, parse_start
from tests.appointments.date_parsing.table import CHICAGO, context

BOOKED = CurrentBooking(datetime(2026, 12, 8, 14, tzinfo=CHICAGO), 30)


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("same time Friday", "which-day options=Fri 2026-12-04 14:00,Fri 2026-12-11 14:00"),
        ("same time this Friday", "exactly Fri 2026-12-04 14:00"),
        ("an hour later", "exactly Tue 2026-12-08 15:00"),
        ("half an hour earlier", "exactly Tue 2026-12-08 13:30"),
        ("two hours earlier", "exactly Tue 2026-12-08 12:00"),
        ("a day later", "exactly Wed 2026-12-09 14:00"),
        ("a week later", "exactly Tue 2026-12-15 14:00"),
        ("an hour later on Friday the 4th", "exactly Fri 2026-12-04 15:00"),
        ("push it back an hour", "exactly Tue 2026-12-08 15:00"),
        ("11 hours later", "exactly Wed 2026-12-09 01:00"),
        ("same day at 4", "exactly Tue 2026-12-08 16:00"),
        ("the next day at 3", "exactly Wed 2026-12-09 15:00"),
        ("the day before at the same time", "exactly Mon 2026-12-07 14:00"),
        ("the following day same time", "exactly Wed 2026-12-09 14:00"),
        ("December 10 at 2pm", "exactly Thu 2026-12-10 14:00"),
        ("Tuesday the eighth at four PM", "exactly Tue 2026-12-08 16:00"),
        ("from Tuesday at 2 to Wednesday at 4", "which-day options=Wed 2026-12-02 16:00,Wed 2026-12-09 16:00"),
        ("an hour from now", "exactly Sun 2026-11-29 11:00"),
        ("la misma hora este viernes", "exactly Fri 2026-12-04 14:00"),
        ("una hora más tarde", "exactly Tue 2026-12-08 15:00"),
        ("4 pm", "confirm-day option=Tue 2026-12-08 16:00 reason=same-day"),
        ("3:30 instead", "confirm-day option=Tue 2026-12-08 15:30 reason=same-day"),
        ("this Friday", "confirm-day option=Fri 2026-12-04 14:00 reason=same-time"),
        ("the day after", "confirm-day option=Wed 2026-12-09 14:00 reason=same-time"),
        ("tomorrow instead", "confirm-day option=Mon 2026-11-30 14:00 reason=same-time"),
        ("this Friday morning", "search days=Fri 2026-12-04 ranges=00:00-12:00 part=morning"),
        ("Friday morning", "which-day options=Fri 2026-12-04,Fri 2026-12-11 ranges=00:00-12:00"),
        ("later", "search days=Tue 2026-12-08 ranges=14:01-24:00"),
        ("earlier that day", "search days=Tue 2026-12-08 ranges=00:00-14:00"),
        ("not Tuesday", "search excluded_weekdays=2"),
        ("any time", "search"),
        ("move it up a few minutes", "not-understood unknown=a few minutes"),
    ],
)
def test_change_is_relative_to_the_booking(phrase: str, answer: str) -> None:
    assert explain(phrase, context(current=BOOKED), "change").decision == answer


def test_bare_clock_sent_again_after_the_question_is_taken() -> None:
    asked = (Asked("confirm-day", "4 pm"),)
    result = parse_change("4 pm", context(current=BOOKED, asked=asked))
    assert result == ExactTime(start=datetime(2026, 12, 8, 16, tzinfo=CHICAGO))


def test_bare_clock_that_was_offered_is_the_offer() -> None:
    offer = (datetime(2026, 12, 9, 16, tzinfo=CHICAGO),)
    assert parse_change("4 pm", context(current=BOOKED, last_offer=offer, offered=offer)) == ExactTime(start=offer[0])


def test_same_time_that_was_offered_needs_no_confirmation() -> None:
    offer = (datetime(2026, 12, 4, 14, tzinfo=CHICAGO), datetime(2026, 12, 4, 15, tzinfo=CHICAGO))
    assert parse_change("this Friday", context(current=BOOKED, offered=offer)) == ExactTime(start=offer[0])


def test_later_one_after_an_offer_is_a_choice() -> None:
    offer = (datetime(2026, 12, 4, 14, tzinfo=CHICAGO), datetime(2026, 12, 4, 15, tzinfo=CHICAGO))
    found = parse_change("the later one", context(current=BOOKED, offered=offer, last_offer=offer))
    assert found == ExactTime(start=offer[1])


@pytest.mark.parametrize(
    "phrase", ["an hour later", "the day after", "same time Friday", "same day at 4", "a day later"]
)
def test_relative_change_without_a_booking_books_nothing(phrase: str) -> None:
    assert not isinstance(parse_start(phrase, context(current=BOOKED)), ExactTime)
    assert not isinstance(parse_change(phrase, context()), ExactTime)


def test_span_as_long_as_the_booking_is_the_viewing() -> None:
    hour = CurrentBooking(BOOKED.start, 60)
    assert explain("this Friday 2 to 3 pm", context(current=hour), "change").decision == "exactly Fri 2026-12-04 14:00"
