"""Availability requests: `date` and `time_of_day`, each with whatever models write there."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from peterental.appointments.date_parsing import DayRange, MinuteRange, Search, explain, parse_search, refers_back
from tests.appointments.date_parsing.table import CHICAGO, context

TOMORROW = "days=Mon 2026-11-30"
WEEKENDS = [
    str(day) for day in (date(2026, 11, 29) + timedelta(days=ahead) for ahead in range(61)) if day.isoweekday() > 5
]
OFFER = tuple(datetime(2026, 12, 4, hour, tzinfo=CHICAGO) for hour in (9, 12, 14))
"""Three times on Friday the fourth."""


@pytest.mark.parametrize(
    ("date_raw", "time_raw", "answer"),
    [
        (None, None, "search"),
        ("any", "any time", "search"),
        ("", "", "search"),
        ("null", "n/a", "search"),
        ("soon", None, "search soonest=True"),
        ("Thursday", None, "search days=Thu 2026-12-03"),
        ("2026-12-08", None, "search days=Tue 2026-12-08"),
        ("2026-12-08T15:00:00", None, "search days=Tue 2026-12-08 clock_min=900"),
        ("2026-12-08/2026-12-10", None, "search days=2026-12-08..2026-12-10"),
        ("2026-12-08 to 2026-12-10", "PM", "search days=2026-12-08..2026-12-10 ranges=12:00-24:00 part=pm"),
        ("2026-12-08", "between 02:00 PM and 04:00 PM", "search days=Tue 2026-12-08 ranges=14:00-16:00"),
        ("next Tuesday", "afternoon", "search days=Tue 2026-12-08 ranges=12:00-17:00 part=afternoon"),
        ("next week", "mornings", "search days=2026-11-30..2026-12-06 ranges=00:00-12:00 part=morning"),
        ("this week", "except Friday", "search days=2026-11-29..2026-12-05 excluded_weekdays=5"),
        ("Tuesday or Wednesday", "after 2", "search days=Tue 2026-12-01,Wed 2026-12-02 ranges=14:00-24:00"),
        ("anything but Monday", "noonish", "search excluded_weekdays=1 clock_min=720 approximate=True"),
        ("not December 8", None, "search excluded_days=2026-12-08"),
        ("tomorrow", "after 5", f"search {TOMORROW} ranges=17:00-24:00"),
        ("tomorrow", "not morning", f"search {TOMORROW} excluded_ranges=00:00-12:00"),
        ("tomorrow", "not after 3", f"search {TOMORROW} ranges=00:00-15:01"),
        ("tomorrow", "not between 1 and 3", f"search {TOMORROW} excluded_ranges=13:00-15:00"),
        ("tomorrow", {"after": "15:00"}, f"search {TOMORROW} ranges=15:00-24:00"),
        ("tomorrow", {"after": "14:00", "before": "16:00"}, f"search {TOMORROW} ranges=14:00-16:00"),
        ("tomorrow", {"part": "morning"}, f"search {TOMORROW} ranges=00:00-12:00 part=morning"),
        ({"from": "2026-12-03", "to": "2026-12-05"}, None, "search days=2026-12-03..2026-12-05"),
        ({"after": "2026-12-03"}, "ten or earlier", "search days=2026-12-04..2027-01-28 ranges=00:00-10:01"),
        ("tomorrow", "except noon", f"search {TOMORROW} excluded_ranges=12:00-12:01"),
        ("tomorrow", "no mornings or evenings", f"search {TOMORROW} excluded_ranges=00:00-12:00,17:00-24:00"),
        ("tomorrow", "any evening", f"search {TOMORROW} ranges=17:00-24:00 part=evening"),
        ("tomorrow", "morning or evening", f"search {TOMORROW} ranges=00:00-12:00,17:00-24:00"),
        ("tomorrow", "2 pm or 4 pm", f"search {TOMORROW} ranges=14:00-14:01,16:00-16:01"),
        ("tomorrow", "3 pm", f"search {TOMORROW} clock_min=900"),
        ("tomorrow at 3", None, f"search {TOMORROW} clock_min=900"),
        ("tomorrow afternoon", None, f"search {TOMORROW} ranges=12:00-17:00 part=afternoon"),
        ("tomorrow", "14:00-16:00", f"search {TOMORROW} ranges=14:00-16:00"),
        ("tomorrow", "late", f"search {TOMORROW} ranges=16:00-24:00 part=late"),
        ("tomorrow", "early", f"search {TOMORROW} ranges=00:00-11:00 part=early"),
        ("tomorrow", "around lunchtime", f"search {TOMORROW} ranges=12:00-13:30 part=lunchtime"),
        ("tomorrow", {"time": "3 pm"}, f"search {TOMORROW} clock_min=900"),
        ("tomorrow", "after lunch", f"search {TOMORROW} ranges=13:00-17:00 part=after lunch"),
        ("tomorrow", "before the evening", f"search {TOMORROW} ranges=00:00-17:00 part=before evening"),
        ("in the next few days", "after work", "search days=2026-11-29..2026-12-02 ranges=17:00-24:00 part=after work"),
        ("weekdays", None, "search days=2026-11-29..2027-01-28 weekdays=1,2,3,4,5"),
        ("tomorrow", "14", f"search {TOMORROW} clock_min=840"),
        ("tomorrow", 14, f"search {TOMORROW} clock_min=840"),
        ("14", None, "search days=Mon 2026-12-14"),
        (4, "14", "search days=Fri 2026-12-04 clock_min=840"),
        ("2027-01", None, "search days=2027-01-01..2027-01-31"),
        ("2026-W50", "afternoon", "search days=2026-12-07..2026-12-13 ranges=12:00-17:00 part=afternoon"),
        ("Friday before 10 or after 6", None, "search days=Fri 2026-12-04 ranges=00:00-10:00,18:00-24:00"),
        ("every day except weekends", None, f"search excluded_days={','.join(WEEKENDS)}"),
        ("today", "now", "search days=Sun 2026-11-29 soonest=True"),
        ("in two hours", None, "search days=Sun 2026-11-29 clock_min=720"),
        (None, "Thursday after five", "search days=Thu 2026-12-03 ranges=17:00-24:00"),
        (None, "afternoons", "search ranges=12:00-17:00 part=afternoon"),
        ("el jueves", "por la tarde", "search days=Thu 2026-12-03 ranges=12:00-17:00 part=afternoon"),
        ("tomorrow morning", "evening", f"time-needed search=(search {TOMORROW})"),
        ("tomorrow", "banana", f"time-needed search=(search {TOMORROW})"),
        ("banana", None, "not-understood unknown=banana"),
        ("Wednesday December 8", None, "weekday-mismatch options=Tue 2026-12-08,Wed 2026-12-09"),
        ("February 30", "3 pm", "day-needed search=(search clock_min=900)"),
        ("February 30", None, "not-understood"),
        (None, "morning and evening", "not-understood"),
        (True, None, "not-understood"),
        ("x" * 400, None, "not-understood"),
    ],
)
def test_request_is_read(date_raw: object, time_raw: object, answer: str) -> None:
    assert explain(date_raw, context(), "search", time_raw).decision == answer


def test_search_limits_days_and_minutes() -> None:
    search = Search(
        days=(DayRange(date(2026, 12, 1), date(2026, 12, 4)),),
        weekdays=frozenset((1, 2, 3)),
        excluded_days=(date(2026, 12, 2),),
        ranges=(MinuteRange(540, 720),),
        excluded_ranges=(MinuteRange(600, 630),),
    )
    allowed = [day for day in search.days[0] if search.allows_day(day)]
    assert allowed == [date(2026, 12, 1)]
    assert [minutes for minutes in (530, 540, 599, 600, 629, 630, 720) if search.allows_minutes(minutes)] == [
        540,
        599,
        630,
    ]
    assert search.day is None
    assert Search().allows_day(date(2026, 12, 6))
    assert not Search(excluded_weekdays=frozenset((7,))).allows_day(date(2026, 12, 6))


def test_half_that_is_open_is_searched_in_both_halves() -> None:
    from peterental.agents.model import Rules, Window  # noqa: PLC0415 - only this test needs long days

    rules = Rules(week=tuple((day, Window(480, 1260)) for day in range(1, 8)), horizon_days=60)
    found = parse_search("tomorrow", "8", context(rules=rules))
    assert isinstance(found, Search)
    assert found.ranges == (MinuteRange(450, 511), MinuteRange(1170, 1231))
    assert found.approximate


def test_no_words_ask_for_any_time() -> None:
    assert parse_search(None, None, context()) == parse_search("", "", context()) == Search()


@pytest.mark.parametrize(
    ("date_raw", "time_raw", "answer"),
    [
        ("what about the afternoon", None, "search days=Fri 2026-12-04 ranges=12:00-17:00 part=afternoon"),
        (None, "afternoon", "search days=Fri 2026-12-04 ranges=12:00-17:00 part=afternoon"),
        ("that day", "evening", "search days=Fri 2026-12-04 ranges=17:00-24:00 part=evening"),
        ("later", None, "search days=Fri 2026-12-04 ranges=14:01-24:00"),
        ("earlier that day", None, "search days=Fri 2026-12-04 ranges=00:00-09:00"),
        ("the next day", None, "search days=Sat 2026-12-05"),
        ("the day before", None, "search days=Thu 2026-12-03"),
        ("the week after", None, "search days=2026-12-07..2026-12-13"),
        ("any day", "afternoon", "search ranges=12:00-17:00 part=afternoon"),
        ("Monday", "afternoon", "search days=Mon 2026-11-30 ranges=12:00-17:00 part=afternoon"),
        ("not Friday", "afternoon", "search excluded_weekdays=5 ranges=12:00-17:00 part=afternoon"),
        ("as soon as possible", None, "search soonest=True"),
        (None, "\u00bfy en la tarde?", "search days=Fri 2026-12-04 ranges=12:00-17:00 part=afternoon"),
    ],
)
def test_search_goes_on_from_the_offered_day(date_raw: object, time_raw: object, answer: str) -> None:
    assert explain(date_raw, context(last_offer=OFFER), "search", time_raw).decision == answer
    if not answer.startswith("search days=Fri"):
        return
    assert refers_back(date_raw, time_raw, "en")
    both_days = (*OFFER, datetime(2026, 12, 7, 9, tzinfo=CHICAGO))
    assert "2026-12-04" not in explain(date_raw, context(last_offer=both_days), "search", time_raw).decision


@pytest.mark.parametrize(
    ("date_raw", "time_raw"),
    [
        (None, None),
        ("", "any"),
        ("Friday", "afternoon"),
        ("2026-12-04", "later"),
        ("any day", None),
        (7, None),
        ("x" * 999, "pm"),
    ],
)
def test_search_that_names_its_day_needs_no_history(date_raw: object, time_raw: object) -> None:
    assert not refers_back(date_raw, time_raw, "en")


def test_alternatives_keep_their_own_times() -> None:
    found = parse_search("Friday morning or Saturday afternoon", None, context())
    assert isinstance(found, Search)
    friday, saturday = date(2026, 12, 4), date(2026, 12, 5)
    morning, afternoon = 9 * 60, 14 * 60
    allowed = [(day, at) for day in (friday, saturday) for at in (morning, afternoon) if found.allows(day, at)]
    assert allowed == [(friday, morning), (saturday, afternoon)]
