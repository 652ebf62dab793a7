"""What a `start_time` may look like and which time it means, in a table; never another date than the one meant."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from peterental.agents.model import Rules, Window
from peterental.appointments.clocks import read_part
from peterental.appointments.meaning import (
    ClockMissing,
    Context,
    DayMissing,
    Days,
    DayUnsure,
    Moment,
    Question,
    Skipped,
    Unreadable,
    WhichDay,
    WhichHalf,
)
from peterental.appointments.model import Hours, Part
from peterental.appointments.reading import read_days, read_start

CHICAGO, BERLIN, SYDNEY = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Sydney")
NINE_TO_FIVE = Rules(week=tuple((weekday, Window(9 * 60, 17 * 60)) for weekday in range(1, 6)))
ROUND_THE_CLOCK = Rules(week=tuple((weekday, Window(0, 24 * 60)) for weekday in range(1, 8)))
SUNDAY = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""November 22, 2026, nine in the morning in Chicago."""
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def context(
    *, now: datetime = SUNDAY, zone: ZoneInfo = CHICAGO, rules: Rules = NINE_TO_FIVE, offered: str = "", said: str = ""
) -> Context:
    starts = frozenset(local(text, zone) for text in offered.split())
    return Context(now=now, zone=zone, rules=rules, offered=starts, said=lambda: said.split("|"))


def local(text: str, zone: ZoneInfo = CHICAGO) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def then(text: str) -> Moment:
    """The moment that is `text` on the wall clock of Chicago."""
    return Moment(local(text))


