"""When single events are: dates, times, durations, ends that are missing or wrong."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from tests.calendars.icalendar_data.samples import CHICAGO, busy, calendar, event, local, read, window


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("DTSTART:20261201T150000Z", "DTEND:20261201T160000Z", "12-01 09:00-10:00"),
        ("DTSTART:20261201T150000z", "DTEND:20261201T1600Z", "12-01 09:00-10:00"),
        ("DTSTART;TZID=America/New_York:20261201T100000", "DTEND;TZID=America/Los_Angeles:20261201T080000", "12-01 09:00-10:00"),
        ('DTSTART;TZID="America/New_York":20261201T100000', "DURATION:PT1H", "12-01 09:00-10:00"),
        ("DTSTART;VALUE=DATE-TIME;TZID=America/New_York:20261201T100000", "DURATION:PT1H", "12-01 09:00-10:00"),
        ("dtstart;tzid=america/new_york:20261201T100000", "duration:pt1h", "12-01 09:00-10:00"),
        ("DTSTART:20261201T090000", "DTEND:20261201T100000", "12-01 09:00-10:00"),
        ("DTSTART:20261201T150060Z", "DTEND:20261201T160000Z", "12-01 09:00-10:00"),
        ("DTSTART:20261201T150000Z", "DURATION:P1DT2H30M", "12-01 09:00-12-02 11:30"),
        ("DTSTART:20261201T150000Z", "DURATION:P1W", "12-01 09:00-12-08 09:00"),
        ("DTSTART:20261201T150000Z", "DURATION:+PT90M", "12-01 09:00-10:30"),
        ("DTSTART:20261201T150000Z", "DURATION:-PT1H", "12-01 08:00-09:00"),
        ("DTSTART:20261201T160000Z", "DTEND:20261201T150000Z", "12-01 09:00-10:00"),
        ("DTSTART:20261201T200000", "DTEND:20261201T240000", "12-01 20:00-12-02 00:00"),
        ("DTSTART:20261231T2200", "DTEND:20261231T2400", "12-31 22:00-01-01 00:00"),
        ("DTSTART:20261201T240000", "DURATION:PT1H", "12-02 00:00-01:00"),
        ("DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261203", "12-01 00:00-12-03 00:00"),
        ("DTSTART;VALUE=DATE:20261201", "", "12-01 00:00-12-02 00:00"),
        ("DTSTART:20261201", "", "12-01 00:00-12-02 00:00"),
        ("DTSTART;VALUE=DATE;TZID=Asia/Tokyo:20261201", "", "12-01 00:00-12-02 00:00"),
        ("DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261201", "12-01 00:00-12-02 00:00"),
        ("DTSTART;VALUE=DATE:20261201", "DURATION:P2D", "12-01 00:00-12-03 00:00"),
        ("DTSTART;VALUE=DATE:20261201", "DTEND:20261202T180000Z", "12-01 00:00-12-03 00:00"),
        ("DTSTART;VALUE=DATE:20261203", "DTEND;VALUE=DATE:20261201", "12-01 00:00-12-03 00:00"),
        ("DTSTART:20261201T150000Z", "DTEND;VALUE=DATE:20261203", "12-01 09:00-12-03 00:00"),
    ],
)  # fmt: skip
def test_a_time_is_read(start: str, end: str, expected: str) -> None:
    assert local(event(start=start, end=end)) == [expected]


@pytest.mark.parametrize(
    "end", ["", "DTEND:20261201T150000Z", "DURATION:PT0S", "DTEND;TZID=America/Chicago:20261201T090000"]
)
def test_an_event_without_length_does_not_block(end: str) -> None:
    assert local(event(end=end)) == []


@pytest.mark.parametrize(
    "end", ["DTEND:tomorrow", "DTEND:20261399T000000Z", "DURATION:P", "DURATION:an hour", "DURATION:P999999W", "DTEND:"]
)
def test_an_unreadable_end_blocks_for_a_day(end: str) -> None:
    found = read(event(end=end))
    assert [f"{time.start:%m%d%H}-{time.end:%m%d%H}" for time in found.busy["1"]] == ["120115-120215"]
    assert found.notes == ("1 event with an end that cannot be read, so it blocks 24 hours.",)


@pytest.mark.parametrize(
    "start",
    ["", "DTSTART:", "DTSTART:today", "DTSTART:20261301T000000Z", "DTSTART:00000101T000000Z", "DTSTART:20261201T250000Z",
     "DTSTART:2026-12-01T15:00:00Z", "DTSTART:20260231", "DTSTART:٢٠٢٦١٢٠١"],
)  # fmt: skip
def test_an_unreadable_start_is_noted(start: str) -> None:
    found = read(calendar(event(start=start), event(uid="2")))
    assert list(found.busy) == ["2"]
    assert found.notes == ("1 event with a time that cannot be read: it does not block.",)


@pytest.mark.parametrize(
    ("start", "end"),
    [("DTSTART:00010101T000000Z", "DTEND:00010101T010000Z"), ("DTSTART:99991231T230000", "DURATION:P9D"),
     ("DTSTART;TZID=Asia/Tokyo:00010101T000000", "DTEND;TZID=Asia/Tokyo:00010101T010000"),
     ("DTSTART;TZID=Nowhere:00010101T000000", "DURATION:PT1H"), ("DTSTART;VALUE=DATE:99991231", ""),
     ("DTSTART;TZID=America/Chicago:99991231T235900", "DTEND;TZID=America/Chicago:99991231T235959")],
)  # fmt: skip
@pytest.mark.parametrize("rule", ["", "RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=WEEKLY;UNTIL=00010201T000000Z"])
def test_absurd_years_break_nothing(start: str, end: str, rule: str) -> None:
    assert list(read(calendar(event(rule, start=start, end=end), event(uid="2"))).busy) == ["2"]


def test_a_long_event_that_began_before_blocks() -> None:
    assert local(event(start="DTSTART:20261101T150000Z", end="DTEND:20261210T150000Z")) == ["11-01 09:00-12-10 09:00"]
    assert len(local(event(start="DTSTART;VALUE=DATE:19700101", end="DTEND;VALUE=DATE:20990101"))) == 1


def test_events_outside_the_window_are_left_out() -> None:
    of = window("2026-12-01", days=1)
    assert local(event(start="DTSTART:20261130T230000Z", end="DTEND:20261201T000000Z"), of) == []
    assert local(event(start="DTSTART:20261130T230000Z", end="DTEND:20261201T000001Z"), of) != []
    assert local(event(start="DTSTART:20261202T000000Z", end="DTEND:20261202T010000Z"), of) == []
    assert local(event(start="DTSTART:20261201T235959Z", end="DTEND:20261202T010000Z"), of) != []


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("America/Chicago", "20270314", 23), ("America/Chicago", "20261101", 25), ("Asia/Tokyo", "20270314", 24),
     ("Pacific/Auckland", "20270404", 25)],
)  # fmt: skip
def test_an_all_day_event_blocks_the_local_day(zone: str, day: str, hours: int) -> None:
    of = window("2026-10-01", days=300, zone=ZoneInfo(zone))
    (time,) = busy(event(start=f"DTSTART;VALUE=DATE:{day}", end=""), of)
    assert f"{time.start.astimezone(of.zone):%Y%m%d %H:%M}" == f"{day} 00:00"
    assert (time.end - time.start).total_seconds() == hours * 3600


def test_an_all_day_event_of_outlook_blocks_the_local_day() -> None:
    of = window(zone=ZoneInfo("America/New_York"))
    marked = event(
        "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
        start="DTSTART;TZID=Pacific Standard Time:20261201T000000",
        end="DTEND;TZID=Pacific Standard Time:20261202T000000",
    )
    assert local(marked, of) == ["12-01 00:00-12-02 00:00"]
    assert local(marked.replace("TRUE", "FALSE"), of) == ["12-01 03:00-12-02 03:00"]


def test_times_without_zone_follow_the_calendar() -> None:
    floating = event(start="DTSTART:20261201T100000", end="DTEND:20261201T110000")
    assert local(calendar(floating)) == ["12-01 10:00-11:00"]
    assert local(calendar(floating, head="X-WR-TIMEZONE:America/New_York")) == ["12-01 09:00-10:00"]
    assert local(calendar(floating, head="X-WR-TIMEZONE:Eastern Standard Time")) == ["12-01 09:00-10:00"]
    assert local(calendar(floating, head="X-WR-TIMEZONE:Nowhere/Land")) == ["12-01 10:00-11:00"]


def test_dates_follow_the_agent_not_the_calendar() -> None:
    day = event(start="DTSTART;VALUE=DATE:20261201", end="")
    assert local(calendar(day, head="X-WR-TIMEZONE:Asia/Tokyo")) == ["12-01 00:00-12-02 00:00"]


def test_a_time_that_the_clocks_skip_or_repeat_is_read() -> None:
    of = window("2026-10-01", days=300)
    skipped = event(
        start="DTSTART;TZID=America/Chicago:20270314T023000", end="DTEND;TZID=America/Chicago:20270314T033000"
    )
    assert [(f"{time.start:%H:%M}", f"{time.end:%H:%M}") for time in busy(skipped, of)] == [("08:30", "09:30")]
    repeated = event(
        start="DTSTART;TZID=America/Chicago:20261101T013000", end="DTEND;TZID=America/Chicago:20261101T023000"
    )
    (time,) = busy(repeated, of)
    assert (f"{time.start:%H:%M}", f"{time.end:%H:%M}") == ("06:30", "08:30")
    assert time.start.astimezone(CHICAGO).fold == 0
