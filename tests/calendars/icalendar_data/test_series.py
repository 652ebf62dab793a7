"""Series: rules, dates, exceptions, across changes of the clocks."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tests.calendars.icalendar_data.samples import calendar, event, local, read, series, window

CHICAGO = "TZID=America/Chicago"


def days(text: str | bytes, first: str = "2026-11-29", count: int = 120) -> str:
    """Return the days on which a series blocks, from 9 to 10."""
    times = local(text, window(first, days=count))
    assert all(time.endswith("09:00-10:00") for time in times), times
    return " ".join(time[:5] for time in times)


def moved(day: str, to: str, hours: str = "T140000,T150000", *lines: str) -> str:
    """Return the time of a series on a day, moved to another day and other hours."""
    return series("", f"RECURRENCE-ID;{CHICAGO}:{day}T090000", *lines, day=to, hours=hours)


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", "11-30 12-01 12-02"),
        ("FREQ=DAILY;INTERVAL=2;COUNT=3", "11-30 12-02 12-04"),
        ("FREQ=DAILY;UNTIL=20261202T150000Z", "11-30 12-01 12-02"),
        ("FREQ=DAILY;UNTIL=20261202T145959Z", "11-30 12-01"),
        ("FREQ=DAILY;UNTIL=20261202T090000", "11-30 12-01 12-02"),
        ("FREQ=DAILY;UNTIL=20261202", "11-30 12-01 12-02"),
        ("FREQ=WEEKLY;COUNT=3", "11-30 12-07 12-14"),
        ("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", "11-30 12-02 12-07"),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO;COUNT=4", "11-30 12-13 12-14 12-27"),
        ("FREQ=MONTHLY;COUNT=3", "11-30 12-30 01-30"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "11-30 12-31 01-31 02-28"),
        ("FREQ=MONTHLY;BYDAY=2TU;COUNT=3", "11-30 12-08 01-12 02-09"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "11-30 12-31 01-29"),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=-1FR", "11-30 12-25"),
        ("FREQ=YEARLY;BYYEARDAY=1,40", "11-30 01-01 02-09"),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO", "11-30 12-28"),
        ("freq=weekly;count=2;", "11-30 12-07"),
        ("FREQ=DAILY;COUNT=2;X-OTHER=1", "11-30 12-01"),
        ("FREQ=MINUTELY;INTERVAL=1440;COUNT=2", "11-30 12-01"),
        ("FREQ=HOURLY;INTERVAL=24;COUNT=2", "11-30 12-01"),
        ("FREQ=HOURLY;BYHOUR=9;COUNT=2", "11-30 12-01"),
        ("FREQ=HOURLY;BYHOUR=9;BYDAY=FR;COUNT=2", "11-30 12-04 12-11"),
        ("FREQ=SECONDLY;INTERVAL=86400;COUNT=2", "11-30 12-01"),
    ],
)  # fmt: skip
def test_a_rule_is_followed(rule: str, expected: str) -> None:
    assert days(series(rule)) == expected


def test_a_rule_without_end_fills_the_window() -> None:
    assert len(local(series("FREQ=DAILY"))) == 119
    assert len(local(series("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", day="19800107"))) == 85


@pytest.mark.parametrize(
    ("rule", "day", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=30", "20000101", "12-10 01-09 02-08 03-10"),
        ("FREQ=DAILY;COUNT=9840", "20000101", "11-29 11-30 12-01 12-02 12-03 12-04 12-05 12-06 12-07 12-08 12-09"),
        ("FREQ=WEEKLY;INTERVAL=8;BYDAY=MO,SA", "20000103", "12-28 01-02 02-22 02-27"),
        ("FREQ=MONTHLY;INTERVAL=5", "20010215", "12-15"),
        ("FREQ=MONTHLY;BYDAY=-1SA", "19990130", "12-26 01-30 02-27 03-27"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "19990131", "12-31 01-31"),
        ("FREQ=YEARLY;INTERVAL=2", "20010215", "02-15"),
        ("FREQ=YEARLY;INTERVAL=3", "20010215", ""),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=3MO", "19860120", "01-18"),
        ("FREQ=YEARLY", "19600229", ""),
        ("FREQ=HOURLY;INTERVAL=960", "20200101", "01-04 02-13 03-25"),
        ("FREQ=MINUTELY;INTERVAL=57600", "20200101", "01-04 02-13 03-25"),
    ],
)  # fmt: skip
def test_an_old_series_keeps_its_rhythm(rule: str, day: str, expected: str) -> None:
    assert days(series(rule, day=day)) == expected


def test_several_rules_are_added() -> None:
    assert days(series("FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=DAILY;COUNT=2")) == "11-30 12-01 12-07"


def test_a_series_keeps_its_hour_when_the_clocks_change() -> None:
    assert days(series("FREQ=WEEKLY;BYDAY=SU;COUNT=3", day="20270307"), "2027-03-01") == "03-07 03-14 03-21"
    assert days(series("FREQ=WEEKLY;BYDAY=SU;COUNT=3", day="20261025"), "2026-10-20") == "10-25 11-01 11-08"


def test_a_series_in_utc_follows_utc() -> None:
    text = event("RRULE:FREQ=WEEKLY;COUNT=2", start="DTSTART:20270308T150000Z", end="DTEND:20270308T160000Z")
    assert local(text, window("2027-03-01")) == ["03-08 09:00-10:00", "03-15 10:00-11:00"]


def test_a_series_of_days_blocks_local_days() -> None:
    text = event("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20270314", start="DTSTART;VALUE=DATE:20270313", end="")
    assert local(text, window("2027-03-01")) == ["03-13 00:00-03-14 00:00", "03-15 00:00-03-16 00:00"]


@pytest.mark.parametrize("until", ["20270315", "20270315T050000Z", "20270314T130000Z"])
def test_the_end_of_a_series_of_days_may_be_a_time(until: str) -> None:
    """The last one is how a calendar in Sydney writes the end of 15 March."""
    zone = ZoneInfo("Australia/Sydney") if until.endswith("T130000Z") else ZoneInfo("America/Chicago")
    text = event(f"RRULE:FREQ=DAILY;UNTIL={until}", start="DTSTART;VALUE=DATE:20270314", end="")
    assert len(local(text, window("2027-03-01", zone=zone))) == 2


def test_a_long_time_of_a_series_began_before_the_window() -> None:
    text = event("RRULE:FREQ=MONTHLY", start="DTSTART;VALUE=DATE:20250125", end="DTEND;VALUE=DATE:20250205")
    assert local(text, window("2026-12-01", days=3)) == ["11-25 00:00-12-06 00:00"]


def test_a_night_shift_across_the_change_of_clocks() -> None:
    text = series("FREQ=DAILY;COUNT=3", hours="T220000,T235900", day="20270312")
    text = text.replace("DTEND;TZID=America/Chicago:20270312T235900", "DTEND;TZID=America/Chicago:20270313T060000")
    assert local(text, window("2027-03-01")) == [
        "03-12 22:00-03-13 06:00", "03-13 22:00-03-14 06:00", "03-14 22:00-03-15 06:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rule", ["FREQ=SOMETIMES", "", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYHOUR=noon", "COUNT=3",
             "FREQ=DAILY;BYDAY=0MO", "FREQ=YEARLY;BYMONTHDAY=0", "RSCALE=HEBREW;FREQ=YEARLY", "FREQ=DAILY" + ";X=1" * 2000]
)  # fmt: skip
def test_a_broken_rule_blocks_once_and_is_noted(rule: str) -> None:
    found = read(event(f"RRULE:{rule}", start="DTSTART:20261201T150000Z"))
    assert len(found.busy["1"]) == 1
    assert found.notes == ("1 event with a repetition that cannot be read: only its first time blocks.",)
    assert read(event(f"RRULE:{rule}", "TRANSP:TRANSPARENT")).notes == ()


@pytest.mark.parametrize(
    "part", ["INTERVAL=0", "INTERVAL=-1", "COUNT=0", "COUNT=-5", "COUNT=x", "UNTIL=never", "INTERVAL=1.5"]
)
def test_a_broken_limit_of_a_rule_is_ignored(part: str) -> None:
    assert len(local(series(f"FREQ=DAILY;{part}"))) == 119


@pytest.mark.parametrize(
    "rule",
    ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
     "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=3", "FREQ=HOURLY;INTERVAL=2;BYHOUR=10", "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
     "FREQ=DAILY;BYSETPOS=5", "FREQ=DAILY;COUNT=3;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;INTERVAL=168;BYDAY=TU"],
)  # fmt: skip
def test_a_rule_that_never_comes_true_ends(rule: str) -> None:
    assert days(series(rule)) == "11-30"


# --- dates and exclusions --------------------------------------------------------------------------------------------


def test_dates_are_added() -> None:
    text = series(
        "FREQ=WEEKLY;COUNT=2",
        f"RDATE;{CHICAGO}:20261202T090000,20261203T090000,rubbish",
        "RDATE:20261204T150000Z",
        f"RDATE;{CHICAGO}:20261130T090000",
    )
    assert days(text) == "11-30 12-02 12-03 12-04 12-07"


def test_a_series_may_be_of_dates_only() -> None:
    assert days(series("", f"RDATE;{CHICAGO}:20261202T090000")) == "11-30 12-02"
    text = event("RDATE;VALUE=DATE:20261210", start="DTSTART;VALUE=DATE:20261201", end="")
    assert local(text) == ["12-01 00:00-12-02 00:00", "12-10 00:00-12-11 00:00"]


def test_dates_may_be_periods() -> None:
    text = series(
        "", "RDATE;VALUE=PERIOD:20261202T150000Z/20261202T153000Z,20261203T150000Z/PT2H,20261204T150000Z/PT0S"
    )
    assert local(text) == [
        "11-30 09:00-10:00", "12-02 09:00-09:30", "12-03 09:00-11:00", "12-04 09:00-10:00",
    ]  # fmt: skip


def test_a_long_period_began_before_the_window() -> None:
    text = series("", "RDATE;VALUE=PERIOD:20261120T150000Z/P20D", day="20261101")
    assert local(text, window("2026-12-01")) == ["11-20 09:00-12-10 09:00"]


@pytest.mark.parametrize(
    "line",
    [f"EXDATE;{CHICAGO}:20261201T090000", "EXDATE:20261201T150000Z", "EXDATE;TZID=America/New_York:20261201T100000",
     "EXDATE;VALUE=DATE:20261201", "EXDATE:20261201", f"EXDATE;{CHICAGO}:20261201T090000,rubbish,20270101T090000",
     'EXDATE;TZID="Central Standard Time":20261201T090000', "EXDATE:20261201T090000"],
)  # fmt: skip
def test_an_excluded_time_does_not_block(line: str) -> None:
    assert days(series("FREQ=DAILY;COUNT=3", line)) == "11-30 12-02"


@pytest.mark.parametrize(
    "line", [f"EXDATE;{CHICAGO}:20261201T100000", "EXDATE:20261201T090000Z", "EXDATE:", "EXDATE:rubbish"]
)
def test_another_excluded_time_excludes_nothing(line: str) -> None:
    assert days(series("FREQ=DAILY;COUNT=3", line)) == "11-30 12-01 12-02"


def test_an_excluded_hour_excludes_no_other() -> None:
    times = local(series("FREQ=HOURLY;COUNT=24", f"EXDATE;{CHICAGO}:20261130T150000", hours="T000000,T003000"))
    assert len(times) == 23
    assert "11-30 15:00-15:30" not in times
    assert "11-30 09:00-09:30" in times  # 15:00 UTC


@pytest.mark.parametrize(
    "line", ["EXDATE;VALUE=DATE:20261202", "EXDATE:20261202T060000Z", f"EXDATE;{CHICAGO}:20261202T000000"]
)
def test_a_day_of_a_series_of_days_is_excluded(line: str) -> None:
    text = event("RRULE:FREQ=DAILY;COUNT=2", line, start="DTSTART;VALUE=DATE:20261201", end="")
    assert local(text) == ["12-01 00:00-12-02 00:00"]


# --- times that were moved, deleted, changed -------------------------------------------------------------------------


def test_a_moved_time_blocks_where_it_is_now() -> None:
    text = calendar(series("FREQ=DAILY;COUNT=3"), moved("20261201", "20261210"))
    assert local(text) == ["11-30 09:00-10:00", "12-02 09:00-10:00", "12-10 14:00-15:00"]
    assert local(calendar(moved("20261201", "20261210"), series("FREQ=DAILY;COUNT=3"))) == local(text)


def test_a_time_moved_into_the_window_blocks() -> None:
    text = calendar(series("FREQ=DAILY;COUNT=3", day="20260601"), moved("20260602", "20261210"))
    assert local(text) == ["12-10 14:00-15:00"]
    assert local(calendar(series("FREQ=DAILY;COUNT=999"), moved("20270601", "20261210")))[10] == "12-10 09:00-10:00"
    assert "12-10 14:00-15:00" in local(calendar(series("FREQ=DAILY;COUNT=999"), moved("20270601", "20261210")))


def test_a_time_moved_out_of_the_window_is_free() -> None:
    text = calendar(series("FREQ=DAILY;COUNT=3"), moved("20261201", "20280101"))
    assert days(text) == "11-30 12-02"


def test_a_cancelled_time_is_free() -> None:
    assert (
        days(
            calendar(series("FREQ=DAILY;COUNT=3"), moved("20261201", "20261201", "T090000,T100000", "STATUS:CANCELLED"))
        )
        == "11-30 12-02"
    )
    assert (
        days(
            calendar(
                series("FREQ=DAILY;COUNT=3"), moved("20261201", "20261201", "T090000,T100000", "TRANSP:TRANSPARENT")
            )
        )
        == "11-30 12-02"
    )


@pytest.mark.parametrize(
    "identifier",
    ["RECURRENCE-ID:20261201T150000Z", "RECURRENCE-ID;TZID=America/New_York:20261201T100000", "RECURRENCE-ID;VALUE=DATE:20261201",
     "RECURRENCE-ID:20261201T090000", "RECURRENCE-ID;TZID=Central Standard Time:20261201T090000"],
)  # fmt: skip
def test_a_replaced_time_is_found_on_any_clock(identifier: str) -> None:
    text = calendar(series("FREQ=DAILY;COUNT=3"), series("", identifier, hours="T140000,T150000", day="20261201"))
    assert local(text) == ["11-30 09:00-10:00", "12-01 14:00-15:00", "12-02 09:00-10:00"]


def test_a_moved_time_across_the_change_of_clocks() -> None:
    text = calendar(
        series("FREQ=WEEKLY;COUNT=4", day="20270301"),
        moved("20270315", "20270316", "T090000,T100000"),
        moved("20270322", "20270322", "T090000,T100000", "STATUS:CANCELLED"),
    )
    assert days(text, "2027-03-01") == "03-01 03-08 03-16"


def test_an_exception_without_its_series_blocks() -> None:
    assert local(moved("20261201", "20261210")) == ["12-10 14:00-15:00"]
    text = moved("20261201", "20261210").replace("RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;")
    assert local(text) == ["12-10 14:00-15:00"]


def test_an_exception_that_is_also_excluded_blocks() -> None:
    text = calendar(series("FREQ=DAILY;COUNT=3", f"EXDATE;{CHICAGO}:20261201T090000"), moved("20261201", "20261210"))
    assert "12-10 14:00-15:00" in local(text)


def test_an_unreadable_exception_leaves_the_time_of_the_series() -> None:
    broken = moved("20261201", "20261210").replace("DTSTART;TZID=America/Chicago:20261210T140000", "DTSTART:soon")
    found = read(calendar(series("FREQ=DAILY;COUNT=3"), broken))
    assert len(found.busy["1"]) == 3
    assert found.notes == ("1 event with a time that cannot be read: it does not block.",)


def test_the_newest_revision_of_an_exception_counts() -> None:
    older = moved("20261201", "20261210", "T140000,T150000", "SEQUENCE:1")
    newer = moved("20261201", "20261211", "T140000,T150000", "SEQUENCE:2")
    for texts in ([older, newer], [newer, older]):
        assert local(calendar(series("FREQ=DAILY;COUNT=2", "SEQUENCE:7"), *texts)) == [
            "11-30 09:00-10:00",
            "12-11 14:00-15:00",
        ]


def test_the_newest_revision_of_a_series_counts() -> None:
    texts = [series("FREQ=DAILY;COUNT=3", "SEQUENCE:1"), series("FREQ=DAILY;COUNT=2", "SEQUENCE:2")]
    assert days(calendar(*texts)) == "11-30 12-01"
    assert days(calendar(*reversed(texts))) == "11-30 12-01"


def test_events_that_share_a_uid_all_block() -> None:
    assert (
        days(calendar(series(""), series("", day="20261205"), series("FREQ=DAILY;COUNT=2", day="20261210")))
        == "11-30 12-05 12-10 12-11"
    )


def test_an_exception_that_repeats_blocks_each_time() -> None:
    text = moved("20261201", "20261210", "T090000,T100000", "RRULE:FREQ=DAILY;COUNT=2")
    assert days(calendar(series("FREQ=DAILY;COUNT=3"), text)) == "11-30 12-02 12-10 12-11"


def following(day: str, to: str, hours: str = "T140000,T153000", *lines: str) -> str:
    """Return a change of a time and all after it."""
    return moved(day, to, hours, *lines).replace("RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;")


def test_this_and_following_times_are_moved() -> None:
    text = calendar(series("FREQ=WEEKLY;COUNT=4"), following("20261214", "20261215"))
    assert local(text) == ["11-30 09:00-10:00", "12-07 09:00-10:00", "12-15 14:00-15:30", "12-22 14:00-15:30"]


def test_this_and_following_times_are_cancelled() -> None:
    text = calendar(
        series("FREQ=WEEKLY;COUNT=4"), following("20261214", "20261214", "T090000,T100000", "STATUS:CANCELLED")
    )
    assert days(text) == "11-30 12-07"


def test_following_times_are_changed_twice() -> None:
    text = calendar(
        series("FREQ=WEEKLY;COUNT=4"), following("20261221", "20261221", "T160000,T170000"), following("20261207", "20261208"),
    )  # fmt: skip
    assert local(text) == ["11-30 09:00-10:00", "12-08 14:00-15:30", "12-15 14:00-15:30", "12-21 16:00-17:00"]


def test_one_of_the_following_times_is_moved_again() -> None:
    text = calendar(
        series("FREQ=WEEKLY;COUNT=4"),
        following("20261207", "20261208"),
        moved("20261214", "20261216", "T080000,T083000"),
    )
    assert local(text) == ["11-30 09:00-10:00", "12-08 14:00-15:30", "12-16 08:00-08:30", "12-22 14:00-15:30"]


def test_following_times_of_a_series_of_days() -> None:
    day = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:{}\n{}\nEND:VEVENT"
    text = calendar(
        day.format("20261201", "RRULE:FREQ=WEEKLY;COUNT=3"),
        day.format("20261209", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20261208\nDURATION:P2D"),
    )
    assert local(text) == ["12-01 00:00-12-02 00:00", "12-09 00:00-12-11 00:00", "12-16 00:00-12-18 00:00"]