TUESDAY_AT_THREE = then("2026-11-24T15:00")
MONDAY_AT_THREE = then("2026-11-23T15:00")
ASK = Unreadable()


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        # ISO, with and without an offset
        ("2026-11-24T15:00:00", TUESDAY_AT_THREE),
        ("2026-11-24T15:00", TUESDAY_AT_THREE),
        ("2026-11-24 15:00", TUESDAY_AT_THREE),
        ("2026-11-24t15:00:00", TUESDAY_AT_THREE),
        ("  2026-11-24T15:00:00  ", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00.000", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00-06:00", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00-0600", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00-06", TUESDAY_AT_THREE),
        ("2026-11-24T21:00:00Z", TUESDAY_AT_THREE),
        ("2026-11-24T21:00:00+00:00", TUESDAY_AT_THREE),
        ("2026-11-24T16:00:00-05:00", TUESDAY_AT_THREE),
        ("2026-11-25T02:30:00+05:30", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00+24:00", ASK),
        # ISO that says too little, or nothing there is
        ("2026-11-24", ClockMissing(date(2026, 11, 24))),
        ("2026-11-24T24:00", ASK),
        ("2026-11-24T25:00", ASK),
        ("2026-11-24T15:60", ASK),
        ("2026-11-24T15:00:30", ASK),
        ("2026-13-24T15:00", ASK),
        ("2026-11-31T15:00", ASK),
        ("2026-11-24T", ClockMissing(date(2026, 11, 24))),
        ("0001-01-01T00:00:00+12:00", ASK),
        ("9999-12-31 3 pm", ASK),
        ("9999-12-31T23:59:00-12:00", ASK),
        # words
        ("tomorrow 3 pm", MONDAY_AT_THREE),
        ("Tomorrow at 3 PM", MONDAY_AT_THREE),
        ("tomorrow at 3 p.m.", MONDAY_AT_THREE),
        ("tomorrow, 3:00pm", MONDAY_AT_THREE),
        ("tomorrow 15:00", MONDAY_AT_THREE),
        ("3pm tomorrow", MONDAY_AT_THREE),
        ("tomorrow at three o'clock", MONDAY_AT_THREE),
        ("tomorrow at three in the afternoon", MONDAY_AT_THREE),
        ("3 in the afternoon tomorrow", MONDAY_AT_THREE),
        ("tomorrow afternoon at 3", MONDAY_AT_THREE),
        ("tomorrow at 3", MONDAY_AT_THREE),
        ("day after tomorrow at 3 pm", TUESDAY_AT_THREE),
        ("in two days at 3 pm", TUESDAY_AT_THREE),
        ("Tuesday 3 pm", TUESDAY_AT_THREE),
        ("tue 3pm", TUESDAY_AT_THREE),
        ("this Tuesday at three PM", TUESDAY_AT_THREE),
        ("this coming Tuesday at three PM", TUESDAY_AT_THREE),
        ("next Tuesday at 3", TUESDAY_AT_THREE),
        ("next week Tuesday at 3 pm", TUESDAY_AT_THREE),
        ("Tuesday next week at 3 pm", TUESDAY_AT_THREE),
        ("Tuesday the 24th at 3 pm", TUESDAY_AT_THREE),
        ("Tuesday the twenty-fourth at three PM", TUESDAY_AT_THREE),
        ("the 24th at 3pm", TUESDAY_AT_THREE),
        ("November 24 at 3pm", TUESDAY_AT_THREE),
        ("24 November 2026 15:00", TUESDAY_AT_THREE),
        ("Tue, Nov 24th, 2026, 3 PM", TUESDAY_AT_THREE),
        ("24th of November, 3 pm", TUESDAY_AT_THREE),
        ("11/24 3 pm", TUESDAY_AT_THREE),
        ("11/24/2026 3 pm", TUESDAY_AT_THREE),
        ("24/11/26 3 pm", TUESDAY_AT_THREE),
        ("24.11. 15:00", TUESDAY_AT_THREE),
        ("24.11.2026 15:00", TUESDAY_AT_THREE),
        ("2026-11-24 3 pm", TUESDAY_AT_THREE),
        ("Tuesday 2026-11-24 at 3 pm", TUESDAY_AT_THREE),
        ("Tuesday at half past two", then("2026-11-24T14:30")),
        ("Tuesday at two-thirty", then("2026-11-24T14:30")),
        ("Tuesday two thirty pm", then("2026-11-24T14:30")),
        ("Tuesday 2.30 pm", then("2026-11-24T14:30")),
        ("Tuesday at a quarter to three pm", then("2026-11-24T14:45")),
        ("Tuesday at quarter to twelve pm", then("2026-11-24T11:45")),
        ("Tuesday, ten past ten in the morning", then("2026-11-24T10:10")),
        ("Tuesday at noon", then("2026-11-24T12:00")),
        ("Tuesday 12 noon", then("2026-11-24T12:00")),
        ("Tuesday 12:30 pm", then("2026-11-24T12:30")),
        ("Tuesday at twelve in the afternoon", then("2026-11-24T12:00")),
        ("Tuesday 12 am", then("2026-11-24T00:00")),
        ("Tuesday 0:30", then("2026-11-24T00:30")),
        ("Tuesday 03:00", then("2026-11-24T03:00")),
        ("Tuesday at 9", then("2026-11-24T09:00")),
        ("tonight at 8", then("2026-11-22T20:00")),
        ("this evening at 8", then("2026-11-22T20:00")),
        ("a week from today at 3 pm", then("2026-11-29T15:00")),
        ("Tuesday, December first, at two oh five PM", then("2026-12-01T14:05")),
        ("Saturday, January second, twenty twenty-seven, at ten AM", then("2027-01-02T10:00")),
        ("Wednesday 12/2 at 3 pm", then("2026-12-02T15:00")),
        ("Wednesday 2/12 at 3 pm", then("2026-12-02T15:00")),
        # as people talk and type
        ("um, tomorrow at, uh, like three", MONDAY_AT_THREE),
        ("tmrw 3p", MONDAY_AT_THREE),
        ("tommorow 3 P M", MONDAY_AT_THREE),
        ("tomorrow 3 PM CST", MONDAY_AT_THREE),
        ("tomorrow 3 PM CDT", MONDAY_AT_THREE),
        ("tomorrow 3 PM EST", ASK),
        ("tomorrow 3 PM CT", MONDAY_AT_THREE),
        ("tomorrow at 3 PM Central", MONDAY_AT_THREE),
        ("tomorrow at 3 PM central standard time", MONDAY_AT_THREE),
        ("tomorrow at 3 PM (Central Time)", MONDAY_AT_THREE),
        ("tomorrow at 3 PM local time", MONDAY_AT_THREE),
        ("2026-11-24T15:00:00[America/Chicago]", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00-06:00[America/Chicago]", TUESDAY_AT_THREE),
        ("2026-11-24 15:00 America/Chicago", TUESDAY_AT_THREE),
        ("tomorrow at 3 PM Eastern", ASK),
        ("2026-11-24T15:00:00[America/New_York]", ASK),
        ("Central", ASK),
        ("in an hour", then("2026-11-22T10:00")),
        ("in half an hour", then("2026-11-22T09:30")),
        ("in 45 minutes", then("2026-11-22T09:45")),
        ("two hours from now", then("2026-11-22T11:00")),
        ("in a couple of hours", then("2026-11-22T11:00")),
        ("in an hour at 3 pm", ASK),
        ("tomorrow in an hour", ASK),
        # something is missing
        ("3 pm", DayMissing(15 * 60)),
        ("15:00", DayMissing(15 * 60)),
        ("noon", DayMissing(12 * 60)),
        ("at three", DayMissing(15 * 60)),
        ("half past two", DayMissing(14 * 60 + 30)),
        ("3", DayMissing(15 * 60)),
        ("Tuesday", ClockMissing(date(2026, 11, 24))),
        ("tomorrow morning", ClockMissing(date(2026, 11, 23), Part.MORNING)),
        ("first thing tomorrow", ClockMissing(date(2026, 11, 23), Part.MORNING)),
        ("any time tomorrow", ClockMissing(date(2026, 11, 23))),
        ("tomorrow at 8", WhichHalf(date(2026, 11, 23), 8, 0)),
        # it may mean two days
        ("Sunday at 3 pm", WhichDay(date(2026, 11, 22), date(2026, 11, 29))),
        ("Tuesday 12/1 at 3 pm", WhichDay(date(2026, 12, 1), date(2027, 1, 12))),
        ("12/1 at 3 pm", WhichDay(date(2026, 12, 1), date(2027, 1, 12))),
        # it does not go together
        ("Wednesday the 24th at 3 pm", DayUnsure(date(2026, 11, 24))),
        ("Monday, November 24 at 3 pm", DayUnsure(date(2026, 11, 24))),
        ("tomorrow the 24th 3 pm", DayUnsure(date(2026, 11, 23))),
        ("tomorrow 3 pm or 4 pm", ASK),
        ("Tuesday or Wednesday at 3 pm", ASK),
        ("Tuesday Wednesday at 3 pm", ASK),
        ("tomorrow 3 am in the afternoon", ASK),
        ("tomorrow 15:00 am", ASK),
        ("tomorrow 0:30 pm", ASK),
        ("Tuesday morning afternoon at 3", ASK),
        # nobody could tell
        ("", ASK),
        ("   ", ASK),
        ("whenever suits", ASK),
        ("not Tuesday 3 pm", ASK),
        ("before Tuesday 3 pm", ASK),
        ("between 2 and 4 tomorrow", ASK),
        ("tomorrow 2 to 4", ASK),
        ("tomorrow at 3 minutes to 4 pm", then("2026-11-23T15:57")),
        ("Tuesday 2", ASK),
        ("tomorrow 24:00", ASK),
        ("tomorrow 3:75 pm", ASK),
        ("tomorrow at midnight", ASK),
        ("Tuesday at quarter to twelve am", ASK),
        ("next week at 3 pm", ASK),
        ("November 31 at 3 pm", ASK),
        ("the 32nd at 3 pm", ASK),
        ("2/30 at 3 pm", ASK),
        ("8 pm or so", ASK),
        ("$start_time", ASK),
        ("1795445435022", ASK),
        ("3 pm " * 100, ASK),
        (None, ASK),
        (1795445435, ASK),
        (True, ASK),
        (["2026-11-24T15:00:00"], ASK),
        ({"date": "2026-11-24"}, ASK),
    ],
)  # fmt: skip
def test_a_start_time_means_one_time_or_is_asked_about(sent: object, meant: Moment | Question) -> None:
    assert read_start(sent, context()) == meant


def test_an_offset_is_no_name_of_a_zone_even_where_the_zone_has_no_other() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")  # half an hour of summer time: +11 in November, +1030 in June
    for sent in ("2026-11-24T15:00 +1030", "2026-11-24T15:00 +10:30"):
        assert read_start(sent, context(zone=lord_howe)) == Moment(local("2026-11-24T15:30", lord_howe))
    assert read_start("2026-11-24T15:00 +11", context(zone=lord_howe)) == Moment(local("2026-11-24T15:00", lord_howe))


@pytest.mark.parametrize(
    ("sent", "said", "meant"),
    [
        ("2023-11-24T15:00:00", "Could I come on Tuesday at three?", TUESDAY_AT_THREE),
        ("2025-11-24T15:00:00", "Hello|tuesday please|Dolores Whitcomb", TUESDAY_AT_THREE),
        ("2025-11-24T15:00:00-06:00", "Tues at three", TUESDAY_AT_THREE),
        ("2025-11-24T21:00:00Z", "Tuesday", TUESDAY_AT_THREE),
        ("2023-11-23T15:00:00", "tomorrow at three", MONDAY_AT_THREE),
        ("2023-11-22T15:00:00", "today at three", then("2026-11-22T15:00")),
        ("2023-11-24", "Tuesday", ClockMissing(date(2026, 11, 24))),
        ("Tuesday 2023-11-24 15:00", "", TUESDAY_AT_THREE),
        ("Friday 2023-11-24 15:00", "Tuesday", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "Wednesday at three", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "Tuesday or Wednesday at three", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "Tuesday|No, Wednesday", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "I can't do Tuesday", DayUnsure(date(2026, 11, 24))),
        ("2023-11-24T15:00:00", "tomorrow", DayUnsure(date(2026, 11, 24))),
        ("2023-12-01T15:00:00", "tomorrow, no, a Tuesday", DayUnsure(date(2026, 12, 1))),
        ("2026-11-20T15:00:00", "Saturday", then("2027-11-20T15:00")),
        ("2024-02-29T15:00:00", "Thursday", ASK),
        ("2023-11-23T15:00:00Z", "", DayUnsure(date(2026, 11, 23))),
    ],
)
def test_a_past_date_moves_only_if_the_weekday_the_caller_said_agrees(
    sent: str, said: str, meant: Moment | Question
) -> None:
    assert read_start(sent, context(said=said)) == meant


@pytest.mark.parametrize(
    ("sent", "offered", "meant"),
    [
        ("2026-11-24T15:00:00Z", "2026-11-24T15:00", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00+01:00", "2026-11-24T15:00", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00Z", "2026-11-23T15:00", then("2026-11-24T09:00")),
        ("2026-11-24T15:00:00Z", "2026-11-24T09:00 2026-11-24T15:00", TUESDAY_AT_THREE),
        ("2026-11-24T15:00:00Z", "", then("2026-11-24T09:00")),
        ("2026-11-24T02:00:00Z", "", then("2026-11-23T20:00")),
    ],
)
def test_a_wrong_offset_is_forgiven_where_its_wall_clock_was_offered(sent: str, offered: str, meant: Moment) -> None:
    assert read_start(sent, context(offered=offered)) == meant


@pytest.mark.parametrize(
    ("zone", "now", "sent", "meant"),
    [
        # spring forward: 2:00 to 3:00 is skipped
        (CHICAGO, "2027-03-10T12:00", "2027-03-14T02:30", Skipped(date(2027, 3, 14), 150)),
        (CHICAGO, "2027-03-10T12:00", "2027-03-14T01:30", "2027-03-14T07:30"),
        (CHICAGO, "2027-03-10T12:00", "2027-03-14T03:00", "2027-03-14T08:00"),
        (CHICAGO, "2027-03-10T12:00", "Sunday the 14th at 2:30 am", Skipped(date(2027, 3, 14), 150)),
        (BERLIN, "2027-03-26T12:00", "2027-03-28T02:30", Skipped(date(2027, 3, 28), 150)),
        (BERLIN, "2027-03-26T12:00", "2027-03-28T03:00", "2027-03-28T01:00"),
        (SYDNEY, "2026-10-01T12:00", "2026-10-04T02:30", Skipped(date(2026, 10, 4), 150)),
        (SYDNEY, "2026-10-01T12:00", "2026-10-04T03:30+11:00", "2026-10-03T16:30"),
        # fall back: an hour is repeated, and its first instant is meant
        (CHICAGO, "2027-11-05T12:00", "2027-11-07T01:30", "2027-11-07T06:30"),
        (CHICAGO, "2027-11-05T12:00", "2027-11-07T01:30-06:00", "2027-11-07T06:30"),
        (CHICAGO, "2027-11-05T12:00", "2027-11-07T01:30-05:00", "2027-11-07T06:30"),
        (BERLIN, "2026-10-24T12:00", "2026-10-25T02:30", "2026-10-25T00:30"),
        (BERLIN, "2026-10-24T12:00", "2026-10-25T02:30+01:00", "2026-10-25T00:30"),
        (SYDNEY, "2027-04-01T12:00", "2027-04-04T02:30", "2027-04-03T15:30"),
        (SYDNEY, "2027-04-01T12:00", "tomorrow at 2:30 am", "2027-04-01T15:30"),
    ],
)
def test_clocks_that_change_are_understood(zone: ZoneInfo, now: str, sent: str, meant: str | Question) -> None:
    expected = meant if isinstance(meant, Question) else Moment(datetime.fromisoformat(meant).replace(tzinfo=UTC))
    present = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert read_start(sent, context(now=present, zone=zone, rules=ROUND_THE_CLOCK)) == expected


def test_next_tuesday_is_asked_about_where_it_may_mean_two_days() -> None:
    both = WhichDay(date(2026, 11, 24), date(2026, 12, 1))
    assert read_start("next Tuesday at 2 pm", context(now=MONDAY)) == both
    assert read_start("Tuesday next week at 2 pm", context(now=MONDAY)) == then("2026-12-01T14:00")
    assert read_start("this Tuesday at 2 pm", context(now=MONDAY)) == then("2026-11-24T14:00")
    assert read_start("next Monday at 2 pm", context(now=MONDAY)) == then("2026-11-30T14:00")


def test_a_weekday_said_on_that_day_is_todays_while_its_time_is_still_to_come() -> None:
    assert read_start("Monday at 8 am", context(now=MONDAY)) == then("2026-11-30T08:00")
    assert read_start("Monday at 4 pm", context(now=MONDAY)) == WhichDay(date(2026, 11, 23), date(2026, 11, 30))
    assert read_start("this Monday at 4 pm", context(now=MONDAY)) == then("2026-11-23T16:00")


def test_an_hour_without_its_half_is_asked_about_where_both_or_neither_can_be_booked() -> None:
    assert read_start("tomorrow at 3", context(rules=ROUND_THE_CLOCK)) == WhichHalf(date(2026, 11, 23), 3, 0)
    assert read_start("at 3", context(rules=ROUND_THE_CLOCK)) == ASK
    assert read_start("Saturday at 3", context()) == then("2026-11-28T15:00"), "as on the days that are worked"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (None, None),
        ("", None),
        ("any day", None),
        ("tomorrow", Days(date(2026, 11, 24), date(2026, 11, 24))),
        ("2026-11-24", Days(date(2026, 11, 24), date(2026, 11, 24))),
        ("2026-11-24T15:00:00Z", Days(date(2026, 11, 24), date(2026, 11, 24))),
        ("next Tuesday", Days(date(2026, 12, 1), date(2026, 12, 1))),
        ("Monday", Days(date(2026, 11, 30), date(2026, 11, 30))),
        ("this week", Days(date(2026, 11, 23), date(2026, 11, 29))),
        ("next week", Days(date(2026, 11, 30), date(2026, 12, 6))),
        ("the weekend", Days(date(2026, 11, 28), date(2026, 11, 29))),
        ("next weekend", Days(date(2026, 12, 5), date(2026, 12, 6))),
        ("next week in the morning", Days(date(2026, 11, 30), date(2026, 12, 6), part=Part.MORNING)),
        ("tomorrow at 3", Days(date(2026, 11, 24), date(2026, 11, 24), 15 * 60)),
        ("in the evening", Days(date(2026, 11, 23), date.max, part=Part.EVENING)),
        ("this weekend", Days(date(2026, 11, 28), date(2026, 11, 29))),
        ("as soon as possible", None),
        ("in two hours", Days(date(2026, 11, 23), date(2026, 11, 23), 11 * 60)),
        ("tomorrow after 3", Days(date(2026, 11, 24), date(2026, 11, 24), part=Hours(from_min=15 * 60))),
        ("Tuesday between 1 and 3", Days(date(2026, 11, 24), date(2026, 11, 24), part=Hours(13 * 60, 15 * 60))),
        ("next week at 3 pm", Days(date(2026, 11, 30), date(2026, 12, 6), 15 * 60)),
        ("next week before noon", Days(date(2026, 11, 30), date(2026, 12, 6), part=Hours(until_min=12 * 60))),
        ("soon after 3", ASK),
        ("Tuesday or Wednesday", ASK),
        ("2026-02-30", ASK),
        ("soon", ASK),
        (5, ASK),
        ("2024-11-24", DayUnsure(date(2026, 11, 24))),
        ("Monday the 25th", DayUnsure(date(2026, 11, 25))),
    ],
)
def test_a_date_means_a_day_some_days_or_a_question(sent: object, meant: object) -> None:
    assert read_days(sent, context(now=MONDAY)) == meant


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("morning", Part.MORNING),
        ("in the afternoon", Part.AFTERNOON),
        ("night", Part.EVENING),
        ("3 pm", 15 * 60),
        ("noon", 12 * 60),
        ("at 3 in the afternoon", 15 * 60),
        ("at 3", 15 * 60),
        ("at 8", None),
        ("12 am", 0),
        ("early morning", Part.MORNING),
        ("late in the afternoon", Part.AFTERNOON),
        ("first thing", Part.MORNING),
        ("after 3 pm", Hours(from_min=15 * 60)),
        ("anytime after three", Hours(from_min=15 * 60)),
        ("from 2 on", Hours(from_min=14 * 60)),
        ("before noon", Hours(until_min=12 * 60)),
        ("between two and four", Hours(14 * 60, 16 * 60)),
        ("Between 11 and 1", Hours(11 * 60, 13 * 60)),
        ("from 2 to 4 pm", Hours(14 * 60, 16 * 60)),
        ("from quarter to three pm", Hours(from_min=14 * 60 + 45)),
        ("between 7 and 8 pm", Hours(19 * 60, 20 * 60)),
        ("between 6 and 8 am", Hours(6 * 60, 8 * 60)),
        ("between four and two", None),
        ("9am-11am", Hours(9 * 60, 11 * 60)),
        ("09:00 - 12:00", Hours(9 * 60, 12 * 60)),
        ("ten to two", 13 * 60 + 50),
        ("4-2", None),
        ("after lunch", None),
        ("before tomorrow 3 pm", None),
        ("between 1 and tea", None),
        ("whenever", None),
        ("", None),
        (3, None),
        (None, None),
    ],
)
def test_a_time_of_day_means_a_part_or_a_time(sent: object, meant: object) -> None:
    assert read_part(sent, context()) == meant
